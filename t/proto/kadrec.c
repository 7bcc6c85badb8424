/* SPDX-License-Identifier: ISC
 *
 * Keys, /pk/ and the network's own names; kadrec_ipns.c has IPNS. */
#include "crypt/envelope.h"
#include "proto/kadrec.h"
#include "t/proto/kadrecvec.h"
#include "t/tap.h"
#include "wire/mbase.h"

#include <sodium.h>

enum { MOST = 1 << 17 };

static const char *const names[] = { "node", "kn", NULL };
static const msec NOW = 1000000500; /* half a second past */
static struct key alice, bob;

static void
is_fault(enum kadrec_fault got, enum kadrec_fault want, const char *name)
{
	is_int(got, want, name);
}

static struct buf
join(const char *prefix, struct slice rest)
{
	struct buf key = { .max = MOST };

	put_text(&key, prefix);
	put_slice(&key, rest);
	return key;
}

static enum kadrec_fault
check_under(const char *prefix, struct slice rest, struct slice value)
{
	struct buf key = join(prefix, rest);
	enum kadrec_fault fault = kadrec_check(names, buf_slice(&key), value,
	    NOW);

	buf_free(&key);
	return fault;
}

static struct buf
own_value(const struct key *k, const struct signed_value *content)
{
	struct buf payload = { .max = MOST }, out = { .max = MOST };

	pb_encode(&signed_value_desc, content, &payload);
	envelope_seal(&envelope_value, k, buf_slice(&payload), &out);
	buf_free(&payload);
	return out;
}

static struct signed_value
content_of(uint64_t seq, uint64_t expires, struct slice value)
{
	return (struct signed_value){ true, seq, true, expires, true, value,
		true, slice_text("kn") };
}

static void
keys(void)
{
	static uint8_t longest[KAD_KEY + 1];
	struct signed_value content = content_of(1, 1u << 31, slice_text("x"));
	struct buf value = own_value(&alice, &content);
	struct peerid id = key_peerid(&alice);
	struct slice v = buf_slice(&value), rest = peerid_bytes(&id), none;
	struct buf key = join("/kn/", rest);

	none = (struct slice){ 0 };
	is_fault(kadrec_check(names, none, v, NOW), KADREC_KEY, "no key");
	is_fault(check_under("/", none, v), KADREC_KEY, "a slash");
	is_fault(check_under("//", rest, v), KADREC_KEY, "no name");
	is_fault(check_under("/kn", none, v), KADREC_KEY, "a name alone");
	is_fault(check_under("kn/", rest, v), KADREC_KEY, "no slash in front");
	is_fault(check_under("", rest, v), KADREC_KEY, "a peer id alone");
	is_fault(check_under("/kn/", none, v), KADREC_KEY, "no rest");
	is_fault(check_under("/kn//", rest, v), KADREC_KEY, "a slash too many");
	is_fault(check_under("/ipns/", none, v), KADREC_KEY, "ipns alone");
	is_fault(check_under("/ipns/", slice_text("x"), v), KADREC_KEY,
	    "ipns of no peer id");
	is_fault(check_under("/pk/", none, v), KADREC_KEY, "pk alone");

	is_fault(check_under("/kn/", rest, v), KADREC_GOOD, "a listed name");
	is_fault(check_under("/node/", rest, v), KADREC_MISMATCH,
	    "another wants its own");
	is_fault(check_under("/k/", rest, v), KADREC_NAMESPACE, "half a name");
	is_fault(check_under("/knn/", rest, v), KADREC_NAMESPACE, "a longer");
	is_fault(check_under("/KN/", rest, v), KADREC_NAMESPACE, "capitals");
	is_fault(kadrec_check(NULL, buf_slice(&key), v, NOW),
	    KADREC_NAMESPACE, "no names at all");
	is_fault(kadrec_check(names + 2, buf_slice(&key), v, NOW),
	    KADREC_NAMESPACE, "an empty list");

	memcpy(longest, "/no/", 4);
	is_fault(kadrec_check(names, slice_of(longest, KAD_KEY), v, NOW),
	    KADREC_NAMESPACE, "the longest key");
	is_fault(kadrec_check(names, slice_of(longest, KAD_KEY + 1), v, NOW),
	    KADREC_KEY, "one byte more");
	is_int(kadrec_better(none, v, none), 0, "no key, none is better");
	buf_free(&value);
	buf_free(&key);
}

