/* SPDX-License-Identifier: ISC */
#include "t/tap.h"
#include "wire/mbase.h"

/* The tests of multiformats/multibase, RFC 4648 section 10, and the base58
 * vectors of bitcoin's base58_encode_decode.json; bytes in hexadecimal. */
static const struct vector {
	const char *bytes;
	const char *text; /* with the letter */
} vectors[] = {
	{ "796573206d616e692021", "f796573206d616e692021" },
	{ "796573206d616e692021", "bpfsxgidnmfxgsibb" },
	{ "796573206d616e692021", "k2lcpzo5yikidynfl" },
	{ "796573206d616e692021", "z7paNL19xttacUY" },
	{ "796573206d616e692021", "MeWVzIG1hbmkgIQ==" },
	{ "796573206d616e692021", "ueWVzIG1hbmkgIQ" },
	{ "0000796573206d616e692021", "f0000796573206d616e692021" },
	{ "0000796573206d616e692021", "baaahszltebwwc3tjeaqq" },
	{ "0000796573206d616e692021", "k002lcpzo5yikidynfl" },
	{ "0000796573206d616e692021", "z117paNL19xttacUY" },
	{ "0000796573206d616e692021", "MAAB5ZXMgbWFuaSAh" },
	{ "0000796573206d616e692021", "uAAB5ZXMgbWFuaSAh" },
	{ "", "M" },
	{ "66", "MZg==" },
	{ "666f", "MZm8=" },
	{ "666f6f", "MZm9v" },
	{ "666f6f62", "MZm9vYg==" },
	{ "666f6f6261", "MZm9vYmE=" },
	{ "666f6f626172", "MZm9vYmFy" },
	{ "", "b" },
	{ "66", "bmy" },
	{ "666f", "bmzxq" },
	{ "666f6f", "bmzxw6" },
	{ "666f6f62", "bmzxw6yq" },
	{ "666f6f6261", "bmzxw6ytb" },
	{ "666f6f626172", "bmzxw6ytboi" },
	{ "fbff", "M+/8=" },
	{ "fbff", "u-_8" },
	{ "", "z" },
	{ "", "k" },
	{ "", "f" },
	{ "61", "z2g" },
	{ "626262", "za3gV" },
	{ "636363", "zaPEr" },
	{ "516b6fcd0f", "zABnLTmg" },
	{ "572e4794", "z3EFU7m" },
	{ "10c8511e", "zRt5zm" },
	{ "00000000000000000000", "z1111111111" },
	{ "00eb15231dfceb60925886b67d065299925915aeb172c06647",
	    "z1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L" },
	{ "73696d706c792061206c6f6e6720737472696e67",
	    "z2cFupjhnEsSn59qHXstmK2ffpLv2" },
};

static const struct {
	const char *text;
	const char *why;
} refused[] = {
	{ "", "no letter" },
	{ "x00", "unknown letter" },
	{ "F00", "a letter for the other case" },
	{ "f0", "half a byte" },
	{ "f0A", "an upper-case digit" },
	{ "f0g", "no hexadecimal digit" },
	{ "f 00", "a blank in front" },
	{ "f00\n", "a line feed behind" },
	{ "ba", "base32 of one character" },
	{ "baaa", "base32 of three characters" },
	{ "baaaaaa", "base32 of six characters" },
	{ "bmz", "base32 with bits left over" },
	{ "bMY", "base32 in upper case" },
	{ "bm1", "base32 with a 1" },
	{ "bmy======", "base32 with padding" },
	{ "MZ", "base64 of one character" },
	{ "MZg", "base64 without its padding" },
	{ "MZg=", "base64 with half its padding" },
	{ "MZg===", "base64 with too much padding" },
	{ "M====", "only padding" },
	{ "MA===", "base64 with three of padding" },
	{ "MZm=v", "padding inside" },
	{ "MZh==", "base64 with bits left over" },
	{ "MZm9=", "base64 with bits left over, two bytes" },
	{ "M-_8=", "the URL alphabet in base64" },
	{ "MZg==MZg==", "padding and more" },
	{ "u+/8", "the plain alphabet in base64url" },
	{ "uZg==", "base64url with padding" },
	{ "z0", "base58 with a zero" },
	{ "zO", "base58 with an O" },
	{ "zI", "base58 with an I" },
	{ "zl", "base58 with an l" },
	{ "z2g ", "base58 with a blank" },
	{ "kA", "base36 in upper case" },
	{ "k-", "base36 with a hyphen" },
};

