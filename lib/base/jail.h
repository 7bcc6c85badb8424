/* SPDX-License-Identifier: ISC
 *
 * A program locks itself down, the same under every supervisor: no new
 * privileges, no capabilities, no core files, no memory both writable and
 * executable, only the files it named (Landlock) and only the system calls of
 * the kinds it named (seccomp).  What the kernel is too old for is left out and
 * said: the line of jail_enter is what really holds.
 *
 * Once entered, forever, and for every thread and child made afterwards. */
#ifndef BASE_JAIL_H
#define BASE_JAIL_H

#include "base/slice.h"

/* Of files beneath a path. */
enum {
	JAIL_READ = 1,  /* read files, list directories */
	JAIL_WRITE = 2, /* change, make, rename and remove them as well */
	JAIL_RUN = 4,   /* read and execute: programs and their libraries */
	JAIL_BIND = 8,  /* make sockets, and remove files; neither read nor
			   write any */
};

/* Of system calls, besides those of a loop over open descriptors. */
enum {
	JAIL_INET = 1,    /* sockets of TCP and UDP, and netlink to know the
			     interfaces */
	JAIL_SPAWN = 2,   /* make processes and wait for them */
	JAIL_THREADS = 4, /* make threads */
	JAIL_CLOCK = 8,   /* ask whether the clock is right */
};

struct jail_path {
	const char *path; /* NULL and "" are passed over */
	unsigned may;     /* JAIL_READ … */
	bool optional;    /* not there: passed over; otherwise an error */
};

struct jail {
	const struct jail_path *paths;
	size_t n;
	unsigned may; /* JAIL_INET … */
};

enum { JAIL_LINE = 96 };

/* Enter it, after all files with other needs are open and before the first byte
 * from outside is read.  line becomes what holds, for the log and kn-stat(5):
 *
 *	uid=104 caps=0 nnp=1 seccomp=2 landlock=7 mdwe=1 nofile=20000
 *
 * 0 stands for what this kernel does not have.  0, or -1 with errno and *why
 * (static): a path that is not there, or a call that failed for another reason
 * than the kernel's age. */
int jail_enter(const struct jail *, char line[JAIL_LINE], const char **why);

#endif
