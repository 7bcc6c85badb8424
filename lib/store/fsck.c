/* SPDX-License-Identifier: ISC */
#include "store/fsck_own.h"

#include "base/msec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLICE = 8 << 20 }; /* bytes verified between two steps */

struct fsck {
	struct nodedb *db;
	struct blobs *blobs;
	const struct fsck_conf *conf;
	struct fsck_sums *sums;
	struct buf note;
	int64_t now, newest;
	uint64_t done, all;
};

static void
step(struct fsck *f)
{
	f->done++;
	if (f->conf->step)
		f->conf->step(f->conf->arg, f->done, f->all);
}

/* A fault, and whether it has been set right. */
static void
fault(struct fsck *f, bool mended)
{
	f->sums->faults++;
	f->sums->mended += mended;
}

static void
count_fault(void *arg, const char *sentence)
{
	struct fsck *f = arg;

	fsck_tell(f->conf, "%s", sentence);
}

/* Counts of references, of rows and of tenants' bytes.  What refers to nothing
 * cannot be set right. */
static void
check_counts(struct fsck *f)
{
	uint64_t n = nodedb_recount(f->db, f->conf->mend, count_fault, f),
		 left = n;

	if (f->conf->mend && n > 0)
		left = nodedb_recount(f->db, false, NULL, NULL);
	f->sums->faults += n;
	f->sums->mended += left < n ? n - left : 0;
}

static void
check_row(void *arg, const struct fsck_row *row)
{
	struct fsck *f = arg;
	const struct content *c =
	    row->object ? &row->object->content : &row->part->content;
	uint64_t size = row->object ? row->object->size : row->part->size;
	const char *wrong = fsck_content(f->db, c, size);

	if (row->object)
		f->sums->objects += !row->object->marker;
	else
		f->sums->parts++;
	if (wrong == NULL)
		return;
	fault(f, false);
	fsck_tell(f->conf, "%s %s/%.*s: %s",
	    row->object ? "object" : "a part of", row->bucket->name,
	    (int)row->key.n, (const char *)row->key.p, wrong);
}

/* What is wrong with a file that the index has. */
enum wrong { RIGHT, TRAILER, DAMAGED, UNREADABLE, WRONGS };
static const char *const words[WRONGS] = {
	[TRAILER] = "has no whole trailer, but its content is whole",
	[DAMAGED] = "is damaged",
	[UNREADABLE] = "cannot be read",
};

static enum wrong
check_content(int fd, const uint8_t sha[BLOB_ID], uint64_t size)
{
	struct blob_check check = { 0 };
	int r;

	do
		r = blob_check(fd, size, sha, &check, SLICE);
	while (r == 1);
	if (r == 0)
		return RIGHT;
	return errno == EBADMSG ? DAMAGED : UNREADABLE;
}

static enum wrong
check_file(struct fsck *f, int fd, const uint8_t sha[BLOB_ID], uint64_t size,
    bool read_all)
{
	struct blob_note note;
	enum wrong wrong = RIGHT;
	bool trailer = blob_note_read(fd, &f->note, &note) == 0 &&
		       memcmp(note.sha.p, sha, BLOB_ID) == 0 &&
		       note.size == size;

	if (read_all || !trailer)
		wrong = check_content(fd, sha, size);
	return wrong == RIGHT && !trailer ? TRAILER : wrong;
}

/* The index knows no name that is the first of it, and MD5 is not needed. */
static bool
mend_trailer(struct fsck *f, const uint8_t sha[BLOB_ID], uint64_t size)
{
	struct buf sums = { .max = BLOB_TRAILER };
	struct blob_note note = {
		.has_size = true,
		.size = size,
		.has_sha = true,
		.sha = slice_of(sha, BLOB_ID),
		.has_sums = true,
	};
	bool good = nodedb_blob_sums(f->db, sha, &sums) == NODEDB_OK;

	note.sums = buf_slice(&sums);
	good = good && blob_note_mend(f->blobs, &note) == 0;
	buf_free(&sums);
	return good;
}

/* The index is told, so that the next one who puts this content makes it whole
 * again. */
static void
set_damaged(struct fsck *f, const uint8_t sha[BLOB_ID], bool is)
{
	if (f->conf->mend)
		nodedb_verified(f->db, sha, f->now, is);
}

static void
missing(struct fsck *f, const uint8_t sha[BLOB_ID], bool known)
{
	char hex[FSCK_HEX];

	fsck_hex(sha, hex);
	f->sums->missing++;
	fault(f, false);
	set_damaged(f, sha, true);
	fsck_tell(f->conf, "blob %s: its file is not there%s", hex,
	    known ? ", as was known" : "");
}

