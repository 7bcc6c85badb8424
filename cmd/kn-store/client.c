/* SPDX-License-Identifier: ISC */
#include "cmd/kn-store/client.h"
#include "base/mem.h"
#include "cmd/node.h"
#include "web/uri.h"
#include "web/xml.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE = 8192, ERROR_BYTES = 256 << 10, SENTENCE = 512 };

static const struct verb verbs[] = {
	{ "put", "BUCKET/KEY [FILE]", "store standard input or a file",
	    "example: tar c photos | kn-store put backup/photos.tar\n",
	    put_run },
	{ "get", "BUCKET/KEY [FILE]", "a content to a file, or standard output",
	    "example: kn-store get backup/photos.tar photos.tar\n", get_run },
	{ "cat", "BUCKET/KEY…", "contents to standard output",
	    "example: kn-store cat logs/today | grep error\n", get_run },
	{ "ls", "[BUCKET[/PREFIX]]", "list buckets, or keys",
	    "example: kn-store --json ls -r photos/2026/ | jq -r .key\n",
	    ls_run },
	{ "stat", "BUCKET/KEY…", "what is known of a content",
	    "example: kn-store --json stat photos/a.jpg | jq -r .sha256\n",
	    stat_run },
	{ "rm", "BUCKET/KEY…", "remove contents (keys on standard input: -)",
	    "example: kn-store --json ls -r tmp | jq -r '\"tmp/\" + .key' |\n"
	    "    kn-store rm -\n",
	    rm_run },
	{ "du", "[BUCKET[/PREFIX]]", "add up what is stored",
	    "example: kn-store du photos/2026/\n", du_run },
	{ "mb", "BUCKET", "make a bucket",
	    "example: kn-store mb --tenant family photos\n", mb_run },
	{ "rb", "BUCKET", "remove an empty bucket",
	    "example: kn-store rb photos\n", rb_run },
	{ "bucket", "BUCKET", "what everybody may do in a bucket",
	    "example: kn-store bucket --anonymous read photos\n", bucket_run },
	{ "key", "add|list|disable|enable|rotate|remove [ID]",
	    "access keys of the S3 API",
	    "The secret is printed once, when the key is made.\n"
	    "example: kn-store --json key add --tenant family \\\n"
	    "    --grant photos:read,list\n",
	    key_run },
	{ "tenant", "add|set|list|remove [NAME]",
	    "who stores here, and how much",
	    "example: kn-store tenant add --tier small family\n", tenant_run },
	{ "usage", "", "what tenants use of their caps",
	    "example: kn-store --json usage --tenant family | jq .disk_used\n",
	    usage_run },
	{ "health", "", "whether reads and writes are taken, and why not",
	    "Exit code 1: they are not.\n"
	    "example: kn-store health || kn-store --json health\n",
	    health_run },
	{ "stats", "", "numbers of the index",
	    "example: kn-store --json stats | jq .objects\n", stats_run },
	{ "scrub", "", "verify all contents from now on",
	    "example: kn-store scrub\n", scrub_run },
	{ "fsck", "", "account for every byte on the disk (daemon stopped)",
	    "Exit code 1: there are faults.\n"
	    "example: kn-store -c node.ini fsck --read\n",
	    fsck_run_verb },
	{ "rebuild", "", "make a new index from what is there (stopped)",
	    "The old index is moved aside.\n"
	    "example: kn-store -c node.ini rebuild\n",
	    rebuild_run_verb },
	{ "migrate", "", "what an upgrade would do to the index",
	    "example: kn-store -c node.ini migrate --plan\n",
	    migrate_run_verb },
	{ "snapshot", "[FILE|-]", "a consistent copy of the index",
	    "With - it is a stream, and no copy is made on a disk.\n"
	    "example: kn-store -c node.ini snapshot copy.db\n"
	    "example: kn-store snapshot - | age -R recipients >node.db.age\n",
	    snapshot_run },
};

static struct httpc *conn;

