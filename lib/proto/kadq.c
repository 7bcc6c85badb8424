/* SPDX-License-Identifier: ISC */
#include "proto/kadq.h"
#include "base/map.h"
#include "base/mem.h"
#include "wire/msg/kad.h"

#include <stdlib.h>
#include <string.h>

enum {
	PATHS = 8,
	ALL = PATHS, /* stands for every path */
	CROWD = 64 * KADADDRS_GROUPS,
	LIES = 4, /* named by one, failed, and nobody of its answered */
};

struct kadq {
	struct kadq_conf conf;
	struct kadkey target;
	struct peerid self;
	struct kadq_peer **peers; /* n.heard of them, nearest first; owned */
	struct map by_id;
	struct {
		size_t heard, asked, open;
	} path[PATHS];
	size_t seeds;
	struct kadq_counts n;
	bool follow_up; /* every path has converged */
	bool stopped, over;
};

static size_t
at_most(size_t n, size_t most)
{
	return n < most ? n : most;
}

struct kadq *
kadq_new(const struct kadq_conf *conf, const struct kadkey *target,
    const struct peerid *self)
{
	struct kadq *q = mem_new(sizeof *q);

	q->conf = *conf;
	if (q->conf.alpha == 0)
		q->conf.alpha = 1;
	if (q->conf.paths == 0)
		q->conf.paths = 1;
	q->conf.paths = at_most(q->conf.paths, at_most(q->conf.alpha, PATHS));
	q->target = *target;
	q->self = *self;
	q->peers = mem_new(q->conf.most_heard * sizeof(struct kadq_peer *));
	return q;
}

static void
peer_free(struct kadq_peer *p)
{
	kadaddrs_free(&p->addrs);
	free(p);
}

void
kadq_free(struct kadq *q)
{
	if (q == NULL)
		return;
	for (size_t i = 0; i < q->n.heard; i++)
		peer_free(q->peers[i]);
	free(q->peers);
	map_free(&q->by_id);
	free(q);
}

/* A path's part of a ceiling; the first has what does not divide. */
static size_t
share(const struct kadq *q, size_t whole, unsigned path)
{
	return whole / q->conf.paths + (path == 0 ? whole % q->conf.paths : 0);
}

static struct kadq_peer *
find(const struct kadq *q, const struct peerid *id)
{
	return map_get(&q->by_id, peerid_bytes(id));
}

static void
forget(struct kadq *q, size_t at)
{
	struct kadq_peer *p = q->peers[at];

	map_cut(&q->by_id, peerid_bytes(&p->id));
	q->path[p->path].heard--;
	q->n.heard--;
	memmove(&q->peers[at], &q->peers[at + 1],
	    (q->n.heard - at) * sizeof(struct kadq_peer *));
	peer_free(p);
}

/* Of the path's own peers only: one that is told of ever nearer peers must not
 * push out what the others live on. */
static bool
make_room(struct kadq *q, unsigned path, const struct kadkey *key)
{
	size_t i = q->n.heard;

	if (q->path[path].heard < share(q, q->conf.most_heard, path))
		return true;
	while (i > 0 && (q->peers[i - 1]->path != path ||
			    q->peers[i - 1]->state != KADQ_HEARD))
		i--;
	if (i == 0 ||
	    kadkey_nearer(&q->target, key, &q->peers[i - 1]->key) >= 0)
		return false;
	forget(q, i - 1);
	return true;
}

