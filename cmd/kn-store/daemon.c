/* SPDX-License-Identifier: ISC
 *
 * The daemon: wiring between the S3 machine (s3/s3), its files and the HTTP
 * server. */
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/cmd.h"
#include "cmd/jailed.h"
#include "cmd/kn-store/endpoint.h"
#include "cmd/kn-store/files.h"
#include "cmd/kn-store/parts.h"
#include "cmd/kn-store/snapshot.h"
#include "cmd/life.h"
#include "crypt/secretbox.h"
#include "net/httpd.h"
#include "s3/s3.h"
#include "store/caps.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TICK = 1000,     /* ms between two slices of housekeeping */
	SPARE_FDS = 512, /* files being read and written, the database */
	HEAD_BYTES = 12 << 10,
	NAMES = 32,        /* domains, hosts */
	ORPHAN_AGE = 3600, /* seconds */
	GB = 1000000000,
};

/* clang-format off */
#define INDEX_STATS(R)                                                        \
	R(objects, "versions of objects, markers among them")                 \
	R(uploads, "multipart uploads under way")                             \
	R(buckets, "buckets")                                                 \
	R(blobs, "contents that are files")                                   \
	R(blob_bytes, "bytes of those")                                       \
	R(damaged, "contents that were found damaged")                        \
	R(disk_bytes, "bytes of the index and its log")
