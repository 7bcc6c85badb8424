/* SPDX-License-Identifier: ISC
 *
 * The parts of kn-dht(8): without a verb it is the daemon, with one the client
 * of its socket. */
#ifndef KN_DHT_PARTS_H
#define KN_DHT_PARTS_H

#include "base/buf.h"
#include "base/conf.h"
#include "base/msec.h"
#include "cmd/node.h"

#include <stdbool.h>

#define DHT_SOCKET "dht.sock" /* in node.run_path */

/* Rights on dht.sock; the words stand in this order. */
enum { DOOR_LOOK = 1, DOOR_PROVIDE = 2, DOOR_PUT = 4 };
extern const char *const door_words[]; /* "look", "provide", "put", NULL */

/* Are the lists and names of [dht] such as the daemon can use?  -1: a line for
 * each fault. */
enum { LISTS_PROTOCOLS = 8, LISTS_NAMES = 16 };
int lists_check(const struct node_conf *, struct buf *faults);

/* The daemon; returns the exit code.  ready_fd is -1 or for cmd_ready. */
int daemon_run(const char *file, bool check, int ready_fd);

struct client_conf {
	const char *path; /* of dht.sock */
	bool json;        /* NDJSON is wanted, also on a terminal */
	msec timeout;     /* of one operation; 0: the daemon's */
};

/* One verb: argv[0] is it.  Returns the exit code. */
int client_run(const struct client_conf *, int argc, char **argv);
/* The list of verbs for the usage, static. */
const char *client_verbs(void);

/* Peers that are compiled in, by network: a node that knows nobody yet asks
 * them.  Addresses end in /p2p/PEER or are /dnsaddr.  NULL at the end; NULL
 * itself: there is no such network. */
const char *const *anchors_of(const char *network);

#endif
