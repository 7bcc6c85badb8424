/* SPDX-License-Identifier: ISC */
#include "t/s3/rows.h"

static void
fill(struct rig *g, const char *const *keys)
{
	char target[3 * S3_KEY + 16];

	for (; *keys; keys++) {
		snprintf(target, sizeof target, "/box/%s", *keys);
		rig_put(g, target, slice_text("x"));
	}
}

static void
prefixes(void)
{
	static const char *const keys[] = { "a", "a/b", "a/c/d", "a//e", "b--c",
		"b--d--e", "b-f", "z", NULL };
	static const struct {
		const char *query, *rows;
	} asked[] = {
		{ "", "a a//e a/b a/c/d b--c b--d--e b-f z" },
		{ "&delimiter=/", "a a/ b--c b--d--e b-f z" },
		{ "&prefix=a/&delimiter=/", "a// a/b a/c/" },
		{ "&prefix=a&delimiter=/", "a a/" },
		{ "&prefix=a/&delimiter=//", "a//e a/b a/c/d" },
		{ "&delimiter=--", "a a//e a/b a/c/d b-- b-f z" },
		{ "&prefix=b-&delimiter=--", "b--c b--d-- b-f" },
		{ "&prefix=b--&delimiter=--", "b--c b--d--" },
		{ "&delimiter=c", "a a//e a/b a/c b--c b--d--e b-f z" },
		{ "&prefix=none&delimiter=/", "" },
		{ "&prefix=z&delimiter=z", "z" },
		{ "&delimiter=", "a a//e a/b a/c/d b--c b--d--e b-f z" },
		{ "&max-keys=2", "a a//e …" },
		{ "&max-keys=2&delimiter=/", "a a/ …" },
		{ "&max-keys=6&delimiter=/", "a a/ b--c b--d--e b-f z" },
		{ "&max-keys=0", "" },
		{ "&max-keys=99999", "a a//e a/b a/c/d b--c b--d--e b-f z" },
	};
	char target[200];
	struct rig g;

	rig_new(&g);
	fill(&g, keys);
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
		for (int v2 = 0; v2 < 2; v2++) {
			snprintf(target, sizeof target, "/box?%s%s",
			    v2 ? "list-type=2" : "fetch-owner=false",
			    asked[i].query);
			is_text(rows_ask(&g, target), asked[i].rows, target);
		}
	rows_ask(&g, "/box?list-type=2&max-keys=99999");
	is_text(rig_xml(&g, "MaxKeys"), "1000", "no more than 1,000");
	is_text(rig_xml(&g, "KeyCount"), "8", "the answers are counted");
	is_text(rig_xml(&g, "Owner"), "", "without owners");
	rows_ask(&g, "/box?list-type=2&fetch-owner=true");
	is_text(rig_xml(&g, "DisplayName"), "ann", "or with them");
	rows_ask(&g, "/box?list-type=2&max-keys=2&delimiter=/");
	is_text(rig_xml(&g, "KeyCount"), "2", "prefixes too");
	rig_free(&g);
}

static void
markers(void)
{
	static const char *const keys[] = { "a", "b/", "b/c", "b/d", "b0", "c",
		NULL };
	static const struct {
		const char *query, *rows;
	} asked[] = {
		{ "marker=a", "b/ b/c b/d b0 c" },
		{ "marker=b/", "b/c b/d b0 c" },
		{ "marker=zz", "" },
		{ "marker=a&delimiter=/", "b/ b0 c" },
		{ "marker=b/&delimiter=/", "b0 c" },
		{ "marker=b/c&delimiter=/", "b0 c" },
		{ "marker=b/zz&delimiter=/", "b0 c" },
		{ "marker=b&delimiter=/", "b/ b0 c" },
		{ "marker=a&prefix=b/&delimiter=/", "b/ b/c b/d" },
		{ "marker=b/c&prefix=b/&delimiter=/", "b/d" },
		{ "marker=c&prefix=b/", "" },
		/* of v2's this is known to be otherwise */
		{ "list-type=2&start-after=b/c&delimiter=/", "b/ b0 c" },
		{ "list-type=2&start-after=b/d&delimiter=/", "b0 c" },
		{ "list-type=2&start-after=b/", "b/c b/d b0 c" },
		{ "list-type=2&marker=c", "a b/ b/c b/d b0 c" },
		{ "start-after=c", "a b/ b/c b/d b0 c" },
	};
	char target[200];
	struct rig g;

	rig_new(&g);
	fill(&g, keys);
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		snprintf(target, sizeof target, "/box?%s", asked[i].query);
		is_text(rows_ask(&g, target), asked[i].rows, target);
	}
	rig_free(&g);
}

