/* SPDX-License-Identifier: ISC */
#include "store/migrate.h"

/* What node.db holds, and what it means, is in node.db(5).
 *
 * object: the newest version of a key comes first, because age counts down.
 * part: of an upload; of what was completed, when there is a manifest of that
 * number. */
static const char first[] =
    "PRAGMA application_id = 0x4b6e4e64;"
    "CREATE TABLE state (epoch INTEGER NOT NULL, clean INTEGER NOT NULL,"
    " version INTEGER NOT NULL, objects INTEGER NOT NULL,"
    " markers INTEGER NOT NULL, uploads INTEGER NOT NULL,"
    " parts INTEGER NOT NULL, blobs INTEGER NOT NULL,"
    " blob_bytes INTEGER NOT NULL, inlines INTEGER NOT NULL);"
    "INSERT INTO state VALUES (0, 1, 0, 0, 0, 0, 0, 0, 0, 0);"
    "CREATE TABLE tenant (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " tier TEXT NOT NULL, disk_cap INTEGER NOT NULL,"
    " egress_cap INTEGER NOT NULL, disk_used INTEGER NOT NULL,"
    " period INTEGER NOT NULL, egress INTEGER NOT NULL);"
    "CREATE TABLE access (id TEXT PRIMARY KEY, tenant INTEGER NOT NULL,"
    " sealed BLOB NOT NULL, disabled INTEGER NOT NULL,"
    " created INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE allowed (id TEXT NOT NULL, nth INTEGER NOT NULL,"
    " bucket TEXT NOT NULL, verbs INTEGER NOT NULL, prefix BLOB NOT NULL,"
    " PRIMARY KEY (id, nth)) WITHOUT ROWID;"
    "CREATE TABLE bucket (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " tenant INTEGER NOT NULL, created INTEGER NOT NULL,"
    " versioning INTEGER NOT NULL, anonymous INTEGER NOT NULL);"
    "CREATE TABLE document (bucket INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " bytes BLOB NOT NULL, PRIMARY KEY (bucket, kind)) WITHOUT ROWID;"
    "CREATE TABLE object (bucket INTEGER NOT NULL, key BLOB NOT NULL,"
    " age INTEGER NOT NULL, flags INTEGER NOT NULL, size INTEGER NOT NULL,"
    " at INTEGER NOT NULL, parts INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " ref INTEGER NOT NULL, etag BLOB NOT NULL, sha BLOB NOT NULL,"
    " meta BLOB NOT NULL, tags BLOB NOT NULL,"
    " PRIMARY KEY (bucket, key, age)) WITHOUT ROWID;"
    "CREATE INDEX object_buried ON object (bucket, key) WHERE (flags & 4);"
    "CREATE TABLE inline (no INTEGER PRIMARY KEY, refs INTEGER NOT NULL,"
    " bytes BLOB NOT NULL);"
    "CREATE TABLE blob (no INTEGER PRIMARY KEY, sha BLOB NOT NULL UNIQUE,"
    " size INTEGER NOT NULL, refs INTEGER NOT NULL,"
    " verified INTEGER NOT NULL, damaged INTEGER NOT NULL);"
    "CREATE INDEX blob_dead ON blob (no) WHERE refs = 0;"
    "CREATE INDEX blob_verified ON blob (verified) WHERE damaged = 0;"
    "CREATE INDEX blob_damaged ON blob (no) WHERE damaged = 1;"
    "CREATE TABLE sums (blob INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
    "CREATE TABLE upload (no INTEGER PRIMARY KEY, token BLOB NOT NULL UNIQUE,"
    " bucket INTEGER NOT NULL, key BLOB NOT NULL, meta BLOB NOT NULL,"
    " tags BLOB NOT NULL, created INTEGER NOT NULL,"
    " touched INTEGER NOT NULL);"
    "CREATE INDEX upload_key ON upload (bucket, key, no);"
    "CREATE INDEX upload_touched ON upload (touched);"
    "CREATE TABLE manifest (no INTEGER PRIMARY KEY, refs INTEGER NOT NULL,"
    " parts INTEGER NOT NULL, size INTEGER NOT NULL);"
    "CREATE TABLE part (upload INTEGER NOT NULL, number INTEGER NOT NULL,"
    " size INTEGER NOT NULL, at INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " ref INTEGER NOT NULL, start INTEGER NOT NULL, etag BLOB NOT NULL,"
    " sum BLOB NOT NULL, PRIMARY KEY (upload, number)) WITHOUT ROWID;"
    "CREATE TABLE journal (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
    " what INTEGER NOT NULL, version INTEGER NOT NULL, bucket TEXT NOT NULL,"
    " key BLOB NOT NULL, entry BLOB NOT NULL);";

const struct migration nodedb_migrations[] = {
	{ 1, "the first tables", first },
};
const size_t nodedb_nmigrations =
    sizeof nodedb_migrations / sizeof nodedb_migrations[0];
