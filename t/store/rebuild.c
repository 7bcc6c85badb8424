/* SPDX-License-Identifier: ISC */
#include "store/fsck.h"
#include "store/nodedb_copy.h"
#include "t/store/stock.h"

#include <sqlite3.h>
#include <time.h>

enum { SMALL = 300, PAGE = 4096 };

static const size_t part_sizes[] = { 300 * KB, 20 * KB, 270 * KB, 0 };
static struct rebuild_sums sums;
static char old[100], snapshot[100], all_heard[65536];

static void
gather(void *arg, const char *sentence)
{
	size_t n = strlen(all_heard);

	(void)arg;
	snprintf(all_heard + n, sizeof all_heard - n, "%s\n", sentence);
}

static bool
was_told(const char *words)
{
	bool was = strstr(all_heard, words) != NULL;

	if (!was)
		printf("# %.4000s\n", all_heard);
	return was;
}

static void
small_key(char key[16], uint32_t i)
{
	snprintf(key, 16, "small%u", i);
}

/* The store is closed; the index goes to where it does not belong. */
static void
move_db(const char *to)
{
	char all[400];

	stock_close();
	snprintf(all, sizeof all, "mv %s %s && rm -f %s-wal %s-shm", db_path,
	    to, db_path, db_path);
	if (system(all) != 0)
		exit(111);
}

static int
rebuild(const char *from_snapshot, const char *from_old)
{
	const struct fsck_conf conf = { .read = true, .told = gather };
	int r;

	all_heard[0] = '\0';
	blobs = open_blobs();
	r = rebuild_run(db_path, from_snapshot, from_old, blobs, &conf, &sums);
	blobs_close(blobs);
	stock_open();
	return r;
}

/* Nothing is wrong with what was made. */
static void
is_sound(const char *name)
{
	const struct fsck_conf conf = { .read = true, .told = gather };
	struct fsck_sums f;

	all_heard[0] = '\0';
	if (!ok(fsck_run(db, blobs, &conf, &f) == 0 && f.unnamed_files == 0 &&
		    f.faults == 0,
		"%s: fsck finds nothing", name))
		printf("# %.2000s\n", all_heard);
}

static unsigned
smalls(void)
{
	unsigned n = 0;
	char key[16];

	for (uint32_t i = 0; i < SMALL; i++) {
		small_key(key, i);
		n += get_and_compare(key, i, 900 + i);
	}
	return n;
}

static bool
parts_are_right(const char *key)
{
	struct object o;
	uint8_t *bytes = mem_new(MB);
	size_t all = 0;
	bool right;

	for (uint32_t i = 0; part_sizes[i] != 0; i++) {
		uint8_t *p = bytes_of(2000 + i, part_sizes[i]);

		memcpy(bytes + all, p, part_sizes[i]);
		all += part_sizes[i];
		free(p);
	}
	right = nodedb_get(db, bucket, slice_text(key), &o) == NODEDB_OK &&
		o.parts == 3 && reads_as(&o, slice_of(bytes, all));
	free(bytes);
	return right;
}

static void
fill(void)
{
	char key[16];

	place_clean();
	wall = (int64_t)time(NULL) * 1000;
	stock_open();
	for (uint32_t i = 0; i < SMALL; i++) {
		small_key(key, i);
		add_object(key, i, 900 + i);
	}
	add_object("large", 1000, 600 * KB);
	add_object("other", 1001, 40 * KB);
	add_parts("parts", 2000, part_sizes);
}

static void
from_trailers_only(void)
{
	uint8_t etag[16];
	struct object o, was;

	fill();
	add_object("large", 1002, 500 * KB); /* and again, newer */
	wall += 1000;
	was = add_object("large", 1003, 400 * KB);
	nodedb_get(db, bucket, slice_text("parts"), &o);
	memcpy(etag, o.etag, 16);
	move_db(old);
	is_int(rebuild(NULL, NULL), 1, "without any index");
	is_int(sums.buckets, 2, "the bucket is there again, and lost-found");
	ok(get_and_compare("large", 1003, 400 * KB), "the newest of a name");
	ok(nodedb_get(db, bucket, slice_text("large"), &o) == NODEDB_OK &&
		memcmp(o.etag, was.etag, 16) == 0 && o.at == was.at,
	    "with its ETag and time");
	ok(get_and_compare("other", 1001, 40 * KB), "another");
	ok(parts_are_right("parts"), "parts are one object");
	ok(was_told("put together of 3 parts"), "which is told");
	is_int(sums.uploads, 1, "one upload");
	is_int(sums.nameless, 2, "what was overwritten is in lost-found");
	is_int(smalls(), 0, "small contents are gone");
	is_sound("from trailers");
	stock_close();
}

static void
from_whole(void)
{
	fill();
	move_db(old);
	is_int(rebuild(NULL, old), 0, "an index that is whole");
	is_int(smalls(), SMALL, "all small ones");
	ok(get_and_compare("large", 1000, 600 * KB) && parts_are_right("parts"),
	    "all others");
	is_int(sums.objects, SMALL + 3, "as many as there were");
	is_int(sums.from_trailers + sums.nameless + sums.lost_inline, 0,
	    "nothing was lost");
	is_sound("from a whole index");
	ok(nodedb_epoch(db) != 0, "it has an epoch");
	stock_close();
}

