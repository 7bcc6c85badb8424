/* SPDX-License-Identifier: ISC
 *
 * The client against our own server, and against what a test says. */
#include "net/httpc.h"
#include "t/net/serving.h"

static const struct httpd_conf conf = {
	.connections = 100, .idle = 20000, .head = 30000, .head_bytes = 16384
};

static struct buf body;

/* The whole body; the length, or -1. */
static ssize_t
read_all(struct httpc *c)
{
	ssize_t n;

	if (body.max == 0)
		buf_init(&body, HEARD, NULL);
	buf_cut(&body, 0);
	while ((n = httpc_read(c, buf_room(&body, 10000), 10000)) > 0)
		buf_added(&body, (size_t)n);
	return n < 0 ? -1 : (ssize_t)body.n;
}

static int
ask(struct httpc *c, const char *method, const char *target)
{
	struct httpc_reply y;

	if (httpc_send(c, method, slice_text(target), slice_text(""), 0) < 0 ||
	    httpc_reply(c, strcmp(method, "HEAD") == 0, &y) < 0)
		return -1;
	return (int)y.status;
}

static void
test_served(void)
{
	struct httpc *c = httpc_new(server.path, 30000);
	struct httpc_reply y;
	bool same = true;
	uint8_t *p = mem_new(FILE_N);

	source_read(NULL, 0, p, FILE_N);
	ok(c != NULL, "dialled");
	is_int(ask(c, "GET", "/hello"), 200, "GET");
	is_int(read_all(c), 5, "its body");
	is_int(ask(c, "GET", "/file"), 200, "a file");
	is_int(read_all(c), FILE_N, "its body");
	for (size_t i = 0; i < body.n; i++)
		same = same && body.p[i] == pattern(i);
	ok(same, "is right");
	is_int(ask(c, "HEAD", "/file"), 200, "HEAD");
	is_int(read_all(c), 0, "has no body");
	is_int(ask(c, "GET", "/204"), 204, "204");
	is_int(read_all(c), 0, "has no body");
	httpc_send(c, "PUT", slice_text("/echo"),
	    slice_text("X-Test: a\r\nX-More: b\r\n"), FILE_N);
	for (size_t at = 0; at < FILE_N; at += 1 << 16)
		httpc_write(c, slice_of(p + at, 1 << 16));
	is_int(httpc_reply(c, false, &y), 0, "a body of known length");
	ok(y.has_length && y.length == FILE_N, "comes back");
	is_int(read_all(c), FILE_N, "whole");
	ok(memcmp(p, body.p, FILE_N) == 0, "and right");
	httpc_send(c, "PUT", slice_text("/echo"), slice_text(""), UINT64_MAX);
	for (size_t at = 0; at < FILE_N; at += 1 << 17)
		httpc_write(c, slice_of(p + at, 1 << 17));
	is_int(httpc_write(c, slice_of(NULL, 0)), 0, "a chunked one");
	is_int(httpc_reply(c, false, &y), 0, "is answered");
	is_int(read_all(c), FILE_N, "whole");
	is_int(httpc_write(c, slice_text("x")), -1, "no more may be written");
	is_int(ask(c, "GET", "/close"), 200, "the server closes");
	read_all(c);
	is_int(ask(c, "GET", "/hello"), 200, "the next one dials again");
	is_int(ask(c, "GET", "/hello"), 200, "so does one after unread bytes");
	httpc_free(c);
	free(p);
}

static void
test_refused(void)
{
	struct httpc *c = httpc_new(server.path, 30000);
	struct httpc_reply y;
	uint8_t piece[65536] = { 0 };
	int r = 0;

	httpc_send(
	    c, "PUT", slice_text("/begin"), slice_text(""), (uint64_t)1 << 33);
	for (int i = 0; i < 100000 && r == 0; i++)
		r = httpc_write(c, slice_of(piece, sizeof piece));
	is_int(r, -1, "a body that is not wanted");
	is_int(errno, EPIPE, "is told by EPIPE");
	is_int(httpc_reply(c, false, &y), 0, "the answer can be read");
	is_int(y.status, 403, "403");
	is_int(read_all(c), 5, "with its body");
	is_int(ask(c, "GET", "/hello"), 200, "the next one is served");
	httpc_free(c);
	errno = 0;
	ok(httpc_new("/tmp/t-httpc-nobody", 100) == NULL && errno == ENOENT,
	    "nobody there");
}

/* A server that says this, whatever is asked, and closes. */
struct play {
	int fd;
	const char *text;
};

static void *
playing(void *arg)
{
	struct play *p = arg;
	int fd = accept(p->fd, NULL, NULL);
	char waste[4096];

	if (recv(fd, waste, sizeof waste, 0) > 0)
		for (const char *at = p->text; *at; at++)
			if (send(fd, at, 1, MSG_NOSIGNAL) < 0)
				break;
	shutdown(fd, SHUT_WR);
	while (recv(fd, waste, sizeof waste, 0) > 0)
		;
	close(fd);
	return NULL;
}

