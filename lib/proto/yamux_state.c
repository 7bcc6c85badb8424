/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "proto/yamux.h"
#include "proto/yamux_own.h"
#include "wire/msg/state.h"

#include <errno.h>
#include <string.h>

#define FIELD(name, value) .has_##name = true, .name = (uint64_t)(value)

void
yamux_save(const struct yamux *y, struct state_yamux *st)
{
	*st = (struct state_yamux){
		FIELD(client, y->client),
		FIELD(next_id, y->next_id),
		FIELD(going, y->going),
		FIELD(gone, y->gone),
		.has_head = true,
		.head = slice_of(y->head, y->head_n),
		FIELD(body_id, y->body_id),
		FIELD(body_left, y->body_left),
		FIELD(body_drop, y->body_drop),
		FIELD(body_fin, y->body_fin),
		FIELD(body_rst, y->body_rst),
		FIELD(body_code, y->body_code),
		FIELD(ping_id, y->ping_id),
		FIELD(ping_sent, y->ping_sent + 1),
		FIELD(ping_next, y->ping_next),
		FIELD(rtt, y->rtt + 1),
		FIELD(may_grow, y->may_grow),
		FIELD(refused, y->refused),
		FIELD(heard, y->heard),
	};
}

static bool
all_32_bits(const uint64_t *v, size_t n)
{
	uint64_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= v[i];
	return any <= UINT32_MAX;
}

/* Far enough from the end that sums of times stay in range. */
static bool
all_times(const uint64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] > INT64_MAX / 4)
			return false;
	return true;
}

int
yamux_load(struct yamux *y, const struct state_yamux *st,
    const struct yamux_limits *limits)
{
	const uint64_t words[] = { st->next_id, st->body_id, st->body_left,
		st->body_code, st->ping_id };
	const uint64_t times[] = { st->ping_sent, st->ping_next, st->rtt,
		st->heard };
	bool client = st->client;

	if (!all_32_bits(words, sizeof words / sizeof *words) ||
	    !all_times(times, sizeof times / sizeof *times) ||
	    st->head.n >= YAMUX_HEADER || st->next_id == 0 ||
	    (st->next_id & 1) != client) {
		errno = EINVAL;
		return -1;
	}
	*y = (struct yamux){
		.client = client,
		.may_grow = st->may_grow,
		.next_id = (uint32_t)st->next_id,
		.going = st->going,
		.gone = st->gone,
		.head_n = (uint8_t)st->head.n,
		.body_id = (uint32_t)st->body_id,
		.body_left = (uint32_t)st->body_left,
		.body_drop = st->body_drop,
		.body_fin = st->body_fin,
		.body_rst = st->body_rst,
		.body_code = (uint32_t)st->body_code,
		.ping_id = (uint32_t)st->ping_id,
		.ping_sent = (msec)st->ping_sent - 1,
		.ping_next = (msec)st->ping_next,
		.rtt = (msec)st->rtt - 1,
		.heard = (msec)st->heard,
		.refused = st->refused,
	};
	if (st->head.n > 0)
		memcpy(y->head, st->head.p, st->head.n);
	yamux_limit(y, limits);
	return 0;
}

void
yamux_save_stream(const struct yamux_stream *s, struct state_stream *st)
{
	*st = (struct state_stream){
		FIELD(id, s->id),
		FIELD(inbound, s->inbound),
		FIELD(acked, s->acked),
		FIELD(said_fin, s->said_fin),
		FIELD(heard_fin, s->heard_fin),
		FIELD(send, s->send),
		FIELD(recv, s->recv),
		FIELD(window, s->window),
		FIELD(untaken, s->untaken),
		FIELD(owed, s->owed),
		FIELD(epoch, s->epoch),
		FIELD(opened, s->opened),
		FIELD(taken, s->taken),
	};
}

/* What every stream of this session keeps to at all times. */
static bool
makes_sense(const struct yamux *y, const struct state_stream *st)
{
	const uint64_t words[] = { st->id, st->send, st->recv, st->window,
		st->untaken, st->owed };
	bool ours = (st->id & 1) == y->client;

	if (!all_32_bits(words, sizeof words / sizeof *words) ||
	    !all_times(&st->epoch, 1) || st->id == 0 || ours != !st->inbound)
		return false;
	if (ours ? st->id >= y->next_id : !st->opened)
		return false;
	if (st->recv + st->untaken + st->owed != st->window ||
	    st->taken >= st->window)
		return false;
	if (st->id == y->body_id && !y->body_drop && y->body_left > st->recv)
		return false;
	return map_get_u32(&y->streams, (uint32_t)st->id) == NULL;
}

struct yamux_stream *
yamux_load_stream(struct yamux *y, const struct state_stream *st)
{
	struct yamux_stream *s;

	if (!makes_sense(y, st))
		return NULL;
	s = mem_new(sizeof *s);
	*s = (struct yamux_stream){
		.id = (uint32_t)st->id,
		.inbound = st->inbound,
		.opened = st->opened,
		.acked = st->acked,
		.said_fin = st->said_fin,
		.heard_fin = st->heard_fin,
		.send = (uint32_t)st->send,
		.recv = (uint32_t)st->recv,
		.window = (uint32_t)st->window,
		.untaken = (uint32_t)st->untaken,
		.owed = (uint32_t)st->owed,
		.taken = (uint32_t)st->taken,
		.epoch = (msec)st->epoch,
	};
	yamux_adopt(y, s);
	return s;
}
