/* SPDX-License-Identifier: ISC
 *
 * AWS's published uploads in chunks, whole and in pieces, and bodies that lie.
 */
#include "web/chunked.h"
#include "t/tap.h"

#include "base/mem.h"

#include <stdlib.h>

#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define SEED   "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
#define SIGN_1                                                                 \
	"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
#define SIGN_2                                                                 \
	"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
#define SIGN_3                                                                 \
	"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
#define TRAILER_SEED                                                           \
	"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
#define TRAILER_1                                                              \
	"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"
#define TRAILER_2                                                              \
	"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"
#define TRAILER_3                                                              \
	"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"
#define TRAILER_4                                                              \
	"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
#define SIGNED ";chunk-signature="
#define EOL    "\r\n"

enum { WHOLE = 65536, PART = 1024, DECODED = WHOLE + PART };

static uint8_t key[SHA256_BYTES];

static struct sigv4
sig(enum sigv4_payload payload, const char *seed)
{
	return (struct sigv4){
		.scope = slice_text("20130524/us-east-1/s3/aws4_request"),
		.stamp = "20130524T000000Z",
		.signature = slice_text(seed),
		.payload = payload,
	};
}

/* How it ends: what came out, and how much of it. */
struct end {
	bool ended;
	uint64_t n;
	bool all_a;
	enum chunked_fault fault;
	const char *why;
	size_t trailers;
	char trailer[256]; /* name=value, … */
};

static bool
feed(struct chunked *c, struct slice in, struct end *end)
{
	struct chunked_ev ev;
	int r;

	while ((r = chunked_step(c, &in, &ev)) == 1) {
		if (ev.what == CHUNKED_END)
			end->ended = true;
		for (size_t i = 0; i < ev.data.n; i++)
			end->all_a = end->all_a && ev.data.p[i] == 'a';
		end->n += ev.data.n;
	}
	return r == 0;
}

static void
trailers(const struct chunked *c, struct end *end)
{
	const struct http_field *f;
	size_t n = 0;

	end->trailers = chunked_trailers(c, &f);
	for (size_t i = 0; i < end->trailers && n < sizeof end->trailer; i++)
		n += (size_t)snprintf(end->trailer + n, sizeof end->trailer - n,
		    "%s%.*s=%.*s", i ? "," : "", (int)f[i].name.n,
		    (const char *)f[i].name.p, (int)f[i].value.n,
		    (const char *)f[i].value.p);
}

/* piece 0: all at once; else so many bytes at a time. */
static struct end
run(const struct sigv4 *s, uint64_t decoded, struct slice body, size_t piece)
{
	struct chunked *c = chunked_new(s, key, decoded);
	struct end end = { .all_a = true };

	while (body.n > 0) {
		size_t n = piece && piece < body.n ? piece : body.n;
		uint8_t *copy = malloc(n);

		memcpy(copy, body.p, n);
		get_bytes(&body, n);
		if (!feed(c, slice_of(copy, n), &end))
			body.n = 0;
		free(copy);
	}
	if (chunked_fin(c) == 0)
		trailers(c, &end);
	end.fault = chunked_fault(c);
	end.why = chunked_why(c);
	chunked_free(c);
	return end;
}

static void
put_many(struct buf *b, size_t n)
{
	while (n-- > 0)
		put_u8(b, 'a');
}

static struct buf
two_chunks(const char *one, const char *two, const char *rest)
{
	struct buf b = { .max = 1 << 20 };

	put_text(&b, "10000" SIGNED);
	put_text(&b, one);
	put_text(&b, EOL);
	put_many(&b, WHOLE);
	put_text(&b, EOL "400" SIGNED);
	put_text(&b, two);
	put_text(&b, EOL);
	put_many(&b, PART);
	put_text(&b, EOL "0" SIGNED);
	put_text(&b, rest);
	return b;
}

static const size_t pieces[] = { 0, 1, 2, 3, 7, 64, 85, 86, 1000, 65536 };

static void
is_good(const struct sigv4 *s, struct slice body, const char *trailer,
    const char *name)
{
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		struct end end = run(s, DECODED, body, pieces[i]);

		ok(end.ended && end.n == DECODED && end.all_a &&
			end.fault == CHUNKED_FINE &&
			strcmp(end.trailer, trailer) == 0,
		    "%s, %zu at a time", name, pieces[i]);
		if (end.why)
			printf("# %s\n", end.why);
	}
}

