/* SPDX-License-Identifier: ISC
 *
 * The machine itself is compiled in, so that a peer can be played who says what
 * no machine would.  Published vectors are in noisevec.c. */
#include "crypt/noise.c"

#include "t/tap.h"

static const char *const yamux[] = { "/yamux/1.0.0", NULL };

struct side {
	struct key key;
	struct noise_self self;
	struct noise noise;
	struct buf out;
};

static void
side_open(struct side *s, bool initiator, uint8_t seed,
    const char *const *muxers, const struct peerid *want)
{
	uint8_t bytes[32];

	memset(bytes, seed, sizeof bytes);
	key_of_seed(&s->key, bytes);
	bytes[0]++;
	noise_self_make(&s->self, bytes);
	noise_self_sign(&s->self, &s->key);
	bytes[1]++;
	noise_init(&s->noise, initiator, &s->self, muxers, want, bytes);
	buf_init(&s->out, 1 << 16, NULL);
}

static void
side_close(struct side *s)
{
	noise_wipe(&s->noise);
	noise_self_wipe(&s->self);
	key_wipe(&s->key);
	buf_free(&s->out);
}

static void
pair_open(struct side *a, struct side *b)
{
	side_open(a, true, 1, yamux, NULL);
	side_open(b, false, 101, yamux, NULL);
}

static void
pair_close(struct side *a, struct side *b)
{
	side_close(a);
	side_close(b);
}

/* Feed what from said to to, cut at the places where cut says.  The last
 * answer of to's machine is returned. */
static int
feed(struct side *from, struct side *to, size_t cut)
{
	struct buf kept;
	int r = 0;

	buf_init(&kept, 1 << 16, NULL);
	while (from->out.n > 0 && r == 0) {
		size_t piece =
		    cut == 0 || cut > from->out.n ? from->out.n : cut;
		struct slice in;

		put_bytes(&kept, from->out.p, piece);
		buf_drop(&from->out, piece);
		in = buf_slice(&kept);
		r = noise_step(&to->noise, &in, &to->out);
		buf_drop(&kept, kept.n - in.n);
	}
	if (r == 0 && kept.n > 0)
		r = -2; /* bytes that nobody wanted */
	buf_free(&kept);
	return r;
}

static int
start(struct side *a)
{
	struct slice none = slice_of(NULL, 0);

	return noise_step(&a->noise, &none, &a->out);
}

/* The three messages; 1 when both are done. */
static int
shake(struct side *a, struct side *b, size_t cut)
{
	int r;

	if (start(a) != 0)
		return -1;
	if ((r = feed(a, b, cut)) != 0)
		return r;
	if ((r = feed(b, a, cut)) != 1)
		return r;
	return feed(a, b, cut);
}

static bool
talks(struct side *a, struct side *b)
{
	uint8_t p[5 + NOISE_TAG] = "hello";
	bool good;

	good = noise_seal(&a->noise.send, p, 5) == 0 &&
	       memcmp(p, "hello", 5) != 0 &&
	       noise_open(&b->noise.recv, p, sizeof p) == 0 &&
	       memcmp(p, "hello", 5) == 0;
	return good && noise_seal(&b->noise.send, p, 0) == 0 &&
	       noise_open(&a->noise.recv, p, NOISE_TAG) == 0;
}

static void
test_handshake(void)
{
	struct side a, b;
	struct peerid id;

	pair_open(&a, &b);
	id = key_peerid(&b.key);
	a.noise.want = id;
	is_int(shake(&a, &b, 0), 1, "a handshake");
	ok(peerid_eq(&a.noise.peer, &id), "the initiator knows its peer");
	id = key_peerid(&a.key);
	ok(peerid_eq(&b.noise.peer, &id), "the responder knows its peer");
	is_bytes(a.noise.peer_key, a.noise.peer_key_n, b.self.identity,
	    KEY_PUBLIC_PB, "and its key");
	ok(a.noise.muxer == yamux[0] && b.noise.muxer == yamux[0],
	    "the muxer is agreed");
	ok(talks(&a, &b) && talks(&b, &a), "frames pass both ways");
	ok(sodium_is_zero(a.noise.e_secret, 32) &&
		sodium_is_zero(b.noise.ck, 32) && sodium_is_zero(b.noise.k, 32),
	    "what is no longer needed is wiped");
	is_int(start(&a), -1, "a step after the end fails");
	ok(a.noise.why != NULL, "and says why");
	noise_wipe(&a.noise);
	noise_wipe(&a.noise);
	ok(sodium_is_zero(a.noise.send.key, 32), "wiped, twice");
	pair_close(&a, &b);
}

