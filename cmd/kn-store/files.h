/* SPDX-License-Identifier: ISC
 *
 * The store's files as daemon and offline verbs open them: the index, the
 * contents and the key.  What is wrong ends the process with one sentence. */
#ifndef KN_STORE_FILES_H
#define KN_STORE_FILES_H

#include "cmd/node.h"
#include "store/blob.h"
#include "store/nodedb.h"

/* Only one process may have the files open for writing: held until it ends. */
void files_lock(const struct node_conf *);
struct nodedb *files_index(const struct node_conf *,
    void (*told)(void *arg, const char *sentence), void (*migrating)(void *arg),
    void *arg);
/* The directory of the contents is there, as it must be before the sandbox. */
void files_rooms(const struct node_conf *);
struct blobs *files_blobs(const struct node_conf *);

#endif
