/* SPDX-License-Identifier: ISC */
#include "store/nodedb_copy.h"
#include "base/msec.h"
#include "store/migrate.h"
#include "store/sql.h"

#include <stdio.h>

enum { PATH = 4096, BUSY = 10000 };

static sqlite3 *
open_db(const char *path, const char **why)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(db, BUSY);
		return db;
	}
	*why = sqlite3_errstr(rc);
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
	int end = -1, rc;

	if (db == NULL)
		return -1;
	rc = sqlite3_exec(
	    db, "BEGIN; SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
	*why = sqlite3_errstr(rc);
	if (rc == SQLITE_OK)
		end = migrate_copy(db, to, why);
	sqlite3_close(db);
	return end;
}

/* Closed by the only one who has it open, it has no log any more. */
int
nodedb_adopt(const char *path, const char **why)
{
	sqlite3 *db = open_db(path, why);
	int rc, closed;

	if (db == NULL)
		return -1;
	rc = sqlite3_exec(db,
	    "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;"
	    "UPDATE state SET epoch = 0, clean = 0",
	    NULL, NULL, NULL);
	closed = sqlite3_close(db);
	if (rc == SQLITE_OK)
		rc = closed;
	*why = sqlite3_errstr(rc);
	return rc == SQLITE_OK ? 0 : -1;
}

int
nodedb_rehearse(
    const char *path, const char *dir, int64_t *ms, const char **why)
{
	char copy[PATH];
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
	sql_unlink(copy);
	return end;
}
