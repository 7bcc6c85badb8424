/* SPDX-License-Identifier: ISC
 *
 * Multiaddrs: text, bytes and socket addresses (multiformats/multiaddr and its
 * protocols.csv).  Bytes with an unknown code are invalid as a whole, because
 * their length cannot be known. */
#ifndef WIRE_MADDR_H
#define WIRE_MADDR_H

#include "wire/peerid.h"

#include <sys/socket.h>

/* Bytes, parts, and text: that many bytes in that many parts always fit. */
enum { MADDR_MAX = 384, MADDR_PARTS = 20, MADDR_TEXT = 1024 };

enum maddr_code {
	MADDR_IP4 = 4,
	MADDR_TCP = 6,
	MADDR_IP6 = 41,
	MADDR_IP6ZONE = 42,
	MADDR_DNS = 53,
	MADDR_DNS4 = 54,
	MADDR_DNS6 = 55,
	MADDR_DNSADDR = 56,
	MADDR_UDP = 273,
	MADDR_WEBRTC_DIRECT = 280,
	MADDR_WEBRTC = 281,
	MADDR_CIRCUIT = 290,
	MADDR_UNIX = 400,
	MADDR_P2P = 421,
	MADDR_TLS = 448,
	MADDR_SNI = 449,
	MADDR_NOISE = 454,
	MADDR_QUIC_V1 = 461,
	MADDR_WEBTRANSPORT = 465,
	MADDR_CERTHASH = 466,
	MADDR_WS = 477,
	MADDR_WSS = 478,
};

struct maddr {
	uint16_t n;
	uint8_t b[MADDR_MAX];
};

struct maddr_part {
	uint32_t code;
	const char *name;   /* static */
	struct slice value; /* borrowed, without its length prefix */
};

/* 1: a part; 0: the end; -1: malformed or unknown. */
int maddr_next(struct slice *at, struct maddr_part *);
/* Not empty, within the limits, every part known and of a good value. */
bool maddr_valid(struct slice);

int maddr_of_text(struct slice text, struct maddr *); /* 0 or -1 */
int maddr_of_bytes(struct slice, struct maddr *);     /* 0 or -1 */
/* Into text, which is returned; "/?" when malformed. */
char *maddr_text(struct slice, char text[MADDR_TEXT]);
struct slice maddr_bytes(const struct maddr *);

/* Append one part; value is as in maddr_part (network order for ports).
 * 0, or -1 when it does not fit or does not suit the code. */
int maddr_add(struct maddr *, uint32_t code, struct slice value);

/* [/ip6zone]/ip4|ip6/tcp|udp/PORT at the front; the rest, if any, in *rest
 * (may be NULL).  *code is MADDR_TCP or MADDR_UDP.  A zone is the number or
 * the name of an interface of this machine.  0 or -1. */
int maddr_to_sockaddr(struct slice, struct sockaddr_storage *, socklen_t *,
    uint32_t *code, struct slice *rest);
/* code is MADDR_TCP or MADDR_UDP; v4-mapped addresses become ip4. */
int maddr_of_sockaddr(const struct sockaddr *, uint32_t code, struct maddr *);

/* The last part when it is /p2p: its peer id, and the address without it.
 * *bare borrows.  false: there is none, *bare is the whole. */
bool maddr_peer(struct slice, struct peerid *, struct slice *bare);

/* Where an IP address can be reached from (RFC 6890, 4193, 6598, 6052).  An
 * IPv4 address inside an IPv6 one is what counts. */
enum maddr_scope {
	SCOPE_NONE,     /* unspecified, multicast, reserved, documentation */
	SCOPE_LOOPBACK,
	SCOPE_LINK,
	SCOPE_PRIVATE,  /* RFC 1918, unique local, carrier-grade NAT */
	SCOPE_GLOBAL,
};
enum maddr_scope maddr_scope(const struct sockaddr *);
/* Does it begin with an IP of SCOPE_GLOBAL or with a name? */
bool maddr_global(struct slice);

#endif