static void
pages(void)
{
	static const char *const keys[] = { "a", "a-", "a-b-c", "a-b-d", "b",
		"c-a", "c-b", "c-c", "d%C3%BF", "d%F4%8F%BF%BFx", "e%26%3C",
		"f+g", "h%20i", NULL };
	static const char *const queries[] = { "", "delimiter=-",
		"prefix=a&delimiter=-", "prefix=a-&delimiter=-", "prefix=c",
		"delimiter=b-", "delimiter=%F4%8F%BF%BF" };
	char target[200];
	struct rig g;

	rig_new(&g);
	fill(&g, keys);
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
		for (unsigned most = 1; most < 4; most++) {
			snprintf(target, sizeof target, "/box?%s", queries[i]);
			rows_walk(&g, target, "max-keys", most);
			snprintf(target, sizeof target, "/box?list-type=2&%s",
			    queries[i]);
			rows_walk(&g, target, "max-keys", most);
		}
	rig_free(&g);
}

static void
refusals(void)
{
	static const char *const bad[] = { "max-keys=-1", "max-keys=x",
		"max-keys=1x", "max-keys=99999999999", "max-keys=+1",
		"encoding-type=base64", "list-type=2&continuation-token=",
		"list-type=2&continuation-token=x61",
		"list-type=2&continuation-token=k6",
		"list-type=2&continuation-token=kzz",
		"list-type=2&continuation-token=p",
		"list-type=2&continuation-token=k", NULL };
	char target[4 * S3_KEY];
	struct rig g;
	size_t n;

	rig_new(&g);
	rig_put(&g, "/box/a", slice_text("x"));
	for (size_t i = 0; bad[i]; i++) {
		snprintf(target, sizeof target, "/box?%s", bad[i]);
		rig_do(&g, "GET", target);
		rig_is(&g, 400, "InvalidArgument", target);
	}
	n = (size_t)snprintf(
	    target, sizeof target, "/box?list-type=2&continuation-token=k");
	memset(target + n, '6', 2 * S3_KEY + 2);
	target[n + 2 * S3_KEY + 2] = '\0';
	rig_do(&g, "GET", target);
	rig_is(&g, 400, "InvalidArgument", "a token that is too long");
	n = (size_t)snprintf(target, sizeof target, "/box?marker=");
	memset(target + n, 'k', S3_KEY + 1);
	target[n + S3_KEY + 1] = '\0';
	rig_do(&g, "GET", target);
	rig_is(&g, 400, "KeyTooLongError", "a marker that is too long");
	n = (size_t)snprintf(target, sizeof target, "/box?prefix=");
	memset(target + n, 'k', 3 * S3_KEY);
	target[n + 3 * S3_KEY] = '\0';
	is_text(rows_ask(&g, target), "", "no key has so long a prefix");
	is_text(rows_ask(&g, "/box?list-type=2&continuation-token=pff"), "",
	    "a forged token leads behind all");
	is_text(rows_ask(&g, "/box?list-type=2&continuation-token=p61"), "",
	    "or behind what begins so");
	is_text(rows_ask(&g, "/box?list-type=2&continuation-token=k00"), "a",
	    "or before all");
	rig_do(&g, "GET", "/nobox?list-type=2");
	rig_is(&g, 404, "NoSuchBucket", "of no bucket");
	rig_free(&g);
}