static void
published(void)
{
	struct sigv4 s = sig(SIGV4_CHUNKS, SEED);
	struct buf b = two_chunks(SIGN_1, SIGN_2, SIGN_3 EOL EOL);

	is_int(b.n, 66824, "as long as in the example");
	is_good(&s, buf_slice(&b), "", "signed chunks");
	buf_free(&b);
	s = sig(SIGV4_CHUNKS_TRAILER, TRAILER_SEED);
	b = two_chunks(TRAILER_1, TRAILER_2,
	    TRAILER_3 EOL "x-amz-checksum-crc32c:sOO8/Q==" EOL
			  "x-amz-trailer-signature:" TRAILER_4 EOL EOL);
	is_good(&s, buf_slice(&b),
	    "x-amz-checksum-crc32c=sOO8/Q==", "signed trailer");
	buf_free(&b);
	b = two_chunks(TRAILER_1, TRAILER_2,
	    TRAILER_3 EOL "x-amz-checksum-crc32c:sOO8/Q==\n" EOL
			  "x-amz-trailer-signature:" TRAILER_4 EOL EOL);
	is_good(&s, buf_slice(&b),
	    "x-amz-checksum-crc32c=sOO8/Q==", "as minio-go writes it");
	buf_free(&b);
	b = two_chunks(TRAILER_1, TRAILER_2,
	    TRAILER_3 EOL "X-Amz-Checksum-CRC32C: sOO8/Q== " EOL
			  "x-amz-trailer-signature: " TRAILER_4 EOL EOL);
	is_good(&s, buf_slice(&b), "x-amz-checksum-crc32c=sOO8/Q==",
	    "capitals and blanks are as if not there");
	buf_free(&b);
}

/* Every byte but most of the content. */
static void
tampered(void)
{
	struct sigv4 s = sig(SIGV4_CHUNKS_TRAILER, TRAILER_SEED);
	struct buf b = two_chunks(TRAILER_1, TRAILER_2,
	    TRAILER_3 EOL "x-amz-checksum-crc32c:sOO8/Q==" EOL
			  "x-amz-trailer-signature:" TRAILER_4 EOL EOL);
	unsigned passed = 0, out = 0;

	for (size_t i = 0; i < b.n; i++) {
		struct end end;
		uint8_t byte;

		if (i == 200)
			i = WHOLE;
		byte = b.p[i];
		b.p[i] = byte == 'b' ? 'c' : 'b';
		end = run(&s, DECODED, buf_slice(&b), 0);
		b.p[i] = byte;
		passed += end.fault == CHUNKED_FINE;
		out += i < WHOLE && end.n >= WHOLE;
	}
	is_int(passed, 0, "no byte can be changed");
	is_int(out, 0, "and a forged chunk does not come out whole");
	for (size_t i = 0; i < b.n; i += i < b.n - 300 ? 251 : 1)
		passed +=
		    run(&s, DECODED, slice_of(b.p, i), 0).fault == CHUNKED_FINE;
	is_int(passed, 0, "nor can it be cut");
	buf_free(&b);
}

