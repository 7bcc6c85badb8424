/* SPDX-License-Identifier: ISC */
#include "proto/ident.h"
#include "crypt/key.h"
#include "t/tap.h"
#include "wire/maddr.h"

#include <sodium.h>
#include <stdlib.h>

enum { MOST = 1 << 21 };

/* Two peers, and what the first says of itself. */
struct rig {
	struct key key, other;
	struct peerid peer;
	uint8_t public_key[KEY_PUBLIC_PB];
	struct maddr addr;
	struct buf record;
	struct buf out;
	struct ident_msg msg;
	struct ident id;
};

static void
seal(struct rig *r, const struct envelope_kind *kind, const struct key *signer,
    const struct peerid *about)
{
	static const uint8_t nowhere[] = { 0xff, 0x7f, 1 };
	struct peer_record rec = {
		.has_peer_id = true, .peer_id = peerid_bytes(about),
		.has_seq = true, .seq = 7,
		.n_addresses = 2,
		.addresses = {
			{ .has_multiaddr = true,
			    .multiaddr = { nowhere, sizeof nowhere } },
			{ .has_multiaddr = true,
			    .multiaddr = maddr_bytes(&r->addr) },
		},
	};
	struct buf payload = { .max = 4096 };

	buf_free(&r->record);
	r->record.max = 4096;
	pb_encode(&peer_record_desc, &rec, &payload);
	envelope_seal(kind, signer, buf_slice(&payload), &r->record);
	buf_free(&payload);
	r->msg.has_record = true;
	r->msg.record = buf_slice(&r->record);
}

static void
rig_init(struct rig *r)
{
	static const uint8_t one[32] = { 1 }, two[32] = { 2 };

	*r = (struct rig){ .out = { .max = MOST } };
	key_of_seed(&r->key, one);
	key_of_seed(&r->other, two);
	key_public(&r->key, r->public_key);
	r->peer = key_peerid(&r->key);
	maddr_of_text(slice_text("/ip4/192.0.2.1/tcp/4001"), &r->addr);
	r->msg = (struct ident_msg){
		.has_public_key = true,
		.public_key = slice_of(r->public_key, KEY_PUBLIC_PB),
		.n_addrs = 1, .addrs = { maddr_bytes(&r->addr) },
		.n_protocols = 2,
		.protocols = { slice_text("/a"), slice_text("/b") },
		.has_observed = true, .observed = maddr_bytes(&r->addr),
		.has_protocol_version = true,
		.protocol_version = slice_text("ipfs/0.1.0"),
		.has_agent = true, .agent = slice_text("kn/1"),
	};
	ident_init(&r->id, NULL);
}

static void
rig_free(struct rig *r)
{
	ident_free(&r->id);
	buf_free(&r->record);
	buf_free(&r->out);
}

/* Hear n bytes in pieces of that size. */
static int
hear(struct ident *id, struct slice in, size_t piece)
{
	while (in.n > 0)
		if (ident_hear(id, get_bytes(&in,
		    in.n < piece ? in.n : piece)) < 0)
			return -1;
	return 0;
}

/* Say msg as it stands, without ident_say's care, and read that. */
static int
read_raw(struct rig *r, size_t piece)
{
	ident_free(&r->id);
	ident_init(&r->id, NULL);
	buf_drop(&r->out, r->out.n);
	pb_encode_framed(&ident_msg_desc, &r->msg, &r->out);
	if (hear(&r->id, buf_slice(&r->out), piece) < 0)
		return -1;
	return ident_end(&r->id, &r->peer);
}

static int
read_text(struct rig *r, const void *bytes, size_t n)
{
	ident_free(&r->id);
	ident_init(&r->id, NULL);
	if (hear(&r->id, slice_of(bytes, n), n) < 0)
		return -1;
	return ident_end(&r->id, &r->peer);
}

static void
test_whole(void)
{
	struct rig r;
	struct ident_msg *m = &r.id.msg;

	rig_init(&r);
	seal(&r, &envelope_record, &r.key, &r.peer);
	for (size_t piece = 1; piece < 40; piece += 13) {
		ok(read_raw(&r, piece) == 0 && m->n_addrs == 1 &&
		    m->n_protocols == 2 && slice_is(m->protocols[1], "/b") &&
		    slice_eq(m->addrs[0], maddr_bytes(&r.addr)) &&
		    slice_is(m->agent, "kn/1") && m->has_observed &&
		    slice_is(m->protocol_version, "ipfs/0.1.0"),
		    "all fields, %zu bytes at a time", piece);
	}
	ok(r.id.certified && r.id.seq == 7 && m->has_record, "certified");
	ok(r.id.record.n_addresses == 1 && slice_eq(
	    r.id.record.addresses[0].multiaddr, maddr_bytes(&r.addr)),
	    "an address that is none is left out of the record");
	rig_free(&r);
}

