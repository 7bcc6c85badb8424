/* SPDX-License-Identifier: ISC */
#include "cmd/life.h"
#include "cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>

void
life_begin(struct life *l, const char *prog, const struct node_conf *conf,
    const struct stat_row *rows, size_t n)
{
	char name[64], *path;

	snprintf(name, sizeof name, "stat/%s", prog);
	path = node_run_path(conf, name);
	*l = (struct life){ .at_process = n - PROCSTAT_N };
	l->stats = stat_open(path, prog, rows, n);
	if (l->stats == NULL)
		die(EXIT_SYSTEM, "cannot make the counters' file %s:", path);
	free(path);
	l->process = procstat_open();
}

void
life_end(struct life *l)
{
	procstat_free(l->process);
	stat_close(l->stats);
}

void
life_beat(struct life *l, msec now, uint64_t inflight)
{
	l->inflight = inflight;
	procstat_publish(l->process, l->stats, l->at_process, now);
	stat_beat(l->stats, now, inflight);
}
