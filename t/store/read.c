/* SPDX-License-Identifier: ISC */
#include "t/store/stock.h"

static bool
range_is(const struct object *o, struct slice all, uint64_t from, uint64_t n,
    size_t step)
{
	struct reading *r = read_open(blobs, db, &o->content, o->size, from, n);
	uint8_t *room = mem_new(n + 1);
	uint64_t at = 0;
	ssize_t got = 1;
	bool same;

	while (r && got > 0 && at < n + 1) {
		got = read_at(r, at, room + at, step);
		at += got > 0 ? (uint64_t)got : 0;
		if (at > n)
			break;
	}
	same = r && got == 0 && at == n &&
	       (n == 0 || memcmp(room, all.p + from, n) == 0);
	read_free(r);
	free(room);
	return same;
}

static void
ranges(const char *what, const struct object *o, struct slice all)
{
	const uint64_t size = all.n;
	const uint64_t ends[][2] = { { 0, size }, { 0, 0 }, { size, 0 },
		{ size / 3, size / 2 }, { size - 1, 1 }, { 0, 1 } };

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		ok(range_is(o, all, ends[i][0], ends[i][1], 1 + size / 7),
		    "%s: %llu bytes from %llu", what,
		    (unsigned long long)ends[i][1],
		    (unsigned long long)ends[i][0]);
	errno = 0;
	ok(read_open(blobs, db, &o->content, size, size, 1) == NULL &&
		errno == EINVAL,
	    "%s: nothing behind the end", what);
	ok(read_open(blobs, db, &o->content, size, 1, UINT64_MAX) == NULL,
	    "%s: no range that wraps", what);
}

static void
small(void)
{
	uint8_t *bytes = bytes_of(1, 5000), room[300];
	struct object o = add_object("small", 1, 5000);
	struct reading *r;
	uint64_t offset;

	ranges("small", &o, slice_of(bytes, 5000));
	r = read_open(blobs, db, &o.content, 5000, 100, 200);
	is_int(read_file(r, &offset), -1, "it is in no file");
	cut_object("small");
	nodedb_commit(db);
	ok(read_at(r, 0, room, sizeof room) == 200 &&
		memcmp(room, bytes + 100, 200) == 0,
	    "it is in memory, and stays there when its row goes");
	read_free(r);
	free(bytes);
}

static void
one_file(void)
{
	uint8_t *bytes = bytes_of(2, 700 * KB), room[64];
	struct object o = add_object("large", 2, 700 * KB);
	unsigned fds = open_fds();
	struct reading *r;
	uint64_t offset = 0;
	int fd;

	ranges("large", &o, slice_of(bytes, 700 * KB));
	r = read_open(blobs, db, &o.content, o.size, 300 * KB, 64);
	fd = read_file(r, &offset);
	ok(fd >= 0 && offset == 300 * KB, "it is one file");
	ok(read_at(r, 0, room, 64) == 64 &&
		memcmp(room, bytes + 300 * KB, 64) == 0,
	    "which can be read here, too");
	ok(blob_held(blobs, o.sha), "it is held");
	read_free(r);
	ok(!blob_held(blobs, o.sha), "no longer");
	ok(pread(fd, room, 64, (off_t)offset) == 64, "the descriptor is ours");
	close(fd);
	is_int(open_fds(), fds, "none is left");
	free(bytes);
}

static void
parts(void)
{
	static const size_t sizes[] = { 300 * KB, 20 * KB, 270 * KB, 5000, 0 };
	size_t all = 0;
	uint8_t *bytes = mem_new(MB), room[200];
	struct object o = add_parts("parts", 10, sizes);
	struct reading *r;
	uint64_t offset;

	for (uint32_t i = 0; sizes[i] != 0; i++) {
		uint8_t *p = bytes_of(10 + i, sizes[i]);

		memcpy(bytes + all, p, sizes[i]);
		all += sizes[i];
		free(p);
	}
	is_int(o.size, all, "all parts make one content");
	is_int(o.content.kind, CONTENT_PARTS, "of parts");
	ranges("parts", &o, slice_of(bytes, all));
	for (uint64_t at = 290 * KB; at < 330 * KB; at += 3333)
		ok(range_is(&o, slice_of(bytes, all), at, 40 * KB, 1000),
		    "over the edges, from %llu", (unsigned long long)at);
	ok(range_is(&o, slice_of(bytes, all), all - 6000, 6000, 50),
	    "into a small one");

	r = read_open(blobs, db, &o.content, o.size, 0, o.size);
	ok(r && read_file(r, &offset) < 0, "no one file");
	read_free(r);
	r = read_open(blobs, db, &o.content, o.size, 310 * KB, 1000);
	ok(r && read_file(r, &offset) >= 0 && offset == 10 * KB,
	    "a range within one part is one file");
	read_free(r);
	r = read_open(blobs, db, &o.content, o.size, all - 100, 100);
	ok(r && read_file(r, &offset) < 0 && read_at(r, 0, room, 200) == 100,
	    "or in memory");
	read_free(r);
	free(bytes);
}

