/* SPDX-License-Identifier: ISC
 *
 * Any text is either a configuration, or faults of whole lines.  What was
 * loaded without a fault can be printed, loaded and printed the same again. */
#include "base/conf.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { INPUT = 16 << 10, TEXT = 256 << 10 };

struct settings {
	char *name;
	uint64_t count, size, wait;
	bool flag;
	struct conf_list words, rules;
	unsigned level;
};

static const char *const levels[] = { "low", "high", NULL };

#define AT(f) offsetof(struct settings, f)
static const struct conf_row rows[] = {
	{ "m", "n", CONF_STR, AT(name), "none" },
	{ "m", "f", CONF_BOOL, AT(flag), "no" },
	{ "m", "l", CONF_WORD, AT(level), "low", .words = levels },
	{ "s", "c", CONF_UINT, AT(count), "5", .least = 1, .within = "s" },
	{ "s", "s", CONF_BYTES, AT(size), "1M" },
	{ "s", "w", CONF_TIME, AT(wait), "90", .most = 3600000 },
	{ "t", "w", CONF_LIST, AT(words), "a b\nc", .most = 8 },
	{ "t", "r", CONF_LINES, AT(rules), "x: 1 2" },
};
enum { NROWS = sizeof rows / sizeof rows[0] };

static void
check_again(const struct settings *first)
{
	struct settings second;
	struct buf once = { .max = TEXT }, twice = { .max = TEXT };

	conf_print(rows, NROWS, first, &once);
	if (once.bad ||
	    conf_parse("again", buf_slice(&once), rows, NROWS, NULL, &second,
		&twice) < 0 ||
	    twice.n > 0)
		abort();
	conf_print(rows, NROWS, &second, &twice);
	if (!slice_eq(buf_slice(&once), buf_slice(&twice)))
		abort();
	conf_free(rows, NROWS, &second);
	buf_free(&once);
	buf_free(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf faults = { .max = TEXT };
	struct settings got;

	if (n > INPUT)
		return 0;
	if (conf_parse("f", slice_of(p, n), rows, NROWS, NULL, &got, &faults) ==
	    0)
		check_again(&got);
	else if (faults.bad || faults.n == 0 || faults.p[faults.n - 1] != '\n')
		abort();
	conf_free(rows, NROWS, &got);
	buf_free(&faults);
	return 0;
}