static void
check_vector(const struct vector *v)
{
	struct buf bytes, out;

	buf_init(&bytes, 256, NULL);
	buf_init(&out, 256, NULL);
	mbase_decode(MBASE_16, slice_text(v->bytes), &bytes);
	mbase_encode((enum mbase)v->text[0], buf_slice(&bytes), &out);
	is_bytes(out.p, out.n, v->text + 1, strlen(v->text + 1), v->text);
	buf_cut(&out, 0);
	is_int(mbase_decode_any(slice_text(v->text), &out), 0, "decodes");
	is_bytes(out.p, out.n, bytes.p, bytes.n, v->text);
	buf_free(&bytes);
	buf_free(&out);
}

static void
check_refused(void)
{
	struct buf out;

	buf_init(&out, 256, NULL);
	put_text(&out, "before");
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		is_int(mbase_decode_any(slice_text(refused[i].text), &out),
		    -1, refused[i].why);
	is_bytes(out.p, out.n, "before", 6, "nothing was appended");
	is_int(mbase_decode(MBASE_58, slice_of("2\0g", 3), &out), -1,
	    "a zero byte in the text");
	is_int(mbase_decode(MBASE_16, (struct slice){ .bad = true }, &out),
	    -1, "a bad slice");
	mbase_encode((enum mbase)'x', slice_text("a"), &out);
	ok(out.bad, "no encoder of that letter");
	buf_free(&out);
}

/* Every length up to 40, all bases: what is encoded decodes to the same. */
static void
check_lengths(void)
{
	static const char letters[] = "fbkzMu";
	uint8_t bytes[40];
	struct buf text, back;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 37 + 200);
	for (const char *l = letters; *l; l++) {
		bool same = true;

		for (size_t n = 0; n <= sizeof bytes; n++) {
			buf_init(&text, 128, NULL);
			buf_init(&back, n, NULL);
			mbase_encode((enum mbase)*l, slice_of(bytes, n),
			    &text);
			same &= mbase_decode((enum mbase)*l,
			    buf_slice(&text), &back) == 0;
			same &= slice_eq(buf_slice(&back),
			    slice_of(bytes, n));
			buf_free(&text);
			buf_free(&back);
		}
		ok(same, "all lengths in base '%c'", *l);
	}
}

static void
check_ceilings(enum mbase letter)
{
	static uint8_t most[1025];
	static char text[1600];
	struct buf out;

	memset(most, 0xff, sizeof most);
	buf_init(&out, 4096, NULL);
	mbase_encode(letter, slice_of(most, 1024), &out);
	ok(!out.bad && out.n < sizeof text, "1 KiB is encoded");
	memcpy(text, out.p, out.n);
	is_int(mbase_decode(letter, slice_of(text, out.n), &out), 0,
	    "and decoded");
	mbase_encode(letter, slice_of(most, 1025), &out);
	ok(out.bad, "a byte more is not encoded");
	buf_free(&out);
	memset(text, 'z', sizeof text);
	is_int(mbase_decode(letter, slice_of(text, sizeof text), &out), -1,
	    "a text too long is not decoded");
	memset(text, letter == MBASE_58 ? '1' : '0', sizeof text);
	is_int(mbase_decode(letter, slice_of(text, 1025), &out), -1,
	    "zeros too many are not decoded");
	is_int(mbase_decode(letter, slice_of(text, 1024), &out), 0,
	    "as many as fit are");
	buf_free(&out);
}

static void
check_room(void)
{
	struct buf out;

	for (const char *l = "fbkzMu"; *l; l++) {
		buf_init(&out, 1, NULL);
		mbase_encode((enum mbase)*l, slice_text("aa"), &out);
		ok(out.bad && out.n == 0, "no room for base '%c'", *l);
		buf_free(&out);
	}
	buf_init(&out, 1, NULL);
	is_int(mbase_decode(MBASE_16, slice_text("0000"), &out), -1,
	    "no room to decode");
	buf_free(&out);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
		check_vector(&vectors[i]);
	check_refused();
	check_lengths();
	check_ceilings(MBASE_36);
	check_ceilings(MBASE_58);
	check_room();
	return tap_done();
}
