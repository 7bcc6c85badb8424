/* SPDX-License-Identifier: ISC */
#include "crypt/noise.h"
#include "wire/msg/noise.h"

#include <sodium.h>
#include <string.h>

enum {
	KEY = 32, /* bytes of every key and hash here */
	LENGTH = 2,
	PAYLOAD_MAX = 2048, /* of ours: a key, a signature, a few names */
};

/* Exactly as long as a hash, and so the first h (Noise, section 5.2). */
static const char xx_name[KEY + 1] = "Noise_XX_25519_ChaChaPoly_SHA256";
static const char prefix[24 + 1] = "noise-libp2p-static-key:";

/* The XX pattern (Noise, section 7.5): message by message. */
enum token { END, E, S, EE, ES, SE };
static const enum token xx[3][5] = {
	{ E, END },
	{ E, EE, S, ES, END },
	{ S, SE, END },
};

void
noise_self_make(struct noise_self *self, const uint8_t seed[32])
{
	memset(self, 0, sizeof *self);
	memcpy(self->secret, seed, KEY);
	crypto_scalarmult_base(self->public, self->secret);
}

void
noise_self_sign(struct noise_self *self, const struct key *key)
{
	uint8_t statement[56];

	noise_statement(self->public, statement);
	key_public(key, self->identity);
	key_sign(key, slice_of(statement, sizeof statement), self->signature);
}

void
noise_self_wipe(struct noise_self *self)
{
	sodium_memzero(self, sizeof *self);
}

void
noise_statement(const uint8_t public[32], uint8_t out[56])
{
	memcpy(out, prefix, sizeof prefix - 1);
	memcpy(out + sizeof prefix - 1, public, KEY);
}

static int
fail(struct noise *n, const char *why)
{
	n->state = NOISE_FAILED;
	n->why = why;
	return -1;
}

static void
hmac(const uint8_t key[KEY], const uint8_t *p, size_t n, uint8_t out[KEY])
{
	crypto_auth_hmacsha256_state st;

	crypto_auth_hmacsha256_init(&st, key, KEY);
	crypto_auth_hmacsha256_update(&st, p, n);
	crypto_auth_hmacsha256_final(&st, out);
	sodium_memzero(&st, sizeof st);
}

/* HKDF with two outputs (Noise, section 4.3). */
static void
hkdf(const uint8_t ck[KEY], const uint8_t *p, size_t n, uint8_t one[KEY],
    uint8_t two[KEY])
{
	uint8_t prk[KEY], in[KEY + 1];

	hmac(ck, p, n, prk);
	in[0] = 1;
	hmac(prk, in, 1, one);
	memcpy(in, one, KEY);
	in[KEY] = 2;
	hmac(prk, in, sizeof in, two);
	sodium_memzero(prk, sizeof prk);
	sodium_memzero(in, sizeof in);
}

static void
mix_hash(struct noise *n, const uint8_t *p, size_t len)
{
	crypto_hash_sha256_state st;

	crypto_hash_sha256_init(&st);
	crypto_hash_sha256_update(&st, n->h, KEY);
	crypto_hash_sha256_update(&st, p, len);
	crypto_hash_sha256_final(&st, n->h);
}

static int
mix_dh(struct noise *n, const uint8_t secret[KEY], const uint8_t public[KEY])
{
	uint8_t shared[KEY], ck[KEY];

	/* libsodium says -1 when the result is all zero bytes: a point of small
	 * order, with which the peer alone would have chosen the key */
	if (crypto_scalarmult(shared, secret, public) != 0)
		return fail(n, "the peer's key leads to an all-zero secret");
	hkdf(n->ck, shared, KEY, ck, n->k);
	memcpy(n->ck, ck, KEY);
	sodium_memzero(shared, sizeof shared);
	sodium_memzero(ck, sizeof ck);
	n->nonce = 0;
	n->keyed = true;
	return 0;
}

