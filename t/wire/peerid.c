/* SPDX-License-Identifier: ISC */
#include "t/tap.h"
#include "wire/mbase.h"
#include "wire/peerid.h"

/* The keys of the peer-ids specification's test vectors, its examples, and
 * the other forms of each id, worked out apart from this code. */
#define ED_KEY "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f" \
	"0e42d474fce27e"
#define SECP_KEY "08021221037777e994e452c21604f91de093ce415f5432f701dd8cd1" \
	"a7a6fea0e630bfca99"
#define ED_TEXT "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
#define SECP_TEXT "16Uiu2HAmLhLvBoYaoZfaMUKuibM6ac163GwKY74c5kiSLg5KvLpY"
#define HASH_TEXT "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"

static const struct {
	const char *key; /* NULL: not known */
	const char *multihash;
	const char *text;
	const char *others[5];
} ids[] = {
	{ ED_KEY, "0024" ED_KEY, ED_TEXT,
	    { "bafzaajaiaejcahwr5d5ofrfbis4l5d6uwr57hu5tjodrypfm6yaq6dsc2r2"
	    "pzyt6", "k51qzi5uqu5dgy8qsq67hbz73jqkw87l3fgf4a91qb0d9b5173tir7n4v"
	    "xk1oe", "z5AanNVJCxnGuh8TJu4nye3dE3NbxAd8FB9cr46uVagyFPuibMxok2R",
	    "f01720024" ED_KEY } },
	{ SECP_KEY, "0025" SECP_KEY, SECP_TEXT,
	    { "bafzaajiiaijcca3xo7uzjzcsyilaj6i54cj44qk7kqzpoao5rti2pjx6udtdbp"
	    "6kte", "kzwfwjn5ji4put13uvtwtc7azzwk42cq2o8ctfnxa6q8n90e72o3pjqbr"
	    "p3lpcp", "zKPJ7QRXxW7mVC8S7Hqn6dy4Hwhu8ik2crFP9Lxo2guGvzV9Ld5L5mx"
	    "c" } },
	{ NULL, "12209dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccb"
	    "d21bf6f0b9", HASH_TEXT,
	    { "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe" } },
};

/* A text of hexadecimal digits as bytes, in one of a few buffers in turn. */
static struct slice
hex(const char *digits)
{
	static uint8_t mem[4][256];
	static size_t turn;
	struct buf out = { .max = 256 };
	uint8_t *to = mem[turn++ % 4];
	size_t n;

	if (mbase_decode(MBASE_16, slice_text(digits), &out) < 0)
		return (struct slice){ .bad = true };
	n = out.n;
	if (n > 0)
		memcpy(to, out.p, n);
	buf_free(&out);
	return slice_of(to, n);
}

static void
check_id(size_t i)
{
	struct slice multihash = hex(ids[i].multihash), key;
	struct peerid id, other;
	char text[PEERID_TEXT];

	is_int(peerid_of_bytes(multihash, &id), 0, ids[i].text);
	is_bytes(peerid_bytes(&id).p, peerid_bytes(&id).n, multihash.p,
	    multihash.n, "the multihash is kept");
	is_text(peerid_text(&id, text), ids[i].text, "base58");
	is_int(peerid_of_text(slice_text(ids[i].text), &other), 0,
	    "base58 is read");
	ok(peerid_eq(&id, &other), "and is the same");
	for (size_t k = 0; ids[i].others[k]; k++) {
		is_int(peerid_of_text(slice_text(ids[i].others[k]), &other),
		    0, ids[i].others[k]);
		ok(peerid_eq(&id, &other), "is the same");
	}
	key = hex(ids[i].key ? ids[i].key : "");
	is_bytes(peerid_key(&id).p, peerid_key(&id).n, key.p, key.n,
	    "the key inside");
	if (ids[i].key) {
		other = peerid_of_key(key);
		ok(peerid_eq(&id, &other), "made of its key");
	}
}

