/* SPDX-License-Identifier: ISC */
#include "web/ready.h"
#include "web/when.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SECOND = 1000, MB = 1000000 };

struct judging {
	const struct ready_limits *limits;
	uint64_t wall;
	struct ready *out;
	const struct ready_program *p; /* NULL: the node */
};

const char *
ready_word(enum ready_reason reason)
{
	static const char *const words[] = { READY_REASONS(TABLE_WORD) };

	return reason < READY_REASON_N ? words[reason] : "?";
}

enum ready_gauge
ready_gauge_of(const char *name)
{
	static const char *const names[] = { READY_GAUGES(TABLE_WORD) };

	return (enum ready_gauge)table_find(
	    names, READY_GAUGE_N, slice_text(name));
}

static bool
is_early(enum stat_phase phase)
{
	return phase == STAT_STARTING || phase == STAT_MIGRATING;
}

enum ready_state
ready_state(const struct ready_program *p, const struct ready_limits *l)
{
	bool fresh = p->age >= 0 && p->age <= l->stale_after;

	if (!p->present)
		return READY_GONE;
	/* whose file is older than the machine's start cannot run */
	if (p->age < 0 || p->up < 0)
		return READY_GONE;
	if (is_early(p->phase))
		return p->up <= l->start_time ? READY_TURNS : READY_HANGS;
	if (p->phase == STAT_STOPPING)
		return READY_GONE;
	return fresh ? READY_TURNS : READY_HANGS;
}

bool
ready_healthy(
    const struct ready_program *p, size_t n, const struct ready_limits *l)
{
	for (size_t i = 0; i < n; i++)
		if (p[i].expected && ready_state(&p[i], l) == READY_HANGS)
			return false;
	return true;
}

static void __attribute__((format(printf, 3, 4)))
find(struct judging *j, enum ready_reason reason, const char *fmt, ...)
{
	struct ready_found *f;
	va_list ap;

	if (j->out->n == READY_FOUND)
		return;
	f = &j->out->found[j->out->n++];
	f->reason = reason;
	f->program = j->p ? j->p->name : "";
	va_start(ap, fmt);
	vsnprintf(f->says, sizeof f->says, fmt, ap);
	va_end(ap);
}

/* A number that the program has: true, and it stands in *v. */
static bool
tells(const struct judging *j, enum ready_gauge gauge, uint64_t *v)
{
	*v = j->p->gauge[gauge];
	return j->p->told[gauge];
}

static void
judge_gone(struct judging *j)
{
	const struct ready_program *p = j->p;

	if (!p->present)
		find(j, READY_MISSING,
		    "%s has not run: start it, or take it out of "
		    "metrics.programs in node.ini",
		    p->name);
	else if (p->age < 0 || p->up < 0)
		find(j, READY_MISSING,
		    "%s has not run since the machine started: start it",
		    p->name);
	else
		find(j, READY_MISSING, "%s %s: start it again", p->name,
		    p->age <= j->limits->stale_after ? "is stopping"
						     : "was stopped");
}

static void
judge_hanging(struct judging *j)
{
	const struct ready_program *p = j->p;

	if (is_early(p->phase))
		find(j, READY_STALE,
		    "%s is %s for %" PRId64 " s, longer than "
		    "metrics.start_time: its log says what it waits for",
		    p->name, stat_phase_word(p->phase), p->up / SECOND);
	else
		find(j, READY_STALE,
		    "%s has not turned for %" PRId64 " s: it hangs or was "
		    "killed; look at its log, then restart it",
		    p->name, p->age / SECOND);
}

static void
judge_early(struct judging *j)
{
	const struct ready_program *p = j->p;

	find(j, p->phase == STAT_MIGRATING ? READY_MIGRATING : READY_STARTING,
	    p->phase == STAT_MIGRATING
		? "%s has been migrating its database for %" PRId64
		  " s: wait, and do not stop it"
		: "%s has been starting for %" PRId64 " s: wait",
	    p->name, p->up / SECOND);
}

