/* SPDX-License-Identifier: ISC
 *
 * Order of work in a turn: bytes come in, the machine tells events, services
 * act on them; then once, at the end of the turn (settle), ended streams are
 * dropped, what was said is sealed and written, and those who waited for room
 * are told.  Nothing is freed while something below it on the stack uses it:
 * a closed link dies by loop_soon. */
#include "net/link.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/link_own.h"

#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void settle(void *arg);

void
link_share(struct link_shared *sh, struct loop *loop,
    const struct conn_self *self, const struct link_face *face, void *arg)
{
	*sh = (struct link_shared){
		.loop = loop, .self = self, .face = face, .arg = arg
	};
	buf_init(&sh->in, LINK_READ + 2 * NOISE_FRAME, NULL);
}

/* The dead are buried at the end of the turn. */
static void
bury(void *arg)
{
	struct link_shared *sh = arg;
	struct link *l;

	while ((l = sh->dead) != NULL) {
		sh->dead = l->next_dead;
		loop_forget(sh->loop, l);
		link_sweep(l);
		conn_free(&l->conn);
		buf_wipe(&l->rest);
		free(l);
	}
}

void
link_unshare(struct link_shared *sh)
{
	bury(sh);
	loop_forget(sh->loop, sh);
	buf_wipe(&sh->in);
}

void
link_touch(struct link *l)
{
	if (l->dirty || l->dead)
		return;
	l->dirty = true;
	loop_soon(l->shared->loop, settle, l);
}

/* All streams hear over(reason); then the owner hears down. */
static void
die(struct link *l, enum reason why)
{
	struct link_shared *sh = l->shared;
	struct conn_stream *cs;
	const char *words = l->conn.why;

	if (l->dead)
		return;
	l->dead = true;
	watch_free(l->watch);
	timer_free(l->timer);
	l->watch = NULL;
	l->timer = NULL;
	close(l->fd);
	if (l->conn.up)
		for (size_t at = 0; (cs = conn_next(&l->conn, &at)) != NULL;)
			if (cs->owner)
				stream_lost(cs->owner,
				    why == REASON_NONE ? REASON_CLOSED : why);
	sh->face->down(sh->arg, l, why, words ? words : "");
	if (sh->dead == NULL)
		loop_soon(sh->loop, bury, sh);
	l->next_dead = sh->dead;
	sh->dead = l;
}

static enum reason
reason_of(const struct conn *c)
{
	static const enum reason reasons[] = {
		[CONN_SOUND] = REASON_IO,
		[CONN_INSECURE] = REASON_SECURITY,
		[CONN_WRONG_PEER] = REASON_WRONG_PEER,
		[CONN_LATE] = REASON_HANDSHAKE,
		[CONN_BROKE] = REASON_PROTOCOL,
		[CONN_SILENT] = REASON_SILENT,
		[CONN_STUCK] = REASON_STUCK,
	};

	if (c->fault == CONN_STUCK && c->self->budget &&
	    c->self->budget->used + NOISE_FRAME > c->self->budget->high)
		return REASON_BUDGET;
	return reasons[c->fault];
}

/* A socket that breaks after the peer said go-away was closed by it. */
static enum reason
broken(const struct link *l)
{
	return l->conn.mux.gone ? REASON_CLOSED : REASON_IO;
}

/* Write what is there.  -1: the link is dead, for that reason. */
static int
push(struct link *l, enum reason why)
{
	struct buf *out = &l->conn.out;

	while (out->n > 0 && l->left == MSEC_NEVER) {
		ssize_t n = write(l->fd, out->p, out->n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			die(l, why);
			return -1;
		}
		buf_drop(out, (size_t)n);
		l->shared->bytes_out += (uint64_t)n;
		l->stalled = loop_now(l->shared->loop);
	}
	if (out->n == 0) {
		l->stalled = MSEC_NEVER;
		if (!l->conn.up || conn_streams(&l->conn) == 0)
			buf_trim(out);
	} else if (l->stalled == MSEC_NEVER) {
		l->stalled = loop_now(l->shared->loop);
	}
	return 0;
}

