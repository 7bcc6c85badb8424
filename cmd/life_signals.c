/* SPDX-License-Identifier: ISC
 *
 * Apart from life.c, so that kn-signd gets along without a loop. */
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/life.h"

#include <signal.h>

static void
on_late(void *arg)
{
	struct life *l = arg;

	log_warn(
	    "drain.late", "inflight=%llu", (unsigned long long)l->inflight);
	loop_stop(l->loop, EXIT_YES);
}

static void
on_term(void *arg, unsigned what)
{
	struct life *l = arg;

	(void)what;
	if (l->stopping) {
		loop_stop(l->loop, EXIT_YES);
		return;
	}
	l->stopping = true;
	stat_phase(l->stats, STAT_STOPPING);
	if (l->patience != MSEC_NEVER)
		timer_at(l->late, loop_now(l->loop) + l->patience);
	l->term(l->arg);
}

void
life_signals(struct life *l, struct loop *loop, msec patience,
    void (*hup)(void *arg, unsigned what), void (*term)(void *arg), void *arg)
{
	l->loop = loop;
	l->patience = patience;
	l->term = term;
	l->arg = arg;
	l->late = timer_new(loop, on_late, l);
	loop_signal(loop, SIGTERM, on_term, l);
	loop_signal(loop, SIGINT, on_term, l);
	loop_signal(loop, SIGHUP, hup, arg);
}

void
life_over(struct life *l)
{
	if (l->stopping)
		loop_stop(l->loop, EXIT_YES);
}
