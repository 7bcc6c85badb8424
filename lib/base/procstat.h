/* SPDX-License-Identifier: ISC
 *
 * What a process uses, told by itself among its counters: programs of other
 * users may not look.  Opened before a sandbox is entered, it works within. */
#ifndef BASE_PROCSTAT_H
#define BASE_PROCSTAT_H

#include "base/stat.h"

/* The last rows of a program's table. */
#define PROCSTAT_ROW(kind, name, prog, help)                                   \
	{                                                                      \
		STAT_##kind, "kn_process_" name, "program=\"" prog "\"", help  \
	}
#define PROCSTAT_ROWS(prog)                                                    \
	PROCSTAT_ROW(GAUGE, "resident_bytes", prog, "memory in use"),          \
	    PROCSTAT_ROW(GAUGE, "open_fds", prog, "descriptors in use"),       \
	    PROCSTAT_ROW(GAUGE, "max_fds", prog, "the most descriptors"),      \
	    PROCSTAT_ROW(COUNTER, "cpu_milliseconds_total", prog,              \
		"processor time used")
enum { PROCSTAT_N = 4 };

struct procstat;

struct procstat *procstat_open(void);
void procstat_free(struct procstat *); /* NULL: nothing */
/* Set the rows from first on, unless that was done in this second.  What cannot
 * be known is 0.  Descriptors are counted each ten seconds only, as there can
 * be many. */
void procstat_publish(
    struct procstat *, struct stats *, size_t first, msec now);

#endif
