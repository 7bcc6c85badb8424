/* SPDX-License-Identifier: ISC
 *
 * The answering side of /perf/1.0.0 (libp2p perf specification): eight bytes
 * say how much is wanted, then bytes are read to the end of the stream, then
 * that much is sent. */
#ifndef PROTO_PERF_H
#define PROTO_PERF_H

#include "base/slice.h"

#define PERF_ID "/perf/1.0.0"

struct perf {
	uint8_t head[8];
	uint8_t head_n;
	bool heard_end;
	uint64_t got;  /* bytes read beyond the eight */
	uint64_t left; /* bytes still to be sent */
	const char *why;
};

void perf_init(struct perf *);
void perf_hear(struct perf *, struct slice);
/* The peer closed its half.  0, or -1: fewer than eight bytes came. */
int perf_end(struct perf *);
/* How many bytes to send next, at most n; 0 once all are (close our half) or
 * when the peer has not finished.  The bytes themselves are any. */
size_t perf_next(struct perf *, size_t n);
bool perf_done(const struct perf *);

#endif
