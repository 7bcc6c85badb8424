/* SPDX-License-Identifier: ISC */
#include "base/log.h"
#include "base/mem.h"
#include "net/dial_own.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How much a reason tells; what is not here came after connecting, and tells
 * most. */
static unsigned
weight(enum reason why)
{
	static const enum reason least_first[] = { REASON_NO_ADDRESS,
		REASON_BAD_ADDRESS, REASON_DNS, REASON_DENIED,
		REASON_DIAL_PRIVATE, REASON_DIAL_RATE, REASON_FDS,
		REASON_UNREACHABLE, REASON_IO, REASON_TIMEOUT, REASON_REFUSED };
	unsigned i = 0, n = sizeof least_first / sizeof *least_first;

	while (i < n && least_first[i] != why)
		i++;
	return i;
}

static enum reason
reason_of(int why)
{
	static const struct {
		int why;
		enum reason reason;
	} rows[] = {
		{ ECONNREFUSED, REASON_REFUSED },
		{ ETIMEDOUT, REASON_TIMEOUT },
		{ ENETUNREACH, REASON_UNREACHABLE },
		{ EHOSTUNREACH, REASON_UNREACHABLE },
		{ ENETDOWN, REASON_UNREACHABLE },
		{ EADDRNOTAVAIL, REASON_UNREACHABLE },
		{ EAFNOSUPPORT, REASON_UNREACHABLE },
		{ EINVAL, REASON_UNREACHABLE }, /* link-local without zone */
		{ EACCES, REASON_UNREACHABLE },
		{ EPERM, REASON_UNREACHABLE },
		{ EMFILE, REASON_FDS },
		{ ENFILE, REASON_FDS },
		{ ENOBUFS, REASON_FDS },
		{ ENOMEM, REASON_FDS },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].why == why)
			return rows[i].reason;
	return REASON_IO;
}

static void
say(struct dial *d, const char *what, const char *why)
{
	static const char more[] = "; ...";
	size_t room = sizeof d->text - sizeof more - d->ntext;
	int n;

	if (d->full)
		return;
	n = snprintf(d->text + d->ntext, room, "%s%s: %s", d->ntext ? "; " : "",
	    what, why);
	d->full = n < 0 || (size_t)n >= room;
	if (d->full)
		strcpy(d->text + d->ntext, d->ntext ? more : "...");
	else
		d->ntext += (size_t)n;
}

void
dial_blame(struct dial *d, struct slice addr, enum reason why)
{
	char text[MADDR_TEXT];

	/* some parts may hold nearly any byte */
	say(d, log_q(slice_text(maddr_text(addr, text))), reason_word(why));
	if (weight(why) > weight(d->reason))
		d->reason = why;
}

static void
close_spot(struct spot *s)
{
	watch_free(s->watch);
	s->watch = NULL;
	if (s->state == SPOT_CONNECTING)
		s->dial->connecting--;
	s->state = SPOT_DONE;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* The next may begin without delay (RFC 8305, section 5). */
static void
fail_spot(struct spot *s, enum reason why)
{
	close_spot(s);
	s->dial->next = 0;
	dial_blame(s->dial, maddr_bytes(&s->addr), why);
}

/* connect(2) to a port of this host that nobody listens on can choose that very
 * port for its own end, and be answered by itself. */
static bool
met_itself(int fd)
{
	struct sockaddr_storage a = { 0 }, b = { 0 };
	socklen_t na = sizeof a, nb = sizeof b;

	return getsockname(fd, (struct sockaddr *)&a, &na) == 0 &&
	       getpeername(fd, (struct sockaddr *)&b, &nb) == 0 &&
	       memcmp(&a, &b, sizeof a) == 0;
}

static void
on_connect(void *arg, unsigned what)
{
	struct spot *s = arg;
	struct dial *d = s->dial;
	int why = 0;
	socklen_t n = sizeof why;

	(void)what;
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &why, &n) < 0)
		why = errno;
	if (why == 0 && met_itself(s->fd))
		why = ECONNREFUSED;
	if (why) {
		fail_spot(s, reason_of(why));
	} else {
		watch_free(s->watch);
		s->watch = NULL;
		s->state = SPOT_CONNECTED;
		d->connecting--;
	}
	dial_step(d);
}

static void
connect_spot(struct dial *d, struct spot *s, msec now)
{
	const int on = 1;
	enum reason why = gate_dial(d->gate, (struct sockaddr *)&s->ss, now);

	if (why != REASON_NONE) {
		fail_spot(s, why);
		return;
	}
	s->fd = socket(
	    s->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || (connect(s->fd, (struct sockaddr *)&s->ss, s->n) < 0 &&
			     errno != EINPROGRESS)) {
		fail_spot(s, reason_of(errno));
		return;
	}
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	s->watch = watch_new(d->loop, s->fd, on_connect, s);
	watch_want(s->watch, WATCH_WRITE);
	s->state = SPOT_CONNECTING;
	d->connecting++;
	d->family = s->ss.ss_family;
	d->next = now + DIAL_STAGGER;
}

