/* SPDX-License-Identifier: ISC */
#include "web/when.h"
#include "t/tap.h"

static const struct {
	const char *text;
	int64_t http, iso;
} dates[] = {
	{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777, -1 },
	{ "Sunday, 06-Nov-94 08:49:37 GMT", 784111777, -1 },
	{ "Sun Nov  6 08:49:37 1994", 784111777, -1 },
	{ "Sun Nov 16 08:49:37 1994", 784975777, -1 },
	{ "sun, 06 nov 1994 08:49:37 GMT", 784111777, -1 },
	{ "Thu, 01 Jan 1970 00:00:00 GMT", 0, -1 },
	{ "Wed, 31 Dec 1969 23:59:59 GMT", 0, -1 },
	{ "Mon, 01 Jan 0001 00:00:00 GMT", 0, -1 },
	{ "Thu, 29 Feb 2024 12:00:00 GMT", 1709208000, -1 },
	{ "Tue, 19 Jan 2038 03:14:08 GMT", 2147483648, -1 },
	{ "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799, -1 },
	{ "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800, -1 },
	{ "Friday, 01-Jan-70 00:00:00 GMT", 0, -1 },
	{ "Tuesday, 01-Jan-69 00:00:00 GMT", 3124224000, -1 },
	{ "Wed, 29 Feb 2023 12:00:00 GMT", -1, -1 },
	{ "Sun, 00 Nov 1994 08:49:37 GMT", -1, -1 },
	{ "Sun, 31 Nov 1994 08:49:37 GMT", -1, -1 },
	{ "Sun, 06 Nov 1994 24:00:00 GMT", -1, -1 },
	{ "Sun, 06 Nov 1994 08:60:37 GMT", -1, -1 },
	{ "Sun, 06 Nov 1994 08:49:61 GMT", -1, -1 },
	{ "Sun, 6 Nov 1994 08:49:37 GMT", -1, -1 },
	{ "Sun, 06 Nov 94 08:49:37 GMT", -1, -1 },
	{ "Sun, 06 Nov 1994 08:49:37 CET", -1, -1 },
	{ "Sun, 06 Nov 1994 08:49:37 GMT ", -1, -1 },
	{ "Sun, 06 Nov 1994 08:49:37", -1, -1 },
	{ "Sun, 06 Nov 1994 08:49:+7 GMT", -1, -1 },
	{ "Xyz, 06 Nov 1994 08:49:37 GMT", -1, -1 },
	{ "Sun, 06 Xyz 1994 08:49:37 GMT", -1, -1 },
	{ "", -1, -1 },
	{ "0", -1, -1 },
	{ "2009-10-12T17:50:30Z", -1, 1255369830 },
	{ "2009-10-12T17:50:30.000Z", -1, 1255369830 },
	{ "2009-10-12T17:50:30.999999999Z", -1, 1255369830 },
	{ "2009-10-12", -1, 1255305600 },
	{ "1970-01-01T00:00:00.000Z", -1, 0 },
	{ "2009-10-12T17:50:30", -1, -1 },
	{ "2009-10-12T17:50:30.Z", -1, -1 },
	{ "2009-10-12T17:50:30+00:00", -1, -1 },
	{ "2009-13-12", -1, -1 },
	{ "2009-00-12", -1, -1 },
	{ "2009-1-12", -1, -1 },
	{ "20091012T175030Z", -1, -1 },
};

static void
test_dates(void)
{
	for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
		struct slice text = slice_text(dates[i].text);

		ok(when_parse_http(text) == dates[i].http &&
			when_parse_iso(text) == dates[i].iso,
		    "\"%s\"", dates[i].text);
	}
}

static void
test_texts(void)
{
	static const int64_t times[] = { 0, 1, 951782400, 951868799, 1709208000,
		2147483647, 4102444800, 253402300799 };
	char text[WHEN_TEXT];

	when_http(784111777, text);
	is_text(text, "Sun, 06 Nov 1994 08:49:37 GMT", "HTTP's form");
	when_iso(1255369830123, text);
	is_text(text, "2009-10-12T17:50:30.123Z", "S3's form");
	when_http(-5, text);
	is_text(text, "Thu, 01 Jan 1970 00:00:00 GMT", "before 1970");
	when_http(INT64_MAX, text);
	is_text(text, "Fri, 31 Dec 9999 23:59:59 GMT", "after all");
	when_iso(INT64_MIN, text);
	is_text(text, "1970-01-01T00:00:00.000Z", "before 1970, S3's");
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		when_http(times[i], text);
		ok(when_parse_http(slice_text(text)) == times[i], "%s", text);
		when_iso(times[i] * 1000 + 7, text);
		ok(when_parse_iso(slice_text(text)) == times[i], "%s", text);
	}
}