/* The tokens that send nothing: both sides do the same sum, each with the
 * secret that it has. */
static int
mix_token(struct noise *n, enum token token)
{
	bool ours_is_e = token == EE || (token == ES) == n->initiator;
	bool theirs_is_e = token == EE || (token == SE) == n->initiator;

	return mix_dh(n, ours_is_e ? n->e_secret : n->self->secret,
	    theirs_is_e ? n->re : n->rs);
}

/* EncryptAndHash (Noise, section 5.2), onto the end of out. */
static void
write_sealed(struct noise *n, struct slice plain, struct buf *out)
{
	size_t len = plain.n + (n->keyed ? NOISE_TAG : 0);
	uint8_t nonce[12], *p = buf_room(out, len);

	if (!p)
		return;
	if (plain.n > 0)
		memcpy(p, plain.p, plain.n);
	if (n->keyed) {
		noise_nonce(n->nonce++, nonce);
		crypto_aead_chacha20poly1305_ietf_encrypt_detached(p,
		    p + plain.n, NULL, p, plain.n, n->h, KEY, NULL, nonce,
		    n->k);
	}
	mix_hash(n, p, len);
	buf_added(out, len);
}

static int
write_token(struct noise *n, enum token token, struct buf *out)
{
	switch (token) {
	case E:
		put_bytes(out, n->e_public, KEY);
		mix_hash(n, n->e_public, KEY);
		return 0;
	case S:
		write_sealed(n, slice_of(n->self->public, KEY), out);
		return 0;
	default:
		return mix_token(n, token);
	}
}

static int
write_message(struct noise *n, const enum token *tokens, struct slice payload,
    struct buf *out)
{
	size_t start = out->n, len;

	put_u16(out, 0);
	for (; *tokens != END; tokens++)
		if (write_token(n, *tokens, out) < 0)
			return -1;
	write_sealed(n, payload, out);
	len = out->n - start - LENGTH;
	if (out->bad || len > NOISE_HELLO_MAX)
		return fail(n, "no room for our handshake message");
	out->p[start] = (uint8_t)(len >> 8);
	out->p[start + 1] = (uint8_t)len;
	return 0;
}

/* DecryptAndHash, in place.  *plain borrows from p. */
static int
read_sealed(struct noise *n, uint8_t *p, size_t len, struct slice *plain)
{
	uint8_t nonce[12], h[KEY];

	*plain = slice_of(p, len);
	if (!n->keyed) {
		mix_hash(n, p, len);
		return 0;
	}
	if (len < NOISE_TAG)
		return fail(n, "a handshake message is too short");
	plain->n = len - NOISE_TAG;
	noise_nonce(n->nonce++, nonce);
	memcpy(h, n->h, KEY);
	mix_hash(n, p, len);
	if (crypto_aead_chacha20poly1305_ietf_decrypt_detached(
		p, NULL, p, plain->n, p + plain->n, h, KEY, nonce, n->k) != 0)
		return fail(n, "a handshake message is forged or damaged");
	return 0;
}

/* Returns how many bytes of p the token took, or -1. */
static int
read_token(struct noise *n, enum token token, uint8_t *p, size_t len)
{
	size_t want = KEY + (token == S ? NOISE_TAG : 0);
	struct slice plain;

	if (token != E && token != S)
		return mix_token(n, token);
	if (len < want)
		return fail(n, "a handshake message is too short");
	if (token == E) {
		memcpy(n->re, p, KEY);
		mix_hash(n, p, KEY);
		return KEY;
	}
	if (read_sealed(n, p, want, &plain) < 0)
		return -1;
	memcpy(n->rs, plain.p, KEY);
	return (int)want;
}

static int
read_message(struct noise *n, const enum token *tokens, uint8_t *p, size_t len,
    struct slice *payload)
{
	for (; *tokens != END; tokens++) {
		int used = read_token(n, *tokens, p, len);

		if (used < 0)
			return -1;
		p += used;
		len -= (size_t)used;
	}
	return read_sealed(n, p, len, payload);
}

