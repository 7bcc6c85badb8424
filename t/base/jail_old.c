/* SPDX-License-Identifier: ISC
 *
 * Older kernels, played by a filter in front of this one. */
#include "t/base/jail.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { CREATE_RULESET = 444, MDWE = 65 };

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

int
main(void)
{
	begin();
	test_old_kernels();
	return finish();
}
