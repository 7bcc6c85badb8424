/* SPDX-License-Identifier: ISC
 *
 * Streams between peers and programs: those a program opens, those it is given,
 * those that wait for a program to come back. */
#include "base/mem.h"
#include "net/board_own.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPARE_FDS = 32 };

/* What joins a program to a stream, or to an ask that may become one. */
struct joint {
	struct program *program;
	struct joint *next;
	uint64_t tag;
	bool inbound, started;
	struct pump *pump; /* until a stream owns it */
	struct stream *stream;
	struct ask *ask;
};

static struct joint *
joint_new(struct program *p, uint64_t tag, bool inbound)
{
	struct joint *j = mem_new(sizeof *j);

	j->program = p;
	j->tag = tag;
	j->inbound = inbound;
	j->next = p->joints;
	p->joints = j;
	p->njoints++;
	return j;
}

static void
joint_free(struct joint *j)
{
	struct joint **at = &j->program->joints;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	j->program->njoints--;
	free(j);
}

static void
say_done(struct joint *j, const struct peer *peer, const char *protocol)
{
	struct ctl *m = board_message(j->program->board);

	m->has_done = m->done.has_tag = m->done.has_peer = true;
	m->done.tag = j->tag;
	m->done.peer = peerid_bytes(&peer->id);
	m->done.has_addr = peer->links != NULL;
	if (peer->links)
		m->done.addr = maddr_bytes(&peer->links->addr);
	m->done.has_protocol = protocol != NULL;
	if (protocol)
		m->done.protocol = slice_text(protocol);
	ctl_say(j->program->end, m, -1);
}

/* pump_face: the joint's stream */

static void
joint_start(void *arg, struct stream *s)
{
	struct joint *j = arg;

	j->started = true;
	if (!j->inbound && j->program->end)
		say_done(j, swarm_peer_of(s), stream_protocol(s));
}

static void
joint_over(void *arg, enum reason why)
{
	struct joint *j = arg;
	struct program *p = j->program;

	if (p->end && j->started) {
		struct ctl *m = board_message(p->board);

		m->has_over = m->over.has_tag = m->over.has_inbound =
		    m->over.has_reason = true;
		m->over.tag = j->tag;
		m->over.inbound = j->inbound;
		m->over.reason = why;
		ctl_say(p->end, m, -1);
	} else if (p->end) {
		board_fail(p, j->tag, why, reason_sentence(why));
	}
	joint_free(j);
}

/* A dying program's p2p.sock, being older, is closed before its streams. */
static bool
joint_meant(void *arg)
{
	const struct joint *j = arg;

	return j->program->end && ctl_alive(j->program->end);
}

static const struct pump_face joint_face = {
	.start = joint_start,
	.over = joint_over,
	.meant = joint_meant,
};

/* Opening. */

static void
asked(void *arg, struct peer *peer, struct stream *s, enum reason why,
    const char *text)
{
	struct joint *j = arg;

	j->ask = NULL;
	if (why != REASON_NONE) {
		board_fail(j->program, j->tag, why, text);
		if (j->pump)
			pump_free(j->pump);
		joint_free(j);
	} else if (s) {
		j->stream = s;
		pump_join(j->pump, s);
		j->pump = NULL;
	} else {
		say_done(j, peer, NULL);
		joint_free(j);
	}
}

/* The fields that OPEN and DIAL share.  -1: they make no sense. */
static int
read_want(struct slice peer, bool has_peer, const struct slice *addrs,
    size_t naddrs, uint64_t timeout, struct ask_want *want)
{
	*want = (struct ask_want){ .addrs = addrs, .naddrs = naddrs };
	want->timeout = timeout > 3600000 ? 3600000 : (msec)timeout;
	if (has_peer && peerid_of_bytes(peer, &want->peer) < 0)
		return -1;
	for (size_t i = 0; i < naddrs; i++) {
		struct slice bare;
		struct peerid id;

		if (!maddr_valid(addrs[i]))
			return -1;
		if (want->peer.n == 0 && maddr_peer(addrs[i], &id, &bare))
			want->peer = id;
	}
	return want->peer.n > 0 || naddrs > 0 ? 0 : -1;
}

