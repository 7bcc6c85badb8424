/* SPDX-License-Identifier: ISC
 *
 * The small protocols that kn-p2pd answers itself: ping (libp2p ping
 * specification) and perf. */
#ifndef NET_SERVE_H
#define NET_SERVE_H

#include "net/stream.h"

#define PING_ID "/ipfs/ping/1.0.0"

extern const struct service serve_ping;
extern const struct service serve_perf;

#endif
