/* SPDX-License-Identifier: ISC
 *
 * Who may connect, and whom we may dial: the allow, deny and protect lists,
 * counts per address and subnet, the rate of dials, and the rule that private
 * ranges are dialled only where this host has an interface.  No I/O but reading
 * the lists.
 *
 * A list is text: one peer id, address or CIDR a line, # starts a comment.
 * With an allow list, only who is on it (by peer id or address) comes in.  Deny
 * wins over allow.  Protected peers have reserved slots and are never evicted;
 * that list holds peer ids only. */
#ifndef NET_GATE_H
#define NET_GATE_H

#include "base/buf.h"
#include "base/msec.h"
#include "net/reason.h"
#include "wire/maddr.h"

#include <sys/socket.h>

struct gate_conf {
	const char *allow_path, *deny_path, *protect_path; /* "" for none */
	unsigned peers, reserved, handshakes, per_ip, per_subnet;
	unsigned dials_per_minute; /* 0: no limit */
	unsigned dial_private;     /* 0 auto; 1 yes; 2 no, global ones only */
};

struct gate;

/* conf's strings are borrowed for the gate's life.  NULL with faults (one
 * sentence a line, file and line) when a list cannot be read. */
struct gate *gate_new(const struct gate_conf *, struct buf *faults);
void gate_free(struct gate *);
/* Read the lists again; on -1 the old ones stay. */
int gate_reload(struct gate *, struct buf *faults);
/* The host's own interface ranges, for dial_private auto (getifaddrs). */
void gate_interfaces(struct gate *);

/* May a socket from this address be accepted?  Counts it when REASON_NONE;
 * gate_left undoes that.  established tells how many peers are connected, and
 * shaking how many handshakes run, both without this one.  Loopback counts
 * like any other address, but only against peers and handshakes. */
enum reason gate_arrive(struct gate *, const struct sockaddr *,
    unsigned established, unsigned shaking);
void gate_left(struct gate *, const struct sockaddr *);

/* May this peer, now known by its id, stay?  ordinary counts the unprotected
 * peers connected, without this one; they have peers - reserved slots. */
enum reason gate_peer(const struct gate *, const struct peerid *,
    const struct sockaddr *, unsigned ordinary, unsigned established);
bool gate_protected(const struct gate *, const struct peerid *);
/* Is this peer on the deny list by its id?  Then dialling it is in vain. */
bool gate_denied(const struct gate *, const struct peerid *);

/* May we connect to this address now?  Takes a token of the dial rate when
 * REASON_NONE.  Called right before connect(), and nowhere else. */
enum reason gate_dial(struct gate *, const struct sockaddr *, msec now);
/* Is it in a range that one of our interfaces has? */
bool gate_near(const struct gate *, const struct sockaddr *);

#endif
