/* SPDX-License-Identifier: ISC */
#include "net/listen.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BATCH = 64,   /* accepted in one turn; the rest waits for the next */
	PAUSE = 1000, /* ms without accepting when resources are out */
	LOGGED = 1,   /* lines a second */
};

struct listener {
	struct loop *loop;
	int fd;
	void (*accepted)(void *arg, int fd, const struct sockaddr *);
	void *arg;
	struct watch *watch;
	struct timer *resume;
	struct log_flood flood;
	bool accepting, dead;
};

static int
set(int fd, int level, int option)
{
	const int on = 1;

	return setsockopt(fd, level, option, &on, sizeof on);
}

static int
prepare(int fd, const struct sockaddr_storage *ss, socklen_t n)
{
	if (set(fd, SOL_SOCKET, SO_REUSEADDR) < 0)
		return -1;
	if (ss->ss_family == AF_INET6 && set(fd, IPPROTO_IPV6, IPV6_V6ONLY) < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)ss, n) < 0)
		return -1;
	return listen(fd, SOMAXCONN);
}

int
listen_bind(const struct maddr *addr)
{
	struct sockaddr_storage ss;
	struct slice rest;
	socklen_t n;
	uint32_t code;
	int fd, why;

	if (maddr_to_sockaddr(maddr_bytes(addr), &ss, &n, &code, &rest) < 0 ||
	    code != MADDR_TCP || rest.n > 0) {
		errno = EINVAL;
		return -1;
	}
	fd =
	    socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || prepare(fd, &ss, n) == 0)
		return fd;
	why = errno;
	close(fd);
	errno = why;
	return -1;
}

/* The errors of accept(2) that belong to one connection and not to us. */
static bool
is_theirs(int why)
{
	static const int theirs[] = { EINTR, ECONNABORTED, EPERM, ENETDOWN,
		EPROTO, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
		EOPNOTSUPP, ENETUNREACH };

	for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
		if (theirs[i] == why)
			return true;
	return false;
}

/* Out of descriptors or memory: the connection stays in the kernel's queue, and
 * a level-triggered watch would call us at once for ever. */
static void
rest_a_while(struct listener *l, int why)
{
	struct maddr at = listener_addr(l);
	char text[MADDR_TEXT];
	msec now = loop_now(l->loop);

	if (log_allow(&l->flood, "accept", LOGGED, now))
		log_warn("accept", "addr=%s why=%s",
		    maddr_text(maddr_bytes(&at), text),
		    log_q(slice_text(strerror(why))));
	watch_want(l->watch, 0);
	timer_at(l->resume, now + PAUSE);
}

static void
resume(void *arg)
{
	struct listener *l = arg;

	watch_want(l->watch, WATCH_READ);
}

/* false: enough for this turn. */
static bool
accept_one(struct listener *l)
{
	struct sockaddr_storage from = { 0 };
	socklen_t n = sizeof from;
	int fd = accept4(
	    l->fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		set(fd, IPPROTO_TCP, TCP_NODELAY);
		l->accepted(l->arg, fd, (struct sockaddr *)&from);
		return !l->dead;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return false;
	if (is_theirs(errno))
		return true;
	rest_a_while(l, errno);
	return false;
}

static void
on_connections(void *arg, unsigned what)
{
	struct listener *l = arg;

	(void)what;
	l->accepting = true;
	for (int i = 0; i < BATCH && accept_one(l); i++)
		;
	l->accepting = false;
	if (l->dead)
		free(l);
}

struct listener *
listener_new(struct loop *loop, int fd,
    void (*accepted)(void *, int, const struct sockaddr *), void *arg)
{
	struct listener *l = mem_new(sizeof *l);

	l->loop = loop;
	l->fd = fd;
	l->accepted = accepted;
	l->arg = arg;
	/* an inherited socket may be bound only, and blocking */
	fd_nonblock(fd);
	fd_cloexec(fd);
	listen(fd, SOMAXCONN);
	l->watch = watch_new(loop, fd, on_connections, l);
	l->resume = timer_new(loop, resume, l);
	watch_want(l->watch, WATCH_READ);
	return l;
}

void
listener_free(struct listener *l)
{
	if (l == NULL || l->dead)
		return;
	watch_free(l->watch);
	timer_free(l->resume);
	close(l->fd);
	/* accepted may have called us: its caller is still in there */
	l->dead = true;
	if (!l->accepting)
		free(l);
}

struct maddr
listener_addr(const struct listener *l)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof ss;
	struct maddr addr = { 0 };

	if (getsockname(l->fd, (struct sockaddr *)&ss, &n) == 0)
		maddr_of_sockaddr((struct sockaddr *)&ss, MADDR_TCP, &addr);
	return addr;
}

static bool
is_unspecified(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)ss;
	const struct sockaddr_in *four = (const struct sockaddr_in *)ss;

	return ss->ss_family == AF_INET
		   ? four->sin_addr.s_addr == INADDR_ANY
		   : IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr);
}

/* The interface's address with our port and what follows it. */
static bool
join(const struct ifaddrs *i, const struct sockaddr_storage *ss, uint32_t code,
    struct slice rest, struct maddr *out)
{
	struct sockaddr_storage at = { 0 };
	struct maddr_part part;
	int done;

	if (!(i->ifa_flags & IFF_UP) || i->ifa_addr == NULL ||
	    i->ifa_addr->sa_family != ss->ss_family ||
	    maddr_scope(i->ifa_addr) == SCOPE_LINK)
		return false;
	if (ss->ss_family == AF_INET) {
		memcpy(&at, i->ifa_addr, sizeof(struct sockaddr_in));
		((struct sockaddr_in *)&at)->sin_port =
		    ((const struct sockaddr_in *)ss)->sin_port;
	} else {
		memcpy(&at, i->ifa_addr, sizeof(struct sockaddr_in6));
		((struct sockaddr_in6 *)&at)->sin6_port =
		    ((const struct sockaddr_in6 *)ss)->sin6_port;
	}
	done = maddr_of_sockaddr((struct sockaddr *)&at, code, out);
	while (done == 0 && maddr_next(&rest, &part) == 1)
		done = maddr_add(out, part.code, part.value);
	return done == 0;
}

size_t
listen_expand(const struct maddr *addr, struct maddr *out, size_t max)
{
	struct sockaddr_storage ss;
	struct ifaddrs *all;
	struct slice rest;
	socklen_t size;
	uint32_t code;
	size_t n = 0;

	if (max == 0)
		return 0;
	if (maddr_to_sockaddr(maddr_bytes(addr), &ss, &size, &code, &rest) <
		0 ||
	    !is_unspecified(&ss)) {
		out[0] = *addr;
		return 1;
	}
	if (getifaddrs(&all) < 0)
		return 0;
	for (struct ifaddrs *i = all; i && n < max; i = i->ifa_next)
		n += join(i, &ss, code, rest, &out[n]);
	freeifaddrs(all);
	return n;
}