static const struct row {
	const char *name;
	const char *body; /* unsigned, five bytes of content */
	enum chunked_fault want;
	const char *trailer;
} rows[] = {
	{ "one chunk", "5\r\naaaaa\r\n0\r\n\r\n", CHUNKED_FINE, "" },
	{ "two", "2\r\naa\r\n3\r\naaa\r\n0\r\n\r\n", CHUNKED_FINE, "" },
	{ "zeros before a size", "0005\r\naaaaa\r\n000\r\n\r\n", CHUNKED_FINE,
	    "" },
	{ "a trailer", "5\r\naaaaa\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n",
	    CHUNKED_FINE, "x-amz-checksum-crc32=AAAA" },
	{ "two trailers", "5\r\naaaaa\r\n0\r\nA:b\r\nc: d e \r\n\r\n",
	    CHUNKED_FINE, "a=b,c=d e" },
	{ "as minio-go writes it", "5\r\naaaaa\r\n0\r\na:b\n\r\n\r\n",
	    CHUNKED_FINE, "a=b" },
	{ "an empty value", "5\r\naaaaa\r\n0\r\na:\r\n\r\n", CHUNKED_FINE,
	    "a=" },
	{ "nothing", "", CHUNKED_LENGTH, "" },
	{ "cut in a header", "5", CHUNKED_LENGTH, "" },
	{ "cut in content", "5\r\naaa", CHUNKED_LENGTH, "" },
	{ "cut behind it", "5\r\naaaaa", CHUNKED_LENGTH, "" },
	{ "no last chunk", "5\r\naaaaa\r\n", CHUNKED_LENGTH, "" },
	{ "no empty line", "5\r\naaaaa\r\n0\r\n", CHUNKED_LENGTH, "" },
	{ "cut in a trailer", "5\r\naaaaa\r\n0\r\na:b", CHUNKED_LENGTH, "" },
	{ "too little", "4\r\naaaa\r\n0\r\n\r\n", CHUNKED_LENGTH, "" },
	{ "too much", "6\r\naaaaaa\r\n0\r\n\r\n", CHUNKED_LENGTH, "" },
	{ "too much in two", "5\r\naaaaa\r\n1\r\na\r\n0\r\n\r\n",
	    CHUNKED_LENGTH, "" },
	{ "no size", "\r\naaaaa\r\n0\r\n\r\n", CHUNKED_BAD_FRAME, "" },
	{ "no number", "x\r\naaaaa\r\n0\r\n\r\n", CHUNKED_BAD_FRAME, "" },
	{ "a sign", "+5\r\naaaaa\r\n0\r\n\r\n", CHUNKED_BAD_FRAME, "" },
	{ "0x", "0x5\r\naaaaa\r\n0\r\n\r\n", CHUNKED_BAD_FRAME, "" },
	{ "a blank", "5 \r\naaaaa\r\n0\r\n\r\n", CHUNKED_BAD_FRAME, "" },
	{ "an extension", "5;a=b\r\naaaaa\r\n0\r\n\r\n", CHUNKED_BAD_FRAME,
	    "" },
	{ "a newline alone", "5\naaaaa\r\n0\r\n\r\n", CHUNKED_BAD_FRAME, "" },
	{ "behind content too", "5\r\naaaaa\n0\r\n\r\n", CHUNKED_BAD_FRAME,
	    "" },
	{ "more content than its size", "4\r\naaaaa\r\n0\r\n\r\n",
	    CHUNKED_BAD_FRAME, "" },
	{ "a size of nine digits", "100000005\r\naaaaa\r\n0\r\n\r\n",
	    CHUNKED_BAD_FRAME, "" },
	{ "a size over the ceiling", "10000001\r\na", CHUNKED_BAD_FRAME, "" },
	{ "a chunk behind the last", "5\r\naaaaa\r\n0\r\n\r\n0\r\n\r\n",
	    CHUNKED_BAD_FRAME, "" },
	{ "two empty lines behind it", "5\r\naaaaa\r\n0\r\n\r\n\r\n\r\n",
	    CHUNKED_BAD_FRAME, "" },
	{ "half a line behind it", "5\r\naaaaa\r\n0\r\n\r\nx",
	    CHUNKED_BAD_FRAME, "" },
	{ "a trailer without a colon", "5\r\naaaaa\r\n0\r\nab\r\n\r\n",
	    CHUNKED_BAD_TRAILER, "" },
	{ "without a name", "5\r\naaaaa\r\n0\r\n:b\r\n\r\n",
	    CHUNKED_BAD_TRAILER, "" },
	{ "with a blank in it", "5\r\naaaaa\r\n0\r\na b:c\r\n\r\n",
	    CHUNKED_BAD_TRAILER, "" },
	{ "a folded one", "5\r\naaaaa\r\n0\r\na:b\r\n c:d\r\n\r\n",
	    CHUNKED_BAD_TRAILER, "" },
	{ "a control byte", "5\r\naaaaa\r\n0\r\na:b\x01g\r\n\r\n",
	    CHUNKED_BAD_TRAILER, "" },
};

static void
unsigned_bodies(void)
{
	struct sigv4 s = sig(SIGV4_UNSIGNED_TRAILER, "");

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *r = &rows[i];

		for (size_t piece = 0; piece < 3; piece++) {
			struct end end = run(&s, 5, slice_text(r->body), piece);
			bool good = r->want == CHUNKED_FINE;

			ok(end.fault == r->want && end.all_a &&
				(end.why == NULL) == good &&
				(!good || (end.n == 5 && end.ended)) &&
				strcmp(end.trailer, r->trailer) == 0,
			    "%s, by %zu: %s", r->name, piece,
			    end.why ? end.why : "good");
		}
	}
	is_int(run(&s, 0, slice_text("0\r\n\r\n"), 0).fault, CHUNKED_FINE,
	    "no content at all");
}

