/* SPDX-License-Identifier: ISC
 *
 * One negotiation with a peer who sends anything.  The first byte says which
 * side we are, the second how long the pieces are, the third what the owner
 * does.  The same input in one piece must end in the same way. */
#include "proto/mss.h"
#include "wire/msg/state.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
reload(struct mss *m)
{
	struct buf wire = { .max = 4096 };
	struct state_mss s;

	mss_save(m, &s);
	pb_encode(&state_mss_desc, &s, &wire);
	mss_free(m);
	must(pb_decode(&state_mss_desc, buf_slice(&wire), &s, NULL) == 0);
	must(mss_load(m, &s, NULL) == 0);
	buf_free(&wire);
}

struct end {
	size_t left; /* bytes not read */
	bool agreed, failed;
};

/* Bit i of owner: what to do at the i-th event. */
static struct end
talk(bool dialer, size_t piece, uint8_t owner, struct slice all)
{
	struct buf in = { .max = all.n }, out = { .max = 1 << 17 };
	struct end end = { 0 };
	struct mss_ev ev;
	struct mss m;
	int r = 0;

	mss_init(&m, dialer, NULL);
	if (dialer)
		mss_propose(&m, slice_text("/a"), &out);
	while (all.n > 0 && r >= 0 && !end.agreed) {
		struct slice s;

		put_slice(&in, get_bytes(&all, all.n < piece ? all.n : piece));
		s = buf_slice(&in);
		while ((r = mss_step(&m, &s, &out, &ev)) == 1) {
			must(ev.name.n > 0 && ev.name.n < MSS_LINE);
			if (ev.kind == MSS_OFFER)
				mss_answer(&m, owner & 1, &out);
			else if (ev.kind == MSS_REFUSED)
				mss_propose(&m, slice_text("/b"), &out);
			else
				end.agreed = true;
			owner = (uint8_t)(owner >> 1 | owner << 7);
			if (end.agreed)
				break;
		}
		must(r >= 0 || m.why);
		must(r != 0 || s.n == 0);
		buf_drop(&in, in.n - s.n);
		if (r == 0)
			reload(&m);
	}
	must(!out.bad && m.part.n <= m.part.max);
	end.failed = r < 0;
	end.left = in.n + all.n;
	mss_free(&m);
	buf_free(&in);
	buf_free(&out);
	return end;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct end whole, parts;
	struct slice in;

	if (n < 4 || n > 1 << 16)
		return 0;
	in = slice_of(p + 3, n - 3);
	whole = talk(p[0] & 1, in.n, p[2], in);
	parts = talk(p[0] & 1, 1 + p[1] % 64, p[2], in);
	must(whole.agreed == parts.agreed && whole.failed == parts.failed);
	must(!whole.agreed || whole.left == parts.left);
	return 0;
}