const char *
client_verbs(void)
{
	static char text[PAGE];
	size_t n = (size_t)snprintf(text, sizeof text, "verbs:\n");

	for (size_t i = 0; i < N(verbs); i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "  %-8s %s\n",
		    verbs[i].name, verbs[i].about);
	snprintf(text + n, sizeof text - n,
	    "\nkn-store VERB -h tells more.  Exit codes: 1 no, 100 wrong use "
	    "or no right,\n111 the daemon is not there.\n");
	return text;
}

int
client_run(struct client_conf *c, int argc, char **argv)
{
	for (size_t i = 0; i < N(verbs); i++)
		if (strcmp(verbs[i].name, argv[0]) == 0)
			return verbs[i].run(c, &verbs[i], argc, argv);
	die(EXIT_WRONG, "there is no verb \"%.64s\"; see kn-store -h", argv[0]);
}

size_t
client_words(const struct verb *v, const struct opt *opts, size_t nopts,
    int argc, char **argv, const char *words[CLIENT_WORDS], size_t least,
    size_t most)
{
	static char prog[64];
	const struct opt_page page = { prog, v->operands, v->about, v->detail,
		opts, nopts };
	size_t n = 0;

	snprintf(prog, sizeof prog, "kn-store %s", v->name);
	for (;;) {
		int first = cmd_options(&page, argc, argv);

		if (first >= argc)
			break;
		if (n == most)
			die(EXIT_WRONG, "too many operands; see %s -h", prog);
		words[n++] = argv[first];
		argc -= first;
		argv += first;
	}
	if (n < least)
		die(EXIT_WRONG, "%s wants %s; see %s -h", prog, v->operands,
		    prog);
	return n;
}

struct httpc *
client_connect(struct client_conf *c)
{
	if (conn)
		return conn;
	c->path = node_socket(c->path, c->file, STORE_SOCKET);
	conn = httpc_new(c->path, c->timeout);
	if (conn == NULL && errno == ENAMETOOLONG)
		die(EXIT_WRONG, "cannot connect to %s:", c->path);
	if (conn == NULL)
		die(EXIT_SYSTEM, "nothing answers on %s; is kn-store running?",
		    c->path);
	return conn;
}

struct slice
client_target(const char *bucket_key, bool need_key)
{
	static struct buf out;
	const char *slash = strchr(bucket_key, '/');

	if (bucket_key[0] == 0 || slash == bucket_key ||
	    (need_key && (slash == NULL || slash[1] == 0)))
		die(EXIT_WRONG, "\"%s\" is not %s",
		    show_plain(slice_text(bucket_key)),
		    need_key ? "BUCKET/KEY" : "a bucket");
	out.max = CLIENT_TARGET;
	buf_cut(&out, 0);
	put_u8(&out, '/');
	uri_escape(&out, slice_text(bucket_key), true);
	if (out.bad)
		die(EXIT_WRONG, "the key is too long");
	return buf_slice(&out);
}

struct slice
client_admin(const char *what, ...)
{
	static struct buf out;
	const char *name, *value;
	bool first = true;
	va_list ap;

	out.max = CLIENT_TARGET;
	buf_cut(&out, 0);
	put_text(&out, "/-/");
	put_text(&out, what);
	va_start(ap, what);
	while ((name = va_arg(ap, const char *)) != NULL) {
		value = va_arg(ap, const char *);
		if (value == NULL)
			continue;
		put_u8(&out, first ? '?' : '&');
		first = false;
		put_text(&out, name);
		put_u8(&out, '=');
		uri_escape(&out, slice_text(value), false);
	}
	va_end(ap);
	if (out.bad)
		die(EXIT_WRONG, "what is asked for is too long");
	return buf_slice(&out);
}

struct said {
	char code[64], message[SENTENCE];
};

static int
on_error(void *arg, bool open, const char *path, struct slice text)
{
	struct said *s = arg;

	if (!open && strcmp(path, "Error/Code") == 0)
		snprintf(s->code, sizeof s->code, "%s", show_plain(text));
	if (!open && strcmp(path, "Error/Message") == 0)
		snprintf(s->message, sizeof s->message, "%s", show_plain(text));
	return 0;
}

