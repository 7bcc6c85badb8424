/* SPDX-License-Identifier: ISC */
#include "store/dbstream.h"
#include "t/store/place.h"

#include <errno.h>
#include <sys/stat.h>

enum { ACCOUNTS = 400, EACH = 1000, WRITERS = 3, ROUNDS = 34 };

static char copy_path[96];
static const char *why = "";

/* One number of the copy; -1: it cannot be asked. */
static int64_t
ask_copy(const char *question)
{
	sqlite3 *sql = NULL;
	sqlite3_stmt *q = NULL;
	int64_t n = -1;

	if (sqlite3_open_v2(copy_path, &sql, SQLITE_OPEN_READWRITE, NULL) ==
		0 &&
	    sqlite3_prepare_v2(sql, question, -1, &q, NULL) == 0 &&
	    sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(sql);
	return n;
}

static enum dbstream_end
copy(struct dbstream *d)
{
	int fd = open(copy_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	enum dbstream_end e = dbstream_write(db_path, fd, 2000, d, &why);

	close(fd);
	return e;
}

/* The copy is whole, says what the stream said, and holds what it should. */
static bool
good_copy(const struct dbstream *d, int64_t sum)
{
	struct dbstream seen;
	struct stat st;

	if (stat(copy_path, &st) < 0 || (uint64_t)st.st_size != d->bytes ||
	    d->bytes != d->pages * d->page_size)
		return ok(false, "the copy has another size");
	if (dbstream_check(copy_path, &seen, &why) != DBSTREAM_OK)
		return ok(false, "the copy: %s", why);
	if (memcmp(seen.sha256, d->sha256, sizeof seen.sha256) != 0 ||
	    seen.change != d->change || seen.version != d->version)
		return ok(false, "the copy has other figures");
	if (ask_copy("SELECT sum(balance) FROM account") != sum ||
	    ask_copy(
		"SELECT count(*) FROM account, state"
		" WHERE state.turns = (SELECT count(*) FROM turn)") != ACCOUNTS)
		return ok(false, "the copy is a mixture");
	return true;
}

/* Accounts among which money goes to and fro; every transaction leaves a row,
 * which is as long as it likes. */
static void
make(unsigned page_size)
{
	char text[1200];

	place_clean();
	snprintf(text, sizeof text,
	    "PRAGMA page_size = %u; PRAGMA auto_vacuum = INCREMENTAL;"
	    "PRAGMA journal_mode = WAL; PRAGMA user_version = 7;"
	    "PRAGMA application_id = 77; BEGIN;"
	    "CREATE TABLE account (no INTEGER PRIMARY KEY, balance INTEGER);"
	    "CREATE TABLE state (turns INTEGER); INSERT INTO state VALUES (0);"
	    "CREATE TABLE turn (no INTEGER PRIMARY KEY, fill BLOB);"
	    "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n"
	    " WHERE i < %d) INSERT INTO account SELECT i, %d FROM n; COMMIT",
	    page_size, ACCOUNTS, EACH);
	if (change(text) != SQLITE_OK)
		exit(111);
}

static void
run(sqlite3 *db, const char *text)
{
	int rc = sqlite3_exec(db, text, NULL, NULL, NULL);

	if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
		_exit(1);
	if (rc != SQLITE_OK && !sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

static const char turn[] =
    "BEGIN IMMEDIATE;"
    "UPDATE account SET balance = balance - 5"
    " WHERE no = 1 + abs(random() %% %d);"
    "UPDATE account SET balance = balance + 5"
    " WHERE no = 1 + abs(random() %% %d);"
    "INSERT INTO turn (fill) VALUES (randomblob(abs(random() %% %u)));"
    "DELETE FROM turn WHERE no < (SELECT max(no) FROM turn) - 300;"
    "UPDATE state SET turns = (SELECT count(*) FROM turn);"
    "%s COMMIT";

/* Somebody who writes until he is killed. */
static pid_t
writer(unsigned nth, unsigned checkpoint)
{
	pid_t pid = fork();
	char text[1024], own[96];
	sqlite3 *db;

	if (pid != 0)
		return pid;
	if (sqlite3_open(db_path, &db) != SQLITE_OK)
		_exit(1);
	sqlite3_busy_timeout(db, 10000);
	snprintf(own, sizeof own,
	    "PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = %u",
	    checkpoint);
	run(db, own);
	for (unsigned i = 0;; i++) {
		snprintf(text, sizeof text, turn, ACCOUNTS, ACCOUNTS,
		    i % 50 == 0 ? 60000u : 900u,
		    i % 40 == nth ? "PRAGMA incremental_vacuum(20);" : "");
		run(db, text);
	}
}

/* Somebody who has the log copied back in every way there is. */
static pid_t
checkpointer(void)
{
	static const int how[] = { SQLITE_CHECKPOINT_PASSIVE,
		SQLITE_CHECKPOINT_FULL, SQLITE_CHECKPOINT_RESTART,
		SQLITE_CHECKPOINT_TRUNCATE };
	pid_t pid = fork();
	sqlite3 *db;

	if (pid != 0)
		return pid;
	if (sqlite3_open(db_path, &db) != SQLITE_OK)
		_exit(1);
	sqlite3_busy_timeout(db, 50);
	for (unsigned i = 0;; i++) {
		sqlite3_exec(db, "SELECT * FROM state", NULL, NULL, NULL);
		sqlite3_wal_checkpoint_v2(db, NULL, how[i % 4], NULL, NULL);
		usleep(3000);
	}
}

/* Readers that come and go hold marks of their own. */
static pid_t
reader(void)
{
	pid_t pid = fork();
	sqlite3 *db;

	if (pid != 0)
		return pid;
	if (sqlite3_open(db_path, &db) != SQLITE_OK)
		_exit(1);
	for (;;) {
		sqlite3_exec(db, "BEGIN; SELECT sum(balance) FROM account",
		    NULL, NULL, NULL);
		usleep(chance(20000));
		sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	}
}

static void
kill_all(const pid_t *pids, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	for (unsigned i = 0; i < n; i++)
		waitpid(pids[i], NULL, 0);
}

/* A stream into a pipe that is emptied slowly: much is written and copied back
 * meanwhile.  What it says comes behind it. */
static enum dbstream_end
copy_slowly(struct dbstream *d, unsigned pause)
{
	struct {
		enum dbstream_end e;
		struct dbstream d;
	} said = { DBSTREAM_DISK, { 0 } };
	int data[2], told[2], fd;
	char block[8192];
	ssize_t n;
	pid_t pid;

	if (pipe(data) < 0 || pipe(told) < 0 || (pid = fork()) < 0)
		exit(111);
	if (pid == 0) {
		said.e = dbstream_write(db_path, data[1], 10000, &said.d, &why);
		if (said.e != DBSTREAM_OK)
			fprintf(stderr, "# %s\n", why);
		_exit(write(told[1], &said, sizeof said) != sizeof said);
	}
	close(data[1]);
	close(told[1]);
	fd = open(copy_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	while ((n = read(data[0], block, sizeof block)) > 0) {
		if (write(fd, block, (size_t)n) != n)
			exit(111);
		usleep(pause);
	}
	if (read(told[0], &said, sizeof said) != sizeof said)
		said.e = DBSTREAM_DISK;
	close(fd);
	close(data[0]);
	close(told[0]);
	waitpid(pid, NULL, 0);
	*d = said.d;
	return said.e;
}

/* Is the state that was streamed at least as new as what was there before? */
static bool
not_older(int64_t before)
{
	return ask_copy("SELECT max(no) FROM turn") >= before;
}

static void
test_writers(unsigned page_size, unsigned checkpoint)
{
	pid_t pids[WRITERS + 2];
	unsigned n = 0, from_log = 0, good = 0;
	struct dbstream d;
	int64_t before = 0;

	make(page_size);
	for (unsigned i = 0; i < WRITERS; i++)
		pids[n++] = writer(i, checkpoint);
	pids[n++] = reader();
	pids[n++] = checkpointer();
	while (look("SELECT coalesce(max(no), 0) FROM turn") < 50)
		usleep(1000);
	for (unsigned i = 0; i < ROUNDS; i++) {
		enum dbstream_end e;

		before = look("SELECT max(no) FROM turn");
		e = i % 3 == 0 ? copy_slowly(&d, 500) : copy(&d);
		if (e != DBSTREAM_OK ||
		    !good_copy(&d, (int64_t)ACCOUNTS * EACH) ||
		    !not_older(before))
			break;
		from_log += d.log_pages > 0;
		good++;
	}
	kill_all(pids, n);
	ok(good == ROUNDS,
	    "%u streams of pages of %u while others write (copied back at %u): "
	    "%u good, %u with pages of the log",
	    ROUNDS, page_size, checkpoint, good, from_log);
	if (checkpoint > 100)
		ok(from_log > 0, "some had pages of the log");
	/* they were killed: the log is as they left it */
	ok(copy(&d) == DBSTREAM_OK && good_copy(&d, (int64_t)ACCOUNTS * EACH) &&
		not_older(before),
	    "and a stream of what they left when they were killed");
}

static void
test_sizes(void)
{
	struct dbstream d;

	for (unsigned size = 512; size <= 65536; size *= 2) {
		make(size);
		ok(copy(&d) == DBSTREAM_OK && d.page_size == size &&
			d.version == 7 && d.application == 77 &&
			good_copy(&d, (int64_t)ACCOUNTS * EACH) &&
			ask_copy("PRAGMA user_version") == 7,
		    "pages of %u, closed in order", size);
	}
}

/* Nobody has it open, and it has a log: the stream has the log's pages, and
 * leaves both as they were. */
static void
test_log_alone(void)
{
	struct stat before, after;
	struct dbstream d;
	sqlite3 *db = NULL;
	char wal[100];

	make(4096);
	sqlite3_open(db_path, &db);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_exec(db, "PRAGMA user_version = 8", NULL, NULL, NULL);
	sqlite3_close(db);
	snprintf(wal, sizeof wal, "%s-wal", db_path);
	stat(wal, &before);
	ok(copy(&d) == DBSTREAM_OK && d.log_pages == 1 && d.version == 8 &&
		good_copy(&d, (int64_t)ACCOUNTS * EACH),
	    "a log that nobody copied back counts");
	ok(stat(wal, &after) == 0 && after.st_size == before.st_size &&
		after.st_size > 0,
	    "and stays");
	/* what is behind the last whole commit does not */
	if (truncate(wal, before.st_size - 1) < 0)
		exit(111);
	ok(copy(&d) == DBSTREAM_OK && d.log_pages == 0 && d.version == 7,
	    "a log that was cut off holds no commit");
}

/* The log is cut off or overwritten while it is in use. */
static void
test_log_hurt(void)
{
	struct dbstream d;
	sqlite3 *db = NULL;
	char wal[100], salt[5];
	struct stat st;
	int fd;

	make(4096);
	sqlite3_open(db_path, &db);
	sqlite3_exec(db,
	    "PRAGMA wal_autocheckpoint = 0;"
	    "UPDATE account SET balance = balance + 1;"
	    "PRAGMA user_version = 9",
	    NULL, NULL, NULL);
	snprintf(wal, sizeof wal, "%s-wal", db_path);
	stat(wal, &st);
	fd = open(wal, O_RDWR);
	if (pread(fd, salt, 5, 32 + 8) != 5 ||
	    pwrite(fd, "other", 5, 32 + 8) != 5)
		exit(111);
	ok(copy(&d) == DBSTREAM_CORRUPT && strstr(why, "another log"),
	    "a frame of another log");
	if (pwrite(fd, salt, 5, 32 + 8) != 5 ||
	    ftruncate(fd, st.st_size - 4096) < 0)
		exit(111);
	ok(copy(&d) == DBSTREAM_CORRUPT, "a log too short");
	close(fd);
	sqlite3_close(db);
}

static void
test_rollback(void)
{
	struct dbstream d;
	sqlite3 *db = NULL;

	make(4096);
	ok(change("PRAGMA journal_mode = DELETE") == SQLITE_OK &&
		copy(&d) == DBSTREAM_OK &&
		good_copy(&d, (int64_t)ACCOUNTS * EACH),
	    "a database with a rollback journal");
	sqlite3_open(db_path, &db);
	sqlite3_exec(
	    db, "BEGIN IMMEDIATE; DELETE FROM account", NULL, NULL, NULL);
	ok(copy(&d) == DBSTREAM_OK && good_copy(&d, (int64_t)ACCOUNTS * EACH),
	    "while somebody is about to write");
	sqlite3_close(db);
}

static void
test_refused(void)
{
	struct dbstream d;
	int fds[2];

	place_clean();
	ok(copy(&d) == DBSTREAM_NONE, "no file");
	close(open(db_path, O_WRONLY | O_CREAT, 0600));
	ok(copy(&d) == DBSTREAM_OK && d.bytes == 0 && d.pages == 0,
	    "an empty one is an empty stream");
	spoil(0, 9000);
	ok(copy(&d) == DBSTREAM_CORRUPT, "noise");
	ok(dbstream_check(db_path, &d, &why) == DBSTREAM_CORRUPT,
	    "which a check finds as well");
	make(4096);
	if (truncate(db_path, 8192) < 0)
		exit(111);
	ok(copy(&d) == DBSTREAM_CORRUPT, "half a file");
	ok(dbstream_check(db_path, &d, &why) == DBSTREAM_CORRUPT,
	    "which a check finds as well");
	make(4096);
	spoil(4096 * 3, 2000);
	ok(dbstream_check(db_path, &d, &why) == DBSTREAM_CORRUPT,
	    "a page spoilt");
	make(4096);
	if (truncate(db_path, (off_t)(look("PRAGMA page_count") + 1) * 4096) <
	    0)
		exit(111);
	ok(dbstream_check(db_path, &d, &why) == DBSTREAM_CORRUPT,
	    "a file too long");
	make(4096);
	if (pipe(fds) < 0)
		exit(111);
	close(fds[0]);
	ok(dbstream_write(db_path, fds[1], 100, &d, &why) == DBSTREAM_OUT &&
		errno == EPIPE && *why,
	    "nobody reads");
	close(fds[1]);
}

/* Somebody changes the file under us, and nobody else may begin with it. */
static void
test_exclusive(void)
{
	struct dbstream d;
	sqlite3 *db = NULL;

	make(4096);
	sqlite3_open(db_path, &db);
	sqlite3_exec(db,
	    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE;"
	    "BEGIN EXCLUSIVE; DELETE FROM account",
	    NULL, NULL, NULL);
	ok(copy(&d) == DBSTREAM_BUSY, "nobody else is let in");
	sqlite3_close(db);
}

/* Names that a URI would read otherwise. */
static void
test_names(void)
{
	char plain[96];
	struct dbstream d;

	make(4096);
	snprintf(plain, sizeof plain, "%s", copy_path);
	snprintf(copy_path, sizeof copy_path, "%s/a?b#c%%20 d", dir);
	ok(copy(&d) == DBSTREAM_OK && good_copy(&d, (int64_t)ACCOUNTS * EACH),
	    "a file with an odd name");
	memcpy(copy_path, plain, sizeof plain);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	place_open("node.db");
	snprintf(copy_path, sizeof copy_path, "%s/copy.db", dir);
	test_sizes();
	test_log_alone();
	test_log_hurt();
	test_rollback();
	test_refused();
	test_exclusive();
	test_names();
	test_writers(4096, 1);
	test_writers(1024, 1000);
	test_writers(512, 20);
	test_writers(65536, 200);
	place_close();
	return tap_done();
}