/* 42 bytes are inlined, 43 hashed. */
static void
check_lengths(void)
{
	char text[PEERID_TEXT];
	struct peerid id;
	uint8_t key[64];

	memset(key, 'k', sizeof key);
	id = peerid_of_key(slice_of(key, 42));
	is_text(peerid_text(&id, text), "148Ep3whr8ccYy78RsEny1qr2RJ3KCqe2qquRR"
	    "6FAdtW6121rkaD54yWTfGE", "42 bytes");
	is_int(id.n, PEERID_MAX, "the longest");
	is_int(peerid_of_text(slice_text(text), &id), 0, "is read back");
	id = peerid_of_key(slice_of(key, 43));
	is_text(peerid_text(&id, text),
	    "QmZ8KsinwZcMa1v17a6zCMckvmxyQj1zLDtzaFNFcwA9Ud", "43 bytes");
	is_int(peerid_key(&id).n, 0, "no key inside");
	id = peerid_of_key(slice_of(key, 0));
	is_int(id.n, 0, "no key, no id");
	is_text(peerid_text(&id, text), "", "none has no text");
	is_int(peerid_key(&id).n, 0, "nor a key");
}

static const struct {
	const char *multihash;
	const char *why;
} bad_bytes[] = {
	{ "", "nothing" },
	{ "00", "no length" },
	{ "0000", "an empty identity" },
	{ "000201", "less than the length says" },
	{ "0001aabb", "more than the length says" },
	{ "800001aa", "a code longer than it need be" },
	{ "008100aa", "a length longer than it need be" },
	{ "002b080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42"
	    "d474fce27e1ed1e8fae2c4a1", "an identity of 43 bytes" },
	{ "12209dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0",
	    "a hash of 31 bytes that says 32" },
	{ "121f9dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0",
	    "a hash of 31 bytes" },
	{ "12219dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0"
	    "b9b9", "a hash of 33 bytes" },
	{ "11149dff3b17d74cf4d38a50d8b6383e92d181a10395", "sha1" },
	{ "13409dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0"
	    "b99dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0"
	    "b9", "sha2-512" },
};

static const struct {
	const char *text;
	const char *why;
} bad_text[] = {
	{ "", "nothing" },
	{ "1", "one zero byte" },
	{ "Qm", "a prefix" },
	{ "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3p", "cut off" },
	{ ED_TEXT "1", "longer" },
	{ ED_TEXT " ", "a blank behind" },
	{ "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3p0", "a zero" },
	{ "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5", "a short hash" },
	{ "z" ED_TEXT, "a multihash that is no CID" },
	{ "f0024" ED_KEY, "a multihash in base16" },
	{ "f01550024" ED_KEY, "a CID of raw bytes" },
	{ "f01700024" ED_KEY, "a CID of dag-pb" },
	{ "f00720024" ED_KEY, "a CID of version 0" },
	{ "f0172", "a CID without a hash" },
	{ "f01", "half a CID" },
	{ "F01720024" ED_KEY, "a base we do not know" },
	{ "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqx",
	    "a CID cut off" },
};

static void
check_bad(void)
{
	struct peerid id;
	char longest[4096];

	for (size_t i = 0; i < sizeof bad_bytes / sizeof *bad_bytes; i++) {
		is_int(peerid_of_bytes(hex(bad_bytes[i].multihash), &id), -1,
		    bad_bytes[i].why);
		is_int(id.n, 0, "and there is none");
	}
	for (size_t i = 0; i < sizeof bad_text / sizeof *bad_text; i++)
		is_int(peerid_of_text(slice_text(bad_text[i].text), &id), -1,
		    bad_text[i].why);
	memset(longest, '1', sizeof longest);
	is_int(peerid_of_text(slice_of(longest, sizeof longest), &id), -1,
	    "a text far too long");
	is_int(peerid_of_bytes((struct slice){ .bad = true }, &id), -1,
	    "a bad slice");
	is_int(peerid_of_text((struct slice){ .bad = true }, &id), -1,
	    "a bad slice as text");
}

int
main(void)
{
	struct peerid a, b;

	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		check_id(i);
	peerid_of_text(slice_text(ED_TEXT), &a);
	peerid_of_text(slice_text(HASH_TEXT), &b);
	ok(!peerid_eq(&a, &b), "two ids differ");
	check_lengths();
	check_bad();
	return tap_done();
}
