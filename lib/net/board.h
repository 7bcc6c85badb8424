/* SPDX-License-Identifier: ISC
 *
 * The switchboard of p2p.sock (kn-p2p(5)): programs come with HELLO, get the
 * streams of the protocols they serve, open streams and hear of peers.  Rights
 * by SO_PEERCRED.  When a program leaves, new streams of its protocols are
 * parked for park_time; a second instance of the same name takes over the new
 * ones. */
#ifndef NET_BOARD_H
#define NET_BOARD_H

#include "base/rights.h"
#include "net/ctl.h"
#include "net/swarm.h"

enum {
	BOARD_PROGRAMS = 1280, /* at once: each costs a descriptor */
	BOARD_PARKED = 256,   /* streams, in all */
	BOARD_ASKS = 4096,    /* opens and dials of one program under way */
};

/* Rights on p2p.sock; the words stand in this order. */
enum {
	BOARD_SERVE = 1, BOARD_OPEN = 2, BOARD_DIAL = 4, BOARD_EVENTS = 8,
	BOARD_ADMIT = 16, BOARD_ADDR = 32,
};
extern const char *const board_words[]; /* "serve", …, NULL */

struct board;

struct board_conf {
	msec park_time;
};

/* rights is borrowed and may be replaced under it (board_rights). */
struct board *board_new(struct loop *, const struct board_conf *,
    const struct rights *);
/* Then: the swarm it works for, whose face it is. */
extern const struct swarm_face board_face;
void board_join(struct board *, struct swarm *);
/* Take the listening p2p.sock. */
void board_listen(struct board *, int fd);
void board_rights(struct board *, const struct rights *);
/* SELF to everybody: addresses, protocols or draining changed. */
void board_tell_self(struct board *, bool draining);
size_t board_programs(const struct board *);
size_t board_parked(const struct board *);
/* Descriptors of streams that were reset and that a program still holds. */
size_t board_lingering(const struct board *);
void board_free(struct board *); /* after swarm_free */

#endif
