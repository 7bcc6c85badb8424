/* SPDX-License-Identifier: ISC
 *
 * Servers, clients, and nodes that become the one or the other. */
#include "t/dht/rig.h"
#include "t/tap.h"

#include <sodium.h>

enum { SERVERS = 40, SECOND = 1000, MINUTE = 60 * SECOND };

static void
reach(struct node *n, bool reachable)
{
	struct slice at = node_addr(n);

	dht_self(n->dht, &at, 1, reachable, n->net->w.now);
	node_pump(n);
}

static void
test_mode(struct net *net)
{
	struct dht_conf conf = net->conf;
	struct node *n = net_add(net);

	conf.mode = DHT_AUTO;
	n->hidden = true;
	node_start(n, &conf);
	node_boot(n, net->nodes[0]);
	net_run(net, 5 * MINUTE);
	ok(!dht_is_server(n->dht), "auto: a client at first");
	for (int i = 0; i < 10; i++) {
		reach(n, true);
		net_run(net, 50 * SECOND);
		reach(n, false);
		net_run(net, 50 * SECOND);
	}
	ok(!dht_is_server(n->dht) && n->modes == 0,
	    "auto: who flaps within a minute stays one");
	n->hidden = false;
	reach(n, true);
	net_run(net, 59 * SECOND);
	ok(!dht_is_server(n->dht), "auto: 59 s are not enough");
	reach(n, true);
	net_run(net, SECOND);
	ok(dht_is_server(n->dht) && n->modes == 1, "auto: a minute is");
	for (int i = 0; i < 3; i++) {
		reach(n, false);
		net_run(net, 14 * MINUTE);
		reach(n, true);
		net_run(net, MINUTE);
	}
	ok(dht_is_server(n->dht) && n->modes == 1,
	    "auto: 14 minutes out of reach change nothing");
	node_stop(n);
	node_start(n, &conf);
	ok(dht_is_server(n->dht), "auto: a restart neither");
	reach(n, false);
	net_run(net, 15 * MINUTE);
	ok(!dht_is_server(n->dht) && n->modes == 2, "auto: 15 do");
	node_lose(n);
}

static size_t
tables_with(const struct net *net, const struct node *n)
{
	size_t in = 0;

	for (size_t i = 0; i < net->n; i++)
		in += net->nodes[i]->dht && kadtab_get(
		    dht_table(net->nodes[i]->dht), &n->id) != NULL;
	return in;
}

static void
test_clients(struct net *net)
{
	struct dht_conf conf = net->conf;
	struct node *n = net_add(net), *m;
	uint8_t bytes[34];
	struct slice at;

	conf.mode = DHT_CLIENT;
	n->hidden = true;
	node_start(n, &conf);
	node_boot(n, net->nodes[0]);
	net_run(net, MINUTE);
	for (unsigned i = 0; i < 20; i++)
		is_int(end_of(n, DHT_CLOSEST, hash_of(i, bytes)), DHT_END_OK,
		    "client: a lookup");
	is_int(end_of(n, DHT_PROVIDE, hash_of(50, bytes)), DHT_END_OK,
	    "client: it provides");
	is_int(tables_with(net, n), 0, "client: in nobody's table");
	is_int(end_of(net->nodes[9], DHT_FIND, id_of(n)), DHT_END_OK,
	    "client: but found, by those it is connected with");

	m = net->nodes[21];
	ok(kadtab_get(dht_table(net->nodes[0]->dht), &m->id) ||
	    tables_with(net, m) > 0, "a server is in tables");
	for (size_t i = 0; i < net->n; i++) {
		at = node_addr(m);
		if (net->nodes[i]->dht == NULL)
			continue;
		dht_peer(net->nodes[i]->dht, &m->id, &at, 1, false, net->w.now);
	}
	is_int(tables_with(net, m), 0, "until it says that it is none");
	node_lose(n);
}

int
main(void)
{
	struct net net;

	if (sodium_init() < 0)
		return 111;
	net_init(&net, 1);
	net_grow(&net, SERVERS);
	test_mode(&net);
	test_clients(&net);
	is_int(net.stuck, 0, "nobody was woken for nothing");
	net_free(&net);
	return tap_done();
}
