/* SPDX-License-Identifier: ISC
 *
 * kn-dht(8): the node's part in the Kademlia DHT.  Without a verb it is the
 * daemon on p2p.sock, with one it asks the daemon for something. */
#include "cmd/cmd.h"
#include "cmd/kn-dht/parts.h"
#include "cmd/node.h"

#include <unistd.h>

int
main(int argc, char **argv)
{
	struct client_conf client = { 0 };
	const char *file = NULL, *path = NULL;
	bool check = false;
	uint64_t ready = UINT64_MAX, timeout = 0;
	const struct opt opts[] = {
		{ 'c', "config", OPT_STR, &file, "FILE",
		    "read this configuration", 0 },
		{ 'n', "check", OPT_FLAG, &check, NULL,
		    "check the configuration, print it and exit", 0 },
		{ 'r', "ready-fd", OPT_UINT, &ready, "N",
		    "write a newline there when ready (s6)", 1024 },
		{ 's', "socket", OPT_STR, &path, "PATH",
		    "with a verb: where the daemon answers", 0 },
		{ 'j', "json", OPT_FLAG, &client.json, NULL,
		    "with a verb: NDJSON, also on a terminal", 0 },
		{ 't', "timeout", OPT_TIME, &timeout, "TIME",
		    "with a verb: for each thing asked for (60s)", 600000 },
	};
	const struct opt_page page = { "kn-dht", "[VERB …]",
		"take part in the Kademlia DHT, or ask the node's part of it",
		client_verbs(), opts, N(opts) };
	int first = cmd_options(&page, argc, argv);

	if (first == argc)
		return daemon_run(file ? file : NODE_FILE, check,
		    ready == UINT64_MAX ? -1 : (int)ready);
	client.path = node_socket(path, file, DHT_SOCKET);
	client.timeout = (msec)timeout;
	client.json |= !isatty(STDOUT_FILENO);
	return client_run(&client, argc - first, argv + first);
}
