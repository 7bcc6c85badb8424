/* SPDX-License-Identifier: ISC
 *
 * The verbs that are one question and one answer: dial and hangup. */
#include "cmd/cmd.h"
#include "cmd/kn-p2p/client.h"

#include <stdio.h>
#include <string.h>

enum { TAG = 1 };

static struct {
	struct client *c;
	struct target target;
	const char *said; /* for people, what DONE means */
} me;

static void
show_done(const struct ctl_done *d)
{
	char peer[PEERID_TEXT], addr[MADDR_TEXT];
	struct json j;

	show_peer(d->peer, peer);
	if (me.c->json) {
		json_begin(&j, &show_line);
		json_text(&j, "peer", peer);
		show_json_addr(&j, "addr", d->addr);
		json_end(&j);
	} else {
		put_text(&show_line, me.said);
		put_text(&show_line, peer);
		if (d->addr.n > 0) {
			put_text(&show_line, " at ");
			put_text(&show_line, maddr_text(d->addr, addr));
		}
		put_text(&show_line, "\n");
	}
	show_print();
}

static void
heard(void *arg, const struct ctl *m)
{
	(void)arg;
	if (m->has_fail)
		client_failed(me.target.name, &m->fail);
	if (!m->has_done || m->done.tag != TAG)
		return;
	show_done(&m->done);
	loop_stop(me.c->loop, EXIT_YES);
}

static const struct p2p_face face = { NULL, heard, client_lost };

static int
ask(const struct ctl *m)
{
	p2p_say(me.c->p2p, m, -1); /* that it failed is said by lost */
	client_deadline(me.c, me.target.name, client_patience(me.c));
	return loop_run(me.c->loop);
}

int
dial_run(struct client *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS];
	size_t n = client_words(v, NULL, 0, argc, argv, words, 1, 32);
	struct ctl *m = client_message();
	struct ctl_dial *d = &m->dial;

	me.c = c;
	me.said = "connected to ";
	client_target(words, n, false, &me.target);
	client_connect(c, NULL, 0, &face, NULL);
	m->has_dial = d->has_tag = d->has_timeout = true;
	d->tag = TAG;
	d->has_peer = me.target.peer.n > 0;
	d->peer = peerid_bytes(&me.target.peer);
	d->timeout = (uint64_t)c->timeout;
	memcpy(d->addrs, me.target.addrs, me.target.n * sizeof *d->addrs);
	d->n_addrs = me.target.n;
	return ask(m);
}

int
hangup_run(struct client *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS];
	size_t n = client_words(v, NULL, 0, argc, argv, words, 1, 1);
	struct ctl *m = client_message();

	me.c = c;
	me.said = "hung up on ";
	client_target(words, n, true, &me.target);
	client_connect(c, NULL, 0, &face, NULL);
	m->has_hangup = m->hangup.has_tag = m->hangup.has_peer = true;
	m->hangup.tag = TAG;
	m->hangup.peer = peerid_bytes(&me.target.peer);
	return ask(m);
}
