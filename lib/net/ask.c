/* SPDX-License-Identifier: ISC
 *
 * Wishes for a connection or a stream.  An ask dials by itself, or waits while
 * another dials the same peer, and dials in its turn when that failed. */
#include "base/mem.h"
#include "net/swarm_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRACE = 100 }; /* ms */

struct ask {
	struct swarm *swarm;
	struct ask *next;
	struct peerid peer;
	struct slice *addrs, *protocols; /* into bytes */
	size_t naddrs, nprotocols;
	uint8_t *bytes;
	const struct service *service;
	void *data;
	msec timeout;
	ask_done *done;
	void *arg;
	struct timer *timer;
	struct dial *dial; /* under way */
	struct link *link; /* whose handshake runs */
	char why[512];     /* of the last failure, for the timeout's text */
};

static struct slice *
copy_slices(const struct slice *from, size_t n, uint8_t **at)
{
	struct slice *to = mem_new(n * sizeof *to);

	for (size_t i = 0; i < n; i++) {
		memcpy(*at, from[i].p, from[i].n);
		to[i] = slice_of(*at, from[i].n);
		*at += from[i].n;
	}
	return to;
}

static size_t
total(const struct slice *s, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += s[i].n;
	return sum;
}

/* Out of the list, and nothing will call it any more. */
static void
detach(struct ask *a)
{
	struct swarm *w = a->swarm;
	struct ask **at = &w->asks;

	while (*at && *at != a)
		at = &(*at)->next;
	if (*at) {
		*at = a->next;
		w->nasks--;
	}
	loop_forget(w->loop, a);
	timer_free(a->timer);
	if (a->dial)
		dial_end(a->dial);
	if (a->link)
		a->link->ask = NULL;
	a->timer = NULL;
	a->dial = NULL;
	a->link = NULL;
}

static void start(void *arg);

static void
release(struct ask *a)
{
	free(a->addrs);
	free(a->protocols);
	free(a->bytes);
	free(a);
}

/* Those who waited for this ask's dial try themselves. */
static void
wake_others(struct swarm *w, const struct peerid *id)
{
	for (struct ask *a = w->asks; a; a = a->next)
		if (!a->dial && !a->link && id->n > 0 &&
		    peerid_eq(&a->peer, id)) {
			loop_forget(w->loop, a);
			loop_soon(w->loop, start, a);
			return;
		}
}

void
ask_cancel(struct ask *a)
{
	struct swarm *w = a->swarm;
	struct peerid id = a->peer;
	struct link *l = a->link;

	detach(a);
	release(a);
	if (l) /* whoever else wanted it dials again */
		link_close(l, REASON_HANGUP);
	wake_others(w, &id);
}

static void
fail(struct ask *a, enum reason why, const char *text)
{
	struct swarm *w = a->swarm;
	struct peerid id = a->peer;

	detach(a);
	w->counts.refused[why]++;
	a->done(a->arg, NULL, NULL, why, text);
	release(a);
	wake_others(w, &id);
}

static void
succeed(struct ask *a, struct peer *p)
{
	struct stream *s = NULL;

	detach(a);
	if (a->nprotocols > 0) {
		for (struct link *l = p->links; l && !s; l = l->next)
			s = link_open(l, a->protocols, a->nprotocols,
			    a->service, a->data);
		if (s == NULL)
			a->swarm->counts.refused[REASON_STREAMS]++;
	}
	a->done(a->arg, p, s,
	    a->nprotocols > 0 && !s ? REASON_STREAMS : REASON_NONE, "");
	release(a);
}

void
ask_link_up(struct ask *a, struct peer *p)
{
	a->link = NULL;
	succeed(a, p);
}

void
ask_link_failed(
    struct ask *a, struct link *l, enum reason why, const char *words)
{
	a->link = NULL;
	snprintf(a->why, sizeof a->why, "%s", words);
	switch (why) {
	case REASON_SELF:
	case REASON_TWIN:
	case REASON_DENIED:
	case REASON_PEERS:
	case REASON_DRAINING:
		/* no other address will change that */
		fail(a, why, reason_sentence(why));
		break;
	default:
		dial_again(a->dial, &l->addr, why);
	}
}

/* An ask may serve others that a callback adds or ends: begin anew each time.
 */
void
ask_serve(struct swarm *w, const struct peerid *id)
{
	struct ask *a = w->asks;
	struct peer *p;

	while (a && (p = swarm_peer(w, id)) != NULL) {
		if (a->peer.n == 0 || !peerid_eq(&a->peer, id)) {
			a = a->next;
			continue;
		}
		if (a->link) { /* a second connection, not needed */
			struct link *l = a->link;

			a->link = NULL;
			l->ask = NULL;
			link_close(l, REASON_DUPLICATE);
		}
		succeed(a, p);
		a = w->asks;
	}
	/* somebody hung up: who waited for this dial has to make another */
	if (swarm_peer(w, id) == NULL)
		wake_others(w, id);
}

