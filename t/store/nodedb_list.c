/* SPDX-License-Identifier: ISC
 *
 * Lists of store/nodedb beside one made by brute force: random keys, versions,
 * prefixes, delimiters and places to go on from. */
#include "t/store/index.h"

enum { ROWS = 1500, LISTS = 6000, KEY = 6, ANSWERS = 4000 };

struct row {
	uint8_t key[KEY];
	size_t n;
	uint64_t version;
	bool marker, latest;
};

static struct row rows[ROWS];
static size_t nrows;
static struct nodedb *db;
static struct bucket *bucket;

static struct slice
some_key(uint8_t out[KEY], size_t least, size_t most)
{
	static const uint8_t letters[] = { 'a', 'b', '/', 0xff, '/', 0x01 };
	size_t n = least + chance((unsigned)(most - least + 1));

	for (size_t i = 0; i < n; i++)
		out[i] = letters[chance(sizeof letters)];
	return slice_of(out, n);
}

static int
order(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int o = n ? memcmp(a.p, b.p, n) : 0;

	return o ? o : (a.n > b.n) - (a.n < b.n);
}

static struct slice
key_of(const struct row *r)
{
	return slice_of(r->key, r->n);
}

static int
by_place(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	int o = order(key_of(a), key_of(b));

	return o ? o : (a->version < b->version) - (a->version > b->version);
}

static void
fill(void)
{
	uint64_t version = 0;

	while (nrows < ROWS) {
		struct row *r = &rows[nrows++];
		struct object o = { .at = NOW }, put;

		r->n = some_key(r->key, 1, KEY).n;
		o.key = key_of(r);
		o.marker = r->marker = chance(4) == 0;
		if (nodedb_put(db, bucket, &o, 0, &put) != NODEDB_OK)
			exit(1);
		r->version = put.version;
		if (put.version <= version)
			ok(false, "versions grow");
		version = put.version;
	}
	nodedb_commit(db);
	qsort(rows, nrows, sizeof rows[0], by_place);
	for (size_t i = 0; i < nrows; i++)
		rows[i].latest = i == 0 || order(key_of(&rows[i]),
					       key_of(&rows[i - 1])) != 0;
}

/* An answer: a version, or a common prefix (version 0). */
struct answer {
	uint8_t text[KEY];
	size_t n;
	uint64_t version;
	bool latest;
};
struct answers {
	struct answer a[ANSWERS];
	size_t n, stop; /* stop: after so many; 0: never */
};

static int
take(void *arg, const struct object *o, struct slice common)
{
	struct answers *as = arg;
	struct answer *a = &as->a[as->n++];
	struct slice s = o ? o->key : common;

	*a = (struct answer){ .n = s.n,
		.version = o ? o->version : 0,
		.latest = o && o->latest };
	memcpy(a->text, s.p, s.n);
	return as->n == as->stop;
}

static bool
begins(struct slice s, struct slice with)
{
	return s.n >= with.n &&
	       (with.n == 0 || memcmp(s.p, with.p, with.n) == 0);
}

static bool
is_behind(const struct nodedb_list *l, const struct row *r)
{
	int o = order(key_of(r), l->after);

	if (l->after.n == 0)
		return true;
	if (l->after_prefix)
		return o > 0 && !begins(key_of(r), l->after);
	if (o == 0 && l->versions && l->after_version)
		return r->version < l->after_version;
	return o > 0;
}

static bool
brute(const struct nodedb_list *l, struct answers *as)
{
	as->n = 0;
	for (size_t i = 0; i < nrows; i++) {
		const struct row *r = &rows[i];
		struct slice key = key_of(r), common = { 0 };
		const uint8_t *at = NULL;
		struct answer *last = as->n ? &as->a[as->n - 1] : NULL;

		if (!begins(key, l->prefix) || !is_behind(l, r) ||
		    (!l->versions && (!r->latest || r->marker)))
			continue;
		if (l->delimiter.n)
			at = memmem(key.p + l->prefix.n, key.n - l->prefix.n,
			    l->delimiter.p, l->delimiter.n);
		if (at)
			common = slice_of(
			    key.p, (size_t)(at - key.p) + l->delimiter.n);
		if (at && last && last->version == 0 &&
		    slice_eq(slice_of(last->text, last->n), common))
			continue;
		if (as->n == l->most)
			return l->most > 0;
		last = &as->a[as->n++];
		*last = (struct answer){ .n = at ? common.n : key.n,
			.version = at ? 0 : r->version,
			.latest = !at && r->latest };
		memcpy(last->text, r->key, last->n);
	}
	return false;
}

static bool
same(const struct answers *a, const struct answers *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (a->a[i].n != b->a[i].n ||
		    memcmp(a->a[i].text, b->a[i].text, a->a[i].n) != 0 ||
		    a->a[i].version != b->a[i].version ||
		    a->a[i].latest != b->a[i].latest)
			return false;
	return a->n == b->n;
}

static struct answers got, want;

static bool
one_list(void)
{
	uint8_t prefix[KEY], delimiter[KEY], after[KEY];
	struct nodedb_list l = { .bucket = bucket };
	bool more, more_wanted;

	l.prefix = some_key(prefix, 0, 2);
	l.delimiter = some_key(delimiter, 0, 2);
	l.after = some_key(after, 0, 3);
	l.after_prefix = chance(3) == 0;
	l.versions = chance(2);
	l.most = chance(3) ? chance(20) : ROWS + 1;
	if (l.versions && chance(2)) {
		const struct row *r = &rows[chance((unsigned)nrows)];

		l.after = key_of(r);
		l.after_version = r->version;
		l.after_prefix = false;
	}
	got = (struct answers){ 0 };
	if (nodedb_list(db, &l, take, &got, &more) != NODEDB_OK)
		return false;
	more_wanted = brute(&l, &want);
	return same(&got, &want) && more == more_wanted;
}

