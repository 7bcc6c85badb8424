/* SPDX-License-Identifier: ISC */
#include "web/prom.h"
#include "t/tap.h"

#include <stdlib.h>

static struct prom p;
static struct buf out;

static const char *
written(enum prom_format f)
{
	buf_init(&out, 1 << 24, NULL);
	prom_write(&p, f, &out);
	put_u8(&out, 0);
	return (char *)out.p;
}

static void
writes(enum prom_format f, const char *want, const char *name)
{
	is_text(written(f), want, name);
	buf_free(&out);
}

static void
test_ours(void)
{
	prom_init(&p);
	prom_uint(&p, PROM_COUNTER, "b_total", "y=\"2\"", "a \"b\" \\ c", 7);
	prom_uint(&p, PROM_GAUGE, "a", "", "", UINT64_MAX);
	prom_uint(
	    &p, PROM_COUNTER, "b_total", "x=\"1\",a=\"q\"", "a \"b\" \\ c", 0);
	prom_milli(&p, PROM_GAUGE, "c_seconds", "", "", -1234);
	prom_milli(&p, PROM_COUNTER, "d", "", "", 5);
	is_int(prom_settle(&p), 0, "no file is bad");
	writes(PROM_TEXT,
	    "# TYPE a gauge\na 18446744073709551615\n"
	    "# HELP b_total a \"b\" \\\\ c\n# TYPE b_total counter\n"
	    "b_total{a=\"q\",x=\"1\"} 0\nb_total{y=\"2\"} 7\n"
	    "# TYPE c_seconds gauge\nc_seconds -1.234\n"
	    "# TYPE d counter\nd 0.005\n",
	    "rows in order, labels too");
	writes(PROM_OPEN,
	    "# TYPE a gauge\na 18446744073709551615\n"
	    "# HELP b a \\\"b\\\" \\\\ c\n# TYPE b counter\n"
	    "b_total{a=\"q\",x=\"1\"} 0\nb_total{y=\"2\"} 7\n"
	    "# TYPE c_seconds gauge\nc_seconds -1.234\n"
	    "# TYPE d unknown\nd 0.005\n# EOF\n",
	    "as OpenMetrics");
	is_int(p.dropped, 0, "nothing was dropped");
	prom_set(&p, "a", 3);
	ok(strstr(written(PROM_TEXT), "\na 3\n") != NULL, "set anew");
	buf_free(&out);
	prom_reset(&p);
	writes(PROM_OPEN, "# EOF\n", "nothing");
	prom_free(&p);
}

static void
test_dropped(void)
{
	static const char *const labels[] = { "x", "x=1", "x=\"1", "=\"1\"",
		"x=\"1\" y=\"2\"", "__name__=\"x\"", "x=\"\\q\"", "1x=\"\"",
		"x=\"1\",x=\"2\"", "x=\"\n\"", "x=\"\xff\"", "x=\"1\"}",
		"x:y=\"1\"" };
	static const char *const names[] = { "", "1a", "a b", "a\nb 1", "a{",
		"\xc3\xa4" };

	prom_init(&p);
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
		prom_uint(&p, PROM_GAUGE, "a", labels[i], "", 1);
	is_int(p.dropped, sizeof labels / sizeof *labels, "bad labels");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		prom_uint(&p, PROM_GAUGE, names[i], "", "", 1);
	is_int(p.dropped,
	    sizeof labels / sizeof *labels + sizeof names / sizeof *names,
	    "bad names");
	p.dropped = 0;
	prom_uint(&p, PROM_GAUGE, "a", "x=\"1\"", "h\ni", 1);
	prom_uint(&p, PROM_GAUGE, "a", "x=\"1\"", "", 2);
	prom_uint(&p, PROM_COUNTER, "a_total", "", "", 3);
	prom_uint(&p, PROM_COUNTER, "a", "x=\"2\"", "", 3);
	prom_settle(&p);
	is_int(p.dropped, 3, "the same series, and others of its family");
	writes(PROM_TEXT, "# HELP a h i\n# TYPE a gauge\na{x=\"1\"} 1\n",
	    "one stays");
	prom_free(&p);
}

