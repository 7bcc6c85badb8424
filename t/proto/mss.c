/* SPDX-License-Identifier: ISC
 *
 * Conversations as text.  `<` is what the peer sends, `>` all that we say to
 * it, `=` an event, `!` the end and why; `propose`, `yes` and `no` are what the
 * owner does, `rest` what is left unread.  Each is replayed whole, byte by
 * byte, and with every piece cut in two at every point; with and without a save
 * and a load after each piece. */
#include "proto/mss.h"
#include "t/tap.h"
#include "wire/msg/state.h"

#include <stdlib.h>

#define MS "\x13/multistream/1.0.0\n"
#define SIM "/libp2p/simultaneous-connect"

struct line {
	const char *text; /* the sign, a blank, the bytes */
	size_t n;
};
#define L(text) { text, sizeof(text) - 1 }

struct talk {
	const char *name;
	bool dialer;
	struct line lines[16];
};

static const struct talk talks[] = {
	{ "the header and the proposal in one piece", false, {
		L("< " MS "\x07/noise\n"), L("= offer /noise"), L("yes"),
		L("> " MS "\x07/noise\n"), L("= agreed /noise") } },
	{ "a listener that refuses once", false, {
		L("< " MS "\x04/no\n"), L("= offer /no"), L("no"),
		L("> " MS "\x03na\n"),
		L("< \x05/yes\n"), L("= offer /yes"), L("yes"),
		L("> \x05/yes\n"), L("= agreed /yes") } },
	{ "a dialer that waits for the header gets it", false, {
		L("< " MS), L("> " MS),
		L("< \x03/a\n"), L("= offer /a"), L("yes"), L("> \x03/a\n"),
		L("= agreed /a") } },
	{ "pipelined proposals are taken one by one", false, {
		L("< " MS "\x03/a\n\x03/b\n\x03/c\ndata"), L("= offer /a"),
		L("no"), L("= offer /b"), L("no"), L("= offer /c"), L("yes"),
		L("> " MS "\x03na\n\x03na\n\x03/c\n"), L("= agreed /c"),
		L("rest data") } },
	{ "data behind the agreed line stays", false, {
		L("< " MS "\x03/a\n\x13/multistream"), L("= offer /a"),
		L("yes"), L("> " MS "\x03/a\n"), L("= agreed /a"),
		L("rest \x13/multistream") } },
	{ "a proposal behind the agreed one is data", false, {
		L("< " MS "\x03/a\n\x03/b\n"), L("= offer /a"), L("yes"),
		L("> " MS "\x03/a\n"), L("= agreed /a"),
		L("rest \x03/b\n") } },
	{ "ls, simultaneous open, na and nothing are answered na", false, {
		L("< " MS "\x03ls\n\x1d" SIM "\n\x03na\n\x01\n\x03/a\n"),
		L("= offer /a"), L("yes"),
		L("> " MS "\x03na\n\x03na\n\x03na\n\x03na\n\x03/a\n"),
		L("= agreed /a") } },
	{ "bytes that are not text are a name like any other", false, {
		L("< " MS "\x04\0\n\xff\n"), L("= offer \0\n\xff"), L("no"),
		L("> " MS "\x03na\n") } },
	{ "a second header is a name that nobody has", false, {
		L("< " MS MS), L("= offer /multistream/1.0.0"), L("no"),
		L("> " MS "\x03na\n") } },
	{ "no header", false, {
		L("< \x07/noise\n"),
		L("! the peer does not speak multistream") } },
	{ "another version", false, {
		L("< \x13/multistream/2.0.0\n"),
		L("! the peer does not speak multistream") } },
	{ "HTTP", false, {
		L("< GET / HTTP/1.1\r\nHost: example.org\r\n"
		  "Accept: text/html, text/plain, */*\r\n\r\n"),
		L("! line without a newline") } },
	{ "a line without its newline", false, {
		L("< " MS), L("> " MS), L("< \x03/ab"),
		L("! line without a newline") } },
	{ "a length of nothing", false, {
		L("< " MS), L("> " MS), L("< \0"),
		L("! bad length of a line") } },
	{ "a length that is not minimal", false, {
		L("< \x93"), L("< \0/multistream/1.0.0\n"),
		L("! bad length of a line") } },
	{ "1025 bytes are refused unread", false, {
		L("< \x81\x08"), L("! bad length of a line") } },
	{ "so is a length of three bytes", false, {
		L("< \x80\x80"), L("! bad length of a line") } },

	{ "a dialer says all at once", true, {
		L("propose /noise"), L("> " MS "\x07/noise\n"),
		L("< " MS "\x07/noise\ndata"), L("= agreed /noise"),
		L("rest data") } },
	{ "the answers come one by one", true, {
		L("propose /noise"), L("> " MS "\x07/noise\n"),
		L("< " MS), L("< \x07/noise\n"), L("= agreed /noise") } },
	{ "a refusal, and another proposal without a header", true, {
		L("propose /a"), L("> " MS "\x03/a\n"),
		L("< " MS "\x03na\n"), L("= refused /a"), L("propose /b"),
		L("> \x03/b\n"), L("< \x03/b\n"), L("= agreed /b") } },
	{ "a refusal and no other proposal: all waits", true, {
		L("propose /a"), L("> " MS "\x03/a\n"),
		L("< " MS "\x03na\n"), L("= refused /a") } },
	{ "the echo of something else", true, {
		L("propose /a"), L("> " MS "\x03/a\n"),
		L("< " MS "\x03/b\n"),
		L("! the peer agreed to what was not proposed") } },
	{ "a name cut short", true, {
		L("propose /ab"), L("> " MS "\x04/ab\n"),
		L("< " MS "\x03/a\n"),
		L("! the peer agreed to what was not proposed") } },
	{ "an answer without a header", true, {
		L("propose /a"), L("> " MS "\x03/a\n"), L("< \x03/a\n"),
		L("! the peer does not speak multistream") } },
	{ "na without a header", true, {
		L("propose /a"), L("> " MS "\x03/a\n"), L("< \x03na\n"),
		L("! the peer does not speak multistream") } },
	{ "a header twice", true, {
		L("propose /a"), L("> " MS "\x03/a\n"), L("< " MS MS),
		L("! the peer agreed to what was not proposed") } },
	{ "na is never an echo", true, {
		L("propose na"), L("> " MS "\x03na\n"), L("< " MS "\x03na\n"),
		L("= refused na") } },
};

