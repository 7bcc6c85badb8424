/* SPDX-License-Identifier: ISC
 *
 * System calls, by what kinds of them a program may make. */
#include "t/base/jail.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum { IO_URING_SETUP = 425, X32 = 0x40000000 };

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
	MUST(socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP) >= 0);
	MUST(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) >= 0);
	REFUSED(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), EPERM);
	REFUSED(socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP), EPERM);
	REFUSED(socket(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP), EPERM);
	REFUSED(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), EPERM);
	REFUSED(socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), EPERM);
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
	REFUSED(syscall(SYS_userfaultfd, 0), EPERM);
	REFUSED(syscall(SYS_perf_event_open, 0, 0, 0, 0, 0), EPERM);
	REFUSED(syscall(SYS_pkey_mprotect, 0, 0, 0, 0), EPERM);
	REFUSED(syscall(SYS_memfd_create, "x", 0), EPERM);
	REFUSED(syscall(SYS_personality, 0x0400000), EPERM);
	REFUSED(syscall(SYS_setns, 0, 0), EPERM);
	REFUSED(syscall(SYS_mount, "/", "/", "", 0, 0), EPERM);
	/* nothing is laid for others to stumble over */
	REFUSED(symlink("/dev/zero", "link"), EPERM);
	REFUSED(mknod("fifo", S_IFIFO | 0600, 0), EPERM);
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

int
main(void)
{
	begin();
	test_calls();
	return finish();
}
