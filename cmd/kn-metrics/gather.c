/* SPDX-License-Identifier: ISC */
#include "cmd/kn-metrics/gather.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/cmd.h"
#include "cmd/kn-metrics/parts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No clock is right that says it is before this was written: raised with each
 * release, and not taken from the compiler, so that builds are the same. */
#define EARLIEST 1793491200 /* 2026-11-01 */

enum {
	PATH = 1024,
	QUIET = 60000, /* between two log lines of a kind */
	LISTED = 1024, /* files of stat/ that are looked at: every program of
			  the node may make some */
};

/* Those that are told of also when they never ran. */
static const char *const known[] = { "kn-signd", "kn-p2pd", "kn-dht",
	"kn-store", "kn-metrics" };

void
gather_init(struct gather *g, const struct node_conf *conf)
{
	*g = (struct gather){ .conf = conf,
		.limits = {
		    .stale_after = (msec)conf->metrics.stale_after,
		    .start_time = (msec)conf->metrics.start_time,
		    .min_peers = conf->metrics.min_peers,
		    .disk_reserve = conf->store.disk_reserve,
		    .earliest = EARLIEST,
		} };
	g->stat_path = node_run_path(conf, "stat");
	prom_init(&g->prom);
}

void
gather_free(struct gather *g)
{
	free(g->stat_path);
	prom_free(&g->prom);
	*g = (struct gather){ 0 };
}

bool
gather_may_warn(struct gather *g, unsigned kind)
{
	msec now = msec_now();

	if (g->warned[kind] != 0 && now - g->warned[kind] < QUIET)
		return false;
	g->warned[kind] = now;
	return true;
}

/* Its place; NULL: there are too many. */
static struct program *
find(struct gather *g, const char *name)
{
	struct program *p = g->programs;

	for (; p < g->programs + g->n; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	if (g->n == READY_PROGRAMS)
		return NULL;
	g->n++;
	*p = (struct program){ 0 };
	snprintf(p->name, sizeof p->name, "%s", name);
	return p;
}

/* When it started is known, of one that runs still: worked out anew it would be
 * a moment off. */
static void
remember(struct gather *g, const struct program *old, size_t n)
{
	for (size_t i = 0; i < g->n; i++)
		for (size_t j = 0; j < n; j++)
			if (strcmp(g->programs[i].name, old[j].name) == 0)
				g->programs[i] = old[j];
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct program *)a)->name,
	    ((const struct program *)b)->name);
}

/* Those that are neither known nor wanted, but have a file. */
static void
list_others(struct gather *g)
{
	DIR *d = opendir(g->stat_path);
	const struct dirent *e;
	size_t first = g->n;

	if (d == NULL)
		return;
	for (unsigned i = 0; i < LISTED && (e = readdir(d)) != NULL; i++) {
		if (stat_is_program(e->d_name))
			find(g, e->d_name);
		else if (e->d_name[0] != '.')
			g->garbage++;
	}
	closedir(d);
	qsort(g->programs + first, g->n - first, sizeof *g->programs, by_name);
}

/* All programs in an order that stays: the known ones, those wanted, others. */
static void
list_programs(struct gather *g)
{
	const struct conf_list *want = &g->conf->metrics.programs;
	struct program old[READY_PROGRAMS];
	size_t nold = 0;

	for (size_t i = 0; i < g->n; i++)
		if (g->facts[i].present)
			old[nold++] = g->programs[i];
	g->n = 0;
	for (size_t i = 0; i < N(known); i++)
		find(g, known[i]);
	for (size_t i = 0; i < want->n; i++)
		find(g, want->at[i]);
	list_others(g);
	remember(g, old, nold);
	for (size_t i = 0; i < g->n; i++) {
		g->facts[i] =
		    (struct ready_program){ .name = g->programs[i].name };
		for (size_t j = 0; j < want->n; j++)
			if (strcmp(want->at[j], g->programs[i].name) == 0)
				g->facts[i].expected = true;
	}
}

