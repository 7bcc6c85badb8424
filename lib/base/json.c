/* SPDX-License-Identifier: ISC */
#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Unicode 15, table 3-7: the lead bytes of a well-formed sequence, how many
 * bytes follow, and which the first of those may be; the others are 80..bf. */
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

/* The length of the character at the front of s, which is not empty.  When it
 * is ill-formed, good is false and the length is that of its longest right
 * beginning, at least 1: so much becomes one U+FFFD. */
static size_t
character(struct slice s, bool *good)
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

/* The escape of a character, or NULL when it may stand as it is.  DEL and the
 * C1 controls could stand, but lines are read on terminals too. */
static const char *
escape(struct slice c, char hex[7])
{
	switch (c.p[0]) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	}
	if (c.p[0] < 0x20 || c.p[0] == 0x7f)
		snprintf(hex, 7, "\\u%04x", (unsigned)c.p[0]);
	else if (c.p[0] == 0xc2 && c.p[1] < 0xa0)
		snprintf(hex, 7, "\\u%04x", (unsigned)c.p[1]);
	else
		return NULL;
	return hex;
}

static void
put_string(struct buf *out, struct slice s)
{
	struct slice plain = slice_of(s.p, 0);

	put_u8(out, '"');
	while (s.n > 0) {
		bool good;
		char hex[7];
		struct slice c = get_bytes(&s, character(s, &good));
		const char *instead = good ? escape(c, hex) : "\xef\xbf\xbd";

		if (instead == NULL) {
			plain.n += c.n;
			continue;
		}
		put_slice(out, plain);
		put_text(out, instead);
		plain = slice_of(s.p, 0);
	}
	put_slice(out, plain);
	put_u8(out, '"');
}

static void
put_key(struct json *j, const char *key)
{
	if (j->depth == 0)
		j->out->bad = true;
	if (j->comma)
		put_u8(j->out, ',');
	j->comma = true;
	if (key) {
		put_string(j->out, slice_text(key));
		put_u8(j->out, ':');
	}
}

static void
put_word(struct json *j, const char *key, const char *word)
{
	put_key(j, key);
	put_text(j->out, word);
}

static void
open_level(struct json *j, uint8_t bracket)
{
	put_u8(j->out, bracket);
	j->comma = false;
	j->depth++;
}

/* A line that is not balanced is the program's fault and must not get out. */
static void
close_level(struct json *j, uint8_t bracket, bool last)
{
	if (j->depth == 0 || (j->depth == 1) != last) {
		j->out->bad = true;
		return;
	}
	put_u8(j->out, bracket);
	j->comma = true;
	j->depth--;
}

void
json_begin(struct json *j, struct buf *out)
{
	*j = (struct json){ .out = out };
	open_level(j, '{');
}

void
json_end(struct json *j)
{
	close_level(j, '}', true);
	put_u8(j->out, '\n');
}

void
json_str(struct json *j, const char *key, struct slice value)
{
	put_key(j, key);
	put_string(j->out, value);
}

void
json_text(struct json *j, const char *key, const char *text)
{
	json_str(j, key, slice_text(text));
}

void
json_uint(struct json *j, const char *key, uint64_t v)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRIu64, v);
	put_word(j, key, digits);
}

void
json_int(struct json *j, const char *key, int64_t v)
{
	char digits[24];

	snprintf(digits, sizeof digits, "%" PRId64, v);
	put_word(j, key, digits);
}

void
json_milli(struct json *j, const char *key, int64_t thousandths)
{
	/* INT64_MIN has no positive of its own type */
	uint64_t v =
	    thousandths < 0 ? 0 - (uint64_t)thousandths : (uint64_t)thousandths;
	char digits[28];

	snprintf(digits, sizeof digits, "%s%" PRIu64 ".%03" PRIu64,
	    thousandths < 0 ? "-" : "", v / 1000, v % 1000);
	put_word(j, key, digits);
}

void
json_bool(struct json *j, const char *key, bool v)
{
	put_word(j, key, v ? "true" : "false");
}

void
json_none(struct json *j, const char *key)
{
	put_word(j, key, "null");
}

void
json_open_array(struct json *j, const char *key)
{
	put_key(j, key);
	open_level(j, '[');
}

void
json_close_array(struct json *j)
{
	close_level(j, ']', false);
}

void
json_open_object(struct json *j, const char *key)
{
	put_key(j, key);
	open_level(j, '{');
}

void
json_close_object(struct json *j)
{
	close_level(j, '}', false);
}
