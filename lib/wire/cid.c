/* SPDX-License-Identifier: ISC */
#include "wire/cid.h"
#include "wire/mbase.h"

#include <string.h>

/* The multihash of a CIDv0. */
enum { SHA2_256 = 0x12, SHA2_256_BYTES = 32 };

enum { BYTES_MOST = 1 + 5 + CID_HASH }; /* version, codec, hash */

bool
cid_hash_valid(struct slice in)
{
	size_t all = in.n;
	uint64_t length;

	get_varint(&in);
	length = get_varint(&in);
	return !in.bad && length > 0 && in.n == length && all <= CID_HASH;
}

static bool
is_v0(struct slice in)
{
	return get_u8(&in) == SHA2_256 && get_u8(&in) == SHA2_256_BYTES &&
	       in.n == SHA2_256_BYTES;
}

int
cid_of_bytes(struct slice in, struct cid *cid)
{
	uint64_t codec = CID_DAG_PB;
	uint8_t version = 0;

	*cid = (struct cid){ 0 };
	if (!is_v0(in)) {
		version = get_u8(&in);
		codec = get_varint(&in);
		if (version != 1 || codec > UINT32_MAX)
			return -1;
	}
	if (!cid_hash_valid(in))
		return -1;
	cid->version = version;
	cid->codec = (uint32_t)codec;
	cid->n = (uint8_t)in.n;
	memcpy(cid->hash, in.p, in.n);
	return 0;
}

static bool
take_prefix(struct slice *s, const char *prefix)
{
	struct slice rest = *s;

	if (!slice_is(get_bytes(&rest, strlen(prefix)), prefix))
		return false;
	*s = rest;
	return true;
}

/* A CIDv0 has no multibase letter, and no multibase has a CIDv0 (multiformats
 * CID specification, "Decoding Algorithm"). */
int
cid_of_text(struct slice text, struct cid *cid)
{
	uint8_t mem[BYTES_MOST];
	struct buf out = {
		.p = mem, .mem = mem, .cap = sizeof mem, .max = sizeof mem
	};
	struct slice rest;
	bool bare;
	int r;

	*cid = (struct cid){ 0 };
	take_prefix(&text, "/ipfs/");
	rest = text;
	bare = take_prefix(&rest, "Qm");
	r = bare ? mbase_decode(MBASE_58, text, &out)
		 : mbase_decode_any(text, &out);
	if (r < 0 || is_v0(buf_slice(&out)) != bare)
		return -1;
	return cid_of_bytes(buf_slice(&out), cid);
}

struct slice
cid_hash(const struct cid *cid)
{
	return slice_of(cid->hash, cid->n);
}

char *
cid_hash_text(struct slice multihash, char text[CID_TEXT])
{
	uint8_t mem[2 + CID_HASH] = { 1, CID_RAW };
	struct buf out = { .p = (uint8_t *)text,
		.mem = (uint8_t *)text,
		.cap = CID_TEXT,
		.max = CID_TEXT };

	if (cid_hash_valid(multihash)) {
		memcpy(mem + 2, multihash.p, multihash.n);
		put_u8(&out, MBASE_32);
		mbase_encode(MBASE_32, slice_of(mem, 2 + multihash.n), &out);
	}
	put_u8(&out, 0);
	return text;
}
