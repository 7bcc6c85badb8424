/* SPDX-License-Identifier: ISC */
#include "t/store/dht.h"

enum { MANY = 300 };

/* Short forms for what the tests say most. */
static enum dhtdb_said
add(struct dhtdb *db, uint32_t k, uint32_t p, const char *addrs, time_t now)
{
	struct key at = key(k);
	struct peerid id = peer(p);

	return dhtdb_provider_add(
	    db, key_slice(&at), &id, slice_text(addrs), now);
}

static size_t
find(struct dhtdb *db, uint32_t k, time_t now, struct dhtdb_provider *out,
    size_t n, struct buf *bytes)
{
	struct key at = key(k);

	return dhtdb_providers(db, key_slice(&at), now, out, n, bytes);
}

static size_t
count(struct dhtdb *db, uint32_t k, time_t now)
{
	struct dhtdb_provider out[MANY];
	struct buf bytes = { .max = 1 << 20 };
	size_t n = find(db, k, now, out, MANY, &bytes);

	buf_free(&bytes);
	return n;
}

static enum dhtdb_said
put(struct dhtdb *db, uint32_t k, uint32_t p, const char *value, time_t now)
{
	struct key at = key(k);
	struct peerid id = peer(p);

	return dhtdb_value_put(db, key_slice(&at), slice_text(value), &id, now);
}

static bool
holds(struct dhtdb *db, uint32_t k, const char *value, time_t at, time_t now)
{
	struct key place = key(k);
	struct buf out = { .max = 1 << 20 };
	time_t came = 0;
	bool same = dhtdb_value_get(db, key_slice(&place), now, &out, &came) ==
			DHTDB_OK &&
		    slice_is(buf_slice(&out), value) && came == at;

	buf_free(&out);
	return same;
}

static enum dhtdb_said
seen(struct dhtdb *db, uint32_t p, const char *addrs, time_t now)
{
	struct peerid id = peer(p);

	return dhtdb_peer_seen(db, &id, slice_text(addrs), now);
}

static bool
is_peer(
    const struct dhtdb_provider *got, uint32_t p, const char *addrs, time_t at)
{
	struct peerid id = peer(p);

	return peerid_eq(&got->id, &id) && slice_is(got->addrs, addrs) &&
	       got->at == at;
}

static void
in_memory(void)
{
	const char *why = "";
	struct dhtdb *db = dhtdb_open(":memory:", &usual, NULL, NULL, &why);

	ok(db != NULL, "a database in memory");
	is_int(add(db, 1, 1, "a", NOW), DHTDB_OK, "takes a record");
	is_int(dhtdb_commit(db), DHTDB_OK, "commits");
	is_int(count(db, 1, NOW), 1, "and has it");
	is_int(dhtdb_counts(db).disk_bytes, 0, "without a file");
	ok(access(":memory:", F_OK) < 0, "none at all");
	dhtdb_close(db);
}

static void
providers(void)
{
	struct dhtdb *db = open_with(&usual, NULL);
	struct dhtdb_provider out[8];
	struct buf bytes = { .max = 1 << 20 };

	is_int(find(db, 1, NOW, out, 8, &bytes), 0, "no provider yet");
	is_int(add(db, 1, 1, "one", NOW), DHTDB_OK, "one");
	is_int(add(db, 1, 2, "", NOW + 2), DHTDB_OK, "one without addresses");
	is_int(add(db, 1, 3, "three", NOW + 1), DHTDB_OK, "a third");
	is_int(add(db, 2, 1, "", NOW + 5), DHTDB_OK, "the first, another key");
	put_text(&bytes, "front");
	is_int(find(db, 1, NOW + 9, out, 8, &bytes), 3, "all three");
	ok(is_peer(&out[0], 2, "", NOW + 2), "the newest first");
	ok(is_peer(&out[1], 3, "three", NOW + 1), "then the next");
	ok(is_peer(&out[2], 1, "one", NOW), "the oldest; addresses stayed");
	is_bytes(bytes.p, bytes.n, "frontthreeone", 13, "appended to bytes");
	is_int(find(db, 1, NOW + 9, out, 2, &bytes), 2, "no more than n");
	ok(is_peer(&out[1], 3, "three", NOW + 1), "the newest of them");
	is_int(find(db, 1, NOW + 9, out, 0, &bytes), 0, "none wanted");

	is_int(add(db, 1, 1, "uno", NOW + 7), DHTDB_OK, "the first again");
	is_int(dhtdb_counts(db).providers, 4, "is not counted twice");
	is_int(find(db, 1, NOW + 9, out, 8, &bytes), 3, "nor told twice");
	ok(is_peer(&out[0], 1, "uno", NOW + 7), "its time and address are new");
	is_int(add(db, 1, 1, "", NOW + 8), DHTDB_OK, "again, without any");
	find(db, 1, NOW + 9, out, 8, &bytes);
	ok(is_peer(&out[0], 1, "uno", NOW + 8), "a new time, old addresses");
	dhtdb_commit(db);
	is_sound(db, "providers");
	buf_free(&bytes);
	dhtdb_close(db);
}

