/* SPDX-License-Identifier: ISC */
#include "base/conf.h"
#include "base/confval.h"
#include "base/fd.h"
#include "base/mem.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FAULTS = 64, /* told one by one; of the others, how many */
	FAULT_BYTES = 1024,
	WHERE_BYTES = 512,
	SHOWN = 64, /* bytes of a line that a fault repeats */
};

/* Where something was said. */
struct place {
	const char *from; /* the file, or NAME=value; NULL: the default */
	unsigned line;    /* 0: not a line of a file */
};

struct loading {
	const char *name; /* of the file */
	const struct conf_row *rows;
	size_t n;
	uint8_t *out;
	struct origin {
		struct place at;
		bool faulty;
	} * origins; /* one for each row */
	struct buf *faults;
	unsigned nfaults;

	struct slice text;   /* not read yet */
	struct place here;   /* the line being read */
	const char *section; /* a row's own, or NULL: none, or unknown */
	bool foreign;        /* the section is unknown, and that was told */
	bool has_key;        /* an indented line goes on with its value */
	bool goes_on;        /* this is such a line */
	bool settled;        /* nothing in this line is left to be explained */
	struct slice now;    /* this line, without blanks around it */
	size_t row;          /* of the last key; n: none of ours */
};

static size_t
print_where(const struct loading *l, struct place at,
    const struct conf_row *row, char *to)
{
	char name[WHERE_BYTES / 2];
	int n;

	if (at.line > 0)
		snprintf(name, sizeof name, "%.200s:%u", at.from, at.line);
	else if (at.from && at.from == l->name)
		snprintf(name, sizeof name, "%.200s", at.from);
	else if (at.from)
		snprintf(name, sizeof name, "%.*s", (int)strcspn(at.from, "="),
		    at.from);
	else
		snprintf(name, sizeof name, "default");
	if (row)
		n = snprintf(to, WHERE_BYTES, "%s: [%s] %s: ", name,
		    row->section, row->key);
	else
		n = snprintf(to, WHERE_BYTES, "%s: ", name);
	return n < WHERE_BYTES ? (size_t)n : WHERE_BYTES - 1;
}

/* One line in faults.  What a file or a variable made part of it does not
 * reach a terminal as control bytes. */
static void __attribute__((format(printf, 4, 5))) fault(struct loading *l,
    struct place at, const struct conf_row *row, const char *fmt, ...)
{
	char line[FAULT_BYTES];
	size_t n = print_where(l, at, row, line);
	va_list ap;

	if (++l->nfaults > FAULTS)
		return;
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
	va_end(ap);
	for (n = 0; line[n]; n++)
		if ((uint8_t)line[n] < ' ' || line[n] == 0x7f)
			line[n] = '?';
	line[n++] = '\n';
	put_bytes(l->faults, line, n);
}

static void *
field(const struct loading *l, size_t i)
{
	return l->out + l->rows[i].offset;
}

/* A row gets its value from a new place. */
static void
take(struct loading *l, size_t i, const char *value, struct place at)
{
	struct why why;

	l->origins[i] = (struct origin){ .at = at };
	if (confval_set(&l->rows[i], value, field(l, i), &why) < 0) {
		l->origins[i].faulty = true;
		fault(l, at, &l->rows[i], "%s", why.text);
	}
}

/* Names of sections, or of the keys of one, for who mistyped one. */
static const char *
choices(const struct loading *l, const char *section, struct buf *text)
{
	const char *last = NULL;

	for (size_t i = 0; i < l->n; i++) {
		const struct conf_row *row = &l->rows[i];

		if (section && strcmp(row->section, section) == 0) {
			put_text(text, " ");
			put_text(text, row->key);
		} else if (!section &&
			   (!last || strcmp(last, row->section) != 0)) {
			put_text(text, " [");
			put_text(text, row->section);
			put_text(text, "]");
		}
		last = row->section;
	}
	put_u8(text, '\0');
	return text->bad ? " too many to list" : (const char *)text->p;
}

static void
fault_unknown(
    struct loading *l, struct place at, const char *section, struct slice name)
{
	struct buf text = { .max = FAULT_BYTES / 2 };
	int n = name.n < SHOWN ? (int)name.n : SHOWN;
	const char *p = name.n > 0 ? (const char *)name.p : "";

	if (section)
		fault(l, at, NULL, "[%s] has no key \"%.*s\"; it has%s",
		    section, n, p, choices(l, section, &text));
	else
		fault(l, at, NULL, "there is no section [%.*s]; there are%s", n,
		    p, choices(l, NULL, &text));
	buf_free(&text);
}

/* inih does this in the line of a key, but not in those that go on with it. */
static void
cut_comment(char *value)
{
	for (size_t i = 1; value[0] && value[i]; i++) {
		if (value[i] == ';' && strchr(" \t", value[i - 1])) {
			value[i] = '\0';
			break;
		}
	}
}

