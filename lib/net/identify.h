/* SPDX-License-Identifier: ISC
 *
 * /ipfs/id/1.0.0 and /ipfs/id/push/1.0.0 on a swarm: answers, asks every new
 * peer, takes pushes, and pushes to those who hear it when we change. */
#ifndef NET_IDENTIFY_H
#define NET_IDENTIFY_H

#include "net/swarm.h"

/* Serve both protocols. */
void identify_serve(struct swarm *);
/* Ask a peer who has just come; ends in swarm_identified, within
 * IDENT_TIMEOUT. */
void identify_ask(struct swarm *, struct peer *);
/* We changed: tell all who hear pushes. */
void identify_push(struct swarm *);

#endif
