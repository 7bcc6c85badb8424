/* SPDX-License-Identifier: ISC
 *
 * What tests of a network of nodes have in common: operations, the truth, and
 * records. */
#ifndef T_DHT_RIG_H
#define T_DHT_RIG_H

#include "crypt/envelope.h"
#include "t/dht/net.h"
#include "wire/msg/kad.h"

#include <sodium.h>

/* Jobs. */

/* With net.done, the job is that function's to free, and may be gone already. */
static inline struct job *
node_ask_about(struct node *n, const struct dht_ask *a, size_t about)
{
	struct job *j = mem_new(sizeof *j);
	enum dht_end why;

	j->node = n;
	j->verb = a->verb;
	j->about = about;
	j->begun = n->net->w.now;
	j->value.max = KAD_VALUE;
	j->op = dht_start(n->dht, a, n->net->w.now, &why);
	if (j->op == 0) {
		job_done(j, why);
		return j;
	}
	j->next = n->jobs;
	n->jobs = j;
	node_pump(n);
	return j;
}

static inline struct job *
node_ask(struct node *n, const struct dht_ask *a)
{
	return node_ask_about(n, a, 0);
}

/* Until it is done, ten minutes at most. */
static inline struct job *
job_wait(struct job *j)
{
	struct net *net = j->node->net;
	msec until = net->w.now + 600000;

	while (!j->done && net->w.now < until && net_step(net))
		;
	return j;
}

static inline struct job *
node_verb(struct node *n, unsigned verb, struct slice key)
{
	return node_ask(n,
	    &(struct dht_ask){ .verb = verb, .key = key, .once = true });
}

/* Asks, waits, and says how it ended. */
static inline enum dht_end
end_of(struct node *n, unsigned verb, struct slice key)
{
	struct job *j = job_wait(node_verb(n, verb, key));
	enum dht_end end = j->end;

	job_free(j);
	return end;
}

static inline struct slice
id_of(const struct node *n)
{
	return peerid_bytes(&n->id);
}

/* The truth: the k servers of all but one that are nearest to key, nearest
 * first. */
static inline size_t
net_nearest(const struct net *net, struct slice key, const struct node *but,
    const struct node **out, size_t k)
{
	struct kadkey target = kadkey_of(key);
	size_t n = 0, j;

	for (size_t i = 0; i < net->n; i++) {
		const struct node *it = net->nodes[i];

		if (it == but || it->dht == NULL || it->hidden ||
		    !dht_is_server(it->dht))
			continue;
		for (j = n; j > 0; j--)
			if (kadkey_nearer(&target, &it->place,
				&out[j - 1]->place) >= 0)
				break;
		if (j >= k)
			continue;
		n += n < k;
		memmove(out + j + 1, out + j, (n - 1 - j) * sizeof *out);
		out[j] = it;
	}
	return n;
}

/* n servers that know one another; nobody knew more than the first. */
static inline void
net_grow(struct net *net, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct node *it = net_add(net);

		node_start(it, &net->conf);
		node_boot(it, i > 0 ? net->nodes[0] : NULL);
		net_run(net, 500);
	}
	net_run(net, 120000);
}

/* A sha2-256 multihash of nothing in particular. */
static inline struct slice
hash_of(uint64_t no, uint8_t bytes[34])
{
	for (size_t i = 0; i < 34; i++)
		bytes[i] = (uint8_t)(mix(no * 64 + i + 1));
	bytes[0] = 0x12;
	bytes[1] = 0x20;
	return slice_of(bytes, 34);
}

static inline uint64_t
stat_of(struct node *n, enum dht_stat which)
{
	uint64_t stats[DHT_STAT_N], refused[DHT_REFUSE_N], said[KADTAB_SAID_N];

	dht_stats(n->dht, n->net->w.now, stats, refused, said);
	return stats[which];
}

/* Records. */

/* A value of the network's own names, by the key of this number. */
struct record {
	struct buf key, value;
};

static inline void
record_free(struct record *r)
{
	buf_free(&r->key);
	buf_free(&r->value);
}

static inline struct record
own_record(uint8_t no, uint64_t seq, const char *text)
{
	struct record r = { { .max = KAD_KEY }, { .max = KAD_VALUE } };
	struct buf content = { .max = KAD_VALUE };
	struct signed_value v = { .has_seq = true, .seq = seq,
		.has_expires = true, .expires = NET_WALL / 1000 + 864000,
		.has_value = true, .value = slice_text(text),
		.has_name = true, .name = slice_text("kn") };
	uint8_t seed[32] = { no };
	struct key key;
	struct peerid id;

	key_of_seed(&key, seed);
	id = key_peerid(&key);
	put_text(&r.key, "/kn/");
	put_slice(&r.key, peerid_bytes(&id));
	pb_encode(&signed_value_desc, &v, &content);
	envelope_seal(&envelope_value, &key, buf_slice(&content), &r.value);
	buf_free(&content);
	return r;
}

static inline struct record
pk_record(uint8_t no)
{
	struct record r = { { .max = KAD_KEY }, { .max = KAD_VALUE } };
	uint8_t seed[32] = { no }, pb[KEY_PUBLIC_PB], hash[32];
	struct key key;

	key_of_seed(&key, seed);
	key_public(&key, pb);
	crypto_hash_sha256(hash, pb, sizeof pb);
	put_text(&r.key, "/pk/");
	put_bytes(&r.key, "\x12\x20", 2);
	put_bytes(&r.key, hash, sizeof hash);
	put_bytes(&r.value, pb, sizeof pb);
	return r;
}

#endif
