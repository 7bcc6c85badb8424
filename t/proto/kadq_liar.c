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

int
main(void)
{
	pool_init();
	test_liar();
	return tap_done();
}