static void
take_snapshot(void)
{
	const char *why = "";

	if (nodedb_commit(db) != NODEDB_OK ||
	    nodedb_copy(db_path, snapshot, &why) < 0) {
		printf("# %s\n", why);
		exit(111);
	}
}

static void
from_snapshot(void)
{
	struct object gone;

	fill();
	gone = add_object("gone", 1010, 30 * KB);
	take_snapshot();
	cut_object("gone");
	nodedb_commit(db);
	blob_cut(blobs, gone.sha);
	add_object("later", 1011, 50 * KB);
	wall += 5000;
	add_object("other", 1012, 60 * KB);
	move_db(old);
	is_int(rebuild(snapshot, NULL), 1, "from a snapshot");
	is_int(smalls(), SMALL, "all small ones");
	ok(get_and_compare("later", 1011, 50 * KB), "what came later, too");
	ok(get_and_compare("other", 1012, 60 * KB), "and what is newer");
	ok(was_told("object b/gone is lost"), "what has no file any more goes");
	is_int(sums.from_trailers, 2, "two by their trailers");
	is_int(sums.nameless, 1, "the older content is kept");
	is_sound("from a snapshot");
	stock_close();
}

/* Bytes of a page turned over. */
static void
turn_over(const char *path, unsigned page)
{
	uint8_t bytes[PAGE];
	int fd = open(path, O_RDWR);

	for (size_t i = 0; i < PAGE; i++)
		bytes[i] = (uint8_t)(0x5a + i * 7);
	if (pwrite(fd, bytes, PAGE, (off_t)page * PAGE) != PAGE)
		exit(111);
	close(fd);
}

static off_t
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

/* Any page may be the damaged one; large contents survive all. */
static void
from_damaged(void)
{
	unsigned pages, worst = SMALL, failed = 0, sound = 0, tried = 0;
	const struct fsck_conf conf = { .told = gather };
	struct fsck_sums f;
	char whole[100];

	fill();
	take_snapshot();
	snprintf(whole, sizeof whole, "%s/whole.db", dir);
	move_db(whole);
	pages = (unsigned)(size_of(whole) / PAGE);
	for (unsigned page = 1; page < pages; page += 1 + pages / 40) {
		char all[300];
		unsigned n;

		snprintf(all, sizeof all, "rm -f %s*; cp %s %s", db_path, whole,
		    old);
		if (system(all) != 0)
			exit(111);
		turn_over(old, page);
		tried++;
		rebuild(NULL, old);
		n = smalls();
		worst = n < worst ? n : worst;
		failed += !get_and_compare("large", 1000, 600 * KB) ||
			  !get_and_compare("other", 1001, 40 * KB) ||
			  !parts_are_right("parts");
		sound += fsck_run(db, blobs, &conf, &f) == 0;
		if (f.faults)
			printf("# page %u: %.1000s\n", page, all_heard);
		stock_close();
	}
	ok(tried > 30, "%u times another page was damaged", tried);
	is_int(failed, 0, "large contents always came back");
	is_int(sound, tried, "fsck found nothing in any");
	ok(worst < SMALL, "small ones were lost, at worst %u of %d stayed",
	    worst, SMALL);

	for (unsigned page = 1; page < pages; page += 1 + pages / 12) {
		char all[300];

		snprintf(all, sizeof all, "rm -f %s*; cp %s %s", db_path, whole,
		    old);
		if (system(all) != 0)
			exit(111);
		turn_over(old, page);
		rebuild(snapshot, old);
		failed += smalls() != SMALL || !parts_are_right("parts") ||
			  !get_and_compare("large", 1000, 600 * KB);
		stock_close();
	}
	is_int(failed, 0, "with a snapshot beside it nothing was lost");
}

/* Past the library. */
static void
change_at(const char *path, const char *sql)
{
	sqlite3 *raw = NULL;

	if (sqlite3_open(path, &raw) != SQLITE_OK ||
	    sqlite3_exec(raw, sql, NULL, NULL, NULL) != SQLITE_OK) {
		printf("# %s: %s\n", sql, sqlite3_errmsg(raw));
		exit(111);
	}
	sqlite3_close(raw);
}