static void
on_more(struct loading *l, char *value)
{
	const struct conf_row *row = &l->rows[l->row];
	struct why why;

	if (l->row == l->n)
		return;
	if (!confval_is_list(row)) {
		l->origins[l->row].faulty = true;
		fault(l, l->here, row,
		    "takes one line; a new key begins at "
		    "the left margin");
		return;
	}
	cut_comment(value);
	if (confval_add(row, value, field(l, l->row), &why) < 0)
		fault(l, l->here, row, "%s", why.text);
}

static void
on_key(struct loading *l, const char *key, const char *value)
{
	size_t i = 0;

	l->has_key = true;
	l->row = l->n;
	if (l->section == NULL) {
		if (!l->foreign)
			fault(l, l->here, NULL,
			    "\"%.*s\" stands before the "
			    "first [section]",
			    SHOWN, key);
		return;
	}
	while (i < l->n && (strcmp(l->rows[i].section, l->section) != 0 ||
			       strcmp(l->rows[i].key, key) != 0))
		i++;
	if (i == l->n) {
		fault_unknown(l, l->here, l->section, slice_text(key));
		return;
	}
	if (l->origins[i].at.from) {
		fault(l, l->here, &l->rows[i], "given twice, first in line %u",
		    l->origins[i].at.line);
		return;
	}
	l->row = i;
	take(l, i, value, l->here);
}

/* inih's handler.  The section is ours to know: inih cuts long names, and goes
 * on in the old section after a head that it cannot read. */
static int
on_pair(void *arg, const char *section, const char *key, const char *value)
{
	struct loading *l = arg;
	char *copy;

	(void)section;
	if (value == NULL)
		return 1;
	l->settled = true;
	copy = mem_string(value);
	if (l->goes_on)
		on_more(l, copy);
	else
		on_key(l, key, copy);
	free(copy);
	return 1;
}

static const char blanks[] = " \t";

static void
on_section(struct loading *l)
{
	struct slice rest = l->now, name;
	const uint8_t *end = memchr(rest.p, ']', rest.n);

	l->section = NULL;
	l->foreign = true;
	l->has_key = false;
	if (end == NULL) {
		fault(l, l->here, NULL, "\"%.*s\" lacks its ]",
		    (int)(rest.n < SHOWN ? rest.n : SHOWN), rest.p);
		return;
	}
	get_u8(&rest);
	name = get_bytes(&rest, (size_t)(end - rest.p));
	get_u8(&rest);
	rest = slice_trim(rest, blanks);
	if (rest.n > 0 && rest.p[0] != ';' && rest.p[0] != '#')
		fault(l, l->here, NULL,
		    "nothing may follow the ] of a "
		    "section");
	name = slice_trim(name, blanks);
	for (size_t i = 0; i < l->n && l->section == NULL; i++)
		if (slice_is(name, l->rows[i].section))
			l->section = l->rows[i].section;
	if (l->section == NULL)
		fault_unknown(l, l->here, NULL, name);
}

static bool
has_control(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return true;
	return false;
}

