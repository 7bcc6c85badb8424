/* SPDX-License-Identifier: ISC */
#include "base/map.h"
#include "t/tap.h"

#include <stdlib.h>
#include <time.h>

enum { MANY = 20000 };

static int marks[MANY];

static void
test_empty(void)
{
	struct map m = { 0 };
	struct slice key;
	size_t at = 0;

	ok(map_get(&m, slice_text("a")) == NULL, "a zeroed map holds nothing");
	ok(map_cut(&m, slice_text("a")) == NULL, "and nothing is cut");
	ok(map_next(&m, &at, &key) == NULL, "or walked");
	map_free(&m);
	map_free(&m);
	is_int(m.n, 0, "freed twice");
}

static void
test_keys(void)
{
	struct map m = { 0 }, other = { 0 };
	char text[] = "key";

	ok(map_put(&m, slice_text(text), &marks[0]) == NULL, "put anew");
	text[0] = 'K';
	ok(map_get(&m, slice_text("key")) == &marks[0], "the key was copied");
	ok(map_get(&m, slice_text("ke")) == NULL, "a beginning is another key");
	ok(map_put(&m, slice_text("key"), &marks[1]) == &marks[0],
	    "put again returns the old value");
	is_int(m.n, 1, "and adds no row");
	map_put(&m, slice_of("a\0b", 3), &marks[2]);
	map_put(&m, slice_of("a\0c", 3), &marks[3]);
	ok(map_get(&m, slice_of("a\0b", 3)) == &marks[2], "zero bytes count");
	map_put(&m, (struct slice){ 0 }, &marks[4]);
	ok(map_get(&m, slice_text("")) == &marks[4], "the empty key is one");
	ok(map_cut(&m, slice_text("")) == &marks[4] &&
		map_get(&m, slice_text("")) == NULL,
	    "and is cut");
	map_put(&other, slice_text("key"), &marks[0]);
	ok(memcmp(m.key, other.key, sizeof m.key) != 0,
	    "each map has a hash key of its own");
	map_free(&m);
	map_free(&other);
}

/* Against a plain array: the same random puts and cuts. */
static void
test_random(void)
{
	static int *model[MANY];
	struct map m = { 0 };
	size_t held = 0, wrong = 0;

	srand(1);
	for (int i = 0; i < 400000; i++) {
		uint32_t k = (uint32_t)rand() % MANY;
		/* mostly puts, then mostly cuts, over and over */
		bool put = rand() % 10 < (i / 50000 % 2 ? 1 : 9);
		int *value = put ? &marks[rand() % MANY] : NULL;
		void *was =
		    put ? map_put_u32(&m, k, value) : map_cut_u32(&m, k);

		wrong += was != model[k];
		held = held + (value != NULL) - (model[k] != NULL);
		model[k] = value;
		wrong += m.n != held;
	}
	is_int(wrong, 0, "every put and cut returned what was there");
	for (uint32_t k = 0; k < MANY; k++)
		wrong += map_get_u32(&m, k) != model[k];
	is_int(wrong, 0, "every get agrees");
	map_free(&m);
}

static void
test_walk(void)
{
	static bool seen[MANY];
	struct map m = { 0 };
	struct slice key;
	size_t at = 0, walked = 0, wrong = 0;
	int *value;

	for (uint32_t k = 0; k < MANY; k++)
		map_put_u32(&m, k, &marks[k]);
	while ((value = map_next(&m, &at, &key)) != NULL) {
		struct slice copy = key;
		uint32_t k = get_u32(&copy);

		wrong += k >= MANY || seen[k] || value != &marks[k];
		seen[k % MANY] = true;
		walked++;
		/* few are left: the map shrinks while we walk */
		if (k % 100 != 0)
			wrong += map_cut(&m, key) != value;
	}
	is_int(wrong, 0, "a walk that cuts sees each key once");
	is_int(walked, MANY, "and all of them");
	is_int(m.n, MANY / 100, "the rest is left");
	ok(map_next(&m, &at, &key) == NULL, "the end stays the end");
	ok(m.cap <= MANY / 10, "rows were given back: %zu", m.cap);
	for (uint32_t k = 0; k < MANY; k++)
		wrong += (map_get_u32(&m, k) != NULL) != (k % 100 == 0);
	is_int(wrong, 0, "and is found");
	at = 0;
	while (map_next(&m, &at, &key) != NULL)
		map_cut(&m, key);
	is_int(m.n, 0, "a walk can cut all");
	map_free(&m);
}

/* A queue of keys: as many cuts as puts, always new keys. */
static void
test_churn(void)
{
	struct map m = { 0 };
	size_t wrong = 0, most = 0;
	clock_t took, begun = clock();

	for (uint32_t k = 0; k < 1000000; k++) {
		map_put_u32(&m, k, &marks[k % MANY]);
		if (k >= 100)
			wrong += map_cut_u32(&m, k - 100) !=
				 &marks[(k - 100) % MANY];
		wrong += map_get_u32(&m, k + 1) != NULL;
		if (m.cap > most)
			most = m.cap;
	}
	is_int(wrong, 0, "a million keys came and went");
	is_int(most, 128, "the table stayed as small as its load");
	/* a table that fills with dead rows takes minutes of the processor */
	took = (clock() - begun) / (CLOCKS_PER_SEC / 1000);
	ok(took < 20000, "in %ld ms", (long)took);
	map_free(&m);
}

int
main(void)
{
	test_empty();
	test_keys();
	test_random();
	test_walk();
	test_churn();
	return tap_done();
}