/* A client's side, for bodies that are no example. */
static void
put_chunk(struct buf *b, const struct sigv4 *s, char previous[64], size_t n)
{
	uint8_t sha[SHA256_BYTES];
	struct buf data = { .max = 1 << 20 };
	char size[2 * sizeof n + 1];

	put_many(&data, n);
	digest_of(DIGEST_SHA256, buf_slice(&data), sha);
	sigv4_chunk(s, key, previous, sha, previous);
	snprintf(size, sizeof size, "%zx", n);
	put_text(b, size);
	put_text(b, SIGNED);
	put_bytes(b, previous, 64);
	put_text(b, EOL);
	put_slice(b, buf_slice(&data));
	if (n > 0)
		put_text(b, EOL);
	buf_free(&data);
}

static void
signed_bodies(void)
{
	static const struct {
		size_t sizes[4];
		enum chunked_fault want;
		const char *name;
	} sizes[] = {
		{ { 8192, 8192, 1 }, CHUNKED_FINE, "the last may be small" },
		{ { 1 }, CHUNKED_FINE, "an only one as well" },
		{ { 0 }, CHUNKED_FINE, "or none" },
		{ { 8192, 8191, 8192 }, CHUNKED_TOO_SMALL, "no other may" },
		{ { 1, 1 }, CHUNKED_TOO_SMALL, "not the first either" },
	};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct sigv4 s = sig(SIGV4_CHUNKS, SEED);
		struct buf b = { .max = 1 << 20 };
		uint64_t all = 0;
		char previous[64];
		struct end end;

		memcpy(previous, SEED, 64);
		for (size_t k = 0; sizes[i].sizes[k] > 0; k++) {
			put_chunk(&b, &s, previous, sizes[i].sizes[k]);
			all += sizes[i].sizes[k];
		}
		put_chunk(&b, &s, previous, 0);
		put_text(&b, EOL);
		end = run(&s, all, buf_slice(&b), 0);
		is_int(end.fault, sizes[i].want, sizes[i].name);
		put_text(&b, EOL);
		if (sizes[i].want == CHUNKED_FINE)
			is_int(run(&s, all, buf_slice(&b), 0).fault,
			    CHUNKED_BAD_FRAME, "nothing may follow");
		buf_free(&b);
	}
}

/* What a signed body must not be without. */
static void
signatures(void)
{
	static const struct {
		enum sigv4_payload payload;
		const char *body;
		enum chunked_fault want;
		const char *name;
	} bodies[] = {
		{ SIGV4_CHUNKS, "5\r\naaaaa\r\n0\r\n\r\n", CHUNKED_BAD_FRAME,
		    "no signatures" },
		{ SIGV4_CHUNKS, "5;chunk-signature=00\r\n", CHUNKED_BAD_FRAME,
		    "a short one" },
		{ SIGV4_CHUNKS, "5;chunk-signature=" SEED "0\r\n",
		    CHUNKED_BAD_FRAME, "a long one" },
		{ SIGV4_CHUNKS, "5;other=" SEED "\r\n", CHUNKED_BAD_FRAME,
		    "another word" },
		{ SIGV4_CHUNKS, "5;chunk-signature=" SEED "\r\naaaaa",
		    CHUNKED_SIGNATURE, "a wrong one" },
		{ SIGV4_CHUNKS, "0;chunk-signature=" SEED "\r\n",
		    CHUNKED_LENGTH, "a last one too early" },
	};
	static const struct {
		const char *rest;
		enum chunked_fault want;
		const char *name;
	} ends[] = {
		{ EOL EOL, CHUNKED_BAD_TRAILER, "no trailer" },
		{ EOL "x-amz-checksum-crc32c:sOO8/Q==" EOL EOL, CHUNKED_LENGTH,
		    "a trailer without signature" },
		{ EOL "x-amz-checksum-crc32c:sOO8/Q==" EOL EOL EOL,
		    CHUNKED_BAD_TRAILER, "and one empty line more" },
		{ EOL "x-amz-trailer-signature:" TRAILER_4 EOL EOL,
		    CHUNKED_SIGNATURE, "a signature of another trailer" },
		{ EOL "x-amz-checksum-crc32c:sOO8/Q==" EOL
		      "x-amz-trailer-signature:00" EOL EOL,
		    CHUNKED_BAD_TRAILER, "a short signature" },
		{ EOL "x-amz-checksum-crc32c:sOO8/Q==" EOL
		      "x-amz-trailer-signature:" TRAILER_4 EOL "a:b" EOL EOL,
		    CHUNKED_BAD_TRAILER, "a trailer behind the signature" },
	};

	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct sigv4 s = sig(bodies[i].payload, SEED);
		struct end end = run(&s, 5, slice_text(bodies[i].body), 0);

		is_int(end.fault, bodies[i].want, bodies[i].name);
		is_int(end.n, 0, "and nothing came out");
	}
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		struct sigv4 s = sig(SIGV4_CHUNKS_TRAILER, TRAILER_SEED);
		struct buf rest = { .max = 1024 }, b;

		put_text(&rest, TRAILER_3);
		put_text(&rest, ends[i].rest);
		put_u8(&rest, 0);
		b = two_chunks(TRAILER_1, TRAILER_2, (char *)rest.p);
		is_int(run(&s, DECODED, buf_slice(&b), 0).fault, ends[i].want,
		    ends[i].name);
		buf_free(&b);
		buf_free(&rest);
	}
}

