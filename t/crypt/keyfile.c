/* SPDX-License-Identifier: ISC */
#include "t/tap.h"

#include "base/fd.h"
#include "crypt/armor.h"
#include "crypt/keyfile.h"
#include "wire/mbase.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PASSES_AT = 8, KIB_AT = 12, PUBLIC_AT = 56, WHOLE = 168 };

static const struct keyfile_cost cheap = { .passes = 1, .kib = 8 };
static const char master[] = "a master key for tests";
static const char other[] = "A master key for tests";

static struct buf
sealed(struct key *k)
{
	struct buf text;

	key_make(k);
	buf_init(&text, KEYFILE_MAX, NULL);
	keyfile_seal(k, slice_text(master), &cheap, &text);
	return text;
}

/* The text that a changed inside would have, comment and all. */
static struct buf
retell(struct slice text, size_t at, const void *bytes, size_t n)
{
	uint8_t pb[KEY_PUBLIC_PB] = { 0x08, KEY_ED25519, 0x12, 32 };
	char comment[PEERID_TEXT + 16] = "node.key ";
	struct buf inside, out;
	struct peerid id;

	buf_init(&inside, WHOLE, NULL);
	buf_init(&out, KEYFILE_MAX, NULL);
	armor_one(text, &inside);
	memcpy(inside.p + at, bytes, n);
	memcpy(pb + 4, inside.p + PUBLIC_AT, 32);
	id = peerid_of_key(slice_of(pb, sizeof pb));
	peerid_text(&id, comment + strlen(comment));
	armor_put(comment, buf_slice(&inside), &out);
	buf_free(&inside);
	return out;
}

static void
round_trip(void)
{
	uint8_t want[KEY_PUBLIC_PB], got[KEY_PUBLIC_PB];
	struct key k, back;
	struct buf text = sealed(&k), again;

	ok(!text.bad && text.n > 0, "sealed");
	is_int(keyfile_open(buf_slice(&text), slice_text(master), &back),
	    KEYFILE_OK, "opened");
	is_bytes(&back, sizeof back, &k, sizeof k, "the same key");
	key_public(&k, want);
	is_int(keyfile_public(buf_slice(&text), got), KEYFILE_OK, "public");
	is_bytes(got, sizeof got, want, sizeof want, "the same public key");
	ok(memmem(text.p, text.n, "# node.key 12D3KooW", 19) == text.p,
	    "the comment shows the peer id");
	ok(memmem(text.p, text.n, k.secret, 32) == NULL, "no seed in it");
	buf_init(&again, KEYFILE_MAX, NULL);
	keyfile_seal(&k, slice_text(master), &cheap, &again);
	ok(!slice_eq(buf_slice(&text), buf_slice(&again)),
	    "salt and nonce are new each time");
	buf_free(&text);
	buf_free(&again);
}

static void
masters(void)
{
	struct key k, back;
	struct buf text = sealed(&k), none;

	memset(&back, 0xaa, sizeof back);
	is_int(keyfile_open(buf_slice(&text), slice_text(other), &back),
	    KEYFILE_MASTER, "wrong master");
	is_int(keyfile_open(buf_slice(&text), slice_text(""), &back),
	    KEYFILE_MASTER, "empty master");
	ok(back.secret[0] == 0 && back.secret[63] == 0, "nothing came out");
	buf_init(&none, KEYFILE_MAX, NULL);
	keyfile_seal(&k, slice_text("fifteen bytes.."), &cheap, &none);
	ok(none.bad, "a short master seals nothing");
	buf_free(&none);
	buf_free(&text);
}

/* Every byte of the text, the comment's too. */
static void
tampered(void)
{
	uint8_t pb[KEY_PUBLIC_PB];
	struct key k, back;
	struct buf text = sealed(&k);
	unsigned opened = 0, cut = 0, shown = 0;

	for (size_t i = 0; i < text.n; i++) {
		text.p[i] ^= 1;
		opened += keyfile_open(buf_slice(&text), slice_text(master),
		    &back) == KEYFILE_OK;
		text.p[i] ^= 1;
	}
	is_int(opened, 0, "no byte of the text can be changed");
	for (size_t i = 0; i < text.n; i++) {
		cut += keyfile_open(slice_of(text.p, i), slice_text(master),
		    &back) != KEYFILE_FORMAT;
		shown += keyfile_public(slice_of(text.p, i), pb) !=
		    KEYFILE_FORMAT;
	}
	is_int(cut + shown, 0, "nor can it be cut");
	put_text(&text, "\n");
	is_int(keyfile_public(buf_slice(&text), pb), KEYFILE_FORMAT,
	    "nor prolonged");
	buf_free(&text);
}