/* Rows that say whose the others are. */
static void
lost_rows(void)
{
	uint64_t epoch;
	struct object o;
	struct bucket *b;

	fill();
	epoch = nodedb_epoch(db);
	move_db(old);
	change_at(old, "DELETE FROM bucket");
	rebuild(NULL, old);
	b = nodedb_bucket(db, slice_text("lost-bucket-1"));
	ok(b && nodedb_get(db, b, slice_text("small7"), &o) == NODEDB_OK,
	    "a bucket without a row gets another name");
	ok(nodedb_epoch(db) != epoch, "the epoch is another");
	is_sound("without buckets");
	move_db(old);
	change_at(old, "DELETE FROM tenant");
	is_int(rebuild(NULL, old), 0, "tenants without a row");
	b = nodedb_bucket(db, slice_text("lost-bucket-1"));
	ok(b && strncmp(b->tenant->name, "lost-tenant-", 12) == 0,
	    "get another name");
	is_sound("without tenants");
	stock_close();

	fill();
	move_db(old);
	change_at(old, "DELETE FROM blob; DELETE FROM sums");
	is_int(rebuild(NULL, old), 0, "blobs without a row");
	ok(get_and_compare("large", 1000, 600 * KB),
	    "are known by their files");
	ok(was_told("object b/parts is lost"), "but for those of manifests");
	ok(parts_are_right("parts"), "which are put together again");
	is_sound("without blobs");
	stock_close();

	fill();
	move_db(old);
	change_at(old, "DELETE FROM inline WHERE no < 11");
	is_int(rebuild(NULL, old), 1, "small contents without a row");
	is_int(sums.lost_inline, 10, "are lost");
	is_int(smalls(), SMALL - 10, "the others are not");
	is_sound("without some small contents");
	stock_close();
}

static void
no_names(void)
{
	uint8_t *bytes = bytes_of(3000, 60 * KB);
	struct sums a, b, c;
	struct object o;
	struct bucket *lost;
	char hex[2 * BLOB_ID + 1];
	struct blob_note note;
	struct blob_new *w;
	void *arg;

	fill();
	sums_of(slice_of(bytes, 60 * KB), &a);
	note = note_of(&a, "", "");
	w = blob_new(blobs);
	blob_write(w, slice_of(bytes, 60 * KB));
	blob_seal(w, &note, NULL);
	is_int(wait_sealed(blobs, &arg), 0, "a file without names");
	make_blob(blobs, slice_of(bytes, 50 * KB), &b);
	make_blob(blobs, slice_of(bytes, 40 * KB), &c);
	if (truncate(file_of(b.sha), 50 * KB + 20) < 0)
		exit(111);
	scribble(file_of(c.sha), 100);
	move_db(old);
	is_int(rebuild(NULL, old), 1, "and two that are damaged");
	is_int(sums.nameless, 3, "have no name");
	is_int(names_in("quarantine"), 2, "the damaged go into quarantine");
	lost = nodedb_bucket(db, slice_text("lost-found"));
	ok(lost && strcmp(lost->tenant->name, "lost-found") == 0,
	    "there is lost-found");
	for (size_t i = 0; i < BLOB_ID; i++)
		snprintf(hex + 2 * i, 3, "%02x", a.sha[i]);
	ok(lost && nodedb_get(db, lost, slice_text(hex), &o) == NODEDB_OK &&
		reads_as(&o, slice_of(bytes, 60 * KB)),
	    "and it has the content under its id");
	is_sound("without names");
	stock_close();
	free(bytes);
}

/* Parts of an upload that goes on are parts again. */
static void
known_upload(void)
{
	struct upload u = { .token = { 5, 5 },
		.bucket = bucket,
		.key = slice_text("going on"),
		.created = 1 };
	uint8_t *bytes = bytes_of(4000, 70 * KB);
	struct blob_note note;
	struct part part;
	struct put *p;

	fill();
	u.bucket = bucket;
	nodedb_upload_new(db, &u);
	take_snapshot();
	note = names_of("going on");
	note.has_upload = note.has_part = true;
	note.upload = slice_of(u.token, 16);
	note.part = 7;
	p = put_all(slice_of(bytes, 70 * KB), MB);
	seal_put(p, note);
	put_free(p);
	move_db(old);
	is_int(rebuild(snapshot, NULL), 0, "a part of an upload that is known");
	ok(nodedb_upload(db, bucket, (uint8_t[16]){ 5, 5 }, &u) == NODEDB_OK &&
		nodedb_part(db, &u, 7, &part) == NODEDB_OK &&
		part.size == 70 * KB,
	    "is a part of it again");
	is_sound("with an upload");
	stock_close();
	free(bytes);
}

static void
refusals(void)
{
	const struct fsck_conf conf = { .told = gather };

	fill();
	ok(rebuild_run(db_path, NULL, NULL, blobs, &conf, &sums) < 0 &&
		errno == EEXIST,
	    "an index that is there is not touched");
	move_db(old);
	if (truncate(old, 0) < 0)
		exit(111);
	turn_over(old, 0);
	is_int(rebuild(old, old), 0, "neither can be read");
	ok(get_and_compare("large", 1000, 600 * KB), "trailers do");
	stock_close();
}

int
main(void)
{
	files_open();
	snprintf(old, sizeof old, "%s/old.db", dir);
	snprintf(snapshot, sizeof snapshot, "%s/snapshot.db", dir);
	from_trailers_only();
	from_whole();
	from_snapshot();
	from_damaged();
	lost_rows();
	no_names();
	known_upload();
	refusals();
	place_close();
	return tap_done();
}