/* By rank; within one, the family that was not the last (RFC 8305, section 4,
 * where IPv6 begins). */
static bool
is_better(const struct dial *d, const struct spot *a, const struct spot *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	return a->ss.ss_family != d->family && b->ss.ss_family == d->family;
}

static struct spot *
best(const struct dial *d, enum spot_state state)
{
	struct spot *found = NULL;

	for (size_t i = 0; i < d->nspots; i++)
		if (d->spots[i]->state == state &&
		    (found == NULL || is_better(d, d->spots[i], found)))
			found = d->spots[i];
	return found;
}

static void
offer(struct dial *d, struct spot *s)
{
	const struct dial_got g = { s->fd, s->addr, d->want, REASON_NONE, "" };

	s->fd = -1;
	s->state = SPOT_DONE;
	d->waits = true;
	timer_at(d->timer, MSEC_NEVER);
	d->got(d->arg, &g);
}

static void
give_up(struct dial *d)
{
	char left[16];
	struct dial_got g = { .fd = -1, .peer = d->want, .reason = d->reason };

	if (d->left_out > 0) {
		snprintf(left, sizeof left, "%u", d->left_out);
		say(d, "addresses left out", left);
	}
	g.text = d->ntext || d->full ? d->text : reason_sentence(d->reason);
	d->waits = true;
	timer_at(d->timer, MSEC_NEVER);
	d->got(d->arg, &g);
}

/* Time is up: what is not over never will be. */
static void
expire(struct dial *d)
{
	for (size_t i = 0; i < d->nspots; i++)
		if (d->spots[i]->state != SPOT_DONE)
			fail_spot(d->spots[i], REASON_TIMEOUT);
	for (size_t i = 0; i < d->nlookups; i++) {
		struct lookup *l = d->lookups[i];

		if (!lookup_asks(l))
			continue;
		lookup_end(l);
		dial_blame(d, maddr_bytes(&l->addr), REASON_TIMEOUT);
	}
}

static bool
is_looking(const struct dial *d)
{
	for (size_t i = 0; i < d->nlookups; i++)
		if (lookup_asks(d->lookups[i]))
			return true;
	return false;
}

void
dial_step(struct dial *d)
{
	msec now = loop_now(d->loop);
	struct spot *s;

	if (d->waits)
		return;
	if (now >= d->deadline)
		expire(d);
	if ((s = best(d, SPOT_CONNECTED)) != NULL) {
		offer(d, s);
		return;
	}
	while (now >= d->next && d->connecting < DIAL_PARALLEL &&
	       (s = best(d, SPOT_WAITING)) != NULL)
		connect_spot(d, s, now);
	s = best(d, SPOT_WAITING);
	if (d->connecting == 0 && s == NULL && !is_looking(d))
		give_up(d);
	else if (s && d->connecting < DIAL_PARALLEL)
		timer_at(d->timer, msec_min(d->next, d->deadline));
	else
		timer_at(d->timer, d->deadline);
}

static void
step_later(void *arg)
{
	dial_step(arg);
}

struct dial *
dial_start(struct loop *loop, struct gate *gate, const struct slice *addrs,
    size_t n, const struct peerid *want, msec timeout,
    void (*got)(void *, const struct dial_got *), void *arg)
{
	struct dial *d = mem_new(sizeof *d);

	d->loop = loop;
	d->gate = gate;
	if (want)
		d->want = *want;
	d->got = got;
	d->arg = arg;
	d->family = AF_INET;
	d->reason = REASON_NO_ADDRESS;
	d->deadline = loop_now(loop) + timeout;
	d->timer = timer_new(loop, step_later, d);
	for (size_t i = 0; i < n; i++)
		if (!dial_take(d, addrs[i], 0))
			dial_blame(d, addrs[i], REASON_BAD_ADDRESS);
	loop_soon(loop, step_later, d);
	return d;
}

void
dial_again(struct dial *d, const struct maddr *addr, enum reason why)
{
	dial_blame(d, maddr_bytes(addr), why);
	d->waits = false;
	d->next = 0;
	loop_soon(d->loop, step_later, d);
}

void
dial_end(struct dial *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->nspots; i++) {
		close_spot(d->spots[i]);
		free(d->spots[i]);
	}
	for (size_t i = 0; i < d->nlookups; i++) {
		lookup_end(d->lookups[i]);
		free(d->lookups[i]);
	}
	timer_free(d->timer);
	loop_forget(d->loop, d);
	free(d);
}