/* What was said first stays, in whatever order the names and labels are. */
static void
test_first(void)
{
	prom_init(&p);
	prom_uint(&p, PROM_GAUGE, "b", "x=\"2\"", "", 1);
	prom_uint(&p, PROM_GAUGE, "b", "x=\"2\"", "", 2);
	prom_uint(&p, PROM_COUNTER, "b", "x=\"1\"", "", 3);
	prom_uint(&p, PROM_COUNTER, "b_total", "", "", 4);
	for (unsigned i = 5; i < 50; i++)
		prom_uint(&p, PROM_GAUGE, "b", "x=\"2\"", "", i);
	prom_settle(&p);
	writes(PROM_TEXT, "# TYPE b gauge\nb{x=\"2\"} 1\n",
	    "of ours the first stays");
	is_int(p.dropped, 48, "the others are counted");
	prom_free(&p);
}

static void
test_ceiling(void)
{
	char name[32];

	prom_init(&p);
	for (unsigned i = 0; i < PROM_ROWS + 10; i++) {
		snprintf(name, sizeof name, "m%u", i);
		prom_uint(&p, PROM_GAUGE, name, "", "", i);
	}
	prom_settle(&p);
	is_int(p.n, PROM_ROWS, "so many rows");
	is_int(p.dropped, 10, "and no more");
	prom_free(&p);
}

static bool
takes(const char *text)
{
	return prom_add_file(&p, "f.prom", slice_text(text));
}

static void
test_file(void)
{
	prom_init(&p);
	ok(takes("# a comment\n\n# HELP b_x Help \\\\ here\n"
		 "# TYPE b_x gauge\nb_x 1.5e3\n"
		 "b_x{z=\"\\\"\\n\", a = \"1\" ,} -Inf\nc NaN\n  d\t+.5\n"),
	    "a file");
	is_int(prom_settle(&p), 0, "is good");
	writes(PROM_TEXT,
	    "# HELP b_x Help \\\\ here\n# TYPE b_x gauge\nb_x 1.5e3\n"
	    "b_x{a=\"1\",z=\"\\\"\\n\"} -Inf\n# TYPE c untyped\nc NaN\n"
	    "# TYPE d untyped\nd +.5\n",
	    "and is told");
	prom_free(&p);
}

static void
test_bad_files(void)
{
	static const struct {
		const char *text, *why;
		unsigned line;
	} bad[] = {
		{ "a 1\nb", "its last line has no end: it is not whole", 0 },
		{ "a 1\nb\n", "there is no value", 2 },
		{ "a 1 1700000000\n",
		    "there is more behind the value; time "
		    "stamps are refused",
		    1 },
		{ "a 0x10\n",
		    "there is more behind the value; time stamps "
		    "are refused",
		    1 },
		{ "a one\n", "the value is no number", 1 },
		{ "a 1e\n", "the value is no number", 1 },
		{ "a .\n", "the value is no number", 1 },
		{ "a 1e400\n", "the value is no number", 1 },
		{ "a -1e309\n", "the value is no number", 1 },
		{ "a 1\r\n", "the line ends with a carriage return", 1 },
		{ "9a 1\n", "the name is not one of a metric", 1 },
		{ "a{b=\"1\" 1\n", "no , between two labels", 1 },
		{ "a{b=\"1\",b=\"2\"} 1\n", "a label stands there twice", 1 },
		{ "a{b=1} 1\n", "a label has no good value", 1 },
		{ "a{b} 1\n", "a label has no =", 1 },
		{ "a{,} 1\n", "a label has no good name", 1 },
		{ "a{__b=\"1\"} 1\n",
		    "label names with __ are Prometheus's own", 1 },
		{ "# TYPE a histogram\n",
		    "the type is not counter, gauge or untyped", 1 },
		{ "a 1\n# TYPE a gauge\n", "the TYPE comes after a row", 2 },
		{ "# TYPE a gauge\n# TYPE a gauge\n",
		    "a second TYPE of the metric", 2 },
		{ "# HELP a x\n# HELP a x\n", "a second HELP of the metric",
		    2 },
		{ "# HELP a \\x\n", "the HELP is no good text", 1 },
		{ "# HELP 1 x\n", "the name is not one of a metric", 1 },
	};

	prom_init(&p);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		prom_reset(&p);
		ok(!takes(bad[i].text) && p.n == 0, "refused");
		is_text(p.files[0].why, bad[i].why, bad[i].why);
		if (bad[i].line)
			is_int(p.files[0].line, bad[i].line, "in that line");
	}
	prom_free(&p);
}

