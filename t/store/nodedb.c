/* SPDX-License-Identifier: ISC
 *
 * store/nodedb: tenants, keys, buckets and their documents, objects, contents,
 * uploads, care and the journal, before and after it is opened again. */
#include "store/nodedb_copy.h"
#include "t/store/index.h"

static struct nodedb *db;

static void
reopen(void)
{
	nodedb_close(db);
	db = index_open();
}

static void
tenants(void)
{
	struct tenant *t = NULL, *u = NULL;
	struct bucket *b;
	size_t at = 0;
	char name[80];

	is_said(nodedb_tenant_put(db, "ann", "small", 20, 100, &t), NODEDB_OK,
	    "a tenant");
	is_said(nodedb_tenant_put(db, "ann", "large", UINT64_MAX, 7, &u),
	    NODEDB_OK, "other caps");
	ok(t == u && t->egress_cap == 7, "of the same");
	memset(name, 'x', sizeof name);
	name[NODEDB_NAME + 1] = 0;
	is_said(nodedb_tenant_put(db, name, "own", 1, 1, &u), NODEDB_FULL,
	    "a long name");
	is_said(nodedb_tenant_put(db, "", "own", 1, 1, &u), NODEDB_FULL,
	    "an empty name");
	name[NODEDB_NAME] = 0;
	is_said(nodedb_tenant_put(db, name, "own", 1, 1, &u), NODEDB_OK,
	    "just short enough");
	bucket_of(db, "holds", t, 0);
	is_said(nodedb_tenant_cut(db, t), NODEDB_BUSY, "it has a bucket");
	reopen();
	t = nodedb_tenant(db, slice_text("ann"));
	ok(t && t->disk_cap == UINT64_MAX && t->egress_cap == 7 &&
		strcmp(t->tier, "large") == 0,
	    "and is there again");
	ok(nodedb_tenant_next(db, &at) == t && nodedb_tenant_next(db, &at) &&
		nodedb_tenant_next(db, &at) == NULL,
	    "both in a walk");
	b = nodedb_bucket(db, slice_text("holds"));
	ok(b && b->tenant == t, "the bucket knows its tenant");
	is_said(nodedb_bucket_cut(db, b), NODEDB_OK, "the bucket goes");
	is_int(b->no, 0, "what is left of it says so");
	is_said(nodedb_put(
		    db, b, &(struct object){ .key = slice_text("k") }, 0, NULL),
	    NODEDB_NONE, "nothing is put into it");
	is_said(nodedb_tenant_cut(db, t), NODEDB_OK, "and the tenant");
	ok(nodedb_tenant(db, slice_text("ann")) == NULL, "who is gone");
	ok(tenant_of(db, "ann", 9) == t && t->disk_cap == 9,
	    "and comes back as the same");
}

static void
keys(void)
{
	struct tenant *t = tenant_of(db, "bob", UINT64_MAX);
	struct access_key k = { .id = "AKID",
		.tenant = t,
		.nsealed = 3,
		.sealed = { 1, 2, 3 },
		.created = NOW,
		.ngrants = 2,
		.grants = {
		    { "*", 3, NULL }, { "logs", 8, (char *)"2026/" } } };
	const struct access_key *got;
	size_t at = 0;

	is_said(nodedb_key_put(db, &k), NODEDB_OK, "a key");
	k.disabled = true;
	is_said(nodedb_key_put(db, &k), NODEDB_OK, "again, disabled");
	got = nodedb_key(db, slice_text("AKID"));
	k = *got;
	is_said(nodedb_key_put(db, &k), NODEDB_OK, "a copy of what is there");
	strcpy(k.id, "OTHER");
	k.ngrants = NODEDB_GRANTS + 1;
	is_said(nodedb_key_put(db, &k), NODEDB_FULL, "too many grants");
	is_said(nodedb_tenant_cut(db, t), NODEDB_BUSY, "it has a key");
	reopen();
	got = nodedb_key(db, slice_text("AKID"));
	ok(got && got->disabled && got->nsealed == 3 && got->sealed[2] == 3 &&
		got->tenant == nodedb_tenant(db, slice_text("bob")),
	    "the key is there again");
	ok(got->ngrants == 2 && strcmp(got->grants[0].prefix, "") == 0 &&
		strcmp(got->grants[1].prefix, "2026/") == 0 &&
		got->grants[1].verbs == 8,
	    "with its grants in order");
	ok(nodedb_key_next(db, &at) == got && nodedb_key_next(db, &at) == NULL,
	    "alone in a walk");
	is_said(nodedb_key_cut(db, slice_text("AKID")), NODEDB_OK, "cut");
	is_said(nodedb_key_cut(db, slice_text("AKID")), NODEDB_NONE, "once");
	is_int(look("SELECT count(*) FROM allowed") >= 0, 1, "readable");
	nodedb_commit(db);
	is_int(look("SELECT count(*) FROM allowed"), 0, "no grant is left");
}

