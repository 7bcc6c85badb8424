/* SPDX-License-Identifier: ISC
 *
 * Load for any S3 server: one thread, one epoll, so many connections that are
 * kept, each with one request at a time.  Requests are signed before the clock
 * starts and used again in turn (unless there are too many), bodies that come
 * are dropped in the kernel; so the client costs little.  Checks the status of
 * each answer and the length of a GET.  Prints one line of JSON. */
#include "t/bench/s3ask.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	HEAD = 16384,   /* bytes of an answer's head, at most */
	BODY = 1 << 20, /* sent at once */
	EVENTS = 128,
	PAGE = 16 << 20, /* bytes of a list's page */
	LATE = 60000,    /* milliseconds without an event */
	REDIALS = 100,
};

static struct sockaddr_storage to;
static socklen_t to_n;
static uint8_t *content; /* BODY bytes */

struct client {
	int fd;
	struct slice head; /* of the request */
	uint64_t unique;   /* the body begins with it */
	uint64_t out;      /* bytes of head and body that are sent */
	struct buf in;     /* the answer's head, or a list's whole page */
	bool in_body;
	uint64_t left; /* bytes of the answer's body */
	unsigned status;
	bool close, busy;
	double began;
	char token[ASK_TOKEN]; /* a list goes on here; "" from the beginning */
	struct buf signed_now;
};

static struct client *clients;
static int epoll;

static struct {
	uint64_t begun, ops, bytes, errors, names, failed, redials;
	unsigned last_status;
	float *took; /* ms, each */
	size_t room;
	bool over;
} did;

static double
clock_seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
seconds(void)
{
	return clock_seconds(CLOCK_MONOTONIC);
}

/* A client's turns. */

static void
dial(struct client *c)
{
	struct epoll_event ev = { EPOLLIN | EPOLLOUT | EPOLLET, { .ptr = c } };

	c->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, to_n) < 0)
		die(want.to, strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	fd_nonblock(c->fd);
	epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev);
}

static void
finish(struct client *c, bool good)
{
	did.ops++;
	c->busy = false;
	if (!good) {
		did.errors++;
		did.last_status = c->status;
		return;
	}
	if (did.ops >= did.room) {
		did.room = did.room ? did.room * 2 : 1 << 16;
		did.took = mem_resize(did.took, did.room * sizeof(float));
	}
	did.took[did.ops - did.errors - 1] =
	    (float)((seconds() - c->began) * 1000);
}

static void
redial(struct client *c)
{
	close(c->fd);
	if (c->busy)
		finish(c, false);
	if (++did.redials > REDIALS && did.errors > REDIALS)
		die(want.to, "it breaks off again and again");
	dial(c);
}

/* The bytes of the body from at: what makes it the only one of its kind, then
 * content over and over. */
static struct iovec
body_at(struct client *c, uint64_t at)
{
	uint64_t n = want.size - at;
	uint64_t off = at % BODY;

	if (at < sizeof c->unique && want.size >= sizeof c->unique &&
	    !want.same)
		return (struct iovec){ (uint8_t *)&c->unique + at,
			sizeof c->unique - at };
	return (struct iovec){ content + off,
		(size_t)(n < BODY - off ? n : BODY - off) };
}

static void
push(struct client *c)
{
	uint64_t all = c->head.n + (want.op == PUT ? want.size : 0);

	while (c->busy && c->out < all) {
		struct iovec v[3];
		struct msghdr msg = { .msg_iov = v };
		uint64_t at = c->out < c->head.n ? 0 : c->out - c->head.n;
		ssize_t n;

		if (c->out < c->head.n)
			v[msg.msg_iovlen++] = (struct iovec){
				(void *)(uintptr_t)(c->head.p + c->out),
				c->head.n - c->out
			};
		for (int i = 0; i < 2 && want.op == PUT && at < want.size;
		     i++) {
			v[msg.msg_iovlen] = body_at(c, at);
			at += v[msg.msg_iovlen++].iov_len;
		}
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
		if (n < 0)
			return;
		c->out += (uint64_t)n;
	}
}