static void
test_clash(void)
{
	prom_init(&p);
	prom_uint(&p, PROM_GAUGE, "kn_up", "", "", 1);
	prom_uint(&p, PROM_COUNTER, "kn_x_total", "", "", 1);
	takes("kn_up{a=\"b\"} 1\nother 1\n");
	takes("kn_x 1\n");
	takes("# TYPE mine gauge\nmine{a=\"1\"} 1\n");
	takes("# TYPE mine gauge\nmine{a=\"2\"} 1\n");
	takes("# TYPE mine gauge\nmine{a=\"1\"} 2\n");
	takes("mine{a=\"3\"} 2\nfourth 4\n");
	prom_bad_file(&p, "g.prom", "no");
	is_int(prom_settle(&p), 5, "five are refused");
	is_text(p.files[0].why, "one of its metrics is the node's own",
	    "our metric");
	ok(p.files[1].why != NULL, "our family, by another name");
	ok(p.files[2].why == NULL && p.files[3].why == NULL,
	    "two may share a metric");
	is_text(p.files[4].why, "one of its series stands there twice",
	    "but not a series");
	ok(p.files[5].why != NULL, "nor differ in its type");
	writes(PROM_TEXT,
	    "# TYPE kn_up gauge\nkn_up 1\n# TYPE kn_x_total counter\n"
	    "kn_x_total 1\n# TYPE mine gauge\nmine{a=\"1\"} 1\n"
	    "mine{a=\"2\"} 1\n",
	    "of refused files nothing is told");
	prom_free(&p);
}

static void
test_many(void)
{
	struct buf text = { .max = 1 << 20 };
	char line[64];

	prom_init(&p);
	for (unsigned i = 0; i < PROM_FILE_ROWS; i++) {
		snprintf(line, sizeof line, "m{i=\"%u\"} 1\n", i);
		put_text(&text, line);
	}
	ok(prom_add_file(&p, "a", buf_slice(&text)), "2000 series");
	ok(!takes("n 1\n"), "and none more, in another file");
	for (unsigned i = 2; i < PROM_FILES; i++)
		ok(takes("\n"), "a file");
	ok(!takes("\n"), "one file too many");
	is_int(p.nfiles, PROM_FILES, "is not even known");
	prom_reset(&p);
	while (text.n <= PROM_FILE_BYTES)
		put_text(&text, "#################################\n");
	ok(!prom_add_file(&p, "a", buf_slice(&text)), "a large file");
	is_text(p.files[0].why, "it is larger than 256 KiB", "says why");
	buf_free(&text);
	prom_free(&p);
}

static void
test_accept(void)
{
	static const struct {
		const char *accept;
		enum prom_format want;
	} asked[] = {
		{ "", PROM_TEXT },
		{ "*/*", PROM_TEXT },
		{ "application/openmetrics-text", PROM_OPEN },
		{ "application/openmetrics-text;version=1.0.0;"
		  "escaping=allow-utf-8;q=0.5,application/openmetrics-text;"
		  "version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,"
		  "*/*;q=0.1",
		    PROM_OPEN },
		{ "text/plain;q=0.9, application/openmetrics-text;q=0.8",
		    PROM_TEXT },
		{ "text/html, application/openmetrics-text; q=0", PROM_TEXT },
		{ "application/openmetrics-text;q=0.001", PROM_OPEN },
		{ ",;,q=,;q=9", PROM_TEXT },
		{ "APPLICATION/OPENMETRICS-TEXT ; Q=1.0", PROM_OPEN },
	};

	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
		is_int(prom_accept(slice_text(asked[i].accept)), asked[i].want,
		    asked[i].accept);
}

int
main(void)
{
	test_ours();
	test_dropped();
	test_first();
	test_ceiling();
	test_file();
	test_bad_files();
	test_clash();
	test_many();
	test_accept();
	return tap_done();
}