static void
ceilings(void)
{
	static const struct {
		const char *front;
		size_t name, value, times;
		enum chunked_fault want;
		const char *text;
	} longs[] = {
		{ "5\r\naaaaa\r\n0\r\n", 4, 250, CHUNKED_TRAILERS, CHUNKED_FINE,
		    "as many trailers as may be" },
		{ "5\r\naaaaa\r\n0\r\n", 1, 1, CHUNKED_TRAILERS + 1,
		    CHUNKED_BAD_TRAILER, "one more" },
		{ "5\r\naaaaa\r\n0\r\n", 21, 1000, 4, CHUNKED_FINE,
		    "as long lines as may be" },
		{ "5\r\naaaaa\r\n0\r\n", 22, 1000, 1, CHUNKED_BAD_TRAILER,
		    "a longer one" },
		{ "5\r\naaaaa\r\n0\r\n", 21, 1000, 5, CHUNKED_BAD_TRAILER,
		    "one more of them" },
		{ "", 100, 1000, 1, CHUNKED_BAD_FRAME,
		    "a header without an end" },
	};
	struct sigv4 s = sig(SIGV4_UNSIGNED_TRAILER, "");

	for (size_t i = 0; i < sizeof longs / sizeof *longs; i++) {
		struct buf b = { .max = 1 << 20 };

		put_text(&b, longs[i].front);
		for (size_t k = 0; k < longs[i].times; k++) {
			put_many(&b, longs[i].name);
			put_u8(&b, ':');
			put_many(&b, longs[i].value);
			put_text(&b, EOL);
		}
		put_text(&b, EOL);
		for (size_t piece = 0; piece < 3; piece++)
			is_int(run(&s, 5, buf_slice(&b), piece).fault,
			    longs[i].want, longs[i].text);
		buf_free(&b);
	}
}

static void
after_the_end(void)
{
	struct sigv4 s = sig(SIGV4_UNSIGNED_TRAILER, "");
	struct chunked *c = chunked_new(&s, NULL, 1);
	struct slice in = slice_text("1\r\naaa");
	const struct http_field *f;
	struct chunked_ev ev;

	is_int(chunked_trailers(c, &f), 0, "no trailers yet");
	is_int(chunked_step(c, &in, &ev), 1, "a byte");
	is_int(chunked_step(c, &in, &ev), 0, "no line end yet");
	in = slice_text("\r\n");
	is_int(chunked_step(c, &in, &ev), -1, "and none to come");
	in = slice_text("0\r\n\r\n");
	is_int(chunked_step(c, &in, &ev), -1, "broken for good");
	is_int(chunked_fin(c), -1, "to its end");
	is_int(chunked_fault(c), CHUNKED_BAD_FRAME, "for the first reason");
	chunked_free(c);
	chunked_free(NULL);
}

int
main(void)
{
	sigv4_key(slice_text(SECRET), slice_text("20130524"),
	    slice_text("us-east-1"), slice_text("s3"), key);
	published();
	tampered();
	unsigned_bodies();
	signed_bodies();
	signatures();
	ceilings();
	after_the_end();
	return tap_done();
}
