/* SPDX-License-Identifier: ISC */
#include "t/store/stock.h"

static atomic_int fail_syncs;
static int (*real_sync)(int fd);

static int
sync_or_fail(int fd)
{
	if (atomic_load(&fail_syncs) > 0) {
		atomic_fetch_sub(&fail_syncs, 1);
		errno = EIO;
		return -1;
	}
	return real_sync(fd);
}

static bool
right_sums(struct put *p, struct slice bytes)
{
	const struct put_sums *got = put_end(p);
	struct sums want;

	sums_of(bytes, &want);
	return got->size == bytes.n && memcmp(got->md5, want.md5, 16) == 0 &&
	       memcmp(got->sha, want.sha, 32) == 0;
}

static bool
right_chunks(const uint8_t sha[BLOB_ID], struct slice bytes)
{
	struct buf got = { .max = MB };
	struct sums want;
	bool same;

	sums_of(bytes, &want);
	same = nodedb_blob_sums(db, sha, &got) == NODEDB_OK &&
	       slice_eq(buf_slice(&got), slice_of(want.chunks, want.n));
	buf_free(&got);
	return same;
}

static void
sizes(void)
{
	static const size_t all[] = { 0, 1, NODEDB_INLINE - 1, NODEDB_INLINE,
		NODEDB_INLINE + 1, BLOB_CHUNK - 1, BLOB_CHUNK, BLOB_CHUNK + 1,
		MB, MB + 1, 3 * MB + 77, 9 * MB };
	static const size_t steps[] = { 1 << 30, 64 * KB, 70001 };
	char key[32];

	for (size_t i = 0; i < 3 * sizeof all / sizeof *all; i++) {
		size_t n = all[i / 3];
		uint8_t *bytes = bytes_of((uint32_t)i, n);
		struct slice s = slice_of(bytes, n);
		struct put *p = put_all(s, steps[i % 3]);
		struct object o;

		snprintf(key, sizeof key, "key-%zu", i);
		ok(right_sums(p, s), "sums of %zu bytes, %zu at a time", n,
		    steps[i % 3]);
		is_int(seal_put(p, names_of(key)), 0, "it is sealed");
		is_int(name_put(p, key, &o), NODEDB_OK, "and named");
		ok((o.content.kind == CONTENT_BLOB) == (n > NODEDB_INLINE),
		    "small ones stand in the index");
		ok(n <= NODEDB_INLINE || right_chunks(o.sha, s),
		    "the index has the sums of the chunks");
		put_free(p);
		is_int(nodedb_commit(db), NODEDB_OK, "committed");
		ok(get_and_compare(key, (uint32_t)i, n), "it reads the same");
		free(bytes);
	}
}

/* Said beforehand, and what then comes; less than was said is a small file. */
static void
said_large(void)
{
	static const size_t sizes_of[] = { 0, 9, NODEDB_INLINE + 1, MB + 3 };
	struct object o;

	for (size_t i = 0; i < sizeof sizes_of / sizeof *sizes_of; i++) {
		size_t n = sizes_of[i];
		uint8_t *bytes = bytes_of(700 + (uint32_t)i, n);
		struct slice s = slice_of(bytes, n);
		struct budget budget = { .high = KB, .max = KB };
		struct put *p = put_new(blobs, db, &budget);

		ok(put_large(p) == 0 && put_large(p) == 0 &&
			put_write(p, s) == 0,
		    "%zu bytes, of which none are kept in memory", n);
		ok(right_sums(p, s) && seal_put(p, names_of("large")) == 0 &&
			name_put(p, "large", &o) == NODEDB_OK &&
			o.content.kind == CONTENT_BLOB &&
			right_chunks(o.sha, s),
		    "become a file");
		put_free(p);
		nodedb_commit(db);
		ok(get_and_compare("large", 700 + (uint32_t)i, n), "the same");
		free(bytes);
	}
}

static void
trailer(void)
{
	struct object o = add_object("with a trailer", 50, 700 * KB);
	struct buf held = { .max = MB };
	struct blob_note note;
	int fd = blob_open(blobs, o.sha);

	ok(fd >= 0 && blob_note_read(fd, &held, &note) == 0 &&
		slice_is(note.key, "with a trailer") && note.size == 700 * KB &&
		slice_eq(note.md5, slice_of(o.etag, 16)),
	    "the trailer has names, size and sums");
	close(fd);
	buf_free(&held);
}

/* What the index has already is not written again. */
static void
same_content(void)
{
	uint8_t *bytes = bytes_of(60, 100 * KB);
	struct slice s = slice_of(bytes, 100 * KB);
	struct object o = add_object("first", 60, 100 * KB);
	struct blob_note note = names_of("second");
	struct put *p = put_all(s, MB);
	int error;

	is_int(put_seal(p, &note), 1, "known: named at once");
	ok(blob_held(blobs, o.sha), "and held meanwhile");
	is_int(name_put(p, "second", &o), NODEDB_OK, "a second name");
	put_free(p);
	ok(!blob_held(blobs, o.sha), "no longer");
	nodedb_commit(db);
	ok(get_and_compare("second", 60, 100 * KB), "it reads the same");

	unlink(file_of(o.sha));
	p = put_all(s, MB);
	is_int(put_seal(p, &note), 0, "its file is lost: it is written again");
	while (put_sealed(blobs, &error) == NULL)
		wait_readable(blobs_fd(blobs));
	is_int(error, 0, "and is good");
	ok(is_file(o.sha), "it is there again");
	put_free(p);
	ok(get_and_compare("first", 60, 100 * KB), "for its first name, too");
	free(bytes);
}

