/* SPDX-License-Identifier: ISC */
#include "web/form.h"
#include "t/tap.h"

#include <stdlib.h>

#define TYPE "multipart/form-data; boundary=xyz"
#define PART(name, value)                                                      \
	"--xyz\r\nContent-Disposition: form-data; name=\"" name                \
	"\"\r\n\r\n" value "\r\n"
#define FILE_HEAD                                                              \
	"--xyz\r\nContent-Disposition: form-data; name=\"file\"; "             \
	"filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n"
#define END "\r\n--xyz--\r\n"

/* What came of it: "F" for FORM_FILE, "=" and the data, "." for the end, and
 * "!" for a refusal.  step: bytes in each piece of input. */
static void
run(const char *type, struct slice body, size_t step, struct buf *out,
    struct form **form)
{
	struct form_ev ev;
	int end = 1;

	buf_cut(out, 0);
	*form = form_new(slice_text(type));
	while (*form && end >= 0 && body.n > 0) {
		size_t n = body.n < step ? body.n : step;
		/* its own allocation, so that what is kept is seen */
		uint8_t *copy = malloc(n);
		struct slice in = slice_of(copy, n);

		memcpy(copy, get_bytes(&body, n).p, n);
		while ((end = form_step(*form, &in, &ev)) > 0) {
			if (ev.what == FORM_FILE)
				put_text(out, "F=");
			if (ev.what == FORM_DATA)
				put_slice(out, ev.data);
			if (ev.what == FORM_END)
				put_text(out, ".");
		}
		free(copy);
	}
	if (*form == NULL || end < 0 || form_fin(*form) < 0)
		put_text(out, "!");
}

static const struct {
	const char *body, *want, *name;
} bodies[] = {
	{ FILE_HEAD "hello" END, "F=hello.", "a file" },
	{ FILE_HEAD END, "F=.", "an empty file" },
	{ PART("key", "k") FILE_HEAD "hello" END, "F=hello.",
	    "a field before" },
	{ FILE_HEAD "hello" END PART("key", "k"), "F=hello.",
	    "what follows is ignored" },
	{ FILE_HEAD "hello\r\n--xyz\r\nContent-Disp", "F=hello.",
	    "even when it is cut off" },
	{ FILE_HEAD "a\r\nb\r\n--xyb\r\n--xy\r\r\n-\r\n\r\n--xyz--",
	    "F=a\r\nb\r\n--xyb\r\n--xy\r\r\n-\r\n.", "almost boundaries" },
	{ FILE_HEAD "\r\n\r\n--xy" END, "F=\r\n\r\n--xy.", "and at the ends" },
	{ FILE_HEAD "--xyz" END, "F=--xyz.", "one that begins no line" },
	{ "--xyz \t\r\nContent-Disposition: form-data; name=file\r\n\r\nx" END,
	    "F=x.", "blanks behind a boundary, and no quotes" },
	{ "--xyz\r\ncontent-disposition:FORM-DATA;NAME=\"FILE\"\r\n\r\nx" END,
	    "F=x.", "loud" },
	{ "--xyz\r\nX: y\r\nnonsense\r\nContent-Disposition: form-data; "
	  "name=\"file\"\r\n\r\nx" END,
	    "F=x.", "other lines in the header" },
	{ FILE_HEAD "hello", "F=hello!", "cut off in the file" },
	{ FILE_HEAD "hello\r\n--xy", "F=hello!", "cut off in the boundary" },
	{ "--xyz--\r\n", "!", "nothing" },
	{ PART("key", "k") "--xyz--\r\n", "!", "no file" },
	{ "x" FILE_HEAD "hello" END, "!", "something in front" },
	{ "--xyzz\r\n", "!", "another boundary" },
	{ "--xyz\nContent-Disposition: form-data; name=file\n\nx" END, "!",
	    "no CRs" },
	{ "--xyz\r\n\r\nx" END, "!", "a part without header" },
	{ "--xyz\r\nContent-Disposition: form-data\r\n\r\nx" END, "!",
	    "a part without name" },
	{ "--xyz\r\nContent-Disposition: attachment; name=file\r\n\r\nx" END,
	    "!", "an attachment" },
	{ PART("key", "k") PART("Key", "l") FILE_HEAD "x" END, "!",
	    "a field twice" },
	{ "", "!", "an empty body" },
};

static void
test_bodies(void)
{
	struct buf out = { .max = 4096 };

	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct slice body = slice_text(bodies[i].body);
		bool same = true;

		for (size_t step = 1; step <= body.n + 1; step++) {
			struct form *f;

			run(TYPE, body, step, &out, &f);
			if (same && !slice_is(buf_slice(&out), bodies[i].want))
				printf("# %zu at once: %.*s (%s)\n", step,
				    (int)out.n, (const char *)out.p,
				    form_why(f));
			same =
			    same && slice_is(buf_slice(&out), bodies[i].want);
			form_free(f);
		}
		ok(same, "%s", bodies[i].name);
	}
	buf_free(&out);
}

