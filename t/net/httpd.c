/* SPDX-License-Identifier: ISC
 *
 * What well-behaved clients see: framing, kinds of bodies, order of events. */
#include "t/net/serving.h"

static const struct httpd_conf conf = { .connections = 100,
	.connections_per_ip = 0,
	.idle = 20000,
	.head = 30000,
	.head_bytes = 16384 };

static bool
is_pattern(struct slice s, size_t n)
{
	if (s.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s.p[i] != pattern(i))
			return false;
	return true;
}

static int
get(int fd, const char *target, struct slice *body)
{
	char text[256];

	snprintf(
	    text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
	say(fd, text);
	return hear(fd, false, body);
}

static void
test_bodies(bool local)
{
	struct slice body;
	unsigned done;
	int fd;

	all_done(); /* those before */
	done = saw.done;
	fd = dial(local);
	is_int(get(fd, "/hello", &body), 200, "memory");
	ok(slice_is(body, "hello"), "its body");
	ok(strstr((char *)heard.p, "x-what: /hello\r\n") != NULL, "its field");
	is_int(get(fd, "/big", &body), 200, "a megabyte of memory");
	ok(is_pattern(body, BIG), "its body");
	ok(done_is(done + 2), "done");
	is_int((int64_t)saw.sent, BIG, "all of it was sent");
	is_int(get(fd, "/file", &body), 200, "a file");
	ok(is_pattern(body, FILE_N), "its body");
	ok(done_is(done + 3), "done");
	is_int((int64_t)saw.sent, FILE_N, "all of it was sent");
	is_int(get(fd, "/source", &body), 200, "a source");
	ok(is_pattern(body, FILE_N), "its body");
	ok(done_is(done + 4), "done");
	is_int((int64_t)saw.sent, FILE_N, "all of it was sent");
	is_int(get(fd, "/hello", &body), 200, "on the same connection");
	close(fd);
}

static void
test_lengths(void)
{
	static const char *const targets[] = { "/hello", "/big", "/file",
		"/source" };
	static const char *const lengths[] = { "5", "1048576", "8388608",
		"8388608" };
	int fd = dial(false);
	struct slice body;
	unsigned freed = saw.freed;

	for (size_t i = 0; i < 4; i++) {
		char text[128];

		snprintf(text, sizeof text,
		    "HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
		say(fd, text);
		is_int(hear(fd, true, NULL), 200, targets[i]);
		snprintf(
		    text, sizeof text, "Content-Length: %s\r\n", lengths[i]);
		ok(strcasestr((char *)heard.p, text) != NULL, "HEAD says %s",
		    lengths[i]);
	}
	say(fd, "GET /304 HTTP/1.1\r\nHost: x\r\n\r\n");
	is_int(hear(fd, true, NULL), 304, "304");
	say(fd, "GET /204 HTTP/1.1\r\nHost: x\r\n\r\n");
	is_int(hear(fd, true, NULL), 204, "204");
	ok(strcasestr((char *)heard.p, "Content-Length") == NULL,
	    "without a length");
	is_int(get(fd, "/hello", &body), 200, "nothing too much was sent");
	is_int(
	    saw.freed, freed + 1, "the source that HEAD did not need is freed");
	close(fd);
}

static void
test_uploads(bool local)
{
	int fd = dial(local);
	uint8_t *p = mem_new(FILE_N);
	struct slice body;

	source_read(NULL, 0, p, FILE_N);
	say(fd,
	    "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n");
	say_bytes(fd, p, FILE_N);
	is_int(hear(fd, false, &body), 200, "a body of 8 MiB");
	ok(is_pattern(body, FILE_N), "came whole");
	say(fd, "PUT /throttle HTTP/1.1\r\nHost: x\r\nContent-Length: "
		"8388608\r\n\r\n");
	say_bytes(fd, p, FILE_N);
	is_int(hear(fd, false, &body), 200, "one that is paused at each piece");
	say(fd, "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
	is_int(hear(fd, false, &body), 200, "an empty body");
	is_int(body.n, 0, "is empty");
	say(fd,
	    "PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
	    "\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n");
	is_int(hear(fd, false, &body), 200, "chunks");
	ok(slice_is(body, "hello world"), "are joined");
	say(fd, "PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n");
	for (int i = 0; i < 4; i++) {
		usleep(5000);
		say_bytes(fd, "abcd" + i, 1);
	}
	is_int(hear(fd, false, &body), 200, "byte by byte");
	ok(slice_is(body, "abcd"), "the same");
	free(p);
	close(fd);
}

static void
test_expect(void)
{
	static const char head[] = "PUT %s HTTP/1.1\r\nHost: x\r\n"
				   "Content-Length: 5\r\n"
				   "Expect: 100-continue\r\n\r\n";
	char text[256];
	struct slice body;
	int fd = dial(false);

	snprintf(text, sizeof text, head, "/echo");
	say(fd, text);
	is_int(hear(fd, true, NULL), 100, "the body is wanted");
	say(fd, "hello");
	is_int(hear(fd, false, &body), 200, "and taken");
	snprintf(text, sizeof text, head, "/pause");
	say(fd, text);
	is_int(hear(fd, true, NULL), 100, "wanted later");
	say(fd, "hello");
	is_int(hear(fd, false, &body), 200, "and taken");
	snprintf(text, sizeof text, head, "/begin");
	say(fd, text);
	is_int(hear(fd, false, &body), 403, "it is not wanted");
	ok(slice_is(body, "hello"), "why");
	ok(hear_all(fd), "and the connection closes in order");
	is_int(heard.n, 0, "without another word");
	close(fd);
}

/* As much as it takes without waiting, of a body that nobody reads; 0, or what
 * went wrong. */
static int
send_on(int fd, size_t most)
{
	static uint8_t waste[64 << 10];
	msec end = msec_now() + 300;

	while (most > 0 && msec_now() < end) {
		ssize_t n =
		    send(fd, waste, sizeof waste, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return errno;
		if (n < 0)
			usleep(1000);
		else
			most -= (size_t)n < most ? (size_t)n : most;
	}
	return 0;
}

/* Each answered before its body has come. */
static void
test_early(void)
{
	static uint8_t waste[1 << 20];
	struct slice body;
	unsigned bodies = saw.bodies;
	int fd = dial(false);

	say(fd,
	    "PUT /begin HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n"
	    "\r\n");
	is_int(hear(fd, false, &body), 403, "in begin, nothing read");
	ok(hear_all(fd), "closes");
	close(fd);
	fd = dial(false);
	say(fd, "PUT /begin HTTP/1.1\r\nHost: x\r\nContent-Length: 1048000\r\n"
		"\r\n");
	ok(say_bytes(fd, waste, 1048000), "a client that sends first");
	is_int(hear(fd, false, &body), 403, "sees the answer");
	ok(hear_all(fd), "and no reset");
	close(fd);
	fd = dial(false);
	say(fd, "PUT /begin HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000\r\n"
		"\r\n");
	is_int(send_on(fd, 99000000), 0, "one that sends more than it can");
	is_int(hear(fd, false, &body), 403, "sees it as well");
	close(fd);
	is_int(saw.bodies, bodies, "the face saw no body");
	fd = dial(false);
	say(fd, "PUT /middle HTTP/1.1\r\nHost: x\r\nContent-Length: "
		"5000000000\r\n\r\nabc");
	is_int(hear(fd, false, &body), 403, "in the middle of a long body");
	ok(slice_is(body, "hello"), "why");
	ok(strcasestr((char *)heard.p, "Connection: close") != NULL, "says so");
	ok(hear_all(fd), "closes");
	close(fd);
	is_int(saw.bodies, bodies + 1, "the face saw one piece");
	fd = dial(false);
	say(fd,
	    "PUT /middle HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc");
	usleep(20000);
	say(fd, "def");
	is_int(hear(fd, false, &body), 403, "in the middle of a short body");
	is_int(get(fd, "/hello", &body), 200, "the connection stays");
	close(fd);
	fd = dial(false);
	say(fd,
	    "PUT /middle HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
	    "\r\n3\r\nabc\r\n0\r\n\r\n");
	is_int(hear(fd, false, &body), 403, "in the middle of chunks");
	is_int(get(fd, "/hello", &body), 200, "the connection stays");
	close(fd);
}

static bool
get_in(int fd, const char *target, msec *took)
{
	msec began = msec_now();
	struct slice body;
	bool good = get(fd, target, &body) == 200;

	*took = msec_now() - began;
	return good;
}

static void
test_later(void)
{
	int fd[16];
	unsigned commits, good = 0;
	msec took, fastest = MSEC_NEVER, waits = 0;

	fd[0] = dial(false);
	/* of a busy machine one is in time that waits for nothing else */
	for (int i = 0; i < 50 && fastest >= DELAY + 500; i++) {
		good += get_in(fd[0], "/later", &took);
		fastest = took < fastest ? took : fastest;
		if (took < DELAY - 2)
			good = 0;
	}
	ok(good > 0, "an answer by a timer");
	ok(fastest < DELAY + 500, "is sent at once then: after %lld ms",
	    (long long)fastest);
	good = 0;
	for (int i = 0; i < 200; i++) {
		get_in(fd[0], "/hello", &took);
		waits -= took;
		good += get_in(fd[0], "/commit", &took);
		waits += took;
	}
	is_int(good, 200, "answers by the turn");
	ok(waits < 5000, "wait for no timer: 200 took %lld ms longer",
	    (long long)waits);
	close(fd[0]);
	for (int i = 0; i < 16; i++)
		fd[i] = dial(false);
	commits = saw.commits;
	for (int i = 0; i < 16; i++)
		say(fd[i], "GET /commit HTTP/1.1\r\nHost: x\r\n\r\n");
	good = 0;
	for (int i = 0; i < 16; i++) {
		good += hear(fd[i], false, NULL) == 200;
		close(fd[i]);
	}
	is_int(good, 16, "sixteen at once");
	ok(saw.commits - commits <= 16, "in %u commits", saw.commits - commits);
}

static void
test_pipeline(void)
{
	static const char one[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
				  "PUT /echo HTTP/1.1\r\nHost: x\r\n"
				  "Content-Length: 3\r\n\r\nabc"
				  "GET /commit HTTP/1.1\r\nHost: x\r\n\r\n"
				  "GET /later HTTP/1.1\r\nHost: x\r\n\r\n";
	static const char *const want[] = { "hello", "abc", "hello", "hello" };
	int fd = dial(false);
	unsigned good = 0;
	struct slice body;

	for (int i = 0; i < 5; i++)
		say(fd, one);
	for (int i = 0; i < 20; i++)
		good += hear(fd, false, &body) == 200 &&
			slice_is(body, want[i % 4]);
	is_int(good, 20, "pipelined answers come in order");
	say(fd, "GET /close HTTP/1.1\r\nHost: x\r\n\r\n"
		"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	is_int(hear(fd, false, &body), 200, "one that closes");
	hear_all(fd);
	is_int(heard.n, 0, "is the last");
	close(fd);
}

static void
test_versions(void)
{
	static const struct {
		const char *name, *text;
		bool stays;
	} rows[] = {
		{ "1.0", "GET /hello HTTP/1.0\r\n\r\n", false },
		{ "1.0 keep-alive",
		    "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		    true },
		{ "1.1", "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", true },
		{ "1.1 close",
		    "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: "
		    "close\r\n\r\n",
		    false },
		{ "a PUT of 1.0",
		    "PUT /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nab",
		    false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int fd = dial(false);

		say(fd, rows[i].text);
		is_int(hear(fd, false, NULL), 200, rows[i].name);
		say(fd, rows[2].text);
		is_int(hear(fd, false, NULL), rows[i].stays ? 200 : -1,
		    rows[i].stays ? "stays" : "closes");
		close(fd);
	}
}

/* Fields and target as they came. */
static void
test_heads(void)
{
	static const char *const targets[] = {
		"/fields?a=b&c=%20+d%2f&&=&x",
		"/fields?%zz%",
		"/fields?\xc3\xa4/../a//b;?=&amp;",
		"/fields",
	};
	char text[512], want[512];
	struct slice body;
	int fd = dial(false);

	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
		snprintf(text, sizeof text,
		    "BREW %s HTTP/1.1\r\nHost: x\r\nx-tEst: \t a b\tc  \r\n"
		    "Empty:\r\nCookie: a=b; c\r\n\r\n",
		    targets[i]);
		snprintf(want, sizeof want, "BREW %s 4 -1 -1 127.0.0.1|a b\tc|",
		    targets[i]);
		say(fd, text);
		is_int(hear(fd, false, &body), 200, targets[i]);
		is_bytes(body.p, body.n, want, strlen(want), "came as it was");
	}
	close(fd);
	fd = dial(true);
	is_int(get(fd, "/fields", &body), 200, "on a Unix socket");
	snprintf(
	    want, sizeof want, "GET /fields 1 %d -1 unix||", (int)getuid());
	is_bytes(body.p, body.n, want, strlen(want), "the user is known");
	close(fd);
}

static void
test_drain(void)
{
	int idle = dial(false);
	int busy = dial(false);
	struct slice body;
	unsigned ended;
	char c;

	is_int(get(idle, "/hello", &body), 200, "a connection at rest");
	ended = saw.ended;
	say(busy, "GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
	while (saw.ended == ended)
		usleep(1000);
	serve_tell('d');
	is_int(recv(idle, &c, 1, 0), 0, "is closed by drain");
	serve_tell('a');
	is_int(hear(busy, false, &body), 200, "one that works is answered");
	ok(strcasestr((char *)heard.p, "Connection: close") != NULL,
	    "for the last time");
	is_int(recv(busy, &c, 1, 0), 0, "and closed");
	close(idle);
	close(busy);
	ok(wait_conns(0), "none is left");
}

int
main(void)
{
	unsigned begun;
	int fd;

	serve(&conf);
	test_bodies(false);
	test_bodies(true);
	test_lengths();
	test_uploads(false);
	test_uploads(true);
	test_expect();
	test_early();
	test_later();
	test_pipeline();
	test_versions();
	test_heads();
	test_drain();
	ok(done_is(saw.begun), "each that began is done");
	serve_end();
	serve(&conf);
	fd = dial(false);
	say(fd, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
	while (saw.ended == 0)
		usleep(1000);
	begun = saw.begun;
	serve_end();
	is_int(saw.done, begun, "what is cut by the end is done too");
	close(fd);
	buf_free(&heard);
	close(server.file);
	return tap_done();
}
