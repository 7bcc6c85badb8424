/* SPDX-License-Identifier: ISC */
#include "crypt/key.h"
#include "proto/kadrec.h"
#include "t/proto/kadrecvec.h"
#include "t/tap.h"
#include "wire/mbase.h"

enum { MOST = 1 << 17 };

#define UNTIL "2033-05-18T03:33:20Z"
#define NOW (UNTIL_MS - 1)
static const msec UNTIL_MS = 2000000000000;

/* An IPNS record: its fields, and what is wrong with it. */
struct plan {
	const char *value, *validity; /* NULL: "/x", UNTIL */
	uint64_t type, seq, ttl;
	const char *without;    /* this field of data is not there */
	const char *as;         /* this one is the CBOR in raw */
	struct slice raw;
	bool has_data;          /* the whole of data is raw */
	bool copies;            /* data's fields stand in the protobuf as well */
	struct ipns_entry more; /* fields of the protobuf */
};

static struct key alice, bob;

static struct slice
hex(const char *digits, struct buf *out)
{
	*out = (struct buf){ .max = MOST };
	if (mbase_decode(MBASE_16, slice_text(digits), out) < 0)
		return (struct slice){ .bad = true };
	return buf_slice(out);
}

static struct buf
key_of(struct slice id)
{
	struct buf key = { .max = MOST };

	put_text(&key, "/ipns/");
	put_slice(&key, id);
	return key;
}

/* Canonical CBOR, in as few bytes as there can be. */
static void
put_head(struct buf *out, unsigned major, uint64_t n)
{
	uint8_t m = (uint8_t)(major << 5);

	if (n < 24) {
		put_u8(out, (uint8_t)(m | n));
	} else if (n <= UINT8_MAX) {
		put_u8(out, m | 24);
		put_u8(out, (uint8_t)n);
	} else if (n <= UINT16_MAX) {
		put_u8(out, m | 25);
		put_u16(out, (uint16_t)n);
	} else if (n <= UINT32_MAX) {
		put_u8(out, m | 26);
		put_u32(out, (uint32_t)n);
	} else {
		put_u8(out, m | 27);
		put_u64(out, n);
	}
}

static bool
put_key(const struct plan *p, const char *key, struct buf *out)
{
	if (p->without && strcmp(p->without, key) == 0)
		return false;
	put_head(out, 3, strlen(key));
	put_text(out, key);
	if (p->as == NULL || strcmp(p->as, key) != 0)
		return true;
	put_slice(out, p->raw);
	return false;
}

static void
put_number(const struct plan *p, const char *key, uint64_t n, struct buf *out)
{
	if (put_key(p, key, out))
		put_head(out, 0, n);
}

static void
put_text_bytes(const struct plan *p, const char *key, const char *text,
    struct buf *out)
{
	if (put_key(p, key, out)) {
		put_head(out, 2, strlen(text));
		put_text(out, text);
	}
}

static void
put_data(const struct plan *p, struct buf *out)
{
	put_head(out, 5, p->without ? 4 : 5);
	put_number(p, "TTL", p->ttl, out);
	put_text_bytes(p, "Value", p->value ? p->value : "/x", out);
	put_number(p, "Sequence", p->seq, out);
	put_text_bytes(p, "Validity", p->validity ? p->validity : UNTIL, out);
	put_number(p, "ValidityType", p->type, out);
}

static void
set_bytes(bool *has, struct slice *to, struct slice from)
{
	if (!*has)
		*to = from;
	*has = true;
}

static void
set_number(bool *has, uint64_t *to, uint64_t from)
{
	if (!*has)
		*to = from;
	*has = true;
}

/* What stands in more already stays. */
static void
copy(const struct plan *p, struct ipns_entry *e)
{
	set_bytes(&e->has_value, &e->value,
	    slice_text(p->value ? p->value : "/x"));
	set_bytes(&e->has_validity, &e->validity,
	    slice_text(p->validity ? p->validity : UNTIL));
	set_number(&e->has_validity_type, &e->validity_type, p->type);
	set_number(&e->has_sequence, &e->sequence, p->seq);
	set_number(&e->has_ttl, &e->ttl, p->ttl);
}

