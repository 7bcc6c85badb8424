/* SPDX-License-Identifier: ISC
 *
 * Room on the disk.  Who announces a length is promised the room for it,
 * besides the reserve, or refused at once: many large uploads together would
 * eat what deletes and the index need.  The disk is asked now and then; in
 * between what is written is taken off. */
#include "s3/s3_own.h"

enum { ASK = 1000 /* milliseconds between two looks at the disk */ };

static void
ask(struct s3 *s3, int64_t now)
{
	struct blobs_space space;

	s3->space_at = now;
	s3->space_free = UINT64_MAX;
	if (blobs_space(s3->blobs, &space) < 0)
		return;
	s3->space_free = space.bytes_free;
	if (space.inodes_all > 0 && space.inodes_free == 0)
		s3->space_free = 0;
}

static bool
is_old(const struct s3 *s3, int64_t now)
{
	return s3->space_at == 0 || now < s3->space_at ||
	       now - s3->space_at >= ASK;
}

/* Are there n bytes besides what is kept and was promised? */
static bool
holds(const struct s3 *s3, uint64_t n)
{
	uint64_t left = s3->space_free;

	if (left < s3->conf.disk_reserve)
		return false;
	left -= s3->conf.disk_reserve;
	return left >= s3->space_promised && n <= left - s3->space_promised;
}

bool
s3_disk_low(struct s3 *s3, int64_t now)
{
	if (is_old(s3, now))
		ask(s3, now);
	return s3->space_free < s3->conf.disk_reserve || s3->space_free == 0;
}

bool
s3_disk_promise(struct s3 *s3, struct s3_content *c, uint64_t n, int64_t now)
{
	if (is_old(s3, now))
		ask(s3, now);
	/* perhaps something was removed */
	if (!holds(s3, n) && s3->space_at != now)
		ask(s3, now);
	if (!holds(s3, n))
		return false;
	s3->space_promised += n;
	c->promised += n;
	return true;
}

void
s3_disk_spend(struct s3 *s3, struct s3_content *c, uint64_t n)
{
	uint64_t kept = n < c->promised ? n : c->promised;

	s3->space_promised -= kept;
	c->promised -= kept;
	s3->space_free -= n < s3->space_free ? n : s3->space_free;
}

void
s3_disk_forget(struct s3 *s3, struct s3_content *c)
{
	s3->space_promised -= c->promised;
	c->promised = 0;
}
