/* SPDX-License-Identifier: ISC */
#include "t/tap.h"
#include "wire/cid.h"
#include "wire/mbase.h"

/* CIDs of "kontinuum", made with js multiformats 13. */
#define SHA256 "12208b5a50eb6291b00fcb22fc2311a12fab0032845df2845fb61755897028" \
	"cddbae"
#define SHA512 "134037f691e2dce5a94183821b10da471341070f1f27999f7233e386991" \
	"2ac5e51dec792bfcc8dd9ec36241112a719274cded8f8d70aaa74f31b091d3550792f" \
	"c73f"
#define V0 "QmXidFmsnQff7ZGhmrfbTuaEr3m4LuWAM9qt3t6hLJx8WR"
#define RAW32 "bafkreielljiowyurwah4wix4emi2cl5laaziixpsqrp3mf2vrfycrto3vy"

static const struct {
	const char *hash;
	uint32_t codec;
	const char *texts[6];
} v1[] = {
	{ SHA256, CID_RAW,
	    { "f01551220" "8b5a50eb6291b00fcb22fc2311a12fab0032845df2845fb6175589"
	    "7028cddbae", RAW32,
	    "k2cwuec4fudkwfq5w2rvp4ldzw934fq4b8e2p00blwjunugthm6hm1ta",
	    "zb2rhg2Fjq62Fvg4k8FkxRt9oxhcKUZ4PpuFvdxMYzH6avJi9",
	    "MAVUSIItaUOtikbAPyyL8IxGhL6sAMoRd8oRfthdViXAozduu",
	    "uAVUSIItaUOtikbAPyyL8IxGhL6sAMoRd8oRfthdViXAozduu" } },
	{ SHA256, CID_DAG_PB,
	    { "f01701220" "8b5a50eb6291b00fcb22fc2311a12fab0032845df2845fb6175589"
	    "7028cddbae",
	    "bafybeielljiowyurwah4wix4emi2cl5laaziixpsqrp3mf2vrfycrto3vy",
	    "k2jmtxuu59qr10argiao45benfi8auruaupiah3l57jr9rd8jzdfcv5a",
	    "zdj7WeosdCwdt9FzGadWbdDLHQoUFxW4SvJDUFQigVN9kX2gM",
	    "MAXASIItaUOtikbAPyyL8IxGhL6sAMoRd8oRfthdViXAozduu",
	    "uAXASIItaUOtikbAPyyL8IxGhL6sAMoRd8oRfthdViXAozduu" } },
	{ SHA512, 297, /* a codec of two bytes */
	    { "f01a902" SHA512,
	    "baguqee2ag73jdyw44wuuda4cdminurytiedq6hzhtgpxem7dq2mrflc6khpmpev7zs"
	    "g5t3bweqirfjyze5gn5why24fku5htdmer2nkqpex4opy",
	    "k3pcu9rbh4v25pm7cq6incdsh84jozx1hcn8r5i4kv2hhwzzjoo752x8u2gaj5agipwg"
	    "vzpg4vyje8oen8ob8xkil5xxsgzkjr8ujfstbgf",
	    "zxbz2x28GEimExuBbieBJH8TS7tbvk7v9Xa7sfVToqPcpgb36SsvagioMNPGGTyqL3Kr"
	    "cHrzb1zUmqBzasRQuPr2o78nzA",
	    "MAakCE0A39pHi3OWpQYOCGxDaRxNBBw8fJ5mfcjPjhpkSrF5R3seSv8yN2ew2JBESpxk"
	    "nTN7Y+NcKqnTzGwkdNVB5L8c/",
	    "uAakCE0A39pHi3OWpQYOCGxDaRxNBBw8fJ5mfcjPjhpkSrF5R3seSv8yN2ew2JBESpxk"
	    "nTN7Y-NcKqnTzGwkdNVB5L8c_" } },
	{ "00096b6f6e74696e75756d", CID_RAW, /* an identity */
	    { "f015500096b6f6e74696e75756d", "bafkqaclln5xhi2loov2w2",
	    "ka8cbp6wj7fgpfqywmst", "z7SEEAWMWKeZw4gDvt",
	    "MAVUACWtvbnRpbnV1bQ==", "uAVUACWtvbnRpbnV1bQ" } },
};

