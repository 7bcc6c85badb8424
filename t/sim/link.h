/* SPDX-License-Identifier: ISC
 *
 * A link between two nodes: two conn machines, and two pipes with latency, a
 * rate and a size of bites, that may stall, swallow or be cut. */
#ifndef T_SIM_LINK_H
#define T_SIM_LINK_H

#include "proto/conn.h"
#include "t/sim/world.h"

enum { HANDSHAKE = 10000, OFFER_WAIT = 10000, SENT_MOST = 65536 };

/* What happens in this world. */
enum what {
	DIAL,    /* who: the link */
	ACCEPT,  /* who: the end that listens */
	ARRIVE,  /* who: the end; n bytes come in */
	EOF_CAME, /* who: the end */
	ALARM,   /* who: the end; conn_tick may be due */
	WAKE,    /* who: the end; it reads again */
	CUT_NOW, /* who: the link */
	HOLE_NOW,/* who: the end; from here on its bytes vanish */
	SLEEP,   /* who: the end; it reads nothing for n ms */
	ROUND,   /* who: the link; another ping and perhaps an echo */
	BIRTHS,  /* some ends are saved and loaded */
	LAST     /* everybody goes away */
};

enum fate {
	SOUND, /* nothing happens to it */
	STALL, /* an end does not read for a while; nothing may be lost */
	CUT,   /* both pipes end, in the middle of what is on the way */
	HOLE,  /* what one end sends vanishes from some moment on */
	HALF,  /* the same, from within the handshake on, and no end is seen */
	WRONG, /* the dialer wants somebody else */
	FATES
};

struct node {
	unsigned id;
	struct key key;
	struct peerid peer;
	struct noise_self noise;
	struct conn_self self;
	struct budget budget;
	struct buf ident; /* what it says of itself */
};

struct job;
struct link;

struct end {
	struct link *link;
	struct node *node;
	struct conn conn;
	struct buf in;
	struct job *jobs;
	bool open, was_up, eof, asleep, heard_bye;
	enum conn_fault fault; /* once it is no more open */
	msec opened, closed;
	msec alarm;            /* when its ALARM comes */
	size_t unread;         /* bytes that have come while asleep */
	/* the pipe to the other end */
	struct buf sent;       /* on the way */
	size_t carried, most;  /* ever; beyond most they vanish */
	uint64_t free_at;      /* microseconds: when the next bite can leave */
};

struct link {
	struct world *w;
	unsigned id;
	enum fate fate;
	bool gone;       /* both ends are closed */
	msec latency, spoilt; /* spoilt: when its fate struck */
	size_t bite;
	uint64_t rate;   /* bytes a millisecond */
	bool grows;
	struct end ends[2]; /* 0 dials */
};

/* The streams' part (jobs.h). */
static void jobs_event(struct end *, struct conn_ev *);
static void jobs_push(struct end *);
static void jobs_lost(struct end *);
static void jobs_adopt(struct end *);

static inline struct end *
other(struct end *e)
{
	return &e->link->ends[e == e->link->ends];
}

static uint64_t
end_name(const struct end *e)
{
	return (uint64_t)e->link->id * 2 + (e != e->link->ends);
}

static void
end_open(struct end *e, const struct peerid *want)
{
	struct world *w = e->link->w;
	uint8_t seed[32];

	chance_bytes(w, seed, sizeof seed);
	conn_init(&e->conn, &e->node->self, e == e->link->ends, want, w->now,
	    seed);
	buf_init(&e->in, 4u << 20, &e->node->budget);
	e->open = true;
	e->opened = w->now;
	e->alarm = MSEC_NEVER;
}

/* When the last byte of n, sent now, arrives. */
static msec
arrival(struct end *e, size_t n)
{
	struct link *l = e->link;
	uint64_t now = (uint64_t)l->w->now * 1000;

	if (e->free_at < now)
		e->free_at = now;
	e->free_at += n * 1000 / l->rate;
	return (msec)(e->free_at / 1000) + l->latency;
}

/* Move what the pipe takes from out; all: as much as there is. */
static void
carry(struct end *e, bool all)
{
	struct link *l = e->link;
	struct buf *out = &e->conn.out;

	while (out->n > 0 && (all || e->sent.n < SENT_MOST)) {
		size_t n = pick(l->w, 1, l->bite);
		size_t pass = e->most - e->carried;

		if (n > out->n)
			n = out->n;
		if (pass > n)
			pass = n;
		put_bytes(&e->sent, out->p, pass);
		buf_drop(out, n);
		e->carried += pass;
		if (pass > 0)
			plan(l->w, arrival(e, n), ARRIVE, other(e), pass);
	}
}

