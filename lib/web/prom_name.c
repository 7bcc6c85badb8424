/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"
#include "web/prom_own.h"
#include "web/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE = 64 /* bytes of a number */ };

struct pair {
	struct slice name, value;
};

static bool
is_alpha(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static void
skip_blanks(struct slice *s)
{
	while (s->n > 0 && (s->p[0] == ' ' || s->p[0] == '\t'))
		get_u8(s);
}

/* The front of s, as long as it is a name; colons only where they may be. */
static struct slice
take_name(struct slice *s, bool colons)
{
	size_t n = 0;

	while (n < s->n && (is_alpha(s->p[n]) || (colons && s->p[n] == ':') ||
			       (n > 0 && is_digit(s->p[n]))))
		n++;
	return get_bytes(s, n);
}

struct slice
prom_take_name(struct slice *s)
{
	struct slice name = take_name(s, true);

	if (name.n > PROM_NAME)
		name.n = 0;
	return name;
}

static size_t
count_digits(struct slice *s)
{
	size_t n = 0;

	for (; s->n > 0 && is_digit(s->p[0]); n++)
		get_u8(s);
	return n;
}

static bool
skip(struct slice *s, const char *any)
{
	if (s->n == 0 || strchr(any, s->p[0]) == NULL || s->p[0] == 0)
		return false;
	get_u8(s);
	return true;
}

static bool
skip_number(struct slice *s)
{
	size_t digits = count_digits(s);

	if (skip(s, "."))
		digits += count_digits(s);
	if (digits == 0)
		return false;
	if (!skip(s, "eE"))
		return true;
	skip(s, "+-");
	return count_digits(s) > 0;
}

/* Scrapers cannot keep a number beyond a double's, and refuse all the rest with
 * it. */
static bool
fits(struct slice number)
{
	char text[VALUE + 1];

	memcpy(text, number.p, number.n);
	text[number.n] = 0;
	return isfinite(strtod(text, NULL));
}

struct slice
prom_take_value(struct slice *s)
{
	struct slice at = *s, none = { 0 };
	bool good, number = false;

	if (text_begins(at, slice_text("NaN"))) {
		get_bytes(&at, 3);
		good = true;
	} else {
		skip(&at, "+-");
		good = text_begins(at, slice_text("Inf"));
		if (good)
			get_bytes(&at, 3);
		else
			good = number = skip_number(&at);
	}
	if (!good || s->n - at.n > VALUE ||
	    (number && !fits(slice_of(s->p, s->n - at.n))))
		return none;
	return get_bytes(s, s->n - at.n);
}

/* Of a label, without its quotes and as it was escaped. */
static bool
take_quoted(struct slice *s, struct slice *value)
{
	size_t n = 0;

	if (!skip(s, "\""))
		return false;
	while (n < s->n && s->p[n] != '"') {
		if (s->p[n] < 0x20 || s->p[n] == 0x7f)
			return false;
		if (s->p[n] == '\\' &&
		    (++n == s->n || strchr("\\\"n", s->p[n]) == NULL ||
			s->p[n] == 0))
			return false;
		n++;
	}
	*value = get_bytes(s, n);
	return skip(s, "\"") && n <= PROM_VALUE && utf8_ok(*value);
}

/* Into its place among the n before it; false: the name is there. */
static bool
insert(struct pair *pairs, size_t n, struct pair pair)
{
	for (; n > 0; n--) {
		int order = slice_order(pairs[n - 1].name, pair.name);

		if (order == 0)
			return false;
		if (order < 0)
			break;
		pairs[n] = pairs[n - 1];
	}
	pairs[n] = pair;
	return true;
}

static const char *
take_pair(struct slice *s, struct pair *pair)
{
	pair->name = take_name(s, false);
	if (pair->name.n == 0 || pair->name.n > PROM_NAME)
		return "a label has no good name";
	if (text_begins(pair->name, slice_text("__")))
		return "label names with __ are Prometheus's own";
	skip_blanks(s);
	if (!skip(s, "="))
		return "a label has no =";
	skip_blanks(s);
	if (!take_quoted(s, &pair->value))
		return "a label has no good value";
	skip_blanks(s);
	return NULL;
}

static bool
at_end(struct slice *s, char end)
{
	if (end == 0)
		return s->n == 0;
	return s->n > 0 && s->p[0] == (uint8_t)end;
}

const char *
prom_take_labels(struct slice *s, char end, struct buf *out)
{
	struct pair pairs[PROM_LABELS], pair;
	const char *why;
	size_t n = 0;

	skip_blanks(s);
	while (!at_end(s, end)) {
		why = take_pair(s, &pair);
		if (why)
			return why;
		if (n == PROM_LABELS)
			return "more than 16 labels";
		if (!insert(pairs, n, pair))
			return "a label stands there twice";
		n++;
		if (!skip(s, ",") && !at_end(s, end))
			return "no , between two labels";
		skip_blanks(s);
	}
	if (end)
		get_u8(s);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			put_u8(out, ',');
		put_slice(out, pairs[i].name);
		put_text(out, "=\"");
		put_slice(out, pairs[i].value);
		put_u8(out, '"');
	}
	return NULL;
}

bool
prom_good_help(struct slice s)
{
	if (s.n > PROM_HELP || !utf8_ok(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
		if (s.p[i] == '\\' &&
		    (++i == s.n || (s.p[i] != '\\' && s.p[i] != 'n')))
			return false;
	}
	return true;
}
