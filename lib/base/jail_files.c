/* SPDX-License-Identifier: ISC
 *
 * Landlock (landlock(7)), by raw system calls: C libraries have none for it,
 * and the kernel's headers are often older than the kernel.  So its numbers
 * stand here, each with the ABI that brought it. */
#include "base/jail_own.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of all architectures alike. */
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 };
enum { ASK_ABI = 1, PATH_BENEATH = 1 };

#define BIT(n) (UINT64_C(1) << (n))
enum { ABI_REFER = 2, ABI_NET = 4, ABI_SCOPE = 6 };

/* LANDLOCK_ACCESS_FS_ */
#define EXECUTE     BIT(0)
#define WRITE_FILE  BIT(1)
#define READ_FILE   BIT(2)
#define READ_DIR    BIT(3)
#define REMOVE_DIR  BIT(4)
#define REMOVE_FILE BIT(5)
#define MAKE_DIR    BIT(7)
#define MAKE_REG    BIT(8)
#define MAKE_SOCK   BIT(9)
#define REFER       BIT(13)
#define TRUNCATE    BIT(14)

#define OF_FILES (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE)
#define READING  (READ_FILE | READ_DIR)
#define WRITING                                                                \
	(READING | WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE |          \
	    MAKE_DIR | MAKE_REG | MAKE_SOCK | REFER)

#define BINDING (REMOVE_FILE | MAKE_SOCK)

/* BIND_TCP and CONNECT_TCP; abstract Unix sockets and signals to others */
#define NET   (BIT(0) | BIT(1))
#define SCOPE (BIT(0) | BIT(1))

struct ruleset {
	uint64_t files, net, scoped;
};
struct beneath {
	uint64_t may;
	int32_t dir;
} __attribute__((packed));

/* How many rights of files there are, and how long the struct is, by ABI. */
static const struct {
	unsigned rights;
	size_t bytes;
} abis[] = {
	[2] = { 14, 8 },
	[3] = { 15, 8 },
	[4] = { 15, 16 },
	[5] = { 16, 16 },
	[6] = { 16, 24 },
};
enum { NEWEST = sizeof abis / sizeof *abis - 1 };

/* The rights of files that this kernel knows. */
static uint64_t
known(int abi)
{
	return BIT(abis[abi < NEWEST ? abi : NEWEST].rights) - 1;
}

static int
make_ruleset(const struct jail *j, int abi)
{
	const struct ruleset r = {
		.files = known(abi),
		.net = abi >= ABI_NET && !(j->may & JAIL_INET) ? NET : 0,
		.scoped = abi >= ABI_SCOPE ? SCOPE : 0,
	};

	return (int)syscall(
	    CREATE_RULESET, &r, abis[abi < NEWEST ? abi : NEWEST].bytes, 0);
}

static uint64_t
rights(unsigned may)
{
	return (may & JAIL_READ ? READING : 0) |
	       (may & JAIL_WRITE ? WRITING : 0) |
	       (may & JAIL_RUN ? READING | EXECUTE : 0) |
	       (may & JAIL_BIND ? BINDING : 0);
}

/* 0, or -1: it is not there, or cannot be looked at.  Without a ruleset only
 * that is found out. */
static int
add_path(int ruleset, int abi, const struct jail_path *p)
{
	struct beneath b = { .may = rights(p->may) & known(abi) };
	struct stat st;
	int r = -1, saved;

	b.dir = open(p->path, O_PATH | O_CLOEXEC);
	if (b.dir < 0)
		return -1;
	if (ruleset < 0) {
		r = 0;
	} else if (fstat(b.dir, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			b.may &= OF_FILES;
		r = (int)syscall(ADD_RULE, ruleset, PATH_BENEATH, &b, 0);
	}
	saved = errno;
	close(b.dir);
	errno = saved;
	return r;
}

static int
add_paths(int ruleset, int abi, const struct jail *j, const char **why)
{
	for (size_t i = 0; i < j->n; i++) {
		const struct jail_path *p = &j->paths[i];

		if (p->path == NULL || *p->path == '\0' ||
		    add_path(ruleset, abi, p) == 0)
			continue;
		if (p->optional &&
		    (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
			continue;
		*why = p->path;
		return -1;
	}
	return 0;
}

/* Before ABI 2 no file may be moved to another directory at all, which is what
 * both databases and blobs live by: such a kernel counts as having none. */
int
jail_files(const struct jail *j, const char **why)
{
	int abi = (int)syscall(CREATE_RULESET, NULL, 0, ASK_ABI);
	int ruleset, r;

	*why = "Landlock";
	if (abi < ABI_REFER)
		return add_paths(-1, 0, j, why);
	ruleset = make_ruleset(j, abi);
	if (ruleset < 0)
		return -1;
	r = add_paths(ruleset, abi, j, why);
	if (r == 0 && syscall(RESTRICT_SELF, ruleset, 0) < 0)
		r = -1;
	close(ruleset);
	return r < 0 ? -1 : abi;
}
