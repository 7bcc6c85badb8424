/* SPDX-License-Identifier: ISC */
#include "net/resolve.h"
#include "base/mem.h"
#include "wire/dnstxt.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	DATAGRAM = 4096,         /* more than we said we take */
	STREAM = 2 + UINT16_MAX, /* length and message, RFC 1035 4.2.2 */
};

struct resolve {
	struct loop *loop;
	enum resolve_kind kind;
	char name[RESOLVE_NAME];
	resolve_got *got;
	void *arg;
	struct slice values[RESOLVE_MOST];
	size_t n;

	/* addresses */
	uint8_t bytes[RESOLVE_MOST * 16]; /* what values stand in */
	struct evdns_getaddrinfo_request *query;
	bool ended;

	/* texts */
	int fd;
	struct watch *watch;
	struct timer *timer;
	unsigned tries;
	uint16_t id;
	bool stream, sent;
	struct buf in; /* of a stream */
};

static void
close_socket(struct resolve *r)
{
	watch_free(r->watch);
	r->watch = NULL;
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	buf_free(&r->in);
}

static void
release(struct resolve *r)
{
	close_socket(r);
	timer_free(r->timer);
	loop_forget(r->loop, r);
	free(r);
}

static void
finish(void *arg)
{
	struct resolve *r = arg;

	r->got(r->arg, r->values, r->n);
	release(r);
}

/* Addresses. */

