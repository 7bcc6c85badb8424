/* SPDX-License-Identifier: ISC
 *
 * Small secrets at rest: XChaCha20-Poly1305 under a 32-byte key from a file,
 * bound to a name so that two cannot be exchanged. */
#ifndef CRYPT_SECRETBOX_H
#define CRYPT_SECRETBOX_H

#include "base/buf.h"

enum { SECRETBOX_KEY = 32, SECRETBOX_MORE = 24 + 16 };

/* Read the key file (base64 in a text file with a comment line, private: 0600),
 * or make it when there is none.  0, or -1 with *why (static, to follow the
 * file's name). */
int secretbox_key(
    const char *path, uint8_t key[SECRETBOX_KEY], const char **why);
void secretbox_seal(const uint8_t key[SECRETBOX_KEY], struct slice name,
    struct slice secret, struct buf *out);
/* 0, or -1: not under this key and name, or secret has no room; nothing is put
 * then.  buf_wipe it. */
int secretbox_open(const uint8_t key[SECRETBOX_KEY], struct slice name,
    struct slice sealed, struct buf *secret);

#endif
