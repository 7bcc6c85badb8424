/* SPDX-License-Identifier: ISC
 *
 * Master keys and key files as the programs for people take them: what goes
 * wrong ends the program with one sentence. */
#ifndef CMD_SECRET_H
#define CMD_SECRET_H

#include "cmd/cmd.h"
#include "crypt/keyfile.h"

#define SECRET_NO_FD UINT64_MAX /* a descriptor option that was not given */

/* EXIT_WRONG when the caller can put it right (a file is missing or there
 * already, rights), EXIT_SYSTEM otherwise. */
enum exit_code secret_exit(int error);

/* The master key from just one of the two; what names the options in complaint.
 * The caller wipes it. */
void secret_master(const char *file, uint64_t fd, const char *what,
    struct buf *master);
/* A file of at most out->max bytes that group and others cannot open. */
void secret_read(const char *path, struct buf *out);
/* Open a key file.  A wrong master key and a damaged file are EXIT_NO. */
void secret_key(const char *path, struct slice master, struct key *);

/* A file of mode 0600, not over another one, or atomically over it.  Never in
 * a directory where others could swap it. */
void secret_create(const char *path, struct slice);
void secret_replace(const char *path, struct slice);

#endif
