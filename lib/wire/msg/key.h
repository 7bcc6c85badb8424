/* SPDX-License-Identifier: ISC
 *
 * Identity keys (libp2p peer-ids specification, "Keys").  Both fields are
 * always written, Type even when it is 0. */
#ifndef WIRE_MSG_KEY_H
#define WIRE_MSG_KEY_H

#include "wire/pb.h"

enum key_type { KEY_RSA, KEY_ED25519, KEY_SECP256K1, KEY_ECDSA };

/* message PublicKey { required KeyType Type = 1; required bytes Data = 2; }
 * message PrivateKey likewise */
#define KEY_MSG(F, T)                                                         \
	F(T, UINT, 1, type, 0, 0)                                             \
	F(T, BYTES, 2, data, 0, 2048)
PB_DECLARE(key_msg, KEY_MSG)

#endif
