/* SPDX-License-Identifier: ISC */
#include "t/proto/yamux_reload.h"
#include "t/tap.h"

#include "base/mem.h"

#include <stdlib.h>
#include <time.h>

enum { OUT = 1 << 22, BEHIND = 1 << 16 };

static const struct yamux_limits many = { 1000, 1000, 4 * YAMUX_WINDOW };

/* Two machines back to back.  What one has said and the other not yet heard
 * stands in the first one's out. */
struct end {
	struct yamux y;
	struct buf out;
	uint64_t came[2]; /* bytes of data, and a sum that depends on order */
	unsigned kinds[YAMUX_GOAWAY + 1];
};

static void
end_init(struct end *e, bool client, const struct yamux_limits *limits)
{
	*e = (struct end){ 0 };
	yamux_init(&e->y, client, limits, 0);
	buf_init(&e->out, OUT, NULL);
}

static void
end_free(struct end *e)
{
	yamux_free(&e->y);
	buf_free(&e->out);
}

/* Let `to` hear at most n bytes, taking data at once; the last event. */
static int
hear(struct end *to, struct end *from, size_t n, msec now)
{
	struct slice in = slice_of(from->out.p,
	    n < from->out.n ? n : from->out.n);
	size_t had = in.n;
	struct yamux_ev ev;
	int r;

	while ((r = yamux_step(&to->y, &in, now, &to->out, &ev)) == 1) {
		to->kinds[ev.kind]++;
		for (size_t i = 0; i < ev.data.n; i++)
			to->came[1] = to->came[1] * 31 + ev.data.p[i];
		to->came[0] += ev.data.n;
		if (ev.kind == YAMUX_DATA)
			yamux_took(&to->y, ev.stream, (uint32_t)ev.data.n, now,
			    &to->out);
	}
	buf_drop(&from->out, had - in.n);
	return r;
}

static void
settle(struct end *a, struct end *b, msec now)
{
	while (a->out.n > 0 || b->out.n > 0) {
		hear(b, a, OUT, now);
		hear(a, b, OUT, now);
	}
}

/* Two megabytes in frames of many sizes, in pieces of `step` bytes; with 12 as
 * the step every save comes at another place of a frame. */
static bool
transfer(size_t step, bool saving)
{
	struct end a, b;
	uint8_t data[1000];
	uint64_t sent = 0, sum = 0;
	uint32_t id;
	bool good = true;

	end_init(&a, true, &many);
	end_init(&b, false, &many);
	id = yamux_open(&a.y, 0)->id;
	while (good && b.kinds[YAMUX_FIN] == 0) {
		struct yamux_stream *s = map_get_u32(&a.y.streams, id);
		uint32_t n = (uint32_t)(sent % 997) + 1;

		for (uint32_t i = 0; i < n; i++)
			data[i] = (uint8_t)(sent + i);
		if (sent >= 2000000) {
			yamux_fin(&a.y, s, &a.out);
		} else if (yamux_room(s) >= n && a.out.n < BEHIND) {
			yamux_data(&a.y, s, slice_of(data, n), &a.out);
			for (uint32_t i = 0; i < n; i++)
				sum = sum * 31 + data[i];
			sent += n;
		}
		good = hear(&b, &a, step, 1) == 0 && hear(&a, &b, step, 1) == 0;
		if (good && saving)
			good = reload(&a.y) && reload(&b.y);
	}
	good = good && b.came[0] == sent && b.came[1] == sum;
	end_free(&a);
	end_free(&b);
	return good;
}

static void
test_transfer(void)
{
	ok(transfer(OUT, false), "a transfer in whole frames");
	ok(transfer(1009, false), "a transfer in pieces of 1009 bytes");
	ok(transfer(1009, true), "the same, saved and loaded at every piece");
	ok(transfer(OUT, true), "and at every boundary of a frame");
}

static void
test_thousand(void)
{
	struct end a, b;
	struct yamux_stream *s;
	struct slice key;
	size_t opened = 0;

	end_init(&a, true, &many);
	end_init(&b, false, &many);
	while ((s = yamux_open(&a.y, 0)) != NULL) {
		yamux_data(&a.y, s, slice_text("hello"), &a.out);
		opened++;
	}
	is_int(opened, 1000, "as many streams as the limit");
	settle(&a, &b, 0);
	is_int(b.kinds[YAMUX_OPEN], 1000, "the peer has all of them");
	is_int(b.came[0], 5000, "and their data");
	for (size_t at = 0; (s = map_next(&b.y.streams, &at, &key)) != NULL;)
		yamux_fin(&b.y, s, &b.out);
	for (size_t at = 0; (s = map_next(&a.y.streams, &at, &key)) != NULL;)
		opened -= s->acked;
	is_int(opened, 0, "all are acknowledged");
	settle(&a, &b, 0);
	for (size_t at = 0; (s = map_next(&a.y.streams, &at, &key)) != NULL;) {
		yamux_fin(&a.y, s, &a.out);
		yamux_forget(&a.y, s);
	}
	settle(&a, &b, 0);
	for (size_t at = 0; (s = map_next(&b.y.streams, &at, &key)) != NULL;)
		yamux_forget(&b.y, s);
	is_int(b.kinds[YAMUX_FIN] + a.kinds[YAMUX_FIN], 2000, "closed");
	is_int(a.y.streams.n + a.y.out_n + b.y.streams.n + b.y.in, 0,
	    "nothing is left");
	a.y.next_id = UINT32_MAX;
	ok(yamux_open(&a.y, 0) == NULL, "ids are not used twice");
	end_free(&a);
	end_free(&b);
}

