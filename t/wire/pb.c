/* SPDX-License-Identifier: ISC */
#include "t/tap.h"
#include "wire/pb.h"

#define INNER(F, T)                                                           \
	F(T, UINT, 1, a, 0, 0)                                                \
	F(T, BYTES, 2, b, 0, 4)
PB_DECLARE(inner, INNER)
PB_DEFINE(inner, INNER)

#define OUTER(F, T)                                                           \
	F(T, UINT, 1, number, 0, 0)                                           \
	F(T, FIXED64, 2, fixed, 0, 0)                                         \
	F(T, BYTES, 3, bytes, 0, 4)                                           \
	F(T, MSG, 4, msg, inner, 0)                                           \
	F(T, UINT_N, 5, numbers, 0, 3)                                        \
	F(T, BYTES_N, 6, many, 0, 2)                                          \
	F(T, MSG_N, 7, msgs, inner, 2)                                        \
	F(T, BYTES, 16, any, 0, 0)
PB_DECLARE(outer, OUTER)
PB_DEFINE(outer, OUTER)

/* Nine messages inside one another, the last without anything inside. */
#define D9(F, T) F(T, UINT, 1, a, 0, 0)
#define D8(F, T) F(T, MSG, 1, a, d9, 0)
#define D7(F, T) F(T, MSG, 1, a, d8, 0)
#define D6(F, T) F(T, MSG, 1, a, d7, 0)
#define D5(F, T) F(T, MSG, 1, a, d6, 0)
#define D4(F, T) F(T, MSG, 1, a, d5, 0)
#define D3(F, T) F(T, MSG, 1, a, d4, 0)
#define D2(F, T) F(T, MSG, 1, a, d3, 0)
#define D1(F, T) F(T, MSG, 1, a, d2, 0)
PB_DECLARE(d9, D9)
PB_DECLARE(d8, D8)
PB_DECLARE(d7, D7)
PB_DECLARE(d6, D6)
PB_DECLARE(d5, D5)
PB_DECLARE(d4, D4)
PB_DECLARE(d3, D3)
PB_DECLARE(d2, D2)
PB_DECLARE(d1, D1)
PB_DEFINE(d9, D9)
PB_DEFINE(d8, D8)
PB_DEFINE(d7, D7)
PB_DEFINE(d6, D6)
PB_DEFINE(d5, D5)
PB_DEFINE(d4, D4)
PB_DEFINE(d3, D3)
PB_DEFINE(d2, D2)
PB_DEFINE(d1, D1)

#define BYTES(text) slice_of(text, sizeof(text) - 1)

static struct outer m;

static int
decode(struct slice in, size_t *dropped)
{
	/* what is there before must not matter */
	memset(&m, 0xa5, sizeof m);
	return pb_decode(&outer_desc, in, &m, dropped);
}

static const struct {
	struct slice in;
	const char *why;
} refused[] = {
#define REFUSED(text, why)                                                    \
	{ { (const uint8_t *)(text), sizeof(text) - 1 }, why }
	REFUSED("\x08", "a tag without a value"),
	REFUSED("\x88", "a tag cut off"),
	REFUSED("\x08\x80", "a varint cut off"),
	REFUSED("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
	    "a varint over 64 bits"),
	REFUSED("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00",
	    "a varint of eleven bytes"),
	REFUSED("\x00\x00", "field number 0"),
	REFUSED("\x80\x80\x80\x80\x10\x00", "a field number of 30 bits"),
	REFUSED("\x09\0\0\0\0\0\0\0\0", "a fixed64 for a uint"),
	REFUSED("\x0a\x00", "bytes for a uint"),
	REFUSED("\x0d\0\0\0\0", "a fixed32 for a uint"),
	REFUSED("\x10\x01", "a varint for a fixed64"),
	REFUSED("\x15\0\0\0\0", "a fixed32 for a fixed64"),
	REFUSED("\x11\0\0\0\0\0\0\0", "a fixed64 of seven bytes"),
	REFUSED("\x18\x01", "a varint for bytes"),
	REFUSED("\x1a\x02x", "bytes cut off"),
	REFUSED("\x1a", "bytes without a length"),
	REFUSED("\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	    "bytes of 2^64-1"),
	REFUSED("\x1a\x05xxxxx", "bytes over the most"),
	REFUSED("\x20\x01", "a varint for a message"),
	REFUSED("\x22\x01", "a message cut off"),
	REFUSED("\x22\x01\x08", "a message malformed inside"),
	REFUSED("\x22\x07\x12\x05xxxxx", "bytes over the most, inside"),
	REFUSED("\x22\x02\x08\x80\x01", "a value that leaves its message"),
	REFUSED("\x2a\x01\x80", "a packed varint cut off"),
	REFUSED("\x29\0\0\0\0\0\0\0\0", "fixed64s for uints"),
	REFUSED("\x30\x01", "a varint for repeated bytes"),
	REFUSED("\x3a\x02\x0a\x00", "a message of many with a wrong type"),
	REFUSED("\x0b\x0c", "a group"),
	REFUSED("\x4b\x4c", "an unknown group"),
	REFUSED("\x4e", "wire type 6"),
	REFUSED("\x4f", "wire type 7"),
	REFUSED("\x4a\x02x", "an unknown field cut off"),
	REFUSED("\x4d\0\0\0", "an unknown fixed32 cut off"),
	REFUSED("\x48", "an unknown varint cut off"),
#undef REFUSED
};

static void
check_refused(void)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		is_int(decode(refused[i].in, NULL), -1, refused[i].why);
	is_int(decode((struct slice){ .bad = true }, NULL), -1, "bad slice");
}

