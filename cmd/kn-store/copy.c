/* SPDX-License-Identifier: ISC
 *
 * The verb snapshot: the index as a file or a stream, while the daemon runs or
 * not; and the care for such a copy. */
#include "cmd/kn-store/client.h"
#include "base/fd.h"
#include "cmd/node.h"
#include "store/dbstream.h"
#include "store/nodedb.h"
#include "store/nodedb_copy.h"
#include "wire/mbase.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATH = 4096, KEPT = 3 };

struct wish {
	const char *db; /* NULL: that of the configuration */
	uint64_t sums;  /* a descriptor */
	bool check, adopt;
};

static struct node_conf conf;

/* Only the newest few of our own periodic copies stay. */
static void
trim(const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, NULL, alphasort), ours = 0;
	char path[PATH];

	for (int i = n - 1; i >= 0; i--) {
		bool own = strncmp(list[i]->d_name, "copy-", 5) == 0;

		if (own && ++ours > KEPT) {
			snprintf(path, sizeof path, "%.3000s/%s", dir,
			    list[i]->d_name);
			(void)unlink(path);
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static const char *
source(const struct client_conf *c, const struct wish *w)
{
	if (w->db)
		return w->db;
	node_load(c->file ? c->file : NODE_FILE, &conf);
	return conf.store.db_path;
}

/* No with a sentence for what is damaged, and for what is not there. */
static void
end_with(enum dbstream_end e, const char *path, const char *why)
{
	switch (e) {
	case DBSTREAM_OK:
		return;
	case DBSTREAM_NONE:
		die(EXIT_WRONG, "%s cannot be opened: %s", path, why);
	case DBSTREAM_CORRUPT:
		die(EXIT_NO, "%s is damaged: %s", path, why);
	case DBSTREAM_OUT:
		die(EXIT_SYSTEM, "the stream cannot be written: %s", why);
	case DBSTREAM_BUSY:
	case DBSTREAM_DISK:
		break;
	}
	die(EXIT_SYSTEM, "%s cannot be read now: %s", path, why);
}

/* One line of JSON: the figures that a backup keeps. */
static void
tell_figures(int fd, const struct dbstream *d)
{
	struct buf line = { .max = 1024 }, hex = { .max = 128 };
	struct json j;

	mbase_encode(MBASE_16, slice_of(d->sha256, sizeof d->sha256), &hex);
	json_begin(&j, &line);
	json_uint(&j, "bytes", d->bytes);
	json_str(&j, "sha256", buf_slice(&hex));
	json_uint(&j, "pages", d->pages);
	json_uint(&j, "page_size", d->page_size);
	json_uint(&j, "log_pages", d->log_pages);
	json_int(&j, "user_version", d->version);
	json_int(&j, "application_id", d->application);
	json_uint(&j, "change_counter", d->change);
	json_end(&j);
	if (fd_write_all(fd, buf_slice(&line)) < 0)
		die(EXIT_SYSTEM, "cannot write the sums to descriptor %d:", fd);
	buf_free(&line);
	buf_free(&hex);
}

static int
stream(const struct client_conf *c, const struct wish *w)
{
	const char *path = source(c, w), *why = "?";
	enum dbstream_end e;
	struct dbstream d;

	if (isatty(STDOUT_FILENO))
		die(EXIT_WRONG, "a database is not for a terminal");
	if (fcntl((int)w->sums, F_GETFD) < 0)
		die(EXIT_WRONG, "--sums: descriptor %d is not open",
		    (int)w->sums);
	signal(SIGPIPE, SIG_IGN);
	e = dbstream_write(path, STDOUT_FILENO, c->timeout, &d, &why);
	end_with(e, path, why);
	tell_figures((int)w->sums, &d);
	return EXIT_YES;
}

static int
check(const char *path)
{
	const char *why = "?";
	enum dbstream_end e;
	struct dbstream d;

	e = dbstream_check(path, &d, &why);
	end_with(e, path, why);
	if (d.application == NODEDB_APPLICATION && d.version > NODEDB_VERSION)
		die(EXIT_NO,
		    "%s is of version %lld, this program knows %d; use the "
		    "newer program",
		    path, (long long)d.version, NODEDB_VERSION);
	tell_figures(STDOUT_FILENO, &d);
	return EXIT_YES;
}

static int
adopt(const char *path)
{
	const char *why = "?";

	if (nodedb_adopt(path, &why) < 0)
		die(EXIT_NO, "%s cannot be adopted: %s", path, why);
	return EXIT_YES;
}

static int
copy(const struct client_conf *c, const struct wish *w, const char *to)
{
	const char *from = source(c, w), *why = "?";
	static char path[PATH];
	time_t now = time(NULL);
	char stamp[32];

	if (to == NULL) {
		strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime(&now));
		snprintf(path, sizeof path, "%.3900s/copy-%s.db",
		    conf.store.snapshots_path, stamp);
		to = path;
	}
	if (nodedb_copy(from, to, &why) < 0)
		die(EXIT_SYSTEM, "cannot copy %s to %s: %s", from, to, why);
	if (to == path)
		trim(conf.store.snapshots_path);
	return EXIT_YES;
}

int
snapshot_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	struct wish w = { .sums = STDERR_FILENO };
	const char *words[CLIENT_WORDS] = { NULL };
	const struct opt opts[] = {
		{ 'a', "adopt", OPT_FLAG, &w.adopt, NULL,
		    "FILE was restored: let a new life of it begin", 0 },
		{ 'd', "db", OPT_STR, &w.db, "PATH",
		    "of this database of SQLite, not the store's", 0 },
		{ 'k', "check", OPT_FLAG, &w.check, NULL,
		    "verify the copy FILE, print its figures", 0 },
		{ 'u', "sums", OPT_UINT, &w.sums, "N",
		    "with -: write figures there (2, standard error)", 1024 },
	};
	size_t n = client_words(v, opts, N(opts), argc, argv, words, 0, 1);

	if (w.check && w.adopt)
		die(EXIT_WRONG, "either --check or --adopt");
	if ((w.check || w.adopt) && n == 0)
		die(EXIT_WRONG, "which FILE?");
	if (w.check)
		return check(words[0]);
	if (w.adopt)
		return adopt(words[0]);
	if (n == 1 && strcmp(words[0], "-") == 0)
		return stream(c, &w);
	if (n == 0 && w.db)
		die(EXIT_WRONG, "a copy of %s into which FILE?", w.db);
	return copy(c, &w, words[0]);
}
