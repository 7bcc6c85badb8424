/* SPDX-License-Identifier: ISC */
#include "cmd/kn-store/files.h"
#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 4096 };

/* Make the directory that this path is in, one level of it. */
static void
make_parent(const char *path)
{
	char dir[PATH];
	char *slash;

	snprintf(dir, sizeof dir, "%s", path);
	slash = strrchr(dir, '/');
	if (slash == NULL || slash == dir)
		return;
	*slash = 0;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		die(EXIT_WRONG, "cannot make the directory %s:", dir);
}

void
files_lock(const struct node_conf *conf)
{
	char path[PATH];
	int fd;

	make_parent(conf->store.db_path);
	if (snprintf(path, sizeof path, "%s.lock", conf->store.db_path) >=
	    (int)sizeof path)
		die(EXIT_WRONG, "store.db_path is too long");
	/* never closed: the lock is the process's */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		die(EXIT_SYSTEM, "cannot open %s:", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		die(EXIT_SYSTEM,
		    "%s is in use by another kn-store; stop it "
		    "first",
		    conf->store.db_path);
}

struct nodedb *
files_index(const struct node_conf *conf,
    void (*told)(void *arg, const char *sentence), void (*migrating)(void *arg),
    void *arg)
{
	const struct nodedb_conf nc = {
		.cache = conf->store.cache,
		.journal = conf->store.journal_rows,
		.node_cap = conf->node.max_total_gb * UINT64_C(1000000000),
		.snapshots = conf->store.snapshots_path,
		.migrating = migrating,
	};
	const char *why = "?";
	bool newer = false;
	struct nodedb *db;

	if (mkdir(conf->store.snapshots_path, 0700) < 0 && errno != EEXIST)
		die(EXIT_WRONG, "cannot make the directory %s:",
		    conf->store.snapshots_path);
	db = nodedb_open(conf->store.db_path, &nc, told, arg, &why, &newer);
	if (db == NULL)
		die(newer ? EXIT_WRONG : EXIT_SYSTEM,
		    "cannot open the index %s: %s", conf->store.db_path, why);
	return db;
}

/* The name of a directory that was made just now is durable. */
static bool
sync_name(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int parent = fd < 0 ? -1 : openat(fd, "..", O_RDONLY | O_CLOEXEC);
	bool good = parent >= 0 && fsync(parent) == 0;

	if (fd >= 0)
		close(fd);
	if (parent >= 0)
		close(parent);
	return good;
}

void
files_rooms(const struct node_conf *conf)
{
	const char *dir = conf->store.blobs_path;
	int r;

	make_parent(dir);
	r = mkdir(dir, 0700);
	if (r < 0 && errno != EEXIST)
		die(EXIT_WRONG, "cannot make the directory %s:", dir);
	if (r == 0 && !sync_name(dir))
		die(EXIT_SYSTEM, "cannot sync the directory %s:", dir);
}

struct blobs *
files_blobs(const struct node_conf *conf)
{
	const char *why = "?";
	struct blobs *b;

	files_rooms(conf);
	b = blobs_open(conf->store.blobs_path, &why);
	if (b == NULL)
		die(EXIT_SYSTEM, "cannot open the contents %s: %s",
		    conf->store.blobs_path, why);
	return b;
}
