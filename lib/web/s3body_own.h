/* SPDX-License-Identifier: ISC
 *
 * What the files of s3body share, and nobody else: a reader of documents by a
 * table of their elements.  What is not in the table is malformed, because what
 * a rule or filter says must not be half understood. */
#ifndef WEB_S3BODY_OWN_H
#define WEB_S3BODY_OWN_H

#include "web/s3body.h"

enum {
	S3_ONCE = 1, /* at most once in its parent */
	S3_MUST = 2, /* at least once */
};

struct s3_doc;
typedef enum s3err s3_doc_fn(struct s3_doc *, struct slice text);

struct s3_doc_row {
	const char *path; /* the first row is the root */
	unsigned flags;
	s3_doc_fn *open, *close; /* or NULL */
};

struct s3_doc {
	const struct s3_doc_row *rows;
	size_t n; /* at most 64 */
	/* For elements that are not in the table: NULL, or what to answer. */
	enum s3err (*other)(const char *path);
	void *arg;
	struct buf *bytes; /* where texts are kept; it never moves */
	uint64_t seen;     /* rows, since their parent began */
	const char *why;
};

/* bytes is made, with room for every text; the caller frees it. */
enum s3err s3_doc_read(struct s3_doc *, struct slice xml, const char **why);
/* For handlers: refuse, with a literal. */
enum s3err s3_doc_no(struct s3_doc *, enum s3err, const char *why);
/* A copy in doc->bytes. */
struct slice s3_doc_keep(struct s3_doc *, struct slice);
/* Room for a zeroed element behind the n there are; returns the array. */
void *s3_doc_more(void *at, size_t n, size_t size);

/* A literal, or NULL: it is a good tag. */
const char *s3_tag_fault(const struct s3_tag *);

#endif
