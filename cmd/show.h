/* SPDX-License-Identifier: ISC
 *
 * Output of the node's clients: one line at a time, peers and addresses as
 * text, what others chose made harmless. */
#ifndef CMD_SHOW_H
#define CMD_SHOW_H

#include "base/json.h"
#include "wire/peerid.h"

enum { SHOW_LINE = 1 << 20 }; /* bytes of a line */

/* Fill it, end it with a newline, have it printed (ends the process when that
 * fails). */
extern struct buf show_line;
void show_print(void);
/* A piece of it; cut at 1,199 bytes. */
void show_put(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Bytes that others chose, as a sentence may hold them; static, the last one. */
const char *show_plain(struct slice);
char *show_peer(struct slice peer, char text[PEERID_TEXT]); /* "?" for none */
void show_json_peer(struct json *, const char *key, struct slice peer);
void show_json_addr(struct json *, const char *key, struct slice addr);
void show_json_addrs(struct json *, const char *key, const struct slice *addrs,
    size_t n);
void show_json_texts(struct json *, const char *key, const struct slice *texts,
    size_t n);

#endif
