/* SPDX-License-Identifier: ISC
 *
 * CRCs whose bits are reflected, with all ones before and after: a width and a
 * polynomial, and tables made of them.  Only sum.c and its test include this. */
#ifndef WEB_SUM_OWN_H
#define WEB_SUM_OWN_H

#include "base/slice.h"

enum sum_crc { SUM_CRC_32, SUM_CRC_32C, SUM_CRC_64, SUM_CRCS };

/* The CRC of what crc is of, and these bytes; 0 is that of nothing. */
uint64_t sum_crc(enum sum_crc, uint64_t crc, struct slice);
/* The same by tables alone, whatever the processor has. */
uint64_t sum_crc_table(enum sum_crc, uint64_t crc, struct slice);
/* crc with n zero bytes behind it, as polynomials: no ones before or after. */
uint64_t sum_crc_shift(enum sum_crc, uint64_t crc, uint64_t n);

#endif