/* "Name: value" lines, one after the other. */
static struct http_head
head_of(const char *const *lines)
{
	struct http_head head = { .method = slice_text("GET"), .uid = -1 };

	for (; lines && *lines; lines++) {
		const char *colon = strchr(*lines, ':');

		head.fields[head.n++] = (struct http_field){
			slice_of(*lines, (size_t)(colon - *lines)),
			slice_text(colon + 2)
		};
	}
	return head;
}

/* The object was modified at NOON and has the tag "abc". */
#define NOON   INT64_C(1709208000)
#define BEFORE "Thu, 29 Feb 2024 11:59:59 GMT"
#define AT     "Thu, 29 Feb 2024 12:00:00 GMT"
#define AFTER  "Thu, 29 Feb 2024 12:00:01 GMT"

static const struct {
	const char *lines[5];
	enum when_end end;
} reads[] = {
	{ { NULL }, WHEN_GO },
	{ { "If-Match: \"abc\"" }, WHEN_GO },
	{ { "if-match: abc" }, WHEN_GO },
	{ { "If-Match: *" }, WHEN_GO },
	{ { "If-Match: \"x\", \"abc\"" }, WHEN_GO },
	{ { "If-Match: x ,abc" }, WHEN_GO },
	{ { "If-Match: \"x\"", "If-Match: \"abc\"" }, WHEN_GO },
	{ { "If-Match: \"a,abc\"" }, WHEN_FAILED },
	{ { "If-Match: W/\"abc\"" }, WHEN_FAILED },
	{ { "If-Match: \"ab\"" }, WHEN_FAILED },
	{ { "If-Match: \"abc" }, WHEN_GO },
	{ { "If-Match: " }, WHEN_FAILED },
	{ { "If-Match: \"" }, WHEN_FAILED },
	{ { "If-None-Match: \"abc\"" }, WHEN_NOT_MODIFIED },
	{ { "If-None-Match: W/\"abc\"" }, WHEN_NOT_MODIFIED },
	{ { "If-None-Match: \"x\", W/\"abc\"" }, WHEN_NOT_MODIFIED },
	{ { "If-None-Match: *" }, WHEN_NOT_MODIFIED },
	{ { "If-None-Match: \"x\"" }, WHEN_GO },
	{ { "If-Modified-Since: " BEFORE }, WHEN_GO },
	{ { "If-Modified-Since: " AT }, WHEN_NOT_MODIFIED },
	{ { "If-Modified-Since: " AFTER }, WHEN_NOT_MODIFIED },
	{ { "If-Modified-Since: yesterday" }, WHEN_GO },
	{ { "If-Unmodified-Since: " BEFORE }, WHEN_FAILED },
	{ { "If-Unmodified-Since: " AT }, WHEN_GO },
	{ { "If-Unmodified-Since: tomorrow" }, WHEN_GO },
	/* S3: a tag wins over a date that says the opposite */
	{ { "If-Match: \"abc\"", "If-Unmodified-Since: " BEFORE }, WHEN_GO },
	{ { "If-Match: \"x\"", "If-Unmodified-Since: " AFTER }, WHEN_FAILED },
	{ { "If-None-Match: \"abc\"", "If-Modified-Since: " BEFORE },
	    WHEN_NOT_MODIFIED },
	{ { "If-None-Match: \"x\"", "If-Modified-Since: " AFTER }, WHEN_GO },
	{ { "If-None-Match: \"abc\"", "If-Match: \"x\"" }, WHEN_FAILED },
	{ { "If-None-Match: \"abc\"", "If-Match: \"abc\"" },
	    WHEN_NOT_MODIFIED },
};

