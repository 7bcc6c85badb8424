/* SPDX-License-Identifier: ISC */
#include "proto/conn.h"
#include "t/proto/pair.h"
#include "t/tap.h"

#include <stdlib.h>

#define ECHO "/kn/echo/1"

/* What a side has seen, and how it behaves: echoes what it serves. */
struct seen {
	unsigned up, offers, agreed, refused, fins, resets, rooms, goaways;
	struct buf data;
	char last[CONN_NAME + 1];
	bool serves;      /* says yes to ECHO, no to others */
	bool echoes;
};

/* Send what is held on a stream, as far as there is room; then the fin. */
static void
echo_held(struct conn *c, struct conn_stream *st)
{
	size_t n = conn_write(c, st, buf_slice(&st->held));

	buf_drop(&st->held, n);
	if (n > 0)
		conn_took(c, st, n, c->now);
	if (st->held.n == 0 && st->mux->heard_fin)
		conn_fin(c, st);
}

static void
react(struct side *s, struct seen *see, struct conn_ev *ev)
{
	struct conn *c = &s->conn;

	switch (ev->kind) {
	case CONN_UP:
		see->up++;
		break;
	case CONN_OFFER:
		see->offers++;
		strcpy(see->last, ev->stream->protocol);
		conn_answer(c, ev->stream, see->serves &&
		        strcmp(ev->stream->protocol, ECHO) == 0);
		break;
	case CONN_AGREED:
		see->agreed++;
		strcpy(see->last, ev->stream->protocol);
		break;
	case CONN_REFUSED:
		see->refused++;
		break;
	case CONN_DATA:
		if (see->echoes) {
			put_slice(&ev->stream->held, ev->data);
			echo_held(c, ev->stream);
		} else {
			put_slice(&see->data, ev->data);
			conn_took(c, ev->stream, ev->data.n, c->now);
		}
		break;
	case CONN_FIN:
		see->fins++;
		if (see->echoes)
			echo_held(c, ev->stream);
		break;
	case CONN_ROOM:
		see->rooms++;
		if (see->echoes)
			echo_held(c, ev->stream);
		break;
	case CONN_RESET:
		see->resets++;
		break;
	case CONN_GOAWAY:
		see->goaways++;
		break;
	default:
		break;
	}
}

static void
turn(struct side *s, struct seen *see, msec now)
{
	struct conn_ev ev;
	int r;

	while (!s->dead && (r = conn_step(&s->conn, &s->in, now, &ev)) != 0) {
		if (r < 0)
			s->dead = 1;
		else
			react(s, see, &ev);
	}
}

/* Until nothing moves; returns how often the direction turned. */
static unsigned
settle(struct side *a, struct seen *sa, struct side *b, struct seen *sb,
    size_t bite)
{
	unsigned turns = 0;
	bool moved;

	do {
		size_t n = 0, m = 0, k;

		while ((k = pair_carry(a, b, bite)) > 0) {
			n += k;
			turn(b, sb, 0);
		}
		turn(b, sb, 0);
		while ((k = pair_carry(b, a, bite)) > 0) {
			m += k;
			turn(a, sa, 0);
		}
		turn(a, sa, 0);
		turns += (n > 0) + (m > 0);
		moved = n + m > 0;
	} while (moved);
	return turns;
}

static void
see_init(struct seen *s, bool serves)
{
	memset(s, 0, sizeof *s);
	buf_init(&s->data, 1 << 26, NULL);
	s->serves = s->echoes = serves;
}

/* A dialer that hears only, and a listener that echoes; nothing said yet. */
static void
begin(struct side *a, struct seen *sa, struct side *b, struct seen *sb,
    const struct peerid *want)
{
	side_self(a, 1);
	side_self(b, 50);
	see_init(sa, false);
	see_init(sb, true);
	side_init(a, true, want, 100);
	side_init(b, false, NULL, 101);
}

static void
end(struct side *a, struct seen *sa, struct side *b, struct seen *sb)
{
	buf_free(&sa->data);
	buf_free(&sb->data);
	side_free(a);
	side_free(b);
}

static struct conn_stream *
open_one(struct side *s, const char *name)
{
	struct slice p = slice_text(name);

	return conn_open(&s->conn, &p, 1, 0);
}

static void
fill(uint8_t *p, size_t n)
{
	uint32_t x = 12345;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
}

