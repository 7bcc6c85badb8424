/* SPDX-License-Identifier: ISC */
#include "crypt/keyfile.h"
#include "base/fd.h"
#include "crypt/armor.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

/* What stands in the file, all of it fixed in length:
 *
 *	magic 8, passes 4, KiB 4, salt 16, nonce 24, public key 32,
 *	then sealed: seed 32, public key 32, and the tag 16
 *
 * Everything before the sealed part is its associated data. */
enum {
	MAGIC = 8,
	PUBLIC = 32,
	SALT = crypto_pwhash_SALTBYTES,
	NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	FRONT = MAGIC + 4 + 4 + SALT + NONCE + PUBLIC,
	SEALED = 64 + TAG,
	WHOLE = FRONT + SEALED,
	PASSES_MOST = 16,
	KIB_LEAST = 8, /* libsodium's own least */
	KIB_MOST = 1 << 20,
};

static const uint8_t magic[MAGIC] = "kn-key1\n";

const struct keyfile_cost keyfile_cost = { .passes = 3, .kib = 64 * 1024 };

struct parts {
	struct keyfile_cost cost;
	struct slice front, salt, nonce, public, sealed;
};

static struct parts
split(struct slice bytes)
{
	struct parts p = { .front = slice_of(bytes.p, FRONT) };

	get_bytes(&bytes, MAGIC);
	p.cost.passes = get_u32(&bytes);
	p.cost.kib = get_u32(&bytes);
	p.salt = get_bytes(&bytes, SALT);
	p.nonce = get_bytes(&bytes, NONCE);
	p.public = get_bytes(&bytes, PUBLIC);
	p.sealed = get_bytes(&bytes, SEALED);
	return p;
}

static void
spell_public(struct slice public, uint8_t pb[KEY_PUBLIC_PB])
{
	struct key k;

	memcpy(k.secret + 32, public.p, PUBLIC);
	key_public(&k, pb);
}

static void
put_file(const uint8_t whole[WHOLE], struct buf *text)
{
	uint8_t pb[KEY_PUBLIC_PB];
	char comment[PEERID_TEXT + 16] = "node.key ";
	struct peerid id;
	struct parts p = split(slice_of(whole, WHOLE));

	spell_public(p.public, pb);
	id = peerid_of_key(slice_of(pb, sizeof pb));
	peerid_text(&id, comment + strlen(comment));
	armor_put(comment, slice_of(whole, WHOLE), text);
}

static int
derive(const struct parts *p, struct slice master, uint8_t key[32])
{
	return crypto_pwhash(key, 32, (const char *)master.p, master.n,
	    p->salt.p, p->cost.passes, (size_t)p->cost.kib * 1024,
	    crypto_pwhash_ALG_ARGON2ID13);
}

static bool
cost_fits(const struct keyfile_cost *cost)
{
	return cost->passes >= 1 && cost->passes <= PASSES_MOST &&
	       cost->kib >= KIB_LEAST && cost->kib <= KIB_MOST;
}

static void
put_front(
    const struct key *k, const struct keyfile_cost *cost, struct buf *whole)
{
	uint8_t random[SALT + NONCE];

	randombytes_buf(random, sizeof random);
	put_bytes(whole, magic, MAGIC);
	put_u32(whole, cost->passes);
	put_u32(whole, cost->kib);
	put_bytes(whole, random, sizeof random);
	put_bytes(whole, k->secret + 32, PUBLIC);
}

void
keyfile_seal(const struct key *k, struct slice master,
    const struct keyfile_cost *cost, struct buf *text)
{
	uint8_t key[32], bytes[WHOLE] = { 0 };
	struct buf whole = {
		.p = bytes, .mem = bytes, .cap = WHOLE, .max = WHOLE
	};
	struct parts p;

	put_front(k, cost, &whole);
	p = split(slice_of(bytes, FRONT));
	if (master.n < MASTER_LEAST || !cost_fits(cost) ||
	    derive(&p, master, key) < 0) {
		text->bad = true;
		return;
	}
	crypto_aead_xchacha20poly1305_ietf_encrypt(bytes + FRONT, NULL,
	    k->secret, sizeof k->secret, bytes, FRONT, NULL, p.nonce.p, key);
	sodium_memzero(key, sizeof key);
	put_file(bytes, text);
}

