/* SPDX-License-Identifier: ISC
 *
 * A method, a target, a Host and a line of a header, separated by line feeds:
 * what comes out keeps to the limits, and every byte of the path is accounted
 * for. */
#include "web/s3op.h"
#include "web/text.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 1 << 15 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
check(
    const struct http_head *head, const struct uri *uri, const struct s3op *op)
{
	size_t used = op->key.n;

	must(op->kind < S3OP_N);
	if (op->kind == S3OP_ADMIN) {
		must(head->uid >= 0 && !op->virtual_host);
		return;
	}
	must(op->key.n <= S3_KEY);
	must(op->kind == S3OP_LIST_BUCKETS || s3_bucket_name_ok(op->bucket));
	if (!op->virtual_host)
		used += op->bucket.n + (op->key.n > 0);
	must(uri->path.n - 1 == used || (op->key.n == 0 && op->bucket.n > 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const domains[] = { "s3.x", "a.s3.x", NULL };
	static struct uri uri;
	struct slice in = slice_of(p, n), line;
	struct http_head head = { .uid = -1 };
	const char *why;
	struct s3op op;
	unsigned verbs;

	if (n > LONGEST || !text_next(&in, '\n', &head.method) ||
	    !text_next(&in, '\n', &head.target))
		return 0;
	head.uid = head.method.n % 2 ? 1 : -1;
	if (text_next(&in, '\n', &line))
		head.fields[head.n++] =
		    (struct http_field){ slice_text("host"), line };
	if (text_next(&in, '\n', &line)) {
		struct http_field f = { 0 };

		text_next(&line, ':', &f.name);
		f.value = text_trim(line);
		head.fields[head.n++] = f;
	}
	s3_verbs_parse(in, &verbs);
	memset(&uri, 0, sizeof uri);
	if (uri_parse(head.target, &uri, &why) == 0 &&
	    s3op_of(&head, &uri, domains, &op) == S3ERR_OK)
		check(&head, &uri, &op);
	uri_free(&uri);
	return 0;
}
