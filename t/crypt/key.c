/* SPDX-License-Identifier: ISC */
#include "t/tap.h"
#include "t/crypt/keyvec.h"

#include "crypt/key.h"
#include "wire/mbase.h"

#include <time.h>

enum { MOST = 16384 };

static struct buf
unhex(const char *text)
{
	struct buf b;

	buf_init(&b, MOST, NULL);
	if (mbase_decode(MBASE_16, slice_text(text), &b) < 0)
		ok(false, "a vector is not base16: %.20s", text);
	return b;
}

static void
published_ed25519(void)
{
	for (size_t i = 0; i < sizeof rfc_ed25519 / sizeof *rfc_ed25519; i++) {
		struct buf seed = unhex(rfc_ed25519[i].seed);
		struct buf public = unhex(rfc_ed25519[i].public);
		struct buf text = unhex(rfc_ed25519[i].message);
		struct buf want = unhex(rfc_ed25519[i].signature);
		uint8_t got[KEY_SIGNATURE], pb[KEY_PUBLIC_PB];
		const char *why = "";
		struct key k;

		key_of_seed(&k, seed.p);
		key_public(&k, pb);
		key_sign(&k, buf_slice(&text), got);
		is_bytes(pb + 4, 32, public.p, public.n, "RFC 8032 public");
		is_bytes(got, 64, want.p, want.n, "RFC 8032 signature");
		is_int(key_verify(slice_of(pb, sizeof pb), buf_slice(&text),
		    slice_of(got, 64), &why), 0, "RFC 8032 verifies");
		buf_free(&seed);
		buf_free(&public);
		buf_free(&text);
		buf_free(&want);
	}
}

static void
published_import(void)
{
	struct buf private = unhex(spec_ed25519_private), out;
	struct buf public = unhex(spec_ed25519);
	uint8_t pb[KEY_PUBLIC_PB];
	char text[PEERID_TEXT];
	const char *why = "";
	struct peerid id;
	struct key k;

	is_int(key_import(buf_slice(&private), &k, &why), 0, "import");
	key_public(&k, pb);
	is_bytes(pb, sizeof pb, public.p, public.n, "its public key");
	buf_init(&out, 128, NULL);
	key_export(&k, &out);
	is_bytes(out.p, out.n, private.p, private.n, "export gives it back");
	id = key_peerid(&k);
	ok(strncmp(peerid_text(&id, text), "12D3KooW", 8) == 0, "peer id");
	key_wipe(&k);
	ok(k.secret[0] == 0 && k.secret[40] == 0, "wiped");
	buf_free(&private);
	buf_free(&public);
	buf_wipe(&out);
}

/* The 96-byte form: the same key with its public half once more. */
static void
legacy_import(void)
{
	struct buf private = unhex(spec_ed25519_private), out;
	const char *why = "";
	struct key a, b;

	key_import(buf_slice(&private), &a, &why);
	buf_init(&out, 128, NULL);
	put_bytes(&out, "\x08\x01\x12\x60", 4);
	put_bytes(&out, a.secret, 64);
	put_bytes(&out, a.secret + 32, 32);
	is_int(key_import(buf_slice(&out), &b, &why), 0, "96 bytes");
	is_bytes(&a, sizeof a, &b, sizeof b, "are the same key");
	for (size_t i = 4; i < out.n; i += 7) {
		out.p[i] ^= 1;
		is_int(key_import(buf_slice(&out), &b, &why), -1,
		    "a changed byte is found");
		is_text(why, "its public halves disagree", "and named");
		out.p[i] ^= 1;
	}
	out.p[3] = 0x5f;
	is_int(key_import(slice_of(out.p, out.n - 1), &b, &why), -1,
	    "95 bytes");
	is_text(why, "wrong length for an Ed25519 key", "why");
	out.p[1] = KEY_SECP256K1;
	is_int(key_import(slice_of(out.p, out.n - 1), &b, &why), -1, "type");
	is_text(why, "not an Ed25519 key", "why");
	is_int(key_import(slice_of(out.p, 3), &b, &why), -1, "cut");
	is_int(key_import(slice_of(NULL, 0), &b, &why), -1, "empty");
	buf_free(&private);
	buf_wipe(&out);
}

