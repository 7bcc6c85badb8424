/* SPDX-License-Identifier: ISC
 *
 * What the files of lib/dht share, and nobody else. */
#ifndef DHT_DHT_OWN_H
#define DHT_DHT_OWN_H

#include "base/buf.h"
#include "base/map.h"
#include "dht/dht.h"
#include "proto/kadq.h"

enum {
	DHT_CONTACTS = 512,   /* peers we were connected with lately */
	DHT_CANDIDATES = 128, /* peers to be asked whether they are servers */
	DHT_K = 32,           /* k is at most this */
	DHT_WIDTH = 4,        /* times k: servers of a region that are kept */
	DHT_SLICE = 256,      /* keys of a region that are provided at once */
	DHT_OF_KEY = 256,     /* provider records of a key that are looked at */
};

/* Operations of programs have their verb; these are our own. */
enum { OP_SELF = DHT_VERBS, OP_REFRESH, OP_REGION };

enum op_phase {
	OP_LOOKING,  /* q runs */
	OP_STORING,  /* the nearest are given something */
	OP_WAITING,  /* for the next commit */
};

/* A peer that is to be given something, or that gave something. */
struct holder {
	struct peerid id;
	struct kadaddrs addrs;
	bool good; /* GET: its value is as good as the best */
};

struct op {
	struct op *next, **at; /* in dht.ops */
	uint64_t id;
	unsigned verb;
	bool ours;             /* nobody waits for it */
	bool told;             /* DONE has been said */
	bool keep;             /* an own key, to be kept */
	bool durable;          /* and it is on disk */
	enum op_phase phase;
	struct kadkey target;
	struct buf key, value; /* GET: the best value so far */
	bool here, worse;      /* GET: we hold one; it is not the best */
	struct kadq *q;
	msec begun, deadline;
	size_t wanted, items;  /* enough of them, and what there is */
	struct map seen;       /* PROVIDERS: those that were told */
	struct holder *holders; /* GET: who gave values; then: who is to be given */
	size_t nholders, next_holder;
	size_t open;           /* of STORING: questions without an answer */
	size_t taken;          /* and peers that took it */
	struct region *region; /* OP_REGION */
};

/* What becomes of an answer. */
enum rpc_kind { RPC_LOOK, RPC_CHECK, RPC_PUT, RPC_TELL, RPC_BATCH };

struct rpc {
	uint64_t id;
	enum rpc_kind kind;
	unsigned type;         /* enum kad_type that was asked */
	struct op *op;         /* NULL: it is over, or there never was one */
	struct peerid peer;
	struct kadaddrs addrs; /* where it was asked */
	size_t at;             /* RPC_BATCH: whose */
};

/* An event that is ready: ITEM, DONE, MODE. */
struct news {
	struct news *next;
	enum dht_what what;
	uint64_t op;
	struct peerid peer;
	struct kadaddrs addrs;
	struct buf value;
	enum dht_end end;
	size_t count, asked;
	unsigned hops;
	msec took;
};

/* A peer we are or were connected with, server or not. */
struct contact {
	struct peerid id;
	struct kadaddrs addrs;
	uint64_t used; /* the least recent one makes room */
};

struct dht {
	struct dht_conf conf;
	struct peerid self;
	struct kadkey place;
	struct kadaddrs addrs;      /* where we are */
	struct dhtdb *db;
	struct kadtab *tab;
	msec now, wall_ahead;       /* wall = now + wall_ahead */
	uint64_t chance;

	struct op *ops;
	size_t nops;                /* of programs */
	struct map by_id;           /* u32: op id -> op */
	uint64_t last_op;
	struct map rpcs;            /* u32: rpc id -> rpc */
	uint64_t last_rpc;
	struct op *turn;            /* who may ask next */

	struct news *news, **news_end;
	struct news *told;          /* what the last dht_next lent */
	struct buf message;         /* what the last ASK lent */
	struct kad_msg msg, answer; /* too big for a stack; msg: heard */
	struct dhtdb_provider of_key[DHT_OF_KEY]; /* this too */

	struct map contacts;
	uint64_t uses;
	struct holder candidates[DHT_CANDIDATES];
	size_t ncandidates;

	bool server, reachable;
	msec since;                 /* reachable has been so */
	bool booted;
	unsigned refreshing;        /* OP_SELF and OP_REFRESH under way */
	unsigned boot_cpl, boot_most; /* the next to refresh, and the last */
	msec next_self, next_boot, next_sweep, next_expire;
	msec commit_at;             /* MSEC_NEVER: nothing is gathered */
	size_t waiting;             /* operations that wait for the commit */
	bool sweeping;              /* there is an OP_REGION */

