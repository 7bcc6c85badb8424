/* SPDX-License-Identifier: ISC */
#include "t/proto/yamux_reload.h"
#include "t/tap.h"

#include <stdlib.h>

enum { OUT = 1 << 16 };

static const struct yamux_limits few = { 2, 2, YAMUX_WINDOW };

/* Conversations as text:
 *
 *	< hex     from the peer
 *	> hex     all that we have sent since the last such line
 *	= events  all that have happened since, DATA of one stream joined
 *	! verb    we act: open, full (no stream can be opened), data ID HEX,
 *	          fin ID, reset ID CODE, forget ID, goaway CODE, ping, tick
 *	@ msec    the time
 *	x why     the session is over
 *
 * Each is told whole, cut in two at every byte, byte by byte, and byte by byte
 * with the session saved and loaded in between. */

struct talk {
	const char *name;
	bool client;
	const char *text;
};

enum { ONE_BYTE = -1, RELOADED = -2 };

struct told {
	struct yamux y;
	struct buf out, log;
	msec now;
	long cut;   /* after so many bytes of input, or one of the above */
	size_t fed;
	uint32_t last; /* the stream whose DATA ends the log; 0: none */
	bool over, good;
};

static size_t
unhex(const char *p, uint8_t *to)
{
	size_t n = 0;
	unsigned v;

	for (; *p && *p != '\n'; p += 2) {
		while (*p == ' ')
			p++;
		if (sscanf(p, "%2x", &v) != 1)
			break;
		to[n++] = (uint8_t)v;
	}
	return n;
}

static void
note(struct told *t, const struct yamux_ev *ev)
{
	static const char *const names[] = { "MORE", "OPEN", "DATA", "FIN",
		"RESET", "CREDIT", "PONG", "GOAWAY" };
	uint32_t id = ev->stream ? ev->stream->id : 0;
	char line[64];

	if (ev->kind != YAMUX_DATA || t->last != id) {
		put_text(&t->log, t->log.n > 0 ? ", " : "");
		put_text(&t->log, names[ev->kind]);
		snprintf(line, sizeof line, " %u", id ? id : ev->code);
		if (ev->kind != YAMUX_PONG)
			put_text(&t->log, line);
		snprintf(line, sizeof line, " code %u", ev->code);
		if (ev->kind == YAMUX_RESET)
			put_text(&t->log, line);
		put_text(&t->log, ev->kind == YAMUX_DATA ? " " : "");
	}
	for (size_t i = 0; i < ev->data.n; i++) {
		snprintf(line, sizeof line, "%02x", ev->data.p[i]);
		put_text(&t->log, line);
	}
	t->last = ev->kind == YAMUX_DATA ? id : 0;
}

static void
feed(struct told *t, const uint8_t *p, size_t n)
{
	while (n > 0 && !t->over) {
		size_t part = t->cut < 0 ? 1 : n;
		struct slice in;
		struct yamux_ev ev;
		int r;

		if (t->cut > 0 && t->fed < (size_t)t->cut &&
		    (size_t)t->cut - t->fed < part)
			part = (size_t)t->cut - t->fed;
		in = slice_of(p, part);
		while ((r = yamux_step(&t->y, &in, t->now, &t->out, &ev)) == 1)
			note(t, &ev);
		t->over = r < 0;
		t->good = t->good && (t->over || in.n == 0);
		p += part;
		n -= part;
		t->fed += part;
		if (t->cut == RELOADED && !t->over && !reload(&t->y))
			t->good = false;
	}
}

