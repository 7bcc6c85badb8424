/* SPDX-License-Identifier: ISC
 *
 * Bodies: their forms, lengths and sums; caps; and what happens when the disk
 * fails or the client goes away. */
#include "t/s3/rig.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

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
	is_text(rig_header(&g, "x-amz-checksum-crc32"), "poTHxg==",
	    "a put answers with the checksum");
	is_text(rig_header(&g, "x-amz-checksum-type"), "FULL_OBJECT",
	    "of the whole");
	rig_do(&g, "GET", "/box/s");
	is_text(rig_header(&g, "x-amz-checksum-crc32"), "",
	    "a read does not tell it");
	rig_ask(&g, "GET", "/box/s", "x-amz-checksum-mode: ENABLED\n",
	    (struct slice){ 0 });
	is_text(rig_header(&g, "x-amz-checksum-crc32"), "poTHxg==",
	    "unless it is asked for");
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

	sigv4_key(slice_text(rig_secret), sig->date, sig->region,
	    sig->service, key);
	if (is_signed)
		memcpy(previous, sig->signature.p, 64);
	while (!last) {
		size_t n = content.n < piece ? content.n : piece;
		struct slice data = get_bytes(&content, n);

		last = n == 0;
		digest_of(DIGEST_SHA256, data, sha);
		if (is_signed)
			sigv4_chunk(sig, key, previous, sha, previous);
		snprintf(line, sizeof line, is_signed
			? "%zx;chunk-signature=%.64s\r\n" : "%zx\r\n",
		    n, previous);
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
		{ "a spoiled byte",
		    { chunked, "", "", true, big, 65536, 5000 }, 403,
		    "SignatureDoesNotMatch" },
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
		    { plain, crc, "x-amz-checksum-crc32:poTHxg==", false,
			small, 4 },
		    200, "" },
		{ "unsigned, and it lies",
		    { plain, crc, "x-amz-checksum-crc32:poTHxw==", false,
			small, 4 },
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
	rig_ask(&g, "PUT", "/box/l", "x-amz-decoded-content-length: 10\n",
	    ten);
	rig_is(&g, 200, "", "but for one in another header");
	rig_ask(&g, "PUT", "/box/l", "x-amz-decoded-content-length: 9\n", ten);
	rig_is(&g, 400, "IncompleteBody", "which must be right");
	rig_ask(&g, "PUT", "/box/l", "x-amz-decoded-content-length: 11\n",
	    ten);
	rig_is(&g, 400, "IncompleteBody", "either way");
	rig_ask(&g, "PUT", "/box/l", "x-amz-decoded-content-length: -1\n",
	    ten);
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

static void
caps(void)
{
	struct rig g;
	struct s3_req *r[12];
	struct http_head *heads = mem_new(12 * sizeof *heads);
	char targets[12][20];
	unsigned good = 0;
	struct slice ten = slice_text("0123456789");

	rig_new(&g);
	nodedb_tenant_put(g.db, "ann", "own", 100, UINT64_MAX, &g.ann);
	g.who = RIG_LOCAL; /* signatures would have to be kept */
	for (int i = 0; i < 12; i++) {
		snprintf(targets[i], sizeof targets[i], "/box/%d", i);
		rig_head(&g, "PUT", targets[i], "", ten);
		heads[i] = g.head;
		r[i] = s3_begin(g.s3, &heads[i], g.now);
		good += s3_state(r[i]) == S3_WANTS_BODY;
	}
	is_int(good, 10, "of twelve at once ten fit");
	is_int(g.ann->disk_reserved, 100, "and reserve all");
	is_int(s3_reply(r[11])->status, 403, "the others are refused");
	for (int i = 0; i < 10; i++)
		rig_feed(&g, r[i], ten);
	s3_flush(g.s3, g.now);
	for (int i = 0; i < 12; i++)
		s3_done(r[i], 0);
	is_int(g.ann->disk_used, 100, "all is used");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	g.who = RIG_ANN;
	rig_ask(&g, "PUT", "/box/x", "", slice_text("y"));
	rig_is(&g, 403, "QuotaExceeded", "not a byte more");
	ok(g.got.early, "which is known before the body");
	rig_ask(&g, "PUT", "/box/3", "", slice_text("9876543210"));
	rig_is(&g, 200, "", "but the same in place of the old");
	rig_ask(&g, "PUT", "/box/3", "", slice_text("98765432101"));
	rig_is(&g, 403, "QuotaExceeded", "not more");
	rig_do(&g, "DELETE", "/box/4");
	rig_is(&g, 204, "", "deletes go on");
	rig_ask(&g, "PUT", "/box/3", "", slice_text("98765432101"));
	rig_is(&g, 200, "", "and make room");
	g.lengthless = true;
	g.who = RIG_LOCAL;
	rig_ask(&g, "PUT", "/box/y", "", ten);
	rig_is(&g, 403, "QuotaExceeded", "a stream finds the cap too");
	is_int(g.ann->disk_reserved, 0, "and gives back");
	free(heads);
	rig_free(&g);
}

static void
egress(void)
{
	struct rig g;
	struct s3_req *r;

	rig_new(&g);
	rig_put(&g, "/box/e", slice_text("0123456789"));
	nodedb_tenant_put(g.db, "ann", "own", UINT64_MAX, 25, &g.ann);
	rig_do(&g, "GET", "/box/e");
	is_int(g.ann->egress_used, 10, "what was sent is used");
	g.taken = 4;
	rig_do(&g, "GET", "/box/e");
	is_int(g.ann->egress_used, 14, "what broke off is not");
	g.taken = UINT64_MAX;
	rig_head(&g, "GET", "/box/e", "", (struct slice){ 0 });
	r = s3_begin(g.s3, &g.head, g.now);
	is_int(g.ann->egress_leased, 10, "a running download is leased");
	rig_wait(&g, r);
	{
		struct rig h = g;
		struct s3_req *other;

		rig_head(&h, "GET", "/box/e", "", (struct slice){ 0 });
		other = s3_begin(g.s3, &h.head, g.now);
		rig_wait(&h, other);
		is_int(s3_reply(other)->status, 403, "two do not fit");
		s3_done(other, 0);
		g.authorization = h.authorization;
	}
	rig_take(&g, r);
	is_int(g.ann->egress_used, 24, "the first is whole");
	rig_do(&g, "GET", "/box/e");
	rig_is(&g, 403, "EgressQuotaExceeded", "no more");
	is_text(rig_header(&g, "etag"), "", "without the object's headers");
	rig_do(&g, "HEAD", "/box/e");
	is_int(g.got.status, 200, "HEAD is always allowed");
	rig_ask(&g, "GET", "/box/e", "range: bytes=0-0\n", (struct slice){ 0 });
	is_int(g.got.status, 206, "a byte fits");
	g.who = RIG_LOCAL;
	rig_do(&g, "GET", "/box/e");
	is_int(g.got.status, 200, "local reads are free");
	is_int(g.ann->egress_used, 25, "and not counted");
	is_int(g.ann->egress_leased, 0, "no lease is left");
	g.who = RIG_ANN;
	g.now += INT64_C(86400000) * 20; /* December */
	rig_do(&g, "GET", "/box/e");
	is_int(g.got.status, 200, "a new month");
	is_int(g.ann->egress_used, 10, "begins with nothing");
	rig_free(&g);
}

/* The client goes away in each state. */
static void
broken_off(void)
{
	struct rig g;
	struct s3_req *r;
	struct buf b = rig_bytes(RIG_MIB, 9);
	struct slice all = buf_slice(&b);

	rig_new(&g);
	for (int at = 0; at < 5; at++) {
		rig_head(&g, "PUT", "/box/b", "", all);
		r = s3_begin(g.s3, &g.head, g.now);
		is_int(g.ann->disk_reserved, all.n, "reserved");
		if (at > 0)
			s3_body(r, slice_of(all.p, at == 1 ? 5000 : 500000));
		if (at > 2)
			s3_body(r, slice_of(all.p + 500000, all.n - 500000));
		if (at > 2)
			s3_end(r, g.now);
		if (at > 3) {
			rig_wait(&g, r);
			is_int(s3_reply(r)->status, 200, "it was put");
		}
		s3_done(r, 0);
		s3_flush(g.s3, g.now);
		is_int(g.ann->disk_reserved, 0, "and given back");
		is_int(s3_next(g.s3) == NULL, 1, "nobody is ready");
	}
	rig_head(&g, "PUT", "/box/b", "", slice_text("small"));
	r = s3_begin(g.s3, &g.head, g.now);
	rig_feed(&g, r, slice_text("small"));
	is_int(s3_state(r), S3_WAITS, "a small one waits for the commit");
	s3_done(r, 0);
	s3_flush(g.s3, g.now);
	rig_do(&g, "GET", "/box/b");
	ok(rig_body_is(&g, "small"), "and is put though nobody listens");
	rig_head(&g, "GET", "/box/b", "", (struct slice){ 0 });
	r = s3_begin(g.s3, &g.head, g.now);
	s3_done(r, 0);
	is_int(g.ann->egress_leased, 0, "a download that nobody took");
	rig_head(&g, "PUT", "/box/b", "", all);
	s3_begin(g.s3, &g.head, g.now);
	rig_free(&g);
	buf_free(&b);
}

static void
limit_files(bool on)
{
	static struct rlimit before;
	struct rlimit limit;

	if (on)
		getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	if (on)
		limit.rlim_cur = 0;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* The commit fails: nobody hears that it went well. */
static void
no_commit(void)
{
	struct rig g;
	struct http_head *second = mem_new(sizeof *second);
	char path[80] = "/tmp/kn-s3db-XXXXXX", db[100], command[120];
	struct s3_req *a, *b;

	signal(SIGXFSZ, SIG_IGN);
	if (mkdtemp(path) == NULL)
		abort();
	snprintf(db, sizeof db, "%s/node.db", path);
	rig_new_at(&g, db);
	rig_put(&g, "/box/old", slice_text("old"));
	g.who = RIG_LOCAL;
	rig_head(&g, "PUT", "/box/new", "", slice_text("new"));
	a = s3_begin(g.s3, &g.head, g.now);
	rig_feed(&g, a, slice_text("new"));
	*second = g.head;
	second->method = slice_text("GET");
	second->target = slice_text("/box/new");
	second->has_body = second->has_length = false;
	b = s3_begin(g.s3, second, g.now);
	is_int(s3_state(b), S3_WAITS, "a read of what is not durable waits");
	limit_files(true);
	s3_flush(g.s3, g.now);
	limit_files(false);
	ok(s3_state(a) == S3_READY && s3_state(b) == S3_READY, "both end");
	is_int(s3_reply(a)->status, 503, "the write has failed");
	is_int(s3_reply(b)->status, 503, "the read saw what never was");
	s3_done(a, 0);
	s3_done(b, 0);
	while (s3_next(g.s3))
		;
	g.now += 1000;
	rig_do(&g, "GET", "/box/new");
	rig_is(&g, 404, "NoSuchKey", "it is not there");
	rig_do(&g, "GET", "/box/old");
	ok(rig_body_is(&g, "old"), "the old one is");
	is_int(g.ann->disk_used, 3, "and alone paid");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	rig_put(&g, "/box/new", slice_text("new"));
	is_int(g.got.status, 200, "and writing goes on");
	rig_free(&g);
	free(second);
	snprintf(command, sizeof command, "rm -rf %s", path);
	if (system(command) != 0)
		abort();
}

static void
full_disk(void)
{
	struct rig g;

	rig_new(&g);
	rig_put(&g, "/box/f", slice_text("there"));
	g.s3->conf.disk_reserve = UINT64_MAX;
	g.now += 2000;
	rig_ask(&g, "PUT", "/box/f", "", slice_text("more"));
	rig_is(&g, 507, "InsufficientStorage", "no writes on a full disk");
	ok(g.got.early, "known before the body");
	rig_do(&g, "POST", "/box/f?uploads");
	rig_is(&g, 507, "InsufficientStorage", "no uploads");
	rig_do(&g, "GET", "/box/f");
	ok(rig_body_is(&g, "there"), "reads go on");
	rig_do(&g, "DELETE", "/box/f");
	rig_is(&g, 204, "", "and deletes");
	g.s3->conf.disk_reserve = 0;
	rig_ask(&g, "PUT", "/box/f", "", slice_text("more"));
	rig_is(&g, 507, "InsufficientStorage", "the disk is not asked often");
	g.now += 2000;
	rig_ask(&g, "PUT", "/box/f", "", slice_text("more"));
	rig_is(&g, 200, "", "but again");
	rig_free(&g);
}

static void
busy(void)
{
	struct rig g;

	rig_new(&g);
	g.s3->conf.requests = 0;
	rig_do(&g, "GET", "/box/f");
	rig_is(&g, 503, "SlowDown", "more than may be at once");
	g.s3->conf.requests = 1;
	rig_do(&g, "GET", "/box/f");
	rig_is(&g, 404, "NoSuchKey", "as many as may be");
	rig_do(&g, "GET", "/box/f?a=%zz");
	rig_is(&g, 400, "InvalidURI", "no target");
	rig_do(&g, "GET", "/box/f?torrent");
	rig_is(&g, 501, "NotImplemented", "nothing half right");
	g.budget.max = g.budget.used;
	rig_ask(&g, "PUT", "/box/f", "", slice_text("x"));
	ok(g.got.status == 503 || g.got.status == 200, "no memory is left");
	g.budget.max = 64 << 20;
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	rig_free(&g);
}

/* The bucket goes while the body comes. */
static void
bucket_gone(void)
{
	struct rig g;
	struct s3_req *r;
	struct bucket *other;

	rig_new(&g);
	g.who = RIG_LOCAL;
	rig_head(&g, "PUT", "/box/x", "", slice_text("x"));
	r = s3_begin(g.s3, &g.head, g.now);
	is_int(nodedb_bucket_cut(g.db, g.box), NODEDB_OK, "it goes");
	nodedb_bucket_new(
	    g.db, slice_text("box"), g.bob, g.now, &other);
	nodedb_commit(g.db);
	rig_feed(&g, r, slice_text("x"));
	rig_wait(&g, r);
	rig_take(&g, r);
	rig_is(&g, 404, "NoSuchBucket",
	    "another of its name is not the same");
	is_int(g.bob->disk_used, 0, "nobody else pays");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	rig_free(&g);
}

int
main(void)
{
	sums();
	hashes();
	chunks();
	lengths();
	caps();
	egress();
	broken_off();
	no_commit();
	full_disk();
	busy();
	bucket_gone();
	return tap_done();
}
