/* SPDX-License-Identifier: ISC
 *
 * Request targets: percent-encoding as SigV4 wants it, and queries as a bounded
 * table of pairs (RFC 3986; AWS "Create a canonical request"). */
#ifndef WEB_URI_H
#define WEB_URI_H

#include "base/buf.h"

enum { URI_PAIRS = 64 };

struct uri_pair {
	struct slice name, value; /* decoded; in the uri's own memory */
	bool has_value;           /* there was an = */
};

struct uri {
	struct slice path;                /* decoded, begins with a slash */
	struct slice raw_path, raw_query; /* borrowed from the target */
	struct uri_pair pairs[URI_PAIRS];
	size_t n;
	struct buf bytes; /* what was decoded */
};

/* Parse an origin-form target (or absolute-form, whose host is ignored).  The
 * target outlives the uri.  0, or -1 with a literal in *why and nothing to free:
 * bad escapes, more pairs than URI_PAIRS, more than HTTP_TARGET bytes, no
 * leading slash, a NUL byte.  `+` stays a plus in the path and is a blank in
 * the query; nothing between two & is no pair. */
int uri_parse(struct slice target, struct uri *, const char **why);
void uri_free(struct uri *);

/* The pair of this name, or NULL. */
const struct uri_pair *uri_find(const struct uri *, const char *name);
struct slice uri_value(const struct uri *, const char *name); /* or empty */

/* Append, escaping all but A-Z a-z 0-9 - . _ ~ (and /, if slashes stay), with
 * upper-case hex. */
void uri_escape(struct buf *out, struct slice, bool keep_slash);
/* Append decoded; -1: a bad escape, or no room.  plus: `+` is a blank. */
int uri_unescape(struct buf *out, struct slice, bool plus);

#endif
