/* SPDX-License-Identifier: ISC
 *
 * The swarm's inside: a link whose handshake is over belongs to a peer; a peer
 * is there while it has links. */
#include "base/mem.h"
#include "net/identify.h"
#include "net/swarm_own.h"

#include <stdlib.h>
#include <string.h>

enum { EVICT_AT_ONCE = 16, LINKS_LOGGED = 50, TWINS_LOGGED = 2 };

void
swarm_shaking(struct swarm *w, struct link *l)
{
	l->next = w->shaking;
	w->shaking = l;
	w->nshaking++;
}

static bool
unlist(struct link **at, const struct link *l)
{
	for (; *at; at = &(*at)->next) {
		if (*at != l)
			continue;
		*at = l->next;
		return true;
	}
	return false;
}

static unsigned
count_links(const struct peer *p)
{
	unsigned n = 0;

	for (const struct link *l = p->links; l; l = l->next)
		n++;
	return n;
}

static struct peer *
peer_new(struct swarm *w, const struct peerid *id)
{
	struct peer *p = mem_new(sizeof *p);

	p->id = *id;
	peerid_text(id, p->text);
	p->since = loop_now(w->loop);
	p->rtt = -1;
	p->protected = gate_protected(w->gate, id);
	w->nordinary += !p->protected;
	buf_init(&p->ident, IDENT_HEAR, w->conf.conn.budget);
	map_put(&w->peers, peerid_bytes(id), p);
	return p;
}

static void
peer_end(struct swarm *w, struct peer *p, enum reason why)
{
	map_cut(&w->peers, peerid_bytes(&p->id));
	w->nordinary -= !p->protected;
	if (p->told)
		w->face->down(w->arg, p, why);
	buf_free(&p->ident);
	free(p);
}

static void
set_admission(struct peer *p, uint64_t role, uint64_t tier, struct slice serial)
{
	p->role = role;
	p->tier = tier;
	p->serial_n = (uint8_t)serial.n;
	if (serial.n > 0)
		memcpy(p->serial, serial.p, serial.n);
}

/* It has our identity key.  By the Noise key, which is made at start and never
 * leaves the process, it is we ourselves, or else another node that was given a
 * copy of the key: peers then reach now the one, now the other. */
static enum reason
judge_self(struct swarm *w, const struct link *l)
{
	char addr[MADDR_TEXT];

	if (l->conn.mirror)
		return REASON_SELF;
	w->counts.twins++;
	w->counts.twin_seen = (uint64_t)msec_wall() / 1000;
	if (log_allow(&w->twin_flood, "twin", TWINS_LOGGED, loop_now(w->loop)))
		log_error("twin", "addr=%s dir=%s",
		    maddr_text(maddr_bytes(&l->addr), addr),
		    l->dialer ? "out" : "in");
	return REASON_TWIN;
}

/* Whoever it is, may the link stay? */
static enum reason
judge(struct swarm *w, struct link *l, const struct peer *known)
{
	const struct peerid *id = &l->conn.peer;
	enum reason why;

	if (peerid_eq(id, &w->self->id))
		return judge_self(w, l);
	if (w->draining)
		return REASON_DRAINING;
	if (map_get(&w->barred, peerid_bytes(id)))
		return REASON_NOT_ADMITTED;
	if (known && count_links(known) >= SWARM_LINKS_PER_PEER)
		return REASON_DUPLICATE;
	why = gate_peer(w->gate, id, (struct sockaddr *)&l->from,
	    known ? 0 : w->nordinary, known ? 0 : (unsigned)w->peers.n);
	return why;
}