/* The pieces of one `<`: all of it, one byte each, or two with a cut. */
enum { WHOLE = -1, BYTES = -2 };

struct run {
	struct mss m;
	struct buf in, out;
	struct buf said;  /* since the last > */
	struct buf told;  /* events since the last =, one a line */
	bool over;
	bool reload;
	bool unlike;      /* a saved machine was not the same when loaded */
};

static void
reload(struct run *r)
{
	struct buf wire = { .max = 4096 }, again = { .max = 4096 };
	struct state_mss s, t;

	mss_save(&r->m, &s);
	pb_encode(&state_mss_desc, &s, &wire);
	mss_free(&r->m);
	if (pb_decode(&state_mss_desc, buf_slice(&wire), &t, NULL) < 0 ||
	    mss_load(&r->m, &t, NULL) < 0)
		r->unlike = true;
	mss_save(&r->m, &s);
	pb_encode(&state_mss_desc, &s, &again);
	if (!slice_eq(buf_slice(&wire), buf_slice(&again)))
		r->unlike = true;
	buf_free(&wire);
	buf_free(&again);
}

static void
step(struct run *r)
{
	static const char *const names[] = {
		[MSS_OFFER] = "offer ",
		[MSS_AGREED] = "agreed ",
		[MSS_REFUSED] = "refused ",
	};
	struct slice in = buf_slice(&r->in);
	struct mss_ev ev;
	int n;

	if (r->over)
		return;
	n = mss_step(&r->m, &in, &r->said, &ev);
	buf_drop(&r->in, r->in.n - in.n);
	if (n == 1) {
		put_text(&r->told, names[ev.kind]);
		put_slice(&r->told, ev.name);
	}
	if (n < 0)
		put_text(&r->told, r->m.why);
	r->over = n < 0 || ev.kind == MSS_AGREED;
	if (r->reload && !r->over)
		reload(r);
}