static void
put_frame(struct buf *out, uint16_t kind, uint16_t flags, uint32_t id,
    uint32_t len)
{
	put_u16(out, kind);
	put_u16(out, flags);
	put_u32(out, id);
	put_u32(out, len);
}

static void
test_floods(void)
{
	const struct yamux_limits hundred = { 100, 100, YAMUX_WINDOW };
	struct end peer, e;

	end_init(&peer, true, &many);
	end_init(&e, false, &hundred);
	for (uint32_t i = 0; i < 1000; i++)
		put_frame(&peer.out, 1, 1, 2 * i + 1, 0);
	is_int(hear(&e, &peer, OUT, 7), -1, "1000 SYNs in a millisecond");
	is_text(e.y.why, "too many pings or refused streams", "why");
	is_int(e.y.in, 100, "no more streams than the limit");
	is_int(e.y.refused, YAMUX_REPLIES + 1, "the rest counted");
	is_int(e.out.n, (100 + YAMUX_REPLIES + 1) * YAMUX_HEADER,
	    "and answered within the budget");
	is_int(yamux_tick(&e.y, 8, &e.out), -1, "it stays over");
	ok(yamux_due(&e.y) == MSEC_NEVER, "and wants nothing more");
	end_free(&e);

	end_init(&e, false, &many);
	buf_drop(&peer.out, peer.out.n);
	for (unsigned second = 0; second < 3; second++) {
		for (uint32_t i = 0; i < YAMUX_REPLIES; i++)
			put_frame(&peer.out, 2, 1, 0, i);
		is_int(hear(&e, &peer, OUT, second * 1000), 0,
		    "as many pings as are allowed in a second");
	}
	is_int(e.out.n, 3 * YAMUX_REPLIES * YAMUX_HEADER, "all answered");
	put_frame(&peer.out, 2, 1, 0, 0);
	is_int(hear(&e, &peer, OUT, 2999), -1, "one ping more is the end");
	end_free(&e);
	end_free(&peer);
}

/* Hear n streams opened only to be reset (CVE-2023-44487), by a frame of its own
 * or in the one that opens them. */
static int
waste(struct end *e, uint32_t n, bool in_one, msec now)
{
	struct end peer;
	int r;

	end_init(&peer, true, &many);
	for (uint32_t i = 0; i < n; i++) {
		put_frame(&peer.out, 1, in_one ? 1 | 8 : 1, 2 * i + 1, 0);
		if (!in_one)
			put_frame(&peer.out, 1, 8, 2 * i + 1, 0);
	}
	r = hear(e, &peer, OUT, now);
	buf_cut(&e->out, 0);
	end_free(&peer);
	return r;
}

static void
test_waste(void)
{
	struct end e, peer;

	for (int in_one = 0; in_one < 2; in_one++) {
		end_init(&e, false, &many);
		for (msec now = 0; now < 3000; now += 1000)
			is_int(waste(&e, YAMUX_WASTE, in_one, now), 0,
			    "so many resets a second are borne");
		is_int(waste(&e, 1, in_one, 2999), -1, "one more is the end");
		is_text(e.y.why, "too many streams that come to nothing",
		    "why");
		is_int(e.y.in, 0, "no stream is left");
		end_free(&e);
	}

	/* streams that end in order do not count */
	end_init(&e, false, &many);
	end_init(&peer, true, &many);
	for (uint32_t i = 0; i < 2 * YAMUX_WASTE; i++) {
		struct yamux_ev ev;
		struct slice in;

		put_frame(&peer.out, 1, 1 | 4, 2 * i + 1, 0);
		in = buf_slice(&peer.out);
		if (yamux_step(&e.y, &in, 0, &e.out, &ev) != 1 ||
		    yamux_step(&e.y, &in, 0, &e.out, &ev) != 1)
			break;
		yamux_fin(&e.y, ev.stream, &e.out);
		yamux_forget(&e.y, ev.stream);
		buf_cut(&peer.out, 0);
		buf_cut(&e.out, 0);
	}
	is_text(e.y.why, NULL, "orderly ends are not counted");
	end_free(&e);
	end_free(&peer);
}

