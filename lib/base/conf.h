/* SPDX-License-Identifier: ISC
 *
 * An ini file (inih) into a struct, by a table of rows.  Every fault of the
 * file is reported at once, each with file and line: unknown section or key,
 * key given twice, bad value, value out of range, two values in conflict.  Any
 * row can be overridden by an environment variable KN_<SECTION>_<KEY>; its
 * faults name the variable.  What the file's syntax cannot hold (control bytes,
 * what would be a comment, more than CONF_VALUE bytes) is a fault as well, so
 * that what is loaded can be printed and loaded again. */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "base/buf.h"

enum {
	CONF_VALUE = 176,    /* bytes of a value, or of one item of a list */
	CONF_FILE = 1 << 20, /* bytes of a file */
};

enum conf_kind {
	CONF_STR,   /* char *, owned by the struct; never NULL */
	CONF_UINT,  /* uint64_t within least .. most */
	CONF_BYTES, /* uint64_t; suffixes K M G (1024) and KB MB GB (1000) */
	CONF_TIME,  /* uint64_t milliseconds; as opt_time */
	CONF_BOOL,  /* bool: yes no true false on off 1 0 */
	CONF_LIST,  /* struct conf_list: one item a line, or by white space */
	CONF_LINES, /* struct conf_list: one item a line, inner blanks kept */
	CONF_WORD,  /* unsigned: index of the value in words */
};

struct conf_list {
	char **at; /* owned */
	size_t n;
};

struct conf_row {
	const char *section, *key;
	enum conf_kind kind;
	size_t offset;            /* of the field in the caller's struct */
	const char *value;        /* the default, in the file's syntax */
	uint64_t least, most;     /* for numbers; most 0: UINT64_MAX.  For lists,
	                           * most bounds the items; 0: 64 */
	const char *const *words; /* for CONF_WORD, NULL at the end */
	const char *within;       /* a number: key of the same section that this
	                           * one may not exceed; NULL for none */
	const char *help;         /* one line, also the manual's */
};

/* Fill out from defaults, file, then env (as environ; may be NULL).  file NULL:
 * defaults and env only.  0, or -1 with one sentence a line in faults; out is
 * then to be freed all the same. */
int conf_load(const char *file, const struct conf_row *rows, size_t n,
    char *const *env, void *out, struct buf *faults);
/* The same from text; name is what faults call it. */
int conf_parse(const char *name, struct slice text,
    const struct conf_row *rows, size_t n, char *const *env, void *out,
    struct buf *faults);
/* Frees the strings and lists that rows own in out, and zeroes out's fields. */
void conf_free(const struct conf_row *rows, size_t n, void *out);
/* Every row with its effective value, in the file's own syntax. */
void conf_print(const struct conf_row *rows, size_t n, const void *in,
    struct buf *text);

#endif
