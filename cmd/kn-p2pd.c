/* SPDX-License-Identifier: ISC
 *
 * kn-p2pd(8): terminates connections and hands each stream to its owner.  This
 * file is wiring; what it wires is in lib/net. */
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/certified.h"
#include "cmd/cmd.h"
#include "cmd/jailed.h"
#include "cmd/life.h"
#include "net/board.h"
#include "net/identify.h"
#include "net/serve.h"
#include "net/swarm.h"
#include "proto/perf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PUBLISH = 1000,
	CERT_LOOK = 60000,
	OFFER_TIMEOUT = 15000,
	SPARE_FDS = 64
};

/* clang-format off */
/* Counters: one list for the rows and their numbers. */
#define STATS(S)                                                              \
	S(GAUGE, peers, "", "peers connected")                                \
	S(GAUGE, handshaking, "", "handshakes under way")                     \
	S(GAUGE, streams, "", "streams open")                                 \
	S(GAUGE, programs, "", "programs on p2p.sock")                        \
	S(GAUGE, parked_streams, "", "streams that wait for a program")       \
	S(GAUGE, budget_bytes, "state=\"used\"", "the byte budget")           \
	S(GAUGE, budget_max, "", "the byte budget's ceiling")                 \
	S(GAUGE, certificate_valid, "", "1: others would accept it now")      \
	S(GAUGE, certificate_expires_seconds, "", "since 1970; 0: none")      \
	S(GAUGE, twin_seen_seconds, "", "when last, since 1970; 0: never")    \
	S(COUNTER, twins_total, "", "meetings with a node of our identity")   \
	S(COUNTER, accepted_total, "", "connections accepted")                \
	S(COUNTER, dialed_total, "", "connections dialled")                   \
	S(COUNTER, handshakes_total, "", "handshakes completed")              \
	S(COUNTER, received_bytes_total, "", "bytes read from peers")         \
	S(COUNTER, sent_bytes_total, "", "bytes written to peers")            \
	S(COUNTER, streams_in_total, "", "streams opened by peers")           \
	S(COUNTER, streams_out_total, "", "streams opened by us")             \
	S(COUNTER, streams_refused_total, "", "streams of unserved protocols")

enum {
#define S(kind, name, labels, help) AT_##name,
	STATS(S)
#undef S
	AT_refused,
};