void
board_open(struct program *p, const struct ctl_open *m, int fd)
{
	struct ask_want want;
	struct joint *j;
	int bad = read_want(
	    m->peer, m->has_peer, m->addrs, m->n_addrs, m->timeout, &want);

	if (fd < 0 || bad < 0 || m->n_protocols == 0 ||
	    p->njoints >= BOARD_ASKS) {
		board_fail(p, m->tag, REASON_BAD_REQUEST,
		    "OPEN wants a descriptor, a peer or addresses, and "
		    "protocols");
		if (fd >= 0)
			close(fd);
		return;
	}
	for (size_t i = 0; i < m->n_protocols; i++) {
		if (m->protocols[i].n > 0 && m->protocols[i].n <= CONN_NAME &&
		    !memchr(m->protocols[i].p, 0, m->protocols[i].n))
			continue;
		board_fail(p, m->tag, REASON_BAD_REQUEST,
		    "a protocol's name has 1 to 255 bytes, none of them zero");
		close(fd);
		return;
	}
	j = joint_new(p, m->tag, false);
	j->pump = pump_new(&p->board->pumps, fd, &joint_face, j);
	want.protocols = m->protocols;
	want.nprotocols = m->n_protocols;
	want.service = &pump_service;
	want.data = j->pump;
	j->ask = swarm_ask(p->board->swarm, &want, asked, j);
}

void
board_dial(struct program *p, const struct ctl_dial *m)
{
	struct ask_want want;
	struct joint *j;

	if (read_want(m->peer, m->has_peer, m->addrs, m->n_addrs, m->timeout,
		&want) < 0 ||
	    p->njoints >= BOARD_ASKS) {
		board_fail(p, m->tag, REASON_BAD_REQUEST,
		    "DIAL wants a peer id or addresses that make sense");
		return;
	}
	j = joint_new(p, m->tag, false);
	j->ask = swarm_ask(p->board->swarm, &want, asked, j);
}

static void
joint_drop(struct joint *j)
{
	if (j->stream) {
		stream_reset(j->stream, REASON_RESET); /* frees j */
		return;
	}
	if (j->ask)
		ask_cancel(j->ask);
	if (j->program->end)
		board_fail(j->program, j->tag, REASON_RESET,
		    "taken back before it was done");
	if (j->pump)
		pump_free(j->pump);
	joint_free(j);
}

void
board_over(struct program *p, const struct ctl_over *m)
{
	for (struct joint *j = p->joints; j; j = j->next) {
		if (j->tag != m->tag || j->inbound != (m->inbound != 0))
			continue;
		joint_drop(j);
		return;
	}
}

void
board_leave(struct program *p)
{
	while (p->joints)
		joint_drop(p->joints);
}

/* Serving.  A stream that nobody takes yet is parked: nothing of it is read, so
 * the peer soon waits as well. */

struct park {
	struct slot *slot;
	struct stream *stream;
	struct park *next;
};

static void
unpark(struct park *k)
{
	struct park **at = &k->slot->parks;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	k->slot->board->nparked--;
	free(k);
}

static void
say_stream(struct program *p, const struct stream *s, uint64_t tag, int fd)
{
	const struct peer *peer = swarm_peer_of(s);
	struct ctl *m = board_message(p->board);
	struct ctl_stream *n = &m->stream;

	m->has_stream = n->has_peer = n->has_addr = n->has_protocol =
	    n->has_tag = true;
	n->peer = peerid_bytes(&peer->id);
	n->addr = maddr_bytes(&s->link->addr);
	n->protocol = slice_text(stream_protocol(s));
	n->tag = tag;
	n->has_admission = peer->role != 0;
	n->admission.has_role = n->admission.has_tier =
	    n->admission.has_serial = true;
	n->admission.role = peer->role;
	n->admission.tier = peer->tier;
	n->admission.serial = slice_of(peer->serial, peer->serial_n);
	ctl_say(p->end, m, fd);
}

/* The last descriptors are for those who come next, not for one more stream of
 * those who are here. */
