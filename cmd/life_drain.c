/* SPDX-License-Identifier: ISC
 *
 * Apart from life.c, as kn-signd and kn-metrics heed no drain. */
#include "cmd/life.h"
#include "base/log.h"

void
life_bind(struct life *l, const struct node_conf *conf)
{
	drainer_init(&l->drainer, conf->node.drain_path, msec_now());
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