static struct slice
ip_bytes(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return slice_of(&((const struct sockaddr_in *)sa)->sin_addr, 4);
	return slice_of(&((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
}

/* evdns calls this from within evdns_getaddrinfo for what it knows already, and
 * some time after a request was cancelled. */
static void
on_addresses(int result, struct evutil_addrinfo *all, void *arg)
{
	struct resolve *r = arg;
	uint8_t *at = r->bytes;

	r->query = NULL;
	for (struct evutil_addrinfo *i = all; i && r->n < RESOLVE_MOST;
	     i = i->ai_next) {
		struct slice ip = ip_bytes(i->ai_addr);

		memcpy(at, ip.p, ip.n);
		r->values[r->n++] = slice_of(at, ip.n);
		at += ip.n;
	}
	if (result == 0 && all)
		evutil_freeaddrinfo(all);
	if (r->ended)
		release(r);
	else
		loop_soon(r->loop, finish, r);
}

static void *
make_dns(struct event_base *base)
{
	return evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
					EVDNS_BASE_DISABLE_WHEN_INACTIVE);
}

static void
end_dns(void *dns)
{
	evdns_base_free(dns, 0);
}

static struct evdns_base *
dns_of(struct loop *loop)
{
	return loop_part(loop, make_dns, end_dns);
}

static void
ask_addresses(struct resolve *r)
{
	const struct evutil_addrinfo hints = {
		.ai_family = r->kind == RESOLVE_IP4 ? AF_INET : AF_INET6,
		.ai_socktype = SOCK_STREAM,
		.ai_protocol = IPPROTO_TCP,
	};
	struct evdns_getaddrinfo_request *query;

	query = evdns_getaddrinfo(
	    dns_of(r->loop), r->name, NULL, &hints, on_addresses, r);
	/* NULL: on_addresses has run */
	if (query)
		r->query = query;
}

/* Texts. */

static void try_next(struct resolve *r);

static void
settle(struct resolve *r, enum dnstxt_end end)
{
	switch (end) {
	case DNSTXT_OTHER: /* of an earlier try, or forged */
		return;
	case DNSTXT_CUT:
		if (!r->stream) {
			r->stream = true;
			r->tries--;
		}
		/* fall through */
	case DNSTXT_FAILED:
		try_next(r);
		return;
	case DNSTXT_NONE:
	case DNSTXT_SOME:
		finish(r);
	}
}

static void
read_datagram(struct resolve *r)
{
	uint8_t message[DATAGRAM];
	ssize_t n = recv(r->fd, message, sizeof message, MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		settle(r, DNSTXT_FAILED);
	else if ((size_t)n > sizeof message)
		settle(r, DNSTXT_CUT);
	else
		settle(r, dnstxt_read(message, (size_t)n, r->name, r->id,
			      r->values, RESOLVE_MOST, &r->n));
}

static void
read_stream(struct resolve *r)
{
	enum dnstxt_end end;
	struct slice in;
	size_t want = 2;
	ssize_t n;

	if (r->in.n >= 2) {
		in = buf_slice(&r->in);
		want += get_u16(&in);
	}
	n = recv(r->fd, buf_room(&r->in, want - r->in.n), want - r->in.n, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		settle(r, DNSTXT_FAILED);
		return;
	}
	buf_added(&r->in, (size_t)n);
	if (r->in.n < want || want == 2)
		return;
	end = dnstxt_read(r->in.p + 2, want - 2, r->name, r->id, r->values,
	    RESOLVE_MOST, &r->n);
	/* what else may come by this connection is no better */
	settle(
	    r, end == DNSTXT_OTHER || end == DNSTXT_CUT ? DNSTXT_FAILED : end);
}

static int
send_query(struct resolve *r)
{
	struct buf out = { .max = 2 + DNSTXT_QUERY };
	ssize_t n = -1;
	bool whole;

	put_u16(&out, 0);
	if (dnstxt_ask(r->name, r->id, &out) == 0) {
		out.p[1] = (uint8_t)(out.n - 2);
		out.p[0] = (uint8_t)((out.n - 2) >> 8);
		if (!r->stream)
			buf_drop(&out, 2);
		n = send(r->fd, out.p, out.n, 0);
	}
	whole = n >= 0 && (size_t)n == out.n;
	buf_free(&out);
	r->sent = true;
	return whole ? 0 : -1;
}

static void
on_socket(void *arg, unsigned what)
{
	struct resolve *r = arg;

	(void)what;
	if (!r->sent) {
		watch_want(r->watch, WATCH_READ);
		if (send_query(r) < 0)
			try_next(r);
	} else if (r->stream) {
		read_stream(r);
	} else {
		read_datagram(r);
	}
}

/* A socket that only this server can answer to (connected), and whose port is
 * the kernel's random choice. */
static int
open_socket(struct resolve *r)
{
	struct evdns_base *dns = dns_of(r->loop);
	int servers = evdns_base_count_nameservers(dns);
	struct sockaddr_storage ss = { 0 };
	int kind = r->stream ? SOCK_STREAM : SOCK_DGRAM;
	int n;

	if (servers <= 0)
		return -1;
	n = evdns_base_get_nameserver_addr(dns, (int)(r->tries - 1) % servers,
	    (struct sockaddr *)&ss, sizeof ss);
	if (n <= 0 || (size_t)n > sizeof ss)
		return -1;
	r->fd = socket(ss.ss_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (r->fd < 0)
		return -1;
	if (connect(r->fd, (struct sockaddr *)&ss, (socklen_t)n) < 0 &&
	    errno != EINPROGRESS)
		return -1;
	return getrandom(&r->id, sizeof r->id, 0) == sizeof r->id ? 0 : -1;
}

static void
try_next(struct resolve *r)
{
	while (r->tries < RESOLVE_TRIES) {
		r->tries++;
		r->n = 0;
		r->sent = false;
		close_socket(r);
		if (open_socket(r) < 0)
			continue;
		r->watch = watch_new(r->loop, r->fd, on_socket, r);
		watch_want(r->watch, WATCH_WRITE);
		timer_at(r->timer, loop_now(r->loop) + RESOLVE_WAIT);
		return;
	}
	r->n = 0;
	finish(r);
}

static void
on_timer(void *arg)
{
	try_next(arg);
}

static void
ask_texts(void *arg)
{
	try_next(arg);
}

struct resolve *
resolve_start(struct loop *loop, enum resolve_kind kind, struct slice name,
    resolve_got *got, void *arg)
{
	struct resolve *r = mem_new(sizeof *r);

	r->loop = loop;
	r->kind = kind;
	r->got = got;
	r->arg = arg;
	r->fd = -1;
	r->in.max = STREAM;
	r->timer = timer_new(loop, on_timer, r);
	if (name.n == 0 || name.n >= sizeof r->name ||
	    memchr(name.p, 0, name.n) != NULL) {
		loop_soon(loop, finish, r);
		return r;
	}
	memcpy(r->name, name.p, name.n);
	if (kind == RESOLVE_TXT)
		loop_soon(loop, ask_texts, r);
	else
		ask_addresses(r);
	return r;
}

void
resolve_end(struct resolve *r)
{
	if (r == NULL)
		return;
	r->ended = true;
	if (r->query)
		evdns_getaddrinfo_cancel(r->query);
	else
		release(r);
}

int
resolve_server(struct loop *loop, const struct sockaddr *sa, socklen_t n)
{
	struct evdns_base *dns = dns_of(loop);

	if (evdns_base_clear_nameservers_and_suspend(dns) != 0 ||
	    evdns_base_nameserver_sockaddr_add(dns, sa, n, 0) != 0 ||
	    evdns_base_resume(dns) != 0)
		return -1;
	return 0;
}
