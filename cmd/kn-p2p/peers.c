/* SPDX-License-Identifier: ISC
 *
 * The verbs that show what kn-p2pd says of itself: self, peers, id, events. */
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/kn-p2p/client.h"

#include <stdio.h>
#include <string.h>

static struct {
	struct client *c;
	struct target target;
	uint64_t shown;
	bool asked; /* id: DIAL was said */
} me;

static void
refuse_fail(const struct ctl *m)
{
	if (m->has_fail)
		client_failed(
		    me.target.name[0] ? me.target.name : "refused", &m->fail);
}

static void
no_words(const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS];

	client_words(v, NULL, 0, argc, argv, words, 0, 0);
}

/* An address of ours as another can dial it. */
static char *
with_peer(struct slice addr, const struct peerid *peer, char text[MADDR_TEXT])
{
	struct maddr whole;
	struct peerid other;
	struct slice bare;

	if (!maddr_peer(addr, &other, &bare) &&
	    maddr_of_bytes(addr, &whole) == 0 &&
	    maddr_add(&whole, MADDR_P2P, peerid_bytes(peer)) == 0)
		return maddr_text(maddr_bytes(&whole), text);
	return maddr_text(addr, text);
}

/* self */

static void
self_json(struct json *j, const struct ctl_self *s)
{
	char text[MADDR_TEXT];
	struct peerid peer = { 0 };

	peerid_of_bytes(s->peer, &peer);
	show_json_peer(j, "peer", s->peer);
	json_open_array(j, "addrs");
	for (size_t i = 0; i < s->n_addrs; i++)
		json_text(j, NULL, with_peer(s->addrs[i], &peer, text));
	json_close_array(j);
	show_json_texts(j, "protocols", s->protocols, s->n_protocols);
	json_str(j, "agent", s->agent);
	json_bool(j, "draining", s->draining != 0);
}

static void
self_show(const struct ctl_self *s)
{
	char text[MADDR_TEXT];
	struct peerid peer = { 0 };

	peerid_of_bytes(s->peer, &peer);
	show_put("peer      %s\n", peerid_text(&peer, text));
	show_put("agent     %s\n", log_q(s->agent));
	show_put("draining  %s\n", s->draining ? "yes" : "no");
	for (size_t i = 0; i < s->n_addrs; i++)
		show_put("address   %s\n", with_peer(s->addrs[i], &peer, text));
	for (size_t i = 0; i < s->n_protocols; i++)
		show_put("protocol  %s\n", log_q(s->protocols[i]));
}

static void
self_heard(void *arg, const struct ctl *m)
{
	struct json j;

	(void)arg;
	refuse_fail(m);
	if (!m->has_self)
		return;
	if (me.c->json) {
		json_begin(&j, &show_line);
		self_json(&j, &m->self);
		json_end(&j);
	} else {
		self_show(&m->self);
	}
	show_print();
	loop_stop(me.c->loop, EXIT_YES);
}

int
self_run(struct client *c, const struct verb *v, int argc, char **argv)
{
	static const struct p2p_face face = { NULL, self_heard, client_lost };

	me.c = c;
	no_words(v, argc, argv);
	client_connect(c, NULL, 0, &face, NULL);
	client_deadline(c, "kn-p2pd", msec_now() + c->timeout);
	return loop_run(c->loop);
}

/* peers */

static void
admission_json(struct json *j, const struct ctl_admission *a)
{
	char hex[2 * 20 + 1] = "";

	for (size_t i = 0; i < a->serial.n && i < 20; i++)
		snprintf(hex + 2 * i, 3, "%02x", a->serial.p[i]);
	json_open_object(j, "admission");
	json_uint(j, "role", a->role);
	json_uint(j, "tier", a->tier);
	json_text(j, "serial", hex);
	json_close_object(j);
}

static void
up_json(struct json *j, const struct ctl_up *up)
{
	show_json_peer(j, "peer", up->peer);
	show_json_addr(j, "addr", up->addr);
	json_bool(j, "inbound", up->inbound != 0);
	json_str(j, "agent", up->agent);
	json_str(j, "protocol_version", up->protocol_version);
	show_json_texts(j, "protocols", up->protocols, up->n_protocols);
	show_json_addrs(j, "addrs", up->addrs, up->n_addrs);
	show_json_addr(j, "observed", up->observed);
	json_bool(j, "certified", up->certified != 0);
	if (up->has_rtt)
		json_uint(j, "rtt_us", up->rtt);
	else
		json_none(j, "rtt_us");
	json_uint(j, "streams", up->streams);
	json_uint(j, "age_ms", up->age);
	if (up->has_admission)
		admission_json(j, &up->admission);
	else
		json_none(j, "admission");
}

static void
up_row(const struct ctl_up *up)
{
	char peer[PEERID_TEXT], addr[MADDR_TEXT], rtt[24] = "-";

	if (me.shown == 0)
		show_put("%-52s %-3s %9s %8s %7s  %s  %s\n", "PEER", "DIR",
		    "RTT ms", "AGE s", "STREAMS", "ADDRESS", "AGENT");
	if (up->has_rtt)
		snprintf(rtt, sizeof rtt, "%.1f", (double)up->rtt / 1000);
	show_put("%-52s %-3s %9s %8llu %7llu  %s  %s\n",
	    show_peer(up->peer, peer), up->inbound ? "in" : "out", rtt,
	    (unsigned long long)up->age / 1000, (unsigned long long)up->streams,
	    maddr_text(up->addr, addr), log_q(up->agent));
}

