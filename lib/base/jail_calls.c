/* SPDX-License-Identifier: ISC
 *
 * seccomp(2): a filter that lets through the system calls of these tables. What
 * is called most stands first; kernels from 5.11 on remember what passes
 * whatever its arguments and run no filter for it. */
#include "base/jail_own.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/sockios.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif

/* Without one there is no filter: sanitizers make calls of their own at times
 * of their own, which a program without them must not be allowed. */
#if defined(ARCH) && !defined(__SANITIZE_ADDRESS__)

/* Older kernels end the one thread that we have. */
#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000u
#endif

enum {
	FILTER_MAX = 1024, /* instructions */
	X32 = 0x40000000,  /* the bit of x86-64's other ABI */
	/* From here on numbers are the same everywhere, and libraries try a
	 * call and do without it when it is not there: ENOSYS rather than
	 * EPERM. */
	YOUNG = 424,
};

struct call {
	unsigned nr;
	unsigned may; /* one of these kinds is needed; 0: none */
};

/* clang-format off */
#define ANY(name) { __NR_##name, 0 }
#define OF(kind, name) { __NR_##name, JAIL_##kind }

static const struct call calls[] = {
	/* a turn of a loop */
	ANY(epoll_pwait),
#ifdef __NR_epoll_wait
	ANY(epoll_wait), ANY(poll),
#endif
	ANY(read), ANY(write), ANY(readv), ANY(writev), ANY(recvfrom),
	ANY(sendto), ANY(recvmsg), ANY(sendmsg), ANY(epoll_ctl), ANY(futex),
	ANY(clock_gettime), ANY(pread64), ANY(pwrite64), ANY(ppoll),
#ifdef __NR_futex_time64
	ANY(futex_time64), ANY(clock_gettime64), ANY(ppoll_time64),
#endif
	ANY(close), ANY(accept4),
#ifdef __NR_accept
	ANY(accept),
#endif
#ifdef __NR_sendfile64
	ANY(sendfile64),
#else
	ANY(sendfile),
#endif
	ANY(fdatasync), ANY(fsync), ANY(getpid), ANY(gettid),
	/* files */
	ANY(openat), ANY(lseek), ANY(fcntl), ANY(fstat), ANY(statx),
	ANY(fstatfs), ANY(statfs), ANY(getdents64), ANY(readlinkat),
	ANY(faccessat), ANY(unlinkat), ANY(renameat2), ANY(mkdirat),
	ANY(linkat), ANY(fchmod), ANY(fchmodat), ANY(ftruncate),
	ANY(fallocate), ANY(flock), ANY(preadv), ANY(pwritev), ANY(getcwd),
#ifdef __NR_renameat
	ANY(renameat),
#endif
#ifdef __NR_newfstatat
	ANY(newfstatat),
#endif
#ifdef __NR_fadvise64
	ANY(fadvise64),
#endif
#ifdef __NR_faccessat2
	ANY(faccessat2),
#endif
	/* sockets that are there, and other descriptors */
	ANY(connect), ANY(bind), ANY(listen), ANY(shutdown), ANY(setsockopt),
	ANY(getsockopt), ANY(getsockname), ANY(getpeername), ANY(sendmmsg),
	ANY(recvmmsg), ANY(dup), ANY(dup3), ANY(pipe2), ANY(eventfd2),
	ANY(epoll_create1), ANY(signalfd4), ANY(timerfd_create),
	ANY(timerfd_settime), ANY(timerfd_gettime),
#ifdef __NR_epoll_pwait2
	ANY(epoll_pwait2),
#endif
	/* memory */
	ANY(munmap), ANY(mremap), ANY(madvise), ANY(brk), ANY(msync),
	ANY(mlock), ANY(munlock), ANY(membarrier),
	/* time, signals, oneself */
	ANY(nanosleep), ANY(clock_nanosleep), ANY(clock_getres),
	ANY(gettimeofday), ANY(getrandom), ANY(rt_sigaction),
	ANY(rt_sigprocmask), ANY(rt_sigreturn), ANY(rt_sigtimedwait),
	ANY(sigaltstack), ANY(restart_syscall), ANY(getuid), ANY(geteuid),
	ANY(getgid), ANY(getegid), ANY(getppid), ANY(getgroups), ANY(uname),
	ANY(umask), ANY(sysinfo), ANY(getrusage), ANY(sched_yield),
	ANY(sched_getaffinity), ANY(set_robust_list), ANY(capget), ANY(times),
	ANY(exit), ANY(exit_group),
#ifdef __NR_rseq
	ANY(rseq),
#endif
	/* older forms, which x86 and arm still have and their libraries use */
#ifdef __NR_open
	ANY(open), ANY(stat), ANY(lstat), ANY(access), ANY(readlink),
	ANY(unlink), ANY(rename), ANY(mkdir), ANY(rmdir), ANY(link),
	ANY(chmod), ANY(dup2), ANY(pipe), ANY(eventfd), ANY(epoll_create),
	ANY(signalfd),
#endif
#ifdef __NR__newselect
	ANY(_newselect),
#elif defined __NR_select
	ANY(select),
#endif
#ifdef __NR_time
	ANY(time),
#endif
#ifdef __NR_getrlimit
	ANY(getrlimit),
#endif
	/* those of 32 bits that have longer numbers than they were born with */
#ifdef __NR_fcntl64
	ANY(fcntl64), ANY(fstat64), ANY(stat64), ANY(lstat64),
	ANY(fstatat64), ANY(_llseek), ANY(ftruncate64), ANY(statfs64),
	ANY(fstatfs64), ANY(ugetrlimit), ANY(sigreturn),
#endif
#ifdef __NR_getuid32
	ANY(getuid32), ANY(geteuid32), ANY(getgid32), ANY(getegid32),
	ANY(getgroups32),
#endif
#ifdef __NR_clock_nanosleep_time64
	ANY(clock_nanosleep_time64), ANY(clock_getres_time64),
	ANY(timerfd_settime64), ANY(timerfd_gettime64), ANY(recvmmsg_time64),
	ANY(rt_sigtimedwait_time64),
#endif
#ifdef __NR_arm_fadvise64_64
	ANY(arm_fadvise64_64), ANY(send), ANY(recv),
#endif
#ifdef __NR_fadvise64_64
	ANY(fadvise64_64),
#endif
	/* i386's libraries make sockets by this one, whose arguments no filter can
	 * see: there only Landlock stands between a program and TCP */
#ifdef __NR_socketcall
	ANY(socketcall),
#endif
	/* the clock: to set it as well, but for that the capability is gone */
	OF(CLOCK, adjtimex), OF(CLOCK, clock_adjtime),
#ifdef __NR_clock_adjtime64
	OF(CLOCK, clock_adjtime64),
#endif
	/* processes */
	OF(SPAWN, execve), OF(SPAWN, wait4), OF(SPAWN, waitid),
	OF(SPAWN, kill), OF(SPAWN, tgkill), OF(SPAWN, set_tid_address),
#ifdef __NR_fork
	OF(SPAWN, fork), OF(SPAWN, vfork),
#endif
#ifdef __NR_arch_prctl
	OF(SPAWN, arch_prctl),
#endif
#ifdef __NR_set_thread_area
	OF(SPAWN, set_thread_area), OF(THREADS, set_thread_area),
#endif
};

