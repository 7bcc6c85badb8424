/* SPDX-License-Identifier: ISC
 *
 * kn-drain(8): have the node finish what runs and take nothing on.  It writes
 * the drain file (base/drain), which the node's programs look at, and reads
 * what they publish; so it works as well while the node is stopped. */
#include "base/fd.h"
#include "cmd/cmd.h"
#include "cmd/kn-drain/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_MOST = 7 * DRAIN_DAY };

#define DETAIL                                                                 \
	"verbs:\n"                                                             \
	"  status    say how far it is\n"                                      \
	"  end       let the node serve again\n"                               \
	"\n"                                                                   \
	"Without a verb a drain begins, or the one that runs gets another "    \
	"reason and\ndeadline.\n"                                              \
	"example: kn-drain --reason \"new kernel\" --wait && reboot\n"         \
	"Exit codes: 0 drained (or asked for, without --wait), 1 still busy "  \
	"at the\ndeadline, 100 wrong use or no right, 111 the system.\n"

/* An error of the drain file that ends the process. */
static void
broken(const char *what, const char *path)
{
	bool yours = errno == EACCES || errno == EPERM || errno == EROFS ||
		     errno == ENOENT || errno == ENOTDIR;

	die(yours ? EXIT_WRONG : EXIT_SYSTEM,
	    "cannot %s %s (node.drain_path; root may):", what, path);
}

static void
begin(
    const struct node_conf *conf, const char *reason, msec deadline, bool hold)
{
	struct drain d = { .deadline = deadline, .hold = hold };
	struct buf text = { .max = DRAIN_FILE };

	memcpy(d.reason, reason, strlen(reason) + 1);
	drain_stamp(d.since);
	drain_boot(d.boot);
	if (!d.boot[0])
		die(EXIT_SYSTEM, "cannot read /proc/sys/kernel/random/boot_id");
	d.at = msec_now();
	drain_print(&d, &text);
	if (fd_replace_file(conf->node.drain_path, buf_slice(&text), 0644) < 0)
		broken("write", conf->node.drain_path);
	buf_free(&text);
}

static int
status_run(const char *file, int argc, char **argv)
{
	bool json = false, wait = false;
	uint64_t max = 0;
	const struct opt opts[] = {
		{ 'c', "config", OPT_STR, &file, "FILE",
		    "read this configuration", 0 },
		{ 'j', "json", OPT_FLAG, &json, NULL, "as a line of JSON", 0 },
		{ 'w', "wait", OPT_FLAG, &wait, NULL,
		    "until the node is drained; exit 1: it was not in time",
		    0 },
		{ 'm', "max", OPT_TIME, &max, "TIME",
		    "wait no longer than this (the drain's deadline)",
		    MAX_MOST },
	};
	const struct opt_page page = { "kn-drain status", "",
		"say how far the drain is",
		"example: kn-drain status --json | jq -r .state\n", opts,
		N(opts) };
	struct node_conf conf = { 0 };
	struct picture p;
	int code = EXIT_YES;

	if (cmd_options(&page, argc, argv) != argc)
		die(EXIT_WRONG, "no operands are wanted; see kn-drain -h");
	if (max > 0 && !wait)
		die(EXIT_WRONG, "--max is how long to --wait");
	node_load(file, &conf);
	if (wait)
		code = status_wait(&conf, &p, (msec)max);
	else
		status_look(&conf, &p);
	status_show(&p, json);
	node_free(&conf);
	return code;
}

static int
end_run(const char *file, int argc, char **argv)
{
	const struct opt opts[] = {
		{ 'c', "config", OPT_STR, &file, "FILE",
		    "read this configuration", 0 },
	};
	const struct opt_page page = { "kn-drain end", "",
		"let the node serve again",
		"It does within two seconds.  Without a drain nothing "
		"happens.\n",
		opts, N(opts) };
	struct node_conf conf = { 0 };

	if (cmd_options(&page, argc, argv) != argc)
		die(EXIT_WRONG, "no operands are wanted; see kn-drain -h");
	node_load(file, &conf);
	if (unlink(conf.node.drain_path) < 0 && errno != ENOENT)
		broken("remove", conf.node.drain_path);
	node_free(&conf);
	return EXIT_YES;
}

static const struct {
	const char *name;
	int (*run)(const char *file, int argc, char **argv);
} verbs[] = { { "status", status_run }, { "end", end_run } };

static int
verb_run(const char *file, int argc, char **argv)
{
	for (size_t i = 0; i < N(verbs); i++)
		if (strcmp(verbs[i].name, argv[0]) == 0)
			return verbs[i].run(file, argc, argv);
	die(EXIT_WRONG, "there is no verb \"%.64s\"; see kn-drain -h", argv[0]);
}

int
main(int argc, char **argv)
{
	const char *file = NODE_FILE, *reason = NULL;
	uint64_t deadline = UINT64_MAX, max = 0;
	bool hold = false, wait = false;
	const struct opt opts[] = {
		{ 'c', "config", OPT_STR, &file, "FILE",
		    "read this configuration", 0 },
		{ 'r', "reason", OPT_STR, &reason, "TEXT",
		    "why, for the logs and for clients (maintenance)", 0 },
		{ 'd', "deadline", OPT_TIME, &deadline, "TIME",
		    "cut what runs after this (network.drain_time)",
		    DRAIN_DAY },
		{ 'k', "hold", OPT_FLAG, &hold, NULL,
		    "keep it when the node starts again, until kn-drain end",
		    0 },
		{ 'w', "wait", OPT_FLAG, &wait, NULL,
		    "until the node is drained", 0 },
		{ 'm', "max", OPT_TIME, &max, "TIME",
		    "wait no longer than this (the deadline)", MAX_MOST },
	};
	const struct opt_page page = { "kn-drain", "[VERB …]",
		"have the node finish what runs and take nothing on", DETAIL,
		opts, N(opts) };
	int first = cmd_options(&page, argc, argv), code = EXIT_YES;
	struct node_conf conf = { 0 };
	struct picture p;

	if (first < argc &&
	    (reason || deadline != UINT64_MAX || hold || wait || max > 0))
		die(EXIT_WRONG, "options stand behind the verb, except -c");
	if (first < argc)
		return verb_run(file, argc - first, argv + first);
	if (max > 0 && !wait)
		die(EXIT_WRONG, "--max is how long to --wait");
	if (reason == NULL)
		reason = "maintenance";
	if (!drain_reason_ok(slice_text(reason)))
		die(EXIT_WRONG, "--reason is 1 to %d printable bytes",
		    DRAIN_REASON);
	node_load(file, &conf);
	if (deadline == UINT64_MAX)
		deadline = conf.network.drain_time;
	begin(&conf, reason, (msec)deadline, hold);
	if (wait)
		code = status_wait(&conf, &p, (msec)max);
	node_free(&conf);
	return code;
}
