/* SPDX-License-Identifier: ISC
 *
 * store/migrate: steps in order, each whole or not at all, a snapshot before
 * the first, and nothing for a file that is newer. */
#include "store/migrate.h"

#include "base/slice.h"
#include "t/store/index.h"

#include <dirent.h>

static const struct migration steps[] = {
	{ 1, "a table", "CREATE TABLE t (x); INSERT INTO t VALUES (1)" },
	{ 2, "twice as much", "UPDATE t SET x = x * 2" },
	{ 3, "another", "CREATE TABLE u (y); INSERT INTO u SELECT x FROM t" },
};
static const struct migration bad[] = {
	{ 1, "a table", "CREATE TABLE t (x)" },
	{ 2, "more", "INSERT INTO t VALUES (2)" },
	{ 3, "nonsense", "INSERT INTO t VALUES (3); SELECT nothing" },
};

static sqlite3 *sql;

static void
open_it(void)
{
	sqlite3_close(sql);
	sql = NULL;
	if (sqlite3_open(db_path, &sql) != SQLITE_OK)
		exit(111);
}

static unsigned
snapshots(char last[256])
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, "node.db-v", 9) != 0)
			continue;
		n++;
		snprintf(last, 256, "%s", e->d_name);
	}
	closedir(d);
	return n;
}

static void
forward(void)
{
	const char *why = NULL;
	char name[256] = "";

	open_it();
	is_int(migrate_version(sql), 0, "a new file");
	is_int(migrate_run(sql, steps, 1, dir, &why), MIGRATE_OK,
	    "the first step");
	is_int(migrate_version(sql), 1, "is version 1");
	is_int(snapshots(name), 0, "a new file needs no snapshot");
	is_int(migrate_run(sql, steps, 3, dir, &why), MIGRATE_OK, "the others");
	is_int(migrate_version(sql), 3, "are versions 2 and 3");
	is_int(look("SELECT y FROM u"), 2, "and were done in order");
	is_int(snapshots(name), 1, "a snapshot is there");
	ok(strncmp(name, "node.db-v1-", 11) == 0, "of version 1: %s", name);
	is_int(migrate_run(sql, steps, 3, dir, &why), MIGRATE_OK, "again");
	is_int(snapshots(name), 1, "there is nothing to do");
}

static void
newer(void)
{
	const char *why = NULL;

	is_int(migrate_run(sql, steps, 2, dir, &why), MIGRATE_NEWER,
	    "an older program");
	ok(strstr(why, "newer") != NULL, "%s", why);
	is_int(migrate_version(sql), 3, "leaves it");
}

static void
old_opens(void)
{
	char name[256] = "", was[sizeof db_path];

	snapshots(name);
	memcpy(was, db_path, sizeof was);
	snprintf(db_path, sizeof db_path, "%s/%.40s", dir, name);
	is_int(look("SELECT x FROM t"), 1, "the snapshot is the old file");
	is_int(look("PRAGMA user_version"), 1, "of the old version");
	memcpy(db_path, was, sizeof was);
}

static void
broken(void)
{
	const char *why = NULL;

	sqlite3_close(sql);
	sql = NULL;
	place_clean();
	open_it();
	is_int(migrate_run(sql, bad, 3, NULL, &why), MIGRATE_FAILED,
	    "a step that fails");
	is_int(migrate_version(sql), 2, "leaves the version before it");
	is_int(
	    look("SELECT count(*) FROM t WHERE x = 3"), 0, "and nothing of it");
	is_int(migrate_run(sql, steps, 3, "/nowhere", &why), MIGRATE_FAILED,
	    "no snapshot, no step");
	is_int(migrate_version(sql), 2, "it is as it was");
	ok(why != NULL, "%s", why);
}

static void
copy(void)
{
	char path[160];
	const char *why = NULL;

	snprintf(path, sizeof path, "%s/copy", dir);
	is_int(migrate_copy(sql, path, &why), 0, "a copy");
	is_int(access(path, F_OK), 0, "is there");
	is_int(migrate_copy(sql, path, &why), 0, "and written over");
	strcat(path, ".tmp");
	ok(access(path, F_OK) < 0, "nothing is left beside it");
	is_int(migrate_copy(sql, "/nowhere/copy", &why), -1, "nowhere");
}

static void
of_the_index(void)
{
	const char *why = NULL;
	int version = 0;

	ok(nodedb_nmigrations > 0, "the index has steps");
	for (size_t i = 0; i < nodedb_nmigrations; i++) {
		ok(nodedb_migrations[i].to > version, "in order");
		version = nodedb_migrations[i].to;
	}
	is_int(version, NODEDB_VERSION, "up to its version");
	sqlite3_close(sql);
	if (sqlite3_open(":memory:", &sql) != SQLITE_OK)
		exit(111);
	is_int(
	    migrate_run(sql, nodedb_migrations, nodedb_nmigrations, dir, &why),
	    MIGRATE_OK, "they can be taken");
}

int
main(void)
{
	place_open("node.db");
	forward();
	newer();
	old_opens();
	broken();
	copy();
	of_the_index();
	sqlite3_close(sql);
	place_close();
	return tap_done();
}