/* Who we are, what kn-signd said of the static key, and our muxers. */
static void
put_payload(const struct noise *n, struct buf *out)
{
	struct noise_payload msg = {
		.has_identity_key = true,
		.identity_key = slice_of(n->self->identity, KEY_PUBLIC_PB),
		.has_identity_sig = true,
		.identity_sig = slice_of(n->self->signature, KEY_SIGNATURE),
	};
	struct noise_extensions *ext = &msg.extensions;

	while (n->muxers && n->muxers[ext->n_muxers] &&
	       ext->n_muxers < NOISE_MUXERS) {
		ext->muxers[ext->n_muxers] =
		    slice_text(n->muxers[ext->n_muxers]);
		ext->n_muxers++;
	}
	msg.has_extensions = ext->n_muxers > 0;
	pb_encode(&noise_payload_desc, &msg, out);
}

static int
write_identity(struct noise *n, const enum token *tokens, struct buf *out)
{
	struct buf payload;
	int r;

	buf_init(&payload, PAYLOAD_MAX, NULL);
	put_payload(n, &payload);
	if (payload.bad)
		r = fail(n, "our handshake payload is too long");
	else
		r = write_message(n, tokens, buf_slice(&payload), out);
	buf_free(&payload);
	return r;
}

static const char *
ours_called(const struct noise *n, struct slice muxer)
{
	for (size_t i = 0; i < NOISE_MUXERS && n->muxers[i]; i++)
		if (slice_is(muxer, n->muxers[i]))
			return n->muxers[i];
	return NULL;
}

static bool
theirs_has(const struct noise_extensions *ext, const char *muxer)
{
	for (size_t i = 0; i < ext->n_muxers; i++)
		if (slice_is(ext->muxers[i], muxer))
			return true;
	return false;
}

/* The first of the initiator's list that the responder has (connections
 * specification, "Multiplexer Negotiation over the Security Handshake"). */
static const char *
choose(const struct noise *n, const struct noise_extensions *theirs)
{
	const char *muxer = NULL;

	if (!n->initiator) {
		for (size_t i = 0; i < theirs->n_muxers && !muxer; i++)
			muxer = ours_called(n, theirs->muxers[i]);
		return muxer;
	}
	for (size_t i = 0; i < NOISE_MUXERS && n->muxers[i]; i++)
		if (theirs_has(theirs, n->muxers[i]))
			return n->muxers[i];
	return NULL;
}

static int
take_muxers(struct noise *n, const struct noise_payload *msg, size_t dropped)
{
	const struct noise_extensions *theirs = &msg->extensions;

	/* a list too long to be meant is no list */
	if (!n->muxers || !n->muxers[0] || !msg->has_extensions ||
	    theirs->n_muxers == 0 || dropped > 0)
		return 0;
	n->muxer = choose(n, theirs);
	return n->muxer ? 0 : fail(n, "no muxer in common");
}

/* Does the payload prove that the static key belongs to an identity, and to
 * the one we want? */
static int
take_identity(struct noise *n, const struct noise_payload *msg)
{
	uint8_t statement[56];
	const char *why;

	if (!msg->has_identity_key || !msg->has_identity_sig)
		return fail(n, "the peer does not say who it is");
	n->peer = peerid_of_key(msg->identity_key);
	if (n->want.n > 0 && !peerid_eq(&n->want, &n->peer))
		return fail(n, "the peer is not the one that was wanted");
	noise_statement(n->rs, statement);
	if (key_verify(msg->identity_key, slice_of(statement, sizeof statement),
		msg->identity_sig, &why) < 0)
		return fail(n, why);
	if (msg->identity_key.n > sizeof n->peer_key)
		return fail(n, "the peer's identity key is too long");
	memcpy(n->peer_key, msg->identity_key.p, msg->identity_key.n);
	n->peer_key_n = msg->identity_key.n;
	return 0;
}

