/* SPDX-License-Identifier: ISC */
#include "crypt/key.h"
#include "proto/kadrec_own.h"
#include "wire/cbor.h"

#include <time.h>

enum { EOL = 0, NANOS = 1000000000, NANO_DIGITS = 9 };

static const char prefix[] = "ipns-signature:";

struct moment {
	int64_t seconds; /* since 1970 */
	uint32_t nanos;
};

struct record {
	struct ipns_entry entry;
	struct cbor_item value, validity, type, sequence, ttl; /* of its data */
	struct moment end;
};

static void
expect(struct slice *s, char c)
{
	if (get_u8(s) != c)
		*s = (struct slice){ .bad = true };
}

static uint32_t
digits(struct slice *s, size_t n)
{
	uint32_t v = 0;

	while (n-- > 0) {
		uint8_t c = get_u8(s);

		if (c < '0' || c > '9')
			*s = (struct slice){ .bad = true };
		v = 10 * v + (uint32_t)(c - '0');
	}
	return s->bad ? 0 : v;
}

static uint32_t
fraction(struct slice *s)
{
	uint32_t nanos;
	size_t n = 0;

	if (s->n == 0 || *s->p != '.')
		return 0;
	get_u8(s);
	while (n < s->n && n < NANO_DIGITS && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	if (n == 0)
		*s = (struct slice){ .bad = true };
	nanos = digits(s, n);
	for (; n < NANO_DIGITS; n++)
		nanos *= 10;
	return nanos;
}

/* Seconds east of UTC. */
static int32_t
offset(struct slice *s)
{
	uint8_t sign = get_u8(s);
	uint32_t hours, minutes;
	int32_t east;

	if (sign == 'Z')
		return 0;
	hours = digits(s, 2);
	expect(s, ':');
	minutes = digits(s, 2);
	if ((sign != '+' && sign != '-') || hours > 23 || minutes > 59)
		*s = (struct slice){ .bad = true };
	east = (int32_t)(60 * (60 * hours + minutes));
	return sign == '-' ? -east : east;
}

/* RFC 3339 as go reads it: upper case, no leap seconds. */
static bool
read_moment(struct slice in, struct moment *m)
{
	struct tm tm = { 0 };
	int day;

	tm.tm_year = (int)digits(&in, 4) - 1900;
	expect(&in, '-');
	tm.tm_mon = (int)digits(&in, 2) - 1;
	expect(&in, '-');
	tm.tm_mday = day = (int)digits(&in, 2);
	expect(&in, 'T');
	tm.tm_hour = (int)digits(&in, 2);
	expect(&in, ':');
	tm.tm_min = (int)digits(&in, 2);
	expect(&in, ':');
	tm.tm_sec = (int)digits(&in, 2);
	m->nanos = fraction(&in);
	m->seconds = -(int64_t)offset(&in);
	if (in.bad || in.n > 0 || tm.tm_mon < 0 || tm.tm_mon > 11 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return false;
	m->seconds += timegm(&tm);
	/* a day that its month does not have has become one of the next */
	return tm.tm_mday == day;
}

/* As kadrec_better: the later is better. */
static int
later(const struct moment *a, const struct moment *b)
{
	if (a->seconds != b->seconds)
		return a->seconds > b->seconds ? -1 : 1;
	return kadrec_order(a->nanos, b->nanos);
}

static bool
take(const struct cbor_map *map, const char *key, enum cbor_kind kind,
    struct cbor_item *to)
{
	const struct cbor_item *item = cbor_find(map, key);

	if (item == NULL || item->kind != kind)
		return false;
	*to = *item;
	return true;
}

/* The fields of the protobuf outside data, which no V2 signature covers.  Those
 * present must be what data says; and if there is a value or a V1 signature, so
 * must be all, as boxo and js want it. */
static bool
copies_agree(const struct record *r)
{
	const struct ipns_entry *e = &r->entry;
	bool all = e->value.n > 0 || e->signature_v1.n > 0;

	if ((all || e->has_value) && !slice_eq(e->value, r->value.bytes))
		return false;
	if ((all || e->has_validity) &&
	    !slice_eq(e->validity, r->validity.bytes))
		return false;
	if ((all || e->has_validity_type) && e->validity_type != r->type.number)
		return false;
	if ((all || e->has_sequence) && e->sequence != r->sequence.number)
		return false;
	return (!all && !e->has_ttl) || e->ttl == r->ttl.number;
}

static bool
read_record(struct slice value, struct record *r)
{
	struct cbor_map map;

	*r = (struct record){ 0 };
	if (pb_decode(&ipns_entry_desc, value, &r->entry, NULL) < 0)
		return false;
	if (r->entry.signature_v2.n == 0 || r->entry.data.n == 0 ||
	    cbor_read_map(r->entry.data, &map) < 0)
		return false;
	if (!take(&map, "Value", CBOR_BYTES, &r->value) ||
	    !take(&map, "Validity", CBOR_BYTES, &r->validity) ||
	    !take(&map, "ValidityType", CBOR_NUMBER, &r->type) ||
	    !take(&map, "Sequence", CBOR_NUMBER, &r->sequence) ||
	    !take(&map, "TTL", CBOR_NUMBER, &r->ttl))
		return false;
	return r->type.number == EOL &&
	       read_moment(r->validity.bytes, &r->end) && copies_agree(r);
}

static bool
is_signed(struct slice public_key, const struct ipns_entry *e)
{
	const char *why;
	struct buf message;
	bool good;

	buf_init(&message, sizeof prefix + KAD_VALUE, NULL);
	put_text(&message, prefix);
	put_slice(&message, e->data);
	good = !message.bad && key_verify(public_key, buf_slice(&message),
				   e->signature_v2, &why) == 0;
	buf_free(&message);
	return good;
}

enum kadrec_fault
kadrec_ipns_check(const struct peerid *id, struct slice value, msec wall)
{
	const struct moment now = { wall / 1000,
		(uint32_t)(wall % 1000) * (NANOS / 1000) };
	struct record r;
	struct slice public_key;
	struct peerid owner;

	if (!read_record(value, &r))
		return KADREC_MALFORMED;
	public_key = r.entry.public_key;
	if (public_key.n == 0)
		public_key = peerid_key(id);
	owner = peerid_of_key(public_key);
	if (!peerid_eq(&owner, id))
		return KADREC_MISMATCH;
	if (!is_signed(public_key, &r.entry))
		return KADREC_SIGNATURE;
	return later(&r.end, &now) < 0 ? KADREC_GOOD : KADREC_EXPIRED;
}

int
kadrec_ipns_better(struct slice a, struct slice b)
{
	struct record x, y;
	int order;

	/* one that cannot be read counts as nought */
	read_record(a, &x);
	read_record(b, &y);
	order = kadrec_order(x.sequence.number, y.sequence.number);
	return order != 0 ? order : later(&x.end, &y.end);
}