/* The examples of protobuf's encoding guide: 150, "testing", packed 3 270
 * 86942. */
static void
check_values(void)
{
	is_int(decode(BYTES("\x08\x96\x01"), NULL), 0, "150");
	ok(m.has_number && m.number == 150, "is 150");
	ok(!m.has_fixed && !m.has_bytes && !m.has_msg && m.n_numbers == 0 &&
	    m.n_many == 0 && m.n_msgs == 0 && !m.has_any, "and nothing else");
	is_int(decode(BYTES("\x82\x01\x07testing"), NULL), 0, "testing");
	ok(m.has_any && slice_is(m.any, "testing"), "field 16");
	is_int(decode(BYTES("\x2a\x06\x03\x8e\x02\x9e\xa7\x05"), NULL), 0,
	    "packed");
	ok(m.n_numbers == 3 && m.numbers[0] == 3 && m.numbers[1] == 270 &&
	    m.numbers[2] == 86942, "3, 270, 86942");
	is_int(decode(BYTES("\x28\x01\x2a\x01\x02\x28\x03"), NULL), 0,
	    "packed and not");
	ok(m.n_numbers == 3 && m.numbers[0] == 1 && m.numbers[1] == 2 &&
	    m.numbers[2] == 3, "in order");
	is_int(decode(BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
	    NULL), 0, "ten bytes");
	ok(m.number == UINT64_MAX, "minus one");
	is_int(decode(BYTES("\x08\x81\x80\x00"), NULL), 0, "padded varint");
	ok(m.number == 1, "is one");
	is_int(decode(BYTES("\x11\x01\x02\x03\x04\x05\x06\x07\x88"), NULL), 0,
	    "fixed64");
	ok(m.has_fixed && m.fixed == 0x8807060504030201, "little-endian");
	is_int(decode(BYTES("\x1a\x04" "abcd"), NULL), 0, "bytes of the most");
	ok(slice_is(m.bytes, "abcd"), "abcd");
	is_int(decode(BYTES("\x1a\x00\x22\x00"), NULL), 0, "empty values");
	ok(m.has_bytes && m.bytes.n == 0 && m.has_msg && !m.msg.has_a,
	    "are there");
	is_int(decode(slice_of(NULL, 0), NULL), 0, "the empty message");
	ok(!m.has_number, "has nothing");
}

static void
check_rules(void)
{
	size_t dropped;

	is_int(decode(BYTES("\x08\x01\x08\x02"), &dropped), 0, "twice");
	ok(m.number == 2 && dropped == 0, "the second counts");
	is_int(decode(BYTES("\x22\x02\x08\x05\x22\x03\x12\x01x"), NULL), 0,
	    "a message twice");
	ok(!m.msg.has_a && m.msg.a == 0 && m.msg.has_b &&
	    slice_is(m.msg.b, "x"), "is replaced whole");
	is_int(decode(BYTES("\x48\x01\x49\0\0\0\0\0\0\0\0\x4a\x01x\x4d\0\0\0\0"
	    "\xf8\xff\xff\xff\x0f\x01\x08\x07"), &dropped), 0,
	    "unknown fields");
	ok(m.number == 7 && dropped == 0, "are skipped");
	is_int(decode(BYTES("\x32\x01" "a\x32\x01" "b\x32\x01" "c"
	    "\x2a\x05\1\2\3\4\5\x28\6\x3a\2\x08\1\x3a\2\x08\2\x3a\2\x08\3"),
	    &dropped), 0, "too many");
	ok(m.n_many == 2 && slice_is(m.many[1], "b"), "two bytes stay");
	ok(m.n_numbers == 3 && m.numbers[2] == 3, "three numbers");
	ok(m.n_msgs == 2 && m.msgs[0].a == 1 && m.msgs[1].a == 2,
	    "two messages");
	is_int(dropped, 1 + 3 + 1, "five are counted");
	is_int(decode(BYTES("\x3a\x01" "\x08"), NULL), -1,
	    "one of many malformed");
	is_int(decode(BYTES("\x3a\0\x3a\0\x3a\1\xff"), &dropped), 0,
	    "what is dropped is not looked into");
	is_int(dropped, 1, "but counted");
	is_int(decode(BYTES("\x82\x01\x01z\x08\x09\x1a\x01y"), NULL), 0,
	    "any order");
	ok(m.number == 9 && slice_is(m.any, "z") && slice_is(m.bytes, "y"),
	    "all are there");
}

