/* SPDX-License-Identifier: ISC
 *
 * What board.c and board_stream.c share, and nobody else. */
#ifndef NET_BOARD_OWN_H
#define NET_BOARD_OWN_H

#include "net/board.h"
#include "net/pump.h"

struct joint;

/* A program on p2p.sock; newer ones stand first in the list. */
struct program {
	struct board *board;
	struct program *next;
	struct ctl_end *end;   /* NULL: gone */
	unsigned uid;
	int pid;
	unsigned rights;
	char name[33];         /* "" before HELLO */
	char *protocols[32];
	size_t nprotocols;
	unsigned wants;
	bool telling;          /* NOW is still to be said */
	struct map untold;     /* peers of the present that it has not heard
	                        * of: id -> struct peer * */
	struct joint *joints;
	size_t njoints;
};

/* A protocol that some program serves, or served park_time ago. */
struct slot {
	struct board *board;
	char *name;
	struct park *parks;
	struct timer *timer;
};

struct board {
	struct loop *loop;
	struct board_conf conf;
	const struct rights *rights;
	struct swarm *swarm;
	int fd;
	struct watch *watch;
	struct timer *resume;  /* accepting, after descriptors ran out */
	long fds;              /* the limit of descriptors; -1: none */
	struct program *programs;
	size_t nprograms, nparked;
	struct pumps pumps;
	struct map slots;      /* protocol -> struct slot * */
	uint64_t next_tag;
	bool draining;
	struct ctl say;        /* one at a time: too big for a stack */
};

/* board.c */
void board_fail(struct program *, uint64_t tag, enum reason, const char *text);
/* The newest program that serves this protocol, or NULL. */
struct program *board_server(const struct board *, const char *protocol);
/* A cleared message to be filled and said. */
struct ctl *board_message(struct board *);

/* board_tell.c */
/* After HELLO: SELF, UP for each peer if that is wanted, NOW; as fast as the
 * program reads. */
void board_tell_present(struct program *);
void board_tell_more(struct program *); /* nothing waits for it any more */

/* board_stream.c */
void board_open(struct program *, const struct ctl_open *, int fd);
void board_dial(struct program *, const struct ctl_dial *);
void board_over(struct program *, const struct ctl_over *);
/* The program is gone: its streams are reset, its asks cancelled. */
void board_leave(struct program *);
/* Begin to serve for a program; -1: another name has it. */
int board_serve(struct program *, const char *protocol);
/* Give it the streams that wait for what it serves. */
void board_unpark(struct program *);
/* Nobody serves it for now: park, and give up after park_time. */
void board_unserve(struct board *, const char *protocol);
void board_free_slots(struct board *); /* after the swarm */

#endif
