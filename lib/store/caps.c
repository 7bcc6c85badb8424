/* SPDX-License-Identifier: ISC */
#include "store/caps.h"

#include "store/nodedb_own.h"

#include <string.h>
#include <time.h>

static const struct caps_tier tiers[] = {
	{ "small", 20 * CAPS_GB, 100 * CAPS_GB },
	{ "medium", 50 * CAPS_GB, 300 * CAPS_GB },
	{ "large", 100 * CAPS_GB, 1000 * CAPS_GB },
	{ "free", UINT64_MAX, UINT64_MAX },
	{ "own", UINT64_MAX, UINT64_MAX },
	{ NULL, 0, 0 },
};

const struct caps_tier *
caps_tier(const char *name)
{
	for (const struct caps_tier *t = tiers; t->name; t++)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}

/* Will more bytes fit below cap, where used and reserved are there already and
 * give goes away? */
static bool
fits(uint64_t used, uint64_t reserved, uint64_t cap, uint64_t n, uint64_t give)
{
	uint64_t there = used + reserved;

	there -= give < used ? give : used;
	return there <= cap && n <= cap - there;
}

bool
caps_reserve(struct nodedb *db, struct tenant *t, uint64_t n, uint64_t give)
{
	uint64_t node = db->conf.node_cap ? db->conf.node_cap : UINT64_MAX;

	if (give > t->disk_used)
		give = t->disk_used;
	/* what does not grow is never refused */
	if (n > give &&
	    (!fits(t->disk_used, t->disk_reserved, t->disk_cap, n, give) ||
		!fits(db->used, db->reserved, node, n, give)))
		return false;
	nodedb_reserve(t, (int64_t)n);
	return true;
}

void
caps_release(struct tenant *t, uint64_t n)
{
	nodedb_reserve(
	    t, -(int64_t)(n < t->disk_reserved ? n : t->disk_reserved));
}

uint32_t
caps_period(int64_t now)
{
	time_t seconds = (time_t)(now / 1000);
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL)
		return 0;
	return (uint32_t)((tm.tm_year + 1900) * 100 + tm.tm_mon + 1);
}

static bool
near(uint64_t used, uint64_t cap)
{
	return used >= cap - cap / 10;
}

bool
caps_near(const struct tenant *t, int64_t now)
{
	return near(t->disk_used + t->disk_reserved, t->disk_cap) ||
	       (caps_period(now) <= t->period &&
		   near(t->egress_used + t->egress_leased, t->egress_cap));
}

/* Downloads that run over the turn of the month count for the new one. */
void
caps_month(struct tenant *t, int64_t now)
{
	uint32_t period = caps_period(now);

	if (period <= t->period)
		return;
	t->period = period;
	t->egress_used = 0;
	t->egress_written = t->egress_durable = 0;
	nodedb_touch(t->db, t);
}

/* What the file is to say before so much may leave: whole steps, so that not
 * each download waits for the disk. */
static void
write_ahead(struct tenant *t)
{
	uint64_t out = t->egress_used + t->egress_leased;
	uint64_t room = t->egress_cap > out ? t->egress_cap - out : 0;

	t->egress_written = out + (room < CAPS_STEP ? room : CAPS_STEP);
	nodedb_touch(t->db, t);
}

bool
caps_lease(
    struct nodedb *db, struct tenant *t, uint64_t n, int64_t now, bool *wait)
{
	uint64_t out;

	(void)db;
	caps_month(t, now);
	out = t->egress_used + t->egress_leased;
	*wait = false;
	if (out > t->egress_cap || n > t->egress_cap - out)
		return false;
	t->egress_leased += n;
	out += n;
	if (t->egress_written < out)
		write_ahead(t);
	*wait = t->egress_durable < out;
	return true;
}

/* What broke off early is taken back, so that a crash does not count it. */
void
caps_settle(struct tenant *t, uint64_t n, uint64_t sent)
{
	uint64_t out;

	t->egress_leased -= n < t->egress_leased ? n : t->egress_leased;
	t->egress_used += sent;
	out = t->egress_used + t->egress_leased;
	if (t->egress_written > out && t->egress_written - out > CAPS_STEP)
		write_ahead(t);
}
