/* SPDX-License-Identifier: ISC
 *
 * Patience with an other end that is slow, and when it ends. */
#include "t/net/framing.h"

static void
test_drip(void)
{
	msec began = msec_now();

	patience(PATIENCE);
	begin();
	give("\x02"
	     "a",
	    2);
	until(1);
	is_int(me.end, FRAMED_SLOW, "not whole in time");
	ok(msec_now() - began >= PATIENCE, "and not before");
	end("nothing is left");

	conf.max = 1 << 20;
	begin();
	began = msec_now();
	give("\x80\x80\x04", 3);
	while (me.n == 0 && msec_now() - began < TOO_LONG) {
		give("x", 1);
		pass(PATIENCE / 10);
	}
	is_int(me.end, FRAMED_SLOW, "a drip of bytes does not extend it");
	end("nothing is left");
	conf.max = MAX;
	patience(FOREVER);
}

/* Does it in time, which is this much: else the machine was busy, and nothing is
 * known.  What came of it is in me until the next begin(). */
typedef bool in_time(msec);

static void
take_time(in_time *doing)
{
	msec time = PATIENCE;

	for (;; time *= 2) {
		patience(time);
		begin();
		if (doing(time) || time > TOO_LONG)
			break;
		drop();
		close(me.far);
		buf_free(&me.heard);
	}
	patience(FOREVER);
}

static bool
messages_in_time(msec time)
{
	msec began = msec_now(), last = began, next;

	give("\x01", 1);
	do {
		pass(time / 5);
		next = msec_now();
		give("x\x01", 2);
		if (msec_now() - last >= time)
			return false;
		last = next;
	} while (last - began < 2 * time);
	return true;
}

static void
test_anew(void)
{
	take_time(messages_in_time);
	ok(me.n >= 2 && me.events[me.n - 1] == 'm',
	    "each message has the time anew");
	end("nothing is left");
}

/* Takes all that waits, again and again. */
static bool
takes_in_time(msec time)
{
	static char big[MOST_OUT / 2 - 3], sink[1 << 20];
	msec began = msec_now(), last = began, now;

	do {
		framed_say(me.f, slice_of(big, sizeof big));
		take(sink, sizeof sink);
		pass(time / 10);
		now = msec_now();
		if (now - last >= time / 5)
			return false;
		last = now;
	} while (now - began < 2 * time);
	return true;
}

/* The far end does not read, or a little. */
static void
test_not_taken(void)
{
	static char big[MOST_OUT - 3], in[65536];
	msec began = msec_now();

	patience(PATIENCE);
	begin();
	framed_say(me.f, slice_of(big, sizeof big));
	turns();
	ok(framed_waiting(me.f) > 0, "it is not all taken");
	while (me.n == 0 && msec_now() - began < TOO_LONG) {
		take(in, sizeof in);
		pass(PATIENCE / 10);
	}
	is_text(me.events, "e", "that is not waited for for ever");
	is_int(me.end, FRAMED_SLOW, "nor when a little is taken");
	ok(msec_now() - began >= PATIENCE, "but as long as was said");
	ok(framed_waiting(me.f) > 0, "something still waits");
	ok(framed_say(me.f, slice_text("x")) < 0, "nothing more can be said");
	framed_fin(me.f);
	end("nothing is left");

	/* a slow reader of much that gets on is not cut off */
	take_time(takes_in_time);
	ok(memchr(me.events, 'e', me.n) == NULL,
	    "who takes what waited has the time anew");
	end("nothing is left");

	begin();
	close(me.far);
	me.far = -1;
	is_int(framed_say(me.f, slice_text("x")), 0, "nobody is there");
	is_int(me.n, 0, "which say does not tell");
	until(1);
	is_text(me.events, "e", "but the loop");
	is_int(me.end, FRAMED_CUT, "as cut");
	end("nothing is left");
}

static void
test_ends(void)
{
	static char big[MOST_OUT - 3];

	/* what can be read comes before what is late */
	patience(PATIENCE);
	begin();
	give("\x02x", 2);
	shutdown(me.far, SHUT_WR);
	until(1);
	is_int(me.end, FRAMED_CUT, "the end in a message");
	is_int(framed_partial(me.f), 2, "of which two bytes have come");
	pass(PATIENCE * 3 / 2);
	is_text(me.events, "e", "whose time does not run out then");
	end("nothing is left");

	begin();
	framed_say(me.f, slice_of(big, sizeof big));
	framed_fin(me.f);
	shutdown(me.far, SHUT_WR);
	until(1);
	is_int(me.end, FRAMED_EOF, "the end while something waits");
	until(2);
	is_text(me.events, "ee", "is followed by another");
	is_int(me.end, FRAMED_SLOW, "when it is not taken");
	turns();
	is_text(me.events, "ee", "and no more");
	end("nothing is left");

	begin();
	me.free_in_end = true;
	give("\x02x", 2);
	until(1);
	is_int(me.end, FRAMED_SLOW, "of patience too");
	end("nothing is left");
	patience(FOREVER);
}

/* A message that is paused half way, for longer than there is patience. */
static bool
pauses_in_time(msec time)
{
	msec began = msec_now();

	give("\x02"
	     "a",
	    2);
	turns();
	framed_pause(me.f, true);
	if (msec_now() - began >= time)
		return false;
	pass(time * 3 / 2);
	began = msec_now();
	framed_pause(me.f, false);
	turns();
	give("b", 1);
	return msec_now() - began < time;
}

static void
test_pause(void)
{
	take_time(pauses_in_time);
	is_int(me.n, 0, "patience does not end while nothing is read, nor then");
	until(1);
	ok(heard("ab|"), "the message goes on");
	give("\x02"
	     "a",
	    2);
	turns();
	framed_pause(me.f, true);
	framed_pause(me.f, false);
	until(2);
	is_int(me.end, FRAMED_SLOW, "or ends later");
	framed_pause(me.f, true);
	framed_pause(me.f, false);
	turns();
	is_text(me.events, "me", "once");
	end("nothing is left");
}

int
main(void)
{
	framing_begin();
	test_drip();
	test_anew();
	test_not_taken();
	test_ends();
	test_pause();
	return framing_end();
}
