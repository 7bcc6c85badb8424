/* SPDX-License-Identifier: ISC
 *
 * What decodes encodes to the same text; any bytes survive any base. */
#include "wire/mbase.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { MOST = 200 };

static void
check_text(struct slice in)
{
	struct buf bytes = { .max = 4096 }, text = { .max = 4096 };

	if (mbase_decode_any(in, &bytes) < 0) {
		if (bytes.n != 0)
			abort();
	} else {
		put_u8(&text, in.p[0]);
		mbase_encode((enum mbase)in.p[0], buf_slice(&bytes), &text);
		if (text.bad || !slice_eq(buf_slice(&text), in))
			abort();
	}
	buf_free(&bytes);
	buf_free(&text);
}

static void
check_bytes(enum mbase letter, struct slice in)
{
	struct buf bytes = { .max = 4096 }, text = { .max = 4096 };

	mbase_encode(letter, in, &text);
	if (text.bad || mbase_decode(letter, buf_slice(&text), &bytes) < 0 ||
	    !slice_eq(buf_slice(&bytes), in))
		abort();
	buf_free(&bytes);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in = slice_of(p, n < MOST ? n : MOST);

	check_text(in);
	for (const char *l = "fbkzMu"; *l; l++)
		check_bytes((enum mbase)*l, in);
	return 0;
}
