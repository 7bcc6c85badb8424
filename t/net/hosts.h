/* SPDX-License-Identifier: ISC
 *
 * Whole swarms in one process, on one loop, over loopback: for unit tests.  Each
 * host has its own key, budget and gate; its peer record stays unsigned. */
#ifndef T_NET_HOSTS_H
#define T_NET_HOSTS_H

#include "base/log.h"
#include "net/identify.h"
#include "net/serve.h"
#include "net/swarm.h"
#include "t/tap.h"

#include <stdlib.h>
#include <unistd.h>

enum { HOST_PATIENCE = 60000, HOST_TICK = 5 };

struct host {
	struct key key;
	struct self self;
	struct gate *gate;
	struct gate_conf gate_conf;
	struct swarm_conf conf;
	struct budget budget;
	struct swarm *swarm;
	struct maddr addr;          /* with /p2p at the end */
	unsigned ups, downs, changes;
	enum reason why;            /* of the last down */
};

static struct loop *loop;
static struct timer *host_ticker;
static msec host_patience;
static unsigned host_turns;

static inline void
host_tick(void *arg)
{
	(void)arg;
	timer_at(host_ticker, msec_now() + HOST_TICK);
}

static inline void
host_turn(void *arg, msec now)
{
	(void)arg;
	(void)now;
	if (host_turns++ == 1)
		loop_stop(loop, 0);
}

/* One turn of the loop; false: it takes too long. */
static inline bool
host_step(void)
{
	host_turns = 0;
	loop_run(loop);
	return msec_now() < host_patience;
}

