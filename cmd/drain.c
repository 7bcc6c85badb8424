/* SPDX-License-Identifier: ISC */
#include "cmd/drain.h"
#include "base/log.h"

void
heed_init(struct heed *h, const char *path, struct stats *stats)
{
	*h = (struct heed){ .stats = stats };
	drainer_init(&h->drainer, path, msec_now());
}

enum drain_news
heed_look(struct heed *h, bool certified, msec now)
{
	const struct drainer *d = &h->drainer;
	enum drain_news news = drainer_look(&h->drainer, certified, now);

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
		h->drained = false;
	return news;
}

void
heed_phase(struct heed *h, bool busy)
{
	if (!heed_draining(h)) {
		stat_phase(h->stats, STAT_SERVING);
		return;
	}
	if (!h->drained && !busy) {
		h->drained = true;
		log_info(
		    "drained", "bond=%s", drain_bond_word(h->drainer.bond));
	}
	stat_phase(h->stats, h->drained ? STAT_DRAINED : STAT_DRAINING);
}

bool
heed_draining(const struct heed *h)
{
	return h->drainer.bond != DRAIN_FREE;
}
