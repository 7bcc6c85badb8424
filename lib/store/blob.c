/* SPDX-License-Identifier: ISC */
#include "store/blob_own.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int
open_unnamed(int dir)
{
	return openat(dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
}

struct blob_io blob_io = { open_unnamed, fdatasync, fsync };

static char *
put_hex(char *to, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";

	*to++ = digits[byte >> 4];
	*to++ = digits[byte & 15];
	return to;
}

void
blob_path(const uint8_t sha[BLOB_ID], char path[BLOB_PATH])
{
	char *to = put_hex(path, sha[0]);

	*to++ = '/';
	for (size_t i = 0; i < BLOB_ID; i++)
		to = put_hex(to, sha[i]);
	*to = '\0';
}

int
blob_openat(int dir, const char *path)
{
	return openat(dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

void
blob_close_fd(int fd)
{
	int why = errno;

	if (fd >= 0)
		close(fd);
	errno = why;
}

/* 1: made; 0: it was there. */
static int
need_dir(int at, const char *name)
{
	if (mkdirat(at, name, 0700) == 0)
		return 1;
	return errno == EEXIST ? 0 : -1;
}

/* A directory that was made here is durable with its name. */
static int
open_dir(const char *dir)
{
	int made = need_dir(AT_FDCWD, dir), fd, parent;

	if (made < 0)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || made == 0)
		return fd;
	parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0 || fsync(parent) < 0) {
		blob_close_fd(fd);
		fd = -1;
	}
	blob_close_fd(parent);
	return fd;
}

/* All at once, so that no seal ever has to sync an ancestor. */
static int
need_shards(int dir)
{
	int made = need_dir(dir, BLOB_QUARANTINE_DIR);
	char name[8];

	for (unsigned i = 0; i < 256 && made >= 0; i++) {
		int r;

		snprintf(name, sizeof name, "%02x", i);
		r = need_dir(dir, name);
		made = r < 0 ? r : made | r;
	}
	return made > 0 ? fsync(dir) : made;
}

/* What a crash left where files without a name cannot be made. */
static int
clean_drafts(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *e;

	if (d == NULL) {
		blob_close_fd(copy);
		return -1;
	}
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, BLOB_DRAFT, strlen(BLOB_DRAFT)) == 0)
			unlinkat(dir, e->d_name, 0);
	closedir(d);
	return 0;
}

static const char *
set_up(struct blobs *b, const char *dir)
{
	b->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->event < 0)
		return "no eventfd";
	b->dir = open_dir(dir);
	if (b->dir < 0)
		return "the directory cannot be opened or made";
	if (flock(b->dir, LOCK_EX | LOCK_NB) < 0)
		return "another process uses the directory";
	if (need_shards(b->dir) < 0)
		return "the directories in it cannot be made";
	if (clean_drafts(b->dir) < 0)
		return "the directory cannot be read";
	return blob_workers_start(b) < 0 ? "no threads" : NULL;
}

struct blobs *
blobs_open(const char *dir, const char **why)
{
	struct blobs *b = mem_new(sizeof *b);

	b->dir = b->event = -1;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->more, NULL);
	b->todo.last = &b->todo.first;
	b->done.last = &b->done.first;
	*why = set_up(b, dir);
	if (*why == NULL)
		return b;
	blobs_close(b);
	return NULL;
}

void
blobs_close(struct blobs *b)
{
	struct blob_new *w;
	int error = errno;

	if (b == NULL)
		return;
	blob_workers_stop(b);
	while ((w = b->done.first) != NULL) {
		b->done.first = w->next;
		blob_free(w);
	}
	pthread_cond_destroy(&b->more);
	pthread_mutex_destroy(&b->lock);
	map_free(&b->holds);
	free(b->strays);
	blob_close_fd(b->event);
	blob_close_fd(b->dir);
	free(b);
	errno = error;
}

/* Where files without a name cannot be made (EISDIR: before Linux 3.11 or by a
 * filesystem in user space), a temporary name does. */