static void
two_at_once(void)
{
	uint8_t *bytes = bytes_of(70, 2 * MB);
	struct slice s = slice_of(bytes, 2 * MB);
	struct put *a = put_new(blobs, db, NULL), *b = put_new(blobs, db, NULL);
	struct blob_note note = names_of("both");
	struct object o;
	int error, came = 0;

	for (size_t at = 0; at < s.n; at += 32 * KB) {
		put_write(a, slice_of(s.p + at, 32 * KB));
		put_write(b, slice_of(s.p + at, 32 * KB));
	}
	ok(right_sums(a, s) && right_sums(b, s), "two side by side");
	ok(put_seal(a, &note) == 0 && put_seal(b, &note) == 0,
	    "both are sealed, the same content");
	while (came < 2) {
		struct put *p = put_sealed(blobs, &error);

		if (p == NULL && !wait_readable(blobs_fd(blobs)))
			break;
		if (p)
			came += error == 0 && name_put(p, "both", &o) == 0;
	}
	is_int(came, 2, "and both are named");
	put_free(a);
	put_free(b);
	nodedb_commit(db);
	ok(get_and_compare("both", 70, 2 * MB), "it reads the same");
	free(bytes);
}

static bool
is_stray(const uint8_t sha[BLOB_ID])
{
	uint8_t got[BLOB_ID];
	bool lost, found = false;

	while (blob_stray_next(blobs, got, &lost))
		found |= memcmp(got, sha, BLOB_ID) == 0;
	return found;
}

static void
freed_early(void)
{
	uint8_t *bytes = bytes_of(80, 5 * MB), sha[BLOB_ID];
	struct slice s = slice_of(bytes, 5 * MB);
	struct blob_note note = names_of("never");
	unsigned fds = open_fds(), names = names_in("");
	struct put *p = put_new(blobs, db, NULL);
	int error = 0;

	put_write(p, s);
	put_free(p);
	put_free(NULL);
	is_int(open_fds(), fds, "freed while it is taken: no descriptor");
	is_int(names_in(""), names, "and no file");

	p = put_all(s, MB);
	memcpy(sha, put_end(p)->sha, BLOB_ID);
	put_seal(p, &note);
	put_free(p);
	ok(blob_held(blobs, sha), "freed while it is sealed: still held");
	while (blobs_sealing(blobs) > 0 && put_sealed(blobs, &error) == NULL)
		wait_readable(blobs_fd(blobs));
	ok(!blob_held(blobs, sha) && is_stray(sha), "then a stray");
	is_int(open_fds(), fds, "no descriptor is left");

	p = put_all(s, MB);
	is_int(seal_put(p, note), 0, "sealed");
	put_free(p);
	ok(is_stray(sha), "freed without a name: a stray");
	blob_cut(blobs, sha);
	free(bytes);
}

static void
failing(void)
{
	uint8_t *bytes = bytes_of(90, 2 * MB);
	struct slice s = slice_of(bytes, 2 * MB);
	struct put *p = put_all(s, MB);
	struct content c;
	struct object o;

	atomic_store(&fail_syncs, 1);
	is_int(seal_put(p, names_of("hurt")), EIO, "the disk's error comes");
	is_int(put_content(p, &c), NODEDB_NONE, "it cannot be named");
	put_free(p);
	p = put_all(s, MB);
	is_int(put_content(p, &c), NODEDB_NONE, "nor before it is sealed");
	is_int(seal_put(p, names_of("hurt")), 0, "written anew it is good");
	is_int(name_put(p, "hurt", &o), NODEDB_OK, "and named");
	ok(put_write(p, s) < 0 && errno == EINVAL, "no bytes after the end");
	put_free(p);
	nodedb_commit(db);
	free(bytes);
}

static void
budgets(void)
{
	struct budget small = { .max = 8 * KB }, none = { 0 };
	uint8_t *bytes = bytes_of(95, MB);
	struct put *p = put_new(blobs, db, &small);
	struct blob_note note = names_of("poor");

	ok(put_write(p, slice_of(bytes, 100)) == 0, "within the budget");
	ok(put_write(p, slice_of(bytes, 12 * KB)) < 0 && errno == ENOMEM,
	    "small contents are charged");
	ok(put_write(p, slice_of(bytes, 100)) < 0, "a refusal is final");
	put_end(p);
	ok(put_seal(p, &note) < 0, "and what is left is not sealed");
	put_free(p);
	is_int(small.used, 0, "all of it is given back");
	p = put_new(blobs, db, &none);
	ok(put_write(p, slice_of(bytes, MB)) < 0 && errno == ENOMEM,
	    "so are the sums of big ones");
	put_free(p);
	free(bytes);
}

static void
owners(void)
{
	struct put *p = put_new(blobs, db, NULL);
	int mine;

	ok(put_owner(p) == NULL, "nobody's at first");
	put_set_owner(p, &mine);
	ok(put_owner(p) == &mine, "whose it is");
	put_free(p);
}

int
main(void)
{
	files_open();
	stock_open();
	real_sync = blob_io.sync;
	blob_io.sync = sync_or_fail;
	sizes();
	said_large();
	trailer();
	same_content();
	two_at_once();
	freed_early();
	failing();
	budgets();
	owners();
	stock_close();
	place_close();
	return tap_done();
}
