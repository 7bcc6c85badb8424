/* SPDX-License-Identifier: ISC */
#include "store/sweep.h"
#include "store/nodedb_own.h"
#include "t/store/stock.h"

#include <time.h>

static msec now = 1000;
static struct sweep *sweep;

static void
begin(uint64_t rate, msec every, int64_t orphan_age)
{
	const struct sweep_conf conf = { rate, every, orphan_age };

	sweep = sweep_new(blobs, db, &conf, hear, &heard);
	heard = (struct heard){ 0 };
}

/* Slices, 20 ms apart; a commit behind each. */
static void
tick(unsigned times, bool commit)
{
	while (times-- > 0) {
		sweep_tick(sweep, now, wall);
		if (commit && nodedb_commit(db) != NODEDB_OK)
			exit(111);
		now += 20;
		wall += 20;
	}
}

static void
unreferenced(void)
{
	struct object a = add_object("a", 1, 50 * KB);
	struct object b = add_object("b", 2, 50 * KB);
	struct object same = add_object("same as b", 2, 50 * KB);

	begin(0, 0, 0);
	tick(3, true);
	is_int(sweep_counts(sweep)->removed, 0, "what is referred to stays");
	cut_object("a");
	cut_object("b");
	sweep_tick(sweep, now, wall);
	sweep_tick(sweep, now, wall);
	ok(is_file(a.sha), "nothing is removed before a commit");
	ok(!sweep_knows(db, a.sha), "though the index has let it go");
	ok(sweep_due(sweep) <= now + 20, "but it is due soon");
	nodedb_commit(db);
	tick(1, true);
	ok(!is_file(a.sha), "behind the commit it is gone");
	ok(is_file(same.sha) && memcmp(same.sha, b.sha, 32) == 0,
	    "one with another name stays");
	is_int(sweep_counts(sweep)->removed, 1, "one was removed");
	ok(sweep_counts(sweep)->removed_bytes > 50 * KB, "with its bytes");
	tick(1, true);
	ok(sweep_due(sweep) > now + 500, "and nothing more is due");
	cut_object("same as b");
	nodedb_commit(db);
	tick(3, true);
	ok(!is_file(b.sha), "the last name, and it is gone");
	sweep_free(sweep);
	sweep_free(NULL);
}

/* A commit that never comes because the batch went on: another commit shows
 * that ours has ended. */
static void
always_dirty(void)
{
	struct object a = add_object("busy", 5, 50 * KB);
	struct content c;

	begin(0, 0, 0);
	cut_object("busy");
	nodedb_commit(db);
	sweep_tick(sweep, now, wall);
	nodedb_commit(db);
	nodedb_inline(db, slice_text("another one's"), &c);
	ok(nodedb_dirty(db), "the next batch has begun");
	sweep_tick(sweep, now, wall);
	ok(!is_file(a.sha), "the one before is durable all the same");
	nodedb_commit(db);
	sweep_free(sweep);
}

/* The content comes again while its file is about to go. */
static void
put_again(void)
{
	uint8_t *bytes = bytes_of(10, 60 * KB);
	struct slice s = slice_of(bytes, 60 * KB);
	struct object a = add_object("again", 10, 60 * KB), o;
	struct blob_note note = names_of("again");
	struct put *p;
	int error;

	begin(0, 0, 0);
	cut_object("again");
	nodedb_commit(db);
	sweep_tick(sweep, now, wall);
	p = put_all(s, MB);
	is_int(put_seal(p, &note), 0, "it is not in the index: it is sealed");
	nodedb_commit(db);
	tick(3, true);
	ok(is_file(a.sha) || blobs_sealing(blobs), "the sweep leaves it");
	while (put_sealed(blobs, &error) == NULL)
		wait_readable(blobs_fd(blobs));
	tick(3, true);
	ok(is_file(a.sha), "also when it is sealed");
	is_int(name_put(p, "again", &o), NODEDB_OK, "it is named");
	put_sealed(blobs, &error);
	sweep_tick(sweep, now, wall);
	ok(is_file(a.sha), "also in the batch that names it");
	put_free(p);
	nodedb_commit(db);
	tick(3, true);
	ok(is_file(a.sha) && get_and_compare("again", 10, 60 * KB),
	    "and behind it");
	is_int(sweep_counts(sweep)->removed, 0, "nothing was removed");

	/* referred to by nobody, but put in this batch */
	cut_object("again");
	p = put_all(s, MB);
	is_int(put_seal(p, &note), 1, "the index still has it");
	is_int(put_content(p, &o.content), NODEDB_OK, "it is put again");
	put_free(p);
	sweep_tick(sweep, now, wall);
	ok(sweep_knows(db, a.sha), "the sweep does not take it");
	o.key = slice_text("again");
	is_int(nodedb_put(db, bucket, &o, 0, NULL), NODEDB_OK, "it is named");
	nodedb_commit(db);
	tick(3, true);
	ok(is_file(a.sha), "and is there");
	cut_object("again");
	nodedb_commit(db);
	tick(3, true);
	ok(!is_file(a.sha), "until its name goes");
	sweep_free(sweep);
	free(bytes);
}

