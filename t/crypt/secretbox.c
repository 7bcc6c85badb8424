/* SPDX-License-Identifier: ISC */
#include "crypt/secretbox.h"
#include "t/tap.h"

#include "base/fd.h"
#include "crypt/armor.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t key[SECRETBOX_KEY] = { 1, 2, 3 };
static const char secret[] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

static void
round_trip(void)
{
	struct slice name = slice_text("AKIAIOSFODNN7EXAMPLE");
	struct buf sealed = { .max = 200 }, again = { .max = 200 };
	struct buf opened = { .max = 200 };

	secretbox_seal(key, name, slice_text(secret), &sealed);
	is_int(sealed.n, strlen(secret) + SECRETBOX_MORE, "as long as said");
	ok(memmem(sealed.p, sealed.n, secret, 8) == NULL, "nothing shows");
	put_text(&opened, "x");
	is_int(secretbox_open(key, name, buf_slice(&sealed), &opened), 0,
	    "opened");
	ok(opened.n == strlen(secret) + 1 && opened.p[0] == 'x' &&
		memcmp(opened.p + 1, secret, strlen(secret)) == 0,
	    "the same, appended");
	secretbox_seal(key, name, slice_text(secret), &again);
	ok(!slice_eq(buf_slice(&sealed), buf_slice(&again)),
	    "sealed anew each time");
	buf_free(&sealed);
	buf_free(&again);
	buf_wipe(&opened);
}

static void
nothing(void)
{
	struct slice none = { 0 };
	struct buf sealed = { .max = 200 }, opened = { .max = 200 };

	secretbox_seal(key, none, none, &sealed);
	is_int(sealed.n, SECRETBOX_MORE, "an empty secret without a name");
	is_int(secretbox_open(key, none, buf_slice(&sealed), &opened), 0,
	    "opened");
	is_int(opened.n, 0, "is empty");
	buf_free(&sealed);
	buf_free(&opened);
}

static void
refused(void)
{
	struct slice name = slice_text("name");
	uint8_t other[SECRETBOX_KEY] = { 1, 2, 4 };
	struct buf sealed = { .max = 200 }, opened = { .max = 200 };
	unsigned good = 0;

	secretbox_seal(key, name, slice_text(secret), &sealed);
	is_int(secretbox_open(other, name, buf_slice(&sealed), &opened), -1,
	    "another key");
	is_int(
	    secretbox_open(key, slice_text("nam"), buf_slice(&sealed), &opened),
	    -1, "another name");
	for (size_t i = 0; i < sealed.n; i++) {
		sealed.p[i] ^= 1;
		good +=
		    secretbox_open(key, name, buf_slice(&sealed), &opened) == 0;
		sealed.p[i] ^= 1;
		good += secretbox_open(
			    key, name, slice_of(sealed.p, i), &opened) == 0;
	}
	is_int(good, 0, "no byte can be changed or cut off");
	is_int(opened.n, 0, "and nothing came out");
	buf_free(&opened);
	opened.max = 10;
	is_int(secretbox_open(key, name, buf_slice(&sealed), &opened), -1,
	    "no room");
	ok(opened.bad && opened.n == 0, "the buf is bad");
	buf_free(&opened);
	opened.max = 200;
	buf_free(&sealed);
	sealed.max = 10;
	secretbox_seal(key, name, slice_text(secret), &sealed);
	ok(sealed.bad && sealed.n == 0, "no room to seal");
	buf_free(&sealed);
}

static void
key_file(const char *dir)
{
	char path[128], nowhere[160];
	uint8_t first[SECRETBOX_KEY] = { 0 }, second[SECRETBOX_KEY] = { 0 };
	struct buf text = { .max = 4096 };
	const char *why = NULL;
	struct stat st;

	snprintf(path, sizeof path, "%s/store.key", dir);
	snprintf(nowhere, sizeof nowhere, "%s/no/store.key", dir);
	is_int(secretbox_key(path, first, &why), 0, "made");
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "private");
	is_int(secretbox_key(path, second, &why), 0, "read");
	is_bytes(second, sizeof second, first, sizeof first, "the same key");
	memset(second, 0, sizeof second);
	ok(memcmp(first, second, sizeof first) != 0, "not zeros");
	fd_read_file(path, &text);
	ok(text.n > 0 && text.p[0] == '#', "a comment first");
	chmod(path, 0640);
	is_int(secretbox_key(path, second, &why), -1, "open to the group");
	is_text(why, "is open to others, or theirs", "for this");
	is_int(secretbox_key(nowhere, second, &why), -1, "no directory");
	is_text(why, "cannot be made", "for this");
	is_int(secretbox_key(dir, second, &why), -1, "a directory");
	buf_free(&text);
	unlink(path);
}

static void
bad_files(const char *dir)
{
	static const uint8_t bytes[33];
	static const struct {
		size_t n;
		bool cut;
		const char *name;
	} rows[] = {
		{ 0, false, "an empty file" },
		{ 31, false, "a short key" },
		{ 33, false, "a long one" },
		{ 32, true, "one that is cut" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char path[128];
		uint8_t got[SECRETBOX_KEY] = { 0 };
		struct buf text = { .max = 8192 };
		const char *why = NULL;

		snprintf(path, sizeof path, "%s/bad.key", dir);
		if (rows[i].n > 0)
			armor_put("x", slice_of(bytes, rows[i].n), &text);
		if (rows[i].cut)
			buf_cut(&text, text.n - 3);
		fd_replace_file(path, buf_slice(&text), 0600);
		is_int(secretbox_key(path, got, &why), -1, rows[i].name);
		is_text(why, "holds no key of 32 bytes", "for this");
		unlink(path);
		buf_free(&text);
	}
}

int
main(void)
{
	char dir[] = "/tmp/secretbox.XXXXXX";

	if (mkdtemp(dir) == NULL)
		return 1;
	round_trip();
	nothing();
	refused();
	key_file(dir);
	bad_files(dir);
	rmdir(dir);
	return tap_done();
}
