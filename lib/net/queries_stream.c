/* SPDX-License-Identifier: ISC
 *
 * The streams that questions go on.  What happens to one is only noted when it
 * is heard, from whichever side, and looked at in queries_settle: so nothing
 * that is called can end what its caller still uses. */
#include "base/mem.h"
#include "net/queries_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	LEAVING = 5000,     /* ms for one that we closed to be over */
	PATIENCE = 1 << 30, /* ms: a question's deadline is earlier */
};

static struct slice
key_of(const uint64_t *tag)
{
	return slice_of(tag, sizeof *tag);
}

static void
set_idle(struct line *s, bool idle)
{
	struct queries *q = s->q;

	if (s->idle == idle)
		return;
	s->idle = idle;
	q->nidle += idle ? 1 : (size_t)-1;
	s->since = loop_now(q->loop);
	timer_at(s->timer, idle ? s->since + q->conf.idle : MSEC_NEVER);
}

static void
bury(struct line *s)
{
	set_idle(s, false);
	if (!s->dead) {
		s->dead = true;
		s->next_dead = s->q->dead;
		s->q->dead = s;
	}
	queries_soon(s->q);
}

static void
close_line(struct line *s)
{
	struct contact *c = s->contact;
	struct line **at;

	set_idle(s, false);
	if (c == NULL)
		return;
	for (at = &c->lines; *at != s;)
		at = &(*at)->next;
	*at = s->next;
	c->nlines--;
	s->q->nlines--;
	framed_free(s->framed);
	s->framed = NULL;
	s->contact = NULL;
	queries_contact_free(s->q, c);
}

static void
line_free(struct line *s)
{
	close_line(s);
	map_cut(&s->q->tags, key_of(&s->tag));
	timer_free(s->timer);
	free(s);
}

void
queries_drop(struct queries *q)
{
	struct line *s;
	struct slice key;

	q->dead = NULL;
	for (size_t at = 0; (s = map_next(&q->tags, &at, &key)) != NULL;)
		line_free(s);
}

void
queries_keep(struct queries *q, msec idle)
{
	struct line *s;
	struct slice key;

	q->conf.idle = idle;
	for (size_t at = 0; (s = map_next(&q->tags, &at, &key)) != NULL;)
		if (s->idle)
			timer_at(s->timer, s->since + idle);
}

static void
say_over(struct line *s)
{
	struct ctl *m = &s->q->say;

	memset(m, 0, sizeof *m);
	m->has_over = m->over.has_tag = true;
	m->over.tag = s->tag;
	p2p_say(s->q->p2p, m, -1);
}

/* The descriptor stays open until OVER comes back (kn-p2p(5)): its close would
 * be the end in order. */
void
queries_reset(struct line *s)
{
	set_idle(s, false);
	s->question = NULL;
	s->left = true;
	if (s->over)
		return; /* it is buried already */
	framed_pause(s->framed, true);
	say_over(s);
}

/* In order, and at once: a peer that does not close its half is reset later. */
static void
leave(struct line *s)
{
	close_line(s);
	s->left = true;
	timer_at(s->timer, loop_now(s->q->loop) + LEAVING);
}

static void
on_timer(void *arg)
{
	struct line *s = arg;

	if (s->left)
		say_over(s);
	else
		leave(s);
}

/* What came of a question. */

static void
on_message(void *arg, struct slice m)
{
	struct line *s = arg;
	struct queries *q = s->q;
	struct question *x = s->question;
	uint64_t id;

	if (x == NULL) {
		queries_reset(s); /* nobody asked */
		return;
	}
	id = x->id;
	queries_forget(x);
	s->question = NULL;
	s->used = true;
	set_idle(s, !s->over);
	/* those that wait come before what replied asks */
	queries_next(q);
	q->face->replied(q->arg, id, m);
}

static void
on_end(void *arg, enum framed_end end)
{
	struct line *s = arg;

	s->ended = true;
	s->end = end;
	bury(s);
}

static const struct framed_face line_face = {
	.message = on_message,
	.end = on_end,
};

/* Whose stream it is about, if it is about one that we opened. */
static const uint64_t *
tag_of(const struct ctl *m)
{
	if (m->has_done)
		return &m->done.tag;
	if (m->has_fail)
		return &m->fail.tag;
	return m->has_over && !m->over.inbound ? &m->over.tag : NULL;
}

bool
queries_heard(struct queries *q, const struct ctl *m)
{
	const uint64_t *tag = tag_of(m);
	struct line *s = tag ? map_get(&q->tags, key_of(tag)) : NULL;
	uint64_t why = m->has_fail ? m->fail.reason : m->over.reason;

	if (s == NULL)
		return false;
	if (m->has_done) {
		s->ready = true;
		if (s->ended)
			bury(s);
		return true;
	}
	if (why >= REASON_N || (m->has_fail && why == REASON_NONE))
		why = REASON_IO;
	s->over = true;
	s->why = (enum reason)why;
	bury(s);
	return true;
}

