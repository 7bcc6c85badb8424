/* SPDX-License-Identifier: ISC */
#include "web/text.h"

#include <string.h>

struct slice
text_trim(struct slice s)
{
	return slice_trim(s, " \t\r\n");
}

size_t
text_digits(struct slice *s, uint64_t *v)
{
	size_t n = 0;

	*v = 0;
	for (; s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9'; n++) {
		uint64_t digit = get_u8(s) - (uint64_t)'0';

		*v = *v > (UINT64_MAX - digit) / 10 ? UINT64_MAX
						    : *v * 10 + digit;
	}
	return n;
}

int
text_uint(struct slice s, uint64_t most, uint64_t *v)
{
	size_t digits = text_digits(&s, v);

	/* twenty digits hold every value; more are leading zeros or too many */
	return digits > 0 && digits <= 20 && s.n == 0 && *v <= most ? 0 : -1;
}

bool
text_next(struct slice *list, char separator, struct slice *item)
{
	const uint8_t *end;

	if (list->n == 0)
		return false;
	end = memchr(list->p, separator, list->n);
	if (end == NULL) {
		*item = get_bytes(list, list->n);
	} else {
		*item = get_bytes(list, (size_t)(end - list->p));
		get_bytes(list, 1);
	}
	return true;
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool
text_begins(struct slice s, struct slice with)
{
	return s.n >= with.n && slice_eq(slice_of(s.p, with.n), with);
}

bool
text_begins_nocase(struct slice s, struct slice with)
{
	if (s.n < with.n)
		return false;
	for (size_t i = 0; i < with.n; i++)
		if (lower(s.p[i]) != lower(with.p[i]))
			return false;
	return true;
}

bool
text_matches(struct slice pattern, struct slice s, bool nocase)
{
	bool (*begins)(struct slice, struct slice) =
	    nocase ? text_begins_nocase : text_begins;
	struct slice front, back = pattern;

	if (pattern.n == 0 || memchr(pattern.p, '*', pattern.n) == NULL)
		return s.n == pattern.n && begins(s, pattern);
	text_next(&back, '*', &front);
	if (s.n < front.n + back.n || !begins(s, front))
		return false;
	get_bytes(&s, s.n - back.n);
	return begins(s, back);
}
