/* SPDX-License-Identifier: ISC
 *
 * The text as a date, a range and each condition: dates print to what parses
 * the same, ranges lie within, and conditions keep to their own answers. */
#include "web/when.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
check_date(struct slice in)
{
	int64_t http = when_parse_http(in), iso = when_parse_iso(in);
	char text[WHEN_TEXT];

	must(http < 0 || iso < 0);
	if (http >= 0) {
		when_http(http, text);
		must(when_parse_http(slice_text(text)) == http);
	}
	if (iso >= 0) {
		when_iso(iso * 1000, text);
		must(when_parse_iso(slice_text(text)) == iso);
	}
}

static void
check_range(struct slice in, uint64_t size)
{
	uint64_t from, n;
	bool bad;

	if (when_range(in, size, &from, &n, &bad))
		must(!bad && n > 0 && n <= size && from <= size - n);
	if (when_copy_range(in, size, &from, &n))
		must(n > 0 && n <= size && from <= size - n);
}

static void
check_conditions(struct slice in, uint8_t kind)
{
	static const char *const names[] = { "if-match", "if-none-match",
		"if-modified-since", "if-unmodified-since", "if-range",
		"x-amz-copy-source-if-match",
		"x-amz-copy-source-if-none-match" };
	struct http_head head = { .n = 1, .uid = -1 };

	head.fields[0] = (struct http_field){
		slice_text(names[kind % (sizeof names / sizeof *names)]), in
	};
	when_read(&head, "abc", 784111777);
	must(when_copy(&head, "abc", 784111777) != WHEN_NOT_MODIFIED);
	must(when_write(&head, true, "abc") != WHEN_WRITE_ABSENT);
	must(when_write(&head, false, NULL) != WHEN_WRITE_FAILED);
	when_if_range(&head, "abc", 784111777);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in = slice_of(p, n);
	uint8_t kind = get_u8(&in);

	if (n == 0)
		return 0;
	check_date(in);
	check_range(in, kind);
	check_range(in, UINT64_MAX - kind);
	check_conditions(in, kind);
	return 0;
}
