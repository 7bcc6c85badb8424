/* SPDX-License-Identifier: ISC
 *
 * Asking kn-signd (sign.sock, SOCK_SEQPACKET): statements are checked and
 * framed on its side, so a caller can only get what sign_kind lists.  Also the
 * framing itself, which kn-signd and its tests share. */
#ifndef CRYPT_SIGN_H
#define CRYPT_SIGN_H

#include "crypt/key.h"
#include "wire/msg/sign.h"

enum { SIGN_MAX = 9216, SIGN_TIMEOUT = 5000 };

/* The bytes that a statement of this kind signs, after checking that body
 * makes sense for it and speaks of self.  -1 with *why (static). */
int sign_message(uint64_t kind, struct slice body, const struct peerid *self,
    struct buf *out, const char **why);
const char *sign_kind_name(uint64_t kind); /* "noise"; "?" */

/* Connect; a blocking descriptor with SIGN_TIMEOUT on it, or -1. */
int sign_connect(const char *path);
/* Ask and wait.  public_key, signature and why may be NULL.  0; -1 with errno
 * EPERM and why filled when kn-signd said no; -1 with another errno, and then
 * fd is of no more use: an answer may come too late. */
int sign_ask(int fd, enum sign_kind, struct slice body,
    uint8_t public_key[KEY_PUBLIC_PB], uint8_t signature[KEY_SIGNATURE],
    struct buf *why);

#endif
