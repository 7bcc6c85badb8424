/* SPDX-License-Identifier: ISC
 *
 * Where kn-signd hears: the socket `sign' of the supervisor's, or sign.sock in
 * run_path, mode 0660, which it binds itself. */
#ifndef CMD_KN_SIGND_DOOR_H
#define CMD_KN_SIGND_DOOR_H

#include "cmd/node.h"

/* A listening, non-blocking socket, or the end of the program.  *path is what
 * to unlink and free(3) at the end; NULL when the socket was inherited. */
int door_open(const struct node_conf *, char **path);

#endif
