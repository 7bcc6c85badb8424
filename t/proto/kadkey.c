/* SPDX-License-Identifier: ISC */
#include "proto/kadkey.h"
#include "t/tap.h"

static void
hashes(void)
{
	/* FIPS 180-4, "abc" and the empty message */
	static const uint8_t abc[32] =
	    "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
	    "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad";
	static const uint8_t none[32] =
	    "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24"
	    "\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55";
	struct kadkey key = kadkey_of(slice_text("abc"));

	is_bytes(key.b, 32, abc, 32, "the SHA-256 of the bytes");
	key = kadkey_of((struct slice){ 0 });
	is_bytes(key.b, 32, none, 32, "of no bytes as well");
}

/* Every number of bits that two keys can share. */
static void
common(void)
{
	struct kadkey a = kadkey_of(slice_text("a")), b = a;
	bool all = true, both = true;

	is_int(
	    kadkey_common(&a, &b), KADKEY_BITS, "a key shares all with itself");
	for (unsigned bit = 0; bit < KADKEY_BITS; bit++) {
		b = a;
		b.b[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
		all = all && kadkey_common(&a, &b) == bit;
		for (unsigned i = bit + 1; i < KADKEY_BITS; i++)
			b.b[i / 8] ^= (uint8_t)(0x80u >> i % 8);
		both = both && kadkey_common(&b, &a) == bit;
	}
	ok(all, "the first bit that differs ends what is common");
	ok(both, "whatever follows it");
}

static void
nearer(void)
{
	struct kadkey target = { { 0xf0, 1 } }, a = target, b = target;
	int first, last;

	is_int(kadkey_nearer(&target, &a, &b), 0, "a key is as near as itself");
	a.b[31] = 1;
	ok(kadkey_nearer(&target, &a, &b) > 0,
	    "the target is nearest to itself");
	ok(kadkey_nearer(&target, &b, &a) < 0, "from the other side as well");
	b.b[31] = 0x80;
	ok(kadkey_nearer(&target, &a, &b) < 0, "bytes are unsigned");

	/* distance, not value: 0x0f.. is numerically nearer to 0 */
	a = (struct kadkey){ { 0x0f } };
	b = (struct kadkey){ { 0xff } };
	ok(kadkey_nearer(&target, &a, &b) > 0, "the distance is XOR");
	a = (struct kadkey){ { 0xf0, 3, 0xff } };
	b = (struct kadkey){ { 0xf1, 1, 0 } };
	first = kadkey_nearer(&target, &a, &b);
	last = kadkey_nearer(&target, &b, &a);
	ok(first < 0 && last > 0, "the first byte that differs decides");
}

static void
steps(void)
{
	uint8_t place[32] = { 0 }, want[32] = { 0 };

	place[31] = 0xff;
	want[30] = 1;
	ok(kadkey_step(place), "there is a next place");
	is_bytes(place, 32, want, 32, "which is greater by one");
	for (size_t i = 0; i < 32; i++)
		place[i] = 0xff;
	ok(!kadkey_step(place), "and none behind the last");
}

int
main(void)
{
	hashes();
	common();
	nearer();
	steps();
	return tap_done();
}