/* What stands in bytes may move while it grows, and may not fit. */
static void
many_addrs(void)
{
	struct dhtdb *db = open_with(&usual, NULL);
	struct dhtdb_provider out[MANY];
	struct buf bytes = { .max = 1 << 20 }, small = { .max = 50 };
	char text[32];
	bool right = true;

	for (uint32_t i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "/ip4/10.0.0.%03u", i);
		add(db, 1, i, text, NOW + i);
	}
	is_int(find(db, 1, NOW, out, MANY, &bytes), 100, "a hundred");
	for (uint32_t i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "/ip4/10.0.0.%03u", 99 - i);
		right = right && is_peer(&out[i], 99 - i, text, NOW + 99 - i);
	}
	ok(right, "each has its own address");
	is_int(find(db, 1, NOW, out, MANY, &small), 100, "with little room");
	ok(out[2].addrs.n == 15 && out[3].addrs.n == 0 && small.bad,
	    "those that fit");
	buf_free(&bytes);
	buf_free(&small);
	dhtdb_close(db);
}

static void
lives(void)
{
	struct dhtdb *db = open_with(&usual, NULL);
	struct dhtdb_provider out[2];
	struct buf bytes = { .max = 1 << 20 };

	add(db, 1, 1, "one", NOW);
	put(db, 2, 1, "value", NOW);
	find(db, 1, NOW + 24 * HOUR - 1, out, 2, &bytes);
	ok(is_peer(&out[0], 1, "one", NOW), "addresses live 24 h");
	find(db, 1, NOW + 24 * HOUR, out, 2, &bytes);
	ok(is_peer(&out[0], 1, "", NOW), "and no longer");
	is_int(count(db, 1, NOW + LIFE - 1), 1, "a record lives 48 h");
	is_int(count(db, 1, NOW + LIFE), 0, "and no longer");
	is_int(count(db, 1, NOW - LIFE), 1, "a clock may be set back");
	is_int(count(db, 1, NOW - LIFE - 1), 0, "but not by years");
	ok(holds(db, 2, "value", NOW, NOW + LIFE - 1), "a value lives 48 h");
	ok(!holds(db, 2, "value", NOW, NOW + LIFE), "and no longer");
	add(db, 1, 1, "", NOW + 30 * HOUR);
	is_int(
	    count(db, 1, NOW + LIFE), 1, "a record that came again lives on");

	is_int(dhtdb_expire(db, NOW + LIFE - 1), 0, "nothing to throw away");
	is_int(dhtdb_expire(db, NOW + LIFE), 1, "the value is");
	dhtdb_commit(db);
	is_sound(db, "after the value");
	is_int(dhtdb_expire(db, NOW + 30 * HOUR + LIFE), 1, "the record is");
	is_int(dhtdb_counts(db).providers, 0, "no record");
	is_int(dhtdb_counts(db).values + dhtdb_counts(db).value_bytes, 0,
	    "no value");
	dhtdb_commit(db);
	is_int(look("SELECT count(*) FROM peer"), 0, "and no peer");
	buf_free(&bytes);
	dhtdb_close(db);
}