static void
buckets(void)
{
	struct tenant *t = tenant_of(db, "bob", UINT64_MAX);
	struct bucket *b = bucket_of(db, "beta", t, 1), *a, *c = NULL;
	struct buf out = { .max = NODEDB_DOC };
	static uint8_t doc[NODEDB_DOC + 1];

	a = bucket_of(db, "alpha", t, 0);
	is_said(nodedb_bucket_new(db, slice_text("beta"), t, NOW, &c),
	    NODEDB_EXISTS, "there is one of this name");
	ok(nodedb_bucket_after(db, slice_text("")) == a &&
		nodedb_bucket_after(db, slice_text("alpha")) == b &&
		nodedb_bucket_after(db, slice_text("beta")) == NULL,
	    "in order of their names");
	is_said(nodedb_doc_put(db, b, DOC_CORS, slice_of(doc, sizeof doc - 1)),
	    NODEDB_OK, "a big document");
	is_said(nodedb_doc_put(db, b, DOC_TAGS, slice_of(doc, sizeof doc)),
	    NODEDB_FULL, "one that is too big");
	is_said(nodedb_bucket_set(db, b, 2, 5), NODEDB_OK, "suspended");
	reopen();
	b = nodedb_bucket(db, slice_text("beta"));
	ok(b->versioning == 2 && b->anonymous == 5 && b->created == NOW,
	    "is there again");
	ok(b->has_doc[DOC_CORS] && !b->has_doc[DOC_TAGS], "with a document");
	is_said(nodedb_doc_get(db, b, DOC_CORS, &out), NODEDB_OK, "read");
	is_int(out.n, NODEDB_DOC, "whole");
	is_said(nodedb_doc_get(db, b, DOC_TAGS, &out), NODEDB_NONE, "none");
	is_said(nodedb_doc_put(db, b, DOC_CORS, slice_text("")), NODEDB_OK,
	    "removed");
	ok(!b->has_doc[DOC_CORS], "it is gone");
	put_small(db, b, "key", 1, NULL);
	is_said(nodedb_bucket_cut(db, b), NODEDB_BUSY, "it holds something");
	buf_free(&out);
}

static void
holders(void)
{
	struct tenant *t = tenant_of(db, "bob", UINT64_MAX);
	struct tenant *other = tenant_of(db, "eve", UINT64_MAX);
	struct bucket *b = bucket_of(db, "moves", t, 1), *c, *d;

	nodedb_bucket_cut(db, b);
	c = bucket_of(db, "moves", other, 0);
	ok(c != b && b->no == 0, "another tenant's is another one");
	nodedb_bucket_cut(db, c);
	d = bucket_of(db, "moves", t, 0);
	ok(d == b && d->no != 0 && d->versioning == 0,
	    "the same tenant's comes back, new");
	nodedb_bucket_cut(db, d);
	nodedb_nobody_holds(db);
	is_said(nodedb_commit(db), NODEDB_OK, "committed");
}

static void
contents(void)
{
	struct tenant *t = tenant_of(db, "bob", UINT64_MAX);
	struct bucket *b = bucket_of(db, "contents", t, 0);
	static uint8_t big[NODEDB_INLINE + 1] = { 7 };
	struct content c;
	struct slice bytes;
	struct object o;
	struct nodedb_counts n;
	uint8_t sha[32];
	struct buf sums = { .max = 100 };
	uint64_t size;

	is_said(nodedb_inline(db, slice_of(big, sizeof big), &c), NODEDB_FULL,
	    "small contents are small");
	is_said(nodedb_inline(db, slice_of(big, sizeof big - 1), &c), NODEDB_OK,
	    "as big as they may be");
	is_said(nodedb_inline_read(db, &c, &bytes), NODEDB_OK, "read");
	ok(bytes.n == NODEDB_INLINE && bytes.p[0] == 7, "whole");
	nodedb_commit(db);
	is_said(nodedb_inline_read(db, &c, &bytes), NODEDB_NONE,
	    "nobody wanted it");
	is_said(nodedb_put(db, b,
		    &(struct object){ .key = slice_text("k"), .content = c }, 0,
		    NULL),
	    NODEDB_NONE, "it cannot be put any more");

	is_said(put_blob(db, b, "one", 1, 100, &o), NODEDB_OK, "a blob");
	blob_id(1, sha);
	ok(nodedb_blob_known(db, sha, 100), "is known");
	ok(!nodedb_blob_known(db, sha, 99), "with its size only");
	is_said(nodedb_blob_sums(db, sha, &sums), NODEDB_OK, "its sums");
	ok(slice_is(buf_slice(&sums), "sums"), "are there");
	is_said(nodedb_blob_read(db, &o.content, sha, &size), NODEDB_OK,
	    "by its number");
	is_said(nodedb_blob(db, sha, 99, slice_text(""), &c), NODEDB_EXISTS,
	    "no two of one id");
	put_blob(db, b, "two", 1, 100, NULL);
	nodedb_counts(db, &n);
	ok(n.blobs == 1 && n.blob_bytes == 100 && n.dead == 0,
	    "two names, one blob");
	is_int(t->disk_used, 201, "paid twice");
	buf_free(&sums);
}

