/* SPDX-License-Identifier: ISC */
#include "base/msec.h"

#include <time.h>

static msec
read_clock(clockid_t which)
{
	struct timespec t = { 0 };

	/* cannot fail for the clocks that Linux always has */
	clock_gettime(which, &t);
	return (msec)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

msec
msec_now(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

msec
msec_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}