static int
verify(struct buf *public, struct buf *signature, const char **why)
{
	return key_verify(buf_slice(public), slice_text(message),
	    buf_slice(signature), why);
}

static void
foreign(void)
{
	static const struct {
		const char *name, *key, *signature, *why; /* NULL: verifies */
	} rows[] = {
		{ "RSA 2048", rsa_key, rsa_signature, NULL },
		{ "P-256", p256_key, p256_signature, NULL },
		{ "P-256 of the specification", spec_ecdsa,
		    spec_ecdsa_signature, NULL },
		{ "P-384", p384_key, p384_signature, NULL },
		{ "P-521", p521_key, p521_signature, NULL },
		{ "P-224", p224_key, p224_signature, "" },
		{ "secp256k1, low S", spec_secp256k1, secp256k1_low, NULL },
		{ "secp256k1, high S", spec_secp256k1, secp256k1_high,
		    "wrong signature" },
		{ "RSA key, P-256 signature", rsa_key, p256_signature,
		    "wrong signature" },
		{ "Ed25519 key, other signature", spec_ed25519, secp256k1_low,
		    "wrong signature" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf key = unhex(rows[i].key);
		struct buf signature = unhex(rows[i].signature);
		const char *why = NULL;
		int r = verify(&key, &signature, &why);

		is_int(r, rows[i].why ? -1 : 0, rows[i].name);
		if (r < 0 && rows[i].why && *rows[i].why)
			is_text(why, rows[i].why, "why");
		if (r == 0) {
			is_int(key_verify(buf_slice(&key),
			    slice_text("another"), buf_slice(&signature),
			    &why), -1, "another message");
		}
		buf_free(&key);
		buf_free(&signature);
	}
}

/* Every byte of key and signature counts. */
static void
tampered(const char *name, const char *key_hex, const char *signature_hex)
{
	struct buf key = unhex(key_hex), signature = unhex(signature_hex);
	unsigned passed = 0, cut = 0;
	const char *why;

	for (size_t i = 0; i < key.n; i++) {
		key.p[i] ^= 0x20;
		passed += verify(&key, &signature, &why) == 0;
		key.p[i] ^= 0x20;
	}
	for (size_t i = 0; i < signature.n; i++) {
		signature.p[i] ^= 0x20;
		passed += verify(&key, &signature, &why) == 0;
		signature.p[i] ^= 0x20;
	}
	is_int(passed, 0, name);
	for (size_t i = 0; i < signature.n; i++)
		cut += key_verify(buf_slice(&key), slice_text(message),
		    slice_of(signature.p, i), &why) == 0;
	for (size_t i = 0; i < key.n; i++)
		cut += key_verify(slice_of(key.p, i), slice_text(message),
		    buf_slice(&signature), &why) == 0;
	is_int(cut, 0, "nor cut short");
	buf_free(&key);
	buf_free(&signature);
}

static void
put_der(struct buf *out, uint8_t tag, struct slice body)
{
	put_u8(out, tag);
	if (body.n >= 0x100) {
		put_u8(out, 0x82);
		put_u16(out, (uint16_t)body.n);
	} else {
		if (body.n >= 0x80)
			put_u8(out, 0x81);
		put_u8(out, (uint8_t)body.n);
	}
	put_slice(out, body);
}

/* An integer of so many bits, all ones: odd, and no prime is needed. */
static void
put_ones(struct buf *out, size_t bits)
{
	struct buf number;

	buf_init(&number, MOST, NULL);
	put_u8(&number, bits % 8 ? (uint8_t)((1 << bits % 8) - 1) : 0);
	for (size_t i = 0; i < bits / 8; i++)
		put_u8(&number, 0xff);
	put_der(out, 0x02, buf_slice(&number));
	buf_free(&number);
}

/* A serialised PublicKey with an RSA key of any size. */
static struct buf
crafted_rsa(size_t bits, size_t exponent_bits)
{
	static const uint8_t rsa[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86,
		0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };
	struct buf numbers, string, inner, spki, pb;

	buf_init(&numbers, MOST, NULL);
	buf_init(&string, MOST, NULL);
	buf_init(&inner, MOST, NULL);
	buf_init(&spki, MOST, NULL);
	buf_init(&pb, MOST, NULL);
	put_ones(&numbers, bits);
	put_ones(&numbers, exponent_bits);
	put_u8(&string, 0);
	put_der(&string, 0x30, buf_slice(&numbers));
	put_bytes(&inner, rsa, sizeof rsa);
	put_der(&inner, 0x03, buf_slice(&string));
	put_der(&spki, 0x30, buf_slice(&inner));
	put_bytes(&pb, "\x08\x00\x12", 3);
	put_varint(&pb, spki.n);
	put_slice(&pb, buf_slice(&spki));
	buf_free(&numbers);
	buf_free(&string);
	buf_free(&inner);
	buf_free(&spki);
	return pb;
}

static void
rsa_limits(void)
{
	static const struct {
		size_t bits, exponent;
	} rows[] = {
		{ 1024, 17 },
		{ 2047, 17 },
		{ 8193, 17 },
		{ 8300, 17 },
		{ 16384, 17 },
		{ 100000, 17 },
		{ 8192, 8192 },
		{ 4096, 33 },
		{ 4096, 2048 },
		{ 2048, 1 },
	};
	static const uint8_t zeros[1024];
	const char *why = "";

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf pb = crafted_rsa(rows[i].bits, rows[i].exponent);
		clock_t before = clock();
		int r = key_verify(buf_slice(&pb), slice_text(message),
		    slice_of(zeros, sizeof zeros), &why);
		clock_t took = clock() - before;

		ok(r < 0 && strcmp(why, "wrong signature") != 0,
		    "RSA %zu bits, exponent %zu: %s", rows[i].bits,
		    rows[i].exponent, why);
		/* of the processor's time: others may be using it as well */
		ok(took < CLOCKS_PER_SEC / 4, "refused at once");
		buf_free(&pb);
	}
	for (size_t bits = KEY_RSA_LEAST; bits <= KEY_RSA_MOST; bits *= 2) {
		struct buf pb = crafted_rsa(bits, 17);

		key_verify(buf_slice(&pb), slice_text(message),
		    slice_of(zeros, bits / 8), &why);
		is_text(why, "wrong signature", "a size within the limits");
		buf_free(&pb);
	}
}

