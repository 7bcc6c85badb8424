/* SPDX-License-Identifier: ISC
 *
 * Ranges (RFC 9110, section 14). */
#include "web/text.h"
#include "web/when.h"

static const char unit[] = "bytes=";

/* FIRST-LAST, FIRST- or -LENGTH; false: none of these. */
struct spec {
	bool has_first, has_last;
	uint64_t first, last;
};

static bool
read_spec(struct slice in, struct spec *s)
{
	s->has_first = text_digits(&in, &s->first) > 0;
	if (get_u8(&in) != '-')
		return false;
	s->has_last = text_digits(&in, &s->last) > 0;
	if (in.n > 0 || (!s->has_first && !s->has_last))
		return false;
	return !s->has_first || !s->has_last || s->first <= s->last;
}

bool
when_range(
    struct slice header, uint64_t size, uint64_t *from, uint64_t *n, bool *bad)
{
	struct spec s;

	*from = *n = 0;
	*bad = false;
	if (!text_begins_nocase(header, slice_text(unit)))
		return false;
	get_bytes(&header, sizeof unit - 1);
	if (!read_spec(text_trim(header), &s))
		return false;
	if (!s.has_first) {
		*n = s.last < size ? s.last : size;
		*from = size - *n;
	} else if (s.first < size) {
		*from = s.first;
		*n = size - s.first;
		if (s.has_last && s.last - s.first < *n)
			*n = s.last - s.first + 1;
	}
	if (*n == 0) {
		*from = 0;
		*bad = true;
	}
	return !*bad;
}

bool
when_copy_range(struct slice header, uint64_t size, uint64_t *from, uint64_t *n)
{
	struct spec s;

	*from = *n = 0;
	if (!text_begins(header, slice_text(unit)))
		return false;
	get_bytes(&header, sizeof unit - 1);
	if (!read_spec(header, &s) || !s.has_first || !s.has_last ||
	    s.last >= size)
		return false;
	*from = s.first;
	*n = s.last - s.first + 1;
	return true;
}