static void
test_pieces(void)
{
	bool good = true;

	/* the longest message is shorter than this */
	for (size_t cut = 1; cut < 300; cut++) {
		struct side a, b;

		pair_open(&a, &b);
		good = good && shake(&a, &b, cut) == 1 && talks(&a, &b);
		pair_close(&a, &b);
	}
	ok(good, "every size of pieces, from one byte");
}

/* Cut the nth message in two at every place. */
static void
test_splits(void)
{
	bool good = true;

	for (size_t at = 0; at < 300; at++) {
		struct side a, b;
		struct slice in, rest;

		pair_open(&a, &b);
		start(&a);
		feed(&a, &b, 0);
		rest = buf_slice(&b.out);
		in = slice_of(rest.p, at < rest.n ? at : rest.n - 1);
		good = good && noise_step(&a.noise, &in, &a.out) == 0 &&
		       a.out.n == 0 &&
		       noise_step(&a.noise, &rest, &a.out) == 1 &&
		       rest.n == 0 && feed(&a, &b, at) == 1;
		pair_close(&a, &b);
	}
	ok(good, "a split anywhere");
}

/* Bytes behind the last message are the session's and stay. */
static void
test_rest(void)
{
	struct side a, b;
	struct slice in;

	pair_open(&a, &b);
	start(&a);
	feed(&a, &b, 0);
	feed(&b, &a, 0);
	put_text(&a.out, "session");
	in = buf_slice(&a.out);
	is_int(noise_step(&b.noise, &in, &b.out), 1, "done");
	ok(slice_is(in, "session"), "later bytes are left");
	pair_close(&a, &b);
}

static bool
tampering_fails(size_t message, size_t at, uint8_t flip)
{
	struct side a, b, *from = &a, *to = &b;
	int r = 0, other = 0;

	pair_open(&a, &b);
	start(&a);
	for (size_t i = 0; i < message; i++) {
		r = feed(from, to, 0);
		from = from == &a ? &b : &a;
		to = to == &a ? &b : &a;
	}
	if (at < from->out.n) {
		from->out.p[at] ^= flip;
		r = feed(from, to, 0);
		if (r == 0) /* the first message: the next must not open */
			other = feed(to, from, 0);
	} else {
		r = -1;
	}
	pair_close(&a, &b);
	return r != 1 && other != 1;
}

static void
test_tampering(void)
{
	static const uint8_t flips[] = { 0x01, 0x80, 0xff };
	bool good = true;

	for (size_t message = 0; message < 3; message++)
		for (size_t at = 0; at < 300; at++)
			for (size_t f = 0; f < sizeof flips; f++)
				good = good &&
				       tampering_fails(message, at, flips[f]);
	ok(good, "no byte of any message can be changed");
}

static void
test_wrong_peer(void)
{
	struct side a, b;

	pair_open(&a, &b);
	a.noise.want = key_peerid(&a.key);
	is_int(shake(&a, &b, 0), -1, "another peer than the one wanted");
	is_text(a.noise.why, "the peer is not the one that was wanted",
	    "and says so");
	is_int(a.out.n, 0, "and does not tell it who we are");
	is_int(start(&a), -1, "a failed machine stays so");
	pair_close(&a, &b);

	/* a signature that belongs to another static key */
	pair_open(&a, &b);
	memcpy(b.self.signature, a.self.signature, KEY_SIGNATURE);
	is_int(shake(&a, &b, 0), -1, "a borrowed signature");
	ok(a.noise.why != NULL, "has a reason");
	pair_close(&a, &b);

	pair_open(&a, &b);
	a.self.signature[5] ^= 4;
	is_int(shake(&a, &b, 0), -1, "the initiator's signature is checked");
	is_int(b.noise.state, NOISE_FAILED, "by the responder");
	pair_close(&a, &b);
}

