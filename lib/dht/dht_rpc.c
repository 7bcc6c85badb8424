/* SPDX-License-Identifier: ISC
 *
 * Questions to other peers, and what their answers are good for. */
#include "base/mem.h"
#include "dht/dht_own.h"

#include <stdlib.h>
#include <string.h>

struct rpc *
rpc_new(struct dht *d, enum rpc_kind kind, unsigned type, struct op *o,
    const struct peerid *peer, const struct kadaddrs *addrs)
{
	struct rpc *r = mem_new(sizeof *r);
	const struct kadaddrs *known = addrs;

	if (known == NULL || known->n == 0)
		known = peers_addrs(d, peer);
	if (known)
		kadaddrs_copy(&r->addrs, known);
	r->id = ++d->last_rpc;
	r->kind = kind;
	r->type = type;
	r->op = o;
	r->peer = *peer;
	map_put_u32(&d->rpcs, (uint32_t)r->id, r);
	d->counts[DHT_STAT_ASKED]++;
	return r;
}

static void
rpc_free(struct rpc *r)
{
	kadaddrs_free(&r->addrs);
	free(r);
}

void
rpc_free_all(struct dht *d)
{
	struct rpc *r;
	struct slice key;

	for (size_t at = 0; (r = map_next(&d->rpcs, &at, &key)) != NULL;)
		rpc_free(r);
}

void
rpc_ask(struct dht *d, const struct rpc *r, struct slice key,
    struct slice value, msec timeout, struct dht_ev *ev)
{
	struct kad_msg *m = &d->msg;

	pb_clear(&kad_msg_desc, m);
	m->has_type = m->has_key = true;
	m->type = r->type;
	m->key = key;
	if (r->type == KAD_PUT_VALUE) {
		m->has_record = m->record.has_key = m->record.has_value = true;
		m->record.key = key;
		m->record.value = value;
	}
	buf_cut(&d->message, 0);
	pb_encode_framed(&kad_msg_desc, m, &d->message);
	*ev = (struct dht_ev){ .what = DHT_EV_ASK,
		.rpc = r->id,
		.peer = &r->peer,
		.addrs = &r->addrs,
		.messages = buf_slice(&d->message),
		.timeout = msec_min(timeout, d->conf.rpc_timeout) };
}

void
rpc_put_proof(struct dht *d, struct buf *out)
{
	struct kad_msg *m = &d->msg;

	pb_clear(&kad_msg_desc, m);
	m->has_type = m->has_key = true;
	m->type = KAD_FIND_NODE;
	m->key = peerid_bytes(&d->self);
	pb_encode_framed(&kad_msg_desc, m, out);
}

void
rpc_put_provide(struct dht *d, struct slice key, struct buf *out)
{
	struct kad_msg *m = &d->msg;
	struct kad_peer *us = &m->provider[0];

	pb_clear(&kad_msg_desc, m);
	pb_clear(&kad_peer_desc, us);
	m->has_type = m->has_key = us->has_id = true;
	m->type = KAD_ADD_PROVIDER;
	m->key = key;
	m->n_provider = 1;
	us->id = peerid_bytes(&d->self);
	us->n_addrs = kadaddrs_list(&d->addrs, us->addrs);
	pb_encode_framed(&kad_msg_desc, m, out);
}

/* Takes the question out; NULL: there is none of this number (any more). */
static struct rpc *
take(struct dht *d, uint64_t id)
{
	return map_cut_u32(&d->rpcs, (uint32_t)id);
}

static void
finish(struct dht *d, struct rpc *r, const struct kad_msg *m)
{
	struct op *o = r->op;

	if (m) {
		d->counts[DHT_STAT_ANSWERED]++;
		peers_heard(d, &r->peer, &r->addrs);
	} else {
		d->counts[DHT_STAT_FAILED]++;
		peers_failed(d, &r->peer);
	}
	if (o && r->kind == RPC_BATCH)
		dht_sweep_told(d, o, r, m != NULL);
	else if (o)
		op_answer(d, o, r, m);
	rpc_free(r);
}

void
dht_replied(struct dht *d, uint64_t id, struct slice message, msec now)
{
	struct rpc *r = take(d, id);
	struct kad_msg *m = &d->answer;

	d->now = now;
	if (r == NULL)
		return;
	if (message.n > KAD_MESSAGE ||
	    pb_decode(&kad_msg_desc, message, m, NULL) < 0 ||
	    m->type != r->type) {
		d->counts[DHT_STAT_BAD_ANSWERS]++;
		m = NULL;
	}
	finish(d, r, m);
}

void
dht_failed(struct dht *d, uint64_t id, msec now)
{
	struct rpc *r = take(d, id);

	d->now = now;
	if (r)
		finish(d, r, NULL);
}
