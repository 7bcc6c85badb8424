/* SPDX-License-Identifier: ISC */
#include "t/s3/rows.h"

static void
life(void)
{
	struct rig g;

	rig_new(&g);
	rig_do(&g, "PUT", "/fresh");
	rig_is(&g, 200, "", "a bucket is made");
	is_text(rig_header(&g, "location"), "/fresh", "says where");
	ok(strlen(rig_header(&g, "x-amz-request-id")) == 16, "and which");
	rig_do(&g, "HEAD", "/fresh");
	ok(g.got.status == 200 && g.got.no_body, "it is there");
	is_text(rig_header(&g, "x-amz-bucket-region"), "us-east-1", "here");
	rig_do(&g, "GET", "/fresh?location");
	ok(rows_has(&g, "></LocationConstraint>"),
	    "the first region has no name");
	rig_do(&g, "PUT", "/fresh");
	rig_is(&g, 409, "BucketAlreadyOwnedByYou", "once more");
	g.who = RIG_BOB;
	rig_do(&g, "PUT", "/fresh");
	rig_is(&g, 409, "BucketAlreadyExists", "by another");
	rig_do(&g, "DELETE", "/fresh");
	rig_is(&g, 403, "AccessDenied", "who cannot remove it");
	rig_do(&g, "HEAD", "/fresh");
	is_int(g.got.status, 403, "nor look at it");
	g.who = RIG_ANN;
	rig_put(&g, "/fresh/key", slice_text("x"));
	rig_do(&g, "DELETE", "/fresh");
	rig_is(&g, 409, "BucketNotEmpty", "something is in it");
	rig_do(&g, "DELETE", "/fresh/key");
	rig_do(&g, "POST", "/fresh/key?uploads");
	rig_do(&g, "DELETE", "/fresh");
	rig_is(&g, 204, "", "uploads go with it");
	rig_do(&g, "HEAD", "/fresh");
	is_int(g.got.status, 404, "it is gone");
	rig_do(&g, "DELETE", "/fresh");
	rig_is(&g, 404, "NoSuchBucket", "and cannot go again");
	g.who = RIG_BOB;
	rig_do(&g, "PUT", "/fresh");
	rig_is(&g, 200, "", "now another may have it");
	rig_free(&g);
}

static void
versions_hold(void)
{
	struct rig g;

	rig_new(&g);
	nodedb_bucket_set(g.db, g.box, S3_VERSIONED, 0);
	rig_do(&g, "DELETE", "/box/never");
	rig_do(&g, "DELETE", "/box");
	rig_is(&g, 409, "BucketNotEmpty", "a delete marker holds a bucket");
	rig_free(&g);
}

static void
creation(void)
{
	static const struct {
		const char *target, *lines, *body;
		unsigned status;
		const char *code;
	} told[] = {
		{ "/no", "", "", 400, "InvalidBucketName" },
		{ "/Upper", "", "", 400, "InvalidBucketName" },
		{ "/192.168.1.1", "", "", 400, "InvalidBucketName" },
		{ "/abc", "x-amz-acl: public-read-write\n", "", 501,
		    "NotImplemented" },
		{ "/abc", "x-amz-bucket-object-lock-enabled: true\n", "", 501,
		    "NotImplemented" },
		{ "/abc", "x-amz-grant-read: id=1\n", "", 501,
		    "NotImplemented" },
		{ "/abc", "", "<x", 400, "MalformedXML" },
		{ "/abc", "",
		    "<CreateBucketConfiguration><Location/>"
		    "</CreateBucketConfiguration>",
		    501, "NotImplemented" },
		{ "/abc", "x-amz-acl: public-read\n",
		    "<CreateBucketConfiguration><LocationConstraint>eu-west-1"
		    "</LocationConstraint></CreateBucketConfiguration>",
		    200, "" },
		{ "/abd", "x-amz-acl: private\n", "", 200, "" },
	};
	struct rig g;

	rig_new(&g);
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		rig_ask(&g, "PUT", told[i].target, told[i].lines,
		    slice_text(told[i].body));
		rig_is(&g, told[i].status, told[i].code, told[i].target);
	}
	rig_put(&g, "/abc/k", slice_text("x"));
	g.who = RIG_NOBODY;
	rig_do(&g, "GET", "/abc/k");
	is_int(g.got.status, 200, "everybody may read where that was said");
	is_text(rows_ask(&g, "/abc"), "k", "and list");
	rig_do(&g, "GET", "/abd");
	rig_is(&g, 403, "AccessDenied", "but not elsewhere");
	rig_do(&g, "PUT", "/abe");
	rig_is(&g, 403, "AccessDenied", "nobody may make buckets");
	g.who = RIG_LOCAL;
	rig_do(&g, "PUT", "/abe");
	rig_is(&g, 403, "AccessDenied", "there is no tenant of the node");
	if (nodedb_tenant_put(g.db, S3_OWN_TENANT, "own", UINT64_MAX,
		UINT64_MAX, NULL) != NODEDB_OK)
		abort();
	rig_do(&g, "PUT", "/abe");
	rig_is(&g, 200, "", "now there is");
	rig_free(&g);
}

