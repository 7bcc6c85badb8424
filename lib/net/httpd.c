/* SPDX-License-Identifier: ISC */
#include "net/httpd_own.h"
#include "base/fd.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PASSES = 8,        /* of libmicrohttpd in one round */
	MEMORY = 24 << 10, /* of a connection, at least */
	/* of it: records of 128 fields, and the reply's head */
	BESIDE_HEAD = 12 << 10,
	SLACK = 16, /* connections that libmicrohttpd still closes */
};

/* Milliseconds until libmicrohttpd wants to run, or MSEC_NEVER. */
static msec
due(const struct httpd *h)
{
	unsigned long long ms;

	if (MHD_get_timeout(h->mhd, &ms) == MHD_NO)
		return MSEC_NEVER;
	return ms > INT32_MAX ? INT32_MAX : (msec)ms;
}

/* What was read is given to the face, then the face commits, then what was
 * answered goes out: all before the loop waits again.  Work without end (a big
 * file to a fast peer) lets others have their turn in between. */
static void
go_round(struct httpd *h)
{
	unsigned pass = 0;
	msec wait;

	h->running = true;
	do {
		h->waiting = h->resumed = false;
		MHD_run(h->mhd);
		if (h->fresh) {
			h->fresh = false;
			h->turns++;
			if (h->face->turn)
				h->face->turn(h->arg);
		}
		wait = h->waiting || h->resumed || h->fresh ? 0 : due(h);
	} while (wait == 0 && ++pass < PASSES);
	h->running = false;
	/* a deadline mostly moves away: then the timer may come for nothing */
	if (wait != MSEC_NEVER) {
		wait += msec_now();
		if (wait < timer_when(h->due))
			timer_at(h->due, wait);
	}
}

static void
on_ready(void *arg, unsigned what)
{
	(void)what;
	go_round(arg);
}

static void
on_due(void *arg)
{
	go_round(arg);
}

static void
on_soon(void *arg)
{
	struct httpd *h = arg;

	h->asked = false;
	go_round(h);
}

void
httpd_wake(struct httpd *h)
{
	if (h->running || h->asked)
		return;
	h->asked = true;
	loop_soon(h->loop, on_soon, h);
}

/* We parse targets ourselves, from the bytes that came. */
static size_t
leave_alone(void *arg, struct MHD_Connection *m, char *text)
{
	(void)arg;
	(void)m;
	return strlen(text);
}

static struct MHD_Daemon *
start(struct httpd *h)
{
	size_t memory = h->conf.head_bytes + BESIDE_HEAD;
	unsigned idle = (unsigned)((h->conf.idle + 999) / 1000);

	if (memory < MEMORY)
		memory = MEMORY;
	/* a connection's reading buffer begins with half of its memory and
	 * grows by eighths of the rest, when a whole such increment is asked */
	return MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME,
	    0, NULL, NULL, httpd_on_request, h, MHD_OPTION_CONNECTION_LIMIT,
	    h->conf.connections + SLACK, MHD_OPTION_CONNECTION_TIMEOUT, idle,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory,
	    MHD_OPTION_CONNECTION_MEMORY_INCREMENT, memory,
	    MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_URI_LOG_CALLBACK,
	    httpd_on_target, h, MHD_OPTION_UNESCAPE_CALLBACK, leave_alone, h,
	    MHD_OPTION_NOTIFY_COMPLETED, httpd_on_over, h,
	    MHD_OPTION_NOTIFY_CONNECTION, httpd_on_conn, h, MHD_OPTION_END);
}

static void
accept_again(void *arg)
{
	struct httpd *h = arg;

	for (struct httpd_listener *l = h->listeners; l; l = l->next)
		watch_want(l->watch, WATCH_READ);
}

struct httpd *
httpd_new(struct loop *loop, const struct httpd_conf *conf,
    const struct httpd_face *face, void *arg)
{
	struct httpd *h = mem_new(sizeof *h);
	const union MHD_DaemonInfo *info;

	h->loop = loop;
	h->conf = *conf;
	h->face = face;
	h->arg = arg;
	h->mhd = start(h);
	if (h->mhd == NULL) {
		free(h);
		return NULL;
	}
	info = MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	h->watch = watch_new(loop, info->epoll_fd, on_ready, h);
	watch_want(h->watch, WATCH_READ);
	h->due = timer_new(loop, on_due, h);
	h->scan = timer_new(loop, httpd_scan, h);
	h->again = timer_new(loop, accept_again, h);
	return h;
}

static void
on_accept(void *arg, unsigned what)
{
	struct httpd_listener *l = arg;

	(void)what;
	httpd_accept(l);
}

int
httpd_listen(struct httpd *h, int fd)
{
	struct httpd_listener *l;

	if (fd_nonblock(fd) < 0)
		return -1;
	l = mem_new(sizeof *l);
	l->httpd = h;
	l->fd = fd;
	l->watch = watch_new(h->loop, fd, on_accept, l);
	watch_want(l->watch, WATCH_READ);
	l->next = h->listeners;
	h->listeners = l;
	return 0;
}

static void
listen_no_more(struct httpd *h)
{
	struct httpd_listener *l;

	while ((l = h->listeners) != NULL) {
		h->listeners = l->next;
		watch_free(l->watch);
		close(l->fd);
		free(l);
	}
}

void
httpd_drain(struct httpd *h)
{
	h->draining = true;
	listen_no_more(h);
	for (struct httpd_conn *c = h->conns; c; c = c->next) {
		if (c->req || c->cut)
			continue;
		c->cut = true;
		shutdown(c->fd, SHUT_RDWR);
	}
}

void
httpd_free(struct httpd *h)
{
	struct httpd_req *r;

	if (h == NULL)
		return;
	listen_no_more(h);
	/* it must not be stopped while one is suspended */
	for (struct httpd_conn *c = h->conns; c; c = c->next)
		if (c->req && c->req->suspended) {
			c->req->suspended = false;
			MHD_resume_connection(c->req->mhd);
		}
	h->running = true; /* nobody wakes it any more */
	watch_free(h->watch);
	MHD_stop_daemon(h->mhd);
	while (h->lingers)
		httpd_linger_free(h->lingers);
	while ((r = h->spare) != NULL) {
		h->spare = r->next;
		buf_free(&r->target);
		free(r);
	}
	loop_forget(h->loop, h);
	timer_free(h->due);
	timer_free(h->scan);
	timer_free(h->again);
	map_free(&h->hosts);
	free(h);
}

unsigned
httpd_connections(const struct httpd *h)
{
	return h->nconns;
}

uint64_t
httpd_refused(const struct httpd *h, enum httpd_refusal why)
{
	return h->refused[why];
}