static void
encoded(void)
{
	static const char *const keys[] = { "a%01b", "c%26d", "e/f%0Ag", NULL };
	struct rig g;

	rig_new(&g);
	fill(&g, keys);
	is_text(rows_ask(&g, "/box?list-type=2&encoding-type=url"),
	    "a%01b c%26d e/f%0Ag", "keys with control bytes come whole");
	is_text(rig_xml(&g, "EncodingType"), "url", "and say that they do");
	is_text(rows_ask(&g, "/box?encoding-type=url&delimiter=%26&max-keys=2"),
	    "a%01b c%26 …", "so do prefixes");
	is_text(rig_xml(&g, "NextMarker"), "c%26", "markers");
	is_text(rig_xml(&g, "Delimiter"), "%26", "and the delimiter");
	rows_ask(&g, "/box?list-type=2&encoding-type=url&start-after=a%01b");
	is_text(rig_xml(&g, "StartAfter"), "a%01b", "and where it starts");
	is_text(rows_ask(&g, "/box?list-type=2"),
	    "a\xef\xbf\xbd"
	    "b c&d e/f\ng",
	    "or as XML has them");
	rig_free(&g);
}

/* Keys that blow up in XML: the page ends before 1,000. */
static void
large_page(void)
{
	struct object o = { .content = { CONTENT_NONE, 0 } };
	char raw[S3_KEY + 1];
	unsigned pages = 0;
	size_t all = 0;
	struct rig g;

	rig_new(&g);
	memset(raw, '&', S3_KEY);
	for (int i = 0; i < 700; i++) {
		snprintf(raw, 8, "%07d", i);
		raw[7] = '&';
		o.key = slice_of(raw, S3_KEY);
		if (nodedb_put(g.db, g.box, &o, 0, NULL) != NODEDB_OK)
			abort();
	}
	rig_do(&g, "GET", "/box?list-type=2");
	for (;;) {
		ok(g.got.status == 200 && g.got.body.n < 5 << 19,
		    "a page is not too long");
		rows_of(&g);
		all += rows.count;
		if (!rows.more || ++pages > 9)
			break;
		rows_ask_next(&g, "/box?list-type=2");
	}
	ok(pages > 0 && pages < 9, "so it takes some");
	is_int(all, 700, "and all keys come");
	rig_free(&g);
}

/* Delete markers are looked at and not answered: a page ends at them too. */
static void
many_markers(void)
{
	static const char *const targets[] = { "/box?list-type=2",
		"/box?list-type=2&delimiter=/",
		"/box?prefix=", "/box?delimiter=/" };
	uint64_t version;
	char key[32];
	unsigned pages;
	struct rig g;
	bool marker;

	rig_new(&g);
	if (nodedb_bucket_set(g.db, g.box, S3_VERSIONED, 0) != NODEDB_OK)
		abort();
	for (int i = 0; i < 25000; i++) {
		snprintf(key, sizeof key, "d/%06d", i);
		nodedb_delete(
		    g.db, g.box, slice_text(key), 1, &marker, &version);
	}
	nodedb_commit(g.db);
	rig_put(&g, "/box/d/last", slice_text("x"));
	rig_put(&g, "/box/e", slice_text("x"));
	for (size_t i = 0; i < 4; i++) {
		is_text(rows_ask(&g, targets[i]), "…", "an empty page");
		for (pages = 1; rows.more && pages < 9; pages++)
			rows_ask_next(&g, targets[i]);
		is_text(rows.text, i % 2 ? "d/ e" : "d/last e",
		    "what is behind many delete markers");
		is_int(pages, 3, "is on the third page");
	}
	rig_free(&g);
}

static void
grants(void)
{
	struct grant some = { .bucket = "box",
		.verbs = S3_LIST,
		.prefix = (char *)(uintptr_t) "my/" };
	static const char *const keys[] = { "a", "my/a", "my/b", NULL };
	struct rig g;

	rig_new(&g);
	fill(&g, keys);
	rig_key(&g, "SOME", g.ann, &some, 1);
	g.key_id = "SOME";
	rig_do(&g, "GET", "/box?list-type=2");
	rig_is(&g, 403, "AccessDenied", "a grant of a prefix lists only that");
	rig_do(&g, "GET", "/box?list-type=2&prefix=my");
	rig_is(&g, 403, "AccessDenied", "all of it");
	is_text(rows_ask(&g, "/box?list-type=2&prefix=my/"), "my/a my/b",
	    "and that it does");
	is_text(
	    rows_ask(&g, "/box?list-type=2&prefix=my/&continuation-token=k00"),
	    "my/a my/b", "whatever the token says");
	rig_free(&g);
}

