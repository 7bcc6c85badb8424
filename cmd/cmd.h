/* SPDX-License-Identifier: ISC
 *
 * What every program's main does in the same way: exit codes, the options all
 * share, the environment (read here and nowhere else). */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "base/opt.h"
#include "base/table.h"

enum exit_code {
	EXIT_YES = 0,
	EXIT_NO = 1,       /* not found, does not verify, still busy */
	EXIT_WRONG = 100,  /* you or the configuration; do not restart me */
	EXIT_SYSTEM = 111, /* the system failed, try again */
};

/* One sentence on stderr, "prog: …", then exit.  If fmt ends in a colon the
 * text of errno follows. */
void die(enum exit_code, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* opt_parse, with usage on stdout (exit 0) and mistakes on stderr (exit 100).
 * Returns the index of the first operand.  Also log_open(page->prog)
 * and sodium_init(). */
int cmd_options(const struct opt_page *, int argc, char **argv);

/* All of buf to stdout; EXIT_SYSTEM when that fails. */
void cmd_print(const struct buf *);

/* An inherited descriptor by name, or -1 (fd_named with the environment). */
int cmd_inherited(const char *name, unsigned index);
/* Readiness by the supervisor's own means: notify_fd from --ready-fd (or -1)
 * and NOTIFY_SOCKET. */
void cmd_ready(int notify_fd);

/* Raise the limit of descriptors as far as we may; when that is less than need,
 * the log says so, and which row of the configuration would need fewer (NULL:
 * none). */
void cmd_raise_fds(uint64_t need, const char *row);

/* Never leave secrets in core files: no dumps, no ptrace by siblings; and never
 * gain privileges by exec. */
void cmd_hide(void);

#endif
