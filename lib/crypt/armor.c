/* SPDX-License-Identifier: ISC */
#include "crypt/armor.h"
#include "wire/mbase.h"

#include <string.h>

enum { LINE_BYTES = ARMOR_LINE / 4 * 3 };

void
armor_put(const char *comment, struct slice bytes, struct buf *text)
{
	put_text(text, "# ");
	put_text(text, comment);
	put_text(text, "\n");
	while (bytes.n > 0) {
		size_t n = bytes.n < LINE_BYTES ? bytes.n : LINE_BYTES;

		mbase_encode(MBASE_64, get_bytes(&bytes, n), text);
		put_text(text, "\n");
	}
}

/* The next line without its newline; bad when there is no newline. */
static struct slice
get_line(struct slice *text)
{
	const uint8_t *end = text->n ? memchr(text->p, '\n', text->n) : NULL;
	struct slice line;

	line = get_bytes(text, end ? (size_t)(end - text->p) : text->n + 1);
	get_bytes(text, 1);
	return line;
}

static bool
is_comment(struct slice text)
{
	return text.n > 0 && *text.p == '#';
}

/* Lines up to the next comment; all but the last are full. */
static int
get_lines(struct slice *text, struct buf *bytes)
{
	bool ended = false;

	while (text->n > 0 && !is_comment(*text)) {
		struct slice line = get_line(text);

		if (line.bad || line.n == 0 || line.n > ARMOR_LINE || ended ||
		    mbase_decode(MBASE_64, line, bytes) < 0 || bytes->bad)
			return -1;
		ended = line.n < ARMOR_LINE || line.p[line.n - 1] == '=';
	}
	return 0;
}

int
armor_get(struct slice *text, struct buf *bytes)
{
	size_t before = bytes->n;

	if (text->n == 0)
		return 0;
	if (!is_comment(*text))
		return -1;
	while (is_comment(*text))
		if (get_line(text).bad)
			return -1;
	if (get_lines(text, bytes) < 0 || bytes->n == before)
		return -1;
	return 1;
}

int
armor_one(struct slice text, struct buf *bytes)
{
	return armor_get(&text, bytes) == 1 && text.n == 0 ? 0 : -1;
}
