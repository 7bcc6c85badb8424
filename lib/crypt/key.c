/* SPDX-License-Identifier: ISC */
#include "crypt/key.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <secp256k1.h>
#include <sodium.h>
#include <string.h>

enum {
	SEED = 32,
	ED25519_PUBLIC = 32,
	IMPORT = 64,        /* seed, public */
	IMPORT_LEGACY = 96, /* seed, public, public */
	SECP256K1_PUBLIC = 33,
	MESSAGE_MOST = 1 << 24,
	PUBLIC_MOST = 2048, /* as in KEY_MSG */
	/* A SubjectPublicKeyInfo of 8192 bits with a 32-bit exponent has 1062
	 * bytes, one on P-521 158. */
	RSA_DER_MOST = 1100,
	EC_DER_MOST = 192,
	/* The exponent is the work of a verification; nobody uses more than
	 * 65537, and Go knows none above 31 bits. */
	RSA_EXPONENT = 4,
};

/* The front of every serialised Ed25519 PublicKey: Type 1, Data of 32. */
static const uint8_t ed25519_head[] = { 0x08, KEY_ED25519, 0x12, 32 };

void
key_make(struct key *k)
{
	uint8_t seed[SEED];

	randombytes_buf(seed, sizeof seed);
	key_of_seed(k, seed);
	sodium_memzero(seed, sizeof seed);
}

void
key_of_seed(struct key *k, const uint8_t seed[32])
{
	uint8_t public[ED25519_PUBLIC];

	crypto_sign_seed_keypair(public, k->secret, seed);
}

void
key_wipe(struct key *k)
{
	sodium_memzero(k, sizeof *k);
}

void
key_public(const struct key *k, uint8_t pb[KEY_PUBLIC_PB])
{
	memcpy(pb, ed25519_head, sizeof ed25519_head);
	memcpy(pb + sizeof ed25519_head, k->secret + SEED, ED25519_PUBLIC);
}

struct peerid
key_peerid(const struct key *k)
{
	uint8_t pb[KEY_PUBLIC_PB];

	key_public(k, pb);
	return peerid_of_key(slice_of(pb, sizeof pb));
}

void
key_sign(
    const struct key *k, struct slice message, uint8_t signature[KEY_SIGNATURE])
{
	crypto_sign_detached(signature, NULL, message.p, message.n, k->secret);
}

static int
refuse(const char **why, const char *text)
{
	*why = text;
	return -1;
}

int
key_import(struct slice pb, struct key *k, const char **why)
{
	struct key_msg msg;

	if (pb_decode(&key_msg_desc, pb, &msg, NULL) < 0 || !msg.has_type ||
	    !msg.has_data)
		return refuse(why, "not a libp2p private key");
	if (msg.type != KEY_ED25519)
		return refuse(why, "not an Ed25519 key");
	if (msg.data.n != IMPORT && msg.data.n != IMPORT_LEGACY)
		return refuse(why, "wrong length for an Ed25519 key");
	key_of_seed(k, msg.data.p);
	for (size_t at = SEED; at < msg.data.n; at += ED25519_PUBLIC) {
		if (sodium_memcmp(
			k->secret + SEED, msg.data.p + at, ED25519_PUBLIC) == 0)
			continue;
		key_wipe(k);
		return refuse(why, "its public halves disagree");
	}
	return 0;
}

void
key_export(const struct key *k, struct buf *pb)
{
	const struct key_msg msg = {
		.has_type = true,
		.type = KEY_ED25519,
		.has_data = true,
		.data = slice_of(k->secret, sizeof k->secret),
	};

	pb_encode(&key_msg_desc, &msg, pb);
}

/* What a verifier gets: Data of the PublicKey, and the rest of the question. */
struct question {
	struct slice data, message, signature;
};

static int
verify_ed25519(const struct question *q, const char **why)
{
	if (q->data.n != ED25519_PUBLIC)
		return refuse(why, "malformed Ed25519 key");
	if (q->signature.n != KEY_SIGNATURE ||
	    crypto_sign_verify_detached(
		q->signature.p, q->message.p, q->message.n, q->data.p) != 0)
		return refuse(why, "wrong signature");
	return 0;
}

/* secp256k1_ecdsa_verify takes low S only, as the specification wants. */
static int
verify_secp256k1(const struct question *q, const char **why)
{
	const secp256k1_context *ctx = secp256k1_context_static;
	secp256k1_pubkey public;
	secp256k1_ecdsa_signature signature;
	uint8_t hash[32];

	if (q->data.n != SECP256K1_PUBLIC ||
	    !secp256k1_ec_pubkey_parse(ctx, &public, q->data.p, q->data.n))
		return refuse(why, "malformed secp256k1 key");
	if (gnutls_hash_fast(
		GNUTLS_DIG_SHA256, q->message.p, q->message.n, hash) < 0)
		return refuse(why, "SHA-256 is not to be had");
	if (!secp256k1_ecdsa_signature_parse_der(
		ctx, &signature, q->signature.p, q->signature.n) ||
	    !secp256k1_ecdsa_verify(ctx, &signature, hash, &public))
		return refuse(why, "wrong signature");
	return 0;
}

static gnutls_datum_t
datum(struct slice s)
{
	/* GnuTLS does not write through it, but has no const datum */
	return (
	    gnutls_datum_t){ (unsigned char *)(uintptr_t)s.p, (unsigned)s.n };
}

