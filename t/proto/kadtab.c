/* SPDX-License-Identifier: ISC
 *
 * Who is in the table; t/proto/kadtab_wish.c has what it wishes. */
#include "t/proto/kadtable.h"

#include <stdlib.h>

static const struct kadtab_conf usual = {
	.k = K, .group_bucket = 2, .group_table = 3,
	.check = CHECK, .refresh = CHECK, .failures = 2,
};
static void
test_heard(void)
{
	const struct kadtab_peer *p;
	struct slice list[KADADDRS_N];

	begin(&usual);
	is_int(kadtab_size(t), 0, "an empty table");
	is_int(kadtab_heard(t, &self, &none, BEGIN), KADTAB_SELF, "not self");
	ok(!kadtab_wants(t, &self), "who is not wanted");
	ok(kadtab_wants(t, &pool[0][0]), "others are");
	is_int(heard_at(0, 0, NETS(0x0102), BEGIN + 5), KADTAB_ADDED, "a peer");
	ok(!kadtab_wants(t, &pool[0][0]), "is wanted once");
	p = kadtab_get(t, &pool[0][0]);
	ok(p && peerid_eq(&p->id, &pool[0][0]), "it is in the table");
	is_int(p->added, BEGIN + 5, "since then");
	is_int(p->heard, BEGIN + 5, "heard then");
	is_int(p->asked, 0, "never asked");
	is_int(p->ngroups, 1, "of one network");
	is_int(kadkey_common(&place, &p->key), 0, "at its place");
	is_int(heard_at(0, 0, NETS(0x0103, 0x0104), BEGIN + 9), KADTAB_KNOWN,
	    "again");
	ok(kadtab_get(t, &pool[0][0]) == p, "it is the same");
	is_int(p->added, BEGIN + 5, "added when it was");
	is_int(p->heard, BEGIN + 9, "heard now");
	is_int(kadaddrs_list(&p->addrs, list), 2, "with the new addresses");
	is_int(p->ngroups, 2, "and their networks");
	is_int(heard(0, 0, BEGIN + 10), KADTAB_KNOWN, "told none");
	is_int(p->addrs.n, 2, "it keeps those it had");
	is_int(kadtab_size(t), 1, "one peer");
	is_int(kadtab_waiting(t), 0, "nobody waits");
	ok(kadtab_get(t, &pool[0][1]) == NULL, "nobody else is there");
	kadtab_drop(t, &pool[0][0], BEGIN);
	ok(!has(0, 0) && kadtab_size(t) == 0, "dropped");
	kadtab_drop(t, &pool[0][0], BEGIN);
	ok(!kadtab_failed(t, &pool[0][0], BEGIN), "who is not there is not");
	kadtab_free(t);
	kadtab_free(NULL);
}

static void
test_failed(void)
{
	begin(&still);
	heard(0, 0, BEGIN);
	ok(!kadtab_failed(t, &pool[0][0], BEGIN), "a failure");
	is_int(kadtab_get(t, &pool[0][0])->fails, 1, "is counted");
	heard(0, 0, BEGIN);
	is_int(kadtab_get(t, &pool[0][0])->fails, 0, "until it answers");
	kadtab_failed(t, &pool[0][0], BEGIN);
	ok(has(0, 0), "one more does not drop it");
	ok(kadtab_failed(t, &pool[0][0], BEGIN), "two in a row do");
	ok(!has(0, 0), "it is gone");
	ok(kadtab_wants(t, &pool[0][0]), "and may come again");
	is_int(heard(0, 0, BEGIN), KADTAB_ADDED, "as a new one");
	is_int(kadtab_get(t, &pool[0][0])->fails, 0, "without a past");
	kadtab_free(t);
}

