/* SPDX-License-Identifier: ISC
 *
 * store/caps: never a byte above a cap, whatever runs at once, and after a
 * crash never a byte of egress too little. */
#include "store/caps.h"

#include "t/store/index.h"

enum { JAN = 1767225600 /* 2026-01-01 */, FEB = JAN + 31 * 86400 };
#define MS(seconds) ((int64_t)(seconds)*1000)

static struct nodedb *db;

static void
tiers(void)
{
	const struct caps_tier *t = caps_tier("medium");

	ok(t && t->disk == 50 * CAPS_GB && t->egress == 300 * CAPS_GB,
	    "medium");
	t = caps_tier("large");
	ok(t && t->disk == 100 * CAPS_GB && t->egress == 1000 * CAPS_GB,
	    "large");
	t = caps_tier("small");
	ok(t && t->disk == 20 * CAPS_GB && t->egress == 100 * CAPS_GB, "small");
	t = caps_tier("free");
	ok(t && t->disk == UINT64_MAX && t->egress == UINT64_MAX,
	    "free: as it is said");
	ok(caps_tier("own") != NULL && caps_tier("huge") == NULL,
	    "own, and no other");
}

static void
periods(void)
{
	is_int(caps_period(MS(JAN)), 202601, "the first of January");
	is_int(caps_period(MS(JAN) - 1), 202512, "a moment before");
	is_int(caps_period(MS(FEB)), 202602, "the first of February");
}

static void
reserving(void)
{
	struct tenant *t = tenant_of(db, "r", 100);

	ok(caps_reserve(db, t, 60, 0), "60 of 100");
	ok(!caps_reserve(db, t, 41, 0), "not 41 more");
	ok(caps_reserve(db, t, 40, 0), "but 40");
	ok(!caps_reserve(db, t, 1, 0), "then none");
	ok(caps_reserve(db, t, 0, 0), "nothing always fits");
	caps_release(t, 60);
	caps_release(t, 1000);
	is_int(t->disk_reserved, 0, "more than all is all");
	is_int(nodedb_total(db), 0, "of the node as well");
	ok(!caps_reserve(db, t, UINT64_MAX, 0), "no overflow");
	ok(!caps_reserve(db, t, UINT64_MAX, UINT64_MAX), "nor with a gift");
}

static void
nearing(void)
{
	struct tenant *t = tenant_of(db, "n", 100);

	t->egress_cap = 1000;
	caps_month(t, MS(JAN));
	ok(!caps_near(t, MS(JAN)), "nothing used is not near");
	caps_reserve(db, t, 89, 0);
	ok(!caps_near(t, MS(JAN)), "nor 89 of 100 bytes stored");
	caps_reserve(db, t, 1, 0);
	ok(caps_near(t, MS(JAN)), "but 90");
	caps_release(t, 90);
	t->egress_used = 900;
	ok(caps_near(t, MS(JAN)), "or 900 of 1000 sent");
	ok(!caps_near(t, MS(FEB)), "which the next month forgets");
	t->egress_used = 0;
	t->disk_cap = t->egress_cap = UINT64_MAX;
	ok(!caps_near(t, MS(JAN)), "without a cap none is near");
}

/* Uploads that were admitted come to their end in any order, and none is
 * refused then, none passes the cap. */
static void
uploading(void)
{
	enum { N = 40, CAP = 3000 };
	struct tenant *t = tenant_of(db, "u", CAP);
	struct bucket *b = bucket_of(db, "up", t, 0);
	uint64_t held[N] = { 0 }, most = 0;
	unsigned refused = 0, late = 0, over = 0, done = 0;
	char key[16];
	struct object o;

	for (unsigned i = 0; i < 20000; i++) {
		unsigned k = chance(N);

		snprintf(key, sizeof key, "k%u", k % 7);
		if (held[k] == 0) {
			uint64_t n = 1 + chance(900), give = 0;

			if (get_key(db, b, key, &o) == NODEDB_OK)
				give = o.size;
			if (caps_reserve(db, t, n, give))
				held[k] = n;
			else
				refused++;
		} else if (chance(5) == 0) {
			caps_release(t, held[k]);
			held[k] = 0;
		} else {
			enum nodedb_said said;

			o = (struct object){ .key = slice_text(key),
				.size = held[k] };
			said = nodedb_put(db, b, &o, held[k], NULL);
			if (said == NODEDB_OK)
				done++;
			else
				caps_release(t, held[k]);
			late += said == NODEDB_QUOTA;
			held[k] = 0;
		}
		over += t->disk_used > CAP;
		most = t->disk_used > most ? t->disk_used : most;
	}
	for (unsigned k = 0; k < N; k++)
		caps_release(t, held[k]);
	is_int(over, 0, "never above the cap");
	ok(done > 2000 && refused > 1000 && most > CAP / 4 * 3,
	    "%u done, %u refused before, %u at the end; %u used at most", done,
	    refused, late, (unsigned)most);
	ok(late < done / 10, "hardly any was refused late");
	is_int(t->disk_reserved, 0, "nothing is reserved at the end");
	is_counted(db, "used to the byte");
}

