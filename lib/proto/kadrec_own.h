/* SPDX-License-Identifier: ISC
 *
 * What the two halves of kadrec share: kadrec_ipns.c knows IPNS records, and
 * kadrec.c everything else. */
#ifndef PROTO_KADREC_OWN_H
#define PROTO_KADREC_OWN_H

#include "proto/kadrec.h"
#include "wire/peerid.h"

/* id: the one in the key. */
enum kadrec_fault kadrec_ipns_check(const struct peerid *id,
    struct slice value, msec wall);
/* As kadrec_better, but 0 when only their bytes differ. */
int kadrec_ipns_better(struct slice a, struct slice b);

/* As kadrec_better: the higher number is better. */
static inline int
kadrec_order(uint64_t a, uint64_t b)
{
	return a > b ? -1 : a < b;
}

#endif
