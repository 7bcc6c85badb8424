/* SPDX-License-Identifier: ISC
 *
 * How a daemon enters base/jail: what all of them read (the configuration,
 * /etc, the drain file) is added to what it names, and what holds is logged and
 * published.  kn(7) SANDBOX has the table of who may what. */
#ifndef CMD_JAILED_H
#define CMD_JAILED_H

#include "base/jail.h"
#include "base/stat.h"
#include "cmd/node.h"

struct jailed_path {
	const char *path; /* NULL and "" are passed over */
	unsigned may; /* JAIL_READ …; only what may be changed must be there */
	bool beside;  /* rather the directory it is in: files are replaced by
			 rename, and databases have files beside them */
};

struct jailed {
	const struct node_conf *conf;
	const char *file; /* it was read from here */
	const struct jailed_path *paths;
	size_t n;
	unsigned may; /* JAIL_INET … */
	bool users;   /* names of users are looked up in it (base/rights) */
};

enum { JAILED_PATHS = 16 }; /* the most of paths */

/* Before ready, and while there is one thread.  Ends with EXIT_SYSTEM when that
 * cannot be done. */
void jailed_enter(const struct jailed *, struct stats *);

#endif
