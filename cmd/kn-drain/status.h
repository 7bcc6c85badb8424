/* SPDX-License-Identifier: ISC
 *
 * Telling how far a drain is, and waiting for its end. */
#ifndef KN_DRAIN_STATUS_H
#define KN_DRAIN_STATUS_H

#include "cmd/kn-drain/picture.h"

/* On standard output, for people or as a line of JSON. */
void status_show(const struct picture *, bool json);
/* Until the node is drained or stopped, and no longer than max (0: than the
 * drain's own deadline).  *p is the last picture.  The exit code; with EXIT_NO
 * one sentence was said. */
int status_wait(const struct node_conf *, struct picture *p, msec max);
/* A picture, or the end with one sentence. */
void status_look(const struct node_conf *, struct picture *);

#endif
