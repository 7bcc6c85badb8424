/* SPDX-License-Identifier: ISC */
#include "net/framed.h"
#include "base/fd.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PIECE = 16384, /* bytes read in one turn */
	LENGTH = 9,    /* bytes of the longest varint */
};

struct framed {
	struct loop *loop;
	int fd;
	struct watch *watch;
	struct framed_conf conf;
	const struct framed_face *face;
	void *arg;
	struct buf in, out;
	struct timer *in_late, *out_late;
	size_t due; /* the first bytes of out, which out_late is for */
	bool paused;
	bool deaf;  /* end was called: nothing more is read */
	bool mute;  /* and nothing more is written */
	bool fin;   /* our half is closed when out is empty */
	bool asked; /* on_soon will run */
	bool calling, freed;
};

static void
want(struct framed *f)
{
	watch_want(f->watch, (f->deaf || f->paused ? 0 : WATCH_READ) |
				 (f->out.n > 0 && !f->mute ? WATCH_WRITE : 0));
}

static void
release(struct framed *f)
{
	buf_free(&f->in);
	buf_free(&f->out);
	free(f);
}

/* After a call of the face: false when it has freed f. */
static bool
returned(struct framed *f)
{
	f->calling = false;
	if (!f->freed)
		return true;
	release(f);
	return false;
}

/* This and those below return false when f is gone. */
static bool
over(struct framed *f, enum framed_end why)
{
	f->deaf = true;
	timer_at(f->in_late, MSEC_NEVER);
	if (why != FRAMED_EOF) {
		f->mute = true;
		timer_at(f->out_late, MSEC_NEVER);
	}
	want(f);
	f->calling = true;
	f->face->end(f->arg, why);
	return returned(f);
}

/* The whole messages of what has come. */
static bool
deliver(struct framed *f)
{
	while (!f->paused && !f->deaf) {
		struct slice in = buf_slice(&f->in);
		uint64_t n = 0;
		size_t used = 0;
		int r = peek_varint(in, &n, &used);

		if (r < 0 || (r > 0 && n > f->conf.max))
			return over(f, FRAMED_TOO_LONG);
		if (r == 0 || n > in.n - used)
			break;
		timer_at(f->in_late, MSEC_NEVER);
		f->calling = true;
		f->face->message(f->arg, slice_of(in.p + used, n));
		if (!returned(f))
			return false;
		buf_drop(&f->in, used + n);
	}
	buf_trim(&f->in);
	if (f->in.n > 0 && !f->paused && timer_when(f->in_late) == MSEC_NEVER)
		timer_at(f->in_late, loop_now(f->loop) + f->conf.patience);
	return true;
}

static bool
fill(struct framed *f)
{
	uint8_t *at = buf_room(&f->in, PIECE);
	ssize_t n;

	if (at == NULL)
		return over(f, FRAMED_BUDGET);
	n = read(f->fd, at, PIECE);
	if (n == 0)
		return over(f, f->in.n > 0 ? FRAMED_CUT : FRAMED_EOF);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return over(f, FRAMED_CUT);
	buf_added(&f->in, n > 0 ? (size_t)n : 0);
	return deliver(f);
}

/* What waited when the clock was started must be gone before it is started
 * again: a reader of one byte now and then does not wind it up. */
static void
out_clock(struct framed *f, size_t taken)
{
	f->due = taken < f->due ? f->due - taken : 0;
	if (f->due > 0)
		return;
	f->due = f->out.n;
	timer_at(f->out_late,
	    f->due > 0 ? loop_now(f->loop) + f->conf.patience : MSEC_NEVER);
}

static bool
flush(struct framed *f)
{
	size_t taken = 0;

	while (taken < f->out.n) {
		ssize_t n = write(f->fd, f->out.p + taken, f->out.n - taken);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return over(f, FRAMED_CUT);
		taken += (size_t)n;
	}
	buf_drop(&f->out, taken);
	out_clock(f, taken);
	if (f->out.n > 0 || taken == 0)
		return true;
	buf_trim(&f->out);
	if (f->fin)
		shutdown(f->fd, SHUT_WR);
	if (f->face->drained == NULL)
		return true;
	f->calling = true;
	f->face->drained(f->arg);
	return returned(f);
}

static void
on_watch(void *arg, unsigned what)
{
	struct framed *f = arg;

	if ((what & WATCH_WRITE) && !f->mute && !flush(f))
		return;
	if ((what & WATCH_READ) && !f->deaf && !f->paused && !fill(f))
		return;
	want(f);
}

/* What was said in this turn goes out together. */
static void
on_soon(void *arg)
{
	struct framed *f = arg;

	f->asked = false;
	if (!f->deaf && !deliver(f))
		return;
	if (!f->mute && !flush(f))
		return;
	want(f);
}

static void
soon(struct framed *f)
{
	if (f->asked)
		return;
	f->asked = true;
	loop_soon(f->loop, on_soon, f);
}

static void
on_late(void *arg)
{
	over(arg, FRAMED_SLOW);
}

struct framed *
framed_new(struct loop *loop, int fd, const struct framed_conf *conf,
    const struct framed_face *face, void *arg)
{
	struct framed *f = mem_new(sizeof *f);

	fd_nonblock(fd);
	f->loop = loop;
	f->fd = fd;
	f->conf = *conf;
	f->face = face;
	f->arg = arg;
	buf_init(&f->in, conf->max + LENGTH + PIECE, conf->budget);
	buf_init(&f->out, conf->most_out, conf->budget);
	f->in_late = timer_new(loop, on_late, f);
	f->out_late = timer_new(loop, on_late, f);
	f->watch = watch_new(loop, fd, on_watch, f);
	want(f);
	return f;
}

void
framed_free(struct framed *f)
{
	if (f == NULL || f->freed)
		return;
	loop_forget(f->loop, f);
	watch_free(f->watch);
	timer_free(f->in_late);
	timer_free(f->out_late);
	close(f->fd);
	/* who is called may still look at the message it was called with */
	if (f->calling)
		f->freed = true;
	else
		release(f);
}

/* Room for n bytes of output, all or none. */
static bool
room(struct framed *f, size_t n)
{
	if (f->fin || f->mute)
		return false;
	if (n > 0 && buf_room(&f->out, n) == NULL) {
		f->out.bad = false;
		return false;
	}
	soon(f);
	return true;
}

int
framed_say(struct framed *f, struct slice message)
{
	if (!room(f, varint_size(message.n) + message.n))
		return -1;
	put_varint(&f->out, message.n);
	put_slice(&f->out, message);
	return 0;
}

int
framed_say_raw(struct framed *f, struct slice framed_messages)
{
	if (!room(f, framed_messages.n))
		return -1;
	put_slice(&f->out, framed_messages);
	return 0;
}

void
framed_fin(struct framed *f)
{
	if (f->fin || f->mute)
		return;
	f->fin = true;
	if (f->out.n == 0)
		shutdown(f->fd, SHUT_WR);
}

size_t
framed_waiting(const struct framed *f)
{
	return f->out.n;
}

size_t
framed_partial(const struct framed *f)
{
	return f->in.n;
}

void
framed_pause(struct framed *f, bool paused)
{
	if (f->paused == paused)
		return;
	f->paused = paused;
	timer_at(f->in_late, MSEC_NEVER);
	if (paused)
		want(f);
	else
		soon(f);
}