static void
test_replacements(void)
{
	begin(&still);
	fill(1);
	is_int(heard(1, 4, BEGIN + 4), KADTAB_WAITS, "a full bucket");
	is_int(heard(2, 0, BEGIN), KADTAB_ADDED, "the next one is not");
	ok(!has(1, 4), "who waits is not in the table");
	is_int(kadtab_size(t), K + 1, "nor of its size");
	is_int(kadtab_waiting(t), 1, "it waits");
	ok(!kadtab_wants(t, &pool[1][4]), "and need not be asked");
	ok(kadtab_wants(t, &pool[1][5]), "another may wait as well");
	heard(1, 5, BEGIN + 5);
	heard(1, 6, BEGIN + 6);
	is_int(heard(1, 5, BEGIN + 7), KADTAB_WAITS, "heard last");
	kadtab_failed(t, &pool[1][2], BEGIN + 10);
	ok(has(1, 2) && kadtab_waiting(t) == 3,
	    "one failure makes no room");
	is_int(kadtab_failed(t, &pool[1][2], BEGIN + 10), true, "two do");
	ok(has(1, 5) && !has(1, 4) && !has(1, 6), "for who was heard last");
	is_int(kadtab_get(t, &pool[1][5])->added, BEGIN + 10, "added now");
	is_int(kadtab_get(t, &pool[1][5])->heard, BEGIN + 7, "heard then");
	is_int(kadtab_waiting(t), 2, "two wait");
	is_int(kadtab_size(t), K + 1, "the bucket is full again");
	kadtab_drop(t, &pool[1][5], BEGIN + 11);
	ok(has(1, 6), "the next one, for one that was dropped");
	kadtab_drop(t, &pool[1][4], BEGIN + 12);
	is_int(kadtab_waiting(t), 0, "one that waits can be dropped");
	is_int(heard(1, 7, BEGIN + 13), KADTAB_WAITS, "another");
	ok(!kadtab_failed(t, &pool[1][7], BEGIN + 14), "fails once");
	ok(kadtab_failed(t, &pool[1][7], BEGIN + 14), "and twice");
	is_int(kadtab_waiting(t), 0, "and does not wait any more");
	kadtab_free(t);
}

static void
test_replacements_ceiling(void)
{
	begin(&still);
	fill(0);
	for (unsigned i = 0; i < KADTAB_REPLACEMENTS + 2; i++)
		heard(0, K + i, BEGIN + 100 + i);
	is_int(kadtab_waiting(t), KADTAB_REPLACEMENTS, "at most so many wait");
	ok(!kadtab_wants(t, &pool[0][K]), "nobody is asked to join them");
	heard(0, K + 2, BEGIN + 200);
	/* the oldest two have gone, the third was heard last */
	for (unsigned i = 0; i < KADTAB_REPLACEMENTS; i++)
		kadtab_drop(t, &pool[0][i < K ? i : K + 24 - i], BEGIN + 300);
	ok(has(0, K + 2), "who was heard again was first");
	ok(!has(0, K) && !has(0, K + 1), "the oldest had gone");
	is_int(kadtab_waiting(t), 0, "all others came in or were dropped");
	kadtab_free(t);
}

/* Two of a network in a bucket, three in the table. */
static void
test_groups(void)
{
	begin(&usual);
	heard_at(0, 0, NETS(0x0101), BEGIN);
	heard_at(0, 1, NETS(0x0101, 0x0201), BEGIN);
	is_int(heard_at(0, 2, NETS(0x0101), BEGIN), KADTAB_GROUP_BUCKET,
	    "a third in the bucket");
	is_int(heard_at(0, 2, NETS(0x0301, 0x0101), BEGIN),
	    KADTAB_GROUP_BUCKET, "whichever of its networks it is");
	ok(!has(0, 2), "is not taken");
	is_int(kadtab_waiting(t), 0, "and does not wait");
	is_int(heard_at(1, 0, NETS(0x0101), BEGIN), KADTAB_ADDED,
	    "one in another bucket");
	is_int(heard_at(2, 0, NETS(0x0101), BEGIN), KADTAB_GROUP_TABLE,
	    "a fourth in the table");
	is_int(heard_at(2, 0, NETS(0x0102), BEGIN), KADTAB_ADDED,
	    "of another network it may come");
	is_int(heard_at(0, 2, NETS(0x0201), BEGIN), KADTAB_ADDED,
	    "a peer counts for each of its networks");
	is_int(heard_at(0, 3, NETS(0x0201), BEGIN), KADTAB_GROUP_BUCKET,
	    "for its second as well");
	kadtab_drop(t, &pool[0][0], BEGIN);
	is_int(heard_at(2, 1, NETS(0x0101), BEGIN), KADTAB_ADDED,
	    "there is room when one has gone");
	for (unsigned i = 0; i < K; i++)
		is_int(heard_at(3, i, NETS(0x0a01), BEGIN), KADTAB_ADDED,
		    "private networks do not count");
	kadtab_free(t);
}

