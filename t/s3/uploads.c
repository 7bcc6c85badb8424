/* SPDX-License-Identifier: ISC */
#include "t/s3/rows.h"

static char id[64];

static void
create(struct rig *g, const char *key)
{
	char target[200];

	snprintf(target, sizeof target, "/box/%s?uploads", key);
	rig_do(g, "POST", target);
	snprintf(id, sizeof id, "%.40s", rig_xml(g, "UploadId"));
	if (g->got.status != 200)
		rig_is(g, 200, "", target);
}

static void
give_up(struct rig *g, const char *key, const char *which)
{
	char target[200];

	snprintf(target, sizeof target, "/box/%s?uploadId=%s", key, which);
	rig_do(g, "DELETE", target);
	is_int(g->got.status, 204, "an upload is given up");
}

static void
fill(struct rig *g)
{
	static const char *const keys[] = { "c/x", "a", "b", "c/y", "a", "c/x",
		"d--e", "a", "d--e", "d-f", NULL };

	for (size_t i = 0; keys[i]; i++)
		create(g, keys[i]);
}

static void
lists(void)
{
	static const struct {
		const char *query, *rows;
	} asked[] = {
		{ "", "a a a b c/x c/x c/y d--e d--e d-f" },
		{ "&delimiter=/", "a a a b c/ d--e d--e d-f" },
		{ "&delimiter=--", "a a a b c/x c/x c/y d-- d-f" },
		{ "&prefix=c/", "c/x c/x c/y" },
		{ "&prefix=c/&delimiter=/", "c/x c/x c/y" },
		{ "&prefix=d-&delimiter=-", "d-- d-f" },
		{ "&key-marker=a", "b c/x c/x c/y d--e d--e d-f" },
		{ "&key-marker=c/x&delimiter=/", "d--e d--e d-f" },
		{ "&key-marker=c/x", "c/y d--e d--e d-f" },
		{ "&key-marker=c&delimiter=/", "c/ d--e d--e d-f" },
		{ "&max-uploads=0", "" },
		{ "&max-uploads=2", "a a …" },
		{ "&max-uploads=5&delimiter=/", "a a a b c/ …" },
		{ "&max-uploads=99999", "a a a b c/x c/x c/y d--e d--e d-f" },
		{ "&upload-id-marker=00000000000000000000000000000000",
		    "a a a b c/x c/x c/y d--e d--e d-f" },
	};
	static const char *const bad[] = { "max-uploads=x", "max-uploads=-1",
		"encoding-type=x", "key-marker=a&upload-id-marker=x",
		"key-marker=a&upload-id-marker=00", NULL };
	char target[200];
	struct rig g;

	rig_new(&g);
	is_text(rows_ask(&g, "/box?uploads"), "", "there are none");
	fill(&g);
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		snprintf(
		    target, sizeof target, "/box?uploads%s", asked[i].query);
		is_text(rows_ask(&g, target), asked[i].rows, target);
	}
	for (size_t i = 0; bad[i]; i++) {
		snprintf(target, sizeof target, "/box?uploads&%s", bad[i]);
		rig_do(&g, "GET", target);
		rig_is(&g, 400, "InvalidArgument", target);
	}
	for (unsigned most = 1; most < 5; most++) {
		rows_walk(&g, "/box?uploads", "max-uploads", most);
		rows_walk(&g, "/box?uploads&delimiter=/", "max-uploads", most);
		rows_walk(&g, "/box?uploads&delimiter=-", "max-uploads", most);
		rows_walk(&g, "/box?uploads&prefix=d-&delimiter=-",
		    "max-uploads", most);
	}
	rig_free(&g);
}

/* Who lists and gives up page by page gives up all. */
static void
removal(void)
{
	unsigned gone = 0;
	struct rig g;
	char key[64], which[64];

	rig_new(&g);
	fill(&g);
	rows_ask(&g, "/box?uploads&max-uploads=2");
	while (gone < 20) {
		snprintf(
		    key, sizeof key, "%.40s", rig_xml(&g, "NextKeyMarker"));
		snprintf(which, sizeof which, "%.40s",
		    rig_xml(&g, "NextUploadIdMarker"));
		if (!rows.more)
			break;
		give_up(&g, key, which);
		gone++;
		rows_ask_next(&g, "/box?uploads&max-uploads=2");
	}
	is_text(rows_ask(&g, "/box?uploads&max-uploads=1"), "a …",
	    "what was not given up is there");
	ok(gone >= 5, "and %u are gone", gone);
	rig_free(&g);
}

static void
fields(void)
{
	struct rig g;

	rig_new(&g);
	create(&g, "k%01y");
	rows_ask(&g, "/box?uploads&encoding-type=url&key-marker=a%01");
	is_text(rows.text, "k%01y", "a key with a control byte");
	is_text(rig_xml(&g, "KeyMarker"), "a%01", "the marker too");
	is_text(rig_xml(&g, "UploadId"), id, "its id");
	is_text(rig_xml(&g, "Bucket"), "box", "the bucket");
	is_text(rig_xml(&g, "MaxUploads"), "1000", "how many at most");
	is_text(rig_xml(&g, "DisplayName"), "ann", "the owner");
	is_text(rig_xml(&g, "Initiated"), "2023-11-14T22:13:20.000Z",
	    "and when it was begun");
	rig_free(&g);
}

/* Keys that blow up in XML. */
static void
large_page(void)
{
	char raw[S3_KEY + 1];
	struct upload u = { 0 };
	size_t all = 0;
	struct rig g;

	rig_new(&g);
	memset(raw, '&', S3_KEY);
	u.bucket = g.box;
	for (int i = 0; i < 700; i++) {
		snprintf(raw, 8, "%07d", i);
		raw[7] = '&';
		u.key = slice_of(raw, S3_KEY);
		memcpy(u.token, raw, 7);
		if (nodedb_upload_new(g.db, &u) != NODEDB_OK)
			abort();
	}
	rows_ask(&g, "/box?uploads");
	ok(rows.more && g.got.body.n < 5 << 19, "a page is not too long");
	for (int pages = 0; pages < 9; pages++) {
		all += rows.count;
		if (!rows.more)
			break;
		rows_ask_next(&g, "/box?uploads");
	}
	is_int(all, 700, "and all uploads come");
	rig_free(&g);
}

int
main(void)
{
	lists();
	removal();
	fields();
	large_page();
	return tap_done();
}
