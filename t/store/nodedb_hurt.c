/* SPDX-License-Identifier: ISC
 *
 * store/nodedb when it is killed, when the disk is full, when the file is
 * damaged, another's or of a newer program, and when counters are wrong. */
#include "store/nodedb_own.h"
#include "t/store/index.h"

#include "base/fd.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void
key_name(char name[16], uint32_t n)
{
	snprintf(name, 16, "key%08u", n);
}

static void
write_until_killed(int fd, uint32_t first)
{
	struct nodedb *db = index_open();
	struct bucket *b = nodedb_bucket(db, slice_text("b"));
	char name[16];

	for (uint32_t i = first;; i++) {
		key_name(name, i);
		put_small(db, b, name, 1000, NULL);
		key_name(name, i - 7);
		if (i % 3 == 0)
			put_small(db, b, name, 500, NULL);
		if (i % 5 == 0 && nodedb_commit(db) == NODEDB_OK &&
		    fd_write_all(fd, slice_of(&i, sizeof i)) < 0)
			exit(111);
	}
}

static unsigned
missing(struct nodedb *db, uint32_t to)
{
	struct bucket *b = nodedb_bucket(db, slice_text("b"));
	struct slice bytes;
	struct object o;
	unsigned n = 0;
	char name[16];

	for (uint32_t i = 1; i <= to; i++) {
		key_name(name, i);
		n += get_key(db, b, name, &o) != NODEDB_OK ||
		     nodedb_inline_read(db, &o.content, &bytes) != NODEDB_OK ||
		     bytes.n != o.size ||
		     bytes.p[0] != (uint8_t)name[strlen(name) - 1];
	}
	return n;
}

static void
killed(void)
{
	struct nodedb *db = index_open();
	uint32_t last = 0;

	bucket_of(db, "b", tenant_of(db, "t", UINT64_MAX), 0);
	nodedb_close(db);
	for (unsigned i = 0; i < 6; i++) {
		last = kill_a_writer(write_until_killed, last + 1, last + 100);
		db = index_open();
		ok(nodedb_unclean(db), "the end was unclean");
		is_int(missing(db, last), 0, "what was committed is there");
		is_counted(db, "and counted, to the byte");
		nodedb_close(db);
	}
	db = index_open();
	ok(!nodedb_unclean(db), "after a close it is clean");
	nodedb_close(db);
	place_clean();
}

/* All that callers hold stays what it was, and says what the file says. */
static void
rolled_back(struct nodedb *db)
{
	struct tenant *t = nodedb_tenant(db, slice_text("t"));
	struct bucket *b = nodedb_bucket(db, slice_text("b"));
	struct bucket *made, *gone = nodedb_bucket(db, slice_text("gone"));
	struct access_key k = { .id = "KEY", .tenant = t };
	uint64_t used = t->disk_used;
	struct object o;

	made = bucket_of(db, "made", t, 1);
	nodedb_bucket_cut(db, gone);
	nodedb_bucket_set(db, b, 1, 3);
	nodedb_key_put(db, &k);
	nodedb_reserve(t, 50);
	tenant_of(db, "late", 5);
	put_small(db, b, "x", 10, NULL);
	nodedb_put(
	    db, made, &(struct object){ .key = slice_text("k") }, 0, NULL);
	sqlite3_exec(db->sql.db, "PRAGMA max_page_count = 1", NULL, NULL, NULL);
	while (put_small(db, b, "full", NODEDB_INLINE, NULL) == NODEDB_OK)
		;
	ok(strstr(nodedb_why(db), "full") != NULL, "%s", nodedb_why(db));
	ok(nodedb_dirty(db), "there is something to say");
	is_said(nodedb_commit(db), NODEDB_DISK, "said by the commit");
	ok(!nodedb_dirty(db), "once");
	ok(t->disk_used == used && t->disk_reserved == 50 &&
		nodedb_total(db) == used + 50,
	    "the tenant is as before; what is reserved stays");
	ok(made->no == 0 && nodedb_bucket(db, slice_text("made")) == NULL,
	    "a bucket that was made is none");
	ok(gone->no != 0 && nodedb_bucket(db, slice_text("gone")) == gone,
	    "one that was removed is there");
	ok(b->versioning == 0 && b->anonymous == 0, "as it was");
	ok(nodedb_key(db, slice_text("KEY")) == NULL &&
		nodedb_tenant(db, slice_text("late")) == NULL,
	    "no key, no tenant");
	is_said(get_key(db, b, "x", &o), NODEDB_NONE, "no object");
	nodedb_reserve(t, -50);
}