static void
insert(struct kadq *q, struct kadq_peer *p)
{
	size_t from = 0, to = q->n.heard;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (kadkey_nearer(&q->target, &q->peers[mid]->key, &p->key) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	memmove(&q->peers[from + 1], &q->peers[from],
	    (q->n.heard - from) * sizeof(struct kadq_peer *));
	q->peers[from] = p;
	q->n.heard++;
	q->path[p->path].heard++;
	map_put(&q->by_id, peerid_bytes(&p->id), p);
}

/* One that is not known yet; NULL: there is no room for it. */
static struct kadq_peer *
remember(struct kadq *q, const struct peerid *id, unsigned path, unsigned hops)
{
	struct kadkey key = kadkey_of(peerid_bytes(id));
	struct kadq_peer *p;

	if (!make_room(q, path, &key)) {
		q->n.ignored++;
		return NULL;
	}
	p = mem_new(sizeof *p);
	p->id = *id;
	p->key = key;
	p->path = (uint8_t)path;
	p->hops = (uint8_t)at_most(hops, UINT8_MAX);
	insert(q, p);
	return p;
}

void
kadq_seed(struct kadq *q, const struct peerid *id, const struct kadaddrs *addrs)
{
	struct kadq_peer *p;

	if (id->n == 0 || peerid_eq(id, &q->self) || find(q, id))
		return;
	p = remember(q, id, q->seeds++ % q->conf.paths, 0);
	if (p == NULL)
		return;
	kadaddrs_copy(&p->addrs, addrs);
	p->ngroups = (uint8_t)kadaddrs_groups(&p->addrs, p->group);
}

/* Whose peers all fail is inventing them, or is of no use: those it alone has
 * named are not asked, or they would use up what may be asked. */
static bool
is_liar(const struct kadq_peer *p)
{
	return p && p->told_bad >= LIES && p->told_good == 0;
}

/* The groups of those that count. */
struct crowd {
	uint64_t group[CROWD];
	size_t n;
};

/* Are so many of a group of this peer in the crowd?  If not, it joins. */
static bool
is_surplus(const struct kadq *q, struct crowd *c, const struct kadq_peer *p)
{
	for (size_t i = 0; i < p->ngroups; i++) {
		size_t same = 0;

		for (size_t j = 0; j < c->n; j++)
			same += c->group[j] == p->group[i];
		if (same >= q->conf.per_group)
			return true;
	}
	for (size_t i = 0; i < p->ngroups && c->n < CROWD; i++)
		c->group[c->n++] = p->group[i];
	return false;
}

/* Whether a peer is to be considered at all. */
typedef bool fit(const struct kadq_peer *, unsigned path);

static bool
may_answer(const struct kadq_peer *p, unsigned path)
{
	return p->state != KADQ_FAILED && (path == ALL || p->path == path) &&
	       (p->state != KADQ_HEARD || !is_liar(p->teller));
}

static bool
has_answered(const struct kadq_peer *p, unsigned path)
{
	(void)path;
	return p->state == KADQ_ANSWERED;
}

/* Mark the nearest n that fit; those beyond the limit of their group only where
 * there are no others. */
static void
choose(const struct kadq *q, size_t n, fit *fits, unsigned path)
{
	struct crowd c = { .n = 0 };
	size_t left = n, surplus = 0;

	for (size_t i = 0; i < q->n.heard; i++) {
		struct kadq_peer *p = q->peers[i];

		p->counts = p->surplus = false;
		if (left == 0 || !fits(p, path))
			continue;
		p->surplus = q->conf.per_group > 0 && is_surplus(q, &c, p);
		p->counts = !p->surplus;
		surplus += p->surplus;
		left -= p->counts;
	}
	for (size_t i = 0; i < q->n.heard && left > 0 && surplus > 0; i++) {
		struct kadq_peer *p = q->peers[i];

		p->counts = p->counts || p->surplus;
		surplus -= p->surplus;
		left -= p->surplus;
	}
}

/* Of the k nearest that did not fail: the nearest not yet asked (or NULL), and
 * whether the first so many of them have answered. */
struct view {
	struct kadq_peer *next;
	bool settled;
};

static struct view
look(const struct kadq *q, unsigned path, size_t first)
{
	struct view v = { NULL, true };
	size_t seen = 0;

	choose(q, q->conf.k, may_answer, path);
	for (size_t i = 0; i < q->n.heard && v.next == NULL; i++) {
		struct kadq_peer *p = q->peers[i];

		if (!p->counts)
			continue;
		if (seen++ < first && p->state != KADQ_ANSWERED)
			v.settled = false;
		if (p->state == KADQ_HEARD)
			v.next = p;
	}
	return v;
}

/* beta answers are in, or there is nobody it may still ask. */
static bool
converged(const struct kadq *q, unsigned path, struct kadq_peer **next)
{
	struct view v = look(q, path, q->conf.beta);

	*next = NULL;
	if (v.settled ||
	    q->path[path].asked >= share(q, q->conf.most_asked, path))
		return true;
	if (q->path[path].open < share(q, q->conf.alpha, path))
		*next = v.next;
	return false;
}

static struct kadq_peer *
next_of_paths(struct kadq *q)
{
	struct kadq_peer *next;
	bool all = true;

	for (unsigned path = 0; path < q->conf.paths; path++) {
		if (converged(q, path, &next))
			continue;
		if (next)
			return next;
		all = false;
	}
	q->follow_up = all;
	return NULL;
}

static struct kadq_peer *
next_of_all(struct kadq *q)
{
	struct view v = look(q, ALL, q->conf.k);

	q->over = v.settled;
	return q->n.open < q->conf.alpha ? v.next : NULL;
}

int
kadq_ask(struct kadq *q, const struct kadq_peer **peer)
{
	struct kadq_peer *next = NULL;

	*peer = NULL;
	if (q->over)
		return -1;
	if (q->stopped || q->n.asked >= q->conf.most_asked)
		return q->n.open > 0 ? 0 : -1;
	if (!q->follow_up)
		next = next_of_paths(q);
	if (q->follow_up)
		next = next_of_all(q);
	if (q->over)
		return -1;
	if (next == NULL)
		return 0;
	next->state = KADQ_ASKED;
	q->path[next->path].asked++;
	q->path[next->path].open++;
	q->n.asked++;
	q->n.open++;
	*peer = next;
	return 1;
}

/* The one that was asked, who is asked no more; NULL: nobody waits for it. */
static struct kadq_peer *
close_question(struct kadq *q, const struct peerid *id, enum kadq_state state)
{
	struct kadq_peer *p = find(q, id);

	if (p == NULL || p->state != KADQ_ASKED)
		return NULL;
	p->state = state;
	q->path[p->path].open--;
	q->n.open--;
	if (p->teller && state == KADQ_ANSWERED && p->teller->told_good < LIES)
		p->teller->told_good++;
	if (p->teller && state == KADQ_FAILED && p->teller->told_bad < LIES)
		p->teller->told_bad++;
	return p;
}

static void
give_addrs(
    const struct kadq *q, struct kadq_peer *p, const struct kad_peer *named)
{
	kadaddrs_set(&p->addrs, named->addrs, named->n_addrs, &p->id,
	    q->conf.private_too);
	p->ngroups = (uint8_t)kadaddrs_groups(&p->addrs, p->group);
}

/* A peer that was first named without an address we can use, or by a liar, may
 * be named better later. */
static bool
hear(struct kadq *q, struct kadq_peer *from, const struct kad_peer *named)
{
	struct kadq_peer *p;
	struct peerid id;
	bool known, better;

	if (peerid_of_bytes(named->id, &id) < 0 || peerid_eq(&id, &q->self))
		return false;
	p = find(q, &id);
	known = p != NULL;
	if (!known)
		p = remember(q, &id, from->path, from->hops + 1U);
	if (p && p->state == KADQ_ANSWERED && from->told_good < LIES)
		from->told_good++;
	if (p == NULL || p->state != KADQ_HEARD)
		return false;
	better = is_liar(p->teller) && !is_liar(from);
	if (!known)
		p->teller = from;
	else if (p->teller != from)
		p->teller = NULL; /* several name it */
	if (p->addrs.n == 0 || better)
		give_addrs(q, p, named);
	return !known;
}

size_t
kadq_answered(struct kadq *q, const struct peerid *id,
    const struct kad_peer *closer, size_t n)
{
	struct kadq_peer *from = close_question(q, id, KADQ_ANSWERED);
	size_t fresh = 0, looked_at = at_most(n, q->conf.from_one);

	if (from == NULL)
		return 0;
	q->n.answered++;
	if (from->hops > q->n.hops)
		q->n.hops = from->hops;
	q->n.ignored += n - looked_at;
	for (size_t i = 0; i < looked_at; i++)
		fresh += hear(q, from, &closer[i]);
	return fresh;
}

void
kadq_failed(struct kadq *q, const struct peerid *id)
{
	if (close_question(q, id, KADQ_FAILED))
		q->n.failed++;
}

void
kadq_stop(struct kadq *q)
{
	q->stopped = true;
}

const struct kadq_peer *
kadq_get(const struct kadq *q, const struct peerid *id)
{
	return find(q, id);
}

size_t
kadq_nearest(const struct kadq *q, const struct kadq_peer **out, size_t n)
{
	size_t found = 0;

	choose(q, n, has_answered, ALL);
	for (size_t i = 0; i < q->n.heard; i++)
		if (q->peers[i]->counts)
			out[found++] = q->peers[i];
	return found;
}

struct kadq_counts
kadq_counts(const struct kadq *q)
{
	return q->n;
}
