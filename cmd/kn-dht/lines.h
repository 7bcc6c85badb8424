/* SPDX-License-Identifier: ISC
 *
 * Standard input, a line at a time, inside a loop and never all of it. */
#ifndef KN_DHT_LINES_H
#define KN_DHT_LINES_H

#include "base/buf.h"
#include "net/loop.h"

struct lines {
	struct watch *watch; /* NULL: a file, which is always ready */
	struct buf in;
	size_t longest;
	bool over;
	void (*more)(void *arg);
	void *arg;
};

/* A line of more than longest bytes ends the process.  more: there may be
 * lines again. */
void lines_init(struct lines *, struct loop *, size_t longest,
    void (*more)(void *arg), void *arg);
/* 1: *line, without its end, borrowed until the next call; 0: none now, more
 * will be called; -1: that was the last. */
int lines_next(struct lines *, struct slice *line);

#endif
