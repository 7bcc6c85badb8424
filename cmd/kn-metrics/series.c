/* SPDX-License-Identifier: ISC
 *
 * What is told of a program that it does not say itself, and of the node.  All
 * label sets are closed: how many series there are depends on which programs
 * run, and on nothing that peers do. */
#include "cmd/kn-metrics/parts.h"

#include <stdio.h>
#include <string.h>
#include <sys/timex.h>

enum { LABELS = 128 };

#define MILLI "_milliseconds"

bool
series_is_own(const char *program, const struct stat_value *v)
{
	static const char process[] = "kn_process_";
	char labels[LABELS];
	size_t n = strlen(program);

	if (strncmp(v->name, process, sizeof process - 1) == 0) {
		snprintf(labels, sizeof labels, "program=\"%s\"", program);
		return strcmp(v->labels, labels) == 0;
	}
	for (size_t i = 0; i < n; i++)
		if (v->name[i] != (program[i] == '-' ? '_' : program[i]))
			return false;
	return v->name[n] == '_';
}

/* In seconds, and with a name that says so. */
static void
put_seconds(struct prom *p, enum prom_kind kind, const struct stat_value *v,
    const char *unit)
{
	char name[64];

	snprintf(name, sizeof name, "%.*s_seconds%s", (int)(unit - v->name),
	    v->name, unit + strlen(MILLI));
	prom_milli(p, kind, name, v->labels, v->help,
	    v->value > INT64_MAX ? INT64_MAX : (int64_t)v->value);
}

void
series_row(struct prom *p, const struct stat_value *v)
{
	enum prom_kind kind =
	    v->kind == STAT_COUNTER ? PROM_COUNTER : PROM_GAUGE;
	const char *unit = strstr(v->name, MILLI);

	if (unit)
		put_seconds(p, kind, v, unit);
	else
		prom_uint(p, kind, v->name, v->labels, v->help, v->value);
}

static void
put_phase(struct prom *p, const struct program *of, enum stat_phase phase)
{
	char labels[LABELS];

	for (unsigned i = 0; i < STAT_PHASE_N; i++) {
		snprintf(labels, sizeof labels, "program=\"%s\",phase=\"%s\"",
		    of->name, stat_phase_word((enum stat_phase)i));
		prom_uint(p, PROM_GAUGE, "kn_phase", labels,
		    "1: where the program stands", i == phase);
	}
}

/* What the program wrote must not end our label. */
static void
put_build(struct prom *p, const struct program *of)
{
	char labels[LABELS];
	size_t n = strcspn(of->version, "\"\\");

	snprintf(labels, sizeof labels, "program=\"%s\",version=\"%.*s\"",
	    of->name, (int)n, of->version);
	prom_uint(p, PROM_GAUGE, "kn_build_info", labels,
	    "1: the version that runs", 1);
}

static void
put_program(
    struct prom *p, const struct program *of, const struct ready_program *f)
{
	char labels[LABELS];

	snprintf(labels, sizeof labels, "program=\"%s\"", of->name);
	prom_uint(p, PROM_GAUGE, "kn_up", labels,
	    "1: the program runs and its loop turns", of->runs);
	if (!f->present)
		return;
	put_phase(p, of, f->phase);
	put_build(p, of);
	prom_uint(p, PROM_GAUGE, "kn_inflight", labels,
	    "work that the program has under way", of->inflight);
	prom_milli(p, PROM_GAUGE, "kn_heartbeat_age_seconds", labels,
	    "since the program's loop turned", f->age);
	prom_uint(p, PROM_GAUGE, "kn_start_time_seconds", labels,
	    "when the program started, since 1970", of->since);
}

static void
put_ready(struct prom *p, const struct ready *ready)
{
	char labels[LABELS];

	prom_uint(p, PROM_GAUGE, "kn_ready", "",
	    "1: nothing keeps the node from serving", ready->n == 0);
	for (unsigned i = 0; i < READY_REASON_N; i++) {
		snprintf(labels, sizeof labels, "reason=\"%s\"",
		    ready_word((enum ready_reason)i));
		prom_uint(p, PROM_GAUGE, "kn_not_ready", labels,
		    "1: this keeps the node from serving",
		    ready_has(ready, (enum ready_reason)i));
	}
}

/* What the kernel thinks of its clock.  Where we may not ask there is no such
 * series: no is something else. */
static void
put_clock(struct prom *p)
{
	struct timex t = { 0 };
	int state = adjtimex(&t);

	if (state >= 0)
		prom_uint(p, PROM_GAUGE, "kn_clock_synced", "",
		    "1: the kernel knows that its clock is right",
		    state != TIME_ERROR && !(t.status & STA_UNSYNC));
}

void
series_node(struct gather *g)
{
	struct prom *p = &g->prom;

	for (size_t i = 0; i < g->n; i++)
		put_program(p, &g->programs[i], &g->facts[i]);
	put_ready(p, &g->ready);
	put_clock(p);
	prom_uint(p, PROM_GAUGE, "kn_textfiles", "",
	    "*.prom files that were found", 0);
	prom_uint(p, PROM_GAUGE, "kn_textfile_error", "",
	    "*.prom files that were passed over because of a fault", 0);
}
