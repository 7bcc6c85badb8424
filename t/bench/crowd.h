/* SPDX-License-Identifier: ISC
 *
 * Many dialers in one process, each with an identity of its own, for the
 * benchmarks.  A member connects, comes up, answers the node's identify and then
 * rests, answering pings.  Ends the process when the node refuses one. */
#ifndef T_BENCH_CROWD_H
#define T_BENCH_CROWD_H

#include "base/fd.h"
#include "base/mem.h"
#include "proto/conn.h"
#include "proto/ident.h"
#include "wire/maddr.h"

#include <errno.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { CROWD_READ = 16384, CROWD_EVENTS = 64, CROWD_TIMEOUT = 10000 };

struct member {
	int fd;
	bool greeted;  /* the node asked who we are: both sides are up */
	bool told;     /* and has heard it: no stream is left */
	struct noise_self noise;
	struct conn_self self;
	struct conn conn;
	struct buf in;
};

struct crowd {
	struct sockaddr_storage to;
	socklen_t to_n;
	int epoll;
	struct buf hello;      /* the identify message */
	struct member *all;
	size_t n, greeted, told;
};

static inline void __attribute__((noreturn))
crowd_die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(111);
}

static inline double
crowd_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* This process on the first of the cores it may use, the node on the last. */
static inline void
crowd_pin(pid_t node)
{
	cpu_set_t all, one;
	int cpu, last = 0;

	if (sched_getaffinity(0, sizeof all, &all) < 0)
		return;
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all))
			last = cpu;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	sched_setaffinity(node, sizeof one, &one);
	for (cpu = 0; !CPU_ISSET(cpu, &all); cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof one, &one);
}

/* All work that is not the node's to be measured is done here. */
static inline void
crowd_init(struct crowd *c, const char *addr, size_t n)
{
	struct ident_msg m = { 0 };
	struct rlimit r;
	struct peerid peer;
	struct maddr to;
	struct slice bare;
	uint32_t code;

	memset(c, 0, sizeof *c);
	if (sodium_init() < 0 || maddr_of_text(slice_text(addr), &to) < 0)
		crowd_die(addr, "no address");
	maddr_peer(maddr_bytes(&to), &peer, &bare);
	if (maddr_to_sockaddr(bare, &c->to, &c->to_n, &code, NULL) < 0)
		crowd_die(addr, "no TCP address");
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->all = mem_new(n * sizeof *c->all);
	c->n = n;
	m.has_agent = true;
	m.agent = slice_text("kn-bench");
	m.protocols[m.n_protocols++] = slice_text(IDENT_ID);
	m.addrs[m.n_addrs++] = bare;
	buf_init(&c->hello, IDENT_SAY, NULL);
	ident_say(&m, &c->hello);
	for (size_t i = 0; i < n; i++) {
		struct member *k = &c->all[i];
		struct key key;
		uint8_t seed[32];

		k->fd = -1;
		key_make(&key);
		randombytes_buf(seed, sizeof seed);
		noise_self_make(&k->noise, seed);
		noise_self_sign(&k->noise, &key);
		k->self.noise = &k->noise;
		k->self.limits =
		    (struct yamux_limits){ 16, 16, YAMUX_WINDOW };
		k->self.handshake_timeout = CROWD_TIMEOUT;
		k->self.offer_timeout = CROWD_TIMEOUT;
		buf_init(&k->in, 4 * NOISE_FRAME, NULL);
	}
}

static inline void
crowd_end(struct member *k)
{
	if (k->fd < 0)
		return;
	close(k->fd);
	k->fd = -1;
	conn_free(&k->conn);
	buf_free(&k->in);
}

static inline void
crowd_free(struct crowd *c)
{
	for (size_t i = 0; i < c->n; i++)
		crowd_end(&c->all[i]);
	free(c->all);
	buf_free(&c->hello);
	close(c->epoll);
}

/* Send what is there; it is little, and always fits the socket. */
static inline void
crowd_push(struct member *k)
{
	struct buf *out = &k->conn.out;

	if (conn_flush(&k->conn) < 0)
		crowd_die("flush", k->conn.why);
	if (out->n > 0 && write(k->fd, out->p, out->n) != (ssize_t)out->n)
		crowd_die("write", strerror(errno));
	buf_drop(out, out->n);
}

static inline void
crowd_dial(struct crowd *c, struct member *k)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = k };
	uint8_t seed[32];

	k->fd = socket(c->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (k->fd < 0 ||
	    connect(k->fd, (struct sockaddr *)&c->to, c->to_n) < 0)
		crowd_die("connect", strerror(errno));
	fd_nonblock(k->fd);
	randombytes_buf(seed, sizeof seed);
	conn_init(&k->conn, &k->self, true, NULL, msec_now(), seed);
	epoll_ctl(c->epoll, EPOLL_CTL_ADD, k->fd, &ev);
	crowd_push(k);
}

static inline void
crowd_act(struct crowd *c, struct member *k, struct conn_ev *ev)
{
	struct conn_stream *st = ev->stream;
	bool id;

	switch (ev->kind) {
	case CONN_OFFER:
		id = strcmp(st->protocol, IDENT_ID) == 0;
		conn_answer(&k->conn, st, id);
		if (!id)
			break;
		conn_write(&k->conn, st, buf_slice(&c->hello));
		conn_fin(&k->conn, st);
		c->greeted += !k->greeted;
		k->greeted = true;
		break;
	case CONN_FIN:
		if (conn_over(st))
			conn_forget(&k->conn, st);
		c->told += !k->told;
		k->told = true;
		break;
	case CONN_DATA:
		conn_took(&k->conn, st, ev->data.n, msec_now());
		break;
	default:
		break;
	}
}

static inline void
crowd_hear(struct crowd *c, struct member *k)
{
	struct conn_ev ev;
	ssize_t n = read(k->fd, buf_room(&k->in, CROWD_READ), CROWD_READ);
	int r;

	if (n <= 0)
		crowd_die("the node hung up", n < 0 ? strerror(errno) : "");
	buf_added(&k->in, (size_t)n);
	while ((r = conn_step(&k->conn, &k->in, msec_now(), &ev)) == 1)
		crowd_act(c, k, &ev);
	if (r < 0)
		crowd_die("connection", k->conn.why);
	buf_trim(&k->in);
	crowd_push(k);
}

/* Whoever has something to read hears it; returns how many, their members in
 * who.  Nobody within the timeout ends the process when must. */
static inline size_t
crowd_wait(struct crowd *c, int timeout, bool must,
    struct member *who[CROWD_EVENTS])
{
	struct epoll_event ev[CROWD_EVENTS];
	int n = epoll_wait(c->epoll, ev, CROWD_EVENTS, timeout);

	if (n <= 0 && must)
		crowd_die("the node", "does not answer");
	for (int i = 0; i < n; i++) {
		who[i] = ev[i].data.ptr;
		crowd_hear(c, who[i]);
	}
	return n > 0 ? (size_t)n : 0;
}

#endif
