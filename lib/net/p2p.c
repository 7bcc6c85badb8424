/* SPDX-License-Identifier: ISC */
#include "net/p2p.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ms; the first retry comes well within the two seconds that kn-p2pd keeps
 * streams for a program */
enum { AGAIN_LEAST = 50, AGAIN_MOST = 5000 };

struct p2p {
	struct loop *loop;
	struct p2p_conf conf;
	const struct p2p_face *face;
	void *arg;
	struct ctl_end *end; /* NULL: not connected */
	struct timer *again;
	msec wait;    /* before the next attempt */
	uint64_t tag; /* the last one used */
};

static int join(struct p2p *);

static struct ctl *
message(void)
{
	static struct ctl msg; /* too big for a stack */

	memset(&msg, 0, sizeof msg);
	return &msg;
}

static void
on_heard(void *arg, const void *in, int fd)
{
	const struct ctl *msg = in;
	struct p2p *p = arg;

	if (msg->has_now)
		p->wait = AGAIN_LEAST;
	if (msg->has_stream && fd >= 0 && p->face->stream) {
		p->face->stream(p->arg, &msg->stream, fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	if (p->face->heard)
		p->face->heard(p->arg, msg);
}

static void
later(struct p2p *p)
{
	timer_at(p->again, msec_now() + p->wait);
	p->wait = msec_min(p->wait * 2, AGAIN_MOST);
}

static void
on_gone(void *arg, const char *why)
{
	struct p2p *p = arg;

	ctl_end_free(p->end);
	p->end = NULL;
	if (p->conf.again)
		later(p);
	if (p->face->lost)
		p->face->lost(p->arg, why); /* may free p */
}

static const struct ctl_face end_face = {
	.desc = &ctl_desc,
	.heard = on_heard,
	.gone = on_gone,
};

static void
on_again(void *arg)
{
	struct p2p *p = arg;

	if (join(p) < 0)
		later(p);
}

/* That it failed is said by gone. */
static void
say_hello(struct p2p *p)
{
	struct ctl *m = message();
	struct ctl_hello *h = &m->hello;
	const char *const *at = p->conf.protocols;

	m->has_hello = h->has_name = h->has_wants = true;
	h->name = slice_text(p->conf.name);
	h->wants = p->conf.wants;
	for (; at && *at; at++)
		h->protocols[h->n_protocols++] = slice_text(*at);
	ctl_say(p->end, m, -1);
}

static int
join(struct p2p *p)
{
	int fd = ctl_connect(p->conf.path);

	if (fd < 0)
		return -1;
	p->end = ctl_end_new(p->loop, fd, &end_face, p);
	say_hello(p);
	return 0;
}

/* Does HELLO hold what it has to say? */
static bool
fits(const struct p2p_conf *conf)
{
	size_t most =
	    sizeof((struct ctl_hello *)0)->protocols / sizeof(struct slice);
	size_t n = 0;

	while (conf->protocols && conf->protocols[n])
		n++;
	return n <= most && conf->name[0] && strlen(conf->name) <= 32;
}

struct p2p *
p2p_new(struct loop *loop, const struct p2p_conf *conf,
    const struct p2p_face *face, void *arg)
{
	struct p2p *p;
	int why;

	if (!fits(conf)) {
		errno = EINVAL;
		return NULL;
	}
	p = mem_new(sizeof *p);
	p->loop = loop;
	p->conf = *conf;
	p->face = face;
	p->arg = arg;
	p->wait = AGAIN_LEAST;
	p->again = timer_new(loop, on_again, p);
	if (join(p) == 0)
		return p;
	if (conf->again) {
		later(p);
		return p;
	}
	why = errno;
	p2p_free(p);
	errno = why;
	return NULL;
}

void
p2p_serve(struct p2p *p, const char *const *protocols)
{
	p->conf.protocols = protocols;
	if (p->end)
		say_hello(p);
}

void
p2p_free(struct p2p *p)
{
	if (p == NULL)
		return;
	ctl_end_free(p->end);
	timer_free(p->again);
	free(p);
}

int
p2p_say(struct p2p *p, const struct ctl *msg, int fd)
{
	if (p->end)
		return ctl_say(p->end, msg, fd);
	if (fd >= 0)
		close(fd);
	errno = ENOTCONN;
	return -1;
}

void
p2p_hear(struct p2p *p)
{
	if (p->end)
		ctl_hear(p->end);
}

/* OPEN but for its descriptor; false: it does not hold so much. */
static bool
fill_open(struct ctl_open *o, const struct peerid *peer,
    const struct slice *addrs, size_t naddrs, const char *const *protocols,
    size_t nprotocols, msec timeout)
{
	if (naddrs > sizeof o->addrs / sizeof *o->addrs ||
	    nprotocols > sizeof o->protocols / sizeof *o->protocols)
		return false;
	o->has_tag = o->has_peer = true;
	o->peer = peerid_bytes(peer);
	o->has_timeout = timeout > 0;
	o->timeout = timeout > 0 ? (uint64_t)timeout : 0;
	for (size_t i = 0; i < naddrs; i++)
		o->addrs[o->n_addrs++] = addrs[i];
	for (size_t i = 0; i < nprotocols; i++)
		o->protocols[o->n_protocols++] = slice_text(protocols[i]);
	return true;
}

int
p2p_open(struct p2p *p, const struct peerid *peer, const struct slice *addrs,
    size_t naddrs, const char *const *protocols, size_t nprotocols,
    msec timeout, uint64_t *tag)
{
	struct ctl *m = message();
	int pair[2], why;

	m->has_open = true;
	if (!fill_open(&m->open, peer, addrs, naddrs, protocols, nprotocols,
		timeout)) {
		errno = EINVAL;
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		pair) < 0)
		return -1;
	m->open.tag = *tag = ++p->tag;
	if (p2p_say(p, m, pair[1]) == 0)
		return pair[0];
	why = errno;
	close(pair[0]);
	errno = why;
	return -1;
}
