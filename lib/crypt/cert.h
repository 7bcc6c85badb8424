/* SPDX-License-Identifier: ISC
 *
 * Node certificates (node.cert(5)): text; for each certificate a comment line
 * and base64 of a signed envelope with a domain of our own; the node's own
 * first, then its issuers up to, but not including, a root.  Roots are public
 * keys in files: kn-keygen --public writes them. */
#ifndef CRYPT_CERT_H
#define CRYPT_CERT_H

#include "crypt/envelope.h"
#include "wire/msg/cert.h"

enum {
	CERT_FILE_MAX = 16384,
	CERT_CHAIN = 3,          /* node, operator, one more */
	CERT_BODY_MAX = 2048,    /* bytes of one envelope */
	CERT_SKEW = 300,         /* seconds a clock may be behind */
};

/* One certificate or request as it stands in a file; body borrows from the
 * envelope bytes in it, so a struct cert is not to be moved. */
struct cert {
	uint8_t bytes[CERT_BODY_MAX];
	size_t n;
	struct cert_body body;
	struct peerid signer;
};
struct cert_chain {
	struct cert cert[CERT_CHAIN]; /* [0] is the node's */
	size_t n;
};

/* Trusted issuers. */
struct cert_roots {
	struct peerid *at; /* owned */
	size_t n;
};

extern const struct envelope_kind cert_kind;
extern const struct envelope_kind cert_request_kind;

/* Bodies are checked for sense: role and tier in range, times in order,
 * UTF-8 text, subject and issuer peer ids. */
int cert_seal(const struct cert_body *, const struct key *issuer,
    struct buf *text, const char **why);
int cert_seal_request(const struct cert_request *, const struct key *,
    struct buf *text, const char **why);
/* Signatures are verified here; trust is not. */
int cert_read_chain(struct slice text, struct cert_chain *, const char **why);
int cert_read_request(struct slice text, struct buf *bytes,
    struct cert_request *, const char **why); /* request borrows from bytes */

/* Every .pub file of a directory; *why names the file at fault. */
int cert_load_roots(const char *dir, struct cert_roots *, struct buf *why);
void cert_free_roots(struct cert_roots *);

/* Is the chain's first certificate good now (seconds since 1970)?  Each
 * issuer signed the one before, is an operator, was valid, does not give more
 * than it may; the last issuer is a root.  -1 with *why. */
int cert_verify(const struct cert_chain *, const struct cert_roots *,
    uint64_t now, const char **why);

const char *cert_role_name(uint64_t role); /* "server", or "?" */
int cert_role_of(const char *name, uint64_t *role);

#endif
