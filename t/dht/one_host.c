/* SPDX-License-Identifier: ISC
 *
 * Who counts as one where limits by address group are. */
#include "t/dht/rig.h"
#include "t/tap.h"

#include <sodium.h>

enum { MINUTE = 60000 };

/* Forty ids on one host, each of which claims an address of its own. */
static void
test_one_host(void)
{
	struct net net;
	struct node *n, *s;
	size_t in = 0, claimed = 0;
	struct slice at;

	net_init(&net, 28);
	n = net_add(&net);
	node_start(n, &net.conf);
	for (size_t i = 0; i < 40; i++) {
		s = net_add(&net);
		node_start(s, &net.conf);
		at = node_addr(s);
		/* the other half says where it is when it is in */
		if (i % 2)
			dht_from(n->dht, &s->id,
			    slice_of("\4\140\1\2\3\6\1\1", 8), net.w.now);
		dht_peer(n->dht, &s->id, &at, 1, true, net.w.now);
	}
	net_run(&net, MINUTE);
	claimed = kadtab_size(dht_table(n->dht));
	for (size_t i = 1; i < net.n; i++) {
		s = net.nodes[i];
		at = node_addr(s);
		dht_from(n->dht, &s->id,
		    slice_of("\4\140\1\2\3\6\1\1", 8), net.w.now);
		dht_peer(n->dht, &s->id, &at, 1, true, net.w.now);
	}
	net_run(&net, MINUTE);
	in = kadtab_size(dht_table(n->dht));
	ok(claimed > 3 && claimed <= 23, "one host: those that are connected "
	    "count where they are (%zu)", claimed);
	ok(in > 0 && in <= 3, "one host: no more than three in the end (%zu)",
	    in);
	net_free(&net);
}

int
main(void)
{
	if (sodium_init() < 0)
		return 111;
	test_one_host();
	return tap_done();
}
