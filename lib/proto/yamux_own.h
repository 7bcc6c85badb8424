/* SPDX-License-Identifier: ISC
 *
 * What yamux.c and yamux_state.c share; nobody else includes this. */
#ifndef PROTO_YAMUX_OWN_H
#define PROTO_YAMUX_OWN_H

struct yamux;
struct yamux_limits;
struct yamux_stream;

/* Take a stream, allocated with mem_new, into the map and the counts. */
void yamux_adopt(struct yamux *, struct yamux_stream *);
/* A copy, with window_most raised to what the specification demands. */
void yamux_limit(struct yamux *, const struct yamux_limits *);

#endif
