/* SPDX-License-Identifier: ISC
 *
 * A server of net/httpd in a thread of its own, whose answers depend on the
 * target, and raw clients that block.  What the server saw is in `saw`. */
#ifndef T_NET_SERVING_H
#define T_NET_SERVING_H

#include "base/fd.h"
#include "base/mem.h"
#include "net/httpd.h"
#include "t/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BIG = 1 << 20,    /* bytes of /big */
	FILE_AT = 4097,   /* where /file begins in its file */
	FILE_N = 8 << 20, /* bytes of /file and /source */
	BREAKS_AT = 100000,
	DELAY = 50, /* milliseconds of /later and /pause */
	HEARD = 32 << 20,
};

static struct {
	atomic_uint begun, bodies, ended, done, turns, commits;
	atomic_ullong taken, sent; /* bytes of bodies; what done said, last */
	atomic_uint freed;         /* sources */
} saw;

struct served {
	struct httpd_req *req;
	char what[32];
	struct buf body;
	uint64_t taken;
	struct timer *timer;
	bool wants; /* waits for the turn */
	bool held;  /* waits for serve_tell('a') */
	struct served *next;
};

static struct {
	struct loop *loop;
	struct httpd *httpd;
	struct served *all;
	int quit[2];
	int file;
	in_port_t port;
	char path[64];
	pthread_t thread;
} server;

