/* SPDX-License-Identifier: ISC */
#include "t/s3/rows.h"

static void
versioning(void)
{
	static const char *const words[] = { "Suspended", "Enabled",
		"Suspended", "Enabled", NULL };
	char xml[200];
	struct rig g;

	rig_new(&g);
	rig_do(&g, "GET", "/box?versioning");
	rig_is(&g, 200, "", "asked");
	is_text(rig_xml(&g, "Status"), "", "never set");
	for (size_t i = 0; words[i]; i++) {
		snprintf(xml, sizeof xml,
		    "<VersioningConfiguration><Status>%s</Status>"
		    "</VersioningConfiguration>",
		    words[i]);
		rig_ask(&g, "PUT", "/box?versioning", "", slice_text(xml));
		rig_is(&g, 200, "", words[i]);
		rig_do(&g, "GET", "/box?versioning");
		is_text(rig_xml(&g, "Status"), words[i], "is told");
	}
	rig_ask(&g, "PUT", "/box?versioning", "",
	    slice_text("<VersioningConfiguration><Status>Off</Status>"
		       "</VersioningConfiguration>"));
	rig_is(&g, 400, "MalformedXML", "no state");
	rig_do(&g, "GET", "/box?versioning");
	is_text(rig_xml(&g, "Status"), "Enabled", "changes nothing");
	rig_free(&g);
}

static void
documents(void)
{
	static const struct {
		const char *what, *none, *xml;
		unsigned cut;
	} docs[] = {
		{ "lifecycle", "NoSuchLifecycleConfiguration",
		    "<LifecycleConfiguration><Rule><Status>Enabled</Status>"
		    "<Filter/><Expiration><Days>1</Days></Expiration></Rule>"
		    "</LifecycleConfiguration>",
		    204 },
		{ "cors", "NoSuchCORSConfiguration",
		    "<CORSConfiguration><CORSRule><AllowedMethod>GET"
		    "</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"
		    "</CORSRule></CORSConfiguration>",
		    204 },
		{ "tagging", "NoSuchTagSet",
		    "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag>"
		    "</TagSet></Tagging>",
		    204 },
	};
	char target[40];
	struct rig g;

	rig_new(&g);
	for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
		snprintf(target, sizeof target, "/box?%s", docs[i].what);
		rig_do(&g, "GET", target);
		rig_is(&g, 404, docs[i].none, target);
		rig_ask(&g, "PUT", target, "", slice_text("<x/>"));
		rig_is(&g, 400, "MalformedXML", "what is none is refused");
		rig_ask(&g, "PUT", target, "", slice_text(""));
		rig_is(&g, 400, "MalformedXML", "nothing too");
		rig_ask(&g, "PUT", target,
		    "content-md5: AAAAAAAAAAAAAAAAAAAAAA==\n",
		    slice_text(docs[i].xml));
		rig_is(&g, 400, "BadDigest", "and what was damaged");
		rig_do(&g, "GET", target);
		rig_is(&g, 404, docs[i].none, "there is none yet");
		rig_ask(&g, "PUT", target, "", slice_text(docs[i].xml));
		ok(g.got.status == 200 || g.got.status == 204, "it is set");
		rig_do(&g, "GET", target);
		ok(rig_body_is(&g, docs[i].xml), "and comes back");
		g.who = RIG_BOB;
		rig_do(&g, "GET", target);
		rig_is(&g, 403, "AccessDenied", "not for others");
		rig_ask(&g, "PUT", target, "", slice_text(docs[i].xml));
		rig_is(&g, 403, "AccessDenied", "nor do they set it");
		g.who = RIG_ANN;
		rig_do(&g, "DELETE", target);
		is_int(g.got.status, docs[i].cut, "it is removed");
		rig_do(&g, "DELETE", target);
		is_int(g.got.status, docs[i].cut, "twice");
		rig_do(&g, "GET", target);
		rig_is(&g, 404, docs[i].none, "and is gone");
	}
	rig_free(&g);
}