static void
test_reads(void)
{
	for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
		struct http_head head = head_of(reads[i].lines);
		enum when_end copy =
		    reads[i].end == WHEN_GO ? WHEN_GO : WHEN_FAILED;
		char names[4][64];

		is_int(when_read(&head, "abc", NOON), reads[i].end,
		    reads[i].lines[0] ? reads[i].lines[0] : "no condition");
		for (size_t j = 0; j < head.n; j++) {
			snprintf(names[j], sizeof names[j],
			    "x-amz-copy-source-%.*s",
			    (int)head.fields[j].name.n,
			    (const char *)head.fields[j].name.p);
			head.fields[j].name = slice_text(names[j]);
		}
		ok(when_copy(&head, "abc", NOON) == copy &&
			when_read(&head, "abc", NOON) == WHEN_GO,
		    "and of a copy's source");
	}
}

static void
test_absent(void)
{
	static const char *const any[] = { "If-Match: *", NULL };
	static const char *const none[] = { "If-None-Match: *",
		"If-Modified-Since: " AFTER, "If-Unmodified-Since: " BEFORE,
		NULL };
	struct http_head head = head_of(any);

	is_int(when_read(&head, NULL, 0), WHEN_FAILED, "nothing to match");
	head = head_of(none);
	is_int(when_read(&head, NULL, 0), WHEN_GO, "nothing to be old");
}

static const struct {
	const char *lines[3];
	enum when_write there, gone;
} writes[] = {
	{ { NULL }, WHEN_WRITE, WHEN_WRITE },
	{ { "If-None-Match: *" }, WHEN_WRITE_FAILED, WHEN_WRITE },
	{ { "If-None-Match: \"abc\"" }, WHEN_BAD, WHEN_BAD },
	{ { "If-None-Match: " }, WHEN_BAD, WHEN_BAD },
	{ { "If-Match: \"abc\"" }, WHEN_WRITE, WHEN_WRITE_ABSENT },
	{ { "If-Match: abc" }, WHEN_WRITE, WHEN_WRITE_ABSENT },
	{ { "If-Match: *" }, WHEN_WRITE, WHEN_WRITE_ABSENT },
	{ { "If-Match: \"x\"" }, WHEN_WRITE_FAILED, WHEN_WRITE_ABSENT },
	{ { "If-Match: W/\"abc\"" }, WHEN_WRITE_FAILED, WHEN_WRITE_ABSENT },
	{ { "If-Match: \"abc\"", "If-None-Match: *" }, WHEN_WRITE_FAILED,
	    WHEN_WRITE_ABSENT },
	{ { "If-Unmodified-Since: " AT }, WHEN_BAD, WHEN_BAD },
	{ { "If-Modified-Since: " AFTER }, WHEN_WRITE, WHEN_WRITE },
};

static void
test_writes(void)
{
	for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
		struct http_head head = head_of(writes[i].lines);

		ok(when_write(&head, true, "abc") == writes[i].there &&
			when_write(&head, false, NULL) == writes[i].gone,
		    "a write with %s",
		    writes[i].lines[0] ? writes[i].lines[0] : "no condition");
	}
}

