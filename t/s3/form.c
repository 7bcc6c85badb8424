/* SPDX-License-Identifier: ISC
 *
 * Uploads by HTML forms. */
#include "t/s3/rig.h"
#include "wire/mbase.h"

#define EDGE "----edge"

struct form_row {
	const char *name, *value;
};

enum { ROWS = 20 };

static bool spoil; /* the signature */

/* name=value rows, then the file. */
static void
compose(const struct form_row *rows, const char *filename, struct slice file,
    struct buf *out)
{
	for (; rows->name; rows++) {
		put_text(out, "--" EDGE "\r\nContent-Disposition: form-data; "
			      "name=\"");
		put_text(out, rows->name);
		put_text(out, "\"\r\n\r\n");
		put_text(out, rows->value);
		put_text(out, "\r\n");
	}
	put_text(out, "--" EDGE "\r\nContent-Disposition: form-data; "
		      "name=\"file\"; filename=\"");
	put_text(out, filename);
	put_text(out, "\"\r\nContent-Type: text/file\r\n\r\n");
	put_slice(out, file);
	put_text(out, "\r\n--" EDGE "--\r\n");
}

static unsigned
post(struct rig *g, const struct form_row *rows, const char *filename,
    struct slice file)
{
	struct buf body = { .max = 4 << 20 };

	compose(rows, filename, file, &body);
	rig_ask(g, "POST", "/box",
	    "content-type: multipart/form-data; boundary=" EDGE "\n",
	    buf_slice(&body));
	buf_free(&body);
	return g->got.status;
}

/* The rows with a policy of these conditions, signed by a key. */
static unsigned
post_signed(struct rig *g, const struct form_row *rows, const char *conditions,
    const char *id, const char *filename, struct slice file)
{
	struct form_row all[ROWS] = { 0 };
	struct buf policy = { .max = 8192 };
	char json[2048], stamp[32], credential[128], hex[65];
	uint8_t key[SHA256_BYTES], mac[SHA256_BYTES];
	size_t n = 0;

	rig_stamp(g, stamp);
	snprintf(credential, sizeof credential,
	    "%s/%.8s/us-east-1/s3/aws4_request", id, stamp);
	snprintf(json, sizeof json,
	    "{\"expiration\": \"2023-11-15T00:00:00.000Z\", \"conditions\": ["
	    "{\"bucket\": \"box\"},"
	    "{\"x-amz-algorithm\": \"AWS4-HMAC-SHA256\"},"
	    "{\"x-amz-credential\": \"%s\"}, {\"x-amz-date\": \"%s\"}%s]}",
	    credential, stamp, conditions);
	mbase_encode(MBASE_64, slice_text(json), &policy);
	sigv4_key(slice_text(rig_secret), slice_of(stamp, 8),
	    slice_text("us-east-1"), slice_text("s3"), key);
	hmac_sha256(slice_of(key, sizeof key), buf_slice(&policy), mac);
	mac[0] ^= spoil;
	rig_hex(slice_of(mac, sizeof mac), hex);
	put_u8(&policy, 0);
	all[n++] = (struct form_row){ "policy", (const char *)policy.p };
	all[n++] = (struct form_row){ "x-amz-algorithm", "AWS4-HMAC-SHA256" };
	all[n++] = (struct form_row){ "x-amz-credential", credential };
	all[n++] = (struct form_row){ "x-amz-date", stamp };
	all[n++] = (struct form_row){ "x-amz-signature", hex };
	for (; rows->name; rows++)
		all[n++] = *rows;
	post(g, all, filename, file);
	buf_free(&policy);
	return g->got.status;
}