static struct slice
next_line(struct slice *text)
{
	const uint8_t *end = memchr(text->p, '\n', text->n);
	struct slice line;

	line = get_bytes(text, end ? (size_t)(end - text->p) : text->n);
	if (end)
		get_u8(text);
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* What the line before was, if inih made nothing of it. */
static void
settle(struct loading *l)
{
	if (!l->settled)
		fault(l, l->here, NULL,
		    "\"%.*s\" is neither [section] nor key = value",
		    (int)(l->now.n < SHOWN ? l->now.n : SHOWN), l->now.p);
	l->settled = true;
}

/* What inih is to see of the line: all of it, or a harmless stand-in. */
static struct slice
classify(struct loading *l, struct slice line, size_t most)
{
	bool indented = line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t');

	l->now = slice_trim(line, blanks);
	if (l->now.n == 0 || l->now.p[0] == '#' || l->now.p[0] == ';')
		return slice_of(NULL, 0);
	if (line.n > most) {
		/* inih would take the rest for a line of its own */
		fault(l, l->here, NULL,
		    "%zu bytes are too many for a line; give at most %zu",
		    line.n, most);
		return slice_of(NULL, 0);
	}
	if (has_control(line)) {
		fault(l, l->here, NULL, "holds a control character");
		return slice_of(NULL, 0);
	}
	l->goes_on = indented && l->has_key;
	if (l->now.p[0] == '[' && !l->goes_on) {
		on_section(l);
		return slice_text("[]");
	}
	l->settled = false;
	return line;
}

/* inih's reader, in the manner of fgets(3): this is where lines are counted,
 * for inih as packaged does not tell its handler. */
static char *
read_line(char *to, int room, void *arg)
{
	struct loading *l = arg;
	struct slice line;

	settle(l);
	if (l->text.n == 0)
		return NULL;
	l->here.line++;
	line = classify(l, next_line(&l->text), (size_t)room - 2);
	if (line.n > 0)
		memcpy(to, line.p, line.n);
	memcpy(to + line.n, "\n", 2);
	return to;
}

static void
load_text(struct loading *l, struct slice text)
{
	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		get_bytes(&text, 3);
	l->text = text;
	l->here = (struct place){ l->name, 0 };
	l->settled = true;
	l->row = l->n;
	(void)ini_parse_stream(read_line, l, on_pair, l);
	settle(l);
	if (l->text.n > 0) /* an inih that stops early, or has no memory */
		fault(l, l->here, NULL, "the rest was not read");
}

/* Does text begin with the word in capitals, and then c?  What follows. */
static const char *
after_capitals(const char *text, const char *word, char c)
{
	for (; *word; word++, text++) {
		char capital = *word >= 'a' && *word <= 'z'
				   ? (char)(*word - 'a' + 'A')
				   : *word;

		if (*text != capital)
			return NULL;
	}
	return *text == c ? text + 1 : NULL;
}

static void
load_variable(struct loading *l, const char *entry)
{
	const char *section = NULL, *name = NULL;
	struct place at = { entry, 0 };

	for (size_t i = 0; i < l->n; i++) {
		const struct conf_row *row = &l->rows[i];
		const char *key = after_capitals(entry + 3, row->section, '_');
		const char *value =
		    key ? after_capitals(key, row->key, '=') : NULL;

		if (value) {
			take(l, i, value, at);
			return;
		}
		if (key) {
			section = row->section;
			name = key;
		}
	}
	if (section)
		fault_unknown(
		    l, at, section, slice_of(name, strcspn(name, "=")));
}

/* A pair of values of which one bounds the other.  A value that is not what
 * its owner wrote says nothing. */
static void
check_within(struct loading *l, size_t i)
{
	const struct conf_row *row = &l->rows[i];
	struct buf a = { .max = 64 }, b = { .max = 64 };
	size_t o = 0;

	while (o < l->n && (strcmp(l->rows[o].section, row->section) != 0 ||
			       strcmp(l->rows[o].key, row->within) != 0))
		o++;
	if (o == l->n || l->origins[i].faulty || l->origins[o].faulty ||
	    *(uint64_t *)field(l, i) <= *(uint64_t *)field(l, o))
		return;
	confval_put(row, field(l, i), &a);
	confval_put(&l->rows[o], field(l, o), &b);
	fault(l, l->origins[l->origins[i].at.from ? i : o].at, row,
	    "%.*s is more than %s, which is %.*s; lower %s or raise %s",
	    (int)a.n, a.p, row->within, (int)b.n, b.p, row->key, row->within);
	buf_free(&a);
	buf_free(&b);
}

static void
begin(struct loading *l)
{
	l->origins = mem_new(l->n * sizeof *l->origins);
	for (size_t i = 0; i < l->n; i++) {
		confval_init(&l->rows[i], field(l, i));
		take(l, i, l->rows[i].value, (struct place){ NULL, 0 });
	}
}

static int
finish(struct loading *l, char *const *env)
{
	for (; env && *env; env++)
		if (strncmp(*env, "KN_", 3) == 0)
			load_variable(l, *env);
	for (size_t i = 0; i < l->n; i++)
		if (l->rows[i].within)
			check_within(l, i);
	if (l->nfaults > FAULTS) {
		char more[64];

		snprintf(more, sizeof more, "and %u faults more\n",
		    l->nfaults - FAULTS);
		put_text(l->faults, more);
	}
	free(l->origins);
	return l->nfaults > 0 ? -1 : 0;
}

int
conf_parse(const char *name, struct slice text, const struct conf_row *rows,
    size_t n, char *const *env, void *out, struct buf *faults)
{
	struct loading l = { name, rows, n, out, .faults = faults };

	begin(&l);
	load_text(&l, text);
	return finish(&l, env);
}

int
conf_load(const char *file, const struct conf_row *rows, size_t n,
    char *const *env, void *out, struct buf *faults)
{
	struct loading l = { file, rows, n, out, .faults = faults };
	struct buf text = { .max = CONF_FILE };

	begin(&l);
	if (file && fd_read_file(file, &text) < 0) {
		struct place at = { file, 0 };

		fault(&l, at, NULL, "%s",
		    errno == EFBIG ? "is larger than 1 MiB" : strerror(errno));
		buf_cut(&text, 0);
	}
	load_text(&l, buf_slice(&text));
	buf_free(&text);
	return finish(&l, env);
}

void
conf_free(const struct conf_row *rows, size_t n, void *out)
{
	for (size_t i = 0; i < n; i++)
		confval_free(&rows[i], (uint8_t *)out + rows[i].offset);
}

void
conf_print(
    const struct conf_row *rows, size_t n, const void *in, struct buf *text)
{
	for (size_t i = 0; i < n; i++) {
		const struct conf_row *row = &rows[i];
		struct buf value = { .max = CONF_FILE };

		if (i == 0 || strcmp(row->section, rows[i - 1].section) != 0) {
			put_text(text, i ? "\n[" : "[");
			put_text(text, row->section);
			put_text(text, "]\n");
		}
		confval_put(row, (const uint8_t *)in + row->offset, &value);
		put_text(text, row->key);
		put_text(text, value.n && value.p[0] != '\n' ? " = " : " =");
		put_slice(text, buf_slice(&value));
		put_text(text, "\n");
		buf_free(&value);
	}
}
