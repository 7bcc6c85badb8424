/* SPDX-License-Identifier: ISC
 *
 * kn-store(8): blobs behind an S3 API, with caps.  Without a verb it is the
 * daemon, with one it asks the daemon for something or cares for its files. */
#include "cmd/cmd.h"
#include "cmd/kn-store/parts.h"
#include "cmd/node.h"

#include <unistd.h>

enum { TIMEOUT = 60000 };

int
main(int argc, char **argv)
{
	static struct client_conf client;
	bool check = false;
	uint64_t ready = UINT64_MAX, timeout = TIMEOUT;
	const struct opt opts[] = {
		{ 'c', "config", OPT_STR, &client.file, "FILE",
		    "read this configuration", 0 },
		{ 'n', "check", OPT_FLAG, &check, NULL,
		    "check the configuration, print it and exit", 0 },
		{ 'r', "ready-fd", OPT_UINT, &ready, "N",
		    "write a newline there when ready (s6)", 1024 },
		{ 's', "socket", OPT_STR, &client.path, "PATH",
		    "with a verb: where the daemon answers", 0 },
		{ 'j', "json", OPT_FLAG, &client.json, NULL,
		    "with a verb: NDJSON, also on a terminal", 0 },
		{ 't', "timeout", OPT_TIME, &timeout, "TIME",
		    "with a verb: how long without progress (60s)", 3600000 },
	};
	const struct opt_page page = { "kn-store", "[VERB …]",
		"store blobs behind an S3 API, or ask the store for something",
		client_verbs(), opts, N(opts) };
	int first = cmd_options(&page, argc, argv);

	if (first == argc)
		return daemon_run(client.file ? client.file : NODE_FILE, check,
		    ready == UINT64_MAX ? -1 : (int)ready);
	if (timeout == 0)
		die(EXIT_WRONG, "--timeout must be more than nothing");
	client.timeout = (msec)timeout;
	client.json |= !isatty(STDOUT_FILENO);
	return client_run(&client, argc - first, argv + first);
}
