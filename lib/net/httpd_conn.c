/* SPDX-License-Identifier: ISC
 *
 * Connections: accepting, refusing, slow heads, and closing without a reset. */
#include "base/mem.h"
#include "net/httpd_own.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	ACCEPTS = 64,           /* in one turn */
	REST = 100,             /* milliseconds, when descriptors are out */
	LINGER_TIME = 2000,     /* milliseconds */
	LINGER_BYTES = 1 << 20, /* read and thrown away at once … */
	LINGER_REST = 20, /* … and then a piece in so many milliseconds */
	LINGER_PIECE = 32 << 10,
	SCAN_LEAST = 20,
	SCAN_MOST = 1000,
	TRIM_FROM = 128, /* connections */
};

union peer {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage any;
};

/* IPv6 hosts choose their last 64 bits, so those do not count. */
static void
name_peer(struct httpd_conn *c, const union peer *p)
{
	socklen_t len = sizeof(struct ucred);
	struct ucred cred;

	c->uid = -1;
	switch (p->sa.sa_family) {
	case AF_INET:
		memcpy(c->ip, &p->in.sin_addr, c->nip = 4);
		inet_ntop(AF_INET, &p->in.sin_addr, c->from, sizeof c->from);
		break;
	case AF_INET6:
		memcpy(c->ip, &p->in6.sin6_addr, c->nip = 8);
		if (IN6_IS_ADDR_V4MAPPED(&p->in6.sin6_addr))
			memcpy(
			    c->ip, p->in6.sin6_addr.s6_addr + 12, c->nip = 4);
		inet_ntop(AF_INET6, &p->in6.sin6_addr, c->from, sizeof c->from);
		break;
	default:
		snprintf(c->from, sizeof c->from, "unix");
		if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) ==
		    0)
			c->uid = cred.uid;
		return;
	}
	c->tcp = true;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

static uintptr_t
host_count(const struct httpd_conn *c)
{
	return (uintptr_t)map_get(&c->httpd->hosts, slice_of(c->ip, c->nip));
}

static void
host_set(struct httpd_conn *c, uintptr_t n)
{
	struct slice key = slice_of(c->ip, c->nip);

	if (n > 0)
		map_put(&c->httpd->hosts, key, (void *)n);
	else
		map_cut(&c->httpd->hosts, key);
}

