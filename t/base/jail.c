/* SPDX-License-Identifier: ISC
 *
 * Files and sockets, and what the jail says of itself. */
#include "t/base/jail.h"

#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static int inherited = -1; /* a listening TCP socket */

/* Files. */

static int
outside_is_closed(void)
{
	REFUSED(open(in(outside, "book"), O_RDONLY), EACCES);
	REFUSED(touch(in(outside, "x")), EACCES);
	REFUSED(unlink(in(outside, "book")), EACCES);
	REFUSED(mkdir(in(outside, "d"), 0700), EACCES);
	MUST(opendir(outside) == NULL && errno == EACCES);
	MUST(rename(in(room, "old"), in(outside, "old")) < 0 &&
	     (errno == EXDEV || errno == EACCES));
	return 0;
}

static int
a_shelf_is_read(void)
{
	char byte;
	int fd = open(in(shelf, "book"), O_RDONLY);
	DIR *d = opendir(shelf);

	MUST(fd >= 0 && read(fd, &byte, 1) == 1 && byte == 'b');
	MUST(d != NULL && readdir(d) != NULL);
	REFUSED(open(in(shelf, "book"), O_RDWR), EACCES);
	REFUSED(touch(in(shelf, "x")), EACCES);
	REFUSED(unlink(in(shelf, "book")), EACCES);
	return 0;
}

static int
a_dock_takes_sockets(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sun.sun_path, in(dock, "s"));
	MUST(fd >= 0 && bind(fd, (struct sockaddr *)&sun, sizeof sun) == 0);
	MUST(listen(fd, 1) == 0 && unlink(sun.sun_path) == 0);
	REFUSED(touch(in(dock, "x")), EACCES);
	REFUSED(open(in(dock, "book"), O_WRONLY), EACCES);
	REFUSED(open(in(dock, "book"), O_RDONLY), EACCES);
	REFUSED(mkdir(in(dock, "d"), 0700), EACCES);
	MUST(link(in(room, "old"), in(dock, "old")) < 0 &&
	     (errno == EXDEV || errno == EACCES));
	return 0;
}

static int
programs_run(void)
{
	MUST(run("/bin/true") == 0);
	REFUSED(run(in(room, "true")), EACCES);
	return 0;
}

static int
tcp_is_only_accepted(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* the kernel asks Landlock before it looks at the socket's state */
	REFUSED(connect(inherited, (struct sockaddr *)&to, sizeof to), EACCES);
	REFUSED(accept4(inherited, NULL, NULL, SOCK_NONBLOCK), EAGAIN);
	return 0;
}

static struct sockaddr_un
abstract(socklen_t *n)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	*n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			 (size_t)snprintf(sun.sun_path + 1,
			     sizeof sun.sun_path - 1, "%s", room));
	return sun;
}

static int
nobody_else_is_reached(void)
{
	socklen_t n;
	struct sockaddr_un sun = abstract(&n);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	MUST(fd >= 0);
	REFUSED(connect(fd, (struct sockaddr *)&sun, n), EPERM);
	REFUSED(kill(getppid(), 0), EPERM);
	return 0;
}

static void
test_files(void)
{
	socklen_t n;
	struct sockaddr_un sun = abstract(&n);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	holds(0, a_room_is_lived_in, "a directory to write in");
	if (!has.landlock) {
		ok(true, "files # SKIP this kernel has no Landlock");
		return;
	}
	holds(0, outside_is_closed, "nothing else can be opened or changed");
	holds(0, a_shelf_is_read, "a directory to read is not written");
	holds(0, a_dock_takes_sockets, "sockets are made and no files");
	holds(JAIL_SPAWN, programs_run, "only programs of /bin are run");
	if (has.landlock >= 4)
		holds(0, tcp_is_only_accepted,
		    "an inherited socket accepts and does not connect");
	if (has.landlock >= 6 && bind(fd, (struct sockaddr *)&sun, n) == 0 &&
	    listen(fd, 1) == 0)
		holds(JAIL_SPAWN, nobody_else_is_reached,
		    "no abstract socket, no signal to others");
	close(fd);
}

/* What is said. */

static int status_fd = -1;

