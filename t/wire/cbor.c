/* SPDX-License-Identifier: ISC */
#include "t/tap.h"
#include "base/buf.h"
#include "wire/cbor.h"
#include "wire/mbase.h"

static struct cbor_map map;

static int
read_hex(const char *digits)
{
	static uint8_t mem[512];
	struct buf out = {
		.p = mem, .mem = mem, .cap = sizeof mem, .max = sizeof mem
	};

	if (mbase_decode(MBASE_16, slice_text(digits), &out) < 0)
		return -2;
	return cbor_read_map(buf_slice(&out), &map);
}

/* One entry, "a" with this value. */
static int
read_value(const char *digits)
{
	char all[128];

	snprintf(all, sizeof all, "a16161%s", digits);
	return read_hex(all);
}

static const struct {
	const char *bytes;
	uint64_t value;
} numbers[] = {
	/* RFC 8949, appendix A */
	{ "00", 0 }, { "01", 1 }, { "0a", 10 }, { "17", 23 }, { "1818", 24 },
	{ "1819", 25 }, { "1864", 100 }, { "1903e8", 1000 },
	{ "1a000f4240", 1000000 }, { "1b000000e8d4a51000", 1000000000000 },
	{ "1bffffffffffffffff", UINT64_MAX },
	/* where a length ends and the next begins */
	{ "18ff", 255 }, { "190100", 256 }, { "19ffff", 65535 },
	{ "1a00010000", 65536 }, { "1affffffff", UINT32_MAX },
	{ "1b0000000100000000", 1ull << 32 },
};

static const struct {
	const char *bytes, *why;
} others[] = {
	{ "20", "-1" }, { "3863", "-100" }, { "3bffffffffffffffff", "-2^64" },
	{ "f4", "false" }, { "f5", "true" }, { "f6", "null" },
	{ "fb3ff199999999999a", "1.1" }, { "fbc010666666666666", "-4.1" },
	{ "fb7fefffffffffffff", "the greatest float" },
};

static const struct {
	const char *bytes, *why;
} refused[] = {
	{ "", "no value" },
	{ "1817", "23 in two bytes" },
	{ "1900ff", "255 in three" },
	{ "1a0000ffff", "65535 in five" },
	{ "1b00000000ffffffff", "2^32 - 1 in nine" },
	{ "3817", "-24 in two" },
	{ "5817" "00000000000000000000000000000000000000000000000000",
	    "a long length of bytes" },
	{ "18", "half a number" },
	{ "1b00000001000000", "most of a number" },
	{ "1c", "reserved 28" }, { "1d", "reserved 29" }, { "1e", "reserved 30" },
	{ "1f", "indefinite" },
	{ "5f42010243030405ff", "bytes in pieces" },
	{ "7f657374726561646d696e67ff", "a text in pieces" },
	{ "420a", "bytes cut off" },
	{ "5bffffffffffffffff00", "bytes without end" },
	{ "620a", "a text cut off" },
	{ "80", "an empty array" }, { "83010203", "an array" },
	{ "a0", "an empty map" }, { "a1616100", "a map" },
	{ "c000", "a tag" }, { "d82a450001550000", "a CID" },
	{ "e0", "simple 0" }, { "f3", "simple 19" }, { "f7", "undefined" },
	{ "f818", "simple 24" }, { "f8ff", "simple 255" },
	{ "f814", "false in two bytes" },
	{ "f93c00", "a float of 16 bits" }, { "fa47c35000", "of 32 bits" },
	{ "fb7ff0000000000000", "infinity" },
	{ "fbfff0000000000000", "minus infinity" },
	{ "fb7ff8000000000000", "not a number" },
	{ "fb3ff19999999999", "a float cut off" },
	{ "ff", "a break" },
	{ "0000", "one value too many" },
};

static void
values(void)
{
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		is_int(read_value(numbers[i].bytes), 0, numbers[i].bytes);
		is_int(map.at[0].kind, CBOR_NUMBER, "is a number");
		ok(map.at[0].number == numbers[i].value, "the right one");
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		is_int(read_value(others[i].bytes), 0, others[i].why);
		is_int(map.at[0].kind, CBOR_OTHER, "is kept");
		ok(map.at[0].number == 0 && map.at[0].bytes.n == 0,
		    "without a value");
	}
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		is_int(read_value(refused[i].bytes), -1, refused[i].why);
		is_int(map.n, 0, "nothing is kept");
	}
}