/* Many calls, and a record that a clock gone wrong has put far ahead. */
static void
sweeps(void)
{
	struct dhtdb *db = open_with(&usual, NULL);
	size_t gone = 0, most = 0, calls = 0, n;

	for (uint32_t i = 0; i < 10000; i++)
		add(db, i, i % 7, "", i % 2 ? NOW : NOW + HOUR);
	for (uint32_t i = 0; i < 1000; i++)
		put(db, i, i % 7, "value", i % 2 ? NOW : NOW + HOUR);
	seen(db, 1, "one", NOW);
	for (; gone < 5500 && calls < 40; calls++, gone += n) {
		n = dhtdb_expire(db, NOW + LIFE);
		most = n > most ? n : most;
	}
	is_int(gone, 5500, "half of them go");
	ok(calls > 4 && most <= 750, "a bounded number in one call");
	n = 0;
	for (unsigned i = 0; i < 40; i++)
		n += dhtdb_expire(db, NOW + LIFE);
	is_int(n, 0, "the others stay, all the way round");
	dhtdb_commit(db);
	is_sound(db, "swept");
	for (unsigned i = 0; i < 40; i++)
		n += dhtdb_expire(db, NOW - 2 * LIFE);
	is_int(n, 5500, "times far ahead are thrown away as well");
	dhtdb_commit(db);
	is_int(
	    look("SELECT count(*) FROM peer"), 1, "the known good one stays");
	is_sound(db, "empty");
	dhtdb_close(db);
}

static void
provider_ceilings(void)
{
	struct dhtdb_conf conf = usual;
	struct dhtdb *db;

	conf.providers = 6;
	conf.providers_per_key = 3;
	conf.providers_per_peer = 2;
	db = open_with(&conf, NULL);
	for (uint32_t i = 0; i < 3; i++)
		add(db, 1, i, "", NOW);
	is_int(add(db, 1, 3, "new", NOW), DHTDB_KEY_FULL, "a key is full");
	dhtdb_commit(db);
	is_int(add(db, 1, 3, "new", NOW), DHTDB_KEY_FULL, "and again");
	ok(!dhtdb_dirty(db), "a refusal gathers nothing");
	is_int(add(db, 1, 2, "", NOW + 1), DHTDB_OK, "who is in it stays in");
	is_int(add(db, 2, 0, "", NOW), DHTDB_OK, "the second of a peer");
	is_int(add(db, 3, 0, "zero", NOW), DHTDB_PEER_FULL, "a peer is full");
	is_int(add(db, 2, 0, "", NOW + 1), DHTDB_OK, "what it has stays");
	add(db, 2, 4, "", NOW);
	is_int(add(db, 3, 4, "", NOW), DHTDB_OK, "the last of all");
	is_int(add(db, 4, 5, "", NOW), DHTDB_FULL, "all is full");
	is_int(add(db, 3, 4, "", NOW + 1), DHTDB_OK, "refreshed all the same");
	is_int(dhtdb_counts(db).providers, 6, "six records");
	is_int(dhtdb_expire(db, NOW + LIFE), 3, "three go");
	is_int(add(db, 4, 5, "", NOW + LIFE), DHTDB_OK, "and make room");
	dhtdb_commit(db);
	is_sound(db, "at the ceilings");
	dhtdb_close(db);
}

