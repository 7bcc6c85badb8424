/* SPDX-License-Identifier: ISC */
#include "base/fd.h"
#include "t/tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

static char dir[] = "/tmp/kn-fd-XXXXXX";

/* One of eight static paths in dir, used in turn. */
static const char *
in_dir(const char *name)
{
	static char paths[8][64];
	static unsigned at;
	char *path = paths[at++ % 8];

	snprintf(path, sizeof paths[0], "%.20s/%.40s", dir, name);
	return path;
}

static int
count_files(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n - 2; /* . and .. */
}

static bool
holds(const char *path, const char *want)
{
	struct buf b = { .max = 256 };
	bool same =
	    fd_read_file(path, &b) == 0 && slice_is(buf_slice(&b), want);

	buf_free(&b);
	return same;
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? 0 : st.st_mode & 07777;
}

#define fails(call, why, name) tap_fails((errno = 0, call), why, name)

static void
tap_fails(int r, int why, const char *name)
{
	int got = errno;

	if (r != -1 || got != why)
		printf("# returned %d, errno %s\n", r, strerror(got));
	ok(r == -1 && got == why, "%s", name);
}

static void
test_create(void)
{
	const char *path = in_dir("new"), *link = in_dir("dangling");
	mode_t mask = umask(0077);

	is_int(fd_create_file(path, slice_text("one"), 0640), 0, "create");
	umask(mask);
	ok(holds(path, "one"), "has the bytes");
	is_int(mode_of(path), 0640, "has the mode, whatever the umask");
	fails(fd_create_file(path, slice_text("two"), 0600), EEXIST,
	    "create where a file is");
	ok(holds(path, "one"), "which stays");
	ok(symlink("nowhere", link) == 0, "a link to nowhere");
	fails(fd_create_file(link, slice_text("two"), 0600), EEXIST,
	    "create does not follow it");
	is_int(access(in_dir("nowhere"), F_OK), -1, "and makes no target");
	fails(fd_create_file(in_dir("no/file"), slice_text("x"), 0600), ENOENT,
	    "create in no directory");
	fails(fd_create_file(in_dir("new/file"), slice_text("x"), 0600),
	    ENOTDIR, "create below a file");
	fails(fd_create_file(in_dir(""), slice_text("x"), 0600), EISDIR,
	    "create without a name");
	fails(fd_create_file("", slice_text("x"), 0600), ENOENT,
	    "create without a path");
	is_int(count_files(), 2, "nothing temporary is left");
	unlink(link);
}

static void
test_replace(void)
{
	const char *path = in_dir("file"), *link = in_dir("link");
	struct stat before, after;

	is_int(fd_replace_file(path, slice_text("one"), 0600), 0,
	    "replace what is not there");
	stat(path, &before);
	is_int(fd_replace_file(path, slice_text("two"), 0644), 0, "replace");
	stat(path, &after);
	ok(holds(path, "two"), "has the bytes");
	is_int(mode_of(path), 0644, "has the mode");
	ok(before.st_ino != after.st_ino, "is another file");
	ok(symlink("file", link) == 0, "a link to it");
	fails(fd_replace_file(link, slice_text("x"), 0600), ELOOP,
	    "a link is not replaced");
	ok(holds(path, "two"), "nor its target");
	ok(mkdir(in_dir("dir"), 0700) == 0, "a directory");
	fails(fd_replace_file(in_dir("dir"), slice_text("x"), 0600), EISDIR,
	    "is not replaced");
	is_int(fd_replace_file(path, slice_of(NULL, 0), 0600), 0,
	    "replace by nothing");
	ok(holds(path, ""), "is empty");
	rmdir(in_dir("dir"));
	unlink(link);
	is_int(count_files(), 2, "nothing temporary is left");
}

static void
test_relative(void)
{
	int home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ok(home >= 0 && chdir(dir) == 0, "go there");
	is_int(fd_create_file("plain", slice_text("x"), 0600), 0,
	    "a path without a slash");
	ok(holds(in_dir("plain"), "x"), "means the current directory");
	ok(fchdir(home) == 0, "and back");
	close(home);
	unlink(in_dir("plain"));
}

/* A full disk, as a limit on the size of files.  In a child, for it is not
 * easily undone. */
