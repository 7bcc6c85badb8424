/* SPDX-License-Identifier: ISC
 *
 * The rules of a lookup one by one; t/proto/kadq_net.c has whole lookups. */
#include "t/proto/kadq_pool.h"
#include "t/tap.h"

static bool
is_nearest(const struct kadq *q, const size_t *want, size_t n)
{
	const struct kadq_peer *got[POOL];

	if (kadq_nearest(q, got, POOL) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!peerid_eq(&got[i]->id, &pool[want[i]]))
			return false;
	return true;
}

static void
test_order(void)
{
	static const size_t want[] = { 1, 2, 4, 5 };
	const struct kadq_peer *p;
	struct kadq *q = begin(&usual);

	is_int(ask(q), -2, "without seeds it is over");
	kadq_free(q);
	q = begin(&usual);
	seed(q, 5, 8);
	is_int(ask(q), 5, "the nearest first");
	is_int(ask(q), 6, "then the next");
	is_int(ask(q), -1, "alpha are open");
	is_int(answer(q, 5, 1, 5), 4, "four new ones");
	is_int(ask(q), 1, "a nearer one is next");
	is_int(answer(q, 1, 1, 6), 0, "an answer without anything new");
	kadq_failed(q, &pool[6]);
	is_int(ask(q), 2, "and the next");
	is_int(ask(q), 3, "alpha again");
	kadq_failed(q, &pool[3]);
	is_int(ask(q), 4, "one that failed makes room");
	answer(q, 4, 0, 0);
	is_int(ask(q), -1, "one of the k nearest is awaited, no farther asked");
	answer(q, 2, 0, 0);
	is_int(ask(q), -2, "the k nearest that did not fail have answered");
	ok(is_nearest(q, want, 4), "those that answered, nearest first");
	p = kadq_get(q, &pool[3]);
	ok(p && p->state == KADQ_FAILED && p->hops == 1, "one hop, failed");
	p = kadq_get(q, &pool[7]);
	ok(p && p->state == KADQ_HEARD && p->hops == 0, "a seed, only heard");
	ok(kadq_get(q, &pool[9]) == NULL, "one nobody named");
	seed(q, 0, 1);
	is_int(ask(q), -2, "what is over stays over");
	kadq_free(q);
	kadq_free(NULL);
}

static void
test_counts(void)
{
	const struct kadq_peer *out[2];
	struct kadq_counts c;
	struct kadq *q = begin(&usual);

	seed(q, 9, 12);
	seed(q, 9, 12);
	ask(q);
	ask(q);
	answer(q, 9, 8, 9);
	ask(q);
	answer(q, 8, 7, 8);
	ask(q);
	c = kadq_counts(q);
	is_int(c.heard, 5, "remembered, a second seed is none");
	is_int(c.asked, 4, "asked");
	is_int(c.answered, 2, "answered");
	is_int(c.open, 2, "open");
	is_int(c.failed, 0, "failed");
	is_int(c.ignored, 0, "ignored");
	is_int(c.hops, 1, "the hops are those of one that answered");
	kadq_failed(q, &pool[10]);
	answer(q, 7, 0, 0);
	c = kadq_counts(q);
	is_int(c.open, 0, "none open");
	is_int(c.failed, 1, "one failed");
	is_int(c.hops, 2, "two hops");
	ask(q);
	answer(q, 11, 0, 0);
	c = kadq_counts(q);
	ok(c.answered == 4 && c.hops == 2, "which a seed does not lessen");
	is_int(kadq_nearest(q, out, 2), 2, "no more than there is room for");
	ok(peerid_eq(&out[0]->id, &pool[7]), "the nearest of them");
	kadq_free(q);
}

static void
test_late(void)
{
	struct kadq *q = begin(&usual);
	struct kadq_counts c;

	seed(q, 9, 10);
	is_int(answer(q, 9, 1, 3), 0, "an answer of one not asked");
	is_int(answer(q, 30, 1, 3), 0, "and of one unknown");
	kadq_failed(q, &pool[9]);
	kadq_failed(q, &pool[30]);
	c = kadq_counts(q);
	ok(c.failed == 0 && c.answered == 0 && c.heard == 1, "count nothing");
	ask(q);
	kadq_failed(q, &pool[9]);
	is_int(answer(q, 9, 1, 3), 0, "an answer after the failure");
	kadq_failed(q, &pool[9]);
	c = kadq_counts(q);
	ok(c.failed == 1 && c.answered == 0 && c.open == 0, "fails once");
	kadq_free(q);
	q = begin(&usual);
	seed(q, 9, 10);
	ask(q);
	answer(q, 9, 0, 0);
	is_int(answer(q, 9, 1, 3), 0, "a second answer");
	kadq_failed(q, &pool[9]);
	c = kadq_counts(q);
	ok(c.failed == 0 && c.answered == 1, "no failure after the answer");
	kadq_free(q);
}