static void
test_records(void)
{
	struct peerid other;
	struct rig r;

	rig_init(&r);
	other = key_peerid(&r.other);
	ok(read_raw(&r, 100) == 0 && !r.id.certified, "no record: fine");
	seal(&r, &envelope_routing_state, &r.key, &r.peer);
	ok(read_raw(&r, 100) == 0 && r.id.certified && r.id.seq == 7,
	    "rust's domain is taken");
	seal(&r, &envelope_record, &r.other, &other);
	ok(read_raw(&r, 100) == 0 && !r.id.certified && !r.id.msg.has_record &&
	    r.id.seq == 0 && r.id.record.n_addresses == 0,
	    "another peer's record is dropped");
	seal(&r, &envelope_record, &r.other, &r.peer);
	ok(read_raw(&r, 100) == 0 && !r.id.certified,
	    "and one about the peer by another");
	seal(&r, &envelope_record, &r.key, &other);
	ok(read_raw(&r, 100) == 0 && !r.id.certified,
	    "and one about another by the peer");
	seal(&r, &envelope_voucher, &r.key, &r.peer);
	ok(read_raw(&r, 100) == 0 && !r.id.certified,
	    "and what was signed for another purpose");
	seal(&r, &envelope_record, &r.key, &r.peer);
	r.record.p[r.record.n - 1] ^= 1;
	ok(read_raw(&r, 100) == 0 && !r.id.certified &&
	    r.id.msg.n_protocols == 2,
	    "a forged one is, and the message stays");
	r.msg.record = slice_text("garbage");
	ok(read_raw(&r, 100) == 0 && !r.id.certified, "garbage is");
	rig_free(&r);
}

static void
test_keys(void)
{
	uint8_t public_key[KEY_PUBLIC_PB];
	struct rig r;

	rig_init(&r);
	key_public(&r.other, public_key);
	r.msg.public_key = slice_of(public_key, sizeof public_key);
	ok(read_raw(&r, 100) < 0, "somebody else's public key is fatal");
	is_text(r.id.why, "somebody else's public key", "and said so");
	r.msg.public_key.n = 0;
	ok(read_raw(&r, 100) < 0, "so is an empty one");
	r.msg.has_public_key = false;
	ok(read_raw(&r, 100) == 0, "none is fine");
	rig_free(&r);
}

static void
test_chunks(void)
{
	struct ident_msg a = { .n_protocols = 1,
		.protocols = { slice_text("/a") },
		.has_agent = true, .agent = slice_text("old") };
	struct ident_msg b = { .n_protocols = 1,
		.protocols = { slice_text("/b") },
		.has_agent = true, .agent = slice_text("new") };
	struct buf in = { .max = MOST };
	struct rig r;

	rig_init(&r);
	seal(&r, &envelope_record, &r.key, &r.peer);
	b.has_record = true;
	b.record = r.msg.record;
	pb_encode_framed(&ident_msg_desc, &a, &in);
	pb_encode_framed(&ident_msg_desc, &b, &in);
	ok(read_text(&r, in.p, in.n) == 0 && r.id.msg.n_protocols == 2 &&
	    slice_is(r.id.msg.agent, "new") && r.id.certified,
	    "a second message adds, and replaces what is single");
	ok(read_text(&r, in.p, in.n - 1) < 0, "an end in the middle");
	is_text(r.id.why, "ends too early", "is too early");
	ok(read_text(&r, in.p, 0) < 0, "so is one before all");
	ok(read_text(&r, "\x80", 1) < 0, "and one in a length");

	buf_drop(&in, in.n);
	for (size_t i = 0; i < IDENT_CHUNKS; i++)
		pb_encode_framed(&ident_msg_desc, &a, &in);
	ok(read_text(&r, in.p, in.n) == 0 &&
	    r.id.msg.n_protocols == IDENT_CHUNKS, "ten messages");
	put_u8(&in, 0);
	ok(read_text(&r, in.p, in.n) < 0, "not eleven");
	is_text(r.id.why, "too many messages", "which are too many");
	ok(ident_hear(&r.id, slice_text("")) < 0 &&
	    ident_end(&r.id, &r.peer) < 0, "what failed has failed");
	rig_free(&r);
	buf_free(&in);
}

