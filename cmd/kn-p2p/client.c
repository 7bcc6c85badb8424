/* SPDX-License-Identifier: ISC */
#include "cmd/kn-p2p/client.h"
#include "cmd/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { GRACE = 1000 }; /* ms; kn-p2pd knows better why a dial failed */

static struct timer *deadline;

struct opt_page
client_page(const struct verb *v, const struct opt *opts, size_t n)
{
	static char prog[32];

	snprintf(prog, sizeof prog, "kn-p2p %s", v->name);
	return (
	    struct opt_page){ prog, v->operands, v->about, v->detail, opts, n };
}

size_t
client_words(const struct verb *v, const struct opt *opts, size_t nopts,
    int argc, char **argv, const char *words[CLIENT_WORDS], size_t least,
    size_t most)
{
	const struct opt_page page = client_page(v, opts, nopts);
	size_t n = 0;
	int first;

	while ((first = cmd_options(&page, argc, argv)) < argc) {
		if (n == most)
			die(EXIT_WRONG, "\"%s\" is too many; see %s -h",
			    argv[first], page.prog);
		words[n++] = argv[first];
		argc -= first;
		argv += first;
	}
	if (n < least)
		die(EXIT_WRONG, "wants %s; see %s -h", v->operands, page.prog);
	return n;
}

static void
take_addr(const char *word, struct target *t)
{
	struct slice bare;
	struct peerid peer;

	if (maddr_of_text(slice_text(word), &t->at[t->n]) < 0)
		die(EXIT_WRONG,
		    "\"%s\" is no multiaddr; one looks like "
		    "/ip4/192.0.2.1/tcp/4001/p2p/12D3…",
		    word);
	t->addrs[t->n] = maddr_bytes(&t->at[t->n]);
	if (maddr_peer(t->addrs[t->n], &peer, &bare)) {
		if (t->peer.n > 0 && !peerid_eq(&peer, &t->peer))
			die(EXIT_WRONG, "%s is about another peer", word);
		t->peer = peer;
	}
	t->n++;
}

void
client_target(
    const char *const *words, size_t n, bool must_name_peer, struct target *t)
{
	char text[PEERID_TEXT];

	memset(t, 0, sizeof *t);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 && words[i][0] != '/') {
			if (peerid_of_text(slice_text(words[i]), &t->peer) < 0)
				die(EXIT_WRONG,
				    "\"%s\" is neither a peer id "
				    "nor a multiaddr",
				    words[i]);
			continue;
		}
		take_addr(words[i], t);
	}
	if (t->peer.n == 0 && must_name_peer)
		die(EXIT_WRONG, "%s does not say which peer; add /p2p/PEER",
		    words[0]);
	snprintf(t->name, sizeof t->name, "%s",
	    t->peer.n > 0 ? peerid_text(&t->peer, text) : words[0]);
}

void
client_connect(struct client *c, const char *const *protocols, unsigned wants,
    const struct p2p_face *face, void *arg)
{
	const struct p2p_conf conf = { c->path, "kn-p2p", protocols, wants,
		false };

	c->p2p = p2p_new(c->loop, &conf, face, arg);
	if (c->p2p)
		return;
	if (errno == ENOENT || errno == ECONNREFUSED)
		die(EXIT_SYSTEM, "nothing answers on %s; is kn-p2pd running?",
		    c->path);
	if (errno == EACCES || errno == EPERM)
		die(EXIT_WRONG,
		    "your user may not connect to %s; join the "
		    "group that may",
		    c->path);
	die(errno == ENAMETOOLONG ? EXIT_WRONG : EXIT_SYSTEM,
	    "cannot connect to %s:", c->path);
}

void
client_lost(void *arg, const char *why)
{
	(void)arg;
	die(EXIT_SYSTEM, "the connection to kn-p2pd is over: it %s", why);
}

void
client_failed(const char *what, const struct ctl_fail *f)
{
	const char *sentence = reason_sentence((unsigned)f->reason);
	const char *text = show_plain(f->text);
	bool more = *text && strcmp(text, sentence) != 0;

	if (f->reason == REASON_RIGHTS)
		die(EXIT_WRONG,
		    "%s: your user may not ask for that; "
		    "network.control in node.ini says who may",
		    what);
	die(EXIT_NO, "%s: %s (%s%s%s)", what, sentence,
	    reason_word((unsigned)f->reason), more ? "; " : "",
	    more ? text : "");
}

void
client_broken(const char *what, unsigned reason)
{
	die(EXIT_NO, "%s: the stream broke off: %s (%s)", what,
	    reason_sentence(reason), reason_word(reason));
}

int
client_open(struct client *c, const struct target *t,
    const char *const *protocols, size_t n, uint64_t *tag)
{
	const int room = 1 << 20;
	int fd = p2p_open(
	    c->p2p, &t->peer, t->addrs, t->n, protocols, n, c->timeout, tag);

	if (fd < 0 && errno == EINVAL)
		die(EXIT_WRONG, "too many protocols or addresses");
	if (fd < 0)
		die(EXIT_SYSTEM, "cannot ask kn-p2pd for a stream:");
	/* the kernel gives what it may; any size works */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	return fd;
}

struct ctl *
client_message(void)
{
	static struct ctl msg;

	memset(&msg, 0, sizeof msg);
	return &msg;
}

void
client_reset(struct client *c, uint64_t tag, bool inbound)
{
	struct ctl *m = client_message();

	m->has_over = m->over.has_tag = m->over.has_inbound =
	    m->over.has_reason = true;
	m->over.tag = tag;
	m->over.inbound = inbound;
	m->over.reason = REASON_RESET;
	p2p_say(c->p2p, m, -1);
}

static const char *waits_for;

static void
on_deadline(void *arg)
{
	(void)arg;
	die(EXIT_NO, "%s: no answer in time", waits_for);
}

void
client_deadline(struct client *c, const char *what, msec when)
{
	if (deadline == NULL)
		deadline = timer_new(c->loop, on_deadline, NULL);
	waits_for = what;
	timer_at(deadline, when);
}

msec
client_patience(const struct client *c)
{
	return msec_now() + c->timeout + GRACE;
}

int64_t
client_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
