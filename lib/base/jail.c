/* SPDX-License-Identifier: ISC */
#include "base/jail_own.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPS = 64, CAP_WORDS = _LINUX_CAPABILITY_U32S_3 };

static int
failed(const char **why, const char *what)
{
	*why = what;
	return -1;
}

/* A thread that runs already would stay outside. */
static int
check_alone(const char **why)
{
	struct stat st;

	/* each thread is a directory in it */
	if (stat("/proc/self/task", &st) < 0 || st.st_nlink <= 3)
		return 0;
	errno = EBUSY;
	return failed(why, "threads run already");
}

/* Memory must not end in a file, nor be looked into by siblings. */
static int
hide(const char **why)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return failed(why, "RLIMIT_CORE");
		/* the sanitizers' search for leaks looks into its own process
		 * by ptrace */
#ifndef __SANITIZE_ADDRESS__
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return failed(why, "PR_SET_DUMPABLE");
#endif
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed(why, "PR_SET_NO_NEW_PRIVS");
	return 0;
}

static unsigned
caps_left(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct d[CAP_WORDS] = { 0 };
	unsigned n = 0;

	if (syscall(SYS_capget, &head, d) < 0)
		return CAPS;
	for (size_t i = 0; i < CAP_WORDS; i++)
		n += (unsigned)__builtin_popcount(
		    d[i].effective | d[i].permitted | d[i].inheritable);
	return n;
}

/* The bounding set goes only while we have CAP_SETPCAP; without it there is
 * nothing that exec could give either, because of no new privileges. */
static int
drop_caps(const char **why)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	const struct __user_cap_data_struct none[CAP_WORDS] = { 0 };

	for (unsigned long cap = 0; cap < CAPS; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	/* a supervisor that left none may forbid the call as well */
	if (caps_left() > 0 && syscall(SYS_capset, &head, none) < 0)
		return failed(why, "capset");
	return 0;
}

/* The kernel's own rule against memory that is written and then run; older ones
 * say EINVAL. */
static void
refuse_exec_gain(void)
{
#ifndef __SANITIZE_ADDRESS__
	(void)prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
#endif
}

/* Asked of the kernel, not remembered. */
static void
say(char line[JAIL_LINE], int landlock)
{
	struct rlimit files = { 0, 0 };
	int nnp = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	int seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
	int mdwe = prctl(PR_GET_MDWE, 0, 0, 0, 0);

	getrlimit(RLIMIT_NOFILE, &files);
	snprintf(line, JAIL_LINE,
	    "uid=%u caps=%u nnp=%d seccomp=%d landlock=%d mdwe=%d nofile=%llu",
	    (unsigned)geteuid(), caps_left(), nnp > 0,
	    seccomp > 0 ? seccomp : 0, landlock,
	    mdwe > 0 && (mdwe & PR_MDWE_REFUSE_EXEC_GAIN),
	    (unsigned long long)files.rlim_cur);
}

int
jail_enter(const struct jail *j, char line[JAIL_LINE], const char **why)
{
	int landlock;

	if (check_alone(why) < 0 || hide(why) < 0)
		return -1;
	landlock = jail_files(j, why);
	if (landlock < 0 || drop_caps(why) < 0)
		return -1;
	refuse_exec_gain();
	if (jail_calls(j->may, why) < 0)
		return -1;
	say(line, landlock);
	return 0;
}