/* Turn until it is so. */
#define comes(cond, name)                                                     \
	do {                                                                  \
		bool so_it_is;                                                \
                                                                              \
		host_patience = msec_now() + HOST_PATIENCE;                   \
		while (!(so_it_is = (cond)) && host_step())                   \
			;                                                     \
		tap_ok(so_it_is, #cond, __FILE__, __LINE__, "%s", name);      \
	} while (0)

static inline void
hosts_begin(void)
{
	log_open("test", getenv("V") ? LOG_DEBUG : LOG_ERROR);
	loop = loop_new();
	host_ticker = timer_new(loop, host_tick, NULL);
	loop_each_turn(loop, host_turn, NULL);
	host_tick(NULL);
}

static inline void
hosts_end(void)
{
	timer_free(host_ticker);
	loop_free(loop);
}

static inline void
host_up(void *arg, struct peer *p)
{
	struct host *h = arg;

	(void)p;
	h->ups++;
}

static inline void
host_down(void *arg, struct peer *p, enum reason why)
{
	struct host *h = arg;

	(void)p;
	h->downs++;
	h->why = why;
}

static inline void
host_changed(void *arg)
{
	struct host *h = arg;

	h->changes++;
}

static const struct swarm_face host_face = { host_up, host_down, host_changed };

static inline void
host_defaults(struct host *h)
{
	memset(h, 0, sizeof *h);
	h->budget = (struct budget){ .high = 48 << 20, .max = 64 << 20 };
	h->conf = (struct swarm_conf){
		.peers = 16, .handshakes = 16, .dial_timeout = 30000,
		.conn = {
			.limits = { 64, 64, 1 << 20 },
			.budget = &h->budget,
			.handshake_timeout = 30000,
			.offer_timeout = 30000,
		},
	};
	h->gate_conf = (struct gate_conf){
		.allow_path = "", .deny_path = "", .protect_path = "",
		.per_ip = 100, .per_subnet = 100, .dial_private = 1,
	};
}

/* As host_defaults and the test's own changes have it. */
static inline void
host_start(struct host *h, uint8_t mark, const struct swarm_face *face,
    void *arg)
{
	const char *any = "/ip4/127.0.0.1/tcp/0";
	struct buf why = { .max = 1000 };
	struct maddr at;
	uint8_t seed[32];

	memset(seed, mark, sizeof seed);
	key_of_seed(&h->key, seed);
	memset(seed, mark + 1, sizeof seed);
	noise_self_make(&h->self.noise, seed);
	noise_self_sign(&h->self.noise, &h->key);
	key_public(&h->key, h->self.key);
	h->self.id = key_peerid(&h->key);
	h->self.agent = "test/1";
	h->self.sign_path = "";
	buf_init(&h->self.record, 8192, NULL);
	h->gate_conf.peers = h->conf.peers;
	h->gate_conf.reserved = h->conf.reserved;
	h->gate_conf.handshakes = h->conf.handshakes;
	h->gate = gate_new(&h->gate_conf, &why);
	if (h->gate == NULL || maddr_of_text(slice_text(any), &at) < 0)
		abort();
	h->swarm = swarm_new(loop, &h->conf, &h->self, h->gate, face, arg);
	swarm_listen(h->swarm, listen_bind(&at));
	h->addr = h->self.addrs[0];
	maddr_add(&h->addr, MADDR_P2P, peerid_bytes(&h->self.id));
	identify_serve(h->swarm);
	swarm_serve(h->swarm, PING_ID, &serve_ping, NULL);
	buf_free(&why);
}

static inline void
host_stop(struct host *h)
{
	swarm_free(h->swarm);
	gate_free(h->gate);
	self_free(&h->self);
	key_wipe(&h->key);
	is_int(h->budget.used, 0, "nothing is left on its budget");
}

static inline uint64_t
host_refused(const struct host *h, enum reason why)
{
	return swarm_counts(h->swarm)->refused[why];
}

static inline struct peer *
host_peer(const struct host *h, const struct host *other)
{
	return swarm_peer(h->swarm, &other->self.id);
}

static inline bool
host_knows(const struct host *h, const struct host *other)
{
	struct peer *p = host_peer(h, other);

	return p && p->identified;
}

/* What came of an ask, and the stream it may have led to. */
struct client {
	struct ask *ask;
	struct stream *s;
	unsigned asked, started, fins, overs;
	enum reason why, over;
	size_t heard, to_send;
	bool fin;        /* close our half when all is sent */
	bool deaf;       /* take nothing */
	bool hang_up;    /* as soon as there is a peer */
	bool bite;       /* reset at the first data */
	char text[256];
};

static inline void
client_send(struct stream *s)
{
	static const uint8_t some[65536];
	struct client *c = s->data;

	while (c->to_send > 0) {
		size_t n = c->to_send < sizeof some ? c->to_send : sizeof some;
		size_t sent = stream_write(s, slice_of(some, n));

		c->to_send -= sent;
		if (sent == 0) {
			stream_wait(s);
			return;
		}
	}
	if (c->fin)
		stream_fin(s);
}

static inline void
client_start(struct stream *s)
{
	struct client *c = s->data;

	c->started++;
	client_send(s);
}

static inline size_t
client_data(struct stream *s, struct slice in)
{
	struct client *c = s->data;

	if (c->bite) {
		stream_reset(s, REASON_RESET);
		return 0;
	}
	if (c->deaf)
		return 0;
	c->heard += in.n;
	return in.n;
}

static inline void
client_fin(struct stream *s)
{
	struct client *c = s->data;

	c->fins++;
}

static inline void
client_over(struct stream *s, enum reason why)
{
	struct client *c = s->data;

	c->overs++;
	c->over = why;
	c->s = NULL;
}

static const struct service client_service = { "client", client_start,
	client_data, client_fin, client_send, client_over };

static inline void
client_asked(void *arg, struct peer *p, struct stream *s, enum reason why,
    const char *text)
{
	struct client *c = arg;

	c->ask = NULL;
	c->asked++;
	c->why = why;
	c->s = s;
	snprintf(c->text, sizeof c->text, "%s", text);
	if (c->hang_up && p)
		link_close(p->links, REASON_HANGUP);
}

/* protocol NULL: only connect.  addr NULL: none is known. */
static inline void
client_ask(struct client *c, struct host *from, const struct peerid *to,
    const struct maddr *addr, const char *protocol)
{
	struct slice name = slice_text(protocol ? protocol : "");
	struct slice at = addr ? maddr_bytes(addr) : name;
	struct ask_want want = {
		.addrs = &at, .naddrs = addr != NULL,
		.protocols = &name, .nprotocols = protocol != NULL,
		.service = &client_service, .data = c,
	};

	if (to)
		want.peer = *to;
	c->ask = swarm_ask(from->swarm, &want, client_asked, c);
}

static inline void
client_open(struct client *c, struct host *from, const struct host *to,
    const char *protocol)
{
	client_ask(c, from, &to->self.id, &to->addr, protocol);
}

static inline void
hosts_join(struct host *a, struct host *b)
{
	struct client c = { 0 };

	client_open(&c, a, b, NULL);
	comes(c.asked && host_knows(a, b) && host_knows(b, a), "they meet");
}

#endif