static void
values(void)
{
	struct dhtdb *db = open_with(&usual, NULL);
	struct key k = key(1);
	struct buf out = { .max = 100 };
	time_t at = 0;

	is_int(dhtdb_value_get(db, key_slice(&k), NOW, &out, &at), DHTDB_NONE,
	    "no value yet");
	is_int(put(db, 1, 1, "first", NOW), DHTDB_OK, "a value");
	put_text(&out, "front ");
	is_int(dhtdb_value_get(db, key_slice(&k), NOW, &out, &at), DHTDB_OK,
	    "is there");
	is_bytes(out.p, out.n, "front first", 11, "appended to out");
	is_int(put(db, 1, 2, "the second", NOW + 1), DHTDB_OK, "another");
	ok(holds(db, 1, "the second", NOW + 1, NOW + 1), "takes its place");
	is_int(put(db, 2, 2, "", NOW), DHTDB_OK, "an empty one");
	ok(holds(db, 2, "", NOW, NOW), "is a value");
	is_int(dhtdb_counts(db).values, 2, "two values");
	is_int(dhtdb_counts(db).value_bytes, 10, "ten bytes");
	dhtdb_commit(db);
	is_int(look("SELECT count(*) FROM peer"), 1, "the first peer is gone");
	is_sound(db, "values");
	buf_free(&out);
	dhtdb_close(db);
}

static void
value_ceilings(void)
{
	struct dhtdb_conf conf = usual;
	struct dhtdb *db;

	conf.values = 4;
	conf.value_bytes = 20;
	conf.values_per_peer = 2;
	db = open_with(&conf, NULL);
	put(db, 1, 1, "12345", NOW);
	put(db, 2, 1, "12345", NOW);
	is_int(put(db, 3, 1, "", NOW), DHTDB_PEER_FULL, "a peer is full");
	is_int(put(db, 1, 1, "54321", NOW), DHTDB_OK, "what it has may change");
	put(db, 3, 2, "12345", NOW);
	is_int(put(db, 3, 1, "x", NOW), DHTDB_PEER_FULL,
	    "another's value would be one more");
	is_int(put(db, 4, 2, "123456", NOW), DHTDB_FULL, "too many bytes");
	is_int(put(db, 4, 2, "12345", NOW), DHTDB_OK, "just enough");
	is_int(put(db, 4, 2, "123456", NOW), DHTDB_FULL, "not one more");
	ok(holds(db, 4, "12345", NOW, NOW), "a refusal changes nothing");
	is_int(put(db, 4, 2, "123", NOW), DHTDB_OK, "a smaller one");
	is_int(put(db, 5, 3, "", NOW), DHTDB_FULL, "too many values");
	is_int(put(db, 4, 3, "", NOW), DHTDB_OK, "in place of one");
	is_int(put(db, 5, 2, "", NOW), DHTDB_FULL, "that made no room");
	is_int(dhtdb_counts(db).value_bytes, 15, "bytes are counted");
	dhtdb_commit(db);
	is_sound(db, "values at the ceilings");
	dhtdb_close(db);
}

static void
peers(void)
{
	struct dhtdb_conf conf = usual;
	struct dhtdb_provider out[8];
	struct buf bytes = { .max = 1 << 20 };
	struct peerid two = peer(2), four, nine = peer(9);
	struct dhtdb *db;

	conf.peers = 3;
	db = open_with(&conf, NULL);
	is_int(dhtdb_peers(db, out, 8, &bytes), 0, "no peers yet");
	is_int(seen(db, 1, "one", NOW), DHTDB_OK, "one");
	seen(db, 2, "two", NOW + 2);
	seen(db, 3, "three", NOW + 1);
	add(db, 1, 1, "", NOW);
	is_int(dhtdb_peers(db, out, 8, &bytes), 3, "three");
	ok(is_peer(&out[0], 2, "two", NOW + 2), "most recently seen first");
	ok(is_peer(&out[2], 1, "one", NOW), "the oldest last");
	is_int(dhtdb_peers(db, out, 1, &bytes), 1, "no more than n");
	is_int(seen(db, 4, "", NOW + 9), DHTDB_OK, "a fourth");
	is_int(dhtdb_counts(db).peers, 3, "the oldest made room");
	dhtdb_peers(db, out, 8, &bytes);
	ok(is_peer(&out[0], 4, "", NOW + 9), "the fourth is in");
	ok(is_peer(&out[2], 3, "three", NOW + 1), "the first is out");
	is_int(find(db, 1, NOW, out, 8, &bytes), 1, "its record is not");
	ok(is_peer(&out[0], 1, "one", NOW), "nor are its addresses");
	seen(db, 3, "", NOW + 10);
	dhtdb_peers(db, out, 8, &bytes);
	ok(is_peer(&out[0], 3, "three", NOW + 10), "seen again");
	dhtdb_peer_doubt(db, &(struct peerid){ 0 });
	four = peer(4);
	dhtdb_peer_doubt(db, &four);
	is_int(dhtdb_peers(db, out, 8, &bytes), 3, "one in doubt is kept");
	ok(is_peer(&out[2], 4, "", 1), "behind the others");
	dhtdb_peer_cut(db, &two);
	dhtdb_peer_cut(db, &two);
	dhtdb_peer_cut(db, &nine);
	is_int(dhtdb_peers(db, out, 8, &bytes), 2, "one was cut, once");
	dhtdb_commit(db);
	is_int(look("SELECT count(*) FROM peer"), 3, "a provider has its row");
	is_sound(db, "peers");
	buf_free(&bytes);
	dhtdb_close(db);

	conf.peers = 0;
	place_clean();
	db = open_with(&conf, NULL);
	is_int(seen(db, 1, "", NOW), DHTDB_FULL, "no room for any");
	dhtdb_close(db);
}

