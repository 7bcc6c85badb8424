/* SPDX-License-Identifier: ISC */
#include "base/buf.h"
#include "t/tap.h"

static bool
holds(const struct buf *b, const char *text)
{
	return slice_is(buf_slice(b), text);
}

static void
test_puts(void)
{
	static const uint8_t want[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
		13, 14, 15, 0xac, 2, 'x', 'y' };
	struct buf b = { .max = 100 };

	put_u8(&b, 1);
	put_u16(&b, 0x0203);
	put_u32(&b, 0x04050607);
	put_u64(&b, 0x08090a0b0c0d0e0f);
	put_varint(&b, 300);
	put_text(&b, "xy");
	put_bytes(&b, NULL, 0);
	put_slice(&b, (struct slice){ 0 });
	is_bytes(b.p, b.n, want, sizeof want, "puts are big-endian");
	buf_free(&b);
	buf_free(&b);
	ok(b.n == 0 && b.max == 100 && !b.bad, "freed twice, still usable");
	put_u8(&b, 7);
	is_int(b.n, 1, "and used");
	buf_free(&b);
}

static void
test_varints(void)
{
	static const uint64_t values[] = { 0, 1, 127, 128, 16383, 16384,
		UINT32_MAX, (uint64_t)1 << 56, INT64_MAX };
	struct buf b = { .max = 16 };

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct slice s;

		put_varint(&b, values[i]);
		s = buf_slice(&b);
		ok(varint_size(values[i]) == b.n &&
			get_varint(&s) == values[i] && !s.bad && s.n == 0,
		    "%" PRIu64 " comes back", values[i]);
		buf_drop(&b, b.n);
	}
	buf_free(&b);
}

static void
test_ceiling(void)
{
	struct buf b = { .max = 5 };

	put_text(&b, "12345");
	ok(!b.bad && holds(&b, "12345"), "the ceiling can be reached");
	put_u8(&b, '6');
	ok(b.bad && holds(&b, "12345"), "and not passed");
	buf_drop(&b, 3);
	put_u8(&b, '6');
	ok(b.bad && holds(&b, "45"), "bad sticks though there is room");
	buf_free(&b);
	ok(!b.bad, "until it is freed");

	buf_init(&b, 100, NULL);
	put_text(&b, "abc");
	ok(buf_room(&b, SIZE_MAX) == NULL && b.bad, "SIZE_MAX is no room");
	buf_free(&b);
	buf_init(&b, SIZE_MAX, NULL);
	put_text(&b, "abc");
	ok(buf_room(&b, SIZE_MAX - 2) == NULL && b.bad,
	    "nor is what wraps around");
	buf_free(&b);
	buf_init(&b, 0, NULL);
	put_bytes(&b, "", 0);
	ok(!b.bad, "nothing fits in nothing");
	put_u8(&b, 1);
	ok(b.bad, "one byte does not");
	buf_free(&b);
}

static void
test_front(void)
{
	struct buf b = { .max = 64 };
	uint8_t *room;

	for (int i = 0; i < 64; i++)
		put_u8(&b, (uint8_t)('A' + i % 26));
	buf_drop(&b, 60);
	put_text(&b, "slide");
	ok(!b.bad && holds(&b, "IJKLslide"), "bytes move to the front");
	buf_cut(&b, 100);
	ok(holds(&b, "IJKLslide"), "a cut beyond the end does nothing");
	buf_cut(&b, 4);
	ok(holds(&b, "IJKL"), "cut keeps the first bytes");
	room = buf_room(&b, 2);
	ok(room != NULL, "room");
	memcpy(room, "mn", 2);
	buf_added(&b, 2);
	ok(holds(&b, "IJKLmn"), "added in place");
	buf_drop(&b, 100);
	ok(b.n == 0 && b.p == b.mem, "a drop beyond the end empties");
	buf_free(&b);
}

static void
test_stream(void)
{
	struct buf b = { .max = 1000 };
	uint8_t in = 0, out = 0;
	bool same = true;

	for (size_t i = 0; i < 20000; i++) {
		size_t n = i * 7919 % 97, drop = i * 104729 % 101;

		for (size_t k = 0; k < n && b.n < b.max; k++)
			put_u8(&b, in++);
		for (size_t k = 0; k < drop && b.n > 0; k++) {
			same = same && b.p[0] == out++;
			buf_drop(&b, 1);
		}
		if (i % 50 == 0)
			buf_trim(&b);
	}
	ok(same && !b.bad &&
		in - out == (int)(b.n & 0xff) + (in < out ? -256 : 0),
	    "what goes in comes out, in order");
	ok(b.cap <= 1000, "within the ceiling");
	buf_free(&b);
}

static void
test_budget(void)
{
	struct budget all = { .max = 300 };
	struct buf a, b;

	buf_init(&a, 1000, &all);
	buf_init(&b, 1000, &all);
	put_u8(&a, 1);
	put_u8(&b, 1);
	ok(all.used == a.cap + b.cap && all.used > 0, "both are charged");
	for (int i = 0; i < 500; i++)
		put_u8(&a, (uint8_t)i);
	ok(a.bad && all.refused == 1, "one refusal, then the buffer is bad");
	ok(all.used <= all.max && all.used == a.cap + b.cap,
	    "max was not passed");
	put_u8(&b, 2);
	ok(!b.bad, "the other goes on in what it has");
	buf_free(&a);
	is_int(all.used, b.cap, "freeing gives back");
	buf_drop(&b, 2);
	buf_trim(&b);
	is_int(all.used, 0, "trimming an empty buffer gives all back");
	buf_free(&b);
	all = (struct budget){ .used = SIZE_MAX - 10, .max = SIZE_MAX };
	buf_init(&a, 1000, &all);
	put_u8(&a, 1);
	ok(a.bad && all.used == SIZE_MAX - 10, "the account does not wrap");
	buf_free(&a);
}

static void
test_trim(void)
{
	struct budget all = { .max = 10000 };
	struct buf b;

	buf_init(&b, 5000, &all);
	for (int i = 0; i < 4096; i++)
		put_u8(&b, (uint8_t)i);
	buf_drop(&b, 4093);
	buf_trim(&b);
	is_bytes(b.p, b.n, "\xfd\xfe\xff", 3, "trim keeps the bytes");
	ok(b.cap == 3 && all.used == 3, "and little more");
	put_u8(&b, 0);
	is_bytes(b.p, b.n, "\xfd\xfe\xff\0", 4, "it grows again");
	buf_wipe(&b);
	ok(all.used == 0 && b.n == 0, "wiped and given back");
	b.bad = true;
	buf_trim(&b);
	ok(b.bad, "trim does not forgive");
}

int
main(void)
{
	test_puts();
	test_varints();
	test_ceiling();
	test_front();
	test_stream();
	test_budget();
	test_trim();
	return tap_done();
}
