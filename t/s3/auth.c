/* SPDX-License-Identifier: ISC
 *
 * Who may do what. */
#include "t/s3/rig.h"

static void
signatures(void)
{
	struct rig g;
	struct s3_req *r;

	rig_new(&g);
	rig_put(&g, "/box/a", slice_text("x"));
	g.key_id = "NOBODY";
	rig_do(&g, "GET", "/box/a");
	rig_is(&g, 403, "InvalidAccessKeyId", "an unknown key");
	g.key_id = NULL;
	rig_head(&g, "GET", "/box/a", "", (struct slice){ 0 });
	g.head.target = slice_text("/box/b");
	r = s3_begin(g.s3, &g.head, g.now);
	rig_wait(&g, r);
	rig_take(&g, r);
	rig_is(&g, 403, "SignatureDoesNotMatch", "another target");
	is_text(rig_xml(&g, "AWSAccessKeyId"), "ANN", "tells the key");
	ok(strncmp(rig_xml(&g, "CanonicalRequest"), "GET\n/box/b\n", 11) == 0,
	    "what this side saw");
	ok(strncmp(rig_xml(&g, "StringToSign"), "AWS4-HMAC-SHA256\n", 17) == 0,
	    "what it signed");
	is_int(
	    strlen(rig_xml(&g, "SignatureProvided")), 64, "and what was given");
	rig_head(&g, "GET", "/box/a", "", (struct slice){ 0 });
	r = s3_begin(g.s3, &g.head, g.now + 16 * 60000);
	rig_wait(&g, r);
	rig_take(&g, r);
	rig_is(&g, 403, "RequestTimeTooSkewed", "a clock that is wrong");
	g.who = RIG_NOBODY;
	rig_ask(&g, "GET", "/box/a", "authorization: AWS AKID:sig\n",
	    (struct slice){ 0 });
	rig_is(&g, 400, "InvalidRequest", "signatures of version 2");
	rig_ask(&g, "GET", "/box/a", "authorization: AWS4-HMAC-SHA256 x\n",
	    (struct slice){ 0 });
	rig_is(&g, 400, "AuthorizationHeaderMalformed", "rubbish");
	rig_do(&g, "GET", "/box/a?X-Amz-Algorithm=AWS4-HMAC-SHA256");
	rig_is(&g, 400, "AuthorizationQueryParametersError", "in the query");
	rig_do(&g, "GET", "/box/a");
	rig_is(&g, 403, "AccessDenied", "nobody may nothing");
	rig_free(&g);
}

/* The signature of a presigned request, by what the machine says it signed. */
static void
presign(struct rig *g, const char *method, const char *path, unsigned life,
    char target[1024])
{
	char stamp[32], base[700];
	struct buf to_sign = { .max = 4096 };
	struct uri *uri = mem_new(sizeof *uri);
	uint8_t key[SHA256_BYTES], mac[SHA256_BYTES];
	struct sigv4 sig;
	const char *why;

	rig_stamp(g, stamp);
	snprintf(base, sizeof base,
	    "%s%cX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ANN%%2F"
	    "%.8s%%2Fus-east-1%%2Fs3%%2Faws4_request&X-Amz-Date=%s&"
	    "X-Amz-Expires=%u&X-Amz-SignedHeaders=host&X-Amz-Signature=",
	    path, strchr(path, '?') ? '&' : '?', stamp, stamp, life);
	snprintf(target, 1024, "%s%064d", base, 0);
	g->who = RIG_NOBODY;
	rig_head(g, method, target, "", (struct slice){ 0 });
	uri_parse(g->head.target, uri, &why);
	sigv4_read(&g->head, uri, g->now / 1000, &sig);
	sigv4_key(
	    slice_text(rig_secret), sig.date, sig.region, sig.service, key);
	sigv4_check(&sig, &g->head, uri, key, NULL, NULL, &to_sign);
	hmac_sha256(slice_of(key, sizeof key), buf_slice(&to_sign), mac);
	snprintf(target, 1024, "%s", base);
	rig_hex(slice_of(mac, sizeof mac), target + strlen(target));
	buf_free(&to_sign);
	uri_free(uri);
	free(uri);
}

/* As curl before 8 signs. */
static void
sumless(void)
{
	struct rig g;

	rig_new(&g);
	g.who = RIG_NOBODY;
	rig_ask(&g, "GET", "/box",
	    "x-amz-date: 20231114T221320Z\n"
	    "authorization: AWS4-HMAC-SHA256 "
	    "Credential=ANN/20231114/us-east-1/s3/aws4_request, "
	    "SignedHeaders=host;x-amz-date, Signature="
	    "0000000000000000000000000000000000000000000000000000000000000000"
	    "\n",
	    slice_of(NULL, 0));
	rig_is(&g, 400, "InvalidRequest", "without x-amz-content-sha256");
	ok(memmem(g.got.body.p, g.got.body.n, "x-amz-content-sha256", 20),
	    "which is said");
	rig_free(&g);
}