/* Those who wait for room in out take turns: who fills it again goes to the
 * end of the line. */
static void
feed(struct link *l)
{
	while (l->queue && !l->dead && l->conn.out.n < CONN_OUT_HIGH) {
		struct stream *s = l->queue;

		link_dequeue(s);
		s->waiting = false;
		s->service->room(s);
	}
}

/* How long the peer may go without reading, or without leaving. */
static msec
ceiling(const struct link *l)
{
	if (l->left != MSEC_NEVER)
		return l->left + LINK_LINGER;
	return l->stalled == MSEC_NEVER ? MSEC_NEVER : l->stalled + LINK_STALL;
}

static void
rearm(struct link *l)
{
	msec due = msec_min(conn_due(&l->conn), ceiling(l));
	msec at = timer_when(l->timer);
	bool more = l->conn.out.n + l->conn.plain.n > 0 || l->queue || l->ended;

	/* an alarm that comes early costs less than setting it each time */
	if (due < at || at == MSEC_NEVER)
		timer_at(l->timer, due);
	watch_want(l->watch,
	    WATCH_READ | (more && l->left == MSEC_NEVER ? WATCH_WRITE : 0));
}

/* The end of a turn.  Rounds are bounded, so that one link with an endless
 * source and a fast reader does not keep the loop. */
static void
settle(void *arg)
{
	struct link *l = arg;

	/* dirty until the end: what feed touches waits for the socket */
	for (int rounds = LINK_ROUNDS; rounds > 0 && !l->dead; rounds--) {
		link_reap(l);
		if (conn_flush(&l->conn) < 0) {
			die(l, reason_of(&l->conn));
			return;
		}
		if (push(l, broken(l)) < 0)
			return;
		if (l->queue == NULL || l->conn.out.n >= CONN_OUT_HIGH)
			break;
		feed(l);
	}
	if (l->dead)
		return;
	if (l->closing && link_streams(l) == 0 && l->conn.out.n == 0 &&
	    l->left == MSEC_NEVER) {
		/* close at once would make the kernel throw away what the peer
		 * has not read, should it say anything more */
		l->left = loop_now(l->shared->loop);
		shutdown(l->fd, SHUT_WR);
	}
	link_sweep(l);
	l->dirty = false;
	rearm(l);
}

/* One event of the machine. */
static void
act(struct link *l, struct conn_ev *ev)
{
	struct link_shared *sh = l->shared;
	enum reason why;

	switch (ev->kind) {
	case CONN_UP:
		why = sh->face->up(sh->arg, l);
		if (why != REASON_NONE)
			link_close(l, why);
		break;
	case CONN_RTT:
		sh->face->rtt(sh->arg, l);
		break;
	case CONN_OFFER:
		link_offered(l, ev->stream);
		break;
	case CONN_AGREED:
		stream_agreed(ev->stream->owner);
		break;
	case CONN_REFUSED:
		stream_lost(ev->stream->owner, REASON_NO_PROTOCOL);
		break;
	case CONN_RESET:
		if (ev->stream->owner)
			stream_lost(ev->stream->owner,
			    ev->stream->due <= l->conn.now ? REASON_TIMEOUT
							   : REASON_RESET);
		break;
	case CONN_DATA:
		stream_heard(ev->stream->owner, ev->data);
		break;
	case CONN_FIN:
		stream_heard_fin(ev->stream->owner);
		break;
	case CONN_ROOM:
		stream_credited(ev->stream->owner);
		break;
	case CONN_GOAWAY:
	case CONN_MORE:
		break;
	}
}

