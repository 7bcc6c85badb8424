/* SPDX-License-Identifier: ISC
 *
 * The payload of Noise handshake messages (libp2p noise specification, "The
 * libp2p Handshake Payload"). */
#ifndef WIRE_MSG_NOISE_H
#define WIRE_MSG_NOISE_H

#include "wire/pb.h"

/* message NoiseExtensions {
 *   repeated bytes webtransport_certhashes = 1;
 *   repeated string stream_muxers = 2; } */
#define NOISE_EXTENSIONS(F, T) F(T, BYTES_N, 2, muxers, 0, 100)
PB_DECLARE(noise_extensions, NOISE_EXTENSIONS)

/* message NoiseHandshakePayload {
 *   optional bytes identity_key = 1;
 *   optional bytes identity_sig = 2;
 *   optional NoiseExtensions extensions = 4; } */
#define NOISE_PAYLOAD(F, T)                                                   \
	F(T, BYTES, 1, identity_key, 0, 2048)                                 \
	F(T, BYTES, 2, identity_sig, 0, 2048)                                 \
	F(T, MSG, 4, extensions, noise_extensions, 0)
PB_DECLARE(noise_payload, NOISE_PAYLOAD)

#endif