/* peer-ids, "Keys": minimal varints, tag order, all fields, no others. */
static void
canonical(void)
{
	static const struct {
		const char *name;
		const char *head, *tail;
	} rows[] = {
		{ "long varint", "088100" "1220", "" },
		{ "long length", "0801" "12a000", "" },
		{ "another field", "0801" "1220", "1801" },
		{ "type twice", "0801" "0801" "1220", "" },
		{ "no type", "1220", "" },
		{ "unknown type", "0804" "1220", "" },
		{ "huge type", "08ffffffff0f" "1220", "" },
	};
	uint8_t pb[KEY_PUBLIC_PB], signature[KEY_SIGNATURE];
	const char *why = "";
	struct key k;

	key_make(&k);
	key_public(&k, pb);
	key_sign(&k, slice_text(message), signature);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf odd = unhex(rows[i].head);
		struct buf tail = unhex(rows[i].tail);

		put_bytes(&odd, pb + 4, 32);
		put_slice(&odd, buf_slice(&tail));
		is_int(key_verify(buf_slice(&odd), slice_text(message),
		    slice_of(signature, 64), &why), -1, rows[i].name);
		buf_free(&odd);
		buf_free(&tail);
	}
	is_int(key_verify(slice_of(pb, sizeof pb), slice_text(message),
	    slice_of(signature, 64), &why), 0, "the one spelling");
}

int
main(void)
{
	published_ed25519();
	published_import();
	legacy_import();
	foreign();
	tampered("RSA", rsa_key, rsa_signature);
	tampered("P-256", p256_key, p256_signature);
	tampered("secp256k1", spec_secp256k1, secp256k1_low);
	rsa_limits();
	canonical();
	return tap_done();
}