static void
test_full(void)
{
	const char *path = in_dir("file");
	struct rlimit few = { 4, 4 };
	int status = 0;
	pid_t pid;

	fd_replace_file(path, slice_text("old"), 0600);
	pid = fork();
	if (pid == 0) {
		bool good;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &few);
		good =
		    fd_replace_file(path, slice_text("too long"), 0600) == -1 &&
		    errno == EFBIG;
		good = good &&
		       fd_create_file(in_dir("full"), slice_text("too long"),
			   0600) == -1 &&
		       errno == EFBIG;
		_exit(good ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "a write that fails half way is told");
	ok(holds(path, "old"), "and leaves the old file");
	is_int(count_files(), 2, "and nothing else");
}

static void
test_read(void)
{
	struct buf b = { .max = 4 };

	fd_replace_file(in_dir("file"), slice_text("four"), 0600);
	is_int(fd_read_file(in_dir("file"), &b), 0, "read up to the ceiling");
	ok(slice_is(buf_slice(&b), "four"), "all of it");
	fails(fd_read_file(in_dir("file"), &b), EFBIG, "and no further");
	buf_free(&b);
	b.max = 3;
	fails(fd_read_file(in_dir("file"), &b), EFBIG, "one byte too many");
	buf_free(&b);
	fails(fd_read_file(in_dir("none"), &b), ENOENT, "no file");
	fails(fd_read_file(dir, &b), EISDIR, "a directory");
	is_int(fd_read_file("/dev/null", &b), 0, "an empty device");
	buf_free(&b);
}

static void
test_pipe(void)
{
	enum { MANY = 300000 };
	static uint8_t sent[MANY];
	struct buf b = { .max = 2 * MANY };
	int ends[2];
	pid_t pid;

	for (size_t i = 0; i < MANY; i++)
		sent[i] = (uint8_t)(i * 7 + i / 251);
	ok(pipe2(ends, O_CLOEXEC) == 0, "a pipe");
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		_exit(fd_write_all(ends[1], slice_of(sent, MANY)) ? 1 : 0);
	}
	close(ends[1]);
	is_int(fd_read_all(ends[0], &b), 0, "read what a pipe holds in pieces");
	is_bytes(b.p, b.n, sent, MANY, "all of it");
	close(ends[0]);
	waitpid(pid, NULL, 0);
	buf_free(&b);
	fails(fd_write_all(-1, slice_text("x")), EBADF, "write to nowhere");
}

static void
test_private(void)
{
	static const struct {
		mode_t mode;
		bool good;
	} rows[] = { { 0600, true }, { 0400, true }, { 0711, true },
		{ 0640, false }, { 0604, false }, { 0620, false },
		{ 0602, false } };
	int fd = open(in_dir("file"), O_RDONLY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int r = fchmod(fd, rows[i].mode) || fd_private(fd) < 0;

		ok(r == !rows[i].good, "mode %o is%s private",
		    (unsigned)rows[i].mode, rows[i].good ? "" : " not");
	}
	fchmod(fd, 0600);
	if (geteuid() == 0 && fchown(fd, 65534, 65534) == 0) {
		is_int(fd_private(fd), 0, "root may use anybody's file");
		(void)!seteuid(65533);
		fails(fd_private(fd), EACCES, "others not a stranger's");
		(void)!seteuid(0);
	} else {
		ok(true, "a stranger's file # SKIP not root");
	}
	close(fd);
	fails(fd_private(fd), EBADF, "no file");
}

static void
test_flags(void)
{
	int ends[2];

	ok(pipe(ends) == 0, "a pipe");
	ok(fd_cloexec(ends[0]) == 0 && fcntl(ends[0], F_GETFD) & FD_CLOEXEC,
	    "closed on exec");
	ok(fd_nonblock(ends[0]) == 0 && fcntl(ends[0], F_GETFL) & O_NONBLOCK,
	    "does not block");
	close(ends[0]);
	close(ends[1]);
	fails(fd_cloexec(ends[0]), EBADF, "cloexec of nothing");
	fails(fd_nonblock(ends[0]), EBADF, "nonblock of nothing");
}