static void
presigned(void)
{
	struct rig g;
	char target[1024];

	rig_new(&g);
	rig_put(&g, "/box/p", slice_text("presigned"));
	presign(&g, "GET", "/box/p?response-content-type=text%2Fx", 60, target);
	rig_do(&g, "GET", target);
	ok(g.got.status == 200 && rig_body_is(&g, "presigned"), "a download");
	is_text(rig_header(&g, "content-type"), "text/x", "with an override");
	is_int(g.ann->egress_used, 9, "the owner pays");
	g.now += 61000;
	rig_do(&g, "GET", target);
	rig_is(&g, 403, "AccessDenied", "not for ever");
	presign(&g, "PUT", "/box/q", 60, target);
	rig_ask(&g, "PUT", target, "", slice_text("body"));
	rig_is(&g, 200, "", "an upload");
	rig_do(&g, "GET", target);
	rig_is(&g, 403, "SignatureDoesNotMatch", "not for another method");
	rig_free(&g);
}

static void
tenants(void)
{
	static const char *const asked[] = { "GET /box/a", "PUT /box/a",
		"DELETE /box/a", "GET /box", "GET /box?versioning",
		"DELETE /box" };
	struct rig g;
	char method[8], target[40];

	rig_new(&g);
	rig_put(&g, "/box/a", slice_text("x"));
	g.who = RIG_BOB;
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		sscanf(asked[i], "%7s %39s", method, target);
		rig_do(&g, method, target);
		rig_is(&g, 403, "AccessDenied", asked[i]);
	}
	rig_do(&g, "GET", "/nobox/a");
	rig_is(&g, 404, "NoSuchBucket", "what nobody has");
	nodedb_bucket_set(g.db, g.box, 0, S3_READ);
	rig_do(&g, "GET", "/box/a");
	is_int(g.got.status, 200, "what everybody may he may too");
	is_int(g.ann->egress_used, 1, "and the owner pays");
	rig_do(&g, "PUT", "/box/a");
	rig_is(&g, 403, "AccessDenied", "no more");
	rig_free(&g);
}

static void
grants(void)
{
	static const struct {
		const char *asked;
		bool may;
	} rows[] = {
		{ "GET /box/in/a", true },
		{ "GET /box/out", false },
		{ "GET /box/i", false },
		{ "HEAD /box/in/a", true },
		{ "PUT /box/in/b", false },
		{ "DELETE /box/in/b", false },
		{ "GET /box?prefix=in/", true },
		{ "GET /box?prefix=in/x", true },
		{ "GET /box?list-type=2&prefix=in/x", true },
		{ "GET /box?prefix=in", false },
		{ "GET /box", false },
		{ "GET /box?versions&prefix=in/", true },
		{ "GET /box?uploads", false },
		{ "HEAD /box", true },
		{ "GET /box?location", true },
		{ "GET /box?versioning", false },
		{ "GET /other/in/a", false },
		{ "PUT /other/w", true },
		{ "GET /other/w", false },
		{ "GET /", true },
		{ "PUT /new-bucket", false },
	};
	struct grant some[] = {
		{ .bucket = "box",
		    .verbs = S3_READ | S3_LIST,
		    .prefix = (char *)(uintptr_t) "in/" },
		{ .bucket = "other",
		    .verbs = S3_WRITE,
		    .prefix = (char *)(uintptr_t) "" },
	};
	struct rig g;
	struct access_key *key;
	char method[8], target[60];

	rig_new(&g);
	nodedb_bucket_new(
	    g.db, slice_text("other"), g.ann, g.now, &(struct bucket *){ 0 });
	rig_put(&g, "/box/in/a", slice_text("x"));
	rig_put(&g, "/box/out", slice_text("x"));
	rig_put(&g, "/other/in/a", slice_text("x"));
	rig_key(&g, "SOME", g.ann, some, 2);
	g.key_id = "SOME";
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		sscanf(rows[i].asked, "%7s %59s", method, target);
		rig_do(&g, method, target);
		if (!ok((g.got.status != 403) == rows[i].may, "%s",
			rows[i].asked))
			printf("# %u\n", g.got.status);
	}
	rig_ask(&g, "PUT", "/other/w", "x-amz-copy-source: /box/in/a\n",
	    (struct slice){ 0 });
	rig_is(&g, 200, "", "a copy of what may be read");
	rig_ask(&g, "PUT", "/other/w", "x-amz-copy-source: /box/out\n",
	    (struct slice){ 0 });
	rig_is(&g, 403, "AccessDenied", "not of other keys");
	key = mem_new(sizeof *key);
	*key = *nodedb_key(g.db, slice_text("SOME"));
	key->disabled = true;
	for (size_t i = 0; i < key->ngrants; i++)
		key->grants[i].prefix = (char *)(uintptr_t) "";
	nodedb_key_put(g.db, key);
	rig_do(&g, "GET", "/box/in/a");
	rig_is(&g, 403, "AccessDenied", "a disabled key");
	free(key);
	rig_free(&g);
}