/* As large as a document may be, and one byte more. */
static void
large(void)
{
	static const struct {
		const char *target, *front, *end;
		size_t most;
	} docs[] = {
		{ "/box?tagging",
		    "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag>"
		    "</TagSet><!--",
		    "--></Tagging>", NODEDB_DOC },
		{ "/box?cors",
		    "<CORSConfiguration><CORSRule><AllowedMethod>GET"
		    "</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"
		    "</CORSRule><!--",
		    "--></CORSConfiguration>", 64 << 10 },
	};
	struct buf xml = { .max = 1 << 20 };
	struct rig g;

	rig_new(&g);
	for (size_t i = 0; i < 4; i++) {
		size_t n = docs[i / 2].most + i % 2;

		buf_cut(&xml, 0);
		put_text(&xml, docs[i / 2].front);
		while (xml.n < n - strlen(docs[i / 2].end))
			put_u8(&xml, 'c');
		put_text(&xml, docs[i / 2].end);
		rig_ask(&g, "PUT", docs[i / 2].target, "", buf_slice(&xml));
		if (i % 2 == 0)
			rig_is(&g, 200, "", "as large as may be");
		else
			rig_is(&g, 400, "MaxMessageLengthExceeded",
			    "and too large");
	}
	buf_free(&xml);
	rig_free(&g);
}

static void
acls(void)
{
	static const char public_xml[] =
	    "<AccessControlPolicy><Owner><ID>ann</ID></Owner>"
	    "</AccessControlPolicy>";
	struct rig g;

	rig_new(&g);
	rig_put(&g, "/box/k", slice_text("x"));
	rig_do(&g, "GET", "/box?acl");
	ok(rows_has(&g, "FULL_CONTROL") && !rows_has(&g, "AllUsers"),
	    "its owner's alone");
	rig_do(&g, "GET", "/box?policyStatus");
	is_text(rig_xml(&g, "IsPublic"), "false", "not public");
	rig_ask(&g, "PUT", "/box?acl", "x-amz-acl: public-read\n",
	    (struct slice){ 0 });
	rig_is(&g, 200, "", "everybody may read");
	rig_do(&g, "GET", "/box?acl");
	ok(rows_has(&g, "AllUsers") && rows_has(&g, "READ"), "and is told");
	rig_do(&g, "GET", "/box/k?acl");
	ok(rows_has(&g, "AllUsers"), "of an object too");
	rig_do(&g, "GET", "/box?policyStatus");
	is_text(rig_xml(&g, "IsPublic"), "true", "public");
	g.who = RIG_NOBODY;
	rig_do(&g, "GET", "/box/k");
	is_int(g.got.status, 200, "so it is");
	rig_do(&g, "GET", "/box?acl");
	rig_is(&g, 403, "AccessDenied", "but of the list itself");
	rig_ask(
	    &g, "PUT", "/box?acl", "x-amz-acl: private\n", (struct slice){ 0 });
	rig_is(&g, 403, "AccessDenied", "which nobody sets");
	g.who = RIG_ANN;
	rig_ask(
	    &g, "PUT", "/box?acl", "x-amz-acl: private\n", (struct slice){ 0 });
	rig_is(&g, 200, "", "no more");
	g.who = RIG_NOBODY;
	rig_do(&g, "GET", "/box/k");
	is_int(g.got.status, 403, "indeed");
	g.who = RIG_ANN;
	rig_ask(&g, "PUT", "/box?acl", "x-amz-acl: public-read-write\n",
	    (struct slice){ 0 });
	rig_is(&g, 501, "NotImplemented", "nobody may write");
	rig_ask(&g, "PUT", "/box?acl", "", slice_text(public_xml));
	rig_is(&g, 501, "NotImplemented", "lists in XML we do not have");
	rig_ask(&g, "PUT", "/box/k?acl", "x-amz-acl: private\n",
	    (struct slice){ 0 });
	rig_is(&g, 200, "", "an object is as its bucket");
	rig_ask(&g, "PUT", "/box/k?acl",
	    "x-amz-acl: bucket-owner-full-control\n", (struct slice){ 0 });
	rig_is(&g, 200, "", "whose owner may all");
	rig_ask(&g, "PUT", "/box/k?acl", "x-amz-acl: public-read\n",
	    (struct slice){ 0 });
	rig_is(&g, 501, "NotImplemented", "and not otherwise");
	rig_ask(&g, "PUT", "/box/none?acl", "x-amz-acl: private\n",
	    (struct slice){ 0 });
	rig_is(&g, 404, "NoSuchKey", "no object");
	rig_do(&g, "GET", "/box/none?acl");
	rig_is(&g, 404, "NoSuchKey", "has no list");
	rig_free(&g);
}