static void
full(void)
{
	struct heard h = { 0 };
	struct nodedb *db = index_with(&usual, &h);
	struct tenant *t = tenant_of(db, "t", UINT64_MAX);
	struct bucket *b = bucket_of(db, "b", t, 0);
	struct object o;
	struct slice bytes;
	char name[16];

	bucket_of(db, "gone", t, 0);
	for (unsigned i = 0; i < 50; i++) {
		key_name(name, i);
		put_small(db, b, name, 4000, NULL);
	}
	nodedb_commit(db);
	rolled_back(db);
	is_int(h.n, 1, "told once");
	is_said(put_small(db, b, "y", NODEDB_INLINE, NULL), NODEDB_DISK,
	    "it is full still");
	is_said(put_small(db, b, "empty", 0, NULL), NODEDB_OK,
	    "what has room in the batch");
	is_said(nodedb_commit(db), NODEDB_DISK, "goes with it");
	is_said(get_key(db, b, "empty", &o), NODEDB_NONE, "and is not there");
	is_said(get_key(db, b, "key00000007", &o), NODEDB_OK, "reads go on");
	is_said(nodedb_inline_read(db, &o.content, &bytes), NODEDB_OK, "whole");
	sqlite3_exec(
	    db->sql.db, "PRAGMA max_page_count = 1000000", NULL, NULL, NULL);
	ok(nodedb_writable(db), "room again");
	is_said(put_small(db, b, "y", NODEDB_INLINE, NULL), NODEDB_OK, "put");
	is_said(nodedb_commit(db), NODEDB_OK, "and kept");
	ok(strstr(h.last, "good again") != NULL, "told");
	is_counted(db, "every reference is counted");
	nodedb_close(db);
	place_clean();
}

