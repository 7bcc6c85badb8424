/* SPDX-License-Identifier: ISC
 *
 * Load for any S3 server: one thread, one epoll, so many connections that are
 * kept, each with one request at a time.  Requests are signed before the clock
 * starts (the payload is unsigned) and used again in turn, bodies that come are
 * dropped in the kernel; so the client costs little.  Checks the status of each
 * answer and the length of a GET.  Prints one line of JSON. */
#include "base/fd.h"
#include "base/mem.h"
#include "base/opt.h"
#include "web/sigv4.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	HEAD = 16384,   /* bytes of an answer's head, at most */
	BODY = 1 << 20, /* sent at once */
	EVENTS = 128,
	KEY_BYTES = 1024,
	TOKEN = 1024,
	PAGE = 16 << 20, /* bytes of a list's page */
	LATE = 10000,    /* milliseconds without an event */
	REDIALS = 100,
};

enum op { PUT, GET, LIST };

static const char *const methods[] = { "PUT", "GET", "GET" };

static struct {
	const char *to, *id, *secret_file, *region, *bucket, *prefix, *op;
	const char *delimiter;
	uint64_t conns, ms, count, size, keys, first;
	bool same;
} want = {
	.to = "127.0.0.1:9000",
	.region = "us-east-1",
	.bucket = "bench",
	.prefix = "o",
	.op = "get",
	.conns = 16,
	.ms = 5000,
	.size = 4096,
	.keys = 10000,
};

static enum op op;
static struct buf secret;
static struct sockaddr_storage to;
static socklen_t to_n;
static uint8_t *content; /* BODY bytes */
static struct buf *made; /* the heads that were signed before */

