/* SPDX-License-Identifier: ISC
 *
 * The ledger of what tenants may store and send, exact under concurrency: bytes
 * are reserved before the first of them moves, and either become used in the
 * transaction that names them or are given back.
 *
 * Disk: reservations are in memory only; after a crash nothing was named, so
 * nothing is used.  Egress: before bytes leave, the file already counts them,
 * in steps of CAPS_STEP; after a crash at most CAPS_STEP for each tenant and
 * what was running is counted too much, never too little. */
#ifndef STORE_CAPS_H
#define STORE_CAPS_H

#include "store/nodedb.h"

#define CAPS_GB UINT64_C(1000000000)
enum { CAPS_STEP = 1 << 20 };

/* Tiers: small 20/100 GB, medium 50/300, large 100/1000; free and own:
 * no cap but those that are said, and the node's.  NULL: no such tier. */
struct caps_tier {
	const char *name;
	uint64_t disk, egress;
};
const struct caps_tier *caps_tier(const char *name);

/* Will n bytes more fit, where give is what will be freed by the same commit?
 * true: reserved. */
bool caps_reserve(struct nodedb *, struct tenant *, uint64_t n, uint64_t give);
void caps_release(struct tenant *, uint64_t n);
/* Has it used nine tenths of what it may store, or may send this month? */
bool caps_near(const struct tenant *, int64_t now);

/* A month begins (UTC); a clock that goes back changes nothing. */
void caps_month(struct tenant *, int64_t now);
uint32_t caps_period(int64_t now); /* YYYYMM */
/* May n bytes be sent?  true: leased.  *wait: the answer must wait for the next
 * commit, because the file's count was raised. */
bool caps_lease(
    struct nodedb *, struct tenant *, uint64_t n, int64_t now, bool *wait);
/* The download is over, sent bytes of the n that were leased went out. */
void caps_settle(struct tenant *, uint64_t n, uint64_t sent);

#endif