static struct buf
make(const struct plan *p, const struct key *signer)
{
	struct buf out = { .max = MOST }, message = { .max = MOST };
	struct ipns_entry e = p->more;
	uint8_t signature[KEY_SIGNATURE];
	size_t head;

	put_text(&message, "ipns-signature:");
	head = message.n;
	if (p->has_data)
		put_slice(&message, p->raw);
	else
		put_data(p, &message);
	key_sign(signer, buf_slice(&message), signature);
	if (p->copies)
		copy(p, &e);
	set_bytes(&e.has_signature_v2, &e.signature_v2,
	    slice_of(signature, sizeof signature));
	set_bytes(&e.has_data, &e.data,
	    slice_of(message.p + head, message.n - head));
	pb_encode(&ipns_entry_desc, &e, &out);
	buf_free(&message);
	return out;
}

static enum kadrec_fault
check_under(const struct plan *p, const struct key *signer,
    const struct peerid *id, msec wall)
{
	struct buf key = key_of(peerid_bytes(id)), value = make(p, signer);
	enum kadrec_fault fault = kadrec_check(NULL, buf_slice(&key),
	    buf_slice(&value), wall);

	buf_free(&key);
	buf_free(&value);
	return fault;
}

static enum kadrec_fault
check(const struct plan *p, msec wall)
{
	struct peerid id = key_peerid(&alice);

	return check_under(p, &alice, &id, wall);
}

static void
is_fault(enum kadrec_fault got, enum kadrec_fault want, const char *name)
{
	is_int(got, want, name);
}

