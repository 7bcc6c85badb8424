/* SPDX-License-Identifier: ISC
 *
 * node.db from outside, while its owner may be running: its version, a
 * consistent copy, what a migration would do to a copy, and the adoption of
 * one. */
#ifndef STORE_NODEDB_COPY_H
#define STORE_NODEDB_COPY_H

#include <stdint.h>

/* PRAGMA user_version of the file; -1: it cannot be read. */
int nodedb_file_version(const char *path);
/* A consistent copy: written beside `to`, synced, renamed.  0, or -1 with *why
 * (static). */
int nodedb_copy(const char *path, const char *to, const char **why);
/* A file that nobody has open, restored from elsewhere: its journal is not the
 * continuation of what others saw, so a new epoch is drawn when it is opened.
 * Nothing stands beside it afterwards. */
int nodedb_adopt(const char *path, const char **why);
/* Migrate a copy in this directory and remove it.  *ms: how long the steps
 * took.  0, or -1 with *why. */
int nodedb_rehearse(
    const char *path, const char *dir, int64_t *ms, const char **why);

#endif
