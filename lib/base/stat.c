/* SPDX-License-Identifier: ISC */
#include "base/stat.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	VERSION = 1,
	ROWS_MOST = 4096,
	SIZE_MOST = 4096, /* of a head or a row, whoever wrote it */
};

static const char magic[8] = "kn-stat\n";

/* kn-stat(5) describes both; the version changes when they do, unless fields
 * are only added at the end: readers go by the sizes in the head. */
struct head {
	char magic[8];
	uint64_t version, head_size, row_size, rows;
	char prog[32];
	uint64_t pid;
	int64_t started;
	_Atomic int64_t beat;
	_Atomic uint64_t inflight;
	_Atomic uint64_t phase;
	uint64_t spare[2];
	char release[32];
	char sandbox[96];
};

struct row {
	_Atomic uint64_t value;
	uint64_t kind;
	char name[64], labels[64], help[128];
};

_Static_assert(sizeof(struct head) == 256, "the head as kn-stat(5) has it");
_Static_assert(sizeof(struct row) == 272, "a row as kn-stat(5) has it");
_Static_assert(sizeof(_Atomic uint64_t) == 8 && ATOMIC_LLONG_LOCK_FREE == 2,
    "values are shared with other processes");

struct stats {
	struct head *head;
	struct row *rows;
	size_t n, bytes;
	bool mapped;
};

static bool
set_text(char *field, size_t room, const char *text)
{
	size_t n = strnlen(text, room);

	if (n == room)
		return false;
	memcpy(field, text, n);
	return true;
}

/* Fill zeroed memory with the head and all rows. */
static int
compose(void *image, const char *prog, const struct stat_row *rows, size_t n)
{
	struct head *head = image;
	struct row *row = (struct row *)(head + 1);

	memcpy(head->magic, magic, sizeof magic);
	head->version = VERSION;
	head->head_size = sizeof *head;
	head->row_size = sizeof *row;
	head->rows = n;
	head->pid = (uint64_t)getpid();
	head->started = msec_now();
	atomic_init(&head->beat, head->started);
	atomic_init(&head->phase, STAT_STARTING);
	if (!set_text(head->prog, sizeof head->prog, prog) ||
	    !set_text(head->release, sizeof head->release, KN_VERSION))
		goto wrong;
	for (size_t i = 0; i < n; i++, row++) {
		row->kind = rows[i].kind;
		if (!set_text(row->name, sizeof row->name, rows[i].name) ||
		    !set_text(
			row->labels, sizeof row->labels, rows[i].labels) ||
		    !set_text(row->help, sizeof row->help, rows[i].help))
			goto wrong;
	}
	return 0;
wrong:
	errno = EINVAL;
	return -1;
}

/* A name beside path that starts with a dot, so that who lists the directory
 * does not take the file for a program's. */
