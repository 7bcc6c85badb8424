/* SPDX-License-Identifier: ISC
 *
 * Forward-only migrations of a SQLite file, by PRAGMA user_version.  Each step
 * is one transaction; before the first step on a file that is not new, a
 * snapshot is made beside; a file newer than the table is left untouched. */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

struct migration {
	int to;           /* ascending from 1 */
	const char *what; /* one line, for --plan */
	const char *sql;
};

/* node.db's steps (nodedb_schema.c). */
extern const struct migration nodedb_migrations[];
extern const size_t nodedb_nmigrations;

enum migrate_end { MIGRATE_OK, MIGRATE_NEWER, MIGRATE_FAILED };

int migrate_version(sqlite3 *); /* -1: cannot be read */
/* snapshots: directory for "NAME-vN-UTC.db"; NULL: no snapshot (tests, new
 * files).  *why is static. */
enum migrate_end migrate_run(sqlite3 *, const struct migration *, size_t n,
    const char *snapshots, const char **why);
/* A consistent copy of what the connection sees: written to "path.tmp", synced,
 * renamed, its directory synced.  0, or -1 with *why. */
int migrate_copy(sqlite3 *, const char *path, const char **why);

#endif
