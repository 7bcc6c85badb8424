/* SPDX-License-Identifier: ISC
 *
 * Has this node a certificate that others would accept now: the file of
 * identity.cert_path (node.cert(5)), for our own peer id, up to a root of
 * identity.roots_path.  Reads files each time and keeps nothing. */
#ifndef CMD_CERTIFIED_H
#define CMD_CERTIFIED_H

#include "cmd/node.h"
#include "wire/peerid.h"

struct certified {
	bool valid;
	/* When the first of the chain expires, or has: seconds since 1970.  0:
	 * there is no certificate of ours in the file. */
	uint64_t not_after;
	char why[192]; /* one sentence why it is not valid; "" when it is */
};

/* now: seconds since 1970. */
struct certified certified_look(
    const struct node_conf *, const struct peerid *self, uint64_t now);

#endif