/* What an owner may still do with a stream that was reset, all in silence. */
static void
test_reset(void)
{
	struct end e;
	struct yamux_ev ev;
	struct slice in;
	struct buf b;

	end_init(&e, false, &many);
	buf_init(&b, OUT, NULL);
	for (int i = 0; i < 3; i++) {
		put_frame(&b, 1, 1, 1, 0);
		put_frame(&b, 1, 8, 1, 9);
	}
	in = buf_slice(&b);
	for (int i = 0; i < 3; i++) {
		yamux_step(&e.y, &in, 0, &e.out, &ev);
		buf_drop(&e.out, e.out.n);
		yamux_step(&e.y, &in, 0, &e.out, &ev);
		is_int(ev.kind, YAMUX_RESET, "reset");
		is_int(ev.code, 9, "with its code");
		is_int(yamux_room(ev.stream), 0, "no room");
		yamux_took(&e.y, ev.stream, 1, 0, &e.out);
		yamux_fin(&e.y, ev.stream, &e.out);
		if (i == 1)
			yamux_forget(&e.y, ev.stream);
		if (i == 2)
			yamux_reset(&e.y, ev.stream, 1, &e.out);
		is_int(e.out.n, 0, "silence");
	}
	is_int(e.y.streams.n + e.y.in, 0, "nothing is left");
	end_free(&e);
	buf_free(&b);
}

/* The window after 4 MiB were taken, 64 KiB in each `pause` ms. */
static uint32_t
window_after(msec rtt, bool may, msec pause)
{
	static uint8_t data[65536];
	struct end a, b;
	struct yamux_stream *s;
	uint32_t window;
	msec now = 1000;

	end_init(&a, true, &many);
	end_init(&b, false, &many);
	b.y.rtt = rtt;
	b.y.may_grow = may;
	s = yamux_open(&a.y, 0);
	yamux_fin(&b.y, yamux_open(&b.y, 0), &b.out);
	for (int i = 0; i < 64; i++, now += pause) {
		yamux_data(&a.y, s, slice_of(data, sizeof data), &a.out);
		settle(&a, &b, now);
	}
	s = map_get_u32(&b.y.streams, 1);
	window = s->window;
	ok(s->recv + s->untaken + s->owed == s->window, "it adds up");
	end_free(&a);
	end_free(&b);
	return window;
}

static void
test_windows(void)
{
	struct end a, b;
	struct yamux_stream *s;
	struct yamux_ev ev;
	uint8_t *data = mem_new(YAMUX_WINDOW);
	struct slice in;

	end_init(&a, true, &many);
	end_init(&b, false, &many);
	s = yamux_open(&a.y, 0);
	yamux_data(&a.y, s, slice_of(data, YAMUX_WINDOW), &a.out);
	is_int(yamux_room(s), 0, "a window is spent");
	in = buf_slice(&a.out);
	while (yamux_step(&b.y, &in, 0, &b.out, &ev) == 1)
		s = ev.stream;
	is_int(s->untaken, YAMUX_WINDOW, "delivered, not taken");
	put_frame(&b.out, 0, 0, 1, 1);
	buf_drop(&b.out, b.out.n - YAMUX_HEADER);
	in = buf_slice(&b.out);
	ok(reload(&b.y), "saved with the window spent");
	s = map_get_u32(&b.y.streams, 1);
	is_int(yamux_step(&b.y, &in, 0, &a.out, &ev), -1,
	    "one byte more is the end");
	b.y.why = NULL;
	buf_drop(&b.out, b.out.n);
	yamux_took(&b.y, s, YAMUX_WINDOW / 2 - 1, 0, &b.out);
	is_int(b.out.n, 0, "no credit for less than half a window");
	yamux_took(&b.y, s, 1, 0, &b.out);
	is_int(b.out.n, YAMUX_HEADER, "credit for half");
	yamux_took(&b.y, s, UINT32_MAX, 0, &b.out);
	is_int(s->recv, YAMUX_WINDOW, "more than was given is not taken");
	s->heard_fin = true;
	s->untaken = s->recv, s->recv = 0;
	buf_drop(&b.out, b.out.n);
	yamux_took(&b.y, s, YAMUX_WINDOW, 0, &b.out);
	is_int(b.out.n, 0, "no credit after the end");
	end_free(&a);
	end_free(&b);
	free(data);

	is_int(window_after(10, true, 2), 4 * YAMUX_WINDOW, "up to the most");
	is_int(window_after(10, false, 2), YAMUX_WINDOW, "not if not allowed");
	is_int(window_after(-1, true, 2), YAMUX_WINDOW, "not without a rtt");
	is_int(window_after(10, true, 14), YAMUX_WINDOW, "not when slow");
	is_int(window_after(0, true, 0), 4 * YAMUX_WINDOW, "rtt under a ms");
}

