/* SPDX-License-Identifier: ISC
 *
 * kn-metrics(8): the numbers of the node's programs for Prometheus, and whether
 * the node is alive and ready. */
#include "cmd/cmd.h"
#include "cmd/kn-metrics/parts.h"
#include "cmd/tcp.h"

#include <string.h>

enum { EVERY_MOST = 24 * 3600 * 1000 };

struct options {
	const char *file, *textfile;
	bool check, once, probe, json;
	uint64_t ready, every;
};

/* What of [metrics] takes more than its kind and range to be right. */
static void
check_conf(const struct node_conf *c)
{
	struct roster allow = { 0 };
	struct buf why = { .max = 1024 };

	tcp_check(&c->metrics.listen, "metrics.listen");
	if (!daemon_allowed(c, &allow, &why))
		die(EXIT_WRONG, "%.*s", (int)why.n, (char *)why.p);
	for (size_t i = 0; i < c->metrics.programs.n; i++)
		if (!stat_is_program(c->metrics.programs.at[i]))
			die(EXIT_WRONG,
			    "metrics.programs: \"%s\" is no name of a "
			    "program, as kn-p2pd",
			    c->metrics.programs.at[i]);
	if (c->metrics.programs.n > READY_PROGRAMS / 2)
		die(EXIT_WRONG, "metrics.programs: at most %d",
		    READY_PROGRAMS / 2);
	roster_free(&allow);
}

/* The page that is asked for: healthz unless a word says so. */
static const char *
page(int argc, char **argv)
{
	if (argc == 0)
		return "healthz";
	if (argc > 1 ||
	    (strcmp(argv[0], "healthz") != 0 && strcmp(argv[0], "readyz") != 0))
		die(EXIT_WRONG, "--probe takes healthz or readyz");
	return argv[0];
}

static int
run(const struct options *o, int argc, char **argv)
{
	struct node_conf conf = { 0 };
	int code;

	if (o->once + o->probe + (o->textfile != NULL) > 1)
		die(EXIT_WRONG,
		    "only one of --once, --probe and --textfile is possible");
	if (argc > 0 && !o->probe)
		die(EXIT_WRONG, "no arguments are wanted: \"%s\"", argv[0]);
	if (o->every > 0 && o->textfile == NULL)
		die(EXIT_WRONG, "--every goes with --textfile");
	node_load(o->file, &conf);
	check_conf(&conf);
	if (o->check)
		node_show(&conf);
	if (o->probe)
		code = once_probe(&conf, page(argc, argv), o->json);
	else if (o->once)
		code = once_print(&conf);
	else if (o->textfile)
		code =
		    once_textfile(&conf, o->file, o->textfile, (msec)o->every);
	else
		code = daemon_run(
		    o->file, o->ready == UINT64_MAX ? -1 : (int)o->ready);
	node_free(&conf);
	return code;
}

int
main(int argc, char **argv)
{
	struct options o = { .file = NODE_FILE, .ready = UINT64_MAX };
	const struct opt opts[] = {
		{ 'c', "config", OPT_STR, &o.file, "FILE",
		    "read this configuration", 0 },
		{ 'n', "check", OPT_FLAG, &o.check, NULL,
		    "check the configuration, print it and exit", 0 },
		{ 'r', "ready-fd", OPT_UINT, &o.ready, "N",
		    "write a newline there when ready (s6)", 1024 },
		{ 'o', "once", OPT_FLAG, &o.once, NULL,
		    "print the metrics and exit", 0 },
		{ 't', "textfile", OPT_STR, &o.textfile, "FILE",
		    "write the metrics there, as a whole, and exit", 0 },
		{ 'e', "every", OPT_TIME, &o.every, "TIME",
		    "with --textfile: stay, and write it so often",
		    EVERY_MOST },
		{ 'p', "probe", OPT_FLAG, &o.probe, NULL,
		    "exit 0 when the node is healthy (or ready), else 1", 0 },
		{ 'j', "json", OPT_FLAG, &o.json, NULL,
		    "with --probe: print what the page says", 0 },
	};
	const struct opt_page help = { "kn-metrics", "[healthz | readyz]",
		"serve the node's numbers to Prometheus; say whether it is "
		"alive and ready",
		"  kn-metrics --probe readyz || echo not ready\n"
		"  kn-metrics --once | promtool check metrics\n",
		opts, N(opts) };
	int first = cmd_options(&help, argc, argv);

	return run(&o, argc - first, argv + first);
}
