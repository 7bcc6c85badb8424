/* SPDX-License-Identifier: ISC */
#include "store/sweep_own.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
time_of(void *arg, const struct journal_row *row)
{
	int64_t *newest = arg;

	*newest = row->at > *newest ? row->at : *newest;
	return 0;
}

/* Not every change has a time: some rows are looked at. */
int64_t
sweep_newest(struct nodedb *db)
{
	enum { ROWS = 256 };
	struct nodedb_counts c;
	int64_t newest = 0;

	nodedb_counts(db, &c);
	nodedb_journal(db, c.journal_last > ROWS ? c.journal_last - ROWS : 0,
	    ROWS + 1, time_of, &newest);
	return newest;
}

bool
sweep_older(int64_t newest, int64_t age, int64_t wall)
{
	return wall - age * 1000 > newest + SWEEP_MARGIN;
}

struct sweep *
sweep_new(struct blobs *b, struct nodedb *db, const struct sweep_conf *conf,
    void (*told)(void *arg, const char *sentence), void *arg)
{
	struct sweep *s = mem_new(sizeof *s);

	s->blobs = b;
	s->db = db;
	s->conf = *conf;
	s->told = told;
	s->arg = arg;
	s->scrub.fd = -1;
	s->scrub_all = INT64_MIN;
	s->shard = BLOB_SHARDS;
	s->again = MSEC_NEVER;
	s->newest = sweep_newest(db);
	if (nodedb_unclean(db))
		sweep_orphans(s);
	return s;
}

void
sweep_free(struct sweep *s)
{
	if (s == NULL)
		return;
	sweep_scrub_end(s);
	blob_names_free(&s->names);
	free(s);
}

void
sweep_tell(struct sweep *s, const uint8_t sha[BLOB_ID], const char *what)
{
	char path[BLOB_PATH], sentence[BLOB_PATH + 128];

	if (s->told == NULL)
		return;
	blob_path(sha, path);
	snprintf(sentence, sizeof sentence, "blob %s %s", path + 3, what);
	s->told(s->arg, sentence);
}

bool
sweep_knows(struct nodedb *db, const uint8_t sha[BLOB_ID])
{
	uint64_t refs;

	return nodedb_blob_refs(db, sha, &refs) != NODEDB_NONE;
}

/* Nobody refers to it in the file either, now: it was taken out in a batch that
 * has ended, and if that was rolled back, the index knows it. */
static bool
settled(const struct sweep *s)
{
	return !nodedb_dirty(s->db) || nodedb_commits(s->db) != s->taken_at;
}

/* Returns false when it is to be tried again later. */
static bool
cut(struct sweep *s, const uint8_t sha[BLOB_ID], uint64_t *bytes)
{
	uint64_t size = 0;
	int64_t age;

	if (blob_held(s->blobs, sha))
		return false;
	if (sweep_knows(s->db, sha) ||
	    blob_look(s->blobs, sha, &size, &age) < 0)
		return true;
	if (blob_cut(s->blobs, sha) < 0)
		return errno != EBUSY;
	s->counts.removed++;
	s->counts.removed_bytes += size;
	*bytes += size;
	return true;
}

bool
sweep_pends(const struct sweep *s, const uint8_t sha[BLOB_ID])
{
	for (size_t i = 0; i < s->npending; i++)
		if (memcmp(s->pending[i], sha, BLOB_ID) == 0)
			return true;
	return false;
}

static void
cut_pending(struct sweep *s)
{
	uint64_t bytes = 0;
	size_t kept = 0;

	for (size_t i = 0; i < s->npending; i++)
		if (bytes > SWEEP_CUT || !cut(s, s->pending[i], &bytes))
			memmove(s->pending[kept++], s->pending[i], BLOB_ID);
	s->npending = kept;
}

/* Strays are treated as what was just taken out. */
static bool
take_dead(struct sweep *s)
{
	bool lost = false;
	size_t before = s->npending;

	while (s->npending < SWEEP_PENDING &&
	       blob_stray_next(s->blobs, s->pending[s->npending], &lost))
		s->npending++;
	if (lost)
		sweep_orphans(s);
	if (s->npending < SWEEP_PENDING)
		s->npending += nodedb_dead(s->db, &s->pending[s->npending],
		    SWEEP_PENDING - s->npending);
	if (s->npending > before)
		s->taken_at = nodedb_commits(s->db);
	return s->npending == SWEEP_PENDING;
}

void
sweep_tick(struct sweep *s, msec now, int64_t wall)
{
	bool more;

	if (s->started == 0)
		s->started = wall;
	if (s->npending > 0 && settled(s))
		cut_pending(s);
	more = take_dead(s);
	more |= sweep_walk(s, now, wall);
	more |= sweep_scrub_some(s, now, wall);
	s->due = now + (more || s->npending > 0 ? SWEEP_SOON : SWEEP_IDLE);
}

msec
sweep_due(const struct sweep *s)
{
	return s->due;
}

void
sweep_scrub(struct sweep *s)
{
	s->scrub_all = INT64_MAX;
	s->due = 0;
}

void
sweep_orphans(struct sweep *s)
{
	s->shard = 0;
	s->listed = s->young = false;
	s->again = MSEC_NEVER;
	s->due = 0;
}

const struct sweep_counts *
sweep_counts(const struct sweep *s)
{
	return &s->counts;
}
