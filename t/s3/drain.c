/* SPDX-License-Identifier: ISC
 *
 * s3_drain: no change begins, those under way go on or are cut, reads do not
 * care. */
#include "t/s3/rig.h"

static uint64_t
refused(const struct rig *g)
{
	uint64_t stats[S3_STAT_N], ops[S3OP_N], errors[S3ERR_N];

	s3_stats(g->s3, stats, ops, errors);
	return errors[S3ERR_DRAINING];
}

static void
is_refused(struct rig *g, const char *method, const char *target)
{
	rig_do(g, method, target);
	rig_is(g, 503, "ServiceUnavailable", target);
}

static void
refusals(void)
{
	struct rig g;

	rig_new(&g);
	rig_put(&g, "/box/old", slice_text("old"));
	s3_drain(g.s3, "new <kernel>");
	rig_ask(&g, "PUT", "/box/new", "", slice_text("new"));
	rig_is(&g, 503, "ServiceUnavailable", "a new object");
	ok(g.got.early, "is refused before its body");
	ok(strstr(rig_xml(&g, "Message"), "new &lt;kernel&gt;") != NULL,
	    "with the reason");
	is_text(rig_header(&g, "Retry-After"), "30", "and when to try again");
	is_refused(&g, "DELETE", "/box/old");
	is_refused(&g, "PUT", "/box2");
	is_refused(&g, "DELETE", "/box");
	is_refused(&g, "POST", "/box/big?uploads");
	is_refused(&g, "DELETE", "/box?cors");
	is_int(refused(&g), 6, "all counted");
	is_int(s3_changing(g.s3), 0, "none under way");

	rig_do(&g, "GET", "/box/old");
	ok(g.got.status == 200 && rig_body_is(&g, "old"), "reads go on");
	is_int(rig_do(&g, "HEAD", "/box/old"), 200, "of heads");
	is_int(rig_do(&g, "GET", "/box?list-type=2"), 200, "and lists");
	g.who = RIG_NOBODY;
	rig_ask(&g, "PUT", "/box/new", "", slice_text("x"));
	is_int(g.got.status, 403, "strangers");
	ok(strstr(rig_xml(&g, "Message"), "kernel") == NULL,
	    "are not told the reason");
	g.who = RIG_LOCAL;
	is_int(rig_do(&g, "GET", "/-/health"), 200, "the operator may look");
	is_int(rig_do(&g, "POST", "/-/buckets?do=make&name=more&tenant=ann"),
	    200, "and act");
	is_int(refused(&g), 6, "nothing of that was refused");

	g.who = RIG_ANN;
	s3_drain(g.s3, NULL);
	rig_put(&g, "/box/new", slice_text("new"));
	is_int(rig_do(&g, "DELETE", "/box/old"), 204, "over: changes again");
	rig_free(&g);
}

/* A PUT of which half the body has come. */
static struct s3_req *
half(struct rig *g, struct slice body)
{
	struct s3_req *r;

	rig_head(g, "PUT", "/box/slow", "", body);
	r = s3_begin(g->s3, &g->head, g->now);
	s3_body(r, get_bytes(&body, body.n / 2));
	return r;
}

static void
under_way(void)
{
	struct buf body = rig_bytes(100000, 3);
	struct slice rest = buf_slice(&body);
	struct s3_req *r;
	struct rig g;

	rig_new(&g);
	r = half(&g, rest);
	is_int(s3_changing(g.s3), 1, "a change is under way");
	s3_drain(g.s3, "x");
	is_int(s3_changing(g.s3), 1, "still");
	get_bytes(&rest, rest.n / 2);
	rig_feed(&g, r, rest);
	rig_wait(&g, r);
	is_int(s3_changing(g.s3), 1, "until its answer is out");
	rig_take(&g, r);
	rig_is(&g, 200, "", "it comes to its end");
	is_int(s3_changing(g.s3), 0, "nothing runs any more");
	rig_do(&g, "GET", "/box/slow");
	ok(slice_eq(buf_slice(&g.got.body), buf_slice(&body)), "all there");
	buf_free(&body);
	rig_free(&g);
}

static void
cut(void)
{
	struct buf body = rig_bytes(100000, 3);
	struct s3_req *r;
	struct rig g;

	rig_new(&g);
	r = half(&g, buf_slice(&body));
	s3_drain(g.s3, "x");
	s3_drain_cut(g.s3);
	is_int(s3_changing(g.s3), 0, "cut at the deadline");
	ok(s3_next(g.s3) == r && s3_state(r) == S3_READY, "it is answered");
	ok(s3_next(g.s3) == NULL, "once");
	s3_drain_cut(g.s3);
	ok(s3_next(g.s3) == NULL, "whatever comes");
	is_int(s3_body(r, buf_slice(&body)), S3_READY, "the rest is nothing");
	is_int(s3_end(r, g.now), S3_READY, "nor its end");
	rig_take(&g, r);
	rig_is(&g, 503, "ServiceUnavailable", "with a refusal");
	is_int(rig_do(&g, "GET", "/box/slow"), 404, "nothing of it is there");
	is_int(refused(&g), 1, "counted");
	r = half(&g, buf_slice(&body));
	is_int(s3_state(r), S3_READY, "who comes later is refused at once");
	rig_take(&g, r);
	buf_free(&body);
	rig_free(&g);
}

int
main(void)
{
	refusals();
	under_way();
	cut();
	return tap_done();
}