static int
status_agrees(void)
{
	char text[4096] = "";
	struct rlimit r;

	MUST(pread(status_fd, text, sizeof text - 1, 0) > 0);
	MUST(field(line, "uid=") == field(text, "\nUid:"));
	MUST(field(line, "nnp=") == 1 && field(text, "\nNoNewPrivs:") == 1);
	MUST(field(line, "seccomp=") == field(text, "\nSeccomp:"));
	MUST(field(line, "caps=") == 0);
	MUST(strstr(text, "\nCapEff:\t0000000000000000\n"));
	MUST(strstr(text, "\nCapPrm:\t0000000000000000\n"));
	MUST(strstr(text, "\nCapInh:\t0000000000000000\n"));
	MUST(strstr(text, "\nCapAmb:\t0000000000000000\n"));
	MUST(geteuid() != 0 || strstr(text, "\nCapBnd:\t0000000000000000\n"));
	MUST(getrlimit(RLIMIT_NOFILE, &r) == 0);
	MUST(field(line, "nofile=") == (int)r.rlim_cur);
	return 0;
}

static int
no_core(void)
{
	struct rlimit r = { 1, 1 };

	MUST(getrlimit(RLIMIT_CORE, &r) == 0 && r.rlim_max == 0);
	r.rlim_cur = r.rlim_max = 1;
	REFUSED(setrlimit(RLIMIT_CORE, &r), EPERM);
#ifndef __SANITIZE_ADDRESS__
	MUST(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
#endif
	return 0;
}

static int
say(void)
{
	printf("# %s\n", line);
	fflush(stdout);
	return 0;
}

static void
test_line(void)
{
	status_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	if (status_fd < 0) {
		ok(true, "what is said # SKIP there is no /proc");
		return;
	}
	close(status_fd);
	holds(0, say, "it says what holds");
	holds(0, no_core, "no core file, and no way back to one");
}

/* /proc/self is of the process that opens it: so it is opened in the child. */
static void
test_status(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		status_fd = open("/proc/self/status", O_RDONLY);
		enter_or_end(JAIL_THREADS);
		_exit(status_agrees());
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "which is what /proc says");
}

/* Names of users and hosts, as kn-p2pd needs them. */
static int
names(void)
{
	const struct jail_path etc[] = { { "/etc", JAIL_READ, false },
		{ "/proc", JAIL_READ, true } };
	const struct jail j = { etc, 2, JAIL_INET };
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	const char *why;

	(void)getpwnam("nobody-of-that-name"); /* loads what there is to load */
	MUST(jail_enter(&j, line, &why) == 0);
	MUST(getpwnam("root") != NULL && getpwnam("root")->pw_uid == 0);
	MUST(getpwnam("nobody-of-that-name") == NULL);
	MUST(getaddrinfo("127.0.0.1", "80", &hints, &found) == 0);
	freeaddrinfo(found);
	MUST(getaddrinfo("localhost", "80", &hints, &found) == 0);
	freeaddrinfo(found);
	return 0;
}

/* In the child, outside: what jail_enter itself says. */

static int
missing_paths(void)
{
	struct jail_path none[] = { { NULL, JAIL_READ, false },
		{ "", JAIL_WRITE, false },
		{ "/nowhere/at/all", JAIL_READ, true },
		{ "/nowhere/at/all", JAIL_READ, false } };
	struct jail j = { none, 4, 0 };
	const char *why = "";

	REFUSED(jail_enter(&j, line, &why), ENOENT);
	MUST(strcmp(why, "/nowhere/at/all") == 0);
	MUST(open("/dev/null", O_RDONLY) >= 0);
	j.n = 3;
	MUST(jail_enter(&j, line, &why) == 0);
	return 0;
}

static void *
sleeper(void *arg)
{
	char byte;

	return read(*(int *)arg, &byte, 1) < 0 ? arg : NULL;
}

static int
late(void)
{
	const struct jail j = { 0 };
	const char *why = "";
	pthread_t t;
	int pair[2];

	MUST(pipe(pair) == 0);
	MUST(pthread_create(&t, NULL, sleeper, &pair[0]) == 0);
	REFUSED(jail_enter(&j, line, &why), EBUSY);
	MUST(strstr(why, "threads"));
	return 0;
}

int
main(void)
{
	inherited = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (inherited < 0 || listen(inherited, 1) < 0)
		puts("# no TCP here");
	begin();
	test_files();
	test_line();
	test_status();
	outside_of_it(names, "users and hosts are found by what is in /etc");
	outside_of_it(missing_paths, "a path that is not there is an error");
	outside_of_it(late, "threads that run already would be outside");
	return finish();
}