/* Every byte inside, in a text that fits it: the seal has to notice. */
static void
tampered_inside(void)
{
	struct key k, back;
	struct buf text = sealed(&k), inside;
	unsigned opened = 0, wrong = 0;

	buf_init(&inside, WHOLE, NULL);
	armor_one(buf_slice(&text), &inside);
	is_int(inside.n, WHOLE, "length inside");
	for (size_t i = 0; i < WHOLE; i++) {
		uint8_t byte = inside.p[i] ^ 0x80;
		struct buf changed = retell(buf_slice(&text), i, &byte, 1);
		enum keyfile_fault fault = keyfile_open(buf_slice(&changed),
		    slice_text(master), &back);

		opened += fault == KEYFILE_OK;
		if (i >= 16)
			wrong += fault != KEYFILE_MASTER;
		buf_free(&changed);
	}
	is_int(opened, 0, "no byte inside can be changed");
	is_int(wrong, 0, "after the costs, the seal is what notices");
	buf_free(&inside);
	buf_free(&text);
}

static void
costs(void)
{
	static const struct {
		size_t at;
		uint8_t bytes[4];
		const char *name;
	} rows[] = {
		{ PASSES_AT, { 0, 0, 0, 0 }, "no passes" },
		{ PASSES_AT, { 0, 0, 0, 17 }, "17 passes" },
		{ PASSES_AT, { 255, 255, 255, 255 }, "very many passes" },
		{ KIB_AT, { 0, 0, 0, 7 }, "too little memory" },
		{ KIB_AT, { 0, 0x10, 0, 1 }, "over 1 GiB" },
		{ KIB_AT, { 255, 255, 255, 255 }, "4 TiB" },
	};
	static const struct keyfile_cost dear = { .passes = 17, .kib = 8 };
	uint8_t pb[KEY_PUBLIC_PB];
	struct key k, back;
	struct buf text = sealed(&k), none;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf changed = retell(buf_slice(&text), rows[i].at,
		    rows[i].bytes, 4);

		is_int(keyfile_open(buf_slice(&changed), slice_text(master),
		    &back), KEYFILE_COST, rows[i].name);
		is_int(keyfile_public(buf_slice(&changed), pb), KEYFILE_COST,
		    "public says so too");
		buf_free(&changed);
	}
	buf_init(&none, KEYFILE_MAX, NULL);
	keyfile_seal(&k, slice_text(master), &dear, &none);
	ok(none.bad, "nor is such a file written");
	is_int(keyfile_cost.passes, 3, "passes of new files");
	is_int(keyfile_cost.kib, 65536, "KiB of new files");
	buf_free(&none);
	buf_free(&text);
}

/* A key whose public half is not its seed's, sealed all the same. */
static void
halves(void)
{
	struct key k, other_key, back;
	struct buf text;

	key_make(&k);
	key_make(&other_key);
	memcpy(k.secret + 32, other_key.secret + 32, 32);
	buf_init(&text, KEYFILE_MAX, NULL);
	keyfile_seal(&k, slice_text(master), &cheap, &text);
	is_int(keyfile_open(buf_slice(&text), slice_text(master), &back),
	    KEYFILE_HALVES, "halves that disagree");
	buf_free(&text);
	for (int i = KEYFILE_OK; i <= KEYFILE_HALVES; i++)
		ok(strlen(keyfile_says((enum keyfile_fault)i)) > 5,
		    "fault %d has a sentence", i);
}

static void
master_files(void)
{
	static const struct {
		const char *text;
		mode_t mode;
		int want, error;
	} rows[] = {
		{ "sixteen bytes...\n", 0600, 16, 0 },
		{ "sixteen bytes...\n\n", 0400, 17, 0 },
		{ "sixteen bytes...", 0600, 16, 0 },
		{ "fifteen bytes..\n", 0600, -1, EINVAL },
		{ "", 0600, -1, EINVAL },
		{ "sixteen bytes...\n", 0640, -1, EACCES },
		{ "sixteen bytes...\n", 0602, -1, EACCES },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char path[] = "/tmp/keyfile.XXXXXX";
		int fd = mkstemp(path), r;
		struct buf got;

		buf_init(&got, MASTER_MOST, NULL);
		if (fd_write_all(fd, slice_text(rows[i].text)) < 0 ||
		    fchmod(fd, rows[i].mode) < 0 || lseek(fd, 0, SEEK_SET) < 0)
			ok(false, "scratch file");
		errno = 0;
		r = keyfile_master(fd, &got);
		is_int(r < 0 ? r : (int)got.n, rows[i].want, "master file");
		is_int(r < 0 ? errno : 0, rows[i].error, "its error");
		buf_wipe(&got);
		close(fd);
		unlink(path);
	}
}

int
main(void)
{
	round_trip();
	masters();
	tampered();
	tampered_inside();
	costs();
	halves();
	master_files();
	return tap_done();
}
