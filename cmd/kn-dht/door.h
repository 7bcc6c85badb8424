/* SPDX-License-Identifier: ISC
 *
 * dht.sock (kn-dht(5)): programs of this node ask the machine for things. */
#ifndef KN_DHT_DOOR_H
#define KN_DHT_DOOR_H

#include "base/rights.h"
#include "dht/dht.h"
#include "net/loop.h"

struct door;

/* fd: the listening socket.  rights is borrowed.  after: called when the
 * machine has been given something.  stats: fills the statistics that are not
 * the machine's: called with one item function for each. */
struct door_face {
	void (*after)(void *arg);
	void (*stats)(void *arg, void (*item)(void *to, const char *name,
	    uint64_t value), void *to);
};
struct door *door_new(struct loop *, int fd, struct dht *, struct dhtdb *,
    const struct rights *, const struct door_face *, void *arg);
void door_free(struct door *);
/* ITEM or DONE of an operation. */
void door_event(struct door *, const struct dht_ev *);
size_t door_programs(const struct door *);
size_t door_errands(const struct door *); /* operations of programs */
/* Begin no more of them; or again. */
void door_drain(struct door *, bool);

#endif
