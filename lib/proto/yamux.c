/* SPDX-License-Identifier: ISC */
#include "proto/yamux.h"
#include "base/mem.h"
#include "proto/yamux_own.h"

#include <stdlib.h>
#include <string.h>

enum type { DATA, CREDIT, PING, GOAWAY, TYPES };
enum { SYN = 1, ACK = 2, FIN = 4, RST = 8 };

/* What the parts of a step say to one another: the first three are what
 * yamux_step returns, NEXT is to go on with what follows in the input. */
enum { OVER = -1, MORE = 0, EVENT = 1, NEXT = 2 };

enum {
	SECOND = 1000,
	QUICK = 4, /* round trips: a window taken in less is too small */
};

struct frame {
	uint8_t type;
	uint16_t flags;
	uint32_t id;
	uint32_t len;
};

struct turn {
	struct slice *in;
	msec now;
	struct buf *out;
	struct yamux_ev *ev;
};

static void
encode(uint8_t h[YAMUX_HEADER], struct frame f)
{
	h[0] = 0;
	h[1] = f.type;
	h[2] = (uint8_t)(f.flags >> 8);
	h[3] = (uint8_t)f.flags;
	for (int i = 0; i < 4; i++) {
		h[4 + i] = (uint8_t)(f.id >> (24 - 8 * i));
		h[8 + i] = (uint8_t)(f.len >> (24 - 8 * i));
	}
}

static void
say(const struct yamux *y, struct buf *out, struct frame f)
{
	uint8_t h[YAMUX_HEADER];

	if (y->why)
		return;
	encode(h, f);
	put_bytes(out, h, sizeof h);
}

static int
fail(struct yamux *y, struct buf *out, enum yamux_code code, const char *why)
{
	say(y, out, (struct frame){ .type = GOAWAY, .len = code });
	y->why = why;
	return OVER;
}

static int
wrong(struct yamux *y, const struct turn *t, const char *why)
{
	return fail(y, t->out, YAMUX_PROTOCOL, why);
}

static int
tell(const struct turn *t, enum yamux_kind kind, struct yamux_stream *s)
{
	t->ev->kind = kind;
	t->ev->stream = s;
	return EVENT;
}

/* What is counted by the second begins anew. */
static void
tell_time(struct yamux *y, msec now)
{
	if (now - y->second < SECOND)
		return;
	y->second = now;
	y->replies = y->wasted = 0;
}

/* A reply that the peer has provoked, within what it may provoke. */
static int
answer(struct yamux *y, const struct turn *t, struct frame f)
{
	tell_time(y, t->now);
	if (++y->replies > YAMUX_REPLIES)
		return wrong(y, t, "too many pings or refused streams");
	say(y, t->out, f);
	return NEXT;
}

static bool
both_closed(const struct yamux_stream *s)
{
	return s->said_fin && s->heard_fin;
}

/* The SYN rides on what is sent first; an ACK has gone out with YAMUX_OPEN. */
static uint16_t
flags_due(struct yamux_stream *s)
{
	bool first = !s->opened;

	s->opened = true;
	return first ? SYN : 0;
}

void
yamux_adopt(struct yamux *y, struct yamux_stream *s)
{
	map_put_u32(&y->streams, s->id, s);
	if (s->inbound)
		y->in++;
	else
		y->out_n++;
}

static void
disown(struct yamux *y, const struct yamux_stream *s)
{
	map_cut_u32(&y->streams, s->id);
	if (s->inbound)
		y->in--;
	else
		y->out_n--;
}

static struct yamux_stream *
new_stream(struct yamux *y, uint32_t id, bool inbound, msec now)
{
	struct yamux_stream *s = mem_new(sizeof *s);

	*s = (struct yamux_stream){
		.id = id,
		.inbound = inbound,
		.opened = inbound,
		.acked = inbound,
		.send = YAMUX_WINDOW,
		.recv = YAMUX_WINDOW,
		.window = YAMUX_WINDOW,
		.epoch = now,
	};
	yamux_adopt(y, s);
	return s;
}

/* Ids may come in any order: a peer with threads numbers a stream first and
 * sends its SYN later, and SYNs that ride on data go as the data do. */
