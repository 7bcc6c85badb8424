/* SPDX-License-Identifier: ISC */
#include "t/s3/rows.h"

static void
versioning(struct rig *g, unsigned v)
{
	if (nodedb_bucket_set(g->db, g->box, v, 0) != NODEDB_OK)
		abort();
}

static void
put(struct rig *g, const char *key)
{
	char target[200];

	snprintf(target, sizeof target, "/box/%s", key);
	rig_put(g, target, slice_text(key));
}

static void
cut(struct rig *g, const char *key)
{
	char target[200];

	snprintf(target, sizeof target, "/box/%s", key);
	rig_do(g, "DELETE", target);
	is_int(g->got.status, 204, target);
}

/* a: three versions, the null one in the middle; b: hidden; c/…: some. */
static void
fill(struct rig *g)
{
	put(g, "c/0");
	versioning(g, S3_VERSIONED);
	put(g, "a");
	versioning(g, S3_SUSPENDED);
	put(g, "a");
	versioning(g, S3_VERSIONED);
	put(g, "a");
	put(g, "b");
	cut(g, "b");
	put(g, "c/0");
	put(g, "c/1");
	cut(g, "c/1");
	put(g, "d");
}

static void
lists(void)
{
	static const struct {
		const char *query, *rows;
	} asked[] = {
		{ "", "a* a a b!* b c/0* c/0 c/1!* c/1 d*" },
		{ "&delimiter=/", "a* a a b!* b c/ d*" },
		{ "&prefix=c/", "c/0* c/0 c/1!* c/1" },
		{ "&prefix=c/&delimiter=/", "c/0* c/0 c/1!* c/1" },
		{ "&key-marker=a", "b!* b c/0* c/0 c/1!* c/1 d*" },
		{ "&key-marker=c/&delimiter=/", "d*" },
		{ "&key-marker=c/0&delimiter=/", "d*" },
		{ "&key-marker=c/0", "c/1!* c/1 d*" },
		{ "&key-marker=a&version-id-marker=null",
		    "a b!* b c/0* c/0 c/1!* c/1 d*" },
		{ "&key-marker=d&version-id-marker=null", "d*" },
		{ "&key-marker=c/0&version-id-marker=null", "c/1!* c/1 d*" },
		{ "&max-keys=0", "" },
		{ "&max-keys=1", "a* …" },
		{ "&max-keys=10", "a* a a b!* b c/0* c/0 c/1!* c/1 d*" },
	};
	char target[200];
	struct rig g;

	rig_new(&g);
	fill(&g);
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		snprintf(
		    target, sizeof target, "/box?versions%s", asked[i].query);
		is_text(rows_ask(&g, target), asked[i].rows, target);
	}
	is_text(rows_ask(&g, "/box"), "a c/0 d", "what is current");
	for (unsigned most = 1; most < 5; most++) {
		rows_walk(&g, "/box?versions", "max-keys", most);
		rows_walk(&g, "/box?versions&delimiter=/", "max-keys", most);
		rows_walk(&g, "/box?versions&prefix=c", "max-keys", most);
	}
	rig_free(&g);
}

/* Who lists and removes page by page removes all. */
static void
removal(void)
{
	char xml[4096], id[64];
	unsigned pages = 0, gone = 0;
	struct rig g;

	rig_new(&g);
	fill(&g);
	rows_ask(&g, "/box?versions&max-keys=1");
	for (;;) {
		bool marker = strstr(rows.text, "!") != NULL;

		snprintf(id, sizeof id, "%.40s", rig_xml(&g, "VersionId"));
		snprintf(xml, sizeof xml, "/box/%.40s?versionId=%s",
		    rig_xml(&g, "Key"), id);
		rig_do(&g, "DELETE", xml);
		is_int(g.got.status, 204, xml);
		is_text(rig_header(&g, "x-amz-delete-marker"),
		    marker ? "true" : "", "as what it was");
		gone++;
		if (!rows.more || ++pages > 20)
			break;
		rows_ask_next(&g, "/box?versions&max-keys=1");
	}
	is_int(gone, 10, "each version was told once");
	rig_do(&g, "DELETE", "/box");
	is_int(g.got.status, 204, "and nothing is left");
	rig_free(&g);
}

static void
fields(void)
{
	struct rig g;

	rig_new(&g);
	put(&g, "k%01y");
	rows_ask(&g, "/box?versions&encoding-type=url");
	is_text(rows.text, "k%01y*", "a key with a control byte");
	is_text(rig_xml(&g, "VersionId"), "null", "without versioning");
	is_text(rig_xml(&g, "Size"), "5", "its size");
	is_text(rig_xml(&g, "DisplayName"), "ann", "its owner");
	is_text(rig_xml(&g, "MaxKeys"), "1000", "the answers there may be");
	versioning(&g, S3_VERSIONED);
	put(&g, "k%01y");
	rows_ask(&g, "/box?versions");
	is_int(strlen(rig_xml(&g, "VersionId")), 16, "and with it");
	rig_do(&g, "GET", "/box?versions&version-id-marker=null");
	rig_is(&g, 400, "InvalidArgument", "a version of no key");
	rig_do(&g, "GET", "/box?versions&key-marker=a&version-id-marker=x");
	rig_is(&g, 400, "InvalidArgument", "no version");
	is_text(rows_ask(&g,
		    "/box?versions&key-marker=a&"
		    "version-id-marker=7fffffffffffffff&encoding-type=url"),
	    "k%01y* k%01y", "a forged version");
	rig_free(&g);
}

int
main(void)
{
	lists();
	removal();
	fields();
	return tap_done();
}