static enum reason
link_up(void *arg, struct link *l)
{
	struct swarm *w = arg;
	struct peer *p = swarm_peer(w, &l->conn.peer);
	struct peerid id = l->conn.peer;
	char addr[MADDR_TEXT];
	enum reason why = judge(w, l, p);
	struct ask *ask = l->ask;
	bool first = p == NULL;
	struct link **end;

	if (why != REASON_NONE)
		return why;
	w->counts.handshakes_ok++;
	if (unlist(&w->shaking, l))
		w->nshaking--;
	if (first)
		p = peer_new(w, &l->conn.peer);
	for (end = &p->links; *end; end = &(*end)->next)
		;
	l->next = NULL;
	*end = l;
	l->peer = p;
	l->ask = NULL;
	if (log_allow(&w->links_flood, "link", LINKS_LOGGED, loop_now(w->loop)))
		log_info("link.up", "peer=%s addr=%s dir=%s", p->text,
		    maddr_text(maddr_bytes(&l->addr), addr),
		    l->dialer ? "out" : "in");
	if (first)
		identify_ask(w, p);
	if (ask)
		ask_link_up(ask, p);
	ask_serve(w, &id); /* who asked may have hung up again */
	return REASON_NONE;
}

static const struct service *
link_offer(void *arg, struct link *l, const char *protocol, void **data)
{
	struct swarm *w = arg;
	struct handler *h = map_get(&w->served, slice_text(protocol));
	struct budget *b = w->conf.conn.budget;

	if (h == NULL || w->draining)
		return NULL;
	if (b->used > b->high) {
		swarm_refused(w, REASON_BUDGET, "stream", l->peer->text);
		return NULL;
	}
	*data = h->data;
	return h->service;
}

static void
link_rtt(void *arg, struct link *l)
{
	struct swarm *w = arg;
	struct budget *b = w->conf.conn.budget;

	if (l->peer)
		l->peer->rtt = l->conn.mux.rtt;
	/* windows may grow while half of what is allowed is free */
	l->conn.mux.may_grow = b->used < b->high / 2;
}

/* The end of a link is counted here and nowhere else. */
static void
note_end(
    struct swarm *w, const struct link *l, enum reason why, const char *words)
{
	char addr[MADDR_TEXT], id[PEERID_TEXT] = "-";

	if (l->conn.up)
		peerid_text(&l->conn.peer, id);
	if (l->conn.up && l->peer == NULL) {
		swarm_refused(w, why, "peer", id);
		return;
	}
	w->counts.refused[why]++;
	if (log_allow(&w->links_flood, "link", LINKS_LOGGED, loop_now(w->loop)))
		log_info("link.down", "peer=%s addr=%s reason=%s why=%s", id,
		    maddr_text(maddr_bytes(&l->addr), addr), reason_word(why),
		    log_q(slice_text(words)));
}

static void
link_down(void *arg, struct link *l, enum reason why, const char *words)
{
	struct swarm *w = arg;
	struct peer *p = l->peer;

	if (!l->dialer)
		gate_left(w->gate, (struct sockaddr *)&l->from);
	note_end(w, l, why, words);
	if (p == NULL) {
		if (unlist(&w->shaking, l))
			w->nshaking--;
		if (l->ask)
			ask_link_failed(l->ask, l, why, words);
		l->ask = NULL;
		return;
	}
	unlist(&p->links, l);
	l->peer = NULL;
	if (p->links == NULL)
		peer_end(w, p, why);
	else if (!p->identified && p->asking == NULL)
		identify_ask(w, p); /* the question went with the link */
}

const struct link_face swarm_link_face = {
	.up = link_up,
	.offer = link_offer,
	.rtt = link_rtt,
	.down = link_down,
};

void
swarm_hangup(struct swarm *w, struct peer *p, enum reason why)
{
	struct link *next;

	(void)w;
	/* the last link takes the peer with it */
	for (struct link *l = p->links; l; l = next) {
		next = l->next;
		link_close(l, why);
	}
}

void
swarm_admit(struct swarm *w, const struct peerid *id, uint64_t role,
    uint64_t tier, struct slice serial, bool refuse)
{
	struct peer *p = swarm_peer(w, id);

	if (!refuse)
		map_cut(&w->barred, peerid_bytes(id));
	else if (w->barred.n < SWARM_BARRED)
		map_put(&w->barred, peerid_bytes(id), w); /* any value */
	if (p == NULL)
		return;
	if (refuse) {
		swarm_hangup(w, p, REASON_NOT_ADMITTED);
		return;
	}
	set_admission(p, role, tier, serial);
	if (p->told)
		w->face->up(w->arg, p);
}