static const struct stat_row stat_rows[] = {
#define S(kind, name, labels, help)                                           \
	{ STAT_##kind, "kn_p2pd_" #name, labels, help },
	STATS(S)
#undef S
#define R(name, word, sentence)                                               \
	{ STAT_COUNTER, "kn_p2pd_refused_total", "reason=\"" word "\"",       \
	    "refusals and failures by reason" },
	REASONS(R)
#undef R
	PROCSTAT_ROWS("kn-p2pd"),
};
/* clang-format on */

struct node {
	struct node_conf conf;
	const char *file;
	struct loop *loop;
	struct budget budget;
	struct self self;
	struct gate *gate;
	struct swarm *swarm;
	struct board *board;
	struct rights rights;
	struct life life;
	struct timer *publish;
	struct certified cert;
	msec cert_looked; /* when */
};

/* What it says is logged when it changes. */
static void
look_at_cert(struct node *n)
{
	struct certified c =
	    certified_look(&n->conf, &n->self.id, (uint64_t)msec_wall() / 1000);
	bool first = n->cert_looked == 0;

	n->cert_looked = loop_now(n->loop);
	if (c.valid &&
	    (first || !n->cert.valid || c.not_after != n->cert.not_after))
		log_info("certificate.good", "expires=%llu",
		    (unsigned long long)c.not_after);
	else if (!c.valid && (first || strcmp(c.why, n->cert.why) != 0))
		log_warn("certificate.bad", "why=%s", log_q(slice_text(c.why)));
	n->cert = c;
}

/* What the drain file wants, until TERM wants more. */
static void
heed(struct node *n)
{
	msec now = loop_now(n->loop);

	if (n->life.stopping)
		return;
	/* who waits for a certificate waits a minute no longer */
	if (n->life.drainer.bond == DRAIN_CERTIFICATE)
		look_at_cert(n);
	switch (life_heed(&n->life, n->cert.valid, now)) {
	case DRAIN_BEGUN:
		swarm_drain(n->swarm, n->life.drainer.due);
		board_tell_self(n->board, true);
		break;
	case DRAIN_OVER:
		swarm_resume(n->swarm);
		board_tell_self(n->board, false);
		break;
	case DRAIN_SAME:
		break;
	}
	life_phase(&n->life, swarm_streams(n->swarm) > 0);
}

static void
publish(void *arg)
{
	struct node *n = arg;
	const struct swarm_counts *c = swarm_counts(n->swarm);
	const struct {
		size_t row;
		uint64_t value;
	} values[] = {
		{ AT_peers, swarm_peers(n->swarm) },
		{ AT_handshaking, swarm_handshakes(n->swarm) },
		{ AT_streams, swarm_streams(n->swarm) },
		{ AT_programs, board_programs(n->board) },
		{ AT_parked_streams, board_parked(n->board) },
		{ AT_budget_bytes, n->budget.used },
		{ AT_budget_max, n->budget.max },
		{ AT_certificate_valid, n->cert.valid },
		{ AT_certificate_expires_seconds, n->cert.not_after },
		{ AT_twin_seen_seconds, c->twin_seen },
		{ AT_twins_total, c->twins },
		{ AT_accepted_total, c->accepted },
		{ AT_dialed_total, c->dialed },
		{ AT_handshakes_total, c->handshakes_ok },
		{ AT_received_bytes_total, c->links->bytes_in },
		{ AT_sent_bytes_total, c->links->bytes_out },
		{ AT_streams_in_total, c->links->streams_in },
		{ AT_streams_out_total, c->links->streams_out },
		{ AT_streams_refused_total, c->links->streams_refused },
	};

	for (size_t i = 0; i < N(values); i++)
		stat_set(n->life.stats, values[i].row, values[i].value);
	for (size_t i = 0; i < REASON_N; i++)
		stat_set(n->life.stats, AT_refused + i, c->refused[i]);
	life_beat(&n->life, loop_now(n->loop), swarm_streams(n->swarm));
	timer_at(n->publish, loop_now(n->loop) + PUBLISH);
	if (loop_now(n->loop) - n->cert_looked >= CERT_LOOK)
		look_at_cert(n);
	heed(n);
}

static void
each_turn(void *arg, msec now)
{
	struct node *n = arg;

	(void)now;
	if (swarm_peers(n->swarm) == 0)
		life_over(&n->life);
}

static void
on_term(void *arg)
{
	struct node *n = arg;

	log_info("drain", "bond=TERM deadline_ms=%llu",
	    (unsigned long long)n->conf.network.drain_time);
	swarm_deafen(n->swarm);
	swarm_drain(
	    n->swarm, loop_now(n->loop) + (msec)n->conf.network.drain_time);
	board_tell_self(n->board, true);
}

/* Who may do what. */
static int
take(void *arg, const struct node_conf *conf, struct buf *faults)
{
	return rights_parse(&conf->network.control, "network.control",
	    board_words, geteuid(), arg, faults);
}

/* With the lists, whatever became of the configuration. */
static void
on_hup(void *arg, unsigned what)
{
	struct node *n = arg;
	struct buf faults = { .max = 16384 };

	(void)what;
	if (node_reload("kn-p2pd", n->file, take, &n->rights))
		board_rights(n->board, &n->rights);
	gate_interfaces(n->gate);
	if (gate_reload(n->gate, &faults) < 0)
		node_log_faults("reload.lists", &faults);
	else
		swarm_recheck(n->swarm);
	buf_free(&faults);
	look_at_cert(n);
	log_info("reloaded", "peers=%zu", swarm_peers(n->swarm));
}

static int
make_gate(struct node *n, struct buf *faults)
{
	const struct node_conf *c = &n->conf;
	/* the gate borrows its strings from n->conf, which lives as long */
	const struct gate_conf g = {
		.allow_path = c->network.allow_path,
		.deny_path = c->network.deny_path,
		.protect_path = c->network.protect_path,
		.peers = (unsigned)c->limits.peers,
		.reserved = (unsigned)c->limits.reserved_peers,
		.handshakes = (unsigned)c->limits.handshakes,
		.per_ip = (unsigned)c->limits.peers_per_ip,
		.per_subnet = (unsigned)c->limits.peers_per_subnet,
		.dials_per_minute = (unsigned)c->network.dials_per_minute,
		.dial_private = c->network.dial_private,
	};

	n->gate = gate_new(&g, faults);
	return n->gate == NULL ? -1 : 0;
}

static bool
is_addr(const char *text)
{
	struct maddr addr;

	return maddr_of_text(slice_text(text), &addr) == 0;
}

static bool
is_tcp(const char *text)
{
	struct sockaddr_storage ss;
	struct maddr addr;
	struct slice rest;
	socklen_t n;
	uint32_t code;

	return maddr_of_text(slice_text(text), &addr) == 0 &&
	       maddr_to_sockaddr(maddr_bytes(&addr), &ss, &n, &code, &rest) ==
		   0 &&
	       code == MADDR_TCP && rest.n == 0;
}

static int
check_addrs(const struct conf_list *list, bool (*good)(const char *text),
    const char *key, const char *what, struct buf *faults)
{
	int bad = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (good(list->at[i]))
			continue;
		put_text(faults, "network.");
		put_text(faults, key);
		put_text(faults, ": \"");
		put_text(faults, list->at[i]);
		put_text(faults, "\" is ");
		put_text(faults, what);
		put_text(faults, "\n");
		bad = -1;
	}
	return bad;
}

