/* SPDX-License-Identifier: ISC */
#include "web/form.h"
#include "base/mem.h"
#include "web/text.h"

#include <stdlib.h>
#include <string.h>

enum {
	BOUNDARY = 70, /* bytes, RFC 2046 section 5.1.1 */
	LINE = 4096,   /* of a part's header */
	LINES = 16,    /* in it */
	BEFORE = 4,    /* \r\n-- in front of a boundary */
	PADDING = 64,  /* blanks behind one */
};

enum state {
	IN_DELIMITER, /* the first, which must begin the body */
	BEHIND,       /* a delimiter: \r\n, or -- at the very end */
	IN_HEADER,
	IN_FIELD,
	AT_FILE, /* its header is over: FORM_FILE is to be told */
	IN_FILE,
	OVER,
};

struct form {
	enum state state;
	const char *why;
	uint8_t delimiter[BEFORE + BOUNDARY]; /* \r\n--boundary */
	size_t delimiter_n;
	size_t matched;  /* bytes of it that ended the last input */
	struct buf line; /* what of a line or of what is behind came */
	size_t lines;
	struct http_field fields[FORM_FIELDS];
	size_t n;
	struct buf bytes;  /* names and values; has all its room at once */
	size_t value_at;   /* in bytes, where the field's begins */
	struct slice name; /* of the part whose header is read */
	struct slice filename, type;
};

static int
fail(struct form *f, const char *why)
{
	f->state = OVER;
	f->why = why;
	return -1;
}

/* --- beginning --- */

/* RFC 2046, section 5.1.1: bchars, and no blank at the end. */
static bool
is_boundary(struct slice b)
{
	static const char others[] = "'()+_,-./:=? ";

	if (b.n == 0 || b.n > BOUNDARY || b.p[b.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < b.n; i++) {
		uint8_t c = b.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    !(c >= 'A' && c <= 'Z') &&
		    (c == '\0' || strchr(others, c) == NULL))
			return false;
	}
	return true;
}

/* The next parameter of a header's value: ; name=value or name="value".  A
 * quoted value goes to held, without its escapes.  false: there is none. */
static bool
next_param(
    struct slice *in, struct slice *name, struct slice *value, struct buf *held)
{
	*in = text_trim(*in);
	if (in->n == 0 || get_u8(in) != ';' || !text_next(in, '=', name))
		return false;
	*name = text_trim(*name);
	if (in->n == 0 || in->p[0] != '"') {
		const uint8_t *end = in->n ? memchr(in->p, ';', in->n) : NULL;

		*value = text_trim(
		    get_bytes(in, end ? (size_t)(end - in->p) : in->n));
		return true;
	}
	get_bytes(in, 1);
	buf_cut(held, 0);
	while (in->n > 0 && in->p[0] != '"') {
		/* browsers do not escape backslashes: C:\file */
		if (in->n > 1 && in->p[0] == '\\' &&
		    (in->p[1] == '"' || in->p[1] == '\\'))
			get_bytes(in, 1);
		put_u8(held, get_u8(in));
	}
	*value = buf_slice(held);
	return get_u8(in) == '"';
}

struct form *
form_new(struct slice content_type)
{
	static const char kind[] = "multipart/form-data";
	struct slice name, value, boundary = { 0 };
	struct buf held = { .max = LINE };
	struct form *f = NULL;

	if (!text_begins_nocase(content_type, slice_text(kind)))
		return NULL;
	get_bytes(&content_type, sizeof kind - 1);
	while (next_param(&content_type, &name, &value, &held))
		if (http_name_is(name, "boundary")) {
			boundary = value;
			break;
		}
	if (is_boundary(boundary)) {
		f = mem_new(sizeof *f);
		memcpy(f->delimiter, "\r\n--", BEFORE);
		memcpy(f->delimiter + BEFORE, boundary.p, boundary.n);
		f->delimiter_n = BEFORE + boundary.n;
		f->matched = 2; /* as if the line before had ended */
		f->line.max = LINE;
		f->bytes.max = FORM_BYTES;
		buf_room(&f->bytes, FORM_BYTES); /* so that it never moves */
	}
	buf_free(&held);
	return f;
}

void
form_free(struct form *f)
{
	if (f == NULL)
		return;
	buf_free(&f->line);
	buf_free(&f->bytes);
	free(f);
}

