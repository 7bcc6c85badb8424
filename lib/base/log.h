/* SPDX-License-Identifier: ISC
 *
 * One line an event on stderr, logfmt: `level=info prog=kn-p2pd event=conn.up
 * peer=… addr=…`.  The time stands before it only in a plain file: s6-log and
 * journald add one.  Values are quoted when they need it and control bytes are
 * escaped, so that a peer cannot write log lines of its own.  errno is kept.
 * One line is one write. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/msec.h"
#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Process-wide: the name is borrowed for ever.  Looks what stderr is. */
void log_open(const char *prog, enum log_level least);

/* fmt yields pairs `key=value key=value`; pass foreign bytes through log_q. */
void log_line(enum log_level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Make bytes of unknown origin safe as one value; cut at 128 bytes.  The
 * result stands in one of eight static buffers used in turn. */
const char *log_q(struct slice);

/* For lines that a remote party can provoke: at most burst lines a second per
 * site, then silence until the second is over and one line that says how many
 * were left out. */
struct log_flood {
	msec since;
	unsigned said, dropped;
};
/* Is a line allowed now?  Emits the summary line when a second closes. */
bool log_allow(struct log_flood *, const char *event, unsigned burst, msec now);

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

#endif