static int
name_beside(const char *path, char out[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	int n = snprintf(
	    out, PATH_MAX, "%.*s.%s.XXXXXX", (int)(base - path), path, base);

	if (n < 0 || n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

/* Written, not only made long enough: a full disk is to be an error here and
 * not a SIGBUS at some later stat_add. */
static int
write_image(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	/* who may see them is for the directory to say */
	return fchmod(fd, 0644);
}

/* The image as a file under its final name, and mapped. */
static void *
publish(const char *path, const void *image, size_t bytes)
{
	char beside[PATH_MAX];
	void *map = MAP_FAILED;
	int fd, err;

	if (name_beside(path, beside) < 0)
		return NULL;
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (write_image(fd, image, bytes) < 0)
		goto out;
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		goto out;
	if (rename(beside, path) < 0) {
		err = errno;
		munmap(map, bytes);
		map = MAP_FAILED;
		errno = err;
	}
out:
	err = errno;
	if (map == MAP_FAILED)
		unlink(beside);
	close(fd);
	errno = err;
	return map == MAP_FAILED ? NULL : map;
}

struct stats *
stat_open(
    const char *path, const char *prog, const struct stat_row *rows, size_t n)
{
	struct stats *s;
	size_t bytes;
	void *image, *map;

	if (n > ROWS_MOST) {
		errno = EINVAL;
		return NULL;
	}
	bytes = sizeof(struct head) + n * sizeof(struct row);
	map = image = mem_new(bytes);
	if (compose(image, prog, rows, n) < 0)
		map = NULL;
	else if (path)
		map = publish(path, image, bytes);
	if (map != image)
		free(image);
	if (map == NULL)
		return NULL;
	s = mem_new(sizeof *s);
	s->head = map;
	s->rows = (struct row *)(s->head + 1);
	s->n = n;
	s->bytes = bytes;
	s->mapped = path != NULL;
	return s;
}

void
stat_close(struct stats *s)
{
	if (s == NULL)
		return;
	if (s->mapped)
		munmap(s->head, s->bytes);
	else
		free(s->head);
	free(s);
}

void
stat_add(struct stats *s, size_t row, uint64_t n)
{
	if (row < s->n)
		atomic_fetch_add_explicit(
		    &s->rows[row].value, n, memory_order_relaxed);
}

void
stat_set(struct stats *s, size_t row, uint64_t value)
{
	if (row < s->n)
		atomic_store_explicit(
		    &s->rows[row].value, value, memory_order_relaxed);
}

uint64_t
stat_get(const struct stats *s, size_t row)
{
	if (row >= s->n)
		return 0;
	return atomic_load_explicit(&s->rows[row].value, memory_order_relaxed);
}

void
stat_beat(struct stats *s, msec now, uint64_t inflight)
{
	atomic_store_explicit(&s->head->beat, now, memory_order_relaxed);
	atomic_store_explicit(
	    &s->head->inflight, inflight, memory_order_relaxed);
}

void
stat_phase(struct stats *s, enum stat_phase phase)
{
	atomic_store_explicit(&s->head->phase, phase, memory_order_relaxed);
}

void
stat_sandbox(struct stats *s, const char *line)
{
	size_t n = strnlen(line, sizeof s->head->sandbox - 1);

	memcpy(s->head->sandbox, line, n);
	s->head->sandbox[n] = '\0';
}

const char *
stat_phase_word(enum stat_phase phase)
{
	static const char *const words[] = { STAT_PHASES(TABLE_WORD) };

	return phase < STAT_PHASE_N ? words[phase] : "?";
}

bool
stat_is_program(const char *name)
{
	size_t n = strlen(name);

	return n > 3 && n < sizeof((struct stat_view *)0)->prog &&
	       strncmp(name, "kn-", 3) == 0 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static bool
size_fits(uint64_t size, size_t least)
{
	return size >= least && size <= SIZE_MOST && size % 8 == 0;
}

static bool
get_text(char *out, const char *field, size_t room)
{
	memcpy(out, field, room);
	return memchr(out, '\0', room) != NULL;
}

static int
refuse(int error)
{
	errno = error;
	return -1;
}

/* Whole, of a version that we know, and so long as it says. */
static int
check_head(const struct head *h, size_t bytes)
{
	if (memcmp(h->magic, magic, sizeof magic) == 0 &&
	    h->version == VERSION &&
	    size_fits(h->head_size, sizeof(struct head)) &&
	    size_fits(h->row_size, sizeof(struct row)) &&
	    h->rows <= ROWS_MOST &&
	    bytes == h->head_size + h->rows * h->row_size)
		return 0;
	return refuse(EBADMSG);
}

int
stat_read(const struct stat_view *v, size_t row, struct stat_value *out)
{
	const struct head *h = v->image;
	const struct row *r;

	if (row >= v->n)
		return refuse(ERANGE);
	r = (const void *)((const char *)v->image + h->head_size +
			   row * h->row_size);
	if (r->kind > STAT_GAUGE ||
	    !get_text(out->name, r->name, sizeof r->name) ||
	    !get_text(out->labels, r->labels, sizeof r->labels) ||
	    !get_text(out->help, r->help, sizeof r->help))
		return refuse(EBADMSG);
	out->kind = (enum stat_kind)r->kind;
	out->value = r->value;
	return 0;
}

/* Readers reckon with moments: none lies where that would overflow. */
static bool
moment_fits(msec at)
{
	return at >= 0 && at <= INT64_MAX / 2;
}

static int
take_image(struct stat_view *v)
{
	const struct head *h = v->image;
	struct stat_value value;

	if (check_head(h, v->bytes) < 0)
		return -1;
	if (!get_text(v->prog, h->prog, sizeof h->prog) ||
	    !get_text(v->version, h->release, sizeof h->release) ||
	    !get_text(v->sandbox, h->sandbox, sizeof h->sandbox) ||
	    h->phase >= STAT_PHASE_N || !moment_fits(h->started) ||
	    !moment_fits(h->beat))
		return refuse(EBADMSG);
	v->n = h->rows;
	v->pid = h->pid;
	v->started = h->started;
	v->phase = (enum stat_phase)h->phase;
	v->beat = h->beat;
	v->inflight = h->inflight;
	for (size_t i = 0; i < v->n; i++)
		if (stat_read(v, i, &value) < 0)
			return -1;
	return 0;
}

/* The size of an open file that may be one of ours, or 0. */
static size_t
plausible_size(int fd)
{
	const off_t most = SIZE_MOST + (off_t)ROWS_MOST * SIZE_MOST;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return 0;
	if (!S_ISREG(st.st_mode) || st.st_size > most ||
	    st.st_size < (off_t)sizeof(struct head)) {
		errno = EBADMSG;
		return 0;
	}
	return (size_t)st.st_size;
}

/* From the front; EBADMSG: there is less by now. */
static int
read_front(int fd, void *to, size_t n)
{
	for (size_t have = 0; have < n;) {
		ssize_t got =
		    pread(fd, (char *)to + have, n - have, (off_t)have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			return refuse(EBADMSG);
		have += (size_t)got;
	}
	return 0;
}

/* A copy and not a mapping: whose file it is may cut it short at any moment,
 * and a mapping of what is gone would end us with SIGBUS. */
static int
read_image(int fd, struct stat_view *v)
{
	struct head h;
	size_t bytes = plausible_size(fd);

	if (bytes == 0 || read_front(fd, &h, sizeof h) < 0 ||
	    check_head(&h, bytes) < 0)
		return -1;
	v->bytes = bytes;
	v->image = mem_new(bytes);
	return read_front(fd, v->image, bytes) < 0 ? -1 : take_image(v);
}

int
stat_view(const char *path, struct stat_view *v)
{
	/* who may write beside it may lay a FIFO there, or a link to a device:
	 * neither is to hold us up */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	int r, err;

	*v = (struct stat_view){ 0 };
	if (fd < 0)
		return errno == ELOOP ? refuse(EBADMSG) : -1;
	r = read_image(fd, v);
	err = errno;
	close(fd);
	if (r < 0)
		stat_unview(v);
	errno = err;
	return r;
}

void
stat_unview(struct stat_view *v)
{
	free(v->image);
	*v = (struct stat_view){ 0 };
}
