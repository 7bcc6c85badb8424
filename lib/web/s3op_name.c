/* SPDX-License-Identifier: ISC
 *
 * Names: of buckets, of verbs. */
#include "web/s3op.h"
#include "base/table.h"
#include "web/text.h"

enum s3_verb
s3op_verb(enum s3op_kind kind)
{
	static const enum s3_verb verbs[] = {
#define R(name, verb) (enum s3_verb)(verb),
		S3OP_LIST(R)
#undef R
	};

	return (unsigned)kind < S3OP_N ? verbs[kind] : S3_ALL;
}

static const char *const reserved_fronts[] = { "xn--", "sthree-",
	"amzn-s3-demo-" };
static const char *const reserved_ends[] = { "-s3alias", "--ol-s3", ".mrap",
	"--x-s3", "--table-s3" };

static bool
is_reserved(struct slice name)
{
	for (size_t i = 0; i < N(reserved_fronts); i++)
		if (text_begins(name, slice_text(reserved_fronts[i])))
			return true;
	for (size_t i = 0; i < N(reserved_ends); i++) {
		struct slice want = slice_text(reserved_ends[i]), end = name;

		if (name.n >= want.n) {
			get_bytes(&end, name.n - want.n);
			if (slice_eq(end, want))
				return true;
		}
	}
	return false;
}

/* Four numbers with dots between. */
static bool
is_ip(struct slice name)
{
	unsigned fields = 0;
	struct slice field;

	while (text_next(&name, '.', &field)) {
		uint64_t v;

		if (text_digits(&field, &v) == 0 || field.n > 0)
			return false;
		fields++;
	}
	return fields == 4;
}

bool
s3_bucket_name_ok(struct slice name)
{
	uint8_t before = '.'; /* so that no dot comes first */

	if (name.n < S3_BUCKET_LEAST || name.n > S3_BUCKET_MOST)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];
		bool edge = i == 0 || i + 1 == name.n;

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
			before = c;
			continue;
		}
		if ((c != '-' && c != '.') || edge ||
		    (c == '.' && before == '.'))
			return false;
		before = c;
	}
	return !is_ip(name) && !is_reserved(name);
}

static const struct {
	const char *word;
	unsigned bits;
} verb_words[] = {
	{ "none", 0 },
	{ "all", S3_ALL },
	{ "read", S3_READ },
	{ "write", S3_WRITE },
	{ "delete", S3_DELETE },
	{ "list", S3_LIST },
	{ "admin", S3_ADMIN },
};

static int
add_verb(struct slice word, unsigned *verbs)
{
	for (size_t i = 0; i < N(verb_words); i++)
		if (slice_is(word, verb_words[i].word)) {
			*verbs |= verb_words[i].bits;
			return 0;
		}
	return -1;
}

int
s3_verbs_parse(struct slice text, unsigned *verbs)
{
	unsigned all = 0;
	struct slice word;

	if (text.n == 0 || text.p[text.n - 1] == ',')
		return -1;
	while (text_next(&text, ',', &word))
		if (add_verb(word, &all) < 0)
			return -1;
	*verbs = all;
	return 0;
}

void
s3_verbs_print(unsigned verbs, struct buf *out)
{
	const char *between = "";

	for (size_t i = 0; i < N(verb_words); i++) {
		unsigned bits = verb_words[i].bits;

		if (verbs == bits) { /* none, all, or the last that is left */
			put_text(out, between);
			put_text(out, verb_words[i].word);
			return;
		}
		if (bits == 0 || bits == S3_ALL || !(verbs & bits))
			continue;
		put_text(out, between);
		put_text(out, verb_words[i].word);
		between = ",";
		verbs &= ~bits;
	}
}
