/* SPDX-License-Identifier: ISC
 *
 * A stream joined to a descriptor (one end of a socketpair): bytes go from one
 * to the other without being kept.  End of file on fd closes our half, a far end
 * closed with bytes unread resets the stream, and the peer's half-close becomes
 * shutdown(SHUT_WR) here. */
#ifndef NET_PUMP_H
#define NET_PUMP_H

#include "net/loop.h"
#include "net/stream.h"

struct pump;

/* Those of one owner.  After a reset the descriptor stays open (five seconds,
 * a thousand of them at most) until the program has closed its own: end of
 * file would look to whoever holds it like an orderly end. */
struct pumps {
	struct loop *loop;
	struct pump *lingering;
	size_t nlingering;
};
void pumps_free(struct pumps *); /* the lingering ones */

/* over: the stream is gone (reason as in service->over; REASON_NONE in order);
 * called before fd is closed, so that what it says comes first.  start: the
 * protocol is settled.  Any may be NULL. */
struct pump_face {
	void (*start)(void *arg, struct stream *);
	void (*over)(void *arg, enum reason);
	/* Is the end of file on fd meant?  Not when its program has just died:
	 * the stream is then reset.  NULL: it always is. */
	bool (*meant)(void *arg);
};

/* The service to open or serve streams with; a stream's data is a pump. */
extern const struct service pump_service;

/* Takes fd (made non-blocking).  Give it as data of a stream to be opened. */
struct pump *pump_new(struct pumps *, int fd, const struct pump_face *,
    void *arg);
/* The stream exists now (also for one served, whose data is the pump). */
void pump_join(struct pump *, struct stream *);
/* No stream came of it: close fd; over is not called. */
void pump_free(struct pump *);

#endif
