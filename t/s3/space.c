/* SPDX-License-Identifier: ISC
 *
 * s3_space: room on the disk is promised once. */
#include "t/s3/rig.h"

static void
promises(void)
{
	struct s3_content a = { 0 }, b = { 0 };
	struct rig g;
	struct s3 *s3;

	rig_new(&g);
	s3 = g.s3;
	s3->conf.disk_reserve = 100;
	s3->space_at = 5;
	s3->space_free = 1000;
	ok(s3_disk_promise(s3, &a, 500, 5), "there is room for one");
	ok(!s3_disk_promise(s3, &b, 401, 5), "and not for another");
	ok(s3_disk_promise(s3, &b, 400, 5), "but for a smaller one");
	is_int(s3->space_promised, 900, "all is promised");
	s3_disk_spend(s3, &a, 300);
	is_int(s3->space_free, 700, "what is written is not free");
	is_int(a.promised, 200, "nor promised any more");
	ok(!s3_disk_promise(s3, &b, 1, 5), "so nothing has changed");
	s3_disk_spend(s3, &a, 300);
	is_int(a.promised, 0, "more is written than was promised");
	is_int(s3->space_promised, 400, "which takes nothing from others");
	s3_disk_forget(s3, &b);
	s3_disk_forget(s3, &b);
	is_int(s3->space_promised, 0, "given back, once");
	ok(!s3_disk_low(s3, 5), "it is not low");
	s3_disk_spend(s3, &a, 301);
	ok(s3_disk_low(s3, 5), "it is");
	ok(s3_disk_promise(s3, &b, 1000, 6), "who asks later asks the disk");
	s3_disk_forget(s3, &b);
	ok(!s3_disk_low(s3, 5), "a clock that goes back, too");
	s3->conf.disk_reserve = UINT64_MAX;
	ok(!s3_disk_promise(s3, &b, 1, 2000), "a reserve without end");
	rig_free(&g);
}

/* The disk is believed to have so much more than is kept; the real one has less
 * than that, which is seen when it is asked. */
static void
believe(struct rig *g, uint64_t room)
{
	g->s3->conf.disk_reserve = UINT64_MAX / 2;
	g->s3->space_at = g->now;
	g->s3->space_free = UINT64_MAX / 2 + room;
}

static void
requests(void)
{
	struct rig g;
	struct buf much = rig_bytes(50000, 1);

	rig_new(&g);
	believe(&g, 60000);
	rig_ask(&g, "PUT", "/box/f", "", buf_slice(&much));
	rig_is(&g, 200, "", "it fits");
	is_int(g.s3->space_promised, 0, "nothing is promised any more");
	rig_ask(&g, "PUT", "/box/g", "", buf_slice(&much));
	rig_is(&g, 507, "InsufficientStorage", "another one does not");
	ok(g.got.early, "which is known before its body");
	believe(&g, 30000);
	g.who = RIG_LOCAL;
	g.lengthless = true;
	g.bite = 1000;
	rig_ask(&g, "PUT", "/box/h", "", buf_slice(&much));
	rig_is(&g, 507, "InsufficientStorage", "nor what says no length");
	is_int(g.s3->space_promised, 0, "nothing is promised");
	g.lengthless = false;
	rig_do(&g, "DELETE", "/box/f");
	rig_is(&g, 204, "", "deletes need no promise");
	g.s3->conf.disk_reserve = 0;
	g.now += 2000;
	rig_ask(&g, "PUT", "/box/g", "", buf_slice(&much));
	rig_is(&g, 200, "", "with room again it fits");
	buf_free(&much);
	rig_free(&g);
}

int
main(void)
{
	promises();
	requests();
	return tap_done();
}
