/* SPDX-License-Identifier: ISC */
#include "t/store/files.h"

#include <signal.h>
#include <sys/wait.h>

static struct blob_io real;
static atomic_uint syncs, dir_syncs;
static atomic_int fail_syncs, fail_dirs;

static int
sync_counted(int fd)
{
	atomic_fetch_add(&syncs, 1);
	if (atomic_load(&fail_syncs) > 0) {
		atomic_fetch_sub(&fail_syncs, 1);
		errno = EIO;
		return -1;
	}
	return real.sync(fd);
}

static int
sync_dir_counted(int fd)
{
	atomic_fetch_add(&dir_syncs, 1);
	if (atomic_load(&fail_dirs) > 0) {
		atomic_fetch_sub(&fail_dirs, 1);
		errno = EIO;
		return -1;
	}
	return real.sync_dir(fd);
}

static int
no_unnamed(int at)
{
	(void)at;
	errno = EOPNOTSUPP;
	return -1;
}

static bool
begins_with(const uint8_t sha[BLOB_ID], struct slice bytes)
{
	struct buf all = { .max = 64 * MB };
	bool same = fd_read_file(file_of(sha), &all) == 0 && all.n > bytes.n &&
		    memcmp(all.p, bytes.p, bytes.n) == 0;

	buf_free(&all);
	return same;
}

static bool
checks(struct blobs *b, const struct sums *s, size_t budget, int want)
{
	struct blob_check c = { 0 };
	int fd = blob_open(b, s->sha), r;
	unsigned steps = 0;

	errno = 0;
	do
		r = blob_check(fd, s->size, s->sha, &c, budget);
	while (r == 1 && ++steps < 1000);
	close(fd);
	return want == 0 ? r == 0 : r == -1 && errno == want;
}

static void
written_and_read(struct blobs *b)
{
	static const size_t sizes[] = { 0, 1, BLOB_BLOCK - 1, BLOB_BLOCK,
		BLOB_BLOCK + 1, BLOB_CHUNK - 1, BLOB_CHUNK, BLOB_CHUNK + 1,
		3 * MB, 20 * MB + 7 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		uint8_t *p = bytes_of((uint32_t)i, sizes[i]);
		struct slice bytes = slice_of(p, sizes[i]);
		struct buf held = { .max = BLOB_TRAILER };
		struct blob_note note;
		struct sums s;
		int fd;

		is_int(make_blob(b, bytes, &s), 0, "it is sealed");
		ok(begins_with(s.sha, bytes), "%zu bytes, then a trailer",
		    sizes[i]);
		fd = blob_open(b, s.sha);
		ok(fd >= 0 && blob_note_read(fd, &held, &note) == 0 &&
			note.size == sizes[i] && slice_is(note.key, "key") &&
			slice_eq(note.sums, slice_of(s.chunks, s.n)) &&
			slice_eq(note.md5, slice_of(s.md5, MD5_BYTES)) &&
			note.at == 1000 && !note.has_upload,
		    "the trailer says what was known");
		close(fd);
		ok(checks(b, &s, 100 * KB, 0) || sizes[i] == 0, "verified");
		ok(checks(b, &s, 64 * MB, 0), "verified in one");
		buf_free(&held);
		free(p);
	}
	is_int(names_in("quarantine"), 0, "nothing is in quarantine");
}

static void
same_again(struct blobs *b)
{
	uint8_t *p = bytes_of(100, 300 * KB);
	struct slice bytes = slice_of(p, 300 * KB);
	struct sums s;
	unsigned before;
	struct stat st, now;

	make_blob(b, bytes, &s);
	stat(file_of(s.sha), &st);
	before = syncs;
	is_int(make_blob(b, bytes, &s), 0, "the same content again");
	stat(file_of(s.sha), &now);
	is_int(syncs, before, "nothing is written again");
	ok(st.st_ino == now.st_ino, "it is the same file");

	/* What stands there is not whole. */
	if (truncate(file_of(s.sha), st.st_size - 1) < 0)
		exit(111);
	is_int(make_blob(b, bytes, &s), 0, "once more, over a torn one");
	ok(begins_with(s.sha, bytes) && checks(b, &s, MB, 0),
	    "the file is whole again");
	is_int(names_in("quarantine"), 1, "the torn one is in quarantine");
	if (truncate(file_of(s.sha), 0) < 0)
		exit(111);
	is_int(make_blob(b, bytes, &s), 0, "and over an empty one");
	is_int(names_in("quarantine"), 2, "which is beside the other");
	free(p);
}