/* Records of another implementation, and each bit of one changed. */
static void
vectors(void)
{
	const msec end = 2000000000123;
	struct buf key, value, other;
	struct slice k, v;
	unsigned good = 0;

	for (size_t i = 0; i < VECS; i++) {
		k = hex(vecs[i].key, &key);
		v = hex(vecs[i].record, &value);
		is_fault(kadrec_check(NULL, k, v, end), KADREC_GOOD,
		    vecs[i].name);
		is_fault(kadrec_check(NULL, k, v, end + 1), KADREC_EXPIRED,
		    "and no longer");
		v = hex(vecs[(i + 2) % VECS].record, &other);
		ok(kadrec_check(NULL, k, v, end) != KADREC_GOOD,
		    "not somebody else's");
		buf_free(&key);
		buf_free(&value);
		buf_free(&other);
	}
	k = hex(vecs[VEC_ED_V2].key, &key);
	v = hex(vecs[VEC_ED_V2].record, &value);
	for (size_t i = 0; i < value.n * 8; i++) {
		value.p[i / 8] ^= (uint8_t)(1 << i % 8);
		good += kadrec_check(NULL, k, v, end) == KADREC_GOOD;
		value.p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	is_int(good, 0, "no bit can be changed");
	for (size_t i = 0; i < value.n; i++)
		good += kadrec_check(NULL, k, slice_of(value.p, i), end) ==
		    KADREC_GOOD;
	is_int(good, 0, "nor any byte left out at the end");
	v = hex(vecs[VEC_ED_V1].record, &other);
	ok(kadrec_better(k, buf_slice(&value), v) < 0, "43 is above 42");
	ok(kadrec_better(k, v, buf_slice(&value)) > 0, "42 below 43");
	buf_free(&key);
	buf_free(&value);
	buf_free(&other);
}

#define B(literal) { (const uint8_t *)(literal), sizeof(literal) - 1, false }

static const struct {
	struct plan plan;
	enum kadrec_fault want;
	const char *name;
} plans[] = {
	{ { 0 }, KADREC_GOOD, "a record with V2 alone" },
	{ { .seq = UINT64_MAX, .ttl = UINT64_MAX }, KADREC_GOOD, "great numbers" },
	{ { .value = "" }, KADREC_GOOD, "an empty value" },
	{ { .copies = true, .seq = 9, .ttl = 8 }, KADREC_GOOD, "with V1" },
	{ { .type = 1 }, KADREC_MALFORMED, "another validity type" },
	{ { .validity = "tomorrow" }, KADREC_MALFORMED, "no time" },
	/* each field is there, and of its kind */
	{ { .without = "Value" }, KADREC_MALFORMED, "without Value" },
	{ { .without = "Validity" }, KADREC_MALFORMED, "without Validity" },
	{ { .without = "ValidityType" }, KADREC_MALFORMED,
	    "without ValidityType" },
	{ { .without = "Sequence" }, KADREC_MALFORMED, "without Sequence" },
	{ { .without = "TTL" }, KADREC_MALFORMED, "without TTL" },
	{ { .as = "Value", .raw = B("\x62/x") }, KADREC_MALFORMED,
	    "Value as text" },
	{ { .as = "Validity", .raw = B("\x74" UNTIL) }, KADREC_MALFORMED,
	    "Validity as text" },
	{ { .as = "ValidityType", .raw = B("\xf6") }, KADREC_MALFORMED,
	    "ValidityType null" },
	{ { .as = "Sequence", .raw = B("\x20") }, KADREC_MALFORMED,
	    "Sequence -1" },
	{ { .as = "Sequence", .raw = B("\x18\x01") }, KADREC_MALFORMED,
	    "Sequence longer than it need be" },
	{ { .as = "TTL", .raw = B("\xf4") }, KADREC_MALFORMED, "TTL false" },
	{ { .has_data = true, .raw = B("\xa0") }, KADREC_MALFORMED,
	    "an empty map" },
	{ { .has_data = true, .raw = B("data") }, KADREC_MALFORMED, "no CBOR" },
	{ { .more = { .has_data = true } }, KADREC_MALFORMED, "without data" },
	{ { .more = { .has_signature_v2 = true } }, KADREC_MALFORMED,
	    "without a signature" },
	{ { .more = { .has_signature_v2 = true, .signature_v2 = B("x") } },
	    KADREC_SIGNATURE, "a signature that is none" },
	/* each copy in the protobuf agrees with data */
	{ { .copies = true, .more = { .has_value = true, .value = B("/y") } },
	    KADREC_MALFORMED, "another value" },
	{ { .copies = true, .more = { .has_validity = true,
	    .validity = B("2033-05-18T03:33:20.0Z") } }, KADREC_MALFORMED,
	    "another validity" },
	{ { .copies = true, .more = { .has_validity_type = true,
	    .validity_type = 1 } }, KADREC_MALFORMED, "another type" },
	{ { .copies = true, .more = { .has_sequence = true, .sequence = 1 } },
	    KADREC_MALFORMED, "another sequence" },
	{ { .copies = true, .more = { .has_ttl = true, .ttl = 1 } },
	    KADREC_MALFORMED, "another TTL" },
	/* alone, without a V1 signature */
	{ { .more = { .has_value = true, .value = B("/y") } },
	    KADREC_MALFORMED, "another value alone" },
	{ { .value = "/y", .more = { .has_value = true } }, KADREC_MALFORMED,
	    "an empty value alone" },
	{ { .more = { .has_validity = true, .validity = B("x") } },
	    KADREC_MALFORMED, "another validity alone" },
	{ { .more = { .has_validity_type = true, .validity_type = 1 } },
	    KADREC_MALFORMED, "another type alone" },
	{ { .more = { .has_sequence = true, .sequence = 1 } },
	    KADREC_MALFORMED, "another sequence alone" },
	{ { .more = { .has_ttl = true, .ttl = 1 } }, KADREC_MALFORMED,
	    "another TTL alone" },
	{ { .seq = 5, .more = { .has_sequence = true, .sequence = 5 } },
	    KADREC_GOOD, "the same sequence alone" },
	/* with a value or a V1 signature nothing may be missing */
	{ { .more = { .has_value = true, .value = B("/x") } },
	    KADREC_MALFORMED, "the value, but no validity" },
	{ { .value = "", .more = { .has_signature_v1 = true,
	    .signature_v1 = B("1"), .has_validity = true,
	    .validity = B(UNTIL) } }, KADREC_GOOD,
	    "V1, where what is missing is nought" },
	{ { .value = "", .seq = 1, .more = { .has_signature_v1 = true,
	    .signature_v1 = B("1"), .has_validity = true,
	    .validity = B(UNTIL) } }, KADREC_MALFORMED,
	    "V1, where the sequence is missing" },
	{ { .value = "", .ttl = 1, .more = { .has_signature_v1 = true,
	    .signature_v1 = B("1"), .has_validity = true,
	    .validity = B(UNTIL) } }, KADREC_MALFORMED,
	    "V1, where the TTL is missing" },
	{ { .more = { .has_signature_v1 = true, .signature_v1 = B("1") } },
	    KADREC_MALFORMED, "V1, where the value is missing" },
};

static void
planned(void)
{
	for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
		is_fault(check(&plans[i].plan, NOW), plans[i].want,
		    plans[i].name);
}

/* Who signed it, and whose key is inside. */
static void
keys(void)
{
	uint8_t pub[KEY_PUBLIC_PB], other[KEY_PUBLIC_PB];
	struct peerid id = key_peerid(&alice), hashed;
	struct plan p = { .seq = 1 };

	key_public(&alice, pub);
	key_public(&bob, other);
	is_fault(check_under(&p, &bob, &id, NOW), KADREC_SIGNATURE,
	    "signed by somebody else");
	p.more.has_public_key = true;
	is_fault(check(&p, NOW), KADREC_GOOD, "an empty key is none");
	p.more.public_key = slice_of(pub, sizeof pub);
	is_fault(check(&p, NOW), KADREC_GOOD, "the key once more");
	p.more.public_key = slice_of(other, sizeof other);
	is_fault(check_under(&p, &bob, &id, NOW), KADREC_MISMATCH,
	    "the signer's key, who is somebody else");
	/* an id that is a hash, but not of this key */
	hashed = peerid_of_key(slice_text(
	    "more than the forty-two bytes that are put into an id as they are"));
	is_fault(check_under(&p, &bob, &hashed, NOW), KADREC_MISMATCH,
	    "a hashed id wants its key");
	p.more.has_public_key = false;
	is_fault(check_under(&p, &bob, &hashed, NOW), KADREC_MISMATCH,
	    "and some key");
}

static void
sizes(void)
{
	static const uint8_t zeros[KAD_VALUE];
	struct peerid id = key_peerid(&alice);
	struct buf key = key_of(peerid_bytes(&id)), value;
	struct plan p = { .more = { .has_signature_v1 = true } };
	struct ipns_entry *e = &p.more;
	size_t less;

	/* an unused field fills it up; two runs, as its length has a length */
	p.copies = true;
	e->signature_v1 = slice_of(zeros, KAD_VALUE / 2);
	value = make(&p, &alice);
	less = value.n - e->signature_v1.n;
	e->signature_v1.n = KAD_VALUE - less;
	buf_free(&value);
	value = make(&p, &alice);
	is_int(value.n, KAD_VALUE, "a record of 10 KiB");
	is_fault(kadrec_check(NULL, buf_slice(&key), buf_slice(&value), NOW),
	    KADREC_GOOD, "is good");
	buf_free(&value);
	e->signature_v1.n++;
	is_fault(check(&p, NOW), KADREC_SIZE, "one byte more is not");
	buf_free(&key);
}

static const struct {
	const char *text;
	msec end; /* the first moment when it is over */
} times[] = {
	{ "1970-01-01T00:00:01Z", 1000 },
	{ "1970-01-01T00:00:00.001Z", 1 },
	{ "1970-01-01T00:00:00.000000001Z", 1 },
	{ "1970-01-01T00:00:00.001000001Z", 2 },
	{ "2033-05-18T03:33:20.5Z", 2000000000500 },
	{ "2033-05-18T03:33:20.123456789Z", 2000000000124 },
	{ "2033-05-18T03:33:20.999999999Z", 2000000001000 },
	{ "2033-05-18T03:33:20+00:00", 2000000000000 },
	{ "2033-05-18T03:33:20-00:00", 2000000000000 },
	{ "2033-05-18T05:33:20+02:00", 2000000000000 },
	{ "2033-05-17T22:03:20.25-05:30", 2000000000250 },
	{ "2033-05-19T03:32:20+23:59", 2000000000000 },
	{ "2000-02-29T00:00:00Z", 951782400000 },
	{ "2024-02-29T23:59:59Z", 1709251199000 },
	{ "2024-12-31T23:59:59Z", 1735689599000 },
	{ "9999-12-31T23:59:59.999999999Z", 253402300800000 },
};

static const char *const bad_times[] = {
	"", "Z", "2033", "2033-05-18", "2033-05-18T03:33:20", "2033-05-18T03:33Z",
	"2033-05-18 03:33:20Z", "2033-05-18t03:33:20Z", "2033-05-18T03:33:20z",
	" 2033-05-18T03:33:20Z", "2033-05-18T03:33:20Z ", "2033-05-18T03:33:20ZZ",
	"+2033-05-18T03:33:20Z", "12033-05-18T03:33:20Z", "033-05-18T03:33:20Z",
	"2033-5-18T03:33:20Z", "2033-05-8T03:33:20Z", "2033-05-18T3:33:20Z",
	"2033/05/18T03:33:20Z", "2033-05-18T03.33.20Z", "2o33-05-18T03:33:20Z",
	"2033-00-18T03:33:20Z", "2033-13-18T03:33:20Z", "2033-05-00T03:33:20Z",
	"2033-05-32T03:33:20Z", "2033-04-31T03:33:20Z", "2033-02-29T03:33:20Z",
	"2100-02-29T03:33:20Z", "2032-02-30T03:33:20Z", "2033-05-18T24:00:00Z",
	"2033-05-18T03:60:20Z", "2033-05-18T03:33:60Z", "2033-05-18T03:33:20.Z",
	"2033-05-18T03:33:20,5Z", "2033-05-18T03:33:20.1234567890Z",
	"2033-05-18T03:33:20.5", "2033-05-18T03:33:20.-5Z",
	"2033-05-18T03:33:20+24:00", "2033-05-18T03:33:20+01:60",
	"2033-05-18T03:33:20+0100", "2033-05-18T03:33:20+01",
	"2033-05-18T03:33:20+1:00", "2033-05-18T03:33:20+01:0",
	"2033-05-18T03:33:20 01:00", "2033-05-18T03:33:20+01:00Z",
};

static void
validity(void)
{
	struct plan p = { 0 };

	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		p.validity = times[i].text;
		is_fault(check(&p, times[i].end - 1), KADREC_GOOD,
		    times[i].text);
		is_fault(check(&p, times[i].end), KADREC_EXPIRED,
		    "is over when it is reached");
	}
	for (size_t i = 0; i < sizeof bad_times / sizeof *bad_times; i++) {
		p.validity = bad_times[i];
		is_fault(check(&p, 0), KADREC_MALFORMED, bad_times[i]);
	}
	p.validity = "0000-01-01T00:00:00Z";
	is_fault(check(&p, 0), KADREC_EXPIRED, "the year 0");
	p.validity = "1970-01-01T00:00:00Z";
	is_fault(check(&p, 0), KADREC_EXPIRED, "the beginning");
}

