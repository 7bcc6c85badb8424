/* SPDX-License-Identifier: ISC
 *
 * What the nodes do on their streams: each says who it is, everybody echoes,
 * and dialers send bulk data to be echoed. */
#ifndef T_SIM_JOBS_H
#define T_SIM_JOBS_H

#include "proto/ident.h"
#include "t/sim/link.h"

#include <stdio.h>
#include <string.h>

#define ECHO "/kn/echo/1"
#define RUDE "/kn/rude/1" /* is reset once it says something */
#define PING "/ipfs/ping/1.0.0"
#define NOBODY "/nobody/1"

enum { ECHO_HIGH = 4096 };
enum kind { ASK, TELL, SEND, ECHOES, RUDELY, KINDS };

struct job {
	struct job *next;
	struct conn_stream *st;
	uint32_t id;         /* the stream's, to find it after a birth */
	enum kind kind;
	uint64_t seed;       /* of the bytes that SEND sends */
	size_t total, sent, got;
	size_t tire;         /* SEND resets when it has sent so much */
	bool lasts;          /* SEND: total may yet grow, no fin */
	bool bad, rude;
	struct ident *ident; /* what ASK heard */
};

/* What came of it all. */
static struct tally {
	uint64_t up, echoes, echoed, pings, asked, told, wrong, lost, tired,
	    rude, resets, refused, agreed, bye, births, flowing, rtts,
	    jobs, bytes;
} tally;

static uint8_t
bulk(const struct job *j, size_t at)
{
	return (uint8_t)(mix(j->seed + at / 8) >> 8 * (at % 8));
}

static struct job *
job_new(struct end *e, struct conn_stream *st, enum kind kind)
{
	struct job *j = mem_new(sizeof *j), **at = &e->jobs;

	j->st = st;
	j->id = st->mux->id;
	j->kind = kind;
	j->tire = SIZE_MAX;
	st->owner = j;
	while (*at)
		at = &(*at)->next;
	*at = j;
	tally.jobs++;
	return j;
}

static void
job_free(struct end *e, struct job *j)
{
	struct job **at = &e->jobs;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	if (j->ident)
		ident_free(j->ident);
	free(j->ident);
	free(j);
	tally.jobs--;
}

static void
job_forget(struct end *e, struct job *j)
{
	if (!conn_over(j->st))
		return;
	conn_forget(&e->conn, j->st);
	job_free(e, j);
}

static bool
job_doomed(const struct end *e)
{
	return e->link->fate != SOUND && e->link->fate != STALL;
}

/* Ended before its time. */
static void
job_lost(struct end *e, struct job *j)
{
	bool ours = j->kind == SEND || j->kind == ASK;

	tally.resets++;
	if (j->rude)
		tally.rude++;
	else if (ours && !job_doomed(e))
		tally.wrong++;
	else if (ours && j->tire == SIZE_MAX)
		tally.lost++;
	job_free(e, j);
}

static void
jobs_lost(struct end *e)
{
	while (e->jobs)
		job_lost(e, e->jobs);
}

static void
jobs_adopt(struct end *e)
{
	struct conn_stream *st;

	for (size_t at = 0; (st = conn_next(&e->conn, &at)) != NULL;) {
		for (struct job *j = e->jobs; j; j = j->next) {
			if (j->id != st->mux->id)
				continue;
			st->owner = j;
			j->st = st;
		}
	}
}

static void
send_more(struct end *e, struct job *j)
{
	uint8_t piece[4096];
	size_t n, room;

	while (j->sent < j->total &&
	    (room = conn_room(&e->conn, j->st)) > 0) {
		n = j->total - j->sent;
		n = n < room ? n : room;
		n = n < sizeof piece ? n : sizeof piece;
		for (size_t i = 0; i < n; i++)
			piece[i] = bulk(j, j->sent + i);
		n = conn_write(&e->conn, j->st, slice_of(piece, n));
		j->sent += n;
		if (n == 0)
			break;
	}
	if (j->sent >= j->tire) {
		conn_reset(&e->conn, j->st, 7);
		tally.tired++;
		job_free(e, j);
	} else if (j->sent == j->total && !j->lasts) {
		conn_fin(&e->conn, j->st);
	}
}

