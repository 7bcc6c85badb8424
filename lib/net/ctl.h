/* SPDX-License-Identifier: ISC
 *
 * Control datagrams over SOCK_SEQPACKET with at most one descriptor each, for
 * both ends of p2p.sock (kn-p2p(5)) and dht.sock (kn-dht(5)).  A message is a
 * struct by a table (wire/pb) of which exactly one field is set.  What cannot be
 * sent at once is queued up to a ceiling; an end that does not read is cut off. */
#ifndef NET_CTL_H
#define NET_CTL_H

#include "base/map.h"
#include "net/loop.h"
#include "wire/msg/ctl.h"

enum { CTL_QUEUE = 1024, CTL_QUEUE_BYTES = 4 << 20 };

struct ctl_end;

struct ctl_face {
	const struct pb_desc *desc; /* of the messages, both ways */
	/* msg borrows from a buffer of the end's until the call returns; fd is
	 * -1 or now the callee's. */
	void (*heard)(void *arg, const void *msg, int fd);
	/* The other side is gone or broke the rules (why, static); the end is
	 * dead and to be freed, now or later. */
	void (*gone)(void *arg, const char *why);
	/* May be NULL: what waited to be sent has been.  Not the place to free
	 * the end. */
	void (*room)(void *arg);
};

/* Takes the socket. */
struct ctl_end *ctl_end_new(struct loop *, int fd, const struct ctl_face *,
    void *arg);
void ctl_end_free(struct ctl_end *);
/* fd -1: none; otherwise it is given away and closed here after sending, in
 * every case.  0, or -1: the other side is too slow or gone; gone is called
 * later, from the loop, never from in here. */
int ctl_say(struct ctl_end *, const void *msg, int fd);
/* Read what has arrived now, without waiting for the loop: so that an OVER
 * that was said before a stream's fd was closed is heard before its end. */
void ctl_hear(struct ctl_end *);
/* Has the other side not left yet?  Asked of the kernel, now. */
bool ctl_alive(const struct ctl_end *);
/* Does something wait to be sent?  Also true of a dead end. */
bool ctl_waits(const struct ctl_end *);
/* SO_PEERCRED. */
int ctl_peer(const struct ctl_end *, unsigned *uid, int *pid);

int ctl_listen(const char *path);  /* bound 0660, non-blocking; a stale socket
                                    * nobody answers on is replaced; EADDRINUSE */
int ctl_connect(const char *path); /* or -1 with errno */

#endif
