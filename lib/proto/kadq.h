/* SPDX-License-Identifier: ISC
 *
 * One lookup of Kademlia, as a machine without I/O: whom to ask next, until the
 * nearest have answered (libp2p kad-dht specification; disjoint paths as in
 * S/Kademlia).  alpha questions are open at once.  A path has converged when
 * the beta nearest of its peers that did not fail have answered; then those of
 * the k nearest over all that have not been asked are asked as well.  With
 * beta = k the lookup is exhaustive.  Each peer belongs to the path that heard
 * of it first and is asked once.  When the first four that one peer names all
 * fail, the others that it alone has named are not asked.  Among the k nearest
 * no more than per_group are of one address group while others are known: who
 * makes a cluster of ids around a key wants as many networks.
 *
 * Everything a peer can choose has a ceiling: so many peers are remembered
 * (farther ones make room for nearer ones), so many are asked, so many are
 * taken from one answer.  Each path has its share of alpha, most_heard and
 * most_asked (the first has what does not divide), so that a liar on one cannot
 * use up what the others live on.  Time is the caller's: kadq_stop. */
#ifndef PROTO_KADQ_H
#define PROTO_KADQ_H

#include "proto/kadaddrs.h"
#include "proto/kadkey.h"

struct kadq_conf {
	size_t k, alpha, beta; /* 20, 10, 3 */
	size_t paths;          /* 1 .. 8, at most alpha */
	size_t most_heard;     /* 512 */
	size_t most_asked;     /* 160 */
	size_t from_one;       /* peers taken from one answer, 20 */
	size_t per_group;      /* 3; 0: no limit */
	bool private_too;      /* as kadaddrs_set */
};

enum kadq_state { KADQ_HEARD, KADQ_ASKED, KADQ_ANSWERED, KADQ_FAILED };

struct kadq_peer {
	struct peerid id;
	struct kadkey key;
	struct kadaddrs addrs;
	enum kadq_state state;
	uint8_t path;
	uint8_t hops; /* 0: a seed */
	struct kadq_peer *teller; /* who alone named it; NULL: a seed, or several */
	uint8_t told_good, told_bad; /* those it named that answered, or not */
	bool counts; /* among those that are looked at */
	bool surplus; /* of its group */
	uint8_t ngroups;
	uint64_t group[KADADDRS_GROUPS];
};

struct kadq;

/* self is never asked.  Seeds are dealt to the paths in turn. */
struct kadq *kadq_new(const struct kadq_conf *, const struct kadkey *target,
    const struct peerid *self);
void kadq_free(struct kadq *);

void kadq_seed(struct kadq *, const struct peerid *, const struct kadaddrs *);
/* 1: ask *peer now (borrowed until the next call), its state is ASKED; 0: not
 * now, answers are awaited; -1: the lookup is over. */
int kadq_ask(struct kadq *, const struct kadq_peer **peer);
/* It answered and named these (as in the message; from_one of them are looked
 * at).  Malformed ones, self and the answerer itself are left out; one known
 * without an address and not yet asked takes what is named now.  Returns how
 * many new ones were remembered. */
struct kad_peer;
size_t kadq_answered(struct kadq *, const struct peerid *,
    const struct kad_peer *closer, size_t n);
void kadq_failed(struct kadq *, const struct peerid *);
/* Ask nobody any more; what is open may still answer. */
void kadq_stop(struct kadq *);

const struct kadq_peer *kadq_get(const struct kadq *, const struct peerid *);
/* Those that answered, nearest first, and within per_group while there are
 * others; borrowed.  Returns how many (<= n). */
size_t kadq_nearest(const struct kadq *, const struct kadq_peer **out,
    size_t n);
/* Counts: asked, answered, failed, still open, remembered, ignored (beyond a
 * ceiling), and the highest hops of one that answered. */
struct kadq_counts {
	size_t asked, answered, failed, open, heard, ignored;
	unsigned hops;
};
struct kadq_counts kadq_counts(const struct kadq *);

#endif
