/* SPDX-License-Identifier: ISC
 *
 * store/dhtdb when it is killed, when the disk is full, and when the file is
 * damaged. */
#include "t/store/dht.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { PAGE = 4096, KEYS = 3000, BIG = 4000 };

static enum dhtdb_said
put_own(struct dhtdb *db, uint32_t n)
{
	struct key k = key(n);
	struct dhtdb_own o = own(&k, "", NOW + n);

	return dhtdb_own_put(db, &o);
}

static bool
has_own(struct dhtdb *db, uint32_t n)
{
	struct key k = key(n);
	struct dhtdb_own o = own(&k, "", NOW + n), got;

	return dhtdb_own_next(db, o.place, &got) == DHTDB_OK &&
	       memcmp(got.place, o.place, 32) == 0 &&
	       slice_eq(got.key, o.key) && got.value.n == 0 && got.due == o.due;
}

static unsigned
count_own(struct dhtdb *db, unsigned from, unsigned to)
{
	unsigned n = 0;

	for (; from < to; from++)
		n += has_own(db, from);
	return n;
}

static enum dhtdb_said
put_big(struct dhtdb *db, uint32_t n)
{
	static const uint8_t bytes[BIG];
	struct key k = key(n);
	struct peerid id = peer(1);

	return dhtdb_value_put(
	    db, key_slice(&k), slice_of(bytes, sizeof bytes), &id, NOW);
}

/* A file with known contents. */
static void
fill(void)
{
	struct dhtdb *db = open_with(&usual, NULL);
	struct peerid id = peer(7);
	struct key k = key(1);

	for (uint32_t i = 0; i < KEYS; i++)
		put_own(db, i);
	dhtdb_peer_seen(db, &id, slice_text("addrs"), NOW);
	dhtdb_provider_add(db, key_slice(&k), &id, slice_text(""), NOW);
	dhtdb_fact_set(db, "mode", 3);
	dhtdb_close(db);
}

/* What survives damage besides our own keys; records of others do not. */
static bool
has_rest(struct dhtdb *db)
{
	struct dhtdb_provider out;
	struct buf bytes = { .max = 100 };
	struct peerid id = peer(7);
	uint64_t mode = 0;
	bool all = dhtdb_fact_get(db, "mode", &mode) == DHTDB_OK && mode == 3 &&
		   dhtdb_peers(db, &out, 1, &bytes) == 1 &&
		   peerid_eq(&out.id, &id) && slice_is(out.addrs, "addrs") &&
		   out.at == NOW;

	buf_free(&bytes);
	return all;
}

static size_t
aside(const char *suffix)
{
	char pattern[256];
	glob_t found = { 0 };
	size_t n;

	snprintf(
	    pattern, sizeof pattern, "%s.damaged-*[0-9]%s", db_path, suffix);
	n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	globfree(&found);
	return n;
}

static void
write_until_killed(int fd, uint32_t first)
{
	struct dhtdb *db = open_with(&usual, NULL);

	for (uint32_t i = first;; i++) {
		put_own(db, i);
		if (dhtdb_commit(db) == DHTDB_OK)
			fd_write_all(fd, slice_of(&i, sizeof i));
	}
}

static void
killed(void)
{
	struct heard h = { 0 };
	struct dhtdb *db;
	uint32_t last = 0;

	for (unsigned i = 0; i < 5; i++) {
		last = kill_a_writer(write_until_killed, last + 1, last + 20);
		db = open_with(&usual, &h);
		is_int(count_own(db, 1, last + 1), last,
		    "what was committed outlives kill -9");
		ok(dhtdb_own_count(db) <= last + 1, "and hardly more");
		dhtdb_close(db);
	}
	is_int(h.n, 0, "nothing to tell");
	db = open_with(&usual, NULL);
	is_sound(db, "after five kills");
	dhtdb_close(db);
}

static struct rlimit as_it_was;

