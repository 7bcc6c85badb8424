/* SPDX-License-Identifier: ISC
 *
 * The swarm's outside: sockets that listen, protocols that are served, what we
 * say of ourselves, draining, the sweep each second. */
#include "net/swarm.h"
#include "base/mem.h"
#include "net/identify.h"
#include "net/swarm_own.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SWEEP = 1000, REFUSALS_LOGGED = 10 };

static void sweep(void *arg);

struct swarm *
swarm_new(struct loop *loop, const struct swarm_conf *conf, struct self *self,
    struct gate *gate, const struct swarm_face *face, void *arg)
{
	struct swarm *w = mem_new(sizeof *w);

	w->loop = loop;
	w->conf = *conf;
	w->conf.conn.noise = &self->noise;
	w->self = self;
	w->gate = gate;
	w->face = face;
	w->arg = arg;
	w->drain_due = MSEC_NEVER;
	link_share(&w->links, loop, &w->conf.conn, &swarm_link_face, w);
	w->counts.links = &w->links;
	w->sweep = timer_new(loop, sweep, w);
	timer_at(w->sweep, loop_now(loop) + SWEEP);
	return w;
}

void
swarm_free(struct swarm *w)
{
	struct handler *h;
	struct peer *p;
	struct slice key;

	if (w == NULL)
		return;
	ask_fail_all(w, REASON_DRAINING);
	for (size_t at = 0; (p = swarm_next(w, &at)) != NULL; at = 0)
		swarm_hangup(w, p, REASON_DRAINING);
	while (w->shaking)
		link_close(w->shaking, REASON_DRAINING);
	swarm_deafen(w);
	for (size_t at = 0; (h = map_next(&w->served, &at, &key)) != NULL;) {
		free(h->name);
		free(h);
	}
	map_free(&w->served);
	map_free(&w->peers);
	map_free(&w->barred);
	timer_free(w->sweep);
	loop_forget(w->loop, w);
	link_unshare(&w->links);
	free(w);
}

struct loop *
swarm_loop(struct swarm *w)
{
	return w->loop;
}

struct self *
swarm_self(struct swarm *w)
{
	return w->self;
}

struct swarm *
swarm_of(const struct stream *s)
{
	return s->link->shared->arg;
}

struct peer *
swarm_peer_of(const struct stream *s)
{
	return s->link->peer;
}

void
swarm_refused(
    struct swarm *w, enum reason why, const char *what, const char *who)
{
	w->counts.refused[why]++;
	if (log_allow(&w->flood, "refused", REFUSALS_LOGGED, loop_now(w->loop)))
		log_info("refused", "what=%s reason=%s who=%s", what,
		    reason_word(why), log_q(slice_text(who)));
}

/* We changed: once a turn, tell the peers who hear it and the owner. */
static void
news(void *arg)
{
	struct swarm *w = arg;

	w->news_due = false;
	identify_push(w);
	w->face->changed(w->arg);
}

static void
has_news(struct swarm *w)
{
	if (w->news_due)
		return;
	w->news_due = true;
	loop_soon(w->loop, news, w);
}

/* What we listen on and announce, as others should dial it. */
static void
collect_addrs(struct swarm *w)
{
	struct maddr all[SELF_ADDRS];
	size_t n = 0;

	w->self->reachable = false;
	for (size_t i = 0; i < w->nannounced && n < SELF_ADDRS; i++) {
		const struct maddr *a = &w->announced[i];

		w->self->reachable |= maddr_global(maddr_bytes(a));
		all[n++] = *a;
	}
	for (size_t i = 0; i < w->nlisteners && n < SELF_ADDRS; i++) {
		struct maddr bound = listener_addr(w->listeners[i]);

		n += listen_expand(&bound, all + n, SELF_ADDRS - n);
	}
	if (self_addrs(w->self, all, n) < 0)
		log_warn("record.unsigned", "why=\"kn-signd does not answer\"");
	has_news(w);
}

static void
collect_protocols(struct swarm *w)
{
	struct self *self = w->self;
	struct handler *h;
	struct slice key;

	self->nprotocols = 0;
	if (!w->draining)
		for (size_t at = 0; (h = map_next(&w->served, &at, &key)) &&
				    self->nprotocols < SELF_PROTOCOLS;)
			self->protocols[self->nprotocols++] =
			    slice_text(h->name);
	has_news(w);
}

