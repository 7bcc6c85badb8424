/* SPDX-License-Identifier: ISC
 *
 * Signed envelopes (RFC 0002) and the peer records they carry (RFC 0003). */
#ifndef WIRE_MSG_ENVELOPE_H
#define WIRE_MSG_ENVELOPE_H

#include "wire/pb.h"

/* message Envelope {
 *   PublicKey public_key = 1;  (kept as bytes: the peer id is their hash)
 *   bytes payload_type = 2;
 *   bytes payload = 3;
 *   bytes signature = 5; } */
#define ENVELOPE_MSG(F, T)                                                    \
	F(T, BYTES, 1, public_key, 0, 2048)                                   \
	F(T, BYTES, 2, payload_type, 0, 128)                                  \
	F(T, BYTES, 3, payload, 0, 0)                                         \
	F(T, BYTES, 5, signature, 0, 2048)
PB_DECLARE(envelope_msg, ENVELOPE_MSG)

/* message AddressInfo { bytes multiaddr = 1; } */
#define ADDRESS_INFO(F, T) F(T, BYTES, 1, multiaddr, 0, 0)
PB_DECLARE(address_info, ADDRESS_INFO)

/* message PeerRecord {
 *   bytes peer_id = 1; uint64 seq = 2; repeated AddressInfo addresses = 3; } */
#define PEER_RECORD(F, T)                                                     \
	F(T, BYTES, 1, peer_id, 0, 64)                                        \
	F(T, UINT, 2, seq, 0, 0)                                              \
	F(T, MSG_N, 3, addresses, address_info, 64)
PB_DECLARE(peer_record, PEER_RECORD)

#endif
