/* SPDX-License-Identifier: ISC
 *
 * The verbs that move and list contents. */
#include "cmd/kn-store/client.h"
#include "web/uri.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIELDS = 4096 };

static uint8_t block[CLIENT_BLOCK];

static int
open_in(const char *path, uint64_t *size)
{
	struct stat st;
	int fd = STDIN_FILENO;

	if (path && strcmp(path, "-") != 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		die(errno == ENOENT || errno == EACCES ? EXIT_WRONG
						       : EXIT_SYSTEM,
		    "cannot read %s:", path);
	if (S_ISDIR(st.st_mode))
		die(EXIT_WRONG, "%s is a directory", path);
	*size = S_ISREG(st.st_mode) && fd != STDIN_FILENO ? (uint64_t)st.st_size
							  : UINT64_MAX;
	return fd;
}

/* All of fd as the body.  0: the daemon answered before its end. */
static void
send_body(struct client_conf *c, struct httpc *h, int fd, uint64_t size,
    const char *name)
{
	uint64_t sent = 0;
	ssize_t n;

	while (sent < size && (n = read(fd, block, sizeof block)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die(EXIT_SYSTEM, "cannot read what is to be stored:");
		if ((uint64_t)n > size - sent)
			n = (ssize_t)(size - sent);
		if (httpc_write(h, slice_of(block, (size_t)n)) < 0) {
			if (errno == EPIPE)
				return;
			client_broken(c);
		}
		sent += (uint64_t)n;
		client_progress(name, sent, size == UINT64_MAX ? 0 : size);
	}
	client_progress_end();
	if (size != UINT64_MAX && sent < size)
		die(EXIT_SYSTEM, "%s became shorter while it was read", name);
	if (size == UINT64_MAX)
		(void)httpc_write(h, slice_of("", 0));
}

int
put_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS], *type = NULL;
	const struct opt opts[] = {
		{ 'y', "type", OPT_STR, &type, "TYPE",
		    "the content's media type", 0 },
	};
	size_t n = client_words(v, opts, N(opts), argc, argv, words, 1, 2);
	struct slice target = client_target(words[0], true);
	struct buf fields = { .max = FIELDS };
	struct httpc_reply r;
	enum exit_code code;
	uint64_t size;
	int fd = open_in(n == 2 ? words[1] : NULL, &size);
	struct httpc *h = client_connect(c);

	if (type) {
		put_text(&fields, "Content-Type: ");
		put_text(&fields, show_plain(slice_text(type)));
		put_text(&fields, "\r\n");
	}
	if (httpc_send(h, "PUT", target, buf_slice(&fields), size) < 0)
		client_broken(c);
	send_body(c, h, fd, size, words[0]);
	if (httpc_reply(h, false, &r) < 0)
		client_broken(c);
	buf_free(&fields);
	return client_good(c, &r, words[0], &code) ? EXIT_YES : (int)code;
}

/* A new file beside, renamed when it is whole. */
static void
receive(struct client_conf *c, const struct httpc_reply *r, const char *path,
    const char *name)
{
	char tmp[4096];
	uint64_t got = 0;
	int fd = STDOUT_FILENO;
	ssize_t n;

	if (path) {
		if (snprintf(tmp, sizeof tmp, "%s.part", path) >=
		    (int)sizeof tmp)
			die(EXIT_WRONG, "the file's name is too long");
		fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (fd < 0)
			die(EXIT_WRONG, "cannot write %s:", tmp);
	}
	while ((n = httpc_read(client_connect(c), block, sizeof block)) > 0) {
		for (ssize_t at = 0, m; at < n; at += m) {
			m = write(fd, block + at, (size_t)(n - at));
			if (m < 0)
				die(EXIT_SYSTEM, "cannot write %s:",
				    path ? tmp : "standard output");
		}
		got += (uint64_t)n;
		client_progress(name, got, r->has_length ? r->length : 0);
	}
	client_progress_end();
	if (n < 0)
		die(EXIT_SYSTEM, "%s broke off after %" PRIu64 " bytes", name,
		    got);
	if (path && (fsync(fd) < 0 || close(fd) < 0 || rename(tmp, path) < 0))
		die(EXIT_SYSTEM, "cannot write %s:", path);
}