/* GnuTLS reads DER more freely than it writes it; a second spelling of a key
 * would be a second peer id. */
static bool
is_der(gnutls_pubkey_t public, struct slice der)
{
	gnutls_datum_t again;
	bool same;

	if (gnutls_pubkey_export2(public, GNUTLS_X509_FMT_DER, &again) < 0)
		return false;
	same = slice_eq(slice_of(again.data, again.size), der);
	gnutls_free(again.data);
	return same;
}

/* Import decodes and computes nothing, so that check looks at the numbers
 * before anything is done with them. */
static int
verify_pkix(const struct question *q, gnutls_sign_algorithm_t algo,
    int (*check)(gnutls_pubkey_t, const char **), const char **why)
{
	const gnutls_datum_t der = datum(q->data);
	const gnutls_datum_t message = datum(q->message);
	const gnutls_datum_t signature = datum(q->signature);
	gnutls_pubkey_t public;
	int r = 0;

	if (gnutls_pubkey_init(&public) < 0)
		return refuse(why, "no memory for a key");
	if (gnutls_pubkey_import(public, &der, GNUTLS_X509_FMT_DER) < 0)
		r = refuse(why, "malformed PKIX key");
	else if (check(public, why) < 0)
		r = -1;
	else if (!is_der(public, q->data))
		r = refuse(why, "PKIX key not in DER");
	else if (gnutls_pubkey_verify_data2(
		     public, algo, 0, &message, &signature) < 0)
		r = refuse(why, "wrong signature");
	gnutls_pubkey_deinit(public);
	return r;
}

static int
check_rsa(gnutls_pubkey_t public, const char **why)
{
	gnutls_datum_t modulus, exponent;
	unsigned bits = 0;
	bool odd, fits;

	if (gnutls_pubkey_get_pk_algorithm(public, &bits) != GNUTLS_PK_RSA)
		return refuse(why, "not an RSA key");
	if (bits < KEY_RSA_LEAST)
		return refuse(why, "RSA key too small");
	if (bits > KEY_RSA_MOST)
		return refuse(why, "RSA key too big");
	if (gnutls_pubkey_export_rsa_raw2(
		public, &modulus, &exponent, GNUTLS_EXPORT_FLAG_NO_LZ) < 0)
		return refuse(why, "malformed RSA key");
	odd = modulus.size > 0 && modulus.data[modulus.size - 1] & 1;
	fits = exponent.size > 0 && exponent.size <= RSA_EXPONENT &&
	       exponent.data[exponent.size - 1] & 1 &&
	       (exponent.size > 1 || exponent.data[0] > 1);
	gnutls_free(modulus.data);
	gnutls_free(exponent.data);
	if (!odd || !fits)
		return refuse(why, "RSA numbers out of range");
	return 0;
}

static int
verify_rsa(const struct question *q, const char **why)
{
	if (q->data.n > RSA_DER_MOST)
		return refuse(why, "RSA key too big");
	if (q->signature.n > KEY_RSA_MOST / 8)
		return refuse(why, "wrong signature");
	return verify_pkix(q, GNUTLS_SIGN_RSA_SHA256, check_rsa, why);
}

static int
check_ecdsa(gnutls_pubkey_t public, const char **why)
{
	gnutls_ecc_curve_t curve;

	if (gnutls_pubkey_export_ecc_raw2(public, &curve, NULL, NULL, 0) < 0)
		return refuse(why, "not an ECDSA key");
	if (curve != GNUTLS_ECC_CURVE_SECP256R1 &&
	    curve != GNUTLS_ECC_CURVE_SECP384R1 &&
	    curve != GNUTLS_ECC_CURVE_SECP521R1)
		return refuse(why, "ECDSA key on an unknown curve");
	return 0;
}

static int
verify_ecdsa(const struct question *q, const char **why)
{
	if (q->data.n > EC_DER_MOST)
		return refuse(why, "malformed PKIX key");
	if (q->signature.n > EC_DER_MOST)
		return refuse(why, "wrong signature");
	return verify_pkix(q, GNUTLS_SIGN_ECDSA_SHA256, check_ecdsa, why);
}

static int (*const verifiers[])(const struct question *, const char **) = {
	[KEY_RSA] = verify_rsa,
	[KEY_ED25519] = verify_ed25519,
	[KEY_SECP256K1] = verify_secp256k1,
	[KEY_ECDSA] = verify_ecdsa,
};

/* As for DER: one key, one spelling, one peer id. */
static bool
canonical(struct slice pb, const struct key_msg *msg)
{
	struct buf again;
	bool same;

	buf_init(&again, PUBLIC_MOST + 16, NULL);
	pb_encode(&key_msg_desc, msg, &again);
	same = !again.bad && slice_eq(buf_slice(&again), pb);
	buf_free(&again);
	return same;
}

int
key_verify(struct slice public_key, struct slice message,
    struct slice signature, const char **why)
{
	struct key_msg msg;
	struct question q;

	if (pb_decode(&key_msg_desc, public_key, &msg, NULL) < 0 ||
	    !msg.has_type || !msg.has_data || !canonical(public_key, &msg))
		return refuse(why, "malformed public key");
	if (msg.type >= sizeof verifiers / sizeof *verifiers)
		return refuse(why, "unknown type of key");
	if (message.n > MESSAGE_MOST)
		return refuse(why, "message too long to verify");
	q = (struct question){ msg.data, message, signature };
	return verifiers[msg.type](&q, why);
}
