/* SPDX-License-Identifier: ISC
 *
 * The daemon: wiring between the machine (dht/dht), its database, kn-p2pd and
 * the programs on dht.sock. */
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/cmd.h"
#include "cmd/jailed.h"
#include "cmd/kn-dht/database.h"
#include "cmd/kn-dht/door.h"
#include "cmd/kn-dht/guests.h"
#include "cmd/kn-dht/parts.h"
#include "cmd/life.h"
#include "cmd/node.h"
#include "net/queries.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PUBLISH = 1000,
	DIAL_AGAIN = 30000, /* bootstrap peers, while nobody is known */
	DIAL_TIMEOUT = 20000,
	BUDGET = 32 << 20, /* bytes of messages on their way */
	STREAMS = 512,
	PER_PEER = 4,
	WAITING = 8192,
	GUESTS = 1024,
	GUESTS_PER_PEER = 16,
	SPARE_FDS = 128,
	STREAM_IDLE = 45000,
	GUEST_IDLE_TIME = 60000,
	DRAIN_IDLE = 1000,
	PATIENCE = 10000,
};

/* Tags of DIAL: those of OPEN are counted from 1. */
#define DIAL_TAG (UINT64_C(1) << 62)

/* clang-format off */
/* Refusals and what the table says, by reason, behind the machine's own. */
static const struct stat_row rows[] = {
#define R(name, word, kind, help)                                             \
	{ STAT_##kind, "kn_dht_" word, "", help },
	DHT_STATS_LIST(R)
#undef R
#define R(name, word, sentence)                                               \
	{ STAT_COUNTER, "kn_dht_refused_total", "reason=\"" word "\"",        \
	    "messages of others that were not obeyed" },
	DHT_REFUSALS(R)
#undef R
#define R(name, word)                                                         \
	{ STAT_COUNTER, "kn_dht_table_total", "said=\"" word "\"",            \
	    "answering peers, by what the table made of them" },
	KADTAB_SAID(R)
#undef R
#define R(name, word)                                                         \
	{ STAT_COUNTER, "kn_dht_streams_ended_total", "reason=\"" word "\"",  \
	    "streams of others that were reset" },
	GUEST_ENDS(R)
#undef R
	{ STAT_GAUGE, "kn_dht_streams", "", "streams of others" },
	{ STAT_GAUGE, "kn_dht_programs", "", "programs on dht.sock" },
	{ STAT_GAUGE, "kn_dht_budget_bytes", "", "bytes of messages held" },
	PROCSTAT_ROWS("kn-dht"),
};
enum {
	AT_REFUSED = DHT_STAT_N,
	AT_SAID = AT_REFUSED + DHT_REFUSE_N,
	AT_ENDED = AT_SAID + KADTAB_SAID_N,
	AT_STREAMS = AT_ENDED + GUEST_END_N,
	AT_PROGRAMS,
	AT_BUDGET,
	AT_PROCESS, /* the rest is not the machine's */
};
/* clang-format on */

static struct daemon {
	struct node_conf conf;
	const char *file;
	struct loop *loop;
	struct p2p *p2p;
	struct dht *dht; /* NULL until SELF has come */
	struct peerid self;
	struct dhtdb *db;
	struct queries *queries;
	struct guests *guests;
	struct door *door;
	struct rights rights;
	struct life life;
	struct budget budget;
	struct timer *tick, *publish, *dial;
	const char *protocols[LISTS_PROTOCOLS + 1];
	const char *names[LISTS_NAMES + 1];
	int ready_fd;
	bool soon; /* pump is to run */
} me;

static const char *const nothing[] = { NULL };

/* As a server, and while nothing is to be finished. */
static void
offer(void)
{
	bool serve = dht_is_server(me.dht) && !life_draining(&me.life);

	p2p_serve(me.p2p, serve ? me.protocols : nothing);
}

/* Do what the machine wants, then wait for what it waits for. */
static void
pump(void *arg)
{
	struct dht_ev ev;
	struct slice addrs[KADADDRS_N];
	size_t n;

	(void)arg;
	me.soon = false;
	while (dht_next(me.dht, loop_now(me.loop), &ev) == 1) {
		n = ev.addrs ? kadaddrs_list(ev.addrs, addrs) : 0;
		switch (ev.what) {
		case DHT_EV_ASK:
			queries_ask(me.queries, ev.rpc, ev.peer, addrs, n,
			    ev.messages, ev.timeout);
			break;
		case DHT_EV_ITEM:
		case DHT_EV_DONE:
			door_event(me.door, &ev);
			break;
		case DHT_EV_MODE:
			log_info("mode", "server=%d", dht_is_server(me.dht));
			offer();
			break;
		}
	}
	timer_at(me.tick, dht_due(me.dht));
}

/* The machine has been given something. */
static void
after(void *arg)
{
	(void)arg;
	if (me.soon || me.dht == NULL)
		return;
	me.soon = true;
	loop_soon(me.loop, pump, &me);
}

static void
on_tick(void *arg)
{
	(void)arg;
	dht_tick(me.dht, loop_now(me.loop));
	after(NULL);
}

/* queries_face */

static void
replied(void *arg, uint64_t id, struct slice message)
{
	dht_replied(me.dht, id, message, loop_now(me.loop));
	after(arg);
}

static void
failed(void *arg, uint64_t id, enum reason why)
{
	log_debug("question.failed", "why=%s", reason_word(why));
	dht_failed(me.dht, id, loop_now(me.loop));
	after(arg);
}

static const struct queries_face queries_face = { replied, failed };

/* Bootstrap. */

static void
dial(const char *text, uint64_t i)
{
	static struct ctl m; /* too big for a stack */
	struct maddr addr;

	if (maddr_of_text(slice_text(text), &addr) < 0)
		return;
	memset(&m, 0, sizeof m);
	m.has_dial = m.dial.has_tag = m.dial.has_timeout = true;
	m.dial.tag = DIAL_TAG | i;
	m.dial.timeout = DIAL_TIMEOUT;
	m.dial.n_addrs = 1;
	m.dial.addrs[0] = maddr_bytes(&addr);
	p2p_say(me.p2p, &m, -1);
}

static void
on_dial(void *arg)
{
	const struct conf_list *list = &me.conf.dht.bootstrap;
	const char *const *at = anchors_of(me.conf.dht.network);

	(void)arg;
	if (kadtab_size(dht_table(me.dht)) == 0) {
		for (size_t i = 0; i < list->n; i++)
			dial(list->at[i], i);
		for (size_t i = 0; at && at[i]; i++)
			dial(at[i], list->n + i);
	}
	timer_at(me.dial, loop_now(me.loop) + DIAL_AGAIN);
}

/* p2p_face */

static bool
speaks(const struct ctl_up *up)
{
	for (size_t i = 0; i < up->n_protocols; i++)
		for (size_t j = 0; me.protocols[j]; j++)
			if (slice_is(up->protocols[i], me.protocols[j]))
				return true;
	return false;
}

static void
heard_up(const struct ctl_up *up)
{
	struct slice addrs[KADADDRS_N];
	struct peerid id;
	size_t n = 0;

	if (peerid_of_bytes(up->peer, &id) < 0)
		return;
	dht_from(me.dht, &id, up->addr, loop_now(me.loop));
	/* not identified yet: it is told again when it is */
	if (up->n_protocols == 0)
		return;
	/* where it was reached is a good address */
	if (!up->inbound && up->addr.n > 0)
		addrs[n++] = up->addr;
	for (size_t i = 0; i < up->n_addrs && n < KADADDRS_N; i++)
		addrs[n++] = up->addrs[i];
	dht_peer(me.dht, &id, addrs, n, speaks(up), loop_now(me.loop));
}

static void
stats_of(uint64_t values[AT_PROCESS])
{
	uint64_t *at = values;

	dht_stats(me.dht, loop_now(me.loop), at, at + AT_REFUSED, at + AT_SAID);
	for (size_t i = 0; i < GUEST_END_N; i++)
		at[AT_ENDED + i] = guests_count(me.guests, (enum guest_end)i);
	at[AT_STREAMS] = guests_open(me.guests);
	at[AT_PROGRAMS] = door_programs(me.door);
	at[AT_BUDGET] = me.budget.used;
}

/* door_face: "name" or "name.reason". */
static void
door_stats(
    void *arg, void (*item)(void *to, const char *name, uint64_t v), void *to)
{
	uint64_t values[AT_PROCESS];
	const size_t prefix = strlen("kn_dht_");
	char name[128];

	(void)arg;
	stats_of(values);
	for (size_t i = 0; i < AT_PROCESS; i++) {
		const char *label = strchr(rows[i].labels, '"');
		int n = label ? (int)strcspn(label + 1, "\"") : 0;

		snprintf(name, sizeof name, "%s%s%.*s", rows[i].name + prefix,
		    n ? "." : "", n, label ? label + 1 : "");
		item(to, name, values[i]);
	}
}

static const struct door_face door_face = { after, door_stats };

/* What the drain file wants. */
static void
heed(void)
{
	if (life_heed(&me.life, true, loop_now(me.loop)) != DRAIN_SAME) {
		bool draining = life_draining(&me.life);

		door_drain(me.door, draining);
		/* streams that only wait would hold kn-p2pd up */
		guests_keep(me.guests, draining ? DRAIN_IDLE : GUEST_IDLE_TIME);
		queries_keep(me.queries, draining ? DRAIN_IDLE : STREAM_IDLE);
		offer();
	}
	life_phase(
	    &me.life, guests_open(me.guests) + door_errands(me.door) > 0);
}

static void
on_publish(void *arg)
{
	uint64_t values[AT_PROCESS] = { 0 };

	(void)arg;
	timer_at(me.publish, loop_now(me.loop) + PUBLISH);
	/* nothing to count before SELF has come, but the loop turns */
	if (me.dht == NULL) {
		life_beat(&me.life, loop_now(me.loop), 0);
		return;
	}
	dht_clock(me.dht, loop_now(me.loop), msec_wall());
	stats_of(values);
	for (size_t i = 0; i < AT_PROCESS; i++)
		stat_set(me.life.stats, i, values[i]);
	heed();
	/* what the machine does by itself does not hold up a drain */
	life_beat(&me.life, loop_now(me.loop),
	    guests_open(me.guests) + (life_draining(&me.life)
					     ? door_errands(me.door)
					     : values[DHT_STAT_OPS]));
}

/* Who we are is known: the machine can be made. */
static void
begin(const struct peerid *self)
{
	const struct dht_conf conf = {
		.mode = (enum dht_mode)me.conf.dht.mode,
		.k = me.conf.dht.k,
		.alpha = me.conf.dht.alpha,
		.beta = me.conf.dht.beta,
		.paths = me.conf.dht.paths,
		.quorum = me.conf.dht.quorum,
		.private_too = me.conf.dht.private_addrs,
		.names = me.names,
		.rpc_timeout = (msec)me.conf.dht.rpc_timeout,
		.op_timeout = (msec)me.conf.dht.timeout,
		.reprovide = (msec)me.conf.dht.reprovide,
		.refresh = (msec)me.conf.dht.refresh,
		.server_after = (msec)me.conf.dht.server_after,
		.client_after = (msec)me.conf.dht.client_after,
		.ops = 256,
		.rpcs = 1024,
		.seed =
		    (uint64_t)randombytes_random() << 32 | randombytes_random(),
	};
	const struct guests_conf guests = { GUESTS, GUESTS_PER_PEER,
		GUEST_IDLE_TIME, PATIENCE, &me.budget };
	char *path = node_run_path(&me.conf, DHT_SOCKET);
	int fd = cmd_inherited("dht", 0);
	msec now = loop_now(me.loop);

	if (fd < 0)
		fd = ctl_listen(path);
	if (fd < 0)
		die(errno == EADDRINUSE ? EXIT_WRONG : EXIT_SYSTEM,
		    "cannot listen on %s:", path);
	free(path);
	me.self = *self;
	me.dht = dht_new(&conf, self, me.db, now, msec_wall());
	me.guests = guests_new(me.loop, me.p2p, me.dht, &guests, after, NULL);
	me.door =
	    door_new(me.loop, fd, me.dht, me.db, &me.rights, &door_face, NULL);
	me.tick = timer_new(me.loop, on_tick, NULL);
	me.dial = timer_new(me.loop, on_dial, NULL);
	if (dht_is_server(me.dht))
		offer();
	dht_boot(me.dht, now);
	on_dial(NULL);
	on_publish(NULL);
	after(NULL);
	cmd_ready(me.ready_fd);
	log_info(
	    "ready", "pid=%d server=%d", (int)getpid(), dht_is_server(me.dht));
}

static void
heard_self(const struct ctl_self *m)
{
	struct peerid self;

	if (peerid_of_bytes(m->peer, &self) < 0)
		return;
	if (me.dht == NULL)
		begin(&self);
	else if (!peerid_eq(&self, &me.self))
		die(EXIT_SYSTEM, "the node has another identity now: starting "
				 "again");
	dht_self(
	    me.dht, m->addrs, m->n_addrs, m->reachable != 0, loop_now(me.loop));
}

static void
heard(void *arg, const struct ctl *m)
{
	if (m->has_self)
		heard_self(&m->self);
	if (m->has_fail && m->fail.tag >= DIAL_TAG)
		log_info("bootstrap.failed", "why=%s", log_q(m->fail.text));
	else if (m->has_fail && m->fail.tag == 0)
		die(EXIT_WRONG,
		    "kn-p2pd refuses: %s; network.control in "
		    "node.ini says who may",
		    reason_sentence((unsigned)m->fail.reason));
	if (me.dht == NULL)
		return;
	if (m->has_up)
		heard_up(&m->up);
	queries_heard(me.queries, m);
	guests_heard(me.guests, m);
	after(arg);
}

static void
stream(void *arg, const struct ctl_stream *m, int fd)
{
	(void)arg;
	guests_stream(me.guests, m, fd);
}

static void
lost(void *arg, const char *why)
{
	log_warn("p2pd.lost", "why=%s", log_q(slice_text(why)));
	queries_lost(me.queries);
	if (me.guests)
		guests_lost(me.guests);
	after(arg);
}

static const struct p2p_face p2p_face = { stream, heard, lost };

static void
on_term(void *arg)
{
	(void)arg;
	life_over(&me.life);
}

/* Who may do what. */
static int
take(void *arg, const struct node_conf *conf, struct buf *faults)
{
	return rights_parse(&conf->dht.control, "dht.control", door_words,
	    geteuid(), arg, faults);
}

static void
on_hup(void *arg, unsigned what)
{
	(void)arg;
	(void)what;
	if (node_reload("kn-dht", me.file, take, &me.rights))
		log_info("reloaded", "programs=%zu",
		    me.door ? door_programs(me.door) : 0);
}

static void
take_lists(void)
{
	const struct conf_list *p = &me.conf.dht.protocols;
	const struct conf_list *n = &me.conf.dht.namespaces;
	struct buf faults = { .max = 16384 };
	int bad = lists_check(&me.conf, &faults);

	bad += take(&me.rights, &me.conf, &faults);
	if (bad < 0) {
		(void)fd_write_all(STDERR_FILENO, buf_slice(&faults));
		die(EXIT_WRONG, "the configuration has faults");
	}
	for (size_t i = 0; i < p->n; i++)
		me.protocols[i] = p->at[i];
	for (size_t i = 0; i < n->n; i++)
		me.names[i] = n->at[i];
}

static void
finish(void)
{
	door_free(me.door);
	guests_free(me.guests);
	queries_free(me.queries);
	p2p_free(me.p2p);
	dht_free(me.dht);
	dhtdb_close(me.db);
	life_end(&me.life);
	node_free(&me.conf);
}

/* dht.sock is made when it is known who we are. */
static void
lock_down(void)
{
	const struct jailed_path paths[] = {
		{ me.conf.node.run_path, JAIL_BIND, false },
		{ me.conf.dht.db_path, JAIL_WRITE, true },
	};
	const struct jailed j = { &me.conf, me.file, paths, N(paths), 0, true };

	jailed_enter(&j, me.life.stats);
}

int
daemon_run(const char *file, bool check, int ready_fd)
{
	struct p2p_conf p2p = { .name = "kn-dht",
		.protocols = nothing,
		.wants = CTL_WANT_PEERS,
		.again = true };
	const struct queries_conf queries = { .protocols = me.protocols,
		.streams = STREAMS,
		.per_peer = PER_PEER,
		.waiting = WAITING,
		.idle = STREAM_IDLE,
		.max = KAD_MESSAGE,
		.budget = &me.budget };
	struct queries_conf qc;
	char *sock;
	int code;

	node_load(file, &me.conf);
	take_lists();
	if (check)
		node_show(&me.conf);
	me.file = file;
	log_open("kn-dht", me.conf.node.log_level);
	cmd_hide();
	cmd_raise_fds(STREAMS + GUESTS + SPARE_FDS, NULL);
	me.ready_fd = ready_fd;
	me.budget = (struct budget){ .high = BUDGET / 4 * 3, .max = BUDGET };
	life_begin(&me.life, "kn-dht", &me.conf, rows, N(rows));
	life_bind(&me.life, &me.conf);
	me.db = database_open(&me.conf);
	me.loop = loop_new();
	me.publish = timer_new(me.loop, on_publish, NULL);
	on_publish(NULL);
	sock = node_run_path(&me.conf, "p2p.sock");
	p2p.path = sock;
	me.p2p = p2p_new(me.loop, &p2p, &p2p_face, NULL);
	qc = queries;
	qc.nprotocols = me.conf.dht.protocols.n;
	me.queries = queries_new(me.loop, me.p2p, &qc, &queries_face, NULL);
	life_signals(&me.life, me.loop, MSEC_NEVER, on_hup, on_term, NULL);
	lock_down();
	code = loop_run(me.loop);
	finish();
	free(sock);
	return code;
}
