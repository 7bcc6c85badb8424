/* SPDX-License-Identifier: ISC
 *
 * The addresses of a peer as Kademlia tells them: bounded, packed, without
 * /p2p, only such as others can use. */
#ifndef PROTO_KADADDRS_H
#define PROTO_KADADDRS_H

#include "base/buf.h"
#include "wire/maddr.h"

enum {
	KADADDRS_N = 8,       /* of one peer */
	KADADDRS_BYTES = 512, /* packed, with a length byte pair each */
	KADADDRS_GROUPS = KADADDRS_N,
};

/* Zero is empty.  Owns p. */
struct kadaddrs {
	uint8_t n;
	uint16_t bytes;
	uint8_t *p;
	uint64_t from; /* the group of where its packets come from, which is no
	                * claim of its; 0: not known.  Not packed. */
};

/* Replace by those of list that are valid, end in no other peer's id (the
 * trailing /p2p of peer itself is taken off), are no duplicates and, unless
 * private_too, not in a loopback, private or link-local range; the first ones
 * win.  Names (/dns…) count as public.  from stays.  Returns how many were left
 * out for their range. */
size_t kadaddrs_set(struct kadaddrs *, const struct slice *list, size_t n,
    const struct peerid *, bool private_too);
void kadaddrs_copy(struct kadaddrs *to, const struct kadaddrs *from);
void kadaddrs_free(struct kadaddrs *);
/* Borrowed slices into list; returns how many. */
size_t kadaddrs_list(const struct kadaddrs *, struct slice list[KADADDRS_N]);

/* What one owner is likely to hold together: the /16 of an IPv4 address, the
 * /32 of an IPv6 one, the last two labels of a name.  0: none, as for private
 * and loopback addresses. */
uint64_t kadaddrs_group(struct slice addr);
/* The groups of all, from first.  Returns how many different ones (at most
 * KADADDRS_GROUPS). */
size_t kadaddrs_groups(const struct kadaddrs *, uint64_t group[KADADDRS_GROUPS]);

/* For a database: the packed bytes, and back (checked as bytes of a file). */
struct slice kadaddrs_packed(const struct kadaddrs *);
int kadaddrs_of_packed(struct kadaddrs *, struct slice); /* 0 or -1 */

#endif
