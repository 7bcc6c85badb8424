/* SPDX-License-Identifier: ISC */
#include "crypt/digest.h"
#include "base/mem.h"

#include <gnutls/crypto.h>

static const struct {
	gnutls_digest_algorithm_t algorithm;
	size_t size;
} kinds[DIGEST_KINDS] = {
	[DIGEST_SHA256] = { GNUTLS_DIG_SHA256, SHA256_BYTES },
	[DIGEST_SHA1] = { GNUTLS_DIG_SHA1, SHA1_BYTES },
	[DIGEST_MD5] = { GNUTLS_DIG_MD5, MD5_BYTES },
};

/* Hashing fails only for want of memory, and ends as that does: nobody can
 * grant so much. */
static void
must(int r)
{
	if (r < 0)
		mem_resize(NULL, SIZE_MAX);
}

void
digest_begin(struct digest *d, enum digest_kind kind)
{
	gnutls_hash_hd_t state;

	if (d->state && d->kind == kind) {
		/* to ask for the sum is what makes it new */
		uint8_t ignored[DIGEST_MOST];

		if (d->used)
			gnutls_hash_output(d->state, ignored);
	} else {
		digest_free(d);
		must(gnutls_hash_init(&state, kinds[kind].algorithm));
		d->state = state;
		d->kind = kind;
	}
	d->used = false;
}

void
digest_add(struct digest *d, struct slice bytes)
{
	if (bytes.n == 0)
		return;
	d->used = true;
	must(gnutls_hash(d->state, bytes.p, bytes.n));
}

void
digest_end(struct digest *d, uint8_t *out)
{
	gnutls_hash_output(d->state, out);
	d->used = false;
}

void
digest_free(struct digest *d)
{
	if (d->state)
		gnutls_hash_deinit(d->state, NULL);
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
	must(gnutls_hash_fast(
	    kinds[kind].algorithm, bytes.n ? bytes.p : out, bytes.n, out));
}

void
hmac_sha256(struct slice key, struct slice text, uint8_t out[SHA256_BYTES])
{
	must(gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.n ? key.p : out, key.n,
	    text.n ? text.p : out, text.n, out));
}
