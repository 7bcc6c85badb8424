/* SPDX-License-Identifier: ISC
 *
 * A hash table from bytes to a pointer.  Keys are copied (a peer may choose
 * them, so they are hashed with SipHash under a random key per map); values are
 * the caller's.  Grows without a ceiling: the caller bounds what it puts. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/slice.h"

struct map_row; /* private */

struct map {
	struct map_row *rows;
	size_t n;   /* keys held */
	size_t cap; /* rows allocated, a power of two or 0 */
	uint8_t key[16];
};

/* A zeroed map is valid, empty, and takes its key at the first put. */
void map_free(struct map *); /* frees the keys, not the values */

void *map_get(const struct map *, struct slice key); /* NULL: not there */
/* Returns the value that was there before, or NULL.  value is not NULL. */
void *map_put(struct map *, struct slice key, void *value);
void *map_cut(struct map *, struct slice key); /* returns what it removed */

/* Walk: start with *at = 0; NULL at the end.  Order is arbitrary.  Nothing
 * may be put while walking; cutting the key just returned is allowed. */
void *map_next(const struct map *, size_t *at, struct slice *key);

/* Keys that are integers; a walk gives them as four bytes for get_u32. */
void *map_get_u32(const struct map *, uint32_t key);
void *map_put_u32(struct map *, uint32_t key, void *value);
void *map_cut_u32(struct map *, uint32_t key);

#endif
