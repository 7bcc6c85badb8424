/* SPDX-License-Identifier: ISC
 *
 * Signing keys, what is signed with them, and the comparison. */
#include "web/sigv4.h"
#include "web/sigv4_own.h"
#include "web/text.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
	WAYS = 4,       /* places that one tag may have in the cache */
	TAG_TEXT = 512, /* bytes that a tag is of */
	ROOM = 2048,    /* of a usual canonical request */
	FIRST = 512,    /* bytes of "AWS4" and a secret */
};

/* One reading of a request that its signature may be of. */
struct reading {
	bool raw;         /* the path as the client escaped it */
	const char *host; /* NULL: the request's own */
};

static const char empty_sha[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

void
sigv4_key(struct slice secret, struct slice date, struct slice region,
    struct slice service, uint8_t key[SHA256_BYTES])
{
	struct buf first;

	buf_init(&first, SIZE_MAX, NULL);
	put_text(&first, "AWS4");
	put_slice(&first, secret);
	hmac_sha256(buf_slice(&first), date, key);
	buf_wipe(&first);
	hmac_sha256(slice_of(key, SHA256_BYTES), region, key);
	hmac_sha256(slice_of(key, SHA256_BYTES), service, key);
	hmac_sha256(
	    slice_of(key, SHA256_BYTES), slice_text("aws4_request"), key);
}

/* What a kept key is known by.  false: the names are too long to keep. */
static bool
tag_of(const struct sigv4 *s, struct slice secret, uint8_t tag[SHA256_BYTES])
{
	const struct slice parts[] = { s->key_id, secret, s->date, s->region };
	uint8_t text[TAG_TEXT], *to = text;

	for (size_t i = 0; i < 4; i++) {
		size_t left = (size_t)(text + sizeof text - to);

		if (parts[i].n > UINT16_MAX || parts[i].n + 2 > left)
			return false;
		*to++ = (uint8_t)(parts[i].n >> 8);
		*to++ = (uint8_t)parts[i].n;
		memcpy(to, parts[i].p, parts[i].n);
		to += parts[i].n;
	}
	digest_of(DIGEST_SHA256, slice_of(text, (size_t)(to - text)), tag);
	sodium_memzero(text, sizeof text);
	return true;
}

void
sigv4_cached(struct sigv4_cache *c, const struct sigv4 *s, struct slice secret,
    uint8_t key[SHA256_BYTES])
{
	uint8_t tag[SHA256_BYTES];
	size_t set, to;

	if (secret.n == 0 || !tag_of(s, secret, tag)) {
		sigv4_key(secret, s->date, s->region, s->service, key);
		return;
	}
	set = tag[0] % (SIGV4_CACHE / WAYS) * WAYS;
	to = set + tag[1] % WAYS;
	for (size_t i = set; i < set + WAYS; i++) {
		if (!c->at[i].used) {
			to = i;
		} else if (memcmp(c->at[i].tag, tag, sizeof tag) == 0) {
			memcpy(key, c->at[i].key, SHA256_BYTES);
			return;
		}
	}
	sigv4_key(secret, s->date, s->region, s->service, key);
	memcpy(c->at[to].tag, tag, sizeof tag);
	memcpy(c->at[to].key, key, SHA256_BYTES);
	c->at[to].used = true;
}

void
sigv4_cache_free(struct sigv4_cache *c)
{
	sodium_memzero(c, sizeof *c);
}

/* An escaped byte begins with a percent sign, which is less than all that stay
 * as they are; two escaped ones compare as they are. */
static int
rank(uint8_t c)
{
	bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		     (c >= '0' && c <= '9') || c == '-' || c == '.' ||
		     c == '_' || c == '~';

	return plain ? 256 + c : c;
}

/* As the escaped texts compare. */
static int
compare_escaped(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n, i = 0;

	while (i < n && a.p[i] == b.p[i])
		i++;
	if (i < n)
		return rank(a.p[i]) - rank(b.p[i]);
	return (a.n > b.n) - (a.n < b.n);
}

static int
compare_pairs(const void *pa, const void *pb)
{
	const struct uri_pair *a = *(const struct uri_pair *const *)pa;
	const struct uri_pair *b = *(const struct uri_pair *const *)pb;
	int order = compare_escaped(a->name, b->name);

	return order ? order : compare_escaped(a->value, b->value);
}

static void
put_query(const struct uri *uri, bool presigned, struct buf *out)
{
	const struct uri_pair *pairs[URI_PAIRS];
	size_t n = 0;

	for (size_t i = 0; i < uri->n; i++)
		if (!presigned ||
		    !slice_is(uri->pairs[i].name, "X-Amz-Signature"))
			pairs[n++] = &uri->pairs[i];
	if (n > 1)
		qsort(pairs, n, sizeof *pairs, compare_pairs);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			put_u8(out, '&');
		uri_escape(out, pairs[i]->name, false);
		put_u8(out, '=');
		uri_escape(out, pairs[i]->value, false);
	}
}

