/* SPDX-License-Identifier: ISC
 *
 * The first byte says which document the rest is.  Counts keep to their
 * ceilings, and tags come back from each of their forms. */
#include "web/s3body.h"

#include <stdlib.h>

enum { LONGEST = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
check_deletes(struct slice in)
{
	struct s3_deletes d;
	const char *why;

	if (s3_deletes_parse(in, &d, &why) == S3ERR_OK)
		must(d.n > 0 && d.n <= S3_DELETES && d.at[0].key.n > 0);
	s3_deletes_free(&d);
}

static void
check_complete(struct slice in)
{
	struct s3_complete c;
	const char *why;

	if (s3_complete_parse(in, &c, &why) == S3ERR_OK) {
		must(c.n > 0 && c.n <= S3_PARTS && c.at[0].number > 0);
		for (size_t i = 1; i < c.n; i++)
			must(c.at[i].number > c.at[i - 1].number);
	}
	s3_complete_free(&c);
}

static void
same(const struct s3_tags *a, const struct s3_tags *b)
{
	must(a->n == b->n);
	for (size_t i = 0; i < a->n; i++)
		must(slice_eq(a->at[i].key, b->at[i].key) &&
		     slice_eq(a->at[i].value, b->at[i].value));
}

static void
check_tags(const struct s3_tags *tags)
{
	struct buf out = { .max = 1 << 20 };
	struct s3_tags back;
	const char *why;

	s3_tags_pack(tags, &out);
	must(s3_tags_unpack(buf_slice(&out), &back) == 0);
	same(tags, &back);
	s3_tags_free(&back);
	buf_cut(&out, 0);
	s3_tags_xml(tags, &out);
	must(s3_tags_parse(buf_slice(&out), S3_BUCKET_TAGS, &back, &why) ==
	     S3ERR_OK);
	same(tags, &back);
	s3_tags_free(&back);
	buf_free(&out);
}

static void
check_all_tags(struct slice in)
{
	struct s3_tags tags;
	const char *why;

	if (s3_tags_parse(in, S3_BUCKET_TAGS, &tags, &why) == S3ERR_OK)
		check_tags(&tags);
	s3_tags_free(&tags);
	if (s3_tags_header(in, &tags, &why) == S3ERR_OK)
		check_tags(&tags);
	s3_tags_free(&tags);
	if (s3_tags_unpack(in, &tags) == 0)
		must(tags.n <= S3_BUCKET_TAGS);
	s3_tags_free(&tags);
}

static void
check_cors(struct slice in)
{
	struct s3_cors c;
	const char *why;

	if (s3_cors_parse(in, &c, &why) == S3ERR_OK) {
		must(c.n > 0 && c.n <= S3_CORS_RULES && c.at[0].norigins > 0);
		s3_cors_match(&c, c.at[0].origins[0], slice_text("GET"), in);
	}
	s3_cors_free(&c);
}

static void
check_lifecycle(struct slice in)
{
	struct s3_lifecycle l;
	const char *why;

	if (s3_lifecycle_parse(in, &l, &why) == S3ERR_OK) {
		const struct s3_rule *r = l.at;

		must(l.n > 0 && l.n <= S3_RULES && r->ntags <= S3_TAGS);
		must(r->days || r->date || r->marker || r->noncurrent_days ||
		     r->abort_days);
	}
	s3_lifecycle_free(&l);
}

static void
check_small(struct slice in)
{
	struct buf location = { .max = LONGEST };
	enum s3_versioning v;
	const char *why;

	if (s3_versioning_parse(in, &v, &why) == S3ERR_OK)
		must(v == S3_VERSIONED || v == S3_SUSPENDED);
	s3_create_parse(in, &location, &why);
	buf_free(&location);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static void (*const checks[])(struct slice) = { check_deletes,
		check_complete, check_all_tags, check_cors, check_lifecycle,
		check_small };
	struct slice in = slice_of(p, n);
	uint8_t kind = get_u8(&in);

	if (n > 0 && n <= LONGEST)
		checks[kind % (sizeof checks / sizeof *checks)](in);
	return 0;
}