static void
of_the_node(void)
{
	const struct nodedb_conf conf = {
		.cache = 1 << 20, .journal = 1000, .node_cap = 1000
	};
	struct tenant *a, *b;
	struct bucket *in;

	nodedb_close(db);
	place_clean();
	db = index_with(&conf, NULL);
	a = tenant_of(db, "a", UINT64_MAX);
	b = tenant_of(db, "b", 800);
	in = bucket_of(db, "b", b, 0);
	ok(caps_reserve(db, a, 600, 0), "one takes 600");
	ok(!caps_reserve(db, b, 500, 0), "the other not 500");
	is_said(put_small(db, in, "k", 500, NULL), NODEDB_QUOTA,
	    "nor without asking");
	ok(caps_reserve(db, b, 400, 0), "but 400");
	is_said(nodedb_put(db, in,
		    &(struct object){ .key = slice_text("k"), .size = 400 },
		    400, NULL),
	    NODEDB_OK, "which are put");
	is_int(nodedb_total(db), 1000, "the node is full");
	ok(caps_reserve(db, b, 400, 400), "replacing is no growth");
	caps_release(b, 400);
	nodedb_close(db);
	place_clean();
	db = index_open();
}

static void
leasing(void)
{
	struct tenant *t = NULL;
	bool wait;
	int64_t now = MS(JAN) + 5;

	nodedb_tenant_put(db, "e", "own", 0, 10 * CAPS_STEP, &t);
	nodedb_commit(db);
	ok(caps_lease(db, t, 100, now, &wait) && wait, "the first waits");
	ok(caps_lease(db, t, 100, now, &wait) && wait,
	    "and the second, for the same commit");
	is_said(nodedb_commit(db), NODEDB_OK, "committed");
	ok(look("SELECT egress FROM tenant WHERE name = 'e'") >= 200,
	    "the file counts them");
	ok(caps_lease(db, t, 1000, now, &wait) && !wait, "the third is ahead");
	ok(caps_lease(db, t, 2 * CAPS_STEP, now, &wait) && wait,
	    "a big one is not");
	ok(!caps_lease(db, t, 8 * CAPS_STEP, now, &wait), "too big a one");
	ok(!caps_lease(db, t, UINT64_MAX, now, &wait), "or all there is");
	nodedb_commit(db);
	caps_settle(t, 2 * CAPS_STEP, 10);
	caps_settle(t, 100, 100);
	caps_settle(t, 100, 0);
	caps_settle(t, 1000, 1000);
	ok(t->egress_leased == 0 && t->egress_used == 1110, "all have ended");
	nodedb_commit(db);
	ok(look("SELECT egress FROM tenant WHERE name = 'e'") <=
		1110 + CAPS_STEP,
	    "what broke off is taken back");
	caps_month(t, MS(JAN) - 1);
	ok(t->period == 202601 && t->egress_used == 1110,
	    "a clock that goes back changes nothing");
	caps_month(t, MS(FEB));
	ok(t->period == 202602 && t->egress_used == 0, "a month begins");
	nodedb_commit(db);
	is_int(look("SELECT period FROM tenant WHERE name = 'e'"), 202602,
	    "in the file too");
	caps_lease(db, t, 500, MS(FEB), &wait);
	caps_settle(t, 500, 500);
	nodedb_close(db);
	db = index_open();
	t = nodedb_tenant(db, slice_text("e"));
	ok(t->egress_used == 500 && t->period == 202602,
	    "exact after a clean end");
}

/* At each moment, what the last commit wrote is not less than what has left and
 * may leave without another; nor more than a step above. */
static void
ahead(void)
{
	enum { N = 20 };
	struct tenant *t = NULL;
	uint64_t lease[N] = { 0 }, gone = 0;
	bool waits[N] = { 0 }, wait;
	unsigned less = 0, more = 0, over = 0;
	uint64_t cap = 4000 * (uint64_t)CAPS_STEP;

	nodedb_tenant_put(db, "a", "own", 0, cap, &t);
	for (unsigned i = 0; i < 30000; i++) {
		unsigned k = chance(N);
		uint64_t running = 0;

		if (chance(4) == 0) {
			nodedb_commit(db);
			memset(waits, 0, sizeof waits);
		}
		if (lease[k] == 0) {
			uint64_t n = 1 + chance(chance(2) ? 5000 : 3000000);

			if (caps_lease(db, t, n, MS(JAN), &wait)) {
				lease[k] = n;
				waits[k] = wait;
			}
		} else if (!waits[k]) {
			uint64_t n = chance(3) ? lease[k] : lease[k] / 2;

			gone += n;
			caps_settle(t, lease[k], n);
			lease[k] = 0;
		}
		for (unsigned j = 0; j < N; j++)
			running += waits[j] ? 0 : lease[j];
		less += t->egress_durable < gone + running;
		over += gone + t->egress_leased > cap;
		if (nodedb_dirty(db))
			continue;
		more += t->egress_durable >
			t->egress_used + t->egress_leased + CAPS_STEP;
	}
	is_int(less, 0, "the file never says less than was sent");
	is_int(more, 0, "nor more than a step above");
	is_int(over, 0, "never above the cap");
	is_int(t->egress_used, gone, "in memory it is exact");
	ok(cap - gone < (uint64_t)3000000 * N, "the cap was reached");
}

/* A batch that is lost takes no lease with it. */
static void
lost(void)
{
	struct tenant *t = nodedb_tenant(db, slice_text("e"));
	uint64_t used = t->egress_used;
	bool wait;

	caps_lease(db, t, 777, MS(FEB), &wait);
	nodedb_commit(db);
	caps_settle(t, 777, 777);
	caps_lease(db, t, 3 * CAPS_STEP, MS(FEB), &wait);
	ok(wait, "waits for a commit");
	nodedb_close(db);
	db = index_open();
	t = nodedb_tenant(db, slice_text("e"));
	is_int(t->egress_used, used + 777 + 3 * CAPS_STEP,
	    "what runs at the end is counted in full");
}

int
main(void)
{
	place_open("node.db");
	db = index_open();
	tiers();
	periods();
	reserving();
	nearing();
	uploading();
	of_the_node();
	leasing();
	ahead();
	lost();
	nodedb_close(db);
	place_close();
	return tap_done();
}
