/* SPDX-License-Identifier: ISC
 *
 * A swarm in one process: NODES nodes, each of which dials DIALS others, over
 * links of which some fail in the ways links fail, for HOURS of a clock of its
 * own.  SIM_SEED in the environment chooses another world. */
#include "t/sim/jobs.h"
#include "t/tap.h"
#include "wire/maddr.h"

#include <sodium.h>

enum {
	NODES = 120,
	DIALS = 3,
	LINKS = NODES * DIALS,
	DIALLING = 20000,   /* ms until the last is dialled */
	MINUTE = 60000,
	END = 120 * MINUTE,
	PERCENT_BORN = 20,
};

struct swarm {
	struct world w;
	struct node nodes[NODES];
	struct link links[LINKS];
	unsigned fates[FATES];
	size_t peak;        /* bytes charged to all budgets, at a BIRTHS */
	size_t leaks;       /* streams there at the end */
	size_t failed_born; /* births that did not load */
};

static void
node_open(struct node *n, unsigned id)
{
	static const uint8_t addr[] = { MADDR_IP4, 192, 0, 2, 1, MADDR_TCP,
		0x0f, 0xa1 };
	uint8_t seed[32] = { (uint8_t)id, (uint8_t)(id >> 8), 1 }, pb[64];
	struct peer_record record = { .has_peer_id = true, .has_seq = true,
		.seq = id, .n_addresses = 1 };
	struct ident_msg msg = { .has_public_key = true, .n_addrs = 1,
		.n_protocols = 4, .has_agent = true, .has_record = true };
	struct buf bytes = { .max = 512 }, sealed = { .max = 1024 };
	char agent[32];

	n->id = id;
	key_of_seed(&n->key, seed);
	n->peer = key_peerid(&n->key);
	seed[2] = 2;
	noise_self_make(&n->noise, seed);
	noise_self_sign(&n->noise, &n->key);
	n->budget.max = n->budget.high = 256u << 20;
	n->self = (struct conn_self){ &n->noise, { 64, 64, 16u << 20 },
		&n->budget, HANDSHAKE, OFFER_WAIT };

	record.peer_id = peerid_bytes(&n->peer);
	record.addresses[0].has_multiaddr = true;
	record.addresses[0].multiaddr = slice_of(addr, sizeof addr);
	pb_encode(&peer_record_desc, &record, &bytes);
	envelope_seal(&envelope_record, &n->key, buf_slice(&bytes), &sealed);
	key_public(&n->key, pb);
	snprintf(agent, sizeof agent, "sim/%u", id);
	msg.public_key = slice_of(pb, KEY_PUBLIC_PB);
	msg.addrs[0] = record.addresses[0].multiaddr;
	msg.protocols[0] = slice_text(ECHO);
	msg.protocols[1] = slice_text(PING);
	msg.protocols[2] = slice_text(RUDE);
	msg.protocols[3] = slice_text(IDENT_ID);
	msg.agent = slice_text(agent);
	msg.record = buf_slice(&sealed);
	buf_init(&n->ident, IDENT_SAY, NULL);
	ident_say(&msg, &n->ident);
	buf_free(&bytes);
	buf_free(&sealed);
}

static enum fate
draw_fate(struct world *w)
{
	static const struct {
		enum fate fate;
		unsigned percent;
	} odds[] = {
		{ STALL, 8 }, { CUT, 8 }, { HOLE, 4 }, { HALF, 5 },
		{ WRONG, 2 },
	};
	unsigned p = (unsigned)(chance(w) % 100);

	for (size_t i = 0; i < sizeof odds / sizeof *odds; i++) {
		if (p < odds[i].percent)
			return odds[i].fate;
		p -= odds[i].percent;
	}
	return SOUND;
}

/* When and how fate strikes a link that is dialled at this moment. */
static void
plan_fate(struct link *l, msec dialled)
{
	struct world *w = l->w;
	struct end *e = &l->ends[chance(w) & 1];
	msec soon = dialled + (msec)pick(w, 0, DIALLING);

	switch (l->fate) {
	case STALL:
		plan(w, soon, SLEEP, e, pick(w, 500, 6000));
		break;
	case CUT:
		if (percent(w, 20))
			soon = (msec)pick(w, DIALLING + 1000, END);
		else
			soon = dialled + l->latency + (msec)pick(w, 1, 3000);
		plan(w, soon, CUT_NOW, l, 0);
		break;
	case HOLE:
		plan(w, percent(w, 50) ? soon : soon + 10 * MINUTE, HOLE_NOW,
		    e, 0);
		break;
	case HALF:
		e->most = pick(w, 0, 200);
		break;
	case SOUND:
	case WRONG:
	case FATES:
		break;
	}
}

