/* SPDX-License-Identifier: ISC
 *
 * Bodies: their forms, lengths and sums. */
#include "t/s3/rig.h"

static void
sums(void)
{
	static const struct {
		const char *line;
		unsigned status;
		const char *code;
	} rows[] = {
		{ "content-md5: eB5eJF1ptWaXm4bijSPyxw==", 200, "" },
		{ "content-md5: eB5eJF1ptWaXm4bijSPyxg==", 400, "BadDigest" },
		{ "content-md5: eB5eJF1ptWaXm4bijSP", 400, "InvalidDigest" },
		{ "content-md5: ", 400, "InvalidDigest" },
		{ "x-amz-checksum-crc32: poTHxg==", 200, "" },
		{ "x-amz-checksum-crc32: poTHxw==", 400, "BadDigest" },
		{ "x-amz-checksum-crc32: poTHxg", 400, "InvalidRequest" },
		{ "x-amz-checksum-sha1: h6zsF82dzSCnFsws9nQXtxyKcBY=", 200,
		    "" },
		{ "x-amz-checksum-sha256: "
		  "hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=",
		    200, "" },
		{ "x-amz-checksum-sha256: "
		  "hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveIE=",
		    400, "BadDigest" },
		{ "x-amz-checksum-crc32: poTHxg==\n"
		  "x-amz-checksum-sha1: h6zsF82dzSCnFsws9nQXtxyKcBY=",
		    400, "InvalidRequest" },
		{ "x-amz-sdk-checksum-algorithm: CRC32", 400,
		    "InvalidRequest" },
		{ "x-amz-sdk-checksum-algorithm: CRC32\n"
		  "x-amz-checksum-crc32: poTHxg==",
		    200, "" },
		{ "x-amz-trailer: x-amz-checksum-crc32", 400,
		    "InvalidRequest" },
	};
	struct rig g;
	char line[200];

	rig_new(&g);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(line, sizeof line, "%s\n", rows[i].line);
		rig_ask(&g, "PUT", "/box/s", line, slice_text("0123456789"));
		rig_is(&g, rows[i].status, rows[i].code, rows[i].line);
	}
	rig_ask(&g, "PUT", "/box/s", "x-amz-checksum-crc32: poTHxg==\n",
	    slice_text("0123456789"));
	is_text(rig_header(&g, "x-amz-checksum-crc32"),
	    "poTHxg==", "a put answers with the checksum");
	is_text(rig_header(&g, "x-amz-checksum-type"), "FULL_OBJECT",
	    "of the whole");
	rig_do(&g, "GET", "/box/s");
	is_text(rig_header(&g, "x-amz-checksum-crc32"), "",
	    "a read does not tell it");
	rig_ask(&g, "GET", "/box/s", "x-amz-checksum-mode: ENABLED\n",
	    (struct slice){ 0 });
	is_text(rig_header(&g, "x-amz-checksum-crc32"),
	    "poTHxg==", "unless it is asked for");
	rig_ask(&g, "GET", "/box/s",
	    "x-amz-checksum-mode: ENABLED\nrange: bytes=0-1\n",
	    (struct slice){ 0 });
	is_text(rig_header(&g, "x-amz-checksum-crc32"), "",
	    "of a range it would be wrong");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	rig_free(&g);
}

static void
hashes(void)
{
	struct rig g;

	rig_new(&g);
	g.payload = "UNSIGNED-PAYLOAD";
	rig_ask(&g, "PUT", "/box/h", "", slice_text("any"));
	rig_is(&g, 200, "", "an unsigned payload");
	g.payload = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f"
		    "882f7882";
	rig_ask(&g, "PUT", "/box/h", "", slice_text("0123456789"));
	rig_is(&g, 200, "", "the right sum");
	rig_ask(&g, "PUT", "/box/h", "", slice_text("0123456788"));
	rig_is(&g, 400, "XAmzContentSHA256Mismatch", "another body");
	rig_ask(&g, "POST", "/box?delete", "", slice_text("<x/>"));
	rig_is(&g, 400, "XAmzContentSHA256Mismatch", "nor for XML");
	g.payload = "STREAMING-SOMETHING";
	rig_ask(&g, "PUT", "/box/h", "", slice_text("any"));
	rig_is(&g, 400, "InvalidArgument", "an unknown form");
	ok(g.got.early, "is refused before the body");
	g.payload = NULL;
	rig_ask(&g, "PUT", "/box/h", "content-encoding: aws-chunked\n",
	    slice_text("5\r\nhello\r\n0\r\n\r\n"));
	rig_is(&g, 400, "InvalidRequest",
	    "framing that nobody takes off is no content");
	rig_do(&g, "GET", "/box/h");
	ok(rig_body_is(&g, "0123456789"), "what was there is there");
	rig_free(&g);
}

