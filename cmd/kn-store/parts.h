/* SPDX-License-Identifier: ISC
 *
 * The two halves of kn-store(8): the daemon, and the verbs that talk to it or,
 * when it is stopped, care for its files. */
#ifndef KN_STORE_PARTS_H
#define KN_STORE_PARTS_H

#include "base/msec.h"

#include <stdbool.h>

#define STORE_SOCKET "store.sock"

/* Runs until TERM; returns the exit code. */
int daemon_run(const char *file, bool check, int ready_fd);

struct client_conf {
	const char *file;   /* configuration, or NULL */
	const char *path;   /* of store.sock; found when first needed if NULL */
	msec timeout;       /* without progress */
	bool json;          /* NDJSON is wanted, also on a terminal */
};
/* argv[0] is the verb; returns the exit code. */
int client_run(struct client_conf *, int argc, char **argv);
const char *client_verbs(void); /* the list for the usage */

#endif
