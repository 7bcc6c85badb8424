/* SPDX-License-Identifier: ISC
 *
 * What s3load asks: its options, and requests as heads that are signed (their
 * payload is not).  Ends the process when it is asked what cannot be. */
#ifndef T_BENCH_S3ASK_H
#define T_BENCH_S3ASK_H

#include "base/fd.h"
#include "base/mem.h"
#include "base/opt.h"
#include "web/sigv4.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	ASK_HEAD = 16384, /* bytes of a head, at most */
	ASK_KEY = 1024,
	ASK_TOKEN = 1024,
	ASK_MADE = 100000, /* requests that are signed beforehand */
};

enum op { PUT, GET, LIST, OPS };

static struct {
	const char *to, *id, *secret_file, *region, *bucket, *prefix, *word;
	const char *delimiter;
	uint64_t conns, ms, count, size, keys, first, hold;
	bool same, grouped;
	enum op op;
	struct buf secret;
} want = {
	.to = "127.0.0.1:9000",
	.region = "us-east-1",
	.bucket = "bench",
	.prefix = "o",
	.word = "get",
	.conns = 16,
	.ms = 5000,
	.size = 4096,
	.keys = 10000,
};

static struct buf *made; /* by number, from want.first */

static const struct opt ask_opts[] = {
	{ 'a', "address", OPT_STR, &want.to, "HOST:PORT", "the server" },
	{ 'k', "key", OPT_STR, &want.id, "ID", "access key; none: unsigned" },
	{ 's', "secret", OPT_STR, &want.secret_file, "FILE", "its secret" },
	{ 'r', "region", OPT_STR, &want.region, "NAME", "us-east-1" },
	{ 'b', "bucket", OPT_STR, &want.bucket, "NAME", "bench" },
	{ 'p', "prefix", OPT_STR, &want.prefix, "TEXT",
	    "of the keys, in unreserved characters and slashes: o" },
	{ 'o', "op", OPT_STR, &want.word, "OP", "put, get or list" },
	{ 'd', "delimiter", OPT_STR, &want.delimiter, "TEXT", "of a list" },
	{ 'c', "connections", OPT_UINT, &want.conns, "N", "16", 100000 },
	{ 't', "time", OPT_TIME, &want.ms, "TIME", "how long: 5s" },
	{ 'n', "count", OPT_UINT, &want.count, "N", "so many instead" },
	{ 'z', "size", OPT_UINT, &want.size, "BYTES", "of an object: 4096" },
	{ 'K', "keys", OPT_UINT, &want.keys, "N",
	    "different keys, used in turn: 10000", 10000000 },
	{ 'f', "first", OPT_UINT, &want.first, "N", "number of the first key" },
	{ 'g', "grouped", OPT_FLAG, &want.grouped, NULL,
	    "keys are numbers as 000/000/000" },
	{ 'S', "same", OPT_FLAG, &want.same, NULL,
	    "all objects have the same content" },
	{ 'H', "hold", OPT_TIME, &want.hold, "TIME",
	    "keep the connections so long at the end" },
};

static void __attribute__((noreturn)) die(const char *what, const char *why)
{
	fprintf(stderr, "s3load: %s: %s\n", what, why);
	exit(111);
}

static void
read_secret(void)
{
	struct buf *b = &want.secret;

	buf_init(b, 256, NULL);
	if (want.secret_file == NULL)
		die("-s", "a key has a secret");
	if (fd_read_file(want.secret_file, b) < 0)
		die(want.secret_file, strerror(errno));
	while (b->n > 0 && b->p[b->n - 1] <= ' ')
		buf_cut(b, b->n - 1);
}

static void
ask_options(int argc, char **argv)
{
	static const struct opt_page page = { "s3load", "",
		"load for an S3 server", NULL, ask_opts,
		sizeof ask_opts / sizeof *ask_opts };
	static const char *const words[] = { "put", "get", "list" };
	struct buf text;
	int first;

	buf_init(&text, 1 << 16, NULL);
	if (opt_parse(&page, argc, argv, &first, &text) != OPT_GO) {
		fd_write_all(2, buf_slice(&text));
		exit(100);
	}
	while (want.op < OPS && strcmp(want.word, words[want.op]) != 0)
		want.op++;
	if (want.op == OPS || want.conns == 0 || want.keys == 0)
		die(want.word, "there is no such load");
	if (want.id)
		read_secret();
	if (want.count > 0 && want.count < want.keys)
		want.keys = want.count;
}

