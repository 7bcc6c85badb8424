/* SPDX-License-Identifier: ISC
 *
 * What every program on p2p.sock links: say HELLO, be told of streams and
 * peers, open streams; connect again for ever when kn-p2pd restarts (daemons),
 * or fail (commands).  Streams are plain descriptors. */
#ifndef NET_P2P_H
#define NET_P2P_H

#include "net/ctl.h"
#include "net/reason.h"
#include "wire/peerid.h"

struct p2p;

/* Any may be NULL.  Messages borrow until the call returns. */
struct p2p_face {
	void (*stream)(void *arg, const struct ctl_stream *, int fd);
	void (*heard)(void *arg, const struct ctl *); /* all the others */
	void (*lost)(void *arg, const char *why);     /* before connecting again;
	                                               * commands: the end */
};

struct p2p_conf {
	const char *path;              /* of p2p.sock */
	const char *name;              /* who we are */
	const char *const *protocols;  /* served; NULL at the end; may be NULL */
	unsigned wants;                /* CTL_WANT_… */
	bool again;                    /* reconnect, with back-off up to 5 s */
};

/* Borrowed strings.  NULL with errno when it cannot connect and !again. */
struct p2p *p2p_new(struct loop *, const struct p2p_conf *,
    const struct p2p_face *, void *arg);
void p2p_free(struct p2p *);
/* Serve these protocols from now on instead (borrowed, as in p2p_conf). */
void p2p_serve(struct p2p *, const char *const *protocols);
int p2p_say(struct p2p *, const struct ctl *, int fd); /* as ctl_say */
void p2p_hear(struct p2p *);                           /* as ctl_hear */

/* Open a stream: returns our end at once (non-blocking, close-on-exec); what is
 * written waits in the kernel while kn-p2pd dials.  DONE, FAIL and OVER come to
 * heard with *tag.  addrs may be empty.  -1 with errno. */
int p2p_open(struct p2p *, const struct peerid *, const struct slice *addrs,
    size_t naddrs, const char *const *protocols, size_t nprotocols,
    msec timeout, uint64_t *tag);

#endif
