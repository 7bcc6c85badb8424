/* SPDX-License-Identifier: ISC */
#include "base/utf8.h"
#include "t/tap.h"

static const struct {
	const char *text, *name;
	size_t front;
	bool good;
} rows[] = {
	{ "a", "ASCII", 1, true },
	{ "\xc3\xa9", "two bytes", 2, true },
	{ "\xe2\x82\xac", "three bytes", 3, true },
	{ "\xf0\x9f\x98\x80", "four bytes", 4, true },
	{ "\xf4\x8f\xbf\xbf", "U+10FFFF", 4, true },
	{ "\xed\x9f\xbf", "below the surrogates", 3, true },
	{ "\x80", "a byte that only continues", 1, false },
	{ "\xc0\xaf", "an over-long slash", 1, false },
	{ "\xe0\x9f\xbf", "over-long in three", 1, false },
	{ "\xf0\x8f\xbf\xbf", "over-long in four", 1, false },
	{ "\xed\xa0\x80", "a surrogate", 1, false },
	{ "\xf4\x90\x80\x80", "above U+10FFFF", 1, false },
	{ "\xff", "no lead byte", 1, false },
	{ "\xe2\x82", "cut off", 2, false },
	{ "\xe2\x82z", "broken off", 2, false },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct slice s = slice_text(rows[i].text);
		bool good;

		is_int(utf8_next(s, &good), rows[i].front, rows[i].name);
		ok(good == rows[i].good && utf8_ok(s) == good, "%s: %s",
		    rows[i].name, good ? "good" : "not good");
	}
	ok(utf8_ok(slice_of(NULL, 0)), "nothing is well-formed");
	ok(utf8_ok(slice_of("a\0b", 3)), "NUL is a character");
	ok(!utf8_ok(slice_text("abc\xff")), "one bad byte spoils it");
	is_int(utf8_count(slice_text("a\xc3\xa9\xf0\x9f\x98\x80")), 3,
	    "characters are counted, not bytes");
	return tap_done();
}
