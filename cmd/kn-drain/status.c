/* SPDX-License-Identifier: ISC */
#include "cmd/kn-drain/status.h"
#include "cmd/cmd.h"
#include "cmd/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	POLL = 200, /* ms between two looks */
	/* From the moment that nothing runs until every program has said so:
	 * they look once a second. */
	SAY_SO = 3000,
};

void
status_look(const struct node_conf *conf, struct picture *p)
{
	char *dir;

	if (picture_take(conf, p) == 0)
		return;
	dir = node_run_path(conf, "stat");
	die(EXIT_WRONG, "cannot read the directory %s:", dir);
}

/* A moment of CLOCK_BOOTTIME by the wall's clock. */
static void
wall(msec at, char text[32])
{
	time_t t = (msec_wall() + at - msec_now()) / 1000;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static msec
left(const struct picture *p)
{
	msec now = msec_now();

	return p->cut > now ? p->cut - now : 0;
}

static void
json_program(struct json *j, const struct picture_program *a)
{
	json_open_object(j, NULL);
	json_text(j, "name", a->name);
	json_text(j, "phase", stat_phase_word(a->phase));
	json_uint(j, "inflight", a->inflight);
	json_uint(j, "pid", a->pid);
	json_text(j, "version", a->version);
	json_int(j, "uptime_s", (msec_now() - a->started) / 1000);
	json_bool(j, "drains", a->drains);
	json_close_object(j);
}

static void
json_drain(struct json *j, const struct picture *p)
{
	char when[32];

	json_bool(j, "asked", p->asked != 0);
	if (p->asked < 0)
		json_text(j, "malformed", p->why);
	if (p->asked <= 0)
		return;
	json_text(j, "reason", p->drain.reason);
	json_text(j, "since", p->drain.since);
	json_bool(j, "hold", p->drain.hold);
	if (p->cut == MSEC_NEVER)
		return;
	wall(p->cut, when);
	json_text(j, "deadline", when);
	json_int(j, "left_ms", left(p));
}

static void
show_json(const struct picture *p)
{
	struct json j;

	json_begin(&j, &show_line);
	json_text(&j, "state", picture_word(p->state));
	json_drain(&j, p);
#define W(name, metric)                                                        \
	if (p->name != UINT64_MAX)                                             \
		json_uint(&j, #name, p->name);
	PICTURE_WORK(W)
#undef W
	json_open_array(&j, "programs");
	for (size_t i = 0; i < p->n; i++)
		json_program(&j, &p->programs[i]);
	json_close_array(&j);
	json_end(&j);
}

static void
show_drain(const struct picture *p)
{
	char when[32];

	if (p->asked < 0)
		show_put(
		    "asked     by a file that is not understood: %s\n", p->why);
	if (p->asked <= 0)
		return;
	if (p->state == PICTURE_SERVING)
		show_put(
		    "asked     before the programs started: it binds none\n");
	show_put("reason    %s\n", p->drain.reason);
	show_put("since     %s%s\n", p->drain.since,
	    p->drain.hold ? ", held until kn-drain end" : "");
	if (p->cut == MSEC_NEVER)
		return;
	wall(p->cut, when);
	show_put("deadline  %s", when);
	if (left(p) > 0)
		show_put(", in %" PRId64 " s", (left(p) + 999) / 1000);
	show_put("\n");
}

static void
show_text(const struct picture *p)
{
	show_put("state     %s\n", picture_word(p->state));
	show_drain(p);
#define W(name, metric)                                                        \
	if (p->name != UINT64_MAX)                                             \
		show_put("%-9s %" PRIu64 "\n", #name, p->name);
	PICTURE_WORK(W)
#undef W
	for (size_t i = 0; i < p->n; i++) {
		const struct picture_program *a = &p->programs[i];

		show_put("%-12s %-9s %" PRIu64 " in flight, pid %" PRIu64
			 ", version %s, up %" PRId64 " s\n",
		    a->name, stat_phase_word(a->phase), a->inflight, a->pid,
		    show_plain(slice_text(a->version)),
		    (msec_now() - a->started) / 1000);
	}
}

void
status_show(const struct picture *p, bool json)
{
	if (json)
		show_json(p);
	else
		show_text(p);
	show_print();
}

/* What still runs, as a clause. */
static const char *
rest(const struct picture *p)
{
	static char text[128];
	size_t n = 0;
	const struct {
		const char *what;
		uint64_t n;
	} work[] = {
		{ "streams", p->streams },
		{ "changes of the store", p->changes },
	};

	text[0] = 0;
	for (size_t i = 0; i < N(work); i++)
		if (work[i].n != UINT64_MAX && work[i].n > 0)
			n += (size_t)snprintf(text + n, sizeof text - n,
			    "%s%" PRIu64 " %s", n ? ", " : "", work[i].n,
			    work[i].what);
	return n ? text : "nothing that is counted";
}

static void
progress(const struct picture *p, bool end)
{
	static bool shown;

	if (!isatty(STDERR_FILENO) || (end && !shown))
		return;
	shown = true;
	if (end)
		fprintf(stderr, "\r\033[K");
	else
		fprintf(
		    stderr, "\r%s: %s\033[K", picture_word(p->state), rest(p));
}

/* NULL while it is worth to wait on, else why not.  Once the deadline is over,
 * what runs is cut: who began to wait before hears that something did. */
static const char *
in_vain(const struct picture *p, msec began, msec max)
{
	msec now = msec_now();

	if (p->asked == 0)
		return "no drain is asked for";
	if (max > 0)
		return now >= began + max ? "still busy" : NULL;
	if (p->cut == MSEC_NEVER)
		return now >= began + DRAIN_DAY ? "still busy after a day"
						: NULL;
	if (began < p->cut && (now < p->cut || !p->busy))
		return now >= p->cut && now - p->cut >= SAY_SO
			   ? "not all programs say that they are drained"
			   : NULL;
	if (began >= p->cut && now < began + SAY_SO)
		return NULL;
	return "still busy at the deadline";
}

int
status_wait(const struct node_conf *conf, struct picture *p, msec max)
{
	const struct timespec nap = { 0, POLL * 1000000L };
	msec began = msec_now();
	const char *why = NULL;

	for (;;) {
		status_look(conf, p);
		if (p->state == PICTURE_DRAINED || p->state == PICTURE_STOPPED)
			break;
		why = in_vain(p, began, max);
		if (why)
			break;
		progress(p, false);
		nanosleep(&nap, NULL);
	}
	progress(p, true);
	if (why == NULL)
		return EXIT_YES;
	die(EXIT_NO, "%s: %s", why, rest(p));
}
