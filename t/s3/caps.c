/* SPDX-License-Identifier: ISC
 *
 * Caps, and what happens when the disk fails or the client goes away. */
#include "t/s3/rig.h"

#include <signal.h>
#include <sys/resource.h>

static void
caps(void)
{
	struct rig g;
	struct s3_req *r[12];
	struct http_head *heads = mem_new(12 * sizeof *heads);
	char targets[12][20];
	unsigned good = 0;
	struct slice ten = slice_text("0123456789");

	rig_new(&g);
	nodedb_tenant_put(g.db, "ann", "own", 100, UINT64_MAX, &g.ann);
	g.who = RIG_LOCAL; /* signatures would have to be kept */
	for (int i = 0; i < 12; i++) {
		snprintf(targets[i], sizeof targets[i], "/box/%d", i);
		rig_head(&g, "PUT", targets[i], "", ten);
		heads[i] = g.head;
		r[i] = s3_begin(g.s3, &heads[i], g.now);
		good += s3_state(r[i]) == S3_WANTS_BODY;
	}
	is_int(good, 10, "of twelve at once ten fit");
	is_int(g.ann->disk_reserved, 100, "and reserve all");
	is_int(s3_reply(r[11])->status, 403, "the others are refused");
	for (int i = 0; i < 10; i++)
		rig_feed(&g, r[i], ten);
	s3_flush(g.s3, g.now);
	for (int i = 0; i < 12; i++)
		s3_done(r[i], 0);
	is_int(g.ann->disk_used, 100, "all is used");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	g.who = RIG_ANN;
	rig_ask(&g, "PUT", "/box/x", "", slice_text("y"));
	rig_is(&g, 403, "QuotaExceeded", "not a byte more");
	ok(g.got.early, "which is known before the body");
	rig_ask(&g, "PUT", "/box/3", "", slice_text("9876543210"));
	rig_is(&g, 200, "", "but the same in place of the old");
	rig_ask(&g, "PUT", "/box/3", "", slice_text("98765432101"));
	rig_is(&g, 403, "QuotaExceeded", "not more");
	rig_do(&g, "DELETE", "/box/4");
	rig_is(&g, 204, "", "deletes go on");
	rig_ask(&g, "PUT", "/box/3", "", slice_text("98765432101"));
	rig_is(&g, 200, "", "and make room");
	g.lengthless = true;
	g.who = RIG_LOCAL;
	rig_ask(&g, "PUT", "/box/y", "", ten);
	rig_is(&g, 403, "QuotaExceeded", "a stream finds the cap too");
	is_int(g.ann->disk_reserved, 0, "and gives back");
	free(heads);
	rig_free(&g);
}

static void
egress(void)
{
	struct rig g;
	struct s3_req *r;

	rig_new(&g);
	rig_put(&g, "/box/e", slice_text("0123456789"));
	nodedb_tenant_put(g.db, "ann", "own", UINT64_MAX, 25, &g.ann);
	rig_do(&g, "GET", "/box/e");
	is_int(g.ann->egress_used, 10, "what was sent is used");
	g.taken = 4;
	rig_do(&g, "GET", "/box/e");
	is_int(g.ann->egress_used, 14, "what broke off is not");
	g.taken = UINT64_MAX;
	rig_head(&g, "GET", "/box/e", "", (struct slice){ 0 });
	r = s3_begin(g.s3, &g.head, g.now);
	is_int(g.ann->egress_leased, 10, "a running download is leased");
	rig_wait(&g, r);
	{
		struct rig h = g;
		struct s3_req *other;

		rig_head(&h, "GET", "/box/e", "", (struct slice){ 0 });
		other = s3_begin(g.s3, &h.head, g.now);
		rig_wait(&h, other);
		is_int(s3_reply(other)->status, 403, "two do not fit");
		s3_done(other, 0);
		g.authorization = h.authorization;
	}
	rig_take(&g, r);
	is_int(g.ann->egress_used, 24, "the first is whole");
	rig_do(&g, "GET", "/box/e");
	rig_is(&g, 403, "EgressQuotaExceeded", "no more");
	is_text(rig_header(&g, "etag"), "", "without the object's headers");
	rig_do(&g, "HEAD", "/box/e");
	is_int(g.got.status, 200, "HEAD is always allowed");
	rig_ask(&g, "GET", "/box/e", "range: bytes=0-0\n", (struct slice){ 0 });
	is_int(g.got.status, 206, "a byte fits");
	g.who = RIG_LOCAL;
	rig_do(&g, "GET", "/box/e");
	is_int(g.got.status, 200, "local reads are free");
	is_int(g.ann->egress_used, 25, "and not counted");
	is_int(g.ann->egress_leased, 0, "no lease is left");
	g.who = RIG_ANN;
	g.now += INT64_C(86400000) * 20; /* December */
	rig_do(&g, "GET", "/box/e");
	is_int(g.got.status, 200, "a new month");
	is_int(g.ann->egress_used, 10, "begins with nothing");
	rig_free(&g);
}

