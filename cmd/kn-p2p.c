/* SPDX-License-Identifier: ISC
 *
 * kn-p2p(1): the client of p2p.sock for scripts and people.  One verb a run;
 * the verbs are in cmd/kn-p2p. */
#include "cmd/cmd.h"
#include "cmd/kn-p2p/client.h"
#include "cmd/node.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT = 30000, PAGE = 8192 };

static const struct verb verbs[] = {
	{ "self", "", "say who this node is",
	    "example: kn-p2p --json self |\n"
	    "    jq -r '.peer as $p | .addrs[] + \"/p2p/\" + $p'\n",
	    self_run },
	{ "peers", "", "list the peers that are connected",
	    "example: kn-p2p --json peers | jq -r .peer\n", peers_run },
	{ "dial", "ADDR|PEER [ADDR…]", "have a connection to a peer",
	    "example: kn-p2p dial /dns4/node.example/tcp/4001/p2p/12D3…\n",
	    dial_run },
	{ "hangup", "PEER", "drop all connections to a peer",
	    "example: kn-p2p hangup 12D3…\n", hangup_run },
	{ "ping", "PEER|ADDR", "measure the round trip to a peer",
	    "example: kn-p2p ping -n 10 -i 200ms 12D3…\n"
	    "Exit code 1: an echo was lost.\n",
	    ping_run },
	{ "id", "PEER|ADDR", "show what a peer says of itself",
	    "example: kn-p2p --json id 12D3… | jq -r '.protocols[]'\n",
	    id_run },
	{ "open", "PEER|ADDR PROTO…",
	    "a stream to a peer is standard input and output",
	    "The first of the protocols that the peer has is spoken.\n"
	    "example: kn-p2p open 12D3… /kn/echo/1 <in >out\n"
	    "Exit code 1: there is no stream, or it was reset.\n",
	    open_run },
	{ "serve", "PROTO -- CMD…", "run a command for each stream of a peer",
	    "The stream is the command's fd 0 and 1; KN_PEER, KN_ADDR and "
	    "KN_PROTOCOL\nare in its environment.\n"
	    "example: kn-p2p serve /kn/echo/1 -- cat\n",
	    serve_run },
	{ "events", "", "tell what happens, a line of JSON each, for ever",
	    "example: kn-p2p events | jq -r 'select(.event == \"down\")'\n",
	    events_run },
	{ "perf", "PEER|ADDR", "measure how fast bytes go up and down",
	    "example: kn-p2p perf --up 1G --down 1G 12D3…\n"
	    "The other side must have perf = yes.\n",
	    perf_run },
};

static const struct verb *
verb_named(const char *name)
{
	for (size_t i = 0; i < N(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	die(EXIT_WRONG, "there is no verb \"%.64s\"; see kn-p2p -h", name);
}

/* The list of verbs, for the usage. */
static const char *
list(void)
{
	static char text[PAGE];
	size_t n = (size_t)snprintf(text, sizeof text, "verbs:\n");

	for (size_t i = 0; i < N(verbs); i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "  %-7s %s\n",
		    verbs[i].name, verbs[i].about);
	snprintf(text + n, sizeof text - n,
	    "\nkn-p2p VERB -h tells more.  Exit codes: 1 no, 100 wrong use or "
	    "no right,\n111 kn-p2pd is not there.\n");
	return text;
}

int
main(int argc, char **argv)
{
	static struct client client;
	const char *path = NULL, *file = NULL;
	uint64_t timeout = TIMEOUT;
	const struct opt opts[] = {
		{ 's', "socket", OPT_STR, &path, "PATH",
		    "where kn-p2pd answers", 0 },
		{ 'c', "config", OPT_STR, &file, "FILE",
		    "look up run_path in this configuration", 0 },
		{ 'j', "json", OPT_FLAG, &client.json, NULL,
		    "NDJSON, also on a terminal", 0 },
		{ 't', "timeout", OPT_TIME, &timeout, "TIME",
		    "for dialling, and without progress (30s)", 3600000 },
	};
	const struct opt_page page = { "kn-p2p", "VERB …",
		"use the connections and streams of a running node", list(),
		opts, N(opts) };
	const struct verb *v;
	int first = cmd_options(&page, argc, argv);

	if (first == argc)
		die(EXIT_WRONG, "which verb? see kn-p2p -h");
	v = verb_named(argv[first]);
	if (timeout == 0)
		die(EXIT_WRONG, "--timeout must be more than nothing");
	client.timeout = (msec)timeout;
	client.json |= !isatty(STDOUT_FILENO);
	client.path = node_socket(path, file, "p2p.sock");
	client.loop = loop_new();
	if (client.loop == NULL)
		die(EXIT_SYSTEM, "cannot make an event loop:");
	return v->run(&client, v, argc - first, argv + first);
}