static void
many_at_once(struct blobs *b)
{
	enum { MANY = 40 };
	struct sums s[MANY];
	unsigned good = 0, came = 0, fds = open_fds();
	void *arg = NULL, *got[MANY] = { NULL };

	/* pairs of the same content, so that two workers meet */
	for (uint32_t i = 0; i < MANY; i++) {
		uint8_t *p = bytes_of(200 + i / 2, 20 * KB);

		begin_blob(b, slice_of(p, 20 * KB), &s[i], &s[i]);
		free(p);
	}
	is_int(blobs_sealing(b), MANY, "all of them are being sealed");
	while (came < MANY && wait_sealed(b, &arg) == 0)
		got[came++] = arg;
	for (unsigned i = 0; i < came; i++)
		good += is_file(((struct sums *)got[i])->sha);
	is_int(came, MANY, "all come back");
	is_int(good, MANY, "all have their file");
	is_int(blobs_sealing(b), 0, "none is left");
	is_int(open_fds(), fds, "no descriptor is left");
	ok(!blobs_sealed(b, &arg, &(int){ 0 }), "no more of them");
}

/* More writers than there are blocks, by turns and in odd pieces. */
static void
in_pieces(struct blobs *b)
{
	enum { MANY = BLOB_BLOCKS + 8, EACH = 200 * KB, PIECE = 14001 };
	struct blob_new *w[MANY];
	uint8_t *p[MANY];
	struct sums s[MANY];
	struct blob_note note;
	void *arg = NULL;
	unsigned came = 0, good = 0;

	for (unsigned i = 0; i < MANY; i++) {
		p[i] = bytes_of(500 + i, EACH);
		sums_of(slice_of(p[i], EACH), &s[i]);
		w[i] = blob_new(b);
	}
	for (size_t at = 0; at < EACH; at += PIECE)
		for (unsigned i = 0; i < MANY; i++) {
			size_t n = EACH - at < PIECE ? EACH - at : PIECE;

			good += blob_write(w[i], slice_of(p[i] + at, n)) == 0;
		}
	is_int(good, MANY * ((EACH + PIECE - 1) / PIECE), "all is written");
	is_int(b->blocks, BLOB_BLOCKS, "no more blocks than there may be");
	for (unsigned i = 0; i < MANY; i++) {
		note = note_of(&s[i], "bucket", "key");
		blob_seal(w[i], &note, &s[i]);
	}
	while (came < MANY && wait_sealed(b, &arg) == 0)
		came++;
	good = 0;
	for (unsigned i = 0; i < MANY; i++) {
		good += begins_with(s[i].sha, slice_of(p[i], EACH));
		free(p[i]);
	}
	is_int(good, MANY, "and is there in order");
	is_int(b->blocks, 0, "the blocks are given back");
}

static void
ids_in_use(struct blobs *b)
{
	uint8_t *p = bytes_of(300, 50 * KB);
	struct sums s;
	void *arg;

	begin_blob(b, slice_of(p, 50 * KB), &s, NULL);
	errno = 0;
	ok(blob_cut(b, s.sha) < 0 && errno == EBUSY,
	    "not removed while it is sealed");
	wait_sealed(b, &arg);
	ok(blob_cut(b, s.sha) < 0 && errno == EBUSY,
	    "nor when it has just been");
	blob_hold(b, s.sha);
	blob_hold(b, s.sha);
	blobs_sealed(b, &arg, &(int){ 0 });
	ok(blob_cut(b, s.sha) < 0 && errno == EBUSY, "nor while it is held");
	blob_release(b, s.sha);
	ok(blob_held(b, s.sha) && blob_cut(b, s.sha) < 0, "by anybody");
	blob_release(b, s.sha);
	ok(!blob_held(b, s.sha) && is_file(s.sha) && blob_has(b, s.sha),
	    "it is there");
	is_int(blob_cut(b, s.sha), 0, "then it is removed");
	ok(!is_file(s.sha) && !blob_has(b, s.sha), "it is gone");
	is_int(blob_cut(b, s.sha), 0, "removing what is not there is fine");
	ok(blob_open(b, s.sha) < 0 && errno == ENOENT, "it does not open");
	free(p);
}