static void
own_keys(void)
{
	struct dhtdb_conf conf = usual;
	struct key k[3] = { key(1), key(2), key(3) };
	struct dhtdb_own o[3], got;
	struct dhtdb *db;

	conf.own = 2;
	db = open_with(&conf, NULL);
	for (unsigned i = 0; i < 3; i++)
		o[i] = own(&k[i], i == 1 ? "a record" : "", NOW + 10 - i);
	is_int(dhtdb_own_first(db, &got), DHTDB_NONE, "none is due");
	is_int(
	    dhtdb_own_next(db, o[0].place, &got), DHTDB_NONE, "none is next");
	is_int(dhtdb_own_put(db, &o[0]), DHTDB_OK, "a key");
	is_int(dhtdb_own_put(db, &o[1]), DHTDB_OK, "a record");
	is_int(dhtdb_own_put(db, &o[2]), DHTDB_FULL, "not a third");
	is_int(dhtdb_own_count(db), 2, "two");
	is_int(dhtdb_own_first(db, &got), DHTDB_OK, "one is due");
	is_bytes(got.place, 32, o[1].place, 32, "the one due first");
	ok(slice_eq(got.key, o[1].key), "its key");
	ok(slice_is(got.value, "a record"), "its value");
	is_int(got.due, NOW + 9, "its time");
	is_int(dhtdb_own_due(db, o[1].place, NOW + 20), DHTDB_OK, "later");
	is_int(dhtdb_own_due(db, o[2].place, 1), DHTDB_NONE, "not there");
	dhtdb_own_first(db, &got);
	is_bytes(got.place, 32, o[0].place, 32, "now the other");
	is_int(got.value.n, 0, "has no value");
	o[0].due = NOW + 30;
	is_int(dhtdb_own_put(db, &o[0]), DHTDB_OK, "the key again");
	is_int(dhtdb_own_count(db), 2, "still two");
	dhtdb_own_first(db, &got);
	is_int(got.due, NOW + 20, "it is due later");
	is_int(dhtdb_own_put(db, &got), DHTDB_OK, "what it lent, put back");
	dhtdb_own_first(db, &got);
	ok(slice_is(got.value, "a record"), "is as it was");
	is_int(dhtdb_own_cut(db, o[1].place), DHTDB_OK, "cut");
	is_int(dhtdb_own_cut(db, o[1].place), DHTDB_NONE, "only once");
	is_int(dhtdb_own_put(db, &o[2]), DHTDB_OK, "there is room again");
	dhtdb_commit(db);
	is_sound(db, "own keys");
	dhtdb_close(db);
}