/* The version goes while it is read; the files stay. */
static void
deleted_meanwhile(void)
{
	static const size_t sizes[] = { 100 * KB, 100 * KB, 6000, 100 * KB, 0 };
	struct object o = add_parts("goes", 30, sizes);
	struct reading *r = read_open(blobs, db, &o.content, o.size, 0, o.size);
	uint8_t shas[64][32], *room = mem_new(o.size), *want;
	uint64_t at = 0;
	ssize_t n = 1;
	size_t dead;
	unsigned busy = 0;

	cut_object("goes");
	nodedb_commit(db);
	dead = nodedb_dead(db, shas, 64);
	nodedb_commit(db);
	ok(dead >= 3, "its blobs leave the index");
	for (size_t i = 0; i < dead; i++)
		busy += blob_cut(blobs, shas[i]) < 0 && errno == EBUSY;
	is_int(busy, 3, "but not the disk");
	while (n > 0 && at < o.size) {
		n = read_at(r, at, room + at, 70 * KB);
		at += n > 0 ? (uint64_t)n : 0;
	}
	want = bytes_of(33, 100 * KB);
	ok(at == o.size && memcmp(room + 200 * KB + 6000, want, 100 * KB) == 0,
	    "it is read to its end");
	read_free(r);
	busy = 0;
	for (size_t i = 0; i < dead; i++)
		busy += blob_cut(blobs, shas[i]) < 0;
	is_int(busy, 0, "then they can go");
	free(want);
	free(room);
}

static void
broken(void)
{
	struct object o = add_object("broken", 40, 100 * KB);
	struct content none = { CONTENT_BLOB, 999999 };
	struct reading *r;
	uint8_t room[16];

	if (truncate(file_of(o.sha), 90 * KB) < 0)
		exit(111);
	errno = 0;
	ok(read_open(blobs, db, &o.content, o.size, 0, 10) == NULL &&
		errno == EBADMSG,
	    "a file that is too short");
	unlink(file_of(o.sha));
	ok(read_open(blobs, db, &o.content, o.size, 0, 10) == NULL &&
		errno == ENOENT,
	    "a file that is not there");
	ok(read_open(blobs, db, &o.content, o.size + 1, 0, 10) == NULL &&
		errno == EBADMSG,
	    "another size than the index has");
	ok(read_open(blobs, db, &none, 10, 0, 10) == NULL && errno == EBADMSG,
	    "content that is not in the index");
	ok(!blob_held(blobs, o.sha), "nothing is held");

	o = add_object("cut short", 41, 100 * KB);
	r = read_open(blobs, db, &o.content, o.size, 0, o.size);
	if (truncate(file_of(o.sha), 50 * KB) < 0)
		exit(111);
	ok(read_at(r, 60 * KB, room, 16) < 0 && errno == EBADMSG,
	    "cut short while it is read");
	read_free(r);
	read_free(NULL);
}

/* What all readings may hold is bounded. */
static void
lists(void)
{
	static const size_t sizes[] = { 100 * KB, 16000, 16000, 16000, 16000,
		16000, 16000, 16000, 16000, 0 };
	struct object o = add_parts("list", 60, sizes);
	struct reading *all[1000];
	size_t n = 0;

	while (n < 1000 && (all[n] = read_open(blobs, db, &o.content, o.size, 0,
				o.size)) != NULL)
		n++;
	is_int(errno, EAGAIN, "the lists are full");
	ok(n > 100 && n < 150, "after %zu of them", n);
	while (n > 0)
		read_free(all[--n]);
	is_int(blobs->lists, 0, "they are given back");
	ok(!blob_held(blobs, o.sha), "nothing is held");
}

int
main(void)
{
	files_open();
	stock_open();
	small();
	one_file();
	parts();
	deleted_meanwhile();
	broken();
	lists();
	stock_close();
	place_close();
	return tap_done();
}