static void
link_plan(struct swarm *s, unsigned id)
{
	static const size_t bites[] = { 1, 64, 1460, 16384, 65536, 65536 };
	struct link *l = &s->links[id];
	struct world *w = &s->w;
	unsigned from = id / DIALS;
	unsigned to = (from + 1 + (unsigned)pick(w, 0, NODES - 2)) % NODES;
	msec at = (msec)pick(w, 0, DIALLING);

	*l = (struct link){ .w = w, .id = id };
	l->fate = draw_fate(w);
	l->latency = (msec)pick(w, 1, 150);
	l->bite = bites[pick(w, percent(w, 90), 5)];
	l->rate = pick(w, 100, 4000);
	l->grows = percent(w, 50);
	for (int i = 0; i < 2; i++) {
		l->ends[i].link = l;
		l->ends[i].node = &s->nodes[i ? to : from];
		l->ends[i].most = SIZE_MAX;
		buf_init(&l->ends[i].sent, SIZE_MAX, NULL);
	}
	s->fates[l->fate]++;
	plan(w, at, DIAL, l, 0);
	plan_fate(l, at);
	for (msec t = at + MINUTE; t < END - MINUTE; t += 10 * MINUTE)
		plan(w, t, ROUND, l, 0);
	plan(w, END - MINUTE, ROUND, l, 1);
}

static void
link_dial(struct swarm *s, struct link *l)
{
	struct node *want = l->ends[1].node;

	if (l->fate == WRONG)
		want = &s->nodes[(want->id + 1) % NODES];
	end_open(&l->ends[0], &want->peer);
	plan(l->w, l->w->now + l->latency, ACCEPT, &l->ends[1], 0);
	end_settle(&l->ends[0]);
}

static size_t
charged(const struct swarm *s)
{
	size_t used = 0;

	for (int i = 0; i < NODES; i++)
		used += s->nodes[i].budget.used;
	return used;
}

static void
births(struct swarm *s)
{
	for (int i = 0; i < 2 * LINKS; i++) {
		struct end *e = &s->links[i / 2].ends[i % 2];

		if (!e->open || e->conn.state != CONN_OPEN ||
		    !percent(&s->w, PERCENT_BORN))
			continue;
		tally.births++;
		tally.flowing += e->conn.out.n + e->in.n + e->sent.n +
		    other(e)->sent.n > 0;
		if (!end_birth(e))
			s->failed_born++;
		end_settle(e);
	}
	if (charged(s) > s->peak)
		s->peak = charged(s);
}

/* Everybody who dialled says good bye; what is still open is a leak. */
static void
last(struct swarm *s)
{
	for (int i = 0; i < LINKS; i++) {
		struct end *e = s->links[i].ends;

		for (int k = 0; k < 2; k++)
			if (e[k].open)
				s->leaks += conn_streams(&e[k].conn);
		if (e->open)
			conn_goaway(&e->conn, YAMUX_NORMAL);
		end_settle(e);
	}
}

static void
happen(struct swarm *s, const struct event *ev)
{
	struct end *e = ev->who;
	struct link *l = ev->who;

	switch (ev->what) {
	case DIAL:
		link_dial(s, l);
		break;
	case ACCEPT:
		end_open(e, NULL);
		end_settle(e);
		break;
	case ARRIVE:
		end_arrive(e, ev->n);
		break;
	case EOF_CAME:
		end_eof(e);
		break;
	case ALARM:
		end_tick(e);
		break;
	case SLEEP:
		e->asleep = true;
		plan(&s->w, s->w.now + (msec)ev->n, WAKE, e, 0);
		break;
	case WAKE:
		end_wake(e);
		break;
	case CUT_NOW:
		l->spoilt = s->w.now;
		link_cut(l);
		break;
	case HOLE_NOW:
		e->link->spoilt = s->w.now;
		e->most = e->carried;
		break;
	case ROUND:
		jobs_round(l->ends, ev->n);
		break;
	case BIRTHS:
		births(s);
		break;
	case LAST:
		last(s);
		break;
	}
}

static struct swarm *
run(uint64_t seed)
{
	struct swarm *s = mem_new(sizeof *s);
	struct event ev;

	memset(&tally, 0, sizeof tally);
	s->w.chance = seed;
	for (unsigned i = 0; i < NODES; i++)
		node_open(&s->nodes[i], i);
	for (unsigned i = 0; i < LINKS; i++)
		link_plan(s, i);
	for (msec t = 500; t < DIALLING + 5000; t += 300)
		plan(&s->w, t, BIRTHS, NULL, 0);
	for (msec t = MINUTE; t < END; t += 7 * MINUTE)
		plan(&s->w, t, BIRTHS, NULL, 0);
	plan(&s->w, END, LAST, NULL, 0);
	while (next(&s->w, &ev))
		happen(s, &ev);
	return s;
}

static void
finish(struct swarm *s)
{
	for (int i = 0; i < 2 * LINKS; i++)
		buf_free(&s->links[i / 2].ends[i % 2].sent);
	for (int i = 0; i < NODES; i++)
		buf_free(&s->nodes[i].ident);
	free(s->w.heap);
	free(s);
}

/* Did an end of a half-open handshake end as it has to?  One that came up
 * before its peer fell silent finds out by a ping. */
static bool
ended_half(const struct end *e)
{
	if (e->was_up)
		return e->fault == CONN_SILENT;
	return e->fault == CONN_LATE && e->closed == e->opened + HANDSHAKE;
}

