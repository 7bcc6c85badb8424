/* SPDX-License-Identifier: ISC
 *
 * Is the node alive, and is it ready?  What the programs published goes in,
 * reasons come out, each with a sentence that says what to do.  No I/O and no
 * clock.
 *
 * A program's numbers count only while its loop turns and it serves: those of
 * one that starts are not there yet, those of one that is gone are old. */
#ifndef WEB_READY_H
#define WEB_READY_H

#include "base/msec.h"
#include "base/stat.h"
#include "base/table.h"

#define READY_REASONS(R)                                                      \
	R(READY_STARTING, "starting")                                         \
	R(READY_MIGRATING, "migrating")                                       \
	R(READY_STALE, "stale")     /* its loop does not turn */              \
	R(READY_MISSING, "missing") /* it does not run */                     \
	R(READY_CERTIFICATE, "certificate")                                   \
	R(READY_CLOCK, "clock")                                               \
	R(READY_DATABASE, "database") /* does not take writes */              \
	R(READY_DISK, "disk")                                                 \
	R(READY_PEERS, "peers")                                               \
	R(READY_DRAINING, "draining")                                         \
	R(READY_TWIN, "twin") /* another node has our key */
enum ready_reason { READY_REASONS(TABLE_NAME) READY_REASON_N };

/* Rows of kn-stat(5) that are looked at. */
#define READY_GAUGES(G)                                                       \
	G(READY_OF_CERTIFICATE, "kn_p2pd_certificate_valid")                  \
	G(READY_OF_EXPIRES, "kn_p2pd_certificate_expires_seconds")            \
	G(READY_OF_TWIN, "kn_p2pd_twin_seen_seconds")                         \
	G(READY_OF_PEERS, "kn_p2pd_peers")                                    \
	G(READY_OF_WRITABLE, "kn_store_writable")                             \
	G(READY_OF_DISK_FREE, "kn_store_disk_free_bytes")                     \
	G(READY_OF_DHT_BAD, "kn_dht_disk_bad")
enum ready_gauge { READY_GAUGES(TABLE_NAME) READY_GAUGE_N };

enum {
	READY_PROGRAMS = 32,
	READY_FOUND = 128,
	READY_TWIN_TIME = 600, /* seconds after which a twin is forgotten */
};

struct ready_program {
	const char *name; /* borrowed */
	bool expected;    /* the node is not ready without it */
	bool present;     /* it left its numbers */
	enum stat_phase phase;
	msec age; /* since its loop turned; negative: of another boot */
	msec up;  /* since it started */
	bool told[READY_GAUGE_N]; /* those it has */
	uint64_t gauge[READY_GAUGE_N];
};

struct ready_limits {
	msec stale_after, start_time;
	uint64_t min_peers, disk_reserve;
	uint64_t earliest; /* seconds since 1970: the clock is wrong before */
};

enum ready_state {
	READY_GONE, /* does not run, or is about to end */
	READY_TURNS,
	READY_HANGS, /* or was killed */
};

struct ready_found {
	enum ready_reason reason;
	const char *program; /* borrowed; "" for the node */
	char says[200];
};
struct ready {
	struct ready_found found[READY_FOUND];
	size_t n;
};

enum ready_state ready_state(
    const struct ready_program *, const struct ready_limits *);
/* Do the loops of all expected programs turn that run? */
bool ready_healthy(
    const struct ready_program *, size_t n, const struct ready_limits *);
/* wall: seconds since 1970.  What is found stands in the order of programs. */
void ready_judge(const struct ready_program *, size_t n,
    const struct ready_limits *, uint64_t wall, struct ready *);
bool ready_has(const struct ready *, enum ready_reason);
const char *ready_word(enum ready_reason);

/* The row that a metric of this name is, or READY_GAUGE_N. */
enum ready_gauge ready_gauge_of(const char *name);

#endif
