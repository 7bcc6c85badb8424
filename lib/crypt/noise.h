/* SPDX-License-Identifier: ISC
 *
 * Noise_XX_25519_ChaChaPoly_SHA256 as libp2p uses it (libp2p noise
 * specification; Noise revision 34): a handshake machine, and the two ciphers
 * it leaves behind.  Frames on the wire are a 16-bit length and that many
 * bytes, in the handshake and after.  No I/O. */
#ifndef CRYPT_NOISE_H
#define CRYPT_NOISE_H

#include "crypt/key.h"

enum {
	NOISE_FRAME = 65535, /* bytes of a frame after its length */
	NOISE_TAG = 16,
	NOISE_PLAIN = NOISE_FRAME - NOISE_TAG,
	NOISE_HELLO_MAX = 8192, /* of a handshake frame; bigger is refused */
	NOISE_MUXERS = 4,       /* how many muxers we offer at most */
};

/* Our side, made once a process: a static key that never meets a disk, and
 * what kn-signd said of it.  Borrowed by every handshake. */
struct noise_self {
	uint8_t secret[32], public[32];
	uint8_t identity[KEY_PUBLIC_PB]; /* serialised PublicKey */
	uint8_t signature[KEY_SIGNATURE];
};
/* Makes the static key pair; identity and signature are the caller's to fill:
 * body is what SIGN_NOISE wants to see. */
void noise_self_make(struct noise_self *, const uint8_t seed[32]);
/* Sign with a key at hand: for tests and the simulator. */
void noise_self_sign(struct noise_self *, const struct key *);
void noise_self_wipe(struct noise_self *);
/* What is signed: "noise-libp2p-static-key:" and the static public key. */
void noise_statement(const uint8_t public[32], uint8_t out[56]);

/* One direction after the handshake.  key and nonce are all its state: ctx is
 * made of them at first use.  Copy it only before that. */
struct noise_cipher {
	uint8_t key[32];
	uint64_t nonce; /* of the next frame; at 2^64-1 the session is over */
	void *ctx;      /* libcrypto's, owned */
};
/* Wipes the key and frees ctx; may be called twice. */
void noise_cipher_free(struct noise_cipher *);
/* Four zero bytes and the counter, little-endian (Noise, section 12.3). */
void noise_nonce(uint64_t counter, uint8_t nonce[12]);
/* In place: n bytes of plaintext at p become n + NOISE_TAG. 0; -1 nonce gone */
int noise_seal(struct noise_cipher *, uint8_t *p, size_t n);
/* In place: n bytes with the tag become n - NOISE_TAG.  0, or -1 forged. */
int noise_open(struct noise_cipher *, uint8_t *p, size_t n);

enum noise_state {
	NOISE_SEND_E, NOISE_WAIT_E, NOISE_WAIT_EES, NOISE_WAIT_S,
	NOISE_DONE, NOISE_FAILED
};

struct noise {
	enum noise_state state;
	bool initiator;
	const struct noise_self *self;
	struct peerid want;    /* n == 0: anybody */
	const char *const *muxers; /* what we offer, in order; NULL at the end */
	/* symmetric state */
	uint8_t h[32], ck[32], k[32];
	uint64_t nonce;
	bool keyed;
	uint8_t e_secret[32], e_public[32], re[32], rs[32];
	/* the outcome, valid once step returned 1 */
	struct noise_cipher send, recv;
	struct peerid peer;
	uint8_t peer_key[2048]; /* its serialised PublicKey */
	size_t peer_key_n;
	const char *muxer; /* agreed inline: one of muxers; NULL: negotiate */
	const char *why;   /* static, once step returned -1 */
};

/* self, muxers are borrowed for the handshake's life.  seed makes the
 * ephemeral key and is never used twice.  want NULL: accept anybody. */
void noise_init(struct noise *, bool initiator, const struct noise_self *,
    const char *const *muxers, const struct peerid *want,
    const uint8_t seed[32]);
/* The initiator's first step needs no input.  1: done, once; 0: wants more
 * input; -1: over, see why.  Takes whole frames only from in. */
int noise_step(struct noise *, struct slice *in, struct buf *out);
void noise_wipe(struct noise *);

#endif
