/* SPDX-License-Identifier: ISC
 *
 * A whole connection.  The first byte says what the rest is: bytes for a fresh
 * listener or dialer; what an established peer does, who can seal its frames;
 * or a saved state, two bytes of its length before it, and then the same. */
#include "t/proto/pair.h"
#include "wire/msg/state.h"

#include <sodium.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { LISTEN, DIAL, SEALED_LISTEN, SEALED_DIAL, LOAD, MODES };
enum { MOST = 1 << 16, EVENTS = 1 << 20 };

struct rig {
	struct conn c;
	struct buf in;
	struct noise_cipher peer; /* seals what the connection will open */
	msec now;
	bool dead;
};

static struct side sides[2]; /* a listener and a dialer that know each other */
static struct buf saved[2];
static struct budget budget = { .high = 32u << 20, .max = 64u << 20 };

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
answer(struct rig *r, struct conn_stream *st)
{
	switch (st->protocol[0]) {
	case 'n':
		conn_answer(&r->c, st, false);
		break;
	case 'r':
		conn_reset(&r->c, st, 1);
		break;
	default:
		conn_answer(&r->c, st, true);
	}
}

static void
hear(struct rig *r, const struct conn_ev *ev)
{
	struct conn_stream *st = ev->stream;

	must(ev->data.n > 0 && st->agreed);
	switch (ev->data.p[0]) {
	case 'r':
		conn_reset(&r->c, st, 1);
		break;
	case 'h':
		put_slice(&st->held, ev->data);
		break;
	default:
		conn_took(&r->c, st, ev->data.n, r->now);
	}
}

static void
turn(struct rig *r)
{
	struct conn_ev ev;
	int got = 0, events = 0;

	while (!r->dead &&
	    (got = conn_step(&r->c, &r->in, r->now, &ev)) == 1) {
		must(ev.kind != CONN_MORE && ++events < EVENTS);
		if (ev.kind == CONN_OFFER)
			answer(r, ev.stream);
		else if (ev.kind == CONN_DATA)
			hear(r, &ev);
		else if (ev.kind == CONN_FIN && ev.code == 0)
			must(ev.stream->mux->heard_fin);
	}
	if (got < 0) {
		must(r->c.why != NULL && r->c.fault != CONN_SOUND);
		r->dead = true;
	}
	must(r->c.clear <= r->in.n);
}

static void
check(const struct rig *r)
{
	struct conn_stream *st;
	size_t n = 0;

	for (size_t at = 0; (st = conn_next(&r->c, &at)) != NULL; n++)
		must(st->mux && st->mux->owner == st);
	/* one that came with the frame that ended it all has no owner */
	must(r->dead || n == conn_streams(&r->c));
	must(conn_due(&r->c) >= 0);
}

/* The stream with the least id not under least that the owner knows of. */
static struct conn_stream *
choose(const struct rig *r, uint32_t least)
{
	struct conn_stream *st, *best = NULL;

	for (size_t at = 0; (st = conn_next(&r->c, &at)) != NULL;)
		if ((st->agreed || !st->inbound) && st->mux->id >= least &&
		    (!best || st->mux->id < best->mux->id))
			best = st;
	return best;
}

/* One frame of Noise with this inside. */
static void
seal(struct rig *r, struct slice plain)
{
	uint8_t *p = buf_room(&r->in, 2 + plain.n + NOISE_TAG);

	must(p != NULL && plain.n <= NOISE_PLAIN);
	p[0] = (uint8_t)((plain.n + NOISE_TAG) >> 8);
	p[1] = (uint8_t)(plain.n + NOISE_TAG);
	if (plain.n > 0)
		memcpy(p + 2, plain.p, plain.n);
	if (noise_seal(&r->peer, p + 2, plain.n) == 0)
		buf_added(&r->in, 2 + plain.n + NOISE_TAG);
}

/* A frame of Yamux: type and flags of one byte, a small id, its data. */
static void
frame(struct rig *r, uint8_t kind, uint8_t id, struct slice data)
{
	uint8_t plain[YAMUX_HEADER + 256] = { 0, kind & 3, 0, kind >> 2 & 15,
		0, 0, 0, id };

	plain[11] = (uint8_t)data.n;
	if (data.n > 0)
		memcpy(plain + YAMUX_HEADER, data.p, data.n);
	seal(r, slice_of(plain, YAMUX_HEADER +
	    ((kind & 3) == 0 ? data.n : 0)));
}

static void
open_one(struct rig *r, uint8_t arg)
{
	struct slice names[] = { slice_text("/a"), slice_text("/bb") };

	conn_open(&r->c, names, 1 + (arg & 1), r->now);
}

static void
tick(struct rig *r, uint8_t arg)
{
	struct conn_ev ev;
	int got = 0, events = 0;

	r->now += (msec)arg * 200;
	while (!r->dead && (got = conn_tick(&r->c, r->now, &ev)) == 1)
		must(ev.kind == CONN_RESET && ++events < 100);
	r->dead |= got < 0;
}

/* From a state to its copy.  A good one loads. */
static void
birth(struct rig *r)
{
	struct buf state = { .max = 16u << 20 }, in;
	struct conn fresh;

	if (r->c.state != CONN_OPEN)
		return;
	buf_init(&in, r->in.max, &budget);
	conn_save(&r->c, &r->in, &state);
	must(!state.bad);
	must(conn_load(&fresh, &sides[0].self, buf_slice(&state), &in,
		r->now) == 0);
	must(conn_streams(&fresh) == conn_streams(&r->c));
	conn_free(&r->c);
	buf_free(&r->in);
	buf_wipe(&state);
	r->c = fresh;
	r->in = in;
}

