/* SPDX-License-Identifier: ISC */
#include "net/serve.h"
#include "base/mem.h"
#include "proto/perf.h"

#include <stdlib.h>
#include <string.h>

/* Ping: what comes goes back, in order, until the peer closes its half. */

static void
ping_start(struct stream *s)
{
	(void)s;
}

static size_t
ping_data(struct stream *s, struct slice in)
{
	size_t n = stream_write(s, in);

	if (n < in.n)
		stream_wait(s);
	return n;
}

static void
ping_fin(struct stream *s)
{
	stream_fin(s);
}

static void
ping_room(struct stream *s)
{
	stream_more(s);
}

static void
ping_over(struct stream *s, enum reason why)
{
	(void)s;
	(void)why;
}

const struct service serve_ping = {
	.name = "ping",
	.start = ping_start,
	.data = ping_data,
	.fin = ping_fin,
	.room = ping_room,
	.over = ping_over,
};

static void
perf_start(struct stream *s)
{
	s->data = mem_new(sizeof(struct perf));
	perf_init(s->data);
}

static size_t
perf_data(struct stream *s, struct slice in)
{
	perf_hear(s->data, in);
	return in.n;
}

/* Send what is due while there is room; the bytes are zeros. */
static void
perf_send(struct stream *s)
{
	struct perf *p = s->data;
	size_t n;

	while ((n = perf_next(p, stream_room(s))) > 0) {
		uint8_t *at = stream_begin(s, n);

		if (at == NULL) {
			stream_reset(s, REASON_BUDGET);
			return;
		}
		memset(at, 0, n);
		stream_commit(s, n);
	}
	if (perf_done(p))
		stream_fin(s);
	else
		stream_wait(s);
}

static void
perf_fin(struct stream *s)
{
	if (perf_end(s->data) < 0)
		stream_reset(s, REASON_PROTOCOL);
	else
		perf_send(s);
}

static void
perf_over(struct stream *s, enum reason why)
{
	(void)why;
	free(s->data);
}

const struct service serve_perf = {
	.name = "perf",
	.start = perf_start,
	.data = perf_data,
	.fin = perf_fin,
	.room = perf_send,
	.over = perf_over,
};
