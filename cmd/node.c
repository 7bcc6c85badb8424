/* SPDX-License-Identifier: ISC */
#include "cmd/node.h"
#include "base/fd.h"
#include "base/mem.h"
#include "cmd/cmd.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYS  "/var/lib/kontinuum-node/keys/"
#define ETC   "/etc/kontinuum-node/"
#define RUN   "/run/kontinuum-node"
#define DATA  "/var/lib/kontinuum-node/data/"
#define STATE "/var/lib/kontinuum-node/state"

/* clang-format off */

/* One row.  The field has the names of the section and the key. */
#define ROW(section, key, kind, value, ...)                                   \
	{ #section, #key, CONF_##kind, offsetof(struct node_conf,             \
	    section.key), value, __VA_ARGS__ }
/* A number or a time with its range. */
#define NUM(section, key, kind, value, from, to, text)                        \
	ROW(section, key, kind, value, .least = (from), .most = (to),         \
	    .help = text)
/* The same, bounded by another key of its section. */
#define SUB(section, key, kind, value, from, to, key2, text)                  \
	ROW(section, key, kind, value, .least = (from), .most = (to),         \
	    .within = #key2, .help = text)
#define TXT(section, key, kind, value, text)                                  \
	ROW(section, key, kind, value, .help = text)
#define WRD(section, key, value, of, text)                                    \
	ROW(section, key, WORD, value, .words = of, .help = text)

#define K   (UINT64_C(1) << 10)
#define M   (UINT64_C(1) << 20)
#define G   (UINT64_C(1) << 30)
#define SEC UINT64_C(1000)
#define MIN (60 * SEC)
#define HRS (60 * MIN)

/* in the order of enum log_level and of the enum in node.h */
static const char *const levels[] = { "debug", "info", "warn", "error", NULL };
static const char *const modes[] = { "auto", "client", "server", NULL };
static const char *const dials[] = { "auto", "yes", "no", NULL };

const struct conf_row node_rows[] = {
	TXT(identity, key_path, STR, KEYS "node.key",
	    "the sealed identity key"),
	TXT(identity, cert_path, STR, KEYS "node.cert",
	    "the node certificate"),
	TXT(identity, master_key_path, STR, KEYS "master.key",
	    "what the identity key is sealed with"),
	TXT(identity, roots_path, STR, ETC "roots",
	    "directory of keys that may issue certificates"),

	NUM(node, tier, UINT, "2", 0, 2,
	    "class of the machine, 0 (anchor) to 2 (home)"),
	NUM(node, max_total_gb, UINT, "50", 0, 1000000,
	    "the most gigabytes it stores"),
	TXT(node, tenancy, STR, "single",
	    "for whom it stores"),
	TXT(node, operator, STR, "self",
	    "who runs it"),
	TXT(node, geo_zone, STR, "",
	    "where it stands; empty to say nothing"),
	TXT(node, run_path, STR, RUN,
	    "directory of sockets and counters"),
	TXT(node, agent, STR, "kontinuum-node/" KN_VERSION,
	    "what it tells peers it is"),
	TXT(node, drain_path, STR, STATE "/drain",
	    "file that says whether the node drains"),
	WRD(node, log_level, "info", levels,
	    "the least that is logged: debug, info, warn or error"),

	TXT(network, listen_addrs, LIST,
	    "/ip4/0.0.0.0/tcp/4001\n/ip6/::/tcp/4001",
	    "addresses to listen on"),
	TXT(network, announce_addrs, LIST, "",
	    "addresses to tell peers besides those found"),
	TXT(network, control, LINES, "self: all\nroot: all",
	    "who may do what on p2p.sock"),
	TXT(network, sign, LINES, "self: all\nroot: all",
	    "who may ask for what on sign.sock"),
	TXT(network, allow_path, STR, "",
	    "file of peers and addresses that alone may connect"),
	TXT(network, deny_path, STR, "",
	    "file of peers and addresses that may not connect"),
	TXT(network, protect_path, STR, "",
	    "file of peers that have reserved places"),
	TXT(network, perf, BOOL, "no",
	    "answer the perf protocol"),
	WRD(network, dial_private, "auto", dials,
	    "dial private addresses: auto, yes or no"),
	NUM(network, dials_per_minute, UINT, "60", 0, 100000,
	    "the most dials a minute; 0 for no limit"),
	NUM(network, dial_timeout, TIME, "15s", SEC, 5 * MIN,
	    "how long a dial may take"),
	NUM(network, park_time, TIME, "2s", 0, MIN,
	    "how long a stream waits for a program that restarts"),
	NUM(network, drain_time, TIME, "60s", 0, HRS,
	    "how long streams may finish after TERM"),

	NUM(limits, peers, UINT, "512", 1, 1000000,
	    "the most peers connected"),
	SUB(limits, reserved_peers, UINT, "32", 0, 1000000, peers,
	    "how many of these places are for protected peers"),
	NUM(limits, handshakes, UINT, "128", 1, 65536,
	    "the most handshakes at once"),
	NUM(limits, peers_per_ip, UINT, "16", 1, 1000000,
	    "the most peers of one address"),
	NUM(limits, peers_per_subnet, UINT, "64", 1, 1000000,
	    "the most peers of one /24 or /56"),
	NUM(limits, bytes, BYTES, "128M", 4 * M, 64 * G,
	    "the most memory for all buffers together"),
	NUM(limits, streams_per_peer, UINT, "1024", 1, 65536,
	    "the most streams of one peer"),
	SUB(limits, window, BYTES, "16M", 256 * K, G, bytes,
	    "the most a stream's receive window grows to"),
	NUM(limits, handshake_timeout, TIME, "10s", SEC, 5 * MIN,
	    "how long a handshake may take"),
	NUM(limits, idle_timeout, TIME, "0", 0, 24 * HRS,
	    "close peers without streams after so long; 0 for never"),

	WRD(dht, mode, "auto", modes,
	    "answer others: auto (when reachable), client (never) or server"),
	TXT(dht, network, STR, "kontinuum",
	    "whose built-in anchors are asked at first"),
	TXT(dht, protocols, LIST, "/kontinuum/kad/1.0.0",
	    "the names under which Kademlia is spoken"),
	TXT(dht, bootstrap, LIST, "",
	    "addresses of peers to begin with"),
	TXT(dht, namespaces, LIST, "kontinuum",
	    "of records besides pk and ipns: values signed by their peer"),
	TXT(dht, control, LINES, "self: all\nroot: all",
	    "who may do what on dht.sock"),
	TXT(dht, private_addrs, BOOL, "no",
	    "tell and use private addresses; no limits by subnet"),
	TXT(dht, db_path, STR, DATA "dht/dht.db",
	    "its database"),
	NUM(dht, k, UINT, "20", 2, 32,
	    "peers of a bucket, and holders of a record"),
	NUM(dht, alpha, UINT, "10", 1, 32,
	    "questions of a lookup at once"),
	SUB(dht, beta, UINT, "3", 1, 32, k,
	    "nearest peers that must have answered"),
	SUB(dht, paths, UINT, "3", 1, 8, alpha,
	    "disjoint paths of a lookup for a value"),
	SUB(dht, quorum, UINT, "5", 1, 32, k,
	    "peers that must agree on a value"),
	NUM(dht, timeout, TIME, "60s", SEC, 10 * MIN,
	    "how long an operation may take"),
	SUB(dht, rpc_timeout, TIME, "10s", SEC, MIN, timeout,
	    "how long one answer may take"),
	NUM(dht, refresh, TIME, "10m", MIN, 24 * HRS,
	    "how often the table is refreshed"),
	NUM(dht, reprovide, TIME, "22h", MIN, 48 * HRS,
	    "how often our keys are announced again"),
	NUM(dht, server_after, TIME, "1m", 0, 24 * HRS,
	    "auto: how long reachable before it answers others"),
	NUM(dht, client_after, TIME, "15m", 0, 24 * HRS,
	    "auto: how long unreachable before it stops"),
	NUM(dht, provider_records, UINT, "2000000", 1000, 1000000000,
	    "the most provider records kept for others"),
	NUM(dht, value_records, UINT, "65536", 100, 100000000,
	    "the most values kept for others"),
	NUM(dht, value_bytes, BYTES, "64M", M, 64 * G,
	    "the most bytes of those values"),
	NUM(dht, own_keys, UINT, "4000000", 1000, 1000000000,
	    "the most keys this node provides"),
	NUM(dht, cache, BYTES, "8M", M, G,
	    "memory for the database"),

	TXT(store, listen, LIST, "127.0.0.1:9000",
	    "addresses and ports of the S3 API"),
	TXT(store, domains, LIST, "",
	    "domains under which a bucket is a host name"),
	TXT(store, hosts, LIST, "",
	    "other names that proxies call the S3 API by"),
	TXT(store, control, LINES, "self: all\nroot: all",
	    "who may do what on store.sock"),
	TXT(store, region, STR, "us-east-1",
	    "what clients are told the region is"),
	TXT(store, blobs_path, STR, DATA "store/blobs",
	    "directory of large contents"),
	TXT(store, db_path, STR, DATA "store/node.db",
	    "the index"),
	TXT(store, snapshots_path, STR, DATA "store/snapshots",
	    "directory of copies of the index"),
	TXT(store, secret_key_path, STR, DATA "store/store.key",
	    "what the secrets of access keys are sealed with"),
	NUM(store, connections, UINT, "1024", 1, 65536,
	    "the most connections"),
	SUB(store, connections_per_ip, UINT, "1024", 1, 65536, connections,
	    "the most connections of one address"),
	NUM(store, requests, UINT, "1024", 1, 65536,
	    "the most requests at once"),
	NUM(store, bytes, BYTES, "12M", 4 * M, 64 * G,
	    "the most memory for bodies on their way"),
	NUM(store, cache, BYTES, "4M", M, 16 * G,
	    "memory for the index"),
	NUM(store, idle_timeout, TIME, "1m", SEC, HRS,
	    "how long a connection may be without progress"),
	NUM(store, head_timeout, TIME, "10s", SEC, 5 * MIN,
	    "how long the head of a request may take"),
	NUM(store, disk_reserve, BYTES, "64M", 0, 1024 * G,
	    "disk kept free of new contents"),
	NUM(store, scrub_rate, BYTES, "4M", 0, 16 * G,
	    "bytes a second to be verified; 0 for none"),
	NUM(store, scrub_every, TIME, "720h", HRS, 8760 * HRS,
	    "how often each content is verified"),
	NUM(store, upload_life, TIME, "24h", MIN, 8760 * HRS,
	    "uploads that nobody touched for so long go"),
	NUM(store, snapshot_every, TIME, "6h", 0, 720 * HRS,
	    "how often the index is copied; 0 for never"),
	NUM(store, buckets_per_tenant, UINT, "100", 1, 10000,
	    "the most buckets of one tenant"),
	NUM(store, journal_rows, UINT, "1000000", 1000, 1000000000,
	    "changes of the index that are remembered"),

	TXT(metrics, listen, LIST, "127.0.0.1:9100",
	    "addresses and ports of the metrics"),
	TXT(metrics, allow, LIST, "127.0.0.0/8\n::1/128",
	    "addresses and networks that may ask"),
	TXT(metrics, programs, LIST, "kn-signd\nkn-p2pd\nkn-dht\nkn-store",
	    "programs without which the node is not ready"),
	TXT(metrics, textfiles_path, STR, STATE,
	    "directory of *.prom files to be added; empty for none"),
	NUM(metrics, connections, UINT, "64", 1, 4096,
	    "the most connections"),
	NUM(metrics, min_peers, UINT, "1", 0, 1000000,
	    "peers without which the node is not ready"),
	NUM(metrics, stale_after, TIME, "10s", SEC, 10 * MIN,
	    "a program whose loop has not turned for so long hangs"),
	NUM(metrics, start_time, TIME, "10m", SEC, 24 * HRS,
	    "how long a program may start or migrate"),
};
/* clang-format on */

const size_t node_nrows = N(node_rows);

enum { FAULTS_BYTES = 128 << 10, PRINT_BYTES = 1 << 20 };

void
node_load(const char *file, struct node_conf *conf)
{
	struct buf faults = { .max = FAULTS_BYTES };

	if (conf_load(file, node_rows, node_nrows, environ, conf, &faults) <
	    0) {
		(void)fd_write_all(STDERR_FILENO, buf_slice(&faults));
		die(EXIT_WRONG, "the configuration has faults");
	}
	buf_free(&faults);
}

void
node_show(const struct node_conf *conf)
{
	struct buf text = { .max = PRINT_BYTES };

	conf_print(node_rows, node_nrows, conf, &text);
	cmd_print(&text);
	exit(EXIT_YES);
}

void
node_free(struct node_conf *conf)
{
	conf_free(node_rows, node_nrows, conf);
}

char *
node_run_path(const struct node_conf *conf, const char *name)
{
	size_t n = strlen(conf->node.run_path);
	size_t bytes = n + 1 + strlen(name) + 1;
	char *path = mem_new(bytes);

	memcpy(path, conf->node.run_path, n);
	path[n] = '/';
	memcpy(path + n + 1, name, bytes - n - 1);
	return path;
}

const char *
node_socket(const char *given, const char *file, const char *name)
{
	struct node_conf conf = { 0 };
	char *path;

	if (given)
		return given;
	/* a client needs no configuration, and may not be allowed to read it */
	if (file == NULL && access(NODE_FILE, R_OK) < 0)
		conf.node.run_path = mem_string(RUN);
	else
		node_load(file ? file : NODE_FILE, &conf);
	path = node_run_path(&conf, name);
	node_free(&conf);
	return path;
}
