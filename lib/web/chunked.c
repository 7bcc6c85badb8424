/* SPDX-License-Identifier: ISC */
#include "web/chunked.h"
#include "base/mem.h"
#include "web/text.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE         ";chunk-signature="
#define TRAILER_SIGNATURE "x-amz-trailer-signature"

enum state {
	EXPECT_HEADER,    /* of a chunk */
	EXPECT_DATA,      /* left bytes of it */
	EXPECT_DATA_END,  /* the line's end behind it */
	EXPECT_LAST_LINE, /* the empty line behind a last chunk */
	EXPECT_TRAILER,   /* a line of the trailer, or the empty one */
	EXPECT_NOTHING,
	BROKEN,
};

/* What the forms of a body have. */
static const struct form {
	bool is_signed, trailer;
} forms[] = {
	[SIGV4_CHUNKS] = { true, false },
	[SIGV4_CHUNKS_TRAILER] = { true, true },
	[SIGV4_UNSIGNED_TRAILER] = { false, true },
};

struct chunked {
	enum state state;
	enum chunked_fault fault;
	const char *why;
	struct form form;
	struct sigv4 sig; /* its scope, stamp and payload, no more */
	uint8_t scope[SIGV4_SCOPE], key[SHA256_BYTES];
	char previous[SIGV4_HASH]; /* the signature before */
	char claimed[SIGV4_HASH];  /* this chunk's */
	struct digest digest;      /* of this chunk */
	uint64_t decoded, taken;   /* bytes of content */
	uint64_t size, left;       /* of this chunk */
	size_t line_n;
	uint8_t line[CHUNKED_LINE];
	struct http_field trailers[CHUNKED_TRAILERS];
	size_t trailers_n;
	struct buf bytes; /* of the trailers */
	bool trailer_is_signed;
	bool tail; /* the empty line that may follow the end was taken */
};

static int
fail(struct chunked *c, enum chunked_fault fault, const char *why)
{
	c->state = BROKEN;
	c->fault = fault;
	c->why = why;
	return -1;
}

struct chunked *
chunked_new(
    const struct sigv4 *s, const uint8_t key[SHA256_BYTES], uint64_t decoded)
{
	struct chunked *c = mem_new(sizeof *c);

	c->form = forms[s->payload];
	c->decoded = decoded;
	buf_init(&c->bytes, CHUNKED_TRAILER_BYTES, NULL);
	buf_room(&c->bytes, CHUNKED_TRAILER_BYTES); /* nothing moves */
	if (!c->form.is_signed)
		return c;
	memcpy(c->sig.stamp, s->stamp, sizeof s->stamp);
	memcpy(c->scope, s->scope.p, s->scope.n);
	c->sig.scope = slice_of(c->scope, s->scope.n);
	memcpy(c->previous, s->signature.p, SIGV4_HASH);
	memcpy(c->key, key, SHA256_BYTES);
	digest_begin(&c->digest, DIGEST_SHA256);
	return c;
}

void
chunked_free(struct chunked *c)
{
	if (c == NULL)
		return;
	digest_free(&c->digest);
	buf_free(&c->bytes);
	sodium_memzero(c, sizeof *c);
	free(c);
}

/* A line, with its end, that may come in pieces.  1: it is in c->line; 0: more;
 * -1: too long. */
static int
take_line(struct chunked *c, struct slice *in)
{
	const uint8_t *end = in->n ? memchr(in->p, '\n', in->n) : NULL;
	size_t n = end ? (size_t)(end - in->p) + 1 : in->n;

	if (n > sizeof c->line - c->line_n)
		return -1;
	if (n > 0)
		memcpy(c->line + c->line_n, in->p, n);
	get_bytes(in, n);
	c->line_n += n;
	return end != NULL;
}

/* The line that is there, without its end, which must be CR LF if strict. */
static struct slice
line_of(struct chunked *c, bool strict)
{
	struct slice line = slice_of(c->line, c->line_n - 1);

	c->line_n = 0;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	else
		line.bad = strict;
	return line;
}