/* Runs in a child that owns descriptors 3, 4 and 5. */
static int
named_in_child(void)
{
	char pid[32], other[32];
	bool good = true;

	for (int fd = 3; fd <= 5; fd++)
		good = good && dup2(0, fd) == fd;
	close(6);
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	snprintf(other, sizeof other, "%ld", (long)getppid());

#define IS(want, p, fds, names, name, index)                                   \
	(good = good && fd_named(p, fds, names, name, index) == (want))
	IS(3, pid, "3", "p2p:sign:p2p", "p2p", 0);
	IS(5, pid, "3", "p2p:sign:p2p", "p2p", 1);
	IS(4, pid, "3", "p2p:sign:p2p", "sign", 0);
	IS(4, pid, "3", "p2p::x", "", 0);
	IS(-1, pid, "3", "p2p:sign:p2p", "p2p", 2);
	IS(-1, pid, "3", "p2p:sign:p2p", "p2", 0);
	IS(-1, pid, "3", "p2p:sign:p2p", "p2p:sign", 0);
	good = good && errno == ENOENT;
	/* more names than descriptors, and the reverse */
	IS(-1, pid, "1", "p2p:sign", "sign", 0);
	IS(-1, pid, "3", "p2p", "sign", 0);
	IS(-1, pid, "0", "p2p", "p2p", 0);
	IS(-1, other, "3", "p2p", "p2p", 0);
	IS(-1, NULL, "3", "p2p", "p2p", 0);
	IS(-1, pid, NULL, "p2p", "p2p", 0);
	IS(-1, pid, "3", NULL, "p2p", 0);
	good = good && errno == ENOENT;
	IS(-1, pid, "3x", "p2p", "p2p", 0);
	IS(-1, pid, "1025", "p2p", "p2p", 0);
	IS(-1, "-1", "3", "p2p", "p2p", 0);
	good = good && errno == EINVAL;
	IS(-1, pid, "4", "a:b:c:d", "d", 0);
	good = good && errno == EBADF;
#undef IS
	return good && fcntl(3, F_GETFD) & FD_CLOEXEC ? 0 : 1;
}

static void
test_named(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(named_in_child());
	waitpid(pid, &status, 0);
	is_int(status, 0, "descriptors by name");
}

static void
test_ready(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int n, ends[2];
	char name[64], word[16] = "", path[200] = "";

	is_int(fd_ready(-1, NULL), 0, "nobody to tell");
	ok(pipe2(ends, O_CLOEXEC) == 0, "a pipe");
	is_int(fd_ready(ends[1], NULL), 0, "tell it");
	is_int(read(ends[0], word, sizeof word), 1, "one byte");
	is_int(word[0], '\n', "a newline");
	is_int(read(ends[0], word, sizeof word), 0, "and closed");
	close(ends[0]);

	n = snprintf(at.sun_path, sizeof at.sun_path, "%s", in_dir("ready"));
	ok(bind(s, (struct sockaddr *)&at, sizeof at) == 0, "a socket");
	is_int(fd_ready(-1, at.sun_path), 0, "tell it");
	n = (int)recv(s, word, sizeof word, MSG_DONTWAIT);
	is_bytes(word, (size_t)n, "READY=1", 7, "READY=1");
	close(s);
	fails(fd_ready(-1, at.sun_path), ECONNREFUSED, "nobody listens");
	unlink(at.sun_path);

	n = snprintf(name, sizeof name, "@kn-fd-%ld", (long)getpid());
	memcpy(at.sun_path, name, (size_t)n);
	at.sun_path[0] = '\0';
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ok(bind(s, (struct sockaddr *)&at,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			   (size_t)n)) == 0,
	    "an abstract name");
	is_int(fd_ready(-1, name), 0, "tell it");
	n = (int)recv(s, word, sizeof word, MSG_DONTWAIT);
	is_bytes(word, (size_t)n, "READY=1", 7, "READY=1");
	close(s);
	fails(fd_ready(-1, "ready"), EINVAL, "not a path");
	memset(path, '/', sizeof path - 1);
	fails(fd_ready(-1, path), ENAMETOOLONG, "too long a path");
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	test_create();
	test_replace();
	test_relative();
	test_full();
	test_read();
	test_pipe();
	test_private();
	test_flags();
	test_named();
	test_ready();
	unlink(in_dir("new"));
	unlink(in_dir("file"));
	is_int(rmdir(dir), 0, "nothing was left behind");
	return tap_done();
}
