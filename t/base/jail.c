/* SPDX-License-Identifier: ISC
 *
 * Each promise is tried by a process of its own, which enters the jail and then
 * does what it must not, or what it must still be able to do.  It ends with 0,
 * or with the line of what went wrong. */
#include "base/jail.h"
#include "t/tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CREATE_RULESET = 444,
	IO_URING_SETUP = 425,
	MDWE = 65,
	X32 = 0x40000000
};

/* room may be written, shelf read, bin run; outside is outside */
static char top[64];
static char room[96], shelf[96], outside[96];
static struct jail_path paths[] = {
	{ room, JAIL_WRITE, false }, { shelf, JAIL_READ, false },
	{ "/bin", JAIL_RUN, false }, { "/lib", JAIL_RUN, true },
	{ "/lib64", JAIL_RUN, true }, { "/usr/lib", JAIL_RUN, true },
	{ "/proc", JAIL_READ, true }, /* sanitizers want it */
};
static struct {
	int landlock, seccomp, mdwe;
} has;                     /* what this machine has */
static int inherited = -1; /* a listening TCP socket */
static char line[JAIL_LINE];

#define MUST(what)                                                             \
	if (!(what))                                                           \
	return __LINE__ % 200 + 1
#define REFUSED(call, error) MUST((call) < 0 && errno == (error))

static int
field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? atoi(at + strlen(name)) : -1;
}

static void
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
static int
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

static void
holds(unsigned may, int (*act)(void), const char *name)
{
	int status = trial(may, act);

	if (status != 0)
		printf("# status %x (line %d mod 200)\n", (unsigned)status,
		    WEXITSTATUS(status) - 1);
	ok(status == 0, "%s", name);
}

static const char *
in(const char *dir, const char *name)
{
	static char text[4][160];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(text[at], sizeof text[at], "%s/%s", dir, name);
	return text[at];
}

static int
touch(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd < 0 ? fd : close(fd);
}

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

static int
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

/* System calls. */

