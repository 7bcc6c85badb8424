/* SPDX-License-Identifier: ISC
 *
 * A map that is read, without what is kept of no value, has one encoding:
 * written again it is the input. */
#include "base/buf.h"
#include "wire/cbor.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
put_head(struct buf *out, unsigned major, uint64_t n)
{
	static const uint64_t most[] = { UINT8_MAX, UINT16_MAX, UINT32_MAX,
		UINT64_MAX };
	uint8_t low = 0;

	if (n < 24) {
		put_u8(out, (uint8_t)(major << 5 | n));
		return;
	}
	while (n > most[low])
		low++;
	put_u8(out, (uint8_t)(major << 5 | (24u + low)));
	for (int shift = 8 << low; shift > 0; shift -= 8)
		put_u8(out, (uint8_t)(n >> (shift - 8)));
}

static void
put_string(struct buf *out, unsigned major, struct slice s)
{
	put_head(out, major, s.n);
	put_slice(out, s);
}

static void
check_order(const struct cbor_item *a, const struct cbor_item *b)
{
	if (a->key.n == b->key.n)
		must(memcmp(a->key.p, b->key.p, a->key.n) < 0);
	else
		must(a->key.n < b->key.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf again = { .max = 1 << 20 };
	struct cbor_map map;
	bool whole = true;

	if (n > 1 << 16 || cbor_read_map(slice_of(p, n), &map) < 0)
		return 0;
	must(map.n <= CBOR_ITEMS);
	put_head(&again, 5, map.n);
	for (size_t i = 0; i < map.n; i++) {
		const struct cbor_item *item = &map.at[i];

		if (i > 0)
			check_order(item - 1, item);
		put_string(&again, 3, item->key);
		if (item->kind == CBOR_NUMBER)
			put_head(&again, 0, item->number);
		else if (item->kind == CBOR_OTHER)
			whole = false;
		else
			put_string(&again, item->kind == CBOR_BYTES ? 2 : 3,
			    item->bytes);
	}
	if (whole)
		must(slice_eq(buf_slice(&again), slice_of(p, n)));
	buf_free(&again);
	return 0;
}
