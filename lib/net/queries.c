/* SPDX-License-Identifier: ISC
 *
 * Questions: asked, waiting, ended.  Their streams are in queries_stream.c. */
#include "net/queries.h"
#include "base/mem.h"
#include "net/queries_own.h"

#include <stdlib.h>

static struct slice
key_of(const uint64_t *id)
{
	return slice_of(id, sizeof *id);
}

static void
list_init(struct question_list *l)
{
	l->first = NULL;
	l->last = &l->first;
	l->n = 0;
}

static void
append(struct question_list *l, struct question *x)
{
	x->next = NULL;
	*l->last = x;
	l->last = &x->next;
	l->n++;
}

static void
cut(struct question_list *l, const struct question *x)
{
	struct question **at = &l->first;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	if (*at == NULL)
		l->last = at;
	l->n--;
}

static struct contact *
contact_of(struct queries *q, const struct peerid *id)
{
	struct contact *c = map_get(&q->contacts, peerid_bytes(id));

	if (c)
		return c;
	c = mem_new(sizeof *c);
	c->id = *id;
	map_put(&q->contacts, peerid_bytes(&c->id), c);
	return c;
}

void
queries_contact_free(struct queries *q, struct contact *c)
{
	if (c->nlines > 0 || c->nquestions > 0)
		return;
	map_cut(&q->contacts, peerid_bytes(&c->id));
	free(c);
}

void
queries_forget(struct question *x)
{
	map_cut(&x->q->ids, key_of(&x->id));
	x->contact->nquestions--;
	queries_contact_free(x->q, x->contact);
	timer_free(x->timer);
	buf_free(&x->data);
	free(x);
}

void
queries_end(struct question *x, enum reason why)
{
	x->line = NULL;
	x->ended = true;
	x->why = why;
	timer_at(x->timer, MSEC_NEVER);
	buf_free(&x->data);
	append(&x->q->ended, x);
	queries_soon(x->q);
}

static void
tell_ended(struct queries *q)
{
	struct question *x;

	while ((x = q->ended.first) != NULL) {
		uint64_t id = x->id;
		enum reason why = x->why;

		cut(&q->ended, x);
		queries_forget(x);
		q->face->failed(q->arg, id, why);
	}
}

static void
on_soon(void *arg)
{
	struct queries *q = arg;

	queries_settle(q);
	queries_next(q);
	tell_ended(q);
}

/* As the last of what is to run: when kn-p2pd is gone, all streams end at once,
 * and queries_lost should be the one to say why. */
void
queries_soon(struct queries *q)
{
	loop_forget(q->loop, q);
	loop_soon(q->loop, on_soon, q);
}

void
queries_next(struct queries *q)
{
	struct question *x, *next = q->waiting.first;

	list_init(&q->waiting);
	while ((x = next) != NULL) {
		bool full = q->nidle == 0 && q->nlines >= q->conf.streams;

		next = x->next;
		if (full || !queries_begin(x))
			append(&q->waiting, x);
	}
}

void
queries_again(struct question *x)
{
	x->again = true;
	x->line = NULL;
	x->next = x->q->waiting.first;
	x->q->waiting.first = x;
	if (x->next == NULL)
		x->q->waiting.last = &x->next;
	x->q->waiting.n++;
}

/* Take it from where it is. */
static void
detach(struct question *x)
{
	if (x->ended)
		cut(&x->q->ended, x);
	else if (x->line)
		queries_reset(x->line);
	else
		cut(&x->q->waiting, x);
}

static void
on_deadline(void *arg)
{
	struct question *x = arg;

	detach(x);
	queries_end(x, REASON_TIMEOUT);
}

/* Copies of what is borrowed.  -1: no memory in the budget. */
static int
copy(struct question *x, const struct slice *addrs, size_t n,
    struct slice message)
{
	size_t total = message.n;

	x->naddrs = n < QUERIES_ADDRS ? n : QUERIES_ADDRS;
	for (size_t i = 0; i < x->naddrs; i++)
		total += varint_size(addrs[i].n) + addrs[i].n;
	buf_init(&x->data, total, x->q->conf.budget);
	if (total > 0)
		buf_room(&x->data, total);
	for (size_t i = 0; i < x->naddrs; i++) {
		put_varint(&x->data, addrs[i].n);
		put_slice(&x->data, addrs[i]);
	}
	put_slice(&x->data, message);
	return x->data.bad ? -1 : 0;
}

void
queries_ask(struct queries *q, uint64_t id, const struct peerid *peer,
    const struct slice *addrs, size_t n, struct slice framed_messages,
    msec timeout)
{
	struct question *x = mem_new(sizeof *x);

	x->q = q;
	x->id = id;
	x->contact = contact_of(q, peer);
	x->contact->nquestions++;
	x->timer = timer_new(q->loop, on_deadline, x);
	x->deadline = loop_now(q->loop) + timeout;
	map_put(&q->ids, key_of(&id), x);
	if (copy(x, addrs, n, framed_messages) < 0) {
		queries_end(x, REASON_BUDGET);
		return;
	}
	timer_at(x->timer, x->deadline);
	if (queries_begin(x))
		return;
	if (q->waiting.n < q->conf.waiting)
		append(&q->waiting, x);
	else
		queries_end(x, REASON_STREAMS);
}

void
queries_cancel(struct queries *q, uint64_t id)
{
	struct question *x = map_get(&q->ids, key_of(&id));

	if (x == NULL)
		return;
	detach(x);
	queries_forget(x);
}

void
queries_lost(struct queries *q)
{
	struct question *x;
	struct slice key;

	list_init(&q->waiting);
	for (size_t at = 0; (x = map_next(&q->ids, &at, &key)) != NULL;)
		if (!x->ended)
			queries_end(x, REASON_IO);
	queries_drop(q);
}

struct queries *
queries_new(struct loop *loop, struct p2p *p2p, const struct queries_conf *conf,
    const struct queries_face *face, void *arg)
{
	struct queries *q = mem_new(sizeof *q);

	q->loop = loop;
	q->p2p = p2p;
	q->conf = *conf;
	q->face = face;
	q->arg = arg;
	list_init(&q->waiting);
	list_init(&q->ended);
	return q;
}

void
queries_free(struct queries *q)
{
	struct question *x;
	struct slice key;

	if (q == NULL)
		return;
	for (size_t at = 0; (x = map_next(&q->ids, &at, &key)) != NULL;) {
		if (x->line)
			queries_reset(x->line);
		queries_forget(x);
	}
	queries_drop(q);
	loop_forget(q->loop, q);
	map_free(&q->ids);
	map_free(&q->tags);
	map_free(&q->contacts);
	free(q);
}