/* Chunks of `piece` bytes, signed if the form is; the trailer as lines. */
static void
frame(const struct sigv4 *sig, bool is_signed, struct slice content,
    size_t piece, const char *trailer, struct buf *out)
{
	uint8_t key[SHA256_BYTES], sha[SHA256_BYTES];
	char previous[64], line[256], value[128];
	bool last = false;

	sigv4_key(
	    slice_text(rig_secret), sig->date, sig->region, sig->service, key);
	if (is_signed)
		memcpy(previous, sig->signature.p, 64);
	while (!last) {
		size_t n = content.n < piece ? content.n : piece;
		struct slice data = get_bytes(&content, n);

		last = n == 0;
		digest_of(DIGEST_SHA256, data, sha);
		if (is_signed)
			sigv4_chunk(sig, key, previous, sha, previous);
		snprintf(line, sizeof line,
		    is_signed ? "%zx;chunk-signature=%.64s\r\n" : "%zx\r\n", n,
		    previous);
		put_text(out, line);
		put_slice(out, data);
		if (!last)
			put_text(out, "\r\n");
	}
	if (*trailer) {
		snprintf(line, sizeof line, "%s\r\n", trailer);
		put_text(out, line);
		snprintf(value, sizeof value, "%s\n", trailer);
		digest_of(DIGEST_SHA256, slice_text(value), sha);
		if (is_signed) {
			sigv4_trailer(sig, key, previous, sha, previous);
			snprintf(line, sizeof line,
			    "x-amz-trailer-signature:%.64s\r\n", previous);
			put_text(out, line);
		}
	}
	put_text(out, "\r\n");
}

struct stream {
	const char *payload, *lines, *trailer;
	bool is_signed;
	struct slice content;
	size_t piece, spoil; /* a byte of the body that is changed; 0: none */
	size_t cut;          /* bytes that are missing at the end */
};

static void
put_stream(struct rig *g, const struct stream *s)
{
	struct buf body = { .max = 4 << 20 };
	struct uri *uri = mem_new(sizeof *uri);
	char lines[512];
	const char *why;
	struct sigv4 sig = { 0 };
	struct s3_req *r;

	snprintf(lines, sizeof lines,
	    "content-encoding: aws-chunked\n%s"
	    "x-amz-decoded-content-length: %zu\n",
	    s->lines, s->content.n);
	g->payload = s->payload;
	rig_head(g, "PUT", "/box/c", lines, slice_text("x"));
	g->payload = NULL;
	uri_parse(g->head.target, uri, &why);
	sigv4_read(&g->head, uri, g->now / 1000, &sig);
	frame(&sig, s->is_signed, s->content, s->piece, s->trailer, &body);
	g->head.length = body.n - s->cut;
	if (s->spoil)
		body.p[s->spoil] ^= 1;
	r = s3_begin(g->s3, &g->head, g->now);
	g->got.early = s3_state(r) == S3_READY;
	rig_feed(g, r, slice_of(body.p, body.n - s->cut));
	rig_wait(g, r);
	rig_take(g, r);
	uri_free(uri);
	free(uri);
	buf_free(&body);
}

