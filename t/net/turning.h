/* SPDX-License-Identifier: ISC
 *
 * A loop that a test turns until somebody stops it, or too long.  The includer
 * defines TOO_LONG, in milliseconds, before. */
#ifndef T_NET_TURNING_H
#define T_NET_TURNING_H

#include "net/loop.h"

static struct loop *loop;

static inline void
too_long(void *arg)
{
	(void)arg;
	loop_stop(loop, 99);
}

/* Until somebody calls loop_stop: its code, or 99. */
static inline int
run(void)
{
	struct timer *t = timer_new(loop, too_long, NULL);
	int code;

	timer_at(t, msec_now() + TOO_LONG);
	code = loop_run(loop);
	timer_free(t);
	return code;
}

#endif
