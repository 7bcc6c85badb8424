/* SPDX-License-Identifier: ISC
 *
 * Two services: one says (answers to id, and our pushes), one hears (answers to
 * our id, and others' pushes).  Each exchange has IDENT_TIMEOUT. */
#include "net/identify.h"
#include "base/mem.h"

#include <stdlib.h>

enum { PUSHES = 16, PUSH_TIME = 10000 }; /* taken of a peer, in ms */

/* One exchange. */
struct talk {
	struct stream *stream;
	struct timer *timer;
	struct ident heard;
	struct buf saying;
};

static void
late(void *arg)
{
	struct talk *t = arg;

	stream_reset(t->stream, REASON_TIMEOUT);
}

static struct talk *
talk_new(struct stream *s)
{
	struct swarm *w = swarm_of(s);
	struct budget *budget = s->link->shared->self->budget;
	struct talk *t = mem_new(sizeof *t);

	budget->used += sizeof *t; /* a peer can have many */
	t->stream = s;
	t->timer = timer_new(swarm_loop(w), late, t);
	timer_at(t->timer, loop_now(swarm_loop(w)) + IDENT_TIMEOUT);
	ident_init(&t->heard, budget);
	buf_init(&t->saying, IDENT_SAY, budget);
	s->data = t;
	return t;
}

static void
over(struct stream *s, enum reason why)
{
	struct talk *t = s->data;
	struct peer *p = swarm_peer_of(s);
	struct swarm *w = swarm_of(s);

	(void)why;
	if (t == NULL) /* a push that was refused before it began */
		return;
	timer_free(t->timer);
	ident_free(&t->heard);
	buf_free(&t->saying);
	s->link->shared->self->budget->used -= sizeof *t;
	if (p && p->asking == t) {
		p->asking = NULL;
		/* it said nothing we could use; it is here all the same */
		if (!p->identified && !s->link->dead)
			swarm_identified(w, p, NULL);
	}
	free(t);
}

/* Saying. */

static void
say_room(struct stream *s)
{
	struct talk *t = s->data;

	buf_drop(&t->saying, stream_write(s, buf_slice(&t->saying)));
	if (t->saying.n > 0)
		stream_wait(s);
	else
		stream_fin(s);
}

static void
say_start(struct stream *s)
{
	struct talk *t = talk_new(s);

	self_identify(
	    swarm_self(swarm_of(s)), maddr_bytes(&s->link->addr), &t->saying);
	say_room(s);
}

static size_t
say_data(struct stream *s, struct slice in)
{
	(void)s; /* whatever it says, nobody asked */
	return in.n;
}

static void
say_fin(struct stream *s)
{
	(void)s;
}

static const struct service saying = {
	.name = "identify",
	.start = say_start,
	.data = say_data,
	.fin = say_fin,
	.room = say_room,
	.over = over,
};

/* Hearing. */

/* Each push costs a signature check and a message to the programs. */
static bool
may_push(struct stream *s)
{
	struct peer *p = swarm_peer_of(s);
	msec now = loop_now(swarm_loop(swarm_of(s)));

	if (now - p->pushing >= PUSH_TIME) {
		p->pushing = now;
		p->pushes = 0;
	}
	return p->pushes++ < PUSHES;
}

static void
hear_start(struct stream *s)
{
	if (s->data == NULL && !may_push(s)) {
		swarm_refused(swarm_of(s), REASON_STREAMS, "push",
		    swarm_peer_of(s)->text);
		stream_reset(s, REASON_STREAMS);
		return;
	}
	if (s->data == NULL) /* our own queries brought theirs */
		talk_new(s);
	stream_fin(s);
}

static size_t
hear_data(struct stream *s, struct slice in)
{
	struct talk *t = s->data;

	if (ident_hear(&t->heard, in) < 0) {
		stream_reset(s, REASON_PROTOCOL);
		return 0;
	}
	return in.n;
}

static void
hear_fin(struct stream *s)
{
	struct talk *t = s->data;
	struct peer *p = swarm_peer_of(s);

	if (p && ident_end(&t->heard, &p->id) == 0) {
		if (p->asking == t)
			p->asking = NULL;
		swarm_identified(swarm_of(s), p, &t->heard);
	}
}

static void
hear_room(struct stream *s)
{
	(void)s;
}

static const struct service hearing = {
	.name = "identify",
	.start = hear_start,
	.data = hear_data,
	.fin = hear_fin,
	.room = hear_room,
	.over = over,
};

void
identify_serve(struct swarm *w)
{
	swarm_serve(w, IDENT_ID, &saying, NULL);
	swarm_serve(w, IDENT_PUSH, &hearing, NULL);
}

void
identify_ask(struct swarm *w, struct peer *p)
{
	struct slice id = slice_text(IDENT_ID);
	struct stream *s = link_open(p->links, &id, 1, &hearing, NULL);

	if (s == NULL) {
		swarm_identified(w, p, NULL);
		return;
	}
	p->asking = talk_new(s);
}

void
identify_push(struct swarm *w)
{
	struct slice id = slice_text(IDENT_PUSH);
	struct peer *p;

	for (size_t at = 0; (p = swarm_next(w, &at)) != NULL;)
		if (p->hears_push && p->links)
			link_open(p->links, &id, 1, &saying, NULL);
}