static void
chunks(void)
{
	static const char chunked[] = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
	static const char trailer[] =
	    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
	static const char plain[] = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
	static const char crc[] = "x-amz-trailer: x-amz-checksum-crc32\n";
	struct buf b = rig_bytes(100000, 3);
	struct slice big = buf_slice(&b), small = slice_text("0123456789");
	const struct {
		const char *name;
		struct stream s;
		unsigned status;
		const char *code;
	} rows[] = {
		{ "signed chunks", { chunked, "", "", true, big, 65536 }, 200,
		    "" },
		{ "small signed chunks",
		    { chunked, "", "", true, small, 65536 }, 200, "" },
		{ "an empty body in chunks",
		    { chunked, "", "", true, { 0 }, 65536 }, 200, "" },
		{ "a spoiled byte", { chunked, "", "", true, big, 65536, 5000 },
		    403, "SignatureDoesNotMatch" },
		{ "the end is missing",
		    { chunked, "", "", true, big, 65536, 0, 50 }, 400,
		    "IncompleteBody" },
		{ "signed with a trailer",
		    { trailer, crc, "x-amz-checksum-crc32:poTHxg==", true,
			small, 65536 },
		    200, "" },
		{ "a trailer that lies",
		    { trailer, crc, "x-amz-checksum-crc32:poTHxw==", true,
			small, 65536 },
		    400, "BadDigest" },
		{ "another trailer than announced",
		    { trailer, crc, "x-amz-checksum-crc32c:poTHxw==", true,
			small, 65536 },
		    400, "MalformedTrailerError" },
		{ "unsigned with a trailer",
		    { plain, crc, "x-amz-checksum-crc32:poTHxg==", false, small,
			4 },
		    200, "" },
		{ "unsigned, and it lies",
		    { plain, crc, "x-amz-checksum-crc32:poTHxw==", false, small,
			4 },
		    400, "BadDigest" },
		{ "announced and not there",
		    { plain, crc, "", false, small, 4 }, 400,
		    "MalformedTrailerError" },
		{ "not announced",
		    { plain, "", "x-amz-checksum-crc32:poTHxg==", false, small,
			4 },
		    400, "MalformedTrailerError" },
		{ "a trailer of another kind",
		    { plain, "x-amz-trailer: x-other\n", "x-other:1", false,
			small, 4 },
		    400, "InvalidRequest" },
	};
	struct rig g;

	rig_new(&g);
	for (size_t bite = 0; bite < 4; bite++) {
		g.bite = bite == 3 ? 8191 : bite;
		if (g.bite == 1)
			g.bite = 7;
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			put_stream(&g, &rows[i].s);
			rig_is(&g, rows[i].status, rows[i].code, rows[i].name);
			if (rows[i].status != 200)
				continue;
			rig_do(&g, "GET", "/box/c");
			ok(slice_eq(buf_slice(&g.got.body), rows[i].s.content),
			    "and it is what was sent");
			is_text(rig_header(&g, "content-encoding"), "",
			    "without its framing");
		}
	}
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	g.who = RIG_LOCAL;
	put_stream(&g, &rows[8].s);
	rig_is(&g, 200, "", "an unsigned trailer of a local user");
	put_stream(&g, &rows[9].s);
	rig_is(&g, 400, "BadDigest", "is looked at");
	rig_free(&g);
	buf_free(&b);
}

