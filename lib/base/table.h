/* SPDX-License-Identifier: ISC
 *
 * Tables that are fixed: how long they are, and lists of names with their
 * words, each written once:
 *
 *	#define METALS(M) M(METAL_TIN, "tin") M(METAL_GOLD, "gold")
 *	enum metal { METALS(TABLE_NAME) METAL_N };
 *	static const char *const words[] = { METALS(TABLE_WORD) };
 *
 * That is for lists of a word and no more; one of several columns, as
 * net/reason, spells out what it makes of its rows. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/slice.h"

#define N(table) (sizeof(table) / sizeof *(table))

#define TABLE_NAME(name, word) name,
#define TABLE_WORD(name, word) word,

/* Which of the n words it is; n: none of them. */
size_t table_find(const char *const *words, size_t n, struct slice word);

#endif
