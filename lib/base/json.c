/* SPDX-License-Identifier: ISC */
#include "base/json.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
		struct slice c = get_bytes(&s, utf8_next(s, &good));
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
