/* SPDX-License-Identifier: ISC
 *
 * A stream of messages whose other end is played here, byte by byte. */
#include "net/framed.h"
#include "base/mem.h"
#include "t/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TOO_LONG = 60000, MAX = 300, MOST_OUT = 1 << 20 };
/* Of a stream where it matters, and of others: a machine that is busy may let us
 * wait for longer than the first. */
enum { PATIENCE = 150, FOREVER = 10 * TOO_LONG };
#include "t/net/turning.h"

enum { CALLED = 1, TICKED }; /* what run() returns */

/* One stream: its events as letters (m, e, d) and what they came with. */
static struct {
	struct framed *f;
	int far;
	char events[64];
	size_t n;
	struct buf heard; /* messages, each followed by a stroke */
	enum framed_end end;
	bool free_in_message, free_in_end, free_in_drained, pause_in_message;
	bool echo;
} me;
static struct budget budget;
static struct framed_conf conf;

static void
event(char c)
{
	if (me.n < sizeof me.events - 1)
		me.events[me.n++] = c;
	loop_stop(loop, CALLED);
}

/* Those that begin now have so much patience. */
static void
patience(msec time)
{
	conf.patience = time;
}

static void
drop(void)
{
	framed_free(me.f);
	me.f = NULL;
}

static void
on_message(void *arg, struct slice m)
{
	(void)arg;
	event('m');
	if (me.pause_in_message)
		framed_pause(me.f, true);
	if (me.echo)
		framed_say(me.f, m);
	if (me.free_in_message)
		drop();
	/* only now: it is borrowed until we return */
	put_slice(&me.heard, m);
	put_u8(&me.heard, '|');
}

static void
on_end(void *arg, enum framed_end end)
{
	(void)arg;
	event('e');
	me.end = end;
	if (me.free_in_end)
		drop();
}

static void
on_drained(void *arg)
{
	(void)arg;
	event('d');
	if (me.free_in_drained)
		drop();
}

static const struct framed_face face = { on_message, on_end, on_drained };

static void
begin(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	memset(&me, 0, sizeof me);
	me.heard.max = 1 << 22;
	me.far = pair[1];
	fcntl(me.far, F_SETFL, O_NONBLOCK);
	me.f = framed_new(loop, pair[0], &conf, &face, NULL);
}

static void
end(const char *name)
{
	drop();
	is_int(budget.used, 0, name);
	if (me.far >= 0)
		close(me.far);
	buf_free(&me.heard);
}

static void
tick(void *arg)
{
	(void)arg;
	loop_stop(loop, TICKED);
}

/* Let so much time pass in the loop. */
static void
pass(msec time)
{
	struct timer *t = timer_new(loop, tick, NULL);

	timer_at(t, msec_now() + time);
	while (run() == CALLED)
		;
	timer_free(t);
}

/* So many turns that what is ready has been seen. */
static void
turns(void)
{
	for (int i = 0; i < 3; i++)
		pass(1);
}

static void
until(size_t n)
{
	while (me.n < n && run() == CALLED)
		;
}

static void
give(const void *p, size_t n)
{
	if (write(me.far, p, n) != (ssize_t)n)
		abort();
}

static bool
heard(const char *what)
{
	bool so = slice_is(buf_slice(&me.heard), what);

	if (!so)
		printf("# heard %.*s\n", (int)me.heard.n, (char *)me.heard.p);
	return so;
}

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

static size_t
take(char *to, size_t most)
{
	ssize_t n = read(me.far, to, most);

	return n > 0 ? (size_t)n : 0;
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
test_end(void)
{
	static char big[MOST_OUT - 3];
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
	patience(FOREVER);
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

	patience(PATIENCE);
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
	patience(FOREVER);
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

	patience(PATIENCE);
	begin();
	me.free_in_end = true;
	give("\x02x", 2);
	until(1);
	is_int(me.end, FRAMED_SLOW, "of patience too");
	end("nothing is left");
	patience(FOREVER);

	begin();
	me.free_in_drained = true;
	framed_say(me.f, slice_text("x"));
	until(1);
	is_text(me.events, "d", "free in drained()");
	end("nothing is left");
	framed_free(NULL);
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
	budget = (struct budget){ .high = SIZE_MAX, .max = SIZE_MAX };
	conf = (struct framed_conf){ MAX, MOST_OUT, FOREVER, &budget };
	loop = loop_new();
	test_hear();
	test_length();
	test_drip();
	test_anew();
	test_say();
	test_not_taken();
	test_end();
	test_free();
	test_pause();
	loop_free(loop);
	return tap_done();
}