/* The client goes away in each state. */
static void
broken_off(void)
{
	struct rig g;
	struct s3_req *r;
	struct buf b = rig_bytes(RIG_MIB, 9);
	struct slice all = buf_slice(&b);

	rig_new(&g);
	for (int at = 0; at < 5; at++) {
		rig_head(&g, "PUT", "/box/b", "", all);
		r = s3_begin(g.s3, &g.head, g.now);
		is_int(g.ann->disk_reserved, all.n, "reserved");
		if (at > 0)
			s3_body(r, slice_of(all.p, at == 1 ? 5000 : 500000));
		if (at > 2)
			s3_body(r, slice_of(all.p + 500000, all.n - 500000));
		if (at > 2)
			s3_end(r, g.now);
		if (at > 3) {
			rig_wait(&g, r);
			is_int(s3_reply(r)->status, 200, "it was put");
		}
		s3_done(r, 0);
		s3_flush(g.s3, g.now);
		is_int(g.ann->disk_reserved, 0, "and given back");
		is_int(s3_next(g.s3) == NULL, 1, "nobody is ready");
	}
	rig_head(&g, "PUT", "/box/b", "", slice_text("small"));
	r = s3_begin(g.s3, &g.head, g.now);
	rig_feed(&g, r, slice_text("small"));
	is_int(s3_state(r), S3_WAITS, "a small one waits for the commit");
	s3_done(r, 0);
	s3_flush(g.s3, g.now);
	rig_do(&g, "GET", "/box/b");
	ok(rig_body_is(&g, "small"), "and is put though nobody listens");
	rig_head(&g, "GET", "/box/b", "", (struct slice){ 0 });
	r = s3_begin(g.s3, &g.head, g.now);
	s3_done(r, 0);
	is_int(g.ann->egress_leased, 0, "a download that nobody took");
	rig_head(&g, "PUT", "/box/b", "", all);
	s3_begin(g.s3, &g.head, g.now);
	rig_free(&g);
	buf_free(&b);
}

