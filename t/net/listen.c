/* SPDX-License-Identifier: ISC */
#include "net/listen.h"
#include "t/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { GUARD = 60000, MANY = 100 }; /* old kernels queue no more than 128 */

/* What came in, and when to stop the loop. */
struct rig {
	struct loop *loop;
	struct listener *listener;
	unsigned n, stop_at, most_a_turn, this_turn, turns;
	int fds[MANY];
	struct sockaddr_storage from;
	bool free_at_once;
};

static void
accepted(void *arg, int fd, const struct sockaddr *from)
{
	struct rig *r = arg;

	if (r->n < MANY)
		r->fds[r->n] = fd;
	memcpy(&r->from, from, from->sa_family == AF_INET ?
	    sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
	if (++r->n == r->stop_at)
		loop_stop(r->loop, 0);
	if (++r->this_turn > r->most_a_turn)
		r->most_a_turn = r->this_turn;
	if (r->free_at_once) {
		listener_free(r->listener);
		r->listener = NULL;
	}
}

static void
on_turn(void *arg, msec now)
{
	struct rig *r = arg;

	(void)now;
	r->this_turn = 0;
	r->turns++;
}

static void
too_late(void *arg)
{
	loop_stop(arg, 1);
}

/* Until the loop is stopped (0), or the time is over (1). */
static int
turn(struct loop *loop, msec at_most)
{
	struct timer *t = timer_new(loop, too_late, loop);
	int code;

	timer_at(t, msec_now() + at_most);
	code = loop_run(loop);
	timer_free(t);
	return code;
}

static void
close_all(struct rig *r)
{
	for (unsigned i = 0; i < r->n && i < MANY; i++)
		close(r->fds[i]);
	r->n = 0;
}

static struct maddr
addr(const char *text)
{
	struct maddr m = { 0 };

	maddr_of_text(slice_text(text), &m);
	return m;
}

static int
bind_to(const char *text)
{
	struct maddr m = addr(text);

	return listen_bind(&m);
}

/* A connection to it, which the kernel completes by itself. */
static int
knock(const struct listener *l)
{
	struct maddr at = listener_addr(l);
	struct sockaddr_storage ss;
	socklen_t n;
	uint32_t code;
	int fd;

	if (maddr_to_sockaddr(maddr_bytes(&at), &ss, &n, &code, NULL) < 0)
		return -1;
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&ss, n) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
test_bind(void)
{
	static const char *const wrong[] = { "/ip4/127.0.0.1/udp/0",
		"/dns4/localhost/tcp/0", "/ip4/127.0.0.1/tcp/0/ws",
		"/unix/tmp/x", "/ip4/127.0.0.1" };
	char text[MADDR_TEXT];
	struct loop *loop = loop_new();
	struct listener *l;
	struct maddr at;
	int fd, on = 0;
	socklen_t n = sizeof on;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		errno = 0;
		ok(bind_to(wrong[i]) == -1 && errno == EINVAL,
		    "%s is nothing to listen on", wrong[i]);
	}
	fd = bind_to("/ip4/127.0.0.1/tcp/0");
	ok(fd >= 0 && fcntl(fd, F_GETFD) & FD_CLOEXEC, "bound, close-on-exec");
	l = listener_new(loop, fd, accepted, NULL);
	at = listener_addr(l);
	maddr_text(maddr_bytes(&at), text);
	ok(strncmp(text, "/ip4/127.0.0.1/tcp/", 19) == 0 && atoi(text + 19) > 0,
	    "with a real port");
	errno = 0;
	ok(listen_bind(&at) == -1 && errno == EADDRINUSE,
	    "and nobody else on it");
	listener_free(l);
	fd = listen_bind(&at);
	ok(fd >= 0, "until it is free");
	close(fd);
	fd = bind_to("/ip6/::/tcp/0");
	if (fd >= 0) {
		getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, &n);
		ok(on, "/ip6 is IPv6 only");
		close(fd);
	}
	listener_free(NULL);
	loop_free(loop);
}

static void
test_accept(void)
{
	struct rig r = { .loop = loop_new(), .stop_at = 1 };
	int client, flags, on = 0;
	socklen_t n = sizeof on;
	struct sockaddr_in mine = { 0 };

	/* as a supervisor might give it: blocking, bound, not listening */
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	bind(fd, (struct sockaddr *)&at, sizeof at);
	r.listener = listener_new(r.loop, fd, accepted, &r);
	client = knock(r.listener);
	is_int(turn(r.loop, GUARD), 0, "one comes in");
	flags = fcntl(r.fds[0], F_GETFL);
	ok(flags & O_NONBLOCK && fcntl(r.fds[0], F_GETFD) & FD_CLOEXEC,
	    "non-blocking, close-on-exec");
	getsockopt(r.fds[0], IPPROTO_TCP, TCP_NODELAY, &on, &n);
	ok(on, "without delay");
	n = sizeof mine;
	getsockname(client, (struct sockaddr *)&mine, &n);
	is_int(((struct sockaddr_in *)&r.from)->sin_port, mine.sin_port,
	    "from whom");
	ok(fcntl(fd, F_GETFL) & O_NONBLOCK && fcntl(fd, F_GETFD) & FD_CLOEXEC,
	    "the inherited socket is made so, too");
	close(client);
	close_all(&r);
	listener_free(r.listener);
	errno = 0;
	ok(fcntl(fd, F_GETFD) < 0 && errno == EBADF, "and closed at the end");
	loop_free(r.loop);
}

