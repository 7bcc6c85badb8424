/* SPDX-License-Identifier: ISC
 *
 * What the verbs of kn-p2p(1) share: their operands, the connection to
 * kn-p2pd, and what becomes of a request.  All end the process when something is wrong. */
#ifndef KN_P2P_CLIENT_H
#define KN_P2P_CLIENT_H

#include "base/opt.h"
#include "cmd/show.h"
#include "net/p2p.h"
#include "wire/maddr.h"

enum {
	CLIENT_WORDS = 33,      /* operands of a verb */
	CLIENT_BYTES = 1 << 18, /* moved at a time */
};

struct client {
	const char *path; /* of p2p.sock */
	bool json;        /* NDJSON is wanted, also on a terminal */
	msec timeout;     /* of a dial, or without progress */
	struct loop *loop;
	struct p2p *p2p;
};

struct verb {
	const char *name, *operands, *about;
	const char *detail; /* an example */
	/* argv[0] is the verb; returns the exit code. */
	int (*run)(struct client *, const struct verb *, int argc, char **argv);
};

int self_run(struct client *, const struct verb *, int argc, char **argv);
int peers_run(struct client *, const struct verb *, int argc, char **argv);
int id_run(struct client *, const struct verb *, int argc, char **argv);
int events_run(struct client *, const struct verb *, int argc, char **argv);
int dial_run(struct client *, const struct verb *, int argc, char **argv);
int hangup_run(struct client *, const struct verb *, int argc, char **argv);
int ping_run(struct client *, const struct verb *, int argc, char **argv);
int open_run(struct client *, const struct verb *, int argc, char **argv);
int serve_run(struct client *, const struct verb *, int argc, char **argv);
int perf_run(struct client *, const struct verb *, int argc, char **argv);

/* The page of a verb, as "kn-p2p ping"; the name stays valid. */
struct opt_page client_page(const struct verb *, const struct opt *, size_t n);
/* Options and operands in any order; least .. most of these are wanted. */
size_t client_words(const struct verb *, const struct opt *, size_t n,
    int argc, char **argv, const char *words[CLIENT_WORDS], size_t least,
    size_t most);

/* A peer, and where to look for it. */
struct target {
	struct peerid peer;         /* n == 0: whoever is there */
	char name[MADDR_TEXT];      /* for sentences */
	struct maddr at[CLIENT_WORDS];
	struct slice addrs[CLIENT_WORDS];
	size_t n;
};
void client_target(const char *const *words, size_t n, bool must_name_peer,
    struct target *);

void client_connect(struct client *, const char *const *protocols,
    unsigned wants, const struct p2p_face *, void *arg);
/* For p2p_face: kn-p2pd is gone. */
void client_lost(void *arg, const char *why) __attribute__((noreturn));
/* What was asked for came to nothing. */
void client_failed(const char *what, const struct ctl_fail *)
    __attribute__((noreturn));
/* The stream broke. */
void client_broken(const char *what, unsigned reason)
    __attribute__((noreturn));
/* Ask for a stream; returns its descriptor. */
int client_open(struct client *, const struct target *,
    const char *const *protocols, size_t n, uint64_t *tag);
/* A message to be filled and said. */
struct ctl *client_message(void);
/* Reset a stream. */
void client_reset(struct client *, uint64_t tag, bool inbound);
/* End with EXIT_NO and a sentence about what, unless this is called again
 * before the time has come.  MSEC_NEVER: do not. */
void client_deadline(struct client *, const char *what, msec when);
msec client_patience(const struct client *); /* when a dial is overdue */
/* Microseconds of a clock that only grows. */
int64_t client_usec(void);

#endif
