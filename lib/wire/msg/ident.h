/* SPDX-License-Identifier: ISC
 *
 * The identify message (libp2p identify specification, "The identify
 * message").  signedPeerRecord is field 8. */
#ifndef WIRE_MSG_IDENT_H
#define WIRE_MSG_IDENT_H

#include "wire/pb.h"

/* message Identify {
 *   optional bytes publicKey = 1;       repeated bytes listenAddrs = 2;
 *   repeated string protocols = 3;      optional bytes observedAddr = 4;
 *   optional string protocolVersion = 5; optional string agentVersion = 6;
 *   optional bytes signedPeerRecord = 8; } */
#define IDENT_MSG(F, T)                                                       \
	F(T, BYTES, 1, public_key, 0, 2048)                                   \
	F(T, BYTES_N, 2, addrs, 0, 64)                                        \
	F(T, BYTES_N, 3, protocols, 0, 256)                                   \
	F(T, BYTES, 4, observed, 0, 0)                                        \
	F(T, BYTES, 5, protocol_version, 0, 0)                                \
	F(T, BYTES, 6, agent, 0, 0)                                           \
	F(T, BYTES, 8, record, 0, 0)
PB_DECLARE(ident_msg, IDENT_MSG)

#endif
