/* SPDX-License-Identifier: ISC
 *
 * Envelopes as peers send them; and the input as the payload of a good one, so
 * that what lies behind the signature is reached too. */
#include "crypt/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t seed[32] = { 1 };
	static struct peer_record record;
	struct slice in = slice_of(p, n < 4096 ? n : 4096);
	struct peerid signer, self;
	const char *why = NULL;
	struct buf e;
	struct key k;

	if (envelope_open_record(in, &record, &signer, &why) < 0 &&
	    why == NULL)
		__builtin_trap();
	key_of_seed(&k, seed);
	self = key_peerid(&k);
	buf_init(&e, 8192, NULL);
	envelope_seal(&envelope_record, &k, in, &e);
	why = NULL;
	if (envelope_open_record(buf_slice(&e), &record, &signer, &why) < 0) {
		if (why == NULL)
			__builtin_trap();
	} else if (!peerid_eq(&signer, &self)) {
		__builtin_trap();
	}
	buf_free(&e);
	return 0;
}
