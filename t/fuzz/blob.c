/* SPDX-License-Identifier: ISC
 *
 * The input is the end of a blob's file.  What is taken for a trailer has to
 * fit the file, and to come out the same when it is encoded again; then once
 * more with a check that is right, so that the fields are reached. */
#include "store/blob_own.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
again(const struct blob_note *note)
{
	struct buf out = { .max = BLOB_TRAILER };
	struct blob_note copy;
	int64_t n;

	blob_note_encode(note, &out);
	if (out.bad)
		abort();
	n = blob_tail_length(out.p + out.n - BLOB_TAIL, note->size + out.n);
	if (n < 0 || (uint64_t)n + BLOB_TAIL != out.n)
		abort();
	if (blob_note_decode(slice_of(out.p, (size_t)n),
		out.p + out.n - BLOB_TAIL, note->size, &copy) < 0)
		abort();
	if (copy.size != note->size || !slice_eq(copy.key, note->key) ||
	    !slice_eq(copy.sums, note->sums) || copy.part != note->part ||
	    !slice_eq(copy.upload, note->upload))
		abort();
	buf_free(&out);
}

static void
decode(struct slice bytes, const uint8_t *tail, uint64_t content)
{
	struct blob_note note;

	if (blob_note_decode(bytes, tail, content, &note) < 0)
		return;
	if (note.sha.n != BLOB_ID || note.key.n > 1024 ||
	    note.meta.n > 16384 || note.size != content)
		abort();
	again(&note);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t tail[BLOB_TAIL], sum[SHA256_BYTES];
	struct slice note;
	int64_t length;

	if (n < BLOB_TAIL)
		return 0;
	memcpy(tail, p + n - BLOB_TAIL, BLOB_TAIL);
	length = blob_tail_length(tail, n);
	if (length < 0)
		return 0;
	if ((uint64_t)length + BLOB_TAIL > n)
		abort();
	note = slice_of(p + n - BLOB_TAIL - length, (size_t)length);
	decode(note, tail, n - BLOB_TAIL - note.n);
	digest_of(DIGEST_SHA256, note, sum);
	memcpy(tail + 8, sum, 8);
	decode(note, tail, n - BLOB_TAIL - note.n);
	return 0;
}