static void
echo_more(struct end *e, struct job *j)
{
	struct conn_stream *st = j->st;
	size_t n;

	/* so that births find something held */
	if (e->conn.out.n >= ECHO_HIGH)
		return;
	n = conn_write(&e->conn, st, buf_slice(&st->held));
	buf_drop(&st->held, n);
	if (n > 0)
		conn_took(&e->conn, st, n, e->link->w->now);
	if (st->held.n > 0)
		return;
	buf_trim(&st->held);
	if (st->mux->heard_fin) {
		conn_fin(&e->conn, st);
		job_forget(e, j);
	}
}

static void
tell_more(struct end *e, struct job *j)
{
	struct slice all = buf_slice(&e->node->ident);

	get_bytes(&all, j->sent);
	j->sent += conn_write(&e->conn, j->st, all);
	if (j->sent == e->node->ident.n) {
		conn_fin(&e->conn, j->st);
		job_forget(e, j);
	}
}

static void
jobs_push(struct end *e)
{
	struct job *j, *after;

	for (j = e->jobs; j; j = after) {
		after = j->next;
		if (j->kind == SEND)
			send_more(e, j);
		else if (j->kind == ECHOES)
			echo_more(e, j);
		else if (j->kind == TELL)
			tell_more(e, j);
	}
}

static void
check_bulk(struct job *j, struct slice data)
{
	for (size_t i = 0; i < data.n; i++)
		if (data.p[i] != bulk(j, j->got + i))
			j->bad = true;
	j->got += data.n;
	tally.bytes += data.n;
	j->bad |= j->got > j->sent;
}

static void
on_data(struct end *e, struct job *j, struct slice data)
{
	switch (j->kind) {
	case SEND:
		check_bulk(j, data);
		break;
	case ASK:
		j->bad |= ident_hear(j->ident, data) < 0;
		break;
	case ECHOES:
		put_slice(&j->st->held, data);
		return;
	case RUDELY:
		conn_reset(&e->conn, j->st, 9);
		job_free(e, j);
		return;
	case TELL:
	case KINDS:
		tally.wrong++;
		return;
	}
	conn_took(&e->conn, j->st, data.n, e->link->w->now);
}

/* Is what was heard what the node at the other end says? */
static bool
identified(struct end *e, struct ident *id)
{
	struct node *peer = other(e)->node;
	char agent[32];

	if (ident_end(id, &peer->peer) < 0)
		return false;
	snprintf(agent, sizeof agent, "sim/%u", peer->id);
	return slice_is(id->msg.agent, agent) && id->certified &&
	    id->seq == peer->id && id->msg.n_addrs == 1 &&
	    id->msg.n_protocols == 4 && id->record.n_addresses == 1 &&
	    slice_is(id->msg.protocols[0], ECHO) &&
	    slice_eq(id->msg.public_key, buf_slice(&e->conn.peer_key));
}

static void
on_fin(struct end *e, struct job *j)
{
	if (j->kind == ASK) {
		if (!j->bad && identified(e, j->ident))
			tally.told++;
		else
			tally.wrong++;
	} else if (j->kind == SEND) {
		if (!j->bad && j->got == j->total && !j->lasts)
			tally.echoed++;
		else
			tally.wrong++;
	}
	if (j->kind != ECHOES)
		job_forget(e, j);
}

static void
on_offer(struct end *e, struct conn_stream *st)
{
	static const struct {
		const char *name;
		enum kind kind;
	} served[] = {
		{ ECHO, ECHOES }, { PING, ECHOES }, { RUDE, RUDELY },
		{ IDENT_ID, TELL },
	};

	for (size_t i = 0; i < sizeof served / sizeof *served; i++) {
		if (strcmp(served[i].name, st->protocol) != 0)
			continue;
		conn_answer(&e->conn, st, true);
		job_new(e, st, served[i].kind);
		return;
	}
	conn_answer(&e->conn, st, false);
}

