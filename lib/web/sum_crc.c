/* SPDX-License-Identifier: ISC
 *
 * Sixteen bytes at a time: by sixteen tables of what each byte contributes
 * (Kounavis and Berry, "Novel Table Lookup-Based Algorithms for High-
 * Performance CRC Generation"), or where the processor multiplies polynomials,
 * by folding (Gopal et al., "Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ Instruction").
 *
 * A register holds a polynomial with its highest power in the lowest bit, so
 * that to multiply by x is to shift right. */
#include "web/sum_own.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define FOLDING 1
#include <immintrin.h>
#else
#define FOLDING 0
#endif

enum {
	STEP = 16,  /* bytes looked up, or folded, at once */
	LANES = 4,  /* registers that are folded side by side */
	LEAST = 64, /* bytes that folding needs */
};

static const struct kind {
	unsigned width;
	uint64_t poly;
} kinds[SUM_CRCS] = {
	[SUM_CRC_32] = { 32, 0xedb88320 },
	[SUM_CRC_32C] = { 32, 0x82f63b78 },
	[SUM_CRC_64] = { 64, 0x9a6c9329ac4bc9b5 },
};

/* What a byte contributes that stands i bytes before the end. */
static uint32_t table32[2][STEP][256];
static uint64_t table64[STEP][256];
/* x to the power of how far a half of a register is folded, less one. */
static uint64_t far[SUM_CRCS][2], near[SUM_CRCS][2];
static bool folds;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint64_t
times_x(const struct kind *k, uint64_t v)
{
	return v >> 1 ^ (v & 1 ? k->poly : 0);
}

/* x^n of at most the width's power, in the highest bits. */
static uint64_t
power(const struct kind *k, unsigned n)
{
	uint64_t v = (uint64_t)1 << (k->width - 1);

	while (n-- > 0)
		v = times_x(k, v);
	return v << (64 - k->width);
}

static uint64_t
entry(enum sum_crc c, unsigned i, unsigned byte)
{
	return c == SUM_CRC_64 ? table64[i][byte] : table32[c][i][byte];
}

static void
set_entry(enum sum_crc c, unsigned i, unsigned byte, uint64_t v)
{
	if (c == SUM_CRC_64)
		table64[i][byte] = v;
	else
		table32[c][i][byte] = (uint32_t)v;
}

static void
make_tables(enum sum_crc c)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		uint64_t v = byte;

		for (int bit = 0; bit < 8; bit++)
			v = times_x(&kinds[c], v);
		set_entry(c, 0, byte, v);
	}
	for (unsigned i = 1; i < STEP; i++)
		for (unsigned byte = 0; byte < 256; byte++) {
			uint64_t v = entry(c, i - 1, byte);

			set_entry(c, i, byte, v >> 8 ^ entry(c, 0, v & 0xff));
		}
}

static void
make(void)
{
	for (unsigned c = 0; c < SUM_CRCS; c++) {
		unsigned bits = 8 * STEP;

		make_tables((enum sum_crc)c);
		far[c][0] = power(&kinds[c], bits * LANES + 63);
		far[c][1] = power(&kinds[c], bits * LANES - 1);
		near[c][0] = power(&kinds[c], bits + 63);
		near[c][1] = power(&kinds[c], bits - 1);
	}
#if FOLDING
	folds = __builtin_cpu_supports("pclmul") &&
		__builtin_cpu_supports("sse4.1");
#endif
}

static uint64_t
load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

/* v and w: the next sixteen bytes, with the register already added. */
#define LOOK_UP(table, v, w)                                                   \
	(table[15][v & 0xff] ^ table[14][v >> 8 & 0xff] ^                      \
	    table[13][v >> 16 & 0xff] ^ table[12][v >> 24 & 0xff] ^            \
	    table[11][v >> 32 & 0xff] ^ table[10][v >> 40 & 0xff] ^            \
	    table[9][v >> 48 & 0xff] ^ table[8][v >> 56] ^                     \
	    table[7][w & 0xff] ^ table[6][w >> 8 & 0xff] ^                     \
	    table[5][w >> 16 & 0xff] ^ table[4][w >> 24 & 0xff] ^              \
	    table[3][w >> 32 & 0xff] ^ table[2][w >> 40 & 0xff] ^              \
	    table[1][w >> 48 & 0xff] ^ table[0][w >> 56])

