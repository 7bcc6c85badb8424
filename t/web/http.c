/* SPDX-License-Identifier: ISC */
#include "web/http.h"
#include "t/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void
names(void)
{
	struct http_head head = { .n = 3 };

	head.fields[0].name = slice_text("Host");
	head.fields[0].value = slice_text("here");
	head.fields[1].name = slice_text("X-Amz-Meta-A");
	head.fields[1].value = slice_text("1");
	head.fields[2].name = slice_text("x-amz-meta-a");
	head.fields[2].value = slice_text("2");
	ok(slice_is(http_value(&head, "host"), "here"), "without case");
	ok(http_find(&head, "x-amz-meta-A") == &head.fields[1],
	    "the first of two");
	ok(http_find(&head, "x-amz-meta") == NULL, "no prefix of one");
	ok(http_find(&head, "x-amz-meta-ab") == NULL, "nor longer");
	is_int(http_value(&head, "date").n, 0, "empty when it is not there");
	ok(http_name_is(slice_text("ETag"), "etag"), "name_is");
	ok(!http_name_is(slice_text("ETag"), "eta"), "whole names only");
	ok(http_name_eq((struct slice){ 0 }, (struct slice){ 0 }),
	    "nothing is nothing");
	head.n = 0;
	ok(http_find(&head, "host") == NULL, "an empty head");
}

static void
is_field(
    const struct http_reply *r, size_t *at, const char *name, const char *value)
{
	const char *n = NULL, *v = NULL;

	ok(http_next(r, at, &n, &v), "there is a field");
	is_text(n, name, "its name");
	is_text(v, value, "its value");
}

static void
fields(void)
{
	struct http_reply r;
	const char *n, *v;
	size_t at = 0;

	http_reply_init(&r, NULL);
	ok(!http_next(&r, &at, &n, &v), "no fields yet");
	http_put_text(&r, "ETag", "\"x\"");
	http_put_uint(&r, "Content-Length", UINT64_MAX);
	http_put(&r, "x-amz-meta-a", slice_of("a\r\nSet-Cookie: b\0c\x7f", 19));
	http_put(&r, "x-amz-meta-b", (struct slice){ 0 });
	http_put_text(&r, "x-amz-meta-c", "caf\xc3\xa9");
	is_field(&r, &at, "ETag", "\"x\"");
	is_field(&r, &at, "Content-Length", "18446744073709551615");
	is_field(&r, &at, "x-amz-meta-a", "a  Set-Cookie: b c ");
	is_field(&r, &at, "x-amz-meta-b", "");
	is_field(&r, &at, "x-amz-meta-c", "caf\xc3\xa9");
	ok(!http_next(&r, &at, &n, &v), "and no more");
	http_reply_free(&r);
}

static void
bad_names(void)
{
	static const char *const rows[] = { "", "a b", "a:", "a\r\nb",
		"\xc3\xa9", "a\x01" };
	struct http_reply r;

	http_reply_init(&r, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		http_put_text(&r, rows[i], "x");
	is_int(r.fields.n, 0, "names that are no tokens are left out");
	http_put_text(&r, "!#$%&'*+-.^_`|~09azAZ", "x");
	ok(r.fields.n > 0, "all of a token's bytes are good");
	http_reply_free(&r);
}

static void
ceiling(void)
{
	static char big[40000];
	struct http_reply r;
	const char *n, *v;
	size_t at = 0;

	memset(big, 'x', sizeof big - 1);
	http_reply_init(&r, NULL);
	http_put_text(&r, "a", big);
	http_put_text(&r, "b", big);
	ok(r.fields.bad, "64 KiB of fields, not more");
	ok(http_next(&r, &at, &n, &v) && !http_next(&r, &at, &n, &v),
	    "what fits is whole");
	http_reply_free(&r);
	ok(!r.fields.bad && r.fields.n == 0, "and free forgets it");
}

static unsigned freed;

static void
on_free(void *data)
{
	freed += *(unsigned *)data;
}

static void
ends(void)
{
	struct budget budget = { .max = 1 << 20 };
	struct http_reply r;
	unsigned one = 1;
	int fd = open("/dev/null", O_RDONLY);

	http_reply_init(&r, &budget);
	is_int(r.fd, -1, "no file at first");
	r.fd = fd;
	r.source = (struct http_source){ .data = &one, .free = on_free };
	put_text(&r.body, "body");
	ok(budget.used > 0, "the body is charged");
	http_reply_free(&r);
	ok(fcntl(fd, F_GETFD) < 0 && errno == EBADF, "the file is closed");
	is_int(freed, 1, "the source is freed");
	http_reply_free(&r);
	is_int(freed, 1, "once");
	ok(budget.used == 0 && r.fd == -1, "and nothing is left");
	put_text(&r.body, "again");
	ok(budget.used > 0, "it may be used again");
	http_reply_free(&r);
}

int
main(void)
{
	names();
	fields();
	bad_names();
	ceiling();
	ends();
	return tap_done();
}
