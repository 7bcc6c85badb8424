/* SPDX-License-Identifier: ISC
 *
 * Files of others: what other programs leave for us to tell. */
#include "base/mem.h"
#include "base/table.h"
#include "web/prom_own.h"
#include "web/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a file says of a metric before its rows. */
struct metric {
	struct slice name, help;
	enum prom_kind kind;
	bool has_help, has_type, has_rows;
};

struct reading {
	struct prom *prom;
	struct metric *metrics;
	size_t n, room;
	size_t rows;
	uint16_t from;
};

/* The metric of this name; mostly it is the one before. */
static struct metric *
find(struct reading *r, struct slice name)
{
	struct metric *m;

	for (size_t i = r->n; i > 0; i--)
		if (slice_eq(r->metrics[i - 1].name, name))
			return &r->metrics[i - 1];
	if (r->n == PROM_FILE_ROWS)
		return NULL;
	if (r->n == r->room) {
		r->room = r->room ? r->room * 2 : 16;
		r->metrics = mem_resize(r->metrics, r->room * sizeof *m);
	}
	m = &r->metrics[r->n++];
	*m = (struct metric){ .name = name, .kind = PROM_UNKNOWN };
	return m;
}

static const char *
take_help(struct metric *m, struct slice help)
{
	if (m->has_help)
		return "a second HELP of the metric";
	if (!prom_good_help(help))
		return "the HELP is no good text";
	m->help = help;
	m->has_help = true;
	return NULL;
}

static const char *
take_type(struct metric *m, struct slice word)
{
	static const char *const words[] = { "counter", "gauge", "untyped" };
	size_t kind = table_find(words, N(words), text_trim(word));

	if (m->has_type)
		return "a second TYPE of the metric";
	if (m->has_rows)
		return "the TYPE comes after a row";
	m->has_type = true;
	if (kind == N(words))
		return "the type is not counter, gauge or untyped";
	m->kind = (enum prom_kind)kind;
	return NULL;
}

/* A line that begins with #, which is gone: most are for people. */
static const char *
take_comment(struct reading *r, struct slice line)
{
	bool help, type;
	struct slice name, word;
	struct metric *m;

	line = text_trim(line);
	if (!text_next(&line, ' ', &word))
		return NULL;
	help = slice_is(word, "HELP");
	type = slice_is(word, "TYPE");
	if (!help && !type)
		return NULL;
	line = text_trim(line);
	name = prom_take_name(&line);
	if (name.n == 0 || (line.n > 0 && get_u8(&line) != ' '))
		return "the name is not one of a metric";
	m = find(r, name);
	if (m == NULL)
		return "more than 2000 metrics";
	return help ? take_help(m, line) : take_type(m, line);
}

static const char *
take_row(struct reading *r, struct slice line)
{
	struct prom *p = r->prom;
	struct slice name = prom_take_name(&line), value;
	struct prom_row row = { .from = r->from };
	const char *why = NULL;
	struct metric *m;

	if (name.n == 0)
		return "the name is not one of a metric";
	if (p->file_rows + r->rows >= PROM_FILE_ROWS)
		return "more than 2000 series in all files";
	row.name = prom_keep(p, name);
	row.labels = (uint32_t)p->text.n;
	if (line.n > 0 && line.p[0] == '{') {
		get_u8(&line);
		why = prom_take_labels(&line, '}', &p->text);
	} else if (line.n == 0 || (line.p[0] != ' ' && line.p[0] != '\t')) {
		why = "there is no value";
	}
	put_u8(&p->text, 0);
	if (why)
		return why;
	line = text_trim(line);
	value = prom_take_value(&line);
	if (value.n == 0)
		return "the value is no number";
	if (line.n > 0)
		return "there is more behind the value; time stamps are "
		       "refused";
	m = find(r, name);
	if (m == NULL)
		return "more than 2000 metrics";
	m->has_rows = true;
	row.kind = (uint8_t)m->kind;
	row.help = prom_keep(p, m->help);
	row.value = prom_keep(p, value);
	r->rows++;
	return prom_push(p, &row);
}

static const char *
take_line(struct reading *r, struct slice line)
{
	/* others would take it for a part of the line's last word */
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		return "the line ends with a carriage return";
	line = text_trim(line);
	if (line.n == 0)
		return NULL;
	if (line.p[0] != '#')
		return take_row(r, line);
	get_u8(&line);
	return take_comment(r, line);
}

static struct prom_file *
next_file(struct prom *p, const char *name)
{
	struct prom_file *f;

	if (p->nfiles == PROM_FILES)
		return NULL;
	f = &p->files[p->nfiles++];
	*f = (struct prom_file){ 0 };
	snprintf(f->name, sizeof f->name, "%s", name);
	return f;
}

void
prom_bad_file(struct prom *p, const char *name, const char *why)
{
	struct prom_file *f = next_file(p, name);

	if (f)
		f->why = why;
}

bool
prom_add_file(struct prom *p, const char *name, struct slice text)
{
	struct prom_file *f = next_file(p, name);
	struct reading r = { .prom = p, .from = (uint16_t)p->nfiles };
	size_t rows = p->n, bytes = p->text.n;
	struct slice line;

	if (f == NULL)
		return false;
	if (text.n > PROM_FILE_BYTES)
		f->why = "it is larger than 256 KiB";
	else if (text.n > 0 && text.p[text.n - 1] != '\n')
		f->why = "its last line has no end: it is not whole";
	while (f->why == NULL && text_next(&text, '\n', &line)) {
		f->line++;
		f->why = take_line(&r, line);
	}
	free(r.metrics);
	if (f->why == NULL) {
		p->file_rows += r.rows;
		return true;
	}
	p->n = rows;
	buf_cut(&p->text, bytes);
	p->text.bad = false;
	return false;
}