/* Random puts and deletes of a few contents, with the sweep in between at any
 * point: what has a name has its file. */
static void
races(void)
{
	enum { KINDS = 4, ROUNDS = 1000 };
	struct put *sealing[KINDS] = { NULL };
	bool named[KINDS] = { false };
	uint8_t *bytes[KINDS];
	char key[KINDS][8];
	uint32_t x = 12345;
	unsigned bad = 0, puts = 0;

	begin(0, 0, 0);
	for (uint32_t i = 0; i < KINDS; i++) {
		bytes[i] = bytes_of(100 + i, 20 * KB);
		snprintf(key[i], sizeof key[i], "r%u", i);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct put *p;
		struct object o;
		int error;
		uint32_t i;

		x = x * 1664525 + 1013904223;
		i = x >> 24 & (KINDS - 1);
		switch (x >> 20 & 7) {
		case 0:
		case 1:
			if (sealing[i])
				break;
			p = put_all(slice_of(bytes[i], 20 * KB), MB);
			put_set_owner(p, key[i]);
			if (put_seal(p, &(struct blob_note){ 0 }) == 1) {
				bad += name_put(p, key[i], &o) != NODEDB_OK;
				named[i] = true;
				put_free(p);
			} else {
				sealing[i] = p;
			}
			break;
		case 2:
			if (named[i])
				cut_object(key[i]);
			named[i] = false;
			break;
		case 3:
			nodedb_commit(db);
			break;
		case 4:
			if (sealing[i] && (x >> 16 & 3) == 0) {
				put_free(sealing[i]);
				sealing[i] = NULL;
			}
			break;
		default:
			tick(1, false);
		}
		if ((x >> 12 & 7) == 0 && blobs_sealing(blobs) > 0)
			wait_readable(blobs_fd(blobs));
		while ((p = put_sealed(blobs, &error)) != NULL) {
			for (i = 0; sealing[i] != p; i++)
				;
			bad += error != 0;
			bad += name_put(p, key[i], &o) != NODEDB_OK;
			named[i] = true;
			sealing[i] = NULL;
			put_free(p);
			puts++;
		}
		for (i = 0; i < KINDS; i++)
			if (named[i])
				bad +=
				    nodedb_get(db, bucket, slice_text(key[i]),
					&o) != NODEDB_OK ||
				    !is_file(o.sha);
	}
	ok(puts > 20, "%u contents were sealed, %llu removed", puts,
	    (unsigned long long)sweep_counts(sweep)->removed);
	is_int(bad, 0, "what has a name has its file, at any time");
	for (uint32_t i = 0; i < KINDS; i++) {
		put_free(sealing[i]);
		if (named[i])
			cut_object(key[i]);
		free(bytes[i]);
	}
	while (blobs_sealing(blobs) > 0)
		if (put_sealed(blobs, &(int){ 0 }) == NULL)
			wait_readable(blobs_fd(blobs));
	nodedb_commit(db);
	tick(6, true);
	for (unsigned i = 0; i < 256; i++) {
		char shard[3];

		snprintf(shard, sizeof shard, "%02x", i);
		bad += names_in(shard);
	}
	is_int(bad, 0, "and in the end no file is left over");
	sweep_free(sweep);
}

