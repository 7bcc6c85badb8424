/* SPDX-License-Identifier: ISC
 *
 * A world of its own: a clock that jumps from event to event, a queue of what
 * is to come, chance from one seed, and a digest of all that was noted.  The
 * same seed makes the same world. */
#ifndef T_SIM_WORLD_H
#define T_SIM_WORLD_H

#include "base/mem.h"
#include "base/msec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct event {
	msec at;
	uint64_t order; /* of two at the same time, the one first planned */
	unsigned what; /* the simulator's own numbers */
	void *who;
	size_t n;
};

struct world {
	msec now;
	uint64_t chance;
	uint64_t digest;
	uint64_t planned, happened;
	struct event *heap;
	size_t n, cap;
};

/* Steele, Lea and Flood's SplitMix64. */
static inline uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static inline uint64_t
chance(struct world *w)
{
	w->chance += 0x9e3779b97f4a7c15u;
	return mix(w->chance);
}

/* least .. most, both possible. */
static inline uint64_t
pick(struct world *w, uint64_t least, uint64_t most)
{
	return least + chance(w) % (most - least + 1);
}

static inline bool
percent(struct world *w, unsigned of)
{
	return chance(w) % 100 < of;
}

static inline void
chance_bytes(struct world *w, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)chance(w);
}

/* A sum, because streams of one connection whose deadlines pass in the same
 * millisecond come in the order of a map with a random key. */
static inline void
note(struct world *w, uint64_t who, uint64_t what, uint64_t n)
{
	w->digest += mix(mix(mix((uint64_t)w->now + 1) + who) +
	    (what << 40) + n);
}

static inline bool
before(const struct event *a, const struct event *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static inline void
swap(struct event *a, struct event *b)
{
	struct event c = *a;

	*a = *b;
	*b = c;
}

static inline void
plan(struct world *w, msec at, unsigned what, void *who, size_t n)
{
	size_t i = w->n++;

	if (w->n > w->cap) {
		w->cap = w->cap ? 2 * w->cap : 1024;
		w->heap = mem_resize(w->heap, w->cap * sizeof *w->heap);
	}
	w->heap[i] = (struct event){ at, w->planned++, what, who, n };
	for (; i > 0 && before(&w->heap[i], &w->heap[(i - 1) / 2]);
	    i = (i - 1) / 2)
		swap(&w->heap[i], &w->heap[(i - 1) / 2]);
}

/* The next thing to happen; the clock goes there.  false: nothing. */
static inline bool
next(struct world *w, struct event *e)
{
	size_t i = 0, least;

	if (w->n == 0)
		return false;
	*e = w->heap[0];
	w->heap[0] = w->heap[--w->n];
	for (;;) {
		least = i;
		for (size_t kid = 2 * i + 1; kid <= 2 * i + 2; kid++)
			if (kid < w->n &&
			    before(&w->heap[kid], &w->heap[least]))
				least = kid;
		if (least == i)
			break;
		swap(&w->heap[i], &w->heap[least]);
		i = least;
	}
	w->now = e->at;
	w->happened++;
	return true;
}

#endif
