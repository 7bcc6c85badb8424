/* SPDX-License-Identifier: ISC
 *
 * The ceiling: what one core does without sockets.  Prints
 * {"seal":…,"open":…,"conn":…} in Gbit/s: sealing full Noise frames, opening
 * them, and a stream between two conn machines in memory, both on this core. */
#include "t/proto/pair.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SOME = 16 }; /* frames between two looks at the clock */

static const double spell = 0.7; /* seconds for each figure */

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
gbit(double bytes, double begin)
{
	return bytes * 8 / 1e9 / (seconds() - begin);
}

static double
seal(uint8_t *p)
{
	struct noise_cipher c = { { 1 }, 0 };
	double begin = seconds(), bytes = 0;

	for (; seconds() - begin < spell; bytes += SOME * NOISE_PLAIN)
		for (int i = 0; i < SOME; i++)
			noise_seal(&c, p, NOISE_PLAIN);
	return gbit(bytes, begin);
}

/* Opens what the same key has sealed, the sealing not counted. */
static double
open_sealed(uint8_t *p)
{
	struct noise_cipher to = { { 1 }, 0 }, from = to;
	double spent = 0, bytes = 0;

	while (spent < spell) {
		double begin;

		noise_seal(&to, p, NOISE_PLAIN);
		begin = seconds();
		if (noise_open(&from, p, NOISE_FRAME) < 0)
			return 0;
		spent += seconds() - begin;
		bytes += NOISE_PLAIN;
	}
	return bytes * 8 / 1e9 / spent;
}

/* Events of a side that takes and forgets what comes. */
static void
hear(struct side *s, struct conn_stream **served)
{
	struct conn_ev ev;
	int r;

	while ((r = conn_step(&s->conn, &s->in, 0, &ev)) == 1) {
		if (ev.kind == CONN_OFFER) {
			conn_answer(&s->conn, ev.stream, true);
			*served = ev.stream;
		} else if (ev.kind == CONN_DATA) {
			conn_took(&s->conn, ev.stream, ev.data.n, 0);
		}
	}
	s->dead |= r < 0;
}

static void
carry(struct side *a, struct side *b, struct conn_stream **served)
{
	while (pair_carry(a, b, SIZE_MAX) + pair_carry(b, a, SIZE_MAX) > 0) {
		hear(b, served);
		hear(a, served);
	}
}

static double
conn(uint8_t *p)
{
	struct slice name = slice_text("/kn/bench/1");
	struct conn_stream *st, *served = NULL;
	double begin, bytes = 0, rate;
	struct side a, b;

	side_self(&a, 1);
	side_self(&b, 50);
	side_init(&a, true, NULL, 100);
	side_init(&b, false, NULL, 101);
	carry(&a, &b, &served);
	st = conn_open(&a.conn, &name, 1, 0);
	if (st == NULL)
		return 0;
	carry(&a, &b, &served);
	begin = seconds();
	while (!a.dead && !b.dead && seconds() - begin < spell) {
		bytes += (double)conn_write(&a.conn, st,
		    slice_of(p, 4 * CONN_PIECE));
		carry(&a, &b, &served);
	}
	rate = a.dead || b.dead ? 0 : gbit(bytes, begin);
	side_free(&a);
	side_free(&b);
	return rate;
}

int
main(void)
{
	uint8_t *p = calloc(4, NOISE_FRAME);

	if (p == NULL || sodium_init() < 0)
		return 111;
	printf("{\"seal\":%.2f,", seal(p));
	printf("\"open\":%.2f,", open_sealed(p));
	printf("\"conn\":%.2f}\n", conn(p));
	free(p);
	return 0;
}