/* What of [network] takes more than its kind and range to be right, with the
 * files that it names. */
static void
take_lists(struct node *n)
{
	const struct node_conf *c = &n->conf;
	struct buf faults = { .max = 65536 };
	int bad = check_addrs(&c->network.listen_addrs, is_tcp, "listen_addrs",
	    "not /ip4|ip6/ADDRESS/tcp/PORT", &faults);

	bad += check_addrs(&c->network.announce_addrs, is_addr,
	    "announce_addrs",
	    "no multiaddr; one looks like /ip4/192.0.2.1/tcp/4001", &faults);
	bad += take(&n->rights, c, &faults);
	bad += make_gate(n, &faults);
	if (bad < 0) {
		(void)fd_write_all(STDERR_FILENO, buf_slice(&faults));
		die(EXIT_WRONG, "the configuration has faults");
	}
	buf_free(&faults);
	gate_interfaces(n->gate);
}

static void
make_swarm(struct node *n)
{
	const struct node_conf *c = &n->conf;
	struct board_conf bc = {
		.park_time = (msec)c->network.park_time,
	};
	struct swarm_conf sc = {
		.peers = (unsigned)c->limits.peers,
		.reserved = (unsigned)c->limits.reserved_peers,
		.handshakes = (unsigned)c->limits.handshakes,
		.dial_timeout = (msec)c->network.dial_timeout,
		.idle_timeout = (msec)c->limits.idle_timeout,
		.conn = {
			.limits = {
				.streams_in = (uint32_t)c->limits.streams_per_peer,
				.streams_out = (uint32_t)c->limits.streams_per_peer,
				.window_most = (uint32_t)c->limits.window,
			},
			.budget = &n->budget,
			.handshake_timeout = (msec)c->limits.handshake_timeout,
			.offer_timeout = OFFER_TIMEOUT,
		},
	};

	n->board = board_new(n->loop, &bc, &n->rights);
	n->swarm =
	    swarm_new(n->loop, &sc, &n->self, n->gate, &board_face, n->board);
	board_join(n->board, n->swarm);
	identify_serve(n->swarm);
	swarm_serve(n->swarm, PING_ID, &serve_ping, NULL);
	if (c->network.perf)
		swarm_serve(n->swarm, PERF_ID, &serve_perf, NULL);
}

/* Of one that take_lists has seen. */
static struct maddr
address(const char *text)
{
	struct maddr addr = { 0 };

	maddr_of_text(slice_text(text), &addr);
	return addr;
}

/* Sockets from the supervisor, or our own by listen_addrs. */
static void
listen_peers(struct node *n)
{
	const struct conf_list *list = &n->conf.network.listen_addrs;
	unsigned inherited = 0;
	int fd;

	while ((fd = cmd_inherited("p2p-tcp", inherited)) >= 0) {
		inherited++;
		swarm_listen(n->swarm, fd);
	}
	for (size_t i = 0; i < list->n && inherited == 0; i++) {
		struct maddr addr = address(list->at[i]);

		fd = listen_bind(&addr);
		if (fd < 0 && errno == EAFNOSUPPORT) {
			log_warn("listen",
			    "addr=%s why=\"this host has no "
			    "such address family\"",
			    list->at[i]);
			continue;
		}
		if (fd < 0)
			die(errno == EADDRINUSE || errno == EACCES
				? EXIT_WRONG
				: EXIT_SYSTEM,
			    "cannot listen on %s:", list->at[i]);
		swarm_listen(n->swarm, fd);
	}
	for (size_t i = 0; i < n->conf.network.announce_addrs.n; i++) {
		struct maddr addr =
		    address(n->conf.network.announce_addrs.at[i]);

		swarm_announce(n->swarm, &addr, false);
	}
}