/* --- content, up to a delimiter --- */

/* The bytes at the front that are no delimiter nor the beginning of one at the
 * end of the input.  Only a delimiter's first byte is a CR. */
static size_t
content_bytes(const struct form *f, struct slice in)
{
	size_t tail, at = 0;
	const uint8_t *p;

	p = in.n ? memmem(in.p, in.n, f->delimiter, f->delimiter_n) : NULL;
	if (p)
		return (size_t)(p - in.p);
	tail = in.n < f->delimiter_n ? in.n : f->delimiter_n - 1;
	for (at = in.n - tail; at < in.n; at++)
		if (in.p[at] == '\r' &&
		    memcmp(in.p + at, f->delimiter, in.n - at) == 0)
			return at;
	return in.n;
}

enum piece { PIECE_MORE, PIECE_DATA, PIECE_DELIMITER };

/* What was taken for a delimiter's beginning and is none is given out from our
 * own copy of it: the input it stood in is gone. */
static enum piece
next_piece(struct form *f, struct slice *in, struct slice *data)
{
	size_t n;

	while (f->matched > 0 && in->n > 0) {
		if (in->p[0] != f->delimiter[f->matched]) {
			*data = slice_of(f->delimiter, f->matched);
			f->matched = 0;
			return PIECE_DATA;
		}
		get_bytes(in, 1);
		if (++f->matched == f->delimiter_n) {
			f->matched = 0;
			return PIECE_DELIMITER;
		}
	}
	if (in->n == 0)
		return PIECE_MORE;
	n = content_bytes(f, *in);
	if (n > 0) {
		*data = get_bytes(in, n);
		return PIECE_DATA;
	}
	get_bytes(in, 1);
	f->matched = 1;
	return next_piece(f, in, data);
}

/* --- headers of parts --- */

/* A whole line into f->line, without its end.  1: here it is; 0: more. */
static int
next_line(struct form *f, struct slice *in)
{
	while (in->n > 0) {
		uint8_t c = get_u8(in);

		if (c == '\n') {
			if (f->line.n == 0 || f->line.p[f->line.n - 1] != '\r')
				return fail(f, "a line does not end in CRLF");
			buf_cut(&f->line, f->line.n - 1);
			return 1;
		}
		put_u8(&f->line, c);
		if (f->line.bad)
			return fail(f, "a line of a part's header is too long");
	}
	return 0;
}

/* A copy that stays; false: the fields are too much. */
static bool
keep(struct form *f, struct slice text, struct slice *out)
{
	size_t before = f->bytes.n;

	put_slice(&f->bytes, text);
	*out = slice_of(f->bytes.p + before, f->bytes.n - before);
	return !f->bytes.bad;
}

static int
disposition(struct form *f, struct slice value)
{
	struct buf held = { .max = LINE };
	struct slice kind = slice_text("form-data"), name, text;
	bool room = true;

	value = text_trim(value);
	if (!text_begins_nocase(value, kind))
		return fail(f, "a part is no form-data");
	get_bytes(&value, kind.n);
	while (room && next_param(&value, &name, &text, &held)) {
		if (http_name_is(name, "name") && f->name.n == 0)
			room = keep(f, text, &f->name);
		else if (http_name_is(name, "filename"))
			room = keep(f, text, &f->filename);
	}
	buf_free(&held);
	return room ? 0 : fail(f, "the fields are too long");
}

static int
header_line(struct form *f)
{
	struct slice line = buf_slice(&f->line), name;

	if (++f->lines > LINES)
		return fail(f, "a part's header has too many lines");
	text_next(&line, ':', &name);
	if (http_name_is(name, "content-disposition"))
		return disposition(f, line);
	if (http_name_is(name, "content-type") &&
	    !keep(f, text_trim(line), &f->type))
		return fail(f, "the fields are too long");
	return 0;
}

static bool
is_known(const struct form *f, struct slice name)
{
	for (size_t i = 0; i < f->n; i++)
		if (http_name_eq(f->fields[i].name, name))
			return true;
	return false;
}