/* Keys that make the shared secret all zero bytes. */
static void
test_zero_keys(void)
{
	static const uint8_t zero[34] = { 0, 32 };
	struct side a, b;
	struct slice in = slice_of(zero, sizeof zero);

	pair_open(&a, &b);
	is_int(noise_step(&b.noise, &in, &b.out), -1, "e of zeros, message 1");
	pair_close(&a, &b);

	pair_open(&a, &b);
	start(&a);
	feed(&a, &b, 0);
	memset(b.out.p + LENGTH, 0, 32);
	is_int(feed(&b, &a, 0), -1, "e of zeros, message 2");
	is_text(a.noise.why, "the peer's key leads to an all-zero secret",
	    "for that reason");
	pair_close(&a, &b);

	pair_open(&a, &b);
	memset(b.self.public, 0, 32);
	is_int(shake(&a, &b, 0), -1, "s of zeros, message 2");
	is_text(a.noise.why, "the peer's key leads to an all-zero secret",
	    "for that reason");
	pair_close(&a, &b);

	pair_open(&a, &b);
	memset(a.self.public, 0, 32);
	is_int(shake(&a, &b, 0), -1, "s of zeros, message 3");
	is_text(b.noise.why, "the peer's key leads to an all-zero secret",
	    "for that reason");
	pair_close(&a, &b);
}

static int
first_message(size_t length, size_t given)
{
	static uint8_t p[LENGTH + NOISE_FRAME];
	struct slice in = slice_of(p, given);
	struct side a, b;
	int r;

	pair_open(&a, &b);
	memset(p, 9, sizeof p);
	p[0] = (uint8_t)(length >> 8);
	p[1] = (uint8_t)length;
	r = noise_step(&b.noise, &in, &b.out);
	pair_close(&a, &b);
	return r;
}

static void
test_sizes(void)
{
	is_int(first_message(32, 34), 0, "e alone");
	is_int(first_message(31, 33), -1, "less than e");
	is_int(first_message(0, 2), -1, "an empty frame");
	is_int(first_message(40, 42), 0, "a payload is ignored");
	is_int(first_message(NOISE_HELLO_MAX, LENGTH + NOISE_HELLO_MAX), 0,
	    "as long as allowed");
	is_int(first_message(NOISE_HELLO_MAX + 1, LENGTH), -1,
	    "longer: refused before it has come");
	is_int(first_message(NOISE_FRAME, LENGTH), -1, "the longest");
	is_int(first_message(32, 1), 0, "half a length");
}