/* A text of hexadecimal digits as bytes, in one of a few buffers in turn. */
static struct slice
hex(const char *digits)
{
	static uint8_t mem[4][256];
	static size_t turn;
	uint8_t *to = mem[turn++ % 4];
	struct buf out = { .p = to, .mem = to, .cap = 256, .max = 256 };

	if (mbase_decode(MBASE_16, slice_text(digits), &out) < 0)
		return (struct slice){ .bad = true };
	return buf_slice(&out);
}

static void
is_cid(const struct cid *cid, int version, uint32_t codec, const char *hash,
    const char *name)
{
	struct slice want = hex(hash), got = cid_hash(cid);

	is_int(cid->version, version, name);
	is_int(cid->codec, codec, "codec");
	is_bytes(got.p, got.n, want.p, want.n, "hash");
	ok(got.p == cid->hash, "which is borrowed");
}

static void
known(void)
{
	struct cid cid;
	char text[CID_TEXT];

	is_int(cid_of_text(slice_text(V0), &cid), 0, V0);
	is_cid(&cid, 0, CID_DAG_PB, SHA256, "version 0");
	is_int(cid_of_text(slice_text("/ipfs/" V0), &cid), 0, "in a path");
	is_int(cid_of_bytes(hex(SHA256), &cid), 0, "as bytes");
	is_cid(&cid, 0, CID_DAG_PB, SHA256, "version 0");
	for (size_t i = 0; i < sizeof v1 / sizeof *v1; i++) {
		for (size_t k = 0; k < 6; k++) {
			is_int(cid_of_text(slice_text(v1[i].texts[k]), &cid),
			    0, v1[i].texts[k]);
			is_cid(&cid, 1, v1[i].codec, v1[i].hash, "version 1");
		}
		is_int(cid_of_bytes(hex(v1[i].texts[0] + 1), &cid), 0,
		    "as bytes");
		is_cid(&cid, 1, v1[i].codec, v1[i].hash, "version 1");
	}
	is_int(cid_of_text(slice_text("/ipfs/" RAW32), &cid), 0, "in a path");
	is_text(cid_hash_text(hex(SHA256), text), RAW32, "the text of a hash");
}

static const struct {
	const char *text;
	const char *why;
} bad_text[] = {
	{ "", "nothing" },
	{ "/ipfs/", "a path to nothing" },
	{ "/ipfs//ipfs/" V0, "two prefixes" },
	{ "/ipns/" V0, "another prefix" },
	{ V0 "/readme", "a path behind it" },
	{ V0 "1", "longer" },
	{ "QmXidFmsnQff7ZGhmrfbTuaEr3m4LuWAM9qt3t6hLJx8W", "shorter" },
	{ "QmXidFmsnQff7ZGhmrfbTuaEr3m4LuWAM9qt3t6hLJx8W0", "a zero" },
	{ "z" V0, "version 0 in a multibase" },
	{ "f" SHA256, "and in another" },
	{ "f0055" SHA256, "version 0 said" },
	{ "f0255" SHA256, "version 2" },
	{ "f0355" SHA256, "version 3" },
	{ "f8100" "55" SHA256, "a version longer than it need be" },
	{ "f01d500" SHA256, "a codec longer than it need be" },
	{ "f018080808010" SHA256, "a codec of 33 bits" },
	{ "f01", "a version alone" },
	{ "f0155", "no hash" },
	{ "f015512", "half a hash" },
	{ "f0155" SHA256 "00", "a byte too many" },
	{ "F01551220", "a base we do not know" },
	{ "f0155" "1220" "8b5a50eb", "a hash cut short" },
	{ " " RAW32, "a blank in front" },
	{ RAW32 "\n", "a line" },
};

