/* SPDX-License-Identifier: ISC
 *
 * Inbound handshakes a second: so many dialers, so many at a time, each from
 * the connect to the node's first stream, from one core against a node on
 * another.  Prints {"rate":…,"node_us":…,"client_us":…}: handshakes a second of
 * wall time, and microseconds of processor time that one costs each side. */
#include "t/bench/crowd.h"

/* utime and stime of a process, in clock ticks (proc(5)). */
static unsigned long
ticks(pid_t pid)
{
	char path[64], line[1024], *at;
	unsigned long user = 0, sys = 0;
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (f == NULL)
		crowd_die(path, strerror(errno));
	n = fread(line, 1, sizeof line - 1, f);
	fclose(f);
	line[n] = 0;
	/* the second field may hold anything but ends with the last ) */
	at = strrchr(line, ')');
	if (at == NULL || sscanf(at + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s "
	    "%*s %*s %lu %lu", &user, &sys) != 2)
		crowd_die(path, "cannot be read");
	return user + sys;
}

static double
own_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
run(struct crowd *c, size_t parallel)
{
	struct member *who[CROWD_EVENTS];
	size_t dialed = 0, ended = 0;

	while (ended < c->n) {
		size_t n;

		for (; dialed < c->n && dialed - ended < parallel; dialed++)
			crowd_dial(c, &c->all[dialed]);
		n = crowd_wait(c, CROWD_TIMEOUT, true, who);
		for (size_t i = 0; i < n; i++) {
			if (!who[i]->greeted)
				continue;
			crowd_end(who[i]);
			ended++;
		}
	}
}

int
main(int argc, char **argv)
{
	struct crowd c;
	double begin, own, wall;
	unsigned long before;
	size_t n, parallel;
	pid_t node;

	if (argc != 5) {
		fputs("usage: handshakes ADDR PID N PARALLEL\n", stderr);
		return 100;
	}
	node = (pid_t)atoi(argv[2]);
	n = strtoul(argv[3], NULL, 10);
	parallel = strtoul(argv[4], NULL, 10);
	crowd_pin(node);
	crowd_init(&c, argv[1], n);
	before = ticks(node);
	own = own_seconds();
	begin = crowd_seconds();
	run(&c, parallel);
	wall = crowd_seconds() - begin;
	own = own_seconds() - own;
	printf("{\"rate\":%.0f,\"node_us\":%.0f,\"client_us\":%.0f}\n",
	    (double)n / wall, (double)(ticks(node) - before) * 1e6 /
	    (double)sysconf(_SC_CLK_TCK) / (double)n, own * 1e6 / (double)n);
	crowd_free(&c);
	return 0;
}