static void
limit_files(bool on)
{
	static struct rlimit before;
	struct rlimit limit;

	if (on)
		getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	if (on)
		limit.rlim_cur = 0;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* The commit fails: nobody hears that it went well. */
static void
no_commit(void)
{
	struct rig g;
	struct http_head *second = mem_new(sizeof *second);
	char path[80] = "/tmp/kn-s3db-XXXXXX", db[100], command[120];
	struct s3_req *a, *b;

	signal(SIGXFSZ, SIG_IGN);
	if (mkdtemp(path) == NULL)
		abort();
	snprintf(db, sizeof db, "%s/node.db", path);
	rig_new_at(&g, db);
	rig_put(&g, "/box/old", slice_text("old"));
	g.who = RIG_LOCAL;
	rig_head(&g, "PUT", "/box/new", "", slice_text("new"));
	a = s3_begin(g.s3, &g.head, g.now);
	rig_feed(&g, a, slice_text("new"));
	*second = g.head;
	second->method = slice_text("GET");
	second->target = slice_text("/box/new");
	second->has_body = second->has_length = false;
	b = s3_begin(g.s3, second, g.now);
	is_int(s3_state(b), S3_WAITS, "a read of what is not durable waits");
	limit_files(true);
	s3_flush(g.s3, g.now);
	limit_files(false);
	ok(s3_state(a) == S3_READY && s3_state(b) == S3_READY, "both end");
	is_int(s3_reply(a)->status, 503, "the write has failed");
	is_int(s3_reply(b)->status, 503, "the read saw what never was");
	s3_done(a, 0);
	s3_done(b, 0);
	while (s3_next(g.s3))
		;
	g.now += 1000;
	rig_do(&g, "GET", "/box/new");
	rig_is(&g, 404, "NoSuchKey", "it is not there");
	rig_do(&g, "GET", "/box/old");
	ok(rig_body_is(&g, "old"), "the old one is");
	is_int(g.ann->disk_used, 3, "and alone paid");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	rig_put(&g, "/box/new", slice_text("new"));
	is_int(g.got.status, 200, "and writing goes on");
	rig_free(&g);
	free(second);
	snprintf(command, sizeof command, "rm -rf %s", path);
	if (system(command) != 0)
		abort();
}

static void
full_disk(void)
{
	struct rig g;

	rig_new(&g);
	rig_put(&g, "/box/f", slice_text("there"));
	g.s3->conf.disk_reserve = UINT64_MAX;
	g.now += 2000;
	rig_ask(&g, "PUT", "/box/f", "", slice_text("more"));
	rig_is(&g, 507, "InsufficientStorage", "no writes on a full disk");
	ok(g.got.early, "known before the body");
	rig_do(&g, "POST", "/box/f?uploads");
	rig_is(&g, 507, "InsufficientStorage", "no uploads");
	rig_do(&g, "GET", "/box/f");
	ok(rig_body_is(&g, "there"), "reads go on");
	rig_do(&g, "DELETE", "/box/f");
	rig_is(&g, 204, "", "and deletes");
	g.s3->conf.disk_reserve = 0;
	rig_ask(&g, "PUT", "/box/f", "", slice_text("more"));
	rig_is(&g, 200, "", "with room, writes come back");
	rig_free(&g);
}

static void
busy(void)
{
	struct rig g;

	rig_new(&g);
	g.s3->conf.requests = 0;
	rig_do(&g, "GET", "/box/f");
	rig_is(&g, 503, "SlowDown", "more than may be at once");
	g.s3->conf.requests = 1;
	rig_do(&g, "GET", "/box/f");
	rig_is(&g, 404, "NoSuchKey", "as many as may be");
	rig_do(&g, "GET", "/box/f?a=%zz");
	rig_is(&g, 400, "InvalidURI", "no target");
	rig_do(&g, "GET", "/box/f?torrent");
	rig_is(&g, 501, "NotImplemented", "nothing half right");
	g.budget.max = g.budget.used;
	rig_ask(&g, "PUT", "/box/f", "", slice_text("x"));
	ok(g.got.status == 503 || g.got.status == 200, "no memory is left");
	g.budget.max = 64 << 20;
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	rig_free(&g);
}

/* The bucket goes while the body comes. */
static void
bucket_gone(void)
{
	struct rig g;
	struct s3_req *r;
	struct bucket *other;

	rig_new(&g);
	g.who = RIG_LOCAL;
	rig_head(&g, "PUT", "/box/x", "", slice_text("x"));
	r = s3_begin(g.s3, &g.head, g.now);
	is_int(nodedb_bucket_cut(g.db, g.box), NODEDB_OK, "it goes");
	nodedb_bucket_new(g.db, slice_text("box"), g.bob, g.now, &other);
	nodedb_commit(g.db);
	rig_feed(&g, r, slice_text("x"));
	rig_wait(&g, r);
	rig_take(&g, r);
	rig_is(&g, 404, "NoSuchBucket", "another of its name is not the same");
	is_int(g.bob->disk_used, 0, "nobody else pays");
	is_int(g.ann->disk_reserved, 0, "nothing is reserved");
	rig_free(&g);
}

static void
months(void)
{
	uint64_t stats[S3_STAT_N], ops[S3OP_N], errors[S3ERR_N];
	struct rig g;

	rig_new(&g);
	rig_put(&g, "/box/a", slice_text("x"));
	rig_do(&g, "GET", "/box/a");
	is_int(g.ann->egress_used, 1, "something is used");
	s3_tick(g.s3, g.now + INT64_C(86400000) * 20);
	is_int(g.ann->egress_used, 0, "until the month is over");
	s3_stats(g.s3, stats, ops, errors);
	is_int(ops[S3OP_PUT_OBJECT], 1, "operations are counted");
	is_int(ops[S3OP_GET_OBJECT], 1, "by name");
	is_int(stats[S3_STAT_BYTES_IN], 1, "and bytes in");
	is_int(stats[S3_STAT_INFLIGHT], 0, "nothing is under way");
	rig_do(&g, "GET", "/box/b");
	s3_stats(g.s3, stats, ops, errors);
	is_int(errors[S3ERR_NO_SUCH_KEY], 1, "and errors");
	rig_free(&g);
}

int
main(void)
{
	caps();
	egress();
	broken_off();
	no_commit();
	full_disk();
	busy();
	bucket_gone();
	months();
	return tap_done();
}