static void
lists(void)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < LISTS && wrong == 0; i++)
		wrong += !one_list();
	is_int(wrong, 0, "lists are what brute force makes of the rows");
}

/* Page after page, as clients do, gives all of it once. */
static void
pages(void)
{
	struct nodedb_list l = {
		.bucket = bucket, .versions = true, .most = 7
	};
	static struct answers all, page;
	uint8_t last[KEY];
	bool more = true;

	while (more && all.n + l.most < ANSWERS) {
		page.n = 0;
		nodedb_list(db, &l, take, &page, &more);
		for (size_t i = 0; i < page.n; i++)
			all.a[all.n++] = page.a[i];
		if (page.n == 0)
			break;
		memcpy(last, all.a[all.n - 1].text, all.a[all.n - 1].n);
		l.after = slice_of(last, all.a[all.n - 1].n);
		l.after_version = all.a[all.n - 1].version;
	}
	l = (struct nodedb_list){
		.bucket = bucket, .versions = true, .most = ROWS + 1
	};
	brute(&l, &want);
	ok(same(&all, &want), "pages of versions make the whole list");
	is_int(all.n, ROWS, "every version once");
}

static void
stops(void)
{
	struct nodedb_list l = { .bucket = bucket, .most = 100 };
	bool more;

	got = (struct answers){ .stop = 3 };
	nodedb_list(db, &l, take, &got, &more);
	is_int(got.n, 3, "a caller that has enough");
	ok(!more, "knows so himself");
}

/* The newest version of a key goes between two pages: what follows is then the
 * newest. */
static void
newest_gone(void)
{
	struct nodedb_list l = {
		.bucket = bucket, .versions = true, .most = 1
	};
	struct object o = { .key = slice_text("two"), .at = NOW }, a, b;
	bool marker, more;

	nodedb_put(db, bucket, &o, 0, &a);
	nodedb_put(db, bucket, &o, 0, &b);
	l.after = o.key;
	l.after_version = b.version;
	got = (struct answers){ 0 };
	nodedb_list(db, &l, take, &got, &more);
	ok(got.n == 1 && got.a[0].version == a.version && !got.a[0].latest,
	    "the older one is not the newest");
	nodedb_delete_version(db, bucket, o.key, b.version, &marker);
	got = (struct answers){ 0 };
	nodedb_list(db, &l, take, &got, &more);
	ok(got.n == 1 && got.a[0].version == a.version && got.a[0].latest,
	    "unless the newer one is gone");
}

/* Keys that are deleted cost time and no answer; a ceiling bounds that. */
static void
bounded(void)
{
	struct bucket *b =
	    bucket_of(db, "graves", nodedb_tenant(db, slice_text("t")), 1);
	struct buf stopped = { .max = NODEDB_KEY };
	struct nodedb_list l = {
		.bucket = b, .most = 10, .looks = 100, .stopped = &stopped
	};
	char key[16];
	unsigned calls = 0;
	bool marker, more = true;
	uint64_t version;
	uint8_t after[KEY + 10];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(key, sizeof key, "k%04u", i);
		nodedb_delete(db, b, slice_text(key), NOW, &marker, &version);
	}
	nodedb_put(
	    db, b, &(struct object){ .key = slice_text("last") }, 0, NULL);
	got = (struct answers){ 0 };
	while (more && ++calls < 100) {
		nodedb_list(db, &l, take, &got, &more);
		memcpy(after, stopped.p, stopped.n);
		l.after = slice_of(after, stopped.n);
	}
	is_int(calls, 11, "a hundred keys are looked at in a call");
	is_int(got.n, 1, "and what is there is found");
	buf_free(&stopped);
}

/* Nine thousand keys below three names, and three thousand versions of one, in
 * each of a thousand lists. */
static void
seeks(void)
{
	struct bucket *b =
	    bucket_of(db, "deep", nodedb_tenant(db, slice_text("t")), 1);
	struct nodedb_list l = {
		.bucket = b, .most = 1000, .delimiter = slice_text("/")
	};
	char key[32];
	bool more;

	for (unsigned i = 0; i < 3; i++)
		for (unsigned j = 0; j < 3000; j++) {
			snprintf(key, sizeof key, "d%u/%u", i, j);
			nodedb_put(db, b,
			    &(struct object){ .key = slice_text(key) }, 0,
			    NULL);
		}
	for (unsigned j = 0; j < 3000; j++)
		nodedb_put(db, b, &(struct object){ .key = slice_text("old") },
		    0, NULL);
	got = (struct answers){ 0 };
	for (unsigned i = 0; i < 1000; i++) {
		got.n = 0;
		nodedb_list(db, &l, take, &got, &more);
	}
	ok(got.n == 4 && !more, "three directories and a file");
}

int
main(void)
{
	place_open("node.db");
	db = index_open();
	bucket = bucket_of(db, "list", tenant_of(db, "t", UINT64_MAX), 1);
	fill();
	lists();
	pages();
	stops();
	newest_gone();
	bounded();
	seeks();
	is_counted(db, "every reference is counted");
	nodedb_close(db);
	place_close();
	return tap_done();
}
