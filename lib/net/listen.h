/* SPDX-License-Identifier: ISC
 *
 * Listening TCP sockets from multiaddrs, or inherited ones; accept in bounded
 * batches, refusing by the gate before a byte is read.  When descriptors run
 * out, accepting pauses for a second instead of spinning. */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "net/loop.h"
#include "net/reason.h"
#include "wire/maddr.h"

struct listener;

/* Bind and listen at once; -1 with errno.  Port 0 takes any; IPV6_V6ONLY. */
int listen_bind(const struct maddr *);
/* Serve a bound socket (closed by listener_free).  accepted owns its fd, which
 * is non-blocking with TCP_NODELAY set. */
struct listener *listener_new(struct loop *, int fd,
    void (*accepted)(void *arg, int fd, const struct sockaddr *), void *arg);
void listener_free(struct listener *);
/* What it is bound to (with the real port). */
struct maddr listener_addr(const struct listener *);
/* For an unspecified address: one per interface address of its family, at most
 * max, without link-local ones (their zone means nothing elsewhere); otherwise
 * the address itself.  Returns how many. */
size_t listen_expand(const struct maddr *, struct maddr *out, size_t max);

#endif