static inline uint8_t
pattern(uint64_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

static inline ssize_t
source_read(void *data, uint64_t at, uint8_t *p, size_t n)
{
	bool breaks = data != NULL;

	if (breaks && at >= BREAKS_AT)
		return 0;
	if (breaks && n > BREAKS_AT - at)
		n = BREAKS_AT - at;
	for (size_t i = 0; i < n; i++)
		p[i] = pattern(at + i);
	return (ssize_t)n;
}

static inline void
source_free(void *data)
{
	(void)data;
	saw.freed++;
}

static inline bool
served_is(const struct served *s, const char *what)
{
	return strcmp(s->what, what) == 0;
}

static inline void
served_fill(struct served *s, struct http_reply *y)
{
	if (served_is(s, "/file")) {
		y->fd = fcntl(server.file, F_DUPFD_CLOEXEC, 0);
		y->offset = FILE_AT;
		y->length = FILE_N;
	} else if (served_is(s, "/source") || served_is(s, "/broken")) {
		y->source.read = source_read;
		y->source.free = source_free;
		y->source.data = served_is(s, "/broken") ? y : NULL;
		y->length = FILE_N;
	} else if (served_is(s, "/big")) {
		source_read(NULL, 0, buf_room(&y->body, BIG), BIG);
		buf_added(&y->body, BIG);
	} else if (served_is(s, "/304") || served_is(s, "/204")) {
		y->status = (unsigned)atoi(s->what + 1);
		y->length = 1234;
		y->no_body = true;
	} else if (served_is(s, "/echo") || served_is(s, "/fields")) {
		put_slice(&y->body, buf_slice(&s->body));
	} else if (served_is(s, "/count")) {
		char text[24];

		snprintf(
		    text, sizeof text, "%llu", (unsigned long long)s->taken);
		put_text(&y->body, text);
	} else {
		put_text(&y->body, "hello");
	}
}

static inline void
served_answer(struct served *s)
{
	struct http_reply y;

	http_reply_init(&y, NULL);
	y.status =
	    served_is(s, "/begin") || served_is(s, "/middle") ? 403 : 200;
	http_put_text(&y, "x-what", s->what);
	if (served_is(s, "/close"))
		y.close = true;
	served_fill(s, &y);
	httpd_answer(s->req, &y);
}

static inline void
served_late(void *arg)
{
	struct served *s = arg;

	if (served_is(s, "/later"))
		served_answer(s);
	else
		httpd_pause(s->req, false);
}

/* How the head was understood, for /fields. */
static inline void
served_tell(struct served *s, const struct http_head *head)
{
	char text[64];

	put_slice(&s->body, head->method);
	put_u8(&s->body, ' ');
	put_slice(&s->body, head->target);
	snprintf(text, sizeof text, " %zu %d %lld ", head->n, (int)head->uid,
	    head->has_length ? (long long)head->length : -1);
	put_text(&s->body, text);
	put_slice(&s->body, head->from);
	put_u8(&s->body, '|');
	put_slice(&s->body, http_value(head, "X-Test"));
	put_u8(&s->body, '|');
}

static inline void *
on_begin(void *arg, struct httpd_req *r, const struct http_head *head)
{
	struct served *s = mem_new(sizeof *s);
	size_t n = head->target.n;
	const uint8_t *q = memchr(head->target.p, '?', n);

	(void)arg;
	saw.begun++;
	s->req = r;
	if (q)
		n = (size_t)(q - head->target.p);
	if (n < sizeof s->what)
		memcpy(s->what, head->target.p, n);
	buf_init(&s->body, HEARD, NULL);
	s->timer = timer_new(server.loop, served_late, s);
	s->next = server.all;
	server.all = s;
	if (served_is(s, "/fields"))
		served_tell(s, head);
	if (served_is(s, "/begin"))
		served_answer(s);
	if (served_is(s, "/pause")) {
		httpd_pause(r, true);
		timer_at(s->timer, msec_now() + DELAY);
	}
	return s;
}

static inline void
on_body(void *data, struct slice piece)
{
	struct served *s = data;

	saw.bodies++;
	saw.taken += piece.n;
	s->taken += piece.n;
	if (served_is(s, "/echo"))
		put_slice(&s->body, piece);
	if (served_is(s, "/middle"))
		served_answer(s);
	if (served_is(s, "/throttle")) {
		httpd_pause(s->req, true);
		timer_at(s->timer, msec_now() + 1);
	}
}

static inline void
on_end(void *data)
{
	struct served *s = data;

	saw.ended++;
	if (served_is(s, "/never"))
		return;
	if (served_is(s, "/later"))
		timer_at(s->timer, msec_now() + DELAY);
	else if (served_is(s, "/commit"))
		s->wants = true;
	else if (served_is(s, "/held"))
		s->held = true;
	else
		served_answer(s);
}

static inline void
on_done(void *data, uint64_t sent)
{
	struct served *s = data;
	struct served **at = &server.all;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	timer_free(s->timer);
	buf_free(&s->body);
	free(s);
	saw.sent = sent;
	saw.done++;
}

static inline void
on_turn(void *arg)
{
	unsigned n = 0;

	(void)arg;
	saw.turns++;
	for (struct served *s = server.all; s; s = s->next)
		if (s->wants) {
			s->wants = false;
			served_answer(s);
			n++;
		}
	saw.commits += n > 0;
}

static const struct httpd_face serving_face = { on_begin, on_body, on_end,
	on_done, on_turn };

static inline void
on_quit(void *arg, unsigned what)
{
	char c;

	(void)arg;
	(void)what;
	if (read(server.quit[0], &c, 1) != 1 || c == 'q') {
		loop_stop(server.loop, 0);
		return;
	}
	if (c == 'd')
		httpd_drain(server.httpd);
	for (struct served *s = server.all; s && c == 'a'; s = s->next)
		if (s->held) {
			s->held = false;
			served_answer(s);
		}
}

static inline void *
serving(void *arg)
{
	struct watch *w = watch_new(server.loop, server.quit[0], on_quit, NULL);

	watch_want(w, WATCH_READ);
	loop_run(server.loop);
	watch_free(w);
	httpd_free(server.httpd);
	loop_free(server.loop);
	return arg;
}

static inline void
serve_file(void)
{
	uint8_t *p = mem_new(FILE_AT + FILE_N);

	server.file = memfd_create("file", MFD_CLOEXEC);
	source_read(NULL, 0, p + FILE_AT, FILE_N);
	if (write(server.file, p, FILE_AT + FILE_N) < 0)
		perror("memfd");
	free(p);
}

static inline void
serve(const struct httpd_conf *conf)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof in;
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(&saw, 0, sizeof saw);
	if (server.file <= 0)
		serve_file();
	bind(tcp, (struct sockaddr *)&in, sizeof in);
	listen(tcp, 1024);
	getsockname(tcp, (struct sockaddr *)&in, &len);
	server.port = in.sin_port;
	snprintf(server.path, sizeof server.path, "/tmp/t-httpd-%d.sock",
	    (int)getpid());
	unlink(server.path);
	memcpy(un.sun_path, server.path, strlen(server.path) + 1);
	bind(local, (struct sockaddr *)&un, sizeof un);
	listen(local, 64);
	if (pipe2(server.quit, O_CLOEXEC) < 0)
		perror("pipe");
	server.loop = loop_new();
	server.httpd = httpd_new(server.loop, conf, &serving_face, NULL);
	httpd_listen(server.httpd, tcp);
	httpd_listen(server.httpd, local);
	pthread_create(&server.thread, NULL, serving, NULL);
}

