/* SPDX-License-Identifier: ISC */
#include "store/sweep_own.h"

#include <errno.h>
#include <unistd.h>

enum { BLOBS = 64 }; /* begun in a slice */

void
sweep_scrub_end(struct sweep *s)
{
	if (s->scrub.fd >= 0)
		close(s->scrub.fd);
	s->scrub.fd = -1;
	blob_check_free(&s->scrub.check);
}

/* It may have gone meanwhile, as unneeded. */
static void
damaged(struct sweep *s, int64_t wall, int why)
{
	const uint8_t *sha = s->scrub.sha;

	if (nodedb_verified(s->db, sha, wall, true) != NODEDB_OK)
		return;
	s->counts.damaged++;
	if (why == ENOENT) {
		sweep_tell(s, sha, "is not there, and something needs it");
		return;
	}
	sweep_tell(s, sha,
	    why == EBADMSG ? "is damaged and goes into quarantine"
			   : "cannot be read and goes into quarantine");
	blob_quarantine(s->blobs, sha);
}

/* 1: open; 0: not, and it has been dealt with; -1: not now. */
static int
begin(struct sweep *s, int64_t wall)
{
	s->scrub.fd = blob_open(s->blobs, s->scrub.sha);
	if (s->scrub.fd >= 0)
		return 1;
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
		return -1;
	damaged(s, wall, errno);
	return 0;
}

/* The one that was verified longest ago, if it is its time. */
static bool
next(struct sweep *s, int64_t wall)
{
	int64_t verified = 0;

	if (nodedb_oldest(s->db, s->scrub.sha, &s->scrub.size, &verified) !=
	    NODEDB_OK)
		return false;
	return verified < s->scrub_all ||
	       (s->conf.scrub_rate > 0 &&
		   wall - verified >= s->conf.scrub_every);
}

/* Returns the bytes that were read. */
static uint64_t
verify(struct sweep *s, int64_t wall, size_t budget)
{
	uint64_t before = s->scrub.check.at, n;
	int r = blob_check(
	    s->scrub.fd, s->scrub.size, s->scrub.sha, &s->scrub.check, budget);
	int why = errno;

	if (r > 0)
		return s->scrub.check.at - before;
	n = s->scrub.size - before;
	if (r == 0) {
		nodedb_verified(s->db, s->scrub.sha, wall, false);
		s->counts.scrubbed++;
		s->counts.scrubbed_bytes += s->scrub.size;
	} else {
		damaged(s, wall, why);
	}
	sweep_scrub_end(s);
	return n;
}

static void
allow(struct sweep *s, msec now)
{
	uint64_t rate = s->conf.scrub_rate ? s->conf.scrub_rate : SWEEP_ASKED;
	msec passed = now - s->last;

	s->last = now;
	if (passed > 1000 || passed < 0)
		passed = 1000;
	s->allowance += rate * (uint64_t)passed / 1000;
	if (s->allowance > rate)
		s->allowance = rate;
}

bool
sweep_scrub_some(struct sweep *s, msec now, int64_t wall)
{
	uint64_t left = SWEEP_READ;

	if (s->scrub_all == INT64_MAX)
		s->scrub_all = wall;
	allow(s, now);
	for (unsigned i = 0; i < BLOBS && left > 0 && s->allowance > 0; i++) {
		uint64_t most = left < s->allowance ? left : s->allowance, n;

		if (s->scrub.fd < 0) {
			int r;

			if (!next(s, wall))
				return false;
			r = begin(s, wall);
			if (r < 0)
				return false;
			if (r == 0)
				continue;
		}
		n = verify(s, wall, (size_t)most);
		left -= n < left ? n : left;
		s->allowance -= n < s->allowance ? n : s->allowance;
	}
	return true;
}
