/* SPDX-License-Identifier: ISC
 *
 * What the programs of the node left: their files of counters, and the *.prom
 * files.  Everything is opened again each time, so a program that started anew
 * is seen at once, and nothing of it is kept. */
#ifndef KN_METRICS_GATHER_H
#define KN_METRICS_GATHER_H

#include "cmd/node.h"
#include "web/prom.h"
#include "web/ready.h"

/* A program of the node; those of `facts` have the same places. */
struct program {
	char name[32], version[32], sandbox[96];
	uint64_t pid, inflight;
	msec started;   /* CLOCK_BOOTTIME */
	uint64_t since; /* the same in seconds since 1970 */
	bool runs;      /* its numbers are of now */
};

struct gather {
	const struct node_conf *conf;
	struct ready_limits limits;
	char *stat_path;
	struct program programs[READY_PROGRAMS];
	struct ready_program facts[READY_PROGRAMS];
	size_t n;
	struct ready ready;
	struct prom prom;
	size_t textfiles, bad_textfiles;
	size_t garbage; /* files of stat/ that are none of counters */
	msec warned[2]; /* when a log line was last written of each kind */
};

void gather_init(struct gather *, const struct node_conf *);
void gather_free(struct gather *);
/* programs, facts and ready; with rows, prom as well. */
void gather(struct gather *, bool rows);

#endif
