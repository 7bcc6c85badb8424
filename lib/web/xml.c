/* SPDX-License-Identifier: ISC */
#include "web/xml.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <expat.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME = 64, /* bytes of an element's name */
	PATH = XML_DEPTH * (NAME + 1),
};

#define S3_NAMESPACE "http://s3.amazonaws.com/doc/2006-03-01/"
#define REPLACEMENT  "\xef\xbf\xbd"

/* --- writing --- */

void
xml_head(struct buf *out)
{
	put_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

void
xml_open(struct buf *out, const char *name)
{
	put_u8(out, '<');
	put_text(out, name);
	put_u8(out, '>');
}

void
xml_open_ns(struct buf *out, const char *name)
{
	put_u8(out, '<');
	put_text(out, name);
	put_text(out, " xmlns=\"" S3_NAMESPACE "\">");
}

void
xml_close(struct buf *out, const char *name)
{
	put_text(out, "</");
	put_text(out, name);
	put_u8(out, '>');
}

static bool
is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x80 && c != '&' && c != '<' && c != '>' &&
	       c != '"' && c != '\'';
}

/* What stands for a character that may not stand itself, or NULL. */
static const char *
escape(struct slice c)
{
	switch (c.p[0]) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	case '\r': /* a reader would make a line feed of it */
		return "&#13;";
	case '\t':
	case '\n':
		return NULL;
	}
	if (c.p[0] < 0x20)
		return REPLACEMENT;
	/* U+FFFE and U+FFFF are no characters of XML 1.0, section 2.2 */
	if (c.n == 3 && c.p[0] == 0xef && c.p[1] == 0xbf && c.p[2] >= 0xbe)
		return REPLACEMENT;
	return NULL;
}

static size_t
plain_bytes(struct slice s)
{
	size_t n = 0;

	while (n < s.n && is_plain(s.p[n]))
		n++;
	return n;
}

static void
put_escaped(struct buf *out, struct slice s)
{
	while (s.n > 0) {
		const char *instead;
		struct slice c;
		bool good;

		put_slice(out, get_bytes(&s, plain_bytes(s)));
		if (s.n == 0)
			break;
		c = get_bytes(&s, utf8_next(s, &good));
		instead = good ? escape(c) : REPLACEMENT;
		if (instead)
			put_text(out, instead);
		else
			put_slice(out, c);
	}
}

void
xml_text(struct buf *out, const char *name, struct slice text)
{
	xml_open(out, name);
	put_escaped(out, text);
	xml_close(out, name);
}

void
xml_str(struct buf *out, const char *name, const char *text)
{
	xml_text(out, name, slice_text(text));
}

void
xml_uint(struct buf *out, const char *name, uint64_t v)
{
	char text[21];

	snprintf(text, sizeof text, "%" PRIu64, v);
	xml_str(out, name, text);
}

void
xml_bool(struct buf *out, const char *name, bool v)
{
	xml_str(out, name, v ? "true" : "false");
}

/* --- reading --- */

struct reader {
	XML_Parser expat;
	xml_fn *fn;
	void *arg;
	const char *why;
	int end; /* what xml_read will return; 0: go on */
	size_t elements, depth;
	char path[PATH + 1];
	size_t path_n;
	/* Text of the open elements, one behind the other: a child's is taken
	 * off before its parent's goes on. */
	struct buf text;
	struct {
		size_t path_n, text; /* where this element's own begin */
	} at[XML_DEPTH];
};

static void
stop(struct reader *r, int end, const char *why)
{
	if (r->end != 0)
		return;
	r->end = end;
	r->why = why;
	XML_StopParser(r->expat, XML_FALSE);
}

static void
tell(struct reader *r, bool open, struct slice text)
{
	int end = r->fn(r->arg, open, r->path, text);

	if (end != 0)
		stop(r, end, "stopped");
}

static void XMLCALL
on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = arg;
	const char *local = strrchr(name, '\n');
	size_t n;

	(void)attributes;
	if (r->end != 0)
		return;
	local = local ? local + 1 : name; /* behind the namespace */
	n = strlen(local);
	if (++r->elements > XML_ELEMENTS) {
		stop(r, -1, "Too many elements.");
		return;
	}
	if (r->depth == XML_DEPTH) {
		stop(r, -1, "Elements are too deep in one another.");
		return;
	}
	if (n > NAME) {
		stop(r, -1, "An element's name is too long.");
		return;
	}
	r->at[r->depth].path_n = r->path_n;
	r->at[r->depth++].text = r->text.n;
	if (r->path_n > 0)
		r->path[r->path_n++] = '/';
	memcpy(r->path + r->path_n, local, n + 1);
	r->path_n += n;
	tell(r, true, slice_of(NULL, 0));
}

static void XMLCALL
on_end(void *arg, const XML_Char *name)
{
	struct reader *r = arg;
	struct slice text = buf_slice(&r->text);
	size_t begin;

	(void)name;
	if (r->end != 0)
		return;
	begin = r->at[r->depth - 1].text;
	get_bytes(&text, begin);
	tell(r, false, text);
	buf_cut(&r->text, begin);
	r->path_n = r->at[--r->depth].path_n;
	r->path[r->path_n] = '\0';
}

static void XMLCALL
on_text(void *arg, const XML_Char *p, int n)
{
	struct reader *r = arg;

	if (r->end != 0 || r->depth == 0)
		return;
	if (r->text.n - r->at[r->depth - 1].text + (size_t)n > XML_TEXT)
		stop(r, -1, "An element's text is too long.");
	else
		put_bytes(&r->text, p, (size_t)n);
}

static void XMLCALL
on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
    const XML_Char *public, int internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	stop(arg, -1, "A document type is not taken.");
}

static void *
new_bytes(size_t n)
{
	return mem_resize(NULL, n ? n : 1);
}

static void *
more_bytes(void *p, size_t n)
{
	return mem_resize(p, n ? n : 1);
}

int
xml_read(struct slice document, xml_fn *fn, void *arg, const char **why)
{
	static const XML_Memory_Handling_Suite memory = { new_bytes, more_bytes,
		free };
	struct reader r = {
		.fn = fn, .arg = arg, .text = { .max = XML_DEPTH * XML_TEXT }
	};

	*why = "";
	if (document.n > XML_BYTES) {
		*why = "The document is too long.";
		return -1;
	}
	/* UTF-8 whatever it declares, so text is never longer than it stood */
	r.expat = XML_ParserCreate_MM("UTF-8", &memory, "\n");
	XML_SetUserData(r.expat, &r);
	XML_SetElementHandler(r.expat, on_start, on_end);
	XML_SetCharacterDataHandler(r.expat, on_text);
	XML_SetStartDoctypeDeclHandler(r.expat, on_doctype);
	/* all in one call: expat never looks at a long token twice */
	if (XML_Parse(r.expat, (const char *)document.p, (int)document.n,
		XML_TRUE) != XML_STATUS_OK)
		stop(&r, -1, "The document is not well-formed XML.");
	XML_ParserFree(r.expat);
	buf_free(&r.text);
	if (r.end != 0)
		*why = r.why;
	return r.end;
}
