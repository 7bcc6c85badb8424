/* SPDX-License-Identifier: ISC */
#include "web/xml.h"
#include "t/tap.h"

static const struct {
	const char *text, *want, *name;
} texts[] = {
	{ "plain", "plain", "plain text" },
	{ "a&b<c>d\"e'f", "a&amp;b&lt;c&gt;d&quot;e&#39;f", "the five" },
	{ "a\tb\nc\rd", "a\tb\nc&#13;d", "a CR would be lost" },
	{ "\x01\x1f", "\xef\xbf\xbd\xef\xbf\xbd", "control bytes" },
	{ "\xff"
	  "a",
	    "\xef\xbf\xbd"
	    "a",
	    "not UTF-8" },
	{ "\xe2\x82", "\xef\xbf\xbd", "cut off" },
	{ "\xef\xbf\xbf", "\xef\xbf\xbd", "U+FFFF" },
	{ "\xef\xbf\xbd", "\xef\xbf\xbd", "U+FFFD itself" },
	{ "\xc3\xa9\xf0\x9f\x98\x80", "\xc3\xa9\xf0\x9f\x98\x80", "UTF-8" },
	{ "", "", "nothing" },
};

static int
take_text(void *arg, bool open, const char *path, struct slice text)
{
	(void)path;
	if (!open)
		put_slice(arg, text);
	return 0;
}

static void
test_write(void)
{
	struct buf out = { .max = 4096 }, back = { .max = 4096 };
	const char *why;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct buf want = { .max = 4096 };

		xml_str(&out, "t", texts[i].text);
		put_text(&want, "<t>");
		put_text(&want, texts[i].want);
		put_text(&want, "</t>");
		is_bytes(out.p, out.n, want.p, want.n, texts[i].name);
		is_int(xml_read(buf_slice(&out), take_text, &back, &why), 0,
		    "and a reader takes it");
		if (strstr(texts[i].want, "\xef\xbf\xbd") == NULL)
			ok(slice_is(buf_slice(&back), texts[i].text),
			    "with the same text");
		buf_cut(&out, 0);
		buf_cut(&back, 0);
		buf_free(&want);
	}
	buf_free(&out);
	buf_free(&back);
}

static void
test_elements(void)
{
	static const char want[] =
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<A xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
	    "<N>18446744073709551615</N><B>true</B><B>false</B>"
	    "<K>a\xef\xbf\xbd</K></A>";
	struct buf out = { .max = 4096 };

	xml_head(&out);
	xml_open_ns(&out, "A");
	xml_uint(&out, "N", UINT64_MAX);
	xml_bool(&out, "B", true);
	xml_bool(&out, "B", false);
	xml_text(&out, "K", slice_of("a\0", 2));
	xml_close(&out, "A");
	is_bytes(
	    out.p, out.n, want, sizeof want - 1, "elements, and NUL as U+FFFD");
	buf_free(&out);
}

/* Events as lines: "(path" and ")path=text". */
static int
note(void *arg, bool open, const char *path, struct slice text)
{
	struct buf *out = arg;

	put_text(out, open ? "(" : ")");
	put_text(out, path);
	if (!open) {
		put_u8(out, '=');
		put_slice(out, text);
	}
	put_u8(out, '\n');
	return strcmp(path, "a/stop") == 0 ? 7 : 0;
}

