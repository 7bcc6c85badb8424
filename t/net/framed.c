/* SPDX-License-Identifier: ISC
 *
 * Messages, ends and pauses; what is slow is in framed_slow.c. */
#include "t/net/framing.h"

static void
test_hear(void)
{
	static const char three[] = "\x03one\x00\x05three";
	size_t n = sizeof three - 1;
	bool so = true;

	begin();
	give(three, n);
	until(3);
	ok(heard("one||three|"), "three in one read, one of them empty");
	is_text(me.events, "mmm", "and nothing else");
	is_int(budget.used, 0, "at rest it owns no bytes");
	end("nothing is left");

	for (size_t at = 1; at < n; at++) {
		begin();
		give(three, at);
		turns();
		so = so &&
		     framed_partial(me.f) == (at < 4 ? at : at - 4 - (at > 4));
		so = so && budget.used < 64 + 1;
		give(three + at, n - at);
		until(3);
		so =
		    so && heard("one||three|") && strcmp(me.events, "mmm") == 0;
		drop();
		so = so && budget.used == 0;
		close(me.far);
		buf_free(&me.heard);
	}
	ok(so, "split at every byte");
}

static void
test_length(void)
{
	char b[2 + MAX + 1] = "\xac\x02"; /* 300 */
	size_t n;

	begin();
	memset(b + 2, 'x', MAX);
	give(b, 2 + MAX);
	until(1);
	is_text(me.events, "m", "as long as it may be");
	is_int(me.heard.n, MAX + 1, "whole");
	give("\xad\x02", 2); /* 301 */
	until(2);
	is_text(me.events, "me", "one longer ends it, before it comes");
	is_int(me.end, FRAMED_TOO_LONG, "as too long");
	give("\x01x", 2);
	turns();
	is_text(me.events, "me", "what comes then is not heard");
	end("nothing is left");

	begin();
	give("\x01x\x81\x00\x01y", 6);
	until(2);
	is_text(me.events, "me", "a length with a byte too many");
	is_int(me.end, FRAMED_TOO_LONG, "ends it as well");
	end("nothing is left");

	begin();
	give("\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	turns();
	is_int(me.n, 0, "eight bytes of a length may still go on");
	give("\xff", 1);
	until(1);
	is_int(me.end, FRAMED_TOO_LONG, "nine may not");
	end("nothing is left");

	conf.max = 100000;
	begin();
	n = 100000;
	give("\xa0\x8d\x06", 3);
	while (n > 0) {
		char some[5000] = "";

		give(some, sizeof some);
		n -= sizeof some;
		pass(0);
	}
	until(1);
	is_int(me.heard.n, 100001, "longer than one read");
	end("nothing is left");
	conf.max = MAX;
}

static void
test_say(void)
{
	static char big[MOST_OUT], in[4096];
	size_t n = 0;

	begin();
	is_int(framed_say(me.f, slice_text("one")), 0, "say");
	is_int(framed_say(me.f, slice_text("")), 0, "nothing, too");
	is_int(framed_say_raw(me.f, slice_text("\x01"
					       "a\x02"
					       "bc")),
	    0, "what is framed already");
	is_int(framed_say_raw(me.f, slice_text("")), 0, "or nothing at all");
	is_int(framed_waiting(me.f), 10, "waits for the loop");
	until(1);
	is_text(me.events, "d", "told once that all is taken");
	is_int(framed_waiting(me.f), 0, "and nothing waits");
	n = take(in, sizeof in);
	is_bytes(in, n,
	    "\x03one\x00\x01"
	    "a\x02"
	    "bc",
	    10, "as it was said");
	is_int(budget.used, 0, "at rest it owns no bytes");
	ok(framed_say(me.f, slice_of(big, MOST_OUT)) < 0,
	    "its length counts to what waits at most");
	is_int(framed_say(me.f, slice_of(big, MOST_OUT - 3)), 0, "just fits");
	ok(framed_say(me.f, slice_text("")) < 0, "not a byte more");
	ok(framed_say_raw(me.f, slice_text("x")) < 0, "raw neither");
	for (n = 0; framed_waiting(me.f) > 0; pass(0))
		n += take(in, sizeof in);
	for (size_t r = 1; r > 0; n += r)
		r = take(in, sizeof in);
	is_int(n, MOST_OUT, "what was refused has left no bytes");
	is_text(me.events, "dd", "taken");
	end("nothing is left");

	begin();
	budget.max = 100;
	ok(framed_say(me.f, slice_of(big, 1000)) < 0, "the budget is used up");
	is_int(framed_say(me.f, slice_text("small")), 0, "a small one fits");
	until(1);
	is_int(take(in, sizeof in), 6, "and comes");
	give("\x01x", 2);
	until(2);
	is_int(me.end, FRAMED_BUDGET, "without bytes to read with it ends");
	budget.max = SIZE_MAX;
	end("nothing is left");
}

static void
test_end(void)
{
	char in[8];

	begin();
	give("\x01x", 2);
	shutdown(me.far, SHUT_WR);
	until(2);
	is_text(me.events, "me", "the end after a message");
	is_int(me.end, FRAMED_EOF, "is in order");
	is_int(
	    framed_say(me.f, slice_text("bye")), 0, "it can still say things");
	framed_fin(me.f);
	ok(framed_say(me.f, slice_text("x")) < 0, "until its half is closed");
	framed_fin(me.f);
	until(3);
	is_int(take(in, sizeof in), 4, "they come");
	ok(read(me.far, in, 1) == 0, "and then the end");
	turns();
	is_text(me.events, "med", "nothing is told twice");
	end("nothing is left");

	begin();
	framed_fin(me.f);
	ok(read(me.far, in, 1) == 0, "nothing waits: the end comes at once");
	give("\x01x", 2);
	until(1);
	ok(heard("x|"), "and it still hears");
	end("nothing is left");

	begin();
	give("\x80", 1);
	shutdown(me.far, SHUT_WR);
	until(1);
	is_int(me.end, FRAMED_CUT, "the end in a length");
	end("nothing is left");

	begin();
	framed_say(me.f, slice_text("unread"));
	until(1);
	close(me.far);
	me.far = -1;
	until(2);
	ok(me.end == FRAMED_CUT && framed_partial(me.f) == 0,
	    "closed with bytes unread");
	end("nothing is left");
}

static void
test_free(void)
{
	begin();
	me.free_in_message = true;
	give("\x03one\x03two", 8);
	until(1);
	turns();
	ok(heard("one|"), "free in message(), which is borrowed all the same");
	is_text(me.events, "m", "and the last");
	end("nothing is left");

	begin();
	me.free_in_message = me.echo = true;
	give("\x03one", 4);
	until(1);
	turns();
	is_text(me.events, "m", "with something to say");
	end("nothing is left");

	begin();
	me.free_in_end = true;
	shutdown(me.far, SHUT_WR);
	until(1);
	is_text(me.events, "e", "free in end()");
	end("nothing is left");

	begin();
	me.free_in_drained = true;
	framed_say(me.f, slice_text("x"));
	until(1);
	is_text(me.events, "d", "free in drained()");
	end("nothing is left");
	framed_free(NULL);
}

static void
test_pause(void)
{
	begin();
	me.pause_in_message = true;
	give("\x01"
	     "a\x01"
	     "b\x02"
	     "c",
	    6);
	until(1);
	turns();
	ok(heard("a|"), "paused between two that have come");
	give("d", 1);
	shutdown(me.far, SHUT_WR);
	turns();
	is_text(me.events, "m", "nothing is read, not the end either");
	framed_pause(me.f, true);
	framed_pause(me.f, false);
	is_text(me.events, "m", "nothing comes from within");
	until(2);
	turns();
	ok(heard("a|b|"), "the next one");
	me.pause_in_message = false;
	framed_pause(me.f, false);
	until(4);
	ok(heard("a|b|cd|"), "and the rest");
	is_text(me.events, "mmme", "and the end");
	is_int(me.end, FRAMED_EOF, "in order");
	end("nothing is left");
}

int
main(void)
{
	framing_begin();
	test_hear();
	test_length();
	test_say();
	test_end();
	test_free();
	test_pause();
	return framing_end();
}
