/* SPDX-License-Identifier: ISC
 *
 * Public keys and signatures as peers send them: the first two bytes say how
 * long the key is, then key and signature; also a private key to import. */
#include "crypt/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in = slice_of(p, n < 4096 ? n : 4096), public;
	const char *why = NULL;
	struct key k;
	size_t length;

	if (key_import(in, &k, &why) == 0) {
		struct buf out;

		buf_init(&out, 256, NULL);
		key_export(&k, &out);
		if (out.bad)
			__builtin_trap();
		buf_wipe(&out);
	} else if (why == NULL) {
		__builtin_trap();
	}
	length = get_u16(&in);
	public = get_bytes(&in, length < in.n ? length : in.n);
	why = NULL;
	if (key_verify(public, slice_text("message"), in, &why) < 0 &&
	    why == NULL)
		__builtin_trap();
	return 0;
}