/* Multihashes of a value. */
static struct buf
identity_of(struct slice value)
{
	struct buf hash = { .max = MOST };

	put_u8(&hash, 0);
	put_varint(&hash, value.n);
	put_slice(&hash, value);
	return hash;
}

static struct buf
sha256_of(struct slice value)
{
	struct buf hash = { .max = MOST };
	uint8_t digest[32];

	crypto_hash_sha256(digest, value.p, value.n);
	put_u8(&hash, 0x12);
	put_u8(&hash, 32);
	put_bytes(&hash, digest, 32);
	return hash;
}

/* This value under its own two hashes. */
static void
hashed(struct slice value, enum kadrec_fault as_identity,
    enum kadrec_fault as_sha256, const char *name)
{
	struct buf identity = identity_of(value), hash = sha256_of(value);

	is_fault(check_under("/pk/", buf_slice(&identity), value), as_identity,
	    name);
	is_fault(check_under("/pk/", buf_slice(&hash), value), as_sha256,
	    "and under its sha2-256");
	buf_free(&identity);
	buf_free(&hash);
}

#define B(literal) slice_of(literal, sizeof(literal) - 1)
#define K32 "0123456789abcdef0123456789abcdef"

static void
public_keys(void)
{
	struct ipns_entry entry;
	struct buf record = { .max = MOST };

	mbase_decode(MBASE_16, slice_text(vecs[VEC_RSA_V1].record), &record);
	pb_decode(&ipns_entry_desc, buf_slice(&record), &entry, NULL);
	hashed(entry.public_key, KADREC_KEY, KADREC_GOOD, "an RSA key");
	hashed(B("\x08\1\x12\x20" K32), KADREC_GOOD, KADREC_GOOD, "Ed25519");
	hashed(B("\x08\2\x12\x21\2" K32), KADREC_GOOD, KADREC_GOOD,
	    "secp256k1");
	hashed(B("\x08\3\x12\x20" K32), KADREC_GOOD, KADREC_GOOD, "ECDSA");
	hashed(B("\x08\4\x12\x20" K32), KADREC_MALFORMED, KADREC_MALFORMED,
	    "an unknown type");
	hashed(B("\x12\x20" K32), KADREC_MALFORMED, KADREC_MALFORMED,
	    "no type");
	hashed(B("\x08\1"), KADREC_MALFORMED, KADREC_MALFORMED, "no data");
	hashed(B("\x08\1\x12\0"), KADREC_MALFORMED, KADREC_MALFORMED,
	    "empty data");
	hashed(B("\x12\x20" K32 "\x08\1"), KADREC_MALFORMED, KADREC_MALFORMED,
	    "in another order");
	hashed(B("\x08\1\x12\x20" K32 "\x18\1"), KADREC_MALFORMED,
	    KADREC_MALFORMED, "with more in it");
	hashed(B("\x08\1\x12\x21" K32), KADREC_MALFORMED, KADREC_MALFORMED,
	    "cut off");
	hashed(B("k"), KADREC_MALFORMED, KADREC_MALFORMED, "something else");
	buf_free(&record);
}

static void
pk(void)
{
	static uint8_t big[KAD_VALUE + 1];
	uint8_t pub[KEY_PUBLIC_PB], other[KEY_PUBLIC_PB];
	struct peerid id = key_peerid(&alice);
	struct slice value = slice_of(pub, sizeof pub), none = { 0 };
	struct buf hash, key;

	key_public(&alice, pub);
	key_public(&bob, other);
	is_fault(check_under("/pk/", peerid_bytes(&id), value), KADREC_GOOD,
	    "under the peer id");
	is_fault(check_under("/pk/", peerid_bytes(&id),
	    slice_of(other, sizeof other)), KADREC_MISMATCH,
	    "somebody else's key");
	hash = sha256_of(value);
	is_fault(check_under("/pk/", buf_slice(&hash),
	    slice_of(other, sizeof other)), KADREC_MISMATCH,
	    "under a hash as well");
	is_fault(check_under("/pk/", buf_slice(&hash), none), KADREC_MALFORMED,
	    "an empty value");
	is_fault(check_under("/pk/", buf_slice(&hash),
	    slice_of(big, KAD_VALUE)), KADREC_MALFORMED, "10 KiB");
	is_fault(check_under("/pk/", buf_slice(&hash),
	    slice_of(big, KAD_VALUE + 1)), KADREC_SIZE, "one byte more");
	key = join("/pk/", buf_slice(&hash));
	is_int(kadrec_better(buf_slice(&key), value, value), 0,
	    "none is better");
	is_int(kadrec_better(buf_slice(&key), value,
	    slice_of(other, sizeof other)), 0, "whatever they are");
	buf_free(&key);
	hash.p[0] = 0x16;
	is_fault(check_under("/pk/", buf_slice(&hash), value), KADREC_KEY,
	    "under a sha3-256");
	hash.p[0] = 0x12;
	hash.p[1] = 31;
	is_fault(check_under("/pk/", slice_of(hash.p, 33), value), KADREC_KEY,
	    "under a shorter hash");
	is_fault(check_under("/pk/", slice_of(hash.p, 34), value), KADREC_KEY,
	    "under what is no hash");
	buf_free(&hash);
}

