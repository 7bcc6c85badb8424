/* SPDX-License-Identifier: ISC */
#include "wire/mbase.h"
#include "wire/peerid.h"

#include <sodium.h>
#include <string.h>

/* Multihash codes, and the codec of keys in CIDs (multicodec's table.csv). */
enum { IDENTITY = 0x00, SHA2_256 = 0x12, LIBP2P_KEY = 0x72 };

enum {
	INLINE_MAX = 42, /* the longest key that is its own hash */
	CID_HEAD = 2,    /* version and codec */
	TEXT_MAX = 128   /* the longest text worth decoding; base16 needs 93 */
};

struct peerid
peerid_of_key(struct slice key)
{
	struct peerid id = { 0 };

	if (key.bad || key.n == 0)
		return id;
	if (key.n <= INLINE_MAX) {
		id.b[0] = IDENTITY;
		id.b[1] = (uint8_t)key.n;
		memcpy(id.b + 2, key.p, key.n);
	} else {
		id.b[0] = SHA2_256;
		id.b[1] = crypto_hash_sha256_BYTES;
		crypto_hash_sha256(id.b + 2, key.p, key.n);
	}
	id.n = (uint8_t)(2 + id.b[1]);
	return id;
}

/* Both codes and all lengths take one byte as varints. */
int
peerid_of_bytes(struct slice in, struct peerid *id)
{
	uint8_t code = get_u8(&in), length = get_u8(&in);

	*id = (struct peerid){ 0 };
	if (in.bad || in.n != length)
		return -1;
	if (code == IDENTITY
		? length == 0 || length > INLINE_MAX
		: code != SHA2_256 || length != crypto_hash_sha256_BYTES)
		return -1;
	id->n = (uint8_t)(2 + length);
	id->b[0] = code;
	id->b[1] = length;
	memcpy(id->b + 2, in.p, length);
	return 0;
}

static bool
has_prefix(struct slice s, const char *prefix)
{
	return slice_is(get_bytes(&s, strlen(prefix)), prefix);
}

/* Which of the two forms it is: peer-ids specification, "Decoding". */
int
peerid_of_text(struct slice text, struct peerid *id)
{
	uint8_t mem[TEXT_MAX];
	struct buf out = {
		.p = mem, .mem = mem, .cap = sizeof mem, .max = sizeof mem
	};
	struct slice bytes;

	*id = (struct peerid){ 0 };
	if (text.bad || text.n > TEXT_MAX)
		return -1;
	if (has_prefix(text, "1") || has_prefix(text, "Qm")) {
		if (mbase_decode(MBASE_58, text, &out) < 0)
			return -1;
		return peerid_of_bytes(buf_slice(&out), id);
	}
	if (mbase_decode_any(text, &out) < 0)
		return -1;
	bytes = buf_slice(&out);
	if (!slice_eq(get_bytes(&bytes, CID_HEAD),
		slice_of((uint8_t[]){ 1, LIBP2P_KEY }, CID_HEAD)))
		return -1;
	return peerid_of_bytes(bytes, id);
}

struct slice
peerid_bytes(const struct peerid *id)
{
	return slice_of(id->b, id->n);
}

char *
peerid_text(const struct peerid *id, char text[PEERID_TEXT])
{
	struct buf out = { .p = (uint8_t *)text,
		.mem = (uint8_t *)text,
		.cap = PEERID_TEXT,
		.max = PEERID_TEXT };

	mbase_encode(MBASE_58, peerid_bytes(id), &out);
	put_u8(&out, 0);
	return text;
}

bool
peerid_eq(const struct peerid *a, const struct peerid *b)
{
	return slice_eq(peerid_bytes(a), peerid_bytes(b));
}

struct slice
peerid_key(const struct peerid *id)
{
	if (id->n <= 2 || id->b[0] != IDENTITY)
		return slice_of(NULL, 0);
	return slice_of(id->b + 2, id->n - 2U);
}
