/* SPDX-License-Identifier: ISC
 *
 * The checksums of S3's x-amz-checksum-* headers (AWS "Checking object
 * integrity"): CRC32, CRC32C, CRC64NVME, SHA1, SHA256; as values over bytes, in
 * base64, and combined over the parts of a multipart upload, either as the sum
 * of sums (COMPOSITE) or, for CRCs, of the whole (FULL_OBJECT). */
#ifndef WEB_SUM_H
#define WEB_SUM_H

#include "crypt/digest.h"
#include "base/buf.h"

#define SUM_LIST(R)                                                            \
	R(CRC32, "crc32", "CRC32", 4, true)                                    \
	R(CRC32C, "crc32c", "CRC32C", 4, true)                                 \
	R(CRC64, "crc64nvme", "CRC64NVME", 8, true)                            \
	R(SHA1, "sha1", "SHA1", 20, false)                                     \
	R(SHA256, "sha256", "SHA256", 32, false)

enum sum_kind {
#define R(name, header, word, bytes, crc) SUM_##name,
	SUM_LIST(R)
#undef R
	    SUM_KINDS,
	SUM_NONE = SUM_KINDS,
};
enum { SUM_MOST = 32, SUM_BASE64 = 45 };

size_t sum_size(enum sum_kind);
const char *sum_word(enum sum_kind);       /* "CRC32", as XML has it */
const char *sum_header(enum sum_kind);     /* "x-amz-checksum-crc32" */
enum sum_kind sum_of_word(struct slice);   /* without case; SUM_NONE */
enum sum_kind sum_of_header(struct slice); /* a header's name; SUM_NONE */
bool sum_is_crc(enum sum_kind);

/* Running.  A zeroed one is valid and not begun. */
struct sum {
	enum sum_kind kind;
	uint64_t crc;
	struct digest digest;
};
void sum_begin(struct sum *, enum sum_kind);
void sum_add(struct sum *, struct slice);
void sum_end(struct sum *, uint8_t out[SUM_MOST]); /* big-endian for CRCs */
void sum_free(struct sum *);

/* The CRC of a ‖ b from those of a and b and b's length. */
uint64_t sum_crc_join(enum sum_kind, uint64_t a, uint64_t b, uint64_t b_bytes);

/* Base64 as the headers have it, NUL-terminated; and back: -1 when it is not
 * exactly the size of this kind. */
void sum_text(enum sum_kind, const uint8_t *sum, char text[SUM_BASE64]);
int sum_parse(enum sum_kind, struct slice text, uint8_t sum[SUM_MOST]);

#endif
