/* SPDX-License-Identifier: ISC
 *
 * The verbs that open the store's files themselves: the daemon is stopped. */
#include "cmd/kn-store/client.h"
#include "cmd/kn-store/files.h"
#include "store/fsck.h"
#include "store/migrate.h"
#include "store/nodedb_copy.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH = 4096 };

static struct node_conf conf;

static void
load(const struct client_conf *c)
{
	node_load(c->file ? c->file : NODE_FILE, &conf);
}

static void
told(void *arg, const char *sentence)
{
	const struct client_conf *c = arg;
	struct json j;

	if (c->json) {
		json_begin(&j, &show_line);
		json_text(&j, "fault", sentence);
		json_end(&j);
	} else {
		put_text(&show_line, sentence);
		put_u8(&show_line, '\n');
	}
	show_print();
}

static void
step(void *arg, uint64_t done, uint64_t all)
{
	(void)arg;
	client_progress("checked", done, all);
}

static void
show_number(struct json *j, const struct client_conf *c, const char *name,
    uint64_t value)
{
	char row[96];

	if (c->json) {
		json_uint(j, name, value);
		return;
	}
	snprintf(row, sizeof row, "%-14s %" PRIu64 "\n", name, value);
	put_text(&show_line, row);
}

static void
show_sums(const struct client_conf *c, const struct fsck_sums *s)
{
	struct json j;

	if (c->json)
		json_begin(&j, &show_line);
	show_number(&j, c, "objects", s->objects);
	show_number(&j, c, "parts", s->parts);
	show_number(&j, c, "blobs", s->blobs);
	show_number(&j, c, "named_bytes", s->named_bytes);
	show_number(&j, c, "unnamed_files", s->unnamed_files);
	show_number(&j, c, "unnamed_bytes", s->unnamed_bytes);
	show_number(&j, c, "missing", s->missing);
	show_number(&j, c, "damaged", s->damaged);
	show_number(&j, c, "quarantined", s->quarantined);
	show_number(&j, c, "strange_files", s->strange_files);
	show_number(&j, c, "faults", s->faults);
	show_number(&j, c, "mended", s->mended);
	if (c->json)
		json_end(&j);
	show_print();
}

int
fsck_run_verb(
    struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS];
	struct fsck_conf fc = { .told = told, .step = step, .arg = c };
	const struct opt opts[] = {
		{ 'm', "mend", OPT_FLAG, &fc.mend, NULL,
		    "set counters right, remove files that nobody names", 0 },
		{ 'r', "read", OPT_FLAG, &fc.read, NULL,
		    "verify every byte, not only what is there", 0 },
	};
	struct fsck_sums sums = { 0 };
	struct nodedb *db;
	struct blobs *blobs;
	int end;

	client_words(v, opts, N(opts), argc, argv, words, 0, 0);
	load(c);
	files_lock(&conf);
	db = files_index(&conf, told, NULL, c);
	blobs = files_blobs(&conf);
	end = fsck_run(db, blobs, &fc, &sums);
	client_progress_end();
	if (end < 0)
		die(EXIT_SYSTEM, "cannot check %s:", conf.store.blobs_path);
	show_sums(c, &sums);
	nodedb_close(db);
	blobs_close(blobs);
	return end == 0 ? EXIT_YES : EXIT_NO;
}

/* The newest file in the directory of snapshots, or NULL: by when it was
 * written, because some are named for a migration and others for the clock. */
static const char *
newest(const char *dir)
{
	static char best[PATH];
	DIR *d = opendir(dir);
	struct timespec at = { 0 };
	struct dirent *e;
	struct stat st;

	best[0] = 0;
	while (d && (e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name);

		if (n < 4 || strcmp(e->d_name + n - 3, ".db") != 0 ||
		    fstatat(dirfd(d), e->d_name, &st, 0) < 0 ||
		    st.st_mtim.tv_sec < at.tv_sec ||
		    (st.st_mtim.tv_sec == at.tv_sec &&
			st.st_mtim.tv_nsec < at.tv_nsec))
			continue;
		at = st.st_mtim;
		snprintf(best, sizeof best, "%s/%s", dir, e->d_name);
	}
	if (d)
		closedir(d);
	return best[0] ? best : NULL;
}

static void
move_aside(const char *path, char old[PATH])
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	char from[PATH], to[PATH];

	old[0] = 0;
	if (access(path, F_OK) < 0)
		return;
	snprintf(old, PATH, "%.3900s.old-%lld", path, (long long)time(NULL));
	for (size_t i = 0; i < N(tails); i++) {
		snprintf(from, sizeof from, "%.4000s%s", path, tails[i]);
		snprintf(to, sizeof to, "%.4000s%s", old, tails[i]);
		if (rename(from, to) < 0 && errno != ENOENT)
			die(EXIT_SYSTEM, "cannot move %s aside:", from);
	}
}

