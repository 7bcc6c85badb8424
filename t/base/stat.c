/* SPDX-License-Identifier: ISC */
#include "base/stat.h"
#include "t/tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DONE, REFUSED, INFLIGHT, NROWS };

enum { HEAD_BYTES = 256, ROW_BYTES = 272 };

static const struct stat_row rows[NROWS] = {
	[DONE] = { STAT_COUNTER, "kn_test_done_total", "", "Things done." },
	[REFUSED] = { STAT_COUNTER, "kn_test_refused_total",
	    "reason=\"budget\"", "Things refused." },
	[INFLIGHT] = { STAT_GAUGE, "kn_test_inflight", "", "Things open." },
};

static char dir[200], path[256];

static struct stats *
open_or_bail(void)
{
	struct stats *s = stat_open(path, "kn-test", rows, NROWS);

	if (s == NULL) {
		printf("Bail out! %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return s;
}

static ino_t
inode(void)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static size_t
files_in_dir(void)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	while (d && readdir(d) != NULL)
		n++;
	if (d)
		closedir(d);
	return n - 2;
}

static void
test_memory(void)
{
	struct stats *s = stat_open(NULL, "kn-test", rows, NROWS);

	ok(s != NULL && stat_get(s, DONE) == 0, "plain memory starts at zero");
	stat_add(s, DONE, 2);
	stat_add(s, DONE, 3);
	stat_set(s, INFLIGHT, 9);
	is_int(stat_get(s, DONE), 5, "counted");
	is_int(stat_get(s, INFLIGHT), 9, "set");
	stat_add(s, NROWS, 1);
	stat_set(s, SIZE_MAX, 1);
	is_int(stat_get(s, NROWS), 0, "a row that is not there is zero");
	stat_beat(s, 1, 2);
	stat_close(s);
	stat_close(NULL);
}

static void
test_limits(void)
{
	char text[129];
	struct stat_row row = { STAT_GAUGE, text, "", "" };
	struct stats *s;

	memset(text, 'a', sizeof text);
	text[63] = '\0';
	s = stat_open(NULL, "kn-test", &row, 1);
	ok(s != NULL, "a name of 63 bytes");
	stat_close(s);
	text[63] = 'a', text[64] = '\0';
	errno = 0;
	ok(stat_open(NULL, "kn-test", &row, 1) == NULL && errno == EINVAL,
	    "64 are refused");
	row = (struct stat_row){ STAT_GAUGE, "x", text, "" };
	ok(stat_open(NULL, "kn-test", &row, 1) == NULL, "64 of labels too");
	text[64] = 'a', text[128] = '\0';
	row = (struct stat_row){ STAT_GAUGE, "x", "", text };
	ok(stat_open(NULL, "kn-test", &row, 1) == NULL, "and 128 of help");
	ok(stat_open(NULL, "a-program-name-of-32-bytes-or-so", rows, NROWS) ==
		NULL,
	    "and 32 of the program's name");
	errno = 0;
	ok(stat_open(NULL, "kn-test", rows, 4097) == NULL && errno == EINVAL,
	    "too many rows");
	ok(stat_open("/dev/null/x", "kn-test", rows, NROWS) == NULL &&
		errno == ENOTDIR,
	    "a directory that is none");
}

static void
test_view(void)
{
	struct stats *s = open_or_bail();
	struct stat_view v;
	struct stat_value value;

	stat_add(s, REFUSED, UINT64_MAX);
	stat_beat(s, 123456, 42);
	is_int(stat_view(path, &v), 0, "the file can be viewed");
	is_text(v.prog, "kn-test", "program");
	is_int(v.pid, getpid(), "process");
	is_int(v.n, NROWS, "rows");
	is_int(v.beat, 123456, "heartbeat");
	is_int(v.inflight, 42, "in flight");
	ok(v.started > 0 && v.started <= msec_now(), "started");
	is_int(stat_read(&v, REFUSED, &value), 0, "a row can be read");
	is_text(value.name, "kn_test_refused_total", "name");
	is_text(value.labels, "reason=\"budget\"", "labels");
	is_text(value.help, "Things refused.", "help");
	ok(value.kind == STAT_COUNTER && value.value == UINT64_MAX, "value");
	ok(stat_read(&v, INFLIGHT, &value) == 0 && value.kind == STAT_GAUGE,
	    "a gauge");
	ok(stat_read(&v, NROWS, &value) < 0, "a row that is not there");
	stat_close(s);
	ok(stat_read(&v, REFUSED, &value) == 0 && value.value == UINT64_MAX,
	    "the view outlives the writer");
	stat_unview(&v);
	stat_unview(&v);
	is_int(files_in_dir(), 1, "no other file is left beside");
}

/* In another process: says "go" by a byte, waits for one, looks again. */
static int
other_process(int in, int out)
{
	struct stat_view v;
	struct stat_value before, after;
	char byte = 0;

	if (stat_view(path, &v) < 0 || stat_read(&v, DONE, &before) < 0)
		return 1;
	if (write(out, &byte, 1) != 1 || read(in, &byte, 1) != 1)
		return 2;
	stat_unview(&v);
	if (stat_view(path, &v) < 0 || stat_read(&v, DONE, &after) < 0)
		return 3;
	stat_unview(&v);
	return before.value == 10 && after.value == 11 ? 0 : 4;
}

static void
test_other_process(void)
{
	struct stats *s = open_or_bail();
	int to[2], from[2], status = -1;
	char byte = 0;
	pid_t pid;

	stat_add(s, DONE, 10);
	if (pipe(to) < 0 || pipe(from) < 0 || (pid = fork()) < 0) {
		puts("Bail out! no process");
		exit(1);
	}
	if (pid == 0) {
		close(to[1]);
		close(from[0]);
		_exit(other_process(to[0], from[1]));
	}
	close(to[0]);
	close(from[1]);
	if (read(from[0], &byte, 1) == 1) {
		stat_add(s, DONE, 1);
		(void)!write(to[1], &byte, 1);
	}
	close(to[1]);
	close(from[0]);
	waitpid(pid, &status, 0);
	is_int(status, 0, "another process sees values as they change");
	stat_close(s);
}

static void
test_restart(void)
{
	struct stats *first = open_or_bail(), *second;
	struct stat_view v;
	struct stat_value value = { 0 };
	ino_t before = inode();

	stat_add(first, DONE, 5);
	is_int(stat_view(path, &v), 0, "the old file is viewed");
	second = open_or_bail();
	ok(inode() != before, "a restart makes a new inode");
	is_int(stat_get(second, DONE), 0, "that begins at zero");
	stat_add(second, DONE, 1);
	ok(stat_read(&v, DONE, &value) == 0 && value.value == 5,
	    "the old view keeps the old values");
	stat_unview(&v);
	ok(stat_view(path, &v) == 0 && stat_read(&v, DONE, &value) == 0 &&
		value.value == 1,
	    "a new view has the new ones");
	stat_unview(&v);
	stat_close(first);
	stat_close(second);
	is_int(files_in_dir(), 1, "one file is left");
}

/* A reader that looks as often as it can while the writer starts anew again
 * and again, from its byte until the writer closes the pair; fails on half a
 * file. */
static int
restless_reader(int writer)
{
	struct stat_view v;
	struct stat_value value;
	char byte = 0;

	if (fcntl(writer, F_SETFL, O_NONBLOCK) < 0 ||
	    write(writer, &byte, 1) != 1)
		return 1;
	do {
		if (stat_view(path, &v) < 0 || v.n != NROWS)
			return 2;
		if (stat_read(&v, NROWS - 1, &value) < 0 ||
		    strcmp(value.name, rows[NROWS - 1].name) != 0)
			return 3;
		stat_unview(&v);
	} while (read(writer, &byte, 1) < 0 && errno == EAGAIN);
	return 0;
}

static void
test_never_half(void)
{
	struct stats *s = open_or_bail();
	int pair[2], status = -1;
	char byte;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
	    (pid = fork()) < 0) {
		puts("Bail out! no process");
		exit(1);
	}
	if (pid == 0) {
		close(pair[1]);
		_exit(restless_reader(pair[0]));
	}
	close(pair[0]);
	is_int(read(pair[1], &byte, 1), 1, "a reader is at work");
	for (int i = 0; i < 300; i++) {
		stat_close(s);
		s = open_or_bail();
	}
	close(pair[1]);
	waitpid(pid, &status, 0);
	is_int(status, 0, "it never saw no file, or half a file");
	stat_close(s);
}

