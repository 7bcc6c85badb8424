/* SPDX-License-Identifier: ISC
 *
 * Listening on TCP addresses of the configuration, written ADDRESS:PORT or
 * [ADDRESS]:PORT, in numbers. */
#ifndef CMD_TCP_H
#define CMD_TCP_H

#include "base/conf.h"

/* Ends the process when an item is no such address; key is what it calls the
 * list. */
void tcp_check(const struct conf_list *, const char *key);
/* A listening socket for one that tcp_check has seen; ends the process when
 * it cannot be had. */
int tcp_listen(const char *text);
/* Log where it is, as port 0 can only be known now. */
void tcp_say(int fd);

#endif