/* Against a list that is made by looking at every key. */

enum { MODEL_KEYS = 40, MODEL_LEN = 8 };
static char model[MODEL_KEYS][MODEL_LEN];
static size_t nmodel;
static uint64_t dice = 1;

static size_t
roll(size_t n)
{
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(dice >> 33) % n;
}

static void
word(char *text, size_t least, size_t most)
{
	size_t n = least + roll(most - least + 1);

	for (size_t i = 0; i < n; i++)
		text[i] = "a-b"[roll(3)];
	text[n] = '\0';
}

static int
order(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The common prefix of a key, or the key. */
static void
common(const char *key, const char *prefix, const char *delimiter, char *out)
{
	const char *at =
	    delimiter[0] ? strstr(key + strlen(prefix), delimiter) : NULL;

	snprintf(out, MODEL_LEN + 2, "%.*s",
	    at ? (int)(at - key + (ptrdiff_t)strlen(delimiter)) : MODEL_LEN,
	    key);
}

static const char *
expected(const char *prefix, const char *delimiter, const char *marker, bool v2)
{
	static char all[MODEL_KEYS * (MODEL_LEN + 1)];
	char one[MODEL_LEN + 2], last[MODEL_LEN + 2] = "";
	size_t n = 0;

	all[0] = '\0';
	for (size_t i = 0; i < nmodel; i++) {
		if (strncmp(model[i], prefix, strlen(prefix)) != 0 ||
		    strcmp(model[i], marker) <= 0)
			continue;
		common(model[i], prefix, delimiter, one);
		if (strcmp(one, last) == 0)
			continue;
		if (!v2 && strcmp(one, model[i]) != 0 &&
		    strncmp(marker, one, strlen(one)) == 0)
			continue;
		n += (size_t)snprintf(
		    all + n, sizeof all - n, "%s%s", n ? " " : "", one);
		snprintf(last, sizeof last, "%s", one);
	}
	return all;
}

static void
by_model(void)
{
	char prefix[4], delimiter[3], marker[6], target[200];
	unsigned wrong = 0;
	struct rig g;

	rig_new(&g);
	for (size_t i = 0; i < MODEL_KEYS; i++) {
		word(model[i], 1, MODEL_LEN - 1);
		snprintf(target, sizeof target, "/box/%.7s", model[i]);
		rig_put(&g, target, slice_text("x"));
	}
	qsort(model, MODEL_KEYS, MODEL_LEN, order);
	for (size_t i = 0; i < MODEL_KEYS; i++)
		if (nmodel == 0 || strcmp(model[nmodel - 1], model[i]) != 0)
			memmove(model[nmodel++], model[i], MODEL_LEN);
	for (int i = 0; i < 2000; i++) {
		bool v2 = i % 2;

		word(prefix, 0, 3);
		word(delimiter, 0, 2);
		word(marker, 0, 5);
		snprintf(target, sizeof target,
		    "/box?prefix=%s&delimiter=%s&%s=%s", prefix, delimiter,
		    v2 ? "list-type=2&start-after" : "marker", marker);
		if (strcmp(rows_ask(&g, target),
			expected(prefix, delimiter, marker, v2)) == 0)
			continue;
		printf("# %s: %s, not %s\n", target, rows.text,
		    expected(prefix, delimiter, marker, v2));
		wrong++;
	}
	is_int(wrong, 0, "lists are those of the model");
	rig_free(&g);
}

int
main(void)
{
	prefixes();
	markers();
	pages();
	refusals();
	encoded();
	large_page();
	many_markers();
	grants();
	by_model();
	return tap_done();
}