static void
feed(struct run *r, struct slice bytes, int cut)
{
	while (bytes.n > 0) {
		size_t n = cut == BYTES ? 1 : cut == WHOLE ? bytes.n :
		    (size_t)cut < bytes.n ? (size_t)cut : bytes.n;

		put_slice(&r->in, get_bytes(&bytes, n));
		if (r->told.n == 0)
			step(r);
		cut = cut == BYTES ? BYTES : WHOLE;
	}
}

/* Takes the sign or the word in front off the line. */
static bool
is(struct slice *line, const char *word)
{
	struct slice rest = *line;

	if (!slice_eq(get_bytes(&rest, strlen(word)), slice_text(word)))
		return false;
	*line = rest;
	return true;
}

static bool
took(struct buf *b, struct slice want)
{
	bool same = slice_eq(buf_slice(b), want);

	if (!same) {
		tap_hex("got ", b->p, b->n);
		tap_hex("want", want.p, want.n);
	}
	buf_drop(b, b->n);
	return same;
}

/* One line of the talk; false: it went otherwise. */
static bool
play_line(struct run *r, struct slice line, int cut)
{
	if (is(&line, "< ")) {
		feed(r, line, cut);
		return true;
	}
	if (is(&line, "> "))
		return took(&r->said, line);
	if (is(&line, "= ") || is(&line, "! ")) {
		/* events behind an owner's word need no more bytes */
		if (r->told.n == 0)
			step(r);
		return took(&r->told, line);
	}
	if (is(&line, "rest "))
		return took(&r->in, line);
	if (is(&line, "propose ")) {
		mss_propose(&r->m, line, &r->said);
		return true;
	}
	mss_answer(&r->m, slice_is(line, "yes"), &r->said);
	return true;
}

static bool
play(const struct talk *t, int cut, bool reloading)
{
	struct run r = { .reload = reloading };
	bool good = true;

	mss_init(&r.m, t->dialer, NULL);
	r.in.max = r.said.max = r.told.max = 4096;
	for (size_t i = 0; i < 16 && t->lines[i].text && good; i++) {
		good = play_line(&r,
		    slice_of(t->lines[i].text, t->lines[i].n), cut);
		if (!good)
			printf("# line %zu, cut %d\n", i, cut);
	}
	if (good && !r.over)
		step(&r);
	good = good && !r.unlike && r.told.n == 0 && r.said.n == 0 &&
	    (r.m.state == MSS_OVER) == r.over;
	mss_free(&r.m);
	buf_free(&r.in);
	buf_free(&r.said);
	buf_free(&r.told);
	return good;
}

static void
test_talks(void)
{
	for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++) {
		const struct talk *t = &talks[i];
		bool good = true;
		int longest = 0;

		for (size_t k = 0; k < 16; k++)
			if ((int)t->lines[k].n > longest)
				longest = (int)t->lines[k].n;
		for (int cut = BYTES; cut < longest; cut++)
			if (cut != 0)
				good = play(t, cut, false) &&
				    play(t, cut, true) && good;
		ok(good, "%s: %s", t->dialer ? "dialer" : "listener", t->name);
	}
}

/* Two machines back to back; data goes right behind the lines. */
static void
test_both(void)
{
	struct mss a, b;
	struct buf ab = { .max = 4096 }, ba = { .max = 4096 };
	struct slice in;
	struct mss_ev ev;

	mss_init(&a, true, NULL);
	mss_init(&b, false, NULL);
	mss_propose(&a, slice_text("/x"), &ab);
	put_text(&ab, "lazy");
	in = buf_slice(&ab);
	ok(mss_step(&b, &in, &ba, &ev) == 1 && ev.kind == MSS_OFFER &&
	    slice_is(ev.name, "/x"), "the proposal arrives");
	is_int(ba.n, 0, "nothing is said before the answer");
	mss_answer(&b, true, &ba);
	ok(mss_step(&b, &in, &ba, &ev) == 1 && ev.kind == MSS_AGREED,
	    "yes is agreement at once");
	ok(slice_is(in, "lazy"), "lazy data is left for the protocol");
	in = buf_slice(&ba);
	ok(mss_step(&a, &in, &ab, &ev) == 1 && ev.kind == MSS_AGREED &&
	    in.n == 0, "the dialer hears it");
	ok(mss_step(&a, &in, &ab, &ev) < 0 && a.why, "and has no more to do");
	mss_free(&a);
	mss_free(&b);
	mss_free(&b);
	buf_free(&ab);
	buf_free(&ba);
}