static void
take_head(struct program *p, struct ready_program *f, const struct stat_view *v)
{
	msec now = msec_now();

	f->present = true;
	f->phase = v->phase;
	/* it may have turned since we asked what time it is */
	f->age = v->beat > now && v->beat - now < 1000 ? 0 : now - v->beat;
	f->up = now - v->started;
	if (p->pid != v->pid || p->started != v->started)
		p->since = (uint64_t)(msec_wall() - f->up) / 1000;
	p->pid = v->pid;
	p->started = v->started;
	p->inflight = v->inflight;
	memcpy(p->version, v->version, sizeof p->version);
	memcpy(p->sandbox, v->sandbox, sizeof p->sandbox);
}

static void
take_facts(struct ready_program *f, const struct stat_view *v)
{
	struct stat_value value;

	for (size_t i = 0; i < v->n; i++) {
		enum ready_gauge gauge;

		if (stat_read(v, i, &value) < 0 ||
		    !series_is_own(f->name, &value))
			continue;
		gauge = ready_gauge_of(value.name);
		if (gauge == READY_GAUGE_N)
			continue;
		f->told[gauge] = true;
		f->gauge[gauge] = value.value;
	}
}

static void
blame(struct gather *g, const char *name, const char *why)
{
	g->garbage++;
	if (gather_may_warn(g, GATHER_STAT))
		log_warn("stat.garbage", "file=%s why=%s",
		    log_q(slice_text(name)), log_q(slice_text(why)));
}

/* The numbers of a program that is gone would look like those of one that is
 * idle: they are not told. */
static bool
runs(const struct ready_program *f, const struct ready_limits *l)
{
	if (ready_state(f, l) == READY_TURNS)
		return true;
	return f->present && f->phase == STAT_STOPPING && f->age >= 0 &&
	       f->age <= l->stale_after;
}

static void
look_at(struct gather *g, size_t i)
{
	struct program *p = &g->programs[i];
	struct ready_program *f = &g->facts[i];
	struct stat_view v;
	char path[PATH];

	snprintf(path, sizeof path, "%s/%s", g->stat_path, p->name);
	if (stat_view(path, &v) < 0) {
		if (errno != ENOENT)
			blame(g, p->name,
			    errno == EBADMSG ? "no file of counters"
					     : strerror(errno));
		p->pid = 0;
		p->runs = false;
		return;
	}
	if (strcmp(v.prog, p->name) == 0) {
		take_head(p, f, &v);
		take_facts(f, &v);
	} else {
		blame(g, p->name, "it is of another program");
	}
	p->runs = runs(f, &g->limits);
	stat_unview(&v);
}

/* Of one that runs. */
static void
tell_rows(struct gather *g, const struct program *p)
{
	struct stat_value value;
	struct stat_view v;
	char path[PATH];

	snprintf(path, sizeof path, "%s/%s", g->stat_path, p->name);
	if (stat_view(path, &v) < 0)
		return;
	for (size_t i = 0; i < v.n; i++) {
		if (stat_read(&v, i, &value) < 0)
			continue;
		if (series_is_own(p->name, &value))
			series_row(&g->prom, &value);
		else
			g->prom.dropped++;
	}
	stat_unview(&v);
}

/* Of two rows that cannot stand together the earlier stays: what we say
 * ourselves comes before what the programs say. */
static void
tell(struct gather *g)
{
	series_node(g);
	for (size_t i = 0; i < g->n; i++)
		if (g->programs[i].runs)
			tell_rows(g, &g->programs[i]);
	textfiles_add(g);
	textfiles_judge(g);
}

void
gather(struct gather *g, bool rows)
{
	g->garbage = g->textfiles = 0;
	list_programs(g);
	prom_reset(&g->prom);
	for (size_t i = 0; i < g->n; i++)
		look_at(g, i);
	ready_judge(g->facts, g->n, &g->limits, (uint64_t)msec_wall() / 1000,
	    &g->ready);
	if (rows)
		tell(g);
}