static const struct stat_row rows[] = {
#define R(name, kind, word, help)                                             \
	{ STAT_##kind, "kn_store_" word, "", help },
	S3_STATS(R)
#undef R
#define R(name, verb)                                                         \
	{ STAT_COUNTER, "kn_store_requests_total", "op=\"" #name "\"",        \
	    "requests, by operation" },
	S3OP_LIST(R)
#undef R
#define R(name, status, code, sentence)                                       \
	{ STAT_COUNTER, "kn_store_answers_total", "error=\"" #name "\"",      \
	    "answers, by error" },
	S3ERR_LIST(R)
#undef R
#define R(name, help) { STAT_GAUGE, "kn_store_" #name, "", help },
	INDEX_STATS(R)
#undef R
	{ STAT_COUNTER, "kn_store_commits_total", "",
	    "transactions of the index" },
	{ STAT_GAUGE, "kn_store_used_bytes", "",
	    "bytes that tenants have stored or reserved" },
	{ STAT_GAUGE, "kn_store_cap_bytes", "", "the most of those; 0: no cap" },
	{ STAT_GAUGE, "kn_store_tenants", "", "tenants" },
	{ STAT_GAUGE, "kn_store_tenants_near_cap", "",
	    "tenants with nine tenths of a cap used" },
	{ STAT_GAUGE, "kn_store_disk_reserve_bytes", "",
	    "disk that new contents leave free" },
	{ STAT_GAUGE, "kn_store_disk_free_bytes", "", "free on the disk" },
	{ STAT_GAUGE, "kn_store_inodes_free", "", "free on the disk" },
	{ STAT_GAUGE, "kn_store_writable", "", "1: writes are taken" },
	{ STAT_GAUGE, "kn_store_connections", "", "connections" },
	{ STAT_GAUGE, "kn_store_budget_bytes", "", "memory of bodies" },
	{ STAT_COUNTER, "kn_store_refused_total", "reason=\"connections\"",
	    "connections that were refused or cut" },
	{ STAT_COUNTER, "kn_store_refused_total", "reason=\"address\"",
	    "connections that were refused or cut" },
	{ STAT_COUNTER, "kn_store_refused_total", "reason=\"head\"",
	    "connections that were refused or cut" },
	{ STAT_COUNTER, "kn_store_refused_total", "reason=\"slow\"",
	    "connections that were refused or cut" },
	{ STAT_COUNTER, "kn_store_swept_total", "",
	    "contents removed because nobody referred to them" },
	{ STAT_COUNTER, "kn_store_scrubbed_bytes_total", "",
	    "bytes of contents verified" },
	PROCSTAT_ROWS("kn-store"),
};
enum { OWN = N(rows) - PROCSTAT_N };
/* clang-format on */

static struct daemon {
	struct node_conf conf;
	const char *file;
	struct loop *loop;
	struct nodedb *db;
	struct blobs *blobs;
	struct sweep *sweep;
	struct s3 *s3;
	struct httpd *httpd;
	struct watch *sealed;
	struct timer *tick, *busy;
	struct rights rights;
	struct life life;
	struct budget budget;
	struct snapshot *snapshot;
	uint8_t secret[SECRETBOX_KEY];
	const char *domains[NAMES + 1], *hosts[NAMES + 1];
} me;

/* Requests that have become ready are answered. */
static void
answer_ready(void)
{
	struct s3_req *r;

	while ((r = s3_next(me.s3)) != NULL)
		httpd_answer(s3_owner(r), s3_reply(r));
}

static void
settle(void)
{
	if (s3_dirty(me.s3))
		s3_flush(me.s3, msec_wall());
	answer_ready();
	/* copies go on when everybody else has had a turn */
	if (s3_busy(me.s3))
		timer_at(me.busy, loop_now(me.loop));
}

static void
on_busy(void *arg)
{
	(void)arg;
	settle();
}

static void
look(struct s3_req *r, enum s3_state state)
{
	if (state == S3_READY)
		httpd_answer(s3_owner(r), s3_reply(r));
}

/* httpd_face */

static void *
on_begin(void *arg, struct httpd_req *h, const struct http_head *head)
{
	struct s3_req *r = s3_begin(me.s3, head, msec_wall());

	(void)arg;
	s3_set_owner(r, h);
	look(r, s3_state(r));
	return r;
}

static void
on_body(void *data, struct slice bytes)
{
	look(data, s3_body(data, bytes));
}

static void
on_end(void *data)
{
	look(data, s3_end(data, msec_wall()));
}

static void
on_done(void *data, uint64_t sent)
{
	s3_done(data, sent);
}

static void
on_turn(void *arg)
{
	(void)arg;
	settle();
}

static const struct httpd_face httpd_face = { on_begin, on_body, on_end,
	on_done, on_turn };

static void
on_sealed(void *arg, unsigned what)
{
	(void)arg;
	(void)what;
	s3_flush(me.s3, msec_wall()); /* also for what nobody waits for */
	settle();
}

static size_t
count_tenants(size_t *near)
{
	struct tenant *t;
	size_t n = 0;

	while ((t = nodedb_tenant_next(me.db, &n)) != NULL)
		*near += caps_near(t, msec_wall());
	return n;
}

static void
publish(void)
{
	uint64_t values[OWN], *at = values;
	struct nodedb_counts c;
	struct blobs_space space = { 0 };
	size_t near = 0;

	s3_stats(me.s3, at, at + S3_STAT_N, at + S3_STAT_N + S3OP_N);
	at += S3_STAT_N + S3OP_N + S3ERR_N;
	nodedb_counts(me.db, &c);
	(void)blobs_space(me.blobs, &space);
#define R(name, help) *at++ = c.name;
	INDEX_STATS(R)
#undef R
	*at++ = c.commits;
	*at++ = nodedb_total(me.db);
	*at++ = me.conf.node.max_total_gb * GB;
	*at++ = count_tenants(&near);
	*at++ = near;
	*at++ = me.conf.store.disk_reserve;
	*at++ = space.bytes_free;
	*at++ = space.inodes_free;
	*at++ = nodedb_writable(me.db) && !space.read_only &&
		space.bytes_free >= me.conf.store.disk_reserve;
	*at++ = httpd_connections(me.httpd);
	*at++ = me.budget.used;
	for (size_t i = 0; i < HTTPD_REFUSALS; i++)
		*at++ = httpd_refused(me.httpd, (enum httpd_refusal)i);
	*at++ = sweep_counts(me.sweep)->removed;
	*at++ = sweep_counts(me.sweep)->scrubbed_bytes;
	for (size_t i = 0; i < OWN; i++)
		stat_set(me.life.stats, i, values[i]);
	/* reads do not hold up a drain */
	life_beat(&me.life, loop_now(me.loop),
	    life_draining(&me.life) ? s3_changing(me.s3)
				    : values[S3_STAT_INFLIGHT]);
}

/* What the drain file wants, until TERM wants more. */
static void
heed(void)
{
	const struct drainer *d = &me.life.drainer;
	msec now = loop_now(me.loop);

	if (me.life.stopping)
		return;
	if (life_heed(&me.life, true, now) != DRAIN_SAME)
		s3_drain(
		    me.s3, life_draining(&me.life) ? d->drain.reason : NULL);
	if (now >= d->due)
		s3_drain_cut(me.s3);
	life_phase(&me.life, s3_changing(me.s3) > 0);
}

static void
on_tick(void *arg)
{
	msec now = loop_now(me.loop), due;

	(void)arg;
	heed();
	s3_tick(me.s3, msec_wall());
	sweep_tick(me.sweep, now, msec_wall());
	settle();
	snapshot_tick(me.snapshot, now);
	publish();
	due = msec_min(sweep_due(me.sweep), now + TICK);
	timer_at(me.tick, due > now ? due : now + 1);
	if (httpd_connections(me.httpd) == 0)
		life_over(&me.life);
}

static void
on_term(void *arg)
{
	log_info("drain", "connections=%u", httpd_connections(me.httpd));
	httpd_drain(me.httpd);
	on_tick(arg);
}

/* Who may do what on store.sock. */
static int
take(void *arg, const struct node_conf *conf, struct buf *faults)
{
	return rights_parse(&conf->store.control, "store.control",
	    s3_right_words, geteuid(), arg, faults);
}

static void
on_hup(void *arg, unsigned what)
{
	(void)arg;
	(void)what;
	if (node_reload("kn-store", me.file, take, &me.rights))
		log_info(
		    "reloaded", "connections=%u", httpd_connections(me.httpd));
}

static void
told(void *arg, const char *sentence)
{
	(void)arg;
	log_warn("store", "why=%s", log_q(slice_text(sentence)));
}

static void
migrating(void *arg)
{
	(void)arg;
	stat_phase(me.life.stats, STAT_MIGRATING);
	log_info(
	    "migrate", "file=%s", log_q(slice_text(me.conf.store.db_path)));
}

static void
take_names(const struct conf_list *list, const char *what, const char **names)
{
	if (list->n > NAMES)
		die(EXIT_WRONG, "%s: at most %d", what, NAMES);
	for (size_t i = 0; i < list->n; i++)
		names[i] = list->at[i];
}

/* Whose everything is that is made without saying whose. */
static void
make_own_tenant(void)
{
	const struct caps_tier *tier = caps_tier(S3_OWN_TENANT);
	struct tenant *t = nodedb_tenant(me.db, slice_text(S3_OWN_TENANT));

	if (t == NULL && (nodedb_tenant_put(me.db, S3_OWN_TENANT, tier->name,
			      tier->disk, tier->egress, &t) != NODEDB_OK ||
			     nodedb_commit(me.db) != NODEDB_OK))
		die(EXIT_SYSTEM, "cannot write to %s: %s",
		    me.conf.store.db_path, nodedb_why(me.db));
}

static void
open_index(void)
{
	const char *why = "?";

	if (secretbox_key(me.conf.store.secret_key_path, me.secret, &why) < 0)
		die(EXIT_WRONG, "the key %s: %s", me.conf.store.secret_key_path,
		    why);
	me.db = files_index(&me.conf, told, migrating, NULL);
	stat_phase(me.life.stats, STAT_STARTING);
	make_own_tenant();
	files_rooms(&me.conf);
}

/* In the jail, because threads begin here. */
static void
open_blobs(void)
{
	const struct sweep_conf sc = {
		.scrub_rate = me.conf.store.scrub_rate,
		.scrub_every = (msec)me.conf.store.scrub_every,
		.orphan_age = ORPHAN_AGE,
	};

	me.blobs = files_blobs(&me.conf);
	me.sweep = sweep_new(me.blobs, me.db, &sc, told, NULL);
	if (nodedb_unclean(me.db))
		sweep_orphans(me.sweep);
}

static void
open_server(void)
{
	const struct httpd_conf hc = {
		.connections = (unsigned)me.conf.store.connections,
		.connections_per_ip =
		    (unsigned)me.conf.store.connections_per_ip,
		.idle = (msec)me.conf.store.idle_timeout,
		.head = (msec)me.conf.store.head_timeout,
		.head_bytes = HEAD_BYTES,
	};

	me.httpd = httpd_new(me.loop, &hc, &httpd_face, NULL);
	if (me.httpd == NULL)
		die(EXIT_SYSTEM, "cannot make an HTTP server:");
	endpoint_listen(me.httpd, &me.conf);
}

/* Sockets and the index are open.  What writes blobs and takes snapshots writes
 * in these places; a snapshot is this program again. */
static void
lock_down(void)
{
	const struct jailed_path paths[] = {
		{ me.conf.store.db_path, JAIL_WRITE, true },
		{ me.conf.store.blobs_path, JAIL_WRITE, false },
		{ me.conf.store.snapshots_path, JAIL_WRITE, false },
		{ "/proc/self/exe", JAIL_RUN, false },
	};
	const struct jailed j = { &me.conf, me.file, paths, N(paths),
		JAIL_SPAWN | JAIL_THREADS, true };

	jailed_enter(&j, me.life.stats);
}

static void
serve(void)
{
	const struct s3_conf sc = {
		.region = me.conf.store.region,
		.domains = me.domains,
		.hosts = me.hosts,
		.secret = me.secret,
		.rights = &me.rights,
		.budget = &me.budget,
		.buckets_per_tenant = me.conf.store.buckets_per_tenant,
		.requests = me.conf.store.requests,
		.upload_life = (msec)me.conf.store.upload_life,
		.disk_reserve = me.conf.store.disk_reserve,
	};
	me.s3 = s3_new(&sc, me.db, me.blobs, me.sweep);
	me.sealed = watch_new(me.loop, blobs_fd(me.blobs), on_sealed, NULL);
	watch_want(me.sealed, WATCH_READ);
	me.tick = timer_new(me.loop, on_tick, NULL);
	me.busy = timer_new(me.loop, on_busy, NULL);
}

static void
finish(void)
{
	snapshot_free(me.snapshot);
	httpd_free(me.httpd);
	watch_free(me.sealed);
	s3_free(me.s3);
	sweep_free(me.sweep);
	nodedb_close(me.db);
	blobs_close(me.blobs);
	life_end(&me.life);
	sodium_memzero(me.secret, sizeof me.secret);
	node_free(&me.conf);
}

/* What can be found wrong before any file is touched. */
static void
read_conf(const char *file)
{
	struct buf why = { .max = 4096 };

	node_load(file, &me.conf);
	take_names(&me.conf.store.domains, "store.domains", me.domains);
	take_names(&me.conf.store.hosts, "store.hosts", me.hosts);
	endpoint_check(&me.conf);
	if (take(&me.rights, &me.conf, &why) < 0)
		die(EXIT_WRONG, "%.*s", (int)why.n, (char *)why.p);
	buf_free(&why);
}

int
daemon_run(const char *file, bool check, int ready_fd)
{
	int code;

	read_conf(file);
	if (check)
		node_show(&me.conf);
	me.file = file;
	log_open("kn-store", me.conf.node.log_level);
	cmd_hide();
	signal(SIGPIPE, SIG_IGN);
	cmd_raise_fds(
	    me.conf.store.connections * 2 + SPARE_FDS, "store.connections");
	me.budget = (struct budget){ .high = me.conf.store.bytes / 4 * 3,
		.max = me.conf.store.bytes };
	/* before the counters, which are those of whoever has the files */
	files_lock(&me.conf);
	life_begin(&me.life, "kn-store", &me.conf, rows, N(rows));
	life_bind(&me.life, &me.conf);
	open_index();
	me.loop = loop_new();
	open_server();
	lock_down();
	open_blobs();
	me.snapshot =
	    snapshot_new(me.loop, file, (msec)me.conf.store.snapshot_every);
	serve();
	life_signals(&me.life, me.loop, (msec)me.conf.network.drain_time,
	    on_hup, on_term, NULL);
	on_tick(NULL);
	cmd_ready(ready_fd);
	log_info(
	    "ready", "pid=%d unclean=%d", (int)getpid(), nodedb_unclean(me.db));
	code = loop_run(me.loop);
	finish();
	return code;
}
