/* SPDX-License-Identifier: ISC */
#include "t/tap.h"

#include "crypt/armor.h"

static void
every_length(void)
{
	uint8_t bytes[200];
	unsigned wrong = 0, cut = 0;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7);
	for (size_t n = 1; n <= sizeof bytes; n++) {
		struct buf text, back;

		buf_init(&text, 1024, NULL);
		buf_init(&back, sizeof bytes, NULL);
		armor_put("what it is", slice_of(bytes, n), &text);
		wrong += armor_one(buf_slice(&text), &back) < 0 ||
		    !slice_eq(buf_slice(&back), slice_of(bytes, n));
		buf_cut(&back, 0);
		cut += armor_one(slice_of(text.p, text.n - 1), &back) == 0;
		buf_free(&text);
		buf_free(&back);
	}
	is_int(wrong, 0, "1 to 200 bytes come back");
	is_int(cut, 0, "the last newline is wanted");
}

static void
malformed(void)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "nothing", "" },
		{ "no comment", "AAAA\n" },
		{ "only a comment", "# a\n" },
		{ "comment without end", "# a" },
		{ "empty line", "# a\nAAAA\n\n" },
		{ "line after a short one", "# a\nAAAA\nAAAA\n" },
		{ "blank", "# a\nAA AA\n" },
		{ "carriage return", "# a\nAAAA\r\n" },
		{ "no padding", "# a\nAA\n" },
		{ "loose bits", "# a\nAB==\n" },
		{ "two blocks", "# a\nAAAA\n# b\nAAAA\n" },
		{ "too long for its buffer",
		    "# a\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf bytes;

		buf_init(&bytes, 16, NULL);
		is_int(armor_one(slice_text(rows[i].text), &bytes), -1,
		    rows[i].name);
		buf_free(&bytes);
	}
}

static void
several(void)
{
	struct slice text = slice_text("# a\n# b\nAAAA\n#\nAQID\n");
	struct buf bytes;

	buf_init(&bytes, 16, NULL);
	is_int(armor_get(&text, &bytes), 1, "first block, two comments");
	is_bytes(bytes.p, bytes.n, "\0\0", 3, "its bytes");
	buf_cut(&bytes, 0);
	is_int(armor_get(&text, &bytes), 1, "second block");
	is_bytes(bytes.p, bytes.n, "\1\2\3", 3, "its bytes");
	is_int(armor_get(&text, &bytes), 0, "the end");
	buf_free(&bytes);
}

int
main(void)
{
	every_length();
	malformed();
	several();
	return tap_done();
}
