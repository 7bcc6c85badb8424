/* SPDX-License-Identifier: ISC
 *
 * multistream-select 1.0.0, one side of one negotiation.  The dialer's header
 * and first proposal leave in one write, and the caller may send data right
 * behind them; what follows the agreed line is never read.  `ls` and
 * simultaneous-connect are answered with na. */
#ifndef PROTO_MSS_H
#define PROTO_MSS_H

#include "base/buf.h"

enum {
	MSS_LINE = 1024,   /* the longest line, newline included */
	MSS_OFFERS = 32,   /* proposals that one negotiation may see */
};

enum mss_state {
	MSS_START,   /* dialer: nothing has been proposed */
	MSS_HEADER,  /* the peer's header is awaited */
	MSS_LINES,   /* proposals (listener) or the answer (dialer) */
	MSS_ASKED,   /* the owner is to answer, or to propose again */
	MSS_SAID,    /* listener: yes; the next step tells */
	MSS_OVER
};

struct mss {
	enum mss_state state;
	bool dialer;
	bool greeted;      /* our own header has been written */
	unsigned offers;
	struct buf line;   /* dialer: the proposal whose echo is awaited;
	                    * listener: the offer to be answered */
	struct buf part;   /* of a line that has not come whole */
	const char *why;   /* static, once step returned -1 */
};

enum mss_kind {
	MSS_MORE,
	MSS_OFFER,   /* listener: name is wanted; call mss_answer */
	MSS_AGREED,  /* both sides: the last name holds; the machine is over */
	MSS_REFUSED, /* dialer: na; call mss_propose again, or give up */
};

struct mss_ev {
	enum mss_kind kind;
	struct slice name; /* borrowed from the machine until the next call */
};

void mss_init(struct mss *, bool dialer, struct budget *);
void mss_free(struct mss *);

/* Dialer: ask for this protocol (at most MSS_LINE - 1 bytes). */
void mss_propose(struct mss *, struct slice name, struct buf *out);
/* Listener: say yes (then MSS_AGREED is what the next step returns, at once)
 * or na to the last MSS_OFFER. */
void mss_answer(struct mss *, bool yes, struct buf *out);

/* 1: ev; 0: wants more; -1: over, see why. */
int mss_step(struct mss *, struct slice *in, struct buf *out, struct mss_ev *);

/* Plain state out and in again (wire/msg/state.h has the fields). */
struct state_mss;
void mss_save(const struct mss *, struct state_mss *); /* borrows from mss */
int mss_load(struct mss *, const struct state_mss *, struct budget *);

#endif
