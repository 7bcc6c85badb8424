/* SPDX-License-Identifier: ISC */
#include "cmd/kn-dht/guests.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/framed.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BURST = 5, WAITING_OUT = 64 << 10 };

struct guest {
	struct guests *all;
	struct guest *next;
	struct framed *framed; /* NULL: reset, OVER is awaited */
	int fd;                /* -1, or what is kept open until OVER */
	uint64_t tag;
	struct peerid peer;
	struct timer *idle;
};

struct guests {
	struct loop *loop;
	struct p2p *p2p;
	struct dht *dht;
	struct guests_conf conf;
	void (*after)(void *arg);
	void *arg;
	struct guest *list;
	size_t n;
	uint64_t counts[GUEST_END_N];
	struct log_flood flood;
	struct buf reply;
};

static void
guest_free(struct guest *g)
{
	struct guest **at = &g->all->list;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	g->all->n--;
	framed_free(g->framed);
	if (g->fd >= 0)
		close(g->fd);
	timer_free(g->idle);
	free(g);
}

static void
say_over(struct guests *all, uint64_t tag)
{
	static struct ctl m; /* too big for a stack */

	memset(&m, 0, sizeof m);
	m.has_over = m.over.has_tag = m.over.has_inbound = m.over.has_reason =
	    true;
	m.over.tag = tag;
	m.over.inbound = 1;
	m.over.reason = REASON_RESET;
	p2p_say(all->p2p, &m, -1);
}

/* Our descriptor stays open until OVER comes back (kn-p2p(5)): a close alone
 * could look like an orderly end. */
static void
reset(struct guest *g, enum guest_end why, const char *more)
{
	static const char *const words[] = { GUEST_ENDS(TABLE_WORD) };
	struct guests *all = g->all;
	char text[PEERID_TEXT];

	all->counts[why]++;
	if (log_allow(&all->flood, "guest.reset", BURST, loop_now(all->loop)))
		log_info("guest.reset", "peer=%s why=%s%s%s",
		    peerid_text(&g->peer, text), words[why], more ? ":" : "",
		    more ? more : "");
	timer_at(g->idle, MSEC_NEVER);
	if (g->framed)
		framed_pause(g->framed, true);
	say_over(all, g->tag);
}

static void
message(void *arg, struct slice s)
{
	struct guest *g = arg;
	struct guests *all = g->all;
	enum dht_refusal why;
	int r;

	timer_at(g->idle, loop_now(all->loop) + all->conf.idle);
	buf_cut(&all->reply, 0);
	r = dht_serve(
	    all->dht, &g->peer, s, loop_now(all->loop), &all->reply, &why);
	if (r < 0)
		reset(g, GUEST_REFUSED, dht_refusal_word(why));
	else if (r > 0 && framed_say(g->framed, buf_slice(&all->reply)) < 0)
		reset(g, GUEST_SLOW, NULL);
	all->after(all->arg);
}

static void
end(void *arg, enum framed_end how)
{
	struct guest *g = arg;

	switch (how) {
	case FRAMED_EOF: /* answers still go out */
	case FRAMED_CUT: /* OVER comes, or has come */
		framed_fin(g->framed);
		break;
	case FRAMED_TOO_LONG:
		reset(g, GUEST_TOO_LONG, NULL);
		break;
	case FRAMED_SLOW:
		reset(g, GUEST_SLOW, NULL);
		break;
	case FRAMED_BUDGET:
		reset(g, GUEST_BUDGET, NULL);
		break;
	}
}

static const struct framed_face face = { .message = message, .end = end };

static void
on_idle(void *arg)
{
	reset(arg, GUEST_IDLE, NULL);
}

struct guests *
guests_new(struct loop *loop, struct p2p *p2p, struct dht *dht,
    const struct guests_conf *conf, void (*after)(void *arg), void *arg)
{
	struct guests *all = mem_new(sizeof *all);

	all->loop = loop;
	all->p2p = p2p;
	all->dht = dht;
	all->conf = *conf;
	all->after = after;
	all->arg = arg;
	buf_init(&all->reply, KAD_SAID, NULL);
	return all;
}

void
guests_free(struct guests *all)
{
	if (all == NULL)
		return;
	guests_lost(all);
	buf_free(&all->reply);
	free(all);
}

static size_t
of_peer(const struct guests *all, const struct peerid *peer)
{
	size_t n = 0;

	for (const struct guest *g = all->list; g; g = g->next)
		n += peerid_eq(&g->peer, peer);
	return n;
}

void
guests_stream(struct guests *all, const struct ctl_stream *m, int fd)
{
	const struct framed_conf conf = { .max = KAD_MESSAGE,
		.most_out = WAITING_OUT,
		.patience = all->conf.patience,
		.budget = all->conf.budget };
	struct guest *g = mem_new(sizeof *g);

	g->all = all;
	g->tag = m->tag;
	g->fd = -1;
	g->idle = timer_new(all->loop, on_idle, g);
	g->next = all->list;
	all->list = g;
	all->n++;
	if (peerid_of_bytes(m->peer, &g->peer) < 0 ||
	    all->n > all->conf.streams) {
		g->fd = fd;
		reset(g, GUEST_STREAMS, NULL);
	} else if (of_peer(all, &g->peer) > all->conf.per_peer) {
		g->fd = fd;
		reset(g, GUEST_PER_PEER, NULL);
	} else {
		g->framed = framed_new(all->loop, fd, &conf, &face, g);
		timer_at(g->idle, loop_now(all->loop) + all->conf.idle);
	}
}

void
guests_heard(struct guests *all, const struct ctl *m)
{
	struct guest *g = all->list;

	if (!m->has_over || !m->over.inbound)
		return;
	while (g && g->tag != m->over.tag)
		g = g->next;
	if (g)
		guest_free(g);
}

void
guests_lost(struct guests *all)
{
	while (all->list)
		guest_free(all->list);
}

/* One that is being reset has its timer off, and it stays so. */
void
guests_keep(struct guests *all, msec idle)
{
	msec due = loop_now(all->loop) + idle;

	all->conf.idle = idle;
	for (struct guest *g = all->list; g; g = g->next)
		if (timer_when(g->idle) != MSEC_NEVER)
			timer_at(g->idle, due);
}

size_t
guests_open(const struct guests *all)
{
	return all->n;
}

uint64_t
guests_count(const struct guests *all, enum guest_end why)
{
	return all->counts[why];
}
