/* SPDX-License-Identifier: ISC */
#include "net/stream.h"
#include "base/mem.h"
#include "net/link_own.h"

#include <stdlib.h>

static struct stream *
stream_new(struct link *l, struct conn_stream *cs,
    const struct service *service, void *data)
{
	struct stream *s = mem_new(sizeof *s);

	s->link = l;
	s->cs = cs;
	s->service = service;
	s->data = data;
	s->inbound = cs->inbound;
	cs->owner = s;
	return s;
}

void
link_dequeue(struct stream *s)
{
	struct link *l = s->link;

	if (!s->queued)
		return;
	for (struct stream **at = &l->queue; *at; at = &(*at)->next_queued) {
		if (*at != s)
			continue;
		*at = s->next_queued;
		if (l->queue_end == &s->next_queued)
			l->queue_end = at;
		break;
	}
	s->queued = false;
	s->next_queued = NULL;
}

static void
stream_free(struct stream *s, enum reason why)
{
	struct link *l = s->link;

	link_dequeue(s);
	if (s->ending) {
		struct stream **at = &l->ended;

		while (*at && *at != s)
			at = &(*at)->next_ended;
		if (*at)
			*at = s->next_ended;
	}
	/* the caller may be below the service's own data, fin or room, and
	 * looks at gone when that returns */
	s->gone = true;
	s->next_ended = l->gone;
	l->gone = s;
	s->service->over(s, why);
	link_touch(l);
}

void
link_sweep(struct link *l)
{
	struct stream *s;

	while ((s = l->gone) != NULL) {
		l->gone = s->next_ended;
		free(s);
	}
}

void
stream_lost(struct stream *s, enum reason why)
{
	s->cs->owner = NULL;
	stream_free(s, why);
}

void
link_reap(struct link *l)
{
	struct stream *s;

	link_sweep(l);
	while (!l->dead && (s = l->ended) != NULL) {
		struct conn_stream *cs = s->cs;

		l->ended = s->next_ended;
		s->ending = false;
		cs->owner = NULL;
		stream_free(s, REASON_NONE);
		conn_forget(&l->conn, cs);
	}
}

/* Both halves closed and all bytes passed on: drop it at the end of the turn,
 * because the caller may be the service itself. */
static void
check_over(struct stream *s)
{
	if (s->gone || s->ending || !s->fin_told || !conn_over(s->cs))
		return;
	s->ending = true;
	s->next_ended = s->link->ended;
	s->link->ended = s;
	link_touch(s->link);
}

void
link_offered(struct link *l, struct conn_stream *cs)
{
	struct link_shared *sh = l->shared;
	void *data = NULL;
	const struct service *service = NULL;

	if (!l->closing)
		service = sh->face->offer(sh->arg, l, cs->protocol, &data);
	if (l->dead)
		return;
	conn_answer(&l->conn, cs, service != NULL);
	if (service == NULL) {
		sh->streams_refused++;
		return;
	}
	sh->streams_in++;
	stream_agreed(stream_new(l, cs, service, data));
}

struct stream *
link_open(struct link *l, const struct slice *protocols, size_t n,
    const struct service *service, void *data)
{
	struct conn_stream *cs;
	struct stream *s;

	if (l->dead || l->closing)
		return NULL;
	cs = conn_open(&l->conn, protocols, n, loop_now(l->shared->loop));
	if (cs == NULL)
		return NULL;
	s = stream_new(l, cs, service, data);
	l->shared->streams_out++;
	link_touch(l);
	return s;
}

void
stream_agreed(struct stream *s)
{
	s->started = true;
	s->link->busy = loop_now(s->link->shared->loop);
	s->service->start(s);
}

/* Tell the service about the peer's fin once nothing is held in front. */
static void
tell_fin(struct stream *s)
{
	if (!s->fin_due || s->fin_told || s->cs->held.n > 0)
		return;
	s->fin_told = true;
	s->service->fin(s);
	check_over(s);
}

void
stream_heard(struct stream *s, struct slice data)
{
	struct link *l = s->link;
	struct buf *held = &s->cs->held;
	struct conn_stream *cs = s->cs;
	size_t taken = 0;

	l->busy = loop_now(l->shared->loop);
	if (held->n == 0)
		taken = s->service->data(s, data);
	if (l->dead || s->gone) /* the service ended it */
		return;
	get_bytes(&data, taken);
	if (data.n > 0)
		put_slice(held, data);
	if (held->bad) {
		link_close(l, REASON_BUDGET);
		return;
	}
	if (taken > 0)
		conn_took(&l->conn, cs, taken, l->busy);
}

void
stream_more(struct stream *s)
{
	struct link *l = s->link;
	struct conn_stream *cs = s->cs;
	size_t taken;

	if (cs->held.n > 0) {
		taken = s->service->data(s, buf_slice(&cs->held));
		if (l->dead || s->gone)
			return;
		buf_drop(&cs->held, taken);
		if (taken > 0) {
			conn_took(
			    &l->conn, cs, taken, loop_now(l->shared->loop));
			link_touch(l);
		}
		if (cs->held.n == 0)
			buf_trim(&cs->held);
	}
	tell_fin(s);
}

void
stream_heard_fin(struct stream *s)
{
	s->fin_due = true;
	tell_fin(s);
}

void
stream_credited(struct stream *s)
{
	if (!s->waiting || s->queued)
		return;
	s->waiting = false;
	s->service->room(s);
}

const char *
stream_protocol(const struct stream *s)
{
	return s->cs->protocol;
}

bool
stream_ready(const struct stream *s)
{
	return s->cs->agreed || s->cs->lazy;
}

size_t
stream_room(const struct stream *s)
{
	return conn_room(&s->link->conn, s->cs);
}

void
stream_wait(struct stream *s)
{
	struct link *l = s->link;

	s->waiting = true;
	/* out is full: in line for it; otherwise credit or agreement will come
	 */
	if (l->conn.out.n < CONN_OUT_HIGH || s->queued)
		return;
	s->queued = true;
	s->next_queued = NULL;
	*l->queue_end = s;
	l->queue_end = &s->next_queued;
}

uint8_t *
stream_begin(struct stream *s, size_t n)
{
	return conn_begin(&s->link->conn, s->cs, n);
}

void
stream_commit(struct stream *s, size_t used)
{
	if (used > 0)
		s->link->busy = loop_now(s->link->shared->loop);
	conn_commit(&s->link->conn, s->cs, used);
	link_touch(s->link);
}

size_t
stream_write(struct stream *s, struct slice data)
{
	size_t n = conn_write(&s->link->conn, s->cs, data);

	s->link->busy = loop_now(s->link->shared->loop);
	link_touch(s->link);
	return n;
}

void
stream_fin(struct stream *s)
{
	conn_fin(&s->link->conn, s->cs);
	check_over(s);
	link_touch(s->link);
}

void
stream_reset(struct stream *s, enum reason why)
{
	struct link *l = s->link;
	struct conn_stream *cs = s->cs;

	cs->owner = NULL;
	stream_free(s, why);
	conn_reset(&l->conn, cs, YAMUX_NORMAL);
	link_touch(l);
}
