/* SPDX-License-Identifier: ISC
 *
 * The first byte says what the rest is: a key behind its length and a value; the
 * data of an IPNS record, or the payload of a value of our own, which are then
 * signed, so that what lies behind the signature is reached too; or the text of a
 * key. */
#include "crypt/envelope.h"
#include "proto/kadrec.h"

#include <stdlib.h>

enum { KEY_AND_VALUE, IPNS, OWN, TEXT, KINDS };
enum { MOST = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const char *const names[] = { "kn", NULL };

static void
must(bool good)
{
	if (!good)
		abort();
}

/* A text of a key gives the key back. */
static void
check_key(struct slice key)
{
	struct buf back = { .max = KAD_KEY };
	char text[KADREC_TEXT];

	kadrec_key_text(key, text);
	if (key.n == 0 || key.n > KAD_KEY) {
		must(*text == '\0');
		return;
	}
	must(kadrec_key_of_text(slice_text(text), &back) == 0);
	must(slice_eq(buf_slice(&back), key));
	buf_free(&back);
}

/* What is good is no better than itself, was good before, and is better or worse
 * than what is cut off it, but not both. */
static void
check_value(struct slice key, struct slice value)
{
	enum kadrec_fault fault = kadrec_check(names, key, value, 1000);
	struct slice half = slice_of(value.p, value.n / 2);

	must(fault < KADREC_FAULTS_N);
	if (fault != KADREC_GOOD)
		return;
	must(key.n <= KAD_KEY && value.n <= KAD_VALUE);
	must(kadrec_check(names, key, value, 0) == KADREC_GOOD);
	must(kadrec_better(key, value, value) == 0);
	must((kadrec_better(key, value, half) < 0) ==
	    (kadrec_better(key, half, value) > 0));
}

static void
seal_ipns(const struct key *k, struct slice data, struct buf *out)
{
	struct buf message = { .max = MOST };
	uint8_t signature[KEY_SIGNATURE];
	struct ipns_entry e = { .has_data = true, .data = data,
		.has_signature_v2 = true };

	put_text(&message, "ipns-signature:");
	put_slice(&message, data);
	key_sign(k, buf_slice(&message), signature);
	e.signature_v2 = slice_of(signature, sizeof signature);
	pb_encode(&ipns_entry_desc, &e, out);
	buf_free(&message);
}

static void
check_signed(uint8_t kind, struct slice in)
{
	static const uint8_t seed[32] = { 1 };
	struct buf key = { .max = MOST }, value = { .max = MOST };
	struct peerid id;
	struct key k;

	key_of_seed(&k, seed);
	id = key_peerid(&k);
	put_text(&key, kind == IPNS ? "/ipns/" : "/kn/");
	put_slice(&key, peerid_bytes(&id));
	if (kind == IPNS)
		seal_ipns(&k, in, &value);
	else
		envelope_seal(&envelope_value, &k, in, &value);
	check_value(buf_slice(&key), buf_slice(&value));
	buf_free(&key);
	buf_free(&value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in = slice_of(p, n), key;
	struct buf made = { .max = KAD_KEY };
	uint8_t kind = get_u8(&in) % KINDS;

	if (n == 0 || n > MOST / 2)
		return 0;
	switch (kind) {
	case KEY_AND_VALUE:
		key = get_bytes(&in, get_u8(&in));
		check_key(key);
		check_value(key, in);
		break;
	case TEXT:
		if (kadrec_key_of_text(in, &made) == 0)
			check_key(buf_slice(&made));
		buf_free(&made);
		break;
	default:
		check_signed(kind, in);
	}
	return 0;
}
