/* SPDX-License-Identifier: ISC
 *
 * The check values of the CRC catalogue, and everything against a CRC of one
 * bit after the other. */
#include "web/sum.h"
#include "t/tap.h"
#include "web/sum_own.h"

#include "wire/mbase.h"

enum { MANY = 5000 };

static uint8_t many[MANY];

static const struct {
	uint64_t poly;
	unsigned width;
	enum sum_kind kind;
	const char *check; /* of 123456789 */
} crcs[SUM_CRCS] = {
	[SUM_CRC_32] = { 0xedb88320, 32, SUM_CRC32, "cbf43926" },
	[SUM_CRC_32C] = { 0x82f63b78, 32, SUM_CRC32C, "e3069283" },
	[SUM_CRC_64] = { 0x9a6c9329ac4bc9b5, 64, SUM_CRC64,
	    "ae8b14860a799888" },
};

static uint64_t
slowly(enum sum_crc c, struct slice in)
{
	uint64_t ones = UINT64_MAX >> (64 - crcs[c].width), v = ones;

	for (size_t i = 0; i < in.n; i++) {
		v ^= in.p[i];
		for (int bit = 0; bit < 8; bit++)
			v = v >> 1 ^ (v & 1 ? crcs[c].poly : 0);
	}
	return v ^ ones;
}

static void
of(enum sum_kind kind, struct slice in, uint8_t out[SUM_MOST])
{
	struct sum s = { 0 };

	sum_begin(&s, kind);
	sum_add(&s, in);
	sum_end(&s, out);
	sum_free(&s);
}

