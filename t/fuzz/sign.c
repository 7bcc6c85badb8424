/* SPDX-License-Identifier: ISC
 *
 * A question as kn-signd gets it, and the statement made of it: whatever is
 * agreed to begins as its kind has to. */
#include "crypt/sign.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const char *const begins[SIGN_KINDS] = {
	[SIGN_WHO] = "",
	[SIGN_NOISE] = "noise-libp2p-static-key:",
	[SIGN_TLS] = "libp2p-tls-handshake:",
	[SIGN_RECORD] = "\x12"
			"libp2p-peer-record",
	[SIGN_VOUCHER] = "\x11"
			 "libp2p-relay-rsvp",
	[SIGN_REQUEST] = "",
};

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t seed[32];
	struct sign_question q;
	struct buf out;
	const char *why = NULL;
	struct key key;
	struct peerid self;

	if (n > SIGN_MAX ||
	    pb_decode(&sign_question_desc, slice_of(p, n), &q, NULL) < 0)
		return 0;
	key_of_seed(&key, seed);
	self = key_peerid(&key);
	buf_init(&out, SIGN_MAX, NULL);
	if (sign_message(q.kind, q.body, &self, &out, &why) < 0) {
		if (!why)
			abort();
	} else {
		size_t front = strlen(begins[q.kind]);

		if (out.n < front ||
		    (front > 0 && memcmp(out.p, begins[q.kind], front) != 0))
			abort();
	}
	buf_free(&out);
	return 0;
}
