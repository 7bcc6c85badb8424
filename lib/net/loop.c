/* SPDX-License-Identifier: ISC */
#include "net/loop.h"
#include "base/mem.h"

#include <event2/event.h>
#include <event2/util.h>
#include <signal.h>
#include <stdlib.h>

/* A function to run before the loop waits again. */
struct soon {
	struct soon *next;
	void (*fn)(void *arg);
	void *arg;
};

struct loop {
	struct event_base *base;
	void *part;
	void (*end_part)(void *part);
	struct soon *first, **last;
	void (*turn)(void *arg, msec now);
	void *turn_arg;
	msec now;
	bool stopped;
	int code;
};

struct watch {
	struct loop *loop;
	void (*fn)(void *arg, unsigned what);
	void *arg;
	struct event *read, *write; /* a signal's event is read */
	unsigned want;
	bool calling, dead;
};

struct timer {
	struct loop *loop;
	void (*fn)(void *arg);
	void *arg;
	struct event *event;
	msec when;
};

struct loop *
loop_new(void)
{
	struct loop *l = mem_new(sizeof *l);

	signal(SIGPIPE, SIG_IGN);
	/* no changelist: descriptors passed between processes are dup'ed, and
	 * epoll would go on watching the file behind a closed number */
	l->base = event_base_new();
	if (l->base == NULL) {
		free(l);
		return NULL;
	}
	l->last = &l->first;
	l->now = msec_now();
	return l;
}

void
loop_free(struct loop *l)
{
	struct soon *s;

	if (l == NULL)
		return;
	while ((s = l->first) != NULL) {
		l->first = s->next;
		free(s);
	}
	if (l->part)
		l->end_part(l->part);
	event_base_free(l->base);
	free(l);
}

msec
loop_now(const struct loop *l)
{
	return l->now;
}

void *
loop_part(
    struct loop *l, void *(*make)(struct event_base *), void (*end)(void *part))
{
	if (l->part == NULL)
		l->part = make(l->base);
	l->end_part = end;
	return l->part;
}

static void
run_soon(struct loop *l)
{
	struct soon *s;

	/* what these ask for in turn runs in the same round */
	while ((s = l->first) != NULL) {
		l->first = s->next;
		if (l->first == NULL)
			l->last = &l->first;
		s->fn(s->arg);
		free(s);
	}
}

int
loop_run(struct loop *l)
{
	l->stopped = false;
	while (!l->stopped) {
		l->now = msec_now();
		if (l->turn)
			l->turn(l->turn_arg, l->now);
		run_soon(l);
		if (l->stopped)
			break;
		if (event_base_loop(
			l->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY) < 0)
			return -1;
	}
	return l->code;
}

void
loop_stop(struct loop *l, int code)
{
	l->stopped = true;
	l->code = code;
	event_base_loopbreak(l->base);
}

static void
watch_end(struct watch *w)
{
	if (w->read)
		event_free(w->read);
	if (w->write)
		event_free(w->write);
	free(w);
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	w->loop->now = msec_now();
	w->calling = true;
	w->fn(w->arg, (what & (EV_READ | EV_SIGNAL) ? WATCH_READ : 0) |
			  (what & EV_WRITE ? WATCH_WRITE : 0));
	w->calling = false;
	if (w->dead)
		watch_end(w);
}

struct watch *
watch_new(struct loop *l, int fd, void (*fn)(void *, unsigned), void *arg)
{
	struct watch *w = mem_new(sizeof *w);

	w->loop = l;
	w->fn = fn;
	w->arg = arg;
	w->read = event_new(l->base, fd, EV_READ | EV_PERSIST, on_watch, w);
	w->write = event_new(l->base, fd, EV_WRITE | EV_PERSIST, on_watch, w);
	return w;
}

void
watch_want(struct watch *w, unsigned what)
{
	unsigned change = w->want ^ what;

	if (change & WATCH_READ) {
		if (what & WATCH_READ)
			event_add(w->read, NULL);
		else
			event_del(w->read);
	}
	if (change & WATCH_WRITE) {
		if (what & WATCH_WRITE)
			event_add(w->write, NULL);
		else
			event_del(w->write);
	}
	w->want = what;
}

void
watch_free(struct watch *w)
{
	if (w == NULL || w->dead)
		return;
	if (w->read)
		event_del(w->read);
	if (w->write)
		event_del(w->write);
	if (w->calling)
		w->dead = true;
	else
		watch_end(w);
}

struct watch *
loop_signal(struct loop *l, int signo, void (*fn)(void *, unsigned), void *arg)
{
	struct watch *w = mem_new(sizeof *w);

	w->loop = l;
	w->fn = fn;
	w->arg = arg;
	w->read = evsignal_new(l->base, signo, on_watch, w);
	event_add(w->read, NULL);
	return w;
}

static void
arm(struct timer *t)
{
	struct timeval tv;
	msec left = t->when - msec_now();

	if (left < 0)
		left = 0;
	tv.tv_sec = left / 1000;
	tv.tv_usec = left % 1000 * 1000;
	event_add(t->event, &tv);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	(void)fd;
	(void)what;
	t->loop->now = msec_now();
	/* libevent counts by a coarse clock, from the start of the turn */
	if (t->loop->now < t->when) {
		arm(t);
		return;
	}
	t->when = MSEC_NEVER;
	t->fn(t->arg);
}

struct timer *
timer_new(struct loop *l, void (*fn)(void *), void *arg)
{
	struct timer *t = mem_new(sizeof *t);

	t->loop = l;
	t->fn = fn;
	t->arg = arg;
	t->when = MSEC_NEVER;
	t->event = evtimer_new(l->base, on_timer, t);
	return t;
}

void
timer_at(struct timer *t, msec when)
{
	if (when == t->when)
		return;
	t->when = when;
	if (when == MSEC_NEVER)
		event_del(t->event);
	else
		arm(t);
}

msec
timer_when(const struct timer *t)
{
	return t->when;
}

void
timer_free(struct timer *t)
{
	if (t == NULL)
		return;
	event_free(t->event);
	free(t);
}

void
loop_soon(struct loop *l, void (*fn)(void *), void *arg)
{
	struct soon *s = mem_new(sizeof *s);

	s->fn = fn;
	s->arg = arg;
	*l->last = s;
	l->last = &s->next;
}

void
loop_forget(struct loop *l, void *arg)
{
	for (struct soon **at = &l->first; *at;) {
		struct soon *s = *at;

		if (s->arg != arg) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		free(s);
	}
	l->last = &l->first;
	while (*l->last)
		l->last = &(*l->last)->next;
}

void
loop_each_turn(struct loop *l, void (*fn)(void *, msec), void *arg)
{
	l->turn = fn;
	l->turn_arg = arg;
}
