/* SPDX-License-Identifier: ISC
 *
 * Counters in a mapped file, one row per metric and label set, so that
 * kn-metrics reads them without disturbing the daemon (kn-stat(5)).  Rows are
 * fixed at compile time: a peer can never make a new series.  A file opened by
 * a new process starts from zero under a new inode. */
#ifndef BASE_STAT_H
#define BASE_STAT_H

#include "base/msec.h"
#include "base/slice.h"
#include "base/table.h"

enum stat_kind { STAT_COUNTER, STAT_GAUGE };

/* Where a program stands, for kn-drain and for readiness. */
#define STAT_PHASES(P)                                                        \
	P(STAT_STARTING, "starting")                                          \
	P(STAT_MIGRATING, "migrating") /* its database; may take minutes */   \
	P(STAT_SERVING, "serving")                                            \
	P(STAT_DRAINING, "draining") /* takes nothing on, ends what runs */   \
	P(STAT_DRAINED, "drained")   /* nothing runs any more */              \
	P(STAT_STOPPING, "stopping") /* on its way to exit */
enum stat_phase { STAT_PHASES(TABLE_NAME) STAT_PHASE_N };

struct stat_row {
	enum stat_kind kind;
	const char *name;   /* kn_p2pd_refused_total; at most 63 bytes */
	const char *labels; /* reason="budget"; at most 63 bytes; "" for none */
	const char *help;   /* at most 127 bytes; same for rows of one name */
};

struct stats; /* a mapping; owns the file's memory */

/* path NULL: counters in plain memory, for tests and tools.  Texts are copied;
 * EINVAL: one is too long, or there are more than 4096 rows. */
struct stats *stat_open(const char *path, const char *prog,
    const struct stat_row *rows, size_t n); /* NULL with errno */
void stat_close(struct stats *); /* unmaps, leaves the file */

void stat_add(struct stats *, size_t row, uint64_t n);
void stat_set(struct stats *, size_t row, uint64_t value);
uint64_t stat_get(const struct stats *, size_t row);
/* The heartbeat: the loop turned at this time; so much is in flight. */
void stat_beat(struct stats *, msec now, uint64_t inflight);
/* STAT_STARTING until this is called. */
void stat_phase(struct stats *, enum stat_phase);
/* What holds the program, as one line (base/jail); cut at 95 bytes. */
void stat_sandbox(struct stats *, const char *line);

/* Reading side. */
struct stat_view {
	char prog[32], version[32], sandbox[96];
	enum stat_phase phase;
	uint64_t pid;
	msec started, beat; /* CLOCK_BOOTTIME */
	uint64_t inflight;
	size_t n;
	void *image; /* private */
	size_t bytes;
};
struct stat_value {
	enum stat_kind kind;
	char name[64], labels[64], help[128];
	uint64_t value;
};
/* The file as it is at this moment, in memory of its own: whoever writes it may
 * do with it what they like.  0, or -1 with errno; EBADMSG: not a whole
 * statistics file, a symbolic link, or no file at all. */
int stat_view(const char *path, struct stat_view *);
int stat_read(const struct stat_view *, size_t row, struct stat_value *);
void stat_unview(struct stat_view *);
const char *stat_phase_word(enum stat_phase);
/* May a program be called so, and its file?  kn- and small letters, digits and
 * dashes, at most 31 bytes: nothing that would be odd in a path, a label or on
 * a terminal. */
bool stat_is_program(const char *name);

#endif
