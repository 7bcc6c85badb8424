/* SPDX-License-Identifier: ISC
 *
 * An id that is good, as bytes or as text, has a text that gives it back. */
#include "wire/peerid.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(const struct peerid *id)
{
	char text[PEERID_TEXT];
	struct peerid back;
	struct slice key;

	if (peerid_of_text(slice_text(peerid_text(id, text)), &back) < 0 ||
	    !peerid_eq(id, &back))
		abort();
	if (peerid_of_bytes(peerid_bytes(id), &back) < 0)
		abort();
	key = peerid_key(id);
	if (key.n == 0)
		return;
	back = peerid_of_key(key);
	if (!peerid_eq(id, &back))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct peerid id;

	if (peerid_of_bytes(slice_of(p, n), &id) == 0)
		check(&id);
	if (peerid_of_text(slice_of(p, n), &id) == 0)
		check(&id);
	id = peerid_of_key(slice_of(p, n));
	if (n > 0)
		check(&id);
	return 0;
}
