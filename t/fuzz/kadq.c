/* SPDX-License-Identifier: ISC
 *
 * A lookup and the answers of peers who say anything: after any calls the
 * counts agree, no ceiling is passed, nobody is asked twice, and it ends. */
#include "proto/kadq.h"
#include "wire/msg/kad.h"

#include <stdlib.h>
#include <string.h>

enum { POOL = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct play {
	struct kadq_conf conf;
	struct kadkey target;
	struct peerid pool[POOL]; /* the first is self */
	struct peerid asked[256]; /* in the order of asking */
	size_t n_asked;
	bool over, stopped;
	struct kadq *q;
};

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
begin(struct play *y, struct slice *in)
{
	uint8_t key[36] = { 8, 1, 18, 32 };

	*y = (struct play){ 0 };
	y->conf.k = get_u8(in) % 32;
	y->conf.alpha = get_u8(in) % 16;
	y->conf.beta = get_u8(in) % 32;
	y->conf.paths = get_u8(in) % 10;
	y->conf.most_heard = get_u8(in);
	y->conf.most_asked = get_u8(in);
	y->conf.from_one = get_u8(in) % 32;
	y->conf.private_too = get_u8(in) & 1;
	for (size_t i = 0; i < POOL; i++) {
		key[4] = (uint8_t)i;
		y->pool[i] = peerid_of_key(slice_of(key, sizeof key));
	}
	y->target = kadkey_of(get_bytes(in, 1));
	y->q = kadq_new(&y->conf, &y->target, &y->pool[0]);
}

static void
check(const struct play *y)
{
	const struct kadq_peer *near[256];
	struct kadq_counts c = kadq_counts(y->q);
	size_t n = kadq_nearest(y->q, near, 256);

	must(c.asked == y->n_asked);
	must(c.asked == c.open + c.answered + c.failed);
	must(c.asked <= c.heard && c.heard <= y->conf.most_heard);
	must(c.asked <= y->conf.most_asked);
	must(c.open <= (y->conf.alpha ? y->conf.alpha : 1));
	must(n == c.answered);
	for (size_t i = 0; i < n; i++) {
		must(near[i]->state == KADQ_ANSWERED);
		must(near[i]->hops <= c.hops);
		must(i == 0 || kadkey_nearer(&y->target, &near[i - 1]->key,
				   &near[i]->key) < 0);
	}
	must(kadq_get(y->q, &y->pool[0]) == NULL);
}

static int
ask(struct play *y)
{
	const struct kadq_peer *p;
	int r = kadq_ask(y->q, &p);

	must((r == 1) == (p != NULL));
	must(!y->over || r == -1);
	must(!y->stopped || r < 1);
	must(r != 0 || kadq_counts(y->q).open > 0);
	y->over = r == -1;
	if (r < 1)
		return r;
	must(p->state == KADQ_ASKED && kadq_get(y->q, &p->id) == p);
	for (size_t i = 0; i < y->n_asked; i++)
		must(!peerid_eq(&p->id, &y->asked[i]));
	y->asked[y->n_asked++] = p->id;
	return r;
}

/* Somebody of the pool, or one who was asked. */
static const struct peerid *
who(const struct play *y, uint8_t byte)
{
	if (byte < POOL || y->n_asked == 0)
		return &y->pool[byte % POOL];
	return &y->asked[byte % y->n_asked];
}

/* As many of the pool as the next byte says. */
static void
answer_pool(struct play *y, struct slice *in)
{
	struct kad_peer list[POOL] = { 0 };
	const struct peerid *id = who(y, get_u8(in));
	size_t n = get_u8(in) % POOL;

	for (size_t i = 0; i < n; i++) {
		list[i].has_id = true;
		list[i].id = peerid_bytes(&y->pool[get_u8(in) % POOL]);
	}
	must(kadq_answered(y->q, id, list, n) <= y->conf.from_one);
}

/* A message as it came. */
static void
answer_wire(struct play *y, struct slice *in)
{
	const struct peerid *id = who(y, get_u8(in));
	size_t n = get_u16(in);
	struct kad_msg msg;

	if (pb_decode(&kad_msg_desc, get_bytes(in, n < in->n ? n : in->n),
		&msg, NULL) == 0)
		must(kadq_answered(y->q, id, msg.closer, msg.n_closer) <=
		     y->conf.from_one);
}

static void
step(struct play *y, struct slice *in)
{
	struct kadaddrs none = { 0 };

	switch (get_u8(in) % 8) {
	case 0:
		kadq_seed(y->q, who(y, get_u8(in)), &none);
		break;
	case 1:
		answer_pool(y, in);
		break;
	case 2:
		answer_wire(y, in);
		break;
	case 3:
		kadq_failed(y->q, who(y, get_u8(in)));
		break;
	case 4:
		if (get_u8(in) == 0) {
			kadq_stop(y->q);
			y->stopped = true;
		}
		break;
	default:
		ask(y);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in = slice_of(p, n);
	static struct play y;

	begin(&y, &in);
	while (in.n > 0) {
		step(&y, &in);
		check(&y);
	}
	/* whoever is asked from now on fails */
	for (int r = 0; r >= 0; r = ask(&y))
		if (r == 0)
			for (size_t i = 0; i < y.n_asked; i++)
				kadq_failed(y.q, &y.asked[i]);
	check(&y);
	kadq_free(y.q);
	return 0;
}