static void
write_file(const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n) {
		printf("Bail out! %s: %s\n", path, strerror(errno));
		exit(1);
	}
	close(fd);
}

static bool
refused(const void *p, size_t n)
{
	struct stat_view v;

	write_file(p, n);
	errno = 0;
	if (stat_view(path, &v) == 0) {
		stat_unview(&v);
		return false;
	}
	return errno == EBADMSG && v.image == NULL;
}

static const struct {
	const char *name;
	size_t at;
	const char *bytes; /* eight of them */
} faults[] = {
	{ "magic", 0, "kn-stat " },
	{ "another version", 8, "\2\2\2\2\2\2\2\2" },
	{ "a head of no bytes", 16, "\0\0\0\0\0\0\0\0" },
	{ "a huge head", 16, "\xf8\xff\xff\xff\xff\xff\xff\xff" },
	{ "rows of no bytes", 24, "\0\0\0\0\0\0\0\0" },
	{ "huge rows", 24, "\xf8\xff\xff\xff\xff\xff\xff\xff" },
	{ "no rows", 32, "\0\0\0\0\0\0\0\0" },
	{ "a row too many", 32, "\4\4\4\4\4\4\4\4" },
	{ "rows that wrap around", 32, "\xff\xff\xff\xff\xff\xff\xff\xff" },
	{ "a start before the machine's", 80,
	    "\xff\xff\xff\xff\xff\xff\xff\xff" },
	{ "a start at the end of time", 80,
	    "\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f" },
	{ "a heartbeat before that", 88, "\x80\x80\x80\x80\x80\x80\x80\x80" },
	{ "an unknown kind", HEAD_BYTES + ROW_BYTES + 8, "\2\2\2\2\2\2\2\2" },
};