static int
no_network(void)
{
	REFUSED(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	REFUSED(socket(AF_INET6, SOCK_DGRAM, 0), EPERM);
	REFUSED(socket(AF_NETLINK, SOCK_RAW, 0), EPERM);
	REFUSED(socket(AF_PACKET, SOCK_RAW, 0), EPERM);
	MUST(socket(AF_UNIX, SOCK_SEQPACKET, 0) >= 0);
	return 0;
}

static int
a_network(void)
{
	MUST(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	MUST(socket(AF_INET6, SOCK_STREAM, 0) >= 0 || errno == EAFNOSUPPORT);
	MUST(socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
	REFUSED(socket(AF_PACKET, SOCK_RAW, 0), EPERM);
	REFUSED(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), EPERM);
	return 0;
}

static int
no_processes(void)
{
	char *argv[] = { "true", NULL };

	REFUSED(fork(), EPERM);
	REFUSED(execv("/bin/true", argv), EPERM);
	MUST(run("/bin/true") < 0);
	REFUSED(unshare(CLONE_NEWUSER), EPERM);
	return 0;
}

static int
processes(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(7);
	MUST(pid > 0 && waitpid(pid, &status, 0) == pid);
	MUST(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	MUST(run("/bin/true") == 0);
	REFUSED(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), EPERM);
	REFUSED(unshare(CLONE_NEWUSER), EPERM);
	return 0;
}

static void *
thread(void *arg)
{
	return arg;
}

static int
no_threads(void)
{
	pthread_t t;

	MUST(pthread_create(&t, NULL, thread, line) != 0);
	return 0;
}

static int
threads(void)
{
	void *back = NULL;
	pthread_t t;

	MUST(pthread_create(&t, NULL, thread, line) == 0);
	MUST(pthread_join(t, &back) == 0 && back == line);
	REFUSED(fork(), EPERM);
	return 0;
}

static int
no_new_code(void)
{
	const int rw = PROT_READ | PROT_WRITE, rx = PROT_READ | PROT_EXEC;
	const int private = MAP_PRIVATE | MAP_ANONYMOUS;
	int fd = open("/bin/true", O_RDONLY);
	void *p = mmap(NULL, 4096, rw, private, -1, 0);

	MUST(p != MAP_FAILED && mprotect(p, 4096, PROT_READ) == 0);
	MUST(mprotect(p, 4096, rx) < 0);
	MUST(mmap(NULL, 4096, rw | PROT_EXEC, private, -1, 0) == MAP_FAILED);
	MUST(fd >= 0 &&
	     mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	MUST(mmap(NULL, 4096, rx, MAP_PRIVATE, fd, 0) == MAP_FAILED);
	return 0;
}

/* With programs to be started, files may be code, and memory still not. */
static int
no_new_code_but_files(void)
{
	const int rw = PROT_READ | PROT_WRITE, rx = PROT_READ | PROT_EXEC;
	const int private = MAP_PRIVATE | MAP_ANONYMOUS;
	int fd = open("/bin/true", O_RDONLY);
	void *p = mmap(NULL, 4096, rw, private, -1, 0);

	MUST(p != MAP_FAILED && mprotect(p, 4096, rx) < 0);
	MUST(mmap(NULL, 4096, rw | PROT_EXEC, private, -1, 0) == MAP_FAILED);
	MUST(fd >= 0);
	MUST(mmap(NULL, 4096, rx, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	return 0;
}

static int
nothing_odd(void)
{
	struct rlimit r = { 1, 1 };

	REFUSED(ptrace(PTRACE_TRACEME, 0, 0, 0), EPERM);
	REFUSED(syscall(SYS_process_vm_readv, getppid(), 0, 0, 0, 0, 0), EPERM);
	REFUSED(kill(getppid(), 0), EPERM);
	REFUSED(syscall(SYS_tgkill, getppid(), getppid(), 0), EPERM);
	REFUSED(prlimit(getppid(), RLIMIT_NOFILE, &r, NULL), EPERM);
	REFUSED(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), EPERM);
	REFUSED(setuid(0), EPERM);
	REFUSED(chroot("/"), EPERM);
	REFUSED(ioctl(0, TIOCSTI, "x"), EPERM);
	REFUSED(syscall(SYS_bpf, 0, 0, 0), EPERM);
	REFUSED(syscall(SYS_keyctl, 0, 0, 0), EPERM);
	/* younger ones as if there were none */
	REFUSED(syscall(IO_URING_SETUP, 1, 0), ENOSYS);
	REFUSED(syscall(SYS_clone3, 0, 0), ENOSYS);
	return 0;
}

static int
ends_itself(void)
{
	abort();
}

#ifdef __x86_64__
static int
calls_as_i386(void)
{
	long nr = 20, r; /* getpid there, writev here */

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr) : "memory");
	return r > 0;
}

static int
calls_as_x32(void)
{
	return syscall(X32 | SYS_getpid) >= 0;
}
#endif

static void
test_calls(void)
{
	int status;

	if (!has.seccomp) {
		ok(true, "system calls # SKIP no seccomp here");
		return;
	}
	holds(0, no_network, "no sockets but Unix ones");
	holds(JAIL_INET, a_network, "with INET the usual ones, and no others");
	holds(JAIL_THREADS, no_processes, "no processes");
	holds(JAIL_SPAWN, processes, "with SPAWN, but no namespaces");
	holds(JAIL_SPAWN, no_threads, "no threads");
	holds(JAIL_THREADS, threads, "with THREADS");
	holds(JAIL_INET, no_new_code, "nothing becomes code");
	holds(JAIL_SPAWN, no_new_code_but_files, "with SPAWN only files do");
	holds(0, nothing_odd, "nothing that a daemon does not do");
	status = trial(0, ends_itself);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "abort(3) ends");
	ok(!WCOREDUMP(status), "without a core file");
#ifdef __x86_64__
	status = trial(0, calls_as_i386);
	ok(WIFSIGNALED(status), "another architecture's call is the end");
	status = trial(0, calls_as_x32);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "x32's too");
#endif
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

static int
twice(void)
{
	enter_or_end(JAIL_INET | JAIL_SPAWN);
	REFUSED(open(in(outside, "book"), O_RDONLY), EACCES);
	return 0;
}

static void
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

/* Older kernels, played by a filter in front of this one. */

static int
filter_by(struct sock_filter *at, unsigned short n, unsigned flags)
{
	const struct sock_fprog prog = { n, at };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

#define LOAD(field)                                                            \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define ANSWER(what)       BPF_STMT(BPF_RET | BPF_K, what)

static int
ancient(void)
{
	struct sock_filter at[] = {
		LOAD(nr),
		IF(CREATE_RULESET, 4, 0),
		IF(SYS_prctl, 0, 5),
		LOAD(args[0]),
		IF(MDWE, 2, 0),
		IF(PR_SET_SECCOMP, 1, 2),
		ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
		ANSWER(SECCOMP_RET_ERRNO | EINVAL),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	const struct jail_path bad = { "/nowhere/at/all", JAIL_READ, false };
	const struct jail j = { &bad, 1, 0 };
	const char *why;

	MUST(filter_by(at, sizeof at / sizeof *at, 0) == 0);
	REFUSED(jail_enter(&j, line, &why), ENOENT);
	enter_or_end(0);
	MUST(field(line, "landlock=") == 0 && field(line, "mdwe=") == 0);
	MUST(field(line, "nnp=") == 1 && field(line, "caps=") == 0);
	/* it is in the mode of the filter above */
	MUST(field(line, "seccomp=") == 2);
	MUST(open(in(outside, "book"), O_RDONLY) >= 0);
	return 0;
}

static int abi; /* the one that is played */

static int
lives_with_abi(void)
{
	enter_or_end(0);
	MUST(field(line, "landlock=") == (abi < 2 ? 0 : abi));
	if (abi >= 2)
		REFUSED(open(in(outside, "book"), O_RDONLY), EACCES);
	return a_room_is_lived_in();
}

/* The kernel asks us what its Landlock's ABI is. */
static int
plays_abi(void)
{
	struct sock_filter at[] = {
		LOAD(nr),
		IF(CREATE_RULESET, 0, 3),
		LOAD(args[2]),
		IF(1, 0, 1),
		ANSWER(SECCOMP_RET_USER_NOTIF),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	struct seccomp_notif ask = { 0 };
	struct seccomp_notif_resp say_abi = { .val = abi };
	int status = -1, fd;
	pid_t pid;

	fd = filter_by(
	    at, sizeof at / sizeof *at, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	MUST(fd >= 0);
	pid = fork();
	if (pid == 0)
		_exit(lives_with_abi());
	MUST(pid > 0 && ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &ask) == 0);
	say_abi.id = ask.id;
	MUST(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &say_abi) == 0);
	MUST(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 254;
}

static void
test_old_kernels(void)
{
	char name[64];

	if (!has.landlock || !has.seccomp) {
		ok(true, "older kernels # SKIP this one is old itself");
		return;
	}
	outside_of_it(ancient, "a kernel that has nothing of it");
	for (abi = 1; abi < has.landlock; abi++) {
		snprintf(name, sizeof name, "Landlock of ABI %d", abi);
		outside_of_it(plays_abi, name);
	}
}

static void
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

static void
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
	make("outside", outside, sizeof outside);
	touch(in(room, "old"));
	/* a program beside those of /bin */
	if (touch(in(room, "true")) == 0)
		chmod(in(room, "true"), 0700);
}

static void
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

static void
remove_files(void)
{
	char *argv[] = { "rm", "-rf", top, NULL };
	char *none[] = { NULL };
	pid_t pid;

	if (posix_spawn(&pid, "/bin/rm", NULL, NULL, argv, none) == 0)
		waitpid(pid, NULL, 0);
}

int
main(void)
{
	inherited = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (inherited < 0 || listen(inherited, 1) < 0)
		puts("# no TCP here");
	make_files();
	look_at_machine();
	test_files();
	test_calls();
	test_line();
	test_status();
	outside_of_it(names, "users and hosts are found by what is in /etc");
	outside_of_it(missing_paths, "a path that is not there is an error");
	outside_of_it(late, "threads that run already would be outside");
	holds(JAIL_INET, has.landlock && !has.seccomp ? twice : say,
	    "a jail in a jail");
	test_old_kernels();
	remove_files();
	return tap_done();
}
