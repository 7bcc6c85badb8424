/* SPDX-License-Identifier: ISC
 *
 * Requests that lie: s3hostile ATTACK PORT.  The bucket is "box", the key
 * stands in KN_S3_ID and KN_S3_SECRET.  Exits 0 when each was answered as it
 * should be and left nothing behind, 1 when not, 2 when the store could not be
 * asked. */
#include "t/fault/s3raw.h"
#include "web/sum.h"

#include <sodium.h>

enum { SOME = 100000, CHUNK = 65536, LONG_KEY = 1024, KEYS = 64 };

static uint8_t bytes[1 << 20];
static int faults;

/* Was the answer this one? */
static void
want(const struct raw *r, unsigned status, const char *code, const char *what)
{
	if (r->status == status && (!code || strcmp(r->code, code) == 0))
		return;
	printf("# %s: %u %s, not %u %s\n", what, r->status, r->code, status,
	    code ? code : "");
	faults++;
}

static void
want_absent(const char *target, const char *what)
{
	struct raw r;

	raw_once(&r, "HEAD", target, "", slice_of("", 0));
	want(&r, 404, NULL, what);
	raw_hang_up(&r);
}

static void
remove_it(const char *target)
{
	struct raw r;

	raw_once(&r, "DELETE", target, "", slice_of("", 0));
	raw_hang_up(&r);
}

/* Somebody honest: in, out and away. */
static void
honest(void)
{
	struct raw r;
	struct slice some = slice_of(bytes, SOME);

	if (raw_dial(&r) < 0)
		exit(2);
	raw_ask(&r, "PUT", "/box/honest", "", some);
	want(&r, 200, NULL, "an honest PUT");
	raw_ask(&r, "GET", "/box/honest", "", slice_of("", 0));
	if (r.status != 200 || !slice_eq(buf_slice(&r.body), some))
		want(&r, 0, NULL, "an honest GET");
	raw_ask(&r, "DELETE", "/box/honest", "", slice_of("", 0));
	want(&r, 204, NULL, "an honest DELETE");
	raw_hang_up(&r);
}

/* Less than was announced, then the end. */
static void
cut_short(uint64_t length, size_t sent, const char *fields, const char *payload)
{
	struct raw r;

	if (raw_dial(&r) < 0)
		exit(2);
	raw_head(&r, "PUT", "/box/short", fields, length, payload);
	raw_say(&r, buf_slice(&r.out));
	raw_say(&r, slice_of(bytes, sent));
	shutdown(r.fd, SHUT_WR);
	if (raw_hear(&r) != 0)
		want(&r, 400, NULL, "a body cut short");
	raw_hang_up(&r);
	want_absent("/box/short", "what was cut short");
}

