/* SPDX-License-Identifier: ISC
 *
 * What link.c and stream.c share, and nobody else. */
#ifndef NET_LINK_OWN_H
#define NET_LINK_OWN_H

#include "net/link.h"

/* Events of the machine, for the stream they are about. */
void link_offered(struct link *, struct conn_stream *);
void stream_agreed(struct stream *);
void stream_heard(struct stream *, struct slice data);
void stream_heard_fin(struct stream *);
void stream_credited(struct stream *);
/* The machine's side is gone, or goes with the link: over, and free. */
void stream_lost(struct stream *, enum reason);

/* Out of the queue for room in the link's output. */
void link_dequeue(struct stream *);
/* Free the streams that ended in this turn. */
void link_sweep(struct link *);
/* The same, and drop the streams whose two halves are closed. */
void link_reap(struct link *);

#endif