static void
strings(void)
{
	struct slice s;
	uint8_t mem[4 + 24] = "\xa1\x61" "a\x57";

	is_int(read_value("4401020304"), 0, "bytes");
	s = map.at[0].bytes;
	is_int(map.at[0].kind, CBOR_BYTES, "are bytes");
	is_bytes(s.p, s.n, "\1\2\3\4", 4, "these");
	is_int(read_value("40"), 0, "no bytes");
	is_int(map.at[0].kind, CBOR_BYTES, "are bytes");
	is_int(map.at[0].bytes.n, 0, "none");
	is_int(read_value("6449455446"), 0, "a text");
	s = map.at[0].bytes;
	is_int(map.at[0].kind, CBOR_TEXT, "is a text");
	is_bytes(s.p, s.n, "IETF", 4, "this");
	is_int(cbor_read_map(slice_of(mem, 27), &map), 0, "23 bytes");
	ok(map.at[0].bytes.p == mem + 4 && map.at[0].key.p == mem + 2,
	    "are borrowed");
}

static const struct {
	const char *bytes;
	int want;
	size_t n;
	const char *name;
} maps[] = {
	{ "a0", 0, 0, "an empty map" },
	{ "a2616100616201", 0, 2, "a, b" },
	{ "a2616200626161" "01", 0, 2, "shorter before longer: b, aa" },
	{ "a3" "6000" "610000" "61ff00", 0, 3, "the empty key, and bytes" },
	{ "a2616100616101", -1, 0, "a twice" },
	{ "a2616200616101", -1, 0, "b, a" },
	{ "a262616100616201", -1, 0, "aa, b" },
	{ "a261ff00610000", -1, 0, "bytes are unsigned" },
	{ "a2616100", -1, 0, "an entry is missing" },
	{ "a1616100616201", -1, 0, "an entry too many" },
	{ "a161", -1, 0, "a key cut off" },
	{ "a1", -1, 0, "nothing follows" },
	{ "a1416100", -1, 0, "a key of bytes" },
	{ "a10000", -1, 0, "a key that is a number" },
	{ "a178016100", -1, 0, "a long length of a key" },
	{ "a17f6161ff00", -1, 0, "a key in pieces" },
	{ "b801616100", -1, 0, "a long count" },
	{ "bf616100ff", -1, 0, "a map without a count" },
	{ "bbffffffffffffffff", -1, 0, "a map without end" },
	{ "81616100", -1, 0, "an array" },
	{ "c0a0", -1, 0, "a tag" },
	{ "00", -1, 0, "a number" },
	{ "", -1, 0, "nothing" },
	{ "a000", -1, 0, "something behind it" },
};

static void
whole(void)
{
	for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
		is_int(read_hex(maps[i].bytes), maps[i].want, maps[i].name);
		is_int(map.n, maps[i].n, "entries");
	}
	is_int(cbor_read_map((struct slice){ .bad = true }, &map), -1,
	    "a bad slice");
}

static void
most(void)
{
	uint8_t mem[3 + 3 * (CBOR_ITEMS + 1)] = { 0xb8, CBOR_ITEMS };

	for (size_t i = 0; i <= CBOR_ITEMS; i++)
		memcpy(mem + 2 + 3 * i,
		    (uint8_t[]){ 0x61, (uint8_t)('A' + i), 1 }, 3);
	is_int(cbor_read_map(slice_of(mem, 2 + 3 * CBOR_ITEMS), &map), 0,
	    "the most entries");
	is_int(map.n, CBOR_ITEMS, "all of them");
	mem[1]++;
	is_int(cbor_read_map(slice_of(mem, 5 + 3 * CBOR_ITEMS), &map), -1,
	    "one more");
}

static void
find(void)
{
	const struct cbor_item *item;

	is_int(read_hex("a3616105616206" "626161" "07"), 0, "a, b, aa");
	item = cbor_find(&map, "b");
	ok(item != NULL && item->number == 6, "b is found");
	item = cbor_find(&map, "aa");
	ok(item != NULL && item->number == 7, "aa as well");
	ok(cbor_find(&map, "") == NULL && cbor_find(&map, "ab") == NULL &&
	    cbor_find(&map, "aaa") == NULL, "others are not");
}

int
main(void)
{
	values();
	strings();
	whole();
	most();
	find();
	return tap_done();
}