static void
line_of_up(const struct ctl_up *up)
{
	struct json j;

	json_begin(&j, &show_line);
	up_json(&j, up);
	json_end(&j);
}

static void
peers_heard(void *arg, const struct ctl *m)
{
	(void)arg;
	refuse_fail(m);
	if (m->has_up) {
		if (me.c->json)
			line_of_up(&m->up);
		else
			up_row(&m->up);
		show_print();
		me.shown++;
	}
	if (m->has_now)
		loop_stop(me.c->loop, EXIT_YES);
}

int
peers_run(struct client *c, const struct verb *v, int argc, char **argv)
{
	static const struct p2p_face face = { NULL, peers_heard, client_lost };

	me.c = c;
	no_words(v, argc, argv);
	client_connect(c, NULL, CTL_WANT_PEERS, &face, NULL);
	client_deadline(c, "kn-p2pd", msec_now() + c->timeout);
	return loop_run(c->loop);
}

/* id */

static void
id_show(const struct ctl_up *up)
{
	char text[MADDR_TEXT];

	show_put("peer      %s\n", show_peer(up->peer, text));
	show_put("agent     %s\n", log_q(up->agent));
	show_put("version   %s\n", log_q(up->protocol_version));
	show_put("at        %s (%s)\n", maddr_text(up->addr, text),
	    up->inbound ? "it dialled us" : "we dialled it");
	show_put("sees us   %s\n",
	    up->observed.n > 0 ? maddr_text(up->observed, text) : "-");
	show_put("certified %s\n", up->certified ? "yes" : "no");
	for (size_t i = 0; i < up->n_addrs; i++)
		show_put("address   %s\n", maddr_text(up->addrs[i], text));
	for (size_t i = 0; i < up->n_protocols; i++)
		show_put("protocol  %s\n", log_q(up->protocols[i]));
}

static void
say_dial(void)
{
	struct ctl *m = client_message();
	struct ctl_dial *d = &m->dial;

	m->has_dial = d->has_tag = d->has_peer = d->has_timeout = true;
	d->tag = 1;
	d->peer = peerid_bytes(&me.target.peer);
	d->timeout = (uint64_t)me.c->timeout;
	memcpy(d->addrs, me.target.addrs, me.target.n * sizeof *d->addrs);
	d->n_addrs = me.target.n;
	p2p_say(me.c->p2p, m, -1);
	me.asked = true;
}

static void
id_heard(void *arg, const struct ctl *m)
{
	(void)arg;
	refuse_fail(m);
	/* who is connected already has been told of before NOW */
	if (m->has_now && !me.asked)
		say_dial();
	if (!m->has_up || !slice_eq(m->up.peer, peerid_bytes(&me.target.peer)))
		return;
	if (me.c->json)
		line_of_up(&m->up);
	else
		id_show(&m->up);
	show_print();
	loop_stop(me.c->loop, EXIT_YES);
}

int
id_run(struct client *c, const struct verb *v, int argc, char **argv)
{
	static const struct p2p_face face = { NULL, id_heard, client_lost };
	const char *words[CLIENT_WORDS];

	me.c = c;
	client_target(words, client_words(v, NULL, 0, argc, argv, words, 1, 1),
	    true, &me.target);
	client_connect(c, NULL, CTL_WANT_PEERS, &face, NULL);
	client_deadline(c, me.target.name, client_patience(c));
	return loop_run(c->loop);
}

/* events */

static void
down_json(struct json *j, const struct ctl_down *d)
{
	show_json_peer(j, "peer", d->peer);
	json_text(j, "reason", reason_word((unsigned)d->reason));
}

static void
stream_json(struct json *j, const struct ctl_stream *s)
{
	show_json_peer(j, "peer", s->peer);
	show_json_addr(j, "addr", s->addr);
	json_str(j, "protocol", s->protocol);
}

static void
events_heard(void *arg, const struct ctl *m)
{
	const char *event = m->has_up       ? "up"
			    : m->has_down   ? "down"
			    : m->has_stream ? "stream"
			    : m->has_self   ? "self"
			    : m->has_now    ? "now"
					    : NULL;
	struct json j;

	(void)arg;
	refuse_fail(m);
	if (event == NULL)
		return;
	client_deadline(me.c, "", MSEC_NEVER);
	json_begin(&j, &show_line);
	json_text(&j, "event", event);
	if (m->has_up)
		up_json(&j, &m->up);
	if (m->has_down)
		down_json(&j, &m->down);
	if (m->has_stream)
		stream_json(&j, &m->stream);
	if (m->has_self)
		self_json(&j, &m->self);
	if (m->has_now)
		json_uint(&j, "peers", m->now.peers);
	json_end(&j);
	show_print();
}

int
events_run(struct client *c, const struct verb *v, int argc, char **argv)
{
	static const struct p2p_face face = { NULL, events_heard, client_lost };

	me.c = c;
	no_words(v, argc, argv);
	client_connect(c, NULL, CTL_WANT_PEERS | CTL_WANT_STREAMS, &face, NULL);
	client_deadline(c, "kn-p2pd", msec_now() + c->timeout);
	return loop_run(c->loop);
}