/* A field may not come twice: one might be checked and the other used. */
static int
header_end(struct form *f)
{
	if (f->name.n == 0)
		return fail(f, "a part has no name");
	if (http_name_is(f->name, "file")) {
		f->state = AT_FILE;
		return 0;
	}
	if (is_known(f, f->name))
		return fail(f, "a field is there twice");
	if (f->n == FORM_FIELDS)
		return fail(f, "there are too many fields");
	f->value_at = f->bytes.n;
	f->state = IN_FIELD;
	return 0;
}

/* --- the machine --- */

static int
step_delimiter(struct form *f, struct slice *in)
{
	struct slice data;

	switch (next_piece(f, in, &data)) {
	case PIECE_MORE:
		return 0;
	case PIECE_DELIMITER:
		f->state = BEHIND;
		return 1;
	case PIECE_DATA:
		break;
	}
	return fail(f, "the body does not begin with the boundary");
}

static int
step_behind(struct form *f, struct slice *in)
{
	int end = 0;

	/* two bytes tell that it was the last */
	while (f->line.n < 2 && in->n > 0 && end == 0) {
		struct slice one = get_bytes(in, 1);

		end = next_line(f, &one);
	}
	if (end == 0 && slice_is(buf_slice(&f->line), "--"))
		return fail(f, "the form has no file");
	if (end == 0)
		end = next_line(f, in);
	if (end <= 0)
		return end;
	if (f->line.n > PADDING || text_trim(buf_slice(&f->line)).n > 0)
		return fail(f, "something stands behind a boundary");
	buf_cut(&f->line, 0);
	f->lines = 0;
	f->name = f->filename = f->type = slice_of(NULL, 0);
	f->state = IN_HEADER;
	return 1;
}

static int
step_header(struct form *f, struct slice *in)
{
	int end = next_line(f, in);

	if (end <= 0)
		return end;
	end = f->line.n > 0 ? header_line(f) : header_end(f);
	buf_cut(&f->line, 0);
	return end < 0 ? -1 : 1;
}

static int
step_field(struct form *f, struct slice *in)
{
	struct slice data;

	switch (next_piece(f, in, &data)) {
	case PIECE_MORE:
		return 0;
	case PIECE_DATA:
		put_slice(&f->bytes, data);
		if (f->bytes.bad)
			return fail(f, "the fields are too long");
		return 1;
	case PIECE_DELIMITER:
		break;
	}
	f->fields[f->n++] = (struct http_field){ f->name,
		slice_of(f->bytes.p + f->value_at, f->bytes.n - f->value_at) };
	f->state = BEHIND;
	return 1;
}

static int
step_file(struct form *f, struct slice *in, struct form_ev *ev)
{
	switch (next_piece(f, in, &ev->data)) {
	case PIECE_MORE:
		return 0;
	case PIECE_DATA:
		ev->what = FORM_DATA;
		return 1;
	case PIECE_DELIMITER:
		break;
	}
	f->state = OVER;
	ev->what = FORM_END;
	return 1;
}

int
form_step(struct form *f, struct slice *in, struct form_ev *ev)
{
	int end = 1;

	*ev = (struct form_ev){ FORM_MORE };
	while (end > 0 && ev->what == FORM_MORE) {
		switch (f->state) {
		case IN_DELIMITER:
			end = step_delimiter(f, in);
			break;
		case BEHIND:
			end = step_behind(f, in);
			break;
		case IN_HEADER:
			end = step_header(f, in);
			break;
		case IN_FIELD:
			end = step_field(f, in);
			break;
		case AT_FILE:
			f->state = IN_FILE;
			ev->what = FORM_FILE;
			break;
		case IN_FILE:
			end = step_file(f, in, ev);
			break;
		case OVER:
			if (f->why)
				return -1;
			get_bytes(in, in->n); /* behind the file */
			return 0;
		}
	}
	return end;
}

int
form_fin(struct form *f)
{
	if (f->state != OVER)
		fail(f, "the body ends before its last boundary");
	return f->why ? -1 : 0;
}

const char *
form_why(const struct form *f)
{
	return f->why ? f->why : "";
}

struct slice
form_value(const struct form *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (http_name_is(f->fields[i].name, name))
			return f->fields[i].value;
	return slice_of(NULL, 0);
}

size_t
form_fields(const struct form *f, const struct http_field **fields)
{
	*fields = f->fields;
	return f->n;
}

struct slice
form_filename(const struct form *f)
{
	return f->filename;
}

struct slice
form_file_type(const struct form *f)
{
	return f->type;
}
