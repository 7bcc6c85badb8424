/* SPDX-License-Identifier: ISC */
#include "web/text.h"
#include "t/tap.h"

static void
test_trim(void)
{
	ok(slice_is(text_trim(slice_text(" \t\r\na b\n ")), "a b"),
	    "blanks at both ends go");
	ok(text_trim(slice_text(" \n")).n == 0, "blanks alone are nothing");
	ok(text_trim(slice_of(NULL, 0)).n == 0, "nothing stays nothing");
}

static void
test_uint(void)
{
	static const struct {
		const char *text;
		uint64_t most;
		int end;
		uint64_t v;
	} rows[] = {
		{ "0", 9, 0, 0 },
		{ "007", 9, 0, 7 },
		{ "10", 9, -1, 0 },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX - 1, -1, 0 },
		{ "99999999999999999999999", UINT64_MAX, -1, 0 },
		{ "", 9, -1, 0 },
		{ "-1", 9, -1, 0 },
		{ "+1", 9, -1, 0 },
		{ " 1", 9, -1, 0 },
		{ "1x", 9, -1, 0 },
		{ "0x1", 9, -1, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t v;
		int end = text_uint(slice_text(rows[i].text), rows[i].most, &v);

		ok(end == rows[i].end && (end < 0 || v == rows[i].v),
		    "number \"%s\"", rows[i].text);
	}
}

static void
test_next(void)
{
	struct slice list = slice_text("a,,b,"), item;

	ok(text_next(&list, ',', &item) && slice_is(item, "a"), "the first");
	ok(text_next(&list, ',', &item) && item.n == 0, "an empty one");
	ok(text_next(&list, ',', &item) && slice_is(item, "b"), "the last");
	ok(!text_next(&list, ',', &item), "the end");
}

static void
test_matches(void)
{
	static const struct {
		const char *pattern, *text;
		bool nocase, want;
	} rows[] = {
		{ "*", "", false, true },
		{ "*", "anything", false, true },
		{ "a*", "abc", false, true },
		{ "*c", "abc", false, true },
		{ "a*c", "abc", false, true },
		{ "a*c", "ac", false, true },
		{ "ab*bc", "abc", false, false },
		{ "abc", "abc", false, true },
		{ "abc", "abcd", false, false },
		{ "abc", "ABC", false, false },
		{ "abc", "ABC", true, true },
		{ "X-*", "x-amz", true, true },
		{ "", "", false, true },
		{ "", "a", false, false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ok(text_matches(slice_text(rows[i].pattern),
		       slice_text(rows[i].text),
		       rows[i].nocase) == rows[i].want,
		    "\"%s\" and \"%s\"", rows[i].pattern, rows[i].text);
}

int
main(void)
{
	test_trim();
	test_uint();
	test_next();
	test_matches();
	return tap_done();
}
