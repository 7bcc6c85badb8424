/* SPDX-License-Identifier: ISC
 *
 * Many nodes of the DHT in one process, over a network that is only delays: who
 * can be dialled is asked after a while, who cannot is waited for.  Connections
 * last a minute; with a new one both ends learn whether the other is a server,
 * as identify tells them. */
#ifndef T_DHT_NET_H
#define T_DHT_NET_H

#include "base/map.h"
#include "dht/dht.h"
#include "t/sim/world.h"

#include <string.h>

enum {
	NET_CONNS = 64,
	NET_PEERS = 64,       /* of a job's items */
	NET_DIAL = 5000,      /* ms until a dial is given up */
	NET_IDLE = 60000,     /* ms that a connection lasts */
	NET_ADDR = 8,
	NET_STUCK = 100,      /* ticks in one moment */
	NET_TICK = 0, NET_ASKED, NET_ANSWERED, NET_GONE, /* what */
	NET_OWN,              /* and up: the program's own */
};
#define NET_WALL 1790000000000 /* ms since 1970, when the clock shows 0 */

struct net;
struct node;

/* What a program asked of a node, and what came of it. */
struct job {
	struct job *next;
	struct node *node;
	uint64_t op;
	unsigned verb;
	size_t about;        /* the test's own */
	msec begun, first;   /* first: of the first item */
	bool done;
	enum dht_end end;
	size_t count, asked, n;
	unsigned hops;
	msec took;
	struct peerid peer[NET_PEERS]; /* of the first n items */
	struct kadaddrs addrs;         /* of the last item */
	struct buf value;
};

struct node {
	struct net *net;
	size_t no;
	struct peerid id;
	struct kadkey place;
	uint8_t at[NET_ADDR];
	struct dhtdb *db;
	struct dht *dht;   /* NULL: it is down */
	unsigned life;     /* so many times it was started */
	bool hidden;       /* nobody can dial it */
	msec tick;         /* the next one that is planned */
	unsigned stuck;    /* ticks in this very moment */
	msec stuck_at;
	struct { struct node *to; unsigned life; msec until; } conn[NET_CONNS];
	struct job *jobs;
	/* Answers in its stead; as dht_serve. */
	int (*liar)(struct node *, const struct peerid *from,
	    struct slice message, struct buf *reply);
	unsigned modes;    /* DHT_EV_MODE so often */
	uint64_t served;   /* questions that came in */
};

struct letter {
	struct node *from, *to;
	unsigned life, to_life;
	uint64_t rpc;
	msec deadline;
	struct buf bytes;
};

struct net {
	struct world w;
	struct dht_conf conf;
	struct dhtdb_conf db;
	struct node **nodes;
	size_t n;
	struct map ids;         /* peer id -> node */
	msec near, far;         /* latency */
	uint64_t letters, asks, batched, gone;
	size_t stuck;           /* ticks that led nowhere */
	void (*done)(struct net *, struct job *);
	void (*own)(struct net *, const struct event *);
	/* Somebody dials; NULL if the test does not look. */
	void (*dialled)(struct net *, const struct dht_ev *);
};

static const char *const net_names[] = { "kn", NULL };

static inline void
net_init(struct net *net, uint64_t seed)
{
	*net = (struct net){ .w.chance = seed,
		.near = 20,
		.far = 150,
		.conf = { .mode = DHT_SERVER, .k = 20, .alpha = 10, .beta = 3,
		    .paths = 3, .quorum = 5, .names = net_names,
		    .rpc_timeout = 10000, .op_timeout = 60000,
		    .reprovide = 22 * 3600000, .refresh = 600000,
		    .server_after = 60000, .client_after = 900000,
		    .ops = 256, .rpcs = 512 },
		.db = { .providers = 100000, .providers_per_key = 256,
		    .providers_per_peer = 50000, .values = 4096,
		    .value_bytes = 4 << 20, .values_per_peer = 1024,
		    .peers = 256, .own = 200000, .cache = 64 << 10,
		    .life = 48 * 3600, .addrs_life = 24 * 3600 } };
}

static inline msec
net_wall(const struct net *net)
{
	return net->w.now + NET_WALL;
}

static inline struct slice
node_addr(const struct node *n)
{
	return slice_of(n->at, sizeof n->at);
}

/* Birth, death, and what stays in between: the database. */

static inline struct node *
net_add(struct net *net)
{
	struct node *n = mem_new(sizeof *n);
	const char *why;

	n->net = net;
	n->no = net->n;
	n->id.n = 34;
	chance_bytes(&net->w, n->id.b, 34);
	n->id.b[0] = 0x12;
	n->id.b[1] = 0x20;
	n->place = kadkey_of(peerid_bytes(&n->id));
	memcpy(n->at, (uint8_t[]){ 4, (uint8_t)(20 + n->no / 250),
	    (uint8_t)(1 + n->no % 250), 7, 7, 6, 0x0f, 0xa1 }, NET_ADDR);
	n->db = dhtdb_open(":memory:", &net->db, NULL, NULL, &why);
	n->tick = MSEC_NEVER;
	if ((net->n & (net->n + 1)) == 0)
		net->nodes = mem_resize(net->nodes,
		    (2 * net->n + 2) * sizeof *net->nodes);
	net->nodes[net->n++] = n;
	map_put(&net->ids, peerid_bytes(&n->id), n);
	return n;
}

