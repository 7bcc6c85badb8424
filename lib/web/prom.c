/* SPDX-License-Identifier: ISC */
#include "web/prom.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "web/prom_own.h"
#include "web/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROWS = 256, TOTAL = 6 };

void
prom_init(struct prom *p)
{
	*p = (struct prom){ .text = { .max = PROM_BYTES } };
}

void
prom_reset(struct prom *p)
{
	buf_cut(&p->text, 0);
	p->text.bad = false;
	p->n = p->nfiles = p->file_rows = 0;
}

void
prom_free(struct prom *p)
{
	buf_free(&p->text);
	free(p->rows);
	prom_init(p);
}

static const char *
at(const struct prom *p, uint32_t where)
{
	return (const char *)p->text.p + where;
}

uint32_t
prom_keep(struct prom *p, struct slice text)
{
	uint32_t where = (uint32_t)p->text.n;

	put_slice(&p->text, text);
	put_u8(&p->text, 0);
	return where;
}

const char *
prom_push(struct prom *p, const struct prom_row *row)
{
	if (p->n == PROM_ROWS || p->text.bad)
		return "there are too many series";
	if (p->n == p->room) {
		p->room = p->room ? p->room * 2 : FIRST_ROWS;
		p->rows = mem_resize(p->rows, p->room * sizeof *p->rows);
	}
	p->rows[p->n++] = *row;
	return NULL;
}

/* Of our own help, which is plain text. */
static uint32_t
keep_help(struct prom *p, const char *help)
{
	uint32_t where = (uint32_t)p->text.n;
	struct slice s = slice_text(help);

	if (s.n > PROM_HELP / 2 || !utf8_ok(s))
		s.n = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			put_u8(&p->text, '\\');
		put_u8(
		    &p->text, s.p[i] < 0x20 || s.p[i] == 0x7f ? ' ' : s.p[i]);
	}
	put_u8(&p->text, 0);
	return where;
}

static void
add(struct prom *p, enum prom_kind kind, const char *name, const char *labels,
    const char *help, const char *value)
{
	struct slice rest = slice_text(name), pairs = slice_text(labels);
	struct slice whole = prom_take_name(&rest);
	size_t before = p->text.n;
	struct prom_row row = { .kind = (uint8_t)kind };

	row.name = prom_keep(p, whole);
	row.labels = (uint32_t)p->text.n;
	if (whole.n > 0 && rest.n == 0 &&
	    prom_take_labels(&pairs, 0, &p->text) == NULL) {
		put_u8(&p->text, 0);
		row.help = keep_help(p, help);
		row.value = prom_keep(p, slice_text(value));
		if (prom_push(p, &row) == NULL)
			return;
	}
	buf_cut(&p->text, before);
	p->text.bad = false;
	p->dropped++;
}

void
prom_uint(struct prom *p, enum prom_kind kind, const char *name,
    const char *labels, const char *help, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, value);
	add(p, kind, name, labels, help, text);
}

void
prom_milli(struct prom *p, enum prom_kind kind, const char *name,
    const char *labels, const char *help, int64_t value)
{
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char text[32];

	snprintf(text, sizeof text, "%s%" PRIu64 ".%03u", value < 0 ? "-" : "",
	    size / 1000, (unsigned)(size % 1000));
	add(p, kind, name, labels, help, text);
}

void
prom_set(struct prom *p, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, value);
	for (size_t i = 0; i < p->n; i++) {
		struct prom_row *r = &p->rows[i];

		if (r->from == 0 && strcmp(at(p, r->name), name) == 0)
			r->value = prom_keep(p, slice_text(text));
	}
}

/* What OpenMetrics calls the metric: no two may have the same. */
static size_t
family(const char *name)
{
	size_t n = strlen(name);

	if (n > TOTAL && strcmp(name + n - TOTAL, "_total") == 0)
		n -= TOTAL;
	return n;
}

static int
order_families(const char *a, const char *b)
{
	size_t na = family(a), nb = family(b);
	int order = memcmp(a, b, na < nb ? na : nb);

	return order ? order : (na > nb) - (na < nb);
}

/* Ours before those of files, and in the order in which they came. */
static int
order_age(const struct prom_row *a, const struct prom_row *b)
{
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->name > b->name) - (a->name < b->name);
}

static int
order_rows(const void *va, const void *vb, void *arg)
{
	const struct prom_row *a = va, *b = vb;
	const struct prom *p = arg;
	int order = order_families(at(p, a->name), at(p, b->name));

	if (order == 0)
		order = strcmp(at(p, a->name), at(p, b->name));
	if (order == 0)
		order = strcmp(at(p, a->labels), at(p, b->labels));
	return order ? order : order_age(a, b);
}

static void
refuse(struct prom *p, struct prom_row *row, const char *why)
{
	row->out = true;
	if (row->from == 0) {
		p->dropped++;
	} else if (p->files[row->from - 1].why == NULL) {
		p->files[row->from - 1].why = why;
		p->files[row->from - 1].line = 0;
	}
}

