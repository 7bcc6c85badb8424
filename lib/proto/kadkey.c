/* SPDX-License-Identifier: ISC */
#include "proto/kadkey.h"

#include <sodium.h>

struct kadkey
kadkey_of(struct slice bytes)
{
	struct kadkey key;

	crypto_hash_sha256(key.b, bytes.p, bytes.n);
	return key;
}

unsigned
kadkey_common(const struct kadkey *a, const struct kadkey *b)
{
	unsigned bits, i = 0;

	while (i < sizeof a->b && a->b[i] == b->b[i])
		i++;
	bits = 8 * i;
	if (i < sizeof a->b)
		for (unsigned d = a->b[i] ^ b->b[i]; d < 0x80; d <<= 1)
			bits++;
	return bits;
}

int
kadkey_nearer(
    const struct kadkey *target, const struct kadkey *a, const struct kadkey *b)
{
	for (size_t i = 0; i < sizeof target->b; i++) {
		int x = target->b[i] ^ a->b[i], y = target->b[i] ^ b->b[i];

		if (x != y)
			return x - y;
	}
	return 0;
}

bool
kadkey_step(uint8_t place[32])
{
	for (size_t i = 32; i-- > 0;)
		if (++place[i] != 0)
			return true;
	return false;
}
