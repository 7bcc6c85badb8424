/* SPDX-License-Identifier: ISC
 *
 * What kn-signd and those who ask it say on sign.sock (kn-signd(8)): one
 * datagram each way; answers come in the order of the questions. */
#ifndef WIRE_MSG_SIGN_H
#define WIRE_MSG_SIGN_H

#include "wire/pb.h"

/* The statements that kn-signd makes, and what body holds. */
enum sign_kind {
	SIGN_WHO,     /* nothing: only tell the public key */
	SIGN_NOISE,   /* a 32-byte X25519 static key */
	SIGN_TLS,     /* a DER SubjectPublicKeyInfo, P-256 */
	SIGN_RECORD,  /* a PeerRecord about ourselves */
	SIGN_VOUCHER, /* a relay reservation Voucher whose relay is ourselves */
	SIGN_REQUEST, /* a certificate request whose subject is ourselves */
	SIGN_KINDS
};

#define SIGN_QUESTION(F, T)                                                   \
	F(T, UINT, 1, kind, 0, 0)                                             \
	F(T, BYTES, 2, body, 0, 8192)
PB_DECLARE(sign_question, SIGN_QUESTION)

/* why is set when the answer is no; signature when it is yes, except for WHO. */
#define SIGN_ANSWER(F, T)                                                     \
	F(T, UINT, 1, kind, 0, 0)                                             \
	F(T, BYTES, 2, public_key, 0, 64)                                     \
	F(T, BYTES, 3, signature, 0, 64)                                      \
	F(T, BYTES, 4, why, 0, 256)
PB_DECLARE(sign_answer, SIGN_ANSWER)

#endif
