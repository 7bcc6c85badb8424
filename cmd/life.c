/* SPDX-License-Identifier: ISC */
#include "cmd/life.h"
#include "base/log.h"
#include "cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>

void
life_begin(struct life *l, const char *prog, const struct node_conf *conf,
    const struct stat_row *rows, size_t n)
{
	char name[64], *path;

	snprintf(name, sizeof name, "stat/%s", prog);
	path = node_run_path(conf, name);
	*l = (struct life){ .at_process = n - PROCSTAT_N };
	l->stats = stat_open(path, prog, rows, n);
	if (l->stats == NULL)
		die(EXIT_SYSTEM, "cannot make the counters' file %s:", path);
	free(path);
	l->process = procstat_open();
	drainer_init(&l->drainer, conf->node.drain_path, msec_now());
}

void
life_end(struct life *l)
{
	procstat_free(l->process);
	stat_close(l->stats);
}

void
life_beat(struct life *l, msec now, uint64_t inflight)
{
	l->inflight = inflight;
	procstat_publish(l->process, l->stats, l->at_process, now);
	stat_beat(l->stats, now, inflight);
}

enum drain_news
life_heed(struct life *l, bool certified, msec now)
{
	const struct drainer *d = &l->drainer;
	enum drain_news news = drainer_look(&l->drainer, certified, now);

	if (news == DRAIN_BEGUN)
		log_info("drain", "bond=%s deadline_ms=%lld reason=%s",
		    drain_bond_word(d->bond),
		    d->due == MSEC_NEVER ? -1LL
		    : d->due > now       ? (long long)(d->due - now)
					 : 0LL,
		    log_q(slice_text(d->drain.reason)));
	if (news == DRAIN_OVER)
		log_info("drain.over", "why=%s", d->over);
	if (news != DRAIN_SAME)
		l->drained = false;
	return news;
}

void
life_phase(struct life *l, bool busy)
{
	if (!life_draining(l)) {
		stat_phase(l->stats, STAT_SERVING);
		return;
	}
	if (!l->drained && !busy) {
		l->drained = true;
		log_info(
		    "drained", "bond=%s", drain_bond_word(l->drainer.bond));
	}
	stat_phase(l->stats, l->drained ? STAT_DRAINED : STAT_DRAINING);
}

bool
life_draining(const struct life *l)
{
	return l->drainer.bond != DRAIN_FREE;
}