static void
test_groups_change(void)
{
	const struct kadtab_peer *p;

	begin(&usual);
	heard_at(0, 0, NETS(0x0101), BEGIN);
	heard_at(0, 1, NETS(0x0101), BEGIN);
	heard_at(0, 2, NETS(0x0201), BEGIN);
	is_int(heard_at(0, 1, NETS(0x0101, 0x0301), BEGIN), KADTAB_KNOWN,
	    "a peer does not stand in its own way");
	p = kadtab_get(t, &pool[0][1]);
	is_int(p->ngroups, 2, "it has a network more");
	kadtab_failed(t, &pool[0][2], BEGIN);
	heard_at(0, 2, NETS(0x0101), BEGIN + 1);
	p = kadtab_get(t, &pool[0][2]);
	ok(p->ngroups == 1 && (p->group[0] & 0xffff) == 0x0201,
	    "one that would break a limit keeps its addresses");
	is_int(p->addrs.p[3], 2, "the very same");
	ok(p->heard == BEGIN + 1 && p->fails == 0, "but was heard");
	heard_at(0, 1, NETS(0x0401), BEGIN);
	heard_at(0, 2, NETS(0x0101), BEGIN);
	ok((p->group[0] & 0xffff) == 0x0101, "until there is room");
	kadtab_free(t);
	begin(&still);
	for (unsigned i = 0; i < K; i++)
		is_int(heard_at(0, i, NETS(0x0101), BEGIN), KADTAB_ADDED,
		    "0 is no limit");
	kadtab_free(t);
}

/* Replacements do not count, but must pass when they are promoted. */
static void
test_groups_waiting(void)
{
	begin(&usual);
	for (unsigned i = 0; i < K; i++)
		heard_at(0, i, NETS(0x0101 + i), BEGIN);
	for (unsigned i = K; i < K + 3; i++)
		is_int(heard_at(0, i, NETS(0x0601), BEGIN + i), KADTAB_WAITS,
		    "who waits does not count");
	heard_at(0, 7, NETS(0x0701), BEGIN + 1);
	heard_at(0, 6, NETS(0x0601), BEGIN + 8);
	heard_at(0, 5, NETS(0x0601), BEGIN + 9);
	heard_at(0, 4, NETS(0x0601), BEGIN + 10);
	kadtab_drop(t, &pool[0][0], BEGIN + 20);
	kadtab_drop(t, &pool[0][1], BEGIN + 20);
	ok(has(0, 4) && has(0, 5), "two of a network come in");
	kadtab_drop(t, &pool[0][2], BEGIN + 20);
	ok(!has(0, 6), "the third does not");
	ok(has(0, 7), "the one that was heard before it does");
	kadtab_drop(t, &pool[0][3], BEGIN + 20);
	is_int(kadtab_size(t), K - 1, "there is room");
	is_int(kadtab_waiting(t), 1, "for one that waits");
	is_int(heard_at(0, 6, NETS(0x0801), BEGIN + 30), KADTAB_ADDED,
	    "it comes in when it answers from elsewhere");
	ok(has(0, 6) && kadtab_waiting(t) == 0, "and waits no more");
	is_int(heard_at(0, 8, NETS(0x0901), BEGIN + 31), KADTAB_WAITS,
	    "now the bucket is full");
	kadtab_free(t);
}

/* Claims of distant networks do not hide where packets come from. */
static void
test_groups_from(void)
{
	struct kadaddrs a = { 0 };

	begin(&usual);
	is_int(heard(0, 0, BEGIN), KADTAB_NO_ADDRS, "no address to count");
	ok(!has(0, 0), "does not enter");
	for (unsigned i = 0; i < 5; i++) {
		a = at(NETS(0x0101 + i));
		a.from = i < 4 ? 77 : 78;
		is_int(kadtab_heard(t, &pool[i / 2][i], &a, BEGIN),
		    i == 3 ? KADTAB_GROUP_TABLE : KADTAB_ADDED,
		    "peers at one place");
		kadaddrs_free(&a);
	}
	is_int(heard_at(3, 0, NETS(0x0201), BEGIN), KADTAB_ADDED, "unknown");
	is_int(heard_at(3, 0, NETS(0x0202), BEGIN), KADTAB_KNOWN, "still");
	a.from = 79;
	is_int(kadtab_heard(t, &pool[3][0], &a, BEGIN), KADTAB_KNOWN,
	    "from elsewhere");
	is_int(kadtab_get(t, &pool[3][0])->ngroups, 2, "which counts");
	is_int(heard_at(3, 0, NETS(0x0203), BEGIN), KADTAB_KNOWN, "and stays");
	is_int(kadtab_get(t, &pool[3][0])->ngroups, 2, "with other claims");
	a.from = 77;
	is_int(kadtab_heard(t, &pool[3][0], &a, BEGIN), KADTAB_GROUP_TABLE,
	    "from where there are too many");
	ok(!has(3, 0), "it is out");
	is_int(kadtab_size(t), 4, "the others are not");
	kadtab_free(t);
}