static void
test_batch(void)
{
	struct rig r = { .loop = loop_new(), .stop_at = MANY };
	int clients[MANY];

	r.listener = listener_new(r.loop, bind_to("/ip4/127.0.0.1/tcp/0"),
	    accepted, &r);
	loop_each_turn(r.loop, on_turn, &r);
	for (int i = 0; i < MANY; i++)
		clients[i] = knock(r.listener);
	is_int(turn(r.loop, GUARD), 0, "a hundred at once come in");
	is_int(r.most_a_turn, 64, "in batches");
	for (int i = 0; i < MANY; i++)
		close(clients[i]);
	close_all(&r);
	listener_free(r.listener);
	loop_free(r.loop);
}

static void
test_free_inside(void)
{
	struct rig r = { .loop = loop_new(), .stop_at = 1,
		.free_at_once = true };
	int clients[3];

	r.listener = listener_new(r.loop, bind_to("/ip4/127.0.0.1/tcp/0"),
	    accepted, &r);
	for (int i = 0; i < 3; i++)
		clients[i] = knock(r.listener);
	is_int(turn(r.loop, GUARD), 0, "a listener freed while it accepts");
	is_int(r.n, 1, "accepts no more");
	for (int i = 0; i < 3; i++)
		close(clients[i]);
	close_all(&r);
	loop_free(r.loop);
}

/* With no descriptor free, the loop sleeps; later the peer is served. */
static void
test_exhausted(void)
{
	struct rig r = { .loop = loop_new(), .stop_at = 1 };
	struct rlimit was, low;
	int client;
	msec began;

	r.listener = listener_new(r.loop, bind_to("/ip4/127.0.0.1/tcp/0"),
	    accepted, &r);
	loop_each_turn(r.loop, on_turn, &r);
	client = knock(r.listener);
	getrlimit(RLIMIT_NOFILE, &was);
	low = was;
	low.rlim_cur = (rlim_t)client + 1;
	setrlimit(RLIMIT_NOFILE, &low);
	began = msec_now();
	is_int(turn(r.loop, 300), 1, "out of descriptors: nobody comes in");
	ok(r.turns < 10, "and nothing spins (%u turns)", r.turns);
	setrlimit(RLIMIT_NOFILE, &was);
	is_int(turn(r.loop, GUARD), 0, "with descriptors, it goes on");
	ok(msec_now() - began >= 900, "after the pause");
	close(client);
	close_all(&r);
	listener_free(r.listener);
	loop_free(r.loop);
}

static void
test_expand(void)
{
	struct maddr out[64], one = addr("/ip4/127.0.0.1/tcp/4001");
	struct maddr all = addr("/ip4/0.0.0.0/tcp/4001");
	struct maddr six = addr("/ip6/::/udp/4001/quic-v1");
	char text[MADDR_TEXT];
	bool found = false, good = true;
	size_t n = listen_expand(&one, out, 64);

	is_int(n, 1, "a specified address is one");
	is_bytes(out[0].b, out[0].n, one.b, one.n, "itself");
	n = listen_expand(&all, out, 64);
	for (size_t i = 0; i < n; i++) {
		maddr_text(maddr_bytes(&out[i]), text);
		found |= strcmp(text, "/ip4/127.0.0.1/tcp/4001") == 0;
		good &= strncmp(text, "/ip4/", 5) == 0 &&
		    strcmp(text + strlen(text) - 9, "/tcp/4001") == 0;
	}
	ok(found && good, "0.0.0.0 is loopback and the others (%zu)", n);
	is_int(listen_expand(&all, out, 1), 1, "no more than asked");
	is_int(listen_expand(&all, out, 0), 0, "none if none");
	n = listen_expand(&six, out, 64);
	for (size_t i = 0; i < n; i++) {
		maddr_text(maddr_bytes(&out[i]), text);
		good &= strncmp(text, "/ip6/", 5) == 0 &&
		    strncmp(text, "/ip6/fe80", 9) != 0 &&
		    strstr(text, "/udp/4001/quic-v1") != NULL;
	}
	ok(good, "IPv6 for itself, without link-local, with what follows");
}

int
main(void)
{
	test_bind();
	test_accept();
	test_batch();
	test_free_inside();
	test_exhausted();
	test_expand();
	return tap_done();
}
