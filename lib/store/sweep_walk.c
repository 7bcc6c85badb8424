/* SPDX-License-Identifier: ISC */
#include "store/sweep_own.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000 }; /* what an age may be wrong by */

static int
remember(void *arg, const uint8_t *id, const char *name)
{
	struct sweep *s = arg;

	(void)name;
	if (id == NULL)
		return 0;
	if (s->nnames == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->names = mem_resize(s->names, s->cap * sizeof *s->names);
	}
	memcpy(s->names[s->nnames++], id, BLOB_ID);
	return 0;
}

/* A shard of many files takes many slices; names come and go meanwhile. */
static void
list(struct sweep *s)
{
	s->nnames = s->next = 0;
	blob_walk_names(s->blobs, s->shard, remember, s);
	s->listed = true;
}

/* Rows leave the index by nodedb_dead only, so what it does not have and is not
 * pending has never been named, or not since a batch that failed. */
static void
look(struct sweep *s, const uint8_t sha[BLOB_ID], int64_t wall)
{
	uint64_t size;
	int64_t age;

	if (sweep_knows(s->db, sha) || sweep_pends(s, sha) ||
	    blob_held(s->blobs, sha) ||
	    blob_look(s->blobs, sha, &size, &age) < 0)
		return;
	if (age < s->conf.orphan_age) {
		s->young = true;
		return;
	}
	if (wall - age * 1000 <= s->started + SECOND &&
	    sweep_older(s->newest, age, wall)) {
		s->kept++;
		return;
	}
	if (blob_cut(s->blobs, sha) < 0)
		return;
	s->counts.orphans++;
	s->counts.orphan_bytes += size;
	sweep_tell(s, sha, "was named by nobody and is removed");
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
	free(s->names);
	s->names = NULL;
	s->nnames = s->cap = 0;
	s->again = s->young ? now + s->conf.orphan_age * 1000 : MSEC_NEVER;
	s->young = false;
}

bool
sweep_walk(struct sweep *s, msec now, int64_t wall)
{
	if (s->shard == BLOB_SHARDS && now >= s->again)
		sweep_orphans(s);
	if (s->shard == BLOB_SHARDS)
		return false;
	if (!s->listed)
		list(s);
	for (size_t i = 0; i < SWEEP_LOOK && s->next < s->nnames; i++)
		look(s, s->names[s->next++], wall);
	if (s->next < s->nnames)
		return true;
	s->listed = false;
	if (++s->shard == BLOB_SHARDS)
		end(s, now);
	return true;
}