static void
act(struct told *t, const char *line)
{
	char verb[16] = "", hex[128] = "";
	uint8_t data[64];
	unsigned a = 0, b = 0;
	struct yamux_stream *s;

	sscanf(line, "%15s %u %u", verb, &a, &b);
	sscanf(line, "%*s %*u %127s", hex);
	s = map_get_u32(&t->y.streams, a);
	t->good = t->good && !t->over;
	if (!strcmp(verb, "open"))
		t->good = t->good && yamux_open(&t->y, t->now) != NULL;
	else if (!strcmp(verb, "full"))
		t->good = t->good && yamux_open(&t->y, t->now) == NULL;
	else if (!strcmp(verb, "goaway"))
		yamux_goaway(&t->y, a, &t->out);
	else if (!strcmp(verb, "ping"))
		yamux_ping(&t->y, t->now, &t->out);
	else if (!strcmp(verb, "tick"))
		t->over = yamux_tick(&t->y, t->now, &t->out) < 0;
	else if (s == NULL)
		t->good = false;
	else if (!strcmp(verb, "data"))
		yamux_data(&t->y, s, slice_of(data, unhex(hex, data)), &t->out);
	else if (!strcmp(verb, "fin"))
		yamux_fin(&t->y, s, &t->out);
	else if (!strcmp(verb, "reset"))
		yamux_reset(&t->y, s, b, &t->out);
	else if (!strcmp(verb, "forget"))
		yamux_forget(&t->y, s);
	else
		t->good = false;
}

static bool
said(struct buf *b, struct slice want)
{
	bool same = slice_eq(buf_slice(b), want);

	buf_drop(b, b->n);
	return same;
}

static bool
tell(const struct talk *talk, long cut, size_t *fed)
{
	struct told t = { .cut = cut, .good = true };
	uint8_t bytes[512];
	const char *line, *end;

	yamux_init(&t.y, talk->client, &few, 0);
	buf_init(&t.out, OUT, NULL);
	buf_init(&t.log, OUT, NULL);
	for (line = talk->text; *line && t.good; line = end + 1) {
		size_t n = unhex(line + 2, bytes);

		end = strchr(line, '\n');
		if (*line == '<')
			feed(&t, bytes, n);
		else if (*line == '>')
			t.good = said(&t.out, slice_of(bytes, n));
		else if (*line == '=')
			t.good = said(&t.log,
			    slice_of(line + 2, (size_t)(end - line) - 2));
		else if (*line == '!')
			act(&t, line + 2);
		else if (*line == '@')
			t.now = atol(line + 2);
		else if (*line == 'x')
			t.good = t.over && !strncmp(t.y.why, line + 2,
			    (size_t)(end - line) - 2);
		if (*line == '=')
			t.last = 0;
		if (!t.good)
			printf("# %s: cut %ld: at %.*s\n", talk->name, cut,
			    (int)(end - line), line);
	}
	t.good = t.good && t.out.n == 0 && t.log.n == 0;
	*fed = t.fed;
	yamux_free(&t.y);
	buf_free(&t.out);
	buf_free(&t.log);
	return t.good;
}

/* Frames: version and type, flags, stream, length.  OK is the ACK that opens
 * stream 1, END the go-away for a breach of the protocol. */
#define SYN1 "< 0001 0001 00000001 00000000\n"
#define OK1  "> 0001 0002 00000001 00000000\n= OPEN 1\n"
#define END  "> 0003 0000 00000000 00000001\n"