static int
pair_new(const struct board *b, int pair[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	if (b->fds < 0 || pair[1] + SPARE_FDS <= b->fds)
		return 0;
	close(pair[0]);
	close(pair[1]);
	return -1;
}

/* Hand the stream to the program; on failure it is reset. */
static void
deliver(struct program *p, struct stream *s)
{
	struct board *b = p->board;
	struct peer *peer = swarm_peer_of(s);
	struct joint *j;
	struct pump *pump;
	int pair[2];

	if (pair_new(b, pair) < 0) {
		swarm_refused(b->swarm, REASON_FDS, "stream", peer->text);
		s->data = NULL;
		stream_reset(s, REASON_FDS);
		return;
	}
	j = joint_new(p, ++b->next_tag, true);
	j->stream = s;
	j->started = true;
	pump = pump_new(&b->pumps, pair[0], &joint_face, j);
	s->service = &pump_service;
	s->data = pump;
	say_stream(p, s, j->tag, pair[1]);
	for (struct program *o = b->programs; o; o = o->next)
		if (o != p && o->end && (o->wants & CTL_WANT_STREAMS))
			say_stream(o, s, j->tag, -1);
	pump_join(pump, s);
	if (s->fin_told && s->cs->held.n == 0)
		pump_service.fin(s);
	else
		stream_more(s);
}

static void
slot_start(struct stream *s)
{
	struct slot *slot = s->data;
	struct board *b = slot->board;
	struct program *p = board_server(b, slot->name);
	struct park *k;

	if (p) {
		deliver(p, s);
		return;
	}
	if (b->nparked == BOARD_PARKED) {
		s->data = NULL;
		swarm_refused(b->swarm, REASON_NO_PROGRAM, "stream",
		    swarm_peer_of(s)->text);
		stream_reset(s, REASON_NO_PROGRAM);
		return;
	}
	k = mem_new(sizeof *k);
	k->slot = slot;
	k->stream = s;
	k->next = slot->parks;
	slot->parks = k;
	b->nparked++;
	s->data = k;
}

static size_t
park_data(struct stream *s, struct slice in)
{
	(void)s;
	(void)in;
	return 0;
}

static void
park_event(struct stream *s)
{
	(void)s;
}

static void
park_over(struct stream *s, enum reason why)
{
	(void)why;
	/* not started yet: data is the slot, which stays */
	if (s->started && s->data)
		unpark(s->data);
}

static const struct service slot_service = {
	.name = "program",
	.start = slot_start,
	.data = park_data,
	.fin = park_event,
	.room = park_event,
	.over = park_over,
};

static void
slot_free(struct slot *slot)
{
	timer_free(slot->timer);
	free(slot->name);
	free(slot);
}

/* Nobody came back in time. */
static void
slot_late(void *arg)
{
	struct slot *slot = arg;
	struct swarm *w = slot->board->swarm;

	swarm_unserve(w, slot->name);
	while (slot->parks) {
		struct stream *s = slot->parks->stream;

		swarm_refused(
		    w, REASON_NO_PROGRAM, "stream", swarm_peer_of(s)->text);
		stream_reset(s, REASON_NO_PROGRAM);
	}
	map_cut(&slot->board->slots, slice_text(slot->name));
	slot_free(slot);
}

int
board_serve(struct program *p, const char *protocol)
{
	struct board *b = p->board;
	struct slot *slot = map_get(&b->slots, slice_text(protocol));
	struct program *other = board_server(b, protocol);

	if (other && strcmp(other->name, p->name) != 0)
		return -1;
	if (slot == NULL) {
		slot = mem_new(sizeof *slot);
		slot->board = b;
		slot->name = mem_string(protocol);
		slot->timer = timer_new(b->loop, slot_late, slot);
		if (swarm_serve(b->swarm, protocol, &slot_service, slot) < 0) {
			slot_free(slot);
			return -1;
		}
		map_put(&b->slots, slice_text(protocol), slot);
	}
	timer_at(slot->timer, MSEC_NEVER);
	p->protocols[p->nprotocols++] = mem_string(protocol);
	return 0;
}

void
board_unpark(struct program *p)
{
	for (size_t i = 0; i < p->nprotocols; i++) {
		struct slot *slot =
		    map_get(&p->board->slots, slice_text(p->protocols[i]));

		while (slot->parks) {
			struct stream *s = slot->parks->stream;

			unpark(slot->parks);
			deliver(p, s);
		}
	}
}

void
board_unserve(struct board *b, const char *protocol)
{
	struct slot *slot = map_get(&b->slots, slice_text(protocol));

	if (slot && board_server(b, protocol) == NULL)
		timer_at(slot->timer, loop_now(b->loop) + b->conf.park_time);
}

void
board_free_slots(struct board *b)
{
	struct slot *slot;
	struct slice key;

	/* the swarm is gone, and the parked streams with it */
	for (size_t at = 0; (slot = map_next(&b->slots, &at, &key)) != NULL;)
		slot_free(slot);
	map_free(&b->slots);
}
