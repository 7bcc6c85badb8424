/* SPDX-License-Identifier: ISC */
#include "net/loop.h"
#include "base/fd.h"
#include "t/tap.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TOO_LONG = 60000 };
#include "t/net/turning.h"

static char trace[64];
static size_t traced;

static void
note(char c)
{
	if (traced < sizeof trace - 1)
		trace[traced++] = c;
	trace[traced] = 0;
}

static void
clear(void)
{
	traced = 0;
	trace[0] = 0;
}

static void
soon(void *arg)
{
	note(*(const char *)arg);
	if (*(const char *)arg == 'b')
		loop_soon(loop, soon, "d");
	if (*(const char *)arg == 'd')
		loop_stop(loop, 7);
}

static void
test_soon(void)
{
	static char c[] = "c";

	clear();
	loop_soon(loop, soon, "a");
	loop_soon(loop, soon, c);
	loop_soon(loop, soon, "b");
	loop_soon(loop, soon, c);
	loop_forget(loop, c);
	loop_soon(loop, soon, "e");
	is_int(run(), 7, "loop_stop gives the code");
	is_text(trace, "abed", "in the order asked; forgotten ones left out");
}

static msec due;
static struct timer *self;

static void
on_time(void *arg)
{
	bool early = msec_now() < due;

	note(early ? '!' : *(const char *)arg);
	if (*(const char *)arg == 'z')
		loop_stop(loop, 0);
}

static void
on_self(void *arg)
{
	(void)arg;
	note(timer_when(self) == MSEC_NEVER ? 's' : '!');
	timer_free(self);
	loop_stop(loop, 0);
}

static void
busy_then_time(void *arg)
{
	msec end = msec_now() + 20;

	while (msec_now() < end)
		;
	due = msec_now() + 5;
	timer_at(arg, due);
}

static void
test_timers(void)
{
	struct timer *a = timer_new(loop, on_time, "a");
	struct timer *z = timer_new(loop, on_time, "z");
	struct timer *busy = timer_new(loop, busy_then_time, z);

	clear();
	timer_at(a, msec_now() + 5);
	timer_at(a, MSEC_NEVER);
	timer_at(z, msec_now() - 100);
	is_int(run(), 0, "a time that is past comes at once");
	is_text(trace, "z", "a disarmed timer does not come");
	is_int(timer_when(z) == MSEC_NEVER, 1, "one shot");

	clear();
	due = msec_now() + 30;
	timer_at(z, msec_now() + 1);
	timer_at(z, due);
	run();
	is_text(trace, "z", "armed anew it comes at the later time, once");

	/* libevent's own clock stands still during a turn */
	clear();
	timer_at(busy, msec_now());
	run();
	is_text(trace, "z", "never early, even after a long callback");

	clear();
	self = timer_new(loop, on_self, NULL);
	timer_at(self, msec_now());
	is_int(run(), 0, "a timer may free itself");
	timer_free(a);
	timer_free(z);
	timer_free(busy);
	timer_free(NULL);
}

static struct watch *watches[2];
static int pair[2];

static void
on_read(void *arg, unsigned what)
{
	(void)arg;
	note(what & WATCH_READ ? 'r' : '?');
	if (traced == 3) /* level-triggered: it comes again and again */
		loop_stop(loop, 0);
}

static void
on_both(void *arg, unsigned what)
{
	(void)arg;
	note(what == WATCH_READ ? 'r' : what == WATCH_WRITE ? 'w' : '?');
	watch_free(watches[0]);
	loop_stop(loop, 0);
}

/* Frees the other watch, which is ready as well. */
static void
on_first(void *arg, unsigned what)
{
	size_t i = *(const size_t *)arg;

	(void)what;
	note('f');
	watch_free(watches[1 - i]);
	watch_free(watches[i]);
	watch_free(watches[i]);
	loop_stop(loop, 0);
}

static void
test_watches(void)
{
	static const size_t index[2] = { 0, 1 };

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) {
		ok(false, "socketpair");
		return;
	}
	clear();
	watches[0] = watch_new(loop, pair[0], on_read, NULL);
	watch_want(watches[0], WATCH_READ);
	watch_want(watches[0], WATCH_READ);
	ok(write(pair[1], "x", 1) == 1, "a byte is there");
	run();
	is_text(trace, "rrr", "level-triggered");
	watch_free(watches[0]);

	clear();
	watches[0] = watch_new(loop, pair[0], on_both, NULL);
	watch_want(watches[0], WATCH_READ | WATCH_WRITE);
	run();
	is_int(traced, 1, "freed in its first callback there is no second");

	clear();
	watches[0] = watch_new(loop, pair[0], on_first, (void *)&index[0]);
	watches[1] = watch_new(loop, pair[1], on_first, (void *)&index[1]);
	watch_want(watches[0], WATCH_WRITE);
	watch_want(watches[1], WATCH_WRITE);
	run();
	is_text(trace, "f", "a watch may free another that is ready");
	watch_free(NULL);
	close(pair[0]);
	close(pair[1]);
}

static void
on_signal(void *arg, unsigned what)
{
	(void)what;
	note('u');
	watch_free(*(struct watch **)arg);
	loop_stop(loop, 3);
}

static void
raise_it(void *arg)
{
	(void)arg;
	raise(SIGUSR1);
}

static void
test_signals(void)
{
	struct watch *w = loop_signal(loop, SIGUSR1, on_signal, &w);

	clear();
	loop_soon(loop, raise_it, NULL);
	is_int(run(), 3, "a signal is seen in the loop");
	is_text(trace, "u", "once");
	ok(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
	close(pair[1]);
	ok(write(pair[0], "x", 1) < 0, "a broken pipe does not kill");
	close(pair[0]);
}

static void
turn(void *arg, msec now)
{
	unsigned *turns = arg;

	if (now != loop_now(loop))
		note('!');
	if (++*turns == 3)
		loop_stop(loop, 4);
	else
		raise(SIGUSR1);
}

static void
nothing(void *arg, unsigned what)
{
	(void)arg;
	(void)what;
}

static void
test_turns(void)
{
	struct watch *w = loop_signal(loop, SIGUSR1, nothing, NULL);
	unsigned turns = 0;

	clear();
	loop_each_turn(loop, turn, &turns);
	is_int(run(), 4, "stopped from the turn's function");
	is_int(turns, 3, "which is called every turn");
	is_text(trace, "", "with the loop's time");
	loop_each_turn(loop, NULL, NULL);
	watch_free(w);
	loop_soon(loop, raise_it, NULL); /* freed with the loop, not run */
}

int
main(void)
{
	loop = loop_new();
	test_soon();
	test_timers();
	test_watches();
	test_signals();
	test_turns();
	loop_free(loop);
	return tap_done();
}