static void
own_walk(void)
{
	struct dhtdb *db = open_with(&usual, NULL);
	uint8_t at[32] = { 0 }, beyond[32];
	struct dhtdb_own got;
	unsigned n = 0;
	bool rising = true, same = true;

	for (uint32_t i = 0; i < 1000; i++) {
		struct key k = key(i);
		struct dhtdb_own o = own(&k, "", NOW);

		dhtdb_own_put(db, &o);
	}
	while (dhtdb_own_next(db, at, &got) == DHTDB_OK) {
		rising = rising && memcmp(got.place, at, 32) >= 0;
		memcpy(at, got.place, 32);
		n++;
		same = same && dhtdb_own_next(db, at, &got) == DHTDB_OK &&
		       memcmp(got.place, at, 32) == 0;
		for (unsigned i = 32; i-- > 0 && ++at[i] == 0;)
			;
	}
	is_int(n, 1000, "all of them");
	ok(rising, "in the order of their places");
	ok(same, "each is at its place as well as after it");
	memset(beyond, 0xff, sizeof beyond);
	is_int(dhtdb_own_next(db, beyond, &got), DHTDB_NONE, "no more");
	dhtdb_close(db);
}

static void
facts(void)
{
	struct dhtdb *db = open_with(&usual, NULL);
	uint64_t v = 7;

	is_int(dhtdb_fact_get(db, "mode", &v), DHTDB_NONE, "no fact");
	is_int(v, 7, "and no value");
	dhtdb_fact_set(db, "mode", 2);
	dhtdb_fact_set(db, "most", UINT64_MAX);
	is_int(dhtdb_fact_set(db, "mode", 3), DHTDB_OK, "a fact changes");
	dhtdb_close(db);
	db = open_with(&usual, NULL);
	is_int(dhtdb_fact_get(db, "mode", &v), DHTDB_OK, "it survives");
	is_int(v, 3, "as it was last");
	dhtdb_fact_get(db, "most", &v);
	ok(v == UINT64_MAX, "the highest number");
	is_int(look("SELECT value FROM fact WHERE name = 'mode'"), 3,
	    "its name is text");
	dhtdb_close(db);
}

/* Nothing is written before the commit, all of it after. */
static void
gathers(void)
{
	struct dhtdb *db = open_with(&usual, NULL);
	struct key k = key(1);
	struct dhtdb_own o = own(&k, "", NOW);
	struct dhtdb_counts before;

	ok(!dhtdb_dirty(db), "nothing gathered");
	is_int(dhtdb_commit(db), DHTDB_OK, "nothing to commit");
	add(db, 1, 1, "", NOW);
	dhtdb_own_put(db, &o);
	ok(dhtdb_dirty(db), "gathered");
	is_int(count(db, 1, NOW), 1, "reads see it");
	is_int(look("SELECT count(*) FROM provider"), 0, "others do not");
	is_int(dhtdb_commit(db), DHTDB_OK, "committed");
	ok(!dhtdb_dirty(db), "nothing is left");
	is_int(look("SELECT count(*) FROM provider"), 1, "others see it");
	is_int(look("SELECT count(*) FROM own"), 1, "and our own");
	count(db, 1, NOW);
	ok(!dhtdb_dirty(db), "reading gathers nothing");
	add(db, 1, 2, "", NOW);
	put(db, 1, 2, "value", NOW);
	seen(db, 2, "", NOW);
	before = dhtdb_counts(db);
	ok(before.disk_bytes > 20000, "the file and its log have a size");
	ok(!before.disk_bad, "and are well");
	dhtdb_close(db);
	is_int(look("SELECT count(*) FROM provider"), 2, "closing commits");
	db = open_with(&usual, NULL);
	ok(before.providers == 2 && before.values == 1 &&
		before.value_bytes == 5 && before.peers == 1 && before.own == 1,
	    "what is not committed was counted");
	is_sound(db, "counted at the next start");
	dhtdb_close(db);
	dhtdb_close(NULL);
}

int
main(void)
{
	static void (*const tests[])(void) = { in_memory, providers,
		many_addrs, lives, sweeps, provider_ceilings, values,
		value_ceilings, peers, own_keys, own_walk, facts, gathers };

	place_open("dht.db");
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
		tests[i]();
		place_clean();
	}
	place_close();
	return tap_done();
}
