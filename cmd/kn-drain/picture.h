/* SPDX-License-Identifier: ISC
 *
 * The node as its statistics files and the drain file show it at one moment;
 * nobody is asked. */
#ifndef KN_DRAIN_PICTURE_H
#define KN_DRAIN_PICTURE_H

#include "base/drain.h"
#include "base/stat.h"
#include "base/table.h"
#include "cmd/node.h"

#define PICTURE_STATES(S)                                                     \
	S(PICTURE_SERVING, "serving")                                         \
	S(PICTURE_DRAINING, "draining") /* or about to */                     \
	S(PICTURE_DRAINED, "drained")                                         \
	S(PICTURE_STOPPED, "stopped") /* no program runs that could drain */
enum picture_state { PICTURE_STATES(TABLE_NAME) };
const char *picture_word(enum picture_state);

enum { PICTURE_PROGRAMS = 32 };

struct picture_program {
	char name[32], version[32];
	enum stat_phase phase;
	uint64_t pid, inflight;
	msec started;
	bool drains; /* it heeds the drain file; others serve those that do */
};

/* What is under way in the node; UINT64_MAX: nobody counts it. */
#define PICTURE_WORK(W)                                                        \
	W(streams, "kn_p2pd_streams")                                          \
	W(peers, "kn_p2pd_peers")                                              \
	W(changes, "kn_store_changes")                                         \
	W(reservations, "kn_relayd_reservations")

struct picture {
	enum picture_state state;
	struct picture_program programs[PICTURE_PROGRAMS]; /* that run */
	size_t n;
#define W(name, metric) uint64_t name;
	PICTURE_WORK(W)
#undef W
	bool busy; /* something is in flight in a program that drains */
	/* The drain file. */
	int asked;       /* 1; 0: there is none; -1: and why it is not read */
	const char *why; /* static */
	struct drain drain;
	msec cut; /* CLOCK_BOOTTIME when what runs is cut; MSEC_NEVER */
};

/* 0, or -1 with errno: the directory of the statistics cannot be read. */
int picture_take(const struct node_conf *, struct picture *);

#endif
