/* SPDX-License-Identifier: ISC
 *
 * Multipart uploads of store/nodedb. */
#include "t/store/index.h"

static struct nodedb *db;

static int
first_upload(void *arg, const struct upload *u)
{
	*(int64_t *)arg = u->no;
	return 0;
}

static int
count_part(void *arg, const struct part *p)
{
	*(unsigned *)arg = *(unsigned *)arg * 10 + p->number;
	return 0;
}

static void
uploads(void)
{
	struct tenant *t = tenant_of(db, "bob", UINT64_MAX);
	struct bucket *b = bucket_of(db, "uploads", t, 0);
	struct upload u = { .bucket = b,
		.key = slice_text("k"),
		.meta = slice_text("m"),
		.created = NOW };
	struct part p = {
		.number = 3, .size = 100, .at = NOW, .sum = slice_text("crc")
	};
	uint8_t token[16] = { 9 }, sha[32];
	uint64_t before = t->disk_used, size;
	int64_t no = 0;
	unsigned seen = 0, numbers[] = { 2, 3 };
	struct content c;
	bool more;

	is_said(nodedb_upload(db, b, token, &u), NODEDB_NONE, "no upload yet");
	for (token[0] = 1; token[0] < 4; token[0]++) {
		memcpy(u.token, token, 16);
		nodedb_upload_new(db, &u);
	}
	token[0] = 2;
	is_said(nodedb_uploads(db, b, slice_text("k"), slice_text("k"), token,
		    1, first_upload, &no, &more),
	    NODEDB_OK, "the third, by the second");
	is_said(nodedb_upload(db, b, token, &u), NODEDB_OK, "found");
	ok(!more && no == u.no + 1, "in order of time");
	ok(slice_is(u.key, "k") && slice_is(u.meta, "m"), "whole");
	blob_id(1, sha);
	nodedb_blob(db, sha, 100, slice_text(""), &p.content);
	for (p.number = 1; p.number < 5; p.number++)
		is_said(nodedb_part_put(db, &u, &p, 0, NOW + 5), NODEDB_OK,
		    "a part");
	is_int(t->disk_used, before + 400, "parts count");
	is_said(nodedb_part(db, &u, 2, &p), NODEDB_OK, "one of them");
	ok(slice_is(p.sum, "crc") && p.size == 100, "whole");
	p.number = NODEDB_PARTS + 1;
	is_said(nodedb_part_put(db, &u, &p, 0, NOW), NODEDB_FULL,
	    "no part of this number");
	nodedb_parts(db, &u, 1, 2, count_part, &seen, &more);
	ok(seen == 23 && more, "a list of them");
	is_said(
	    nodedb_upload_idle(db, NOW + 5, &u), NODEDB_OK, "an idle upload");
	ok(u.token[0] == 1 && u.bucket == b, "the one that got nothing");
	nodedb_upload_cut(db, &u);
	is_said(nodedb_upload_cut(db, &u), NODEDB_NONE, "cut once");
	nodedb_upload(db, b, token, &u);
	is_said(
	    nodedb_upload_complete(db, &u, (unsigned[]){ 2, 9 }, 2, &c, &size),
	    NODEDB_NONE, "a part that is not there");
	is_int(t->disk_used, before + 400, "nothing changed");
	is_said(nodedb_upload_complete(db, &u, numbers, 2, &c, &size),
	    NODEDB_OK, "complete");
	is_said(nodedb_put(db, b,
		    &(struct object){
			.key = u.key, .size = size, .content = c, .parts = 2 },
		    0, NULL),
	    NODEDB_OK, "and named");
	is_int(t->disk_used, before + 200, "what was not taken is free");
	is_said(nodedb_part_put(db, &u, &p, 0, NOW), NODEDB_NONE,
	    "the upload is over");
	p.number = 1;
	p.content = c;
	token[0] = 3;
	nodedb_upload(db, b, token, &u);
	is_said(nodedb_part_put(db, &u, &p, 0, NOW), NODEDB_FULL,
	    "a part is no tree");
	is_int(b->uploads, 1, "one is left");
	is_said(nodedb_bucket_cut(db, b), NODEDB_BUSY, "with an object");
	nodedb_delete(db, b, slice_text("k"), NOW, &more, &size);
	is_said(nodedb_bucket_cut(db, b), NODEDB_OK, "and without");
	is_int(t->disk_used, before, "all is free");
	is_counted(db, "every reference is counted");
}

static void
many_uploads(void)
{
	struct tenant *t = tenant_of(db, "bob", UINT64_MAX);
	struct bucket *b = bucket_of(db, "many", t, 0);
	struct upload u = { .bucket = b, .key = slice_text("k") };
	enum nodedb_said said = NODEDB_OK;
	unsigned n = 0, calls = 1;

	while (said == NODEDB_OK && n <= NODEDB_UPLOADS) {
		memcpy(u.token, &n, sizeof n);
		said = nodedb_upload_new(db, &u);
		n += said == NODEDB_OK;
	}
	ok(said == NODEDB_FULL && n == NODEDB_UPLOADS,
	    "uploads have a ceiling");
	while ((said = nodedb_bucket_cut(db, b)) == NODEDB_BUSY)
		calls++;
	ok(said == NODEDB_OK && calls <= 11, "and go in slices");
	nodedb_commit(db);
}

static void
many_parts(void)
{
	struct bucket *b =
	    bucket_of(db, "parts", tenant_of(db, "bob", UINT64_MAX), 0);
	struct upload u = { .bucket = b, .key = slice_text("k") };
	struct part p = { .at = NOW };
	struct nodedb_counts n, left;
	uint8_t token[16] = { 0 };

	for (token[0] = 1; token[0] <= 3; token[0]++) {
		memcpy(u.token, token, sizeof token);
		nodedb_upload_new(db, &u);
		nodedb_upload(db, b, token, &u);
		for (p.number = 1; p.number <= 5000; p.number++)
			nodedb_part_put(db, &u, &p, 0, NOW);
	}
	nodedb_counts(db, &n);
	is_said(nodedb_bucket_cut(db, b), NODEDB_BUSY, "many parts, too");
	nodedb_counts(db, &left);
	is_int(n.parts - left.parts, 5000, "those of one upload a call");
	nodedb_bucket_cut(db, b);
	nodedb_bucket_cut(db, b);
	is_said(nodedb_bucket_cut(db, b), NODEDB_OK, "until none is left");
	nodedb_commit(db);
}

int
main(void)
{
	place_open("node.db");
	db = index_open();
	uploads();
	many_uploads();
	many_parts();
	is_counted(db, "every reference is counted");
	nodedb_close(db);
	place_close();
	return tap_done();
}