static void
limit_files(rlim_t bytes)
{
	struct rlimit limit = as_it_was;

	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* From full to good again; the callers make both. */
static void
is_full(struct dhtdb *db, struct heard *h)
{
	enum dhtdb_said said = DHTDB_OK;
	uint32_t n = 0;

	while (said == DHTDB_OK && n < 2000) {
		said = put_big(db, n++);
		if (said == DHTDB_OK && n % 5 == 0)
			said = dhtdb_commit(db);
	}
	is_int(said, DHTDB_DISK, "the disk is full");
	ok(dhtdb_counts(db).disk_bad, "it is counted as bad");
	is_int(h->n, 1, "told");
	ok(strstr(h->last, "cannot be read or written") != NULL, "in words");
	dhtdb_commit(db);
	is_sound(db, "what was gathered is forgotten");
	ok(has_own(db, 1), "reading goes on");
	for (unsigned i = 0; i < 3; i++) {
		for (uint32_t k = 0; k < 50; k++)
			put_big(db, 3000 + k);
		is_int(dhtdb_commit(db), DHTDB_DISK, "it is tried again");
		ok(!dhtdb_dirty(db), "and nothing stays gathered");
	}
	is_int(h->n, 1, "told once");
}

static void
is_good_again(struct dhtdb *db, struct heard *h)
{
	is_int(put_own(db, 2), DHTDB_OK, "there is room again");
	ok(dhtdb_counts(db).disk_bad, "that is not known before a commit");
	is_int(dhtdb_commit(db), DHTDB_OK, "committed");
	ok(!dhtdb_counts(db).disk_bad, "now it is");
	is_int(h->n, 2, "told");
	ok(strstr(h->last, "good again") != NULL, "in words");
	is_int(count_own(db, 1, 3), 2, "our own keys are there");
	is_sound(db, "good again");
}

static void
file_limit(void)
{
	struct heard h = { 0 };
	struct dhtdb *db = open_with(&usual, &h);

	put_own(db, 1);
	is_int(dhtdb_commit(db), DHTDB_OK, "a key is durable");
	limit_files(300000);
	is_full(db, &h);
	limit_files(as_it_was.rlim_cur);
	is_good_again(db, &h);
	dhtdb_close(db);
}

/* The page cache is too small for the transaction, so that one of its calls
 * fails, and takes with it what succeeded before. */
static void
lost_between(void)
{
	struct dhtdb_conf conf = usual;
	enum dhtdb_said said = DHTDB_OK;
	struct dhtdb *db;

	conf.cache = 32768;
	db = open_with(&conf, NULL);
	put_own(db, 1);
	dhtdb_commit(db);
	limit_files(300000);
	is_int(put_own(db, 2), DHTDB_OK, "a key is gathered");
	for (uint32_t n = 0; said == DHTDB_OK && n < 500; n++)
		said = put_big(db, n);
	is_int(said, DHTDB_DISK, "a later call fails");
	limit_files(as_it_was.rlim_cur);
	is_int(dhtdb_own_count(db), 1, "the key is gone with it");
	ok(dhtdb_dirty(db), "a commit is wanted");
	is_int(put_own(db, 3), DHTDB_OK, "a third is gathered");
	is_int(dhtdb_commit(db), DHTDB_DISK, "the commit says so");
	ok(!dhtdb_dirty(db), "once");
	is_int(count_own(db, 1, 4), 1, "neither is kept");
	is_sound(db, "after the loss");
	put_own(db, 3);
	is_int(dhtdb_commit(db), DHTDB_OK, "the next is as ever");
	is_int(count_own(db, 1, 4), 2, "and is kept");
	dhtdb_close(db);
}

/* Last of all: the process gets a mount namespace of its own. */
static void
full_disk(void)
{
	struct heard h = { 0 };
	struct dhtdb *db;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", dir, "tmpfs", 0, "size=1m") < 0) {
		ok(true, "a full disk # SKIP no tmpfs: %s", strerror(errno));
		return;
	}
	db = open_with(&usual, &h);
	put_own(db, 1);
	is_int(dhtdb_commit(db), DHTDB_OK, "a key is durable on a small disk");
	is_full(db, &h);
	mount(NULL, dir, NULL, MS_REMOUNT, "size=16m");
	is_good_again(db, &h);
	dhtdb_close(db);
	umount(dir);
}

