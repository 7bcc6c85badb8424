/* SPDX-License-Identifier: ISC */
#include "store/blob_own.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { READ = 256 << 10 }; /* bytes of one read(2) when verifying */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
blob_id_parse(const char *name, uint8_t sha[BLOB_ID])
{
	if (strlen(name) != BLOB_HEX)
		return false;
	for (size_t i = 0; i < BLOB_ID; i++) {
		int high = hex(name[2 * i]), low = hex(name[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		sha[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* The directory's name within ours. */
static void
shard_name(unsigned shard, char name[16])
{
	if (shard == BLOB_QUARANTINED)
		snprintf(name, 16, BLOB_QUARANTINE_DIR);
	else if (shard == BLOB_TOP)
		snprintf(name, 16, ".");
	else
		snprintf(name, 16, "%02x", shard);
}

/* The directories that we made; drafts go by themselves. */
static bool
ours(const char *name)
{
	if (strncmp(name, BLOB_DRAFT, strlen(BLOB_DRAFT)) == 0)
		return true;
	return strcmp(name, BLOB_QUARANTINE_DIR) == 0 ||
	       (strlen(name) == 2 && hex(name[0]) >= 0 && hex(name[1]) >= 0);
}

static int
walk_names(struct blobs *b, unsigned shard,
    int (*fn)(void *arg, const uint8_t *id, const char *name), void *arg)
{
	char name[16];
	uint8_t id[BLOB_ID];
	const struct dirent *e;
	int fd, r = 0;
	DIR *d;

	shard_name(shard, name);
	fd = openat(b->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL) {
		blob_close_fd(fd);
		return -1;
	}
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL) {
		bool is;

		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0 ||
		    (shard == BLOB_TOP && ours(e->d_name)))
			continue;
		is = shard < BLOB_SHARDS && blob_id_parse(e->d_name, id) &&
		     id[0] == shard;
		r = fn(arg, is ? id : NULL, e->d_name);
	}
	if (r == 0 && errno != 0)
		r = -1;
	fd = errno;
	closedir(d);
	errno = fd;
	return r;
}

struct walk {
	struct blobs *blobs;
	const char *dir;
	int (*fn)(void *arg, const uint8_t *id, const char *name, uint64_t size,
	    int64_t age);
	void *arg;
};

/* A name changes st_ctime, and nobody can set it back. */
static int64_t
age_of(const struct stat *st)
{
	return (int64_t)time(NULL) - (int64_t)st->st_ctime;
}

static int
look_and_tell(void *arg, const uint8_t *id, const char *name)
{
	const struct walk *w = arg;
	char path[16 + 256 + 1];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", w->dir, name);
	if (fstatat(w->blobs->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	return w->fn(w->arg, S_ISREG(st.st_mode) ? id : NULL, name,
	    (uint64_t)st.st_size, age_of(&st));
}

int
blobs_walk(struct blobs *b, unsigned shard,
    int (*fn)(void *arg, const uint8_t *id, const char *name, uint64_t size,
	int64_t age),
    void *arg)
{
	char name[16];
	struct walk w = { b, name, fn, arg };

	shard_name(shard, name);
	return walk_names(b, shard, look_and_tell, &w);
}

static int
remember(void *arg, const uint8_t *id, const char *name)
{
	struct blob_names *l = arg;

	(void)name;
	if (id == NULL)
		return 0;
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->ids = mem_resize(l->ids, l->cap * sizeof *l->ids);
	}
	memcpy(l->ids[l->n++], id, BLOB_ID);
	return 0;
}

int
blob_names(struct blobs *b, unsigned shard, struct blob_names *l)
{
	l->n = 0;
	return walk_names(b, shard, remember, l);
}

void
blob_names_free(struct blob_names *l)
{
	free(l->ids);
	*l = (struct blob_names){ 0 };
}

int
blob_look(
    struct blobs *b, const uint8_t sha[BLOB_ID], uint64_t *size, int64_t *age)
{
	char path[BLOB_PATH];
	struct stat st;

	blob_path(sha, path);
	if (fstatat(b->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	*size = (uint64_t)st.st_size;
	*age = age_of(&st);
	return 0;
}

int
blobs_space(const struct blobs *b, struct blobs_space *space)
{
	struct statvfs v;

	if (fstatvfs(b->dir, &v) < 0)
		return -1;
	*space = (struct blobs_space){
		.bytes_free = (uint64_t)v.f_bavail * v.f_frsize,
		.bytes_all = (uint64_t)v.f_blocks * v.f_frsize,
		.inodes_free = v.f_favail,
		.inodes_all = v.f_files,
		.read_only = (v.f_flag & ST_RDONLY) != 0,
	};
	return 0;
}

void
blob_check_free(struct blob_check *c)
{
	if (c->digest)
		digest_free(c->digest);
	free(c->digest);
	*c = (struct blob_check){ 0 };
}

static int
check_end(struct blob_check *c, const uint8_t sha[BLOB_ID])
{
	uint8_t sum[SHA256_BYTES];

	digest_end(c->digest, sum);
	blob_check_free(c);
	if (memcmp(sum, sha, BLOB_ID) == 0)
		return 0;
	errno = EBADMSG;
	return -1;
}

/* Reads what is left of the budget; 0, or -1. */
static int
check_some(int fd, uint64_t size, struct blob_check *c, size_t budget)
{
	uint8_t *room = mem_new(READ);
	uint64_t from = c->at;
	int r = 0;

	while (r == 0 && budget > 0 && c->at < size) {
		size_t n = budget < READ ? budget : READ;
		ssize_t got;

		if (n > size - c->at)
			n = (size_t)(size - c->at);
		got = pread(fd, room, n, (off_t)c->at);
		if (got > 0) {
			digest_add(c->digest, slice_of(room, (size_t)got));
			c->at += (uint64_t)got;
			budget -= (size_t)got;
		} else if (got == 0) {
			errno = EBADMSG;
			r = -1;
		} else if (errno != EINTR) {
			r = -1;
		}
	}
	free(room);
	/* What is read once in a month is of no use to the cache. */
	posix_fadvise(
	    fd, (off_t)from, (off_t)(c->at - from), POSIX_FADV_DONTNEED);
	return r;
}

int
blob_check(int fd, uint64_t size, const uint8_t sha[BLOB_ID],
    struct blob_check *c, size_t budget)
{
	if (c->digest == NULL) {
		c->digest = mem_new(sizeof *c->digest);
		digest_begin(c->digest, DIGEST_SHA256);
	}
	if (check_some(fd, size, c, budget) < 0) {
		int why = errno;

		blob_check_free(c);
		errno = why;
		return -1;
	}
	return c->at < size ? 1 : check_end(c, sha);
}
