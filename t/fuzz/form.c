/* SPDX-License-Identifier: ISC
 *
 * A body, whole and again in pieces of the first byte's size: fields and file
 * are the same.  Its policy field, as JSON, is judged. */
#include "web/form.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
must(bool good)
{
	if (!good)
		abort();
}

/* Each piece in its own allocation, so that what is kept is seen. */
static int
feed(struct form *f, struct slice body, size_t step, struct buf *file)
{
	struct form_ev ev;
	int end = 0;

	while (end >= 0 && body.n > 0) {
		size_t n = body.n < step ? body.n : step;
		uint8_t *copy = malloc(n);
		struct slice in = slice_of(copy, n);

		memcpy(copy, get_bytes(&body, n).p, n);
		while ((end = form_step(f, &in, &ev)) > 0)
			if (ev.what == FORM_DATA)
				put_slice(file, ev.data);
		must(end < 0 || in.n == 0);
		free(copy);
	}
	return end < 0 ? -1 : form_fin(f);
}

static void
same(const struct form *a, const struct form *b)
{
	const struct http_field *as, *bs;
	size_t n = form_fields(a, &as);

	must(n <= FORM_FIELDS && n == form_fields(b, &bs));
	for (size_t i = 0; i < n; i++)
		must(slice_eq(as[i].name, bs[i].name) &&
		     slice_eq(as[i].value, bs[i].value));
	must(slice_eq(form_filename(a), form_filename(b)));
	must(slice_eq(form_file_type(a), form_file_type(b)));
}

static void
check_policy(const struct form *f)
{
	struct buf why = { .max = LONGEST };
	struct form_limits limits;
	enum s3err e = form_policy(f, form_value(f, "policy"), slice_text("b"),
	    form_value(f, "key"), 1000, &limits, &why);

	must(e == S3ERR_OK || e == S3ERR_INVALID_POLICY ||
	     e == S3ERR_POLICY_DENIED);
	must((e == S3ERR_OK) == (why.n == 0));
	buf_free(&why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice type = slice_text("multipart/form-data; boundary=x");
	struct slice in = slice_of(p, n);
	struct buf one = { .max = LONGEST }, two = { .max = LONGEST };
	struct form *a, *b;
	size_t step = get_u8(&in) % 64 + 1u;
	int end;

	if (n == 0 || n > LONGEST)
		return 0;
	form_free(form_new(in));
	a = form_new(type);
	b = form_new(type);
	end = feed(a, in, LONGEST, &one);
	must(end == feed(b, in, step, &two));
	must((end == 0) == (*form_why(a) == '\0'));
	if (end == 0) {
		must(slice_eq(buf_slice(&one), buf_slice(&two)));
		same(a, b);
		check_policy(a);
	}
	form_free(a);
	form_free(b);
	buf_free(&one);
	buf_free(&two);
	return 0;
}