/* d: drain; a: answer what is held; q: end. */
static inline void
serve_tell(char c)
{
	if (write(server.quit[1], &c, 1) < 0)
		perror("quit");
}

static inline void
serve_end(void)
{
	serve_tell('q');
	pthread_join(server.thread, NULL);
	close(server.quit[0]);
	close(server.quit[1]);
	unlink(server.path);
}

/* The clients. */

static inline int
dial(bool local)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = server.port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct timeval tv = { 60, 0 };
	int fd =
	    socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(un.sun_path, server.path, strlen(server.path) + 1);
	if (connect(fd, local ? (struct sockaddr *)&un : (struct sockaddr *)&in,
		local ? sizeof un : sizeof in) < 0)
		perror("connect");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
	if (!local)
		setsockopt(
		    fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	return fd;
}

/* As much as goes; false: the connection broke before the end. */
static inline bool
say_bytes(int fd, const void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t did =
		    send(fd, (const char *)p + at, n - at, MSG_NOSIGNAL);

		if (did <= 0)
			return false;
		at += (size_t)did;
	}
	return true;
}

static inline bool
say(int fd, const char *text)
{
	return say_bytes(fd, text, strlen(text));
}

static struct buf heard;

/* Everything until the connection ends, or nothing comes; NUL behind it.
 * Returns whether it ended in order. */
static inline bool
hear_all(int fd)
{
	ssize_t n;

	if (heard.max == 0)
		buf_init(&heard, HEARD, NULL);
	buf_cut(&heard, 0);
	do {
		uint8_t *at = buf_room(&heard, 65536);

		n = recv(fd, at, 65535, 0);
		buf_added(&heard, n > 0 ? (size_t)n : 0);
	} while (n > 0);
	*buf_room(&heard, 1) = '\0';
	return n == 0;
}

/* One answer: its status, its body at *body; -1: none.  head: it has none. */
static inline int
hear(int fd, bool head, struct slice *body)
{
	size_t need = SIZE_MAX;
	const char *end = NULL;
	const char *length;

	if (heard.max == 0)
		buf_init(&heard, HEARD, NULL);
	buf_cut(&heard, 0);
	while (heard.n < need) {
		size_t want = need == SIZE_MAX ? 1 : need - heard.n;
		uint8_t *at = buf_room(&heard, want + 1);
		ssize_t n = recv(fd, at, want, 0);

		if (n <= 0)
			return -1;
		buf_added(&heard, (size_t)n);
		heard.p[heard.n] = '\0';
		if (need != SIZE_MAX ||
		    (end = strstr((char *)heard.p, "\r\n\r\n")) == NULL)
			continue;
		length = strcasestr((char *)heard.p, "\r\nContent-Length:");
		need = (size_t)(end + 4 - (char *)heard.p);
		if (length && !head)
			need += strtoul(length + 17, NULL, 10);
	}
	end = strstr((char *)heard.p, "\r\n\r\n") + 4;
	if (body)
		*body =
		    slice_of(end, heard.n - (size_t)(end - (char *)heard.p));
	return atoi((char *)heard.p + 9);
}

/* Waits until the server has seen so many ends. */
static inline bool
done_is(unsigned n)
{
	for (int i = 0; i < 6000 && saw.done < n; i++)
		usleep(10000);
	return saw.done == n;
}

static inline bool
wait_conns(unsigned n)
{
	for (int i = 0; i < 6000 && httpd_connections(server.httpd) != n; i++)
		usleep(10000);
	return httpd_connections(server.httpd) == n;
}

/* Waits until the server has let in all who came before: it takes them in their
 * order, and so one more, who is not worth an answer and only closed. */
static inline void
all_let_in(bool local)
{
	for (int i = 0; i < 6000; i++) {
		int fd = dial(local);

		say(fd, "x\r\n\r\n");
		hear_all(fd);
		close(fd);
		if (heard.n == 0) /* and not "too many" */
			return;
		usleep(10000);
	}
}

/* Everybody has left; waits until the server has seen that, and all of it. */
static inline bool
all_done(void)
{
	all_let_in(false);
	all_let_in(true);
	return wait_conns(0) && done_is(saw.begun);
}

#endif
