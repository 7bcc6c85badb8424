/* SPDX-License-Identifier: ISC */
#include "web/sum.h"
#include "web/http.h"
#include "web/sum_own.h"
#include "wire/mbase.h"

#include <string.h>

static const struct {
	const char *word, *header;
	size_t size;
	bool crc;
} kinds[SUM_KINDS] = {
#define R(name, lower, text, bytes, is_crc)                                    \
	[SUM_##name] = { .word = text,                                         \
		.header = "x-amz-checksum-" lower,                             \
		.size = bytes,                                                 \
		.crc = is_crc },
	SUM_LIST(R)
#undef R
};

/* What does the work: of two tables, the one that its kind needs. */
static const enum digest_kind digests[SUM_KINDS] = {
	[SUM_SHA1] = DIGEST_SHA1,
	[SUM_SHA256] = DIGEST_SHA256,
};
static const enum sum_crc crcs[SUM_KINDS] = {
	[SUM_CRC32] = SUM_CRC_32,
	[SUM_CRC32C] = SUM_CRC_32C,
	[SUM_CRC64] = SUM_CRC_64,
};

size_t
sum_size(enum sum_kind kind)
{
	return kinds[kind].size;
}

const char *
sum_word(enum sum_kind kind)
{
	return kinds[kind].word;
}

const char *
sum_header(enum sum_kind kind)
{
	return kinds[kind].header;
}

bool
sum_is_crc(enum sum_kind kind)
{
	return kinds[kind].crc;
}

enum sum_kind
sum_of_word(struct slice word)
{
	unsigned i = 0;

	while (i < SUM_KINDS && !http_name_is(word, kinds[i].word))
		i++;
	return (enum sum_kind)i;
}

enum sum_kind
sum_of_header(struct slice name)
{
	unsigned i = 0;

	while (i < SUM_KINDS && !http_name_is(name, kinds[i].header))
		i++;
	return (enum sum_kind)i;
}

void
sum_begin(struct sum *s, enum sum_kind kind)
{
	s->kind = kind;
	s->crc = 0;
	if (!kinds[kind].crc)
		digest_begin(&s->digest, digests[kind]);
}

void
sum_add(struct sum *s, struct slice bytes)
{
	if (kinds[s->kind].crc)
		s->crc = sum_crc(crcs[s->kind], s->crc, bytes);
	else
		digest_add(&s->digest, bytes);
}

void
sum_end(struct sum *s, uint8_t out[SUM_MOST])
{
	size_t n = kinds[s->kind].size;

	if (!kinds[s->kind].crc) {
		digest_end(&s->digest, out);
		return;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(s->crc >> (8 * (n - 1 - i)));
}

void
sum_free(struct sum *s)
{
	digest_free(&s->digest);
	s->crc = 0;
}

uint64_t
sum_crc_join(enum sum_kind kind, uint64_t a, uint64_t b, uint64_t b_bytes)
{
	return sum_crc_shift(crcs[kind], a, b_bytes) ^ b;
}

void
sum_text(enum sum_kind kind, const uint8_t *sum, char text[SUM_BASE64])
{
	struct buf out = { .max = SUM_BASE64 };

	mbase_encode(MBASE_64, slice_of(sum, kinds[kind].size), &out);
	put_u8(&out, '\0');
	memcpy(text, out.p, out.n);
	buf_free(&out);
}

int
sum_parse(enum sum_kind kind, struct slice text, uint8_t sum[SUM_MOST])
{
	struct buf out = { .max = SUM_MOST };
	int r = -1;

	if (text.n < SUM_BASE64 && mbase_decode(MBASE_64, text, &out) == 0 &&
	    out.n == kinds[kind].size) {
		memcpy(sum, out.p, out.n);
		r = 0;
	}
	buf_free(&out);
	return r;
}