static void
forgotten(struct blobs *b)
{
	uint8_t *p = bytes_of(310, 50 * KB), sha[BLOB_ID];
	struct blob_new *w;
	struct sums s;
	bool lost;
	void *arg;

	while (blob_stray_next(b, sha, &lost))
		;
	w = begin_blob(b, slice_of(p, 50 * KB), &s, NULL);
	blob_forget(w);
	is_int(wait_sealed(b, &arg), -1, "what is forgotten does not return");
	ok(blob_stray_next(b, sha, &lost) && !lost &&
		memcmp(sha, s.sha, BLOB_ID) == 0,
	    "but its file is a stray");
	ok(!blob_stray_next(b, sha, &lost), "one");
	ok(!blob_held(b, s.sha), "nobody holds it");
	for (unsigned i = 0; i < BLOB_STRAYS + 1; i++)
		blob_stray(b, s.sha);
	ok(blob_stray_next(b, sha, &lost) && lost, "too many are said to be");
	while (blob_stray_next(b, sha, &lost))
		;
	blob_cut(b, s.sha);
	free(p);
}

static void
dropped(struct blobs *b)
{
	unsigned fds = open_fds(), before = names_in("");
	struct blob_new *w = blob_new(b);

	blob_write(w, slice_text("half of something"));
	blob_drop(w);
	blob_drop(NULL);
	is_int(open_fds(), fds, "dropped: no descriptor is left");
	is_int(names_in(""), before, "and no file");
}

static void
wrong_notes(struct blobs *b)
{
	uint8_t *p = bytes_of(320, 30 * KB);
	struct blob_new *w = blob_new(b);
	struct blob_note note;
	struct sums s;
	void *arg;

	sums_of(slice_of(p, 30 * KB), &s);
	note = note_of(&s, "b", "k");
	blob_write(w, slice_of(p, 29 * KB));
	blob_seal(w, &note, NULL);
	is_int(wait_sealed(b, &arg), EINVAL, "another size than was written");
	ok(!is_file(s.sha), "has no file");
	free(p);
}

/* An error of a sync is final, and nothing of the file stays. */
static void
syncs_fail(struct blobs *b)
{
	uint8_t *p = bytes_of(330, 70 * KB);
	struct slice bytes = slice_of(p, 70 * KB);
	unsigned before, fds = open_fds();
	struct sums s;

	fail_syncs = 1;
	before = syncs;
	is_int(
	    make_blob(b, bytes, &s), EIO, "fdatasync fails: so does the seal");
	is_int(syncs, before + 1, "it was not tried again");
	ok(!is_file(s.sha), "there is no file");
	is_int(open_fds(), fds, "and no descriptor");
	is_int(make_blob(b, bytes, &s), 0, "written anew it is good");

	blob_cut(b, s.sha);
	fail_dirs = 1;
	is_int(make_blob(b, bytes, &s), EIO, "fsync of the directory fails");
	before = syncs;
	is_int(make_blob(b, bytes, &s), 0, "again");
	is_int(syncs, before + 1, "the name that was there is not believed");
	ok(begins_with(s.sha, bytes), "it is whole");
	before = syncs;
	is_int(make_blob(b, bytes, &s), 0, "and a third time");
	is_int(syncs, before, "now it is");
	free(p);
}

static void
damage(struct blobs *b)
{
	uint8_t *p = bytes_of(340, 600 * KB);
	struct slice bytes = slice_of(p, 600 * KB);
	struct buf held = { .max = BLOB_TRAILER };
	struct blob_note note;
	struct sums s;
	unsigned before = names_in("quarantine");
	int fd;

	make_blob(b, bytes, &s);
	scribble(file_of(s.sha), 400 * KB);
	ok(checks(b, &s, 100 * KB, EBADMSG), "a bit that flipped is found");
	is_int(blob_quarantine(b, s.sha), 0, "into quarantine");
	is_int(names_in("quarantine"), before + 1, "there it is");
	ok(!is_file(s.sha), "and no longer under its name");
	make_blob(b, bytes, &s);
	is_int(blob_quarantine(b, s.sha), 0, "another one of this name");
	is_int(names_in("quarantine"), before + 2, "both are kept");
	ok(blob_quarantine(b, s.sha) < 0 && errno == ENOENT,
	    "what is not there cannot go");

	make_blob(b, bytes, &s);
	scribble(file_of(s.sha), 600 * KB + 40);
	fd = blob_open(b, s.sha);
	ok(blob_note_read(fd, &held, &note) < 0 && errno == EBADMSG,
	    "a bit of the trailer is found");
	close(fd);
	ok(checks(b, &s, MB, 0), "but the content is whole");
	if (truncate(file_of(s.sha), 500 * KB) < 0)
		exit(111);
	ok(checks(b, &s, MB, EBADMSG), "it is too short");
	blob_cut(b, s.sha);
	buf_free(&held);
	free(p);
}

static void
space(struct blobs *b)
{
	struct blobs_space sp = { 0 };

	is_int(blobs_space(b, &sp), 0, "space");
	ok(sp.bytes_all > 0 && sp.bytes_free <= sp.bytes_all && !sp.read_only,
	    "is what the filesystem says");
}

