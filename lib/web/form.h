/* SPDX-License-Identifier: ISC
 *
 * multipart/form-data as a machine, for uploads by HTML forms (RFC 7578; AWS
 * "Browser-based uploads using POST"): fields first, then the file, of which
 * the bytes are streamed; what follows the file is ignored.  A field may come
 * once only, or one could be checked and the other used.  And the policy that
 * such a form carries. */
#ifndef WEB_FORM_H
#define WEB_FORM_H

#include "web/http.h"
#include "web/s3err.h"

enum { FORM_FIELDS = 100, FORM_BYTES = 20 << 10 };

enum form_what { FORM_MORE, FORM_FILE, FORM_DATA, FORM_END };
struct form_ev {
	enum form_what what; /* FILE: all fields are known now */
	struct slice data;   /* borrowed from in, or from the machine */
};
struct form;

/* content_type: the header's value.  NULL: it is no multipart/form-data with a
 * boundary of at most 70 bytes. */
struct form *form_new(struct slice content_type);
void form_free(struct form *);
/* 1: ev; 0: more; -1: malformed or over a limit, form_why. */
int form_step(struct form *, struct slice *in, struct form_ev *);
int form_fin(struct form *); /* the body has ended: -1 when too early */
const char *form_why(const struct form *);
/* A field by name (without case), or an empty slice. */
struct slice form_value(const struct form *, const char *name);
size_t form_fields(const struct form *, const struct http_field **);
struct slice form_filename(const struct form *);
struct slice form_file_type(const struct form *); /* its Content-Type */

/* The decoded policy (JSON) against the form: expiration, eq, starts-with,
 * content-length-range, every field named but the exempt ones, and the bucket.
 * bucket and key: those that the upload will have.  now: seconds.  S3ERR_OK,
 * INVALID_POLICY or POLICY_DENIED, with *why a sentence in the buf. */
struct form_limits {
	uint64_t least, most; /* bytes of the file */
};
enum s3err form_policy(const struct form *, struct slice policy_json,
    struct slice bucket, struct slice key, int64_t now, struct form_limits *,
    struct buf *why);

#endif