static int
offer(struct mss *m, size_t n, struct buf *out, struct mss_ev *ev)
{
	struct buf line = { .max = 2048 };
	struct slice in;
	int r;

	put_varint(&line, n + 1);
	for (size_t i = 0; i < n; i++)
		put_u8(&line, 'x');
	put_u8(&line, '\n');
	in = buf_slice(&line);
	r = mss_step(m, &in, out, ev);
	buf_free(&line);
	return r;
}

static void
test_ceilings(void)
{
	struct budget none = { .max = 16 };
	struct buf out = { .max = 8192 };
	uint8_t name[MSS_LINE] = "/";
	struct slice in = slice_text(MS);
	struct mss_ev ev;
	struct mss m;
	int told = 0;

	mss_init(&m, false, NULL);
	mss_step(&m, &in, &out, &ev);
	ok(offer(&m, MSS_LINE - 1, &out, &ev) == 1 && ev.name.n == 1023,
	    "1024 bytes with the newline are heard");
	mss_answer(&m, true, &out);
	ok(mss_step(&m, &in, &out, &ev) == 1 && ev.name.n == 1023,
	    "and agreed to");
	mss_free(&m);

	mss_init(&m, false, NULL);
	in = slice_text(MS);
	mss_step(&m, &in, &out, &ev);
	while (offer(&m, 4, &out, &ev) == 1) {
		mss_answer(&m, false, &out);
		told++;
	}
	is_int(told, MSS_OFFERS, "so many proposals and no more");
	is_text(m.why, "too many proposals", "a listener says why");
	mss_free(&m);

	mss_init(&m, false, NULL);
	in = slice_text(MS);
	mss_step(&m, &in, &out, &ev);
	for (told = 0; offer(&m, 0, &out, &ev) == 0; told++)
		continue;
	is_int(told, MSS_OFFERS, "those answered without asking count too");
	mss_free(&m);

	mss_init(&m, true, NULL);
	mss_propose(&m, slice_of(name, MSS_LINE), &out);
	ok(mss_step(&m, &in, &out, &ev) < 0 && m.why,
	    "a dialer does not say what is too long");
	mss_free(&m);

	mss_init(&m, false, &none);
	in = slice_text(MS);
	ok(mss_step(&m, &in, &out, &ev) < 0, "no budget, no negotiation");
	is_text(m.why, "no memory for a line", "and says so");
	mss_free(&m);
	buf_free(&out);
}

static void
test_load(void)
{
	static const struct {
		const char *name;
		struct state_mss s;
	} bad[] = {
		{ "unknown state", { .state = MSS_OVER + 1 } },
		{ "too many offers", { .state = MSS_LINES, .offers = 33 } },
		{ "a listener that proposes", { .state = MSS_START } },
		{ "a dialer that was offered something",
		    { .state = MSS_SAID, .dialer = 1 } },
		{ "a whole line", { .state = MSS_LINES,
		    .part = { (const uint8_t *)"\x03/a\n", 4 } } },
		{ "more than a line", { .state = MSS_LINES,
		    .part = { (const uint8_t *)"\x03/a\nb", 5 } } },
		{ "a line that cannot be", { .state = MSS_LINES,
		    .part = { (const uint8_t *)"\x81\x08", 2 } } },
	};
	static uint8_t large[2000];
	struct state_mss s = { .state = MSS_LINES };
	struct mss m;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ok(mss_load(&m, &bad[i].s, NULL) < 0, "not loaded: %s",
		    bad[i].name);
		mss_free(&m);
	}
	s.line = slice_of(large, MSS_LINE);
	ok(mss_load(&m, &s, NULL) < 0, "not loaded: a name too long");
	mss_free(&m);
	s.line.n = 0;
	s.part = slice_of(large, sizeof large);
	ok(mss_load(&m, &s, NULL) < 0, "not loaded: a part too long");
	mss_free(&m);
}

int
main(void)
{
	test_talks();
	test_both();
	test_ceilings();
	test_load();
	return tap_done();
}
