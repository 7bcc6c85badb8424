/* SPDX-License-Identifier: ISC */
#include "cmd/jailed.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/cmd.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

/* Names of users and hosts are looked up in /etc and by daemons that answer on
 * sockets and share memory; SQLite and some libraries want random bytes. */
static const struct jailed_path everyones[] = {
	{ "/etc", JAIL_READ, false },
	{ "/usr/share/zoneinfo", JAIL_READ, false },
	{ "/run/systemd/userdb", JAIL_READ, false },
	{ "/var/lib/sss/mc", JAIL_READ, false },
	{ "/dev/urandom", JAIL_READ, false },
#ifdef __SANITIZE_ADDRESS__
	{ "/proc", JAIL_READ, false }, /* where leaks are looked for */
#endif
};

/* What a program needs that is to be started. */
static const struct jailed_path libraries[] = {
	{ "/lib", JAIL_RUN, false },
	{ "/lib64", JAIL_RUN, false },
	{ "/usr/lib", JAIL_RUN, false },
	{ "/usr/lib64", JAIL_RUN, false },
	{ "/usr/local/lib", JAIL_RUN, false },
};

enum { MOST = JAILED_PATHS + N(everyones) + N(libraries) + 2 };

/* Where it really is; with links resolved as far as it is there. */
static char *
real(const char *path)
{
	char *found = realpath(path, NULL);

	return found ? found : mem_string(path);
}

/* The directory that a file is in, or would be. */
static char *
directory(const char *path)
{
	char *file = real(path), *slash = strrchr(file, '/'), *dir;

	if (slash != NULL)
		slash[slash == file] = '\0';
	dir = real(slash ? file : ".");
	free(file);
	return dir;
}

static void
add(struct jail *j, struct jail_path *to, const struct jailed_path *p)
{
	if (p->path == NULL || *p->path == '\0')
		return;
	to[j->n++] = (struct jail_path){
		.path = p->beside ? directory(p->path) : mem_string(p->path),
		.may = p->may,
		.optional = !(p->may & (JAIL_WRITE | JAIL_BIND)),
	};
}

/* In the jail no library can be loaded: so those by which users are found are
 * now, all of them, by a name that nobody has.  Two thirds of a megabyte, which
 * a program that asks for no user does without. */
static void
load_names(void)
{
	(void)getpwnam("kontinuum-nobody");
}

void
jailed_enter(const struct jailed *own, struct stats *stats)
{
	const struct jailed_path given[] = {
		{ own->file, JAIL_READ, true },
		{ own->conf->node.drain_path, JAIL_READ, true },
	};
	struct jail_path paths[MOST];
	struct jail j = { .paths = paths, .may = own->may };
	char line[JAIL_LINE];
	const char *why = "";

	if (own->users)
		load_names();
	for (size_t i = 0; i < N(everyones); i++)
		add(&j, paths, &everyones[i]);
	for (size_t i = 0; i < N(libraries) && own->may & JAIL_SPAWN; i++)
		add(&j, paths, &libraries[i]);
	for (size_t i = 0; i < N(given); i++)
		add(&j, paths, &given[i]);
	for (size_t i = 0; i < own->n && i < JAILED_PATHS; i++)
		add(&j, paths, &own->paths[i]);
	if (jail_enter(&j, line, &why) < 0)
		die(EXIT_SYSTEM, "cannot enter the sandbox: %s:", why);
	while (j.n > 0)
		free((char *)(uintptr_t)paths[--j.n].path);
	log_info("sandbox", "%s", line);
	stat_sandbox(stats, line);
}
