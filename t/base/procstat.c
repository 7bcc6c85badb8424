/* SPDX-License-Identifier: ISC */
#include "base/procstat.h"
#include "base/jail.h"
#include "t/tap.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { RESIDENT = 1, OPEN, MAX, CPU, ROWS };

static const struct stat_row rows[ROWS] = {
	{ STAT_COUNTER, "kn_test_total", "", "ours" },
	PROCSTAT_ROWS("kn-test"),
};

static void
burn(void)
{
	volatile unsigned x = 0;

	for (unsigned i = 0; i < 100000000; i++)
		x += i;
}

static void
test_rows(struct procstat *p, struct stats *s, msec at)
{
	const size_t megabytes = 16 << 20;
	uint64_t before, open_before;
	struct rlimit r;
	volatile char *big;
	int fd;

	getrlimit(RLIMIT_NOFILE, &r);
	stat_set(s, 0, 42);
	procstat_publish(p, s, RESIDENT, at + 10000);
	before = stat_get(s, RESIDENT);
	open_before = stat_get(s, OPEN);
	ok(before > 100000 && before < UINT64_C(1) << 40, "memory");
	ok(open_before >= 5, "descriptors");
	is_int(stat_get(s, MAX), r.rlim_cur, "the most of them");
	big = malloc(megabytes);
	for (size_t i = 0; i < megabytes; i += 4096)
		big[i] = 1;
	fd = dup(0);
	burn();
	procstat_publish(p, s, RESIDENT, at + 19000);
	ok(stat_get(s, RESIDENT) >= before + megabytes / 2, "more memory");
	is_int(stat_get(s, OPEN), open_before, "descriptors are not counted");
	stat_set(s, MAX, 0);
	procstat_publish(p, s, RESIDENT, at + 19100);
	is_int(stat_get(s, MAX), 0, "nothing twice in a second");
	procstat_publish(p, s, RESIDENT, at + 20000);
	is_int(stat_get(s, OPEN), open_before + 1, "and then are");
	ok(stat_get(s, CPU) >= 10, "processor time");
	is_int(stat_get(s, 0), 42, "other rows stay");
	close(fd);
	free((char *)(uintptr_t)big);
}

int
main(void)
{
	struct stats *s = stat_open(NULL, "kn-test", rows, ROWS);
	struct procstat *p = procstat_open();
#ifdef __SANITIZE_ADDRESS__
	/* where leaks are looked for */
	const struct jail_path proc = { "/proc", JAIL_READ, false };
	const struct jail jail = { &proc, 1, 0 };
#else
	const struct jail jail = { 0 };
#endif
	char line[JAIL_LINE];
	const char *why = "";

	test_rows(p, s, 0);
	ok(jail_enter(&jail, line, &why) == 0, "in a jail without files");
	test_rows(p, s, 100000);
	procstat_free(p);
	procstat_free(NULL);
	stat_close(s);
	return tap_done();
}
