/* SPDX-License-Identifier: ISC */
#include "store/dbstream.h"

#include "base/fd.h"
#include "base/mem.h"
#include "crypt/digest.h"
#include "store/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
	BLOCK = 256 << 10, /* written at a time */
	PAGE_MOST = 64 << 10,

	/* WAL-mode File Format: the log */
	LOG_HEAD = 32,
	FRAME_HEAD = 24,
	FRAME_SALT = 8,
	SALT = 8,
	/* its shared index, in this machine's order of bytes */
	INDEX = 32 << 10, /* bytes of the first block */
	INDEX_HEAD = 48,  /* twice, then how far the log was copied back */
	INDEX_READY = 12,
	INDEX_SIZE = 14,
	INDEX_LAST = 16,
	INDEX_PAGES = 20,
	INDEX_SALT = 32,
	INDEX_BACK = 2 * INDEX_HEAD,
	INDEX_VERSION = 3007000,
	/* the database's first page */
	FILE_HEAD = 100,
	FILE_CHANGE = 24,
};

/* A frame of the log: page << 32 | frame, so that they sort. */
typedef uint64_t place;

struct source {
	sqlite3 *db;
	sqlite3_file *file, *log;
	msec patience;
	uint64_t size; /* of a page */
	uint8_t head[INDEX_HEAD];
	place *places; /* ascending: the last one of a page is good */
	uint32_t nplaces;
	bool logged; /* it has a log, and pages are to be taken from it */
	const char *why;
};

static enum dbstream_end
refuse(struct source *s, enum dbstream_end end, const char *why)
{
	s->why = why;
	return end;
}

/* What a code of SQLite's means to the caller. */
static enum dbstream_end
refuse_code(struct source *s, int rc)
{
	if (rc == SQLITE_OK)
		return DBSTREAM_OK;
	s->why = sqlite3_errstr(rc);
	if (sql_damage(rc) || rc == SQLITE_IOERR_SHORT_READ)
		return DBSTREAM_CORRUPT;
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return DBSTREAM_BUSY;
	case SQLITE_CANTOPEN:
		return DBSTREAM_NONE;
	default:
		return DBSTREAM_DISK;
	}
}