static void
names(void)
{
	static const struct {
		enum sum_kind kind;
		const char *word, *header;
		size_t size;
		bool crc;
	} rows[] = {
		{ SUM_CRC32, "CRC32", "x-amz-checksum-crc32", 4, true },
		{ SUM_CRC32C, "CRC32C", "x-amz-checksum-crc32c", 4, true },
		{ SUM_CRC64, "CRC64NVME", "x-amz-checksum-crc64nvme", 8, true },
		{ SUM_SHA1, "SHA1", "x-amz-checksum-sha1", 20, false },
		{ SUM_SHA256, "SHA256", "x-amz-checksum-sha256", 32, false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		is_text(sum_word(rows[i].kind), rows[i].word, "word");
		is_text(sum_header(rows[i].kind), rows[i].header, "header");
		ok(sum_size(rows[i].kind) == rows[i].size &&
			sum_is_crc(rows[i].kind) == rows[i].crc,
		    "size and sort");
		is_int(sum_of_word(slice_text(rows[i].word)), rows[i].kind,
		    "of its word");
		is_int(sum_of_header(slice_text(rows[i].header)), rows[i].kind,
		    "of its header");
	}
	is_int(sum_of_word(slice_text("crc64Nvme")), SUM_CRC64, "without case");
	is_int(sum_of_header(slice_text("X-Amz-Checksum-SHA1")), SUM_SHA1,
	    "headers too");
	is_int(sum_of_word(slice_text("CRC")), SUM_NONE, "an unknown word");
	is_int(sum_of_word((struct slice){ 0 }), SUM_NONE, "none");
	is_int(sum_of_header(slice_text("x-amz-checksum-algorithm")), SUM_NONE,
	    "another header");
}

static void
checks(void)
{
	static const struct {
		enum sum_kind kind;
		const char *text, *base64;
	} rows[] = {
		{ SUM_CRC32, "123456789", "y/Q5Jg==" },
		{ SUM_CRC32C, "123456789", "4waSgw==" },
		{ SUM_CRC64, "123456789", "rosUhgp5mIg=" },
		{ SUM_CRC32, "", "AAAAAA==" },
		{ SUM_CRC64, "", "AAAAAAAAAAA=" },
		{ SUM_SHA1, "abc", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=" },
		{ SUM_SHA256, "abc",
		    "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t sum[SUM_MOST], back[SUM_MOST];
		char text[SUM_BASE64];

		of(rows[i].kind, slice_text(rows[i].text), sum);
		sum_text(rows[i].kind, sum, text);
		is_text(text, rows[i].base64, sum_word(rows[i].kind));
		ok(sum_parse(rows[i].kind, slice_text(text), back) == 0 &&
			memcmp(back, sum, sum_size(rows[i].kind)) == 0,
		    "and back");
	}
	for (unsigned c = 0; c < SUM_CRCS; c++) {
		struct buf text = { .max = 64 };
		uint8_t sum[SUM_MOST];

		of(crcs[c].kind, slice_text("123456789"), sum);
		mbase_encode(
		    MBASE_16, slice_of(sum, sum_size(crcs[c].kind)), &text);
		ok(slice_is(buf_slice(&text), crcs[c].check), "%s",
		    crcs[c].check);
		buf_free(&text);
	}
}

/* All lengths around the steps of the fast ways, at all alignments. */
static void
ways(void)
{
	for (unsigned i = 0; i < SUM_CRCS; i++) {
		enum sum_crc c = (enum sum_crc)i;
		unsigned wrong = 0;

		for (size_t n = 0; n <= 600; n++) {
			struct slice in = slice_of(many + n % 17, n);
			uint64_t want = slowly(c, in);

			wrong += sum_crc(c, 0, in) != want;
			wrong += sum_crc_table(c, 0, in) != want;
		}
		is_int(wrong, 0, "each length by each way");
		is_int(sum_crc(c, 0, slice_of(many, MANY)),
		    slowly(c, slice_of(many, MANY)), "and a long one");
		is_int(sum_crc(c, 7, (struct slice){ 0 }), 7, "of nothing");
	}
}

static void
pieces(void)
{
	for (unsigned k = 0; k < SUM_KINDS; k++) {
		enum sum_kind kind = (enum sum_kind)k;
		struct slice in = slice_of(many, MANY);
		uint8_t want[SUM_MOST], got[SUM_MOST];
		struct sum s = { 0 };

		of(kind, in, want);
		for (int round = 0; round < 2; round++) {
			sum_begin(&s, kind);
			in = slice_of(many, MANY);
			for (size_t n = 0; in.n > 0; n++)
				sum_add(
				    &s, get_bytes(&in, n < in.n ? n : in.n));
			sum_end(&s, got);
			is_bytes(got, sum_size(kind), want, sum_size(kind),
			    "in pieces");
		}
		sum_free(&s);
		sum_free(&s);
	}
}

static void
joined(void)
{
	static const size_t cuts[] = { 0, 1, 7, 8, 100, 4096, 4999, MANY };

	for (unsigned c = 0; c < SUM_CRCS; c++) {
		uint64_t all = slowly((enum sum_crc)c, slice_of(many, MANY));
		unsigned wrong = 0;

		for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
			size_t n = cuts[i];
			uint64_t a = slowly((enum sum_crc)c, slice_of(many, n));
			uint64_t b = slowly(
			    (enum sum_crc)c, slice_of(many + n, MANY - n));

			wrong +=
			    sum_crc_join(crcs[c].kind, a, b, MANY - n) != all;
		}
		is_int(wrong, 0, "joined at any place");
	}
	/* 5 TiB of a byte, by joining it with itself: in halves or at once */
	for (unsigned c = 0; c < SUM_CRCS; c++) {
		uint64_t n = 1, v = slowly((enum sum_crc)c, slice_of("a", 1));
		uint64_t w, five;

		for (int i = 0; i < 40; i++, n *= 2)
			v = sum_crc_join(crcs[c].kind, v, v, n);
		w = sum_crc_join(crcs[c].kind, v, v, n);
		five = sum_crc_join(crcs[c].kind,
		    sum_crc_join(crcs[c].kind, w, w, 2 * n), v, n);
		is_int(five,
		    sum_crc_join(crcs[c].kind, v,
			sum_crc_join(crcs[c].kind, w, w, 2 * n), 4 * n),
		    "five tebibytes");
	}
}

static void
refused(void)
{
	static const struct {
		enum sum_kind kind;
		const char *text;
	} rows[] = {
		{ SUM_CRC32, "" },
		{ SUM_CRC32, "y/Q5Jg=" },
		{ SUM_CRC32, "y/Q5Jg" },
		{ SUM_CRC32, "y/Q5Jg==\n" },
		{ SUM_CRC32, " y/Q5Jg==" },
		{ SUM_CRC32, "y/Q5Jh==" },
		{ SUM_CRC32, "y_Q5Jg==" },
		{ SUM_CRC32, "AAAAAAAAAAA=" },
		{ SUM_CRC64, "y/Q5Jg==" },
		{ SUM_SHA256, "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=" },
		{ SUM_SHA1, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=" },
		{ SUM_SHA256,
		    "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0AAAAAAAAAAAA" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t sum[SUM_MOST];

		is_int(sum_parse(rows[i].kind, slice_text(rows[i].text), sum),
		    -1, "refused");
	}
}

int
main(void)
{
	uint32_t v = 1;

	for (size_t i = 0; i < MANY; i++) {
		v = v * 1664525 + 1013904223;
		many[i] = (uint8_t)(v >> 24);
	}
	names();
	checks();
	ways();
	pieces();
	joined();
	refused();
	return tap_done();
}
