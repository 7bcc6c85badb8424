/* SPDX-License-Identifier: ISC */
#include "proto/mss.h"
#include "base/table.h"
#include "wire/msg/state.h"

/* A line's length is at most 1024, so its varint at most two bytes. */
enum { LENGTH_MAX = 2, PART_MAX = LENGTH_MAX + MSS_LINE };

#define HEADER "/multistream/1.0.0"
#define NA     "na"

/* Never names of a protocol; the owner is not bothered with them.  The empty
 * name could not be told from none, and an echo of na not from a refusal. */
static const char *const not_names[] = {
	"",
	NA,
	"ls",
	"/libp2p/simultaneous-connect",
};

static int
fail(struct mss *m, const char *why)
{
	m->state = MSS_OVER;
	if (m->why == NULL)
		m->why = why;
	return -1;
}

static int
tell(struct mss *m, enum mss_kind kind, struct mss_ev *ev)
{
	ev->kind = kind;
	ev->name = buf_slice(&m->line);
	return 1;
}

static void
put_line(struct buf *out, struct slice text)
{
	put_varint(out, text.n + 1);
	put_slice(out, text);
	put_u8(out, '\n');
}

/* Our header stands in front of the first line that we say. */
static void
greet(struct mss *m, struct buf *out)
{
	if (!m->greeted)
		put_line(out, slice_text(HEADER));
	m->greeted = true;
}

static int
keep_offer(struct mss *m, struct slice name)
{
	if (m->offers >= MSS_OFFERS)
		return fail(m, "too many proposals");
	m->offers++;
	buf_drop(&m->line, m->line.n);
	put_slice(&m->line, name);
	return m->line.bad ? fail(m, "no memory for a line") : 0;
}

void
mss_init(struct mss *m, bool dialer, struct budget *budget)
{
	*m = (struct mss){
		.state = dialer ? MSS_START : MSS_HEADER,
		.dialer = dialer,
	};
	buf_init(&m->line, MSS_LINE, budget);
	buf_init(&m->part, PART_MAX, budget);
}

void
mss_free(struct mss *m)
{
	buf_free(&m->line);
	buf_free(&m->part);
}

void
mss_propose(struct mss *m, struct slice name, struct buf *out)
{
	if (m->state != MSS_START && m->state != MSS_ASKED)
		return;
	if (name.n > MSS_LINE - 1) {
		fail(m, "the proposal is too long");
		return;
	}
	if (keep_offer(m, name) < 0)
		return;
	greet(m, out);
	put_line(out, name);
	m->state = m->state == MSS_START ? MSS_HEADER : MSS_LINES;
}

void
mss_answer(struct mss *m, bool yes, struct buf *out)
{
	if (m->dialer || m->state != MSS_ASKED)
		return;
	greet(m, out);
	put_line(out, yes ? buf_slice(&m->line) : slice_text(NA));
	m->state = yes ? MSS_SAID : MSS_LINES;
}

/* How many bytes the line in part still lacks; -1: it can be none. */
static int
lacks(const struct buf *part, struct slice *text)
{
	uint64_t n;
	size_t used;
	int r = peek_varint(buf_slice(part), &n, &used);

	if (r == 0 && part->n < LENGTH_MAX)
		return 1;
	if (r <= 0 || n == 0 || n > MSS_LINE || part->n > used + n)
		return -1;
	*text = slice_of(part->p + used, (size_t)n - 1);
	return (int)(used + n - part->n);
}

/* 1: text is a line without its newline, in part; 0: more input; -1: over. */
static int
take_line(struct mss *m, struct slice *in, struct slice *text)
{
	int n;

	while ((n = lacks(&m->part, text)) > 0 && in->n > 0) {
		put_slice(&m->part,
		    get_bytes(in, in->n < (size_t)n ? in->n : (size_t)n));
		if (m->part.bad)
			return fail(m, "no memory for a line");
	}
	if (n < 0)
		return fail(m, "bad length of a line");
	if (n > 0)
		return 0;
	if (text->p[text->n] != '\n')
		return fail(m, "line without a newline");
	return 1;
}

static int
on_header(struct mss *m, struct slice text)
{
	if (!slice_is(text, HEADER))
		return fail(m, "the peer does not speak multistream");
	m->state = MSS_LINES;
	return 0;
}

static int
on_reply(struct mss *m, struct slice text, struct mss_ev *ev)
{
	if (slice_is(text, NA)) {
		m->state = MSS_ASKED;
		return tell(m, MSS_REFUSED, ev);
	}
	if (!slice_eq(text, buf_slice(&m->line)))
		return fail(m, "the peer agreed to what was not proposed");
	m->state = MSS_OVER;
	return tell(m, MSS_AGREED, ev);
}

static int
on_offer(struct mss *m, struct slice text, struct buf *out, struct mss_ev *ev)
{
	if (keep_offer(m, text) < 0)
		return -1;
	m->state = MSS_ASKED;
	if (table_find(not_names, N(not_names), text) < N(not_names)) {
		mss_answer(m, false, out);
		return 0;
	}
	return tell(m, MSS_OFFER, ev);
}

static int
on_line(struct mss *m, struct slice text, struct buf *out, struct mss_ev *ev)
{
	if (m->state == MSS_HEADER)
		return on_header(m, text);
	if (m->dialer)
		return on_reply(m, text, ev);
	return on_offer(m, text, out, ev);
}

int
mss_step(struct mss *m, struct slice *in, struct buf *out, struct mss_ev *ev)
{
	int r = 0;

	*ev = (struct mss_ev){ .kind = MSS_MORE };
	while (r == 0) {
		struct slice text = { 0 };

		switch (m->state) {
		case MSS_START:
		case MSS_ASKED:
			return 0;
		case MSS_SAID:
			m->state = MSS_OVER;
			return tell(m, MSS_AGREED, ev);
		case MSS_OVER:
			return fail(m, "the negotiation is over");
		case MSS_HEADER:
		case MSS_LINES:
			break;
		}
		r = take_line(m, in, &text);
		/* some dialers propose only once they have seen our header;
		 * where the proposal is here already, the header goes along
		 * with the answer */
		if (r == 0 && m->state == MSS_LINES)
			greet(m, out);
		if (r <= 0)
			return r;
		r = on_line(m, text, out, ev);
		buf_drop(&m->part, m->part.n);
	}
	return r;
}

void
mss_save(const struct mss *m, struct state_mss *to)
{
	*to = (struct state_mss){
		.has_state = true,
		.state = m->state,
		.has_dialer = true,
		.dialer = m->dialer,
		.has_greeted = true,
		.greeted = m->greeted,
		.has_offers = true,
		.offers = m->offers,
		.has_line = true,
		.line = buf_slice(&m->line),
		.has_part = true,
		.part = buf_slice(&m->part),
	};
}

int
mss_load(struct mss *m, const struct state_mss *from, struct budget *budget)
{
	struct slice text;

	mss_init(m, from->dialer != 0, budget);
	if (from->state > MSS_OVER || from->offers > MSS_OFFERS ||
	    from->line.n > MSS_LINE - 1)
		return -1;
	if (m->dialer ? from->state == MSS_SAID : from->state == MSS_START)
		return -1;
	m->state = (enum mss_state)from->state;
	m->greeted = from->greeted != 0;
	m->offers = (unsigned)from->offers;
	put_slice(&m->line, from->line);
	put_slice(&m->part, from->part);
	/* a whole line is never left behind */
	if (m->line.bad || m->part.bad || lacks(&m->part, &text) <= 0) {
		mss_free(m);
		return -1;
	}
	return 0;
}