static void public(void)
{
	static const struct form_row rows[] = {
		{ "key", "dir/${filename}" },
		{ "Cache-Control", "no-cache" },
		{ "x-amz-meta-By", "form" },
		{ "tagging",
		    "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag>"
		    "</TagSet></Tagging>" },
		{ NULL, NULL },
	};
	struct rig g;

	rig_new(&g);
	g.who = RIG_NOBODY;
	post(&g, rows, "f.txt", slice_text("content"));
	rig_is(&g, 403, "AccessDenied", "nobody may write here");
	nodedb_bucket_set(g.db, g.box, 0, S3_WRITE | S3_READ);
	for (g.bite = 0; g.bite < 3; g.bite++) {
		post(&g, rows, "C:\\dir\\f.txt", slice_text("content"));
		rig_is(&g, 204, "", "a form");
		is_text(rig_header(&g, "location"), "/box/dir/f.txt",
		    "says where it went");
		rig_do(&g, "GET", "/box/dir/f.txt");
		ok(rig_body_is(&g, "content"), "it is there");
		is_text(rig_header(&g, "content-type"), "text/file",
		    "with the file's type");
		is_text(rig_header(&g, "x-amz-meta-by"), "form", "metadata");
		is_text(rig_header(&g, "x-amz-tagging-count"), "1", "tags");
		is_text(
		    rig_header(&g, "cache-control"), "no-cache", "and headers");
	}
	is_int(g.ann->disk_used, 7, "the owner pays");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	rig_free(&g);
}

static void
endings(void)
{
	static const struct {
		struct form_row row;
		unsigned status;
		const char *location;
	} rows[] = {
		{ { "success_action_status", "200" }, 200, "/box/k" },
		{ { "success_action_status", "201" }, 201, "/box/k" },
		{ { "success_action_status", "404" }, 204, "/box/k" },
		{ { "success_action_redirect", "https://a.example/x?y" }, 303,
		    "https://a.example/x?y&bucket=box&key=k&etag="
		    "%229dd4e461268c8034f5c8564e155c67a6%22" },
		{ { "redirect", "http://a.example/" }, 303,
		    "http://a.example/?bucket=box&key=k&etag="
		    "%229dd4e461268c8034f5c8564e155c67a6%22" },
		{ { "success_action_redirect", "javascript:x" }, 204,
		    "/box/k" },
	};
	struct rig g;

	rig_new(&g);
	nodedb_bucket_set(g.db, g.box, 0, S3_WRITE);
	g.who = RIG_NOBODY;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct form_row form[] = { { "key", "k" }, rows[i].row,
			{ NULL, NULL } };

		post(&g, form, "f", slice_text("x"));
		rig_is(&g, rows[i].status, "", rows[i].row.value);
		is_text(rig_header(&g, "location"), rows[i].location,
		    "with its place");
		if (rows[i].status == 201)
			is_text(rig_xml(&g, "Key"), "k", "as XML");
	}
	rig_free(&g);
}

static void
policies(void)
{
	static const struct form_row key[] = { { "key", "up/a" },
		{ NULL, NULL } };
	static const struct form_row more[] = { { "key", "up/a" },
		{ "x-amz-meta-a", "b" }, { NULL, NULL } };
	static const char begin[] = ", [\"starts-with\", \"$key\", \"up/\"], "
				    "[\"content-length-range\", 2, 5]";
	struct slice fits = slice_text("12345");
	struct rig g;

	rig_new(&g);
	g.who = RIG_NOBODY;
	post_signed(&g, key, begin, "ANN", "f", fits);
	rig_is(&g, 204, "", "a form that is signed");
	post_signed(&g, key, begin, "ANN", "f", slice_text("123456"));
	rig_is(&g, 400, "EntityTooLarge", "too much");
	post_signed(&g, key, begin, "ANN", "f", slice_text("1"));
	rig_is(&g, 400, "EntityTooSmall", "too little");
	post_signed(&g, key, ", {\"key\": \"up/b\"}", "ANN", "f", fits);
	rig_is(&g, 403, "AccessDenied", "another key");
	post_signed(&g, more, begin, "ANN", "f", fits);
	rig_is(&g, 403, "AccessDenied", "a field that is not named");
	post_signed(&g, key, begin, "BOB", "f", fits);
	rig_is(&g, 403, "AccessDenied", "another tenant's key");
	post_signed(&g, key, begin, "NONE", "f", fits);
	rig_is(&g, 403, "InvalidAccessKeyId", "no key");
	spoil = true;
	post_signed(&g, key, begin, "ANN", "f", fits);
	rig_is(&g, 403, "SignatureDoesNotMatch", "a wrong signature");
	spoil = false;
	post_signed(&g, key, ", {", "ANN", "f", fits);
	rig_is(&g, 400, "InvalidPolicyDocument", "no JSON");
	g.now += 86400000;
	post_signed(&g, key, begin, "ANN", "f", fits);
	rig_is(&g, 403, "AccessDenied", "a policy that has expired");
	is_int(g.ann->disk_used, 5, "one was put");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	rig_free(&g);
}

