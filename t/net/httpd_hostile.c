/* SPDX-License-Identifier: ISC
 *
 * What ill-behaved clients see, and that the server survives them. */
#include "t/net/serving.h"

#include <sys/ioctl.h>
#include <sys/resource.h>

enum { HEADS = 10000, LINE = 8192, IDLE = 3000 };

/* For tests that are not about time: a machine that is busy may take its. */
static const struct httpd_conf patient = { .connections = 40,
	.connections_per_ip = 30,
	.idle = 60000,
	.head = 60000,
	.head_bytes = 16384 };
static struct httpd_conf hasty = { .connections = 40,
	.connections_per_ip = 30,
	.idle = IDLE,
	.head = 600,
	.head_bytes = 16384 };

/* The server still serves. */
static void
is_alive(const char *after)
{
	int fd, status = 0;

	/* those before may have been too many, and we too slow for the hasty */
	for (int i = 0; i < 20 && status != 200; i++) {
		all_let_in(false);
		fd = dial(false);
		say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
		status = hear(fd, false, NULL);
		close(fd);
	}
	is_int(status, 200, after);
}

static void
test_malformed(void)
{
	static const struct {
		const char *text;
		int status; /* 0: the connection only closes */
		size_t n;   /* 0: to the NUL */
	} rows[] = {
		{ "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
		{ "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
		{ "GET  HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
		{ "GET /\r\n\r\n", 400, 0 },
		{ "GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400, 0 },
		{ "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, 0 },
		{ "GET / http/1.1\r\nHost: x\r\n\r\n", 400, 0 },
		{ "G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400, 0 },
		{ "GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n", 400, 30 },
		{ "GET / HTTP/1.1\r\nHost: x\0y\r\n\r\n", 400, 29 },
		{ "GET / HTTP/1.1\r\nHost: x\0\r\n\r\n", 400, 28 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA: b\0\r\nC: d\r\n\r\n", 400,
		    41 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n", 400, 35 },
		{ "GET / HTTP/1.1\r\n\r\n", 400, 0 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, 0 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400, 0 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400, 0 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\nD: e\r\n\r\n",
		    400, 0 },
		{ "GET / HTTP/1.1\r\nHost: x\r\n c: d\r\n\r\n", 400, 0 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n", 400, 0 },
		{ "GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", 400, 0 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA: \x02\r\n\r\n", 400, 0 },
		{ "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400, 0 },
		{ "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n",
		    400, 0 },
		{ "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		    400, 0 },
		{ "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", 400,
		    0 },
		{ "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: "
		  "99999999999999999999\r\n\r\n",
		    413, 0 },
		{ "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: "
		  "18446744073709551615\r\n\r\n",
		    400, 0 },
		{ "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
		  "Content-Length: 2\r\n\r\nab",
		    400, 0 },
		{ "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		    400, 0 },
		{ "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
		  "gzip\r\n\r\n",
		    501, 0 },
		{ "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		    400, 0 },
		{ "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
		    0 },
		{ "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
		  "\r\nxyz\r\n",
		    400, 0 },
		{ "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
		  "\r\nfffffffffffffffff\r\n",
		    413, 0 },
		{ "garbage\r\n\r\n", 0, 0 },
		{ "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 0, 13 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *t = rows[i].text;
		int fd = dial(false);

		say_bytes(fd, t, rows[i].n > 0 ? rows[i].n : strlen(t));
		ok(hear_all(fd), "row %zu closes in order", i);
		is_int(heard.n > 12 ? atoi((char *)heard.p + 9) : 0,
		    rows[i].status, "with its status");
		close(fd);
	}
	is_alive("after malformed heads");
}

/* n fields with values of this length. */
static int
head_of(size_t n, size_t length, const char *target)
{
	int fd = dial(false);
	char *line = mem_new(length + 32);
	int status;

	say(fd, "GET ");
	say(fd, target);
	say(fd, " HTTP/1.1\r\nHost: x\r\n");
	for (size_t i = 0; i < n; i++) {
		int at = snprintf(line, 16, "F%zu: ", i);

		memset(line + at, 'v', length);
		memcpy(line + at + (int)length, "\r\n", 2);
		if (!say_bytes(fd, line, (size_t)at + length + 2))
			break;
	}
	say(fd, "\r\n");
	free(line);
	status = hear(fd, false, NULL);
	close(fd);
	return status;
}

static char *
target_of(size_t n)
{
	char *t = mem_new(n + 1);

	memset(t, 'a', n);
	memcpy(t, "/hello?", 7);
	return t;
}

static void
test_big_heads(void)
{
	uint64_t refused = httpd_refused(server.httpd, HTTPD_HEAD);
	char *t;
	int fd;

	is_int(head_of(HTTP_FIELDS - 1, 10, "/hello"), 200, "128 fields");
	is_int(head_of(HTTP_FIELDS, 10, "/hello"), 431, "129 fields");
	is_int(head_of(1, LINE, "/hello"), 200, "a field of 8 KiB");
	is_int(head_of(2, LINE, "/hello"), 431, "two of them");
	is_int(head_of(4, LINE, "/hello"), 431, "four of them");
	is_int(head_of(HEADS, 10, "/hello"), 431, "10,000 fields");
	is_int(head_of(1, 1 << 20, "/hello"), 431, "a field of a megabyte");
	t = target_of(12000);
	is_int(head_of(1, 10, t), 200, "a target of 12,000 bytes");
	free(t);
	t = target_of(HTTP_TARGET + 1);
	is_int(head_of(1, 10, t), 414, "one of 16 KiB and a byte");
	free(t);
	t = target_of(1 << 20);
	is_int(head_of(1, 10, t), 414, "one of a megabyte");
	free(t);
	t = target_of(14000);
	for (size_t i = 8; i < 14000; i += 2)
		t[i] = '&';
	is_int(head_of(1, 10, t), 200, "one of 7,000 arguments");
	free(t);
	fd = dial(false);
	say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\nCookie: ");
	for (int i = 0; i < 4000; i++)
		say(fd, "a;");
	say(fd, "\r\n\r\n");
	is_int(hear(fd, false, NULL), 431, "one of 4,000 cookies");
	close(fd);
	wait_conns(0); /* some are counted when they close */
	is_int((int64_t)(httpd_refused(server.httpd, HTTPD_HEAD) - refused), 7,
	    "all but the one without a whole line are counted");
	is_alive("after big heads");
}

static unsigned
slow_after(int fd, msec began)
{
	bool orderly = hear_all(fd);

	return orderly ? (unsigned)(msec_now() - began) : 0;
}

static void
test_slow(void)
{
	uint64_t slow = httpd_refused(server.httpd, HTTPD_SLOW);
	static const char head[] = "GET /hello HTTP/1.1\r\nHost: x\r\nA: "
				   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
	msec began = msec_now();
	int fd = dial(false);
	size_t i = 0;
	unsigned took;

	/* a byte each 50 ms is never idle */
	while (i < sizeof head && say_bytes(fd, head + i, 1)) {
		char c;

		i++;
		usleep(50000);
		if (recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) >= 0)
			break;
	}
	is_int(hear(fd, false, NULL), 408, "a drip is told");
	took = (unsigned)(msec_now() - began);
	ok(took >= 600, "and cut after %u ms", took);
	close(fd);
	fd = dial(false);
	say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	is_int(hear(fd, false, NULL), 200, "a second head");
	usleep(400000);
	began = msec_now();
	for (i = 0; i < 12 && say_bytes(fd, head + i, 1); i++)
		usleep(50000);
	is_int(hear(fd, false, NULL), 408, "that drips is cut");
	took = (unsigned)(msec_now() - began);
	ok(took >= 550, "after %u ms of its own", took);
	close(fd);
	fd = dial(false);
	began = msec_now();
	say(fd, "GET /he");
	is_int(hear(fd, false, NULL), 408, "half a request line");
	close(fd);
	fd = dial(false);
	say(fd, "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab");
	began = msec_now();
	took = slow_after(fd, began);
	ok(took >= IDLE - 100 && took < 5 * IDLE,
	    "an idle body is cut after %u ms", took);
	close(fd);
	fd = dial(false);
	took = slow_after(fd, msec_now());
	ok(took >= IDLE - 100 && took < 5 * IDLE,
	    "an idle connection after %u ms", took);
	close(fd);
	ok(all_done(), "each is done");
	is_int((int64_t)(httpd_refused(server.httpd, HTTPD_SLOW) - slow), 4,
	    "idleness between requests is no refusal");
}

static void
reset(int fd)
{
	struct linger hard = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(fd);
}

static void
test_broken(void)
{
	static const char *const big[] = { "/file", "/source", "/big",
		"/broken" };
	char text[128];
	int fd;

	for (int i = 0; i < 50; i++) {
		fd = dial(false);
		say(fd, "PUT /echo HTTP/1.1\r\nHost: x\r\n"
			"Content-Length: 100000\r\n\r\nabcdefgh");
		if (i % 2)
			usleep(2000);
		if (i % 4 < 2)
			reset(fd);
		else
			close(fd);
	}
	ok(all_done(), "bodies that break off are done");
	is_int((int64_t)saw.sent, 0, "nothing was sent");
	for (int i = 0; i < 40; i++) {
		fd = dial(i % 8 >= 4);
		snprintf(text, sizeof text,
		    "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", big[i % 4]);
		say(fd, text);
		if (i % 2)
			usleep(2000);
		reset(fd);
	}
	ok(all_done(), "answers that break off are done");
	is_alive("after resets");
}

/* The peer has read so many bytes of the answer, and no more than that may be
 * called sent than its kernel can hold besides. */
static void
test_sent(const char *target)
{
	char text[128], piece[65536];
	int small = 32768;
	int fd = dial(false);
	size_t got = 0;
	int queued = 0, was;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	snprintf(
	    text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
	say(fd, text);
	while (got < 1000000) {
		ssize_t n = recv(fd, piece, sizeof piece, 0);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	/* until it has sent all that our kernel takes: its loop has turned, and
	 * nothing more has come */
	do {
		was = queued;
		all_let_in(false);
		usleep(100000);
		ioctl(fd, FIONREAD, &queued);
	} while (queued > was);
	reset(fd);
	ok(all_done(), "%s is cut", target);
	ok(saw.sent + 300 >= got && saw.sent <= got + (size_t)queued,
	    "%llu sent, %zu read and %d waiting", (unsigned long long)saw.sent,
	    got, queued);
}

/* Who reads nothing is cut like who says nothing. */
static void
test_unread(void)
{
	uint64_t slow = httpd_refused(server.httpd, HTTPD_SLOW);
	msec began = msec_now();
	int fd = dial(false);

	say(fd, "GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
	while (saw.begun == saw.done)
		usleep(1000);
	ok(all_done(), "an answer that nobody reads is over");
	ok(msec_now() - began < 5 * IDLE, "after %lld ms",
	    (long long)(msec_now() - began));
	is_int((int64_t)(httpd_refused(server.httpd, HTTPD_SLOW) - slow), 1,
	    "is counted");
	ok(saw.sent < FILE_N, "and was not sent whole");
	close(fd);
}

/* No descriptor is left for a moment. */
static void
test_descriptors(void)
{
	struct rlimit was, none;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = server.port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	getrlimit(RLIMIT_NOFILE, &was);
	none = was;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	connect(fd, (struct sockaddr *)&in, sizeof in);
	say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	usleep(250000);
	is_int(recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT), -1,
	    "nothing without descriptors");
	setrlimit(RLIMIT_NOFILE, &was);
	is_int(hear(fd, false, NULL), 200, "served when there are some again");
	close(fd);
}

static void
test_source_breaks(void)
{
	unsigned freed = saw.freed;
	int fd = dial(false);

	say(fd, "GET /broken HTTP/1.1\r\nHost: x\r\n\r\n");
	hear_all(fd);
	ok(heard.n > BREAKS_AT && heard.n < BREAKS_AT + 300,
	    "what there is of a source that breaks");
	ok(strcasestr((char *)heard.p, "Content-Length: 8388608\r\n") != NULL,
	    "is less than was said");
	close(fd);
	ok(all_done(), "done");
	is_int(saw.freed, freed + 1, "freed");
	ok(saw.sent <= BREAKS_AT, "no more is called sent");
}

static void
test_crowd(void)
{
	uint64_t by_ip = httpd_refused(server.httpd, HTTPD_IP);
	uint64_t full = httpd_refused(server.httpd, HTTPD_FULL);
	int fd[45];

	ok(wait_conns(0), "nobody is there");
	for (int i = 0; i < 30; i++)
		fd[i] = dial(false);
	ok(wait_conns(30), "as many as one address may have");
	fd[30] = dial(false);
	is_int(hear(fd[30], false, NULL), 503, "one more");
	for (int i = 31; i < 41; i++)
		fd[i] = dial(true);
	ok(wait_conns(40), "as many as all may have");
	fd[41] = dial(true);
	is_int(hear(fd[41], false, NULL), 503, "one more");
	is_int((int64_t)(httpd_refused(server.httpd, HTTPD_IP) - by_ip), 1,
	    "the first is counted");
	is_int((int64_t)(httpd_refused(server.httpd, HTTPD_FULL) - full), 1,
	    "the second too");
	say(fd[3], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	is_int(hear(fd[3], false, NULL), 200, "the others are served");
	for (int i = 0; i < 42; i++)
		close(fd[i]);
	ok(wait_conns(0), "all are gone");
	is_alive("after a crowd");
}

/* Requests without end, no answer read: the server stops reading. */
static void
test_flood(void)
{
	static const char one[] = "GET /big HTTP/1.1\r\nHost: x\r\n\r\n";
	struct timeval tv = { 0, 200000 };
	int fd = dial(false);
	unsigned begun = saw.begun;
	size_t said = 0;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
	while (said < 300000 && say(fd, one))
		said++;
	ok(saw.begun - begun < 64, "%u of %zu pipelined requests begun",
	    saw.begun - begun, said);
	is_alive("meanwhile");
	reset(fd);
	ok(all_done(), "all are done");
}

static void
test_garbage(void)
{
	unsigned seed = 1;

	for (int i = 0; i < 300; i++) {
		uint8_t p[4096];
		size_t n = 1 + (size_t)i * 13 % sizeof p;
		int fd = dial(i % 2);

		for (size_t j = 0; j < n; j++) {
			seed = seed * 1103515245 + 12345;
			p[j] = (uint8_t)(seed >> 16);
			if (i % 3 == 0 && p[j] < 40)
				p[j] = (uint8_t) " \r\n:/"[p[j] % 5];
		}
		if (i % 4 == 0)
			memcpy(p, "GET /hello HTTP/1.1\r\n", n < 21 ? n : 21);
		say_bytes(fd, p, n);
		shutdown(fd, SHUT_WR);
		hear_all(fd);
		close(fd);
	}
	is_alive("after garbage");
	ok(all_done(), "all are done");
}

int
main(void)
{
	serve(&patient);
	test_malformed();
	test_big_heads();
	test_broken();
	test_sent("/file");
	test_sent("/source");
	test_descriptors();
	test_source_breaks();
	test_crowd();
	test_flood();
	serve_end();
	is_int(saw.done, saw.begun, "each that began is done");
	hasty.idle = 1000; /* some of it is only over then */
	serve(&hasty);
	test_garbage();
	serve_end();
	hasty.idle = IDLE;
	serve(&hasty);
	test_slow();
	test_unread();
	serve_end();
	is_int(saw.done, saw.begun, "each that began is done");
	buf_free(&heard);
	close(server.file);
	return tap_done();
}