static int
by_distance(const void *a, const void *b, void *target)
{
	const struct kadtab_peer *const *x = a, *const *y = b;

	return kadkey_nearer(target, &(*x)->key, &(*y)->key);
}

/* As many as there are, none, one, and some, against sorting them all. */
static bool
nearest_of(struct kadkey target)
{
	const struct kadtab_peer *all[256], *got[256];
	unsigned bucket;
	size_t n = 0, i = 0;

	while ((all[n] = kadtab_next(t, &i, &bucket)) != NULL)
		n++;
	qsort_r(all, n, sizeof *all, by_distance, &target);
	for (size_t most = 0; most < 200; most += most < 25 ? 1 : 25) {
		size_t want = most < n ? most : n;

		if (kadtab_nearest(t, &target, got, most) != want ||
		    memcmp(all, got, want * sizeof *got) != 0)
			return false;
	}
	return true;
}

static void
test_nearest(void)
{
	struct kadtab_conf conf = still;
	const struct kadtab_peer *p;
	bool places = true, others = true, in_bucket = true, again = true;
	unsigned bucket, last = 0;
	size_t n = 0, i = 0;

	conf.k = 20;
	begin(&conf);
	ok(nearest_of(place), "nobody in an empty table");
	is_int(kadtab_next(t, &i, &bucket) == NULL, 1, "nor in a walk");
	for (unsigned b = 0; b < DEEP; b++)
		for (unsigned j = 0; b != 2 && j < 23U - 4 * b; j++)
			heard(b, j, BEGIN);
	ok(nearest_of(place), "the nearest to ourselves");
	for (unsigned bit = 0; bit < KADKEY_BITS; bit++) {
		struct kadkey key = place;

		key.b[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
		places = places && nearest_of(key);
	}
	ok(places, "to a place in each bucket");
	for (unsigned j = 0; j < 200; j++) {
		struct kadkey key = kadkey_of(slice_of(&j, sizeof j));

		others = others && nearest_of(key);
	}
	ok(others, "to any place");
	for (i = 0; (p = kadtab_next(t, &i, &bucket)) != NULL; n++) {
		in_bucket = in_bucket && bucket_of(&p->id) == bucket &&
			    bucket >= last;
		again = again && kadtab_get(t, &p->id) == p;
		last = bucket;
	}
	ok(in_bucket, "a walk goes from bucket to bucket");
	ok(again, "of those in the table");
	is_int(n, kadtab_size(t), "all of them");
	is_int(n, 20 + 19 + 11 + 7 + 3, "and not those that wait");
	kadtab_free(t);
}

static void
some(void *arg, void *p, size_t n)
{
	uint64_t *seed = arg;
	uint8_t *out = p;

	while (n-- > 0) {
		*seed = *seed * 6364136223846793005u + 1442695040888963407u;
		*out++ = (uint8_t)(*seed >> 56);
	}
}

static void
test_aim(void)
{
	bool good = true, valid = true;
	uint8_t bytes[34], other[34];
	uint64_t seed = 1;
	struct peerid id;
	struct kadkey key;

	begin(&still);
	for (unsigned cpl = 0; cpl <= KADTAB_AIM; cpl++) {
		kadtab_aim(t, cpl, some, &seed, bytes);
		key = kadkey_of(slice_of(bytes, sizeof bytes));
		good = good && kadkey_common(&place, &key) == cpl;
		valid = valid &&
			peerid_of_bytes(slice_of(bytes, 34), &id) == 0;
	}
	ok(good, "a key at each distance");
	ok(valid, "that can pass for a peer id");
	kadtab_aim(t, 3, some, &seed, bytes);
	kadtab_aim(t, 3, some, &seed, other);
	ok(memcmp(bytes, other, 34) != 0, "another each time");
	kadtab_free(t);
}

int
main(void)
{
	pool_init();
	test_heard();
	test_failed();
	test_replacements();
	test_replacements_ceiling();
	test_groups();
	test_groups_change();
	test_groups_waiting();
	test_groups_from();
	test_nearest();
	test_aim();
	return tap_done();
}