static void
wrong(void)
{
	static const struct {
		struct form_row rows[3];
		unsigned status;
		const char *code;
	} rows[] = {
		{ { { "x", "y" } }, 400, "InvalidObjectName" },
		{ { { "key", "\xff" } }, 400, "InvalidObjectName" },
		{ { { "key", "a" }, { "acl", "public-read" } }, 501,
		    "NotImplemented" },
		{ { { "key", "a" }, { "acl", "private" } }, 204, "" },
		{ { { "key", "a" },
		      { "x-amz-server-side-encryption", "AES256" } },
		    501, "NotImplemented" },
		{ { { "key", "a" }, { "x-amz-checksum-crc32", "AAAAAA==" } },
		    400, "BadDigest" },
		{ { { "key", "a" }, { "tagging", "<x" } }, 400,
		    "MalformedXML" },
		{ { { "key", "a" }, { "AWSAccessKeyId", "x" } }, 400,
		    "InvalidRequest" },
		{ { { "key", "a" }, { "policy", "e30=" } }, 400,
		    "InvalidRequest" },
	};
	static const char type[] =
	    "content-type: multipart/form-data; boundary=" EDGE "\n";
	struct rig g;

	rig_new(&g);
	nodedb_bucket_set(g.db, g.box, 0, S3_WRITE);
	g.who = RIG_NOBODY;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		post(&g, rows[i].rows, "f", slice_text("x"));
		rig_is(&g, rows[i].status, rows[i].code,
		    rows[i].rows[1].name ? rows[i].rows[1].name
					 : rows[i].rows[0].name);
	}
	rig_ask(&g, "POST", "/box", type, slice_text("rubbish"));
	rig_is(&g, 400, "MalformedPOSTRequest", "no form");
	rig_ask(&g, "POST", "/box", type,
	    slice_text("--" EDGE "\r\nContent-Disposition: form-data; "
		       "name=\"key\"\r\n\r\na\r\n--" EDGE "--\r\n"));
	rig_is(&g, 400, "MalformedPOSTRequest", "no file");
	rig_ask(&g, "POST", "/box", type,
	    slice_text("--" EDGE "\r\nContent-Disposition: form-data; "
		       "name=\"key\"\r\n\r\na\r\n--" EDGE "\r\n"
		       "Content-Disposition: form-data; name=\"file\"\r\n\r\n"
		       "broken off"));
	rig_is(&g, 400, "MalformedPOSTRequest", "no end");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	g.lengthless = true;
	rig_ask(&g, "POST", "/box", type, slice_text("x"));
	rig_is(&g, 411, "MissingContentLength", "no length");
	g.lengthless = false;
	nodedb_tenant_put(g.db, "ann", "own", 3, UINT64_MAX, &g.ann);
	post(&g, rows[3].rows, "f", slice_text("more than three"));
	rig_is(&g, 403, "QuotaExceeded", "it must fit");
	rig_free(&g);
}

int
main(void)
{
	public();
	endings();
	policies();
	wrong();
	return tap_done();
}