/* Rows from first to end are of one family: it is whose row came first. */
static void
judge(struct prom *p, size_t first, size_t end)
{
	struct prom_row *rows = p->rows;
	const struct prom_row *own = &rows[first], *last = NULL;

	for (size_t i = first; i < end; i++)
		if (order_age(&rows[i], own) < 0)
			own = &rows[i];
	for (size_t i = first; i < end; i++) {
		struct prom_row *r = &rows[i];

		if (own->from == 0 && r->from > 0)
			refuse(p, r, "one of its metrics is the node's own");
		else if (r->kind != own->kind ||
			 strcmp(at(p, r->name), at(p, own->name)) != 0)
			refuse(p, r,
			    "one of its metrics is another's, of "
			    "another type");
		else if (last &&
			 strcmp(at(p, last->labels), at(p, r->labels)) == 0)
			refuse(p, r, "one of its series stands there twice");
		else
			last = r;
	}
}

size_t
prom_settle(struct prom *p)
{
	size_t bad = 0, kept = 0;

	if (p->n > 0)
		qsort_r(p->rows, p->n, sizeof *p->rows, order_rows, p);
	for (size_t first = 0, end; first < p->n; first = end) {
		for (end = first + 1; end < p->n; end++)
			if (order_families(at(p, p->rows[first].name),
				at(p, p->rows[end].name)) != 0)
				break;
		judge(p, first, end);
	}
	for (size_t i = 0; i < p->n; i++) {
		const struct prom_row *r = &p->rows[i];

		if (!r->out && (r->from == 0 || !p->files[r->from - 1].why))
			p->rows[kept++] = *r;
	}
	p->n = kept;
	for (size_t i = 0; i < p->nfiles; i++)
		bad += p->files[i].why != NULL;
	return bad;
}

static void
put_head(struct buf *out, const char *word, const char *name, size_t n)
{
	put_text(out, word);
	put_bytes(out, name, n);
	put_u8(out, ' ');
}

/* OpenMetrics wants quotes escaped, and the text format does not have that. */
static void
put_help(struct buf *out, const char *help, bool quotes)
{
	for (; *help; help++) {
		if (*help == '"' && quotes)
			put_u8(out, '\\');
		put_u8(out, (uint8_t)*help);
	}
	put_u8(out, '\n');
}

/* The lines before the first row of a metric. */
static void
put_metric(const struct prom *p, const struct prom_row *r, enum prom_format f,
    struct buf *out)
{
	static const char *const words[][3] = {
		[PROM_TEXT] = { "counter\n", "gauge\n", "untyped\n" },
		[PROM_OPEN] = { "counter\n", "gauge\n", "unknown\n" },
	};
	const char *name = at(p, r->name);
	size_t n = strlen(name);
	unsigned kind = r->kind;

	if (f == PROM_OPEN && kind == PROM_COUNTER) {
		/* a counter is one by its name as well */
		if (family(name) == n)
			kind = PROM_UNKNOWN;
		else
			n = family(name);
	}
	if (*at(p, r->help)) {
		put_head(out, "# HELP ", name, n);
		put_help(out, at(p, r->help), f == PROM_OPEN);
	}
	put_head(out, "# TYPE ", name, n);
	put_text(out, words[f][kind]);
}

void
prom_write(const struct prom *p, enum prom_format f, struct buf *out)
{
	const char *last = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const struct prom_row *r = &p->rows[i];
		const char *name = at(p, r->name);

		if (last == NULL || strcmp(last, name) != 0)
			put_metric(p, r, f, out);
		last = name;
		put_text(out, name);
		if (*at(p, r->labels)) {
			put_u8(out, '{');
			put_text(out, at(p, r->labels));
			put_u8(out, '}');
		}
		put_u8(out, ' ');
		put_text(out, at(p, r->value));
		put_u8(out, '\n');
	}
	if (f == PROM_OPEN)
		put_text(out, "# EOF\n");
}

/* q=0.5 as 500; 1000 when there is none or it is no weight. */
static uint64_t
weight(struct slice parameters)
{
	struct slice item;

	while (text_next(&parameters, ';', &item)) {
		uint64_t whole = 0, part = 0;
		size_t digits;

		item = text_trim(item);
		if (!text_begins_nocase(item, slice_text("q=")))
			continue;
		get_bytes(&item, 2);
		if (text_digits(&item, &whole) == 0 || whole > 1)
			return 1000;
		if (whole == 1 || item.n == 0 || get_u8(&item) != '.')
			return whole * 1000;
		digits = text_digits(&item, &part);
		for (; digits < 3; digits++)
			part *= 10;
		return digits > 3 ? 0 : part;
	}
	return 1000;
}

enum prom_format
prom_accept(struct slice accept)
{
	uint64_t open = 0, text = 0, q;
	struct slice item, type;

	while (text_next(&accept, ',', &item)) {
		if (!text_next(&item, ';', &type))
			continue;
		type = text_trim(type);
		q = weight(item);
		if (text_begins_nocase(
			type, slice_text("application/openmetrics-text")) &&
		    q > open)
			open = q;
		else if (text_begins_nocase(type, slice_text("text/")) &&
			 q > text)
			text = q;
	}
	return open > 0 && open >= text ? PROM_OPEN : PROM_TEXT;
}

const char *
prom_type(enum prom_format f)
{
	static const char *const types[] = {
		[PROM_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
		[PROM_OPEN] = "application/openmetrics-text; version=1.0.0; "
			      "charset=utf-8",
	};

	return types[f];
}