void
swarm_recheck(struct swarm *w)
{
	struct peer *p;

	for (size_t at = 0; (p = swarm_next(w, &at)) != NULL;) {
		enum reason why = gate_peer(
		    w->gate, &p->id, (struct sockaddr *)&p->links->from, 0, 0);

		w->nordinary -= !p->protected;
		p->protected = gate_protected(w->gate, &p->id);
		w->nordinary += !p->protected;
		if (why != REASON_NONE)
			swarm_hangup(w, p, why);
	}
}

/* What a peer is worth when room is needed; more is better. */
static uint64_t
worth(const struct peer *p)
{
	uint64_t streams = 0;
	msec busy = 0;

	for (const struct link *l = p->links; l; l = l->next) {
		streams += link_streams(l);
		if (l->busy > busy)
			busy = l->busy;
	}
	return (uint64_t)(p->role != 0) << 63 | (uint64_t)(streams > 0) << 62 |
	       (uint64_t)busy;
}

static size_t
bytes_of(const struct peer *p)
{
	size_t n = p->ident.cap;

	for (const struct link *l = p->links; l; l = l->next)
		n += link_bytes(l);
	return n;
}

/* Whom to close.  To close one that holds next to nothing makes no room, so
 * only those with at least half an even share are looked at. */
static struct peer *
least_worth(struct swarm *w)
{
	struct peer *p, *least = NULL;
	size_t total = 0;

	for (size_t at = 0; (p = swarm_next(w, &at)) != NULL;)
		total += bytes_of(p);
	for (size_t at = 0; (p = swarm_next(w, &at)) != NULL;)
		if (!p->protected && bytes_of(p) >= total / (2 * w->peers.n) &&
		    (least == NULL || worth(p) < worth(least)))
			least = p;
	return least;
}

static void
evict_next(void *arg)
{
	struct swarm *w = arg;
	const struct budget *b = w->conf.conn.budget;
	struct peer *p;

	if (b->used <= b->high || w->evicted++ == EVICT_AT_ONCE ||
	    (p = least_worth(w)) == NULL)
		return;
	swarm_hangup(w, p, REASON_EVICTED);
	/* its memory comes back at the end of the turn: look again then */
	loop_soon(w->loop, evict_next, w);
}

void
swarm_evict(struct swarm *w)
{
	w->evicted = 0;
	evict_next(w);
}

void
swarm_close_idle(struct swarm *w)
{
	msec before = loop_now(w->loop) - w->conf.idle_timeout;
	struct peer *p;

	for (size_t at = 0; (p = swarm_next(w, &at)) != NULL;) {
		struct link *next;

		if (p->protected)
			continue;
		for (struct link *l = p->links; l; l = next) {
			next = l->next; /* closing the last frees p */
			if (link_streams(l) == 0 && l->busy < before)
				link_close(l, REASON_IDLE);
		}
	}
}

void
swarm_identified(struct swarm *w, struct peer *p, const struct ident *in)
{
	static const char push[] = IDENT_PUSH;

	if (in) {
		struct ident_msg m = in->msg;

		if (in->certified) {
			m.n_addrs = 0;
			for (size_t i = 0; i < in->record.n_addresses; i++)
				m.addrs[m.n_addrs++] =
				    in->record.addresses[i].multiaddr;
		}
		m.has_record = m.has_public_key = false;
		p->certified = in->certified;
		p->hears_push = false;
		for (size_t i = 0; i < m.n_protocols; i++)
			p->hears_push |= slice_is(m.protocols[i], push);
		buf_free(&p->ident);
		pb_encode(&ident_msg_desc, &m, &p->ident);
		if (p->ident.bad)
			buf_free(&p->ident);
	}
	p->identified = true;
	p->told = true;
	w->face->up(w->arg, p);
}