/* Without blanks at the ends, runs of them as one.  Whatever is not printable
 * is a blank here: a newline would end the line of this header. */
static void
put_value(struct slice value, struct buf *out)
{
	bool first = true;

	while (value.n > 0) {
		size_t n = 0;

		while (n < value.n && value.p[n] <= ' ')
			n++;
		get_bytes(&value, n);
		n = 0;
		while (n < value.n && value.p[n] > ' ')
			n++;
		if (n > 0 && !first)
			put_u8(out, ' ');
		put_slice(out, get_bytes(&value, n));
		first = false;
	}
}

static void
put_header(const struct http_head *head, struct slice name, const char *host,
    struct buf *out)
{
	bool first = true;

	put_slice(out, name);
	put_u8(out, ':');
	if (host && slice_is(name, "host"))
		put_text(out, host);
	else
		for (size_t i = 0; i < head->n; i++) {
			if (!http_name_eq(head->fields[i].name, name))
				continue;
			if (!first)
				put_u8(out, ',');
			put_value(head->fields[i].value, out);
			first = false;
		}
	put_u8(out, '\n');
}

static void
put_canonical(const struct sigv4 *s, const struct http_head *head,
    const struct uri *uri, const struct reading *r, struct buf *out)
{
	struct slice names[SIGV4_SIGNED];
	int n = sigv4_names(s->signed_headers, names);

	buf_room(out, ROOM);
	put_slice(out, head->method);
	put_u8(out, '\n');
	if (r->raw)
		put_slice(out, uri->raw_path);
	else
		uri_escape(out, uri->path, true);
	put_u8(out, '\n');
	put_query(uri, s->presigned, out);
	put_u8(out, '\n');
	for (int i = 0; i < n; i++)
		put_header(head, names[i], r->host, out);
	put_u8(out, '\n');
	put_slice(out, s->signed_headers);
	put_u8(out, '\n');
	put_slice(out, s->payload_text);
}

/* After the usual one: the path as it came, then both under each other host.
 * A newline in it could stand for the end of its line. */
static bool
next_reading(
    struct reading *r, const struct uri *uri, const char *const **hosts)
{
	r->raw =
	    !r->raw && memchr(uri->raw_path.p, '\n', uri->raw_path.n) == NULL;
	if (r->raw)
		return true;
	if (*hosts == NULL || **hosts == NULL)
		return false;
	r->host = *(*hosts)++;
	return true;
}

static void
put_hex(const uint8_t sum[SHA256_BYTES], struct buf *out)
{
	char hex[SIGV4_HASH + 1];

	sodium_bin2hex(hex, sizeof hex, sum, SHA256_BYTES);
	put_bytes(out, hex, SIGV4_HASH);
}

static void
put_to_sign(const struct sigv4 *s, struct slice canonical, struct buf *out)
{
	uint8_t sum[SHA256_BYTES];

	digest_of(DIGEST_SHA256, canonical, sum);
	put_text(out, SIGV4_ALGORITHM "\n");
	put_text(out, s->stamp);
	put_u8(out, '\n');
	put_slice(out, s->scope);
	put_u8(out, '\n');
	put_hex(sum, out);
}

static void
sign(const uint8_t key[SHA256_BYTES], struct slice text, char hex[SIGV4_HASH])
{
	char digits[SIGV4_HASH + 1];
	uint8_t sum[SHA256_BYTES];

	hmac_sha256(slice_of(key, SHA256_BYTES), text, sum);
	sodium_bin2hex(digits, sizeof digits, sum, sizeof sum);
	memcpy(hex, digits, SIGV4_HASH);
}