static const struct talk talks[] = {
	{ "a question, an answer, both halves closed", false,
	    SYN1 OK1
	    "< 0000 0004 00000001 00000002 6869\n"
	    "= DATA 1 6869, FIN 1\n"
	    "! data 1 796f\n! fin 1\n! fin 1\n"
	    "> 0000 0000 00000001 00000002 796f 0001 0004 00000001 00000000\n"
	    "< 0001 0008 00000001 00000000\n"
	    "< 0001 0000 00000001 00000009\n"
	    "! forget 1\n" },
	{ "SYN, FIN and data in one frame", false,
	    "< 0000 0005 00000001 00000003 616263\n"
	    "> 0001 0002 00000001 00000000\n"
	    "= OPEN 1, DATA 1 616263, FIN 1\n" },
	{ "SYN and FIN on a window update that gives credit", false,
	    "< 0001 0005 00000001 00040000\n"
	    "> 0001 0002 00000001 00000000\n"
	    "= OPEN 1, FIN 1\n" },
	{ "credit and FIN in one frame, FIN twice, data after FIN", false,
	    SYN1 OK1
	    "< 0001 0004 00000001 00000010 0001 0004 00000001 00000000\n"
	    "= CREDIT 1, FIN 1\n"
	    "< 0000 0004 00000001 00000001 61\n" },
	{ "a reset with a code gives no credit", false,
	    SYN1 OK1
	    "< 0001 0008 00000001 ffffffff\n"
	    "= RESET 1 code 4294967295\n"
	    "< 0000 0000 00000001 00000002 6869\n" },
	{ "a reset with data drops the data first", false,
	    SYN1 OK1
	    "< 0000 000c 00000001 00000002 6869\n"
	    "= RESET 1 code 0\n" },
	{ "a stream that is born dead", false,
	    "< 0000 0009 00000001 00000002 6869\n"
	    "< 0001 0009 00000003 00000007\n" },
	{ "frames for unknown streams go with their data", false,
	    "< 0000 0000 00000007 00000002 6869\n"
	    "< 0000 0004 00000002 00000001 61\n"
	    "< 0001 0002 00000009 00000001 0001 0008 00000004 00000001\n"
	    SYN1 OK1 },
	{ "data on the way when we reset", false,
	    "< 0000 0001 00000001 00000002 6869\n"
	    "> 0001 0002 00000001 00000000\n= OPEN 1, DATA 1 6869\n"
	    "! reset 1 5\n> 0001 0008 00000001 00000005\n"
	    "< 0000 0004 00000001 00000002 6869\n"
	    "< 0001 0008 00000001 00000000\n" },
	{ "too many streams are reset, their data dropped", false,
	    "< 0001 0001 00000001 00000000 0001 0001 00000003 00000000\n"
	    "< 0000 0005 00000005 00000002 6869 0001 0000 00000005 00000001\n"
	    "> 0001 0002 00000001 00000000 0001 0002 00000003 00000000"
	    " 0001 0008 00000005 00000000\n"
	    "= OPEN 1, OPEN 3\n"
	    "< 0001 0008 00000001 00000000 0001 0001 00000007 00000000\n"
	    "= RESET 1 code 0, OPEN 7\n"
	    "> 0001 0002 00000007 00000000\n" },
	{ "ids in any order", false,
	    "< 0001 0001 00000005 00000000 0001 0001 00000003 00000000\n"
	    "= OPEN 5, OPEN 3\n"
	    "> 0001 0002 00000005 00000000 0001 0002 00000003 00000000\n" },
	{ "going, we refuse and open nothing", false,
	    "! goaway 0\n! full\n> 0003 0000 00000000 00000000\n"
	    SYN1 "> 0001 0008 00000001 00000000\n" },
	{ "we open: the SYN rides on data, which need not wait", true,
	    "! open\n! data 1 6869\n! data 1 6a\n"
	    "> 0000 0001 00000001 00000002 6869"
	    " 0000 0000 00000001 00000001 6a\n"
	    "< 0001 0002 00000001 00000000 0000 0004 00000001 00000001 78\n"
	    "= DATA 1 78, FIN 1\n" },
	{ "we open and close, or open and think better of it", true,
	    "! open\n! open\n! full\n! fin 1\n! reset 3 0\n! open\n! fin 5\n"
	    "> 0001 0005 00000001 00000000 0001 0005 00000005 00000000\n" },
	{ "nothing comes for a stream before its SYN has gone", true,
	    "! open\n"
	    "< 0000 0004 00000001 00000001 61 0001 0008 00000001 00000000\n"
	    "! fin 1\n> 0001 0005 00000001 00000000\n" },
	{ "pings", true,
	    "< 0002 0001 00000000 0000002a\n> 0002 0002 00000000 0000002a\n"
	    "< 0002 0002 00000000 00000007\n"
	    "@ 5\n! ping\n! ping\n> 0002 0001 00000000 00000001\n"
	    "< 0002 0002 00000000 00000002\n= \n"
	    "@ 25\n< 0002 0002 00000000 00000001\n= PONG\n"
	    "< 0002 0002 00000000 00000001\n" },
	{ "go away, of every kind", true,
	    "< 0003 0000 00000000 00000000\n= GOAWAY 0\n! full\n"
	    "< 0003 0000 00000000 00000001 0003 0000 00000000 00000002\n"
	    "= GOAWAY 1, GOAWAY 2\n"
	    "< 0003 0000 00000000 00000309\n= GOAWAY 2\n" },
	{ "silence after a ping", true,
	    "! tick\n> 0002 0001 00000000 00000001\n"
	    "@ 19999\n! tick\n< 00\n@ 39998\n! tick\n@ 39999\n! tick\n"
	    "x no answer to a ping\n" },

	{ "version 1", false, "< 0100 0001 00000001 00000000\n" END
	    "x unknown version\n" },
	{ "type 4", false, "< 0004 0000 00000000 00000000\n" END
	    "x unknown version or type\n" },
	{ "a flag that nobody knows", false,
	    "< 0000 0010 00000001 00000000\n" END "x frame does not fit\n" },
	{ "go away with a flag", false,
	    "< 0003 0001 00000000 00000000\n" END "x frame does not fit\n" },
	{ "ping with FIN", false,
	    "< 0002 0005 00000000 00000000\n" END "x frame does not fit\n" },
	{ "ping on a stream", false,
	    "< 0002 0001 00000001 00000000\n" END "x frame does not fit\n" },
	{ "SYN on stream 0", false,
	    "< 0000 0001 00000000 00000000\n" END "x frame does not fit\n" },
	{ "credit for stream 0", false,
	    "< 0001 0000 00000000 00000001\n" END "x frame does not fit\n" },
	{ "ping with no flag", false,
	    "< 0002 0000 00000000 00000000\n" END "x ping that neither\n" },
	{ "ping with both flags", false,
	    "< 0002 0003 00000000 00000000\n" END "x ping that neither\n" },
	{ "a client's stream with an even id", false,
	    "< 0001 0001 00000002 00000000\n" END "x stream id of\n" },
	{ "a server's stream with an odd id", true,
	    "< 0001 0001 00000001 00000000\n" END "x stream id of\n" },
	{ "SYN for an open stream", false, SYN1 OK1 SYN1 END
	    "x second SYN\n" },
	{ "SYN with ACK", false, "< 0001 0003 00000001 00000000\n" END
	    "x SYN with ACK\n" },
	{ "data beyond the window", false, SYN1 OK1
	    "< 0000 0000 00000001 00040001 61\n" END "x data beyond\n" },
	{ "data beyond the first window with the SYN", false,
	    "< 0000 0001 00000001 00040001\n"
	    "> 0001 0002 00000001 00000000 0003 0000 00000000 00000001\n"
	    "x data beyond\n" },
	{ "data beyond any window, for nobody", false,
	    "< 0000 0000 00000001 ffffffff\n" END "x data beyond\n" },
	{ "credit beyond 32 bits", false, SYN1 OK1
	    "< 0001 0000 00000001 fffc0000\n" END "x credit beyond\n" },
	{ "all the credit there is", false, SYN1 OK1
	    "< 0001 0000 00000001 fffbffff\n= CREDIT 1\n" },
	{ "bytes after the end", false,
	    "< 0100 0000 00000000 00000000\n< 00\n" END "x unknown\n" },
};

static void
test_talks(void)
{
	for (size_t i = 0; i < sizeof talks / sizeof *talks; i++) {
		const struct talk *talk = &talks[i];
		size_t n, other;
		bool good = tell(talk, 0, &n);

		for (size_t cut = 1; good && cut < n; cut++)
			good = tell(talk, (long)cut, &other);
		good = good && tell(talk, ONE_BYTE, &other);
		good = good && tell(talk, RELOADED, &other);
		ok(good, "%s (%zu cuts)", talk->name, n);
	}
}

int
main(void)
{
	test_talks();
	return tap_done();
}
