/* SPDX-License-Identifier: ISC
 *
 * The part of DAG-CBOR that IPNS records use: one map from text to unsigned
 * integers and byte strings, definite lengths, smallest encodings, keys in
 * canonical order (shorter first, then bytewise) and none twice. */
#ifndef WIRE_CBOR_H
#define WIRE_CBOR_H

#include "base/slice.h"

enum { CBOR_ITEMS = 32 };

enum cbor_kind { CBOR_NUMBER, CBOR_BYTES, CBOR_TEXT, CBOR_OTHER };

struct cbor_item {
	struct slice key;   /* borrowed */
	enum cbor_kind kind;
	struct slice bytes; /* of CBOR_BYTES and CBOR_TEXT, borrowed */
	uint64_t number;    /* of CBOR_NUMBER */
};

struct cbor_map {
	size_t n;
	struct cbor_item at[CBOR_ITEMS];
};

/* The whole of in is such a map.  Items of other kinds (negative numbers,
 * floats, booleans, null) are kept as CBOR_OTHER; arrays, maps, tags and what
 * DAG-CBOR does not know are refused.  0 or -1. */
int cbor_read_map(struct slice in, struct cbor_map *);
/* NULL: not there. */
const struct cbor_item *cbor_find(const struct cbor_map *, const char *key);

#endif
