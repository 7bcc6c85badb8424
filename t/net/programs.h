/* SPDX-License-Identifier: ISC
 *
 * A board between a swarm and programs that are played here, over a real
 * p2p.sock: for unit tests. */
#ifndef T_NET_PROGRAMS_H
#define T_NET_PROGRAMS_H

#include "net/board.h"
#include "t/net/hosts.h"

#include <errno.h>
#include <sys/socket.h>

enum { ALL = 63, PARK = 2000 };

static struct host a, b; /* a has the board, b is the peer */
static struct board *board;
static struct rights rights;
static msec park_time = 60000; /* of the next board; PARK where it ends */
static char dir[] = "/tmp/kn-board.XXXXXX", path[64];
static struct ctl msg;

/* A program: one letter a message, in the order they came. */
struct program {
	struct ctl_end *end;
	char heard[64];
	size_t n;
	unsigned ups, downs, selves;
	uint64_t tag, reason;  /* of the last DONE, FAIL, STREAM or OVER */
	int fd, fds[64];       /* the last that came, and all */
	size_t nfds;
	const char *why;       /* it was cut off */
};

static inline void
prog_heard(void *arg, const void *in, int fd)
{
	const struct ctl *m = in;
	struct program *p = arg;
	char c = m->has_self ? 'S' : m->has_now ? 'N' : m->has_done ? 'D' :
	    m->has_fail ? 'F' : m->has_over ? 'O' : m->has_stream ? 'T' : 0;

	p->ups += m->has_up;
	p->downs += m->has_down;
	p->selves += m->has_self;
	if (fd >= 0)
		p->fd = p->fds[p->nfds++ % 64] = fd;
	if (m->has_done)
		p->tag = m->done.tag;
	if (m->has_stream)
		p->tag = m->stream.tag;
	if (m->has_fail) {
		p->tag = m->fail.tag;
		p->reason = m->fail.reason;
	}
	if (m->has_over) {
		p->tag = m->over.tag;
		p->reason = m->over.reason;
	}
	/* SELF comes whenever something changes: no part of an order */
	if (c && (c != 'S' || p->selves == 1) && p->n < sizeof p->heard - 1)
		p->heard[p->n++] = c;
}

static inline void
prog_gone(void *arg, const char *why)
{
	struct program *p = arg;

	p->why = why;
	ctl_end_free(p->end);
	p->end = NULL;
}

static const struct ctl_face prog_face = { &ctl_desc, prog_heard,
	prog_gone };

static inline void
prog_connect(struct program *p)
{
	memset(p, 0, sizeof *p);
	p->fd = -1;
	p->end = ctl_end_new(loop, ctl_connect(path), &prog_face, p);
}

static inline void
prog_leave(struct program *p)
{
	size_t n = board_programs(board);

	ctl_end_free(p->end);
	p->end = NULL;
	comes(board_programs(board) == n - 1, "a program leaves");
}

static inline void
forget(struct program *p)
{
	p->n = 0;
	memset(p->heard, 0, sizeof p->heard);
}

static inline struct ctl *
message(void)
{
	memset(&msg, 0, sizeof msg);
	return &msg;
}

static inline void
hello(struct program *p, const char *name, const char *protocol, unsigned wants)
{
	struct ctl_hello *h = &message()->hello;

	msg.has_hello = h->has_name = h->has_wants = true;
	h->name = slice_text(name);
	h->wants = wants;
	if (protocol)
		h->protocols[h->n_protocols++] = slice_text(protocol);
	ctl_say(p->end, &msg, -1);
}

static inline void
prog_start(struct program *p, const char *name, const char *protocol,
    unsigned wants)
{
	prog_connect(p);
	hello(p, name, protocol, wants);
	comes(strcmp(p->heard, "SN") == 0, "a program is greeted");
	forget(p);
}

/* OPEN; its own end of the stream, or -1: sent without. */
static inline int
prog_open(struct program *p, uint64_t tag, const struct host *to,
    const char *protocol, bool with_fd)
{
	struct ctl_open *o = &message()->open;
	int pair[2] = { -1, -1 };

	if (with_fd && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	                   SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	msg.has_open = o->has_tag = o->has_peer = true;
	o->tag = tag;
	o->peer = peerid_bytes(&to->self.id);
	o->addrs[o->n_addrs++] = maddr_bytes(&to->addr);
	if (protocol)
		o->protocols[o->n_protocols++] = slice_text(protocol);
	ctl_say(p->end, &msg, pair[1]);
	return pair[0];
}

static inline void
refused(struct program *p, enum reason why, const char *name)
{
	comes(p->n > 0 || p->why, name);
	ok(strcmp(p->heard, "F") == 0 && p->reason == why,
	    "refused: %s", reason_word(why));
	forget(p);
}

static inline bool
at_end(int fd)
{
	char c[4096];
	ssize_t n = recv(fd, c, sizeof c, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN);
}

static inline void
begin(void)
{
	const struct board_conf conf = { .park_time = park_time };

	rights.n = 1;
	rights.at[0].everybody = true;
	rights.at[0].words = ALL;
	board = board_new(loop, &conf, &rights);
	host_defaults(&a);
	host_start(&a, 1, &board_face, board);
	board_join(board, a.swarm);
	board_listen(board, ctl_listen(path));
	host_defaults(&b);
	host_start(&b, 11, &host_face, &b);
}

static inline void
end(void)
{
	struct program last;

	prog_start(&last, "last", "/t/last", CTL_WANT_PEERS);
	host_stop(&b);
	host_stop(&a);
	board_free(board);
	comes(last.why != NULL, "freeing the board cuts off who is left");
}

static inline void
programs_begin(void)
{
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(path, sizeof path, "%s/p2p.sock", dir);
	hosts_begin();
}

static inline int
programs_end(void)
{
	hosts_end();
	unlink(path);
	rmdir(dir);
	return tap_done();
}

#endif
