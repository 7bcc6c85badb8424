/* SPDX-License-Identifier: ISC
 *
 * A program that asks over a real p2p.sock, and peers that answer in various
 * ways: for unit tests of net/queries. */
#ifndef T_NET_ASKING_H
#define T_NET_ASKING_H

#include "net/p2p.h"
#include "net/queries.h"
#include "t/net/programs.h"

#define PROTO "/t/q/1"
/* SOON: enough for a question to be heard, on a machine that is busy, too. */
enum { ANSWER_MAX = 1000, ASK_TIME = 60000, BRIEF = 150, SOON = 2000 };

/* How a peer answers, unless the message begins with a plus. */
enum manner {
	ANSWERS,  /* "re:" and the question */
	ONCE,     /* and closes its half */
	TWICE,    /* another answer behind it */
	LENGTHY,  /* more than may be */
	PARTLY,   /* a part of it, then a reset */
	RESETS,   /* instead of an answer */
	CLOSES,   /* the same, in order */
	SILENT,   /* until told */
};

struct session {
	struct session *next;
	struct server *server;
	struct stream *stream;
	struct buf in;
	char last[64]; /* the question it is silent about */
};

struct server {
	struct host host;
	enum manner manner;
	bool stays;    /* does not close its half when we close ours */
	unsigned starts, questions, fins, overs;
	enum reason over;
	struct session *sessions; /* newest first */
};

static struct server peers[3];
static struct p2p *p2p;
static struct queries *queries;
static struct queries_conf qconf;
static struct budget qbudget;
static char said[4096];  /* what the face was told, in order */
static unsigned foreign; /* messages that were not about ours */
static unsigned losses;
static const char *asked_at = path; /* p2p.sock */
static bool inside;      /* a call of queries: the face must be silent */
static void (*on_replied)(uint64_t id);

static inline void
session_say(struct session *n, const char *text)
{
	struct buf out = { .max = 2 * ANSWER_MAX };

	put_varint(&out, strlen(text));
	put_text(&out, text);
	stream_write(n->stream, buf_slice(&out));
	buf_free(&out);
}

/* May end the stream. */
static inline void
session_answer(struct session *n, enum manner manner)
{
	struct stream *s = n->stream;
	char text[80];

	snprintf(text, sizeof text, "re:%s", n->last);
	if (manner == ANSWERS || manner == ONCE || manner == TWICE)
		session_say(n, text);
	if (manner == TWICE)
		session_say(n, "more");
	if (manner == LENGTHY)
		stream_write(s, slice_of("\xe9\x07", 2)); /* 1001 */
	if (manner == PARTLY)
		stream_write(s, slice_text("\x05" "ab"));
	if (manner == ONCE || manner == CLOSES)
		stream_fin(s);
	if (manner == RESETS || manner == PARTLY)
		stream_reset(s, REASON_RESET);
}

static inline void
session_start(struct stream *s)
{
	struct session *n = calloc(1, sizeof *n);

	n->server = s->data;
	n->stream = s;
	n->in.max = 8 << 20;
	n->next = n->server->sessions;
	n->server->sessions = n;
	n->server->starts++;
	s->data = n;
}

static inline size_t
session_data(struct stream *s, struct slice in)
{
	struct session *n = s->data;
	struct server *v = n->server;
	unsigned overs = v->overs; /* it may end in between */
	uint64_t size;
	size_t used;

	put_slice(&n->in, in);
	while (v->overs == overs &&
	    peek_varint(buf_slice(&n->in), &size, &used) > 0 &&
	    size <= n->in.n - used) {
		snprintf(n->last, sizeof n->last, "%.*s", (int)size,
		    (const char *)n->in.p + used);
		buf_drop(&n->in, used + size);
		v->questions++;
		if (n->last[0] != '+')
			session_answer(n, v->manner);
	}
	return in.n;
}

static inline void
session_fin(struct stream *s)
{
	struct session *n = s->data;

	n->server->fins++;
	if (!n->server->stays)
		stream_fin(s);
}

static inline void
session_room(struct stream *s)
{
	(void)s;
}

static inline void
session_over(struct stream *s, enum reason why)
{
	struct session *n = s->data, **at;

	if (!s->started)
		return;
	for (at = &n->server->sessions; *at != n;)
		at = &(*at)->next;
	*at = n->next;
	n->server->overs++;
	n->server->over = why;
	buf_free(&n->in);
	free(n);
}

static const struct service session_service = { "session", session_start,
	session_data, session_fin, session_room, session_over };

/* The one that asks. */

static inline void
note(uint64_t id, char mark, struct slice text)
{
	size_t at = strlen(said);

	if (inside)
		ok(false, "the face is called from within");
	snprintf(said + at, sizeof said - at, "%u%c%.*s ", (unsigned)id, mark,
	    (int)text.n, (const char *)text.p);
}

static inline void
me_replied(void *arg, uint64_t id, struct slice m)
{
	(void)arg;
	note(id, '=', m);
	if (on_replied)
		on_replied(id);
}