/* On the register itself: no ones before or after. */
static uint64_t
run(enum sum_crc c, uint64_t crc, struct slice in)
{
	const uint8_t *p = in.p, *end = in.n ? in.p + in.n : in.p;

	if (c == SUM_CRC_64) {
		for (; end - p >= STEP; p += STEP) {
			uint64_t v = load(p) ^ crc, w = load(p + 8);

			crc = LOOK_UP(table64, v, w);
		}
	} else {
		uint32_t(*table)[256] = table32[c];

		for (; end - p >= STEP; p += STEP) {
			uint64_t v = load(p) ^ crc, w = load(p + 8);

			crc = LOOK_UP(table, v, w);
		}
	}
	for (; p < end; p++)
		crc = crc >> 8 ^ entry(c, 0, (crc ^ *p) & 0xff);
	return crc;
}

#if FOLDING
/* The register as if it stood further to the left by the power of by. */
__attribute__((target("pclmul,sse4.1"))) static __m128i
fold(__m128i v, __m128i by, const uint8_t *next)
{
	__m128i low = _mm_clmulepi64_si128(v, by, 0x00);
	__m128i high = _mm_clmulepi64_si128(v, by, 0x11);
	__m128i in = _mm_loadu_si128((const __m128i *)(const void *)next);

	return _mm_xor_si128(_mm_xor_si128(low, high), in);
}

/* Fold whole steps of in, at least LEAST bytes, into one; the CRC of that is
 * the CRC of them all. */
__attribute__((target("pclmul,sse4.1"))) static uint64_t
run_folding(enum sum_crc c, uint64_t crc, struct slice *in)
{
	const __m128i *at = (const __m128i *)(const void *)in->p;
	__m128i by = _mm_set_epi64x((int64_t)far[c][1], (int64_t)far[c][0]);
	__m128i lane[LANES];
	uint8_t rest[STEP];
	size_t done = LEAST;

	for (unsigned i = 0; i < LANES; i++)
		lane[i] = _mm_loadu_si128(at + i);
	lane[0] = _mm_xor_si128(lane[0], _mm_set_epi64x(0, (int64_t)crc));
	for (; in->n - done >= LEAST; done += LEAST)
		for (unsigned i = 0; i < LANES; i++)
			lane[i] = fold(lane[i], by, in->p + done + STEP * i);
	by = _mm_set_epi64x((int64_t)near[c][1], (int64_t)near[c][0]);
	for (unsigned i = 1; i < LANES; i++) {
		_mm_storeu_si128((__m128i *)(void *)rest, lane[i]);
		lane[0] = fold(lane[0], by, rest);
	}
	for (; in->n - done >= STEP; done += STEP)
		lane[0] = fold(lane[0], by, in->p + done);
	_mm_storeu_si128((__m128i *)(void *)rest, lane[0]);
	get_bytes(in, done);
	return run(c, 0, slice_of(rest, STEP));
}
#endif

static uint64_t
ones(enum sum_crc c)
{
	return UINT64_MAX >> (64 - kinds[c].width);
}

uint64_t
sum_crc_table(enum sum_crc c, uint64_t crc, struct slice in)
{
	pthread_once(&once, make);
	return run(c, crc ^ ones(c), in) ^ ones(c);
}

uint64_t
sum_crc(enum sum_crc c, uint64_t crc, struct slice in)
{
	pthread_once(&once, make);
	crc ^= ones(c);
#if FOLDING
	if (folds && in.n >= LEAST)
		crc = run_folding(c, crc, &in);
#endif
	return run(c, crc, in) ^ ones(c);
}

/* Both of the kind's width. */
static uint64_t
multiply(const struct kind *k, uint64_t a, uint64_t b)
{
	uint64_t product = 0;

	for (unsigned i = k->width; i-- > 0; b = times_x(k, b))
		if (a >> i & 1)
			product ^= b;
	return product;
}

uint64_t
sum_crc_shift(enum sum_crc c, uint64_t crc, uint64_t n)
{
	const struct kind *k = &kinds[c];
	/* x^8, squared again and again: x to the power of each bit of n */
	uint64_t by = (uint64_t)1 << (k->width - 9);

	for (; n > 0; n >>= 1, by = multiply(k, by, by))
		if (n & 1)
			crc = multiply(k, crc, by);
	return crc;
}