static void
limit_files(rlim_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes ? bytes : limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* The log cannot grow: COMMIT itself fails. */
static void
log_full(void)
{
	struct nodedb *db = index_open();
	struct tenant *t = tenant_of(db, "t", UINT64_MAX);
	struct bucket *b = bucket_of(db, "b", t, 0);
	enum nodedb_said said = NODEDB_OK;
	uint64_t good = 0;
	char name[16];
	unsigned n = 0;
	bool writable;

	nodedb_commit(db);
	limit_files(300000);
	while (said == NODEDB_OK && n < 1000) {
		good = t->disk_used;
		for (unsigned i = 0; i < 5; i++) {
			key_name(name, n++);
			put_small(db, b, name, 4000, NULL);
		}
		said = nodedb_commit(db);
	}
	is_said(said, NODEDB_DISK, "no room for the log");
	ok(t->disk_used == good && good > 0, "the last good batch is what is");
	limit_files(1);
	writable = nodedb_writable(db);
	limit_files(0); /* what is printed may go to a file */
	ok(!writable, "not writable");
	ok(nodedb_writable(db), "and again");
	is_said(put_small(db, b, "k", 4000, NULL), NODEDB_OK, "put");
	is_said(nodedb_commit(db), NODEDB_OK, "and kept");
	is_counted(db, "every byte and reference is counted");
	nodedb_close(db);
	place_clean();
}

static void
is_refused(const char *words, bool is_newer, const char *name)
{
	const char *why = "";
	bool newer = !is_newer;
	struct nodedb *db =
	    nodedb_open(db_path, &usual, NULL, NULL, &why, &newer);

	ok(db == NULL && strstr(why, words) != NULL, "%s: %s", name, why);
	is_int(newer, is_newer, "newer or not");
	nodedb_close(db);
}

static uint64_t
sum_of_file(void)
{
	static uint8_t bytes[1 << 20];
	uint64_t sum = 1;
	int fd = open(db_path, O_RDONLY);
	ssize_t n = read(fd, bytes, sizeof bytes);

	for (ssize_t i = 0; i < n; i++)
		sum = sum * 31 + bytes[i];
	close(fd);
	return sum;
}

static void
fill(void)
{
	struct nodedb *db = index_open();
	struct bucket *b =
	    bucket_of(db, "b", tenant_of(db, "t", UINT64_MAX), 0);
	char name[16];

	for (unsigned i = 0; i < 500; i++) {
		key_name(name, i);
		put_small(db, b, name, 100, NULL);
	}
	nodedb_close(db);
}

static void
refused(void)
{
	uint64_t sum;

	fill();
	change("PRAGMA user_version = 2");
	sum = sum_of_file();
	is_refused("newer version", true, "of a newer program");
	ok(sum == sum_of_file(), "and left as it is");
	change("PRAGMA user_version = 1; PRAGMA application_id = 7");
	is_refused("another program", false, "another program's");
	place_clean();
	fill();
	change("DROP TABLE blob");
	is_refused("damaged", false, "without a table");
	place_clean();
	fill();
	spoil(0, 4096);
	is_refused("damaged", false, "without a beginning");
	place_clean();
	fill();
	spoil(4096, 20 * 4096);
	is_refused("damaged", false, "with noise in it");
	place_clean();
	is_refused("unable to open", false,
	    mkdir(db_path, 0700) == 0 ? "a directory" : "?");
	rmdir(db_path);
}

/* A page that is bad is met when it is read.  A batch in which that happened
 * is lost, the others go on. */
static void
bad_page(void)
{
	struct nodedb *db;
	struct bucket *b;
	struct object o;
	unsigned bad = 0, good = 0;
	struct stat st;
	char name[16];

	fill();
	stat(db_path, &st);
	spoil(st.st_size / 2 / 4096 * 4096, 4096);
	db = index_open();
	b = nodedb_bucket(db, slice_text("b"));
	put_small(db, b, "new", 1, NULL);
	for (unsigned i = 0; i < 500; i++) {
		struct slice bytes;
		enum nodedb_said said;

		key_name(name, i);
		said = get_key(db, b, name, &o);
		if (said == NODEDB_OK)
			said = nodedb_inline_read(db, &o.content, &bytes);
		bad += said == NODEDB_DISK;
		good += said == NODEDB_OK;
	}
	ok(bad > 0 && good > 300, "%u of 500 cannot be read", bad);
	is_said(nodedb_check(db, true), NODEDB_DISK, "the check finds it");
	is_said(nodedb_commit(db), NODEDB_DISK,
	    "SQLite writes nothing where it has met damage");
	is_said(put_small(db, b, "new", 1, NULL), NODEDB_OK, "the next batch");
	is_said(nodedb_commit(db), NODEDB_OK, "is kept");
	nodedb_close(db);
	place_clean();
}

/* Counters that are wrong on purpose. */
static void
planted(void)
{
	struct nodedb *db = index_open();
	struct bucket *b =
	    bucket_of(db, "b", tenant_of(db, "t", UINT64_MAX), 0);
	struct upload u = { .bucket = b, .key = slice_text("u") };
	struct part p = { .number = 1, .size = 5 };
	struct heard h = { 0 };

	for (unsigned i = 0; i < 4; i++) {
		char name[16];

		key_name(name, i);
		put_blob(db, b, name, i, 100, NULL);
		put_small(db, b, name + 1, 10, NULL);
	}
	nodedb_upload_new(db, &u);
	nodedb_upload(db, b, u.token, &u);
	nodedb_part_put(db, &u, &p, 0, NOW);
	is_counted(db, "nothing is wrong");
	nodedb_close(db);
	is_int(
	    change("UPDATE blob SET refs = 7 WHERE no = 1;"
		   "UPDATE blob SET refs = 0 WHERE no = 2;"
		   "UPDATE inline SET refs = 2 WHERE no = 1;"
		   "INSERT INTO inline VALUES (99, 1, x'01');"
		   "INSERT INTO part VALUES (77, 1, 5, 0, 2, 1, 0, x'', x'');"
		   "INSERT INTO manifest VALUES (88, 1, 1, 5);"
		   "INSERT INTO part VALUES (88, 1, 5, 0, 2, 3, 0, x'', x'');"
		   "UPDATE blob SET refs = 2 WHERE no = 3;"
		   "UPDATE state SET objects = 1;"
		   "UPDATE tenant SET disk_used = 1"),
	    SQLITE_OK, "wrong on purpose");
	db = index_open();
	ok(nodedb_recount(db, false, hear, &h) >= 9, "all of it is found");
	ok(nodedb_recount(db, true, hear, &h) >= 9 && h.n >= 18, "and mended");
	is_counted(db, "then nothing is wrong");
	is_int(nodedb_tenant(db, slice_text("t"))->disk_used, 445, "as it was");
	nodedb_close(db);
	is_int(change("DELETE FROM blob WHERE no = 1"), SQLITE_OK, "a loss");
	db = index_open();
	is_int(nodedb_recount(db, true, hear, &h), 3,
	    "what refers to nothing is told, and blobs are counted again");
	is_int(nodedb_recount(db, false, hear, &h), 1, "but not mended");
	nodedb_close(db);
	place_clean();
}

static int
stop(void *arg)
{
	return *(bool *)arg;
}

/* Nothing can be written or read any more, as when the disk has gone: nobody is
 * told that something is not there because it cannot be looked up. */
static void
unreadable(void)
{
	struct nodedb *db = index_open();
	struct tenant *t = tenant_of(db, "t", UINT64_MAX);
	struct bucket *b = bucket_of(db, "b", t, 0);
	struct access_key k = { .id = "KEY", .tenant = t };
	int64_t tenant = t->no, bucket = b->no;
	bool stopped = true;
	struct object o;

	nodedb_key_put(db, &k);
	put_small(db, b, "x", 10, NULL);
	is_said(nodedb_commit(db), NODEDB_OK, "a small index");
	nodedb_key_put(db, &k); /* so that names are read again */
	sqlite3_progress_handler(db->sql.db, 1, stop, &stopped);
	is_said(put_small(db, b, "y", 10, NULL), NODEDB_DISK, "it is gone");
	for (int i = 0; i < 3; i++) {
		is_said(get_key(db, b, "x", &o), NODEDB_DISK,
		    "who asks is told so");
		ok(nodedb_tenant(db, slice_text("t")) == t && t->no == tenant,
		    "the tenant is known");
		ok(nodedb_bucket(db, slice_text("b")) == b && b->no == bucket,
		    "and the bucket");
		ok(nodedb_key(db, slice_text("KEY")) != NULL, "and the key");
		is_int(nodedb_total(db), 10, "and what is used");
	}
	is_said(nodedb_commit(db), NODEDB_DISK, "nothing is committed");
	stopped = false;
	is_said(get_key(db, b, "x", &o), NODEDB_OK, "it is back");
	is_said(get_key(db, b, "y", &o), NODEDB_NONE, "as it was");
	is_said(put_small(db, b, "y", 10, NULL), NODEDB_OK, "and is written");
	is_said(nodedb_commit(db), NODEDB_OK, "durably");
	ok(nodedb_tenant(db, slice_text("t")) == t && t->disk_used == 20,
	    "and counted");
	nodedb_close(db);
	place_clean();
}

/* Rows that are longer than any of ours. */
static void
long_rows(void)
{
	struct nodedb *db = index_open();
	struct bucket *b =
	    bucket_of(db, "b", tenant_of(db, "t", UINT64_MAX), 0);
	struct slice bytes;
	struct object o;

	put_small(db, b, "content", 10, NULL);
	put_small(db, b, "meta", 10, NULL);
	put_small(db, b, "good", 10, NULL);
	nodedb_close(db);
	change(
	    "UPDATE inline SET bytes = zeroblob(20000) WHERE no = 1;"
	    "UPDATE object SET meta = zeroblob(90000) WHERE key = x'6d657461'");
	db = index_open();
	b = nodedb_bucket(db, slice_text("b"));
	is_said(get_key(db, b, "content", &o), NODEDB_OK, "its row is good");
	is_said(nodedb_inline_read(db, &o.content, &bytes), NODEDB_DISK,
	    "its content is not");
	is_said(get_key(db, b, "meta", &o), NODEDB_DISK, "nor is this row");
	is_said(get_key(db, b, "good", &o), NODEDB_OK, "others are");
	is_said(nodedb_inline_read(db, &o.content, &bytes), NODEDB_OK,
	    "and can be read");
	is_int(bytes.n, 10, "whole");
	nodedb_close(db);
	place_clean();
}

int
main(void)
{
	signal(SIGXFSZ, SIG_IGN);
	place_open("node.db");
	killed();
	full();
	log_full();
	refused();
	bad_page();
	planted();
	unreadable();
	long_rows();
	place_close();
	return tap_done();
}
