/* SPDX-License-Identifier: ISC
 *
 * Who names peers that do not answer. */
#include "t/proto/kadq_pool.h"
#include "t/tap.h"

static void
fail(struct kadq *q, size_t who)
{
	kadq_failed(q, &pool[who]);
}

static void
test_liar(void)
{
	struct kadq_conf conf = usual;
	struct kadq *q;

	conf.k = conf.beta = 20;
	conf.alpha = 1;
	q = begin(&conf);
	seed(q, 60, 62);
	is_int(ask(q), 60, "a liar");
	is_int(answer(q, 60, 0, 10), 10, "names ten");
	for (int i = 0; i < 4; i++) {
		is_int(ask(q), i, "the nearest is asked");
		fail(q, (size_t)i);
	}
	is_int(ask(q), 61, "four failed: the others are not asked");
	is_int(answer(q, 61, 6, 8), 0, "an honest one names two of them");
	is_int(ask(q), 6, "then they are");
	fail(q, 6);
	is_int(ask(q), 7, "one after the other");
	answer(q, 7, 0, 0);
	is_int(ask(q), -2, "and nobody else");
	kadq_free(q);

	q = begin(&conf);
	seed(q, 60, 61);
	ask(q);
	answer(q, 60, 0, 10);
	for (int i = 0; i < 3; i++) {
		ask(q);
		fail(q, (size_t)i);
	}
	ask(q);
	answer(q, 3, 0, 0);
	for (int i = 4; i < 8; i++) {
		is_int(ask(q), i, "with one that answered all are asked");
		fail(q, (size_t)i);
	}
	is_int(ask(q), 8, "however many fail");
	kadq_free(q);
}

/* Peers of one network, and some of others behind them. */
static void
test_group(void)
{
	struct kadq_conf conf = usual;
	const struct kadq_peer *near[4];
	struct kadaddrs a = { 0 };
	struct kadq *q;

	conf.alpha = conf.per_group = 2;
	q = begin(&conf);
	seed(q, 60, 61);
	ask(q);
	answer(q, 60, 0, 8);
	a.from = 7;
	kadq_seed(q, &pool[8], &a);
	kadq_seed(q, &pool[9], &a);
	for (int i = 0; i < 2; i++) {
		is_int(ask(q), i, "one of a network is asked");
		answer(q, (size_t)i, 0, 0);
	}
	is_int(ask(q), 8, "more of it are not, while there are others");
	is_int(ask(q), 9, "of which two");
	answer(q, 8, 0, 0);
	fail(q, 9);
	is_int(ask(q), -2, "the four nearest that count have answered");
	is_int(kadq_nearest(q, near, 4), 4, "those are what was found");
	ok(peerid_eq(&near[2]->id, &pool[8]) &&
	    peerid_eq(&near[3]->id, &pool[60]), "the nearest first");
	kadq_free(q);

	q = begin(&conf);
	seed(q, 60, 61);
	ask(q);
	answer(q, 60, 0, 8);
	for (int i = 0; i < 3; i++) {
		is_int(ask(q), i, "with nobody else, as ever");
		answer(q, (size_t)i, 0, 0);
	}
	is_int(kadq_nearest(q, near, 4), 4, "all of them count");
	kadq_free(q);
}

int
main(void)
{
	pool_init();
	test_liar();
	test_group();
	return tap_done();
}