static void
end_close(struct end *e)
{
	struct link *l = e->link;

	if (!e->open)
		return;
	note(l->w, end_name(e), 100u + e->conn.fault, conn_streams(&e->conn));
	conn_flush(&e->conn);
	carry(e, true);
	jobs_lost(e);
	e->fault = e->conn.fault;
	conn_free(&e->conn);
	buf_free(&e->in);
	e->open = false;
	e->closed = l->w->now;
	l->gone = !other(e)->open;
	if (l->fate != HALF && e->carried < e->most)
		plan(l->w, arrival(e, 0), EOF_CAME, other(e), 0);
}

static void
end_alarm(struct end *e)
{
	msec due = conn_due(&e->conn);

	if (due >= e->alarm)
		return;
	e->alarm = due;
	plan(e->link->w, due, ALARM, e, 0);
}

/* Say what there is to be said, send what can be sent. */
static void
end_settle(struct end *e)
{
	if (!e->open)
		return;
	jobs_push(e);
	if (conn_flush(&e->conn) < 0) {
		end_close(e);
		return;
	}
	carry(e, false);
	end_alarm(e);
}

static void
end_turn(struct end *e)
{
	struct conn_ev ev;
	int r;

	while ((r = conn_step(&e->conn, &e->in, e->link->w->now, &ev)) == 1) {
		note(e->link->w, end_name(e), ev.kind, ev.data.n);
		jobs_event(e, &ev);
	}
	if (r < 0 || e->heard_bye)
		end_close(e);
	end_settle(e);
}

static void
end_eof(struct end *e)
{
	if (e->asleep)
		e->eof = true;
	else
		end_close(e);
}

/* n bytes of what the other end has sent are here. */
static void
end_arrive(struct end *e, size_t n)
{
	struct end *from = other(e);

	if (e->open && e->asleep) {
		e->unread += n;
		return;
	}
	if (e->open)
		put_bytes(&e->in, from->sent.p, n);
	buf_drop(&from->sent, n);
	if (from->sent.n == 0)
		buf_trim(&from->sent);
	if (e->open)
		end_turn(e);
	end_settle(from);
}

static void
end_wake(struct end *e)
{
	size_t n = e->unread;

	e->asleep = false;
	e->unread = 0;
	if (n > 0)
		end_arrive(e, n);
	if (e->eof)
		end_close(e);
}

static void
end_tick(struct end *e)
{
	struct conn_ev ev;
	int r;

	if (!e->open || e->alarm != e->link->w->now)
		return;
	e->alarm = MSEC_NEVER;
	while ((r = conn_tick(&e->conn, e->link->w->now, &ev)) == 1) {
		note(e->link->w, end_name(e), ev.kind, 1000);
		jobs_event(e, &ev);
	}
	if (r < 0)
		end_close(e);
	else
		end_settle(e);
}

/* Half of what is on the way still comes, then nothing. */
static void
link_cut(struct link *l)
{
	for (int i = 0; i < 2; i++) {
		struct end *e = &l->ends[i], *from = other(e);
		size_t n = (from->sent.n - e->unread) / 2;

		if (e->open && n > 0) {
			put_slice(&e->in, slice_of(from->sent.p, n));
			end_turn(e);
		}
	}
	for (int i = 0; i < 2; i++)
		end_close(&l->ends[i]);
}

/* Die and be born again, as an exec in place does it.  false: it could not
 * be loaded. */
static bool
end_birth(struct end *e)
{
	struct buf state = { .max = 64u << 20 }, in;
	struct conn fresh = { .state = CONN_DEAD };
	bool good;

	buf_init(&in, e->in.max, &e->node->budget);
	conn_save(&e->conn, &e->in, &state);
	good = !state.bad && conn_load(&fresh, &e->node->self,
	    buf_slice(&state), &in, e->link->w->now) == 0;
	conn_free(&e->conn);
	buf_free(&e->in);
	buf_wipe(&state);
	e->conn = fresh;
	e->in = in;
	jobs_adopt(e);
	return good;
}

#endif
