/* SPDX-License-Identifier: ISC
 *
 * /ipfs/ping/1.0.0 (libp2p ping specification): 32 random bytes, echoed, as
 * often as wanted on one stream. */
#include "cmd/cmd.h"
#include "cmd/kn-p2p/client.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK = 32, COUNT = 4, INTERVAL = 1000, FAREWELL = 1000 };

static struct {
	struct client *c;
	struct target target;
	int fd; /* -1: no stream now */
	uint64_t tag;
	struct watch *watch;
	struct timer *next;
	uint64_t count, interval; /* count 0: for ever */
	uint64_t sent, answered;
	uint8_t block[BLOCK], echo[BLOCK];
	size_t got;                   /* bytes of echo */
	bool waiting;                 /* for an echo */
	bool ended;                   /* our half is closed */
	bool told;                    /* the summary */
	int64_t at, least, most, sum; /* microseconds */
	const char *wrong;
} me;

static void
finish(void)
{
	if (me.told)
		return;
	me.told = true;
	fprintf(stderr, "%llu sent, %llu answered", (unsigned long long)me.sent,
	    (unsigned long long)me.answered);
	if (me.answered > 0)
		fprintf(stderr, ", least/mean/most %.3f/%.3f/%.3f ms",
		    (double)me.least / 1000,
		    (double)me.sum / 1000 / (double)me.answered,
		    (double)me.most / 1000);
	fputc('\n', stderr);
	if (me.wrong)
		die(EXIT_NO, "%s: %s", me.target.name, me.wrong);
	loop_stop(me.c->loop,
	    me.sent > 0 && me.sent == me.answered ? EXIT_YES : EXIT_NO);
}

static void
fail(const char *why)
{
	me.wrong = why;
	finish();
}

static void
drop_stream(void)
{
	watch_free(me.watch);
	me.watch = NULL;
	close(me.fd);
	me.fd = -1;
}

/* Some close a stream after ten seconds of pings: the next one has another. */
static void
lose_stream(const char *why)
{
	if (me.ended)
		finish();
	else if (me.waiting || me.answered == 0)
		fail(why);
	else
		drop_stream();
}

static void on_stream(void *arg, unsigned what);

static void
open_stream(void)
{
	static const char *const protocols[] = { "/ipfs/ping/1.0.0" };

	me.fd = client_open(me.c, &me.target, protocols, 1, &me.tag);
	me.watch = watch_new(me.c->loop, me.fd, on_stream, NULL);
	watch_want(me.watch, WATCH_READ);
	client_deadline(me.c, me.target.name, client_patience(me.c));
}

static void
send_block(void)
{
	randombytes_buf(me.block, sizeof me.block);
	me.got = 0;
	me.waiting = true;
	me.at = client_usec();
	if (write(me.fd, me.block, BLOCK) != BLOCK) {
		fail("the stream is closed");
		return;
	}
	me.sent++;
	timer_at(me.next, msec_now() + me.c->timeout);
}

/* Who does not close in return has answered all the same. */
static void
say_farewell(void)
{
	shutdown(me.fd, SHUT_WR);
	me.ended = true;
	timer_at(me.next, msec_now() + FAREWELL);
}

static void
on_timer(void *arg)
{
	(void)arg;
	if (me.waiting)
		fail("no echo in time");
	else if (me.ended)
		finish();
	else if (me.fd < 0)
		open_stream(); /* DONE goes on from there */
	else
		send_block();
}

static void
show(int64_t usec)
{
	struct json j;
	char line[160];

	if (me.c->json) {
		json_begin(&j, &show_line);
		json_text(&j, "peer", me.target.name);
		json_uint(&j, "seq", me.answered);
		json_uint(&j, "rtt_us", (uint64_t)usec);
		json_end(&j);
	} else {
		snprintf(line, sizeof line, "%.80s seq=%llu rtt=%.3f ms\n",
		    me.target.name, (unsigned long long)me.answered,
		    (double)usec / 1000);
		put_text(&show_line, line);
	}
	show_print();
}

static void
on_echo(void)
{
	int64_t usec = client_usec() - me.at;

	me.waiting = false;
	if (memcmp(me.block, me.echo, BLOCK) != 0) {
		fail("the echo is not what was sent");
		return;
	}
	show(usec);
	me.least = me.answered == 0 || usec < me.least ? usec : me.least;
	me.most = usec > me.most ? usec : me.most;
	me.sum += usec;
	me.answered++;
	if (me.sent == me.count)
		say_farewell();
	else
		timer_at(me.next, msec_now() + (msec)me.interval);
}

static void
on_stream(void *arg, unsigned what)
{
	ssize_t n = read(me.fd, me.echo + me.got, BLOCK - me.got);
	uint64_t tag = me.tag;

	(void)arg;
	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && me.waiting) {
		me.got += (size_t)n;
		if (me.got == BLOCK)
			on_echo();
		return;
	}
	if (n > 0)
		fail("sent more than an echo");
	watch_want(me.watch, 0);
	p2p_hear(me.c->p2p); /* OVER may tell why */
	if (!me.ended && me.fd >= 0 && me.tag == tag)
		lose_stream("closed the stream");
}

static void
heard(void *arg, const struct ctl *m)
{
	(void)arg;
	if (m->has_fail)
		client_failed(me.target.name, &m->fail);
	if (m->has_done && m->done.tag == me.tag && me.fd >= 0) {
		client_deadline(me.c, "", MSEC_NEVER);
		send_block();
	}
	if (m->has_over && m->over.tag == me.tag && !m->over.inbound &&
	    me.fd >= 0)
		lose_stream(reason_sentence((unsigned)m->over.reason));
}

static void
on_signal(void *arg, unsigned what)
{
	(void)arg;
	(void)what;
	if (me.waiting)
		me.sent--; /* nobody waited for its echo */
	finish();
}

int
ping_run(struct client *c, const struct verb *v, int argc, char **argv)
{
	static const struct p2p_face face = { NULL, heard, client_lost };
	const struct opt opts[] = {
		{ 'n', "count", OPT_UINT, &me.count, "N",
		    "so many pings (4); 0: until interrupted", 1 << 30 },
		{ 'i', "interval", OPT_TIME, &me.interval, "TIME",
		    "from an echo to the next ping (1s)", 3600000 },
	};
	const char *words[CLIENT_WORDS];

	me.c = c;
	me.count = COUNT;
	me.interval = INTERVAL;
	client_target(words,
	    client_words(v, opts, N(opts), argc, argv, words, 1, 1), true,
	    &me.target);
	if (sodium_init() < 0)
		die(EXIT_SYSTEM, "libsodium does not start");
	client_connect(c, NULL, 0, &face, NULL);
	me.next = timer_new(c->loop, on_timer, NULL);
	open_stream();
	loop_signal(c->loop, SIGINT, on_signal, NULL);
	loop_signal(c->loop, SIGTERM, on_signal, NULL);
	return loop_run(c->loop);
}
