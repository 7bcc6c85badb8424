/* SPDX-License-Identifier: ISC
 *
 * Names to addresses and texts.  Addresses come by evdns (hosts file, search
 * domains and name servers of the host); TXT records by a client of our own to
 * the same name servers, by UDP and, where an answer does not fit, by TCP. */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include "base/slice.h"
#include "net/loop.h"

#include <sys/socket.h>

enum {
	RESOLVE_MOST = 100,   /* values of one name */
	RESOLVE_NAME = 256,   /* bytes of a name, the final zero included */
	RESOLVE_TRIES = 3,    /* of TXT, each with the next name server */
	RESOLVE_WAIT = 3000,  /* ms of one of these */
};

struct resolve;

enum resolve_kind { RESOLVE_IP4, RESOLVE_IP6, RESOLVE_TXT };

/* values: 4 or 16 bytes each, or texts, borrowed for the call.  None: the name
 * does not resolve.  The request is over and not to be ended. */
typedef void resolve_got(void *arg, const struct slice *values, size_t n);

/* got is called once, never before this returns, and not after resolve_end. */
struct resolve *resolve_start(struct loop *, enum resolve_kind,
    struct slice name, resolve_got *got, void *arg);
void resolve_end(struct resolve *); /* NULL: nothing */

/* Ask this server and no other, for all that the loop resolves. */
int resolve_server(struct loop *, const struct sockaddr *, socklen_t);

#endif
