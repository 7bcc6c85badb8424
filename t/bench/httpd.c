/* SPDX-License-Identifier: ISC
 *
 * net/httpd with the least that a face can do, to know what the server itself
 * costs: httpd PORT FILE.  Below /file everything is FILE; elsewhere 4 KiB of
 * memory, below /wait only in the turn, below /late after it (which makes
 * libmicrohttpd suspend the connection).  Ends with its input. */
#include "base/mem.h"
#include "net/httpd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMALL = 4096 };

struct one {
	struct httpd_req *req;
	bool file, wait, late;
	struct one *next;
};

static struct loop *loop;
static struct one *waiting;
static struct timer *late;
static const char *path;

static void
answer(struct one *o)
{
	struct http_reply y;
	struct stat st;
	uint8_t *p;

	http_reply_init(&y, NULL);
	y.status = 200;
	http_put_text(&y, "x-amz-request-id", "0123456789abcdef");
	http_put_text(&y, "ETag", "\"d41d8cd98f00b204e9800998ecf8427e\"");
	http_put_text(&y, "Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT");
	http_put_text(&y, "Content-Type", "application/octet-stream");
	http_put_text(&y, "Accept-Ranges", "bytes");
	if (o->file) {
		y.fd = open(path, O_RDONLY | O_CLOEXEC);
		fstat(y.fd, &st);
		y.length = (uint64_t)st.st_size;
	} else {
		p = buf_room(&y.body, SMALL);
		memset(p, 'x', SMALL);
		buf_added(&y.body, SMALL);
	}
	httpd_answer(o->req, &y);
}

static void *
on_begin(void *arg, struct httpd_req *r, const struct http_head *head)
{
	struct one *o = mem_new(sizeof *o);
	struct slice t = head->target;

	(void)arg;
	o->req = r;
	o->file = t.n >= 5 && memcmp(t.p, "/file", 5) == 0;
	o->wait = t.n >= 5 && memcmp(t.p, "/wait", 5) == 0;
	o->late = t.n >= 5 && memcmp(t.p, "/late", 5) == 0;
	return o;
}

static void
on_body(void *data, struct slice s)
{
	(void)data;
	(void)s;
}

static void
on_end(void *data)
{
	struct one *o = data;

	if (!o->wait && !o->late) {
		answer(o);
		return;
	}
	o->next = waiting;
	waiting = o;
	if (o->late && o->next == NULL)
		timer_at(late, loop_now(loop));
}

static void
on_done(void *data, uint64_t sent)
{
	(void)sent;
	free(data);
}

static void
answer_all(void *arg)
{
	struct one *o;

	(void)arg;
	while ((o = waiting) != NULL) {
		waiting = o->next;
		answer(o);
	}
}

static void
on_turn(void *arg)
{
	if (waiting && waiting->wait)
		answer_all(arg);
}

static void
on_input(void *arg, unsigned what)
{
	char c;

	(void)arg;
	(void)what;
	if (read(0, &c, 1) <= 0)
		loop_stop(loop, 0);
}

int
main(int argc, char **argv)
{
	static const struct httpd_face face = { on_begin, on_body, on_end,
		on_done, on_turn };
	static const struct httpd_conf conf = { 4096, 0, 60000, 10000, 16384 };
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct httpd *h;
	struct watch *w;

	if (argc != 3) {
		fputs("usage: httpd PORT FILE\n", stderr);
		return 100;
	}
	in.sin_port = htons((in_port_t)atoi(argv[1]));
	path = argv[2];
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(fd, (struct sockaddr *)&in, sizeof in) < 0 ||
	    listen(fd, 1024) < 0) {
		perror("listen");
		return 111;
	}
	loop = loop_new();
	late = timer_new(loop, answer_all, NULL);
	h = httpd_new(loop, &conf, &face, NULL);
	httpd_listen(h, fd);
	w = watch_new(loop, 0, on_input, NULL);
	watch_want(w, WATCH_READ);
	loop_run(loop);
	watch_free(w);
	httpd_free(h);
	timer_free(late);
	loop_free(loop);
	return 0;
}