static const struct {
	const char *in;
	int end;
	const char *events, *name;
} docs[] = {
	{ "<a/>", 0, "(a\n)a=\n", "an empty element" },
	{ "<a><b>x</b><b> y </b></a>", 0,
	    "(a\n(a/b\n)a/b=x\n(a/b\n)a/b= y \n)a=\n", "children" },
	{ "<a>1<b>2<c>3</c>4</b>5</a>", 0,
	    "(a\n(a/b\n(a/b/c\n)a/b/c=3\n)a/b=24\n)a=15\n",
	    "text between children is the parent's" },
	{ "<?xml version='1.0'?><x:a xmlns:x='u|v&#10;w'><b/></x:a>", -1, NULL,
	    "a separator in a namespace" },
	{ "<x:a xmlns:x='urn:u' xmlns='urn:v'><b q='1'/></x:a>", 0,
	    "(a\n(a/b\n)a/b=\n)a=\n", "namespaces and attributes go" },
	{ "<a>&amp;&lt;&gt;&quot;&apos;&#x41;<![CDATA[<b>]]></a>", 0,
	    "(a\n)a=&<>\"'A<b>\n", "entities and CDATA" },
	{ "<a><!-- c --><?p i?></a>", 0, "(a\n)a=\n", "comments" },
	{ "<a><stop/><b/></a>", 7, "(a\n(a/stop\n", "stopped by its reader" },
	{ "", -1, NULL, "nothing" },
	{ "<a>", -1, NULL, "not ended" },
	{ "<a></b>", -1, NULL, "ended by another" },
	{ "<a/><b/>", -1, NULL, "two roots" },
	{ "<a>&b;</a>", -1, NULL, "an unknown entity" },
	{ "<a>\x01</a>", -1, NULL, "a control byte" },
	{ "<a>&#1;</a>", -1, NULL, "an escaped control byte" },
	{ "<a>\xff</a>", -1, NULL, "not UTF-8" },
	{ "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>", -1, NULL,
	    "another encoding" },
	{ "<x:a/>", -1, NULL, "an undeclared prefix" },
	{ "<!DOCTYPE a><a/>", -1, NULL, "a document type" },
	{ "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", -1, NULL,
	    "an entity of its own" },
	{ "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", -1, NULL,
	    "a file of its own" },
};

static void
test_read(void)
{
	for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
		struct buf out = { .max = 4096 };
		const char *why;

		is_int(xml_read(slice_text(docs[i].in), note, &out, &why),
		    docs[i].end, docs[i].name);
		if (docs[i].events)
			ok(slice_is(buf_slice(&out), docs[i].events),
			    "%s: its events", docs[i].name);
		ok((docs[i].end == 0) == (*why == '\0'), "why: %s", why);
		buf_free(&out);
	}
}

static int
count(void *arg, bool open, const char *path, struct slice text)
{
	(void)path;
	(void)text;
	*(size_t *)arg += open;
	return 0;
}

static int
read_filled(struct buf *b, const char **why)
{
	size_t n = 0;
	int end = xml_read(buf_slice(b), count, &n, why);

	buf_cut(b, 0);
	return end;
}

static void
nested(struct buf *b, size_t depth)
{
	for (size_t i = 0; i < depth; i++)
		xml_open(b, "e");
	for (size_t i = 0; i < depth; i++)
		xml_close(b, "e");
}

static void
text_of(struct buf *b, size_t n)
{
	xml_open(b, "e");
	for (size_t i = 0; i < n; i++)
		put_u8(b, 'x');
	xml_close(b, "e");
}

static void
named(struct buf *b, size_t n)
{
	put_u8(b, '<');
	for (size_t i = 0; i < n; i++)
		put_u8(b, 'x');
	put_text(b, "/>");
}

static void
many(struct buf *b, size_t n)
{
	xml_open(b, "e");
	for (size_t i = 1; i < n; i++)
		put_text(b, "<f/>");
	xml_close(b, "e");
}

static void
test_limits(void)
{
	struct buf b = { .max = XML_BYTES + 2 };
	const char *why;

	nested(&b, XML_DEPTH);
	is_int(read_filled(&b, &why), 0, "the greatest depth");
	nested(&b, XML_DEPTH + 1);
	is_int(read_filled(&b, &why), -1, "one deeper");
	text_of(&b, XML_TEXT);
	is_int(read_filled(&b, &why), 0, "the longest text");
	text_of(&b, XML_TEXT + 1);
	is_int(read_filled(&b, &why), -1, "one byte more");
	named(&b, 64);
	is_int(read_filled(&b, &why), 0, "the longest name");
	named(&b, 65);
	is_int(read_filled(&b, &why), -1, "a longer name");
	many(&b, XML_ELEMENTS);
	is_int(read_filled(&b, &why), 0, "the most elements");
	many(&b, XML_ELEMENTS + 1);
	is_int(read_filled(&b, &why), -1, "one more");
	put_text(&b, "<e/>");
	while (b.n < XML_BYTES)
		put_u8(&b, ' ');
	is_int(read_filled(&b, &why), 0, "the longest document");
	put_text(&b, "<e/>");
	while (b.n < XML_BYTES + 1)
		put_u8(&b, ' ');
	is_int(read_filled(&b, &why), -1, "one byte longer");
	is_text(why, "The document is too long.", "and says why");
	buf_free(&b);
}

int
main(void)
{
	test_write();
	test_elements();
	test_read();
	test_limits();
	return tap_done();
}
