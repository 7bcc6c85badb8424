/* SPDX-License-Identifier: ISC
 *
 * node.key(5): text; a comment line with the peer id, then base64 lines of the
 * Ed25519 key sealed with XChaCha20-Poly1305 under Argon2id of the master key.
 * The public half stands readable in front, authenticated as associated data:
 * it can be shown without the master key, but is believed only after opening. */
#ifndef CRYPT_KEYFILE_H
#define CRYPT_KEYFILE_H

#include "crypt/key.h"

enum { KEYFILE_MAX = 4096, MASTER_LEAST = 16, MASTER_MOST = 4096 };

/* Argon2id cost, written into the file; opening refuses more than 16 passes or
 * 1 GiB, so that a file cannot exhaust the host. */
struct keyfile_cost {
	uint32_t passes;
	uint32_t kib;
};
extern const struct keyfile_cost keyfile_cost; /* what new files get */

enum keyfile_fault {
	KEYFILE_OK,
	KEYFILE_FORMAT,  /* not a key file, or damaged: why says where */
	KEYFILE_COST,    /* asks for more than this program grants */
	KEYFILE_MASTER,  /* the master key does not open it */
	KEYFILE_HALVES,  /* opened, but its public halves disagree */
};

/* text->bad: master is shorter than MASTER_LEAST, or the cost too high. */
void keyfile_seal(const struct key *, struct slice master,
    const struct keyfile_cost *, struct buf *text);
/* Same work for every wrong master key. */
enum keyfile_fault keyfile_open(struct slice text, struct slice master,
    struct key *);
/* The public half that the file claims, as a serialised PublicKey. */
enum keyfile_fault keyfile_public(struct slice text, uint8_t pb[KEY_PUBLIC_PB]);
/* One sentence (static), to follow the file's name and a colon. */
const char *keyfile_says(enum keyfile_fault);

/* The master key from an open file or pipe: its bytes without one newline at
 * the end.  The caller sets master's ceiling (MASTER_MOST) and wipes it.  -1:
 * EACCES when a file is open to group or others, EINVAL when it is shorter than
 * MASTER_LEAST, EFBIG, or as read(2). */
int keyfile_master(int fd, struct buf *master);

#endif