static enum kadrec_fault
own_check(const struct key *signer, const struct peerid *id,
    const struct signed_value *content, const struct envelope_kind *kind)
{
	struct buf payload = { .max = MOST }, value = { .max = MOST };
	enum kadrec_fault fault;

	pb_encode(&signed_value_desc, content, &payload);
	envelope_seal(kind, signer, buf_slice(&payload), &value);
	fault = check_under("/kn/", peerid_bytes(id), buf_slice(&value));
	buf_free(&payload);
	buf_free(&value);
	return fault;
}

static void
own(void)
{
	struct peerid a = key_peerid(&alice), b = key_peerid(&bob);
	struct signed_value content = content_of(7, NOW / 1000 + 1, B("x"));
	const struct envelope_kind *kind = &envelope_value;
	struct buf value;
	unsigned good = 0;

	is_fault(own_check(&alice, &a, &content, kind), KADREC_GOOD, "signed");
	is_fault(own_check(&bob, &a, &content, kind), KADREC_MISMATCH,
	    "by somebody else");
	is_fault(own_check(&alice, &b, &content, kind), KADREC_MISMATCH,
	    "under another key");
	is_fault(own_check(&alice, &a, &content, &envelope_record),
	    KADREC_MALFORMED, "an envelope of another kind");
	content.name = B("k");
	is_fault(own_check(&alice, &a, &content, kind), KADREC_MISMATCH,
	    "for another namespace");
	content.name = B("kn");
	content.expires--;
	is_fault(own_check(&alice, &a, &content, kind), KADREC_EXPIRED,
	    "the second is over that had begun");
	content.expires = 0;
	is_fault(own_check(&alice, &a, &content, kind), KADREC_EXPIRED,
	    "without a time");
	content.has_expires = false;
	is_fault(own_check(&alice, &a, &content, kind), KADREC_EXPIRED,
	    "not even said");
	content = content_of(UINT64_MAX, UINT64_MAX, B(""));
	is_fault(own_check(&alice, &a, &content, kind), KADREC_GOOD,
	    "for ever");

	value = own_value(&alice, &content);
	for (size_t i = 0; i < value.n * 8; i++) {
		value.p[i / 8] ^= (uint8_t)(1 << i % 8);
		good += check_under("/kn/", peerid_bytes(&a),
		    buf_slice(&value)) == KADREC_GOOD;
		value.p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	is_int(good, 0, "no bit can be changed");
	value.p[value.n - 1] ^= 1;
	is_fault(check_under("/kn/", peerid_bytes(&a), buf_slice(&value)),
	    KADREC_SIGNATURE, "the signature's last");
	is_fault(check_under("/kn/", peerid_bytes(&a),
	    slice_of(value.p, value.n - 1)), KADREC_MALFORMED, "cut off");
	is_fault(check_under("/kn/", peerid_bytes(&a), B("")),
	    KADREC_MALFORMED, "empty");
	buf_free(&value);

	envelope_seal(&envelope_value, &alice, B("\x08"), &value);
	is_fault(check_under("/kn/", peerid_bytes(&a), buf_slice(&value)),
	    KADREC_MALFORMED, "a payload that is no signed value");
	buf_free(&value);
}

/* Signed and read, but without one of the envelope's fields. */
static void
own_without(void)
{
	struct peerid a = key_peerid(&alice);
	struct signed_value content = content_of(7, 1u << 31, B("x"));
	struct buf value = own_value(&alice, &content), less;
	struct envelope_msg whole, msg;

	pb_decode(&envelope_msg_desc, buf_slice(&value), &whole, NULL);
	for (int i = 0; i < 5; i++) {
		msg = whole;
		less = (struct buf){ .max = MOST };
		msg.has_public_key = i != 1;
		msg.has_payload_type = i != 2;
		msg.has_payload = i != 3;
		msg.has_signature = i != 4;
		pb_encode(&envelope_msg_desc, &msg, &less);
		/* without a payload it is an empty one, of no namespace */
		is_fault(check_under("/kn/", peerid_bytes(&a),
		    buf_slice(&less)), i == 0 ? KADREC_GOOD : i == 3 ?
		    KADREC_MISMATCH : KADREC_MALFORMED, "a field is missing");
		buf_free(&less);
	}
	buf_free(&value);
}

static void
own_size(void)
{
	static const uint8_t zeros[KAD_VALUE];
	struct peerid a = key_peerid(&alice);
	struct signed_value content = content_of(7, 1u << 31,
	    slice_of(zeros, KAD_VALUE / 2));
	struct buf value = own_value(&alice, &content);

	content.value.n += KAD_VALUE - value.n;
	buf_free(&value);
	value = own_value(&alice, &content);
	is_int(value.n, KAD_VALUE, "a value of 10 KiB");
	is_fault(check_under("/kn/", peerid_bytes(&a), buf_slice(&value)),
	    KADREC_GOOD, "is good");
	buf_free(&value);
	content.value.n++;
	is_fault(own_check(&alice, &a, &content, &envelope_value), KADREC_SIZE,
	    "one byte more is not");
}

static void
own_better(void)
{
	/* each is better than all after it; 200 has the greater bytes as a
	 * varint, and the last three differ in nothing but theirs */
	const struct signed_value ranks[] = {
		content_of(UINT64_MAX, 1, B("a")), content_of(2, 300, B("a")),
		content_of(2, 200, B("b")), content_of(1, 40, B("c")),
		content_of(1, 40, B("b")), content_of(1, 40, B("a")),
	};
	enum { N = sizeof ranks / sizeof *ranks };
	struct peerid id = key_peerid(&alice);
	struct buf key = join("/kn/", peerid_bytes(&id)), values[N];

	for (size_t i = 0; i < N; i++)
		values[i] = own_value(&alice, &ranks[i]);
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < N; k++) {
			int r = kadrec_better(buf_slice(&key),
			    buf_slice(&values[i]), buf_slice(&values[k]));

			ok(i < k ? r < 0 : i > k ? r > 0 : r == 0,
			    "%zu and %zu", i, k);
		}
	for (size_t i = 0; i < N; i++)
		buf_free(&values[i]);
	buf_free(&key);
}