/* The digits of a chunk's size at the front of its header. */
static bool
get_size(struct slice *line, uint64_t *size)
{
	size_t n = 0;

	*size = 0;
	for (; n < 8 && line->n > 0; n++) {
		uint8_t c = *line->p;

		if (c >= '0' && c <= '9')
			c = (uint8_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			c = (uint8_t)((c | 0x20) - 'a' + 10);
		else
			break;
		*size = *size << 4 | c;
		get_u8(line);
	}
	return n > 0;
}

static int
finish_chunk(struct chunked *c)
{
	uint8_t sha[SHA256_BYTES];

	if (!c->form.is_signed)
		return 0;
	digest_end(&c->digest, sha);
	sigv4_chunk(&c->sig, c->key, c->previous, sha, c->previous);
	if (sodium_memcmp(c->previous, c->claimed, SIGV4_HASH) != 0)
		return fail(c, CHUNKED_SIGNATURE,
		    "the signature of a chunk does not match");
	return 0;
}

/* SIZE, or SIZE;chunk-signature=HEX */
static const char *
parse_header(struct chunked *c)
{
	struct slice line = line_of(c, true);

	if (line.bad || !get_size(&line, &c->size))
		return "not a chunk's header";
	if (!c->form.is_signed)
		return line.n > 0 ? "not a chunk's header" : NULL;
	if (!text_begins(line, slice_text(SIGNATURE)) ||
	    line.n != strlen(SIGNATURE) + SIGV4_HASH)
		return "a chunk's header without its signature";
	get_bytes(&line, strlen(SIGNATURE));
	memcpy(c->claimed, line.p, SIGV4_HASH);
	return NULL;
}

static int
on_header(struct chunked *c)
{
	uint64_t before = c->size;
	const char *why = parse_header(c);

	if (why)
		return fail(c, CHUNKED_BAD_FRAME, why);
	if (c->size > CHUNKED_MOST)
		return fail(c, CHUNKED_BAD_FRAME, "a chunk is too big");
	if (c->size > c->decoded - c->taken)
		return fail(c, CHUNKED_LENGTH,
		    "more content than x-amz-decoded-content-length");
	if (c->form.is_signed && c->size > 0 && before > 0 &&
	    before < CHUNKED_LEAST)
		return fail(c, CHUNKED_TOO_SMALL,
		    "a chunk that is not the last is too small");
	c->left = c->size;
	c->state = EXPECT_DATA;
	if (c->size > 0)
		return 0;
	if (c->taken != c->decoded)
		return fail(c, CHUNKED_LENGTH,
		    "less content than x-amz-decoded-content-length");
	c->state = c->form.trailer ? EXPECT_TRAILER : EXPECT_LAST_LINE;
	return finish_chunk(c);
}

/* The last piece of a chunk is let out only when its signature is right. */
static int
on_data(struct chunked *c, struct slice *in, struct chunked_ev *ev)
{
	size_t n = in->n < c->left ? in->n : (size_t)c->left;

	if (n == 0)
		return 0;
	ev->data = get_bytes(in, n);
	if (c->form.is_signed)
		digest_add(&c->digest, ev->data);
	c->left -= n;
	c->taken += n;
	if (c->left == 0) {
		c->state = EXPECT_DATA_END;
		if (finish_chunk(c) < 0)
			return -1;
		if (c->form.is_signed)
			digest_begin(&c->digest, DIGEST_SHA256);
	}
	ev->what = CHUNKED_DATA;
	return 1;
}

/* The trailer is signed as name:value and a newline, line by line. */
static int
check_trailer(struct chunked *c)
{
	struct digest d = { 0 };
	uint8_t sha[SHA256_BYTES];

	digest_begin(&d, DIGEST_SHA256);
	for (size_t i = 0; i < c->trailers_n; i++) {
		digest_add(&d, c->trailers[i].name);
		digest_add(&d, slice_text(":"));
		digest_add(&d, c->trailers[i].value);
		digest_add(&d, slice_text("\n"));
	}
	digest_end(&d, sha);
	digest_free(&d);
	sigv4_trailer(&c->sig, c->key, c->previous, sha, c->previous);
	if (sodium_memcmp(c->previous, c->claimed, SIGV4_HASH) != 0)
		return fail(c, CHUNKED_SIGNATURE,
		    "the signature of the trailer does not match");
	c->trailer_is_signed = true;
	return 0;
}

/* Copied, as lower case if so. */
static struct slice
keep(struct chunked *c, struct slice text, bool lower)
{
	uint8_t *to = buf_room(&c->bytes, text.n);

	if (to == NULL)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < text.n; i++) {
		uint8_t b = text.p[i];

		to[i] = lower && b >= 'A' && b <= 'Z' ? (uint8_t)(b | 0x20) : b;
	}
	buf_added(&c->bytes, text.n);
	return slice_of(to, text.n);
}

static bool
is_printable(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < ' ' || text.p[i] == 0x7f)
			return false;
	return true;
}

