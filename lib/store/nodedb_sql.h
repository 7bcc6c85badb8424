/* SPDX-License-Identifier: ISC
 *
 * node.db's statements, one list: the enum and the texts are made of it.
 * Numbers and bytes as in store/sql. */
#ifndef STORE_NODEDB_SQL_H
#define STORE_NODEDB_SQL_H

#include "store/sql.h"

/* clang-format off */
#define NODEDB_OBJECT \
	"key, age, flags, size, at, parts, kind, ref, etag, sha, meta, tags"
#define NODEDB_ROW    "age, flags, size, kind, ref"
#define NODEDB_ONE    "WHERE bucket = ?1 AND key = ?9 "
#define NODEDB_UPLOAD "no, token, bucket, key, meta, tags, created, touched"
#define NODEDB_PART   "number, size, at, kind, ref, etag, sum, start"

#define NODEDB_SQL(S) \
	SQL_TRANSACTION(S) \
	S(STATE, "SELECT epoch, version, objects, markers, uploads, parts," \
	    " blobs, blob_bytes, inlines FROM state") \
	S(STATE_SAVE, "UPDATE state SET version = ?1, objects = ?2," \
	    " markers = ?3, uploads = ?4, parts = ?5, blobs = ?6," \
	    " blob_bytes = ?7, inlines = ?8") \
	S(EPOCH_SET, "UPDATE state SET epoch = ?1") \
	S(CLEAN, "SELECT clean FROM state") \
	S(CLEAN_SET, "UPDATE state SET clean = ?1") \
	S(INLINE_LAST, "SELECT max(no) FROM inline") \
	S(BLOB_LAST, "SELECT max(no) FROM blob") \
	S(UPLOAD_LAST, "SELECT max(no) FROM upload") \
	S(MANIFEST_LAST, "SELECT max(no) FROM manifest") \
	S(BUCKET_LAST, "SELECT max(no) FROM bucket") \
	S(TENANT_LAST, "SELECT max(no) FROM tenant") \
	/* tenants */ \
	S(TENANTS, "SELECT no, name, tier, disk_cap, egress_cap, disk_used," \
	    " period, egress FROM tenant") \
	S(TENANT_NEW, "INSERT INTO tenant (no, name, tier, disk_cap," \
	    " egress_cap, disk_used, period, egress) VALUES (?1," \
	    " CAST(?9 AS TEXT), CAST(?10 AS TEXT), ?2, ?3, 0, 0, 0)") \
	S(TENANT_SET, "UPDATE tenant SET tier = CAST(?10 AS TEXT)," \
	    " disk_cap = ?2, egress_cap = ?3 WHERE no = ?1") \
	S(TENANT_SAVE, "UPDATE tenant SET disk_used = ?2, period = ?3," \
	    " egress = ?4 WHERE no = ?1") \
	S(TENANT_CUT, "DELETE FROM tenant WHERE no = ?1") \
	S(TENANT_OBJECTS, "SELECT coalesce(sum(size), 0) FROM object WHERE" \
	    " bucket IN (SELECT no FROM bucket WHERE tenant = ?1)") \
	S(TENANT_PARTS, "SELECT coalesce(sum(size), 0) FROM upload JOIN part" \
	    " ON part.upload = upload.no WHERE upload.bucket IN" \
	    " (SELECT no FROM bucket WHERE tenant = ?1)") \
	S(TENANT_BUCKET, "SELECT 1 FROM bucket WHERE tenant = ?1 LIMIT 1") \
	S(TENANT_KEY, "SELECT 1 FROM access WHERE tenant = ?1 LIMIT 1") \
	/* access keys */ \
	S(KEYS, "SELECT access.id, tenant.name, sealed, disabled, created" \
	    " FROM access JOIN tenant ON tenant.no = access.tenant") \
	S(KEY_NEW, "INSERT OR REPLACE INTO access (id, tenant, sealed," \
	    " disabled, created)" \
	    " VALUES (CAST(?9 AS TEXT), ?1, ?10, ?2, ?3)") \
	S(KEY_CUT, "DELETE FROM access WHERE id = CAST(?9 AS TEXT)") \
	S(GRANTS, "SELECT bucket, verbs, prefix FROM allowed" \
	    " WHERE id = CAST(?9 AS TEXT) ORDER BY nth") \
	S(GRANT_NEW, "INSERT INTO allowed (id, nth, bucket, verbs, prefix)" \
	    " VALUES (CAST(?9 AS TEXT), ?1, CAST(?10 AS TEXT), ?2, ?11)") \
	S(GRANTS_CUT, "DELETE FROM allowed WHERE id = CAST(?9 AS TEXT)") \
	/* buckets */ \
	S(BUCKETS, "SELECT bucket.no, bucket.name, tenant.name, created," \
	    " versioning, anonymous FROM bucket" \
	    " JOIN tenant ON tenant.no = bucket.tenant") \
	S(BUCKET_NEW, "INSERT INTO bucket (no, name, tenant, created," \
	    " versioning, anonymous)" \
	    " VALUES (?1, CAST(?9 AS TEXT), ?2, ?3, 0, 0)") \
	S(BUCKET_SET, "UPDATE bucket SET versioning = ?2, anonymous = ?3" \
	    " WHERE no = ?1") \
	S(BUCKET_CUT, "DELETE FROM bucket WHERE no = ?1") \
	S(BUCKET_HAS, "SELECT 1 FROM object WHERE bucket = ?1 LIMIT 1") \
	S(DOCS, "SELECT bucket.name, kind FROM document" \
	    " JOIN bucket ON bucket.no = document.bucket") \
	S(DOC, "SELECT bytes FROM document WHERE bucket = ?1 AND kind = ?2") \
	S(DOC_PUT, "INSERT OR REPLACE INTO document (bucket, kind, bytes)" \
	    " VALUES (?1, ?2, ?9)") \
	S(DOC_CUT, "DELETE FROM document WHERE bucket = ?1 AND kind = ?2") \
	S(DOCS_CUT, "DELETE FROM document WHERE bucket = ?1") \
	/* contents */ \
	S(INLINE_NEW, "INSERT INTO inline (no, refs, bytes)" \
	    " VALUES (?1, 1, ?9)") \
	S(INLINE_READ, "SELECT bytes FROM inline WHERE no = ?1") \
	S(INLINE_REF, "UPDATE inline SET refs = refs + ?2 WHERE no = ?1") \
	S(INLINE_CUT, "DELETE FROM inline WHERE no = ?1 AND refs <= 1") \
	S(INLINE_SUM, "SELECT no, refs FROM inline WHERE no > ?1" \
	    " ORDER BY no") \
	S(BLOB_NEW, "INSERT INTO blob (no, sha, size, refs, verified," \
	    " damaged) VALUES (?1, ?9, ?2, 0, ?3, 0)") \
	S(BLOB_BY_SHA, "SELECT no, size, damaged, refs FROM blob" \
	    " WHERE sha = ?9") \
	S(BLOB_BY_NO, "SELECT sha, size FROM blob WHERE no = ?1") \
	S(BLOB_REF, "UPDATE blob SET refs = refs + ?2 WHERE no = ?1") \
	S(BLOB_REFS_SET, "UPDATE blob SET refs = ?2 WHERE no = ?1") \
	S(BLOB_VERIFIED, "UPDATE blob SET verified = ?1, damaged = ?2" \
	    " WHERE sha = ?9") \
	S(BLOB_CUT, "DELETE FROM blob WHERE no = ?1") \
	S(BLOB_DEAD, "SELECT no, sha, size FROM blob INDEXED BY blob_dead" \
	    " WHERE refs = 0 AND no > ?1 ORDER BY no LIMIT ?2") \
	S(BLOB_OLDEST, "SELECT sha, size, verified FROM blob" \
	    " INDEXED BY blob_verified WHERE damaged = 0" \
	    " ORDER BY verified LIMIT 1") \
	S(BLOB_NEXT, "SELECT sha, size, refs, damaged FROM blob" \
	    " WHERE sha > ?9 ORDER BY sha LIMIT 1") \
	S(BLOBS_DEAD, "SELECT count(*) FROM" \
	    " (SELECT 1 FROM blob WHERE refs = 0 LIMIT ?1)") \
	S(BLOBS_DAMAGED, "SELECT count(*) FROM" \
	    " (SELECT 1 FROM blob WHERE damaged = 1 LIMIT ?1)") \
	S(SUMS_NEW, "INSERT OR REPLACE INTO sums (blob, bytes)" \
	    " VALUES (?1, ?9)") \
	S(SUMS, "SELECT bytes FROM sums JOIN blob ON blob.no = sums.blob" \
	    " WHERE sha = ?9") \
	S(SUMS_CUT, "DELETE FROM sums WHERE blob = ?1") \
	S(MANIFEST_NEW, "INSERT INTO manifest (no, refs, parts, size)" \
	    " VALUES (?1, 1, ?2, ?3)") \
	S(MANIFEST, "SELECT parts, size, refs FROM manifest WHERE no = ?1") \
	S(MANIFEST_REF, "UPDATE manifest SET refs = refs + ?2 WHERE no = ?1") \
	S(MANIFEST_CUT, "DELETE FROM manifest WHERE no = ?1 AND refs <= 1") \
	/* objects */ \
	S(OBJECT_NEWEST, "SELECT " NODEDB_OBJECT " FROM object " NODEDB_ONE \
	    "ORDER BY age LIMIT 1") \
	S(OBJECT_AT, "SELECT " NODEDB_OBJECT " FROM object " NODEDB_ONE \
	    "AND age = ?2") \
	S(ROW_NEWEST, "SELECT " NODEDB_ROW " FROM object " NODEDB_ONE \
	    "ORDER BY age LIMIT 1") \
	S(ROW_AT, "SELECT " NODEDB_ROW " FROM object " NODEDB_ONE \
	    "AND age = ?2") \
	S(ROW_BURIED, "SELECT " NODEDB_ROW " FROM object" \
	    " INDEXED BY object_buried " NODEDB_ONE "AND (flags & 4)") \
	S(OBJECT_NEW, "INSERT INTO object (bucket, key, age, flags, size, at," \
	    " parts, kind, ref, etag, sha, meta, tags) VALUES (?1, ?9, ?2," \
	    " ?3, ?4, ?5, ?6, ?7, ?8, ?10, ?11, ?12, ?13)") \
	S(OBJECT_CUT, "DELETE FROM object " NODEDB_ONE "AND age = ?2") \
	S(OBJECT_BURY, "UPDATE object SET flags = flags | 4 " NODEDB_ONE \
	    "AND age = ?2") \
	S(OBJECT_TAG, "UPDATE object SET tags = ?13 " NODEDB_ONE \
	    "AND age = ?2") \
	S(OBJECT_LIST, "SELECT " NODEDB_OBJECT " FROM object" \
	    " WHERE bucket = ?1 AND (key, age) > (?9, ?2)" \
	    " ORDER BY key, age") \
	/* uploads */ \
	S(UPLOAD_NEW, "INSERT INTO upload (no, token, bucket, key, meta," \
	    " tags, created, touched)" \
	    " VALUES (?1, ?10, ?2, ?9, ?11, ?12, ?3, ?4)") \
	S(UPLOAD_BY_TOKEN, "SELECT " NODEDB_UPLOAD " FROM upload" \
	    " WHERE token = ?10 AND bucket = ?1") \
	S(UPLOAD_BY_NO, "SELECT bucket FROM upload WHERE no = ?1") \
	S(UPLOAD_LIST, "SELECT " NODEDB_UPLOAD " FROM upload" \
	    " WHERE bucket = ?1 AND (key, no) > (?9, ?2)" \
	    " ORDER BY key, no LIMIT ?3") \
	S(UPLOAD_IDLE, "SELECT " NODEDB_UPLOAD " FROM upload" \
	    " WHERE touched < ?1 ORDER BY touched LIMIT 1") \
	S(UPLOAD_IN, "SELECT no FROM upload WHERE bucket = ?1 LIMIT 1") \
	S(UPLOAD_TOUCH, "UPDATE upload SET touched = ?2 WHERE no = ?1") \
	S(UPLOAD_CUT, "DELETE FROM upload WHERE no = ?1") \
	S(UPLOADS_OF, "SELECT bucket.name, count(*) FROM upload" \
	    " JOIN bucket ON bucket.no = upload.bucket" \
	    " GROUP BY upload.bucket") \
	S(PART_NEW, "INSERT INTO part (upload, number, size, at, kind, ref," \
	    " start, etag, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?9, ?10)") \
	S(PART, "SELECT " NODEDB_PART " FROM part" \
	    " WHERE upload = ?1 AND number = ?2") \
	S(PARTS, "SELECT " NODEDB_PART " FROM part" \
	    " WHERE upload = ?1 AND number > ?2 ORDER BY number LIMIT ?3") \
	S(PART_CUT, "DELETE FROM part WHERE upload = ?1 AND number = ?2") \
	S(PART_PLACE, "UPDATE part SET number = ?3, start = ?4" \
	    " WHERE upload = ?1 AND number = ?2") \
	/* journal */ \
	S(JOURNAL_FIRST, "SELECT min(seq) FROM journal") \
	S(JOURNAL_LAST, "SELECT max(seq) FROM journal") \
	S(JOURNAL_NEW, "INSERT INTO journal (seq, at, what, version, bucket," \
	    " key, entry)" \
	    " VALUES (?1, ?2, ?3, ?4, CAST(?9 AS TEXT), ?10, ?11)") \
	S(JOURNAL_TRIM, "DELETE FROM journal WHERE seq < ?1") \
	S(JOURNAL, "SELECT seq, at, what, version, bucket, key, entry" \
	    " FROM journal WHERE seq >= ?1 ORDER BY seq LIMIT ?2")
/* clang-format on */

enum nodedb_sql {
#define S(name, text) SQL_##name,
	NODEDB_SQL(S)
#undef S
	    NODEDB_SQL_N
};

#endif