static void
accepted(void *arg, int fd, const struct sockaddr *from)
{
	struct swarm *w = arg;
	enum reason why = REASON_NONE;
	char text[MADDR_TEXT];
	struct maddr addr = { 0 };

	maddr_of_sockaddr(from, MADDR_TCP, &addr);
	if (w->draining)
		why = REASON_DRAINING;
	else if (w->conf.conn.budget->used > w->conf.conn.budget->high)
		why = REASON_BUDGET;
	else
		why = gate_arrive(
		    w->gate, from, (unsigned)w->peers.n, w->nshaking);
	if (why != REASON_NONE) {
		close(fd);
		swarm_refused(
		    w, why, "connection", maddr_text(maddr_bytes(&addr), text));
		return;
	}
	w->counts.accepted++;
	swarm_shaking(w, link_new(&w->links, fd, false, NULL, &addr, from));
}

void
swarm_listen(struct swarm *w, int fd)
{
	if (w->nlisteners == SWARM_LISTENERS) {
		close(fd);
		return;
	}
	w->listeners[w->nlisteners++] = listener_new(w->loop, fd, accepted, w);
	collect_addrs(w);
}

void
swarm_announce(struct swarm *w, const struct maddr *addr, bool gone)
{
	size_t i = 0;

	while (i < w->nannounced &&
	       !slice_eq(maddr_bytes(&w->announced[i]), maddr_bytes(addr)))
		i++;
	if (gone == (i == w->nannounced))
		return;
	if (gone)
		w->announced[i] = w->announced[--w->nannounced];
	else if (w->nannounced < SWARM_ANNOUNCED)
		w->announced[w->nannounced++] = *addr;
	collect_addrs(w);
}

int
swarm_serve(struct swarm *w, const char *name, const struct service *service,
    void *data)
{
	struct handler *h;

	if (map_get(&w->served, slice_text(name)))
		return -1;
	h = mem_new(sizeof *h);
	h->service = service;
	h->data = data;
	h->name = mem_string(name);
	map_put(&w->served, slice_text(name), h);
	collect_protocols(w);
	return 0;
}

int
swarm_unserve(struct swarm *w, const char *name)
{
	struct handler *h = map_cut(&w->served, slice_text(name));

	if (h == NULL)
		return -1;
	collect_protocols(w);
	free(h->name);
	free(h);
	return 0;
}

struct peer *
swarm_peer(struct swarm *w, const struct peerid *id)
{
	return map_get(&w->peers, peerid_bytes(id));
}

struct peer *
swarm_next(struct swarm *w, size_t *at)
{
	struct slice key;

	return map_next(&w->peers, at, &key);
}

size_t
swarm_peers(const struct swarm *w)
{
	return w->peers.n;
}

size_t
swarm_handshakes(const struct swarm *w)
{
	return w->nshaking;
}

size_t
swarm_streams(const struct swarm *w)
{
	struct slice key;
	struct peer *p;
	size_t n = 0;

	for (size_t at = 0; (p = map_next(&w->peers, &at, &key)) != NULL;)
		for (struct link *l = p->links; l; l = l->next)
			n += link_streams(l);
	return n;
}

const struct swarm_counts *
swarm_counts(const struct swarm *w)
{
	return &w->counts;
}

void
swarm_drain(struct swarm *w, msec deadline)
{
	struct peer *p;

	w->draining = true;
	w->drain_due = deadline;
	collect_protocols(w);
	ask_fail_all(w, REASON_DRAINING);
	while (w->shaking)
		link_close(w->shaking, REASON_DRAINING);
	for (size_t at = 0; (p = swarm_next(w, &at)) != NULL;)
		for (struct link *l = p->links; l; l = l->next)
			link_drain(l);
}

void
swarm_resume(struct swarm *w)
{
	w->draining = false;
	w->drain_due = MSEC_NEVER;
	collect_protocols(w);
}

void
swarm_deafen(struct swarm *w)
{
	for (size_t i = 0; i < w->nlisteners; i++)
		listener_free(w->listeners[i]);
	w->nlisteners = 0;
}

static void
sweep(void *arg)
{
	struct swarm *w = arg;
	struct peer *p;
	struct budget *b = w->conf.conn.budget;

	timer_at(w->sweep, loop_now(w->loop) + SWEEP);
	if (w->draining && loop_now(w->loop) >= w->drain_due)
		for (size_t at = 0; (p = swarm_next(w, &at)) != NULL; at = 0)
			swarm_hangup(w, p, REASON_DRAINING);
	if (b->used > b->high)
		swarm_evict(w);
	if (w->conf.idle_timeout > 0)
		swarm_close_idle(w);
}