static void
on_stream(struct rig *r, uint8_t what, struct conn_stream *st, size_t n)
{
	static const uint8_t zeros[1 << 16];

	switch (what) {
	case 0:
		conn_write(&r->c, st, slice_of(zeros, n * 256));
		break;
	case 1:
		if (n <= conn_room(&r->c, st) && n > 0 &&
		    conn_begin(&r->c, st, n))
			conn_commit(&r->c, st, n / 2);
		break;
	case 2:
		conn_fin(&r->c, st);
		break;
	case 3:
		conn_reset(&r->c, st, (uint32_t)n);
		break;
	case 4:
		if (conn_over(st))
			conn_forget(&r->c, st);
		break;
	default:
		conn_took(&r->c, st, st->held.n, r->now);
		buf_drop(&st->held, st->held.n);
	}
}

static void
act(struct rig *r, uint8_t what, uint8_t arg)
{
	struct conn_stream *st = choose(r, arg & 15);

	switch (what) {
	case 0:
		open_one(r, arg);
		break;
	case 1:
		tick(r, arg);
		break;
	case 2:
		birth(r);
		break;
	case 3:
		conn_goaway(&r->c, YAMUX_NORMAL);
		break;
	case 4:
		r->dead |= conn_flush(&r->c) < 0;
		buf_drop(&r->c.out, (size_t)arg * 4096);
		break;
	default:
		if (st)
			on_stream(r, what - 5, st, arg);
	}
}

/* One byte says who does what, the next how much or how. */
static void
drive(struct rig *r, struct slice in)
{
	while (in.n >= 2 && !r->dead) {
		uint8_t what = get_u8(&in), arg = get_u8(&in);
		size_t n = in.n;

		if (what < 64) { /* frames by their fields */
			uint8_t id = get_u8(&in);

			n = in.n < arg % 48u ? in.n : arg % 48u;
			frame(r, what, id, get_bytes(&in, n));
			turn(r);
		} else if (what < 128) { /* plain bytes */
			seal(r, get_bytes(&in, n < arg ? n : arg));
			turn(r);
		} else if (what < 132) { /* what is not even sealed */
			put_slice(&r->in, get_bytes(&in, n < arg ? n : arg));
			turn(r);
		} else {
			act(r, (what - 132) % 11, arg);
		}
		check(r);
	}
}

static void
finish(struct rig *r)
{
	conn_flush(&r->c);
	conn_free(&r->c);
	noise_cipher_free(&r->peer);
	buf_free(&r->in);
	must(budget.used == 0);
}

static void
raw(struct rig *r, bool dialer, struct slice in)
{
	static const uint8_t seed[32] = { 9 };
	size_t piece = 1 + (size_t)get_u8(&in) * 4;

	conn_init(&r->c, &sides[dialer].self, dialer, NULL, r->now, seed);
	while (in.n > 0 && !r->dead) {
		put_slice(&r->in, get_bytes(&in,
		    in.n < piece ? in.n : piece));
		turn(r);
	}
	must(!r->c.up);
	tick(r, 49);
	tick(r, 1);
	must(r->dead);
}

static bool
load(struct rig *r, struct slice state)
{
	if (conn_load(&r->c, &sides[0].self, state, &r->in, r->now) < 0)
		return false;
	r->peer = r->c.recv;
	check(r);
	return true;
}

static void
prepare(void)
{
	struct conn_ev ev;
	bool moved;

	if (sodium_init() < 0)
		abort();
	for (int i = 0; i < 2; i++) {
		side_self(&sides[i], (uint8_t)(1 + 50 * i));
		sides[i].self.limits = (struct yamux_limits){ 8, 8, 1 << 20 };
		side_init(&sides[i], i == 1, NULL, (uint8_t)(100 + i));
	}
	do {
		moved = false;
		for (int i = 0; i < 2; i++) {
			moved |= pair_carry(&sides[i], &sides[!i],
			    SIZE_MAX) > 0;
			while (conn_step(&sides[!i].conn, &sides[!i].in, 0,
				&ev) == 1)
				must(ev.kind == CONN_UP);
		}
	} while (moved);
	for (int i = 0; i < 2; i++) {
		buf_init(&saved[i], 1 << 16, NULL);
		conn_save(&sides[i].conn, &sides[i].in, &saved[i]);
		sides[i].self.budget = &budget;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in = slice_of(p, n < MOST ? n : MOST), state;
	struct rig r = { .now = 0 };
	uint8_t mode = get_u8(&in) % MODES;

	if (saved[0].n == 0)
		prepare();
	buf_init(&r.in, 1 << 20, &budget);
	switch (mode) {
	case LISTEN:
	case DIAL:
		raw(&r, mode == DIAL, in);
		break;
	case SEALED_LISTEN:
	case SEALED_DIAL:
		must(load(&r, buf_slice(&saved[mode == SEALED_DIAL])));
		drive(&r, in);
		break;
	default:
		n = get_u16(&in);
		state = get_bytes(&in, n < in.n ? n : in.n);
		if (load(&r, state)) {
			turn(&r);
			drive(&r, in);
		}
	}
	finish(&r);
	return 0;
}