static bool
same(struct slice signature, const char hex[SIGV4_HASH])
{
	return signature.n == SIGV4_HASH &&
	       sodium_memcmp(signature.p, hex, SIGV4_HASH) == 0;
}

/* The canonical request goes to text, what is signed behind it.  *at: where
 * the second begins.  -1: it is too long. */
static int
compute(const struct sigv4 *s, const struct http_head *head,
    const struct uri *uri, const struct reading *r,
    const uint8_t key[SHA256_BYTES], struct buf *text, size_t *at,
    char hex[SIGV4_HASH])
{
	buf_drop(text, text->n);
	put_canonical(s, head, uri, r, text);
	*at = text->n;
	put_to_sign(s, buf_slice(text), text);
	if (text->bad)
		return -1;
	sign(key, slice_of(text->p + *at, text->n - *at), hex);
	return 0;
}

int
sigv4_hash(const struct sigv4 *s, const struct http_head *head,
    const struct uri *uri, const uint8_t key[SHA256_BYTES],
    char hex[SIGV4_HASH])
{
	const struct reading usual = { 0 };
	struct buf text;
	size_t at;
	int r;

	buf_init(&text, SIGV4_CANONICAL, NULL);
	r = compute(s, head, uri, &usual, key, &text, &at, hex);
	buf_free(&text);
	return r;
}

enum sigv4_end
sigv4_check(const struct sigv4 *s, const struct http_head *head,
    const struct uri *uri, const uint8_t key[SHA256_BYTES],
    const char *const *hosts, struct buf *canonical, struct buf *to_sign)
{
	struct reading r = { 0 };
	bool found = false, fits = true;
	char hex[SIGV4_HASH];
	struct buf text;
	size_t at;

	buf_init(&text, SIGV4_CANONICAL, NULL);
	for (;;) {
		fits = compute(s, head, uri, &r, key, &text, &at, hex) == 0;
		found = fits && same(s->signature, hex);
		if (found || !fits || !next_reading(&r, uri, &hosts))
			break;
	}
	if (fits && !found) {
		r = (struct reading){ 0 };
		compute(s, head, uri, &r, key, &text, &at, hex);
		if (canonical)
			put_bytes(canonical, text.p, at);
		if (to_sign)
			put_bytes(to_sign, text.p + at, text.n - at);
	}
	buf_free(&text);
	if (!fits)
		return SIGV4_MALFORMED;
	return found ? SIGV4_OK : SIGV4_MISMATCH;
}

/* Lines of known sizes: the longest is that of a chunk. */
static void
sign_next(const char *what, const struct sigv4 *s,
    const uint8_t key[SHA256_BYTES], const char previous[64], bool chunk,
    const uint8_t sha[SHA256_BYTES], char hex[64])
{
	struct buf text;

	buf_init(&text, SIGV4_CANONICAL, NULL);
	buf_room(&text, FIRST);
	put_text(&text, what);
	put_text(&text, s->stamp);
	put_u8(&text, '\n');
	put_slice(&text, s->scope);
	put_u8(&text, '\n');
	put_bytes(&text, previous, SIGV4_HASH);
	put_u8(&text, '\n');
	if (chunk) {
		put_text(&text, empty_sha);
		put_u8(&text, '\n');
	}
	put_hex(sha, &text);
	sign(key, buf_slice(&text), hex);
	buf_free(&text);
}

void
sigv4_chunk(const struct sigv4 *s, const uint8_t key[SHA256_BYTES],
    const char previous[64], const uint8_t chunk_sha[SHA256_BYTES],
    char hex[64])
{
	sign_next(SIGV4_ALGORITHM "-PAYLOAD\n", s, key, previous, true,
	    chunk_sha, hex);
}

void
sigv4_trailer(const struct sigv4 *s, const uint8_t key[SHA256_BYTES],
    const char previous[64], const uint8_t trailer_sha[SHA256_BYTES],
    char hex[64])
{
	sign_next(SIGV4_ALGORITHM "-TRAILER\n", s, key, previous, false,
	    trailer_sha, hex);
}

bool
sigv4_policy(const uint8_t key[SHA256_BYTES], struct slice policy_base64,
    struct slice signature)
{
	char hex[SIGV4_HASH];

	sign(key, policy_base64, hex);
	return same(signature, hex);
}
