/* SPDX-License-Identifier: ISC */
#include "proto/perf.h"
#include "t/tap.h"

static void
test_answer(void)
{
	struct perf p;

	perf_init(&p);
	perf_hear(&p, slice_of("\0\0\0", 3));
	perf_hear(&p, slice_of("\0\0\0\1", 4));
	ok(perf_next(&p, 100) == 0 && !perf_done(&p), "no answer yet");
	perf_hear(&p, slice_of("\x2cxyz", 4));
	perf_hear(&p, slice_of("xy", 2));
	is_int(p.got, 5, "bytes beyond the eight are counted");
	ok(perf_next(&p, 100) == 0 && !perf_done(&p),
	    "no answer before the end");
	ok(perf_end(&p) == 0 && !perf_done(&p), "the end");
	is_int(perf_next(&p, 100), 100, "a piece");
	is_int(perf_next(&p, 199), 199, "another");
	ok(!perf_done(&p), "one byte is left");
	is_int(perf_next(&p, 100), 1, "the last");
	ok(perf_done(&p) && perf_next(&p, 100) == 0, "300 bytes, then no more");
}

static void
test_edges(void)
{
	struct perf p;

	perf_init(&p);
	ok(perf_end(&p) < 0 && p.why, "an end before all");
	perf_init(&p);
	perf_hear(&p, slice_of("\0\0\0\0\0\0\1", 7));
	ok(perf_end(&p) < 0, "an end after seven bytes");
	ok(perf_next(&p, 100) == 0 && !perf_done(&p), "nothing is sent then");
	perf_init(&p);
	perf_hear(&p, slice_of("\0\0\0\0\0\0\0\0", 8));
	ok(perf_end(&p) == 0 && perf_done(&p), "nothing wanted, nothing sent");
	perf_init(&p);
	perf_hear(&p, slice_of("\xff\xff\xff\xff\xff\xff\xff\xff", 8));
	ok(perf_end(&p) == 0 && perf_next(&p, 65536) == 65536 &&
	    p.left == UINT64_MAX - 65536, "all one can ask for, in pieces");
}

int
main(void)
{
	test_answer();
	test_edges();
	return tap_done();
}