static inline void node_pump(struct node *);

/* Needs node_boot or dht_peer to find anybody. */
static inline void
node_start(struct node *n, const struct dht_conf *conf)
{
	struct net *net = n->net;
	struct dht_conf c = *conf;
	struct slice addr = node_addr(n);

	c.seed = chance(&net->w);
	n->life++;
	n->dht = dht_new(&c, &n->id, n->db, net->w.now, net_wall(net));
	dht_self(n->dht, &addr, 1, !n->hidden, net->w.now);
	node_pump(n);
}

static inline void
node_boot(struct node *n, const struct node *known)
{
	struct slice addr;

	if (known) {
		addr = node_addr(known);
		dht_peer(n->dht, &known->id, &addr, 1, true, n->net->w.now);
	}
	dht_boot(n->dht, n->net->w.now);
	node_pump(n);
}

static inline void
job_done(struct job *j, enum dht_end end)
{
	struct job **at = &j->node->jobs;

	while (*at && *at != j)
		at = &(*at)->next;
	if (*at)
		*at = j->next;
	j->done = true;
	j->end = end;
	if (j->node->net->done)
		j->node->net->done(j->node->net, j);
}

static inline void
job_free(struct job *j)
{
	kadaddrs_free(&j->addrs);
	buf_free(&j->value);
	free(j);
}

/* It goes without a word; its disk stays. */
static inline void
node_stop(struct node *n)
{
	struct dht *d = n->dht;

	n->dht = NULL;
	n->tick = MSEC_NEVER;
	while (n->jobs)
		job_done(n->jobs, DHT_END_CANCELLED);
	memset(n->conn, 0, sizeof n->conn);
	dht_free(d);
}

static inline void
node_lose(struct node *n)
{
	if (n->dht)
		node_stop(n);
	dhtdb_close(n->db);
	n->db = NULL;
}

static inline void
letter_free(struct letter *l)
{
	buf_free(&l->bytes);
	free(l);
}

static inline void
net_free(struct net *net)
{
	struct event e;

	net->done = NULL;
	while (next(&net->w, &e))
		if (e.what > NET_TICK && e.what < NET_OWN)
			letter_free(e.who);
	for (size_t i = 0; i < net->n; i++) {
		if (net->nodes[i]->db)
			node_lose(net->nodes[i]);
		free(net->nodes[i]);
	}
	free(net->nodes);
	free(net->w.heap);
	map_free(&net->ids);
}

/* Connections. */

static inline bool
connected(const struct node *from, const struct node *to)
{
	size_t at = to->no % NET_CONNS;

	return from->conn[at].to == to && from->conn[at].life == to->life &&
	    from->conn[at].until > from->net->w.now;
}

static inline void
hold_open(struct node *a, struct node *b)
{
	size_t at = b->no % NET_CONNS;

	a->conn[at].to = b;
	a->conn[at].life = b->life;
	a->conn[at].until = a->net->w.now + NET_IDLE;
}

/* a hears of b by identify. */
static inline void
identify(struct node *a, const struct node *b)
{
	struct slice addr = node_addr(b);

	dht_peer(a->dht, &b->id, &addr, 1, dht_is_server(b->dht),
	    a->net->w.now);
}

static inline void
connect_to(struct node *from, struct node *to)
{
	bool old = connected(from, to);

	hold_open(from, to);
	hold_open(to, from);
	if (old)
		return;
	identify(to, from);
	identify(from, to);
	node_pump(from);
}

static inline bool
dials_to(const struct dht_ev *ev, const struct node *to)
{
	struct slice list[KADADDRS_N];
	size_t n = kadaddrs_list(ev->addrs, list);

	if (to == NULL || to->dht == NULL || to->hidden)
		return false;
	for (size_t i = 0; i < n; i++)
		if (slice_eq(list[i], node_addr(to)))
			return true;
	return false;
}

/* Letters. */

static inline msec
latency(struct net *net)
{
	return (msec)pick(&net->w, (uint64_t)net->near, (uint64_t)net->far);
}

static inline void
send_letter(struct node *from, const struct dht_ev *ev)
{
	struct net *net = from->net;
	struct letter *l = mem_new(sizeof *l);
	bool there;

	l->from = from;
	l->life = from->life;
	l->rpc = ev->rpc;
	l->deadline = net->w.now + ev->timeout;
	l->to = map_get(&net->ids, peerid_bytes(ev->peer));
	l->bytes.max = 1 << 20;
	net->asks++;
	there = l->to && l->to->dht && connected(from, l->to);
	if (!there && net->dialled)
		net->dialled(net, ev);
	if (there || dials_to(ev, l->to)) {
		l->to_life = l->to->life;
		put_slice(&l->bytes, ev->messages);
		plan(&net->w, net->w.now + latency(net) * (there ? 1 : 5),
		    NET_ASKED, l, 0);
	} else {
		plan(&net->w, msec_min(l->deadline, net->w.now +
		    (ev->addrs->n > 0 ? NET_DIAL : 1)), NET_GONE, l, 0);
	}
}

