/* SPDX-License-Identifier: ISC
 *
 * Dials on a loop of one's own, for tests: every packet stays on the loopback.
 * What would leave it is refused by a gate that knows no interface, or denies
 * everything. */
#ifndef T_NET_DIALING_H
#define T_NET_DIALING_H

#include "net/dial_own.h"
#include "t/net/nameserver.h"
#include "t/tap.h"

#include <stdio.h>

#define ANN "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
#define BOB "QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"

enum { GUARD = 60000, GIVEN = 128 };
enum { AUTO, YES, NO };

static struct loop *loop;
static struct nameserver ns;
static struct gate *gate; /* dials the loopback and global addresses only */

/* What a dial said last. */
static struct heard {
	struct dial *dial;
	unsigned times;
	int fd;
	struct maddr addr;
	struct peerid peer;
	enum reason reason;
	char text[2 * DIAL_TEXT];
	bool end_inside;
} heard;

static inline void
got(void *arg, const struct dial_got *g)
{
	struct heard *h = arg;

	h->times++;
	h->fd = g->fd;
	h->addr = g->addr;
	h->peer = g->peer;
	h->reason = g->reason;
	snprintf(h->text, sizeof h->text, "%s", g->text);
	if (h->end_inside)
		dial_end(h->dial);
	loop_stop(loop, 0);
}

static inline void
stop(void *arg)
{
	(void)arg;
	loop_stop(loop, 0);
}

static inline void
too_late(void *arg)
{
	(void)arg;
	loop_stop(loop, 1);
}

/* Until the loop is stopped (0), or the time is over (1). */
static inline int
turn(msec at_most)
{
	struct timer *t = timer_new(loop, too_late, NULL);
	int code;

	timer_at(t, msec_now() + at_most);
	code = loop_run(loop);
	timer_free(t);
	return code;
}

/* addrs: in text, separated by blanks. */
static inline struct dial *
start(const char *addrs, const char *want, msec timeout)
{
	static struct maddr all[GIVEN];
	static struct slice bytes[GIVEN];
	struct peerid id = { 0 };
	size_t n = 0;

	for (; *addrs && n < GIVEN; n++) {
		size_t len = strcspn(addrs, " ");

		if (maddr_of_text(slice_of(addrs, len), &all[n]) < 0)
			ok(false, "%s is an address", addrs);
		bytes[n] = maddr_bytes(&all[n]);
		addrs += len + (addrs[len] == ' ');
	}
	if (want)
		peerid_of_text(slice_text(want), &id);
	/* the loop's time stood still between the tests */
	loop_soon(loop, stop, NULL);
	loop_run(loop);
	heard = (struct heard){ .fd = -1 };
	heard.dial = dial_start(loop, gate, bytes, n, want ? &id : NULL,
	    timeout, got, &heard);
	/* the copies are the dial's now */
	memset(all, 0xff, sizeof all);
	if (heard.times > 0)
		ok(false, "got was called before dial_start returned");
	return heard.dial;
}

/* The whole of a dial; a socket that it gave is open in heard. */
static inline void
dial(const char *addrs, const char *want, msec timeout)
{
	start(addrs, want, timeout);
	if (turn(GUARD) != 0)
		ok(false, "the dial came to no end");
	dial_end(heard.dial);
	if (heard.fd >= 0)
		close(heard.fd);
}

/* A socket of the loopback.  address: where, as a multiaddr. */
static inline int
bound(int family, char address[64])
{
	struct sockaddr_storage ss = { .ss_family = (sa_family_t)family };
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&ss;
	struct sockaddr_in *four = (struct sockaddr_in *)&ss;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = family == AF_INET ? sizeof *four : sizeof *six;

	if (family == AF_INET)
		four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		six->sin6_addr = in6addr_loopback;
	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, n) < 0 ||
	    getsockname(fd, (struct sockaddr *)&ss, &n) < 0) {
		close(fd);
		return -1;
	}
	snprintf(address, 64, family == AF_INET ? "/ip4/127.0.0.1/tcp/%u"
	                                        : "/ip6/::1/tcp/%u",
	    ntohs(family == AF_INET ? four->sin_port : six->sin6_port));
	return fd;
}

static inline int
listening(char address[64])
{
	int fd = bound(AF_INET, address);

	listen(fd, 64);
	return fd;
}

static inline struct gate *
gate_of(const char *deny, unsigned mode, unsigned rate)
{
	struct gate_conf c = { .allow_path = "", .deny_path = deny,
		.protect_path = "", .peers = 10, .handshakes = 10,
		.per_ip = 10, .per_subnet = 10, .dial_private = mode,
		.dials_per_minute = rate };
	struct buf faults = { .max = 4096 };
	struct gate *g = gate_new(&c, &faults);

	buf_free(&faults);
	return g;
}

static inline bool
open_rig(void)
{
	loop = loop_new();
	gate = gate_of("", AUTO, 0);
	gate_interfaces(gate);
	return ok(gate && ns_open(&ns, loop), "a gate and a name server");
}

static inline void
close_rig(void)
{
	turn(50); /* lookups that were ended wind up */
	ns_close(&ns);
	gate_free(gate);
	loop_free(loop);
}

#endif
