/* SPDX-License-Identifier: ISC
 *
 * The asking side of /perf/1.0.0 (libp2p perf specification): how much is
 * wanted in eight bytes, then bytes up, our half closed, bytes down. */
#include "cmd/cmd.h"
#include "cmd/kn-p2p/client.h"
#include "proto/perf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROUNDS = 16, HEAD = 8 };

static struct {
	struct client *c;
	struct target target;
	int fd;
	uint64_t tag;
	struct watch *watch;
	uint64_t up, down;            /* bytes wanted */
	uint64_t sent, got;           /* sent counts the head as well */
	int64_t began, turned, ended; /* microseconds */
	bool closed, over;
	msec progress;
} me;

static uint8_t block[CLIENT_BYTES];

/* As kn-p2p open, but that a peer which stops is given up on. */
static void
note_progress(void)
{
	msec now = loop_now(me.c->loop);

	if (now - me.progress < 500)
		return;
	me.progress = now;
	client_deadline(me.c, me.target.name, now + me.c->timeout);
}

static void
broken(void)
{
	/* OVER may be here already, and says why */
	p2p_hear(me.c->p2p);
	client_broken(me.target.name, REASON_RESET);
}

static void
show(const char *what, uint64_t bytes, int64_t usec, struct json *j)
{
	char key[32], line[128];
	/* bits in a microsecond: thousandths of a Gbit/s */
	int64_t rate = usec > 0 ? (int64_t)(bytes * 8 / (uint64_t)usec) : 0;

	if (me.c->json) {
		snprintf(key, sizeof key, "%s_seconds", what);
		json_milli(j, key, usec / 1000);
		snprintf(key, sizeof key, "%s_gbit", what);
		json_milli(j, key, rate);
		return;
	}
	snprintf(line, sizeof line,
	    "%-4s %" PRIu64 " bytes in %.3f s, %.3f Gbit/s\n", what, bytes,
	    (double)usec / 1e6, (double)rate / 1000);
	put_text(&show_line, line);
}

static void
finish(void)
{
	struct json j;

	if (me.got != me.down)
		die(EXIT_NO, "%s sent %" PRIu64 " bytes, not %" PRIu64,
		    me.target.name, me.got, me.down);
	if (me.c->json) {
		json_begin(&j, &show_line);
		json_uint(&j, "up", me.up);
		json_uint(&j, "down", me.down);
	}
	show("up", me.up, me.turned - me.began, &j);
	show("down", me.down, me.ended - me.turned, &j);
	if (me.c->json)
		json_end(&j);
	show_print();
	loop_stop(me.c->loop, EXIT_YES);
}

static void
send_some(void)
{
	for (int i = 0; i < ROUNDS && me.sent < me.up + HEAD; i++) {
		uint64_t left = me.up + HEAD - me.sent;
		size_t want = left < sizeof block ? (size_t)left : sizeof block;
		const uint8_t *from = block;
		uint8_t head[HEAD];
		ssize_t n;

		if (me.sent < HEAD) {
			for (size_t k = 0; k < HEAD; k++)
				head[k] = (uint8_t)(me.down >> (56 - 8 * k));
			from = head + me.sent;
			want = (size_t)(HEAD - me.sent);
		}
		n = write(me.fd, from, want);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0)
			broken();
		me.sent += (uint64_t)n;
		note_progress();
	}
	if (me.sent < me.up + HEAD || me.closed)
		return;
	shutdown(me.fd, SHUT_WR);
	me.closed = true;
}

static void
read_some(void)
{
	for (int i = 0; i < ROUNDS && !me.ended; i++) {
		ssize_t n = read(me.fd, block, sizeof block);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0 || !me.closed)
			broken();
		if (me.turned == 0)
			me.turned = client_usec();
		if (n == 0)
			me.ended = client_usec();
		me.got += (uint64_t)n;
		note_progress();
	}
}

static void
on_stream(void *arg, unsigned what)
{
	(void)arg;
	if (what & WATCH_WRITE)
		send_some();
	if (what & WATCH_READ)
		read_some();
	watch_want(me.watch,
	    (me.ended ? 0 : WATCH_READ) | (me.closed ? 0 : WATCH_WRITE));
	if (me.ended && me.over)
		finish();
}

static void
heard(void *arg, const struct ctl *m)
{
	(void)arg;
	if (m->has_fail)
		client_failed(me.target.name, &m->fail);
	if (m->has_done && m->done.tag == me.tag) {
		me.began = client_usec();
		note_progress();
		watch_want(me.watch, WATCH_READ | WATCH_WRITE);
	}
	if (!m->has_over || m->over.tag != me.tag || m->over.inbound)
		return;
	if (m->over.reason != REASON_NONE)
		client_broken(me.target.name, (unsigned)m->over.reason);
	me.over = true;
	if (me.ended)
		finish();
}

static void
size(const char *option, const char *text, uint64_t *out)
{
	if (text && opt_bytes(text, (uint64_t)1 << 50, out) < 0)
		die(EXIT_WRONG, "%s: \"%s\" is no size; one looks like 64M",
		    option, text);
}

int
perf_run(struct client *c, const struct verb *v, int argc, char **argv)
{
	static const struct p2p_face face = { NULL, heard, client_lost };
	static const char *const protocols[] = { PERF_ID };
	const char *up = NULL, *down = NULL;
	const struct opt opts[] = {
		{ 'u', "up", OPT_STR, &up, "BYTES", "send so much (16M)", 0 },
		{ 'd', "down", OPT_STR, &down, "BYTES", "ask for so much (16M)",
		    0 },
	};
	const char *words[CLIENT_WORDS];
	size_t n = client_words(v, opts, N(opts), argc, argv, words, 1, 1);

	me.c = c;
	me.up = me.down = 16 << 20;
	size("--up", up, &me.up);
	size("--down", down, &me.down);
	client_target(words, n, true, &me.target);
	client_connect(c, NULL, 0, &face, NULL);
	me.fd = client_open(c, &me.target, protocols, 1, &me.tag);
	me.watch = watch_new(c->loop, me.fd, on_stream, NULL);
	client_deadline(c, me.target.name, client_patience(c));
	return loop_run(c->loop);
}