static void
dead(void)
{
	struct bucket *b = nodedb_bucket(db, slice_text("contents"));
	uint8_t shas[3][32], sha[32];
	struct content c;
	struct nodedb_counts n;
	bool marker;
	uint64_t version;

	blob_id(1, sha);
	nodedb_delete(db, b, slice_text("one"), NOW, &marker, &version);
	is_int(nodedb_dead(db, shas, 3), 0, "one name is left");
	nodedb_delete(db, b, slice_text("two"), NOW, &marker, &version);
	nodedb_counts(db, &n);
	is_int(n.dead, 1, "none is left");
	nodedb_commit(db);
	nodedb_blob(db, sha, 100, slice_text(""), &c);
	is_int(nodedb_dead(db, shas, 3), 0, "it was just put again");
	nodedb_put(db, b,
	    &(struct object){
		.key = slice_text("three"), .size = 100, .content = c },
	    0, NULL);
	nodedb_commit(db);
	is_int(nodedb_dead(db, shas, 3), 0, "and is in use");
	nodedb_delete(db, b, slice_text("three"), NOW, &marker, &version);
	is_int(nodedb_dead(db, shas, 3), 1, "dead in the end");
	ok(memcmp(shas[0], sha, 32) == 0 && !nodedb_blob_known(db, sha, 100),
	    "and out of the index");
	nodedb_blob(db, sha, 100, slice_text("sums"), &c);
	nodedb_put(db, b,
	    &(struct object){
		.key = slice_text("four"), .size = 100, .content = c },
	    0, NULL);
	nodedb_commit(db);
	ok(nodedb_blob_known(db, sha, 100),
	    "one that is put behind that is known: its file stays");
}

static void
scrub(void)
{
	uint8_t sha[32], got[32];
	uint64_t size, refs;
	int64_t at;
	bool damaged;
	struct content c;
	struct nodedb_counts n;

	blob_id(1, sha);
	is_said(nodedb_oldest(db, got, &size, &at), NODEDB_OK, "the oldest");
	ok(memcmp(got, sha, 32) == 0 && size == 100, "is it");
	is_said(
	    nodedb_verified(db, sha, NOW, true), NODEDB_OK, "it is damaged");
	is_said(nodedb_oldest(db, got, &size, &at), NODEDB_NONE,
	    "and not looked at again");
	ok(!nodedb_blob_known(db, sha, 100), "nor known");
	nodedb_counts(db, &n);
	is_int(n.damaged, 1, "but counted");
	is_said(nodedb_blob_next(db, NULL, got, &size, &refs, &damaged),
	    NODEDB_OK, "the first blob");
	ok(damaged && refs == 1, "as it is");
	is_said(nodedb_blob_next(db, got, got, &size, &refs, &damaged),
	    NODEDB_NONE, "and the last");
	is_said(nodedb_blob_refs(db, sha, &refs), NODEDB_OK, "by its id");
	is_int(refs, 1, "so often it is referred to");
	blob_id(99, got);
	is_said(nodedb_blob_refs(db, got, &refs), NODEDB_NONE, "no other");
	nodedb_blob(db, sha, 100, slice_text("sums"), &c);
	ok(nodedb_blob_known(db, sha, 100), "written again it is good");
}