static inline void
me_failed(void *arg, uint64_t id, enum reason why)
{
	(void)arg;
	note(id, ':', slice_text(reason_word(why)));
}

static const struct queries_face me_face = { me_replied, me_failed };

static inline void
me_heard(void *arg, const struct ctl *m)
{
	(void)arg;
	if (queries && !queries_heard(queries, m))
		foreign += !m->has_self && !m->has_now;
}

static inline void
me_lost(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	losses++;
	inside = true;
	queries_lost(queries);
	inside = false;
}

static const struct p2p_face me_p2p = { NULL, me_heard, me_lost };

static inline void
ask_raw(unsigned id, struct server *v, const struct slice *addrs, size_t n,
    struct slice messages, msec timeout)
{
	inside = true;
	queries_ask(queries, id, &v->host.self.id, addrs, n, messages, timeout);
	inside = false;
}

static inline void
ask_at(unsigned id, struct server *v, const struct slice *addrs, size_t n,
    const char *text, msec timeout)
{
	struct buf message = { .max = ANSWER_MAX };

	put_varint(&message, strlen(text));
	put_text(&message, text);
	ask_raw(id, v, addrs, n, buf_slice(&message), timeout);
	buf_free(&message);
}

static inline void
ask_peer(unsigned id, struct server *v, const char *text)
{
	struct slice addr = maddr_bytes(&v->host.addr);

	ask_at(id, v, &addr, 1, text, ASK_TIME);
}

static inline void
ask_brief(unsigned id, struct server *v, const char *text)
{
	struct slice addr = maddr_bytes(&v->host.addr);

	ask_at(id, v, &addr, 1, text, SOON);
}

static inline void
cancel(unsigned id)
{
	inside = true;
	queries_cancel(queries, id);
	inside = false;
}

static inline void
serve(struct server *v, enum manner manner)
{
	v->manner = manner;
	v->stays = false;
	v->starts = v->questions = v->fins = v->overs = 0;
}

/* What was said since the last time. */
static inline void
says(const char *what, const char *name)
{
	comes(strlen(said) >= strlen(what), name);
	is_text(said, what, name);
	memset(said, 0, sizeof said);
}

/* How many things are said. */
static inline unsigned
sayings(void)
{
	unsigned n = 0;

	for (const char *c = said; *c; c++)
		n += *c == ' ';
	return n;
}

/* The newest session of a silent peer that was asked this answers now. */
static inline void
answer(struct server *v, const char *question, enum manner manner)
{
	for (struct session *n = v->sessions; n; n = n->next)
		if (strcmp(n->last, question) == 0) {
			session_answer(n, manner);
			return;
		}
	ok(false, "%s was asked", question);
}

static inline void
turns(msec time)
{
	msec end = msec_now() + time;

	host_patience = end;
	while (host_step())
		;
}

/* With a new configuration; 0 is replaced by what does not matter. */
static inline void
me_start(struct queries_conf with)
{
	static const char *const protocols[] = { PROTO };
	const struct p2p_conf conf = { asked_at, "asker", NULL, 0, true };

	qconf = with;
	qbudget = (struct budget){ .high = SIZE_MAX, .max = SIZE_MAX };
	qconf.protocols = qconf.protocols ? qconf.protocols : protocols;
	qconf.nprotocols = 1;
	qconf.streams = qconf.streams ? qconf.streams : 16;
	qconf.per_peer = qconf.per_peer ? qconf.per_peer : 4;
	qconf.waiting = qconf.waiting ? qconf.waiting : 16;
	qconf.idle = qconf.idle ? qconf.idle : 60000;
	qconf.max = ANSWER_MAX;
	qconf.budget = &qbudget;
	memset(said, 0, sizeof said);
	foreign = losses = 0;
	on_replied = NULL;
	p2p = p2p_new(loop, &conf, &me_p2p, NULL);
	queries = queries_new(loop, p2p, &qconf, &me_face, NULL);
}

static inline bool
sessions_over(void)
{
	for (size_t i = 0; i < sizeof peers / sizeof *peers; i++)
		if (peers[i].sessions)
			return false;
	return true;
}

static inline void
me_stop(void)
{
	queries_free(queries);
	queries = NULL;
	comes(sessions_over(), "no stream outlives it");
	p2p_free(p2p);
	is_int(qbudget.used, 0, "nothing is left on the asker's budget");
	is_int(foreign, 0, "and it heard of no stream but its own");
	is_text(said, "", "no question is heard of once more");
}

/* The board and n peers. */
static inline void
peers_start(size_t n)
{
	begin();
	memset(peers, 0, sizeof peers);
	for (size_t i = 0; i < n; i++) {
		host_defaults(&peers[i].host);
		host_start(&peers[i].host, (uint8_t)(31 + 10 * i), &host_face,
		    &peers[i].host);
		swarm_serve(peers[i].host.swarm, PROTO, &session_service,
		    &peers[i]);
	}
}

static inline void
peers_stop(size_t n)
{
	for (size_t i = 0; i < n; i++)
		host_stop(&peers[i].host);
}

#endif
