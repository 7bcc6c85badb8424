/* SPDX-License-Identifier: ISC */
#include "net/pump.h"
#include "base/fd.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PIECES = 4,       /* read from fd in one turn */
	ROOM = 1 << 20,   /* asked of the kernel for bytes to the program: what
			   * one turn reads from a link should fit, or it is
			   * copied to held first; the kernel gives what it may */
	LINGER = 5000,    /* milliseconds for a program to let go */
	LINGERING = 1024, /* pumps that wait for that at once */
	SCRAP = 4096,     /* bytes thrown away in one read */
};

struct pump {
	struct pumps *pumps;
	struct pump *next; /* in pumps->lingering */
	struct timer *until;
	int fd;
	struct watch *watch;
	struct stream *stream;
	const struct pump_face *face;
	void *arg;
	bool said_end; /* the program closed its half, and the stream knows */
	bool parched;  /* waits for room in the stream */
	bool blocked;  /* the program does not take what is held */
};

static void
watch(struct pump *p)
{
	bool ready = p->stream && stream_ready(p->stream);

	watch_want(
	    p->watch, (ready && !p->parched && !p->said_end ? WATCH_READ : 0) |
			  (p->blocked ? WATCH_WRITE : 0));
}

void
pump_free(struct pump *p)
{
	watch_free(p->watch);
	timer_free(p->until);
	close(p->fd);
	free(p);
}

/* One piece from fd into the stream.  1: more may come; 0: enough for now;
 * -1: the stream has been reset, and the pump is gone. */
static int
draw(struct pump *p)
{
	size_t room = stream_room(p->stream);
	uint8_t *at;
	ssize_t n;
	bool later;

	if (room == 0) {
		p->parched = true;
		stream_wait(p->stream);
		return 0;
	}
	at = stream_begin(p->stream, room);
	if (at == NULL) {
		stream_reset(p->stream, REASON_BUDGET);
		return -1;
	}
	n = read(p->fd, at, room);
	later = n < 0 && (errno == EAGAIN || errno == EINTR);
	stream_commit(p->stream, n > 0 ? (size_t)n : 0);
	if (n > 0)
		return (size_t)n == room;
	if (later)
		return 0;
	if (n == 0 && (!p->face->meant || p->face->meant(p->arg))) {
		p->said_end = true;
		stream_fin(p->stream);
		return 0;
	}
	stream_reset(p->stream, REASON_RESET);
	return -1;
}

static void
on_watch(void *arg, unsigned what)
{
	struct pump *p = arg;
	int r = 1;

	if (what & WATCH_WRITE) {
		struct stream *s = p->stream;

		p->blocked = false;
		stream_more(s); /* may end the stream, and the pump with it */
		return;
	}
	for (int i = 0; i < PIECES && r == 1; i++)
		r = draw(p);
	if (r >= 0)
		watch(p);
}

struct pump *
pump_new(struct pumps *pumps, int fd, const struct pump_face *face, void *arg)
{
	struct pump *p = mem_new(sizeof *p);
	const int room = ROOM;

	fd_nonblock(fd);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	p->pumps = pumps;
	p->fd = fd;
	p->face = face;
	p->arg = arg;
	p->watch = watch_new(pumps->loop, fd, on_watch, p);
	return p;
}

void
pump_join(struct pump *p, struct stream *s)
{
	p->stream = s;
	watch(p);
}

static void
start(struct stream *s)
{
	struct pump *p = s->data;

	p->stream = s;
	if (p->face->start)
		p->face->start(p->arg, s);
	watch(p);
}

static size_t
data(struct stream *s, struct slice in)
{
	struct pump *p = s->data;
	size_t taken = 0;

	while (taken < in.n) {
		ssize_t n = write(p->fd, in.p + taken, in.n - taken);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			/* the program reads no more */
			stream_reset(s, REASON_RESET);
			return 0;
		}
		taken += (size_t)n;
	}
	p->blocked = taken < in.n;
	watch(p);
	return taken;
}

static void
fin(struct stream *s)
{
	struct pump *p = s->data;

	shutdown(p->fd, SHUT_WR);
	watch(p);
}

static void
room(struct stream *s)
{
	struct pump *p = s->data;

	p->parched = false;
	on_watch(p, WATCH_READ);
}

/* Lingering. */

static void
let_go(void *arg)
{
	struct pump *p = arg, **at = &p->pumps->lingering;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->pumps->nlingering--;
	pump_free(p);
}

/* What the program still writes goes nowhere.  End of file is either its half
 * closed, and no more can be learnt, or all its descriptors. */
static void
on_lingering(void *arg, unsigned what)
{
	struct pump *p = arg;
	uint8_t scrap[SCRAP];
	ssize_t n = read(p->fd, scrap, sizeof scrap);

	(void)what;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	if (n == 0 && send(p->fd, scrap, 0, MSG_NOSIGNAL) == 0)
		watch_want(p->watch, 0);
	else
		let_go(p);
}

static void
linger(struct pump *p)
{
	struct pumps *all = p->pumps;

	watch_free(p->watch);
	p->watch = watch_new(all->loop, p->fd, on_lingering, p);
	watch_want(p->watch, WATCH_READ);
	p->until = timer_new(all->loop, let_go, p);
	timer_at(p->until, loop_now(all->loop) + LINGER);
	p->next = all->lingering;
	all->lingering = p;
	all->nlingering++;
}

void
pumps_free(struct pumps *all)
{
	while (all->lingering)
		let_go(all->lingering);
}

static void
over(struct stream *s, enum reason why)
{
	struct pump *p = s->data;
	bool alive = p->face->meant == NULL || p->face->meant(p->arg);

	if (p->face->over)
		p->face->over(p->arg, why);
	if (why == REASON_NONE || !alive || p->pumps->nlingering == LINGERING)
		pump_free(p);
	else
		linger(p);
}

const struct service pump_service = {
	.name = "pump",
	.start = start,
	.data = data,
	.fin = fin,
	.room = room,
	.over = over,
};
