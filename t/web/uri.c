/* SPDX-License-Identifier: ISC */
#include "web/uri.h"
#include "t/tap.h"

#include "base/mem.h"
#include "web/http.h"

#include <stdlib.h>

static void
paths(void)
{
	static const struct {
		const char *target, *path, *raw, *query;
	} rows[] = {
		{ "/", "/", "/", "" },
		{ "/a/b", "/a/b", "/a/b", "" },
		{ "/a%2Fb%20c+d?x", "/a/b c+d", "/a%2Fb%20c+d", "x" },
		{ "//a//../b/./", "//a//../b/./", "//a//../b/./", "" },
		{ "/%c3%a9%C3%A9", "/\xc3\xa9\xc3\xa9", "/%c3%a9%C3%A9", "" },
		{ "/caf\xc3\xa9", "/caf\xc3\xa9", "/caf\xc3\xa9", "" },
		{ "/a%25%32%35", "/a%25", "/a%25%32%35", "" },
		{ "/a?b?c=d?e", "/a", "/a", "b?c=d?e" },
		{ "http://host:9000/a/b?c", "/a/b", "/a/b", "c" },
		{ "HTTPS://host/a", "/a", "/a", "" },
		{ "http://host", "/", "/", "" },
		{ "http://host?x=1", "/", "/", "x=1" },
		{ "/http://host/a", "/http://host/a", "/http://host/a", "" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *why = "?";
		struct uri u;

		ok(uri_parse(slice_text(rows[i].target), &u, &why) == 0,
		    "%s is parsed", rows[i].target);
		ok(why == NULL && slice_is(u.path, rows[i].path), "its path");
		ok(slice_is(u.raw_path, rows[i].raw), "as it came");
		ok(slice_is(u.raw_query, rows[i].query), "its query");
		uri_free(&u);
		uri_free(&u);
	}
}

static void
pairs(void)
{
	static const char target[] = "/b?lifecycle&prefix=a%2Fb&marker=&x=1=2"
				     "&&x=2&=v&a+b=c+d%2B&%26=%3D&";
	static const struct {
		const char *name, *value;
		bool has_value;
	} rows[] = {
		{ "lifecycle", "", false },
		{ "prefix", "a/b", true },
		{ "marker", "", true },
		{ "x", "1=2", true },
		{ "x", "2", true },
		{ "", "v", true },
		{ "a b", "c d+", true },
		{ "&", "=", true },
	};
	const char *why;
	struct uri u;

	ok(uri_parse(slice_text(target), &u, &why) == 0, "a query");
	is_int(u.n, sizeof rows / sizeof *rows, "pairs");
	for (size_t i = 0; i < u.n; i++)
		ok(slice_is(u.pairs[i].name, rows[i].name) &&
			slice_is(u.pairs[i].value, rows[i].value) &&
			u.pairs[i].has_value == rows[i].has_value,
		    "%s", rows[i].name);
	ok(uri_find(&u, "x") == &u.pairs[3], "the first of two");
	ok(uri_find(&u, "X") == NULL, "names have case");
	ok(slice_is(uri_value(&u, "prefix"), "a/b"), "a value");
	is_int(uri_value(&u, "nothing").n, 0, "empty when not there");
	ok(uri_find(&u, "lifecycle") != NULL, "there without a value");
	uri_free(&u);
	is_int(u.n, 0, "no pairs after free");
}

static void
faults(void)
{
	static const struct {
		const char *target;
		size_t n;
		const char *why;
	} rows[] = {
		{ "", 0, "the target does not begin with a slash" },
		{ "*", 1, "the target does not begin with a slash" },
		{ "a/b", 3, "the target does not begin with a slash" },
		{ "?a", 2, "the target does not begin with a slash" },
		{ "ftp://host/", 11, "the target does not begin with a slash" },
		{ "/%", 2, "a percent sign without two hex digits" },
		{ "/%4", 3, "a percent sign without two hex digits" },
		{ "/%4g", 4, "a percent sign without two hex digits" },
		{ "/%-1a", 5, "a percent sign without two hex digits" },
		{ "/%0", 3, "a percent sign without two hex digits" },
		{ "/?a=%", 5, "a percent sign without two hex digits" },
		{ "/?%zz=1", 7, "a percent sign without two hex digits" },
		{ "/a%00b", 6, "a NUL byte" },
		{ "/a\0b", 4, "a NUL byte" },
		{ "/?a=%00", 7, "a NUL byte" },
		{ "/?%00", 5, "a NUL byte" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *why = NULL;
		struct uri u;

		ok(uri_parse(slice_of(rows[i].target, rows[i].n), &u, &why) < 0,
		    "%s is refused", rows[i].target);
		is_text(why, rows[i].why, "for this");
		ok(u.bytes.mem == NULL && u.n == 0, "nothing is left to free");
	}
}

static void
ceilings(void)
{
	char *target = mem_new(HTTP_TARGET + 8);
	const char *why = NULL;
	struct uri u;

	memset(target, 'a', HTTP_TARGET + 1);
	target[0] = '/';
	ok(uri_parse(slice_of(target, HTTP_TARGET), &u, &why) == 0 &&
		u.path.n == HTTP_TARGET,
	    "the longest target");
	uri_free(&u);
	ok(uri_parse(slice_of(target, HTTP_TARGET + 1), &u, &why) < 0,
	    "one byte more");
	is_text(why, "the target is too long", "too long");
	memcpy(target, "/?", 2);
	for (size_t i = 0; i <= URI_PAIRS; i++)
		memcpy(target + 2 + 2 * i, "&x", 2);
	ok(uri_parse(slice_of(target, 2 + 2 * URI_PAIRS), &u, &why) == 0 &&
		u.n == URI_PAIRS,
	    "as many pairs as may be");
	uri_free(&u);
	ok(uri_parse(slice_of(target, 4 + 2 * URI_PAIRS), &u, &why) < 0,
	    "one more");
	is_text(why, "too many parameters", "too many");
	/* the longest, all of it in a query of empty pairs */
	memset(target + 2, '&', HTTP_TARGET - 2);
	ok(uri_parse(slice_of(target, HTTP_TARGET), &u, &why) == 0 && u.n == 0,
	    "nothing but ampersands");
	uri_free(&u);
	free(target);
}

static void
escapes(void)
{
	static const struct {
		const char *in, *all, *but_slash;
	} rows[] = {
		{ "", "", "" },
		{ "azAZ09-._~", "azAZ09-._~", "azAZ09-._~" },
		{ "/a/b", "%2Fa%2Fb", "/a/b" },
		{ "a b+c", "a%20b%2Bc", "a%20b%2Bc" },
		{ "!*'()", "%21%2A%27%28%29", "%21%2A%27%28%29" },
		{ "%41", "%2541", "%2541" },
		{ "\xff\x7f\x01", "%FF%7F%01", "%FF%7F%01" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out = { .max = 100 };

		uri_escape(&out, slice_text(rows[i].in), false);
		ok(slice_is(buf_slice(&out), rows[i].all), "%s", rows[i].all);
		buf_drop(&out, out.n);
		uri_escape(&out, slice_text(rows[i].in), true);
		ok(slice_is(buf_slice(&out), rows[i].but_slash), "%s",
		    rows[i].but_slash);
		buf_free(&out);
	}
}

static void
unescapes(void)
{
	struct buf out = { .max = 100 };

	put_text(&out, "x");
	is_int(uri_unescape(&out, slice_text("a+b%2b%00"), true), 0, "decoded");
	is_bytes(out.p, out.n, "xa b+\0", 6, "appended, + a blank");
	buf_drop(&out, out.n);
	is_int(uri_unescape(&out, slice_text("a+b"), false), 0, "again");
	ok(slice_is(buf_slice(&out), "a+b"), "+ a plus");
	is_int(uri_unescape(&out, slice_text("c%2"), false), -1, "half of one");
	ok(slice_is(buf_slice(&out), "a+b") && !out.bad, "and nothing is put");
	is_int(uri_unescape(&out, (struct slice){ 0 }, false), 0, "nothing");
	buf_free(&out);
	out.max = 2;
	is_int(uri_unescape(&out, slice_text("abc"), false), -1, "no room");
	ok(out.bad, "the buf is bad");
	buf_free(&out);
}

/* Each byte through both, but for what uri_parse refuses. */
static void
every_byte(void)
{
	unsigned same = 0;

	for (int c = 0; c < 256; c++) {
		uint8_t in = (uint8_t)c;
		struct buf text = { .max = 8 }, back = { .max = 8 };

		uri_escape(&text, slice_of(&in, 1), false);
		same += uri_unescape(&back, buf_slice(&text), true) == 0 &&
			slice_eq(buf_slice(&back), slice_of(&in, 1));
		buf_free(&text);
		buf_free(&back);
	}
	is_int(same, 256, "every byte comes back");
}

int
main(void)
{
	paths();
	pairs();
	faults();
	ceilings();
	escapes();
	unescapes();
	every_byte();
	return tap_done();
}