static void
test_corrupted(void)
{
	uint8_t good[HEAD_BYTES + NROWS * ROW_BYTES + 8] = { 0 };
	uint8_t bad[sizeof good];
	size_t n = sizeof good - 8, kept = 0;
	int fd;

	stat_close(open_or_bail());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	is_int(read(fd, good, sizeof good), n, "the file is as long as said");
	close(fd);
	for (size_t i = 0; i < n; i++)
		kept += !refused(good, i);
	is_int(kept, 0, "a file cut short anywhere is refused");
	ok(refused(good, sizeof good), "and one that is too long");
	ok(!refused(good, n), "the whole is not");
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		memcpy(bad, good, n);
		memcpy(bad + faults[i].at, faults[i].bytes, 8);
		ok(refused(bad, n), "refused: %s", faults[i].name);
	}
	memcpy(bad, good, n);
	for (size_t i = 8; i < 16; i++)
		bad[i] = good[8 + 15 - i];
	ok(refused(bad, n), "the other byte order");
	memcpy(bad, good, n);
	memset(bad + HEAD_BYTES + 16, 'a', 64);
	ok(refused(bad, n), "a name without an end");
	memcpy(bad, good, n);
	memset(bad + 40, 'a', 32);
	ok(refused(bad, n), "a program's name without an end");
}

/* A program of another user may do this to whoever reads its file. */
static void
test_cut_under_us(void)
{
	struct stats *s = open_or_bail();
	struct stat_view v;
	struct stat_value value = { 0 };

	stat_add(s, DONE, 3);
	is_int(stat_view(path, &v), 0, "the file is viewed");
	stat_close(s);
	is_int(truncate(path, 0), 0, "and cut to nothing");
	ok(stat_read(&v, DONE, &value) == 0 && value.value == 3,
	    "what was read stays");
	stat_unview(&v);
	ok(stat_view(path, &v) < 0 && errno == EBADMSG, "now it is none");
}

/* What a later version may write: a longer head, longer rows. */
static void
test_longer(void)
{
	enum { HEAD = HEAD_BYTES + 16, ROW = ROW_BYTES + 8 };
	uint64_t file[(HEAD + ROW) / 8] = { 0 };
	uint8_t *at = (uint8_t *)file;
	struct stat_view v;
	struct stat_value value = { 0 };

	memcpy(at, "kn-stat\n", 8);
	file[1] = 1;
	file[2] = HEAD;
	file[3] = ROW;
	file[4] = 1;
	memcpy(at + 40, "later", 5);
	file[HEAD / 8] = 77;
	file[HEAD / 8 + 1] = STAT_GAUGE;
	memcpy(at + HEAD + 16, "name", 4);
	write_file(file, sizeof file);
	is_int(stat_view(path, &v), 0, "fields may be added at the ends");
	ok(stat_read(&v, 0, &value) == 0 && value.value == 77 &&
		strcmp(value.name, "name") == 0,
	    "rows are found all the same");
	stat_unview(&v);
}

static void
test_names(void)
{
	static const char *const bad[] = { "", "kn-", "p2pd", "kn-P", "kn-a b",
		"kn-\033[m", "kn-../x", "kn-a\"", ".kn-a",
		"kn-3456789012345678901234567890x" };
	size_t good = 0;

	ok(stat_is_program("kn-p2pd") && stat_is_program("kn-a-2") &&
		stat_is_program("kn-3456789012345678901234567890"),
	    "names of programs");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		good += stat_is_program(bad[i]);
	is_int(good, 0, "and what are none");
}

static void
test_no_file(void)
{
	struct stat_view v;

	unlink(path);
	ok(stat_view(path, &v) < 0 && errno == ENOENT, "no file");
	ok(stat_view(dir, &v) < 0 && errno == EBADMSG, "a directory");
	if (symlink("/dev/zero", path) == 0) {
		ok(stat_view(path, &v) < 0 && errno == EBADMSG,
		    "a symbolic link is not followed");
		unlink(path);
	}
	if (mkfifo(path, 0600) == 0) {
		ok(stat_view(path, &v) < 0 && errno == EBADMSG,
		    "a FIFO is refused and does not block");
		unlink(path);
	}
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof dir, "%s/kn-stat.XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL) {
		printf("Bail out! %s: %s\n", dir, strerror(errno));
		return 1;
	}
	snprintf(path, sizeof path, "%s/kn-test", dir);
	test_memory();
	test_limits();
	test_view();
	test_other_process();
	test_restart();
	test_never_half();
	test_corrupted();
	test_cut_under_us();
	test_longer();
	test_names();
	test_no_file();
	rmdir(dir);
	return tap_done();
}