static int
welcome(struct yamux *y, const struct frame *f, const struct turn *t,
    struct yamux_stream **s)
{
	if ((f->id & 1) == (y->client ? 1 : 0))
		return wrong(y, t, "stream id of the wrong parity");
	if (*s)
		return wrong(y, t, "second SYN for a stream");
	if (f->flags & ACK)
		return wrong(y, t, "SYN with ACK");
	tell_time(y, t->now);
	if (y->wasted >= YAMUX_WASTE)
		return wrong(y, t, "too many streams that come to nothing");
	if (f->flags & RST) {
		y->wasted++;
		return NEXT;
	}
	if (y->going || y->in >= y->limits.streams_in) {
		y->refused++;
		return answer(y, t,
		    (struct frame){
			.type = CREDIT, .flags = RST, .id = f->id });
	}
	*s = new_stream(y, f->id, true, t->now);
	/* at once: a peer may hold back further streams until this comes */
	say(y, t->out,
	    (struct frame){ .type = CREDIT, .flags = ACK, .id = f->id });
	return tell(t, YAMUX_OPEN, *s);
}

/* Which stream a frame is for; NULL: one that is no more, or never was.
 * Resets cross frames on the way, so that is no error. */
static int
find(struct yamux *y, const struct frame *f, const struct turn *t,
    struct yamux_stream **s)
{
	*s = map_get_u32(&y->streams, f->id);
	if (f->flags & SYN)
		return welcome(y, f, t, s);
	if (*s && !(*s)->opened)
		*s = NULL;
	if (*s && f->flags & ACK)
		(*s)->acked = true;
	return NEXT;
}

/* What is left of a frame after its header: data, then the end of a half or
 * of the stream, each an event of its own. */
static void
begin_body(struct yamux *y, const struct frame *f, const struct yamux_stream *s)
{
	y->body_id = s ? s->id : 0;
	y->body_left = f->type == DATA ? f->len : 0;
	y->body_rst = f->flags & RST;
	y->body_fin = f->flags & FIN && !y->body_rst;
	y->body_drop = !s || s->heard_fin || y->body_rst;
	y->body_code = f->type == CREDIT ? f->len : 0;
}

static int
on_data(struct yamux *y, const struct frame *f, const struct turn *t)
{
	struct yamux_stream *s;
	int r = find(y, f, t, &s);

	if (r == OVER)
		return OVER;
	/* a stream that is gone can have had no more than the most */
	if (f->len > (s ? s->recv : y->limits.window_most))
		return wrong(y, t, "data beyond the window");
	begin_body(y, f, s);
	return r;
}

static int
on_credit(struct yamux *y, const struct frame *f, const struct turn *t)
{
	struct yamux_stream *s;
	int r = find(y, f, t, &s);

	if (r == OVER)
		return OVER;
	begin_body(y, f, s);
	/* with RST the length is a code, as go-yamux has it */
	if (s == NULL || f->flags & RST)
		return r;
	if (f->len > UINT32_MAX - s->send)
		return wrong(y, t, "credit beyond 32 bits");
	s->send += f->len;
	if (r == EVENT || f->len == 0 || s->said_fin)
		return r;
	return tell(t, YAMUX_CREDIT, s);
}

static int
on_ping(struct yamux *y, const struct frame *f, const struct turn *t)
{
	msec sample;

	if (f->flags == SYN)
		return answer(y, t,
		    (struct frame){
			.type = PING, .flags = ACK, .len = f->len });
	if (f->flags != ACK)
		return wrong(y, t, "ping that neither asks nor answers");
	if (y->ping_sent < 0 || f->len != y->ping_id)
		return NEXT;
	sample = t->now - y->ping_sent;
	y->rtt = y->rtt < 0 ? sample : (y->rtt + sample + 1) / 2;
	y->ping_sent = -1;
	return tell(t, YAMUX_PONG, NULL);
}

static int
on_goaway(struct yamux *y, const struct frame *f, const struct turn *t)
{
	y->gone = true;
	t->ev->code = f->len <= YAMUX_INTERNAL ? f->len : YAMUX_INTERNAL;
	return tell(t, YAMUX_GOAWAY, NULL);
}

/* clang-format off */
static const struct {
	int (*handle)(struct yamux *, const struct frame *,
	    const struct turn *);
	uint16_t flags; /* those that it may carry */
	bool session;   /* about the session, not about a stream */
} rules[TYPES] = {
	[DATA]   = { on_data,   SYN | ACK | FIN | RST, false },
	[CREDIT] = { on_credit, SYN | ACK | FIN | RST, false },
	[PING]   = { on_ping,   SYN | ACK,             true },
	[GOAWAY] = { on_goaway, 0,                     true },
};
/* clang-format on */