static bool
ended_hole(const struct link *l)
{
	const struct end *a = &l->ends[0], *b = &l->ends[1];
	msec most = l->spoilt + YAMUX_KEEPALIVE + YAMUX_PONG_TIMEOUT +
	    2 * l->latency + 1000;

	bool found = a->fault == CONN_SILENT || b->fault == CONN_SILENT ||
	    a->fault == CONN_LATE || b->fault == CONN_LATE;

	return found && a->closed <= most && b->closed <= most;
}

static bool
ended_well(const struct link *l)
{
	const struct end *a = &l->ends[0], *b = &l->ends[1];

	switch (l->fate) {
	case SOUND:
	case STALL:
		return a->was_up && b->was_up && a->closed >= END &&
		    a->fault == CONN_SOUND && b->fault == CONN_SOUND;
	case CUT:
		return a->closed == b->closed && a->closed == l->spoilt &&
		    a->fault == CONN_SOUND && b->fault == CONN_SOUND;
	case HOLE:
		return ended_hole(l);
	case HALF:
		return ended_half(a) && ended_half(b);
	case WRONG:
		return a->fault == CONN_WRONG_PEER && !a->was_up &&
		    !b->was_up;
	case FATES:
		break;
	}
	return false;
}

static void
check_ends(const struct swarm *s)
{
	static const char *const names[FATES] = {
		[SOUND] = "sound: handshake done, open to the end",
		[STALL] = "stalled: the same all the same",
		[CUT] = "cut in the middle: both ends are gone",
		[HOLE] = "swallowed: found out by keep-alives",
		[HALF] = "half-open: ended at the deadline",
		[WRONG] = "wrong peer: known by the dialer",
	};
	unsigned good[FATES] = { 0 };

	for (int i = 0; i < LINKS; i++) {
		const struct link *l = &s->links[i];

		good[l->fate] += ended_well(l);
		if (!ended_well(l))
			printf("# link %d: fate %d, up %d %d, fault %d %d, "
			       "opened %" PRId64 " %" PRId64 ", closed %" PRId64
			       " %" PRId64 ", spoilt %" PRId64 "\n", i,
			    l->fate, l->ends[0].was_up, l->ends[1].was_up,
			    l->ends[0].fault, l->ends[1].fault,
			    l->ends[0].opened, l->ends[1].opened,
			    l->ends[0].closed, l->ends[1].closed, l->spoilt);
	}
	for (int f = 0; f < FATES; f++)
		ok(s->fates[f] > 0 && good[f] == s->fates[f],
		    "%u of %u %s", good[f], s->fates[f], names[f]);
}

static void
check(const struct swarm *s)
{
	unsigned held = 0, open = 0;

	check_ends(s);
	ok(tally.wrong == 0, "%" PRIu64 " streams went wrong", tally.wrong);
	ok(tally.echoed > LINKS && tally.told > LINKS &&
	        tally.echoed + tally.told + tally.lost ==
	            tally.echoes + tally.asked,
	    "%" PRIu64 " echoes byte-exact, %" PRIu64
	    " identified, %" PRIu64 " cut off", tally.echoed, tally.told,
	    tally.lost);
	ok(tally.births > LINKS && tally.flowing > LINKS / 4 &&
	        s->failed_born == 0,
	    "%" PRIu64 " rebirths, %" PRIu64 " with bytes on the way",
	    tally.births, tally.flowing);
	ok(tally.refused == 0 && tally.rude > 0 && tally.tired > 0,
	    "%" PRIu64 " streams were reset", tally.resets + tally.tired);
	is_int(s->leaks, 0, "no stream is left at the end");
	is_int(tally.jobs, 0, "nobody waits for one");
	for (int i = 0; i < 2 * LINKS; i++) {
		held += s->links[i / 2].ends[i % 2].sent.n > 0;
		open += s->links[i / 2].ends[i % 2].open;
	}
	ok(open == 0 && held == 0, "all links are gone");
	ok(s->peak > 0 && charged(s) == 0,
	    "%zu bytes charged at the peak, %zu now", s->peak, charged(s));
	printf("# %" PRIu64 " events, %" PRIu64 " bytes echoed, %" PRIu64
	       " pings, %" PRIu64 " keep-alives, %" PRIu64
	       " agreed, %" PRIu64 " up, %" PRIu64 " good byes\n",
	    s->w.happened, tally.bytes, tally.pings, tally.rtts, tally.agreed,
	    tally.up, tally.bye);
}

int
main(void)
{
	const char *text = getenv("SIM_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 1, first;
	struct swarm *s;

	if (sodium_init() < 0)
		return 1;
	s = run(seed);
	check(s);
	first = s->w.digest;
	finish(s);
	s = run(seed);
	ok(s->w.digest == first, "the same seed, the same world: %016" PRIx64,
	    first);
	finish(s);
	s = run(seed + 1);
	check(s);
	ok(s->w.digest != first, "another seed, another world: %016" PRIx64,
	    s->w.digest);
	finish(s);
	return tap_done();
}