/* Lengths that lie, and bytes without end. */
static void
test_lengths(void)
{
	struct budget all = { .max = MOST };
	uint8_t *large = calloc(1, 100000);
	struct ident id;
	struct rig r;
	size_t heard = 0;

	rig_init(&r);
	ok(read_text(&r, "\xa0\x8d\x06", 3) < 0,
	    "100000 bytes are refused when they are announced");
	is_text(r.id.why, "announces too much", "and said so");
	ok(read_text(&r, "\x80\x80\x01", 3) < 0 &&
	    !strcmp(r.id.why, "ends too early"), "16384 may still come");
	ok(read_text(&r, "\x81\x80\x01", 3) < 0 &&
	    !strcmp(r.id.why, "announces too much"), "16385 may not");
	ok(read_text(&r, "\x80\0", 2) < 0, "a length that is not minimal");
	ok(read_text(&r, "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9) < 0,
	    "a length without end");

	ident_init(&id, &all);
	ok(ident_hear(&id, slice_of(large, 100000)) < 0 && all.used == 0,
	    "100000 bytes at once are not stored");
	is_text(id.why, "too long", "and said so");
	ident_free(&id);
	ident_init(&id, &all);
	large[0] = 0x80;
	large[1] = 0x80;
	large[2] = 1;
	while (heard < 100000 && ident_hear(&id,
	    slice_of(large + heard, 1000)) == 0)
		heard += 1000;
	ok(heard == 16000 && all.used <= IDENT_HEAR &&
	    !strcmp(id.why, "too long"),
	    "nor in pieces more than what is allowed");
	ident_free(&id);
	is_int(all.used, 0, "and all is given back");
	ident_init(&id, &all);
	large[1] = 0x40;
	large[0x2002] = 0x80; /* the next message's length: 8192 again */
	large[0x2003] = 0x40;
	ok(ident_hear(&id, slice_of(large, 0x2002)) == 0 &&
	    ident_hear(&id, slice_of(large + 0x2002, 1)) == 0 &&
	    ident_hear(&id, slice_of(large + 0x2002, 0x2002)) < 0 &&
	    !strcmp(id.why, "too long") && all.used <= 2 * IDENT_HEAR,
	    "messages before count");
	ident_free(&id);
	all.max = 100;
	ident_init(&id, &all);
	ok(ident_hear(&id, slice_of(large, 1000)) < 0 &&
	    !strcmp(id.why, "no memory"), "no budget, no message");
	ident_free(&id);
	free(large);
	rig_free(&r);
}

static void
test_garbage(void)
{
	uint8_t bytes[200];
	unsigned refused = 0;
	struct rig r;

	rig_init(&r);
	ok(read_text(&r, "\x01\x07", 2) < 0 &&
	    !strcmp(r.id.why, "malformed message"), "a tag of no kind");
	ok(read_text(&r, "\x04\x0a\x7fxy", 5) < 0, "a field beyond the end");
	ok(read_text(&r, "\x02\x18\x01", 3) < 0, "a number for a protocol");
	ok(read_text(&r, "\x03\xba\x3e\0", 4) == 0, "an unknown field is fine");
	ok(read_text(&r, "\0", 1) == 0 && r.id.msg.n_protocols == 0,
	    "and so is nothing, if it is said");
	for (unsigned i = 0; i < 500; i++) { /* 198 bytes each */
		for (size_t k = 0; k < sizeof bytes; k++)
			bytes[k] = (uint8_t)(rand() >> 5);
		bytes[0] = 0xc6;
		bytes[1] = 1;
		refused += read_text(&r, bytes, sizeof bytes) < 0;
	}
	is_int(refused, 500, "bytes at random");
	rig_free(&r);
}

/* What is well formed and useless: kept within bounds. */
static void
test_bounds(void)
{
	static const uint8_t unknown[] = { 0xff, 0x7f, 1 };
	static uint8_t text[5000];
	struct buf in = { .max = MOST };
	struct rig r;
	struct ident_msg *m = &r.id.msg;

	rig_init(&r);
	put_varint(&in, 1000 * 5);
	for (unsigned i = 0; i < 1000; i++)
		put_bytes(&in, "\x1a\3/xy", 5);
	ok(read_text(&r, in.p, in.n) == 0 && m->n_protocols == 256,
	    "of 1000 protocols 256 are kept");
	buf_drop(&in, in.n);
	put_varint(&in, 1000 * 10);
	for (unsigned i = 0; i < 1000; i++)
		put_bytes(&in, "\x12\x08\x04\x7f\0\0\1\x06\x0f\xa1", 10);
	ok(read_text(&r, in.p, in.n) == 0 && m->n_addrs == 64,
	    "of 1000 addresses 64");

	buf_drop(&in, in.n);
	put_varint(&in, 1000004);
	put_bytes(&in, "\x32\xc0\x84\x3d", 4);
	ok(read_text(&r, in.p, in.n) < 0 &&
	    !strcmp(r.id.why, "announces too much"),
	    "a megabyte of agent is refused at its length");
	memset(text, 'x', sizeof text);
	memcpy(text + IDENT_AGENT - 1, "\xe2\x82\xac", 3);
	r.msg.agent = slice_of(text, sizeof text);
	r.msg.protocol_version = slice_of(text, IDENT_AGENT + 2);
	ok(read_raw(&r, 1000) == 0 && m->agent.n == IDENT_AGENT - 1 &&
	    m->protocol_version.n == IDENT_AGENT - 1,
	    "5000 bytes of it are cut, not within a character");
	memset(text, 0x80, sizeof text);
	ok(read_raw(&r, 1000) == 0 && m->agent.n == 0,
	    "nor within what is none");

	r.msg.addrs[1] = slice_of(unknown, sizeof unknown);
	r.msg.addrs[2] = slice_of(unknown, 0);
	r.msg.addrs[3] = maddr_bytes(&r.addr);
	r.msg.n_addrs = 4;
	r.msg.observed = slice_of(unknown, sizeof unknown);
	r.msg.protocols[0] = slice_of(text, IDENT_NAME + 1);
	r.msg.protocols[1] = slice_of(text, 0);
	r.msg.protocols[2] = slice_of(text, IDENT_NAME);
	r.msg.n_protocols = 3;
	ok(read_raw(&r, 1000) == 0 && m->n_addrs == 2 &&
	    slice_eq(m->addrs[1], maddr_bytes(&r.addr)),
	    "addresses that are none are left out");
	ok(!m->has_observed && m->observed.n == 0, "observed or not");
	ok(m->n_protocols == 1 && m->protocols[0].n == IDENT_NAME,
	    "and names too long or empty");
	rig_free(&r);
	buf_free(&in);
}

static bool
says(struct rig *r)
{
	struct slice s;
	size_t n;

	buf_drop(&r->out, r->out.n);
	ident_say(&r->msg, &r->out);
	s = buf_slice(&r->out);
	n = (size_t)get_varint(&s);
	return !r->out.bad && n == s.n && r->out.n < IDENT_SAY &&
	    read_text(r, r->out.p, r->out.n) == 0;
}

static void
test_say(void)
{
	static uint8_t text[5000];
	struct rig r;
	struct ident_msg *m = &r.id.msg;

	rig_init(&r);
	memset(text, 'x', sizeof text);
	seal(&r, &envelope_record, &r.key, &r.peer);
	ok(says(&r) && m->n_addrs == 1 && m->n_protocols == 2 &&
	    r.id.certified && m->has_observed, "what we say can be read");

	for (size_t i = 0; i < 64; i++)
		r.msg.addrs[i] = maddr_bytes(&r.addr);
	r.msg.n_addrs = 64;
	for (size_t i = 0; i < 256; i++)
		r.msg.protocols[i] = slice_text("/protocol/x");
	r.msg.n_protocols = 256;
	ok(says(&r) && m->n_protocols == 256 && m->n_addrs > 0 &&
	    m->n_addrs < 64, "addresses are left out first");
	for (size_t i = 0; i < 256; i++)
		r.msg.protocols[i] = slice_of(text, 200);
	ok(says(&r) && m->n_addrs == 0 && m->n_protocols > 10 &&
	    m->n_protocols < 256, "then protocols");
	ok(r.out.n > IDENT_SAY - 300, "and no more than needed");
	ok(m->has_public_key && r.id.certified &&
	    slice_is(m->agent, "kn/1") && m->has_observed,
	    "key, record and agent stay");
	r.msg.agent = slice_of(text, sizeof text);
	r.msg.protocol_version = slice_of(text, sizeof text);
	ok(says(&r) && m->agent.n == IDENT_AGENT && r.id.certified,
	    "a long agent is cut");
	r.msg.record = slice_of(text, sizeof text);
	ok(says(&r) && !m->has_record && m->n_protocols > 10 &&
	    m->has_public_key,
	    "a record that leaves no room for the rest goes");
	rig_free(&r);
}

int
main(void)
{
	if (sodium_init() < 0)
		return 111;
	test_whole();
	test_records();
	test_keys();
	test_chunks();
	test_lengths();
	test_garbage();
	test_bounds();
	test_say();
	return tap_done();
}
