/* SPDX-License-Identifier: ISC
 *
 * Copies of the index now and then, made by a process of its own (the verb
 * snapshot), so that requests do not wait for a copy of gigabytes. */
#ifndef KN_STORE_SNAPSHOT_H
#define KN_STORE_SNAPSHOT_H

#include "net/loop.h"

struct snapshot;
/* file: the configuration that the process is given.  every 0: never. */
struct snapshot *snapshot_new(struct loop *, const char *file, msec every);
void snapshot_free(struct snapshot *); /* ends one that runs */
void snapshot_tick(struct snapshot *, msec now);

#endif
