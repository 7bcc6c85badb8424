/* SPDX-License-Identifier: ISC
 *
 * The verbs of kn-dht(8): their keys and how what comes back is shown. */
#ifndef KN_DHT_VERBS_H
#define KN_DHT_VERBS_H

#include "base/buf.h"
#include "wire/msg/dht.h"

struct verb {
	const char *name, *operands, *about, *detail;
	unsigned verb;     /* enum of wire/msg/dht.h */
	const char *subject; /* what a key is called; NULL: takes no keys */
	/* The key's bytes of its text; -1: it makes no sense. */
	int (*read)(struct slice text, struct buf *key);
	/* One line; text is the key as it was given. */
	void (*item)(const char *text, const struct dht_item *, bool json);
	/* When DONE is good; when it is not.  NULL: nothing. */
	void (*good)(const char *text, const struct dht_done *, bool json);
	void (*missing)(struct slice key, bool json);
	const char *counts; /* help of its option -n, or NULL */
	bool once, queued, raw; /* options it has */
};

extern const struct verb verbs[];
extern const size_t nverbs;

#endif
