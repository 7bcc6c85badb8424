/* SPDX-License-Identifier: ISC
 *
 * What an idle connection costs: so many dialers that identify and then rest.
 * Prints {"rest_kb":…,"full_kb":…,"each":…}: the node's resident memory before
 * and with all of them, and bytes for one.  What the kernel holds for a socket
 * is not in it. */
#include "t/bench/crowd.h"

enum { AT_ONCE = 32, SETTLE = 1500 };

static long
resident_kb(pid_t pid)
{
	char path[64], line[256];
	long kb = -1;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	if (f == NULL)
		crowd_die(path, strerror(errno));
	while (kb < 0 && fgets(line, sizeof line, f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kb = atol(line + 6);
	fclose(f);
	return kb;
}

/* Time for the node to let go of what the handshakes needed. */
static void
rest(struct crowd *c)
{
	struct member *who[CROWD_EVENTS];
	msec end = msec_now() + SETTLE;
	msec now;

	while ((now = msec_now()) < end)
		crowd_wait(c, (int)(end - now), false, who);
}

int
main(int argc, char **argv)
{
	struct member *who[CROWD_EVENTS];
	struct crowd c;
	long before, after;
	size_t n, dialed = 0;
	pid_t node;

	if (argc != 4) {
		fputs("usage: idle ADDR PID N\n", stderr);
		return 100;
	}
	node = (pid_t)atoi(argv[2]);
	n = strtoul(argv[3], NULL, 10);
	crowd_init(&c, argv[1], n);
	before = resident_kb(node);
	while (c.told < n) {
		for (; dialed < n && dialed - c.told < AT_ONCE; dialed++)
			crowd_dial(&c, &c.all[dialed]);
		crowd_wait(&c, CROWD_TIMEOUT, true, who);
	}
	rest(&c);
	after = resident_kb(node);
	printf("{\"rest_kb\":%ld,\"full_kb\":%ld,\"each\":%.0f}\n", before,
	    after, (double)(after - before) * 1024 / (double)n);
	crowd_free(&c);
	return 0;
}
