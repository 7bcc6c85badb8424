/* SPDX-License-Identifier: ISC
 *
 * The messages of dht.sock (kn-dht(5)): one SOCK_SEQPACKET datagram, one struct
 * dht_say with exactly one field set, as on p2p.sock.  The command line and the
 * node's other programs use the same.  Tags are the program's own numbers; times
 * are milliseconds; peers are peer id bytes, addresses multiaddr bytes. */
#ifndef WIRE_MSG_DHT_H
#define WIRE_MSG_DHT_H

#include "wire/pb.h"

enum {
	DHT_FIND,      /* key: a peer id.  ITEM when found */
	DHT_CLOSEST,   /* key: any.  ITEMs: the k nearest servers */
	DHT_PROVIDERS, /* key: a multihash.  ITEMs as they are found */
	DHT_GET,       /* key: a record's.  ITEM with the best value */
	DHT_PROVIDE,   /* key: a multihash.  once: announce it and forget it;
	                * otherwise it is kept and provided until UNPROVIDE, and DONE
	                * comes when that is durable and it has been announced */
	DHT_UNPROVIDE, /* key: a multihash, or a record's key that was put to keep */
	DHT_PUT,       /* key, value; once as in PROVIDE */
	DHT_TABLE,     /* ITEMs: the routing table */
	DHT_STATS,     /* ITEMs: name and number */
	DHT_KEYS,      /* ITEMs: what we provide and keep, 256 of them behind the
	                * place in key (empty: from the first); value: the place,
	                * number: bytes of the record, 0: provided */
	DHT_VERBS
};

/* program -> kn-dht.  queued: DONE comes as soon as it is durable, the
 * announcement follows by the sweep (for many keys). */
#define DHT_WANT(F, T)                                                        \
	F(T, UINT, 1, tag, 0, 0)                                              \
	F(T, UINT, 2, verb, 0, 0)                                             \
	F(T, BYTES, 3, key, 0, 512)                                           \
	F(T, BYTES, 4, value, 0, 10240)                                       \
	F(T, UINT, 5, timeout, 0, 0)                                          \
	F(T, UINT, 6, count, 0, 0) /* enough of them; 0: the default */       \
	F(T, UINT, 7, once, 0, 0)                                             \
	F(T, UINT, 8, queued, 0, 0)
PB_DECLARE(dht_want, DHT_WANT)

/* kn-dht -> program. */
#define DHT_ITEM(F, T)                                                        \
	F(T, UINT, 1, tag, 0, 0)                                              \
	F(T, BYTES, 2, peer, 0, 64)                                           \
	F(T, BYTES_N, 3, addrs, 0, 16)                                        \
	F(T, BYTES, 4, value, 0, 10240)                                       \
	F(T, BYTES, 5, name, 0, 64)     /* of a statistic */                  \
	F(T, UINT, 6, number, 0, 0)     /* its value */                       \
	F(T, UINT, 7, bucket, 0, 0)     /* of TABLE */                        \
	F(T, UINT, 8, heard, 0, 0)      /* ms ago */                          \
	F(T, UINT, 9, fails, 0, 0)                                            \
	F(T, BYTES, 10, key, 0, 512)    /* of KEYS */                         \
	F(T, UINT, 11, due, 0, 0)       /* seconds since 1970 */
PB_DECLARE(dht_item, DHT_ITEM)

/* kn-dht -> program: the end of what this tag asked for.  end is an enum
 * dht_end (dht/dht.h), text its sentence. */
#define DHT_DONE(F, T)                                                        \
	F(T, UINT, 1, tag, 0, 0)                                              \
	F(T, UINT, 2, end, 0, 0)                                              \
	F(T, BYTES, 3, text, 0, 256)                                          \
	F(T, UINT, 4, count, 0, 0)  /* items, or peers that took it */        \
	F(T, UINT, 5, asked, 0, 0)  /* peers asked */                         \
	F(T, UINT, 6, took, 0, 0)   /* ms */
PB_DECLARE(dht_done, DHT_DONE)

/* program -> kn-dht: no more of it. */
#define DHT_CANCEL(F, T) F(T, UINT, 1, tag, 0, 0)
PB_DECLARE(dht_cancel, DHT_CANCEL)

#define DHT_SAY(F, T)                                                         \
	F(T, MSG, 1, want, dht_want, 0)                                       \
	F(T, MSG, 2, item, dht_item, 0)                                       \
	F(T, MSG, 3, done, dht_done, 0)                                       \
	F(T, MSG, 4, cancel, dht_cancel, 0)
PB_DECLARE(dht_say, DHT_SAY)

#endif