static void
lengths(void)
{
	struct rig g;
	struct s3_req *r;
	struct buf b = rig_bytes(20 * RIG_MIB, 5);
	struct slice ten = slice_text("0123456789");

	rig_new(&g);
	g.lengthless = true;
	rig_ask(&g, "PUT", "/box/l", "", ten);
	rig_is(&g, 411, "MissingContentLength", "no length over TCP");
	ok(g.got.early, "before the body");
	rig_ask(&g, "PUT", "/box/l", "x-amz-decoded-content-length: 10\n", ten);
	rig_is(&g, 200, "", "but for one in another header");
	rig_ask(&g, "PUT", "/box/l", "x-amz-decoded-content-length: 9\n", ten);
	rig_is(&g, 400, "IncompleteBody", "which must be right");
	rig_ask(&g, "PUT", "/box/l", "x-amz-decoded-content-length: 11\n", ten);
	rig_is(&g, 400, "IncompleteBody", "either way");
	rig_ask(&g, "PUT", "/box/l", "x-amz-decoded-content-length: -1\n", ten);
	rig_is(&g, 400, "InvalidArgument", "and a number");
	g.who = RIG_LOCAL;
	g.bite = 300000;
	rig_ask(&g, "PUT", "/box/l", "", buf_slice(&b));
	rig_is(&g, 200, "", "the local socket may stream without");
	is_int(g.ann->disk_reserved, 0, "in steps, that are given back");
	is_int(g.ann->disk_used, 20 * RIG_MIB, "and is paid");
	g.lengthless = false;
	g.who = RIG_ANN;
	rig_head(&g, "PUT", "/box/l", "", ten);
	g.head.length = (UINT64_C(5) << 30) + 1;
	r = s3_begin(g.s3, &g.head, g.now);
	rig_wait(&g, r);
	rig_take(&g, r);
	rig_is(&g, 400, "EntityTooLarge", "more than 5 GiB in one put");
	rig_head(&g, "PUT", "/box/l", "", ten);
	r = s3_begin(g.s3, &g.head, g.now);
	rig_feed(&g, r, slice_text("01234"));
	rig_wait(&g, r);
	rig_take(&g, r);
	rig_is(&g, 400, "IncompleteBody", "a truncated body");
	rig_head(&g, "PUT", "/box/l", "", ten);
	r = s3_begin(g.s3, &g.head, g.now);
	rig_feed(&g, r, slice_text("0123456789a"));
	rig_wait(&g, r);
	rig_take(&g, r);
	rig_is(&g, 400, "IncompleteBody", "too long a body");
	rig_head(&g, "POST", "/box?delete", "", ten);
	g.head.length = S3_BODY_XML + 1;
	r = s3_begin(g.s3, &g.head, g.now);
	ok(s3_state(r) == S3_READY, "XML that is too much is not read");
	rig_take(&g, r);
	rig_is(&g, 400, "MaxMessageLengthExceeded", "at all");
	rig_free(&g);
	buf_free(&b);
}

/* XML comes in the same forms. */
static void
documents(void)
{
	static const char xml[] =
	    "<Delete><Object><Key>a</Key></Object></Delete>";
	struct buf body = { .max = 4096 };
	char lines[200];
	struct rig g;

	rig_new(&g);
	rig_ask(&g, "POST", "/box?delete",
	    "content-md5: eB5eJF1ptWaXm4bijSPyxw==\n", slice_text(xml));
	rig_is(&g, 400, "BadDigest", "a wrong MD5");
	rig_ask(&g, "POST", "/box?delete", "x-amz-checksum-crc32: poTHxg==\n",
	    slice_text(xml));
	rig_is(&g, 400, "BadDigest", "a wrong CRC");
	rig_put(&g, "/box/a", slice_text("x"));
	g.who = RIG_LOCAL;
	g.payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
	g.bite = 3;
	snprintf(lines, sizeof lines,
	    "x-amz-decoded-content-length: %zu\n"
	    "x-amz-trailer: x-amz-checksum-crc32\n",
	    strlen(xml));
	snprintf((char *)buf_room(&body, 4096), 4096,
	    "%zx\r\n%s\r\n0\r\nx-amz-checksum-crc32:poTHxg==\r\n\r\n",
	    strlen(xml), xml);
	buf_added(&body, strlen((char *)body.p));
	rig_ask(&g, "POST", "/box?delete", lines, buf_slice(&body));
	rig_is(&g, 400, "BadDigest", "a trailer that lies");
	snprintf(lines, sizeof lines, "x-amz-decoded-content-length: %zu\n",
	    strlen(xml));
	buf_cut(&body, 0);
	snprintf((char *)buf_room(&body, 4096), 4096, "%zx\r\n%s\r\n0\r\n\r\n",
	    strlen(xml), xml);
	buf_added(&body, strlen((char *)body.p));
	rig_ask(&g, "POST", "/box?delete", lines, buf_slice(&body));
	rig_is(&g, 200, "", "in chunks");
	g.payload = NULL;
	rig_do(&g, "GET", "/box/a");
	rig_is(&g, 404, "NoSuchKey", "and it was read");
	g.lengthless = true;
	g.bite = 100000;
	buf_free(&body);
	body = rig_bytes(S3_BODY_XML + 1, 1);
	rig_ask(&g, "POST", "/box?delete", "", buf_slice(&body));
	rig_is(&g, 400, "MaxMessageLengthExceeded", "more than may be");
	buf_free(&body);
	rig_free(&g);
}

int
main(void)
{
	sums();
	hashes();
	chunks();
	lengths();
	documents();
	return tap_done();
}
