/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include "base/mem.h"
#include "store/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A commit syncs the log once; a checkpoint the log, the file, and the header
 * of the log that begins behind it. */
enum { DEAD_LOOKED = 1000, SYNCS_OF_CHECKPOINT = 3 };

static const struct nodedb_given nothing;

struct corpse {
	int64_t no; /* 0: there is none */
	uint64_t size;
};

static struct corpse
next_dead(struct nodedb *db, int64_t after, uint8_t sha[32])
{
	sqlite3_stmt *q = nodedb_ask(
	    db, SQL_BLOB_DEAD, (struct nodedb_given){ .i = { after, 1 } });
	struct corpse dead = { 0 };
	struct slice s;

	if (!nodedb_row(db, q))
		return dead;
	s = nodedb_bytes(q, 1);
	dead = (struct corpse){ nodedb_int(q, 0), nodedb_uint(q, 2) };
	if (s.n == 32)
		memcpy(sha, s.p, 32);
	else
		db->rc = SQLITE_CORRUPT;
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
		struct nodedb_given g;

		dead = next_dead(db, dead.no, shas[got]);
		if (dead.no == 0 || db->rc != SQLITE_OK)
			break;
		if (nodedb_is_fresh(db, dead.no))
			continue;
		g = (struct nodedb_given){ .i = { dead.no } };
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

	if (!nodedb_row(db, q))
		return false;
	s = nodedb_bytes(q, 0);
	if (s.n == 32)
		memcpy(sha, s.p, 32);
	else
		db->rc = SQLITE_CORRUPT;
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
	q = nodedb_ask(db, SQL_BLOB_OLDEST, nothing);
	if (sha_of(db, q, sha)) {
		*size = nodedb_uint(q, 1);
		*verified = nodedb_int(q, 2);
		said = NODEDB_OK;
	}
	return nodedb_leave(db, said);
}

enum nodedb_said
nodedb_verified(
    struct nodedb *db, const uint8_t sha[32], int64_t now, bool damaged)
{
	struct nodedb_given g = { .i = { now, damaged },
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
	struct nodedb_given g = { .b = { slice_of(after, after ? 32 : 0) } };
	sqlite3_stmt *q;
	enum nodedb_said said = NODEDB_NONE;

	if (!nodedb_enter(db))
		return NODEDB_DISK;
	q = nodedb_ask(db, SQL_BLOB_NEXT, g);
	if (sha_of(db, q, sha)) {
		*size = nodedb_uint(q, 1);
		*refs = nodedb_uint(q, 2);
		*damaged = nodedb_int(q, 3) != 0;
		said = NODEDB_OK;
	}
	return nodedb_leave(db, said);
}

/* One row, "ok" or the first fault. */
enum nodedb_said
nodedb_check(struct nodedb *db, bool quick)
{
	sqlite3_stmt *q = NULL;
	int rc;

	if (!nodedb_enter(db))
		return NODEDB_DISK;
	rc = sqlite3_prepare_v2(db->sql,
	    quick ? "PRAGMA quick_check(1)" : "PRAGMA integrity_check(1)", -1,
	    &q, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		rc = slice_is(nodedb_bytes(q, 0), "ok") ? SQLITE_OK
							: SQLITE_CORRUPT;
	sqlite3_finalize(q);
	db->rc = rc;
	return nodedb_leave(db, NODEDB_OK);
}

enum nodedb_said
nodedb_snapshot(struct nodedb *db, const char *path)
{
	const char *why = NULL;

	if (nodedb_commit(db) != NODEDB_OK)
		return NODEDB_DISK;
	if (migrate_copy(db->sql, path, &why) == 0)
		return NODEDB_OK;
	db->why = why;
	return NODEDB_DISK;
}

static uint64_t
file_size(const char *path, const char *tail)
{
	size_t room = strlen(path) + strlen(tail) + 1;
	char *name = mem_new(room);
	struct stat st;
	int rc;

	snprintf(name, room, "%s%s", path, tail);
	rc = stat(name, &st);
	free(name);
	return rc == 0 ? (uint64_t)st.st_size : 0;
}

void
nodedb_counts(struct nodedb *db, struct nodedb_counts *c)
{
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
		.disk_bytes =
		    file_size(db->path, "") + file_size(db->path, "-wal"),
	};
	if (!nodedb_enter(db))
		return;
	c->dead = (uint64_t)nodedb_number(db, SQL_BLOBS_DEAD, nothing, 0);
	c->damaged = (uint64_t)nodedb_number(db, SQL_BLOBS_DAMAGED, nothing, 0);
	nodedb_leave(db, NODEDB_OK);
}
