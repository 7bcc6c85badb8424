/* SPDX-License-Identifier: ISC */
#include "base/buf.h"
#include "base/mem.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 64 };

void
buf_init(struct buf *b, size_t max, struct budget *budget)
{
	*b = (struct buf){ .max = max, .budget = budget };
}

void
buf_free(struct buf *b)
{
	if (b->budget)
		b->budget->used -= b->cap;
	free(b->mem);
	buf_init(b, b->max, b->budget);
}

void
buf_wipe(struct buf *b)
{
	if (b->mem)
		sodium_memzero(b->mem, b->cap);
	buf_free(b);
}

struct slice
buf_slice(const struct buf *b)
{
	return slice_of(b->p, b->n);
}

/* Move to an allocation of cap bytes; the old one is wiped, because nothing
 * here knows whether the bytes are secret. */
static bool
resize(struct buf *b, size_t cap)
{
	uint8_t *mem;

	if (b->budget && cap > b->cap) {
		struct budget *a = b->budget;

		if (a->used > a->max || cap - b->cap > a->max - a->used) {
			a->refused++;
			return false;
		}
	}
	mem = mem_resize(NULL, cap); /* not zeroed: what is held was put */
	if (b->n > 0)
		memcpy(mem, b->p, b->n);
	if (b->mem)
		sodium_memzero(b->mem, b->cap);
	if (b->budget)
		b->budget->used = b->budget->used - b->cap + cap;
	free(b->mem);
	b->mem = b->p = mem;
	b->cap = cap;
	return true;
}

uint8_t *
buf_room(struct buf *b, size_t n)
{
	size_t need, cap;

	if (b->bad || b->n > b->max || n > b->max - b->n) {
		b->bad = true;
		return NULL;
	}
	need = b->n + n;
	if (b->mem && need <= b->cap) {
		size_t before = (size_t)(b->p - b->mem);

		if (before + need > b->cap) {
			memmove(b->mem, b->p, b->n);
			b->p = b->mem;
		}
		return b->p + b->n;
	}
	cap = b->cap ? b->cap : SMALLEST;
	while (cap < need && cap <= b->max / 2)
		cap *= 2;
	if (cap < need || cap > b->max)
		cap = b->max;
	if (!resize(b, cap ? cap : 1)) {
		b->bad = true;
		return NULL;
	}
	return b->p + b->n;
}

void
buf_added(struct buf *b, size_t n)
{
	b->n += n;
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		b->p = b->mem;
		return;
	}
	b->p += n;
	b->n -= n;
}

void
buf_cut(struct buf *b, size_t n)
{
	if (n < b->n)
		b->n = n;
}

void
buf_trim(struct buf *b)
{
	if (b->n == 0) {
		bool bad = b->bad;

		buf_free(b);
		b->bad = bad;
	} else if (b->n < b->cap / 4) {
		resize(b, b->n);
	}
}

void
put_bytes(struct buf *b, const void *p, size_t n)
{
	uint8_t *room;

	if (n == 0)
		return;
	room = buf_room(b, n);
	if (room == NULL)
		return;
	memcpy(room, p, n);
	b->n += n;
}

static void
put_big_endian(struct buf *b, uint64_t v, size_t n)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	put_bytes(b, bytes, n);
}

void
put_u8(struct buf *b, uint8_t v)
{
	put_big_endian(b, v, 1);
}

void
put_u16(struct buf *b, uint16_t v)
{
	put_big_endian(b, v, 2);
}

void
put_u32(struct buf *b, uint32_t v)
{
	put_big_endian(b, v, 4);
}

void
put_u64(struct buf *b, uint64_t v)
{
	put_big_endian(b, v, 8);
}

void
put_varint(struct buf *b, uint64_t v)
{
	uint8_t bytes[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (uint8_t)(v | 0x80);
	bytes[n++] = (uint8_t)v;
	put_bytes(b, bytes, n);
}

void
put_slice(struct buf *b, struct slice s)
{
	put_bytes(b, s.p, s.n);
}

void
put_text(struct buf *b, const char *text)
{
	put_bytes(b, text, strlen(text));
}

size_t
varint_size(uint64_t v)
{
	size_t n = 1;

	while (v >>= 7)
		n++;
	return n;
}