	uint64_t counts[DHT_STAT_N]; /* the counters among the statistics */
	uint64_t refused[DHT_REFUSE_N];
	uint64_t said[KADTAB_SAID_N];
};

static inline time_t
dht_wall(const struct dht *d)
{
	return (time_t)((d->now + d->wall_ahead) / 1000);
}

/* dht.c */
uint64_t dht_chance(struct dht *);
struct news *dht_news(struct dht *, enum dht_what); /* queued, to be filled */
/* Something was written to the database. */
void dht_wrote(struct dht *, bool somebody_waits);

/* dht_peers.c: whom we know. */
/* It answered (as a server), or did not. */
void peers_heard(struct dht *, const struct peerid *, const struct kadaddrs *);
void peers_failed(struct dht *, const struct peerid *);
/* The addresses known of a peer: of the table, else of a contact, else NULL. */
const struct kadaddrs *peers_addrs(const struct dht *, const struct peerid *);
/* The lookup of ourselves has found these. */
void peers_around(struct dht *, const struct kadq_peer *const *near, size_t n);
void peers_tick(struct dht *);
msec peers_due(const struct dht *);
/* A question of the upkeep: 1, and ev is an ASK; 0: none. */
int peers_next(struct dht *, struct dht_ev *);
void peers_free(struct dht *);

/* dht_rpc.c: questions. */
struct rpc *rpc_new(struct dht *, enum rpc_kind, unsigned type, struct op *,
    const struct peerid *, const struct kadaddrs *);
/* Fill ev with an ASK that has a message of this type. */
void rpc_ask(struct dht *, const struct rpc *, struct slice key,
    struct slice value, msec timeout, struct dht_ev *);
/* Append an ADD_PROVIDER of ours, framed. */
void rpc_put_provide(struct dht *, struct slice key, struct buf *);
/* Append a question that everybody answers, framed: what went before it has
 * been heard when the answer comes (js drops what a half-close overtakes). */
void rpc_put_proof(struct dht *, struct buf *);
void rpc_free_all(struct dht *);

/* dht_op.c: operations. */
struct op *op_new(struct dht *, unsigned verb, struct slice key, msec timeout);
void op_free(struct dht *, struct op *);
/* A lookup for this key, behind or instead of the one it had. */
void op_look(struct dht *, struct op *, struct slice key);
/* DONE, unless said already; the rest of the work may go on behind it. */
void op_tell(struct dht *, struct op *, enum dht_end);
/* Say DONE and free it. */
void op_end(struct dht *, struct op *, enum dht_end);
/* ITEM: a peer; addrs may be NULL. */
void op_item(struct dht *, struct op *, const struct peerid *,
    const struct kadaddrs *);
/* ITEM: a provider; nobody is told twice.  true: there are enough. */
bool op_provider(struct dht *, struct op *, const struct peerid *,
    const struct kadaddrs *);
/* A question of this operation: 1; 0: none now (it may have been freed when
 * *gone is set). */
int op_next(struct dht *, struct op *, struct dht_ev *, bool *gone);
/* Its answer (NULL: it failed), to a question of kind LOOK, PUT or TELL. */
void op_answer(struct dht *, struct op *, const struct rpc *,
    const struct kad_msg *);
void op_tick(struct dht *);
msec op_due(const struct dht *);
void op_committed(struct dht *, enum dhtdb_said);

/* dht_serve.c: who provides a key, in of_key; returns how many.  Of many a
 * choice by chance is first: whoever is newest is easy to be. */
size_t serve_providers(struct dht *, struct slice key, struct buf *bytes);
/* Is this one of the keys that we provide and keep? */
bool serve_provides(const struct dht *, struct slice key);

/* dht_sweep.c: our own keys, region by region. */
void dht_sweep_tick(struct dht *);
msec dht_sweep_due(const struct dht *);
/* A walk through a region is over: begins the next one, or is STORING. */
void dht_sweep_walked(struct dht *, struct op *);
/* As op_next, for the phase STORING of OP_REGION. */
int dht_sweep_next(struct dht *, struct op *, struct dht_ev *, bool *gone);
void dht_sweep_told(struct dht *, struct op *, const struct rpc *, bool good);
void dht_sweep_free(struct region *);

#endif
