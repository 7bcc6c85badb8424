/* SPDX-License-Identifier: ISC
 *
 * A stream of messages whose other end is played here, byte by byte: for unit
 * tests of net/framed. */
#ifndef T_NET_FRAMING_H
#define T_NET_FRAMING_H

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

static inline void
event(char c)
{
	if (me.n < sizeof me.events - 1)
		me.events[me.n++] = c;
	loop_stop(loop, CALLED);
}

/* Those that begin now have so much patience. */
static inline void
patience(msec time)
{
	conf.patience = time;
}

static inline void
drop(void)
{
	framed_free(me.f);
	me.f = NULL;
}

static inline void
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

static inline void
on_end(void *arg, enum framed_end end)
{
	(void)arg;
	event('e');
	me.end = end;
	if (me.free_in_end)
		drop();
}

static inline void
on_drained(void *arg)
{
	(void)arg;
	event('d');
	if (me.free_in_drained)
		drop();
}

static const struct framed_face face = { on_message, on_end, on_drained };

static inline void
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

static inline void
end(const char *name)
{
	drop();
	is_int(budget.used, 0, name);
	if (me.far >= 0)
		close(me.far);
	buf_free(&me.heard);
}

static inline void
tick(void *arg)
{
	(void)arg;
	loop_stop(loop, TICKED);
}

/* Let so much time pass in the loop. */
static inline void
pass(msec time)
{
	struct timer *t = timer_new(loop, tick, NULL);

	timer_at(t, msec_now() + time);
	while (run() == CALLED)
		;
	timer_free(t);
}

/* So many turns that what is ready has been seen. */
static inline void
turns(void)
{
	for (int i = 0; i < 3; i++)
		pass(1);
}

static inline void
until(size_t n)
{
	while (me.n < n && run() == CALLED)
		;
}

static inline void
give(const void *p, size_t n)
{
	if (write(me.far, p, n) != (ssize_t)n)
		abort();
}

static inline bool
heard(const char *what)
{
	bool so = slice_is(buf_slice(&me.heard), what);

	if (!so)
		printf("# heard %.*s\n", (int)me.heard.n, (char *)me.heard.p);
	return so;
}

static inline size_t
take(char *to, size_t most)
{
	ssize_t n = read(me.far, to, most);

	return n > 0 ? (size_t)n : 0;
}

static inline void
framing_begin(void)
{
	budget = (struct budget){ .high = SIZE_MAX, .max = SIZE_MAX };
	conf = (struct framed_conf){ MAX, MOST_OUT, FOREVER, &budget };
	loop = loop_new();
}

static inline int
framing_end(void)
{
	loop_free(loop);
	return tap_done();
}

#endif