static enum reason
reason_of(const struct line *s)
{
	static const enum reason reasons[] = {
		[FRAMED_EOF] = REASON_CLOSED,
		[FRAMED_CUT] = REASON_RESET,
		[FRAMED_TOO_LONG] = REASON_PROTOCOL,
		[FRAMED_SLOW] = REASON_TIMEOUT,
		[FRAMED_BUDGET] = REASON_BUDGET,
	};

	return s->over && s->why != REASON_NONE ? s->why : reasons[s->end];
}

/* Is its end not the whole story?  FAIL and OVER may come after the end of
 * file: that is the peer's own only when the protocol is settled. */
static bool
unsure(const struct line *s)
{
	if (s->over || (s->end != FRAMED_EOF && s->end != FRAMED_CUT))
		return false;
	return !s->ready;
}

/* Had the peer ended it before the question came?  The second time it is
 * asked on a line that was not used. */
static bool
was_stale(const struct line *s)
{
	bool gone =
	    s->ended ? s->end == FRAMED_EOF || s->end == FRAMED_CUT : s->over;

	return s->used && gone && framed_partial(s->framed) == 0;
}

static void
settle(struct line *s)
{
	struct question *x = s->question;

	if (x && unsure(s))
		return;
	s->question = NULL;
	if (x && was_stale(s))
		queries_again(x);
	else if (x)
		queries_end(x, reason_of(s));
	if (s->over)
		line_free(s);
	else if (!s->left && s->end == FRAMED_EOF)
		leave(s);
	else if (!s->left)
		queries_reset(s);
}

void
queries_settle(struct queries *q)
{
	struct line *s;

	while ((s = q->dead) != NULL) {
		q->dead = s->next_dead;
		s->dead = false;
		settle(s);
	}
}

/* Asking. */

static struct line *
idle_of(const struct contact *c)
{
	struct line *s = c->lines;

	while (s && !s->idle)
		s = s->next;
	return s;
}

/* Idle for longest, of all. */
static struct line *
idle_longest(const struct queries *q)
{
	struct line *s, *best = NULL;
	struct slice key;

	if (q->nidle == 0)
		return NULL;
	for (size_t at = 0; (s = map_next(&q->tags, &at, &key)) != NULL;)
		if (s->idle && (best == NULL || s->since < best->since))
			best = s;
	return best;
}

/* The addresses and what is left: the message. */
static struct slice
unpack(const struct question *x, struct slice addrs[QUERIES_ADDRS])
{
	struct slice in = buf_slice(&x->data);

	for (size_t i = 0; i < x->naddrs; i++)
		addrs[i] = get_bytes(&in, get_varint(&in));
	return in;
}

static struct line *
line_new(struct queries *q, struct contact *c, int fd, uint64_t tag)
{
	const struct framed_conf conf = { .max = q->conf.max,
		.most_out = SIZE_MAX, /* one question, bounded by its copy */
		.patience = PATIENCE,
		.budget = q->conf.budget };
	struct line *s = mem_new(sizeof *s);

	s->q = q;
	s->tag = tag;
	s->contact = c;
	s->next = c->lines;
	c->lines = s;
	c->nlines++;
	q->nlines++;
	s->timer = timer_new(q->loop, on_timer, s);
	s->framed = framed_new(q->loop, fd, &conf, &line_face, s);
	map_put(&q->tags, key_of(&s->tag), s);
	return s;
}

/* NULL with errno. */
static struct line *
line_open(const struct question *x)
{
	struct queries *q = x->q;
	struct slice addrs[QUERIES_ADDRS];
	msec left = x->deadline - loop_now(q->loop);
	uint64_t tag;
	int fd;

	unpack(x, addrs);
	fd = p2p_open(q->p2p, &x->contact->id, addrs, x->naddrs,
	    q->conf.protocols, q->conf.nprotocols, left > 0 ? left : 1, &tag);
	return fd < 0 ? NULL : line_new(q, x->contact, fd, tag);
}

static void
give(struct line *s, struct question *x)
{
	struct slice addrs[QUERIES_ADDRS], message = unpack(x, addrs);

	set_idle(s, false);
	s->question = x;
	x->line = s;
	if (framed_say_raw(s->framed, message) == 0)
		return;
	queries_reset(s);
	queries_end(x, REASON_BUDGET);
}

static enum reason
reason_of_errno(void)
{
	if (errno == EMFILE || errno == ENFILE)
		return REASON_FDS;
	return errno == EINVAL || errno == EMSGSIZE ? REASON_BAD_REQUEST
						    : REASON_IO;
}

bool
queries_begin(struct question *x)
{
	struct queries *q = x->q;
	struct contact *c = x->contact;
	struct line *idle = idle_of(c), *s;
	bool full = c->nlines >= q->conf.per_peer;

	if (idle && !x->again) {
		give(idle, x);
		return true;
	}
	if (full || q->nlines >= q->conf.streams) {
		if (idle == NULL && !full)
			idle = idle_longest(q);
		if (idle == NULL)
			return false;
		leave(idle);
	}
	s = line_open(x);
	if (s)
		give(s, x);
	else
		queries_end(x, reason_of_errno());
	return true;
}
