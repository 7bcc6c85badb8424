/* SPDX-License-Identifier: ISC
 *
 * Certificate and request files; and the input as a body with a good
 * signature, which is what a dishonest operator can make. */
#include "crypt/armor.h"
#include "crypt/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
read_both(struct slice text)
{
	static struct cert_chain chain;
	const struct cert_roots none = { 0 };
	struct cert_request request;
	const char *why = NULL;
	struct buf bytes;

	if (cert_read_chain(text, &chain, &why) == 0 &&
	    cert_verify(&chain, &none, 1800000000, &why) == 0)
		__builtin_trap();
	if (why == NULL)
		__builtin_trap();
	buf_init(&bytes, CERT_BODY_MAX, NULL);
	cert_read_request(text, &bytes, &request, &why);
	buf_free(&bytes);
}

static void
wrap(const struct envelope_kind *kind, struct slice body)
{
	static const uint8_t seed[32] = { 1 };
	struct buf envelope, text;
	struct key k;

	key_of_seed(&k, seed);
	buf_init(&envelope, 4096, NULL);
	buf_init(&text, 8192, NULL);
	envelope_seal(kind, &k, body, &envelope);
	armor_put("fuzz", buf_slice(&envelope), &text);
	read_both(buf_slice(&text));
	buf_free(&envelope);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in = slice_of(p, n < 2048 ? n : 2048);

	read_both(in);
	wrap(&cert_kind, in);
	wrap(&cert_request_kind, in);
	return 0;
}
