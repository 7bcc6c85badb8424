/* SPDX-License-Identifier: ISC
 *
 * dht.db as the daemon opens it. */
#ifndef KN_DHT_DATABASE_H
#define KN_DHT_DATABASE_H

#include "cmd/node.h"
#include "store/dhtdb.h"

/* What is wrong ends the process with one sentence. */
struct dhtdb *database_open(const struct node_conf *);

#endif