/* An argument, and what it is, masked. */
struct test {
	unsigned arg;
	unsigned mask, value;
};

/* Calls of which an argument decides, or two. */
static const struct rule {
	struct call call;
	struct test one, two; /* a mask of 0: there is no second */
} rules[] = {
#define RULE(name, arg, mask, value) { ANY(name), { arg, mask, value }, { 0 } },
#define RULE_OF(kind, name, arg, mask, value)                                 \
	{ OF(kind, name), { arg, mask, value }, { 0 } },
#define ALL (~0u)
/* By its protocol as well: for others the kernel would load modules that
 * nobody looks after. */
#define SOCKET(domain, protocol)                                              \
	{ OF(INET, socket), { 0, ALL, domain }, { 2, ALL, protocol } },

	/* nothing becomes code: not what was memory, and not a file either unless
	 * programs are to be started */
#ifdef __NR_mmap2
#define __NR_map __NR_mmap2
#else
#define __NR_map __NR_mmap
#endif
	RULE(map, 2, PROT_EXEC, 0)
	RULE_OF(SPAWN, map, 2, PROT_EXEC | PROT_WRITE, PROT_EXEC)
	RULE(mprotect, 2, PROT_EXEC, 0)

	RULE(socket, 0, ALL, AF_UNIX)
	SOCKET(AF_INET, 0)
	SOCKET(AF_INET, IPPROTO_TCP)
	SOCKET(AF_INET, IPPROTO_UDP)
	SOCKET(AF_INET6, 0)
	SOCKET(AF_INET6, IPPROTO_TCP)
	SOCKET(AF_INET6, IPPROTO_UDP)
	SOCKET(AF_NETLINK, NETLINK_ROUTE)
	RULE(socketpair, 0, ALL, AF_UNIX)

	/* what is read and written, whether it is a terminal, what is on its way
	 * to the peer, and the names of interfaces */
	RULE(ioctl, 1, ALL, SIOCOUTQ)
	RULE(ioctl, 1, ALL, FIONREAD)
	RULE(ioctl, 1, ALL, FIONBIO)
	RULE(ioctl, 1, ALL, TCGETS)
	RULE(ioctl, 1, ALL, FIOCLEX)
	RULE_OF(INET, ioctl, 1, ALL, SIOCGIFNAME)
	RULE_OF(INET, ioctl, 1, ALL, SIOCGIFINDEX)

	RULE(prctl, 0, ALL, PR_SET_NAME)
	RULE(prctl, 0, ALL, PR_SET_VMA)
	RULE(prctl, 0, ALL, PR_SET_NO_NEW_PRIVS)
	RULE(prctl, 0, ALL, PR_GET_NO_NEW_PRIVS)
	RULE(prctl, 0, ALL, PR_GET_SECCOMP)
	RULE(prctl, 0, ALL, PR_GET_DUMPABLE)
	RULE(prctl, 0, ALL, PR_GET_MDWE)

	/* limits are our own, not those of others of our user */
	RULE(prlimit64, 0, ALL, 0)

#define CLONE_SPACES                                                          \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |        \
	    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
	RULE_OF(THREADS, clone, 0, CLONE_THREAD | CLONE_SPACES, CLONE_THREAD)
	RULE_OF(SPAWN, clone, 0, CLONE_THREAD | CLONE_SPACES, 0)
};
/* clang-format on */

