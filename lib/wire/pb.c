/* SPDX-License-Identifier: ISC */
#include "wire/pb.h"

#include <string.h>

/* Wire types 3 and 4, the groups, are refused; 6 and 7 do not exist. */
enum wire { VARINT = 0, EIGHT = 1, LENGTH = 2, FOUR = 5 };

enum { VARINT_MAX = 10 };
enum { NUMBER_MAX = (1 << 29) - 1 };

static const struct {
	enum wire wire;
	bool many;
} kinds[] = {
	[PB_UINT] = { VARINT, false },
	[PB_FIXED64] = { EIGHT, false },
	[PB_BYTES] = { LENGTH, false },
	[PB_MSG] = { LENGTH, false },
	[PB_UINT_N] = { VARINT, true },
	[PB_BYTES_N] = { LENGTH, true },
	[PB_MSG_N] = { LENGTH, true },
};

/* One value as it stands on the wire. */
struct value {
	uint64_t number;
	struct slice bytes;
};

struct decoder {
	size_t dropped;
	size_t depth;
};

/* Unlike multiformats' (base/slice), protobuf's take ten bytes, because
 * negative numbers are sent as 64 bits, and may be padded. */
static bool
take_varint(struct slice *in, uint64_t *v)
{
	uint64_t sum = 0;

	/* nearly all are short, and this is where decoding spends its time */
	if (in->n > 0 && in->p[0] < 0x80) {
		*v = *in->p++;
		in->n--;
		return true;
	}
	for (size_t i = 0; i < in->n && i < VARINT_MAX; i++) {
		uint8_t byte = in->p[i];

		if (i == VARINT_MAX - 1 && byte > 1)
			return false;
		sum |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		in->p += i + 1;
		in->n -= i + 1;
		*v = sum;
		return true;
	}
	return false;
}

static bool
take_bytes(struct slice *in, uint64_t n, struct slice *bytes)
{
	if (n > in->n)
		return false;
	*bytes = (struct slice){ .p = in->p, .n = (size_t)n };
	in->p += n;
	in->n -= (size_t)n;
	return true;
}

static uint64_t
little_endian(const uint8_t *p)
{
	uint64_t v = 0;

	for (size_t i = 8; i > 0; i--)
		v = v << 8 | p[i - 1];
	return v;
}

static bool
take_value(struct slice *in, unsigned wire, struct value *v)
{
	switch (wire) {
	case VARINT:
		return take_varint(in, &v->number);
	case EIGHT:
		if (!take_bytes(in, 8, &v->bytes))
			return false;
		v->number = little_endian(v->bytes.p);
		return true;
	case LENGTH:
		return take_varint(in, &v->number) &&
		       take_bytes(in, v->number, &v->bytes);
	case FOUR:
		return take_bytes(in, 4, &v->bytes);
	}
	return false;
}

/* Lists and what is sent are in the same order but for rare exceptions, so the
 * search goes on from the row found last. */
static const struct pb_row *
find_row(const struct pb_desc *d, uint64_t number, size_t *last)
{
	for (size_t i = 0, at = *last; i < d->n; i++, at++) {
		if (at == d->n)
			at = 0;
		if (d->rows[at].number == number) {
			*last = at;
			return &d->rows[at];
		}
	}
	return NULL;
}

static void *
member(void *msg, size_t offset)
{
	return (char *)msg + offset;
}

static const void *
member_of(const void *msg, size_t offset)
{
	return (const char *)msg + offset;
}

/* Where the next value of the field goes; NULL: there are enough of them. */
static void *
place(const struct pb_row *row, void *msg, struct decoder *d)
{
	size_t *n;

	if (!kinds[row->kind].many) {
		*(bool *)member(msg, row->has) = true;
		return member(msg, row->offset);
	}
	n = member(msg, row->has);
	if (*n >= row->most) {
		d->dropped++;
		return NULL;
	}
	return member(msg, row->offset + (*n)++ * row->size);
}

static bool
decode_packed(
    const struct pb_row *row, struct slice in, void *msg, struct decoder *d)
{
	while (in.n > 0) {
		uint64_t v, *to;

		if (!take_varint(&in, &v))
			return false;
		to = place(row, msg, d);
		if (to)
			*to = v;
	}
	return true;
}

void
pb_clear(const struct pb_desc *desc, void *msg)
{
	for (size_t i = 0; i < desc->n; i++) {
		const struct pb_row *row = &desc->rows[i];

		if (kinds[row->kind].many) {
			*(size_t *)member(msg, row->has) = 0;
			continue;
		}
		*(bool *)member(msg, row->has) = false;
		if (row->kind == PB_MSG)
			pb_clear(row->of, member(msg, row->offset));
		else
			memset(member(msg, row->offset), 0, row->size);
	}
}

static bool decode(
    const struct pb_desc *, struct slice, void *, struct decoder *);

