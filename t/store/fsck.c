/* SPDX-License-Identifier: ISC */
#include "store/fsck.h"
#include "t/store/stock.h"

#include <sqlite3.h>

static struct fsck_sums sums;
static uint64_t steps, last_done, last_all;
static char all_heard[8192];

static void
gather(void *arg, const char *sentence)
{
	size_t n = strlen(all_heard);

	(void)arg;
	snprintf(all_heard + n, sizeof all_heard - n, "%s\n", sentence);
}

static void
count_steps(void *arg, uint64_t done, uint64_t all)
{
	(void)arg;
	steps++;
	last_done = done;
	last_all = all;
}

static int
run(bool mend, bool read_all)
{
	const struct fsck_conf conf = { mend, read_all, gather, count_steps,
		NULL };

	all_heard[0] = '\0';
	return fsck_run(db, blobs, &conf, &sums);
}

static bool
was_told(const char *words)
{
	return strstr(all_heard, words) != NULL;
}

/* Past the library, with the index closed. */
static void
change_closed(const char *sql)
{
	stock_close();
	if (change(sql) != SQLITE_OK)
		exit(111);
	stock_open();
}

static void
fill(void)
{
	static const size_t sizes[] = { 300 * KB, 20 * KB, 5000, 0 };
	char key[16];

	for (uint32_t i = 0; i < 150; i++) {
		snprintf(key, sizeof key, "small%u", i);
		add_object(key, i, 50 + i);
	}
	add_object("large", 1000, 600 * KB);
	add_object("same", 1000, 600 * KB);
	add_object("other", 1001, 40 * KB);
	add_parts("parts", 2000, sizes);
}

static void
clean(void)
{
	is_int(run(false, true), 0, "a store that is whole");
	is_text(all_heard, "", "nothing is told");
	is_int(sums.faults, 0, "no faults");
	is_int(sums.objects, 154, "all objects are counted");
	is_int(sums.blobs, 4, "all blobs");
	is_int(sums.named_bytes, 960 * KB, "all bytes");
	is_int(sums.unnamed_files + sums.strange_files, 0, "no other files");
	ok(steps == 260 && last_done == 260 && last_all == 260,
	    "all steps are said");
}

static void
unfinished_upload(void)
{
	struct upload u = { .token = { 9 },
		.bucket = bucket,
		.key = slice_text("upload"),
		.created = wall };
	struct part part = { .number = 3, .size = 7, .at = wall };

	nodedb_upload_new(db, &u);
	nodedb_upload(db, bucket, u.token, &u);
	nodedb_inline(db, slice_text("seven !"), &part.content);
	nodedb_part_put(db, &u, &part, 0, wall);
	nodedb_commit(db);
	is_int(run(false, false), 0, "an upload that is under way");
	is_int(sums.parts, 1, "its parts are counted");
	nodedb_upload(db, bucket, u.token, &u);
	nodedb_upload_cut(db, &u);
	nodedb_commit(db);
}

static void
unnamed(void)
{
	uint8_t *bytes = bytes_of(3000, 60 * KB);
	struct sums a, b;

	make_blob(blobs, slice_of(bytes, 60 * KB), &a);
	make_blob(blobs, slice_of(bytes, 50 * KB), &b);
	if (truncate(file_of(b.sha), 50 * KB) < 0)
		exit(111);
	is_int(run(false, false), 0, "files that nobody names are no fault");
	is_int(sums.unnamed_files, 2, "but counted");
	ok(sums.unnamed_bytes > 110 * KB && was_told("nobody names it"),
	    "and told");
	ok(is_file(a.sha) && is_file(b.sha), "and left");
	is_int(run(true, false), 0, "mend");
	ok(!is_file(a.sha) && !is_file(b.sha), "takes them away");
	is_int(names_in("quarantine"), 1, "the torn one to quarantine");
	is_int(run(false, false), 0, "then");
	is_int(sums.unnamed_files, 0, "there are none");
	is_int(sums.quarantined, 1, "but what is in quarantine");
	free(bytes);
}

static void
strange(void)
{
	char path[160];
	int fd;

	snprintf(path, sizeof path, "%s/7f/a note", blobs_dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	is_int(run(true, false), 0, "a file that is not ours");
	ok(sums.strange_files == 1 && was_told("a note"), "is told");
	is_int(access(path, F_OK), 0, "and left");
	unlink(path);
}

static void
missing(void)
{
	struct object o = add_object("missing", 1002, 30 * KB);

	unlink(file_of(o.sha));
	is_int(run(false, false), 1, "a file that is not there");
	ok(sums.missing == 1 && sums.faults == 1 && was_told("not there"),
	    "is a fault");
	is_int(run(true, false), 1, "which mend cannot set right");
	ok(!nodedb_blob_known(db, o.sha, 30 * KB), "but the index is told");
	add_object("missing", 1002, 30 * KB);
	is_int(run(false, true), 0, "so putting it again does");
}

static void
damaged(void)
{
	struct object o = add_object("damaged", 1003, 30 * KB);

	scribble(file_of(o.sha), 20 * KB);
	is_int(run(false, false), 0, "a bit that flipped is not seen");
	is_int(run(false, true), 1, "unless all is read");
	ok(sums.damaged == 1 && was_told("damaged"), "and told");
	ok(is_file(o.sha), "the file is left");
	is_int(run(true, true), 1, "mend");
	ok(!is_file(o.sha), "puts it into quarantine");
	add_object("damaged", 1003, 30 * KB);
	is_int(run(false, true), 0, "putting it again makes it whole");

	nodedb_verified(db, o.sha, wall, true);
	nodedb_commit(db);
	is_int(run(false, false), 1, "a file that is only held for damaged");
	is_int(run(true, false), 0, "is set right");
	is_int(run(false, false), 0, "once and for all");
}

static void
trailers(void)
{
	struct object o = add_object("trailer", 1004, 300 * KB);

	if (truncate(file_of(o.sha), 300 * KB + 10) < 0)
		exit(111);
	is_int(run(false, false), 1, "a trailer that is torn");
	ok(sums.damaged == 0 && was_told("trailer"), "is a fault");
	is_int(run(true, false), 0, "it gets a new one");
	is_int(run(false, true), 0, "which is whole");
	ok(get_and_compare("trailer", 1004, 300 * KB), "as the content is");
}

static void
counts(void)
{
	change_closed("UPDATE blob SET refs = refs + 1");
	is_int(run(false, false), 1, "references that are wrong");
	ok(sums.faults >= 4 && sums.mended == 0, "are faults");
	is_int(run(true, false), 0, "which mend sets right");
	is_int(sums.mended, sums.faults, "all of them");
	change_closed("UPDATE tenant SET disk_used = disk_used + 5");
	is_int(run(false, false), 1, "bytes of a tenant that are wrong");
	is_int(run(true, false), 0, "are counted again");
	is_int(run(false, false), 0, "for good");
	change_closed("DELETE FROM inline WHERE no = (SELECT ref FROM object"
		      " WHERE kind = 1 LIMIT 1)");
	is_int(run(false, false), 1, "a small content that is lost");
	ok(was_told("object b/small") && was_told("is not there"),
	    "is told with the object's name");
	is_int(run(true, false), 1, "and stays a fault");
}

int
main(void)
{
	files_open();
	stock_open();
	fill();
	clean();
	unfinished_upload();
	unnamed();
	strange();
	missing();
	damaged();
	trailers();
	counts();
	stock_close();
	place_close();
	return tap_done();
}
