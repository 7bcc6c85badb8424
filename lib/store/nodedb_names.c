/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static struct slice
name_of(const struct names *names, size_t i)
{
	return slice_text((const char *)names->p[i] + names->offset);
}

/* Where the name stands, or would. */
static size_t
place(const struct names *names, struct slice name, bool *there)
{
	size_t lo = 0, hi = names->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (slice_order(name_of(names, mid), name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*there = lo < names->n && slice_order(name_of(names, lo), name) == 0;
	return lo;
}

void *
names_get(const struct names *names, struct slice name)
{
	bool there;
	size_t at = place(names, name, &there);

	return there ? names->p[at] : NULL;
}

void *
names_after(const struct names *names, struct slice name)
{
	bool there;
	size_t at = place(names, name, &there);

	at += there;
	return at < names->n ? names->p[at] : NULL;
}

static void
insert(struct names *names, size_t at, void *one)
{
	if (names->n == names->cap) {
		names->cap = names->cap ? names->cap * 2 : 16;
		names->p =
		    mem_resize(names->p, names->cap * sizeof names->p[0]);
	}
	memmove(names->p + at + 1, names->p + at,
	    (names->n - at) * sizeof names->p[0]);
	names->p[at] = one;
	names->n++;
}

void
names_put(struct names *names, void *one)
{
	bool there;

	insert(names,
	    place(names, slice_text((char *)one + names->offset), &there), one);
}

void
names_cut_at(struct names *names, size_t at)
{
	names->n--;
	memmove(names->p + at, names->p + at + 1,
	    (names->n - at) * sizeof names->p[0]);
}

void *
names_cut(struct names *names, struct slice name)
{
	bool there;
	size_t at = place(names, name, &there);
	void *one;

	if (!there)
		return NULL;
	one = names->p[at];
	names_cut_at(names, at);
	return one;
}

void
names_free(struct names *names, void (*free_one)(void *))
{
	for (size_t i = 0; free_one && i < names->n; i++)
		free_one(names->p[i]);
	free(names->p);
	*names = (struct names){ .offset = names->offset };
}

bool
nodedb_name_ok(struct slice name)
{
	return name.n > 0 && name.n <= NODEDB_NAME &&
	       memchr(name.p, 0, name.n) == NULL;
}