static const struct {
	const char *bytes;
	bool good;
	const char *why;
} hashes[] = {
	{ "000100", true, "one byte" },
	{ SHA256, true, "sha2-256" },
	{ SHA512, true, "sha2-512" },
	{ "b220041234abcd", true, "a code of two bytes" },
	{ "ffffffffffffffff7f0100", true, "a code of nine bytes" },
	{ "", false, "nothing" },
	{ "12", false, "a code" },
	{ "0000", false, "no digest" },
	{ "1202aa", false, "less than it says" },
	{ "1201aabb", false, "more than it says" },
	{ "920001aa", false, "a code longer than it need be" },
	{ "12810001", false, "a length longer than it need be" },
	{ "80", false, "half a code" },
	{ "1280", false, "half a length" },
};

static void
bad(void)
{
	struct cid cid;
	char text[CID_TEXT], longest[4096];
	uint8_t least[] = { 1, CID_RAW, 0, 1 };

	for (size_t i = 0; i < sizeof bad_text / sizeof *bad_text; i++) {
		is_int(cid_of_text(slice_text(bad_text[i].text), &cid), -1,
		    bad_text[i].why);
		is_int(cid.n, 0, "and there is none");
	}
	for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
		ok(cid_hash_valid(hex(hashes[i].bytes)) == hashes[i].good,
		    "%s", hashes[i].why);
		if (!hashes[i].good)
			is_text(cid_hash_text(hex(hashes[i].bytes), text), "",
			    "which has no text");
	}
	memset(longest, '1', sizeof longest);
	longest[0] = 'z';
	is_int(cid_of_text(slice_of(longest, sizeof longest), &cid), -1,
	    "a text far too long");
	is_int(cid_of_text((struct slice){ .bad = true }, &cid), -1,
	    "a bad slice as text");
	is_int(cid_of_bytes((struct slice){ .bad = true }, &cid), -1,
	    "a bad slice");
	is_int(cid_of_bytes(slice_of(least, sizeof least), &cid), -1,
	    "a CID whose digest is missing");
	ok(!cid_hash_valid((struct slice){ .bad = true }), "nor a hash");
}

/* CID_HASH bytes of multihash are the most. */
static void
longest(void)
{
	uint8_t mem[3 + 5 + CID_HASH] = { 1, 0xff, 0xff, 0xff, 0xff, 0x0f };
	uint8_t *hash = mem + 6;
	char text[CID_TEXT], all[2 * sizeof mem + 2];
	struct buf out = { .p = (uint8_t *)all, .mem = (uint8_t *)all,
		.cap = sizeof all, .max = sizeof all };
	struct cid cid;

	hash[1] = CID_HASH - 2;
	memset(hash + 2, 0xff, CID_HASH - 1);
	ok(cid_hash_valid(slice_of(hash, CID_HASH)), "the longest");
	is_int(strlen(cid_hash_text(slice_of(hash, CID_HASH), text)), 133,
	    "its text fits");
	is_int(cid_of_text(slice_text(text), &cid), 0, "and is read");
	ok(slice_eq(cid_hash(&cid), slice_of(hash, CID_HASH)), "again");
	put_u8(&out, MBASE_16);
	mbase_encode(MBASE_16, slice_of(mem, 6 + CID_HASH), &out);
	ok(!out.bad && cid_of_text(buf_slice(&out), &cid) == 0,
	    "with the highest codec");
	is_int(cid.codec, UINT32_MAX, "of 32 bits");
	hash[1]++;
	ok(!cid_hash_valid(slice_of(hash, CID_HASH + 1)), "one byte more");
	is_int(cid_of_bytes(slice_of(mem, 7 + CID_HASH), &cid), -1,
	    "is no CID");
	is_text(cid_hash_text(slice_of(hash, CID_HASH + 1), text), "",
	    "and has no text");
}

int
main(void)
{
	known();
	bad();
	longest();
	return tap_done();
}