static void
put_field(struct buf *out, const char *name, struct slice value)
{
	put_text(out, name);
	put_text(out, ": ");
	put_slice(out, value);
	put_text(out, "\r\n");
}

/* The request's head, signed when there is a key. */
static void
sign(struct buf *out, const char *target)
{
	static const char *const methods[] = { "PUT", "GET", "GET" };
	static const char *const names[] = { "host", "x-amz-content-sha256",
		"x-amz-date" };
	static struct http_head head;
	char stamp[17], line[ASK_KEY + 256];
	struct buf auth;
	struct uri uri;
	const char *why;
	time_t now = time(NULL);
	struct tm tm;

	head.method = slice_text(methods[want.op]);
	head.target = slice_text(target);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	head.fields[0].value = slice_text(want.to);
	head.fields[1].value = slice_text("UNSIGNED-PAYLOAD");
	head.fields[2].value = slice_text(stamp);
	head.n = 3;
	for (size_t i = 0; i < head.n; i++)
		head.fields[i].name = slice_text(names[i]);
	put_slice(out, head.method);
	put_text(out, " ");
	put_text(out, target);
	put_text(out, " HTTP/1.1\r\n");
	for (size_t i = 0; i < head.n; i++)
		put_field(out, names[i], head.fields[i].value);
	if (want.op == PUT) {
		snprintf(line, sizeof line, "Content-Length: %llu\r\n",
		    (unsigned long long)want.size);
		put_text(out, line);
	}
	if (want.id) {
		if (uri_parse(head.target, &uri, &why) < 0)
			die(target, why);
		buf_init(&auth, 4096, NULL);
		sigv4_sign(&head, &uri, slice_text(want.id),
		    buf_slice(&want.secret), slice_text(want.region), &auth);
		put_field(out, "Authorization", buf_slice(&auth));
		buf_free(&auth);
		uri_free(&uri);
	}
	put_text(out, "\r\n");
}

/* The request for the key of this number. */
static void
ask_key(struct buf *out, uint64_t number)
{
	char target[ASK_KEY + 128];
	unsigned long long n = number;

	if (want.grouped)
		snprintf(target, sizeof target, "/%s/%s%03llu/%03llu/%03llu",
		    want.bucket, want.prefix, n / 1000000, n / 1000 % 1000,
		    n % 1000);
	else
		snprintf(target, sizeof target, "/%s/%s%08llu", want.bucket,
		    want.prefix, n);
	sign(out, target);
}

/* All that are used again and again, before the clock starts. */
static void
ask_make(void)
{
	if (want.op == LIST || want.keys > ASK_MADE)
		return;
	made = mem_new(want.keys * sizeof *made);
	for (uint64_t i = 0; i < want.keys; i++) {
		buf_init(&made[i], ASK_HEAD, NULL);
		ask_key(&made[i], want.first + i);
	}
}

/* The n-th request; room is for one that was not made before. */
static struct slice
ask_nth(uint64_t n, struct buf *room)
{
	if (made)
		return buf_slice(&made[n % want.keys]);
	buf_cut(room, 0);
	ask_key(room, want.first + n % want.keys);
	return buf_slice(room);
}

/* The page of a list that goes on at token ("": the first). */
static struct slice
ask_page(const char *token, struct buf *room)
{
	char target[ASK_KEY + ASK_TOKEN * 3];
	struct buf query;

	buf_init(&query, sizeof target - 256, NULL);
	if (token[0]) {
		put_text(&query, "&continuation-token=");
		uri_escape(&query, slice_text(token), false);
	}
	if (want.delimiter) {
		put_text(&query, "&delimiter=");
		uri_escape(&query, slice_text(want.delimiter), false);
	}
	put_u8(&query, '\0');
	snprintf(target, sizeof target, "/%s?list-type=2&prefix=%s%s",
	    want.bucket, want.prefix, (char *)query.p);
	buf_free(&query);
	buf_cut(room, 0);
	sign(room, target);
	return buf_slice(room);
}

#endif
