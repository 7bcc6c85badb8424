/* SPDX-License-Identifier: ISC */
#include "base/json.h"
#include "cmd/kn-metrics/parts.h"

#include <string.h>

void
pages_metrics(struct gather *g, enum prom_format format, struct buf *out)
{
	gather(g, true);
	prom_write(&g->prom, format, out);
}

static void
put_program(
    struct json *j, const struct program *p, const struct ready_program *f)
{
	json_text(j, "program", p->name);
	if (!f->present) {
		json_none(j, "phase");
		return;
	}
	json_text(j, "phase", stat_phase_word(f->phase));
	json_milli(j, "age_seconds", f->age);
}

bool
pages_health(struct gather *g, struct buf *out)
{
	struct json j;
	bool healthy;

	gather(g, false);
	healthy = ready_healthy(g->facts, g->n, &g->limits);
	json_begin(&j, out);
	json_bool(&j, "healthy", healthy);
	json_open_array(&j, "programs");
	for (size_t i = 0; i < g->n; i++) {
		const struct ready_program *f = &g->facts[i];

		if (!f->present && !f->expected)
			continue;
		json_open_object(&j, NULL);
		put_program(&j, &g->programs[i], f);
		json_bool(
		    &j, "turns", ready_state(f, &g->limits) == READY_TURNS);
		json_close_object(&j);
	}
	json_close_array(&j);
	json_end(&j);
	return healthy;
}

static void
put_reasons(struct json *j, const struct ready *r)
{
	json_open_array(j, "reasons");
	for (size_t i = 0; i < r->n; i++) {
		json_open_object(j, NULL);
		json_text(j, "reason", ready_word(r->found[i].reason));
		if (*r->found[i].program)
			json_text(j, "program", r->found[i].program);
		json_text(j, "says", r->found[i].says);
		json_close_object(j);
	}
	json_close_array(j);
}

/* A line of a foreign file that need not have an end is cut where it ends. */
static struct slice
until_zero(const char *text, size_t room)
{
	return slice_of(text, strnlen(text, room));
}

static void
put_verbose(struct json *j, const struct gather *g)
{
	json_open_array(j, "programs");
	for (size_t i = 0; i < g->n; i++) {
		const struct program *p = &g->programs[i];
		const struct ready_program *f = &g->facts[i];

		if (!f->present && !f->expected)
			continue;
		json_open_object(j, NULL);
		put_program(j, p, f);
		if (f->present) {
			json_str(j, "version",
			    until_zero(p->version, sizeof p->version));
			json_uint(j, "pid", p->pid);
			json_milli(j, "uptime_seconds", f->up);
			json_uint(j, "inflight", p->inflight);
			json_str(j, "sandbox",
			    until_zero(p->sandbox, sizeof p->sandbox));
		}
		json_close_object(j);
	}
	json_close_array(j);
}

bool
pages_ready(struct gather *g, bool verbose, struct buf *out)
{
	struct json j;

	gather(g, false);
	json_begin(&j, out);
	json_bool(&j, "ready", g->ready.n == 0);
	put_reasons(&j, &g->ready);
	if (verbose)
		put_verbose(&j, g);
	json_end(&j);
	return g->ready.n == 0;
}