/* The comment belongs to the text: one that names another peer would deceive
 * whoever reads it, so the file has to be what put_file makes of its bytes. */
static enum keyfile_fault
parse(struct slice text, uint8_t bytes[WHOLE])
{
	struct buf whole = {
		.p = bytes, .mem = bytes, .cap = WHOLE, .max = WHOLE
	};
	struct buf again;
	struct parts p;
	bool same;

	if (text.n > KEYFILE_MAX || armor_one(text, &whole) < 0 ||
	    whole.n != WHOLE || memcmp(bytes, magic, MAGIC) != 0)
		return KEYFILE_FORMAT;
	buf_init(&again, KEYFILE_MAX, NULL);
	put_file(bytes, &again);
	same = slice_eq(buf_slice(&again), text);
	buf_free(&again);
	if (!same)
		return KEYFILE_FORMAT;
	p = split(slice_of(bytes, WHOLE));
	return cost_fits(&p.cost) ? KEYFILE_OK : KEYFILE_COST;
}

static bool
halves_agree(const struct key *k, struct slice public)
{
	struct key again;
	bool same;

	key_of_seed(&again, k->secret);
	same = sodium_memcmp(&again, k, sizeof again) == 0 &&
	       sodium_memcmp(again.secret + 32, public.p, PUBLIC) == 0;
	key_wipe(&again);
	return same;
}

enum keyfile_fault
keyfile_open(struct slice text, struct slice master, struct key *k)
{
	uint8_t key[32], bytes[WHOLE] = { 0 };
	enum keyfile_fault fault = parse(text, bytes);
	struct parts p;
	int r;

	if (fault != KEYFILE_OK)
		return fault;
	p = split(slice_of(bytes, WHOLE));
	if (derive(&p, master, key) < 0)
		return KEYFILE_COST;
	r = crypto_aead_xchacha20poly1305_ietf_decrypt(k->secret, NULL, NULL,
	    p.sealed.p, p.sealed.n, p.front.p, p.front.n, p.nonce.p, key);
	sodium_memzero(key, sizeof key);
	if (r == 0 && halves_agree(k, p.public))
		return KEYFILE_OK;
	key_wipe(k);
	return r < 0 ? KEYFILE_MASTER : KEYFILE_HALVES;
}

enum keyfile_fault
keyfile_public(struct slice text, uint8_t pb[KEY_PUBLIC_PB])
{
	uint8_t bytes[WHOLE] = { 0 };
	enum keyfile_fault fault = parse(text, bytes);
	struct parts p;

	if (fault != KEYFILE_OK)
		return fault;
	p = split(slice_of(bytes, WHOLE));
	spell_public(p.public, pb);
	return KEYFILE_OK;
}

const char *
keyfile_says(enum keyfile_fault fault)
{
	static const char *const says[] = {
		[KEYFILE_OK] = "opened",
		[KEYFILE_FORMAT] = "not a key file, or damaged",
		[KEYFILE_COST] =
		    "its Argon2id cost is more than is granted here",
		[KEYFILE_MASTER] = "the master key does not open it",
		[KEYFILE_HALVES] = "its public halves disagree",
	};

	return says[fault];
}

int
keyfile_master(int fd, struct buf *master)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	if (S_ISREG(st.st_mode) && fd_private(fd) < 0)
		return -1;
	if (fd_read_all(fd, master) < 0)
		return -1;
	if (master->n > 0 && master->p[master->n - 1] == '\n')
		buf_cut(master, master->n - 1);
	if (master->n < MASTER_LEAST) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}