static void
truncated(void)
{
	cut_short(SOME, 0, "", RAW_UNSIGNED);
	cut_short(SOME, SOME / 2, "", RAW_UNSIGNED);
	cut_short(SOME, SOME - 1, "", RAW_UNSIGNED);
	cut_short(100, 99, "", RAW_UNSIGNED);
	cut_short(UINT64_C(5) << 30, SOME, "", RAW_UNSIGNED);
	cut_short(SOME, SOME / 2, "x-amz-decoded-content-length: 90000\r\n",
	    "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
}

/* A body in chunks of its own: what is announced, what comes, how it ends. */
struct framed {
	const char *what, *payload, *fields;
	const char *trailer; /* behind the last chunk */
	size_t sizes[4];
	int spoilt; /* the chunk whose signature is wrong; -1: none */
	unsigned status;
	const char *code;
};

#define SIGNED     "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
#define TRAILED    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
#define UNSIGNED   "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
#define DECODED(n) "x-amz-decoded-content-length: " n "\r\n"
#define TRAILER    "x-amz-trailer: x-amz-checksum-crc32\r\n"
#define ENCODED    "Content-Encoding: aws-chunked\r\n"
/* crc32 of 65536 bytes of `bytes` goes to %s */
#define RIGHT "x-amz-checksum-crc32:%s\r\n\r\n"
#define WRONG "x-amz-checksum-crc32:AAAAAA==\r\n\r\n"

/* clang-format off */
static const struct framed bodies[] = {
	{ "right", SIGNED, ENCODED DECODED("131072"), "\r\n",
	    { CHUNK, CHUNK }, -1, 200, NULL },
	{ "the first chunk is forged", SIGNED, DECODED("131072"), "\r\n",
	    { CHUNK, CHUNK }, 0, 403, "SignatureDoesNotMatch" },
	{ "the second is", SIGNED, DECODED("131072"), "\r\n",
	    { CHUNK, CHUNK }, 1, 403, "SignatureDoesNotMatch" },
	{ "the last, which is empty, is", SIGNED, DECODED("131072"), "\r\n",
	    { CHUNK, CHUNK }, 2, 403, "SignatureDoesNotMatch" },
	{ "more than announced", SIGNED, DECODED("70000"), "\r\n",
	    { CHUNK, CHUNK }, -1, 400, "IncompleteBody" },
	{ "less than announced", SIGNED, DECODED("131073"), "\r\n",
	    { CHUNK, CHUNK }, -1, 400, "IncompleteBody" },
	{ "no length announced", SIGNED, "", "\r\n",
	    { CHUNK }, -1, 411, "MissingContentLength" },
	{ "a length that is none", SIGNED, DECODED("many"), "\r\n",
	    { CHUNK }, -1, 400, "InvalidArgument" },
	{ "a small chunk in the middle", SIGNED, DECODED("65636"), "\r\n",
	    { 100, CHUNK }, -1, 403, "InvalidChunkSizeError" },
	{ "an unknown form", "STREAMING-SOMETHING-ELSE", DECODED("65536"),
	    "\r\n", { CHUNK }, -1, 400, "InvalidArgument" },
	{ "a trailer that is right", UNSIGNED, DECODED("65536") TRAILER,
	    RIGHT, { CHUNK }, -1, 200, NULL },
	{ "a trailer that lies", UNSIGNED, DECODED("65536") TRAILER,
	    WRONG, { CHUNK }, -1, 400, "BadDigest" },
	{ "a trailer that is missing", UNSIGNED, DECODED("65536") TRAILER,
	    "\r\n", { CHUNK }, -1, 400, "MalformedTrailerError" },
	{ "a trailer that is no sum", UNSIGNED, DECODED("65536") TRAILER,
	    "x-amz-checksum-crc32:zzzz\r\n\r\n",
	    { CHUNK }, -1, 400, NULL },
	{ "another one than announced", UNSIGNED, DECODED("65536") TRAILER,
	    "x-amz-checksum-sha1:AAAA\r\n\r\n", { CHUNK }, -1, 400, NULL },
	{ "a trailer without end", UNSIGNED, DECODED("65536") TRAILER,
	    "x-amz-checksum-crc32:%s", { CHUNK }, -1, 400, NULL },
	{ "a signed one without its signature", TRAILED,
	    DECODED("65536") TRAILER, RIGHT, { CHUNK }, -1, 400,
	    NULL },
	{ "a signed one, forged", TRAILED, DECODED("65536") TRAILER,
	    "x-amz-checksum-crc32:%s\r\n"
	    "x-amz-trailer-signature:00000000000000000000000000000000"
	    "00000000000000000000000000000000\r\n\r\n",
	    { CHUNK }, -1, 403, "SignatureDoesNotMatch" },
};
/* clang-format on */

static void
put_sum(struct buf *out, const char *trailer)
{
	uint8_t sum[SUM_MOST];
	char text[SUM_BASE64], line[512];
	struct sum s = { 0 };

	sum_begin(&s, SUM_CRC32);
	sum_add(&s, slice_of(bytes, CHUNK));
	sum_end(&s, sum);
	sum_text(SUM_CRC32, sum, text);
	/* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral) */
	snprintf(line, sizeof line, trailer, text);
	put_text(out, line);
}

static void
put_frames(struct raw *r, const struct framed *f, struct buf *out)
{
	const uint8_t *p = bytes;
	char line[32];

	for (int i = 0; i < 4; i++) {
		size_t n = f->sizes[i];

		if (strcmp(f->payload, UNSIGNED) != 0) {
			raw_chunk(r, slice_of(p, n), i == f->spoilt);
			put_slice(out, buf_slice(&r->out));
		} else {
			snprintf(line, sizeof line, "%zx\r\n", n);
			put_text(out, line);
			put_bytes(out, p, n);
			put_text(out, n > 0 ? "\r\n" : "");
		}
		if (n == 0)
			break;
		p += n;
	}
	put_sum(out, f->trailer);
}

/* The length of the framing is known only when it is made, and what it is made
 * with only after the head. */
static void
try_frames(const struct framed *f)
{
	struct buf head = { .max = 65536 }, body = { .max = 1 << 20 };
	struct raw r;
	char line[64];

	if (raw_dial(&r) < 0)
		exit(2);
	raw_head(
	    &r, "PUT", "/box/framed", f->fields, RAW_NO_LENGTH, f->payload);
	put_bytes(&head, r.out.p, r.out.n - 2);
	put_frames(&r, f, &body);
	snprintf(line, sizeof line, "Content-Length: %zu\r\n\r\n", body.n);
	put_text(&head, line);
	if (raw_say(&r, buf_slice(&head)))
		raw_say(&r, buf_slice(&body));
	raw_hear(&r);
	want(&r, f->status, f->code, f->what);
	raw_hang_up(&r);
	buf_free(&head);
	buf_free(&body);
	if (f->status != 200)
		want_absent("/box/framed", f->what);
	else
		remove_it("/box/framed");
}

static void
chunks(void)
{
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		try_frames(&bodies[i]);
}

/* More than announced is the next request, and none. */
static void
oversized(void)
{
	struct raw r;

	if (raw_dial(&r) < 0)
		exit(2);
	raw_head(&r, "PUT", "/box/over", "", 10, RAW_UNSIGNED);
	put_bytes(&r.out, "0123456789", 10);
	put_text(&r.out, "GARBAGE\r\n\r\n");
	raw_say(&r, buf_slice(&r.out));
	raw_hear(&r);
	want(&r, 200, NULL, "ten bytes and more");
	if (raw_hear(&r) != 0 && r.status < 400)
		want(&r, 400, NULL, "what is behind them");
	raw_hang_up(&r);
	raw_once(&r, "GET", "/box/over", "", slice_of("", 0));
	if (r.status != 200 || r.body.n != 10)
		want(&r, 0, NULL, "ten bytes");
	raw_hang_up(&r);
	remove_it("/box/over");
	raw_dial(&r);
	raw_head(&r, "PUT", "/box/over", "", UINT64_C(6) << 30, RAW_UNSIGNED);
	raw_say(&r, buf_slice(&r.out));
	raw_hear(&r);
	want(&r, 400, "EntityTooLarge", "six GiB");
	raw_hang_up(&r);
}

static void
claim(
    const char *fields, const char *payload, unsigned status, const char *code)
{
	struct raw r;

	if (raw_dial(&r) < 0)
		exit(2);
	raw_head(&r, "PUT", "/box/claim", fields, SOME, payload);
	if (raw_say(&r, buf_slice(&r.out)))
		raw_say(&r, slice_of(bytes, SOME));
	raw_hear(&r);
	want(&r, status, code, fields[0] ? fields : payload);
	raw_hang_up(&r);
	want_absent("/box/claim", fields);
}

/* Sums that are not those of the body. */
static void
sums(void)
{
	static const char sha[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b"
				  "934ca495991b7852b855";

	claim("", sha, 400, "XAmzContentSHA256Mismatch");
	claim("", "0123", 400, "InvalidArgument");
	claim("Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==\r\n", RAW_UNSIGNED, 400,
	    "BadDigest");
	claim("Content-MD5: no\r\n", RAW_UNSIGNED, 400, "InvalidDigest");
	claim("x-amz-checksum-crc32: AAAAAA==\r\n", RAW_UNSIGNED, 400,
	    "BadDigest");
	claim("x-amz-checksum-crc64nvme: AAAAAAAAAAA=\r\n", RAW_UNSIGNED, 400,
	    "BadDigest");
	claim("x-amz-checksum-sha256: AAAA\r\n", RAW_UNSIGNED, 400, NULL);
}

/* Whose clock or key is wrong. */
static void
signatures(void)
{
	static const struct {
		int64_t skew;
		unsigned status;
		const char *code;
	} clocks[] = { { 14 * 60, 404, NULL }, { -14 * 60, 404, NULL },
		{ 16 * 60, 403, "RequestTimeTooSkewed" },
		{ -16 * 60, 403, "RequestTimeTooSkewed" },
		{ 366 * 86400, 403, "RequestTimeTooSkewed" } };
	struct raw r;

	for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
		raw_to.skew = clocks[i].skew;
		raw_once(&r, "GET", "/box/none", "", slice_of("", 0));
		want(&r, clocks[i].status, clocks[i].code, "a clock");
		raw_hang_up(&r);
	}
	raw_to.skew = -120;
	raw_dial(&r);
	raw_go(&r, "GET", "/box/none", slice_of("", 0));
	want(&r, 403, "AccessDenied", "a presigned URL that is too old");
	raw_hang_up(&r);
	raw_to.skew = 0;
	raw_to.spoil = true;
	raw_once(&r, "PUT", "/box/none", "", slice_of(bytes, SOME));
	want(&r, 403, "SignatureDoesNotMatch", "a wrong signature");
	if (raw_find(&r.body, "<CanonicalRequest>PUT") == NULL)
		want(&r, 0, NULL, "the canonical request");
	raw_hang_up(&r);
	raw_to.spoil = false;
	raw_to.id = "nobody";
	raw_once(&r, "GET", "/box/none", "", slice_of("", 0));
	want(&r, 403, "InvalidAccessKeyId", "an unknown key");
	raw_hang_up(&r);
	raw_to.id = NULL;
	raw_once(&r, "PUT", "/box/none", "", slice_of(bytes, SOME));
	want(&r, 403, "AccessDenied", "no signature at all");
	raw_hang_up(&r);
	raw_to.id = getenv("KN_S3_ID");
}

/* A head with a field of so many bytes, or so many fields. */
static void
try_head(const char *name, size_t n, unsigned many, unsigned status)
{
	struct buf head = { .max = 1 << 20 };
	struct raw r;
	char line[64];

	put_text(&head, "GET /box/none HTTP/1.1\r\nHost: x\r\n");
	for (unsigned i = 0; i < many; i++) {
		snprintf(line, sizeof line, "%s-%u: ", name, i);
		put_text(&head, line);
		memset(buf_room(&head, n), 'v', n);
		buf_added(&head, n);
		put_text(&head, "\r\n");
	}
	put_text(&head, "\r\n");
	if (raw_dial(&r) < 0)
		exit(2);
	raw_say(&r, buf_slice(&head));
	/* who goes on sending may see the connection closed only */
	if (raw_hear(&r) != 0 || status < 400)
		want(&r, status, NULL, name);
	raw_hang_up(&r);
	buf_free(&head);
}

static void
heads(void)
{
	static const struct {
		const char *text;
		size_t n;
	} odd[] = {
#define ODD(text) { text, sizeof text - 1 }
		ODD("GET /box/none HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "0\r\n\r\n"),
		ODD("GET /box/none HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"),
		ODD("GET /box/none HTTP/1.1\r\nHost: x\r\n X: folded\r\n"
		    "\r\n"),
		ODD("GET /box/none\0 HTTP/1.1\r\nHost: x\r\n\r\n"),
		ODD("GET /box/none HTTP/1.1\r\nHost: x\0y\r\n\r\n"),
		ODD("PUT /box/none HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 99999999999999999999\r\n\r\n"),
		ODD("PUT /box/none HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: -1\r\n\r\n"),
		ODD("GET /box/%zz HTTP/1.1\r\nHost: x\r\n\r\n"),
		ODD("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
#undef ODD
	};
	struct raw r;

	try_head("X-Long", 8192, 1, 403); /* anonymous: read, and refused */
	try_head("X-Many", 8, 100, 403);
	try_head("X-Long", 20000, 1, 431);
	try_head("X-Many", 8, 10000, 431);
	try_head("X-Short", 0, 10000, 431);
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		if (raw_dial(&r) < 0)
			exit(2);
		raw_say(&r, slice_of(odd[i].text, odd[i].n));
		shutdown(r.fd, SHUT_WR);
		if (raw_hear(&r) != 0 && r.status != 413)
			want(&r, 400, NULL, odd[i].text);
		raw_hang_up(&r);
	}
	raw_once(&r, "PUT", "/box/meta",
	    "x-amz-meta-a: \r\nx-amz-meta-b: c\r\n", slice_of("x", 1));
	want(&r, 200, NULL, "metadata without a value");
	raw_hang_up(&r);
	remove_it("/box/meta");
}

static void
try_key(struct slice key, unsigned status, const char *code)
{
	struct buf target = { .max = 8192 };
	struct raw r;
	uint8_t mark[8];

	put_text(&target, "/box/");
	uri_escape(&target, key, false);
	put_u8(&target, '\0');
	randombytes_buf(mark, sizeof mark);
	if (raw_dial(&r) < 0)
		exit(2);
	raw_ask(&r, "PUT", (char *)target.p, "", slice_of(mark, sizeof mark));
	want(&r, status, code, (char *)target.p);
	if (status == 200) {
		raw_ask(&r, "GET", (char *)target.p, "", slice_of("", 0));
		if (r.status != 200 ||
		    !slice_eq(buf_slice(&r.body), slice_of(mark, 8)))
			want(&r, 0, NULL, (char *)target.p);
	}
	raw_hang_up(&r);
	buf_free(&target);
}

/* Some code point of any length in UTF-8. */
static void
put_some(struct buf *out)
{
	static const uint32_t most[] = { 0x7f, 0x7ff, 0xffff, 0x10ffff };
	uint32_t c = 1 + randombytes_uniform(most[randombytes_uniform(4)]);

	if (c >= 0xd800 && c < 0xe000)
		c = 0xfffd;
	if (c < 0x80) {
		put_u8(out, (uint8_t)c);
	} else if (c < 0x800) {
		put_u8(out, (uint8_t)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		put_u8(out, (uint8_t)(0xe0 | c >> 12));
		put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
	} else {
		put_u8(out, (uint8_t)(0xf0 | c >> 18));
		put_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
		put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
	}
	if (c >= 0x80)
		put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
}

/* They stay, so that the caller can list them. */
static void
keys(void)
{
	static const char *const odd[] = { "a", "a/b", "a/", "a//b", "a/../b",
		"..", "../..", "../../etc/passwd", ".", "./a", "/", "//", "/a",
		" ", "+", "%", "%2F", "?", "#", "&=;", "\\", "a\nb", "a\rb",
		"\x01", "\x7f", "<>&\"'", "-", "CON", "a b", "\xc3\xa4",
		"a\xcc\x88", "\xef\xbb\xbf", "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\xff", "a\xc3", "\xc0\xaf",
		"\xed\xa0\x80", "\xf4\x90\x80\x80" };
	struct buf key = { .max = 2 * LONG_KEY };

	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		try_key(slice_text(odd[i]), 200, NULL);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		try_key(slice_text(bad[i]), 400, "InvalidObjectName");
	try_key(slice_of("a\0b", 3), 400, NULL);
	for (int i = 0; i < KEYS; i++) {
		while (key.n <= LONG_KEY - 4)
			put_some(&key);
		while (key.n < LONG_KEY)
			put_u8(&key, 'x');
		try_key(buf_slice(&key), 200, NULL);
		put_u8(&key, 'x');
		if (i == 0)
			try_key(buf_slice(&key), 400, "KeyTooLongError");
		buf_cut(&key, 0);
	}
	buf_free(&key);
}

static void
try_xml(const char *target, struct slice body, unsigned status,
    const char *code, const char *what)
{
	struct raw r;

	raw_once(&r, "POST", target, "", body);
	want(&r, status, code, what);
	raw_hang_up(&r);
}

static void
xml(void)
{
	static const char laughs[] =
	    "<!DOCTYPE d [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">"
	    "<!ENTITY c \"&b;&b;&b;&b;\">]><Delete><Object><Key>&c;</Key>"
	    "</Object></Delete>";
	static const char file[] = "<!DOCTYPE d [<!ENTITY a SYSTEM "
				   "\"file:///etc/passwd\">]><Delete><Object>"
				   "<Key>&a;</Key></Object></Delete>";
	struct buf b = { .max = 8 << 20 };

	try_xml("/box?delete", slice_text(laughs), 400, "MalformedXML",
	    "entities that multiply");
	try_xml("/box?delete", slice_text(file), 400, "MalformedXML",
	    "an entity from outside");
	try_xml("/box?delete", slice_of(bytes, SOME), 400, "MalformedXML",
	    "noise as XML");
	for (int i = 0; i < 100000; i++)
		put_text(&b, "<a>");
	try_xml("/box?delete", buf_slice(&b), 400, "MalformedXML", "depth");
	buf_cut(&b, 0);
	put_text(&b, "<Delete>");
	for (int i = 0; i < 1001; i++)
		put_text(&b, "<Object><Key>k</Key></Object>");
	put_text(&b, "</Delete>");
	try_xml("/box?delete", buf_slice(&b), 400, "MalformedXML", "1001 keys");
	memset(buf_room(&b, 5 << 20), ' ', 5 << 20);
	buf_added(&b, 5 << 20);
	try_xml("/box?delete", buf_slice(&b), 400, "MaxMessageLengthExceeded",
	    "five MiB");
	buf_free(&b);
}

static const struct {
	const char *name;
	void (*run)(void);
} attacks[] = {
	{ "honest", honest },
	{ "truncated", truncated },
	{ "oversized", oversized },
	{ "chunks", chunks },
	{ "sums", sums },
	{ "signatures", signatures },
	{ "heads", heads },
	{ "keys", keys },
	{ "xml", xml },
};

int
main(int argc, char **argv)
{
	if (sodium_init() < 0 || argc != 3)
		return 2;
	raw_aim(argv[2]);
	randombytes_buf(bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
		if (strcmp(argv[1], attacks[i].name) == 0) {
			attacks[i].run();
			return faults > 0;
		}
	return 2;
}