static void
check_blob(struct fsck *f, const uint8_t sha[BLOB_ID], uint64_t size,
    uint64_t refs, bool damaged)
{
	int fd = blob_open(f->blobs, sha);
	const char *fate = "";
	bool mended = false;
	char hex[FSCK_HEX];
	enum wrong wrong;

	if (fd < 0) {
		/* without references it is about to be forgotten */
		if (refs > 0)
			missing(f, sha, damaged);
		return;
	}
	f->sums->named_bytes += size;
	wrong = check_file(f, fd, sha, size, f->conf->read || damaged);
	close(fd);
	if (wrong == RIGHT && !damaged)
		return;
	if (f->conf->mend && wrong == TRAILER) {
		mended = mend_trailer(f, sha, size);
		fate = mended ? "; it has a new one" : "";
	} else if (f->conf->mend && wrong != RIGHT) {
		blob_quarantine(f->blobs, sha);
		fate = "; it is in quarantine now";
	}
	if (wrong == DAMAGED || wrong == UNREADABLE)
		f->sums->damaged++;
	else if (damaged)
		mended |= f->conf->mend;
	set_damaged(f, sha, wrong == DAMAGED || wrong == UNREADABLE);
	fault(f, mended);
	fsck_hex(sha, hex);
	fsck_tell(f->conf, "blob %s: its file %s%s", hex,
	    wrong ? words[wrong] : "is whole, but was held for damaged", fate);
}

static int
check_blobs(struct fsck *f)
{
	uint8_t sha[BLOB_ID], next[BLOB_ID], *after = NULL;
	uint64_t size = 0, refs = 0;
	bool damaged = false;
	enum nodedb_said said;

	while ((said = nodedb_blob_next(
		    f->db, after, next, &size, &refs, &damaged)) == NODEDB_OK) {
		memcpy(sha, next, BLOB_ID);
		after = sha;
		f->sums->blobs++;
		check_blob(f, sha, size, refs, damaged);
		step(f);
	}
	return said == NODEDB_NONE ? 0 : -1;
}

static bool
is_whole(struct fsck *f, const uint8_t sha[BLOB_ID])
{
	int fd = blob_open(f->blobs, sha);
	int64_t size = fd < 0 ? -1 : blob_content_size(fd);

	if (fd >= 0)
		close(fd);
	return size >= 0;
}

static void
unnamed(struct fsck *f, const uint8_t sha[BLOB_ID], uint64_t size, int64_t age)
{
	const char *fate = "";
	char hex[FSCK_HEX];

	f->sums->unnamed_files++;
	f->sums->unnamed_bytes += size;
	if (sweep_older(f->newest, age, f->now)) {
		fate = "; it is newer than the index and stays, "
		       "rebuild would name it";
	} else if (f->conf->mend && !is_whole(f, sha)) {
		if (blob_quarantine(f->blobs, sha) == 0)
			fate = "; it is in quarantine now";
	} else if (f->conf->mend && blob_cut(f->blobs, sha) == 0) {
		fate = "; it is removed";
	}
	fsck_hex(sha, hex);
	fsck_tell(f->conf, "blob %s: nobody names it%s", hex, fate);
}

static int
meet(void *arg, const uint8_t *id, const char *name, uint64_t size, int64_t age)
{
	struct fsck *f = arg;

	if (id == NULL) {
		f->sums->strange_files++;
		fsck_tell(f->conf, "%s is none of our files", name);
	} else if (!sweep_knows(f->db, id)) {
		unnamed(f, id, size, age);
	}
	return 0;
}

static int
count_quarantined(
    void *arg, const uint8_t *id, const char *name, uint64_t size, int64_t age)
{
	struct fsck *f = arg;

	(void)id, (void)name, (void)size, (void)age;
	f->sums->quarantined++;
	return 0;
}

static int
check_files(struct fsck *f)
{
	for (unsigned i = 0; i < BLOB_SHARDS; i++) {
		if (blobs_walk(f->blobs, i, meet, f) < 0)
			return -1;
		step(f);
	}
	if (blobs_walk(f->blobs, BLOB_QUARANTINED, count_quarantined, f) < 0)
		return -1;
	return blobs_walk(f->blobs, BLOB_TOP, meet, f);
}

static int
check_all(struct fsck *f)
{
	if (nodedb_check(f->db, false) != NODEDB_OK) {
		fault(f, false);
		fsck_tell(f->conf, "the index: %s", nodedb_why(f->db));
	}
	check_counts(f);
	if (fsck_rows(f->db, check_row, f) < 0 || check_blobs(f) < 0) {
		errno = EIO;
		return -1;
	}
	return check_files(f);
}

int
fsck_run(struct nodedb *db, struct blobs *b, const struct fsck_conf *conf,
    struct fsck_sums *sums)
{
	struct fsck f = { .db = db,
		.blobs = b,
		.conf = conf,
		.sums = sums,
		.now = msec_wall() };
	struct nodedb_counts counts;
	int r;

	*sums = (struct fsck_sums){ 0 };
	buf_init(&f.note, BLOB_TRAILER, NULL);
	nodedb_counts(db, &counts);
	f.all = counts.blobs + BLOB_SHARDS;
	f.newest = sweep_newest(db);
	r = check_all(&f);
	buf_free(&f.note);
	if (r == 0 && nodedb_commit(db) != NODEDB_OK) {
		errno = EIO;
		r = -1;
	}
	return r < 0 ? -1 : sums->faults > sums->mended;
}
