/* SPDX-License-Identifier: ISC */
#include "base/slice.h"

#include <string.h>

enum { VARINT_MAX = 9 };

struct slice
slice_of(const void *p, size_t n)
{
	return (struct slice){ .p = p, .n = n };
}

struct slice
slice_text(const char *text)
{
	return slice_of(text, strlen(text));
}

bool
slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
slice_is(struct slice a, const char *text)
{
	return slice_eq(a, slice_text(text));
}

int
slice_order(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

struct slice
get_bytes(struct slice *s, size_t n)
{
	struct slice front = { .p = s->p, .n = n };

	if (s->bad || n > s->n) {
		*s = (struct slice){ .p = s->p, .bad = true };
		return (struct slice){ .p = s->p, .bad = true };
	}
	/* an empty slice may have a null pointer, which must not be added to */
	if (n > 0)
		s->p += n;
	s->n -= n;
	return front;
}

static uint64_t
big_endian(struct slice *s, size_t n)
{
	struct slice bytes = get_bytes(s, n);
	uint64_t v = 0;

	for (size_t i = 0; i < bytes.n; i++)
		v = v << 8 | bytes.p[i];
	return bytes.bad ? 0 : v;
}

struct slice
slice_trim(struct slice s, const char *blanks)
{
	size_t n = strlen(blanks);

	while (s.n > 0 && memchr(blanks, s.p[0], n))
		get_u8(&s);
	while (s.n > 0 && memchr(blanks, s.p[s.n - 1], n))
		s.n--;
	return s;
}

uint8_t
get_u8(struct slice *s)
{
	return (uint8_t)big_endian(s, 1);
}

uint16_t
get_u16(struct slice *s)
{
	return (uint16_t)big_endian(s, 2);
}

uint32_t
get_u32(struct slice *s)
{
	return (uint32_t)big_endian(s, 4);
}

uint64_t
get_u64(struct slice *s)
{
	return big_endian(s, 8);
}

int
peek_varint(struct slice s, uint64_t *value, size_t *used)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.n && i < VARINT_MAX; i++) {
		v |= (uint64_t)(s.p[i] & 0x7f) << (7 * i);
		if (s.p[i] & 0x80)
			continue;
		if (s.p[i] == 0 && i > 0)
			return -1;
		*value = v;
		*used = i + 1;
		return 1;
	}
	return s.n < VARINT_MAX ? 0 : -1;
}

uint64_t
get_varint(struct slice *s)
{
	uint64_t v = 0;
	size_t used = 0;

	if (s->bad || peek_varint(*s, &v, &used) <= 0) {
		*s = (struct slice){ .p = s->p, .bad = true };
		return 0;
	}
	get_bytes(s, used);
	return v;
}
