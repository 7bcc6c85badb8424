/* SPDX-License-Identifier: ISC */
#include "t/tap.h"
#include "wire/msg/ctl.h"
#include "wire/msg/key.h"

#include <stdlib.h>

static void *
member(void *msg, size_t offset)
{
	return (char *)msg + offset;
}

/* Every field of every message gets a value of its own, as many as the list
 * allows in repeated ones. */
static void
fill(const struct pb_desc *desc, void *msg, uint64_t *next)
{
	static const uint8_t bytes[256] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

	for (size_t i = 0; i < desc->n; i++) {
		const struct pb_row *row = &desc->rows[i];
		bool many = row->kind >= PB_UINT_N;

		if (many)
			*(size_t *)member(msg, row->has) = row->most;
		else
			*(bool *)member(msg, row->has) = true;
		for (size_t k = 0; k < (many ? row->most : 1); k++) {
			void *v = member(msg, row->offset + k * row->size);

			*next = *next * 7 + 1;
			if (row->of)
				fill(row->of, v, next);
			else if (row->size == sizeof(struct slice))
				*(struct slice *)v = slice_of(bytes,
				    *next % 19 + 1);
			else
				*(uint64_t *)v = *next;
		}
	}
}

/* One field of struct ctl at a time, full, there and back: the second
 * encoding has to be that of the first. */
static void
check_ctl(const struct pb_row *row)
{
	struct ctl *in = calloc(1, sizeof *in), *back = malloc(sizeof *back);
	struct buf first, second;
	uint64_t next = row->number;
	size_t dropped, set = 0;

	buf_init(&first, CTL_MAX, NULL);
	buf_init(&second, CTL_MAX, NULL);
	*(bool *)member(in, row->has) = true;
	fill(row->of, member(in, row->offset), &next);
	pb_encode(&ctl_desc, in, &first);
	ok(!first.bad && first.n == pb_size(&ctl_desc, in), "%s encodes",
	    row->name);
	is_int(pb_decode(&ctl_desc, buf_slice(&first), back, &dropped), 0,
	    row->name);
	is_int(dropped, 0, "nothing is dropped");
	for (size_t i = 0; i < ctl_desc.n; i++)
		set += *(bool *)member(back, ctl_desc.rows[i].has);
	ok(set == 1 && *(bool *)member(back, row->has), "it alone is set");
	pb_encode(&ctl_desc, back, &second);
	is_bytes(second.p, second.n, first.p, first.n, "and encodes again");
	buf_free(&first);
	buf_free(&second);
	free(in);
	free(back);
}

/* Lists are in order of field number, or the encoding is not canonical. */
static void
check_order(const struct pb_desc *desc)
{
	bool rising = true;

	for (size_t i = 1; i < desc->n; i++)
		rising &= desc->rows[i - 1].number < desc->rows[i].number;
	ok(rising, "%s is in order", desc->name);
}

/* An RSA key: its Type is 0 and has to be written all the same. */
static void
check_key(void)
{
	struct key_msg key = { .has_type = true, .type = KEY_RSA,
		.has_data = true, .data = slice_text("x") };
	struct buf out;

	buf_init(&out, 64, NULL);
	pb_encode(&key_msg_desc, &key, &out);
	is_bytes(out.p, out.n, "\x08\x00\x12\x01x", 5, "Type 0 is written");
	buf_free(&out);
}

/* Spot checks that do not go through the tables. */
static void
check_open(void)
{
	static struct ctl in, back;
	static const char want[] = "\x22\x14\x08\x07\x12\x02pp\x1a\x02/a"
	    "\x1a\x02/b\x22\x01" "A\x28\x90\x4e";
	struct buf out;

	in.has_open = true;
	in.open = (struct ctl_open){ .has_tag = true, .tag = 7,
		.has_peer = true, .peer = slice_text("pp"),
		.n_protocols = 2,
		.protocols = { slice_text("/a"), slice_text("/b") },
		.n_addrs = 1, .addrs = { slice_text("A") },
		.has_timeout = true, .timeout = 10000 };
	buf_init(&out, 64, NULL);
	pb_encode(&ctl_desc, &in, &out);
	is_bytes(out.p, out.n, want, sizeof want - 1, "OPEN");
	is_int(pb_decode(&ctl_desc, buf_slice(&out), &back, NULL), 0,
	    "is read");
	ok(back.has_open && back.open.tag == 7 &&
	    back.open.n_protocols == 2 &&
	    slice_is(back.open.protocols[1], "/b") &&
	    back.open.timeout == 10000, "and is the same");
	buf_free(&out);
}

int
main(void)
{
	check_order(&ctl_desc);
	for (size_t i = 0; i < ctl_desc.n; i++) {
		check_order(ctl_desc.rows[i].of);
		check_ctl(&ctl_desc.rows[i]);
	}
	check_key();
	check_open();
	return tap_done();
}
