/* SPDX-License-Identifier: ISC */
#include "wire/cbor.h"

#include <string.h>

/* Major types (RFC 8949, section 3.1). */
enum { UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };

/* Of SIMPLE, all that DAG-CBOR has; floats are always of 64 bits. */
enum { FALSE = 20, TRUE = 21, NIL = 22, FLOAT64 = 27 };

enum { FLOAT_EXPONENT = 0x7ff }; /* all ones: an infinity or not a number */

struct head {
	uint8_t major;
	uint8_t low; /* the value, or what says how long it is */
	uint64_t value;
};

static void
spoil(struct slice *s)
{
	*s = (struct slice){ .p = s->p, .bad = true };
}

/* The value after a low of 24 to 27; least is the smallest value that does not
 * fit in less. */
static uint64_t
long_value(struct slice *in, uint8_t low, uint64_t *least)
{
	switch (low) {
	case 24:
		*least = 24;
		return get_u8(in);
	case 25:
		*least = 1u << 8;
		return get_u16(in);
	case 26:
		*least = 1u << 16;
		return get_u32(in);
	case 27:
		*least = 1ull << 32;
		return get_u64(in);
	}
	spoil(in); /* reserved, or of indefinite length */
	return 0;
}

static struct head
get_head(struct slice *in)
{
	uint8_t first = get_u8(in);
	struct head h = { .major = first >> 5, .low = first & 0x1f };
	uint64_t least = 0;

	h.value = h.low < 24 ? h.low : long_value(in, h.low, &least);
	if (h.major != SIMPLE && h.value < least)
		spoil(in);
	return h;
}

static struct slice
get_string(struct slice *in, uint64_t n)
{
	if (n > in->n) {
		spoil(in);
		n = 0;
	}
	return get_bytes(in, (size_t)n);
}

static bool
is_simple(const struct head *h)
{
	if (h->low == FLOAT64)
		return (h->value >> 52 & FLOAT_EXPONENT) != FLOAT_EXPONENT;
	return h->low == FALSE || h->low == TRUE || h->low == NIL;
}

static void
get_item(struct slice *in, struct cbor_item *item)
{
	struct head h = get_head(in);

	item->kind = CBOR_OTHER;
	switch (h.major) {
	case UINT:
		item->kind = CBOR_NUMBER;
		item->number = h.value;
		break;
	case BYTES:
	case TEXT:
		item->kind = h.major == BYTES ? CBOR_BYTES : CBOR_TEXT;
		item->bytes = get_string(in, h.value);
		break;
	case NEGATIVE:
		break;
	case SIMPLE:
		if (is_simple(&h))
			break;
		/* fall through */
	default:
		spoil(in);
	}
}

static struct slice
get_key(struct slice *in)
{
	struct head h = get_head(in);

	if (h.major != TEXT)
		spoil(in);
	return get_string(in, h.value);
}

static bool
comes_before(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return a.n < b.n;
	return a.n > 0 && memcmp(a.p, b.p, a.n) < 0;
}

int
cbor_read_map(struct slice in, struct cbor_map *map)
{
	struct head h = get_head(&in);

	*map = (struct cbor_map){ 0 };
	if (in.bad || h.major != MAP || h.value > CBOR_ITEMS)
		return -1;
	for (size_t i = 0; i < h.value; i++) {
		struct cbor_item *item = &map->at[i];

		item->key = get_key(&in);
		get_item(&in, item);
		if (in.bad || (i > 0 && !comes_before(item[-1].key, item->key)))
			return -1;
	}
	if (in.n > 0)
		return -1;
	map->n = (size_t)h.value;
	return 0;
}

const struct cbor_item *
cbor_find(const struct cbor_map *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++)
		if (slice_is(map->at[i].key, key))
			return &map->at[i];
	return NULL;
}