static void
test_names(void)
{
	static const uint8_t bad[] = { 0x12, 0x20, 1, 2, 3 };
	struct kad_peer list[5] = { 0 };
	struct kadaddrs none = { 0 };
	struct peerid nobody = { 0 };
	struct kadq *q = begin(&usual);

	kadq_seed(q, &self, &none);
	kadq_seed(q, &nobody, &none);
	is_int(kadq_counts(q).heard, 0, "self and nobody are no seeds");
	seed(q, 9, 10);
	ask(q);
	list[0] = named(&self, public_addr);
	list[1] = named(&pool[9], public_addr);
	list[2] = named(&pool[1], public_addr);
	list[2].id = slice_of(bad, sizeof bad);
	list[4] = named(&pool[1], public_addr);
	is_int(kadq_answered(q, &pool[9], list, 5), 1,
	    "self, the answerer, a malformed id and none are left out");
	is_int(kadq_counts(q).heard, 2, "and not remembered");
	ok(kadq_get(q, &self) == NULL, "self is not known");
	is_int(kadq_counts(q).ignored, 0, "nor counted as too many");
	kadq_free(q);
}

static void
test_addrs(void)
{
	struct kadq_conf conf = usual;
	struct kadaddrs addrs = { 0 };
	struct slice list[KADADDRS_N] = { 0 };
	struct kad_peer peer[2];
	struct kadq *q = begin(&conf);

	list[0] = slice_of(public_addr, sizeof public_addr);
	kadaddrs_set(&addrs, list, 1, &pool[8], false);
	kadq_seed(q, &pool[8], &addrs);
	kadaddrs_free(&addrs);
	list[0] = slice_of(NULL, 0);
	is_int(kadaddrs_list(&kadq_get(q, &pool[8])->addrs, list), 1,
	    "a seed's address is copied");
	is_bytes(list[0].p, list[0].n, public_addr, sizeof public_addr,
	    "as it is");
	seed(q, 9, 10);
	ask(q);
	ask(q);
	peer[0] = named(&pool[10], private_addr);
	peer[1] = named(&pool[11], private_addr);
	peer[1].n_addrs = 2;
	peer[1].addrs[1] = slice_of(public_addr, sizeof public_addr);
	kadq_answered(q, &pool[8], peer, 2);
	is_int(kadq_get(q, &pool[10])->addrs.n, 0, "private ones are left out");
	list[0] = slice_of(NULL, 0);
	is_int(kadaddrs_list(&kadq_get(q, &pool[11])->addrs, list), 1,
	    "public ones are kept");
	is_bytes(list[0].p, list[0].n, public_addr, sizeof public_addr,
	    "and are what was said");
	peer[0] = named(&pool[10], public_addr);
	peer[1] = named(&pool[11], private_addr);
	is_int(kadq_answered(q, &pool[9], peer, 2), 0, "named once more");
	is_int(kadq_get(q, &pool[10])->addrs.n, 1,
	    "with an address where there was none");
	is_int(kadq_get(q, &pool[11])->addrs.n, 1,
	    "where there was one it stays");
	is_int(ask(q), 10, "the next two");
	is_int(ask(q), 11, "are those");
	peer[0] = named(&pool[7], private_addr);
	kadq_answered(q, &pool[10], peer, 1);
	is_int(ask(q), 7, "and one without an address");
	peer[0] = named(&pool[7], public_addr);
	kadq_answered(q, &pool[11], peer, 1);
	is_int(kadq_get(q, &pool[7])->addrs.n, 0,
	    "which does not change under the asker");
	kadq_free(q);
	conf.private_too = true;
	q = begin(&conf);
	seed(q, 9, 10);
	ask(q);
	peer[0] = named(&pool[10], private_addr);
	kadq_answered(q, &pool[9], peer, 1);
	is_int(kadq_get(q, &pool[10])->addrs.n, 1, "private_too keeps them");
	kadq_free(q);
}

