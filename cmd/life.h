/* SPDX-License-Identifier: ISC
 *
 * What the lives of all daemons have in common: the file of counters with its
 * phase and heartbeat, the drain file (base/drain), at which they look once a
 * second, and the signals. */
#ifndef CMD_LIFE_H
#define CMD_LIFE_H

#include "base/drain.h"
#include "base/procstat.h"
#include "cmd/node.h"
#include "net/loop.h"

struct life {
	struct stats *stats;
	struct procstat *process;
	size_t at_process; /* its rows are the last */
	uint64_t inflight; /* at the last heartbeat */
	struct drainer drainer;
	bool drained;  /* nothing ran once since it was bound */
	bool stopping; /* TERM has come */
	struct loop *loop;
	struct timer *late;
	msec patience;
	void (*term)(void *arg);
	void *arg;
};

/* Makes the file of counters, or ends the program.  The table ends with
 * PROCSTAT_ROWS. */
void life_begin(struct life *, const char *prog, const struct node_conf *conf,
    const struct stat_row *rows, size_t n);
void life_end(struct life *);
/* Each second: what the process uses, and the heartbeat. */
void life_beat(struct life *, msec now, uint64_t inflight);

/* Early: a drain that is asked for after it binds this program.  conf is
 * borrowed. */
void life_bind(struct life *, const struct node_conf *conf);
/* Before ready and each second; certified as in base/drain.  What changed is
 * logged. */
enum drain_news life_heed(struct life *, bool certified, msec now);
/* Serving, draining, or drained as soon as nothing is busy. */
void life_phase(struct life *, bool busy);
bool life_draining(const struct life *);

/* HUP calls hup.  The first TERM (or INT) calls term, and the loop stops at
 * life_over, but not later than after patience; a second one stops it at once.
 */
void life_signals(struct life *, struct loop *, msec patience,
    void (*hup)(void *arg, unsigned what), void (*term)(void *arg), void *arg);
/* Nothing is under way: if TERM has come, this is the end. */
void life_over(struct life *);

#endif