/* Each is better than all after it. */
static const struct plan ranks[] = {
	{ .seq = UINT64_MAX },
	{ .seq = 1ull << 63 },
	{ .seq = 2, .validity = "2034-01-01T00:00:00Z" },
	{ .seq = 2, .validity = "2033-12-31T23:59:59.000000002Z" },
	{ .seq = 2, .validity = "2033-12-31T23:59:59.000000001Z" },
	{ .seq = 2, .validity = "2034-01-01T00:00:00+00:01" },
	{ .seq = 1, .validity = "2035-01-01T00:00:00Z" },
	{ .seq = 0, .validity = "9999-01-01T00:00:00Z" },
};

static int
compare(const struct plan *a, const struct plan *b)
{
	struct peerid id = key_peerid(&alice);
	struct buf key = key_of(peerid_bytes(&id));
	struct buf x = make(a, &alice), y = make(b, &alice);
	int r = kadrec_better(buf_slice(&key), buf_slice(&x), buf_slice(&y));

	buf_free(&key);
	buf_free(&x);
	buf_free(&y);
	return r;
}

static void
better(void)
{
	struct plan a = { .seq = 1 }, b = a;
	size_t n = sizeof ranks / sizeof *ranks;

	for (size_t i = 0; i < n; i++) {
		is_fault(check(&ranks[i], NOW), KADREC_GOOD, "ranked");
		is_int(compare(&ranks[i], &ranks[i]), 0, "equal to itself");
		for (size_t k = i + 1; k < n; k++) {
			ok(compare(&ranks[i], &ranks[k]) < 0,
			    "%zu before %zu", i, k);
			ok(compare(&ranks[k], &ranks[i]) > 0,
			    "%zu after %zu", k, i);
		}
	}
	/* both equal: the bytes, of which the first that differ are here */
	a.more = (struct ipns_entry){ .has_value = true, .value = B("/a") };
	b.more = (struct ipns_entry){ .has_value = true, .value = B("/b") };
	ok(compare(&a, &b) > 0, "the greater bytes are better");
	ok(compare(&b, &a) < 0, "the lesser are not");
}

static void
prefixes(void)
{
	struct peerid id = key_peerid(&alice);
	struct buf key = key_of(peerid_bytes(&id));
	struct buf x = make(&ranks[0], &alice), y = make(&ranks[0], &alice);

	put_bytes(&y, "\x78\x00", 2); /* an unknown field, 15 */
	is_fault(kadrec_check(NULL, buf_slice(&key), buf_slice(&y), NOW),
	    KADREC_GOOD, "an unknown field is let be");
	ok(kadrec_better(buf_slice(&key), buf_slice(&x), buf_slice(&y)) > 0,
	    "the longer one is greater");
	ok(kadrec_better(buf_slice(&key), buf_slice(&y), buf_slice(&x)) < 0,
	    "the shorter one is not");
	buf_free(&key);
	buf_free(&x);
	buf_free(&y);
}

int
main(void)
{
	static const uint8_t one[32] = { 1 }, two[32] = { 2 };

	key_of_seed(&alice, one);
	key_of_seed(&bob, two);
	vectors();
	planned();
	keys();
	sizes();
	validity();
	better();
	prefixes();
	return tap_done();
}
