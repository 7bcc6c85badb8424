/* SPDX-License-Identifier: ISC
 *
 * A node of a Kademlia DHT (libp2p kad-dht specification) as one machine: the
 * routing table and its upkeep, answers to other peers, lookups, provider and
 * value records, and the reproviding of our own keys.  No sockets: questions go
 * out as events, answers come in by calls; bytes and time are arguments.  The
 * records are in store/dhtdb, which is its only other effect.
 *
 * Client or server: a client asks and is not asked.  mode auto is server only
 * while this node is known to be reachable from outside, with hysteresis. */
#ifndef DHT_DHT_H
#define DHT_DHT_H

#include "base/msec.h"
#include "proto/kadaddrs.h"
#include "proto/kadrec.h"
#include "proto/kadtab.h"
#include "store/dhtdb.h"
#include "wire/msg/dht.h"

enum dht_mode { DHT_AUTO, DHT_CLIENT, DHT_SERVER };

struct dht_conf {
	enum dht_mode mode;
	size_t k, alpha, beta;      /* 20, 10, 3 */
	size_t paths;               /* disjoint paths of lookups for values, 3 */
	size_t quorum;              /* values that agree are enough, 5 */
	bool private_too;           /* private addresses are told and limits by
	                             * address group do not count them */
	const char *const *names;   /* own namespaces of values; borrowed */
	msec rpc_timeout;           /* for one answer, 10 s */
	msec op_timeout;            /* for one operation that names none, 60 s */
	msec reprovide;             /* 22 h */
	msec refresh;               /* of a bucket, 10 min */
	msec server_after, client_after; /* hysteresis of auto: 1 min, 15 min */
	size_t ops;                 /* operations of programs at once, 256 */
	size_t rpcs;                /* questions open at once, 512 */
	uint64_t seed;              /* of chance; the simulator's */
};

/* How an operation ended. */
#define DHT_ENDS(R)                                                           \
	R(OK, "ok", "done")                                                   \
	R(NOT_FOUND, "not-found", "nobody who was asked knows it")            \
	R(NO_PEERS, "no-peers", "no peer of the DHT is known")                \
	R(TIMEOUT, "timeout", "it took longer than it was given")             \
	R(BAD_KEY, "bad-key", "the key makes no sense for this")              \
	R(BAD_VALUE, "bad-value", "the value is not valid for this key")      \
	R(OLD, "old", "a better record of this key is here")                  \
	R(BUSY, "busy", "too many operations at once")                        \
	R(NOT_STORED, "not-stored", "no peer took it")                        \
	R(DISK, "disk", "it could not be written to disk")                    \
	R(FULL, "full", "no room for more keys")                              \
	R(CANCELLED, "cancelled", "it was taken back")                        \
	R(NOT_KEPT, "not-kept", "this node does not keep it")

enum dht_end {
#define R(name, word, sentence) DHT_END_##name,
	DHT_ENDS(R)
#undef R
	DHT_END_N
};
const char *dht_end_word(unsigned);
const char *dht_end_sentence(unsigned);

/* Why a message of another peer was not obeyed; each has a counter. */
#define DHT_REFUSALS(R)                                                       \
	R(MALFORMED, "malformed", "the message cannot be read")               \
	R(TYPE, "type", "no such type of message")                            \
	R(KEY, "key", "the key is empty or too long")                         \
	R(NOT_SENDER, "not-sender", "a provider record for somebody else")    \
	R(NO_ADDRS, "no-addrs", "a provider record without usable addresses") \
	R(RECORD, "record", "a record that does not validate")                \
	R(OLD, "old", "a record that is worse than ours")                     \
	R(FULL, "full", "no room for more records")                           \
	R(DISK, "disk", "records cannot be written")                          \
	R(CLIENT, "client", "we are not a server")

enum dht_refusal {
#define R(name, word, sentence) DHT_REFUSE_##name,
	DHT_REFUSALS(R)
#undef R
	DHT_REFUSE_N
};
const char *dht_refusal_word(enum dht_refusal);

struct dht;

/* wall: time of day now, ms since 1970, for stamps.  db is borrowed. */
struct dht *dht_new(const struct dht_conf *, const struct peerid *self,
    struct dhtdb *, msec now, msec wall);
void dht_free(struct dht *);

/* Where we are (for our own provider records), and whether an address is
 * confirmed to be reachable from outside. */
void dht_self(struct dht *, const struct slice *addrs, size_t n, bool reachable,
    msec now);
bool dht_is_server(const struct dht *);
/* The wall clock was set. */
void dht_clock(struct dht *, msec now, msec wall);

/* A peer that may be a server: connected and speaking the protocol, or from
 * the configuration.  It is asked before it enters the table.  speaks false: it
 * said that it is none any more. */
void dht_peer(struct dht *, const struct peerid *, const struct slice *addrs,
    size_t n, bool speaks, msec now);
/* A peer is connected with us, from this address; before dht_peer.  Limits by
 * address group count where it is, whatever it says. */