/* Everything a node has to say now, and when it wants to be woken. */
static inline void
heard_event(struct node *n, const struct dht_ev *ev)
{
	struct job *j = n->jobs;

	if (ev->what == DHT_EV_MODE)
		n->modes++;
	while (j && j->op != ev->op)
		j = j->next;
	if (ev->what == DHT_EV_MODE || j == NULL)
		return;
	if (ev->what == DHT_EV_DONE) {
		j->count = ev->count;
		j->asked = ev->asked;
		j->hops = ev->hops;
		j->took = ev->took;
		job_done(j, ev->end);
		return;
	}
	if (j->n == 0)
		j->first = n->net->w.now - j->begun;
	if (ev->peer && j->n < NET_PEERS)
		j->peer[j->n] = *ev->peer;
	if (ev->addrs)
		kadaddrs_copy(&j->addrs, ev->addrs);
	buf_cut(&j->value, 0);
	put_slice(&j->value, ev->value);
	j->n++;
}

static inline void
plan_tick(struct node *n)
{
	struct net *net = n->net;
	msec due = dht_due(n->dht);

	if (due <= net->w.now)
		due = net->w.now + (n->stuck >= NET_STUCK);
	if (due >= n->tick)
		return;
	n->tick = due;
	plan(&net->w, due, NET_TICK, n, n->life);
}

static inline void
node_pump(struct node *n)
{
	struct dht_ev ev;

	while (dht_next(n->dht, n->net->w.now, &ev)) {
		if (ev.what == DHT_EV_ASK)
			send_letter(n, &ev);
		else
			heard_event(n, &ev);
	}
	plan_tick(n);
}

static inline int
serve_one(struct letter *l, struct slice message, struct buf *reply)
{
	enum dht_refusal why;

	l->to->served++;
	if (l->to->liar)
		return l->to->liar(l->to, &l->from->id, message, reply);
	return dht_serve(l->to->dht, &l->from->id, message,
	    l->to->net->w.now, reply, &why);
}

/* The last message alone has an answer. */
static inline int
serve_all(struct letter *l, struct buf *reply)
{
	struct slice in = buf_slice(&l->bytes);
	int said = 0;

	while (in.n > 0 && said == 0) {
		said = serve_one(l, get_bytes(&in, get_varint(&in)), reply);
		l->to->net->batched += said == 0;
	}
	return said;
}

static inline void
letter_came(struct net *net, struct letter *l)
{
	struct buf reply = { .max = 1 << 20 };
	int said;

	if (l->to->dht == NULL || l->to->life != l->to_life) {
		plan(&net->w, l->deadline, NET_GONE, l, 0);
		return;
	}
	net->letters++;
	note(&net->w, l->from->no, l->to->no, l->bytes.n);
	if (l->from->dht && l->from->life == l->life)
		connect_to(l->from, l->to);
	said = serve_all(l, &reply);
	node_pump(l->to);
	buf_free(&l->bytes);
	l->bytes = reply;
	if (said == 0)
		plan(&net->w, l->deadline, NET_GONE, l, 0);
	else
		plan(&net->w, net->w.now + latency(net),
		    said > 0 ? NET_ANSWERED : NET_GONE, l, 0);
}

static inline void
letter_back(struct net *net, struct letter *l, bool good)
{
	struct dht *d = l->from->dht;

	net->gone += !good;
	if (d && l->from->life == l->life) {
		note(&net->w, l->from->no, 100 + good, l->bytes.n);
		if (!good || net->w.now > l->deadline)
			dht_failed(d, l->rpc, net->w.now);
		else
			dht_replied(d, l->rpc, buf_slice(&l->bytes),
			    net->w.now);
		node_pump(l->from);
	}
	letter_free(l);
}

/* Time. */

static inline void
node_tick(struct node *n, msec at)
{
	if (n->dht == NULL || n->tick != at)
		return;
	n->tick = MSEC_NEVER;
	n->stuck = n->stuck_at == at ? n->stuck + 1 : 0;
	n->stuck_at = at;
	n->net->stuck += n->stuck == NET_STUCK;
	dht_tick(n->dht, at);
	node_pump(n);
}

static inline bool
net_step(struct net *net)
{
	struct event e;

	if (!next(&net->w, &e))
		return false;
	switch (e.what) {
	case NET_TICK:
		node_tick(e.who, e.at);
		break;
	case NET_ASKED:
		letter_came(net, e.who);
		break;
	case NET_ANSWERED:
	case NET_GONE:
		letter_back(net, e.who, e.what == NET_ANSWERED);
		break;
	default:
		net->own(net, &e);
	}
	return true;
}

static inline void
net_run(struct net *net, msec span)
{
	msec until = net->w.now + span;

	while (net->w.n > 0 && net->w.heap[0].at <= until)
		net_step(net);
	net->w.now = until;
}

#endif
