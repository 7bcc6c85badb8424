/* SPDX-License-Identifier: ISC
 *
 * What conn.c, conn_stream.c and conn_state.c share, and nobody else. */
#ifndef PROTO_CONN_OWN_H
#define PROTO_CONN_OWN_H

#include "proto/conn.h"

int conn_die(struct conn *, enum conn_fault, const char *why);
/* n decrypted bytes in front of in have been used. */
void conn_used(struct conn *, struct buf *in, size_t n);
/* Free the stream that the last event ended. */
void conn_bury(struct conn *);

struct conn_stream *conn_stream_new(struct conn *, struct yamux_stream *);
void conn_stream_free(struct conn_stream *);

/* These return as the body of conn_step does: 1: ev is set; 2: nothing to
 * tell; 0 and -1 as conn_step. */
int conn_stream_piece(struct conn *, struct buf *in, struct conn_ev *);
int conn_stream_ended(struct conn *, struct conn_stream *, struct conn_ev *);
int conn_stream_died(struct conn *, struct conn_stream *, struct conn_ev *);
/* A stream's offer deadline has passed, or will next at c->stream_due. */
int conn_stream_late(struct conn *, msec now, struct conn_ev *);

#endif
