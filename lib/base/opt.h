/* SPDX-License-Identifier: ISC
 *
 * Options from one table, by getopt_long: every option has a short letter and
 * a long name; usage is printed from the same table.  -h and -V are added to
 * every table.  Parsing stops at the first word that is not an option and
 * honours `--`. */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include "base/buf.h"

enum opt_kind {
	OPT_FLAG, /* bool *: set true */
	OPT_STR,  /* const char **: borrowed from argv */
	OPT_UINT, /* uint64_t *: decimal, within 0 .. most */
	OPT_TIME, /* uint64_t *: milliseconds; `250ms`, `30s`, `5m`, `2h`; bare
	           * numbers are seconds; within 0 .. most (ms) */
	OPT_LIST, /* struct opt_list *: may be given many times */
};

struct opt_list {
	const char **at; /* borrowed words; the array is the list's, free(3) */
	size_t n;
};

struct opt {
	char letter;
	const char *name;
	enum opt_kind kind;
	void *value;
	const char *arg;  /* what usage calls the argument; NULL for flags */
	const char *help; /* one line */
	uint64_t most;    /* for OPT_UINT and OPT_TIME; 0: no limit */
};

struct opt_page {
	const char *prog;     /* as kn-p2p, or "kn-p2p ping" for a verb */
	const char *synopsis; /* operands, as "PEER [ADDR …]"; "" for none */
	const char *about;    /* one line: the one job */
	const char *detail;   /* examples and exit codes, lines; may be NULL */
	const struct opt *opts;
	size_t n;
};

enum opt_end { OPT_GO, OPT_SHOWN, OPT_WRONG };

/* OPT_GO: *first is the index of the first operand.  OPT_SHOWN: -h or -V was
 * given and text holds what to print on stdout; exit 0.  OPT_WRONG: text holds
 * one sentence for stderr; exit 100.  text is the caller's. */
enum opt_end opt_parse(const struct opt_page *, int argc, char **argv,
    int *first, struct buf *text);
void opt_usage(const struct opt_page *, struct buf *text);

/* The value parsers, for others who read the same forms.  0, or -1 with errno:
 * EINVAL, not such a value; ERANGE, more than most (0: no limit). */
int opt_uint(const char *text, uint64_t most, uint64_t *out);
int opt_time(const char *text, uint64_t most, uint64_t *out);
/* Sizes: K M G count in 1024, KB MB GB in 1000. */
int opt_bytes(const char *text, uint64_t most, uint64_t *out);

#endif
