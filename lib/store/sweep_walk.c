/* SPDX-License-Identifier: ISC */
#include "store/sweep_own.h"

#include <stdio.h>

enum { SECOND = 1000 }; /* what an age may be wrong by */

/* A shard of many files takes many slices; names come and go meanwhile. */
static void
list(struct sweep *s)
{
	char sentence[64];

	s->next = 0;
	s->listed = true;
	if (blob_names(s->blobs, s->shard, &s->names) == 0 || s->told == NULL)
		return;
	snprintf(sentence, sizeof sentence, "the blobs %02x/ cannot be listed",
	    s->shard);
	s->told(s->arg, sentence);
}

/* Rows leave the index by nodedb_dead only, so what it does not have and is not
 * pending has never been named, or not since a batch that failed.  Returns the
 * bytes that were removed. */
static uint64_t
look(struct sweep *s, const uint8_t sha[BLOB_ID], int64_t wall)
{
	uint64_t size;
	int64_t age;

	if (sweep_knows(s->db, sha) || sweep_pends(s, sha) ||
	    blob_held(s->blobs, sha) ||
	    blob_look(s->blobs, sha, &size, &age) < 0)
		return 0;
	if (age < s->conf.orphan_age) {
		s->young = true;
		return 0;
	}
	if (wall - age * 1000 <= s->started + SECOND &&
	    sweep_older(s->newest, age, wall)) {
		s->kept++;
		return 0;
	}
	if (blob_cut(s->blobs, sha) < 0)
		return 0;
	s->counts.orphans++;
	s->counts.orphan_bytes += size;
	sweep_tell(s, sha, "was named by nobody and is removed");
	return size;
}

static void
tell_kept(struct sweep *s)
{
	char sentence[192];

	if (s->kept > 0 && s->told) {
		snprintf(sentence, sizeof sentence,
		    "%llu files that nobody names are newer than the index and "
		    "stay; if an older index was put back, rebuild it",
		    (unsigned long long)s->kept);
		s->told(s->arg, sentence);
	}
	s->kept = 0;
}

static void
end(struct sweep *s, msec now)
{
	tell_kept(s);
	blob_names_free(&s->names);
	s->again = s->young ? now + s->conf.orphan_age * 1000 : MSEC_NEVER;
	s->young = false;
}

bool
sweep_walk(struct sweep *s, msec now, int64_t wall)
{
	uint64_t bytes = 0;

	if (s->shard == BLOB_SHARDS && now >= s->again)
		sweep_orphans(s);
	if (s->shard == BLOB_SHARDS)
		return false;
	if (!s->listed)
		list(s);
	for (size_t i = 0; i < SWEEP_LOOK && bytes <= SWEEP_CUT; i++) {
		if (s->next == s->names.n)
			break;
		bytes += look(s, s->names.ids[s->next++], wall);
	}
	if (s->next < s->names.n)
		return true;
	s->listed = false;
	if (++s->shard == BLOB_SHARDS)
		end(s, now);
	return true;
}