/* The shared buffer holds the rest of last time, then what has just come. */
static void
digest(struct link *l, struct buf *in)
{
	struct conn_ev ev;
	enum reason why;
	int r;

	while (!l->dead && (r = conn_step(&l->conn, in,
				loop_now(l->shared->loop), &ev)) != 0) {
		if (r < 0) {
			why = reason_of(&l->conn);
			conn_flush(&l->conn);
			if (push(l, why) == 0)
				die(l, why);
			return;
		}
		act(l, &ev);
	}
	if (l->dead)
		return;
	put_slice(&l->rest, buf_slice(in));
	if (l->rest.bad)
		die(l, REASON_BUDGET);
}

static void
readable(struct link *l)
{
	struct buf *in = &l->shared->in;
	ssize_t n;

	buf_drop(in, in->n);
	put_slice(in, buf_slice(&l->rest));
	buf_free(&l->rest);
	n = read(l->fd, buf_room(in, LINK_READ), LINK_READ);
	if (n <= 0) {
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			put_slice(&l->rest, buf_slice(in));
		else
			die(l, l->left != MSEC_NEVER ? REASON_DRAINING
			       : n == 0              ? REASON_CLOSED
						     : broken(l));
		return;
	}
	buf_added(in, (size_t)n);
	l->shared->bytes_in += (uint64_t)n;
	digest(l, in);
}

static void
on_watch(void *arg, unsigned what)
{
	struct link *l = arg;

	if (what & WATCH_READ)
		readable(l);
	if (!l->dead)
		link_touch(l);
}

static void
on_timer(void *arg)
{
	struct link *l = arg;
	msec now = loop_now(l->shared->loop);
	struct conn_ev ev;
	int r;

	if (now >= ceiling(l)) {
		die(l, l->left != MSEC_NEVER ? REASON_DRAINING : REASON_STUCK);
		return;
	}
	while (!l->dead && (r = conn_tick(&l->conn, now, &ev)) != 0) {
		if (r < 0) {
			die(l, reason_of(&l->conn));
			return;
		}
		act(l, &ev);
	}
	if (!l->dead)
		link_touch(l);
}

struct link *
link_new(struct link_shared *sh, int fd, bool dialer, const struct peerid *want,
    const struct maddr *addr, const struct sockaddr *from)
{
	struct link *l = mem_new(sizeof *l);
	uint8_t seed[32];

	l->shared = sh;
	l->fd = fd;
	l->addr = *addr;
	memcpy(&l->from, from,
	    from->sa_family == AF_INET ? sizeof(struct sockaddr_in)
				       : sizeof(struct sockaddr_in6));
	l->dialer = dialer;
	l->since = l->busy = loop_now(sh->loop);
	l->stalled = l->left = MSEC_NEVER;
	l->queue_end = &l->queue;
	buf_init(&l->rest, LINK_READ + 2 * NOISE_FRAME, sh->self->budget);
	l->watch = watch_new(sh->loop, fd, on_watch, l);
	l->timer = timer_new(sh->loop, on_timer, l);
	randombytes_buf(seed, sizeof seed);
	conn_init(&l->conn, sh->self, dialer, want, l->since, seed);
	sodium_memzero(seed, sizeof seed);
	link_touch(l);
	return l;
}

void
link_close(struct link *l, enum reason why)
{
	if (l->dead)
		return;
	conn_goaway(&l->conn, YAMUX_NORMAL);
	if (conn_flush(&l->conn) == 0 && push(l, why) < 0)
		return;
	die(l, why);
}

void
link_drain(struct link *l)
{
	if (l->closing)
		return;
	l->closing = true;
	conn_goaway(&l->conn, YAMUX_NORMAL);
	link_touch(l);
}

size_t
link_streams(const struct link *l)
{
	return l->conn.up ? conn_streams(&l->conn) : 0;
}

size_t
link_bytes(const struct link *l)
{
	const struct conn *c = &l->conn;
	size_t n = l->rest.cap + c->out.cap + c->plain.cap + c->peer_key.cap;
	struct conn_stream *cs;

	if (c->up)
		for (size_t at = 0; (cs = conn_next(c, &at)) != NULL;)
			n += conn_stream_bytes(cs);
	return n;
}
