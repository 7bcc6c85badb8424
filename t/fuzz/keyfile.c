/* SPDX-License-Identifier: ISC
 *
 * Key files: the text itself, and the input as what stands inside one.  The
 * master key is not tried, because Argon2id would be all that is measured. */
#include "crypt/armor.h"
#include "crypt/keyfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in = slice_of(p, n < 4096 ? n : 4096);
	uint8_t pb[KEY_PUBLIC_PB];
	struct buf text;

	if (keyfile_public(in, pb) == KEYFILE_OK &&
	    peerid_of_key(slice_of(pb, sizeof pb)).n == 0)
		__builtin_trap();
	buf_init(&text, 8192, NULL);
	armor_put("node.key", in, &text);
	keyfile_public(buf_slice(&text), pb);
	buf_free(&text);
	return 0;
}
