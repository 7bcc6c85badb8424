/* SPDX-License-Identifier: ISC
 *
 * A CID that is good, as bytes or as text, has a hash that is, and whose text
 * gives it back. */
#include "wire/cid.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
check_hash(struct slice hash)
{
	char text[CID_TEXT];
	struct cid back;

	must(hash.n <= CID_HASH);
	must(cid_of_text(slice_text(cid_hash_text(hash, text)), &back) == 0);
	must(back.version == 1 && back.codec == CID_RAW);
	must(slice_eq(cid_hash(&back), hash));
}

static void
check(const struct cid *cid)
{
	must(cid->version == 1 ||
	    (cid->version == 0 && cid->codec == CID_DAG_PB && cid->n == 34));
	must(cid_hash_valid(cid_hash(cid)));
	check_hash(cid_hash(cid));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char text[CID_TEXT];
	struct cid cid;

	if (cid_of_bytes(slice_of(p, n), &cid) == 0)
		check(&cid);
	if (cid_of_text(slice_of(p, n), &cid) == 0)
		check(&cid);
	if (cid_hash_valid(slice_of(p, n)))
		check_hash(slice_of(p, n));
	else
		must(*cid_hash_text(slice_of(p, n), text) == '\0');
	return 0;
}
