/* SPDX-License-Identifier: ISC
 *
 * What the files of /-/… share: the pages by name, and how they answer. */
#ifndef S3_S3_ADMIN_H
#define S3_S3_ADMIN_H

#include "base/json.h"
#include "s3/s3_own.h"

enum { S3_ADMIN_VALUE = 4096 };

/* A value of the query as text, or NULL when there is none (or it is longer, or
 * has a NUL). */
const char *s3_admin_value(struct s3_req *, const char *name,
    char text[S3_ADMIN_VALUE]);
/* What is in the reply's body is NDJSON. */
void s3_admin_answer(struct s3_req *);
/* The same, or what the index said; none: the sentence for NONE. */
void s3_admin_done(struct s3_req *, enum nodedb_said, const char *none);

/* What a bucket keeps and everybody may there, as members of an open object. */
void s3_admin_rights(struct json *, const struct bucket *);

/* s3_admin.c */
void s3_admin_health(struct s3_req *);
void s3_admin_stats(struct s3_req *);
void s3_admin_care(struct s3_req *);
/* s3_admin_ls.c */
void s3_admin_ls(struct s3_req *);
void s3_admin_stat(struct s3_req *);
void s3_admin_du(struct s3_req *);
/* s3_admin_who.c */
void s3_admin_usage(struct s3_req *);
void s3_admin_keys(struct s3_req *);
void s3_admin_key(struct s3_req *);
void s3_admin_tenant(struct s3_req *);
void s3_admin_bucket(struct s3_req *);

#endif