int
get_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS], *version = NULL;
	const struct opt opts[] = {
		{ 'v', "object-version", OPT_STR, &version, "ID",
		    "this version", 0 },
	};
	bool cat = v->name[0] == 'c';
	size_t n = client_words(
	    v, opts, N(opts), argc, argv, words, 1, cat ? CLIENT_WORDS : 2);
	size_t names = cat ? n : 1;
	struct buf target = { .max = CLIENT_TARGET };
	struct httpc_reply r;

	for (size_t i = 0; i < names; i++) {
		buf_cut(&target, 0);
		put_slice(&target, client_target(words[i], true));
		if (version) {
			put_text(&target, "?versionId=");
			uri_escape(&target, slice_text(version), false);
		}
		client_ask(c, "GET", buf_slice(&target), slice_of("", 0),
		    slice_of("", 0), words[i], &r);
		receive(c, &r, !cat && n == 2 ? words[1] : NULL, words[i]);
	}
	buf_free(&target);
	return EXIT_YES;
}

/* Bucket and the rest behind its first slash; in static memory. */
static const char *
split(const char *word, const char **rest)
{
	static char bucket[256];
	size_t n = strcspn(word, "/");

	if (n == 0 || n >= sizeof bucket)
		die(EXIT_WRONG, "\"%s\" is not BUCKET or BUCKET/PREFIX",
		    show_plain(slice_text(word)));
	memcpy(bucket, word, n);
	bucket[n] = 0;
	*rest = word[n] ? word + n + 1 : "";
	return bucket;
}

/* A page of a list or a sum; the last line may say where the next begins. */
struct page {
	bool json, headed;
	char next[3 * 1024 + 8];
	uint64_t objects, bytes;
};

static void
show_row(struct page *p, struct slice line)
{
	char row[2600];
	const char *key = member(line, "key");
	const char *prefix = member(line, "prefix");
	const char *bucket = member(line, "bucket");

	if (key[0])
		snprintf(row, sizeof row, "%s %12s %s%s%s%s\n",
		    member(line, "modified"), member(line, "size"), key,
		    member(line, "version")[0] ? " " : "",
		    member(line, "version"),
		    strcmp(member(line, "marker"), "yes") == 0 ? " (removed)"
							       : "");
	else if (prefix[0])
		snprintf(row, sizeof row, "%24s %12s %s\n", "", "", prefix);
	else
		snprintf(row, sizeof row, "%s %12s %s\n",
		    member(line, "created"), member(line, "tenant"), bucket);
	put_text(&show_line, row);
	show_print();
	(void)p;
}

static void
list_line(void *arg, struct slice line)
{
	struct page *p = arg;
	const char *next = member(line, "next");

	if (next[0]) {
		snprintf(p->next, sizeof p->next, "%s", next);
		return;
	}
	if (!p->json) {
		show_row(p, line);
		return;
	}
	put_slice(&show_line, line);
	put_u8(&show_line, '\n');
	show_print();
}

int
ls_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS], *bucket = NULL, *prefix = NULL;
	static struct page page;
	bool all = false, versions = false;
	const struct opt opts[] = {
		{ 'r', "recursive", OPT_FLAG, &all, NULL,
		    "every key, not only up to the next slash", 0 },
		{ 'a', "all-versions", OPT_FLAG, &versions, NULL,
		    "every version of a key", 0 },
	};
	struct httpc_reply r;

	if (client_words(v, opts, N(opts), argc, argv, words, 0, 1) == 1)
		bucket = split(words[0], &prefix);
	page.json = c->json;
	do {
		struct slice target = client_admin("ls", "bucket", bucket,
		    "prefix", prefix, "delimiter", all || versions ? NULL : "/",
		    "versions", versions ? "1" : NULL, "after",
		    page.next[0] ? page.next : NULL, CLIENT_END);

		page.next[0] = 0;
		client_ask(c, "GET", target, slice_of("", 0), slice_of("", 0),
		    bucket ? bucket : "buckets", &r);
		client_lines(c, list_line, &page);
	} while (page.next[0]);
	return EXIT_YES;
}

static void
sum_line(void *arg, struct slice line)
{
	struct page *p = arg;

	p->objects += strtoull(member(line, "objects"), NULL, 10);
	p->bytes += strtoull(member(line, "bytes"), NULL, 10);
	snprintf(p->next, sizeof p->next, "%s", member(line, "next"));
}

static void
show_sum(struct client_conf *c, const char *name, const struct page *p)
{
	struct json j;
	char row[512];

	if (c->json) {
		json_begin(&j, &show_line);
		json_text(&j, "name", name);
		json_uint(&j, "objects", p->objects);
		json_uint(&j, "bytes", p->bytes);
		json_end(&j);
	} else {
		snprintf(row, sizeof row,
		    "%15" PRIu64 " bytes %10" PRIu64 " objects  %s\n", p->bytes,
		    p->objects, name);
		put_text(&show_line, row);
	}
	show_print();
}