void
client_broken(const struct client_conf *c)
{
	die(EXIT_SYSTEM, "the daemon on %s does not answer:", c->path);
}

/* Of a status, what the program says with its own. */
static enum exit_code
code_of(unsigned status)
{
	if (status == 403 || status == 404 || status == 409 || status == 412)
		return EXIT_NO;
	return status < 500 ? EXIT_WRONG : EXIT_SYSTEM;
}

bool
client_good(struct client_conf *c, const struct httpc_reply *r,
    const char *subject, enum exit_code *code)
{
	struct buf text = { .max = ERROR_BYTES };
	struct said said = { "", "" };
	const char *why;
	ssize_t n;

	if (r->status < 300)
		return true;
	while (!text.bad) {
		uint8_t *p = buf_room(&text, PAGE);

		if (p == NULL)
			break;
		n = httpc_read(conn, p, PAGE);
		if (n < 0)
			client_broken(c);
		if (n == 0)
			break;
		buf_added(&text, (size_t)n);
	}
	if (text.n == 0 ||
	    xml_read(buf_slice(&text), on_error, &said, &why) < 0)
		snprintf(said.message, sizeof said.message, "%s",
		    r->status == 404 ? "there is no such thing" : "refused");
	buf_free(&text);
	*code = code_of(r->status);
	fprintf(stderr, "kn-store: %s: %s%s%s%s\n", subject, said.message,
	    said.code[0] ? " (" : "", said.code, said.code[0] ? ")" : "");
	return false;
}

void
client_ask(struct client_conf *c, const char *method, struct slice target,
    struct slice fields, struct slice body, const char *subject,
    struct httpc_reply *r)
{
	struct httpc *h = client_connect(c);
	enum exit_code code;

	if (httpc_send(h, method, target, fields, body.n) < 0 ||
	    (body.n > 0 && httpc_write(h, body) < 0 && errno != EPIPE) ||
	    httpc_reply(h, strcmp(method, "HEAD") == 0, r) < 0)
		client_broken(c);
	if (!client_good(c, r, subject, &code))
		exit(code);
}

void
client_lines(
    struct client_conf *c, void (*fn)(void *arg, struct slice), void *arg)
{
	struct buf in = { .max = SHOW_LINE + PAGE };
	uint8_t *end;
	ssize_t n;

	for (;;) {
		uint8_t *p = buf_room(&in, PAGE);

		if (p == NULL)
			die(EXIT_SYSTEM, "a line of the answer is too long");
		n = httpc_read(conn, p, PAGE);
		if (n < 0)
			client_broken(c);
		if (n == 0)
			break;
		buf_added(&in, (size_t)n);
		while (in.n > 0 && (end = memchr(in.p, '\n', in.n)) != NULL) {
			size_t len = (size_t)(end - in.p);

			fn(arg, slice_of(in.p, len));
			buf_drop(&in, len + 1);
		}
	}
	buf_free(&in);
}

static void
print_line(void *arg, struct slice line)
{
	(void)arg;
	put_slice(&show_line, line);
	put_u8(&show_line, '\n');
	show_print();
}

void
client_print_lines(struct client_conf *c)
{
	client_lines(c, print_line, NULL);
}

static bool progress_shown;

void
client_progress(const char *what, uint64_t done, uint64_t all)
{
	static msec last;
	msec now = msec_now();

	if (now - last < 200 || !isatty(STDERR_FILENO))
		return;
	last = now;
	progress_shown = true;
	if (all > 0)
		fprintf(stderr,
		    "\r%.40s: %" PRIu64 " of %" PRIu64 " MB (%u %%)\033[K",
		    what, done / 1000000, all / 1000000,
		    (unsigned)(done * 100 / all));
	else
		fprintf(stderr, "\r%.40s: %" PRIu64 " MB\033[K", what,
		    done / 1000000);
}

void
client_progress_end(void)
{
	if (progress_shown)
		fprintf(stderr, "\r\033[K");
	progress_shown = false;
}