static int
take_payload(struct noise *n, struct slice in)
{
	struct noise_payload msg;
	size_t dropped = 0;

	if (pb_decode(&noise_payload_desc, in, &msg, &dropped) < 0)
		return fail(n, "the peer's handshake payload is malformed");
	if (take_identity(n, &msg) < 0)
		return -1;
	return take_muxers(n, &msg, dropped);
}

/* Split (Noise, section 5.2): the initiator sends with the first key. */
static int
finish(struct noise *n)
{
	n->send.nonce = n->recv.nonce = 0;
	if (n->initiator)
		hkdf(n->ck, NULL, 0, n->send.key, n->recv.key);
	else
		hkdf(n->ck, NULL, 0, n->recv.key, n->send.key);
	sodium_memzero(n->ck, sizeof n->ck);
	sodium_memzero(n->k, sizeof n->k);
	sodium_memzero(n->e_secret, sizeof n->e_secret);
	n->state = NOISE_DONE;
	return 1;
}

static int
on_frame(struct noise *n, uint8_t *p, size_t len, struct buf *out)
{
	struct slice payload;

	switch (n->state) {
	case NOISE_WAIT_E:
		/* what a payload here says is known to nobody: ignored */
		if (read_message(n, xx[0], p, len, &payload) < 0 ||
		    write_identity(n, xx[1], out) < 0)
			return -1;
		n->state = NOISE_WAIT_S;
		return 0;
	case NOISE_WAIT_EES:
		if (read_message(n, xx[1], p, len, &payload) < 0 ||
		    take_payload(n, payload) < 0 ||
		    write_identity(n, xx[2], out) < 0)
			return -1;
		return finish(n);
	case NOISE_WAIT_S:
		if (read_message(n, xx[2], p, len, &payload) < 0 ||
		    take_payload(n, payload) < 0)
			return -1;
		return finish(n);
	default:
		return fail(n, "the handshake is over");
	}
}

void
noise_init(struct noise *n, bool initiator, const struct noise_self *self,
    const char *const *muxers, const struct peerid *want,
    const uint8_t seed[32])
{
	memset(n, 0, sizeof *n);
	n->state = initiator ? NOISE_SEND_E : NOISE_WAIT_E;
	n->initiator = initiator;
	n->self = self;
	n->muxers = muxers;
	if (want)
		n->want = *want;
	memcpy(n->e_secret, seed, KEY);
	crypto_scalarmult_base(n->e_public, n->e_secret);
	memcpy(n->h, xx_name, KEY);
	memcpy(n->ck, xx_name, KEY);
	mix_hash(n, NULL, 0); /* the prologue is empty */
}

int
noise_step(struct noise *n, struct slice *in, struct buf *out)
{
	uint8_t frame[NOISE_HELLO_MAX];
	struct slice head = *in, body;
	size_t len;
	int r;

	if (n->state == NOISE_FAILED)
		return -1;
	if (n->state == NOISE_DONE)
		return fail(n, "the handshake is over");
	if (n->state == NOISE_SEND_E) {
		if (write_message(n, xx[0], slice_of(NULL, 0), out) < 0)
			return -1;
		n->state = NOISE_WAIT_EES;
	}
	len = get_u16(&head);
	if (head.bad)
		return 0;
	if (len > NOISE_HELLO_MAX)
		return fail(n, "a handshake message is too long");
	body = get_bytes(&head, len);
	if (body.bad)
		return 0;
	*in = head;
	if (len > 0)
		memcpy(frame, body.p, len);
	r = on_frame(n, frame, len, out);
	sodium_memzero(frame, len);
	return r;
}

void
noise_wipe(struct noise *n)
{
	const char *why = n->why;

	noise_cipher_free(&n->send);
	noise_cipher_free(&n->recv);
	sodium_memzero(n, sizeof *n);
	n->state = NOISE_FAILED;
	n->why = why;
}
