/* SPDX-License-Identifier: ISC
 *
 * The machine itself is compiled in, so that published vectors, whose payloads
 * are not libp2p's, go through the same code as handshakes do. */
#include "crypt/noise.c"

#include "t/tap.h"

#include <stdlib.h>

struct side {
	struct noise_self self;
	struct noise noise;
	struct buf out;
};

static size_t
unhex(const char *hex, uint8_t *out, size_t room)
{
	size_t n = 0;

	if (sodium_hex2bin(out, room, hex, strlen(hex), NULL, &n, NULL) != 0)
		abort();
	return n;
}

/* Noise_XX_25519_ChaChaPoly_SHA256 of the vectors that flynn/noise and others
 * share: static keys 00… and 01…, ephemeral 20… and 41…, no prologue. */
struct vector {
	const char *payload[3], *message[3];
};
static const struct vector vectors[] = {
	{ { "", "", "" },
	    { "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd16"
	      "6254",
		"64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d4"
		"84663414af878d3e46a2f58911a816d6e8346d4ea17a6f2a0bb4ef4ed56c"
		"133cff4560a34e36ea82109f26cf2e5a5caf992b608d55c747f615e5a342"
		"5a7a19eefb8f",
		"87f864c11ba449f46a0a4f4e2eacbb7b0457784f4fca1937f572c93603e9"
		"c4d97e5ea11b16f3968710b23a3be3202dc1b5e1ce3c963347491e74f5c0"
		"768a9b42" } },
	{ { "746573745f6d73675f30", "746573745f6d73675f31",
	      "746573745f6d73675f32" },
	    { "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd16"
	      "6254746573745f6d73675f30",
		"64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d4"
		"84663414af878d3e46a2f58911a816d6e8346d4ea17a6f2a0bb4ef4ed56c"
		"133cff4572e7a2ba5123ac30618b3d205f5c2d17f50cbca216483ac56bcc"
		"78e33bf520303278db641e5e731b2e3a",
		"87f864c11ba449f46a0a4f4e2eacbb7b0457784f4fca1937f572c93603e9"
		"c4d9f27e318e43ba630594c4d08eeb3b36d97c7377a2f4f9144b2f0c8095"
		"ad92140505b2ab53eff244b14138" } },
};
static const struct {
	const char *plain, *sealed;
} after[] = {
	{ "yellowsubmarine",
	    "a52ef02ba60e12696d1d6b9ef4245c88fca757b6134ad6e76b56e310a6adf6" },
	{ "submarineyellow",
	    "2445aa438ebd649281c636cc7269ca82f1d9023d72520943aeabf909cdf521" },
};

static void
count_from(uint8_t first, uint8_t out[32])
{
	for (uint8_t i = 0; i < 32; i++)
		out[i] = (uint8_t)(first + i);
}

static void
vector_side(struct side *s, bool initiator)
{
	uint8_t seed[32];

	count_from(initiator ? 0x00 : 0x01, seed);
	noise_self_make(&s->self, seed);
	count_from(initiator ? 0x20 : 0x41, seed);
	noise_init(&s->noise, initiator, &s->self, NULL, NULL, seed);
	buf_init(&s->out, 4096, NULL);
}

static void
vector_message(
    struct side *from, struct side *to, const struct vector *v, size_t i)
{
	uint8_t payload[64], want[256];
	size_t payload_n = unhex(v->payload[i], payload, sizeof payload);
	size_t n = unhex(v->message[i], want, sizeof want);
	struct slice got;

	is_int(write_message(&from->noise, xx[i], slice_of(payload, payload_n),
		   &from->out),
	    0, "vector: written");
	is_bytes(from->out.p + LENGTH, from->out.n - LENGTH, want, n,
	    "vector: the message");
	is_int(get_u16(&(struct slice){ from->out.p, 2, false }), n,
	    "vector: its length in front");
	is_int(
	    read_message(&to->noise, xx[i], want, n, &got), 0, "vector: read");
	is_bytes(got.p, got.n, payload, payload_n, "vector: the payload");
	buf_drop(&from->out, from->out.n);
}

static void
vector_after(struct side *from, struct side *to, size_t i)
{
	uint8_t p[15 + NOISE_TAG], want[sizeof p];

	unhex(after[i].sealed, want, sizeof want);
	memcpy(p, after[i].plain, 15);
	is_int(noise_seal(&from->noise.send, p, 15), 0, "vector: sealed");
	is_bytes(p, sizeof p, want, sizeof want, "vector: the frame");
	is_int(noise_open(&to->noise.recv, p, sizeof p), 0, "vector: opened");
	is_bytes(p, 15, after[i].plain, 15, "vector: the plaintext");
}

static void
test_vectors(void)
{
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		struct side a, b;

		vector_side(&a, true);
		vector_side(&b, false);
		vector_message(&a, &b, &vectors[i], 0);
		vector_message(&b, &a, &vectors[i], 1);
		vector_message(&a, &b, &vectors[i], 2);
		finish(&a.noise);
		finish(&b.noise);
		vector_after(&a, &b, 0);
		vector_after(&b, &a, 1);
		noise_wipe(&a.noise);
		noise_wipe(&b.noise);
		buf_free(&a.out);
		buf_free(&b.out);
	}
}

int
main(void)
{
	if (sodium_init() < 0)
		return 1;
	test_vectors();
	return tap_done();
}
