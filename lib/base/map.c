/* SPDX-License-Identifier: ISC */
#include "base/map.h"
#include "base/mem.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 16 };

/* Rows 0 .. n - 1 are in use, without holes: a cut moves the last row into the
 * hole.  So nothing is left behind by a cut, and a walk from the last row down
 * to the first is not confused by one.  The same array holds the heads of the
 * chains: links are 1 + the index of a row, 0 is the end. */
struct map_row {
	uint8_t *key; /* owned */
	size_t n;
	void *value;
	uint64_t hash;
	size_t next;  /* link of this row's chain */
	size_t first; /* head of the chain of this index; not the row's own */
};

_Static_assert(crypto_shorthash_KEYBYTES == sizeof((struct map *)0)->key,
    "a map's key is a SipHash key");

static uint64_t
hash_of(const struct map *m, struct slice key)
{
	uint8_t out[crypto_shorthash_BYTES];
	uint64_t hash;

	crypto_shorthash(out, key.p, key.n, m->key);
	memcpy(&hash, out, sizeof hash);
	return hash;
}

static size_t *
chain(const struct map *m, uint64_t hash)
{
	return &m->rows[hash & (m->cap - 1)].first;
}

/* The link that leads to the key, or the one that ends its chain. */
static size_t *
find(const struct map *m, uint64_t hash, struct slice key)
{
	size_t *link = chain(m, hash);

	while (*link) {
		struct map_row *row = &m->rows[*link - 1];

		if (row->hash == hash &&
		    slice_eq(slice_of(row->key, row->n), key))
			break;
		link = &row->next;
	}
	return link;
}

static void
enchain(struct map *m, size_t row)
{
	size_t *head = chain(m, m->rows[row].hash);

	m->rows[row].next = *head;
	*head = row + 1;
}

/* Rows keep their places, only the chains are made anew: a walk may go on. */
static void
resize(struct map *m, size_t cap)
{
	m->rows = mem_resize(m->rows, cap * sizeof *m->rows);
	m->cap = cap;
	for (size_t i = 0; i < cap; i++)
		m->rows[i].first = 0;
	for (size_t i = 0; i < m->n; i++)
		enchain(m, i);
}

void
map_free(struct map *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->rows[i].key);
	free(m->rows);
	*m = (struct map){ 0 };
}

void *
map_get(const struct map *m, struct slice key)
{
	size_t at;

	if (m->n == 0)
		return NULL;
	at = *find(m, hash_of(m, key), key);
	return at ? m->rows[at - 1].value : NULL;
}

static void
append(struct map *m, uint64_t hash, struct slice key, void *value)
{
	struct map_row *row;

	if (m->n == m->cap)
		resize(m, m->cap * 2);
	row = &m->rows[m->n];
	row->key = mem_new(key.n);
	if (key.n > 0)
		memcpy(row->key, key.p, key.n);
	row->n = key.n;
	row->value = value;
	row->hash = hash;
	enchain(m, m->n++);
}

void *
map_put(struct map *m, struct slice key, void *value)
{
	void *before = NULL;
	uint64_t hash;
	size_t at;

	if (m->cap == 0) {
		randombytes_buf(m->key, sizeof m->key);
		resize(m, SMALLEST);
	}
	hash = hash_of(m, key);
	at = *find(m, hash, key);
	if (at) {
		before = m->rows[at - 1].value;
		m->rows[at - 1].value = value;
	} else {
		append(m, hash, key, value);
	}
	return before;
}

/* The last row moves to where `hole` was; the chain that held it follows. */
static void
fill(struct map *m, size_t hole)
{
	size_t last = m->n - 1, first;
	size_t *link = chain(m, m->rows[last].hash);

	while (*link != last + 1)
		link = &m->rows[*link - 1].next;
	*link = hole + 1;
	/* only now: the link may have been this very head */
	first = m->rows[hole].first;
	m->rows[hole] = m->rows[last];
	m->rows[hole].first = first;
}

void *
map_cut(struct map *m, struct slice key)
{
	size_t *link, hole;
	void *value;

	if (m->n == 0)
		return NULL;
	link = find(m, hash_of(m, key), key);
	if (*link == 0)
		return NULL;
	hole = *link - 1;
	*link = m->rows[hole].next;
	value = m->rows[hole].value;
	free(m->rows[hole].key);
	if (hole != m->n - 1)
		fill(m, hole);
	m->n--;
	if (m->cap > SMALLEST && m->n < m->cap / 8)
		resize(m, m->cap / 2);
	return value;
}

void *
map_next(const struct map *m, size_t *at, struct slice *key)
{
	/* The complement of *at counts the rows still to be seen, so that 0
	 * begins at the last one. */
	size_t left = ~*at < m->n ? ~*at : m->n;

	if (left == 0)
		return NULL;
	left--;
	*at = ~left;
	*key = slice_of(m->rows[left].key, m->rows[left].n);
	return m->rows[left].value;
}

struct u32_key {
	uint8_t bytes[4];
};

static struct u32_key
u32_key(uint32_t key)
{
	return (struct u32_key){ { (uint8_t)(key >> 24), (uint8_t)(key >> 16),
	    (uint8_t)(key >> 8), (uint8_t)key } };
}

void *
map_get_u32(const struct map *m, uint32_t key)
{
	struct u32_key k = u32_key(key);

	return map_get(m, slice_of(k.bytes, sizeof k.bytes));
}

void *
map_put_u32(struct map *m, uint32_t key, void *value)
{
	struct u32_key k = u32_key(key);

	return map_put(m, slice_of(k.bytes, sizeof k.bytes), value);
}

void *
map_cut_u32(struct map *m, uint32_t key)
{
	struct u32_key k = u32_key(key);

	return map_cut(m, slice_of(k.bytes, sizeof k.bytes));
}