/* The peer id of the peer-ids specification's Ed25519 key. */
#define ID_HEX "0024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf601" \
	"0f0e42d474fce27e"
#define ID_TEXT "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
#define ID_CID "k51qzi5uqu5dgy8qsq67hbz73jqkw87l3fgf4a91qb0d9b5173tir7n4vxk1oe"
#define HASH_HEX "12209dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd" \
	"21bf6f0b9"
#define HASH_TEXT "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"

static const struct {
	const char *text, *key; /* the key in hexadecimal */
	const char *again;      /* its text, when that is another */
} texts[] = {
	{ "/pk/" HASH_TEXT, "2f706b2f" HASH_HEX, NULL },
	{ "/pk/" ID_TEXT, "2f706b2f" ID_HEX, NULL },
	{ "/ipns/" ID_TEXT, "2f69706e732f" ID_HEX, NULL },
	{ "/ipns/" HASH_TEXT, "2f69706e732f" HASH_HEX, NULL },
	{ "/ipns/" ID_CID, "2f69706e732f" ID_HEX, "/ipns/" ID_TEXT },
	{ "/kn/" ID_TEXT, "2f6b6e2f" ID_HEX, NULL },
	{ "/kn/" ID_CID, "2f6b6e2f" ID_HEX, "/kn/" ID_TEXT },
	{ "hex:00", "00", NULL },
	{ "hex:" HASH_HEX, HASH_HEX, NULL },
	{ "hex:2f6b6e2f", "2f6b6e2f", NULL },
	{ "hex:2f706b2f1620", "2f706b2f1620", NULL },
	{ "hex:2f2f" ID_HEX, "2f2f" ID_HEX, NULL },
	{ "hex:2f6b206e2f" ID_HEX, "2f6b206e2f" ID_HEX, NULL },
	{ "hex:2f6b0a2f" ID_HEX, "2f6b0a2f" ID_HEX, NULL },
	{ "hex:2f6bc3a42f" ID_HEX, "2f6bc3a42f" ID_HEX, NULL },
	{ "hex:2f6b6e2f" ID_HEX, "2f6b6e2f" ID_HEX, "/kn/" ID_TEXT },
};