static void
test_ceilings(void)
{
	struct kadq_conf conf = usual;
	struct kadq *q;

	conf.most_heard = 6;
	conf.from_one = 4;
	q = begin(&conf);
	seed(q, 20, 22);
	ask(q);
	ask(q);
	is_int(answer(q, 20, 30, 36), 4, "from_one are looked at");
	is_int(kadq_counts(q).ignored, 2, "the others are ignored");
	is_int(answer(q, 21, 10, 12), 2, "nearer ones are taken in");
	is_int(kadq_counts(q).heard, 6, "at the ceiling");
	ok(kadq_get(q, &pool[31]) && !kadq_get(q, &pool[32]) &&
	    !kadq_get(q, &pool[33]), "the farthest made room");
	ask(q);
	is_int(answer(q, 10, 40, 41), 0, "a farther one is not taken");
	is_int(kadq_counts(q).ignored, 3, "but counted");
	kadq_free(q);

	conf.most_heard = 2;
	q = begin(&conf);
	seed(q, 20, 22);
	seed(q, 5, 6);
	seed(q, 30, 31);
	ok(kadq_get(q, &pool[5]) && !kadq_get(q, &pool[21]) &&
	    !kadq_get(q, &pool[30]), "seeds have the same ceiling");
	ask(q);
	ask(q);
	is_int(answer(q, 5, 0, 2), 0, "who was asked makes no room");
	ok(kadq_get(q, &pool[20]) != NULL, "and stays");
	kadq_free(q);
}

static void
test_asked(void)
{
	struct kadq_conf conf = usual;
	struct kadq *q;

	conf.most_asked = 3;
	q = begin(&conf);
	seed(q, 10, 20);
	ask(q);
	ask(q);
	kadq_failed(q, &pool[10]);
	is_int(ask(q), 12, "the last that may be asked");
	kadq_failed(q, &pool[11]);
	is_int(ask(q), -1, "no more, but one is open");
	answer(q, 12, 1, 3);
	is_int(ask(q), -2, "over when it is in");
	kadq_free(q);

	q = begin(&usual);
	seed(q, 10, 20);
	ask(q);
	ask(q);
	kadq_stop(q);
	is_int(ask(q), -1, "stopped: what is open is awaited");
	is_int(answer(q, 10, 1, 3), 2, "and may answer");
	is_int(ask(q), -1, "which starts nothing");
	kadq_failed(q, &pool[11]);
	is_int(ask(q), -2, "then it is over");
	kadq_free(q);
}

/* Path 1 has only far ones, none of the k nearest: what it asks shows beta. */
static void
test_converged(void)
{
	struct kadq_conf conf = usual;
	struct kadq *q;

	conf.paths = 2;
	conf.beta = 2;
	q = begin(&conf);
	for (size_t i = 0; i < 6; i++) {
		seed(q, 4 + i, 5 + i);
		seed(q, 20 + i, 21 + i);
	}
	is_int(ask(q), 4, "the first path's nearest");
	is_int(ask(q), 20, "the second path's");
	is_int(ask(q), -1, "each has its share of alpha open");
	answer(q, 20, 0, 0);
	is_int(ask(q), 21, "the second path's next");
	kadq_failed(q, &pool[21]);
	is_int(ask(q), 22, "instead of one that failed another");
	answer(q, 22, 0, 0);
	is_int(ask(q), -1, "beta have answered: converged");
	answer(q, 4, 0, 0);
	is_int(ask(q), 5, "the first has not");
	is_int(answer(q, 5, 0, 0), 0, "now it has");
	is_int(ask(q), 6, "the follow-up: of the k nearest those not asked");
	is_int(ask(q), 7, "alpha at once, whosever path");
	is_int(ask(q), -1, "not more");
	is_int(answer(q, 6, 2, 4), 2, "it hears of nearer ones");
	is_int(ask(q), 2, "who are asked as well");
	kadq_failed(q, &pool[7]);
	is_int(ask(q), 3, "all");
	kadq_failed(q, &pool[2]);
	is_int(ask(q), -1, "the k nearest that did not fail are 3 to 6");
	answer(q, 3, 0, 0);
	is_int(ask(q), -2, "and have all answered");
	kadq_free(q);
}

static void
test_follow_up_ends(void)
{
	struct kadq_conf conf = usual;
	struct kadq *q;

	conf.paths = 2;
	conf.beta = 1;
	q = begin(&conf);
	seed(q, 10, 12);
	ask(q);
	ask(q);
	kadq_failed(q, &pool[10]);
	is_int(ask(q), -1, "one path has nobody left, the other is awaited");
	is_int(answer(q, 11, 12, 13), 1, "which has converged with this");
	is_int(ask(q), 12, "fewer than k: all are asked");
	kadq_failed(q, &pool[12]);
	is_int(ask(q), -2, "nobody is left");
	kadq_free(q);
}

