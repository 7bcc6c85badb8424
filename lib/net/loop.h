/* SPDX-License-Identifier: ISC
 *
 * The event loop: libevent behind a few functions, so that nothing else knows
 * it.  One thread.  Callbacks may create and free any watch or timer, their own
 * included.  Time is read once a turn. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/msec.h"

#include <stdbool.h>

struct loop;
struct watch;
struct timer;
struct event_base;

struct loop *loop_new(void);
void loop_free(struct loop *); /* after its watches and timers are freed */
/* Turns until loop_stop; returns the code given there. */
int loop_run(struct loop *);
void loop_stop(struct loop *, int code);
msec loop_now(const struct loop *);
/* A part of libevent that not every program links: made at first use, ended
 * with the loop.  There is one, net/resolve's. */
void *loop_part(struct loop *, void *(*make)(struct event_base *),
    void (*end)(void *part));

enum { WATCH_READ = 1, WATCH_WRITE = 2 };

/* Watches nothing until watch_want.  The descriptor stays the caller's and is
 * closed only after watch_free. */
struct watch *watch_new(struct loop *, int fd,
    void (*fn)(void *arg, unsigned what), void *arg);
void watch_want(struct watch *, unsigned what); /* level-triggered */
void watch_free(struct watch *);                /* NULL: nothing */

/* One shot; timer_at again re-arms, MSEC_NEVER disarms. */
struct timer *timer_new(struct loop *, void (*fn)(void *arg), void *arg);
void timer_at(struct timer *, msec when);
msec timer_when(const struct timer *);
void timer_free(struct timer *);

/* fn runs in the loop when the signal comes. */
struct watch *loop_signal(struct loop *, int signo,
    void (*fn)(void *arg, unsigned what), void *arg);
/* fn runs once before the loop waits again, in the order asked. */
void loop_soon(struct loop *, void (*fn)(void *arg), void *arg);
/* Drop what was asked with this arg and has not run: arg is about to die. */
void loop_forget(struct loop *, void *arg);
/* Called at every turn, for the heartbeat; one function a loop. */
void loop_each_turn(struct loop *, void (*fn)(void *arg, msec now), void *arg);

#endif
