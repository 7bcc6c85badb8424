/* SPDX-License-Identifier: ISC
 *
 * The messages of Kademlia (libp2p kad-dht specification, "RPC messages") and
 * what its records hold: IPNS (IPNS record specification) and our own signed
 * values. */
#ifndef WIRE_MSG_KAD_H
#define WIRE_MSG_KAD_H

#include "wire/pb.h"

enum {
	KAD_MESSAGE = 128 << 10, /* bytes of a message that we read */
	KAD_SAID = 16 << 10,     /* and that we write: rust reads no more */
	KAD_KEY = 512,           /* bytes of a key */
	KAD_PROVIDED = 80,       /* bytes of a multihash that is provided */
	KAD_VALUE = 10 << 10,    /* bytes of a value */
	KAD_CLOSER = 20,         /* peers of a reply that are looked at */
	KAD_PROVIDERS = 64,
	KAD_ADDRS = 16,          /* addresses of a peer that are looked at */
};

enum kad_type {
	KAD_PUT_VALUE, KAD_GET_VALUE, KAD_ADD_PROVIDER, KAD_GET_PROVIDERS,
	KAD_FIND_NODE, KAD_PING,
};

/* message Peer { bytes id = 1; repeated bytes addrs = 2;
 *   ConnectionType connection = 3; } */
#define KAD_PEER(F, T)                                                        \
	F(T, BYTES, 1, id, 0, 64)                                             \
	F(T, BYTES_N, 2, addrs, 0, KAD_ADDRS)                                 \
	F(T, UINT, 3, connection, 0, 0)
PB_DECLARE(kad_peer, KAD_PEER)

/* message Record { bytes key = 1; bytes value = 2; string timeReceived = 5; } */
#define KAD_RECORD(F, T)                                                      \
	F(T, BYTES, 1, key, 0, KAD_KEY)                                       \
	F(T, BYTES, 2, value, 0, 0)                                           \
	F(T, BYTES, 5, time_received, 0, 0)
PB_DECLARE(kad_record, KAD_RECORD)

/* message Message { MessageType type = 1; bytes key = 2; Record record = 3;
 *   repeated Peer closerPeers = 8; repeated Peer providerPeers = 9;
 *   int32 clusterLevelRaw = 10; } */
#define KAD_MSG(F, T)                                                         \
	F(T, UINT, 1, type, 0, 0)                                             \
	F(T, BYTES, 2, key, 0, KAD_KEY)                                       \
	F(T, MSG, 3, record, kad_record, 0)                                   \
	F(T, MSG_N, 8, closer, kad_peer, KAD_CLOSER)                          \
	F(T, MSG_N, 9, provider, kad_peer, KAD_PROVIDERS)                     \
	F(T, UINT, 10, cluster, 0, 0)
PB_DECLARE(kad_msg, KAD_MSG)

/* message IpnsEntry { bytes value = 1; bytes signatureV1 = 2;
 *   ValidityType validityType = 3; bytes validity = 4; uint64 sequence = 5;
 *   uint64 ttl = 6; bytes pubKey = 7; bytes signatureV2 = 8; bytes data = 9; } */
#define IPNS_ENTRY(F, T)                                                      \
	F(T, BYTES, 1, value, 0, 0)                                           \
	F(T, BYTES, 2, signature_v1, 0, 0)                                    \
	F(T, UINT, 3, validity_type, 0, 0)                                    \
	F(T, BYTES, 4, validity, 0, 0)                                        \
	F(T, UINT, 5, sequence, 0, 0)                                         \
	F(T, UINT, 6, ttl, 0, 0)                                              \
	F(T, BYTES, 7, public_key, 0, 2048)                                   \
	F(T, BYTES, 8, signature_v2, 0, 2048)                                 \
	F(T, BYTES, 9, data, 0, 0)
PB_DECLARE(ipns_entry, IPNS_ENTRY)

/* The payload of a value in one of our own namespaces; the whole is a signed
 * envelope (crypt/envelope, envelope_value).  expires is in seconds since 1970. */
#define SIGNED_VALUE(F, T)                                                    \
	F(T, UINT, 1, seq, 0, 0)                                              \
	F(T, UINT, 2, expires, 0, 0)                                          \
	F(T, BYTES, 3, value, 0, 0)                                           \
	F(T, BYTES, 4, name, 0, KAD_KEY) /* the namespace, without slashes */
PB_DECLARE(signed_value, SIGNED_VALUE)

#endif