#define TAGS(x)   "<Tagging><TagSet>" x "</TagSet></Tagging>"
#define TAG(k, v) "<Tag><Key>" k "</Key><Value>" v "</Value></Tag>"

static void
tags(void)
{
	char first[24], target[80];
	struct rig g;

	rig_new(&g);
	rig_ask(&g, "PUT", "/box/k", "x-amz-tagging: a=1\n", slice_text("x"));
	rig_do(&g, "GET", "/box/k?tagging");
	ok(rows_has(&g, TAG("a", "1")), "tags of the header");
	rig_ask(&g, "PUT", "/box/k?tagging", "",
	    slice_text(TAGS(TAG("b", "x y") TAG("c", ""))));
	rig_is(&g, 200, "", "others");
	rig_do(&g, "GET", "/box/k?tagging");
	ok(rows_has(&g, TAG("b", "x y")) && rows_has(&g, TAG("c", "")) &&
		!rows_has(&g, TAG("a", "1")),
	    "instead");
	rig_do(&g, "GET", "/box/k");
	is_text(rig_header(&g, "x-amz-tagging-count"), "2", "counted");
	rig_ask(&g, "PUT", "/box/k?tagging", "",
	    slice_text(TAGS(TAG("b", "1") TAG("b", "2"))));
	is_int(g.got.status, 400, "a key twice");
	rig_do(&g, "DELETE", "/box/k?tagging");
	rig_is(&g, 204, "", "none");
	rig_do(&g, "GET", "/box/k?tagging");
	ok(g.got.status == 200 && !rows_has(&g, "<Tag>"), "at all");
	rig_do(&g, "GET", "/box/none?tagging");
	rig_is(&g, 404, "NoSuchKey", "of what is not there");
	rig_ask(&g, "PUT", "/box/none?tagging", "",
	    slice_text(TAGS(TAG("b", "1"))));
	rig_is(&g, 404, "NoSuchKey", "nor set");
	nodedb_bucket_set(g.db, g.box, S3_VERSIONED, 0);
	rig_put(&g, "/box/v", slice_text("1"));
	snprintf(
	    first, sizeof first, "%.16s", rig_header(&g, "x-amz-version-id"));
	rig_put(&g, "/box/v", slice_text("2"));
	snprintf(target, sizeof target, "/box/v?tagging&versionId=%s", first);
	rig_ask(&g, "PUT", target, "", slice_text(TAGS(TAG("old", "1"))));
	rig_is(&g, 200, "", "of a version");
	is_text(rig_header(&g, "x-amz-version-id"), first, "of that one");
	rig_do(&g, "GET", target);
	ok(rows_has(&g, "old"), "it has them");
	rig_do(&g, "GET", "/box/v?tagging");
	ok(!rows_has(&g, "old"), "and the newest has not");
	rig_do(&g, "DELETE", "/box/v");
	rig_do(&g, "GET", "/box/v?tagging");
	rig_is(&g, 404, "NoSuchKey", "behind a marker");
	rig_free(&g);
}

int
main(void)
{
	versioning();
	documents();
	large();
	acls();
	tags();
	return tap_done();
}
