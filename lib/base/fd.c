/* SPDX-License-Identifier: ISC */
#include "base/fd.h"
#include "base/mem.h"
#include "base/opt.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	CHUNK = 64 << 10,
	FIRST_PASSED = 3, /* sd_listen_fds(3): they begin here */
	MOST_PASSED = 1024,
	TRIES = 16, /* names for a temporary file */
	NAME_ROOM = 32,
};

static int
refuse(int why)
{
	errno = why;
	return -1;
}

/* Ends what is half done, without losing the reason. */
static void
close_quietly(int fd)
{
	int why = errno;

	if (fd >= 0)
		close(fd);
	errno = why;
}

int
fd_write_all(int fd, struct slice s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n >= 0)
			get_bytes(&s, (size_t)n);
		else if (errno != EINTR)
			return -1;
	}
	return 0;
}

static ssize_t
read_some(int fd, void *p, size_t n)
{
	ssize_t got;

	do
		got = read(fd, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

int
fd_read_all(int fd, struct buf *out)
{
	for (;;) {
		size_t left = out->max - out->n;
		size_t n = left < CHUNK ? left : CHUNK;
		uint8_t beyond = 0, *room = left ? buf_room(out, n) : &beyond;
		ssize_t got;

		if (room == NULL)
			return refuse(ENOMEM);
		got = read_some(fd, room, left ? n : 1);
		if (got <= 0)
			return (int)got;
		if (left == 0)
			return refuse(EFBIG);
		buf_added(out, (size_t)got);
	}
}

int
fd_read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -1;
	r = fd_read_all(fd, out);
	close_quietly(fd);
	return r;
}

/* A file that is being made: a temporary name in the directory of the final
 * one, so that link(2) and rename(2) can put it in place in one step. */
struct draft {
	int dir, fd;
	const char *leaf; /* the final name in dir, borrowed from the path */
	char name[NAME_ROOM];
};

/* path's directory opened, and its last part. */
static int
open_parent(const char *path, const char **leaf)
{
	const char *slash = strrchr(path, '/');
	char *parent;
	int fd;

	*leaf = slash ? slash + 1 : path;
	if (**leaf == '\0')
		return refuse(*path ? EISDIR : ENOENT);
	if (slash == NULL)
		return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	parent = mem_string(path);
	parent[slash == path ? 1 : slash - path] = '\0';
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(parent);
	return fd;
}

static int
open_draft(struct draft *d)
{
	int fd = -1;

	errno = EEXIST;
	for (unsigned i = 0; i < TRIES && fd < 0 && errno == EEXIST; i++) {
		uint64_t r;

		if (getrandom(&r, sizeof r, 0) != sizeof r)
			return -1;
		snprintf(d->name, sizeof d->name, ".%016llx.new",
		    (unsigned long long)r);
		fd = openat(d->dir, d->name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	return fd;
}

static void
drop_draft(struct draft *d)
{
	int why = errno;

	if (d->fd >= 0)
		unlinkat(d->dir, d->name, 0);
	errno = why;
	close_quietly(d->fd);
	close_quietly(d->dir);
}

/* The mode is set on the open file: the umask has no say in what a caller
 * asked for, and the bytes are never there under a wider one. */
static int
write_draft(struct draft *d, const char *path, struct slice s, mode_t mode)
{
	d->fd = -1;
	d->dir = open_parent(path, &d->leaf);
	if (d->dir < 0)
		return -1;
	d->fd = open_draft(d);
	if (d->fd >= 0 && fchmod(d->fd, mode) == 0 &&
	    fd_write_all(d->fd, s) == 0 && fsync(d->fd) == 0)
		return 0;
	drop_draft(d);
	return -1;
}

int
fd_create_file(const char *path, struct slice s, mode_t mode)
{
	struct draft d;
	int r;

	if (write_draft(&d, path, s, mode) < 0)
		return -1;
	r = linkat(d.dir, d.name, d.dir, d.leaf, 0);
	if (r == 0) {
		unlinkat(d.dir, d.name, 0);
		r = fsync(d.dir);
		close_quietly(d.fd);
		close_quietly(d.dir);
		return r;
	}
	drop_draft(&d);
	return -1;
}

/* A symbolic link in place of the file was put there by somebody who wanted
 * the file elsewhere: renaming over it would end that without a word. */
static int
replaceable(const struct draft *d)
{
	struct stat st;

	if (fstatat(d->dir, d->leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (S_ISLNK(st.st_mode))
		return refuse(ELOOP);
	if (S_ISDIR(st.st_mode))
		return refuse(EISDIR);
	return S_ISREG(st.st_mode) ? 0 : refuse(EINVAL);
}

int
fd_replace_file(const char *path, struct slice s, mode_t mode)
{
	struct draft d;
	int r;

	if (write_draft(&d, path, s, mode) < 0)
		return -1;
	if (replaceable(&d) == 0 &&
	    renameat(d.dir, d.name, d.dir, d.leaf) == 0) {
		r = fsync(d.dir);
		close_quietly(d.fd);
		close_quietly(d.dir);
		return r;
	}
	drop_draft(&d);
	return -1;
}

int
fd_private(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	if (st.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH))
		return refuse(EACCES);
	if (st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0)
		return refuse(EACCES);
	return 0;
}

int
fd_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int
fd_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags < 0 ? -1 : fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

/* The place of the index-th such name in a list joined by colons. */
static int
find_name(const char *names, const char *name, unsigned index, uint64_t count)
{
	size_t want = strlen(name);

	for (unsigned i = 0; i < count; i++) {
		size_t n = strcspn(names, ":");

		if (n == want && memcmp(names, name, n) == 0 && index-- == 0)
			return (int)i;
		if (names[n] == '\0')
			break;
		names += n + 1;
	}
	return refuse(ENOENT);
}

int
fd_named(const char *listen_pid, const char *listen_fds,
    const char *listen_names, const char *name, unsigned index)
{
	uint64_t pid, count;
	int at;

	if (!listen_pid || !listen_fds || !listen_names)
		return refuse(ENOENT);
	if (opt_uint(listen_pid, 0, &pid) < 0 ||
	    opt_uint(listen_fds, MOST_PASSED, &count) < 0)
		return refuse(EINVAL);
	/* meant for a parent of ours, who passed on its environment */
	if (pid != (uint64_t)getpid())
		return refuse(ENOENT);
	at = find_name(listen_names, name, index, count);
	if (at < 0 || fd_cloexec(FIRST_PASSED + at) < 0)
		return -1;
	return FIRST_PASSED + at;
}

/* sd_notify(3): a path, or after `@` an abstract name. */
static int
notify(const char *path)
{
	static const char says[] = "READY=1";
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	ssize_t sent;
	int fd;

	if (*path != '/' && *path != '@')
		return refuse(EINVAL);
	if (n >= sizeof to.sun_path)
		return refuse(ENAMETOOLONG);
	memcpy(to.sun_path, path, n);
	if (*path == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	do
		sent = sendto(fd, says, sizeof says - 1, MSG_NOSIGNAL,
		    (struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	while (sent < 0 && errno == EINTR);
	close_quietly(fd);
	return sent < 0 ? -1 : 0;
}

int
fd_ready(int notify_fd, const char *notify_socket)
{
	int r = 0;

	if (notify_fd >= 0) {
		r = fd_write_all(notify_fd, slice_text("\n"));
		close_quietly(notify_fd);
	}
	if (notify_socket && notify(notify_socket) < 0)
		r = -1;
	return r;
}
