/* SPDX-License-Identifier: ISC
 *
 * What queries.c and queries_stream.c share, and nobody else. */
#ifndef NET_QUERIES_OWN_H
#define NET_QUERIES_OWN_H

#include "net/framed.h"
#include "net/queries.h"

/* Addresses of a peer: what OPEN holds. */
enum {
	QUERIES_ADDRS = sizeof((struct ctl_open *)0)->addrs /
	    sizeof(struct slice)
};

/* A peer; there while it has lines or questions. */
struct contact {
	struct peerid id;
	struct line *lines;    /* those with a descriptor */
	size_t nlines, nquestions;
};

struct question {
	struct queries *q;
	struct question *next; /* of those that wait, or have ended */
	struct contact *contact;
	struct line *line;     /* NULL: none yet */
	uint64_t id;
	bool again;            /* for the second time, on a new line */
	bool ended;
	enum reason why;       /* ended */
	size_t naddrs;
	struct buf data;       /* the addresses, framed, and the message */
	msec deadline;
	struct timer *timer;
};

/* A stream, known until OVER or FAIL has come for it. */
struct line {
	struct queries *q;
	struct line *next, *next_dead;
	struct contact *contact;   /* NULL: without a descriptor */
	struct framed *framed;     /* the same */
	struct question *question; /* at most one of: it has this, */
	bool idle;                 /* it waits for one, */
	bool left;                 /* it waits to be over */
	uint64_t tag;
	bool ready;                /* DONE has come */
	bool used;                 /* an answer has come on it */
	bool dead;                 /* queries_settle is to look at it */
	bool over;                 /* OVER or FAIL has come … */
	enum reason why;           /* … and said this */
	bool ended;                /* framed came to … */
	enum framed_end end;       /* … this end */
	msec since;                /* idle */
	struct timer *timer;       /* idle: to leave it; left: to reset it */
};

struct question_list {
	struct question *first, **last;
	size_t n;
};

struct queries {
	struct loop *loop;
	struct p2p *p2p;
	struct queries_conf conf;
	const struct queries_face *face;
	void *arg;
	struct map contacts;   /* peer id -> struct contact * */
	struct map ids;        /* id -> struct question * */
	struct map tags;       /* tag -> struct line * */
	size_t nlines, nidle;  /* with a descriptor; of these idle */
	struct question_list waiting, ended;
	struct line *dead;
	struct ctl say;        /* one at a time: too big for a stack */
};

/* queries.c */
/* Soon: queries_settle, then queries_next, then the face hears what ended. */
void queries_soon(struct queries *);
/* Begin what waits and can. */
void queries_next(struct queries *);
/* Nothing was heard on a line that had been used: it is the next in turn. */
void queries_again(struct question *);
/* It has failed. */
void queries_end(struct question *, enum reason);
void queries_forget(struct question *);
void queries_contact_free(struct queries *, struct contact *); /* if unused */

/* queries_stream.c */
/* Give the question to a line, an idle one or another if there may be one
 * more, or end it.  false: it has to wait. */
bool queries_begin(struct question *);
/* Reset the line.  Its question, if any, is the caller's again. */
void queries_reset(struct line *);
/* Look at the lines to which something happened. */
void queries_settle(struct queries *);
/* Close all without a word. */
void queries_drop(struct queries *);

#endif
