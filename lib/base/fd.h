/* SPDX-License-Identifier: ISC
 *
 * Files and descriptors: whole writes, atomic files, sockets inherited by name
 * and the readiness signal.  Every descriptor made here is close-on-exec.
 * Functions return 0 or a descriptor, or -1 with errno. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include "base/buf.h"

#include <sys/types.h>

/* All of it, on a blocking descriptor. */
int fd_write_all(int fd, struct slice);
/* All of a file or pipe, at most out->max - out->n bytes (EFBIG beyond). */
int fd_read_all(int fd, struct buf *out);
int fd_read_file(const char *path, struct buf *out);

/* A new file that is whole or absent after a crash: written beside, fsynced,
 * linked (EEXIST when path is there) or renamed over path, directory fsynced. */
int fd_create_file(const char *path, struct slice, mode_t mode);
int fd_replace_file(const char *path, struct slice, mode_t mode);
/* EACCES when group or others may read or write the open file, or when it is
 * neither ours nor root's: for secrets.  root may use anybody's: it looks after
 * the keys of programs that run as users of their own. */
int fd_private(int fd);

int fd_nonblock(int fd);
int fd_cloexec(int fd);

/* A listening or data descriptor that the supervisor passed under this name, by
 * listen_pid / listen_fds / listen_names (the values of LISTEN_PID, LISTEN_FDS,
 * LISTEN_FDNAMES; any may be NULL).  -1, ENOENT: none.  The name may stand for
 * several: index counts among them from 0. */
int fd_named(const char *listen_pid, const char *listen_fds,
    const char *listen_names, const char *name, unsigned index);

/* Tell the supervisor we are ready: a newline on notify_fd when it is >= 0
 * (then closed), READY=1 to the datagram socket when it is not NULL. */
int fd_ready(int notify_fd, const char *notify_socket);

#endif
