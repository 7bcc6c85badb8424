/* SPDX-License-Identifier: ISC */
#include "store/nodedb_copy.h"
#include "base/msec.h"
#include "store/migrate.h"

#include <stdio.h>
#include <unistd.h>

enum { PATH = 4096, WORDS = 256, BUSY = 10000 };

/* SQLite's words outlive the connection here. */
static const char *
words_of(sqlite3 *db)
{
	static char text[WORDS];

	snprintf(
	    text, sizeof text, "%s", db ? sqlite3_errmsg(db) : "memory is out");
	return text;
}

static sqlite3 *
open_db(const char *path, const char **why)
{
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) ==
	    SQLITE_OK) {
		sqlite3_busy_timeout(db, BUSY);
		return db;
	}
	*why = words_of(db);
	sqlite3_close(db);
	return NULL;
}

int
nodedb_file_version(const char *path)
{
	const char *why;
	sqlite3 *db = open_db(path, &why);
	int version;

	if (db == NULL)
		return -1;
	version = migrate_version(db);
	sqlite3_close(db);
	return version;
}

/* What is read stays as it is while it is copied, though the owner writes. */
int
nodedb_copy(const char *path, const char *to, const char **why)
{
	sqlite3 *db = open_db(path, why);
	int end = -1;

	if (db == NULL)
		return -1;
	if (sqlite3_exec(db, "BEGIN; SELECT count(*) FROM sqlite_master", NULL,
		NULL, NULL) == SQLITE_OK)
		end = migrate_copy(db, to, why);
	else
		*why = words_of(db);
	sqlite3_close(db);
	return end;
}

int
nodedb_rehearse(
    const char *path, const char *dir, int64_t *ms, const char **why)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	char copy[PATH], extra[PATH + 8];
	msec began = msec_now();
	sqlite3 *db;
	int end = -1;

	if (snprintf(copy, sizeof copy, "%s/rehearsal.db", dir) >=
	    (int)sizeof copy) {
		*why = "the name is too long";
		return -1;
	}
	if (nodedb_copy(path, copy, why) < 0)
		return -1;
	db = open_db(copy, why);
	if (db && migrate_run(db, nodedb_migrations, nodedb_nmigrations, NULL,
		      why) == MIGRATE_OK)
		end = 0;
	*ms = msec_now() - began;
	sqlite3_close(db);
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		snprintf(extra, sizeof extra, "%s%s", copy, tails[i]);
		(void)unlink(extra);
	}
	return end;
}