static uint32_t
word(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* Open for reading, though with the right to write: whoever reads a log takes
 * locks in its index, and may be the one who makes it.  Our end is nobody's
 * reason to copy the log back. */
static enum dbstream_end
open_source(struct source *s, const char *path, const char *name, int flags)
{
	struct stat st;
	int rc;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return refuse(s, DBSTREAM_NONE, "there is no such file");
	rc = sqlite3_open_v2(name, &s->db,
	    flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc != SQLITE_OK)
		return refuse_code(s, rc);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_busy_timeout(s->db, (int)s->patience);
	rc = sqlite3_exec(s->db,
	    "PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;"
	    "PRAGMA cache_size = -64",
	    NULL, NULL, NULL);
	return refuse_code(s, rc);
}

static void
close_source(struct source *s)
{
	sqlite3_close(s->db);
	free(s->places);
}

/* The first block of the log's index, as SQLite has it mapped already, or NULL:
 * the database has none. */
static const uint8_t *
index_of(struct source *s)
{
	volatile void *p = NULL;

	if (s->file->pMethods->iVersion < 2 ||
	    s->file->pMethods->xShmMap(s->file, 0, INDEX, 0, &p) != SQLITE_OK)
		return NULL;
	return (const uint8_t *)p;
}

/* The head, if it is not being written right now. */
static bool
look(struct source *s, const uint8_t *index, uint8_t head[INDEX_HEAD])
{
	uint8_t other[INDEX_HEAD];

	memcpy(head, index, INDEX_HEAD);
	s->file->pMethods->xShmBarrier(s->file);
	memcpy(other, index + INDEX_HEAD, INDEX_HEAD);
	return memcmp(head, other, INDEX_HEAD) == 0 && head[INDEX_READY];
}

static int
begin(struct source *s)
{
	return sqlite3_exec(s->db, "BEGIN; SELECT count(*) FROM sqlite_master",
	    NULL, NULL, NULL);
}

static void
end(struct source *s)
{
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static bool
uses_log(struct source *s)
{
	sqlite3_stmt *q = NULL;
	bool is = false;

	if (sqlite3_prepare_v2(s->db, "PRAGMA journal_mode", -1, &q, NULL) ==
		SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW)
		is = slice_is(sql_bytes(q, 0), "wal");
	sqlite3_finalize(q);
	return is;
}

static void
rest(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

/* A transaction of which the head is known: *back is how much of the log had
 * been copied back when it had begun. */
static enum dbstream_end
hold_log(struct source *s, uint32_t *back)
{
	msec until = msec_now() + s->patience;

	for (;;) {
		const uint8_t *index = index_of(s);
		uint8_t later[INDEX_HEAD];
		bool good;
		int rc;

		if (index == NULL)
			return refuse(s, DBSTREAM_DISK,
			    "the index of its log cannot be seen");
		good = look(s, index, s->head);
		rc = begin(s);
		if (rc != SQLITE_OK)
			return refuse_code(s, rc);
		*back = word(index + INDEX_BACK);
		s->file->pMethods->xShmBarrier(s->file);
		if (good && look(s, index, later) &&
		    memcmp(s->head, later, INDEX_HEAD) == 0)
			return DBSTREAM_OK;
		end(s);
		if (msec_now() > until)
			return refuse(s, DBSTREAM_BUSY,
			    "it is written to without a pause");
		rest();
	}
}

static int
by_place(const void *a, const void *b)
{
	place x = *(const place *)a, y = *(const place *)b;

	return x < y ? -1 : x > y;
}

/* Which frames of the log hold which pages. */
static enum dbstream_end
read_log(struct source *s)
{
	uint32_t last = word(s->head + INDEX_LAST);
	uint8_t frame[FRAME_HEAD];

	if (last > DBSTREAM_FRAMES)
		return refuse(s, DBSTREAM_BUSY,
		    "its log is too long; let its owner copy it back");
	s->places = mem_new((last + 1) * sizeof *s->places);
	for (uint32_t i = 0; i < last; i++) {
		sqlite3_int64 at =
		    LOG_HEAD + (sqlite3_int64)i * (FRAME_HEAD + s->size);
		struct slice f = slice_of(frame, sizeof frame);

		if (s->log->pMethods->xRead(s->log, frame, FRAME_HEAD, at) !=
		    SQLITE_OK)
			return refuse(
			    s, DBSTREAM_CORRUPT, "its log is too short");
		if (memcmp(frame + FRAME_SALT, s->head + INDEX_SALT, SALT) != 0)
			return refuse(s, DBSTREAM_CORRUPT,
			    "its log holds a frame of another log");
		s->places[i] = (place)get_u32(&f) << 32 | i;
	}
	s->nplaces = last;
	qsort(s->places, s->nplaces, sizeof *s->places, by_place);
	return DBSTREAM_OK;
}

/* The head of the log has to agree with what was found by other means. */
static enum dbstream_end
check_head(struct source *s, uint32_t back, const struct dbstream *d)
{
	uint32_t last = word(s->head + INDEX_LAST), size;
	uint16_t half;

	memcpy(&half, s->head + INDEX_SIZE, sizeof half);
	size = (half & 0xfe00u) | (half & 1u) << 16;
	if (word(s->head) != INDEX_VERSION)
		return refuse(
		    s, DBSTREAM_DISK, "its log is of a kind not known here");
	if (back > last ||
	    (last > 0 && (size != d->page_size ||
			     word(s->head + INDEX_PAGES) != d->pages)))
		return refuse(s, DBSTREAM_CORRUPT,
		    "its log does not agree with the file");
	return DBSTREAM_OK;
}

static enum dbstream_end
read_figures(struct source *s, struct dbstream *d)
{
	int64_t pages = 0, size = 0;
	int rc = sql_find(s->db, "PRAGMA page_count", &pages);

	if (rc == SQLITE_OK)
		rc = sql_find(s->db, "PRAGMA page_size", &size);
	if (rc == SQLITE_OK)
		rc = sql_find(s->db, "PRAGMA user_version", &d->version);
	if (rc == SQLITE_OK)
		rc = sql_find(s->db, "PRAGMA application_id", &d->application);
	d->pages = (uint64_t)pages;
	d->page_size = (uint32_t)size;
	s->size = (uint64_t)size;
	if (rc == SQLITE_OK && (size < 512 || size > PAGE_MOST))
		return refuse(s, DBSTREAM_CORRUPT, "its pages have no size");
	return refuse_code(s, rc);
}

/* From here on what is to be read stays as it is. */
static enum dbstream_end
hold(struct source *s, struct dbstream *d)
{
	uint32_t back = 0;
	enum dbstream_end e;
	int rc = begin(s); /* SQLite opens the log, or brings it in order */

	if (rc != SQLITE_OK)
		return refuse_code(s, rc);
	sqlite3_file_control(
	    s->db, "main", SQLITE_FCNTL_FILE_POINTER, &s->file);
	if (!uses_log(s))
		return read_figures(s, d);
	end(s);
	e = hold_log(s, &back);
	if (e == DBSTREAM_OK)
		e = read_figures(s, d);
	if (e == DBSTREAM_OK)
		e = check_head(s, back, d);
	if (e != DBSTREAM_OK || back == word(s->head + INDEX_LAST))
		return e;
	sqlite3_file_control(
	    s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &s->log);
	return read_log(s);
}

/* Where page no (from 1) is in the log: its frame, or -1.  Asked in order. */
static int64_t
frame_of(const struct source *s, uint64_t no, uint32_t *at)
{
	int64_t frame = -1;

	for (; *at < s->nplaces && s->places[*at] >> 32 <= no; (*at)++)
		if (s->places[*at] >> 32 == no)
			frame = (int64_t)(s->places[*at] & UINT32_MAX);
	return frame;
}

/* Pages at the end that were never written may not be in the file: SQLite reads
 * them as zeros, and so do we. */
static enum dbstream_end
read_page(struct source *s, uint64_t no, int64_t frame, uint8_t *to)
{
	sqlite3_file *f = frame < 0 ? s->file : s->log;
	sqlite3_int64 at =
	    frame < 0 ? (sqlite3_int64)((no - 1) * s->size)
		      : LOG_HEAD + FRAME_HEAD +
			    frame * (sqlite3_int64)(FRAME_HEAD + s->size);
	int rc = f->pMethods->xRead(f, to, (int)s->size, at);

	if (rc == SQLITE_OK || (rc == SQLITE_IOERR_SHORT_READ && frame < 0))
		return DBSTREAM_OK;
	if (rc == SQLITE_IOERR_SHORT_READ)
		return refuse(s, DBSTREAM_CORRUPT, "its log is too short");
	return refuse_code(s, rc);
}

struct sink {
	struct digest sum;
	uint8_t *block;
	size_t n;
	int fd; /* -1: only the sum */
};

static enum dbstream_end
flush(struct source *s, struct sink *k, struct dbstream *d)
{
	struct slice b = slice_of(k->block, k->n);

	digest_add(&k->sum, b);
	if (k->fd >= 0 && fd_write_all(k->fd, b) < 0)
		return refuse(s, DBSTREAM_OUT, strerror(errno));
	d->bytes += k->n;
	k->n = 0;
	return DBSTREAM_OK;
}

static enum dbstream_end
write_pages(struct source *s, struct sink *k, struct dbstream *d)
{
	enum dbstream_end e = DBSTREAM_OK;
	uint32_t at = 0;

	for (uint64_t no = 1; no <= d->pages && e == DBSTREAM_OK; no++) {
		int64_t frame = frame_of(s, no, &at);
		uint8_t *page = k->block + k->n;

		e = read_page(s, no, frame, page);
		if (e != DBSTREAM_OK)
			break;
		if (no == 1) {
			struct slice head = slice_of(
			    page + FILE_CHANGE, FILE_HEAD - FILE_CHANGE);

			if (memcmp(page, "SQLite format 3", 16) != 0)
				return refuse(
				    s, DBSTREAM_CORRUPT, "it is no database");
			d->change = get_u32(&head);
		}
		d->log_pages += frame >= 0;
		k->n += s->size;
		if (k->n + PAGE_MOST > BLOCK)
			e = flush(s, k, d);
	}
	return e == DBSTREAM_OK ? flush(s, k, d) : e;
}

static enum dbstream_end
stream(struct source *s, int fd, struct dbstream *d)
{
	struct sink k = { .fd = fd, .block = mem_new(BLOCK) };
	enum dbstream_end e;

	digest_begin(&k.sum, DIGEST_SHA256);
	e = write_pages(s, &k, d);
	digest_end(&k.sum, d->sha256);
	digest_free(&k.sum);
	free(k.block);
	return e;
}

enum dbstream_end
dbstream_write(const char *path, int fd, msec patience, struct dbstream *d,
    const char **why)
{
	struct source s = { .why = "", .patience = patience };
	enum dbstream_end e;

	*d = (struct dbstream){ 0 };
	e = open_source(&s, path, path, SQLITE_OPEN_READWRITE);
	if (e == DBSTREAM_OK)
		e = hold(&s, d);
	if (e == DBSTREAM_OK)
		e = stream(&s, fd, d);
	*why = s.why;
	close_source(&s);
	return e;
}

/* The first row of SQLite's check is "ok" or a fault. */
static enum dbstream_end
check_whole(struct source *s)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(
	    s->db, "PRAGMA integrity_check(1)", -1, &q, NULL);
	bool good;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	good = rc == SQLITE_ROW && slice_is(sql_bytes(q, 0), "ok");
	sqlite3_finalize(q);
	if (good)
		return DBSTREAM_OK;
	if (rc != SQLITE_ROW && !sql_damage(rc))
		return refuse_code(s, rc);
	return refuse(s, DBSTREAM_CORRUPT, "SQLite finds faults in it");
}

/* A file of so many whole pages and nothing else. */
static enum dbstream_end
check_size(struct source *s, const char *path, const struct dbstream *d)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return refuse(s, DBSTREAM_DISK, strerror(errno));
	if ((uint64_t)st.st_size != d->pages * d->page_size)
		return refuse(
		    s, DBSTREAM_CORRUPT, "it is not as long as it says");
	return DBSTREAM_OK;
}

/* "immutable": SQLite makes no files beside, and looks at none. */
static char *
uri_of(const char *path)
{
	static const char hex[] = "0123456789abcdef";
	char *uri = mem_new(strlen(path) * 3 + 32), *p = uri;

	p += snprintf(p, sizeof "file:", "file:");
	for (; *path; path++) {
		uint8_t c = (uint8_t)*path;

		if (c == '?' || c == '#' || c == '%') {
			*p++ = '%';
			*p++ = hex[c >> 4];
			*p++ = hex[c & 15];
		} else
			*p++ = (char)c;
	}
	snprintf(p, sizeof "?immutable=1", "?immutable=1");
	return uri;
}

enum dbstream_end
dbstream_check(const char *path, struct dbstream *d, const char **why)
{
	struct source s = { .why = "" };
	char *uri = uri_of(path);
	enum dbstream_end e;

	*d = (struct dbstream){ 0 };
	e = open_source(&s, path, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
	if (e == DBSTREAM_OK)
		e = refuse_code(&s, begin(&s));
	if (e == DBSTREAM_OK)
		e = read_figures(&s, d);
	if (e == DBSTREAM_OK)
		e = check_size(&s, path, d);
	if (e == DBSTREAM_OK)
		e = check_whole(&s);
	sqlite3_file_control(s.db, "main", SQLITE_FCNTL_FILE_POINTER, &s.file);
	if (e == DBSTREAM_OK)
		e = stream(&s, -1, d);
	*why = s.why;
	close_source(&s);
	free(uri);
	return e;
}
