/* SPDX-License-Identifier: ISC */
#include "store/blob_own.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

PB_DEFINE(blob_note, BLOB_NOTE)

enum {
	MAGIC = 0x4b6e426c, /* "KnBl" */
	CHECK_AT = 8,       /* in the tail; the beginning of a sum */
	CHECK = 8,
};

static int
refuse(int why)
{
	errno = why;
	return -1;
}

void
blob_note_encode(const struct blob_note *note, struct buf *out)
{
	uint8_t sum[SHA256_BYTES];
	size_t from = out->n;
	struct slice bytes;

	pb_encode(&blob_note_desc, note, out);
	if (out->bad)
		return;
	bytes = slice_of(out->p + from, out->n - from);
	digest_of(DIGEST_SHA256, bytes, sum);
	put_u32(out, MAGIC);
	put_u32(out, (uint32_t)bytes.n);
	put_bytes(out, sum, CHECK);
}

int64_t
blob_tail_length(const uint8_t tail[BLOB_TAIL], uint64_t size)
{
	struct slice s = slice_of(tail, BLOB_TAIL);
	uint32_t magic = get_u32(&s), n = get_u32(&s);

	if (magic != MAGIC || n > BLOB_TRAILER - BLOB_TAIL ||
	    size < (uint64_t)n + BLOB_TAIL)
		return -1;
	return n;
}

static uint64_t
chunks(uint64_t size)
{
	return size / BLOB_CHUNK + (size % BLOB_CHUNK > 0);
}

int
blob_note_decode(struct slice bytes, const uint8_t tail[BLOB_TAIL],
    uint64_t content, struct blob_note *note)
{
	uint8_t sum[SHA256_BYTES];

	digest_of(DIGEST_SHA256, bytes, sum);
	if (memcmp(sum, &tail[CHECK_AT], CHECK) != 0 ||
	    pb_decode(&blob_note_desc, bytes, note, NULL) < 0)
		return refuse(EBADMSG);
	if (note->size != content || note->sha.n != BLOB_ID ||
	    note->sums.n != chunks(content) * SHA256_BYTES ||
	    (note->md5.n != 0 && note->md5.n != MD5_BYTES))
		return refuse(EBADMSG);
	return 0;
}

/* All n bytes, or -1. */
static int
read_at(int fd, uint8_t *p, size_t n, uint64_t at)
{
	while (n > 0) {
		ssize_t got = pread(fd, p, n, (off_t)at);

		if (got == 0)
			return refuse(EBADMSG);
		if (got < 0 && errno != EINTR)
			return -1;
		if (got > 0) {
			p += got;
			n -= (size_t)got;
			at += (uint64_t)got;
		}
	}
	return 0;
}

/* Returns the length of the note, *content that of what stands before it. */
static int64_t
read_tail(int fd, uint8_t tail[BLOB_TAIL], uint64_t *content)
{
	struct stat st;
	uint64_t size;
	int64_t n;

	if (fstat(fd, &st) < 0)
		return -1;
	size = (uint64_t)st.st_size;
	if (!S_ISREG(st.st_mode) || size < BLOB_TAIL)
		return refuse(EBADMSG);
	if (read_at(fd, tail, BLOB_TAIL, size - BLOB_TAIL) < 0)
		return -1;
	n = blob_tail_length(tail, size);
	if (n < 0)
		return refuse(EBADMSG);
	*content = size - BLOB_TAIL - (uint64_t)n;
	return n;
}

int64_t
blob_content_size(int fd)
{
	uint8_t tail[BLOB_TAIL];
	uint64_t content = 0;

	return read_tail(fd, tail, &content) < 0 ? -1 : (int64_t)content;
}

int
blob_note_read(int fd, struct buf *bytes, struct blob_note *note)
{
	uint8_t tail[BLOB_TAIL], *room;
	uint64_t content = 0;
	int64_t n = read_tail(fd, tail, &content);

	if (n < 0)
		return -1;
	buf_cut(bytes, 0);
	room = buf_room(bytes, (size_t)n);
	if (room == NULL)
		return refuse(ENOMEM);
	if (read_at(fd, room, (size_t)n, content) < 0)
		return -1;
	buf_added(bytes, (size_t)n);
	return blob_note_decode(buf_slice(bytes), tail, content, note);
}

/* Another trailer behind the content, which is not touched. */
int
blob_note_mend(struct blobs *b, const struct blob_note *note)
{
	struct buf tail = { .max = BLOB_TRAILER };
	char path[BLOB_PATH];
	int fd, r = -1;

	blob_path(note->sha.p, path);
	fd = openat(b->dir, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	blob_note_encode(note, &tail);
	if (tail.bad)
		errno = EFBIG;
	else if (ftruncate(fd, (off_t)note->size) == 0 &&
		 lseek(fd, 0, SEEK_END) == (off_t)note->size &&
		 fd_write_all(fd, buf_slice(&tail)) == 0)
		r = blob_io.sync(fd);
	blob_close_fd(fd);
	buf_free(&tail);
	return r;
}