static void
sum_one(struct client_conf *c, const char *name)
{
	static struct page page;
	const char *prefix, *bucket = split(name, &prefix);
	struct httpc_reply r;

	memset(&page, 0, sizeof page);
	do {
		client_ask(c, "GET",
		    client_admin("du", "bucket", bucket, "prefix", prefix,
			"after", page.next[0] ? page.next : NULL, CLIENT_END),
		    slice_of("", 0), slice_of("", 0), name, &r);
		page.next[0] = 0;
		client_lines(c, sum_line, &page);
	} while (page.next[0]);
	show_sum(c, name, &page);
}

struct names {
	char **at;
	size_t n;
};

static void
name_line(void *arg, struct slice line)
{
	struct names *names = arg;

	names->at = realloc(names->at, (names->n + 1) * sizeof *names->at);
	if (names->at)
		names->at[names->n++] = strdup(member(line, "bucket"));
}

int
du_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS];
	struct names names = { NULL, 0 };
	struct httpc_reply r;

	if (client_words(v, NULL, 0, argc, argv, words, 0, 1) == 1) {
		sum_one(c, words[0]);
		return EXIT_YES;
	}
	client_ask(c, "GET", client_admin("ls", CLIENT_END), slice_of("", 0),
	    slice_of("", 0), "buckets", &r);
	client_lines(c, name_line, &names);
	for (size_t i = 0; i < names.n; i++) {
		sum_one(c, names.at[i]);
		free(names.at[i]);
	}
	free(names.at);
	return EXIT_YES;
}

static void
stat_line(void *arg, struct slice line)
{
	static const char *const members[] = { "bucket", "key", "size",
		"modified", "etag", "sha256", "cid", "version", "type", "parts",
		"kind", NULL };
	const bool *json = arg;
	char row[2200];

	if (*json) {
		put_slice(&show_line, line);
		put_u8(&show_line, '\n');
	} else {
		for (size_t i = 0; members[i]; i++) {
			const char *value = member(line, members[i]);

			if (value[0] == 0)
				continue;
			snprintf(
			    row, sizeof row, "%-9s %s\n", members[i], value);
			put_text(&show_line, row);
		}
	}
	show_print();
}

int
stat_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS], *version = NULL, *key;
	const struct opt opts[] = {
		{ 'v', "object-version", OPT_STR, &version, "ID",
		    "this version", 0 },
	};
	size_t n =
	    client_words(v, opts, N(opts), argc, argv, words, 1, CLIENT_WORDS);
	struct httpc_reply r;

	for (size_t i = 0; i < n; i++) {
		const char *bucket = split(words[i], &key);

		(void)client_target(words[i], true);
		client_ask(c, "GET",
		    client_admin("stat", "bucket", bucket, "key", key,
			"version", version, CLIENT_END),
		    slice_of("", 0), slice_of("", 0), words[i], &r);
		client_lines(c, stat_line, &c->json);
	}
	return EXIT_YES;
}

/* One key; a fault is told, and the others go on. */
static void
remove_one(struct client_conf *c, const char *word, const char *version,
    enum exit_code *code)
{
	struct buf target = { .max = CLIENT_TARGET };
	struct httpc *h = client_connect(c);
	struct httpc_reply r;

	put_slice(&target, client_target(word, true));
	if (version) {
		put_text(&target, "?versionId=");
		uri_escape(&target, slice_text(version), false);
	}
	if (httpc_send(h, "DELETE", buf_slice(&target), slice_of("", 0), 0) <
		0 ||
	    httpc_reply(h, false, &r) < 0)
		client_broken(c);
	(void)client_good(c, &r, word, code);
	buf_free(&target);
}

int
rm_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS], *version = NULL;
	const struct opt opts[] = {
		{ 'v', "object-version", OPT_STR, &version, "ID",
		    "this version, for good", 0 },
	};
	size_t n =
	    client_words(v, opts, N(opts), argc, argv, words, 1, CLIENT_WORDS);
	enum exit_code code = EXIT_YES;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	if (n > 1 || strcmp(words[0], "-") != 0) {
		for (size_t i = 0; i < n; i++)
			remove_one(c, words[i], version, &code);
		return (int)code;
	}
	while ((len = getline(&line, &room, stdin)) > 0) {
		if (line[len - 1] == '\n')
			line[--len] = 0;
		if (len > 0)
			remove_one(c, line, NULL, &code);
	}
	free(line);
	return (int)code;
}