void dht_from(struct dht *, const struct peerid *, struct slice addr, msec now);
/* Begin: known peers of the last run are asked, then a lookup of ourselves. */
void dht_boot(struct dht *, msec now);

/* Another peer's message.  1: reply holds the answer (without length); 0:
 * nothing is to be answered; -1: the stream is to be reset, *why says why. */
int dht_serve(struct dht *, const struct peerid *from, struct slice message,
    msec now, struct buf *reply, enum dht_refusal *why);

/* Ask for something; verb up to DHT_PUT.  Returns the number of the operation;
 * what comes of it are events.  0: *why says why not. */
struct dht_ask {
	unsigned verb;       /* DHT_FIND … DHT_PUT */
	struct slice key, value;
	msec timeout;        /* 0: the default */
	size_t count;        /* enough items; 0: the default */
	bool once, queued;   /* as in wire/msg/dht.h */
};
uint64_t dht_start(struct dht *, const struct dht_ask *, msec now,
    enum dht_end *why);
void dht_cancel(struct dht *, uint64_t op);

enum dht_what {
	DHT_EV_ASK,  /* send messages to peer, framed; the last one alone has an
	              * answer, which proves that those before it were heard;
	              * then dht_replied or dht_failed */
	DHT_EV_ITEM, /* of an operation */
	DHT_EV_DONE, /* the operation has ended */
	DHT_EV_MODE, /* dht_is_server has changed */
};
struct dht_ev {
	enum dht_what what;
	uint64_t rpc;                /* ASK */
	const struct peerid *peer;   /* ASK, ITEM (or NULL) */
	const struct kadaddrs *addrs; /* the same; may be empty */
	struct slice messages;       /* ASK */
	msec timeout;                /* ASK: what is left for it */
	uint64_t op;                 /* ITEM, DONE */
	struct slice value;          /* ITEM of GET */
	enum dht_end end;            /* DONE */
	size_t count, asked;         /* DONE: items or takers; peers asked */
	unsigned hops;               /* DONE: from a peer of the table */
	msec took;                   /* DONE */
};
/* 1: something is to be done; borrowed until the next dht_ call.  0: nothing. */
int dht_next(struct dht *, msec now, struct dht_ev *);
void dht_replied(struct dht *, uint64_t rpc, struct slice message, msec now);
void dht_failed(struct dht *, uint64_t rpc, msec now);

/* When dht_tick wants to be called, and the call; then dht_next. */
msec dht_due(const struct dht *);
void dht_tick(struct dht *, msec now);

/* What programs may see of the inside. */
const struct kadtab *dht_table(const struct dht *);

#define DHT_STATS_LIST(R)                                                     \
	/*  name              kind      help */                               \
	R(SERVER, "server", GAUGE, "1 while this node answers others")        \
	R(TABLE, "table_peers", GAUGE, "peers in the routing table")          \
	R(WAITING, "table_waiting", GAUGE, "peers behind full buckets")       \
	R(OPS, "operations", GAUGE, "operations under way")                   \
	R(RPCS, "questions", GAUGE, "questions without an answer yet")        \
	R(LOOKUPS, "lookups_total", COUNTER, "lookups begun")                 \
	R(FOUND, "lookups_good_total", COUNTER, "lookups that found what was wanted") \
	R(ASKED, "asked_total", COUNTER, "questions sent")                    \
	R(ANSWERED, "answered_total", COUNTER, "answers to our questions")    \
	R(FAILED, "failed_total", COUNTER, "questions that failed")           \
	R(BAD_ANSWERS, "bad_answers_total", COUNTER, "answers that made no sense") \
	R(BAD_VALUES, "bad_values_total", COUNTER, "values in answers that did not validate") \
	R(SERVED, "served_total", COUNTER, "requests of others answered")     \
	R(TOLD, "told_total", COUNTER, "records handed to others")            \
	R(CORRECTED, "corrected_total", COUNTER, "stale values of others replaced") \
	R(REGIONS, "regions_total", COUNTER, "keyspace regions reprovided")   \
	R(OWN, "own_keys", GAUGE, "keys this node provides or keeps")         \
	R(LAG, "reprovide_lag_seconds", GAUGE, "how late the reprovide is")   \
	R(PROVIDERS, "provider_records", GAUGE, "provider records held for others") \
	R(VALUES, "value_records", GAUGE, "value records held for others")    \
	R(VALUE_BYTES, "value_bytes", GAUGE, "bytes of those values")         \
	R(DISK, "disk_bytes", GAUGE, "bytes of dht.db")                       \
	R(DISK_BAD, "disk_bad", GAUGE, "1 while dht.db cannot be written")

enum dht_stat {
#define R(name, word, kind, help) DHT_STAT_##name,
	DHT_STATS_LIST(R)
#undef R
	DHT_STAT_N
};
/* As of now; refusals and what the table said of peers are counted beside. */
void dht_stats(struct dht *, msec now, uint64_t stats[DHT_STAT_N],
    uint64_t refused[DHT_REFUSE_N], uint64_t said[KADTAB_SAID_N]);

#endif
