/* SPDX-License-Identifier: ISC */
#include "wire/mbase.h"

#include <string.h>

/* Bytes, and the text of that many bytes in the shorter alphabet (base36). */
enum { BIG_BYTES = 1024, BIG_TEXT = 1585 };

static const struct base {
	enum mbase letter;
	unsigned bits;  /* of a character; 0: the text is one big number */
	unsigned group; /* characters that padding fills up; 1: no padding */
	const char *alphabet;
} bases[] = {
	{ MBASE_16, 4, 1, "0123456789abcdef" },
	{ MBASE_32, 5, 1, "abcdefghijklmnopqrstuvwxyz234567" },
	{ MBASE_36, 0, 1, "0123456789abcdefghijklmnopqrstuvwxyz" },
	{ MBASE_58, 0, 1,
	    "123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
	    "abcdefghijkmnopqrstuvwxyz" },
	{ MBASE_64, 6, 4,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/" },
	{ MBASE_64URL, 6, 1,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_" },
};

static const struct base *
find_base(enum mbase letter)
{
	for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
		if (bases[i].letter == letter)
			return &bases[i];
	return NULL;
}

/* The value of each character; -1: not of this alphabet. */
static void
invert(const char *alphabet, int8_t digits[256])
{
	memset(digits, -1, 256);
	for (int8_t i = 0; alphabet[i]; i++)
		digits[(uint8_t)alphabet[i]] = i;
}

static void
encode_bits(const struct base *base, struct slice in, struct buf *out)
{
	unsigned held = 0, n = 0, mask = (1U << base->bits) - 1;
	size_t chars = (in.n * 8 + base->bits - 1) / base->bits;
	size_t all = (chars + base->group - 1) / base->group * base->group;
	uint8_t *to = buf_room(out, all);

	if (to == NULL)
		return;
	memset(to, '=', all);
	for (size_t i = 0; i < in.n; i++) {
		held = (held << 8 | in.p[i]) & 0xffff;
		for (n += 8; n >= base->bits; n -= base->bits)
			*to++ =
			    (uint8_t)
				base->alphabet[held >> (n - base->bits) & mask];
	}
	if (n > 0)
		*to = (uint8_t)base->alphabet[held << (base->bits - n) & mask];
	buf_added(out, all);
}

/* How much of the text is not padding. */
static size_t
unpadded(const struct base *base, struct slice text)
{
	size_t n = text.n;

	if (base->group == 1 || n % base->group != 0)
		return n;
	while (n > 0 && text.n - n < 2 && text.p[n - 1] == '=')
		n--;
	return n;
}

static bool
decode_bits(const struct base *base, struct slice text, struct buf *out)
{
	unsigned held = 0, n = 0;
	size_t chars = unpadded(base, text);
	int8_t digits[256];
	uint8_t *to;

	if (text.n % base->group != 0)
		return false;
	/* a last character that brings no byte of its own is too much */
	if (chars * base->bits % 8 >= base->bits)
		return false;
	to = buf_room(out, chars * base->bits / 8);
	if (to == NULL)
		return false;
	invert(base->alphabet, digits);
	for (size_t i = 0; i < chars; i++) {
		int digit = digits[text.p[i]];

		if (digit < 0)
			return false;
		held = (held << base->bits | (unsigned)digit) & 0xffff;
		n += base->bits;
		if (n >= 8) {
			n -= 8;
			*to++ = (uint8_t)(held >> n);
		}
	}
	if (held & ((1U << n) - 1))
		return false;
	buf_added(out, chars * base->bits / 8);
	return true;
}

/* number = number * by + plus, in a base of its own, least digit first; the
 * number of its digits is returned. */
static size_t
grow(uint8_t *number, size_t n, unsigned base, unsigned by, unsigned plus)
{
	for (size_t i = 0; i < n; i++) {
		plus += number[i] * by;
		number[i] = (uint8_t)(plus % base);
		plus /= base;
	}
	for (; plus > 0; plus /= base)
		number[n++] = (uint8_t)(plus % base);
	return n;
}

static size_t
leading(struct slice s, uint8_t c)
{
	size_t n = 0;

	while (n < s.n && s.p[n] == c)
		n++;
	return n;
}

/* Zero bytes in front are kept, each as the alphabet's first character. */
static void
encode_big(const struct base *base, struct slice in, struct buf *out)
{
	unsigned radix = (unsigned)strlen(base->alphabet);
	size_t zeros = leading(in, 0), n = 0;
	uint8_t number[BIG_TEXT], *to;

	if (in.n > BIG_BYTES) {
		out->bad = true;
		return;
	}
	for (size_t i = zeros; i < in.n; i++)
		n = grow(number, n, radix, 256, in.p[i]);
	to = buf_room(out, zeros + n);
	if (to == NULL)
		return;
	memset(to, base->alphabet[0], zeros);
	for (size_t i = 0; i < n; i++)
		to[zeros + i] = (uint8_t)base->alphabet[number[n - 1 - i]];
	buf_added(out, zeros + n);
}

static bool
decode_big(const struct base *base, struct slice text, struct buf *out)
{
	unsigned radix = (unsigned)strlen(base->alphabet);
	size_t zeros = leading(text, (uint8_t)base->alphabet[0]), n = 0;
	uint8_t number[BIG_TEXT], *to;
	int8_t digits[256];

	if (text.n > BIG_TEXT)
		return false;
	invert(base->alphabet, digits);
	for (size_t i = zeros; i < text.n; i++) {
		int digit = digits[text.p[i]];

		if (digit < 0)
			return false;
		n = grow(number, n, 256, radix, (unsigned)digit);
	}
	if (zeros + n > BIG_BYTES)
		return false;
	to = buf_room(out, zeros + n);
	if (to == NULL)
		return false;
	memset(to, 0, zeros);
	for (size_t i = 0; i < n; i++)
		to[zeros + i] = number[n - 1 - i];
	buf_added(out, zeros + n);
	return true;
}

void
mbase_encode(enum mbase letter, struct slice in, struct buf *out)
{
	const struct base *base = find_base(letter);

	if (base == NULL || in.bad)
		out->bad = true;
	else if (base->bits)
		encode_bits(base, in, out);
	else
		encode_big(base, in, out);
}

int
mbase_decode(enum mbase letter, struct slice text, struct buf *out)
{
	const struct base *base = find_base(letter);
	bool good;

	if (base == NULL || text.bad)
		return -1;
	good = base->bits ? decode_bits(base, text, out)
			  : decode_big(base, text, out);
	return good ? 0 : -1;
}

int
mbase_decode_any(struct slice text, struct buf *out)
{
	uint8_t letter = get_u8(&text);

	return mbase_decode((enum mbase)letter, text, out);
}