static void
test_timers(void)
{
	struct end a, b;

	end_init(&a, true, &many);
	end_init(&b, false, &many);
	is_int(yamux_due(&a.y), 0, "the first ping is due at once");
	is_int(yamux_tick(&a.y, 0, &a.out), 0, "tick");
	is_int(yamux_due(&a.y), YAMUX_PONG_TIMEOUT, "then its answer");
	hear(&b, &a, OUT, 10);
	hear(&a, &b, OUT, 20);
	is_int(a.y.rtt, 20, "rtt");
	is_int(yamux_due(&a.y), YAMUX_KEEPALIVE, "then the next ping");
	yamux_tick(&a.y, YAMUX_KEEPALIVE, &a.out);
	ok(reload(&a.y), "saved with a ping on the way");
	hear(&b, &a, OUT, YAMUX_KEEPALIVE);
	hear(&a, &b, OUT, YAMUX_KEEPALIVE + 10);
	is_int(a.y.rtt, 15, "the pong is known after a load; rtt is smoothed");
	end_free(&a);
	end_free(&b);
}

static void
test_nonsense(void)
{
	struct end e;
	struct state_yamux y;
	static struct state_stream st, bad;
	struct yamux fresh;

	end_init(&e, true, &many);
	yamux_save_stream(yamux_open(&e.y, 0), &st);
	ok(yamux_load_stream(&e.y, &st) == NULL, "a stream twice");
	yamux_forget(&e.y, map_get_u32(&e.y.streams, 1));
	bad = st, bad.id = 3;
	ok(yamux_load_stream(&e.y, &bad) == NULL, "an id not yet given out");
	bad = st, bad.inbound = 1;
	ok(yamux_load_stream(&e.y, &bad) == NULL, "a side that does not fit");
	bad = st, bad.recv++;
	ok(yamux_load_stream(&e.y, &bad) == NULL, "windows that do not add up");
	bad = st, bad.send = UINT64_C(1) << 32;
	ok(yamux_load_stream(&e.y, &bad) == NULL, "a number too large");
	e.y.body_id = 1, e.y.body_left = YAMUX_WINDOW + 1;
	ok(yamux_load_stream(&e.y, &st) == NULL, "a frame beyond its window");
	e.y.body_left = YAMUX_WINDOW;
	ok(yamux_load_stream(&e.y, &st) != NULL, "the stream itself");
	yamux_save(&e.y, &y), y.next_id++;
	is_int(yamux_load(&fresh, &y, &many), -1, "ids of the other side");
	yamux_save(&e.y, &y), y.head.n = YAMUX_HEADER;
	is_int(yamux_load(&fresh, &y, &many), -1, "a header too long");
	yamux_save(&e.y, &y), y.ping_next = UINT64_MAX;
	is_int(yamux_load(&fresh, &y, &many), -1, "a time out of range");
	end_free(&e);
}

/* Not a test: frames of 100 bytes on 100 streams, read as fast as can be. */
static void
show_speed(void)
{
	enum { STREAMS = 100, ROUNDS = 2000 };
	static const uint8_t data[100];
	struct end a, b;
	struct timespec from, to;
	double seconds = 0;
	struct yamux_stream *s;
	struct yamux_ev ev;
	struct slice in;
	struct slice key;

	end_init(&a, true, &many);
	end_init(&b, false, &many);
	while (yamux_open(&a.y, 0) && a.y.out_n < STREAMS)
		continue;
	for (int i = 0; i < ROUNDS; i++) {
		size_t at = 0;

		while ((s = map_next(&a.y.streams, &at, &key)) != NULL)
			yamux_data(&a.y, s, slice_of(data, sizeof data),
			    &a.out);
		clock_gettime(CLOCK_MONOTONIC, &from);
		in = buf_slice(&a.out);
		while (yamux_step(&b.y, &in, 0, &b.out, &ev) == 1)
			yamux_took(&b.y, ev.stream, (uint32_t)ev.data.n, 0,
			    &b.out);
		clock_gettime(CLOCK_MONOTONIC, &to);
		buf_drop(&a.out, a.out.n);
		seconds += (double)(to.tv_sec - from.tv_sec) +
		    (double)(to.tv_nsec - from.tv_nsec) / 1e9;
		hear(&a, &b, OUT, 0);
	}
	printf("# %.1f million frames a second\n",
	    STREAMS * ROUNDS / seconds / 1e6);
	end_free(&a);
	end_free(&b);
}

int
main(void)
{
	test_transfer();
	test_thousand();
	test_floods();
	test_waste();
	test_reset();
	test_windows();
	test_timers();
	test_nonsense();
	show_speed();
	return tap_done();
}
