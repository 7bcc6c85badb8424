/* SPDX-License-Identifier: ISC */
#include "t/tap.h"

#include "crypt/envelope.h"

enum { MOST = 8192 };

static struct key alice;

/* RFC 0002, "Signature production": lengths are varints. */
static void
message(void)
{
	static const char want[] = "\x12" "libp2p-peer-record" "\x02\x03\x01"
	    "\x03" "abc";
	struct buf got;

	buf_init(&got, MOST, NULL);
	envelope_message(&envelope_record, slice_text("abc"), &got);
	is_bytes(got.p, got.n, want, sizeof want - 1, "what is signed");
	buf_free(&got);
	is_text(envelope_voucher.domain, "libp2p-relay-rsvp", "voucher");
	is_bytes(envelope_voucher.type.p, envelope_voucher.type.n, "\3\2", 2,
	    "type of a voucher");
}

static struct buf
sealed(const struct envelope_kind *kind, struct slice payload)
{
	struct buf out;

	buf_init(&out, MOST, NULL);
	envelope_seal(kind, &alice, payload, &out);
	return out;
}

static void
round_trip(void)
{
	static const struct envelope_kind *const kinds[] = {
		&envelope_record, &envelope_routing_state, &envelope_voucher,
	};
	struct slice payload;
	struct peerid signer, self = key_peerid(&alice);
	const char *why = "";

	for (size_t i = 0; i < 3; i++) {
		struct buf e = sealed(kinds[i], slice_text("payload"));

		for (size_t k = 0; k < 3; k++)
			is_int(envelope_open(kinds[k], buf_slice(&e), &payload,
			    &signer, &why), i == k ? 0 : -1,
			    "opens as its own kind only");
		is_int(envelope_open(kinds[i], buf_slice(&e), &payload,
		    &signer, &why), 0, "open");
		is_bytes(payload.p, payload.n, "payload", 7, "payload");
		ok(payload.p >= e.p && payload.p < e.p + e.n, "borrowed");
		ok(peerid_eq(&signer, &self), "signer");
		buf_free(&e);
	}
}

static void
tampered(void)
{
	struct buf e = sealed(&envelope_record, slice_text("payload"));
	struct slice payload;
	struct peerid signer;
	const char *why = "";
	unsigned opened = 0, cut = 0;

	for (size_t i = 0; i < e.n * 8; i++) {
		e.p[i / 8] ^= (uint8_t)(1 << i % 8);
		opened += envelope_open(&envelope_record, buf_slice(&e),
		    &payload, &signer, &why) == 0;
		e.p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	is_int(opened, 0, "no bit can be changed");
	for (size_t i = 0; i < e.n; i++)
		cut += envelope_open(&envelope_record, slice_of(e.p, i),
		    &payload, &signer, &why) == 0;
	is_int(cut, 0, "nor can it be cut");
	buf_free(&e);
}

/* The same type under another domain: a signature is good for one purpose. */
static void
domains(void)
{
	struct envelope_kind forged = envelope_record;
	struct slice payload;
	struct peerid signer;
	const char *why = "";
	struct buf e;

	forged.domain = "another-domain";
	e = sealed(&forged, slice_text("payload"));
	is_int(envelope_open(&envelope_record, buf_slice(&e), &payload,
	    &signer, &why), -1, "another domain");
	is_text(why, "wrong signature", "why");
	buf_free(&e);
}

static void
too_long(void)
{
	static uint8_t zeros[70000];
	struct slice payload;
	struct peerid signer;
	const char *why = "";
	struct buf e;

	buf_init(&e, 80000, NULL);
	envelope_seal(&envelope_record, &alice,
	    slice_of(zeros, sizeof zeros), &e);
	is_int(envelope_open(&envelope_record, buf_slice(&e), &payload,
	    &signer, &why), -1, "a payload of 70,000 bytes");
	is_text(why, "envelope too long", "why");
	buf_free(&e);
}

static struct buf
record_of(const struct peerid *id, size_t addresses)
{
	static const uint8_t maddr[] = { 4, 127, 0, 0, 1, 6, 0x0f, 0xa1 };
	const struct address_info info = {
		.has_multiaddr = true,
		.multiaddr = slice_of(maddr, sizeof maddr),
	};
	struct buf pb;

	buf_init(&pb, MOST, NULL);
	put_bytes(&pb, "\x0a", 1);
	put_varint(&pb, id->n);
	put_slice(&pb, peerid_bytes(id));
	put_bytes(&pb, "\x10\x07", 2);
	for (size_t i = 0; i < addresses; i++) {
		put_u8(&pb, 0x1a);
		pb_encode_framed(&address_info_desc, &info, &pb);
	}
	return pb;
}

static void
records(void)
{
	static struct peer_record record;
	struct peerid self = key_peerid(&alice), signer, stranger;
	struct buf pb = record_of(&self, 100), e;
	const char *why = "";
	struct key bob;

	e = sealed(&envelope_record, buf_slice(&pb));
	is_int(envelope_open_record(buf_slice(&e), &record, &signer, &why), 0,
	    "as go and js send it");
	is_int(record.seq, 7, "seq");
	is_int(record.n_addresses, 64, "addresses are bounded");
	ok(peerid_eq(&signer, &self), "signer");
	buf_free(&e);

	e = sealed(&envelope_routing_state, buf_slice(&pb));
	is_int(envelope_open_record(buf_slice(&e), &record, &signer, &why), 0,
	    "as rust sends it");
	buf_free(&e);

	e = sealed(&envelope_voucher, buf_slice(&pb));
	is_int(envelope_open_record(buf_slice(&e), &record, &signer, &why),
	    -1, "not a record");
	is_text(why, "envelope of another type", "why");
	buf_free(&e);
	buf_free(&pb);

	key_make(&bob);
	stranger = key_peerid(&bob);
	pb = record_of(&stranger, 1);
	e = sealed(&envelope_record, buf_slice(&pb));
	is_int(envelope_open_record(buf_slice(&e), &record, &signer, &why),
	    -1, "alice signs for bob");
	is_text(why, "peer record about somebody else", "why");
	buf_free(&e);
	buf_free(&pb);

	e = sealed(&envelope_record, slice_text("\x0a\x7f"));
	is_int(envelope_open_record(buf_slice(&e), &record, &signer, &why),
	    -1, "malformed record");
	buf_free(&e);
}

/* RSA and the others come through the same door: a key that is not canonical
 * is refused before its hash becomes somebody's peer id. */
static void
odd_keys(void)
{
	uint8_t public[KEY_PUBLIC_PB + 2], signature[KEY_SIGNATURE];
	struct buf m, e;
	struct slice payload;
	struct peerid signer;
	const char *why = "";

	buf_init(&m, MOST, NULL);
	buf_init(&e, MOST, NULL);
	key_public(&alice, public);
	public[KEY_PUBLIC_PB] = 0x18;
	public[KEY_PUBLIC_PB + 1] = 1;
	envelope_message(&envelope_record, slice_text("x"), &m);
	key_sign(&alice, buf_slice(&m), signature);
	envelope_wrap(&envelope_record, slice_of(public, sizeof public),
	    slice_text("x"), slice_of(signature, 64), &e);
	is_int(envelope_open(&envelope_record, buf_slice(&e), &payload,
	    &signer, &why), -1, "a key with a tail");
	is_text(why, "malformed public key", "why");
	buf_free(&m);
	buf_free(&e);
}

int
main(void)
{
	key_make(&alice);
	message();
	round_trip();
	tampered();
	domains();
	too_long();
	records();
	odd_keys();
	return tap_done();
}
