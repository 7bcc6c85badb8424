/* SPDX-License-Identifier: ISC
 *
 * The routing table of Kademlia: a bucket for each length of the prefix that a
 * peer's key shares with ours, k peers in each, as many replacements behind
 * them.  Nobody enters who has not answered; nobody in it makes room before it
 * has failed to answer.  No more than so many peers of one address group (a /16
 * or an IPv6 /32) are in a bucket and in the table, so that who owns one network
 * cannot own a table; where it is counts before what it claims, and who shows no
 * address does not enter.  A machine without I/O: it says who is to be asked
 * whether it is alive, and which places of the keyspace want a refresh. */
#ifndef PROTO_KADTAB_H
#define PROTO_KADTAB_H

#include "base/msec.h"
#include "base/table.h"
#include "proto/kadaddrs.h"
#include "proto/kadkey.h"

enum { KADTAB_REPLACEMENTS = 20 };

struct kadtab_conf {
	size_t k;                          /* 20 */
	size_t group_bucket, group_table;  /* 2, 3; 0: no limit */
	msec check;   /* ask who was silent for so long, 10 min */
	msec refresh; /* a bucket without a lookup for so long, 10 min */
	unsigned failures; /* in a row before one is dropped, 2 */
};

struct kadtab_peer {
	struct peerid id;
	struct kadkey key;
	struct kadaddrs addrs;
	msec added;    /* to the table */
	msec heard;    /* the last answer, or good sign of life */
	msec asked;    /* the last check that was given out; 0: none */
	unsigned fails; /* in a row */
	size_t ngroups;
	uint64_t group[KADADDRS_GROUPS];
};

#define KADTAB_SAID(R)                                                        \
	R(KADTAB_ADDED, "added")                                              \
	R(KADTAB_KNOWN, "known") /* and its addresses are as told now */      \
	R(KADTAB_WAITS, "waits") /* the bucket is full: a replacement */      \
	R(KADTAB_GROUP_BUCKET, "group-in-bucket") /* too many of its networks */ \
	R(KADTAB_GROUP_TABLE, "group-in-table")                               \
	R(KADTAB_NO_ADDRS, "no-addrs") /* none that the limits could count */ \
	R(KADTAB_SELF, "self")

enum kadtab_said { KADTAB_SAID(TABLE_NAME) KADTAB_SAID_N };

enum kadtab_wish {
	KADTAB_CHECK,   /* ask this peer something; then heard or failed */
	KADTAB_REFRESH, /* look up a key whose prefix shared with ours has
	                 * exactly cpl bits */
};
struct kadtab_ev {
	enum kadtab_wish wish;
	const struct kadtab_peer *peer; /* borrowed until the next call */
	unsigned cpl;
};

struct kadtab;

struct kadtab *kadtab_new(const struct kadtab_conf *, const struct peerid *self,
    msec now);
void kadtab_free(struct kadtab *);

/* The peer has answered us as a server.  One that is in the table leaves it
 * when its packets turn out to come from where too many others do. */
enum kadtab_said kadtab_heard(struct kadtab *, const struct peerid *,
    const struct kadaddrs *, msec now);
/* It did not answer: after so many failures in a row it is dropped, and the
 * replacement heard last takes its place.  true: it was dropped. */
bool kadtab_failed(struct kadtab *, const struct peerid *, msec now);
/* It is no server any more: dropped at once. */
void kadtab_drop(struct kadtab *, const struct peerid *, msec now);
/* A lookup for this place has run: its bucket is fresh. */
void kadtab_looked(struct kadtab *, const struct kadkey *, msec now);

/* NULL: not in the table (a replacement is not). */
const struct kadtab_peer *kadtab_get(const struct kadtab *,
    const struct peerid *);
/* The n nearest to target that are in the table, nearest first; borrowed
 * until the table changes.  Returns how many. */
size_t kadtab_nearest(const struct kadtab *, const struct kadkey *target,
    const struct kadtab_peer **out, size_t n);
/* Would this peer be taken or wait, were it to answer?  Saves a question. */
bool kadtab_wants(const struct kadtab *, const struct peerid *);
size_t kadtab_size(const struct kadtab *);
size_t kadtab_waiting(const struct kadtab *); /* replacements */
/* Walk, by bucket: start with *at = 0; NULL at the end. */
const struct kadtab_peer *kadtab_next(const struct kadtab *, size_t *at,
    unsigned *bucket);

/* 1: a wish; 0: none now.  Wishes are for peers and buckets that are due; each
 * is given out once and then not before its time comes round again.  Buckets
 * beyond the deepest one that has peers are not refreshed. */
int kadtab_step(struct kadtab *, msec now, struct kadtab_ev *);
msec kadtab_due(const struct kadtab *); /* when step may have something */

/* A random key with exactly cpl common bits with self's: the bytes to hash.
 * rnd: called for random bytes.  cpl is at most KADTAB_AIM. */
enum { KADTAB_AIM = 15 };
void kadtab_aim(const struct kadtab *, unsigned cpl,
    void (*rnd)(void *arg, void *p, size_t n), void *arg, uint8_t bytes[34]);

#endif
