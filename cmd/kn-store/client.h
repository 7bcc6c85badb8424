/* SPDX-License-Identifier: ISC
 *
 * What the verbs of kn-store(8) share: their operands, the connection to the
 * daemon and what its answers say.  All end the process when something is
 * wrong. */
#ifndef KN_STORE_CLIENT_H
#define KN_STORE_CLIENT_H

#include "cmd/cmd.h"
#include "cmd/kn-store/member.h"
#include "cmd/kn-store/parts.h"
#include "cmd/show.h"
#include "net/httpc.h"

enum { CLIENT_WORDS = 64, CLIENT_BLOCK = 256 << 10, CLIENT_TARGET = 8192 };

struct verb {
	const char *name, *operands, *about;
	const char *detail; /* an example */
	/* argv[0] is the verb; returns the exit code. */
	int (*run)(struct client_conf *, const struct verb *, int argc,
	    char **argv);
};

/* verbs of contents */
int put_run(struct client_conf *, const struct verb *, int, char **);
int get_run(struct client_conf *, const struct verb *, int, char **); /* cat */
int ls_run(struct client_conf *, const struct verb *, int, char **);
int stat_run(struct client_conf *, const struct verb *, int, char **);
int rm_run(struct client_conf *, const struct verb *, int, char **);
int du_run(struct client_conf *, const struct verb *, int, char **);
/* verbs of who may what */
int mb_run(struct client_conf *, const struct verb *, int, char **);
int rb_run(struct client_conf *, const struct verb *, int, char **);
int bucket_run(struct client_conf *, const struct verb *, int, char **);
int key_run(struct client_conf *, const struct verb *, int, char **);
int tenant_run(struct client_conf *, const struct verb *, int, char **);
int usage_run(struct client_conf *, const struct verb *, int, char **);
int health_run(struct client_conf *, const struct verb *, int, char **);
int stats_run(struct client_conf *, const struct verb *, int, char **);
int scrub_run(struct client_conf *, const struct verb *, int, char **);
/* verbs that open the files themselves */
int fsck_run_verb(struct client_conf *, const struct verb *, int, char **);
int rebuild_run_verb(struct client_conf *, const struct verb *, int, char **);
int migrate_run_verb(struct client_conf *, const struct verb *, int, char **);
int snapshot_run(struct client_conf *, const struct verb *, int, char **);

/* Options and operands in any order; least .. most of these are wanted. */
size_t client_words(const struct verb *, const struct opt *, size_t n, int argc,
    char **argv, const char *words[CLIENT_WORDS], size_t least, size_t most);

/* The daemon does not answer, errno says why. */
void client_broken(const struct client_conf *) __attribute__((noreturn));
/* The daemon; one connection a run. */
struct httpc *client_connect(struct client_conf *);
/* BUCKET/KEY as a target, escaped: "/bucket/key".  key may be empty. */
struct slice client_target(const char *bucket_key, bool need_key);
/* "/-/what?name=value&…", values escaped; pairs of which the value may be NULL
 * (then it is left out), and CLIENT_END. */
#define CLIENT_END ((const char *)NULL)
struct slice client_admin(const char *what, ...);
/* Send without a body (or with this one) and read the answer's head; an error of
 * the daemon ends the process: EXIT_NO for what is not there or not allowed,
 * EXIT_WRONG for what makes no sense, EXIT_SYSTEM otherwise.  subject: what the
 * sentence is about. */
void client_ask(struct client_conf *, const char *method, struct slice target,
    struct slice fields, struct slice body, const char *subject,
    struct httpc_reply *);
/* The same, of a reply whose head is there already; false: it is an error and
 * the sentence has been said (for verbs that go on). */
bool client_good(struct client_conf *, const struct httpc_reply *,
    const char *subject, enum exit_code *code);
/* Every line of the answer's body, without its newline; at most SHOW_LINE
 * bytes. */
void client_lines(struct client_conf *, void (*fn)(void *arg, struct slice),
    void *arg);
/* Print the body's lines as they are. */
void client_print_lines(struct client_conf *);
/* Progress on a terminal, a few times a second; all 0: not known. */
void client_progress(const char *what, uint64_t done, uint64_t all);
void client_progress_end(void);

#endif