/* A dials B, opens an echo stream lazily, moves n bytes there and back. */
static void
whole_talk(size_t bite, size_t n)
{
	struct side a, b;
	struct seen sa, sb;
	struct peerid bid;
	uint8_t *data = malloc(n);
	struct conn_stream *st;
	size_t sent = 0;

	fill(data, n);
	side_self(&b, 50);
	bid = key_peerid(&b.key);
	begin(&a, &sa, &b, &sb, &bid);
	settle(&a, &sa, &b, &sb, bite);
	ok(sa.up == 1 && sb.up == 1, "both up (bites of %zu)", bite);
	ok(peerid_eq(&a.conn.peer, &bid), "the dialer knows whom");
	st = open_one(&a, ECHO);
	while (sent < n) {
		sent += conn_write(&a.conn, st,
		    slice_of(data + sent, n - sent));
		settle(&a, &sa, &b, &sb, bite);
	}
	conn_fin(&a.conn, st);
	settle(&a, &sa, &b, &sb, bite);
	is_bytes(sa.data.p, sa.data.n, data, n, "the echo is the same");
	ok(sa.fins == 1 && sb.fins == 1, "half-close both ways");
	ok(conn_over(st), "the stream is over");
	conn_forget(&a.conn, st);
	is_int(conn_streams(&a.conn), 0, "and forgotten");
	free(data);
	end(&a, &sa, &b, &sb);
}

/* First byte after three round trips: SYN is one; ours must take two: the
 * dialer speaks, the listener, then the dialer with everything up to data, then
 * the answer. */
static void
flights(void)
{
	struct side a, b;
	struct seen sa, sb;
	struct conn_stream *st;
	unsigned turns;

	begin(&a, &sa, &b, &sb, NULL);
	pair_carry(&a, &b, SIZE_MAX);
	turn(&b, &sb, 0);
	pair_carry(&b, &a, SIZE_MAX);
	turn(&a, &sa, 0);
	is_int(sa.up, 1, "the dialer is up after one round trip");
	st = open_one(&a, ECHO);
	is_int(conn_write(&a.conn, st, slice_text("x")), 1, "data goes along");
	pair_carry(&a, &b, SIZE_MAX);
	turn(&b, &sb, 0);
	pair_carry(&b, &a, SIZE_MAX);
	turn(&a, &sa, 0);
	is_bytes(sa.data.p, sa.data.n, "x", 1,
	    "the first byte is back after two round trips over the socket");
	turns = settle(&a, &sa, &b, &sb, SIZE_MAX);
	ok(turns < 4, "then quiet");
	end(&a, &sa, &b, &sb);
}

static void
refusals(void)
{
	struct side a, b;
	struct seen sa, sb;
	struct slice two[] = { slice_text("/nobody/1"), slice_text(ECHO) };
	struct conn_stream *st;

	begin(&a, &sa, &b, &sb, NULL);
	settle(&a, &sa, &b, &sb, SIZE_MAX);
	ok(open_one(&a, "/nobody/1") != NULL, "open what nobody serves");
	settle(&a, &sa, &b, &sb, SIZE_MAX);
	is_int(sa.refused, 1, "refused");
	is_int(conn_streams(&a.conn), 0, "gone here");
	st = conn_open(&a.conn, two, 2, 0);
	is_int(conn_room(&a.conn, st), 0, "two proposals: data waits");
	conn_fin(&a.conn, st);
	settle(&a, &sa, &b, &sb, SIZE_MAX);
	is_int(sa.agreed, 1, "the second is agreed");
	is_int(sb.agreed, 0, "whoever said yes need not be told");
	is_text(sa.last, ECHO, "by its name");
	is_int(sa.fins, 1, "a fin that was held reached the echo and came back");
	ok(open_one(&a, "") == NULL, "no empty name");
	st = open_one(&a, ECHO);
	settle(&a, &sa, &b, &sb, SIZE_MAX);
	conn_reset(&a.conn, st, 7);
	settle(&a, &sa, &b, &sb, SIZE_MAX);
	is_int(sb.resets, 1, "a reset is seen as a reset");
	conn_goaway(&b.conn, YAMUX_NORMAL);
	settle(&a, &sa, &b, &sb, SIZE_MAX);
	is_int(sa.goaways, 1, "go away is heard");
	ok(open_one(&a, ECHO) == NULL, "and no stream can be opened");
	end(&a, &sa, &b, &sb);
}