static void
check_encode(void)
{
	static const char want[] =
	    "\x08\x00\x11\x01\0\0\0\0\0\0\x80\x1a\x02hi"
	    "\x22\x05\x08\xac\x02\x12\x00\x28\x01\x28\x80\x01"
	    "\x32\x00\x32\x01x\x3a\x00\x3a\x02\x08\x07\x82\x01\x01!";
	struct outer in = {
		.has_number = true,
		.has_fixed = true, .fixed = 0x8000000000000001,
		.has_bytes = true, .bytes = slice_text("hi"),
		.has_msg = true,
		.msg = { .has_a = true, .a = 300, .has_b = true },
		.n_numbers = 2, .numbers = { 1, 128 },
		.n_many = 2, .many = { { 0 }, slice_text("x") },
		.n_msgs = 2, .msgs = { { 0 }, { .has_a = true, .a = 7 } },
		.has_any = true, .any = slice_text("!"),
	};
	struct buf out, framed;

	buf_init(&out, 256, NULL);
	buf_init(&framed, 256, NULL);
	pb_encode(&outer_desc, &in, &out);
	is_bytes(out.p, out.n, want, sizeof want - 1, "encoded");
	is_int(pb_size(&outer_desc, &in), out.n, "its size");
	is_int(decode(buf_slice(&out), NULL), 0, "decodes");
	pb_encode_framed(&outer_desc, &m, &framed);
	ok(framed.n == sizeof want && framed.p[0] == sizeof want - 1,
	    "framed: one byte of length");
	is_bytes(framed.p + 1, framed.n - 1, want, sizeof want - 1,
	    "and the same again");
	buf_free(&framed);
	buf_free(&out);
	buf_init(&out, sizeof want - 2, NULL);
	pb_encode(&outer_desc, &in, &out);
	ok(out.bad, "does not fit");
	buf_free(&out);
	in.n_many = 1000;
	buf_init(&out, 256, NULL);
	pb_encode(&outer_desc, &in, &out);
	is_int(out.n, sizeof want - 1, "never more than the most");
	buf_free(&out);
}

/* Every cut of a good message is good or refused, never read past. */
static void
check_cuts(void)
{
	static const char whole[] = "\x08\x96\x01\x22\x05\x08\xac\x02\x12\x00"
	    "\x2a\x02\x01\x02\x3a\x02\x08\x07\x1a\x02hi";
	static const char good[] = { 0, 3, 10, 14, 18, 22 };
	size_t next = 0;
	bool right = true;

	for (size_t n = 0; n < sizeof whole; n++) {
		bool is_good = next < sizeof good &&
		    n == (size_t)good[next];

		next += is_good;
		right &= decode(slice_of(whole, n), NULL) ==
		    (is_good ? 0 : -1);
	}
	ok(right, "cuts are good between fields only");
}

static void
check_depth(void)
{
	static struct d1 deep;

	is_int(pb_decode(&d1_desc, BYTES("\x0a\x0c\x0a\x0a\x0a\x08\x0a\x06"
	    "\x0a\x04\x0a\x02\x0a\x00"), &deep, NULL), 0, "eight deep");
	ok(deep.a.a.a.a.a.a.has_a, "is decoded");
	is_int(pb_decode(&d1_desc, BYTES("\x0a\x0e\x0a\x0c\x0a\x0a\x0a\x08"
	    "\x0a\x06\x0a\x04\x0a\x02\x0a\x00"), &deep, NULL), -1,
	    "nine deep");
}

int
main(void)
{
	check_values();
	check_rules();
	check_refused();
	check_encode();
	check_cuts();
	check_depth();
	return tap_done();
}
