/* SPDX-License-Identifier: ISC
 *
 * How a daemon heeds the drain file (base/drain): it looks once a second, says
 * in the log what comes of it and in its counters' file where it stands. */
#ifndef CMD_DRAIN_H
#define CMD_DRAIN_H

#include "base/drain.h"
#include "base/stat.h"

struct heed {
	struct drainer drainer;
	struct stats *stats; /* borrowed */
	bool drained;        /* nothing ran once since it was bound */
};

/* Early: what is asked for after it binds this program. */
void heed_init(struct heed *, const char *path, struct stats *);
/* Before ready and each second; certified as in base/drain.  What changed is
 * logged. */
enum drain_news heed_look(struct heed *, bool certified, msec now);
/* Serving, draining, or drained as soon as nothing is busy. */
void heed_phase(struct heed *, bool busy);
bool heed_draining(const struct heed *);

#endif