struct filter {
	struct sock_filter at[FILTER_MAX];
	unsigned short n;
};

static void
put(struct filter *f, unsigned code, unsigned k, unsigned yes, unsigned no)
{
	/* the tables are ours: this is their ceiling, seen by the test */
	if (f->n < FILTER_MAX)
		f->at[f->n] = (struct sock_filter){ (unsigned short)code,
			(unsigned char)yes, (unsigned char)no, k };
	f->n++;
}

static void
load(struct filter *f, size_t offset)
{
	put(f, BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

static void
answer(struct filter *f, unsigned what)
{
	put(f, BPF_RET | BPF_K, what, 0, 0);
}

static void
answer_errno(struct filter *f, unsigned error)
{
	answer(f, SECCOMP_RET_ERRNO | error);
}

/* The lower half is what the kernel itself looks at in these arguments. */
static size_t
offset_of(unsigned arg)
{
	size_t at = offsetof(struct seccomp_data, args) + arg * 8;

	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? at + 4 : at;
}

static bool
is_allowed(const struct call *c, unsigned may)
{
	return c->may == 0 || (c->may & may);
}

/* If it does not hold, the next so many are passed over. */
static void
put_test(struct filter *f, const struct test *t, unsigned over)
{
	load(f, offset_of(t->arg));
	put(f, BPF_ALU | BPF_AND | BPF_K, t->mask, 0, 0);
	put(f, BPF_JMP | BPF_JEQ | BPF_K, t->value, 0, over);
}

static void
put_rule(struct filter *f, const struct rule *r)
{
	bool pair = r->two.mask != 0;

	put_test(f, &r->one, pair ? 4 : 1);
	if (pair)
		put_test(f, &r->two, 1);
	answer(f, SECCOMP_RET_ALLOW);
}

/* A signal to ourselves is how the C library ends us in despair. */
static void
put_self(struct filter *f, unsigned nr)
{
	const struct test self = { 0, ALL, (unsigned)getpid() };

	put(f, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 5);
	put_test(f, &self, 1);
	answer(f, SECCOMP_RET_ALLOW);
	answer_errno(f, EPERM);
}

/* All rules of the call that rules[i] is about; what comes after them. */
static size_t
put_rules(struct filter *f, size_t i, unsigned may)
{
	unsigned nr = rules[i].call.nr;
	unsigned short jump = f->n;

	put(f, BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 0);
	for (; i < sizeof rules / sizeof *rules && rules[i].call.nr == nr; i++)
		if (is_allowed(&rules[i].call, may))
			put_rule(f, &rules[i]);
	answer_errno(f, EPERM);
	if (jump < FILTER_MAX)
		f->at[jump].jf = (unsigned char)(f->n - jump - 1);
	return i;
}

static void
put_calls(struct filter *f, unsigned may)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		if (!is_allowed(&calls[i], may))
			continue;
		put(f, BPF_JMP | BPF_JEQ | BPF_K, calls[i].nr, 0, 1);
		answer(f, SECCOMP_RET_ALLOW);
	}
	put_self(f, __NR_tgkill);
	put_self(f, __NR_tkill);
	for (size_t i = 0; i < sizeof rules / sizeof *rules;)
		i = put_rules(f, i, may);
}

/* The numbers of a foreign architecture mean other calls. */
static void
put_head(struct filter *f)
{
	load(f, offsetof(struct seccomp_data, arch));
	put(f, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	answer(f, SECCOMP_RET_KILL_PROCESS);
	load(f, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
	put(f, BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1);
	answer(f, SECCOMP_RET_KILL_PROCESS);
#endif
}

int
jail_calls(unsigned may, const char **why)
{
	static struct filter f; /* too big for a stack */
	struct sock_fprog prog = { .filter = f.at };

	f.n = 0;
	put_head(&f);
	put_calls(&f, may);
	put(&f, BPF_JMP | BPF_JGE | BPF_K, YOUNG, 0, 1);
	answer_errno(&f, ENOSYS);
	answer_errno(&f, EPERM);
	*why = "seccomp";
	if (f.n > FILTER_MAX) {
		errno = E2BIG;
		return -1;
	}
	prog.len = f.n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == 0)
		return SECCOMP_MODE_FILTER;
	/* a kernel that was built without it */
	return errno == EINVAL || errno == ENOSYS ? 0 : -1;
}

#else

int
jail_calls(unsigned may, const char **why)
{
	(void)may;
	(void)why;
	return 0;
}

#endif