int
rebuild_run_verb(
    struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS], *snapshot = NULL;
	const struct opt opts[] = {
		{ 'f', "from", OPT_STR, &snapshot, "FILE",
		    "begin with this snapshot, not the newest", 0 },
	};
	struct fsck_conf fc = { .told = told, .step = step, .arg = c };
	struct rebuild_sums s = { 0 };
	struct blobs *blobs;
	static char old[PATH];
	struct json j;
	int end;

	client_words(v, opts, N(opts), argc, argv, words, 0, 0);
	load(c);
	files_lock(&conf);
	blobs = files_blobs(&conf);
	if (snapshot == NULL)
		snapshot = newest(conf.store.snapshots_path);
	move_aside(conf.store.db_path, old);
	end = rebuild_run(
	    conf.store.db_path, snapshot, old[0] ? old : NULL, blobs, &fc, &s);
	client_progress_end();
	if (end < 0)
		die(EXIT_SYSTEM, "cannot rebuild %s; the old index is %s:",
		    conf.store.db_path, old);
	if (c->json)
		json_begin(&j, &show_line);
	show_number(&j, c, "buckets", s.buckets);
	show_number(&j, c, "objects", s.objects);
	show_number(&j, c, "from_trailers", s.from_trailers);
	show_number(&j, c, "uploads", s.uploads);
	show_number(&j, c, "nameless", s.nameless);
	show_number(&j, c, "lost_inline", s.lost_inline);
	if (c->json)
		json_end(&j);
	show_print();
	blobs_close(blobs);
	return end == 0 ? EXIT_YES : EXIT_NO;
}

static void
tell_rehearsal(const struct client_conf *c)
{
	const char *why = "?";
	struct json j;
	char row[128];
	int64_t ms;

	if (nodedb_rehearse(
		conf.store.db_path, conf.store.snapshots_path, &ms, &why) < 0)
		die(EXIT_NO, "the rehearsal failed: %s; %s was not touched",
		    why, conf.store.db_path);
	if (c->json) {
		json_begin(&j, &show_line);
		json_int(&j, "ms", ms);
		json_end(&j);
	} else {
		snprintf(row, sizeof row,
		    "copied and migrated in %" PRId64 " ms\n", ms);
		put_text(&show_line, row);
	}
	show_print();
}

static void
tell_step(const struct client_conf *c, const struct migration *m)
{
	char row[256];
	struct json j;

	if (c->json) {
		json_begin(&j, &show_line);
		json_int(&j, "to", m->to);
		json_text(&j, "what", m->what);
		json_end(&j);
	} else {
		snprintf(
		    row, sizeof row, "to version %d: %s\n", m->to, m->what);
		put_text(&show_line, row);
	}
	show_print();
}

int
migrate_run_verb(
    struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS];
	bool plan = false, check = false, rehearse = false;
	const struct opt opts[] = {
		{ 'p', "plan", OPT_FLAG, &plan, NULL,
		    "print the steps that a start would take", 0 },
		{ 'k', "check", OPT_FLAG, &check, NULL,
		    "exit 0 when there are none, 1 when there are", 0 },
		{ 'e', "rehearse", OPT_FLAG, &rehearse, NULL,
		    "take them on a copy, tell how long, throw it away", 0 },
	};
	int from, steps = 0;

	client_words(v, opts, N(opts), argc, argv, words, 0, 0);
	if (plan + check + rehearse != 1)
		die(EXIT_WRONG, "one of --plan, --check and --rehearse");
	load(c);
	from = nodedb_file_version(conf.store.db_path);
	if (from < 0)
		die(EXIT_NO, "%s cannot be read as an index",
		    conf.store.db_path);
	if (from > NODEDB_VERSION)
		die(EXIT_WRONG,
		    "%s is of version %d, this program knows %d; use the "
		    "newer program",
		    conf.store.db_path, from, NODEDB_VERSION);
	for (size_t i = 0; i < nodedb_nmigrations; i++) {
		if (nodedb_migrations[i].to <= from)
			continue;
		steps++;
		if (plan)
			tell_step(c, &nodedb_migrations[i]);
	}
	if (rehearse)
		tell_rehearsal(c);
	return check && steps > 0 ? EXIT_NO : EXIT_YES;
}