static void
wrong_peer_and_late(void)
{
	struct side a, b;
	struct seen sa, sb;
	struct peerid other;
	struct key k;
	struct conn_ev ev;
	uint8_t seed[32] = { 9 };

	key_of_seed(&k, seed);
	other = key_peerid(&k);
	begin(&a, &sa, &b, &sb, &other);
	settle(&a, &sa, &b, &sb, SIZE_MAX);
	ok(a.dead && a.conn.fault == CONN_WRONG_PEER, "the wrong peer: %s",
	    a.conn.why ? a.conn.why : "?");
	is_int(conn_due(&b.conn), 10000, "a handshake has a deadline");
	is_int(conn_tick(&b.conn, 9999, &ev), 0, "not yet");
	is_int(conn_tick(&b.conn, 10000, &ev), -1, "half a handshake ends");
	is_int(b.conn.fault, CONN_LATE, "as late");
	end(&a, &sa, &b, &sb);
}

static void
late_offer(void)
{
	struct side a, b;
	struct seen sa, sb;
	struct conn_ev ev;
	struct conn_stream *st;

	begin(&a, &sa, &b, &sb, NULL);
	settle(&a, &sa, &b, &sb, SIZE_MAX);
	st = open_one(&a, ECHO);
	ok(st != NULL && conn_due(&a.conn) <= 10000, "an offer has a deadline");
	is_int(conn_tick(&a.conn, 10000, &ev), 1, "it passes");
	ok(ev.kind == CONN_RESET && ev.stream == st, "and resets the stream");
	is_int(conn_tick(&a.conn, 10000, &ev), 0, "only that one");
	is_int(conn_streams(&a.conn), 0, "it is gone");
	end(&a, &sa, &b, &sb);
}

/* Write a side out and read it back into a fresh struct. */
static bool
rebirth(struct side *s)
{
	struct buf state = { .max = 1 << 26 }, in;
	struct conn old = s->conn;
	bool good;

	conn_save(&s->conn, &s->in, &state);
	buf_init(&in, 1 << 22, NULL);
	good = conn_load(&s->conn, &s->self, buf_slice(&state), &in, 0) == 0;
	conn_free(&old);
	buf_free(&s->in);
	s->in = in;
	buf_wipe(&state);
	return good;
}

/* Both sides die and are born again between any two bites. */
static void
save_and_load(size_t bite)
{
	enum { N = 300000 };
	static uint8_t data[N];
	struct side a, b;
	struct seen sa, sb;
	struct conn_stream *st;
	size_t sent = 0, at = 0, births = 0;
	bool good = true, moved = true;

	fill(data, N);
	begin(&a, &sa, &b, &sb, NULL);
	settle(&a, &sa, &b, &sb, SIZE_MAX);
	open_one(&a, ECHO);
	while (moved && good) {
		size_t n = 0;

		at = 0;
		st = conn_next(&a.conn, &at);
		if (st && sent < N) {
			sent += conn_write(&a.conn, st,
			    slice_of(data + sent, N - sent));
			if (sent == N)
				conn_fin(&a.conn, st);
		}
		n += pair_carry(&a, &b, bite);
		good = good && rebirth(&a);
		turn(&b, &sb, 0);
		good = good && rebirth(&b);
		n += pair_carry(&b, &a, bite);
		turn(&a, &sa, 0);
		births += 2;
		moved = n > 0;
	}
	ok(good, "every state loads (%zu births)", births);
	is_bytes(sa.data.p, sa.data.n, data, N,
	    "the echo went through rebirths unharmed");
	is_int(sa.fins, 1, "to its end");
	end(&a, &sa, &b, &sb);
}

static void
broken_states(void)
{
	struct side a, b;
	struct seen sa, sb;
	struct buf state = { .max = 1 << 20 }, in = { .max = 1 << 20 };
	struct conn c;
	size_t refused = 0;

	begin(&a, &sa, &b, &sb, NULL);
	settle(&a, &sa, &b, &sb, SIZE_MAX);
	open_one(&a, ECHO);
	conn_flush(&a.conn);
	conn_save(&a.conn, &a.in, &state);
	for (size_t n = 0; n < state.n; n++) {
		refused += conn_load(&c, &a.self, slice_of(state.p, n), &in,
		    0) < 0;
		if (refused <= n)
			conn_free(&c);
		buf_free(&in);
	}
	is_int(refused, state.n, "a state cut anywhere is refused");
	buf_free(&state);
	end(&a, &sa, &b, &sb);
}

int
main(void)
{
	whole_talk(SIZE_MAX, 1 << 20);
	whole_talk(1, 5000);
	whole_talk(7, 20000);
	whole_talk(4096, 1 << 20);
	flights();
	refusals();
	wrong_peer_and_late();
	late_offer();
	save_and_load(SIZE_MAX);
	save_and_load(1000);
	save_and_load(65536);
	broken_states();
	return tap_done();
}
