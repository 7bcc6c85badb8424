/* SPDX-License-Identifier: ISC */
#include "base/confval.h"
#include "base/mem.h"
#include "base/opt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ITEMS = 64, /* of a list whose row does not say */
	SHOWN = 64, /* bytes of a value that a fault repeats */
	NUMBER_BYTES = 32,
};

struct unit {
	const char *name;
	uint64_t times;
};

static const struct unit plain[] = { { "", 1 } };
static const struct unit sizes[] = {
	{ "G", 1 << 30 },
	{ "M", 1 << 20 },
	{ "K", 1 << 10 },
	{ "", 1 },
};
static const struct unit times[] = {
	{ "h", 60 * 60 * 1000 },
	{ "m", 60 * 1000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

static const struct {
	const char *word;
	bool value;
} truths[] = {
	{ "yes", true },
	{ "no", false },
	{ "true", true },
	{ "false", false },
	{ "on", true },
	{ "off", false },
	{ "1", true },
	{ "0", false },
};

/* The kinds that are numbers. */
static const struct number {
	int (*parse)(const char *, uint64_t most, uint64_t *);
	const char *noun;
	const struct unit *units; /* largest first; the last counts 1 */
} numbers[] = {
	[CONF_UINT] = { opt_uint, "number", plain },
	[CONF_BYTES] = { opt_bytes, "size", sizes },
	[CONF_TIME] = { opt_time, "time", times },
	[CONF_WORD] = { 0 }, /* the last kind, so that each has a place */
};

static int __attribute__((format(printf, 2, 3)))
blame(struct why *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof why->text, fmt, ap);
	va_end(ap);
	return -1;
}

bool
confval_is_list(const struct conf_row *row)
{
	return row->kind == CONF_LIST || row->kind == CONF_LINES;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Could the file hold it?  A value from the environment might not. */
static int
writable(const char *text, struct why *why)
{
	size_t n = strlen(text);

	if (n > CONF_VALUE)
		return blame(why, "%zu bytes are too many; give at most %d", n,
		    (int)CONF_VALUE);
	if (n > 0 && (is_blank(text[0]) || is_blank(text[n - 1])))
		return blame(why, "begins or ends with a blank");
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)text[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return blame(why, "holds a control character");
		if (c == ';' && (i == 0 || is_blank(text[i - 1])))
			return blame(
			    why, "\"%.*s\" holds a comment", SHOWN, text);
	}
	return 0;
}

static void
print_number(const struct number *kind, uint64_t v, char out[NUMBER_BYTES])
{
	const struct unit *u = kind->units;

	while (u->times > 1 && v % u->times != 0)
		u++;
	snprintf(
	    out, NUMBER_BYTES, "%" PRIu64 "%s", v / u->times, v ? u->name : "");
}

static int
set_number(const struct conf_row *row, const char *text, uint64_t *field,
    struct why *why)
{
	const struct number *kind = &numbers[row->kind];
	char least[NUMBER_BYTES], most[NUMBER_BYTES] = "";
	bool is = true;
	uint64_t v;

	if (kind->parse(text, row->most, &v) < 0)
		is = errno == ERANGE;
	else if (v >= row->least) {
		*field = v;
		return 0;
	}
	print_number(kind, row->least, least);
	if (row->most)
		print_number(kind, row->most, most);
	if (!is)
		return blame(why, "\"%.*s\" is not a %s; give %s%s%s", SHOWN,
		    text, kind->noun, least, row->most ? " to " : " or more",
		    most);
	return blame(why, "%.*s is out of range; give %s%s%s", SHOWN, text,
	    least, row->most ? " to " : " or more", most);
}

static int
set_bool(const char *text, bool *field, struct why *why)
{
	for (size_t i = 0; i < sizeof truths / sizeof truths[0]; i++) {
		if (strcmp(text, truths[i].word) == 0) {
			*field = truths[i].value;
			return 0;
		}
	}
	return blame(why, "\"%.*s\" is neither yes nor no", SHOWN, text);
}

static int
set_word(const struct conf_row *row, const char *text, unsigned *field,
    struct why *why)
{
	size_t room = sizeof why->text;

	for (unsigned i = 0; row->words[i]; i++) {
		if (strcmp(text, row->words[i]) == 0) {
			*field = i;
			return 0;
		}
	}
	blame(why, "\"%.*s\" is not one of", SHOWN, text);
	for (unsigned i = 0; row->words[i]; i++) {
		size_t n = strlen(why->text);

		snprintf(why->text + n, room - n, " %s", row->words[i]);
	}
	return -1;
}

static void
set_text(char **field, const char *text)
{
	free(*field);
	*field = mem_string(text);
}

static int
add_item(const struct conf_row *row, const char *item, struct conf_list *list,
    struct why *why)
{
	size_t most = row->most ? row->most : ITEMS;

	if (*item == '#' || *item == ';')
		return blame(why,
		    "\"%.*s\" would begin a comment; comments "
		    "stand on lines of their own",
		    SHOWN, item);
	if (writable(item, why) < 0)
		return -1;
	if (list->n >= most)
		return blame(why, "more than %zu items", most);
	list->at = mem_resize(list->at, (list->n + 1) * sizeof *list->at);
	list->at[list->n++] = mem_string(item);
	return 0;
}

int
confval_add(
    const struct conf_row *row, const char *text, void *field, struct why *why)
{
	const char *ends = row->kind == CONF_LINES ? "\n" : " \t\n";
	char *copy = mem_string(text), *at = copy, *item;
	int r = 0;

	while (r == 0 && (item = strsep(&at, ends)) != NULL) {
		size_t n;

		item += strspn(item, " \t");
		n = strlen(item);
		while (n > 0 && is_blank(item[n - 1]))
			item[--n] = '\0';
		if (n > 0)
			r = add_item(row, item, field, why);
	}
	free(copy);
	return r;
}

int
confval_set(
    const struct conf_row *row, const char *text, void *field, struct why *why)
{
	if (confval_is_list(row)) {
		confval_free(row, field);
		return confval_add(row, text, field, why);
	}
	if (writable(text, why) < 0)
		return -1;
	switch (row->kind) {
	case CONF_BOOL:
		return set_bool(text, field, why);
	case CONF_WORD:
		return set_word(row, text, field, why);
	case CONF_STR:
		set_text(field, text);
		return 0;
	default:
		return set_number(row, text, field, why);
	}
}

void
confval_init(const struct conf_row *row, void *field)
{
	switch (row->kind) {
	case CONF_LIST:
	case CONF_LINES:
		*(struct conf_list *)field = (struct conf_list){ 0 };
		break;
	case CONF_STR:
		*(char **)field = mem_string("");
		break;
	case CONF_BOOL:
		*(bool *)field = false;
		break;
	case CONF_WORD:
		*(unsigned *)field = 0;
		break;
	default:
		*(uint64_t *)field = 0;
		break;
	}
}

void
confval_free(const struct conf_row *row, void *field)
{
	if (confval_is_list(row)) {
		struct conf_list *list = field;

		for (size_t i = 0; i < list->n; i++)
			free(list->at[i]);
		free(list->at);
		*list = (struct conf_list){ 0 };
	} else if (row->kind == CONF_STR) {
		free(*(char **)field);
		*(char **)field = NULL;
	} else {
		confval_init(row, field);
	}
}

static void
put_list(const struct conf_list *list, struct buf *out)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->n > 1)
			put_text(out, "\n\t");
		put_text(out, list->at[i]);
	}
}

void
confval_put(const struct conf_row *row, const void *field, struct buf *out)
{
	char text[NUMBER_BYTES];

	switch (row->kind) {
	case CONF_LIST:
	case CONF_LINES:
		put_list(field, out);
		break;
	case CONF_STR:
		put_text(out, *(char *const *)field);
		break;
	case CONF_BOOL:
		put_text(out, *(const bool *)field ? "yes" : "no");
		break;
	case CONF_WORD:
		put_text(out, row->words[*(const unsigned *)field]);
		break;
	default:
		print_number(
		    &numbers[row->kind], *(const uint64_t *)field, text);
		put_text(out, text);
		break;
	}
}