static void
refused(void)
{
	struct heard h = { 0 };
	const char *why = "";
	sqlite3 *sql;

	fill();
	sqlite3_open(db_path, &sql);
	sqlite3_exec(sql, "PRAGMA user_version = 2", NULL, NULL, NULL);
	sqlite3_close(sql);
	ok(!dhtdb_open(db_path, &usual, hear, &h, &why), "a newer one");
	is_text(why, "it was made by a newer version", "is refused");
	is_int(look("SELECT count(*) FROM own"), KEYS, "and left alone");
	place_clean();
	sqlite3_open(db_path, &sql);
	sqlite3_exec(sql, "CREATE TABLE mail (text)", NULL, NULL, NULL);
	sqlite3_close(sql);
	ok(!dhtdb_open(db_path, &usual, hear, &h, &why), "another program's");
	is_text(why, "it is another program's database", "is refused");
	is_int(look("SELECT count(*) FROM sqlite_master"), 1, "and left alone");
	ok(!dhtdb_open(dir, &usual, hear, &h, &why), "a directory");
	is_text(why, "unable to open database file", "is refused");
	is_int(h.n + aside(""), 0, "nothing told, nothing moved");
	place_clean();
	spoil(0, 0);
	dhtdb_close(open_with(&usual, &h));
	is_int(h.n, 0, "an empty file is a new one");
}

/* Opened after the damage, which was done by the caller. */
static unsigned
survivors(const char *what)
{
	struct heard h = { 0 };
	struct dhtdb *db = open_with(&usual, &h);
	unsigned n = count_own(db, 0, KEYS);

	ok(h.n == 1 && strstr(h.last, "was damaged") != NULL, "%s: told", what);
	printf("# %s\n", h.last);
	is_int(aside(""), 1, "it was moved aside");
	is_int(aside("-shm"), 0, "nothing of reading it is left");
	is_int(dhtdb_own_count(db), n, "each key carried over is whole");
	is_int(put_own(db, KEYS), DHTDB_OK, "the new one takes more");
	is_int(dhtdb_commit(db), DHTDB_OK, "and keeps it");
	is_sound(db, what);
	dhtdb_close(db);
	return n;
}

static void
damaged(void)
{
	struct stat was;
	struct dhtdb *db;
	unsigned n;

	fill();
	stat(db_path, &was);
	spoil(was.st_size / PAGE / 2 * PAGE, 3 * PAGE);
	n = survivors("pages in the middle");
	ok(n > KEYS / 2 && n < KEYS, "%u of %u keys carried over", n, KEYS);
	db = open_with(&usual, NULL);
	ok(has_rest(db), "facts and known good peers as well");
	is_int(dhtdb_counts(db).providers, 0, "records of others are not");
	dhtdb_close(db);

	place_clean();
	fill();
	if (truncate(db_path, was.st_size / PAGE * 9 / 10 * PAGE) < 0)
		exit(111);
	n = survivors("a file cut short");
	ok(n > KEYS / 2 && n < KEYS, "%u of %u keys carried over", n, KEYS);

	place_clean();
	spoil(0, 100000);
	is_int(survivors("garbage"), 0, "nothing to carry over");
	spoil(0, 100000);
	dhtdb_close(open_with(&usual, NULL));
	is_int(aside(""), 2, "twice in a second is two files");
}

/* Readable, but without one of its tables. */
static void
incomplete(void)
{
	sqlite3 *sql;

	fill();
	sqlite3_open(db_path, &sql);
	sqlite3_exec(sql, "DROP TABLE provider", NULL, NULL, NULL);
	sqlite3_close(sql);
	is_int(survivors("a table is missing"), KEYS, "all is carried over");
}

/* Bytes of a row are wrong in a way that SQLite cannot see. */
static void
wrong_bytes(void)
{
	sqlite3 *sql;

	fill();
	sqlite3_open(db_path, &sql);
	sqlite3_exec(sql,
	    "UPDATE own SET key = x'122000' WHERE due % 10 = 0;"
	    "DROP TABLE provider",
	    NULL, NULL, NULL);
	sqlite3_close(sql);
	is_int(survivors("wrong keys"), KEYS - KEYS / 10, "the right ones");
}