static void
test_played(void)
{
	static const struct {
		const char *name, *text;
		int reply, error; /* of httpc_reply */
		ssize_t n;        /* of the body; -1: broken */
		const char *body;
	} rows[] = {
		{ "chunks",
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "5\r\nhello\r\n006;a=b\r\n world\r\n0\r\nX: y\r\n\r\n",
		    0, 0, 11, "hello world" },
		{ "to the end", "HTTP/1.1 200 OK\r\n\r\nhello", 0, 0, 5,
		    "hello" },
		{ "continue",
		    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
		    "Content-Length: 2\r\n\r\nok",
		    0, 0, 2, "ok" },
		{ "bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
		    0, 0, 2, "ok" },
		{ "a body cut short",
		    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", 0, 0, -1,
		    "ok" },
		{ "chunks cut short",
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "5\r\nhello\r\n",
		    0, 0, -1, "hello" },
		{ "a bad chunk",
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "xyz\r\nhello\r\n",
		    0, 0, -1, "" },
		{ "a huge chunk",
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "fffffffffffffffff\r\nhello\r\n",
		    0, 0, -1, "" },
		{ "a length that is none",
		    "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", -1,
		    EBADMSG, 0, NULL },
		{ "garbage", "hello hello hello\r\n\r\n", -1, EBADMSG, 0,
		    NULL },
		{ "half a head", "HTTP/1.1 200 OK\r\nA: ", -1, EBADMSG, 0,
		    NULL },
		{ "nothing", "", -1, EPIPE, 0, NULL },
		{ "a field that is none", "HTTP/1.1 200 OK\r\nhello\r\n\r\n",
		    -1, EBADMSG, 0, NULL },
	};
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct httpc_reply y;

	snprintf(un.sun_path, sizeof un.sun_path, "/tmp/t-httpc-%d.sock",
	    (int)getpid());
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct play p = { socket(AF_UNIX, SOCK_STREAM, 0),
			rows[i].text };
		struct httpc *c;
		pthread_t t;
		int r;

		unlink(un.sun_path);
		bind(p.fd, (struct sockaddr *)&un, sizeof un);
		listen(p.fd, 1);
		pthread_create(&t, NULL, playing, &p);
		c = httpc_new(un.sun_path, 30000);
		httpc_send(c, "GET", slice_text("/"), slice_text(""), 0);
		r = httpc_reply(c, false, &y);
		is_int(r, rows[i].reply, rows[i].name);
		if (r < 0) {
			is_int(errno, rows[i].error, "says why");
		} else {
			is_int(read_all(c), rows[i].n, "its body");
			is_bytes(body.p, body.n, rows[i].body,
			    strlen(rows[i].body), "what there is of it");
		}
		httpc_free(c);
		pthread_join(t, NULL);
		close(p.fd);
	}
	unlink(un.sun_path);
}

/* A head without end. */
static void
test_endless(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char *text = mem_new((1 << 18) + 1);
	struct play p = { socket(AF_UNIX, SOCK_STREAM, 0), text };
	struct httpc_reply y;
	struct httpc *c;
	pthread_t t;

	memset(text, 'a', 1 << 18);
	memcpy(text, "HTTP/1.1 200 OK\r\nA: ", 20);
	snprintf(un.sun_path, sizeof un.sun_path, "/tmp/t-httpc-%d.sock",
	    (int)getpid());
	bind(p.fd, (struct sockaddr *)&un, sizeof un);
	listen(p.fd, 1);
	pthread_create(&t, NULL, playing, &p);
	c = httpc_new(un.sun_path, 30000);
	httpc_send(c, "GET", slice_text("/"), slice_text(""), 0);
	is_int(httpc_reply(c, false, &y), -1, "an endless head");
	is_int(errno, EBADMSG, "is none");
	httpc_free(c);
	pthread_join(t, NULL);
	close(p.fd);
	unlink(un.sun_path);
	free(text);
}

static void
test_silent(void)
{
	struct httpc *c = httpc_new(server.path, 200);
	struct httpc_reply y;

	httpc_send(c, "GET", slice_text("/never"), slice_text(""), 0);
	is_int(httpc_reply(c, false, &y), -1, "a server that says nothing");
	is_int(errno, ETIMEDOUT, "is waited for so long");
	httpc_free(c);
}

int
main(void)
{
	serve(&conf);
	test_served();
	test_refused();
	test_silent();
	serve_end();
	test_played();
	test_endless();
	buf_free(&body);
	buf_free(&heard);
	close(server.file);
	return tap_done();
}