static void
refuse(struct httpd *h, int fd, enum httpd_refusal why)
{
	static const char said[] = "HTTP/1.1 503 Service Unavailable\r\n"
				   "Content-Length: 0\r\n"
				   "Connection: close\r\n\r\n";

	h->refused[why]++;
	send(fd, said, sizeof said - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void
arm_scan(struct httpd *h)
{
	msec every = h->conf.head / 4;

	if (h->conns == NULL || timer_when(h->scan) != MSEC_NEVER)
		return;
	if (every < SCAN_LEAST)
		every = SCAN_LEAST;
	timer_at(h->scan, msec_now() + msec_min(every, SCAN_MOST));
}

static void
take(struct httpd *h, int fd, const union peer *p, socklen_t len)
{
	struct httpd_conn *c;

	if (h->nconns >= h->conf.connections) {
		refuse(h, fd, HTTPD_FULL);
		return;
	}
	c = mem_new(sizeof *c);
	c->httpd = h;
	c->fd = fd;
	c->idle_since = msec_now();
	name_peer(c, p);
	if (c->tcp && h->conf.connections_per_ip > 0 &&
	    host_count(c) >= h->conf.connections_per_ip) {
		refuse(h, fd, HTTPD_IP);
		free(c);
		return;
	}
	h->adding = c;
	MHD_add_connection(h->mhd, fd, &p->sa, len);
	free(h->adding); /* still there: it was not taken, and fd is closed */
	h->adding = NULL;
}

void
httpd_accept(struct httpd_listener *l)
{
	struct httpd *h = l->httpd;

	for (int i = 0; i < ACCEPTS; i++) {
		union peer p = { 0 };
		socklen_t len = sizeof p;
		int fd =
		    accept4(l->fd, &p.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			take(h, fd, &p, len);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			watch_want(l->watch, 0);
			timer_at(h->again, msec_now() + REST);
		}
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

struct httpd_conn *
httpd_conn_of(struct MHD_Connection *m)
{
	return MHD_get_connection_info(m, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
	    ->socket_context;
}

void
httpd_linger_free(struct httpd_linger *l)
{
	struct httpd *h = l->httpd;

	if (l->next)
		l->next->prev = l->prev;
	*(l->prev ? &l->prev->next : &h->lingers) = l->next;
	h->nlingers--;
	watch_free(l->watch);
	timer_free(l->late);
	close(l->fd);
	free(l);
}

/* Who sends a lot without looking is read slowly, so that there is time to
 * look. */
static void
linger_read(void *arg, unsigned what)
{
	struct httpd_linger *l = arg;
	uint8_t waste[LINGER_PIECE];
	ssize_t n = read(l->fd, waste, sizeof waste);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		n = 0;
	else if (n <= 0) {
		httpd_linger_free(l);
		return;
	}
	l->left -= (size_t)n < l->left ? (size_t)n : l->left;
	if (l->left > 0)
		return;
	watch_want(l->watch, 0);
	timer_at(l->late, msec_min(l->end, msec_now() + LINGER_REST));
}

static void
linger_late(void *arg)
{
	struct httpd_linger *l = arg;

	if (l->left > 0 || msec_now() >= l->end)
		httpd_linger_free(l);
	else
		linger_read(l, 0);
}

/* A connection closes of which not all was read.  Going on reading for a while
 * lets the peer see the answer, and not a reset. */
static void
linger(struct httpd_conn *c)
{
	struct httpd *h = c->httpd;
	struct httpd_linger *l;
	int unread = 0;
	int fd;

	ioctl(c->fd, FIONREAD, &unread);
	if (c->cut || (!c->unread && unread == 0) ||
	    h->nlingers >= HTTPD_LINGER)
		return;
	fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return;
	l = mem_new(sizeof *l);
	l->httpd = h;
	l->fd = fd;
	l->left = LINGER_BYTES;
	l->watch = watch_new(h->loop, fd, linger_read, l);
	watch_want(l->watch, WATCH_READ);
	l->late = timer_new(h->loop, linger_late, l);
	l->end = msec_now() + LINGER_TIME;
	timer_at(l->late, l->end);
	l->next = h->lingers;
	if (l->next)
		l->next->prev = l;
	h->lingers = l;
	h->nlingers++;
}

static void
conn_open(struct httpd *h, struct httpd_conn *c)
{
	h->adding = NULL;
	h->nconns++;
	if (h->peak < h->nconns)
		h->peak = h->nconns;
	if (c->tcp)
		host_set(c, host_count(c) + 1);
	c->next = h->conns;
	if (c->next)
		c->next->prev = c;
	h->conns = c;
	arm_scan(h);
}

/* The C library keeps what a crowd needed; when it has left, that goes back. */
static void
give_back(struct httpd *h)
{
	if (h->peak < TRIM_FROM || h->nconns > h->peak / 4)
		return;
	h->peak = h->nconns;
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

static void
conn_gone(struct httpd *h, struct httpd_conn *c)
{
	h->nconns--;
	if (c->tcp)
		host_set(c, host_count(c) - 1);
	if (c->next)
		c->next->prev = c->prev;
	*(c->prev ? &c->prev->next : &h->conns) = c->next;
	free(c);
	give_back(h);
}

void
httpd_on_conn(void *arg, struct MHD_Connection *m, void **conn,
    enum MHD_ConnectionNotificationCode code)
{
	struct httpd *h = arg;

	(void)m;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*conn = h->adding;
		conn_open(h, h->adding);
	} else {
		linger(*conn);
		conn_gone(h, *conn);
		*conn = NULL;
	}
}

/* libmicrohttpd does not say that a head has begun to come.  The kernel knows
 * how many bytes came; on a Unix socket nobody does, and a head has the time of
 * idleness more. */
static bool
head_began(struct httpd_conn *c, msec now)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;

	if (c->req)
		return true;
	if (!c->tcp)
		return now - c->idle_since >= c->httpd->conf.idle;
	if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return false;
	if (c->seen_stale) {
		c->seen_stale = false;
		c->seen = info.tcpi_bytes_received;
	}
	return info.tcpi_bytes_received > c->seen;
}

static void
cut_slow(struct httpd_conn *c)
{
	static const char said[] = "HTTP/1.1 408 Request Timeout\r\n"
				   "Content-Length: 0\r\n"
				   "Connection: close\r\n\r\n";

	c->cut = true;
	c->httpd->refused[HTTPD_SLOW]++;
	send(c->fd, said, sizeof said - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* libmicrohttpd reads the end of the connection, and closes it */
	shutdown(c->fd, SHUT_RDWR);
}

void
httpd_scan(void *arg)
{
	struct httpd *h = arg;
	msec now = msec_now();

	for (struct httpd_conn *c = h->conns; c; c = c->next) {
		if (c->cut || (c->req && c->req->begun))
			continue;
		if (c->head_since == 0 && head_began(c, now))
			c->head_since = now;
		if (c->head_since != 0 && now - c->head_since >= h->conf.head)
			cut_slow(c);
	}
	arm_scan(h);
}
