/* SPDX-License-Identifier: ISC */
#include "cmd/kn-dht/verbs.h"
#include "cmd/cmd.h"
#include "cmd/show.h"
#include "proto/kadrec.h"
#include "wire/cid.h"
#include "wire/maddr.h"
#include "wire/mbase.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Keys. */

static int
read_peer(struct slice text, struct buf *key)
{
	struct peerid id;

	if (peerid_of_text(text, &id) < 0)
		return -1;
	put_slice(key, peerid_bytes(&id));
	return 0;
}

static int
read_cid(struct slice text, struct buf *key)
{
	struct cid cid;

	if (cid_of_text(text, &cid) < 0)
		return -1;
	put_slice(key, cid_hash(&cid));
	return 0;
}

static int
read_record(struct slice text, struct buf *key)
{
	return kadrec_key_of_text(text, key);
}

/* A peer id is a CID as well, but not of content. */
static int
read_any(struct slice text, struct buf *key)
{
	if (read_peer(text, key) == 0 || read_cid(text, key) == 0)
		return 0;
	return read_record(text, key);
}

static int
read_kept(struct slice text, struct buf *key)
{
	return read_cid(text, key) == 0 ? 0 : read_record(text, key);
}

/* Items. */

static void
put_addrs(const struct dht_item *i)
{
	char text[MADDR_TEXT];

	for (size_t n = 0; n < i->n_addrs; n++) {
		put_u8(&show_line, ' ');
		put_text(&show_line, maddr_text(i->addrs[n], text));
	}
	put_u8(&show_line, '\n');
	show_print();
}

static void
put_peer(struct slice peer)
{
	char text[PEERID_TEXT];

	put_text(&show_line, show_peer(peer, text));
}

static void
show_peer_of(
    const char *subject, const char *text, const struct dht_item *i, bool json)
{
	struct json j;

	if (!json) {
		put_peer(i->peer);
		put_addrs(i);
		return;
	}
	json_begin(&j, &show_line);
	if (subject)
		json_text(&j, subject, text);
	show_json_peer(&j, "peer", i->peer);
	show_json_addrs(&j, "addrs", i->addrs, i->n_addrs);
	json_end(&j);
	show_print();
}

static void
item_find(const char *text, const struct dht_item *i, bool json)
{
	show_peer_of(NULL, text, i, json);
}

static void
missing_find(struct slice key, bool json)
{
	struct json j;

	if (!json)
		return;
	json_begin(&j, &show_line);
	show_json_peer(&j, "peer", key);
	json_bool(&j, "found", false);
	json_end(&j);
	show_print();
}

static void
item_closest(const char *text, const struct dht_item *i, bool json)
{
	show_peer_of("key", text, i, json);
}

static void
item_provider(const char *text, const struct dht_item *i, bool json)
{
	show_peer_of("cid", text, i, json);
}

static void
item_value(const char *text, const struct dht_item *i, bool json)
{
	struct buf base = { .max = SHOW_LINE };
	struct json j;

	mbase_encode(MBASE_64, i->value, &base);
	if (json) {
		json_begin(&j, &show_line);
		json_text(&j, "key", text);
		json_str(&j, "value", buf_slice(&base));
		json_end(&j);
	} else {
		put_slice(&show_line, buf_slice(&base));
		put_u8(&show_line, '\n');
	}
	buf_free(&base);
	show_print();
}

static void
item_table(const char *text, const struct dht_item *i, bool json)
{
	static bool headed;
	char row[96];
	struct json j;

	(void)text;
	if (!json) {
		if (!headed)
			put_text(&show_line, "BUCKET HEARD s FAILS PEER AND "
					     "ADDRESSES\n");
		headed = true;
		snprintf(row, sizeof row,
		    "%6" PRIu64 " %7" PRIu64 " %5" PRIu64 " ", i->bucket,
		    i->heard / 1000, i->fails);
		put_text(&show_line, row);
		put_peer(i->peer);
		put_addrs(i);
		return;
	}
	json_begin(&j, &show_line);
	show_json_peer(&j, "peer", i->peer);
	json_uint(&j, "bucket", i->bucket);
	json_uint(&j, "heard_ms", i->heard);
	json_uint(&j, "fails", i->fails);
	show_json_addrs(&j, "addrs", i->addrs, i->n_addrs);
	json_end(&j);
	show_print();
}

static void
item_key(const char *text, const struct dht_item *i, bool json)
{
	char name[KADREC_TEXT], row[64];
	bool record = i->number > 0;
	time_t due = (time_t)i->due;
	struct json j;

	(void)text;
	if (record)
		kadrec_key_text(i->key, name);
	else
		cid_hash_text(i->key, name);
	if (json) {
		json_begin(&j, &show_line);
		json_text(&j, record ? "key" : "cid", name);
		json_uint(&j, "due", i->due);
		json_end(&j);
	} else {
		strftime(
		    row, sizeof row, "  told again %F %T\n", localtime(&due));
		put_text(&show_line, name);
		put_text(&show_line, row);
	}
	show_print();
}

/* One object of all of them: what comes last closes it. */
static struct json stats;

