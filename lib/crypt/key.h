/* SPDX-License-Identifier: ISC
 *
 * Identity keys: our own, always Ed25519 (libsodium), and other peers', of any
 * type the libp2p peer-ids specification knows: Ed25519, RSA and ECDSA
 * (GnuTLS), secp256k1 (libsecp256k1). */
#ifndef CRYPT_KEY_H
#define CRYPT_KEY_H

#include "base/buf.h"
#include "wire/msg/key.h"
#include "wire/peerid.h"

enum {
	KEY_PUBLIC_PB = 36,   /* bytes of a serialised Ed25519 PublicKey */
	KEY_SIGNATURE = 64,   /* bytes of an Ed25519 signature */
	KEY_RSA_LEAST = 2048, /* bits; more than KEY_RSA_MOST is refused before */
	KEY_RSA_MOST = 8192,  /* any arithmetic (CVE-2023-39533) */
};

/* A secret: wipe it.  seed and public half, as libsodium keeps them. */
struct key {
	uint8_t secret[64];
};

void key_make(struct key *);
void key_of_seed(struct key *, const uint8_t seed[32]);
void key_wipe(struct key *);

/* The serialised PublicKey, and the peer id it hashes to. */
void key_public(const struct key *, uint8_t pb[KEY_PUBLIC_PB]);
struct peerid key_peerid(const struct key *);
void key_sign(const struct key *, struct slice message,
    uint8_t signature[KEY_SIGNATURE]);

/* libp2p's protobuf PrivateKey, Ed25519 only: 64 bytes (seed, public) or the
 * legacy 96 (seed, public, public).  -1 with *why (static) when it is another
 * type, malformed, or its public halves do not belong to its seed. */
int key_import(struct slice pb, struct key *, const char **why);
void key_export(const struct key *, struct buf *pb); /* buf_wipe it */

/* Does this serialised PublicKey, of any type, verify the signature?  0: yes;
 * -1: no, *why (static) says if the key or the signature is at fault. */
int key_verify(struct slice public_key, struct slice message,
    struct slice signature, const char **why);

#endif
