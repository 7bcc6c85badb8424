/* SPDX-License-Identifier: ISC
 *
 * The parts of base/jail.  Each returns what holds from now on (0: this kernel
 * does not have it), or -1 with errno and *why. */
#ifndef BASE_JAIL_OWN_H
#define BASE_JAIL_OWN_H

#include "base/jail.h"

#include <sys/prctl.h>

/* Younger than some headers of the kernels that have them. */
#ifndef PR_SET_MDWE
enum { PR_SET_MDWE = 65, PR_GET_MDWE = 66, PR_MDWE_REFUSE_EXEC_GAIN = 1 };
#endif
#ifndef PR_SET_VMA
enum { PR_SET_VMA = 0x53564d41 };
#endif

/* Files and the network by Landlock: its ABI.  Needs no new privileges. */
int jail_files(const struct jail *, const char **why);
/* System calls by seccomp: 2, its mode of filters.  After all else, because the
 * filter refuses what the others ask for. */
int jail_calls(unsigned may, const char **why);

#endif