static int
read_header(struct yamux *y, const struct turn *t)
{
	struct slice part, head;
	struct frame f;
	uint8_t version;
	size_t want = YAMUX_HEADER - (size_t)y->head_n;

	if (t->in->n == 0)
		return MORE;
	part = get_bytes(t->in, want < t->in->n ? want : t->in->n);
	memcpy(y->head + y->head_n, part.p, part.n);
	y->head_n = (uint8_t)(y->head_n + part.n);
	if (y->head_n < YAMUX_HEADER)
		return MORE;
	y->head_n = 0;

	head = slice_of(y->head, YAMUX_HEADER);
	version = get_u8(&head);
	f.type = get_u8(&head);
	f.flags = get_u16(&head);
	f.id = get_u32(&head);
	f.len = get_u32(&head);
	if (version != 0 || f.type >= TYPES)
		return wrong(y, t, "unknown version or type of frame");
	if (f.flags & ~rules[f.type].flags ||
	    rules[f.type].session != (f.id == 0))
		return wrong(y, t, "frame does not fit its type");
	return rules[f.type].handle(y, &f, t);
}

static int
read_data(struct yamux *y, const struct turn *t, struct yamux_stream *s)
{
	uint32_t n = y->body_left;
	struct slice data;

	if (t->in->n == 0)
		return MORE;
	if (n > t->in->n)
		n = (uint32_t)t->in->n;
	data = get_bytes(t->in, n);
	y->body_left -= n;
	if (s == NULL || y->body_drop)
		return NEXT;
	s->recv -= n;
	s->untaken += n;
	t->ev->data = data;
	return tell(t, YAMUX_DATA, s);
}

static int
read_body(struct yamux *y, const struct turn *t)
{
	/* by id: the owner may have reset the stream since the last step */
	struct yamux_stream *s = map_get_u32(&y->streams, y->body_id);
	bool fin = y->body_fin, rst = y->body_rst;

	if (y->body_left > 0)
		return read_data(y, t, s);
	y->body_fin = y->body_rst = false;
	if (s == NULL || both_closed(s))
		return NEXT;
	if (rst) {
		y->wasted += s->inbound;
		disown(y, s);
		s->said_fin = s->heard_fin = true;
		y->dead = s;
		t->ev->code = y->body_code;
		return tell(t, YAMUX_RESET, s);
	}
	if (!fin || s->heard_fin)
		return NEXT;
	s->heard_fin = true;
	return tell(t, YAMUX_FIN, s);
}

int
yamux_step(struct yamux *y, struct slice *in, msec now, struct buf *out,
    struct yamux_ev *ev)
{
	const struct turn t = { .in = in, .now = now, .out = out, .ev = ev };
	int r = NEXT;

	*ev = (struct yamux_ev){ .kind = YAMUX_MORE };
	free(y->dead);
	y->dead = NULL;
	if (y->why)
		return OVER;
	if (in->n > 0)
		y->heard = now;
	while (r == NEXT) {
		if (y->body_left > 0 || y->body_fin || y->body_rst)
			r = read_body(y, &t);
		else
			r = read_header(y, &t);
	}
	return r;
}

void
yamux_limit(struct yamux *y, const struct yamux_limits *limits)
{
	y->limits = *limits;
	if (y->limits.window_most < YAMUX_WINDOW)
		y->limits.window_most = YAMUX_WINDOW;
}

void
yamux_init(
    struct yamux *y, bool client, const struct yamux_limits *limits, msec now)
{
	*y = (struct yamux){
		.client = client,
		.next_id = client ? 1 : 2,
		.ping_sent = -1,
		.ping_next = now, /* windows cannot grow before rtt is known */
		.rtt = -1,
		.heard = now,
		.second = now,
	};
	yamux_limit(y, limits);
}

void
yamux_free(struct yamux *y)
{
	struct slice key;
	size_t at = 0;
	void *s;

	while ((s = map_next(&y->streams, &at, &key)) != NULL)
		free(s);
	map_free(&y->streams);
	free(y->dead);
	y->dead = NULL;
	y->in = y->out_n = 0;
}

struct yamux_stream *
yamux_open(struct yamux *y, msec now)
{
	uint32_t id = y->next_id;

	if (y->why || y->going || y->gone || y->out_n >= y->limits.streams_out)
		return NULL;
	if (id >= UINT32_MAX - 1)
		return NULL;
	y->next_id += 2;
	return new_stream(y, id, false, now);
}