static void
listen_programs(struct node *n)
{
	char *path = node_run_path(&n->conf, "p2p.sock");
	int fd = cmd_inherited("p2p", 0);

	if (fd < 0)
		fd = ctl_listen(path);
	if (fd < 0)
		die(errno == EADDRINUSE ? EXIT_WRONG : EXIT_SYSTEM,
		    "cannot listen on %s:", path);
	board_listen(n->board, fd);
	free(path);
}

static void
say_where(const struct node *n)
{
	char id[PEERID_TEXT], text[MADDR_TEXT];

	for (size_t i = 0; i < n->self.naddrs; i++)
		log_info("listen", "addr=%s/p2p/%s",
		    maddr_text(maddr_bytes(&n->self.addrs[i]), text),
		    peerid_text(&n->self.id, id));
}

static void
build(struct node *n)
{
	char *sign = node_run_path(&n->conf, "sign.sock");
	struct buf why = { .max = 4096 };

	life_begin(&n->life, "kn-p2pd", &n->conf, stat_rows, N(stat_rows));
	life_bind(&n->life, &n->conf);
	n->loop = loop_new();
	n->budget = (struct budget){
		.high = n->conf.limits.bytes / 4 * 3,
		.max = n->conf.limits.bytes,
	};
	if (self_init(&n->self, sign, n->conf.node.agent, &why) < 0)
		die(EXIT_SYSTEM, "%.*s", (int)why.n, (char *)why.p);
	make_swarm(n);
	listen_peers(n);
	listen_programs(n);
	buf_free(&why);
	/* sign is borrowed by self for the life of the process */
}

/* What HUP, the certificate and host names make it read. */
static void
lock_down(const struct node *n)
{
	const struct node_conf *c = &n->conf;
	const struct jailed_path paths[] = {
		{ c->network.allow_path, JAIL_READ, true },
		{ c->network.deny_path, JAIL_READ, true },
		{ c->network.protect_path, JAIL_READ, true },
		{ c->identity.cert_path, JAIL_READ, true },
		{ c->identity.roots_path, JAIL_READ, false },
		{ "/etc/resolv.conf", JAIL_READ, true },
	};
	const struct jailed j = { c, n->file, paths, N(paths), JAIL_INET,
		true };

	jailed_enter(&j, n->life.stats);
}

int
main(int argc, char **argv)
{
	static struct node node; /* zeroed */
	const char *file = NODE_FILE;
	bool check = false;
	uint64_t ready = UINT64_MAX;
	const struct opt opts[] = {
		{ 'c', "config", OPT_STR, &file, "FILE",
		    "read this configuration", 0 },
		{ 'n', "check", OPT_FLAG, &check, NULL,
		    "check the configuration, print it and exit", 0 },
		{ 'r', "ready-fd", OPT_UINT, &ready, "N",
		    "write a newline there when ready (s6)", 1024 },
	};
	const struct opt_page page = { "kn-p2pd", "",
		"terminate libp2p connections, hand each stream to its owner",
		"TERM drains and exits; a second TERM exits at once; HUP reads "
		"the lists again.\n",
		opts, N(opts) };
	int code;

	if (cmd_options(&page, argc, argv) != argc)
		die(EXIT_WRONG, "no operands are wanted; see kn-p2pd -h");
	node_load(file, &node.conf);
	take_lists(&node);
	if (check)
		node_show(&node.conf);
	node.file = file;
	log_open("kn-p2pd", node.conf.node.log_level);
	cmd_hide();
	cmd_raise_fds(node.conf.limits.peers * 3 + node.conf.limits.handshakes +
			  SPARE_FDS,
	    "limits.peers");
	build(&node);
	lock_down(&node);

	/* the swarm itself closes peers when the time is over */
	life_signals(&node.life, node.loop, MSEC_NEVER, on_hup, on_term, &node);
	loop_each_turn(node.loop, each_turn, &node);
	look_at_cert(&node);
	node.publish = timer_new(node.loop, publish, &node);
	publish(&node);
	say_where(&node);
	cmd_ready(ready == UINT64_MAX ? -1 : (int)ready);
	log_info("ready", "pid=%d", (int)getpid());
	code = loop_run(node.loop);

	publish(&node);
	swarm_free(node.swarm);
	board_free(node.board);
	gate_free(node.gate);
	self_free(&node.self);
	life_end(&node.life);
	node_free(&node.conf);
	return code;
}
