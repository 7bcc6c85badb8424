/* SPDX-License-Identifier: ISC
 *
 * What the tests of content share: blobs with known bytes, and a look at the
 * files past the library. */
#ifndef T_STORE_FILES_H
#define T_STORE_FILES_H

#include "base/fd.h"
#include "base/mem.h"
#include "store/blob_own.h"
#include "t/store/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KB = 1024, MB = 1 << 20 };

static char blobs_dir[80];

static inline void
files_open(void)
{
	place_open("node.db");
	snprintf(blobs_dir, sizeof blobs_dir, "%s/blobs", dir);
}

static inline struct blobs *
open_blobs(void)
{
	const char *why = NULL;
	struct blobs *b = blobs_open(blobs_dir, &why);

	if (b == NULL) {
		ok(false, "%s opens: %s", blobs_dir, why);
		exit(1);
	}
	return b;
}

/* Bytes that differ from seed to seed. */
static inline uint8_t *
bytes_of(uint32_t seed, size_t n)
{
	uint8_t *p = mem_new(n + 8);
	uint64_t x = 0x9e3779b97f4a7c15u * (seed + 1);

	for (size_t i = 0; i < n; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(p + i, &x, 8);
	}
	return p;
}

struct sums {
	uint64_t size;
	uint8_t sha[SHA256_BYTES], md5[MD5_BYTES];
	uint8_t chunks[256 * SHA256_BYTES]; /* up to 64 MB */
	size_t n;
};

static inline void
sums_of(struct slice bytes, struct sums *s)
{
	*s = (struct sums){ .size = bytes.n };
	digest_of(DIGEST_SHA256, bytes, s->sha);
	digest_of(DIGEST_MD5, bytes, s->md5);
	while (bytes.n > 0) {
		size_t n = bytes.n < BLOB_CHUNK ? bytes.n : BLOB_CHUNK;

		digest_of(
		    DIGEST_SHA256, get_bytes(&bytes, n), s->chunks + s->n);
		s->n += SHA256_BYTES;
	}
}

static inline struct blob_note
note_of(const struct sums *s, const char *bucket, const char *key)
{
	return (struct blob_note){
		.has_size = true, .size = s->size,
		.has_sha = true, .sha = slice_of(s->sha, sizeof s->sha),
		.has_sums = true, .sums = slice_of(s->chunks, s->n),
		.has_md5 = true, .md5 = slice_of(s->md5, sizeof s->md5),
		.has_tenant = true, .tenant = slice_text("tenant"),
		.has_bucket = true, .bucket = slice_text(bucket),
		.has_key = true, .key = slice_text(key),
		.has_at = true, .at = 1000,
	};
}

static inline bool
wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 20000) == 1;
}

/* Write and seal, but do not wait. */
static inline struct blob_new *
begin_blob(struct blobs *b, struct slice bytes, struct sums *s, void *arg)
{
	struct blob_new *w = blob_new(b);
	struct blob_note note;

	sums_of(bytes, s);
	note = note_of(s, "bucket", "key");
	if (w == NULL || blob_write(w, bytes) < 0)
		exit(111);
	blob_seal(w, &note, arg);
	return w;
}

/* The next that is sealed: its error, or -1 when none comes. */
static inline int
wait_sealed(struct blobs *b, void **arg)
{
	int error = -1;

	while (!blobs_sealed(b, arg, &error))
		if (blobs_sealing(b) == 0 || !wait_readable(blobs_fd(b)))
			return -1;
	return error;
}

/* Make a file; returns the errno of it. */
static inline int
make_blob(struct blobs *b, struct slice bytes, struct sums *s)
{
	void *arg = NULL, *none;
	int error;

	begin_blob(b, bytes, s, s);
	error = wait_sealed(b, &arg);
	if (arg != s)
		exit(111);
	blobs_sealed(b, &none, &(int){ 0 });
	return error;
}

static inline const char *
file_of(const uint8_t sha[BLOB_ID])
{
	static char path[80 + 2 + BLOB_PATH];
	char name[BLOB_PATH];

	blob_path(sha, name);
	snprintf(path, sizeof path, "%s/%s", blobs_dir, name);
	return path;
}

static inline bool
is_file(const uint8_t sha[BLOB_ID])
{
	return access(file_of(sha), F_OK) == 0;
}

static inline void
scribble(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	uint8_t c;

	if (fd < 0 || pread(fd, &c, 1, at) != 1)
		exit(111);
	c ^= 0x10;
	if (pwrite(fd, &c, 1, at) != 1)
		exit(111);
	close(fd);
}

/* Names in a directory below the blobs, but for "." and "..". */
static inline unsigned
names_in(const char *below)
{
	char path[160];
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof path, "%s/%s", blobs_dir, below);
	d = opendir(path);
	while (d && readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

static inline unsigned
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

/* A strange file. */
static inline void
touch(const char *below)
{
	char path[160];
	int fd;

	snprintf(path, sizeof path, "%s/%s", blobs_dir, below);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1)
		exit(111);
	close(fd);
}

/* What a walk met. */
struct seen {
	unsigned blobs, others, wrong;
	uint64_t bytes;
	char last[256];
};

static inline int
see(void *arg, const uint8_t *id, const char *name, uint64_t size, int64_t age)
{
	struct seen *s = arg;

	if (id)
		s->blobs++;
	else
		s->others++;
	s->bytes += size;
	s->wrong += age < 0 || age > 600;
	snprintf(s->last, sizeof s->last, "%s", name);
	return 0;
}

#endif