static void
test_no_room(void)
{
	struct side a, b;

	pair_open(&a, &b);
	a.out.max = 33;
	is_int(start(&a), -1, "no room for our message");
	pair_close(&a, &b);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NONE      NULL
#define NO        "-"

static void
test_muxers(void)
{
	const struct {
		const char *what;
		const char *const *ours, *const *theirs;
		const char *want; /* NO: fails */
	} rows[] = {
		{ "one each", LIST("y"), LIST("y"), "y" },
		{ "the initiator's order", LIST("a", "b"), LIST("b", "a"),
		    "a" },
		{ "the first in common", LIST("x", "b"), LIST("a", "b"), "b" },
		{ "nothing in common", LIST("a"), LIST("b"), NO },
		{ "the responder has none", LIST("a"), NONE, NULL },
		{ "the initiator has none", NONE, LIST("a"), NULL },
		{ "neither has", NONE, NONE, NULL },
		{ "a prefix is not the same", LIST("ab"), LIST("a"), NO },
		{ "only four are offered", LIST("1", "2", "3", "4", "5"),
		    LIST("5"), NO },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *want = rows[i].want;
		bool fails = want && strcmp(want, NO) == 0;
		struct side a, b;
		int r;

		side_open(&a, true, 1, rows[i].ours, NULL);
		side_open(&b, false, 7, rows[i].theirs, NULL);
		r = shake(&a, &b, 0);
		is_int(r, fails ? -1 : 1, rows[i].what);
		if (!fails) {
			is_text(a.noise.muxer, want, "the initiator agrees");
			is_text(b.noise.muxer, want, "the responder agrees");
		}
		pair_close(&a, &b);
	}
}

/* The initiator's payload put together by hand. */
static int
shake_with(struct slice payload, struct side *a, struct side *b)
{
	struct slice got;
	int r;

	pair_open(a, b);
	start(a);
	feed(a, b, 0);
	r = read_message(
	    &a->noise, xx[1], b->out.p + LENGTH, b->out.n - LENGTH, &got);
	if (r == 0)
		r = write_message(&a->noise, xx[2], payload, &a->out);
	return r == 0 ? feed(a, b, 0) : r;
}

static int
shake_muxers(size_t n, struct side *a, struct side *b)
{
	struct buf payload, ext;
	int r;

	pair_open(a, b); /* the same keys as in shake_with */
	buf_init(&payload, 4096, NULL);
	buf_init(&ext, 4096, NULL);
	a->noise.muxers = NULL;
	put_payload(&a->noise, &payload);
	for (size_t i = 0; i < n; i++) {
		const char *muxer = i == 0 ? yamux[0] : "/no";

		put_u8(&ext, 2 << 3 | 2);
		put_varint(&ext, strlen(muxer));
		put_text(&ext, muxer);
	}
	put_u8(&payload, 4 << 3 | 2);
	put_varint(&payload, ext.n);
	put_slice(&payload, buf_slice(&ext));
	pair_close(a, b);
	r = shake_with(buf_slice(&payload), a, b);
	buf_free(&payload);
	buf_free(&ext);
	return r;
}

static void
test_payloads(void)
{
	struct side a, b;

	is_int(shake_muxers(100, &a, &b), 1, "a hundred muxers");
	is_text(b.noise.muxer, yamux[0], "are looked through");
	pair_close(&a, &b);
	is_int(shake_muxers(101, &a, &b), 1, "a hundred and one");
	is_text(b.noise.muxer, NULL, "are no list");
	pair_close(&a, &b);
	is_int(shake_muxers(0, &a, &b), 1, "an empty list");
	is_text(b.noise.muxer, NULL, "is no list");
	pair_close(&a, &b);

	is_int(shake_with(slice_text(""), &a, &b), -1, "an empty payload");
	is_text(b.noise.why, "the peer does not say who it is", "says nothing");
	pair_close(&a, &b);
	is_int(shake_with(slice_text("\x0a\x7f"), &a, &b), -1,
	    "a malformed payload");
	pair_close(&a, &b);
}

static void
test_cipher(void)
{
	static uint8_t p[NOISE_FRAME], was[NOISE_FRAME];
	struct noise_cipher s = { .key = { 1 } }, r = s;

	memset(p, 0x55, NOISE_PLAIN);
	is_int(noise_seal(&s, p, NOISE_PLAIN), 0, "the longest frame");
	memcpy(was, p, sizeof p);
	is_int(noise_open(&r, p, sizeof p), 0, "opens");
	ok(p[0] == 0x55 && p[NOISE_PLAIN - 1] == 0x55, "to what it was");
	is_int(noise_open(&r, was, sizeof was), -1, "a replay does not");
	is_int(r.nonce, 1, "and costs no nonce");
	is_int(noise_open(&r, p, NOISE_TAG - 1), -1, "less than a tag");
	is_int(noise_open(&r, p, 0), -1, "nothing");

	s.nonce = r.nonce = UINT64_MAX - 1;
	is_int(noise_seal(&s, p, 10), 0, "the last nonce");
	is_int(noise_open(&r, p, 10 + NOISE_TAG), 0, "is good");
	is_int(noise_seal(&s, p, 10), -1, "after it nothing is sent");
	is_int(noise_open(&r, p, 10 + NOISE_TAG), -1, "nor taken");
	ok(s.nonce == UINT64_MAX, "and it does not wrap");
	noise_cipher_free(&s);
	noise_cipher_free(&r);
}

static void
test_cipher_tampering(void)
{
	bool good = true;

	for (size_t at = 0; at < 64 + NOISE_TAG; at++) {
		struct noise_cipher s = { .key = { 2 } }, r = s;
		uint8_t p[64 + NOISE_TAG] = { 0 };

		noise_seal(&s, p, 64);
		p[at] ^= 1;
		good = good && noise_open(&r, p, sizeof p) == -1;
		noise_cipher_free(&s);
		noise_cipher_free(&r);
	}
	ok(good, "no byte of a frame can be changed");
}

int
main(void)
{
	if (sodium_init() < 0)
		return 1;
	test_handshake();
	test_pieces();
	test_splits();
	test_rest();
	test_tampering();
	test_wrong_peer();
	test_zero_keys();
	test_sizes();
	test_no_room();
	test_muxers();
	test_payloads();
	test_cipher();
	test_cipher_tampering();
	return tap_done();
}
