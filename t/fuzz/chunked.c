/* SPDX-License-Identifier: ISC
 *
 * A body in chunks.  The first byte is its form, the second how long its
 * content is said to be, the third the pieces it comes in.  Whole or in pieces
 * it ends the same; and so it does when its chunks are signed rightly, which
 * no fuzzer finds: the fourth form is made of sizes. */
#include "web/chunked.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { MADE = 3, MOST = 1 << 16 };

static const uint8_t key[SHA256_BYTES] = { 1 };
static const char seed[] =
    "0000000000000000000000000000000000000000000000000000000000000000";

struct end {
	bool ended;
	enum chunked_fault fault;
	uint64_t n;
	uint32_t sum;
	size_t trailers;
};

static void
must(bool good)
{
	if (!good)
		abort();
}

static bool
feed(struct chunked *c, struct slice in, struct end *end)
{
	struct chunked_ev ev;
	int r;

	while ((r = chunked_step(c, &in, &ev)) == 1) {
		must(!end->ended);
		must((ev.what == CHUNKED_DATA) == (ev.data.n > 0));
		end->ended = ev.what == CHUNKED_END;
		end->n += ev.data.n;
		for (size_t i = 0; i < ev.data.n; i++)
			end->sum = end->sum * 31 + ev.data.p[i];
	}
	must(r < 0 || in.n == 0);
	return r == 0;
}

static struct end
run(const struct sigv4 *s, uint64_t decoded, struct slice body, size_t piece)
{
	struct chunked *c = chunked_new(s, key, decoded);
	const struct http_field *f;
	struct end end = { 0 };

	while (body.n > 0) {
		size_t n = piece < body.n ? piece : body.n;

		if (!feed(c, get_bytes(&body, n), &end))
			break;
	}
	must(end.n <= decoded);
	if (chunked_fin(c) == 0) {
		must(end.ended && end.n == decoded);
		end.trailers = chunked_trailers(c, &f);
		for (size_t i = 0; i < end.trailers; i++)
			must(f[i].name.n > 0 &&
			     !memchr(f[i].name.p, '\n', f[i].name.n));
	}
	end.fault = chunked_fault(c);
	must((end.fault == CHUNKED_FINE) == (chunked_why(c) == NULL));
	chunked_free(c);
	return end;
}

static void
put_chunk(struct buf *b, const struct sigv4 *s, char previous[64], size_t n)
{
	static const uint8_t zeros[255 * 128];
	static const char hex[] = "0123456789abcdef";
	uint8_t sha[SHA256_BYTES];

	digest_of(DIGEST_SHA256, slice_of(zeros, n), sha);
	sigv4_chunk(s, key, previous, sha, previous);
	for (int i = 12; i >= 0; i -= 4)
		put_u8(b, (uint8_t)hex[n >> i & 15]);
	put_text(b, ";chunk-signature=");
	put_bytes(b, previous, 64);
	put_text(b, "\r\n");
	put_bytes(b, zeros, n);
	if (n > 0)
		put_text(b, "\r\n");
}

/* Each byte but the last is a chunk of 128 times as much; the last, when it is
 * not 0, is a fault at that place from the end. */
static void
made(struct sigv4 *s, struct slice in, size_t piece)
{
	struct buf b = { .max = 64 << 20 };
	char previous[64];
	uint64_t all = 0;
	size_t last = CHUNKED_LEAST;
	bool small = false;
	uint8_t fault;
	struct end end;

	s->payload = SIGV4_CHUNKS;
	memcpy(previous, seed, 64);
	while (in.n > 1) {
		size_t n = (size_t)get_u8(&in) * 128;

		if (n == 0)
			continue;
		small = small || last < CHUNKED_LEAST;
		last = n;
		put_chunk(&b, s, previous, n);
		all += n;
	}
	fault = get_u8(&in);
	put_chunk(&b, s, previous, 0);
	put_text(&b, "\r\n");
	if (fault > 0 && fault < b.n)
		b.p[b.n - fault] ^= 1;
	end = run(s, all, buf_slice(&b), piece);
	must((end.fault == CHUNKED_FINE) ==
	     (!small && (fault == 0 || fault >= b.n)));
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const enum sigv4_payload forms[] = { SIGV4_UNSIGNED_TRAILER,
		SIGV4_CHUNKS, SIGV4_CHUNKS_TRAILER };
	struct slice in = slice_of(p, n < MOST ? n : MOST);
	uint8_t form = get_u8(&in) % (MADE + 1);
	uint64_t decoded = get_u8(&in);
	size_t piece = 1 + get_u8(&in);
	struct sigv4 s = {
		.scope = slice_text("20130524/us-east-1/s3/aws4_request"),
		.stamp = "20130524T000000Z",
		.signature = slice_text(seed),
	};
	struct end a, b;

	if (in.bad)
		return 0;
	if (form == MADE) {
		in.n = in.n < 64 ? in.n : 64;
		made(&s, in, piece * 7);
		return 0;
	}
	s.payload = forms[form];
	a = run(&s, decoded, in, SIZE_MAX);
	b = run(&s, decoded, in, piece);
	must(a.ended == b.ended && a.fault == b.fault &&
	     a.trailers == b.trailers);
	/* before a fault, pieces may come out that the whole kept back */
	if (a.fault == CHUNKED_FINE)
		must(a.n == b.n && a.sum == b.sum);
	return 0;
}