static void
item_stat(const char *text, const struct dht_item *i, bool json)
{
	char row[96];

	(void)text;
	if (json) {
		if (show_line.n == 0)
			json_begin(&stats, &show_line);
		json_uint(&stats, show_plain(i->name), i->number);
		return;
	}
	snprintf(row, sizeof row, "%-40s %" PRIu64 "\n", show_plain(i->name),
	    i->number);
	put_text(&show_line, row);
	show_print();
}

static void
good_stats(const char *text, const struct dht_done *d, bool json)
{
	(void)text;
	(void)d;
	if (!json)
		return;
	json_end(&stats);
	show_print();
}

/* Done. */

static void
told(const char *subject, const char *text, const struct dht_done *d, bool json)
{
	char row[64];
	struct json j;

	if (json) {
		json_begin(&j, &show_line);
		json_text(&j, subject, text);
		json_uint(&j, "peers", d->count);
		json_end(&j);
	} else {
		snprintf(row, sizeof row, "  kept by %" PRIu64 " peer%s\n",
		    d->count, d->count == 1 ? "" : "s");
		put_text(&show_line, text);
		/* nobody was asked yet: nobody who takes it is an error */
		put_text(
		    &show_line, d->count > 0 ? row : "  to be told soon\n");
	}
	show_print();
}

static void
good_provide(const char *text, const struct dht_done *d, bool json)
{
	told("cid", text, d, json);
}

static void
good_put(const char *text, const struct dht_done *d, bool json)
{
	told("key", text, d, json);
}

/* clang-format off */
const struct verb verbs[] = {
	{ .name = "find", .operands = "[PEER …]",
	    .about = "find the addresses of peers",
	    .detail = "example: kn-dht find 12D3… | jq -r '.addrs[]'\n",
	    .verb = DHT_FIND, .subject = "peer id", .read = read_peer,
	    .item = item_find, .missing = missing_find },
	{ .name = "closest", .operands = "[KEY …]",
	    .about = "find the servers that are nearest to a key",
	    .detail = "A KEY is a CID, a peer id, /NAMESPACE/… or hex:….\n"
	    "example: kn-dht closest bafkrei… | jq -r .peer\n",
	    .verb = DHT_CLOSEST, .subject = "key", .read = read_any,
	    .item = item_closest },
	{ .name = "providers", .operands = "[CID …]",
	    .about = "find who provides something",
	    .detail = "Each is shown as it is found.\n"
	    "example: kn-dht providers -n 1 bafkrei… | jq -r '.addrs[]'\n",
	    .verb = DHT_PROVIDERS, .subject = "CID", .read = read_cid,
	    .item = item_provider, .counts = "so many are enough (20)" },
	{ .name = "get", .operands = "[KEY …]",
	    .about = "get the best record of a key",
	    .detail = "A KEY is /NAMESPACE/… or hex:….\n"
	    "example: kn-dht get --raw /ipns/12D3… >record\n",
	    .verb = DHT_GET, .subject = "key of a record",
	    .read = read_record, .item = item_value, .raw = true,
	    .counts = "so many peers that agree are enough" },
	{ .name = "provide", .operands = "[CID …]",
	    .about = "tell others that this node has something",
	    .detail = "It is told again and again until unprovide.\n"
	    "example: ls -d blobs/* | sed 's|.*/||' | "
	    "kn-dht provide --queued\n",
	    .verb = DHT_PROVIDE, .subject = "CID", .read = read_cid,
	    .good = good_provide, .once = true, .queued = true },
	{ .name = "unprovide", .operands = "[CID|KEY …]",
	    .about = "tell it no more, forget a record that was put",
	    .detail = "What others know of it expires within 48 hours.\n"
	    "example: kn-dht keys | jq -r '.cid // .key' | kn-dht unprovide\n",
	    .verb = DHT_UNPROVIDE, .subject = "CID or key",
	    .read = read_kept },
	{ .name = "put", .operands = "KEY [FILE]",
	    .about = "give a record to the servers nearest to its key",
	    .detail = "The bytes come from FILE or standard input.\n"
	    "example: kn-dht put /ipns/12D3… <record\n",
	    .verb = DHT_PUT, .subject = "key of a record",
	    .read = read_record, .good = good_put, .once = true },
	{ .name = "table", .operands = "",
	    .about = "show the routing table",
	    .detail = "example: kn-dht table | "
	    "jq -s 'group_by(.bucket) | map(length)'\n",
	    .verb = DHT_TABLE, .item = item_table },
	{ .name = "keys", .operands = "",
	    .about = "show what this node provides and keeps",
	    .detail = "due is when it is told again, in seconds since 1970.\n"
	    "example: kn-dht keys | jq -r 'select(.cid).cid'\n",
	    .verb = DHT_KEYS, .item = item_key },
	{ .name = "stats", .operands = "",
	    .about = "show the daemon's figures",
	    .detail = "example: kn-dht stats | jq .reprovide_lag_seconds\n",
	    .verb = DHT_STATS, .item = item_stat, .good = good_stats },
};
/* clang-format on */

const size_t nverbs = N(verbs);
