/* SPDX-License-Identifier: ISC
 *
 * A writer of NDJSON: one object a line into a buf.  Strings of unknown origin
 * are escaped, and what is not UTF-8 becomes U+FFFD, so a line is always valid
 * JSON.  Inside an array the key is NULL.  When out goes bad, for want of room
 * or because the line was not balanced, its last line is not to be used. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

struct json {
	struct buf *out;
	bool comma;
	unsigned depth;
};

void json_begin(struct json *, struct buf *out); /* writes { */
void json_end(struct json *);                    /* writes } and newline */
void json_str(struct json *, const char *key, struct slice);
void json_text(struct json *, const char *key, const char *text);
void json_uint(struct json *, const char *key, uint64_t v);
void json_int(struct json *, const char *key, int64_t v);
/* thousandths: 1234 is written 1.234 */
void json_milli(struct json *, const char *key, int64_t thousandths);
void json_bool(struct json *, const char *key, bool v);
void json_none(struct json *, const char *key);
void json_open_array(struct json *, const char *key);
void json_close_array(struct json *);
void json_open_object(struct json *, const char *key);
void json_close_object(struct json *);

#endif
