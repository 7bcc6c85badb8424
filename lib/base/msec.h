/* SPDX-License-Identifier: ISC
 *
 * Time as every module takes it: milliseconds of CLOCK_BOOTTIME, so that a
 * value survives an exec in place.  MSEC_NEVER is later than all others. */
#ifndef BASE_MSEC_H
#define BASE_MSEC_H

#include <stdint.h>

typedef int64_t msec;

#define MSEC_NEVER INT64_MAX

msec msec_now(void);
/* Wall clock, milliseconds since 1970, for stamps that leave the machine. */
msec msec_wall(void);

static inline msec
msec_min(msec a, msec b)
{
	return a < b ? a : b;
}

#endif