static void
read_meanwhile(void)
{
	struct object a = add_object("read", 20, 60 * KB);
	struct reading *r = read_open(blobs, db, &a.content, a.size, 0, a.size);

	begin(0, 0, 0);
	cut_object("read");
	nodedb_commit(db);
	tick(5, true);
	ok(is_file(a.sha), "what is being read stays");
	read_free(r);
	tick(2, true);
	ok(!is_file(a.sha), "until it has been");
	sweep_free(sweep);
}

static void
strays(void)
{
	uint8_t *bytes = bytes_of(25, 60 * KB), sha[BLOB_ID];
	struct put *p = put_all(slice_of(bytes, 60 * KB), MB);

	begin(0, 0, 0);
	memcpy(sha, put_end(p)->sha, BLOB_ID);
	seal_put(p, names_of("stray"));
	put_free(p);
	ok(is_file(sha), "sealed and not named");
	tick(3, true);
	ok(!is_file(sha), "it is removed");
	for (unsigned i = 0; i < BLOB_STRAYS + 1; i++)
		blob_stray(blobs, sha);
	tick(1, true);
	ok(sweep_due(sweep) <= now, "too many of them: all files are walked");
	sweep_free(sweep);
	free(bytes);
}

/* Files that the index does not know. */
static void
orphans(void)
{
	uint8_t *bytes = bytes_of(30, 60 * KB);
	struct object kept = add_object("kept", 31, 60 * KB);
	struct sums s;

	wall = (int64_t)time(NULL) * 1000;
	add_object("now", 32, 10);
	make_blob(blobs, slice_of(bytes, 60 * KB), &s);
	begin(0, 0, 100);
	tick(300, true);
	ok(is_file(s.sha), "none is looked for after a clean end");
	sweep_orphans(sweep);
	tick(260, true);
	ok(is_file(s.sha), "a young one stays");
	now += 100 * 1000;
	tick(260, true);
	ok(is_file(s.sha), "looked at again it is still young here");
	sweep_free(sweep);

	begin(0, 0, 0);
	sweep_orphans(sweep);
	tick(260, true);
	ok(!is_file(s.sha), "an old one goes");
	is_int(sweep_counts(sweep)->orphans, 1, "one");
	is_int(heard.n, 1, "and it is told");
	ok(is_file(kept.sha), "those with a name stay");
	sweep_free(sweep);
	free(bytes);
}

static int
refuse(void *arg)
{
	(void)arg;
	return 1;
}

/* A shard that is gone hides what the others have from nobody. */
static void
unlisted(void)
{
	char name[128];
	unsigned i = 0;

	do
		snprintf(name, sizeof name, "%s/%02x", blobs_dir, i++);
	while (rmdir(name) < 0 && i < BLOB_SHARDS);
	begin(0, 0, 0);
	sweep_orphans(sweep);
	tick(260, true);
	ok(heard.n == 1 && strstr(heard.last, "cannot be listed"), "%s",
	    heard.last);
	sweep_free(sweep);
	mkdir(name, 0700);
}

/* Who cannot read the index knows nothing of what nobody names. */
static void
unreadable(void)
{
	struct object o = add_object("read later", 37, 60 * KB);

	begin(0, 0, 0);
	sweep_orphans(sweep);
	sqlite3_progress_handler(db->sql.db, 1, refuse, NULL);
	for (unsigned i = 0; i < 260; i++)
		sweep_tick(sweep, now += 20, wall);
	ok(sweep_knows(db, o.sha), "the index may know it");
	sqlite3_progress_handler(db->sql.db, 0, NULL, NULL);
	ok(is_file(o.sha), "what it may know is not removed");
	is_int(sweep_counts(sweep)->orphans, 0, "nor is anything else");
	sweep_free(sweep);
	cut_object("read later");
}

/* An index that was put back does not know what came after it. */
static void
older_index(void)
{
	uint8_t *bytes = bytes_of(35, 60 * KB);
	struct sums s;

	stock_close();
	place_clean();
	wall = (int64_t)time(NULL) * 1000;
	stock_open();
	add_object("an hour ago", 36, 10);
	wall += 3600 * 1000;
	make_blob(blobs, slice_of(bytes, 60 * KB), &s);
	begin(0, 0, 0);
	sweep_orphans(sweep);
	/* this clock is ahead of the one of the files, and stands still */
	for (unsigned i = 0; i < 260; i++)
		sweep_tick(sweep, now += 20, wall);
	ok(is_file(s.sha), "a file that is newer than the index stays");
	ok(heard.n == 1 && strstr(heard.last, "rebuild") != NULL,
	    "and rebuild is advised");
	sweep_free(sweep);
	free(bytes);
}