static void
test_paths(void)
{
	struct kadq_conf conf = usual;
	size_t open[3] = { 0 };
	struct kadq *q;

	conf.alpha = conf.k = conf.beta = 10;
	conf.paths = 3;
	q = begin(&conf);
	seed(q, 10, 40);
	for (int i; (i = ask(q)) >= 0;)
		open[kadq_get(q, &pool[i])->path]++;
	ok(open[0] == 4 && open[1] == 3 && open[2] == 3,
	    "alpha is shared, the remainder to the first path");
	ok(kadq_get(q, &pool[10])->path == 0 &&
	    kadq_get(q, &pool[11])->path == 1 &&
	    kadq_get(q, &pool[12])->path == 2 &&
	    kadq_get(q, &pool[13])->path == 0, "seeds are dealt in turn");
	is_int(answer(q, 11, 1, 2), 1, "the second path hears of one");
	is_int(answer(q, 10, 1, 3), 1, "the first names it too");
	is_int(kadq_get(q, &pool[1])->path, 1, "who heard first has it");
	is_int(kadq_get(q, &pool[2])->path, 0, "each path its own");
	kadq_free(q);
	conf.alpha = 2;
	conf.paths = 5;
	q = begin(&conf);
	seed(q, 10, 13);
	is_int(kadq_get(q, &pool[12])->path, 0, "no more paths than alpha");
	kadq_free(q);
	conf.alpha = 20;
	conf.paths = 20;
	q = begin(&conf);
	seed(q, 10, 19);
	is_int(kadq_get(q, &pool[18])->path, 0, "and than eight");
	kadq_free(q);
	conf.alpha = conf.paths = 0;
	q = begin(&conf);
	seed(q, 10, 11);
	is_int(ask(q), 10, "at least one path, and one question");
	kadq_free(q);
}

/* A path that is told of ever nearer peers leaves the other its share. */
static void
test_shares(void)
{
	struct kadq_conf conf = usual;
	struct kadq *q;

	conf.paths = 2;
	conf.most_heard = 6;
	q = begin(&conf);
	seed(q, 30, 34);
	ask(q);
	ask(q);
	is_int(answer(q, 30, 0, 4), 2, "of four nearer than all others two");
	ok(kadq_get(q, &pool[31]) && kadq_get(q, &pool[33]),
	    "push out none of another path");
	ok(!kadq_get(q, &pool[32]) && kadq_get(q, &pool[1]) &&
	    !kadq_get(q, &pool[3]), "but of their own");
	is_int(kadq_counts(q).heard, 5, "the share is kept");
	is_int(kadq_counts(q).ignored, 2, "the rest is ignored");
	kadq_free(q);

	conf = usual;
	conf.paths = 2;
	conf.most_asked = 4;
	q = begin(&conf);
	seed(q, 10, 20);
	is_int(ask(q), 10, "the first path asks");
	is_int(ask(q), 11, "the second is slow");
	answer(q, 10, 0, 0);
	is_int(ask(q), 12, "the first path asks again");
	answer(q, 12, 0, 0);
	is_int(ask(q), -1, "its share of most_asked is used up");
	answer(q, 11, 0, 0);
	is_int(ask(q), 13, "the second still has its own");
	answer(q, 13, 0, 0);
	is_int(ask(q), -2, "then it ends");
	kadq_free(q);
}

/* The second path has nobody; the first has used up its share. */
static void
test_spent(void)
{
	struct kadq_conf conf = usual;
	struct kadq *q;

	conf.paths = 2;
	conf.most_asked = 4;
	q = begin(&conf);
	seed(q, 10, 13);
	is_int(ask(q), 10, "each path");
	is_int(ask(q), 11, "asks its seed");
	answer(q, 11, 0, 0);
	is_int(answer(q, 10, 13, 15), 2, "two more for the first");
	is_int(ask(q), 12, "which asks once more");
	is_int(ask(q), 13, "and then the follow-up asks");
	is_int(ask(q), -1, "up to most_asked");
	kadq_failed(q, &pool[12]);
	kadq_failed(q, &pool[13]);
	is_int(ask(q), -2, "and not more");
	kadq_free(q);
}

static void
test_hops(void)
{
	struct kadq_conf conf = usual;
	struct kad_peer next;
	struct kadq *q;
	uint8_t key[36] = { 8, 1, 18, 32 };
	struct peerid id = pool[0], other;

	conf.k = conf.most_heard = conf.most_asked = 300;
	q = begin(&conf);
	seed(q, 0, 1);
	for (unsigned i = 1; ask(q) != -2 && i < 300; i++) {
		key[4] = (uint8_t)i;
		key[5] = (uint8_t)(1 + i / 256);
		other = peerid_of_key(slice_of(key, sizeof key));
		next = named(&other, public_addr);
		kadq_answered(q, &id, &next, 1);
		id = other;
	}
	is_int(kadq_counts(q).hops, 255, "hops stop at 255");
	is_int(kadq_get(q, &id)->hops, 255, "and do not begin again");
	kadq_free(q);
}

int
main(void)
{
	pool_init();
	test_order();
	test_counts();
	test_late();
	test_names();
	test_addrs();
	test_ceilings();
	test_asked();
	test_converged();
	test_follow_up_ends();
	test_paths();
	test_shares();
	test_spent();
	test_hops();
	return tap_done();
}