uint32_t
yamux_room(const struct yamux_stream *s)
{
	return s->said_fin ? 0 : s->send;
}

void
yamux_header(struct yamux *y, struct yamux_stream *s, uint32_t n,
    uint8_t header[YAMUX_HEADER])
{
	(void)y;
	s->send -= n;
	encode(header,
	    (struct frame){
		.type = DATA, .flags = flags_due(s), .id = s->id, .len = n });
}

void
yamux_data(
    struct yamux *y, struct yamux_stream *s, struct slice data, struct buf *out)
{
	uint8_t header[YAMUX_HEADER];

	yamux_header(y, s, (uint32_t)data.n, header);
	put_bytes(out, header, sizeof header);
	put_slice(out, data);
}

/* The specification leaves the window's size to the receiver; the measure is
 * go-yamux's.  A clock of whole milliseconds makes the least trip one. */
static void
grow(const struct yamux *y, struct yamux_stream *s, uint32_t n, msec now)
{
	msec trip = y->rtt > 0 ? y->rtt : 1;
	bool quick = y->rtt >= 0 && now - s->epoch < QUICK * trip;
	uint32_t more;

	if (n < s->window - s->taken) {
		s->taken += n;
		return;
	}
	s->taken = 0;
	s->epoch = now;
	if (!quick || !y->may_grow || s->window >= y->limits.window_most)
		return;
	more = y->limits.window_most - s->window;
	if (more > s->window)
		more = s->window;
	s->window += more;
	s->owed += more;
}

void
yamux_took(struct yamux *y, struct yamux_stream *s, uint32_t n, msec now,
    struct buf *out)
{
	if (n > s->untaken)
		n = s->untaken;
	s->untaken -= n;
	s->owed += n;
	if (s->heard_fin)
		return;
	grow(y, s, n, now);
	if (s->owed < s->window / 2)
		return;
	say(y, out,
	    (struct frame){ .type = CREDIT,
		.flags = flags_due(s),
		.id = s->id,
		.len = s->owed });
	s->recv += s->owed;
	s->owed = 0;
}

void
yamux_fin(struct yamux *y, struct yamux_stream *s, struct buf *out)
{
	if (s->said_fin)
		return;
	s->said_fin = true;
	say(y, out,
	    (struct frame){
		.type = CREDIT, .flags = flags_due(s) | FIN, .id = s->id });
}

void
yamux_reset(
    struct yamux *y, struct yamux_stream *s, uint32_t code, struct buf *out)
{
	/* a stream whose SYN was never sent is nothing to the peer */
	y->wasted += s->inbound && !both_closed(s);
	if (s->opened && !both_closed(s))
		say(y, out,
		    (struct frame){ .type = CREDIT,
			.flags = RST,
			.id = s->id,
			.len = code });
	yamux_forget(y, s);
}

void
yamux_forget(struct yamux *y, struct yamux_stream *s)
{
	if (s == y->dead)
		y->dead = NULL;
	else
		disown(y, s);
	free(s);
}

void
yamux_goaway(struct yamux *y, enum yamux_code code, struct buf *out)
{
	y->going = true;
	say(y, out, (struct frame){ .type = GOAWAY, .len = code });
}

void
yamux_ping(struct yamux *y, msec now, struct buf *out)
{
	if (y->why || y->ping_sent >= 0)
		return;
	y->ping_sent = now;
	y->ping_next = now + YAMUX_KEEPALIVE;
	say(y, out,
	    (struct frame){ .type = PING, .flags = SYN, .len = ++y->ping_id });
}

/* A pong may stand behind a lot of data: any byte is a sign of life. */
msec
yamux_due(const struct yamux *y)
{
	if (y->why)
		return MSEC_NEVER;
	if (y->ping_sent < 0)
		return y->ping_next;
	return (y->heard > y->ping_sent ? y->heard : y->ping_sent) +
	       YAMUX_PONG_TIMEOUT;
}

int
yamux_tick(struct yamux *y, msec now, struct buf *out)
{
	if (y->why)
		return -1;
	if (now < yamux_due(y))
		return 0;
	if (y->ping_sent >= 0) {
		y->why = "no answer to a ping";
		return -1;
	}
	yamux_ping(y, now, out);
	return 0;
}
