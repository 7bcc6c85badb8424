/* SPDX-License-Identifier: ISC */
#include "cmd/kn-drain/picture.h"
#include "base/fd.h"
#include "cmd/cmd.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const draining_programs[] = { "kn-p2pd", "kn-dht",
	"kn-store", "kn-relayd" };

const char *
picture_word(enum picture_state state)
{
	static const char *const words[] = { PICTURE_STATES(TABLE_WORD) };

	return words[state];
}

/* Is it still the process that wrote the file?  Its name tells, unless /proc
 * does not show those of others. */
static bool
lives(const struct stat_view *v)
{
	char path[64], name[sizeof v->prog];
	struct buf comm = { .max = 64 };
	bool same = true;

	if (v->pid == 0 || v->pid > INT_MAX ||
	    (kill((pid_t)v->pid, 0) < 0 && errno == ESRCH))
		return false;
	snprintf(path, sizeof path, "/proc/%d/comm", (int)v->pid);
	if (fd_read_file(path, &comm) == 0 && comm.n > 0) {
		/* the kernel keeps 15 bytes of it, and we a newline */
		snprintf(name, sizeof name, "%.15s", v->prog);
		comm.n--;
		same = slice_is(buf_slice(&comm), name);
	}
	buf_free(&comm);
	return same;
}

static bool
drains(const char *name)
{
	size_t n = N(draining_programs);

	return table_find(draining_programs, n, slice_text(name)) < n;
}

static void
count_work(struct picture *p, const struct stat_view *v)
{
	struct {
		const char *metric;
		uint64_t *to;
	} work[] = {
#define W(name, metric) { metric, &p->name },
		PICTURE_WORK(W)
#undef W
	};
	struct stat_value value;

	for (size_t i = 0; i < v->n; i++)
		for (size_t k = 0; k < N(work); k++)
			if (stat_read(v, i, &value) == 0 &&
			    strcmp(value.name, work[k].metric) == 0)
				*work[k].to = value.value;
}

/* name: of the file.  No program speaks under another's, for any of them may
 * write beside it. */
static void
add(struct picture *p, const char *path, const char *name)
{
	struct picture_program *a = &p->programs[p->n];
	struct stat_view v;

	/* one that is not whole is of another version, or not ours */
	if (p->n == PICTURE_PROGRAMS || stat_view(path, &v) < 0)
		return;
	if (strcmp(v.prog, name) == 0 && lives(&v)) {
		*a = (struct picture_program){ .phase = v.phase,
			.pid = v.pid,
			.inflight = v.inflight,
			.started = v.started,
			.drains = drains(v.prog) };
		snprintf(a->name, sizeof a->name, "%s", v.prog);
		snprintf(a->version, sizeof a->version, "%s", v.version);
		p->busy |= a->drains && a->inflight > 0;
		p->n++;
		count_work(p, &v);
	}
	stat_unview(&v);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct picture_program *)a)->name,
	    ((const struct picture_program *)b)->name);
}

static int
look_at_programs(const struct node_conf *conf, struct picture *p)
{
	char *dir = node_run_path(conf, "stat"), path[PATH_MAX];
	DIR *d = opendir(dir);
	struct dirent *e;

	if (d == NULL) {
		free(dir);
		return errno == ENOENT ? 0 : -1;
	}
	while ((e = readdir(d)) != NULL)
		if (stat_is_program(e->d_name) &&
		    (size_t)snprintf(path, sizeof path, "%s/%s", dir,
			e->d_name) < sizeof path)
			add(p, path, e->d_name);
	closedir(d);
	free(dir);
	qsort(p->programs, p->n, sizeof *p->programs, by_name);
	return 0;
}

/* Will this program do what the file says as soon as it looks? */
static bool
is_bound(
    const struct picture *p, const struct picture_program *a, const char *boot)
{
	if (p->asked <= 0)
		return p->asked < 0;
	return p->drain.hold ||
	       (strcmp(p->drain.boot, boot) == 0 && p->drain.at >= a->started);
}

static void
judge(struct picture *p, const char *boot)
{
	size_t able = 0, done = 0, under_way = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct picture_program *a = &p->programs[i];

		if (!a->drains)
			continue;
		able++;
		if (a->phase == STAT_DRAINED)
			done++;
		else if (a->phase == STAT_DRAINING || is_bound(p, a, boot))
			under_way++;
	}
	p->state = able == 0              ? PICTURE_STOPPED
		   : done == able         ? PICTURE_DRAINED
		   : done + under_way > 0 ? PICTURE_DRAINING
					  : PICTURE_SERVING;
}

int
picture_take(const struct node_conf *conf, struct picture *p)
{
	char boot[DRAIN_BOOT + 1];

	*p = (struct picture){ .cut = MSEC_NEVER };
#define W(name, metric) p->name = UINT64_MAX;
	PICTURE_WORK(W)
#undef W
	drain_boot(boot);
	p->asked = drain_read(conf->node.drain_path, &p->drain, &p->why);
	if (p->asked == 1 && p->drain.deadline != MSEC_NEVER &&
	    strcmp(p->drain.boot, boot) == 0)
		p->cut = p->drain.at + p->drain.deadline;
	if (look_at_programs(conf, p) < 0)
		return -1;
	judge(p, boot);
	return 0;
}