static void
ceilings(void)
{
	struct tenant *t = tenant_of(db, "small", 1000);
	struct bucket *b = bucket_of(db, "ceilings", t, 1);
	static char key[NODEDB_KEY + 2];
	static uint8_t meta[NODEDB_META + 1];
	struct object o = { .at = NOW };

	memset(key, 'k', sizeof key - 1);
	o.key = slice_text(key);
	is_said(nodedb_put(db, b, &o, 0, NULL), NODEDB_FULL, "a long key");
	o.key.n--;
	o.meta = o.tags = slice_of(meta, NODEDB_META);
	is_said(nodedb_put(db, b, &o, 0, NULL), NODEDB_OK, "the longest");
	is_said(nodedb_get(db, b, o.key, &o), NODEDB_OK, "and the most");
	ok(o.meta.n == NODEDB_META && o.tags.n == NODEDB_META, "comes back");
	o.meta.n++;
	is_said(nodedb_put(db, b, &o, 0, NULL), NODEDB_FULL, "too much");
	o = (struct object){ .key = slice_text("k"), .version = INT64_MAX };
	is_said(nodedb_put(db, b, &o, 0, NULL), NODEDB_FULL, "a version");
	o.version = 5000000;
	is_said(nodedb_put(db, b, &o, 0, NULL), NODEDB_OK, "of its own");
	is_said(nodedb_put(db, b, &o, 0, NULL), NODEDB_EXISTS, "once");
	put_small(db, b, "k", 1, &o);
	ok(o.version > 5000000 && !o.null && o.latest, "others grow above it");
	is_said(put_small(db, b, "k", 1000, NULL), NODEDB_QUOTA, "a cap");
	is_said(put_small(db, b, "k", 999, NULL), NODEDB_OK, "that is met");
	is_said(nodedb_tenant_put(db, "small", "own", 10, 0, NULL), NODEDB_OK,
	    "lower caps");
	is_said(put_small(db, b, "k", 1, NULL), NODEDB_QUOTA, "no more");
	is_said(put_small(db, b, "k", 0, NULL), NODEDB_OK, "but nothing");
}

/* The null version and the others. */
static void
versions(void)
{
	struct tenant *t = tenant_of(db, "bob", UINT64_MAX);
	struct bucket *b = bucket_of(db, "versions", t, 0);
	struct object first, second, o;
	uint64_t version;
	bool marker;

	put_small(db, b, "k", 1, &first);
	ok(first.null, "without versioning it is the null one");
	nodedb_bucket_set(db, b, 1, 0);
	put_small(db, b, "k", 2, &second);
	get_key(db, b, "k", &o);
	ok(o.version == second.version && o.latest && !o.null, "the newest");
	is_said(nodedb_get_version(db, b, slice_text("k"), 0, &o), NODEDB_OK,
	    "the null one");
	ok(o.version == first.version && !o.latest, "is below");
	nodedb_bucket_set(db, b, 2, 0);
	put_small(db, b, "k", 3, &o);
	ok(o.null && o.version > second.version, "a new null one");
	is_said(nodedb_get_version(db, b, slice_text("k"), first.version, &o),
	    NODEDB_NONE, "instead of the old one");
	nodedb_delete(db, b, slice_text("k"), NOW, &marker, &version);
	is_said(nodedb_get_version(db, b, slice_text("k"), 0, &o), NODEDB_OK,
	    "the null one");
	ok(marker && o.marker && o.version == version && o.latest,
	    "is a marker now");
	nodedb_delete_version(db, b, slice_text("k"), 0, &marker);
	ok(marker, "that can be removed");
	get_key(db, b, "k", &o);
	ok(o.version == second.version && o.latest, "and what was comes back");
	nodedb_delete_version(db, b, slice_text("k"), second.version, &marker);
	is_said(get_key(db, b, "k", &o), NODEDB_NONE, "none is left");
	nodedb_bucket_set(db, b, 0, 0);
	is_said(nodedb_delete(db, b, slice_text("k"), NOW, &marker, &version),
	    NODEDB_OK, "nothing to delete is no fault");
	ok(!marker, "and leaves no marker");
}

struct journal {
	uint64_t first, last;
	size_t n, gaps;
	char whats[64];
};

static int
read_row(void *arg, const struct journal_row *r)
{
	struct journal *j = arg;

	j->gaps += j->n > 0 && r->seq != j->last + 1;
	if (j->n++ == 0)
		j->first = r->seq;
	j->last = r->seq;
	if (slice_is(r->bucket, "told") && j->n < 8) {
		strcat(j->whats, r->what);
		strcat(j->whats, " ");
	}
	return 0;
}