static void
unclean(void)
{
	char other[100];
	struct nodedb *mine = db;
	uint8_t *bytes = bytes_of(37, 60 * KB);
	struct sums s;

	wall = (int64_t)time(NULL) * 1000;
	add_object("last", 38, 10);
	make_blob(blobs, slice_of(bytes, 60 * KB), &s);
	snprintf(other, sizeof other, "%s/copy.db", dir);
	stock_copy_db(other);
	db = open_db(other);
	ok(db && nodedb_unclean(db), "after an unclean end");
	bucket = nodedb_bucket(db, slice_text("b"));
	begin(0, 0, 0);
	tick(260, true);
	ok(!is_file(s.sha), "files that nobody names are looked for");
	sweep_free(sweep);
	nodedb_close(db);
	db = mine;
	bucket = nodedb_bucket(db, slice_text("b"));
	free(bytes);
}

static void
scrub(void)
{
	enum { MANY = 6 };
	struct object o[MANY];
	char key[16];
	unsigned steps = 0;

	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(key, sizeof key, "scrub%u", i);
		o[i] = add_object(key, 200 + i, 900 * KB);
	}
	wall = (int64_t)time(NULL) * 1000 + 1000;
	begin(0, 1000, 0);
	now += 1000;
	tick(50, true);
	is_int(sweep_counts(sweep)->scrubbed, 0, "no rate, no scrub");
	sweep_free(sweep);

	begin(MB, 3600 * 1000, 0);
	now += 60000;
	tick(50, true);
	is_int(sweep_counts(sweep)->scrubbed, 0, "nothing is due so soon");
	wall += 3601 * 1000;
	tick(50, true); /* a second, and what one second had saved */
	ok(sweep_counts(sweep)->scrubbed >= 1 &&
		sweep_counts(sweep)->scrubbed <= 2,
	    "a megabyte a second");
	while (sweep_counts(sweep)->scrubbed < MANY && steps++ < 1000)
		tick(1, true);
	ok(steps > 100, "the rest takes its time");
	is_int(sweep_counts(sweep)->scrubbed, MANY, "all are verified");
	is_int(sweep_counts(sweep)->damaged, 0, "all are right");
	tick(100, true);
	is_int(sweep_counts(sweep)->scrubbed, MANY, "and not again");
	sweep_free(sweep);

	scribble(file_of(o[2].sha), 500 * KB);
	unlink(file_of(o[4].sha));
	begin(0, 0, 0);
	sweep_scrub(sweep);
	tick(200, true);
	is_int(sweep_counts(sweep)->scrubbed, MANY - 2, "when asked, at once");
	is_int(sweep_counts(sweep)->damaged, 2, "damage is found");
	is_int(heard.n, 2, "and told");
	is_int(names_in("quarantine"), 1, "one is in quarantine");
	ok(!is_file(o[2].sha), "and is served no more");
	sweep_scrub(sweep);
	tick(200, true);
	is_int(sweep_counts(sweep)->damaged, 2, "it is told once");

	o[2] = add_object("again", 202, 900 * KB);
	ok(is_file(o[2].sha), "the same content put again makes it whole");
	ok(get_and_compare("scrub2", 202, 900 * KB), "for its old name, too");
	sweep_scrub(sweep);
	tick(200, true);
	is_int(sweep_counts(sweep)->damaged, 2, "and it is right");
	cut_object("scrub1");
	nodedb_commit(db);
	sweep_free(sweep);
}

int
main(void)
{
	files_open();
	stock_open();
	unreferenced();
	always_dirty();
	put_again();
	races();
	read_meanwhile();
	strays();
	orphans();
	unlisted();
	unreadable();
	older_index();
	unclean();
	scrub();
	stock_close();
	place_close();
	return tap_done();
}
