/* SPDX-License-Identifier: ISC
 *
 * TAP for unit tests: ok(cond, name…) shows the condition that failed, is_*
 * compare and show both sides.
 * End with `return tap_done();`. */
#ifndef TAP_H
#define TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned tap_ran, tap_failed;

/* What failed, and where, stands in a comment in front of its line. */
#define ok(good, ...) tap_ok(good, #good, __FILE__, __LINE__, __VA_ARGS__)

static inline bool __attribute__((format(printf, 5, 6)))
tap_ok(bool good, const char *what, const char *file, int line,
    const char *fmt, ...)
{
	va_list ap;

	if (!good && what)
		printf("# %s:%d: %s\n", file, line, what);
	printf("%sok %u - ", good ? "" : "not ", ++tap_ran);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!good)
		tap_failed++;
	fflush(stdout);
	return good;
}

#define is_int(got, want, name)                                               \
	tap_is_int((int64_t)(got), (int64_t)(want), __FILE__, __LINE__, name)
#define is_text(got, want, name)                                              \
	tap_is_text(got, want, __FILE__, __LINE__, name)
#define is_bytes(got, ngot, want, nwant, name)                                \
	tap_is_bytes(got, ngot, want, nwant, __FILE__, __LINE__, name)

static inline bool
tap_is_int(int64_t got, int64_t want, const char *file, int line,
    const char *name)
{
	if (got != want)
		printf("# %s:%d: got %" PRId64 ", want %" PRId64 "\n", file,
		    line, got, want);
	return tap_ok(got == want, NULL, file, line, "%s", name);
}

static inline bool
tap_is_text(const char *got, const char *want, const char *file, int line,
    const char *name)
{
	bool same = got && want ? strcmp(got, want) == 0 : got == want;

	if (!same)
		printf("# %s:%d: got %s, want %s\n", file, line,
		    got ? got : "(null)", want ? want : "(null)");
	return tap_ok(same, NULL, file, line, "%s", name);
}

static inline void
tap_hex(const char *what, const void *p, size_t n)
{
	printf("# %s: ", what);
	for (size_t i = 0; i < n && i < 96; i++)
		printf("%02x", ((const unsigned char *)p)[i]);
	printf("%s (%zu)\n", n > 96 ? "…" : "", n);
}

static inline bool
tap_is_bytes(const void *got, size_t ngot, const void *want, size_t nwant,
    const char *file, int line, const char *name)
{
	bool same = ngot == nwant && (ngot == 0 || !memcmp(got, want, ngot));

	if (!same) {
		printf("# %s:%d:\n", file, line);
		tap_hex("got ", got, ngot);
		tap_hex("want", want, nwant);
	}
	return tap_ok(same, NULL, file, line, "%s", name);
}

static inline int
tap_done(void)
{
	printf("1..%u\n", tap_ran);
	return tap_failed ? 1 : 0;
}

#endif
