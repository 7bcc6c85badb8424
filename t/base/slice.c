/* SPDX-License-Identifier: ISC */
#include "base/slice.h"
#include "t/tap.h"

static void
test_integers(void)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
		13, 14, 15 };
	struct slice s = slice_of(bytes, sizeof bytes);

	is_int(get_u8(&s), 0x01, "u8");
	is_int(get_u16(&s), 0x0203, "u16 is big-endian");
	is_int(get_u32(&s), 0x04050607, "u32 is big-endian");
	ok(get_u64(&s) == 0x08090a0b0c0d0e0f, "u64 is big-endian");
	ok(!s.bad && s.n == 0, "all read, not bad");
	is_int(get_u8(&s), 0, "past the end is zero");
	ok(s.bad, "and bad");
}

static void
test_bad_sticks(void)
{
	static const uint8_t bytes[] = { 0xff, 0xff, 0xff };
	struct slice s = slice_of(bytes, sizeof bytes), part;

	is_int(get_u32(&s), 0, "a short integer is zero, not its first bytes");
	ok(s.bad && s.n == 0, "bad, and emptied");
	is_int(get_u8(&s), 0, "later reads are zero");
	ok(get_varint(&s) == 0 && s.bad, "later varints are zero");
	part = get_bytes(&s, 0);
	ok(part.bad && part.n == 0, "no bytes of a bad slice are bad too");
	is_int(get_u8(&part), 0, "and yield zero");
}

static void
test_bytes(void)
{
	struct slice s = slice_text("hello"), front, none = { 0 };

	front = get_bytes(&s, 2);
	ok(slice_is(front, "he") && slice_is(s, "llo"), "the front is taken");
	front = get_bytes(&s, SIZE_MAX);
	ok(front.bad && front.n == 0 && s.bad, "SIZE_MAX bytes are too many");
	front = get_bytes(&none, 0);
	ok(!front.bad && !none.bad, "nothing of nothing is fine");
	get_bytes(&none, 1);
	ok(none.bad, "one byte of nothing is bad");
}

static void
test_equal(void)
{
	struct slice none = { 0 };

	ok(slice_eq(none, slice_text("")), "empty slices are equal");
	ok(slice_is(slice_trim(slice_text(" a b\t "), " \t"), "a b"),
	    "without blanks at the ends");
	ok(slice_is(slice_trim(slice_text("\t "), " \t"), ""), "or at all");
	is_int(slice_trim(slice_of("\0a", 2), " ").n, 2, "zero is none");
	ok(slice_is(slice_text("abc"), "abc"), "same bytes");
	ok(!slice_is(slice_text("abc"), "abd"), "other bytes");
	ok(!slice_is(slice_text("abc"), "ab"), "other length");
	ok(!slice_eq(slice_of("a\0b", 3), slice_of("a\0c", 3)),
	    "a zero byte ends nothing");
	is_int(slice_order(none, slice_text("")), 0, "empty ones stand equal");
	ok(slice_order(none, slice_text("a")) < 0, "and before others");
	ok(slice_order(slice_text("ab"), slice_text("a")) > 0,
	    "a beginning comes first");
	ok(slice_order(slice_text("b"), slice_text("aa")) > 0, "by bytes");
	ok(slice_order(slice_text("\xff"), slice_text("a")) > 0,
	    "that have no sign");
}

static const struct {
	const char *name, *bytes;
	size_t n;
	int result;
	uint64_t value;
	size_t used;
} varints[] = {
	/* name                  bytes                n   result value used */
	{ "nothing", "", 0, 0, 0, 0 },
	{ "zero", "\0", 1, 1, 0, 1 },
	{ "127", "\x7f", 1, 1, 127, 1 },
	{ "128", "\x80\x01", 2, 1, 128, 2 },
	{ "300 and more bytes", "\xac\x02\xff", 3, 1, 300, 2 },
	{ "half of one", "\x80", 1, 0, 0, 0 },
	{ "eight of nine", "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 0, 0, 0 },
	{ "the largest", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9, 1,
	    INT64_MAX, 9 },
	{ "ten bytes", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, -1, 0,
	    0 },
	{ "nine that go on", "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9, -1, 0,
	    0 },
	{ "zero in two bytes", "\x80\x00", 2, -1, 0, 0 },
	{ "1 in two bytes", "\x81\x00", 2, -1, 0, 0 },
};

static void
test_varints(void)
{
	for (size_t i = 0; i < sizeof varints / sizeof varints[0]; i++) {
		struct slice s = slice_of(varints[i].bytes, varints[i].n);
		uint64_t value = 0;
		size_t used = 0;
		int r = peek_varint(s, &value, &used);

		ok(r == varints[i].result && value == varints[i].value &&
			used == varints[i].used,
		    "peek: %s", varints[i].name);
		value = get_varint(&s);
		ok(s.bad == (r <= 0) && value == varints[i].value, "get: %s",
		    varints[i].name);
		ok(s.n == (r > 0 ? varints[i].n - used : 0), "rest: %s",
		    varints[i].name);
	}
}

int
main(void)
{
	test_integers();
	test_bad_sticks();
	test_bytes();
	test_equal();
	test_varints();
	return tap_done();
}