struct client {
	int fd;
	struct slice head; /* of the request */
	uint64_t number;   /* of the request */
	uint64_t out;      /* bytes of head and body that are sent */
	struct buf in;     /* the answer's head, or a list's whole page */
	bool in_body;
	uint64_t left; /* bytes of the answer's body */
	unsigned status;
	bool close, busy;
	double began;
	char token[TOKEN]; /* a list goes on here; "" from the beginning */
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

static void __attribute__((noreturn)) die(const char *what, const char *why)
{
	fprintf(stderr, "s3load: %s: %s\n", what, why);
	exit(111);
}

/* The requests. */

static void
put_field(struct buf *out, const char *name, struct slice value)
{
	put_text(out, name);
	put_text(out, ": ");
	put_slice(out, value);
	put_text(out, "\r\n");
}

/* The request's head, signed when there is a key. */
static void
sign(struct buf *out, const char *target)
{
	static const char *const names[] = { "host", "x-amz-content-sha256",
		"x-amz-date" };
	static struct http_head head;
	char stamp[17], line[1200];
	struct buf auth;
	struct uri uri;
	const char *why;
	time_t now = time(NULL);
	struct tm tm;

	head.method = slice_text(methods[op]);
	head.target = slice_text(target);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	head.fields[0].value = slice_text(want.to);
	head.fields[1].value = slice_text("UNSIGNED-PAYLOAD");
	head.fields[2].value = slice_text(stamp);
	head.n = 3;
	for (size_t i = 0; i < head.n; i++)
		head.fields[i].name = slice_text(names[i]);
	snprintf(line, sizeof line, "%s %s HTTP/1.1\r\n", methods[op], target);
	put_text(out, line);
	for (size_t i = 0; i < head.n; i++)
		put_field(out, names[i], head.fields[i].value);
	if (op == PUT) {
		snprintf(line, sizeof line, "Content-Length: %llu\r\n",
		    (unsigned long long)want.size);
		put_text(out, line);
	}
	if (want.id) {
		if (uri_parse(head.target, &uri, &why) < 0)
			die(target, why);
		buf_init(&auth, 4096, NULL);
		sigv4_sign(&head, &uri, slice_text(want.id), buf_slice(&secret),
		    slice_text(want.region), &auth);
		put_field(out, "Authorization", buf_slice(&auth));
		buf_free(&auth);
		uri_free(&uri);
	}
	put_text(out, "\r\n");
}

static void
make_all(void)
{
	char target[KEY_BYTES + 128];

	if (want.count > 0 && want.count < want.keys)
		want.keys = want.count;
	made = mem_new(want.keys * sizeof *made);
	for (uint64_t i = 0; i < want.keys; i++) {
		snprintf(target, sizeof target, "/%s/%s%08llu", want.bucket,
		    want.prefix, (unsigned long long)(want.first + i));
		buf_init(&made[i], HEAD, NULL);
		sign(&made[i], target);
	}
}

/* The next page of the listing that this client walks through. */
static void
make_page(struct client *c)
{
	char target[KEY_BYTES + TOKEN * 3];
	struct buf query;

	buf_init(&query, sizeof target - 256, NULL);
	if (c->token[0]) {
		put_text(&query, "&continuation-token=");
		uri_escape(&query, slice_text(c->token), false);
	}
	if (want.delimiter) {
		put_text(&query, "&delimiter=");
		uri_escape(&query, slice_text(want.delimiter), false);
	}
	put_u8(&query, '\0');
	snprintf(target, sizeof target, "/%s?list-type=2&prefix=%s%s",
	    want.bucket, want.prefix, (char *)query.p);
	buf_free(&query);
	buf_cut(&c->signed_now, 0);
	sign(&c->signed_now, target);
	c->head = buf_slice(&c->signed_now);
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

/* The bytes of the body from at: a number that makes it the only one of its
 * kind, then content over and over. */
static struct iovec
body_at(struct client *c, uint64_t at)
{
	uint64_t n = want.size - at;
	uint64_t off = at % BODY;

	if (at < sizeof c->number && want.size >= sizeof c->number &&
	    !want.same)
		return (struct iovec){ (uint8_t *)&c->number + at,
			sizeof c->number - at };
	return (struct iovec){ content + off,
		(size_t)(n < BODY - off ? n : BODY - off) };
}

static void
push(struct client *c)
{
	uint64_t all = c->head.n + (op == PUT ? want.size : 0);

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
		for (int i = 0; i < 2 && op == PUT && at < want.size; i++) {
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
	c->number = want.first + did.begun++;
	c->out = 0;
	c->in_body = false;
	c->busy = true;
	buf_cut(&c->in, 0);
	if (op == LIST)
		make_page(c);
	else
		c->head =
		    buf_slice(&made[(c->number - want.first) % want.keys]);
	c->began = seconds();
	push(c);
}

/* What a page says: how many names, and where the next begins. */
static void
read_page(struct client *c)
{
	static const char key[] = "<Key>", next[] = "<NextContinuationToken>";
	const char *p = (const char *)c->in.p;
	const char *end = p + c->in.n;
	const char *at = p;

	while ((at = memmem(at, (size_t)(end - at), key, sizeof key - 1))) {
		did.names++;
		at += sizeof key - 1;
	}
	c->token[0] = '\0';
	at = memmem(p, c->in.n, next, sizeof next - 1);
	if (at) {
		size_t n = strcspn(at += sizeof next - 1, "<");

		snprintf(c->token, sizeof c->token, "%.*s", (int)n, at);
	}
}

static void
ended(struct client *c)
{
	bool good = c->status == 200;

	if (good && op == LIST)
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
	if (op == GET && c->status == 200 && c->left != want.size)
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

	if (op == LIST) {
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
		size_t asked = HEAD;
		ssize_t n;

		if (c->in_body) {
			asked = c->left;
			n = pull_body(c);
		} else {
			uint8_t *at = buf_room(&c->in, HEAD);

			if (at == NULL)
				die(want.to, "a head that is too big");
			n = recv(c->fd, at, HEAD - 1, 0);
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
	double bytes =
	    op == PUT ? (double)good * (double)want.size : (double)did.bytes;

	if (good > 0)
		qsort(did.took, good, sizeof(float), by_size);
	printf("{\"op\":\"%s\",\"connections\":%llu,\"size\":%llu,"
	       "\"ops\":%llu,\"seconds\":%.3f,\"ops_per_s\":%.0f,"
	       "\"mb_per_s\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
	       "\"max_ms\":%.3f,\"errors\":%llu,\"last_error\":%u,"
	       "\"client_cpu_us\":%.2f",
	    want.op, (unsigned long long)want.conns,
	    (unsigned long long)want.size, (unsigned long long)did.ops, took,
	    (double)good / took, bytes / 1e6 / took, at_part(0.5),
	    at_part(0.99), at_part(1), (unsigned long long)did.errors,
	    did.last_status, did.ops > 0 ? cpu * 1e6 / (double)did.ops : 0);
	if (op == LIST)
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

static void
read_secret(void)
{
	buf_init(&secret, 256, NULL);
	if (want.secret_file == NULL)
		die("-s", "a key has a secret");
	if (fd_read_file(want.secret_file, &secret) < 0)
		die(want.secret_file, strerror(errno));
	while (secret.n > 0 && secret.p[secret.n - 1] <= ' ')
		buf_cut(&secret, secret.n - 1);
}

static const struct opt opts[] = {
	{ 'a', "address", OPT_STR, &want.to, "HOST:PORT", "the server" },
	{ 'k', "key", OPT_STR, &want.id, "ID", "access key; none: unsigned" },
	{ 's', "secret", OPT_STR, &want.secret_file, "FILE", "its secret" },
	{ 'r', "region", OPT_STR, &want.region, "NAME", "us-east-1" },
	{ 'b', "bucket", OPT_STR, &want.bucket, "NAME", "bench" },
	{ 'p', "prefix", OPT_STR, &want.prefix, "TEXT",
	    "of the keys, in unreserved characters and slashes: o" },
	{ 'o', "op", OPT_STR, &want.op, "OP", "put, get or list" },
	{ 'd', "delimiter", OPT_STR, &want.delimiter, "TEXT", "of a list" },
	{ 'c', "connections", OPT_UINT, &want.conns, "N", "16", 100000 },
	{ 't', "time", OPT_TIME, &want.ms, "TIME", "how long: 5s" },
	{ 'n', "count", OPT_UINT, &want.count, "N", "so many instead" },
	{ 'z', "size", OPT_UINT, &want.size, "BYTES", "of an object: 4096" },
	{ 'K', "keys", OPT_UINT, &want.keys, "N",
	    "different keys, used in turn: 10000", 10000000 },
	{ 'f', "first", OPT_UINT, &want.first, "N", "number of the first key" },
	{ 'S', "same", OPT_FLAG, &want.same, NULL,
	    "all objects have the same content" },
};

int
main(int argc, char **argv)
{
	static const struct opt_page page = { "s3load", "",
		"load for an S3 server", NULL, opts,
		sizeof opts / sizeof *opts };
	static const char *const ops[] = { "put", "get", "list" };
	struct buf text;
	double began, cpu;
	int first;

	buf_init(&text, 1 << 16, NULL);
	if (opt_parse(&page, argc, argv, &first, &text) != OPT_GO) {
		fd_write_all(2, buf_slice(&text));
		return 100;
	}
	while (op <= LIST && strcmp(want.op, ops[op]) != 0)
		op++;
	if (op > LIST || want.conns == 0 || want.keys == 0)
		die(want.op, "there is no such load");
	if (want.id)
		read_secret();
	resolve();
	content = mem_new(BODY);
	for (size_t i = 0; i < BODY; i++)
		content[i] = (uint8_t)(i * 2654435761u >> 13);
	if (op != LIST)
		make_all();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	clients = mem_new(want.conns * sizeof *clients);
	for (uint64_t i = 0; i < want.conns; i++) {
		buf_init(&clients[i].in, op == LIST ? PAGE : HEAD * 2, NULL);
		buf_init(&clients[i].signed_now, HEAD, NULL);
		dial(&clients[i]);
	}
	began = seconds();
	cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
	run();
	report(
	    seconds() - began, clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	return did.errors > 0 ? 1 : 0;
}
