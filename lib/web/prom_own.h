/* SPDX-License-Identifier: ISC
 *
 * What the files of prom share.  Nobody else includes it. */
#ifndef WEB_PROM_OWN_H
#define WEB_PROM_OWN_H

#include "web/prom.h"

/* Texts are where they begin in prom.text; each ends with a zero byte. */
struct prom_row {
	uint32_t name, labels, help, value;
	uint16_t from; /* 0: ours; else the number of its file, from 1 */
	uint8_t kind;
	bool out; /* not to be told */
};

/* A copy of text in prom.text; where it begins. */
uint32_t prom_keep(struct prom *, struct slice text);
/* NULL, or why there is no room for another row. */
const char *prom_push(struct prom *, const struct prom_row *);

/* prom_name.c: the words of the text format.  Each takes what it reads from
 * the front of *s; an empty result: there is none. */
struct slice prom_take_name(struct slice *s);  /* of a metric */
struct slice prom_take_value(struct slice *s); /* 1.5e3, +Inf, NaN */
/* The pairs up to end (`}`, which is taken too; 0: all of it), put in order:
 * name="value",… into out.  NULL, or what is wrong. */
const char *prom_take_labels(struct slice *s, char end, struct buf *out);
/* Is it a help as the text format writes it? */
bool prom_good_help(struct slice);

#endif