static void
judge_cert(struct judging *j)
{
	char date[WHEN_TEXT];
	uint64_t valid, end;

	if (!tells(j, READY_OF_CERTIFICATE, &valid) || valid)
		return;
	if (tells(j, READY_OF_EXPIRES, &end) && end > 0 && end <= j->wall) {
		when_iso((int64_t)end * SECOND, date);
		find(j, READY_CERTIFICATE,
		    "the node certificate ended at %s: ask for a new one "
		    "(kn-cert request) and put it in identity.cert_path",
		    date);
	} else {
		find(j, READY_CERTIFICATE,
		    "there is no valid node certificate: the log of kn-p2pd "
		    "says why; ask for one with kn-cert request");
	}
}

static void
judge_disk(struct judging *j)
{
	uint64_t free_bytes = 0, writable, bad;
	bool full = tells(j, READY_OF_DISK_FREE, &free_bytes) &&
		    free_bytes < j->limits->disk_reserve;

	if (full)
		find(j, READY_DISK,
		    "%" PRIu64 " MB are free, fewer than "
		    "store.disk_reserve (%" PRIu64 " MB): make room",
		    free_bytes / MB, j->limits->disk_reserve / MB);
	else if (tells(j, READY_OF_WRITABLE, &writable) && !writable)
		find(j, READY_DATABASE,
		    "kn-store takes no writes: its log says why, as a "
		    "file system that is read-only");
	if (tells(j, READY_OF_DHT_BAD, &bad) && bad)
		find(j, READY_DATABASE,
		    "kn-dht cannot write its database: its log says why");
}

static void
judge_peers(struct judging *j)
{
	uint64_t peers;

	if (tells(j, READY_OF_PEERS, &peers) && peers < j->limits->min_peers)
		find(j, READY_PEERS,
		    "%" PRIu64 " peers are connected, fewer than "
		    "metrics.min_peers (%" PRIu64 "): look at dht.bootstrap "
		    "and at the firewall (port 4001); the first node of a "
		    "network wants 0",
		    peers, j->limits->min_peers);
}

static void
judge_twin(struct judging *j)
{
	uint64_t seen, ago;

	if (!tells(j, READY_OF_TWIN, &seen) || seen == 0)
		return;
	ago = j->wall > seen ? j->wall - seen : 0;
	if (ago <= READY_TWIN_TIME)
		find(j, READY_TWIN,
		    "another node with this node's key was seen %" PRIu64
		    " s ago: stop one of the two",
		    ago);
}

static void
judge_serving(struct judging *j)
{
	if (j->p->phase == STAT_DRAINING || j->p->phase == STAT_DRAINED)
		find(j, READY_DRAINING,
		    "%s is %s: kn-drain status says why, kn-drain end ends it",
		    j->p->name, stat_phase_word(j->p->phase));
	else
		judge_peers(j); /* one that drains sends them away */
	judge_cert(j);
	judge_disk(j);
	judge_twin(j);
}

static void
judge_program(struct judging *j)
{
	switch (ready_state(j->p, j->limits)) {
	case READY_GONE:
		judge_gone(j);
		break;
	case READY_HANGS:
		judge_hanging(j);
		break;
	case READY_TURNS:
		if (is_early(j->p->phase))
			judge_early(j);
		else
			judge_serving(j);
	}
}

void
ready_judge(const struct ready_program *p, size_t n,
    const struct ready_limits *l, uint64_t wall, struct ready *out)
{
	struct judging j = { .limits = l, .wall = wall, .out = out };
	char date[WHEN_TEXT];

	out->n = 0;
	if (wall < l->earliest) {
		when_iso((int64_t)wall * SECOND, date);
		find(&j, READY_CLOCK,
		    "the clock says %s, before this program was made: set it "
		    "(timedatectl, chronyc makestep or ntpd -gq)",
		    date);
	}
	for (size_t i = 0; i < n; i++) {
		j.p = &p[i];
		if (p[i].expected)
			judge_program(&j);
	}
}

bool
ready_has(const struct ready *r, enum ready_reason reason)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->found[i].reason == reason)
			return true;
	return false;
}