static void
test_if_range(void)
{
	static const struct {
		const char *line;
		bool want;
	} rows[] = {
		{ NULL, true },
		{ "If-Range: \"abc\"", true },
		{ "If-Range: abc", true },
		{ "If-Range: W/\"abc\"", false },
		{ "If-Range: \"x\"", false },
		{ "If-Range: ", false },
		{ "If-Range: " AT, true },
		{ "If-Range: " BEFORE, false },
		{ "If-Range: " AFTER, false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *lines[] = { rows[i].line, NULL };
		struct http_head head = head_of(lines);

		ok(when_if_range(&head, "abc", NOON) == rows[i].want, "%s",
		    rows[i].line ? rows[i].line : "no If-Range");
	}
}

enum { PART, WHOLE, BAD };
static const struct {
	const char *header;
	uint64_t size;
	int want;
	uint64_t from, n;
} ranges[] = {
	{ "bytes=0-9", 100, PART, 0, 10 },
	{ "bytes=0-0", 100, PART, 0, 1 },
	{ "bytes=99-99", 100, PART, 99, 1 },
	{ "bytes=90-", 100, PART, 90, 10 },
	{ "bytes=0-", 100, PART, 0, 100 },
	{ "bytes=90-1000", 100, PART, 90, 10 },
	{ "bytes=0-18446744073709551615", 100, PART, 0, 100 },
	{ "bytes=0-99999999999999999999999", 100, PART, 0, 100 },
	{ "bytes=-10", 100, PART, 90, 10 },
	{ "bytes=-100", 100, PART, 0, 100 },
	{ "bytes=-1000", 100, PART, 0, 100 },
	{ "Bytes=0-9", 100, PART, 0, 10 },
	{ "bytes= 0-9 ", 100, PART, 0, 10 },
	{ "bytes=5-5", UINT64_MAX, PART, 5, 1 },
	{ "bytes=0-18446744073709551615", UINT64_MAX, PART, 0, UINT64_MAX },
	{ "bytes=100-", 100, BAD, 0, 0 },
	{ "bytes=100-200", 100, BAD, 0, 0 },
	{ "bytes=99999999999999999999999-", 100, BAD, 0, 0 },
	{ "bytes=-0", 100, BAD, 0, 0 },
	{ "bytes=0-", 0, BAD, 0, 0 },
	{ "bytes=0-0", 0, BAD, 0, 0 },
	{ "bytes=-1", 0, BAD, 0, 0 },
	{ "", 100, WHOLE, 0, 0 },
	{ "bytes=", 100, WHOLE, 0, 0 },
	{ "bytes=-", 100, WHOLE, 0, 0 },
	{ "bytes=9-0", 100, WHOLE, 0, 0 },
	{ "bytes=0-9,20-29", 100, WHOLE, 0, 0 },
	{ "bytes=0 - 9", 100, WHOLE, 0, 0 },
	{ "bytes=0-9x", 100, WHOLE, 0, 0 },
	{ "bytes=a-b", 100, WHOLE, 0, 0 },
	{ "bytes=--1", 100, WHOLE, 0, 0 },
	{ "bytes=5", 100, WHOLE, 0, 0 },
	{ "bytes 0-9", 100, WHOLE, 0, 0 },
	{ "items=0-9", 100, WHOLE, 0, 0 },
};

static void
test_ranges(void)
{
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		uint64_t from = 7, n = 7;
		bool bad = true;
		bool part = when_range(slice_text(ranges[i].header),
		    ranges[i].size, &from, &n, &bad);

		ok(part == (ranges[i].want == PART) &&
			bad == (ranges[i].want == BAD) &&
			from == ranges[i].from && n == ranges[i].n,
		    "\"%s\" of %" PRIu64, ranges[i].header, ranges[i].size);
	}
}

static void
test_copy_ranges(void)
{
	static const struct {
		const char *header;
		bool want;
	} rows[] = {
		{ "bytes=0-99", true },
		{ "bytes=0-100", false },
		{ "bytes=0-", false },
		{ "bytes=-9", false },
		{ "bytes=9-8", false },
		{ "Bytes=0-9", false },
		{ "bytes=0-9,1-2", false },
		{ "", false },
	};
	uint64_t from, n;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ok(when_copy_range(slice_text(rows[i].header), 100, &from,
		       &n) == rows[i].want,
		    "copy \"%s\" of 100", rows[i].header);
	ok(when_copy_range(slice_text("bytes=5-9"), 100, &from, &n) &&
		from == 5 && n == 5,
	    "where it begins, and how long it is");
}

int
main(void)
{
	test_dates();
	test_texts();
	test_reads();
	test_absent();
	test_writes();
	test_if_range();
	test_ranges();
	test_copy_ranges();
	return tap_done();
}
