/* SPDX-License-Identifier: ISC */
#include "base/log.h"
#include "t/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Stderr is a pipe in packet mode: one read gives what one write gave. */
static int reader, real_stderr;

static void
capture(void)
{
	int ends[2];

	if (pipe2(ends, O_DIRECT | O_NONBLOCK | O_CLOEXEC) < 0 ||
	    (real_stderr = dup(STDERR_FILENO)) < 0 ||
	    dup2(ends[1], STDERR_FILENO) < 0) {
		puts("Bail out! no pipe for stderr");
		exit(1);
	}
	close(ends[1]);
	reader = ends[0];
}

static const char *
written(void)
{
	static char text[PIPE_BUF + 1];
	ssize_t n = read(reader, text, PIPE_BUF);

	if (n < 0)
		return NULL;
	text[n] = '\0';
	return text;
}

static void
test_lines(void)
{
	log_open("kn-test", LOG_INFO);
	log_info("conn.up", "peer=%s n=%d", "x", 7);
	is_text(written(), "level=info prog=kn-test event=conn.up peer=x n=7\n",
	    "one line, one write");
	log_info("start", "%s", "");
	is_text(written(), "level=info prog=kn-test event=start\n",
	    "an event alone");
	log_debug("x", "a=%d", 1);
	ok(written() == NULL, "below the level: nothing");
	log_open("kn-test", LOG_ERROR);
	log_warn("x", "a=%d", 1);
	ok(written() == NULL, "the level can be raised");
	log_error("x", "a=%d", 1);
	is_text(
	    written(), "level=error prog=kn-test event=x a=1\n", "up to error");
	log_open("kn-test", LOG_DEBUG);
	log_debug("x", "a=%d", 1);
	is_text(written(), "level=debug prog=kn-test event=x a=1\n",
	    "and lowered to debug");
}

static void
test_errno(void)
{
	errno = ENOENT;
	log_info("x", "a=%d", 1);
	is_int(errno, ENOENT, "errno is kept");
	is_text(written(), "level=info prog=kn-test event=x a=1\n", "a line");
	close(STDERR_FILENO);
	errno = EAGAIN;
	log_info("x", "a=%d", 1);
	is_int(errno, EAGAIN, "errno is kept when stderr is closed");
}

static void
test_file(void)
{
	char text[128] = "";
	int saved = dup(STDERR_FILENO);
	FILE *f = tmpfile();
	ssize_t n;

	if (!f || saved < 0 || dup2(fileno(f), STDERR_FILENO) < 0) {
		puts("Bail out! no file for stderr");
		exit(1);
	}
	log_open("kn-test", LOG_INFO);
	log_info("x", "a=%d", 1);
	n = pread(fileno(f), text, sizeof text - 1, 0);
	dup2(saved, STDERR_FILENO);
	log_open("kn-test", LOG_DEBUG);
	close(saved);
	fclose(f);
	is_int(n,
	    (ssize_t)strlen("2026-01-31T12:00:00Z ") +
		(ssize_t)strlen("level=info prog=kn-test event=x a=1\n"),
	    "in a file a line has a time");
	ok(text[0] == '2' && text[10] == 'T' && text[19] == 'Z',
	    "in UTC: %.20s", text);
	is_text(text + 21, "level=info prog=kn-test event=x a=1\n",
	    "before what it says");
}

static void
test_forged(void)
{
	log_info("x", "file=%s", "a\nlevel=error event=forged\r\x1b[2J\x7f");
	is_text(written(),
	    "level=info prog=kn-test event=x "
	    "file=a\\x0alevel=error event=forged\\x0d\\x1b[2J\\x7f\n",
	    "a line cannot be broken in two");
	ok(written() == NULL, "nothing more came");
}

static void
test_long(void)
{
	static char text[3 * PIPE_BUF];
	const char *line;

	memset(text, 'a', sizeof text - 1);
	log_info("x", "v=%s", text);
	line = written();
	ok(line && strlen(line) <= PIPE_BUF && line[strlen(line) - 1] == '\n',
	    "a long line is cut and still ends");
	ok(written() == NULL, "one write");
	memset(text, '\n', sizeof text - 1);
	log_info("x", "v=%s", text);
	line = written();
	ok(line && strlen(line) <= PIPE_BUF &&
		strchr(line, '\n') == line + strlen(line) - 1,
	    "also when every byte is escaped");
	ok(written() == NULL, "one write");
}

static const struct {
	const char *in;
	size_t n;
	const char *want;
} values[] = {
	{ "plain-1.2/x:y", 13, "plain-1.2/x:y" },
	{ "", 0, "\"\"" },
	{ "a b", 3, "\"a b\"" },
	{ "a=b", 3, "\"a=b\"" },
	{ "say \"x\"", 7, "\"say \\\"x\\\"\"" },
	{ "a\\", 2, "\"a\\\\\"" },
	{ "a\nb", 3, "\"a\\x0ab\"" },
	{ "\0\x7f\xff\xc3\xa4", 5, "\"\\x00\\x7f\\xff\\xc3\\xa4\"" },
	{ "%s%n", 4, "%s%n" },
};

static void
test_values(void)
{
	char text[129], want[600], *w = want;
	const char *kept[8];
	bool same = true;

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		is_text(log_q(slice_of(values[i].in, values[i].n)),
		    values[i].want, "a value");
	ok(strcmp(log_q((struct slice){ 0 }), "\"\"") == 0, "no bytes at all");
	memset(text, 'a', sizeof text);
	is_int(strlen(log_q(slice_of(text, 128))), 128, "128 bytes fit");
	snprintf(want, sizeof want, "\"%.128s...\"", text);
	is_text(log_q(slice_of(text, 129)), want, "129 are cut");
	memset(text, 0xff, sizeof text);
	*w++ = '"';
	for (int i = 0; i < 128; i++, w += 4)
		memcpy(w, "\\xff", 4);
	memcpy(w, "...\"", 5);
	is_text(log_q(slice_of(text, 129)), want, "cut where all is escaped");

	for (int i = 0; i < 8; i++)
		kept[i] = log_q(slice_of(&"01234567"[i], 1));
	for (int i = 0; i < 8; i++)
		same = same && kept[i][0] == '0' + i && kept[i][1] == '\0';
	ok(same, "eight values stand at once");
}

static unsigned
allowed(struct log_flood *f, unsigned tries, msec now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < tries; i++)
		n += log_allow(f, "conn.refused", 3, now);
	return n;
}

static void
test_flood(void)
{
	struct log_flood f = { 0 };

	is_int(allowed(&f, 10, 5000), 3, "a burst is allowed");
	is_int(allowed(&f, 10, 5999), 0, "then nothing in that second");
	ok(written() == NULL, "in silence");
	is_int(allowed(&f, 1, 6000), 1, "the next second is a new one");
	is_text(written(),
	    "level=warn prog=kn-test event=conn.refused "
	    "dropped=17\n",
	    "and says what was left out");
	is_int(allowed(&f, 2, 6500), 2, "it has the same burst");
	is_int(allowed(&f, 1, 9000), 1, "a second without a drop");
	ok(written() == NULL, "is closed without a word");
	is_int(log_allow(&f, "x", 0, 9001), 0, "a burst of 0 is silence");

	f = (struct log_flood){ 0 };
	is_int(allowed(&f, 5, 10), 3, "just after boot");
}

int
main(void)
{
	capture();
	test_lines();
	test_file();
	test_forged();
	test_long();
	test_values();
	test_flood();
	test_errno(); /* closes stderr */
	dup2(real_stderr, STDERR_FILENO);
	return tap_done();
}
