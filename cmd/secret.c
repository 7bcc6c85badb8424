/* SPDX-License-Identifier: ISC */
#include "cmd/secret.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE = 0600 };

static const int callers_own[] = {
	EACCES,
	EBADF,
	EEXIST,
	EFBIG,
	EINVAL,
	EISDIR,
	ELOOP,
	ENAMETOOLONG,
	ENOENT,
	ENOTDIR,
	EPERM,
	EROFS,
};

enum exit_code
secret_exit(int error)
{
	for (size_t i = 0; i < N(callers_own); i++)
		if (callers_own[i] == error)
			return EXIT_WRONG;
	return EXIT_SYSTEM;
}

static int
open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		die(secret_exit(errno), "%s:", path);
	return fd;
}

static void __attribute__((noreturn)) too_open(const char *path)
{
	die(EXIT_WRONG,
	    "%s: must belong to you or root and be closed to "
	    "group and others (chmod 600)",
	    path);
}

void
secret_master(
    const char *file, uint64_t fd, const char *what, struct buf *master)
{
	const char *name = file ? file : "the master key's descriptor";
	int from;

	if ((file != NULL) == (fd != SECRET_NO_FD))
		die(EXIT_WRONG, "give one of --%s-file and --%s-fd", what,
		    what);
	from = file ? open_file(file) : (int)fd;
	buf_init(master, MASTER_MOST, NULL);
	if (keyfile_master(from, master) < 0) {
		if (errno == EACCES)
			too_open(name);
		if (errno == EINVAL || errno == EFBIG)
			die(EXIT_WRONG, "%s: a master key has %d to %d bytes",
			    name, MASTER_LEAST, MASTER_MOST);
		die(secret_exit(errno), "%s:", name);
	}
	close(from);
}

void
secret_read(const char *path, struct buf *out)
{
	int fd = open_file(path);

	if (fd_private(fd) < 0) {
		if (errno == EACCES)
			too_open(path);
		die(EXIT_SYSTEM, "%s:", path);
	}
	if (fd_read_all(fd, out) < 0)
		die(secret_exit(errno), "%s:", path);
	close(fd);
}

void
secret_key(const char *path, struct slice master, struct key *k)
{
	enum keyfile_fault fault;
	struct buf text;

	buf_init(&text, KEYFILE_MAX, NULL);
	secret_read(path, &text);
	fault = keyfile_open(buf_slice(&text), master, k);
	buf_free(&text);
	if (fault != KEYFILE_OK)
		die(EXIT_NO, "%s: %s", path, keyfile_says(fault));
}

/* Whoever may write into the directory can put another file in this one's
 * place; the sticky bit prevents it. */
static void
check_directory(const char *path)
{
	char copy[PATH_MAX];
	const char *dir;
	struct stat st;

	if (strlen(path) >= sizeof copy)
		die(EXIT_WRONG, "%.64s…: the name is too long", path);
	strcpy(copy, path);
	dir = dirname(copy);
	if (stat(dir, &st) < 0)
		die(secret_exit(errno), "%s:", dir);
	if (st.st_mode & (S_IWGRP | S_IWOTH) && !(st.st_mode & S_ISVTX))
		die(EXIT_WRONG, "%s: others can write into this directory",
		    dir);
}

void
secret_create(const char *path, struct slice s)
{
	check_directory(path);
	if (fd_create_file(path, s, MODE) < 0)
		die(secret_exit(errno), "%s:", path);
}

void
secret_replace(const char *path, struct slice s)
{
	check_directory(path);
	if (fd_replace_file(path, s, MODE) < 0)
		die(secret_exit(errno), "%s:", path);
}
