/* SPDX-License-Identifier: ISC
 *
 * What programs are told of the node and its peers: the present once, then
 * news. */
#include "net/board.h"
#include "net/board_own.h"

#include <string.h>

static void
say_self(struct program *p)
{
	struct board *b = p->board;
	const struct self *self = swarm_self(b->swarm);
	struct ctl *m = board_message(b);

	m->has_self = m->self.has_peer = m->self.has_agent =
	    m->self.has_draining = m->self.has_reachable = true;
	m->self.reachable = self->reachable;
	m->self.peer = peerid_bytes(&self->id);
	m->self.agent = slice_text(self->agent);
	m->self.draining = b->draining;
	for (size_t i = 0; i < self->naddrs; i++)
		m->self.addrs[m->self.n_addrs++] = maddr_bytes(&self->addrs[i]);
	for (size_t i = 0; i < self->nprotocols; i++)
		m->self.protocols[m->self.n_protocols++] = self->protocols[i];
	ctl_say(p->end, m, -1);
}

/* What ident says, cut to what a datagram can hold. */
static void
fill_ident(const struct peer *peer, struct ctl_up *up)
{
	static struct ident_msg in;

	if (peer->ident.n == 0 ||
	    pb_decode(&ident_msg_desc, buf_slice(&peer->ident), &in, NULL) < 0)
		return;
	memcpy(up->protocols, in.protocols, sizeof in.protocols);
	up->n_protocols = in.n_protocols;
	memcpy(up->addrs, in.addrs, sizeof in.addrs);
	up->n_addrs = in.n_addrs;
	up->has_agent = in.has_agent;
	up->agent = in.agent;
	up->has_protocol_version = in.has_protocol_version;
	up->protocol_version = in.protocol_version;
	up->has_observed = in.has_observed;
	up->observed = in.observed;
}

static void
say_up(struct program *p, const struct peer *peer)
{
	struct board *b = p->board;
	struct ctl *m = board_message(b);
	struct ctl_up *up = &m->up;
	const struct link *l = peer->links;

	m->has_up = up->has_peer = up->has_inbound = up->has_certified =
	    up->has_rtt = up->has_streams = up->has_age = up->has_addr = true;
	up->peer = peerid_bytes(&peer->id);
	up->addr = maddr_bytes(&l->addr);
	up->inbound = !l->dialer;
	up->certified = peer->certified;
	up->has_rtt = peer->rtt >= 0;
	up->rtt = (uint64_t)peer->rtt * 1000;
	up->age = (uint64_t)(loop_now(b->loop) - peer->since);
	for (; l; l = l->next)
		up->streams += link_streams(l);
	up->has_admission = peer->role != 0;
	up->admission.has_role = up->admission.has_tier =
	    up->admission.has_serial = true;
	up->admission.role = peer->role;
	up->admission.tier = peer->tier;
	up->admission.serial = slice_of(peer->serial, peer->serial_n);
	fill_ident(peer, up);
	ctl_say(p->end, m, -1);
}

/* swarm_face */

static void
peer_up(void *arg, struct peer *peer)
{
	struct board *b = arg;

	for (struct program *p = b->programs; p; p = p->next)
		if (p->end && (p->wants & CTL_WANT_PEERS) && peer->links &&
		    !map_get(&p->untold, peerid_bytes(&peer->id)))
			say_up(p, peer);
}

static void
peer_down(void *arg, struct peer *peer, enum reason why)
{
	struct board *b = arg;

	for (struct program *p = b->programs; p; p = p->next) {
		struct ctl *m;

		if (!p->end || !(p->wants & CTL_WANT_PEERS) ||
		    map_cut(&p->untold, peerid_bytes(&peer->id)))
			continue;
		m = board_message(b);
		m->has_down = m->down.has_peer = m->down.has_reason = true;
		m->down.peer = peerid_bytes(&peer->id);
		m->down.reason = why;
		ctl_say(p->end, m, -1);
	}
}

static void
self_changed(void *arg)
{
	struct board *b = arg;

	board_tell_self(b, b->draining);
}

const struct swarm_face board_face = {
	.up = peer_up,
	.down = peer_down,
	.changed = self_changed,
};

void
board_tell_self(struct board *b, bool draining)
{
	b->draining = draining;
	for (struct program *p = b->programs; p; p = p->next)
		if (p->end && p->name[0])
			say_self(p);
}

/* Thousands of peers at once would be more than may wait for a program: it is
 * told of the next when it has read of the last. */
void
board_tell_more(struct program *p)
{
	struct peer *peer;
	struct slice key;
	struct ctl *m;

	for (size_t at = 0; p->telling && !ctl_waits(p->end) &&
			    (peer = map_next(&p->untold, &at, &key)) != NULL;) {
		map_cut(&p->untold, key);
		say_up(p, peer);
	}
	if (!p->telling || p->untold.n > 0)
		return;
	p->telling = false;
	m = board_message(p->board);
	m->has_now = m->now.has_peers = true;
	m->now.peers = swarm_peers(p->board->swarm);
	ctl_say(p->end, m, -1);
	board_unpark(p);
}

void
board_tell_present(struct program *p)
{
	struct peer *peer;

	say_self(p);
	if (p->wants & CTL_WANT_PEERS)
		for (size_t at = 0;
		     (peer = swarm_next(p->board->swarm, &at)) != NULL;)
			if (peer->told)
				map_put(
				    &p->untold, peerid_bytes(&peer->id), peer);
	p->telling = true;
	board_tell_more(p);
}
