/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"

/* The lead bytes of a well-formed sequence, how many bytes follow, and which
 * the first of those may be; the others are 80..bf. */
static const struct lead {
	uint8_t from, to, more, least, most;
} leads[] = {
	/* lead from, to; more; second from, to */
	{ 0x00, 0x7f, 0, 0, 0 },
	{ 0xc2, 0xdf, 1, 0x80, 0xbf },
	{ 0xe0, 0xe0, 2, 0xa0, 0xbf },
	{ 0xe1, 0xec, 2, 0x80, 0xbf },
	{ 0xed, 0xed, 2, 0x80, 0x9f },
	{ 0xee, 0xef, 2, 0x80, 0xbf },
	{ 0xf0, 0xf0, 3, 0x90, 0xbf },
	{ 0xf1, 0xf3, 3, 0x80, 0xbf },
	{ 0xf4, 0xf4, 3, 0x80, 0x8f },
};

static const struct lead *
lead_of(uint8_t c)
{
	for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++)
		if (c >= leads[i].from && c <= leads[i].to)
			return &leads[i];
	return NULL;
}

size_t
utf8_next(struct slice s, bool *good)
{
	const struct lead *lead = lead_of(s.p[0]);
	uint8_t least, most;
	size_t n = 1;

	*good = false;
	if (lead == NULL)
		return n;
	least = lead->least;
	most = lead->most;
	for (; n <= lead->more; n++) {
		if (n == s.n || s.p[n] < least || s.p[n] > most)
			return n;
		least = 0x80;
		most = 0xbf;
	}
	*good = true;
	return n;
}

bool
utf8_ok(struct slice s)
{
	bool good = true;
	size_t plain = 0;

	/* most texts are ASCII from end to end */
	while (plain < s.n && s.p[plain] < 0x80)
		plain++;
	get_bytes(&s, plain);
	while (good && s.n > 0)
		get_bytes(&s, utf8_next(s, &good));
	return good;
}

size_t
utf8_count(struct slice s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.n; i++)
		count += (s.p[i] & 0xc0) != 0x80;
	return count;
}