/* What is in the log only is not lost with the file. */
static void
damaged_with_log(void)
{
	struct heard h = { 0 };
	struct dhtdb *db;
	struct stat was;
	uint32_t last;

	fill();
	last = kill_a_writer(write_until_killed, KEYS, KEYS + 20);
	stat(db_path, &was);
	spoil(was.st_size / PAGE / 2 * PAGE, 3 * PAGE);
	db = open_with(&usual, &h);
	is_int(h.n, 1, "damage and a log: told");
	ok(count_own(db, KEYS, last + 1) >= (last + 1 - KEYS) * 3 / 4,
	    "the log was read as well");
	is_int(aside("-wal"), 1, "and kept");
	dhtdb_close(db);
}

/* The damage comes while the file is open; the call that meets it does not
 * notice. */
static void
damaged_in_use(void)
{
	struct dhtdb_conf conf = usual;
	struct heard h = { 0 };
	struct dhtdb *db;
	struct stat was;
	unsigned n;

	fill();
	conf.cache = 0;
	db = open_with(&conf, &h);
	is_int(put_own(db, KEYS), DHTDB_OK, "a key is gathered");
	stat(db_path, &was);
	spoil(was.st_size / PAGE / 2 * PAGE, was.st_size / 4);
	n = count_own(db, 0, KEYS);
	is_int(h.n, 1, "damaged in use: told once");
	ok(n > KEYS / 4 && n < KEYS, "%u keys carried over", n);
	is_int(aside(""), 1, "it was moved aside");
	ok(has_rest(db), "facts and peers carried over");
	is_int(dhtdb_commit(db), DHTDB_DISK, "what was gathered is lost");
	ok(!has_own(db, KEYS), "not half of it");
	is_int(put_own(db, KEYS), DHTDB_OK, "the new one takes it");
	is_int(dhtdb_commit(db), DHTDB_OK, "and keeps it");
	ok(!dhtdb_counts(db).disk_bad, "no disk is bad");
	is_sound(db, "damaged in use");
	dhtdb_close(db);
}

/* It cannot be moved aside, because somebody has removed it. */
static void
cannot_move(void)
{
	struct dhtdb_conf conf = usual;
	struct heard h = { 0 };
	struct dhtdb *db;
	struct stat was;
	struct dhtdb_own got;
	uint8_t at[32] = { 0 };
	enum dhtdb_said said = DHTDB_OK;

	fill();
	conf.cache = 0;
	db = open_with(&conf, &h);
	stat(db_path, &was);
	spoil(3 * PAGE, was.st_size - 3 * PAGE);
	place_clean();
	for (unsigned i = 0; i < 256 && said == DHTDB_OK; i++) {
		at[0] = (uint8_t)i;
		said = dhtdb_own_next(db, at, &got);
	}
	is_int(said, DHTDB_DISK, "no file to go on with");
	ok(h.n == 1 && strstr(h.last, "cannot be moved aside"), "told");
	is_int(dhtdb_own_count(db), 0, "nothing is known of it");
	is_int(dhtdb_own_next(db, at, &got), DHTDB_NONE, "the next call tries");
	is_int(put_own(db, 1), DHTDB_OK, "takes");
	is_int(dhtdb_commit(db), DHTDB_OK, "and keeps");
	is_int(h.n, 2, "good again: told");
	is_sound(db, "begun again");
	dhtdb_close(db);
}

int
main(void)
{
	static void (*const tests[])(void) = { killed, file_limit, lost_between,
		refused, damaged, incomplete, wrong_bytes, damaged_with_log,
		damaged_in_use, cannot_move, full_disk };

	getrlimit(RLIMIT_FSIZE, &as_it_was);
	signal(SIGXFSZ, SIG_IGN);
	place_open("dht.db");
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
		tests[i]();
		place_clean();
	}
	place_close();
	return tap_done();
}
