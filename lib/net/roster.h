/* SPDX-License-Identifier: ISC
 *
 * A list of peers and networks, read from text: one peer id, address or CIDR a
 * line, # starts a comment.  IPv4 addresses mapped into IPv6 are IPv4 here.
 * Looking up costs one hash for each prefix length that the list uses, however
 * long the list is.  net/gate keeps three of these. */
#ifndef NET_ROSTER_H
#define NET_ROSTER_H

#include "base/buf.h"
#include "base/map.h"
#include "wire/peerid.h"

#include <sys/socket.h>

enum {
	ROSTER_BYTES = 4 << 20, /* of a file */
	ROSTER_ROWS = 65536,    /* entries of a file */
	ROSTER_FAULTS = 16,     /* told of a file before giving up */
};

/* An IP address without anything else. */
struct ip {
	uint8_t n; /* 4 or 16; 0: none */
	uint8_t b[16];
};
struct ip roster_ip(const struct sockaddr *);
/* Are the first bits of both the same?  Never, when the families differ. */
bool roster_same(const struct ip *, const struct ip *, unsigned bits);

struct roster {
	struct map peers, nets;
	bool used[2][129]; /* prefix lengths in nets, IPv4 and IPv6 */
};

/* Fill an empty one from a file; name ("deny list") is what faults call it.
 * 0, or -1 with one sentence a line in faults; to be freed in both cases. */
int roster_read(
    struct roster *, const char *name, const char *path, struct buf *faults);
void roster_free(struct roster *);
/* Add an address or CIDR; false: it is neither. */
bool roster_add_net(struct roster *, struct slice text);
/* An address as text; n is 0 when it is none. */
struct ip roster_ip_of_text(struct slice text);

bool roster_has_peer(const struct roster *, const struct peerid *);
bool roster_has_ip(const struct roster *, const struct ip *);

#endif
