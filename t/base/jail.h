/* SPDX-License-Identifier: ISC
 *
 * Each promise of base/jail is tried by a process of its own, which enters the
 * jail and then does what it must not, or what it must still be able to do.  It
 * ends with 0, or with the line of what went wrong. */
#ifndef T_BASE_JAIL_H
#define T_BASE_JAIL_H

#include "base/jail.h"
#include "t/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* room may be written, shelf read, bin run, sockets made in dock; outside is
 * outside */
static char top[64];
static char room[96], shelf[96], dock[96], outside[96];
static struct jail_path paths[] = {
	{ room, JAIL_WRITE, false }, { shelf, JAIL_READ, false },
	{ dock, JAIL_BIND, false },
	{ "/bin", JAIL_RUN, false }, { "/lib", JAIL_RUN, true },
	{ "/lib64", JAIL_RUN, true }, { "/usr/lib", JAIL_RUN, true },
	{ "/proc", JAIL_READ, true }, /* sanitizers want it */
};
static struct {
	int landlock, seccomp, mdwe;
} has; /* what this machine has */
static char line[JAIL_LINE];

#define MUST(what)                                                             \
	if (!(what))                                                           \
	return __LINE__ % 200 + 1
#define REFUSED(call, error) MUST((call) < 0 && errno == (error))

static inline int
field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? atoi(at + strlen(name)) : -1;
}

static inline void
enter_or_end(unsigned may)
{
	const struct jail j = { paths, sizeof paths / sizeof *paths, may };
	const char *why = "";

	if (jail_enter(&j, line, &why) == 0)
		return;
	printf("# jail_enter: %s: %s\n", why, strerror(errno));
	fflush(stdout);
	_exit(255);
}

/* How a process ended that did this in the jail. */
static inline int
trial(unsigned may, int (*act)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		enter_or_end(may);
		_exit(act());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

static inline void
holds(unsigned may, int (*act)(void), const char *name)
{
	int status = trial(may, act);

	if (status != 0)
		printf("# status %x (line %d mod 200)\n", (unsigned)status,
		    WEXITSTATUS(status) - 1);
	ok(status == 0, "%s", name);
}

static inline const char *
in(const char *dir, const char *name)
{
	static char text[4][160];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(text[at], sizeof text[at], "%s/%s", dir, name);
	return text[at];
}

static inline int
touch(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd < 0 ? fd : close(fd);
}

static inline int
run(const char *program)
{
	char *argv[] = { "true", NULL };
	char *none[] = { NULL };
	int status = -1;
	pid_t pid;
	int e = posix_spawn(&pid, program, NULL, NULL, argv, none);

	if (e != 0) {
		errno = e;
		return -1;
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static inline int
a_room_is_lived_in(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	MUST(touch(in(room, "a")) == 0 && touch(in(room, "a")) == 0);
	MUST(truncate(in(room, "a"), 0) == 0 || has.seccomp);
	MUST(rename(in(room, "a"), in(room, "b")) == 0);
	MUST(mkdir(in(room, "d"), 0700) == 0);
	MUST(rename(in(room, "b"), in(room, "d/b")) == 0);
	MUST(link(in(room, "d/b"), in(room, "c")) == 0);
	MUST(unlink(in(room, "c")) == 0 && unlink(in(room, "d/b")) == 0);
	MUST(rmdir(in(room, "d")) == 0);
	fd = open(room, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	MUST(fd >= 0 || errno == EOPNOTSUPP);
	strcpy(sun.sun_path, in(room, "s"));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	MUST(fd >= 0 && bind(fd, (struct sockaddr *)&sun, sizeof sun) == 0);
	MUST(listen(fd, 1) == 0 && unlink(sun.sun_path) == 0);
	return 0;
}

static inline void
outside_of_it(int (*act)(void), const char *name)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(act());
	waitpid(pid, &status, 0);
	if (status != 0)
		printf("# status %x (line %d mod 200)\n", (unsigned)status,
		    WEXITSTATUS(status) - 1);
	ok(status == 0, "%s", name);
}

static inline void
make(const char *dir, char *path, size_t n)
{
	int fd;

	snprintf(path, n, "%s/%s", top, dir);
	if (mkdir(path, 0700) < 0 ||
	    (fd = open(in(path, "book"), O_WRONLY | O_CREAT, 0600)) < 0 ||
	    write(fd, "book", 4) != 4 || close(fd) < 0) {
		puts("Bail out! no directory");
		exit(1);
	}
}

static inline void
make_files(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(top, sizeof top, "%s/jail.XXXXXX", tmp ? tmp : "/tmp");
	if (mkdtemp(top) == NULL) {
		puts("Bail out! no directory");
		exit(1);
	}
	make("room", room, sizeof room);
	make("shelf", shelf, sizeof shelf);
	make("dock", dock, sizeof dock);
	make("outside", outside, sizeof outside);
	touch(in(room, "old"));
	/* a program beside those of /bin */
	if (touch(in(room, "true")) == 0)
		chmod(in(room, "true"), 0700);
}

static inline void
look_at_machine(void)
{
	int pair[2];
	char text[JAIL_LINE] = "";
	pid_t pid;

	if (pipe(pair) < 0 || (pid = fork()) < 0)
		exit(1);
	if (pid == 0) {
		enter_or_end(0);
		_exit(write(pair[1], line, strlen(line)) < 0);
	}
	waitpid(pid, NULL, 0);
	close(pair[1]);
	ok(read(pair[0], text, sizeof text - 1) > 0, "it can be entered");
	close(pair[0]);
	has.landlock = field(text, "landlock=");
	has.seccomp = field(text, "seccomp=");
	has.mdwe = field(text, "mdwe=");
}

static inline void
remove_files(void)
{
	char *argv[] = { "rm", "-rf", top, NULL };
	char *none[] = { NULL };
	pid_t pid;

	if (posix_spawn(&pid, "/bin/rm", NULL, NULL, argv, none) == 0)
		waitpid(pid, NULL, 0);
}

static inline void
begin(void)
{
	make_files();
	look_at_machine();
}

static inline int
finish(void)
{
	remove_files();
	return tap_done();
}

#endif
