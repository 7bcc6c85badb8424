/* SPDX-License-Identifier: ISC */
#include "crypt/digest.h"
#include "base/mem.h"

#include <gnutls/crypto.h>
#include <openssl/evp.h>

/* Hashing fails only for want of memory, and ends as that does: nobody can
 * grant so much. */
static void
must(bool good)
{
	if (!good)
		mem_resize(NULL, SIZE_MAX);
}

static void *
gnutls_new(int algorithm)
{
	gnutls_hash_hd_t state;

	must(gnutls_hash_init(&state, (gnutls_digest_algorithm_t)algorithm) ==
	     0);
	return state;
}

static void
gnutls_add(void *state, struct slice bytes)
{
	must(gnutls_hash(state, bytes.p, bytes.n) == 0);
}

/* To ask for the sum is what makes it new. */
static void
gnutls_end(void *state, uint8_t *out)
{
	gnutls_hash_output(state, out);
}

static void
gnutls_drop(void *state)
{
	gnutls_hash_deinit(state, NULL);
}

static void
gnutls_all(int algorithm, struct slice bytes, uint8_t *out)
{
	must(gnutls_hash_fast((gnutls_digest_algorithm_t)algorithm,
		 bytes.n ? bytes.p : out, bytes.n, out) == 0);
}

/* MD5 by libcrypto, which is a tenth faster: it is most of what a PUT costs. */

static void *
md5_new(int algorithm)
{
	EVP_MD_CTX *state = EVP_MD_CTX_new();

	(void)algorithm;
	must(state && EVP_DigestInit_ex(state, EVP_md5(), NULL) == 1);
	return state;
}

static void
md5_add(void *state, struct slice bytes)
{
	must(EVP_DigestUpdate(state, bytes.p, bytes.n) == 1);
}

static void
md5_end(void *state, uint8_t *out)
{
	must(EVP_DigestFinal_ex(state, out, NULL) == 1 &&
	     EVP_DigestInit_ex(state, NULL, NULL) == 1);
}

static void
md5_drop(void *state)
{
	EVP_MD_CTX_free(state);
}

static void
md5_all(int algorithm, struct slice bytes, uint8_t *out)
{
	(void)algorithm;
	must(EVP_Digest(bytes.n ? bytes.p : out, bytes.n, out, NULL, EVP_md5(),
		 NULL) == 1);
}

static const struct {
	size_t size;
	int algorithm;
	void *(*begin)(int algorithm);
	void (*add)(void *state, struct slice);
	void (*end)(void *state, uint8_t *out); /* and it is new again */
	void (*drop)(void *state);
	void (*all)(int algorithm, struct slice, uint8_t *out);
} kinds[DIGEST_KINDS] = {
	[DIGEST_SHA256] = { SHA256_BYTES, GNUTLS_DIG_SHA256, gnutls_new,
	    gnutls_add, gnutls_end, gnutls_drop, gnutls_all },
	[DIGEST_SHA1] = { SHA1_BYTES, GNUTLS_DIG_SHA1, gnutls_new, gnutls_add,
	    gnutls_end, gnutls_drop, gnutls_all },
	[DIGEST_MD5] = { MD5_BYTES, 0, md5_new, md5_add, md5_end, md5_drop,
	    md5_all },
};

void
digest_begin(struct digest *d, enum digest_kind kind)
{
	uint8_t ignored[DIGEST_MOST];

	if (d->state == NULL || d->kind != kind) {
		digest_free(d);
		d->state = kinds[kind].begin(kinds[kind].algorithm);
		d->kind = kind;
	} else if (d->used) {
		kinds[kind].end(d->state, ignored);
	}
	d->used = false;
}

void
digest_add(struct digest *d, struct slice bytes)
{
	if (bytes.n == 0)
		return;
	d->used = true;
	kinds[d->kind].add(d->state, bytes);
}

void
digest_end(struct digest *d, uint8_t *out)
{
	kinds[d->kind].end(d->state, out);
	d->used = false;
}

void
digest_free(struct digest *d)
{
	if (d->state)
		kinds[d->kind].drop(d->state);
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
	kinds[kind].all(kinds[kind].algorithm, bytes, out);
}

void
hmac_sha256(struct slice key, struct slice text, uint8_t out[SHA256_BYTES])
{
	must(gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.n ? key.p : out, key.n,
		 text.n ? text.p : out, text.n, out) == 0);
}
