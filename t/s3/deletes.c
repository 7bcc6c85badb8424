/* SPDX-License-Identifier: ISC */
#include "t/s3/rows.h"
#include "store/nodedb_own.h"

/* "Deleted a, Error b AccessDenied, …" */
static struct buf told = { .max = 1 << 20 };

static int
tell(void *arg, bool open, const char *path, struct slice text)
{
	static const char *const names[] = { "DeleteResult/Deleted/Key",
		"DeleteResult/Error/Key", "DeleteResult/Error/Code",
		"DeleteResult/Deleted/DeleteMarker" };

	(void)arg;
	for (size_t i = 0; !open && i < 4; i++) {
		if (strcmp(path, names[i]) != 0)
			continue;
		put_text(&told, i == 0 ? "+" : i == 1 ? "-" : ":");
		put_slice(&told, i == 3 ? slice_text("marker") : text);
		put_u8(&told, ' ');
	}
	return 0;
}

static const char *
ask(struct rig *g, const char *xml)
{
	const char *why;

	buf_cut(&told, 0);
	rig_ask(g, "POST", "/box?delete", "", slice_text(xml));
	if (g->got.status == 200 &&
	    xml_read(buf_slice(&g->got.body), tell, NULL, &why) != 0)
		put_text(&told, why);
	put_u8(&told, 0);
	return (const char *)told.p;
}

static void
fill(struct rig *g, unsigned n)
{
	char target[32];

	for (unsigned i = 0; i < n; i++) {
		snprintf(target, sizeof target, "/box/k%u", i);
		rig_put(g, target, slice_text("x"));
	}
}

#define KEY(k) "<Object><Key>" k "</Key></Object>"

static void
plain(void)
{
	struct buf xml = { .max = 1 << 20 };
	char text[80];
	struct rig g;

	rig_new(&g);
	fill(&g, 4);
	is_text(ask(&g, "<Delete>" KEY("k0") KEY("none") KEY("k2") "</Delete>"),
	    "+k0 +none +k2 ", "what is gone, and what was not there");
	is_text(rows_ask(&g, "/box"), "k1 k3", "they are gone");
	is_text(ask(&g, "<Delete><Quiet>true</Quiet>" KEY("k1") "</Delete>"),
	    "", "quietly");
	is_text(rows_ask(&g, "/box"), "k3", "as well");
	is_int(g.ann->disk_used, 1, "what is used follows");
	ask(&g, "<Delete></Delete>");
	rig_is(&g, 400, "MalformedXML", "nothing to delete");
	ask(&g, "");
	rig_is(&g, 400, "MalformedXML", "nothing at all");
	ask(&g, "<Delete>" KEY("") "</Delete>");
	rig_is(&g, 400, "MalformedXML", "an empty key");
	rig_ask(&g, "POST", "/box?delete",
	    "content-md5: AAAAAAAAAAAAAAAAAAAAAA==\n",
	    slice_text("<Delete>" KEY("k3") "</Delete>"));
	rig_is(&g, 400, "BadDigest", "a damaged list");
	is_text(rows_ask(&g, "/box"), "k3", "removes nothing");
	fill(&g, 100);
	for (unsigned n = 1000; n < 1002; n++) {
		buf_cut(&xml, 0);
		put_text(&xml, "<Delete>");
		for (unsigned i = 0; i < n; i++) {
			snprintf(text, sizeof text, KEY("k%u"), n - 1 - i);
			put_text(&xml, text);
		}
		put_text(&xml, "</Delete>");
		put_u8(&xml, 0);
		ask(&g, (char *)xml.p);
		if (n == 1000)
			rig_is(&g, 200, "", "1,000 keys");
		else
			rig_is(&g, 400, "MalformedXML", "and not one more");
	}
	is_text(rows_ask(&g, "/box"), "", "all are gone");
	buf_free(&xml);
	rig_free(&g);
}

static void
long_key(void)
{
	struct buf xml = { .max = 8192 };
	struct rig g;

	rig_new(&g);
	put_text(&xml, "<Delete><Object><Key>");
	for (int i = 0; i <= S3_KEY; i++)
		put_u8(&xml, 'k');
	put_text(&xml, "</Key></Object></Delete>");
	put_u8(&xml, 0);
	ok(strstr(ask(&g, (char *)xml.p), ":KeyTooLongError ") != NULL,
	    "a key that is too long");
	buf_free(&xml);
	rig_free(&g);
}

