/* SPDX-License-Identifier: ISC
 *
 * The first byte chooses who is fed (bit 0: the initiator), whether a responder
 * has had message 1 already (bit 1), and whether the bytes are frames or, bit
 * 2, the payload of an honest peer's next message: so that random bytes reach
 * the code behind the ciphers too. */
#include "crypt/noise.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { INITIATOR = 1, AFTER_E = 2, SEALED = 4 };

static const char *const muxers[] = { "/yamux/1.0.0", "/mplex/6.7.0", NULL };

struct side {
	struct noise_self self;
	struct noise noise;
	struct buf out;
};

static void
side_open(struct side *s, bool initiator)
{
	uint8_t seed[32] = { initiator ? 1 : 2 };
	struct key key;

	key_of_seed(&key, seed);
	noise_self_make(&s->self, seed);
	noise_self_sign(&s->self, &key);
	seed[1] = 7;
	noise_init(&s->noise, initiator, &s->self, muxers, NULL, seed);
	buf_init(&s->out, 1 << 16, NULL);
}

static void
side_close(struct side *s)
{
	noise_wipe(&s->noise);
	buf_free(&s->out);
}

/* What from has sent, taken by to without answering, and to's own message i
 * with this payload. */
static void
say(struct side *from, struct side *to, size_t i, struct slice payload)
{
	struct slice got;

	if (read_message(&to->noise, xx[i - 1], from->out.p + LENGTH,
		from->out.n - LENGTH, &got) < 0)
		abort();
	write_message(&to->noise, xx[i], payload, &to->out);
}

static void
drain(struct side *to, struct slice in)
{
	size_t before;
	int r;

	do {
		before = in.n;
		r = noise_step(&to->noise, &in, &to->out);
	} while (r == 0 && in.n < before);
}

static void
feed_initiator(struct side *a, struct side *b, uint8_t how, struct slice in)
{
	if (how & SEALED) {
		say(a, b, 1, in);
		in = buf_slice(&b->out);
	}
	drain(a, in);
}

static void
feed_responder(struct side *a, struct side *b, uint8_t how, struct slice in)
{
	if (how & (AFTER_E | SEALED))
		drain(b, buf_slice(&a->out));
	if (how & SEALED) {
		buf_drop(&a->out, a->out.n);
		say(b, a, 2, in);
		in = buf_slice(&a->out);
	}
	drain(b, in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in, none = slice_of(NULL, 0);
	struct side a, b;

	if (sodium_init() < 0)
		abort();
	if (n == 0 || n > 1 << 15)
		return 0;
	side_open(&a, true);
	side_open(&b, false);
	noise_step(&a.noise, &none, &a.out);
	in = slice_of(p + 1, n - 1);
	if (p[0] & INITIATOR)
		feed_initiator(&a, &b, p[0], in);
	else
		feed_responder(&a, &b, p[0], in);
	/* nobody gets through without the secrets */
	if (!(p[0] & SEALED) &&
	    (a.noise.state == NOISE_DONE || b.noise.state == NOISE_DONE))
		abort();
	side_close(&a);
	side_close(&b);
	return 0;
}