static int
on_field(struct chunked *c, struct slice line)
{
	const uint8_t *colon = memchr(line.p, ':', line.n);
	struct http_field *f = &c->trailers[c->trailers_n];
	struct slice name, value;

	if (colon == NULL || colon == line.p || c->trailer_is_signed)
		return fail(c, CHUNKED_BAD_TRAILER, "not a trailer's line");
	name = get_bytes(&line, (size_t)(colon - line.p));
	get_u8(&line);
	value = text_trim(line);
	if (!is_printable(name) || !is_printable(value) ||
	    memchr(name.p, ' ', name.n))
		return fail(c, CHUNKED_BAD_TRAILER, "not a trailer's line");
	if (c->form.is_signed && http_name_is(name, TRAILER_SIGNATURE)) {
		if (value.n != SIGV4_HASH)
			return fail(c, CHUNKED_BAD_TRAILER,
			    "not a trailer's signature");
		memcpy(c->claimed, value.p, SIGV4_HASH);
		return check_trailer(c);
	}
	if (c->trailers_n == CHUNKED_TRAILERS)
		return fail(c, CHUNKED_BAD_TRAILER, "too many trailers");
	f->name = keep(c, name, true);
	f->value = keep(c, value, false);
	if (c->bytes.bad)
		return fail(c, CHUNKED_BAD_TRAILER, "too long a trailer");
	c->trailers_n++;
	return 0;
}

/* minio-go ends a trailer's line with a newline alone, and puts an empty line
 * before the signature.  1: the end. */
static int
on_trailer(struct chunked *c, struct chunked_ev *ev)
{
	struct slice line = line_of(c, false);

	if (line.n > 0)
		return on_field(c, line);
	if (c->form.is_signed && !c->trailer_is_signed) {
		if (c->trailers_n > 0 && !c->tail) {
			c->tail = true;
			return 0;
		}
		return fail(
		    c, CHUNKED_BAD_TRAILER, "the trailer has no signature");
	}
	c->tail = false;
	c->state = EXPECT_NOTHING;
	ev->what = CHUNKED_END;
	return 1;
}

static int
on_line(struct chunked *c, struct chunked_ev *ev)
{
	struct slice line;

	switch (c->state) {
	case EXPECT_HEADER:
		return on_header(c);
	case EXPECT_TRAILER:
		return on_trailer(c, ev);
	case EXPECT_DATA_END:
		line = line_of(c, true);
		c->state = EXPECT_HEADER;
		return line.bad || line.n > 0 ? fail(c, CHUNKED_BAD_FRAME,
						    "no line end behind a "
						    "chunk")
					      : 0;
	case EXPECT_LAST_LINE:
		line = line_of(c, true);
		if (line.bad || line.n > 0)
			return fail(c, CHUNKED_BAD_FRAME,
			    "no empty line behind the last chunk");
		c->state = EXPECT_NOTHING;
		ev->what = CHUNKED_END;
		return 1;
	default:
		/* minio-go again: one more empty line behind a trailer */
		line = line_of(c, true);
		if (line.bad || line.n > 0 || c->tail || !c->form.trailer)
			return fail(
			    c, CHUNKED_BAD_FRAME, "bytes behind the end");
		c->tail = true;
		return 0;
	}
}

int
chunked_step(struct chunked *c, struct slice *in, struct chunked_ev *ev)
{
	int r = 0;

	*ev = (struct chunked_ev){ CHUNKED_MORE };
	if (c->state == BROKEN)
		return -1;
	while (r == 0 && in->n > 0) {
		if (c->state == EXPECT_DATA) {
			r = on_data(c, in, ev);
			continue;
		}
		r = take_line(c, in);
		if (r < 0)
			return fail(c,
			    c->state == EXPECT_TRAILER ? CHUNKED_BAD_TRAILER
						       : CHUNKED_BAD_FRAME,
			    "too long a line");
		if (r > 0)
			r = on_line(c, ev);
	}
	return r;
}

int
chunked_fin(struct chunked *c)
{
	if (c->state == BROKEN)
		return -1;
	if (c->state != EXPECT_NOTHING)
		return fail(c, CHUNKED_LENGTH, "the body ended too early");
	return c->line_n > 0
		   ? fail(c, CHUNKED_BAD_FRAME, "bytes behind the end")
		   : 0;
}

enum chunked_fault
chunked_fault(const struct chunked *c)
{
	return c->fault;
}

const char *
chunked_why(const struct chunked *c)
{
	return c->why;
}

size_t
chunked_trailers(const struct chunked *c, const struct http_field **at)
{
	*at = c->trailers;
	return c->state == EXPECT_NOTHING ? c->trailers_n : 0;
}
