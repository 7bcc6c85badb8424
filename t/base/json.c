/* SPDX-License-Identifier: ISC */
#include "base/json.h"
#include "t/tap.h"

#define BAD "\xef\xbf\xbd"

static struct buf out = { .max = 4096 };

static const char *
text_of_out(void)
{
	static char text[4097];

	if (out.n > 0)
		memcpy(text, out.p, out.n);
	text[out.n] = '\0';
	buf_drop(&out, out.n);
	return text;
}

static void
test_kinds(void)
{
	struct json j;

	json_begin(&j, &out);
	json_end(&j);
	is_text(text_of_out(), "{}\n", "an empty object");
	json_begin(&j, &out);
	json_text(&j, "t", "x");
	json_uint(&j, "u", UINT64_MAX);
	json_int(&j, "i", INT64_MIN);
	json_bool(&j, "y", true);
	json_bool(&j, "n", false);
	json_none(&j, "z");
	json_end(&j);
	is_text(text_of_out(),
	    "{\"t\":\"x\",\"u\":18446744073709551615,"
	    "\"i\":-9223372036854775808,\"y\":true,\"n\":false,\"z\":null}\n",
	    "every kind of value");
}

static void
test_milli(void)
{
	static const struct {
		int64_t v;
		const char *want;
	} rows[] = {
		{ 1234, "{\"m\":1.234}\n" },
		{ 0, "{\"m\":0.000}\n" },
		{ 5, "{\"m\":0.005}\n" },
		{ -5, "{\"m\":-0.005}\n" },
		{ -1234, "{\"m\":-1.234}\n" },
		{ INT64_MAX, "{\"m\":9223372036854775.807}\n" },
		{ INT64_MIN, "{\"m\":-9223372036854775.808}\n" },
	};
	struct json j;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_begin(&j, &out);
		json_milli(&j, "m", rows[i].v);
		json_end(&j);
		is_text(text_of_out(), rows[i].want, "thousandths");
	}
}

static void
test_nesting(void)
{
	struct json j;

	json_begin(&j, &out);
	json_open_array(&j, "a");
	json_uint(&j, NULL, 1);
	json_open_object(&j, NULL);
	json_close_object(&j);
	json_open_object(&j, NULL);
	json_uint(&j, "k", 2);
	json_open_array(&j, "e");
	json_close_array(&j);
	json_uint(&j, "l", 3);
	json_close_object(&j);
	json_text(&j, NULL, "s");
	json_close_array(&j);
	json_uint(&j, "b", 4);
	json_end(&j);
	is_text(text_of_out(),
	    "{\"a\":[1,{},{\"k\":2,\"e\":[],\"l\":3},\"s\"],"
	    "\"b\":4}\n",
	    "commas stand between and nowhere else");
	json_begin(&j, &out);
	json_uint(&j, "x", 1);
	json_end(&j);
	json_begin(&j, &out);
	json_uint(&j, "x", 2);
	json_end(&j);
	is_text(text_of_out(), "{\"x\":1}\n{\"x\":2}\n", "two lines");
}

static void
test_unbalanced(void)
{
	struct json j;

	json_begin(&j, &out);
	json_open_array(&j, "a");
	json_end(&j);
	ok(out.bad, "an open array at the end");
	buf_free(&out);
	json_begin(&j, &out);
	json_close_object(&j);
	ok(out.bad, "a level closed that is not open");
	buf_free(&out);
	json_begin(&j, &out);
	json_end(&j);
	json_uint(&j, "late", 1);
	ok(out.bad, "a value after the end");
	buf_free(&out);
	json_begin(&j, &out);
	for (int i = 0; i < 5000; i++)
		json_open_array(&j, i ? NULL : "deep");
	ok(out.bad && out.n <= out.max, "the ceiling holds at any depth");
	buf_free(&out);
}

static const struct {
	const char *name, *in;
	size_t n;
	const char *want;
} strings[] = {
	{ "empty", "", 0, "" },
	{ "quote and backslash", "a\"b\\c", 5, "a\\\"b\\\\c" },
	{ "slash stands", "/ip4", 4, "/ip4" },
	{ "short escapes", "\n\r\t", 3, "\\n\\r\\t" },
	{ "controls", "\0\x01\x1b\x1f", 4, "\\u0000\\u0001\\u001b\\u001f" },
	{ "delete", "a\x7f", 2, "a\\u007f" },
	{ "C1 controls", "\xc2\x80\xc2\x9b\xc2\x9f", 6,
	    "\\u0080\\u009b\\u009f" },
	{ "the first after C1", "\xc2\xa0", 2, "\xc2\xa0" },
	{ "two bytes", "\xc3\xa4", 2, "\xc3\xa4" },
	{ "three bytes", "\xe2\x82\xac", 3, "\xe2\x82\xac" },
	{ "four bytes", "\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80" },
	{ "the last character", "\xf4\x8f\xbf\xbf", 4, "\xf4\x8f\xbf\xbf" },
	{ "beyond it", "\xf4\x90\x80\x80", 4, BAD BAD BAD BAD },
	{ "below the surrogates", "\xed\x9f\xbf", 3, "\xed\x9f\xbf" },
	{ "a surrogate", "\xed\xa0\x80", 3, BAD BAD BAD },
	{ "over-long slash", "\xc0\xaf", 2, BAD BAD },
	{ "over-long in three", "\xe0\x80\xaf", 3, BAD BAD BAD },
	{ "over-long in four", "\xf0\x80\x80\xaf", 4, BAD BAD BAD BAD },
	{ "a lone continuation", "a\x80z", 3, "a" BAD "z" },
	{ "cut off at the end", "a\xe2\x82", 3, "a" BAD },
	{ "cut off by a quote", "\xe2\x82\"", 3, BAD "\\\"" },
	{ "a lead cut off by a quote", "\xc2\"", 2, BAD "\\\"" },
	{ "cut off by another", "\xf0\x9f\xc3\xa4", 4, BAD "\xc3\xa4" },
	{ "bytes never used", "\xfe\xff\xf5", 3, BAD BAD BAD },
	{ "text around",
	    "ab\xff"
	    "cd\n"
	    "ef",
	    8, "ab" BAD "cd\\nef" },
};

static void
test_strings(void)
{
	for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
		char want[200];
		/* exactly as long as said: a read beyond is seen by asan */
		struct buf in = { .max = strings[i].n };
		struct json j;

		put_bytes(&in, strings[i].in, strings[i].n);
		json_begin(&j, &out);
		json_str(&j, "s", buf_slice(&in));
		json_end(&j);
		snprintf(
		    want, sizeof want, "{\"s\":\"%s\"}\n", strings[i].want);
		is_text(text_of_out(), want, strings[i].name);
		buf_free(&in);
	}
}

static void
test_key(void)
{
	struct json j;

	json_begin(&j, &out);
	json_none(&j, "a\"\n");
	json_end(&j);
	is_text(text_of_out(), "{\"a\\\"\\n\":null}\n", "keys are escaped");
}

int
main(void)
{
	test_kinds();
	test_milli();
	test_nesting();
	test_unbalanced();
	test_strings();
	test_key();
	buf_free(&out);
	return tap_done();
}
