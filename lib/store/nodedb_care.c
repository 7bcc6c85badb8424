/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include <string.h>

/* A commit syncs the log once; a checkpoint the log, the file, and the header
 * of the log that begins behind it. */
enum { DEAD_LOOKED = 1000, SYNCS_OF_CHECKPOINT = 3 };

static const struct sql_given nothing;

struct corpse {
	int64_t no; /* 0: there is none */
	uint64_t size;
};

static struct corpse
next_dead(struct nodedb *db, int64_t after, uint8_t sha[32])
{
	sqlite3_stmt *q = sql_ask(
	    &db->sql, SQL_BLOB_DEAD, (struct sql_given){ .i = { after, 1 } });
	struct corpse dead = { 0 };
	struct slice s;

	if (!sql_row(&db->sql, q))
		return dead;
	s = sql_bytes(q, 1);
	dead = (struct corpse){ sql_int(q, 0), sql_uint(q, 2) };
	if (s.n == 32)
		memcpy(sha, s.p, 32);
	else
		db->sql.rc = SQLITE_CORRUPT;
	sqlite3_reset(q);
	return dead;
}

size_t
nodedb_dead(struct nodedb *db, uint8_t (*shas)[32], size_t n)
{
	struct corpse dead = { 0 };
	size_t got = 0;

	if (!nodedb_enter(db))
		return 0;
	for (size_t i = 0; i < DEAD_LOOKED && got < n; i++) {
		struct sql_given g;

		dead = next_dead(db, dead.no, shas[got]);
		if (dead.no == 0 || db->sql.rc != SQLITE_OK)
			break;
		if (nodedb_is_fresh(db, dead.no))
			continue;
		g = (struct sql_given){ .i = { dead.no } };
		nodedb_run(db, SQL_SUMS_CUT, g);
		if (nodedb_run(db, SQL_BLOB_CUT, g) == 0)
			break;
		db->state.blobs--;
		db->state.blob_bytes -= dead.size;
		got++;
	}
	return nodedb_leave(db, NODEDB_OK) == NODEDB_OK ? got : 0;
}

static bool
sha_of(struct nodedb *db, sqlite3_stmt *q, uint8_t sha[32])
{
	struct slice s;

	if (!sql_row(&db->sql, q))
		return false;
	s = sql_bytes(q, 0);
	if (s.n == 32)
		memcpy(sha, s.p, 32);
	else
		db->sql.rc = SQLITE_CORRUPT;
	return s.n == 32;
}

enum nodedb_said
nodedb_oldest(
    struct nodedb *db, uint8_t sha[32], uint64_t *size, int64_t *verified)
{
	sqlite3_stmt *q;
	enum nodedb_said said = NODEDB_NONE;

	if (!nodedb_enter(db))
		return NODEDB_DISK;
	q = sql_ask(&db->sql, SQL_BLOB_OLDEST, nothing);
	if (sha_of(db, q, sha)) {
		*size = sql_uint(q, 1);
		*verified = sql_int(q, 2);
		said = NODEDB_OK;
	}
	return nodedb_leave(db, said);
}

enum nodedb_said
nodedb_verified(
    struct nodedb *db, const uint8_t sha[32], int64_t now, bool damaged)
{
	struct sql_given g = { .i = { now, damaged },
		.b = { slice_of(sha, 32) } };
	uint64_t n;

	if (!nodedb_enter(db))
		return NODEDB_DISK;
	n = nodedb_run(db, SQL_BLOB_VERIFIED, g);
	return nodedb_leave(db, n ? NODEDB_OK : NODEDB_NONE);
}

enum nodedb_said
nodedb_blob_next(struct nodedb *db, const uint8_t *after, uint8_t sha[32],
    uint64_t *size, uint64_t *refs, bool *damaged)
{
	struct sql_given g = { .b = { slice_of(after, after ? 32 : 0) } };
	sqlite3_stmt *q;
	enum nodedb_said said = NODEDB_NONE;

	if (!nodedb_enter(db))
		return NODEDB_DISK;
	q = sql_ask(&db->sql, SQL_BLOB_NEXT, g);
	if (sha_of(db, q, sha)) {
		*size = sql_uint(q, 1);
		*refs = sql_uint(q, 2);
		*damaged = sql_int(q, 3) != 0;
		said = NODEDB_OK;
	}
	return nodedb_leave(db, said);
}

enum nodedb_said
nodedb_check(struct nodedb *db, bool quick)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	db->sql.rc = sql_check(&db->sql, quick);
	return nodedb_leave(db, NODEDB_OK);
}

void
nodedb_counts(struct nodedb *db, struct nodedb_counts *c)
{
	static const struct sql_given most = { .i = { NODEDB_COUNTED } };
	const struct nodedb_state *s = &db->state;

	*c = (struct nodedb_counts){
		.tenants = db->tenants.n,
		.keys = db->keys.n,
		.buckets = db->buckets.n,
		.objects = s->objects,
		.markers = s->markers,
		.uploads = s->uploads,
		.parts = s->parts,
		.blobs = s->blobs,
		.blob_bytes = s->blob_bytes,
		.inlines = s->inlines,
		.journal_first = s->first,
		.journal_last = s->last,
		.commits = db->commits,
		.fsyncs = db->commits + SYNCS_OF_CHECKPOINT * db->checkpoints,
		.disk_bytes = sql_disk_bytes(&db->sql),
	};
	if (!nodedb_enter(db))
		return;
	c->dead = (uint64_t)sql_number(&db->sql, SQL_BLOBS_DEAD, most, 0);
	c->damaged = (uint64_t)sql_number(&db->sql, SQL_BLOBS_DAMAGED, most, 0);
	nodedb_leave(db, NODEDB_OK);
}