static struct job *
job_open(struct end *e, enum kind kind, const char *first, const char *second)
{
	struct slice names[] = { slice_text(first), { 0 } };
	struct conn_stream *st;

	if (second)
		names[1] = slice_text(second);
	st = conn_open(&e->conn, names, second ? 2 : 1, e->link->w->now);
	if (st == NULL) {
		tally.wrong++;
		return NULL;
	}
	return job_new(e, st, kind);
}

static size_t
echo_size(struct link *l)
{
	uint64_t p = chance(l->w) % 100;

	if (l->bite <= 64)
		return pick(l->w, 0, 8192);
	return pick(l->w, 0, p < 50 ? 2048 : p < 85 ? 65536
	                                   : p < 98 ? 400000 : 1200000);
}

static void
open_echo(struct end *e)
{
	struct world *w = e->link->w;
	bool tires = percent(w, 8), rude = !tires && percent(w, 8);
	bool tries = !rude && percent(w, 15);
	struct job *j = job_open(e, SEND, tries ? NOBODY : rude ? RUDE : ECHO,
	    tries ? ECHO : NULL);

	if (j == NULL)
		return;
	j->seed = chance(w);
	j->total = echo_size(e->link) + rude;
	j->rude = rude;
	if (tires)
		j->tire = j->total / 2;
	else if (!rude)
		tally.echoes++;
}

static void
open_ask(struct end *e)
{
	struct job *j = job_open(e, ASK, IDENT_ID, NULL);

	if (j == NULL)
		return;
	j->ident = mem_new(sizeof *j->ident);
	ident_init(j->ident, &e->node->budget);
	conn_fin(&e->conn, j->st);
	tally.asked++;
}

static void
on_up(struct end *e)
{
	struct link *l = e->link;
	struct job *ping;

	tally.up++;
	e->was_up = true;
	e->conn.mux.may_grow = l->grows;
	if (!peerid_eq(&e->conn.peer, &other(e)->node->peer))
		tally.wrong++;
	open_ask(e);
	if (e != l->ends)
		return;
	ping = job_open(e, SEND, PING, NULL);
	if (ping) {
		ping->lasts = true;
		ping->total = 32;
		tally.echoes++;
	}
	for (uint64_t n = pick(l->w, 1, 4); n > 0; n--)
		open_echo(e);
}

/* The next ping, and now and then an echo; at last, no more pings. */
static void
jobs_round(struct end *e, bool last)
{
	if (!e->open || !e->was_up)
		return;
	for (struct job *j = e->jobs; j; j = j->next) {
		if (j->kind != SEND || !j->lasts)
			continue;
		j->bad |= j->got != j->total;
		j->lasts = !last;
		j->total += 32;
		tally.pings++;
	}
	if (percent(e->link->w, 30))
		open_echo(e);
	end_settle(e);
}

static void
jobs_event(struct end *e, struct conn_ev *ev)
{
	struct job *j = ev->stream ? ev->stream->owner : NULL;

	switch (ev->kind) {
	case CONN_UP:
		on_up(e);
		break;
	case CONN_OFFER:
		on_offer(e, ev->stream);
		break;
	case CONN_AGREED:
		tally.agreed++;
		break;
	case CONN_REFUSED:
		tally.refused++;
		job_lost(e, j);
		break;
	case CONN_DATA:
		on_data(e, j, ev->data);
		break;
	case CONN_FIN:
		on_fin(e, j);
		break;
	case CONN_RESET:
		job_lost(e, j);
		break;
	case CONN_GOAWAY:
		tally.bye++;
		e->heard_bye = true;
		break;
	case CONN_RTT:
		tally.rtts++;
		break;
	case CONN_ROOM:
	case CONN_MORE:
		break;
	}
}

#endif
