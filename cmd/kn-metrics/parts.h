/* SPDX-License-Identifier: ISC
 *
 * What the files of kn-metrics offer each other. */
#ifndef KN_METRICS_PARTS_H
#define KN_METRICS_PARTS_H

#include "cmd/kn-metrics/gather.h"
#include "net/roster.h"

/* gather.c: one log line a minute of each kind. */
enum { GATHER_STAT, GATHER_TEXT };
bool gather_may_warn(struct gather *, unsigned kind);

/* series.c: what is told of a row, and of the programs and the node besides.
 * A row in milliseconds is told in seconds.  A program tells of itself only,
 * kn_p2pd_… of kn-p2pd and what its process uses: one that was taken over does
 * not speak for others. */
bool series_is_own(const char *program, const struct stat_value *);
void series_row(struct prom *, const struct stat_value *);
void series_node(struct gather *);

/* textfiles.c: the *.prom files of others. */
void textfiles_add(struct gather *);
/* When all rows are there: puts them in order, and finds bad files. */
void textfiles_judge(struct gather *);

/* pages.c: what is answered; the gather is made there.  Each appends to out,
 * pages_metrics with bad set when there is too much. */
void pages_metrics(struct gather *, enum prom_format, struct buf *out);
bool pages_health(struct gather *, struct buf *out); /* true: it is well */
bool pages_ready(struct gather *, bool verbose, struct buf *out);

/* daemon.c: who may ask, by the configuration; false and a sentence: an item
 * makes no sense. */
bool daemon_allowed(
    const struct node_conf *, struct roster *allow, struct buf *faults);
/* Serve until TERM.  The configuration is known to be good. */
int daemon_run(const char *file, int ready_fd);

/* once.c: without a daemon. */
int once_print(const struct node_conf *);
/* Write the metrics to path; every: ms, 0 for once.  file is where the
 * configuration is from. */
int once_textfile(
    const struct node_conf *, const char *file, const char *path, msec every);
/* EXIT_YES or EXIT_NO by the files of the node, with the reasons on stderr. */
int once_probe(const struct node_conf *, const char *what, bool json);

#endif
