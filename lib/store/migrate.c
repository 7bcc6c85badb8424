/* SPDX-License-Identifier: ISC */
#include "store/migrate.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sql.h"

enum {
	PATH_MOST = 4096,
	COPY_PAGES = 1024,
	COPY_WAIT_MS = 50,
	COPY_WAITS = 600
};

int
migrate_version(sqlite3 *sql)
{
	int64_t version = -1;

	return sql_find(sql, "PRAGMA user_version", &version) == SQLITE_OK
		   ? (int)version
		   : -1;
}

static int
sync_path(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	int rc = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	return rc;
}

static int
sync_parent(const char *path)
{
	char *copy = mem_string(path);
	int rc = sync_path(dirname(copy), O_DIRECTORY);

	free(copy);
	return rc;
}

/* A copy is one file without a log, so that it can be moved and opened by
 * itself. */
static int
copy_to(sqlite3 *from, const char *path)
{
	sqlite3 *to = NULL;
	sqlite3_backup *b = NULL;
	unsigned waits = 0;
	int rc = sqlite3_open_v2(path, &to,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
	    NULL);

	if (rc == SQLITE_OK)
		b = sqlite3_backup_init(to, "main", from, "main");
	if (rc == SQLITE_OK && b == NULL)
		rc = sqlite3_errcode(to);
	while (rc == SQLITE_OK) {
		rc = sqlite3_backup_step(b, COPY_PAGES);
		if ((rc == SQLITE_BUSY || rc == SQLITE_LOCKED) &&
		    waits++ < COPY_WAITS) {
			sqlite3_sleep(COPY_WAIT_MS);
			rc = SQLITE_OK;
		}
	}
	if (b && sqlite3_backup_finish(b) != SQLITE_OK && rc == SQLITE_DONE)
		rc = SQLITE_IOERR;
	if (rc == SQLITE_DONE)
		rc = SQLITE_OK;
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(
		    to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	sqlite3_close(to);
	return rc;
}

int
migrate_copy(sqlite3 *sql, const char *path, const char **why)
{
	size_t room = strlen(path) + sizeof ".tmp";
	char *tmp = mem_new(room);
	int rc;

	snprintf(tmp, room, "%s.tmp", path);
	unlink(tmp);
	rc = copy_to(sql, tmp);
	*why = sqlite3_errstr(rc);
	if (rc == SQLITE_OK &&
	    (sync_path(tmp, 0) < 0 || rename(tmp, path) < 0 ||
		sync_parent(path) < 0)) {
		*why = "the copy cannot be synced or renamed";
		rc = SQLITE_IOERR;
	}
	if (rc != SQLITE_OK)
		unlink(tmp);
	free(tmp);
	return rc == SQLITE_OK ? 0 : -1;
}

/* Is there anything that a migration could spoil? */
static bool
holds_tables(sqlite3 *sql)
{
	int64_t tables = 1;

	sql_find(sql, "SELECT count(*) FROM sqlite_master", &tables);
	return tables > 0;
}

static int
snapshot(sqlite3 *sql, int version, const char *dir, const char **why)
{
	const char *file = sqlite3_db_filename(sql, "main");
	char path[PATH_MOST], stamp[32];
	const char *name;
	time_t now = time(NULL);
	struct tm tm;

	if (file == NULL || file[0] == 0)
		return 0;
	name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
	if (snprintf(path, sizeof path, "%s/%s-v%d-%s.db", dir, name, version,
		stamp) >= (int)sizeof path) {
		*why = "the snapshot's path is too long";
		return -1;
	}
	return migrate_copy(sql, path, why);
}

/* One step in one transaction; a file never stays between two versions. */
static int
step(sqlite3 *sql, const struct migration *m)
{
	char stamp[64];
	int rc = sqlite3_exec(sql, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	snprintf(
	    stamp, sizeof stamp, "PRAGMA user_version = %d; COMMIT", m->to);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(sql, m->sql, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(sql, stamp, NULL, NULL, NULL);
	if (rc != SQLITE_OK && !sqlite3_get_autocommit(sql))
		sqlite3_exec(sql, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

enum migrate_end
migrate_run(sqlite3 *sql, const struct migration *table, size_t n,
    const char *snapshots, const char **why)
{
	int64_t version = 0;
	int rc = sql_find(sql, "PRAGMA user_version", &version);

	*why = sqlite3_errstr(rc);
	if (rc != SQLITE_OK)
		return MIGRATE_FAILED;
	if (n == 0 || version == table[n - 1].to)
		return MIGRATE_OK;
	if (version > table[n - 1].to) {
		*why = "it was made by a newer version";
		return MIGRATE_NEWER;
	}
	if (snapshots && holds_tables(sql) &&
	    snapshot(sql, (int)version, snapshots, why) < 0)
		return MIGRATE_FAILED;
	for (size_t i = 0; i < n; i++) {
		if (table[i].to <= version)
			continue;
		rc = step(sql, &table[i]);
		if (rc != SQLITE_OK) {
			*why = sqlite3_errstr(rc);
			return MIGRATE_FAILED;
		}
	}
	return MIGRATE_OK;
}
