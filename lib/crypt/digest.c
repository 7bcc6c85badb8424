/* SPDX-License-Identifier: ISC */
#include "crypt/digest.h"
#include "base/mem.h"

/* The calls of EVP cost more than a block's sum; these are of OpenSSL 1.1. */
#define OPENSSL_API_COMPAT 10100

#include <gnutls/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <stdlib.h>

enum { BLOCK = 64 }; /* of each kind */

union state {
	SHA256_CTX sha256;
	SHA_CTX sha1;
	MD5_CTX md5;
};

#define KIND(name, Name)                                                       \
	static void name##_begin(union state *s)                               \
	{                                                                      \
		Name##_Init(&s->name);                                         \
	}                                                                      \
	static void name##_add(union state *s, const uint8_t *p, size_t n)     \
	{                                                                      \
		Name##_Update(&s->name, p, n);                                 \
	}                                                                      \
	static void name##_end(union state *s, uint8_t *out)                   \
	{                                                                      \
		Name##_Final(out, &s->name);                                   \
	}
KIND(sha256, SHA256)
KIND(sha1, SHA1)
KIND(md5, MD5)

static const struct {
	size_t size;
	void (*begin)(union state *);
	void (*add)(union state *, const uint8_t *, size_t);
	void (*end)(union state *, uint8_t *out);
} kinds[DIGEST_KINDS] = {
	[DIGEST_SHA256] = { SHA256_BYTES, sha256_begin, sha256_add,
	    sha256_end },
	[DIGEST_SHA1] = { SHA1_BYTES, sha1_begin, sha1_add, sha1_end },
	[DIGEST_MD5] = { MD5_BYTES, md5_begin, md5_add, md5_end },
};

void
digest_begin(struct digest *d, enum digest_kind kind)
{
	if (d->state == NULL)
		d->state = mem_new(sizeof(union state));
	d->kind = kind;
	d->part = 0;
	kinds[kind].begin(d->state);
}

void
digest_add(struct digest *d, struct slice bytes)
{
	if (bytes.n == 0)
		return;
	d->part = (d->part + bytes.n) % BLOCK;
	kinds[d->kind].add(d->state, bytes.p, bytes.n);
}

static void
add_each(struct digest *const d[], size_t n, struct slice bytes)
{
	for (size_t i = 0; i < n; i++)
		digest_add(d[i], bytes);
}

/* Each step of a sum waits for the one before.  Of several sums the processor
 * can take steps at the same time, if they stand close enough: so a block goes
 * to each in turn, with as little in between as can be. */
static void
add_blocks(struct digest *const d[], size_t n, const uint8_t *p, size_t blocks)
{
	struct {
		void (*add)(union state *, const uint8_t *, size_t);
		union state *state;
	} to[DIGEST_ALL];

	for (size_t i = 0; i < n; i++) {
		to[i].add = kinds[d[i]->kind].add;
		to[i].state = d[i]->state;
	}
	for (; blocks > 0; blocks--, p += BLOCK)
		for (size_t i = 0; i < n; i++)
			to[i].add(to[i].state, p, BLOCK);
}

void
digest_add_all(struct digest *const d[], size_t n, struct slice bytes)
{
	size_t begun = n > 0 ? (BLOCK - d[0]->part) % BLOCK : 0;
	size_t blocks;

	for (size_t i = 1; i < n; i++)
		if (d[i]->part != d[0]->part || n > DIGEST_ALL)
			begun = bytes.n;
	add_each(d, n, get_bytes(&bytes, begun < bytes.n ? begun : bytes.n));
	blocks = bytes.n / BLOCK;
	add_blocks(d, n, bytes.p, blocks);
	get_bytes(&bytes, blocks * BLOCK);
	add_each(d, n, bytes);
}

void
digest_end(struct digest *d, uint8_t *out)
{
	kinds[d->kind].end(d->state, out);
	digest_begin(d, d->kind);
}

void
digest_free(struct digest *d)
{
	free(d->state);
	*d = (struct digest){ 0 };
}

size_t
digest_size(enum digest_kind kind)
{
	return kinds[kind].size;
}

void
digest_of(enum digest_kind kind, struct slice bytes, uint8_t *out)
{
	union state s;

	kinds[kind].begin(&s);
	if (bytes.n)
		kinds[kind].add(&s, bytes.p, bytes.n);
	kinds[kind].end(&s, out);
}

/* It fails only for want of memory, and ends as that does: nobody can grant so
 * much. */
void
hmac_sha256(struct slice key, struct slice text, uint8_t out[SHA256_BYTES])
{
	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.n ? key.p : out, key.n,
		text.n ? text.p : out, text.n, out) < 0)
		mem_resize(NULL, SIZE_MAX);
}