void
ask_fail_all(struct swarm *w, enum reason why)
{
	while (w->asks) {
		struct ask *a = w->asks;

		if (a->link) {
			a->link->ask = NULL;
			a->link = NULL;
		}
		fail(a, why, reason_sentence(why));
	}
}

static void
got(void *arg, const struct dial_got *g)
{
	struct ask *a = arg;
	struct swarm *w = a->swarm;
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof ss;
	uint32_t code;

	if (g->fd < 0) {
		snprintf(a->why, sizeof a->why, "%s", g->text);
		dial_end(a->dial);
		a->dial = NULL;
		fail(a, g->reason, a->why);
		return;
	}
	w->counts.dialed++;
	maddr_to_sockaddr(maddr_bytes(&g->addr), &ss, &n, &code, NULL);
	a->link = link_new(&w->links, g->fd, true,
	    g->peer.n > 0 ? &g->peer : NULL, &g->addr, (struct sockaddr *)&ss);
	a->link->ask = a;
	swarm_shaking(w, a->link);
}

static void
late(void *arg)
{
	struct ask *a = arg;
	struct link *l = a->link;
	char text[600];

	snprintf(text, sizeof text, "no connection in time%s%s",
	    a->why[0] ? "; " : "", a->why);
	if (l) {
		a->link = NULL;
		l->ask = NULL;
		link_close(l, REASON_TIMEOUT);
	}
	fail(a, REASON_TIMEOUT, text);
}

static bool
someone_dials(const struct swarm *w, const struct ask *me)
{
	for (const struct ask *a = w->asks; a; a = a->next)
		if (a != me && me->peer.n > 0 && (a->dial || a->link) &&
		    peerid_eq(&a->peer, &me->peer))
			return true;
	return false;
}

/* Why dialling would be in vain, or REASON_NONE. */
static enum reason
in_vain(const struct ask *a)
{
	const struct swarm *w = a->swarm;
	const struct budget *b = w->conf.conn.budget;

	if (peerid_eq(&a->peer, &w->self->id))
		return REASON_SELF;
	if (gate_denied(w->gate, &a->peer))
		return REASON_DENIED;
	if (map_get(&w->barred, peerid_bytes(&a->peer)))
		return REASON_NOT_ADMITTED;
	if (w->peers.n >= w->conf.peers)
		return REASON_PEERS;
	if (b->used > b->high)
		return REASON_BUDGET;
	return w->nasks > SWARM_ASKS ? REASON_DIAL_RATE : REASON_NONE;
}

/* The peer, connected by a link that is not to be left after a drain. */
static struct peer *
lasting(struct swarm *w, const struct peerid *id)
{
	struct peer *p = id->n > 0 ? swarm_peer(w, id) : NULL;

	for (struct link *l = p ? p->links : NULL; l; l = l->next)
		if (!l->closing)
			return p;
	return NULL;
}

static void
start(void *arg)
{
	struct ask *a = arg;
	struct swarm *w = a->swarm;
	struct peer *p = lasting(w, &a->peer);
	enum reason why = w->draining ? REASON_DRAINING : REASON_NONE;

	if (why == REASON_NONE && p) {
		succeed(a, p);
		return;
	}
	if (why == REASON_NONE)
		why = in_vain(a);
	if (why == REASON_NONE && someone_dials(w, a))
		return;
	if (why == REASON_NONE && a->naddrs == 0)
		why = REASON_NO_ADDRESS;
	if (why != REASON_NONE)
		fail(a, why, reason_sentence(why));
	else
		a->dial = dial_start(w->loop, w->gate, a->addrs, a->naddrs,
		    a->peer.n > 0 ? &a->peer : NULL, a->timeout, got, a);
}

struct ask *
swarm_ask(
    struct swarm *w, const struct ask_want *want, ask_done *done, void *arg)
{
	struct ask *a = mem_new(sizeof *a);
	uint8_t *at;

	a->swarm = w;
	a->peer = want->peer;
	at = a->bytes = mem_new(total(want->addrs, want->naddrs) +
				total(want->protocols, want->nprotocols));
	a->addrs = copy_slices(want->addrs, want->naddrs, &at);
	a->protocols = copy_slices(want->protocols, want->nprotocols, &at);
	a->naddrs = want->naddrs;
	a->nprotocols = want->nprotocols;
	a->service = want->service;
	a->data = want->data;
	a->timeout = want->timeout ? want->timeout : w->conf.dial_timeout;
	a->done = done;
	a->arg = arg;
	a->timer = timer_new(w->loop, late, a);
	/* after the dial's own, which can tell how far each address came */
	timer_at(a->timer, loop_now(w->loop) + a->timeout + GRACE);
	a->next = w->asks;
	w->asks = a;
	w->nasks++;
	loop_soon(w->loop, start, a);
	return a;
}