static void
versions(void)
{
	char first[24], xml[400];
	struct rig g;

	rig_new(&g);
	nodedb_bucket_set(g.db, g.box, S3_VERSIONED, 0);
	fill(&g, 1);
	snprintf(
	    first, sizeof first, "%.16s", rig_header(&g, "x-amz-version-id"));
	is_text(ask(&g, "<Delete>" KEY("k0") "</Delete>"), "+k0 :marker ",
	    "a marker is put");
	is_text(rows_ask(&g, "/box?versions"), "k0!* k0", "on top");
	rig_do(&g, "GET", "/box?versions");
	snprintf(xml, sizeof xml,
	    "<Delete><Object><Key>k0</Key><VersionId>%.16s</VersionId>"
	    "</Object></Delete>",
	    rig_xml(&g, "VersionId"));
	is_text(ask(&g, xml), "+k0 :marker ", "and removed");
	is_text(rig_xml(&g, "DeleteMarker"), "true", "as one");
	is_int(strlen(rig_xml(&g, "DeleteMarkerVersionId")), 16, "by its id");
	is_text(rows_ask(&g, "/box?versions"), "k0*", "what it hid is there");
	snprintf(xml, sizeof xml,
	    "<Delete><Object><Key>k0</Key><VersionId>null</VersionId></Object>"
	    "<Object><Key>k0</Key><VersionId>xyz</VersionId></Object>"
	    "<Object><Key>k0</Key><VersionId>%s</VersionId></Object></Delete>",
	    first);
	is_text(ask(&g, xml), "+k0 -k0 :NoSuchVersion +k0 ",
	    "versions that are not there, are none, and one that is");
	is_text(rows_ask(&g, "/box?versions"), "", "nothing is left");
	rig_free(&g);
}

static void
grants(void)
{
	struct grant some = { .bucket = "box",
		.verbs = S3_DELETE,
		.prefix = (char *)(uintptr_t) "k1" };
	struct rig g;

	rig_new(&g);
	fill(&g, 12);
	rig_key(&g, "SOME", g.ann, &some, 1);
	g.key_id = "SOME";
	is_text(ask(&g, "<Delete><Quiet>true</Quiet>" KEY("k0") KEY("k1")
			    KEY("k11") KEY("l") "</Delete>"),
	    "-k0 :AccessDenied -l :AccessDenied ",
	    "what a grant does not hold is told, quiet or not");
	g.key_id = NULL;
	is_text(
	    rows_ask(&g, "/box"), "k0 k10 k2 k3 k4 k5 k6 k7 k8 k9", "and left");
	g.who = RIG_BOB;
	ask(&g, "<Delete>" KEY("k0") "</Delete>");
	rig_is(&g, 403, "AccessDenied", "another tenant");
	g.who = RIG_NOBODY;
	ask(&g, "<Delete>" KEY("k0") "</Delete>");
	rig_is(&g, 403, "AccessDenied", "nobody");
	rig_free(&g);
}

static void
disk(void)
{
	struct rig g;

	rig_new(&g);
	fill(&g, 6);
	sqlite3_exec(g.db->sql.db,
	    "CREATE TEMP TRIGGER bad BEFORE DELETE ON object"
	    " WHEN CAST(OLD.key AS TEXT) = 'k3'"
	    " BEGIN SELECT RAISE(ROLLBACK, 'bad'); END",
	    NULL, NULL, NULL);
	ask(&g, "<Delete>" KEY("k0") KEY("k1") KEY("k3") KEY("k4") "</Delete>");
	rig_is(&g, 503, "ServiceUnavailable", "the disk fails in the middle");
	ok(!rows_has(&g, "Deleted"), "nothing is told as deleted");
	is_text(rows_ask(&g, "/box"), "k0 k1 k2 k3 k4 k5", "and nothing is");
	is_int(g.ann->disk_used, 6, "nor counted so");
	sqlite3_exec(g.db->sql.db, "DROP TRIGGER bad", NULL, NULL, NULL);
	is_text(ask(&g, "<Delete>" KEY("k3") "</Delete>"), "+k3 ",
	    "it is good again");
	rig_free(&g);
}

int
main(void)
{
	plain();
	long_key();
	versions();
	grants();
	disk();
	buf_free(&told);
	return tap_done();
}
