/* SPDX-License-Identifier: ISC
 *
 * What stands among the blobs, met and listed. */
#include "t/store/files.h"

static int
stop_at_once(
    void *arg, const uint8_t *id, const char *name, uint64_t size, int64_t age)
{
	(void)id, (void)name, (void)size, (void)age;
	++*(unsigned *)arg;
	return 7;
}

static void
names(struct blobs *b, const struct sums *quarantined)
{
	struct blob_names l = { 0 };
	unsigned n = 0, wrong = 0;

	for (unsigned i = 0; i < BLOB_SHARDS; i++) {
		if (blob_names(b, i, &l) < 0)
			exit(111);
		for (size_t k = 0; k < l.n; k++)
			wrong += l.ids[k][0] != i ||
				 memcmp(l.ids[k], quarantined->sha, 32) == 0;
		n += (unsigned)l.n;
	}
	is_int(n, 29, "names of ours, without those in quarantine");
	is_int(wrong, 0, "each in its shard");
	blob_names_free(&l);
}

static void
walked(void)
{
	struct seen seen = { 0 };
	struct blobs *b;
	struct sums s;
	unsigned n = 0;

	b = open_blobs();
	for (uint32_t i = 0; i < 30; i++) {
		uint8_t *p = bytes_of(400 + i, 20 * KB);

		make_blob(b, slice_of(p, 20 * KB), &s);
		free(p);
	}
	for (unsigned i = 0; i < BLOB_SHARDS; i++)
		blobs_walk(b, i, see, &seen);
	is_int(seen.blobs, 30, "every file is met");
	is_int(seen.others + seen.wrong, 0, "and nothing else");
	ok(seen.bytes > 30 * 20 * KB, "with its size");

	touch("00/notes.txt");
	touch("01/00000000000000000000000000000000"
	      "00000000000000000000000000000000");
	touch("strange");
	seen = (struct seen){ 0 };
	blobs_walk(b, 0, see, &seen);
	ok(seen.others == 1 && strcmp(seen.last, "notes.txt") == 0,
	    "a file of another name");
	seen = (struct seen){ 0 };
	blobs_walk(b, 1, see, &seen);
	is_int(seen.others, 1, "an id in a directory that is not its own");
	blob_quarantine(b, s.sha);
	seen = (struct seen){ 0 };
	blobs_walk(b, BLOB_QUARANTINED, see, &seen);
	is_int(seen.others, 1, "what is in quarantine");
	seen = (struct seen){ 0 };
	blobs_walk(b, BLOB_TOP, see, &seen);
	ok(seen.others == 1 && strcmp(seen.last, "strange") == 0,
	    "beside the directories");
	is_int(blobs_walk(b, 0, stop_at_once, &n), 7, "a walk can be stopped");
	is_int(n, 1, "at the first");
	names(b, &s);
	blobs_close(b);
}

int
main(void)
{
	files_open();
	walked();
	place_close();
	return tap_done();
}
