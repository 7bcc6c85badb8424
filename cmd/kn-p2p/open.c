/* SPDX-License-Identifier: ISC
 *
 * A stream on standard input and output.  Each half ends by itself; the whole
 * ends when OVER has come (lib/wire/msg/ctl.h) and all that arrived has been
 * written. */
#include "base/mem.h"
#include "cmd/cmd.h"
#include "cmd/kn-p2p/client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROUNDS = 16, PIPE = 1 << 20 };

/* One direction. */
struct half {
	int from, to;
	bool patient; /* to can be watched */
	uint8_t *buf;
	size_t at, n;
	bool ended;  /* from has no more */
	bool closed; /* to takes no more, or was told that it was all */
	int unread;  /* errno of reading */
	int unsaid;  /* errno of writing */
};

static struct {
	struct client *c;
	struct target target;
	uint64_t tag;
	int fd;
	struct watch *stream, *in, *out; /* in, out NULL: a file */
	struct half up, down;
	bool over, given_up;
	unsigned reason;
} me;

/* Standard input and output are others' as well: left as they were found. */
static int flags[2] = { -1, -1 };

static void
restore(void)
{
	for (int fd = 0; fd < 2; fd++)
		if (flags[fd] >= 0)
			fcntl(fd, F_SETFL, flags[fd]);
}

static bool
lent(int fd)
{
	struct stat st;
	int had;

	if (fstat(fd, &st) < 0 ||
	    !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(fd)))
		return false;
	if (S_ISFIFO(st.st_mode))
		fcntl(fd, F_SETPIPE_SZ, PIPE);
	had = fcntl(fd, F_GETFL);
	if (had >= 0 && !(had & O_NONBLOCK)) {
		flags[fd] = had;
		fcntl(fd, F_SETFL, had | O_NONBLOCK);
	}
	return true;
}

static void
on_signal(void *arg, unsigned what)
{
	const int *signo = arg;

	(void)what;
	restore();
	signal(*signo, SIG_DFL);
	raise(*signo);
}

static bool
again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* False: nothing more can be moved now. */
static bool
take(struct half *h)
{
	ssize_t n;

	if (h->ended)
		return false;
	n = read(h->from, h->buf, CLIENT_BYTES);
	if (n < 0 && again())
		return false;
	h->ended = n <= 0;
	h->unread = n < 0 ? errno : 0;
	h->at = 0;
	h->n = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static bool
give(struct half *h)
{
	ssize_t n = write(h->to, h->buf + h->at, h->n);

	if (n < 0 && again())
		return false;
	if (n < 0) {
		h->unsaid = errno;
		h->closed = h->ended = true;
		h->n = 0;
		return false;
	}
	h->at += (size_t)n;
	h->n -= (size_t)n;
	return true;
}

static void
move(struct half *h)
{
	bool more = true;

	for (int i = 0; more && (i < ROUNDS || (h->n > 0 && !h->patient)); i++)
		more = h->n > 0 ? give(h) : take(h);
}

static void
watch(void)
{
	const struct half *up = &me.up, *down = &me.down;
	bool more = !down->ended && (down->n == 0 || !me.out);
	bool room = !up->closed && (up->n > 0 || !me.in);

	watch_want(
	    me.stream, (more ? WATCH_READ : 0) | (room ? WATCH_WRITE : 0));
	if (me.in)
		watch_want(me.in, !up->ended && up->n == 0 ? WATCH_READ : 0);
	if (me.out)
		watch_want(me.out, down->n > 0 ? WATCH_WRITE : 0);
}

static void
finish(void)
{
	if (me.given_up) {
		errno = me.down.unsaid;
		die(EXIT_NO, "the stream is reset, because of standard "
			     "output:");
	}
	if (me.reason != REASON_NONE)
		client_broken(me.target.name, me.reason);
	if (me.down.unread)
		client_broken(me.target.name, REASON_RESET);
	loop_stop(me.c->loop, EXIT_YES);
}

/* After anything happened. */
static void
settle(void *arg)
{
	struct half *up = &me.up, *down = &me.down;

	(void)arg;
	if (up->unread) {
		errno = up->unread;
		die(EXIT_SYSTEM, "standard input:");
	}
	if (down->unsaid && !me.given_up) {
		/* a close alone could look like an orderly end: wait for the
		 * answer to this */
		me.given_up = true;
		client_reset(me.c, me.tag, false);
	}
	if (me.over && me.reason != REASON_NONE) {
		up->ended = up->closed = true;
		up->n = 0;
	}
	if (up->ended && up->n == 0 && !up->closed) {
		shutdown(me.fd, SHUT_WR);
		up->closed = true;
	}
	watch();
	if (me.over && (me.given_up || (down->ended && down->n == 0)))
		finish();
}

static void
on_in(void *arg, unsigned what)
{
	(void)what;
	move(&me.up);
	settle(arg);
}

static void
on_out(void *arg, unsigned what)
{
	(void)what;
	move(&me.down);
	settle(arg);
}

static void
on_stream(void *arg, unsigned what)
{
	if (what & WATCH_READ) {
		move(&me.down);
		if (me.down.ended)
			p2p_hear(me.c->p2p);
	}
	if (what & WATCH_WRITE)
		move(&me.up);
	settle(arg);
}

static void
heard(void *arg, const struct ctl *m)
{
	(void)arg;
	if (m->has_fail)
		client_failed(me.target.name, &m->fail);
	if (m->has_done && m->done.tag == me.tag)
		client_deadline(me.c, "", MSEC_NEVER);
	if (!m->has_over || m->over.tag != me.tag || m->over.inbound)
		return;
	me.over = true;
	me.reason = (unsigned)m->over.reason;
	if (me.reason != REASON_NONE)
		shutdown(me.fd, SHUT_RDWR); /* what has come, then an end */
	loop_soon(me.c->loop, settle, NULL);
}

static void
half_init(struct half *h, int from, int to, bool patient)
{
	h->from = from;
	h->to = to;
	h->patient = patient;
	h->buf = mem_new(CLIENT_BYTES);
}

static void
begin(struct client *c)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };

	atexit(restore);
	if (lent(STDIN_FILENO))
		me.in = watch_new(c->loop, STDIN_FILENO, on_in, NULL);
	if (lent(STDOUT_FILENO))
		me.out = watch_new(c->loop, STDOUT_FILENO, on_out, NULL);
	me.stream = watch_new(c->loop, me.fd, on_stream, NULL);
	half_init(&me.up, STDIN_FILENO, me.fd, true);
	half_init(&me.down, me.fd, STDOUT_FILENO, me.out != NULL);
	for (size_t i = 0; i < N(ends); i++)
		loop_signal(c->loop, ends[i], on_signal, (void *)&ends[i]);
	watch();
}

int
open_run(struct client *c, const struct verb *v, int argc, char **argv)
{
	static const struct p2p_face face = { NULL, heard, client_lost };
	const char *words[CLIENT_WORDS];
	size_t n = client_words(v, NULL, 0, argc, argv, words, 2, 9);

	me.c = c;
	client_target(words, 1, true, &me.target);
	client_connect(c, NULL, 0, &face, NULL);
	me.fd = client_open(c, &me.target, words + 1, n - 1, &me.tag);
	client_deadline(c, me.target.name, client_patience(c));
	begin(c);
	return loop_run(c->loop);
}