static const char *const bad_texts[] = {
	"", "/", "//", "/kn", "/kn/", "kn/" ID_TEXT, ID_TEXT, HASH_TEXT,
	"/kn/" ID_TEXT "/x", "/kn/x/" ID_TEXT, "//" ID_TEXT, "/k n/" ID_TEXT,
	"/kn\n/" ID_TEXT, "/kn/" ID_TEXT " ", " /kn/" ID_TEXT, "/pk/",
	"/pk/" ID_CID, "/pk/" HASH_TEXT "1", "/pk/0", "/ipns/", "/ipns/x",
	"/ipns/example.com", "/ipns/bafkqaaa", "hex:", "hex:0", "hex:0g",
	"hex:AA", "hex", "HEX:00", "hex: 00",
};

static void
check_text(size_t i)
{
	struct buf want = { .max = MOST }, key = { .max = MOST };
	char text[KADREC_TEXT];

	mbase_decode(MBASE_16, slice_text(texts[i].key), &want);
	is_int(kadrec_key_of_text(slice_text(texts[i].text), &key), 0,
	    texts[i].text);
	is_bytes(key.p, key.n, want.p, want.n, "its key");
	is_text(kadrec_key_text(buf_slice(&want), text),
	    texts[i].again ? texts[i].again : texts[i].text, "its text");
	is_int(kadrec_key_of_text(slice_text(texts[i].text), &key), 0,
	    "once more");
	is_int(key.n, 2 * want.n, "is put behind it");
	key.max = key.n + want.n - 1;
	is_int(kadrec_key_of_text(slice_text(texts[i].text), &key), -1,
	    "it does not fit");
	buf_free(&want);
	buf_free(&key);
}

static void
text(void)
{
	static uint8_t bytes[KAD_KEY + 1];
	char said[KADREC_TEXT], long_text[2 * KAD_KEY + 8];
	struct buf key = { .max = MOST };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		check_text(i);
	for (size_t i = 0; i < sizeof bad_texts / sizeof *bad_texts; i++)
		ok(kadrec_key_of_text(slice_text(bad_texts[i]), &key) == -1,
		    "bad text %zu", i);
	is_int(key.n, 0, "nothing is put for a bad text");
	ok(!key.bad, "which is not the buffer's fault");

	is_int(strlen(kadrec_key_text(slice_of(bytes, KAD_KEY), said)),
	    4 + 2 * KAD_KEY, "the longest key");
	is_int(kadrec_key_of_text(slice_text(said), &key), 0, "is read");
	is_int(key.n, KAD_KEY, "again");
	is_text(kadrec_key_text(slice_of(bytes, KAD_KEY + 1), said), "",
	    "a longer one has no text");
	is_text(kadrec_key_text((struct slice){ 0 }, said), "", "nor has none");
	snprintf(long_text, sizeof long_text, "hex:%0*d", 2 * (KAD_KEY + 1), 0);
	is_int(kadrec_key_of_text(slice_text(long_text), &key), -1,
	    "nor is a text too long read");
	buf_free(&key);
}

/* A name that fills the key up. */
static void
long_name(void)
{
	struct peerid id = key_peerid(&alice);
	struct buf key = { .max = MOST }, back = { .max = MOST };
	char said[KADREC_TEXT];

	put_u8(&key, '/');
	while (key.n < KAD_KEY - 1u - id.n)
		put_u8(&key, 'n');
	put_u8(&key, '/');
	put_slice(&key, peerid_bytes(&id));
	is_int(key.n, KAD_KEY, "a long name");
	kadrec_key_text(buf_slice(&key), said);
	is_int(kadrec_key_of_text(slice_text(said), &back), 0, "is read back");
	ok(said[0] == '/' && slice_eq(buf_slice(&key), buf_slice(&back)),
	    "as it was");
	memmove(said + 1, said, strlen(said) + 1);
	said[1] = 'n';
	is_int(kadrec_key_of_text(slice_text(said), &back), -1, "one more");
	buf_free(&key);
	buf_free(&back);
}

int
main(void)
{
	static const uint8_t one[32] = { 1 }, two[32] = { 2 };

	key_of_seed(&alice, one);
	key_of_seed(&bob, two);
	keys();
	public_keys();
	pk();
	own();
	own_without();
	own_size();
	own_better();
	text();
	long_name();
	return tap_done();
}
