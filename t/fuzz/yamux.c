/* SPDX-License-Identifier: ISC
 *
 * A session whose peer and owner both follow the input.  One byte says what
 * happens next: most of them feed some bytes, the others are calls that the
 * owner may make at that point. */
#include "t/proto/yamux_reload.h"

#include <stdlib.h>

enum { OUT = 1 << 20, MOST = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const struct yamux_limits limits = { 8, 8, 4 * YAMUX_WINDOW };

struct rig {
	struct yamux y;
	struct buf out;
	msec now;
};

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
check(const struct rig *r)
{
	struct yamux_stream *s;
	struct slice key;
	size_t in = 0, ours = 0;

	for (size_t at = 0;
	    (s = map_next(&r->y.streams, &at, &key)) != NULL;) {
		must(s->recv + s->untaken + s->owed == s->window);
		must(s->window <= limits.window_most);
		must(s->taken < s->window);
		must(s->inbound == ((s->id & 1) != r->y.client));
		in += s->inbound;
		ours += !s->inbound;
	}
	must(in == r->y.in && in <= limits.streams_in);
	must(ours == r->y.out_n && ours <= limits.streams_out);
	must(r->out.n % YAMUX_HEADER == 0 && !r->out.bad);
}

/* Any stream there is, by the owner's choice. */
static struct yamux_stream *
pick(const struct rig *r, uint8_t which)
{
	struct yamux_stream *s = NULL, *next;
	struct slice key;

	for (size_t at = 0; (next = map_next(&r->y.streams, &at, &key)) &&
	    which-- != 255;)
		s = next;
	return s;
}

static bool
feed(struct rig *r, struct slice in)
{
	struct yamux_ev ev;
	int got;

	while ((got = yamux_step(&r->y, &in, r->now, &r->out, &ev)) == 1) {
		must(ev.kind != YAMUX_MORE);
		if (ev.kind == YAMUX_DATA)
			must(ev.data.n > 0 && !ev.stream->heard_fin);
		if (ev.kind == YAMUX_RESET && ev.code & 1)
			yamux_forget(&r->y, ev.stream);
		else if (ev.kind == YAMUX_DATA && ev.data.p[0] == '!')
			yamux_reset(&r->y, ev.stream, 1, &r->out);
	}
	must(got == 0 ? in.n == 0 : r->y.why != NULL);
	return got == 0;
}

static void
act(struct rig *r, uint8_t what, uint8_t arg)
{
	struct yamux_stream *s = pick(r, arg & 15);
	uint8_t header[YAMUX_HEADER];

	switch (what) {
	case 0:
		yamux_open(&r->y, r->now);
		break;
	case 1:
		if (s && yamux_room(s) >= arg)
			yamux_header(&r->y, s, arg, header);
		break;
	case 2:
		if (s)
			yamux_took(&r->y, s, (uint32_t)arg << 12, r->now,
			    &r->out);
		break;
	case 3:
		if (s)
			yamux_fin(&r->y, s, &r->out);
		break;
	case 4:
		if (s)
			yamux_reset(&r->y, s, arg, &r->out);
		break;
	case 5:
		if (s && s->said_fin && s->heard_fin)
			yamux_forget(&r->y, s);
		break;
	case 6:
		r->now += (msec)arg * 200;
		yamux_tick(&r->y, r->now, &r->out);
		break;
	case 7:
		must(r->y.why || reload(&r->y));
		break;
	case 8:
		r->y.may_grow = !r->y.may_grow;
		break;
	case 9:
		yamux_goaway(&r->y, YAMUX_NORMAL, &r->out);
		break;
	default:
		r->now += arg;
		yamux_ping(&r->y, r->now, &r->out);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in = slice_of(p, n < MOST ? n : MOST);
	struct rig r = { .now = 1 };
	bool alive = true;

	buf_init(&r.out, OUT, NULL);
	yamux_init(&r.y, get_u8(&in) & 1, &limits, r.now);
	while (in.n >= 2 && alive) {
		uint8_t what = get_u8(&in);
		uint8_t arg = get_u8(&in);

		if (what < 128)
			alive = feed(&r, get_bytes(&in,
			    what < in.n ? what : in.n));
		else
			act(&r, (what - 128) / 11, arg);
		check(&r);
		buf_drop(&r.out, r.out.n);
	}
	yamux_free(&r.y);
	buf_free(&r.out);
	return 0;
}