static void
begin(struct client *c)
{
	if (did.over || (want.count > 0 && did.begun >= want.count))
		return;
	c->out = 0;
	c->in_body = false;
	c->busy = true;
	buf_cut(&c->in, 0);
	c->head = want.op == LIST ? ask_page(c->token, &c->signed_now)
				  : ask_nth(did.begun, &c->signed_now);
	did.begun++;
	c->began = seconds();
	memcpy(&c->unique, &c->began, sizeof c->unique);
	push(c);
}

static uint64_t
count(struct slice page, const char *element)
{
	const uint8_t *at = page.p, *end = page.p + page.n;
	uint64_t n = 0;

	while (
	    (at = memmem(at, (size_t)(end - at), element, strlen(element)))) {
		at += strlen(element);
		n++;
	}
	return n;
}

/* What a page says: how many names, and where the next begins. */
static void
read_page(struct client *c)
{
	static const char next[] = "<NextContinuationToken>";
	const char *at = memmem(c->in.p, c->in.n, next, sizeof next - 1);

	did.names += count(buf_slice(&c->in), "<Key>") +
		     count(buf_slice(&c->in), "<CommonPrefixes>");
	c->token[0] = '\0';
	if (at) {
		size_t n = strcspn(at += sizeof next - 1, "<");

		snprintf(c->token, sizeof c->token, "%.*s", (int)n, at);
	}
}

static void
ended(struct client *c)
{
	bool good = c->status == 200;

	if (good && want.op == LIST)
		read_page(c);
	finish(c, good);
	if (c->close)
		redial(c);
	begin(c);
}

/* The head's end, when it is there: what the answer is. */
static bool
read_head(struct client *c)
{
	char *p = (char *)c->in.p;
	char *end, *field;
	size_t n;

	p[c->in.n] = '\0';
	end = strstr(p, "\r\n\r\n");
	if (end == NULL)
		return false;
	end[2] = '\0';
	c->status = (unsigned)atoi(p + 9);
	field = strcasestr(p, "\r\ncontent-length:");
	c->left = field ? strtoull(field + 17, NULL, 10) : 0;
	c->close = strcasestr(p, "\r\nconnection: close") != NULL;
	if (c->status == 100) {
		buf_drop(&c->in, (size_t)(end + 4 - p));
		return read_head(c);
	}
	if (want.op == GET && c->status == 200 && c->left != want.size)
		c->status = 0;
	n = c->in.n - (size_t)(end + 4 - p);
	buf_drop(&c->in, c->in.n - n);
	did.bytes += n;
	c->left -= n < c->left ? n : c->left;
	c->in_body = true;
	return true;
}

static ssize_t
pull_body(struct client *c)
{
	ssize_t n;

	if (want.op == LIST) {
		uint8_t *at = buf_room(&c->in, BODY);

		n = recv(c->fd, at, BODY, 0);
		buf_added(&c->in, n > 0 ? (size_t)n : 0);
	} else {
		/* TCP drops it without a copy */
		n = recv(c->fd, NULL, c->left, MSG_TRUNC);
	}
	if (n > 0) {
		did.bytes += (uint64_t)n;
		c->left -= (uint64_t)n < c->left ? (uint64_t)n : c->left;
	}
	return n;
}

static void
pull(struct client *c)
{
	while (c->busy) {
		size_t asked = HEAD - 1;
		ssize_t n;

		if (c->in_body) {
			asked = c->left;
			n = pull_body(c);
		} else {
			uint8_t *at = buf_room(&c->in, HEAD);

			if (at == NULL)
				die(want.to, "a head that is too big");
			n = recv(c->fd, at, asked, 0);
			buf_added(&c->in, n > 0 ? (size_t)n : 0);
		}
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			redial(c);
			begin(c);
			return;
		}
		if (!c->in_body && !read_head(c))
			continue;
		if (c->left == 0)
			ended(c);
		/* short: nothing more waits, and the edge will come again */
		if ((size_t)n < asked)
			return;
	}
}

