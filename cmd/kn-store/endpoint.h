/* SPDX-License-Identifier: ISC
 *
 * Where the daemon listens: the S3 API on TCP, by the configuration or as the
 * supervisor passed it ("s3"), and store.sock for programs of this host. */
#ifndef KN_STORE_ENDPOINT_H
#define KN_STORE_ENDPOINT_H

#include "cmd/node.h"
#include "net/httpd.h"

/* Ends the process when an address makes no sense. */
void endpoint_check(const struct node_conf *);
/* Ends the process when one of them cannot be had. */
void endpoint_listen(struct httpd *, const struct node_conf *);

#endif
