/* SPDX-License-Identifier: ISC
 *
 * Metrics as text: Prometheus 0.0.4 and OpenMetrics 1.0, from rows of ours and
 * from *.prom files of others.  Whatever goes in, what comes out can be read by
 * a scraper: names, labels and values are checked, a series stands there once,
 * and the rows of a metric stand together under one type.  No I/O. */
#ifndef WEB_PROM_H
#define WEB_PROM_H

#include "base/buf.h"

enum prom_kind { PROM_COUNTER, PROM_GAUGE, PROM_UNKNOWN };
enum prom_format { PROM_TEXT, PROM_OPEN };

enum {
	PROM_ROWS = 16384,           /* in all */
	PROM_BYTES = 4 << 20,        /* of their texts */
	PROM_FILES = 64,             /* of others */
	PROM_FILE_ROWS = 2000,       /* of all of those */
	PROM_FILE_BYTES = 256 << 10, /* of one */
	PROM_LABELS = 16,            /* of a series */
	PROM_NAME = 128,             /* bytes of a name */
	PROM_VALUE = 256,            /* bytes of a label's value */
	PROM_HELP = 512,             /* bytes of a help */
};

struct prom_file {
	char name[64];
	const char *why; /* static; NULL: it is taken */
	unsigned line;   /* 0: the whole */
};

struct prom_row; /* private */

struct prom {
	struct buf text;
	struct prom_row *rows;
	size_t n, room;
	struct prom_file files[PROM_FILES];
	size_t nfiles, file_rows;
	uint64_t dropped; /* rows that were not ours to tell, since init */
};

void prom_init(struct prom *);
void prom_reset(struct prom *); /* forget all rows and files, keep memory */
void prom_free(struct prom *);

/* Add a row; labels as reason="budget",x="y", "" for none.  One that is not
 * well-formed, or one too many, is dropped and counted. */
void prom_uint(struct prom *, enum prom_kind, const char *name,
    const char *labels, const char *help, uint64_t value);
/* The same in thousandths: 1234 is written 1.234. */
void prom_milli(struct prom *, enum prom_kind, const char *name,
    const char *labels, const char *help, int64_t value);
/* Another value for a row of ours without labels. */
void prom_set(struct prom *, const char *name, uint64_t value);
/* Add a file in the text format: counters, gauges and untyped, without time
 * stamps, each line ended.  It is taken whole or not at all: false, and its
 * entry of files says why. */
bool prom_add_file(struct prom *, const char *name, struct slice text);
/* Say of a file that it could not be read. */
void prom_bad_file(struct prom *, const char *name, const char *why);

/* Once, when all is there: puts the rows in order.  Of two rows that cannot
 * stand together ours wins, of ours the earlier, then the earlier file; the
 * other's file is refused whole.  How many files are refused. */
size_t prom_settle(struct prom *);
void prom_write(const struct prom *, enum prom_format, struct buf *out);

/* What Accept asks for. */
enum prom_format prom_accept(struct slice accept);
const char *prom_type(enum prom_format); /* Content-Type */

#endif
