/* SPDX-License-Identifier: ISC
 *
 * XML as S3 uses it: a writer into a buf, and a reader by expat that turns a
 * small document into (path, text) events.  The reader refuses DTDs, entities
 * other than the five, more depth, elements or bytes than its limits. */
#ifndef WEB_XML_H
#define WEB_XML_H

#include "base/buf.h"

/* Writing.  Text is escaped; what XML 1.0 cannot hold (control bytes, what is
 * not UTF-8) becomes U+FFFD, so callers that must keep such keys ask for
 * encoding-type=url first. */
void xml_head(struct buf *);                      /* <?xml …?> newline */
void xml_open(struct buf *, const char *name);    /* <name> */
void xml_open_ns(struct buf *, const char *name); /* with S3's namespace */
void xml_close(struct buf *, const char *name);
void xml_text(struct buf *, const char *name, struct slice text);
void xml_str(struct buf *, const char *name, const char *text);
void xml_uint(struct buf *, const char *name, uint64_t v);
void xml_bool(struct buf *, const char *name, bool v);

/* Reading. */
enum {
	XML_BYTES = 4 << 20, /* of a document (10,000 parts are 2 MB) */
	XML_DEPTH = 12,
	XML_ELEMENTS = 100000,
	XML_TEXT = 16384, /* of one element */
};

/* Called for each element's end with its path from the root, without
 * namespaces ("Delete/Object/Key"), and its text (borrowed; leading and
 * trailing blanks kept); elements with children have the text that stood
 * between them. open: at the element's begin, text empty.  Non-zero: stop, with
 * that value. */
typedef int xml_fn(void *arg, bool open, const char *path, struct slice text);

/* 0; -1: malformed or over a limit, *why is a literal; or what fn returned. */
int xml_read(struct slice document, xml_fn *fn, void *arg, const char **why);

#endif