static int
open_draft(struct blobs *b, struct blob_new *w)
{
	int fd;

	if (!b->no_unnamed) {
		fd = blob_io.unnamed(b->dir);
		if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
			return fd;
		b->no_unnamed = true;
	}
	snprintf(w->draft, sizeof w->draft, BLOB_DRAFT "%llu",
	    (unsigned long long)++b->drafts);
	fd = openat(b->dir, w->draft,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		w->draft[0] = '\0';
	return fd;
}

struct blob_new *
blob_new(struct blobs *b)
{
	struct blob_new *w = mem_new(sizeof *w);

	w->blobs = b;
	w->fd = open_draft(b, w);
	if (w->fd >= 0)
		return w;
	free(w);
	return NULL;
}

int
blob_write_at(int fd, struct slice s, uint64_t at)
{
	while (s.n > 0) {
		ssize_t n = pwrite(fd, s.p, s.n, (off_t)at);

		if (n > 0) {
			get_bytes(&s, (size_t)n);
			at += (uint64_t)n;
		} else if (n == 0) {
			errno = EIO;
			return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

/* A hint only: errors come again from the sync. */
static void
write_ahead(struct blob_new *w)
{
	uint64_t n = w->n - w->held;

	if (n - w->ahead < BLOB_AHEAD)
		return;
	sync_file_range(w->fd, (off_t)w->ahead, (off_t)(n - w->ahead),
	    SYNC_FILE_RANGE_WRITE);
	w->ahead = n;
}

/* Pieces come as small as the network has them, and big ones are cheaper. */
static bool
has_block(struct blob_new *w)
{
	if (w->block == NULL && w->blobs->blocks < BLOB_BLOCKS && w->n == 0) {
		w->blobs->blocks++;
		w->block = mem_resize(NULL, BLOB_BLOCK);
	}
	return w->block != NULL;
}

int
blob_write(struct blob_new *w, struct slice s)
{
	if (!has_block(w)) {
		if (blob_write_at(w->fd, s, w->n) < 0)
			return -1;
		w->n += s.n;
		write_ahead(w);
		return 0;
	}
	while (s.n > 0) {
		struct slice part = s;

		if (part.n > BLOB_BLOCK - w->held)
			part.n = BLOB_BLOCK - w->held;
		memcpy(w->block + w->held, part.p, part.n);
		get_bytes(&s, part.n);
		w->held += part.n;
		w->n += part.n;
		if (w->held < BLOB_BLOCK)
			break;
		if (blob_write_at(w->fd, slice_of(w->block, BLOB_BLOCK),
			w->n - BLOB_BLOCK) < 0)
			return -1;
		w->held = 0;
		write_ahead(w);
	}
	return 0;
}

void
blob_free(struct blob_new *w)
{
	if (w->draft[0] != '\0')
		unlinkat(w->blobs->dir, w->draft, 0);
	blob_close_fd(w->fd);
	buf_free(&w->tail);
	if (w->block)
		w->blobs->blocks--;
	free(w->block);
	free(w);
}

void
blob_drop(struct blob_new *w)
{
	int error = errno;

	if (w)
		blob_free(w);
	errno = error;
}

int
blob_open(struct blobs *b, const uint8_t sha[BLOB_ID])
{
	char path[BLOB_PATH];

	blob_path(sha, path);
	return blob_openat(b->dir, path);
}

bool
blob_has(const struct blobs *b, const uint8_t sha[BLOB_ID])
{
	char path[BLOB_PATH];

	blob_path(sha, path);
	return faccessat(b->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static uintptr_t
holds(const struct blobs *b, const uint8_t sha[BLOB_ID])
{
	return (uintptr_t)map_get(&b->holds, slice_of(sha, BLOB_ID));
}

bool
blob_held(const struct blobs *b, const uint8_t sha[BLOB_ID])
{
	return holds(b, sha) > 0;
}

/* The map's values are numbers, which need no memory of their own. */
void
blob_hold(struct blobs *b, const uint8_t sha[BLOB_ID])
{
	uintptr_t n = holds(b, sha) + 1;

	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	map_put(&b->holds, slice_of(sha, BLOB_ID), (void *)n);
}

void
blob_release(struct blobs *b, const uint8_t sha[BLOB_ID])
{
	uintptr_t n = holds(b, sha);

	if (n > 1)
		map_put(&b->holds, slice_of(sha, BLOB_ID), (void *)(n - 1));
	else
		map_cut(&b->holds, slice_of(sha, BLOB_ID));
}

int
blob_cut(struct blobs *b, const uint8_t sha[BLOB_ID])
{
	char path[BLOB_PATH];

	if (blob_held(b, sha)) {
		errno = EBUSY;
		return -1;
	}
	blob_path(sha, path);
	return unlinkat(b->dir, path, 0) == 0 || errno == ENOENT ? 0 : -1;
}

int
blob_aside(struct blobs *b, const uint8_t sha[BLOB_ID], const char *what)
{
	char from[BLOB_PATH], to[BLOB_ROOM];
	int r = -1;

	blob_path(sha, from);
	errno = EEXIST;
	for (unsigned i = 1; r < 0 && errno == EEXIST; i++) {
		size_t n = (size_t)snprintf(to, sizeof to,
		    BLOB_QUARANTINE_DIR "/%s.%s", from + 3, what);

		if (i > 1)
			snprintf(to + n, sizeof to - n, "-%u", i);
		r = renameat2(b->dir, from, b->dir, to, RENAME_NOREPLACE);
	}
	return r;
}

int
blob_quarantine(struct blobs *b, const uint8_t sha[BLOB_ID])
{
	return blob_aside(b, sha, "damaged");
}

void
blob_stray(struct blobs *b, const uint8_t sha[BLOB_ID])
{
	if (b->strays == NULL)
		b->strays = mem_new(BLOB_STRAYS * sizeof *b->strays);
	if (b->nstrays == BLOB_STRAYS)
		b->strays_lost = true;
	else
		memcpy(b->strays[b->nstrays++], sha, BLOB_ID);
}

bool
blob_stray_next(struct blobs *b, uint8_t sha[BLOB_ID], bool *lost)
{
	*lost = b->strays_lost;
	b->strays_lost = false;
	if (b->nstrays == 0)
		return false;
	memcpy(sha, b->strays[--b->nstrays], BLOB_ID);
	return true;
}