static void
run(void)
{
	struct epoll_event ev[EVENTS];
	double end = seconds() + (double)want.ms / 1000;
	uint64_t busy = want.conns;

	for (uint64_t i = 0; i < want.conns; i++)
		begin(&clients[i]);
	while (busy > 0) {
		int n = epoll_wait(epoll, ev, EVENTS, LATE);

		if (n == 0)
			die(want.to, "nothing comes any more");
		for (int i = 0; i < n; i++) {
			struct client *c = ev[i].data.ptr;

			if (ev[i].events & EPOLLOUT)
				push(c);
			if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				pull(c);
		}
		did.over = want.count == 0 && seconds() >= end;
		busy = 0;
		for (uint64_t i = 0; i < want.conns && busy == 0; i++)
			busy += clients[i].busy;
	}
}

/* The report. */

static int
by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static double
at_part(double part)
{
	size_t n = did.ops - did.errors;

	return n > 0 ? (double)did.took[(size_t)((double)(n - 1) * part)] : 0;
}

static void
report(double took, double cpu)
{
	uint64_t good = did.ops - did.errors;
	double bytes = want.op == PUT ? (double)good * (double)want.size
				      : (double)did.bytes;

	if (good > 0)
		qsort(did.took, good, sizeof(float), by_size);
	printf("{\"op\":\"%s\",\"connections\":%llu,\"size\":%llu,"
	       "\"ops\":%llu,\"seconds\":%.3f,\"ops_per_s\":%.0f,"
	       "\"mb_per_s\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
	       "\"max_ms\":%.3f,\"errors\":%llu,\"last_error\":%u,"
	       "\"client_cpu_us\":%.2f",
	    want.word, (unsigned long long)want.conns,
	    (unsigned long long)want.size, (unsigned long long)did.ops, took,
	    (double)good / took, bytes / 1e6 / took, at_part(0.5),
	    at_part(0.99), at_part(1), (unsigned long long)did.errors,
	    did.last_status, did.ops > 0 ? cpu * 1e6 / (double)did.ops : 0);
	if (want.op == LIST)
		printf(",\"keys_per_s\":%.0f", (double)did.names / took);
	printf("}\n");
}

static void
resolve(void)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *a;
	char host[256];
	const char *colon = strrchr(want.to, ':');
	int e;

	if (colon == NULL || (size_t)(colon - want.to) >= sizeof host)
		die(want.to, "this is no host:port");
	snprintf(host, sizeof host, "%.*s", (int)(colon - want.to), want.to);
	e = getaddrinfo(host, colon + 1, &hints, &a);
	if (e != 0)
		die(want.to, gai_strerror(e));
	memcpy(&to, a->ai_addr, to_n = a->ai_addrlen);
	freeaddrinfo(a);
}

int
main(int argc, char **argv)
{
	double began, cpu;

	ask_options(argc, argv);
	resolve();
	content = mem_new(BODY);
	for (size_t i = 0; i < BODY; i++)
		content[i] = (uint8_t)(i * 2654435761u >> 13);
	ask_make();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	clients = mem_new(want.conns * sizeof *clients);
	for (uint64_t i = 0; i < want.conns; i++) {
		buf_init(
		    &clients[i].in, want.op == LIST ? PAGE : HEAD * 2, NULL);
		buf_init(&clients[i].signed_now, ASK_HEAD, NULL);
		dial(&clients[i]);
	}
	began = seconds();
	cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
	run();
	report(
	    seconds() - began, clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	fflush(stdout);
	usleep((useconds_t)want.hold * 1000);
	return did.errors > 0 ? 1 : 0;
}
