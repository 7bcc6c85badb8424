/* SPDX-License-Identifier: ISC
 *
 * node.ini as one struct: the schema that all programs of the node share, so
 * that every program finds every mistake.  node.ini(5) is checked against the
 * table in node.c.  Fields have the names of their keys. */
#ifndef CMD_NODE_H
#define CMD_NODE_H

#include "base/conf.h"

struct node_conf {
	struct {
		char *key_path, *cert_path, *master_key_path, *roots_path;
	} identity;
	struct {
		uint64_t tier, max_total_gb;
		char *tenancy, *operator, *geo_zone;
		char *run_path; /* p2p.sock, sign.sock, stat/ */
		char *agent;    /* what identify says we are */
		char *drain_path; /* kn-drain(8) writes it, daemons look at it */
		unsigned log_level;
	} node;
	struct {
		struct conf_list listen_addrs, announce_addrs;
		struct conf_list control; /* who may do what on p2p.sock */
		struct conf_list sign;    /* who may ask for what on sign.sock */
		char *allow_path, *deny_path, *protect_path; /* "" for none */
		bool perf;
		unsigned dial_private; /* auto, yes, no */
		uint64_t dials_per_minute;
		uint64_t dial_timeout, park_time, drain_time; /* ms */
	} network;
	struct {
		uint64_t peers, reserved_peers, handshakes;
		uint64_t peers_per_ip, peers_per_subnet;
		uint64_t bytes; /* the budget of every buffer */
		uint64_t streams_per_peer;
		uint64_t window; /* the most a stream's receive window grows to */
		uint64_t handshake_timeout, idle_timeout; /* ms */
	} limits;
	struct {
		unsigned mode;  /* auto, client, server */
		char *network;  /* whose compiled-in anchors are asked */
		struct conf_list protocols, bootstrap, namespaces;
		struct conf_list control; /* who may do what on dht.sock */
		bool private_addrs;
		char *db_path;
		uint64_t k, alpha, beta, paths, quorum;
		uint64_t timeout, rpc_timeout, refresh, reprovide; /* ms */
		uint64_t server_after, client_after;
		uint64_t provider_records, value_records, value_bytes;
		uint64_t own_keys, cache;
	} dht;
	struct {
		struct conf_list listen;  /* ADDRESS:PORT of the S3 API */
		struct conf_list domains; /* BUCKET.DOMAIN names a bucket */
		struct conf_list hosts;   /* other names proxies call it by */
		struct conf_list control; /* who may do what on store.sock */
		char *region;
		char *blobs_path, *db_path, *snapshots_path, *secret_key_path;
		uint64_t connections, connections_per_ip, requests;
		uint64_t bytes, cache; /* memory */
		uint64_t idle_timeout, head_timeout; /* ms */
		uint64_t disk_reserve, scrub_rate;   /* bytes; bytes a second */
		uint64_t scrub_every, upload_life, snapshot_every; /* ms */
		uint64_t buckets_per_tenant, journal_rows;
	} store;
	struct {
		struct conf_list listen;   /* ADDRESS:PORT */
		struct conf_list allow;    /* ADDRESS[/BITS] that may ask */
		struct conf_list programs; /* whose absence is a fault */
		char *textfiles_path;      /* *.prom files to be added */
		uint64_t connections, min_peers;
		uint64_t stale_after, start_time; /* ms */
	} metrics;
};

enum { DIAL_AUTO, DIAL_YES, DIAL_NO }; /* network.dial_private */

extern const struct conf_row node_rows[];
extern const size_t node_nrows;

/* Load file, or end with EXIT_WRONG and every fault on stderr. */
void node_load(const char *file, struct node_conf *);
/* Print the effective configuration and end with EXIT_YES: for --check, when
 * nothing was found wrong. */
void node_show(const struct node_conf *) __attribute__((noreturn));
void node_free(struct node_conf *);

/* What of a program can change while it runs: 0, or -1 with one sentence a line
 * in faults, and nothing has changed. */
typedef int node_take(void *arg, const struct node_conf *, struct buf *faults);
/* HUP: read file again; take, and log with the new node.log_level.  False: what
 * is wrong was logged, and all is as it was. */
bool node_reload(
    const char *prog, const char *file, node_take *take, void *arg);
/* A line of the log for each of faults, for which the old values are kept. */
void node_log_faults(const char *event, const struct buf *faults);

/* run_path joined with name; free(3) it. */
char *node_run_path(const struct node_conf *, const char *name);

/* Where a client finds a daemon's socket: given (unless NULL), else by the
 * run_path of file, else of NODE_FILE or of a node without one.  Lives as long
 * as the process. */
const char *node_socket(const char *given, const char *file, const char *name);

#define NODE_FILE "/etc/kontinuum-node/node.ini"

#endif