static void
journal(void)
{
	const struct nodedb_conf few = { .cache = 1 << 20, .journal = 100 };
	struct tenant *t = tenant_of(db, "bob", UINT64_MAX);
	struct nodedb_counts n;
	struct journal j = { 0 };
	struct object o;
	struct bucket *b;
	uint64_t epoch = nodedb_epoch(db), version;
	bool marker;

	nodedb_counts(db, &n);
	b = bucket_of(db, "told", t, 1);
	put_small(db, b, "k", 1, &o);
	nodedb_tag(db, b, &o, slice_text("tags"));
	nodedb_delete(db, b, slice_text("k"), NOW, &marker, &version);
	nodedb_delete_version(db, b, slice_text("k"), version, &marker);
	nodedb_journal(db, n.journal_last + 1, 100, read_row, &j);
	is_text(j.whats, "bucket bucket-set put tag marker version-delete ",
	    "each change is told");
	nodedb_close(db);
	db = index_with(&few, NULL);
	ok(nodedb_epoch(db) == epoch && epoch != 0, "the epoch stays");
	b = nodedb_bucket(db, slice_text("told"));
	for (unsigned i = 0; i < 10000; i++)
		put_small(db, b, "k", 1, NULL);
	j = (struct journal){ 0 };
	nodedb_journal(db, 0, 100000, read_row, &j);
	ok(j.n >= 100 && j.n < 100 + 64, "%zu rows of journal", j.n);
	is_int(j.gaps, 0, "without a gap");
	nodedb_counts(db, &n);
	ok(n.journal_first == j.first && n.journal_last == j.last,
	    "its ends are known");
}

static void
snapshot(void)
{
	char path[sizeof db_path], was[sizeof db_path];
	const char *why = "";
	struct bucket *b = nodedb_bucket(db, slice_text("told"));
	struct object o;

	snprintf(path, sizeof path, "%s/copy.db", dir);
	nodedb_commit(db);
	is_int(nodedb_copy(db_path, path, &why), 0, "a snapshot");
	is_said(nodedb_check(db, true), NODEDB_OK, "the file is good");
	is_said(nodedb_check(db, false), NODEDB_OK, "and whole");
	is_int(nodedb_copy(db_path, "/nowhere/copy.db", &why), -1,
	    "nowhere to write to");
	ok(strlen(why) > 0, "and it says why: %s", why);
	put_small(db, b, "later", 1, NULL);
	nodedb_close(db);
	memcpy(was, db_path, sizeof was);
	memcpy(db_path, path, sizeof path);
	db = index_open();
	ok(nodedb_unclean(db), "it is of a running index");
	b = nodedb_bucket(db, slice_text("told"));
	is_said(get_key(db, b, "k", &o), NODEDB_OK, "what was there is there");
	is_said(get_key(db, b, "later", &o), NODEDB_NONE, "what came is not");
	nodedb_close(db);
	memcpy(db_path, was, sizeof was);
	db = index_open();
	ok(!nodedb_unclean(db), "the index itself was closed");
}

static void
in_memory(void)
{
	const char *why;
	bool newer;
	struct nodedb *mem =
	    nodedb_open(":memory:", &usual, NULL, NULL, &why, &newer);
	struct bucket *b =
	    bucket_of(mem, "b", tenant_of(mem, "t", UINT64_MAX), 0);
	struct object o;

	put_small(mem, b, "k", 10, NULL);
	is_said(nodedb_commit(mem), NODEDB_OK, "an index in memory");
	is_said(get_key(mem, b, "k", &o), NODEDB_OK, "for tests");
	is_said(nodedb_check(mem, true), NODEDB_OK, "and good");
	nodedb_close(mem);
}

static void
count_up(void *arg)
{
	++*(int *)arg;
}

/* Who opens it hears of a change that may take long before it is made. */
static void
migrating(void)
{
	struct nodedb_conf conf = usual;
	int told = 0;
	const char *why;
	bool newer;

	conf.migrating = count_up;
	nodedb_close(nodedb_open(db_path, &conf, NULL, &told, &why, &newer));
	nodedb_close(nodedb_open(db_path, &conf, NULL, &told, &why, &newer));
	is_int(told, 0, "a new file is not migrated, nor one of today");
	is_int(change("PRAGMA user_version = 0"), 0, "an older version");
	ok(nodedb_open(db_path, &conf, NULL, &told, &why, &newer) == NULL,
	    "its tables are there already");
	is_int(told, 1, "but an older one is");
	place_clean();
}

int
main(void)
{
	place_open("node.db");
	in_memory();
	migrating();
	db = index_open();
	ok(!nodedb_unclean(db) && !nodedb_dirty(db), "a new index");
	tenants();
	keys();
	buckets();
	holders();
	contents();
	dead();
	scrub();
	ceilings();
	versions();
	journal();
	snapshot();
	is_counted(db, "every reference is counted");
	nodedb_close(db);
	place_close();
	return tap_done();
}
