/* SPDX-License-Identifier: ISC
 *
 * What the table wishes, and when. */
#include "t/proto/kadtable.h"

enum { REFRESH = 900000 };

/* What is wished now: 'c' and 'r' with the bucket, for a check a peer. */
static unsigned
wish(msec now, struct peerid *id)
{
	struct kadtab_ev ev;

	if (kadtab_step(t, now, &ev) == 0)
		return 0;
	*id = (struct peerid){ 0 };
	if (ev.wish == KADTAB_REFRESH)
		return 'r' + 256 * ev.cpl;
	*id = ev.peer->id;
	return ev.peer->asked == now ? 'c' + 256 * ev.cpl : 1;
}

static bool
checks(msec now, unsigned b, unsigned i)
{
	struct peerid id;

	return wish(now, &id) == 'c' + 256 * b && peerid_eq(&id, &pool[b][i]);
}

/* Nothing is due, and due says so. */
static bool
quiet(msec now)
{
	struct peerid id;

	return wish(now, &id) == 0 && kadtab_due(t) > now;
}

static void
test_check(void)
{
	begin(&still);
	is_int(kadtab_due(t), MSEC_NEVER, "nobody to check");
	ok(quiet(BEGIN + CHECK * 10), "ever");
	heard(0, 0, BEGIN);
	heard(1, 0, BEGIN + 5);
	is_int(kadtab_due(t), BEGIN + CHECK, "due when silent for so long");
	ok(quiet(BEGIN + CHECK - 1), "not before");
	ok(checks(BEGIN + CHECK, 0, 0), "then it is to be checked");
	ok(quiet(BEGIN + CHECK), "once");
	is_int(kadtab_due(t), BEGIN + 5 + CHECK, "then the other");
	ok(checks(BEGIN + 5 + CHECK, 1, 0), "which is");
	heard(0, 0, BEGIN + CHECK + 9);
	is_int(kadtab_due(t), BEGIN + CHECK + 5 + CHECK,
	    "without a word from either it is to be asked again");
	ok(checks(BEGIN + CHECK + 5 + CHECK, 1, 0), "after the same time");
	ok(checks(BEGIN + CHECK + 9 + CHECK, 0, 0), "as who answered");
	heard(0, 0, BEGIN + 3 * CHECK);
	heard(1, 0, BEGIN + 3 * CHECK);
	kadtab_failed(t, &pool[1][0], BEGIN + 3 * CHECK);
	is_int(kadtab_due(t), BEGIN + 3 * CHECK + CHECK / 10,
	    "who failed is asked sooner");
	ok(checks(BEGIN + 3 * CHECK + CHECK / 10, 1, 0), "to know");
	ok(quiet(BEGIN + 3 * CHECK + CHECK / 5 - 1), "not all the time");
	ok(checks(BEGIN + 3 * CHECK + CHECK / 5, 1, 0), "but again");
	kadtab_drop(t, &pool[1][0], BEGIN + 4 * CHECK - 1);
	is_int(kadtab_due(t), BEGIN + 4 * CHECK, "who has gone is not asked");
	kadtab_free(t);
}

/* Others wait: the least recently heard is asked before it is evicted. */
static void
test_check_waiting(void)
{
	enum { SOON = CHECK / 10 };

	begin(&still);
	fill(0);
	heard(0, 0, BEGIN + 10);
	heard(0, 4, BEGIN + 20);
	is_int(kadtab_due(t), BEGIN + 1 + SOON, "one waits");
	ok(checks(BEGIN + 1 + SOON, 0, 1), "who was silent longest is asked");
	ok(quiet(BEGIN + 1 + SOON), "once");
	ok(quiet(BEGIN + 2 * SOON), "and nobody else");
	ok(checks(BEGIN + 1 + 2 * SOON, 0, 1), "again after a while");
	heard(0, 1, BEGIN + 2 * SOON + 2);
	ok(quiet(BEGIN + 3 * SOON), "it answered: there is time");
	ok(checks(BEGIN + 1 + 3 * SOON, 0, 2), "until the next one");
	kadtab_failed(t, &pool[0][2], BEGIN + 3 * SOON + 3);
	kadtab_failed(t, &pool[0][2], BEGIN + 3 * SOON + 3);
	ok(has(0, 4) && !has(0, 2), "which makes room");
	ok(quiet(BEGIN + 4 * SOON), "nobody waits, no hurry");
	is_int(kadtab_due(t), BEGIN + 3 + CHECK, "but the usual");
	kadtab_free(t);
}

static void
test_refresh(void)
{
	struct kadtab_conf conf = still;
	struct kadkey key;
	struct peerid id;

	conf.check = REFRESH * 1000;
	conf.refresh = REFRESH;
	begin(&conf);
	ok(quiet(BEGIN + REFRESH * 9), "an empty table has nothing to refresh");
	heard(2, 0, BEGIN);
	is_int(kadtab_due(t), BEGIN + REFRESH, "the buckets are due then");
	ok(quiet(BEGIN + REFRESH - 1), "not before");
	key = kadkey_of(peerid_bytes(&pool[1][0]));
	kadtab_looked(t, &key, BEGIN + 7);
	is_int(wish(BEGIN + REFRESH, &id), 'r', "an empty one as well");
	is_int(wish(BEGIN + REFRESH, &id), 'r' + 2 * 256,
	    "but one where a lookup was");
	ok(quiet(BEGIN + REFRESH), "each once, none deeper");
	is_int(kadtab_due(t), BEGIN + 7 + REFRESH, "that one then");
	is_int(wish(BEGIN + 7 + REFRESH, &id), 'r' + 256, "and it is");
	kadtab_looked(t, &place, BEGIN + REFRESH + 9);
	is_int(wish(BEGIN + 2 * REFRESH, &id), 'r', "and round again");
	kadtab_drop(t, &pool[2][0], BEGIN);
	heard(0, 0, BEGIN + 2 * REFRESH);
	is_int(kadtab_due(t), BEGIN + 3 * REFRESH,
	    "none beyond the deepest that has peers");
	kadtab_free(t);
}

/* Whatever the configuration: a loop that takes all wishes ends. */
static void
test_no_busy_loop(void)
{
	static const struct kadtab_conf all[] = {
		{ .k = 1, .check = 0, .refresh = 0, .failures = 0 },
		{ .k = 1, .check = 9, .refresh = 1, .failures = 9 },
		{ .k = 2, .check = 1, .refresh = 9, .failures = 1 },
	};
	struct peerid id;

	for (size_t c = 0; c < sizeof all / sizeof *all; c++) {
		unsigned n = 0;

		begin(&all[c]);
		for (unsigned i = 0; i < 3; i++) {
			heard(0, i, BEGIN);
			heard(1, i, BEGIN);
		}
		kadtab_failed(t, &pool[0][0], BEGIN);
		for (; n < 100 && wish(BEGIN + 50, &id); n++)
			;
		ok(n > 0 && n < 100 && kadtab_due(t) > BEGIN + 50,
		    "%u wishes, then none", n);
		kadtab_free(t);
	}
}

int
main(void)
{
	pool_init();
	test_check();
	test_check_waiting();
	test_refresh();
	test_no_busy_loop();
	return tap_done();
}