static bool
decode_field(const struct pb_row *row, unsigned wire, const struct value *v,
    void *msg, struct decoder *d)
{
	void *to;

	if (row->kind == PB_UINT_N && wire == LENGTH)
		return decode_packed(row, v->bytes, msg, d);
	if (wire != kinds[row->kind].wire)
		return false;
	if (row->kind == PB_BYTES && row->most && v->bytes.n > row->most)
		return false;
	to = place(row, msg, d);
	if (to == NULL)
		return true;
	switch (row->kind) {
	case PB_UINT:
	case PB_UINT_N:
	case PB_FIXED64:
		*(uint64_t *)to = v->number;
		return true;
	case PB_BYTES:
	case PB_BYTES_N:
		*(struct slice *)to = v->bytes;
		return true;
	case PB_MSG:
	case PB_MSG_N:
		pb_clear(row->of, to);
		return decode(row->of, v->bytes, to, d);
	}
	return false;
}

static bool
decode(
    const struct pb_desc *desc, struct slice in, void *msg, struct decoder *d)
{
	size_t last = 0;

	if (++d->depth > PB_DEPTH)
		return false;
	while (in.n > 0) {
		const struct pb_row *row;
		struct value v;
		uint64_t tag;
		unsigned wire;

		if (!take_varint(&in, &tag))
			return false;
		wire = (unsigned)(tag & 7);
		tag >>= 3;
		if (tag == 0 || tag > NUMBER_MAX || !take_value(&in, wire, &v))
			return false;
		row = find_row(desc, tag, &last);
		if (row && !decode_field(row, wire, &v, msg, d))
			return false;
	}
	d->depth--;
	return true;
}

int
pb_decode(
    const struct pb_desc *desc, struct slice in, void *msg, size_t *dropped)
{
	struct decoder d = { 0 };
	bool good;

	pb_clear(desc, msg);
	good = !in.bad && decode(desc, in, msg, &d);
	if (dropped)
		*dropped = d.dropped;
	return good ? 0 : -1;
}

/* How many values of the field there are to write. */
static size_t
count(const struct pb_row *row, const void *msg)
{
	size_t n;

	if (!kinds[row->kind].many)
		return *(const bool *)member_of(msg, row->has);
	n = *(const size_t *)member_of(msg, row->has);
	return n < row->most ? n : row->most;
}

static size_t
value_size(const struct pb_row *row, const void *v)
{
	size_t n = 0;

	switch (row->kind) {
	case PB_UINT:
	case PB_UINT_N:
		return varint_size(*(const uint64_t *)v);
	case PB_FIXED64:
		return 8;
	case PB_BYTES:
	case PB_BYTES_N:
		n = ((const struct slice *)v)->n;
		break;
	case PB_MSG:
	case PB_MSG_N:
		n = pb_size(row->of, v);
		break;
	}
	return varint_size(n) + n;
}

static uint64_t
tag_of(const struct pb_row *row)
{
	return (uint64_t)row->number << 3 | kinds[row->kind].wire;
}

size_t
pb_size(const struct pb_desc *desc, const void *msg)
{
	size_t sum = 0;

	for (size_t i = 0; i < desc->n; i++) {
		const struct pb_row *row = &desc->rows[i];
		size_t n = count(row, msg);

		sum += n * varint_size(tag_of(row));
		for (size_t k = 0; k < n; k++)
			sum += value_size(
			    row, member_of(msg, row->offset + k * row->size));
	}
	return sum;
}

static void
put_little_endian(struct buf *out, uint64_t v)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	put_bytes(out, bytes, 8);
}

static void
put_value(const struct pb_row *row, const void *v, struct buf *out)
{
	const struct slice *bytes = v;

	put_varint(out, tag_of(row));
	switch (row->kind) {
	case PB_UINT:
	case PB_UINT_N:
		put_varint(out, *(const uint64_t *)v);
		break;
	case PB_FIXED64:
		put_little_endian(out, *(const uint64_t *)v);
		break;
	case PB_BYTES:
	case PB_BYTES_N:
		put_varint(out, bytes->n);
		put_slice(out, *bytes);
		break;
	case PB_MSG:
	case PB_MSG_N:
		pb_encode_framed(row->of, v, out);
		break;
	}
}

void
pb_encode(const struct pb_desc *desc, const void *msg, struct buf *out)
{
	for (size_t i = 0; i < desc->n; i++) {
		const struct pb_row *row = &desc->rows[i];
		size_t n = count(row, msg);

		for (size_t k = 0; k < n; k++)
			put_value(row,
			    member_of(msg, row->offset + k * row->size), out);
	}
}

void
pb_encode_framed(const struct pb_desc *desc, const void *msg, struct buf *out)
{
	put_varint(out, pb_size(desc, msg));
	pb_encode(desc, msg, out);
}