static void
test_types(void)
{
	static const struct {
		const char *type;
		bool want;
	} rows[] = {
		{ "multipart/form-data; boundary=xyz", true },
		{ "Multipart/Form-Data;Boundary=\"x y'()+_,-./:=?\"", true },
		{ "multipart/form-data; charset=utf-8; boundary=x", true },
		{ "multipart/form-data; boundary=0123456789012345678901234567"
		  "89012345678901234567890123456789012345678901",
		    false },
		{ "multipart/form-data; boundary=0123456789012345678901234567"
		  "890123456789012345678901234567890123456789",
		    true },
		{ "multipart/form-data", false },
		{ "multipart/form-data; boundary=", false },
		{ "multipart/form-data; boundary=\"x\"y", true },
		{ "multipart/form-data; boundary=\"x", false },
		{ "multipart/form-data; boundary=\"x \"", false },
		{ "multipart/form-data; boundary=x*", false },
		{ "multipart/form-data; boundary=\"x\r\"", false },
		{ "multipart/mixed; boundary=x", false },
		{ "text/plain; boundary=x", false },
		{ "", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct form *f = form_new(slice_text(rows[i].type));

		ok((f != NULL) == rows[i].want, "%s", rows[i].type);
		form_free(f);
	}
}

static void
test_fields(void)
{
	static const char body[] =
	    PART("key", "u/${filename}") PART("Content-Type", "image/png") PART(
		"x-amz-meta-a", "1\r\n2") PART("empty", "") PART("quo\\\"te",
		"q") "--xyz\r\nContent-Disposition: form-data; name=\"file\"; "
		     "filename=\"C:\\dir\\a \\\"b\\\".txt\"\r\n"
		     "Content-Type:  text/plain; charset=x \r\n\r\nx" END;
	const struct http_field *fields;
	struct buf out = { .max = 4096 };

	for (size_t step = 1; step < sizeof body; step++) {
		struct form *f;
		bool good;

		run(TYPE, slice_of(body, sizeof body - 1), step, &out, &f);
		good = form_fields(f, &fields) == 5 &&
		       slice_is(form_value(f, "KEY"), "u/${filename}") &&
		       slice_is(form_value(f, "content-type"), "image/png") &&
		       slice_is(form_value(f, "x-amz-meta-a"), "1\r\n2") &&
		       form_value(f, "empty").n == 0 &&
		       form_value(f, "none").n == 0 &&
		       slice_is(fields[4].name, "quo\"te") &&
		       slice_is(form_filename(f), "C:\\dir\\a \"b\".txt") &&
		       slice_is(form_file_type(f), "text/plain; charset=x");
		if (!good || step + 1 == sizeof body)
			ok(good, "fields, read %zu bytes at a time", step);
		form_free(f);
	}
	buf_free(&out);
}

static bool
takes(const struct buf *body, const char **why)
{
	static char text[128];
	struct buf out = { .max = 1 << 20 };
	struct form *f;
	bool good;

	run(TYPE, buf_slice(body), 1000, &out, &f);
	good = out.n > 0 && out.p[out.n - 1] == '.';
	snprintf(text, sizeof text, "%s", form_why(f));
	*why = text;
	form_free(f);
	buf_free(&out);
	return good;
}

static void
put_many(struct buf *b, const char *text, size_t n)
{
	while (n-- > 0)
		put_text(b, text);
}

static void
put_fields(struct buf *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char name[32];

		snprintf(name, sizeof name, "f%zu", i);
		put_text(b, "--xyz\r\nContent-Disposition: form-data; name=");
		put_text(b, name);
		put_text(b, "\r\n\r\n\r\n");
	}
	put_text(b, FILE_HEAD "x" END);
}

static void
put_value(struct buf *b, size_t n)
{
	put_text(b, "--xyz\r\nContent-Disposition: form-data; name=\"k\"\r\n");
	put_text(b, "\r\n");
	put_many(b, "v", n);
	put_text(b, "\r\n" FILE_HEAD "x" END);
}

static void
put_lines(struct buf *b, size_t lines, size_t length)
{
	put_text(b, "--xyz\r\nContent-Disposition: form-data; name=file\r\n");
	for (size_t i = 0; i < lines; i++) {
		put_text(b, "X:");
		put_many(b, "v", length);
		put_text(b, "\r\n");
	}
	put_text(b, "\r\nx" END);
}

static void
test_limits(void)
{
	struct buf b = { .max = 1 << 20 };
	const char *why;

	put_fields(&b, FORM_FIELDS);
	ok(takes(&b, &why), "the most fields");
	buf_cut(&b, 0);
	put_fields(&b, FORM_FIELDS + 1);
	ok(!takes(&b, &why), "one more: %s", why);
	buf_cut(&b, 0);
	put_value(&b, FORM_BYTES - 100);
	ok(takes(&b, &why), "a long value");
	buf_cut(&b, 0);
	put_value(&b, FORM_BYTES + 1);
	ok(!takes(&b, &why), "a longer one: %s", why);
	buf_cut(&b, 0);
	put_lines(&b, 15, 4000);
	ok(takes(&b, &why), "a long header");
	buf_cut(&b, 0);
	put_lines(&b, 16, 1);
	ok(!takes(&b, &why), "too many lines: %s", why);
	buf_cut(&b, 0);
	put_lines(&b, 1, 4096);
	ok(!takes(&b, &why), "too long a line: %s", why);
	buf_cut(&b, 0);
	put_text(&b, FILE_HEAD);
	put_many(&b, "0123456789\r\n", 20000);
	put_text(&b, END);
	ok(takes(&b, &why), "the file may be long");
	buf_free(&b);
}

int
main(void)
{
	test_bodies();
	test_types();
	test_fields();
	test_limits();
	return tap_done();
}
