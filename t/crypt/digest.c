/* SPDX-License-Identifier: ISC
 *
 * Known answers of FIPS 180-4, RFC 1321 and RFC 4231. */
#include "crypt/digest.h"
#include "t/tap.h"

#include "wire/mbase.h"

enum { MILLION = 1000000 };

static uint8_t many[MILLION];

static void
is_hex(const uint8_t *got, size_t n, const char *want, const char *name)
{
	struct buf text = { .max = 200 };

	mbase_encode(MBASE_16, slice_of(got, n), &text);
	put_u8(&text, 0);
	is_text((const char *)text.p, want, name);
	buf_free(&text);
}

static const struct vector {
	enum digest_kind kind;
	const char *text; /* NULL: a million times "a" */
	const char *sum, *name;
} vectors[] = {
	{ DIGEST_SHA256, "",
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "SHA-256 of nothing" },
	{ DIGEST_SHA256, "abc",
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "SHA-256 of abc" },
	{ DIGEST_SHA256,
	    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
	    "SHA-256 of two blocks" },
	{ DIGEST_SHA256, NULL,
	    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
	    "SHA-256 of a million" },
	{ DIGEST_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
	    "SHA-1 of nothing" },
	{ DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d",
	    "SHA-1 of abc" },
	{ DIGEST_SHA1, NULL, "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
	    "SHA-1 of a million" },
	{ DIGEST_MD5, "", "d41d8cd98f00b204e9800998ecf8427e",
	    "MD5 of nothing" },
	{ DIGEST_MD5, "message digest", "f96b697d7cb7938d525a2f31aaf161d0",
	    "MD5 of message digest" },
	{ DIGEST_MD5, NULL, "7707d6ae4e027c70eea2a935c2296f21",
	    "MD5 of a million" },
};

static struct slice
text_of(const struct vector *v)
{
	return v->text ? slice_text(v->text) : slice_of(many, MILLION);
}

static void
known(void)
{
	struct digest d = { 0 };
	uint8_t sum[DIGEST_MOST];

	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		const struct vector *v = &vectors[i];
		struct slice text = text_of(v);
		size_t n = digest_size(v->kind);

		digest_of(v->kind, text, sum);
		is_hex(sum, n, v->sum, v->name);
		/* in pieces of growing length, and again with what is left */
		for (int round = 0; round < 2; round++) {
			digest_begin(&d, v->kind);
			text = text_of(v);
			for (size_t k = 0; text.n > 0; k++)
				digest_add(&d,
				    get_bytes(&text, k < text.n ? k : text.n));
			digest_end(&d, sum);
			is_hex(sum, n, v->sum, "in pieces");
		}
	}
	digest_free(&d);
	digest_free(&d);
	ok(d.state == NULL, "freed twice");
}

/* Several of the same bytes, in pieces that begin anywhere; and when they do
 * not stand at the same place. */
static void
all_at_once(void)
{
	struct digest a = { 0 }, b = { 0 }, c = { 0 };
	struct digest *all[] = { &a, &b, &c };
	uint8_t sum[DIGEST_MOST];

	for (unsigned apart = 0; apart < 2; apart++) {
		struct slice left = slice_of(many, MILLION);

		digest_begin(&a, DIGEST_SHA256);
		digest_begin(&b, DIGEST_MD5);
		digest_begin(&c, DIGEST_SHA1);
		if (apart) {
			digest_add_all(all, 2, get_bytes(&left, 70));
			digest_add(&c, slice_of(many, 5));
			digest_add(&c, slice_of(many, 65));
			digest_add_all(all + 2, 1, (struct slice){ 0 });
		}
		for (size_t k = 0; left.n > 0; k++)
			digest_add_all(
			    all, 3, get_bytes(&left, k < left.n ? k : left.n));
		digest_end(&a, sum);
		is_hex(sum, SHA256_BYTES, vectors[3].sum, "SHA-256 beside");
		digest_end(&b, sum);
		is_hex(sum, MD5_BYTES, vectors[9].sum, "MD5, and");
		digest_end(&c, sum);
		is_hex(sum, SHA1_BYTES, vectors[6].sum, "SHA-1");
	}
	digest_begin(&a, DIGEST_MD5);
	digest_begin(&b, DIGEST_MD5);
	digest_add(&a, slice_text("message "));
	digest_add_all(all, 2, slice_text("digest"));
	digest_end(&a, sum);
	is_hex(sum, MD5_BYTES, vectors[8].sum, "one that is ahead");
	digest_add_all(all, 0, slice_text("x"));
	digest_free(&a);
	digest_free(&b);
	digest_free(&c);
}

static void
anew(void)
{
	struct digest d = { 0 };
	uint8_t sum[DIGEST_MOST];

	digest_begin(&d, DIGEST_SHA1);
	digest_add(&d, slice_text("half of something"));
	digest_begin(&d, DIGEST_SHA1);
	digest_add(&d, slice_text("abc"));
	digest_end(&d, sum);
	is_hex(sum, SHA1_BYTES, vectors[5].sum, "begun anew");
	digest_add(&d, slice_text("abc"));
	digest_begin(&d, DIGEST_MD5);
	digest_add(&d, slice_text("message digest"));
	digest_add(&d, (struct slice){ 0 });
	digest_end(&d, sum);
	is_hex(sum, MD5_BYTES, vectors[8].sum, "as another kind");
	digest_begin(&d, DIGEST_MD5);
	digest_end(&d, sum);
	is_hex(sum, MD5_BYTES, vectors[7].sum, "with nothing added");
	digest_free(&d);
}

static void
hmacs(void)
{
	static const struct {
		const char *key, *text, *sum;
	} rows[] = {
		{ "Jefe", "what do ya want for nothing?",
		    "5bdcc146bf60754e6a042426089575c7"
		    "5a003f089d2739839dec58b964ec3843" },
		{ "", "",
		    "b613679a0814d9ec772f95d778c35fc5"
		    "ff1697c493715653c6c712144292c5ad" },
	};
	uint8_t key[131], out[SHA256_BYTES];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		hmac_sha256(
		    slice_text(rows[i].key), slice_text(rows[i].text), out);
		is_hex(out, sizeof out, rows[i].sum, "HMAC");
	}
	memset(key, 0xaa, sizeof key);
	hmac_sha256(slice_of(key, sizeof key),
	    slice_text(
		"Test Using Larger Than Block-Size Key - Hash Key First"),
	    out);
	is_hex(out, sizeof out,
	    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
	    "HMAC with a long key");
	hmac_sha256((struct slice){ 0 }, (struct slice){ 0 }, out);
	is_hex(out, sizeof out, rows[1].sum, "null pointers are empty");
	/* a signing key is derived in place */
	memcpy(out, "Jefe", 4);
	hmac_sha256(slice_of(out, 4), slice_text(rows[0].text), out);
	is_hex(out, sizeof out, rows[0].sum, "the key may be the place");
}

int
main(void)
{
	memset(many, 'a', sizeof many);
	known();
	all_at_once();
	anew();
	hmacs();
	return tap_done();
}
