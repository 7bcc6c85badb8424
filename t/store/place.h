/* SPDX-License-Identifier: ISC
 *
 * What the tests of store share: a directory of their own with one database in
 * it, a look at that past the library, what was told, and chance. */
#ifndef T_STORE_PLACE_H
#define T_STORE_PLACE_H

#include "t/tap.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOW = 1800000000 };

static char dir[32], db_path[80];

static inline void
place_open(const char *name)
{
	snprintf(dir, sizeof dir, "/tmp/kn-store-XXXXXX");
	if (mkdtemp(dir) == NULL)
		exit(111);
	snprintf(db_path, sizeof db_path, "%s/%s", dir, name);
}

/* Everything in it goes, and it stays. */
static inline void
place_clean(void)
{
	char all[160];

	snprintf(all, sizeof all, "rm -rf %s/*", dir);
	if (system(all) != 0)
		exit(111);
}

static inline void
place_close(void)
{
	place_clean();
	rmdir(dir);
}

/* Is there a file beside the database ("-wal")? */
static inline bool
place_has(const char *tail)
{
	char name[160];

	snprintf(name, sizeof name, "%s%s", db_path, tail);
	return access(name, F_OK) == 0;
}

/* n bytes of it become others, the same each time. */
static inline void
spoil(off_t at, size_t n)
{
	static const uint8_t seed[randombytes_SEEDBYTES] = { 1 };
	uint8_t *bytes = malloc(n);
	int fd = open(db_path, O_WRONLY | O_CREAT, 0600);

	randombytes_buf_deterministic(bytes, n, seed);
	if (pwrite(fd, bytes, n, at) != (ssize_t)n)
		exit(111);
	close(fd);
	free(bytes);
}

/* A child that writes number after number, telling each into fd when it is
 * durable, and is killed when it has told of most.  The last it told. */
static inline uint32_t
kill_a_writer(
    void (*write_on)(int fd, uint32_t first), uint32_t first, uint32_t most)
{
	uint32_t n = 0;
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0 || (pid = fork()) < 0)
		exit(111);
	if (pid == 0)
		write_on(fds[1], first);
	close(fds[1]);
	while (n < most && read(fds[0], &n, sizeof n) == sizeof n)
		;
	kill(pid, SIGKILL);
	while (read(fds[0], &n, sizeof n) == sizeof n)
		;
	close(fds[0]);
	waitpid(pid, NULL, 0);
	return n;
}

/* What was told, one after the other; into nothing: printed. */
struct heard {
	unsigned n;
	char last[1024];
};

static inline void
hear(void *arg, const char *sentence)
{
	struct heard *h = arg;

	if (h == NULL) {
		printf("# %s\n", sentence);
		return;
	}
	h->n++;
	snprintf(h->last, sizeof h->last, "%s", sentence);
}

/* One number, asked over a connection of its own; -1: it cannot be. */
static inline int64_t
look(const char *question)
{
	sqlite3 *sql = NULL;
	sqlite3_stmt *q = NULL;
	int64_t n = -1;

	if (sqlite3_open_v2(db_path, &sql, SQLITE_OPEN_READONLY, NULL) == 0 &&
	    sqlite3_prepare_v2(sql, question, -1, &q, NULL) == 0 &&
	    sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(sql);
	return n;
}

static inline int
change(const char *statements)
{
	sqlite3 *sql = NULL;
	int rc = sqlite3_open(db_path, &sql);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(sql, statements, NULL, NULL, NULL);
	sqlite3_close(sql);
	return rc;
}

/* 0 to n - 1, the same each time. */
static inline unsigned
chance(unsigned n)
{
	static uint64_t seed = 362436069u;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)((seed >> 11) % n);
}

#endif