static void
named_drafts(void)
{
	uint8_t *p = bytes_of(500, 2 * MB);
	struct slice bytes = slice_of(p, 2 * MB);
	struct blob_new *w;
	struct blobs *b;
	unsigned bare;
	struct sums s;

	place_clean();
	b = open_blobs();
	bare = names_in("");
	blob_io.unnamed = no_unnamed;
	is_int(make_blob(b, bytes, &s), 0, "without files without names");
	ok(begins_with(s.sha, bytes), "the file is right");
	is_int(names_in(""), bare, "nothing is left beside");
	is_int(make_blob(b, bytes, &s), 0, "the same again");
	is_int(names_in(""), bare, "nothing is left beside");
	fail_syncs = 1;
	blob_cut(b, s.sha);
	is_int(make_blob(b, bytes, &s), EIO, "a sync fails");
	is_int(names_in(""), bare, "nothing is left beside");
	w = blob_new(b);
	is_int(names_in(""), bare + 1, "a draft has a name");
	blob_drop(w);
	is_int(names_in(""), bare, "until it is dropped");
	blobs_close(b);
	touch("new-77");
	b = open_blobs();
	is_int(names_in(""), bare, "what a crash left is cleaned");
	blobs_close(b);
	blob_io.unnamed = real.unnamed;
	free(p);
}

static void
opening(void)
{
	struct sums s;
	uint8_t *p = bytes_of(600, 5 * MB);
	const char *why = NULL;
	struct blobs *b;

	place_clean();
	b = open_blobs();
	ok(blobs_open(blobs_dir, &why) == NULL && why != NULL,
	    "a second owner is refused");
	is_int(names_in(""), 257, "256 directories and quarantine");
	begin_blob(b, slice_of(p, 5 * MB), &s, NULL);
	blobs_close(b);
	ok(is_file(s.sha), "closing waits for what is being sealed");
	blobs_close(NULL);
	ok(blobs_open("/nonexistent/blobs", &why) == NULL && why != NULL,
	    "where nothing can be made");
	free(p);
}

/* Killed at any time: every file is whole, every file said to be durable is
 * there, nothing else is left. */
static void
die_sealing(int out)
{
	struct blobs *b = open_blobs();

	for (uint32_t i = 0;; i++) {
		uint8_t *p = bytes_of(1000 + i, 40 * KB);
		struct sums s;

		if (make_blob(b, slice_of(p, 40 * KB), &s) == 0 &&
		    write(out, s.sha, BLOB_ID) != BLOB_ID)
			_exit(1);
		free(p);
	}
}

static void
killed(void)
{
	unsigned lost = 0, told = 0, bad = 0, extra = 0;

	place_clean();
	for (unsigned round = 0; round < 8; round++) {
		uint8_t sha[BLOB_ID];
		struct seen seen = { 0 };
		struct blobs *b;
		int pipes[2];
		pid_t pid;

		if (pipe(pipes) < 0 || (pid = fork()) < 0)
			exit(111);
		if (pid == 0)
			die_sealing(pipes[1]);
		close(pipes[1]);
		/* it has made one, and is somewhere in the next ones */
		if (read(pipes[0], sha, BLOB_ID) != BLOB_ID)
			exit(111);
		usleep(20000 + round * 7000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		b = open_blobs();
		do {
			struct sums s = { .size = 40 * KB };

			memcpy(s.sha, sha, BLOB_ID);
			told++;
			lost += !is_file(sha);
			bad += !checks(b, &s, MB, 0);
		} while (read(pipes[0], sha, BLOB_ID) == BLOB_ID);
		close(pipes[0]);
		blobs_walk(b, BLOB_TOP, see, &seen);
		extra += seen.others + names_in("quarantine");
		blobs_close(b);
	}
	ok(told > 0, "%u files before a kill", told);
	is_int(lost, 0, "all are there");
	is_int(bad, 0, "all are right");
	is_int(extra, 0, "nothing else is left");
}

int
main(void)
{
	struct blobs *b;

	real = blob_io;
	files_open();
	killed();
	blob_io.sync = sync_counted;
	blob_io.sync_dir = sync_dir_counted;
	place_clean();
	b = open_blobs();
	written_and_read(b);
	same_again(b);
	many_at_once(b);
	in_pieces(b);
	ids_in_use(b);
	forgotten(b);
	dropped(b);
	wrong_notes(b);
	syncs_fail(b);
	damage(b);
	space(b);
	blobs_close(b);
	place_clean();
	named_drafts();
	opening();
	place_close();
	return tap_done();
}