static void
many(void)
{
	char target[32];
	struct rig g;

	rig_new(&g);
	g.s3->conf.buckets_per_tenant = 3;
	for (int i = 0; i < 2; i++) {
		snprintf(target, sizeof target, "/many-%d", i);
		rig_do(&g, "PUT", target);
		is_int(g.got.status, 200, "one more bucket");
	}
	rig_do(&g, "PUT", "/many-3");
	rig_is(&g, 400, "TooManyBuckets", "one too many");
	g.who = RIG_BOB;
	rig_do(&g, "PUT", "/many-3");
	rig_is(&g, 200, "", "others' do not count");
	rig_free(&g);
}

static void
lists(void)
{
	static const struct {
		const char *query, *rows, *next;
	} asked[] = {
		{ "", "aa1 aa2 aa3 bb1 box", "" },
		{ "?prefix=aa", "aa1 aa2 aa3", "" },
		{ "?prefix=aa&max-buckets=3", "aa1 aa2 aa3", "" },
		{ "?max-buckets=2", "aa1 aa2", "aa2" },
		{ "?max-buckets=2&continuation-token=aa2", "aa3 bb1", "bb1" },
		{ "?max-buckets=2&continuation-token=bb1", "box", "" },
		{ "?max-buckets=5", "aa1 aa2 aa3 bb1 box", "" },
	};
	static const char *const names[] = { "bb1", "aa3", "aa1", "aa2" };
	struct rig g;
	char target[80];

	rig_new(&g);
	for (size_t i = 0; i < 4; i++) {
		snprintf(target, sizeof target, "/%s", names[i]);
		rig_do(&g, "PUT", target);
	}
	g.who = RIG_BOB;
	rig_do(&g, "PUT", "/zz-bob");
	g.who = RIG_ANN;
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		snprintf(target, sizeof target, "/%s", asked[i].query);
		is_text(rows_ask(&g, target), asked[i].rows, target);
		is_text(rig_xml(&g, "ContinuationToken"), asked[i].next,
		    "and where it goes on");
	}
	is_text(rig_xml(&g, "DisplayName"), "ann", "whose they are");
	rig_do(&g, "GET", "/?max-buckets=0");
	rig_is(&g, 400, "InvalidArgument", "none are asked for");
	rig_do(&g, "GET", "/?max-buckets=10001");
	rig_is(&g, 400, "InvalidArgument", "or too many");
	g.who = RIG_NOBODY;
	rig_do(&g, "GET", "/");
	rig_is(&g, 403, "AccessDenied", "by nobody");
	g.who = RIG_LOCAL;
	is_text(rows_ask(&g, "/"), "aa1 aa2 aa3 bb1 box zz-bob",
	    "the node's own users see all");
	rig_free(&g);
}

static void
seen(void)
{
	static const struct {
		unsigned verbs;
		const char *prefix;
	} granted[] = {
		{ S3_READ, "" },
		{ S3_LIST, "some/" },
		{ S3_WRITE, "some/" },
		{ S3_ADMIN, "" },
	};
	struct grant one = { .bucket = "box" };
	struct rig g;

	rig_new(&g);
	rig_do(&g, "PUT", "/other");
	g.key_id = "SOME";
	for (size_t i = 0; i < sizeof granted / sizeof *granted; i++) {
		one.verbs = granted[i].verbs;
		one.prefix = (char *)(uintptr_t)granted[i].prefix;
		rig_key(&g, "SOME", g.ann, &one, 1);
		is_text(rows_ask(&g, "/"), "box",
		    "who may do something in it sees a bucket");
		is_text(rows_ask(&g, "/?max-buckets=1"), "box", "no more");
		is_text(rig_xml(&g, "ContinuationToken"), "",
		    "and is not sent on to what is not shown");
	}
	rig_key(&g, "SOME", g.ann, NULL, 0);
	is_text(rows_ask(&g, "/"), "", "without grants, none");
	rig_free(&g);
}

int
main(void)
{
	life();
	versions_hold();
	creation();
	many();
	lists();
	seen();
	return tap_done();
}