static void
anonymous(void)
{
	struct rig g;

	rig_new(&g);
	rig_put(&g, "/box/a", slice_text("x"));
	g.who = RIG_NOBODY;
	nodedb_bucket_set(g.db, g.box, 0, S3_READ | S3_LIST);
	rig_do(&g, "GET", "/box/a");
	is_int(g.got.status, 200, "reads");
	rig_do(&g, "GET", "/box");
	is_int(g.got.status, 200, "lists");
	rig_do(&g, "GET", "/");
	rig_is(&g, 403, "AccessDenied", "not which buckets there are");
	rig_do(&g, "DELETE", "/box/a");
	rig_is(&g, 403, "AccessDenied", "no deletes");
	nodedb_bucket_set(g.db, g.box, 0, S3_WRITE);
	g.payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
	rig_ask(&g, "PUT", "/box/c", "x-amz-decoded-content-length: 2\n",
	    slice_text("2\r\nhi\r\n0\r\n\r\n"));
	rig_is(&g, 200, "", "a write in chunks that nobody signed");
	g.payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
	rig_ask(&g, "PUT", "/box/c", "x-amz-decoded-content-length: 2\n",
	    slice_text("2\r\nhi\r\n0\r\n\r\n"));
	rig_is(&g, 400, "InvalidArgument", "signed ones need a signature");
	g.payload = NULL;
	g.who = RIG_LOCAL;
	rig_do(&g, "GET", "/box/c");
	ok(rig_body_is(&g, "hi"), "it was taken apart");
	rig_free(&g);
}

static void
local(void)
{
	static const struct {
		const char *asked;
		unsigned words;
		bool may;
	} rows[] = {
		{ "GET /box/a", S3_LOCAL_READ, true },
		{ "GET /box/a", S3_LOCAL_WRITE | S3_LOCAL_ADMIN, false },
		{ "GET /box", S3_LOCAL_READ, true },
		{ "PUT /box/b", S3_LOCAL_READ, false },
		{ "PUT /box/b", S3_LOCAL_WRITE, true },
		{ "DELETE /box/b", S3_LOCAL_READ, false },
		{ "DELETE /box/b", S3_LOCAL_WRITE, true },
		{ "GET /box?versioning", S3_LOCAL_READ, false },
		{ "GET /box?versioning", S3_LOCAL_ADMIN, true },
		{ "GET /-/usage", 0, false },
	};
	struct rig g;
	char method[8], target[40];

	rig_new(&g);
	rig_put(&g, "/box/a", slice_text("x"));
	g.who = RIG_LOCAL;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		g.rights.at[0].words = rows[i].words;
		sscanf(rows[i].asked, "%7s %39s", method, target);
		rig_do(&g, method, target);
		ok((g.got.status != 403) == rows[i].may, "%s with %u",
		    rows[i].asked, rows[i].words);
	}
	g.who = RIG_ANN;
	rig_do(&g, "GET", "/-/usage");
	rig_is(&g, 400, "InvalidBucketName", "no key opens the local pages");
	g.who = RIG_NOBODY;
	rig_do(&g, "GET", "/-/usage");
	rig_is(&g, 400, "InvalidBucketName", "nor does nobody");
	rig_free(&g);
}

static void
cors(void)
{
	struct rig g;

	rig_new(&g);
	rig_put(&g, "/box/a", slice_text("x"));
	nodedb_doc_put(g.db, g.box, DOC_CORS,
	    slice_text("<CORSConfiguration><CORSRule>"
		       "<AllowedOrigin>https://a.example</AllowedOrigin>"
		       "<AllowedMethod>GET</AllowedMethod>"
		       "<ExposeHeader>etag</ExposeHeader>"
		       "</CORSRule></CORSConfiguration>"));
	rig_ask(&g, "GET", "/box/a", "origin: https://a.example\n",
	    (struct slice){ 0 });
	is_text(rig_header(&g, "access-control-allow-origin"),
	    "https://a.example", "an origin that is allowed");
	is_text(rig_header(&g, "access-control-expose-headers"), "etag",
	    "and what it may see");
	rig_ask(&g, "GET", "/box/b", "origin: https://a.example\n",
	    (struct slice){ 0 });
	is_text(rig_header(&g, "access-control-allow-origin"),
	    "https://a.example", "it may see errors");
	rig_ask(&g, "GET", "/box/a", "origin: https://b.example\n",
	    (struct slice){ 0 });
	is_text(rig_header(&g, "access-control-allow-origin"), "",
	    "another origin");
	rig_ask(&g, "PUT", "/box/a", "origin: https://a.example\n",
	    slice_text("x"));
	is_text(rig_header(&g, "access-control-allow-origin"), "",
	    "another method");
	rig_free(&g);
}

static void
hosts(void)
{
	struct rig g;

	rig_new(&g);
	rig_put(&g, "/box/a", slice_text("x"));
	rig_ask(&g, "GET", "/a", "host: box.s3.example\n", (struct slice){ 0 });
	ok(rig_body_is(&g, "x"), "the bucket in the host's name");
	rig_free(&g);
}

int
main(void)
{
	signatures();
	sumless();
	presigned();
	tenants();
	grants();
	anonymous();
	local();
	cors();
	hosts();
	return tap_done();
}
