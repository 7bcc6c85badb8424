/* SPDX-License-Identifier: ISC
 *
 * Programs come and go; what they ask for is checked against their rights here
 * and done elsewhere. */
#include "net/board.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/board_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAUSE = 1000 /* ms without accepting programs */ };

const char *const board_words[] = { "serve", "open", "dial", "events", "admit",
	"addr", NULL };

struct ctl *
board_message(struct board *b)
{
	memset(&b->say, 0, sizeof b->say);
	return &b->say;
}

void
board_fail(struct program *p, uint64_t tag, enum reason why, const char *text)
{
	struct ctl *m = board_message(p->board);
	size_t n = strlen(text);

	m->has_fail = m->fail.has_tag = m->fail.has_reason = m->fail.has_text =
	    true;
	m->fail.tag = tag;
	m->fail.reason = why;
	m->fail.text = slice_of(text, n < 512 ? n : 512);
	if (p->end)
		ctl_say(p->end, m, -1);
}

struct program *
board_server(const struct board *b, const char *protocol)
{
	for (struct program *p = b->programs; p; p = p->next)
		for (size_t i = 0; i < p->nprotocols; i++)
			if (strcmp(p->protocols[i], protocol) == 0)
				return p;
	return NULL;
}

static enum reason
serve_all(struct program *p, const struct ctl_hello *h)
{
	for (size_t i = 0; i < h->n_protocols; i++) {
		char name[CONN_NAME + 1] = "";

		if (h->protocols[i].n == 0 || h->protocols[i].n > CONN_NAME ||
		    memchr(h->protocols[i].p, 0, h->protocols[i].n))
			return REASON_BAD_REQUEST;
		memcpy(name, h->protocols[i].p, h->protocols[i].n);
		if (board_serve(p, name) < 0)
			return REASON_TAKEN;
	}
	return REASON_NONE;
}

static void
unserve_all(struct program *p)
{
	while (p->nprotocols > 0) {
		char *name = p->protocols[--p->nprotocols];

		board_unserve(p->board, name);
		free(name);
	}
}

/* Requests.  Each returns the reason it is refused for, or REASON_NONE. */

/* Serve these from now on; what is served before and after stays so, because
 * park_time passes before anything is withdrawn. */
static enum reason
on_hello_again(struct program *p, const struct ctl_hello *h)
{
	if (!slice_is(h->name, p->name))
		return REASON_BAD_REQUEST;
	if (h->n_protocols > 0 && !(p->rights & BOARD_SERVE))
		return REASON_RIGHTS;
	unserve_all(p);
	if (serve_all(p, h) != REASON_NONE) {
		unserve_all(p);
		return REASON_TAKEN;
	}
	board_unpark(p);
	return REASON_NONE;
}

static enum reason
on_hello(struct program *p, const struct ctl *m, int fd)
{
	const struct ctl_hello *h = &m->hello;
	enum reason why;

	(void)fd;
	if (p->name[0])
		return on_hello_again(p, h);
	if (h->name.n == 0 || h->name.n >= sizeof p->name ||
	    memchr(h->name.p, 0, h->name.n))
		return REASON_BAD_REQUEST;
	if ((h->n_protocols > 0 && !(p->rights & BOARD_SERVE)) ||
	    (h->wants && !(p->rights & BOARD_EVENTS)))
		return REASON_RIGHTS;
	memcpy(p->name, h->name.p, h->name.n);
	p->wants = (unsigned)h->wants;
	log_info("program.up", "name=%s uid=%u pid=%d", log_q(h->name), p->uid,
	    p->pid);
	why = serve_all(p, h);
	if (why != REASON_NONE) {
		unserve_all(p);
		memset(p->name, 0, sizeof p->name); /* it may try again */
		p->wants = 0;
		return why;
	}
	board_tell_present(p);
	return REASON_NONE;
}

static enum reason
on_open(struct program *p, const struct ctl *m, int fd)
{
	board_open(p, &m->open, fd);
	return REASON_NONE;
}

static enum reason
on_dial(struct program *p, const struct ctl *m, int fd)
{
	(void)fd;
	board_dial(p, &m->dial);
	return REASON_NONE;
}

static enum reason
on_hangup(struct program *p, const struct ctl *m, int fd)
{
	struct swarm *w = p->board->swarm;
	struct peerid id;
	struct peer *peer;
	struct ctl *done;

	(void)fd;
	if (peerid_of_bytes(m->hangup.peer, &id) < 0)
		return REASON_BAD_REQUEST;
	peer = swarm_peer(w, &id);
	if (peer == NULL) {
		board_fail(p, m->hangup.tag, REASON_NO_ADDRESS,
		    "that peer is not connected");
		return REASON_NONE;
	}
	swarm_hangup(w, peer, REASON_HANGUP);
	done = board_message(p->board);
	done->has_done = done->done.has_tag = done->done.has_peer = true;
	done->done.tag = m->hangup.tag;
	done->done.peer = peerid_bytes(&id);
	if (p->end)
		ctl_say(p->end, done, -1);
	return REASON_NONE;
}

static enum reason
on_admit(struct program *p, const struct ctl *m, int fd)
{
	const struct ctl_admit *a = &m->admit;
	struct peerid id;

	(void)fd;
	if (peerid_of_bytes(a->peer, &id) < 0)
		return REASON_BAD_REQUEST;
	swarm_admit(p->board->swarm, &id, a->admission.role, a->admission.tier,
	    a->admission.serial, a->refuse != 0);
	return REASON_NONE;
}

static enum reason
on_addr(struct program *p, const struct ctl *m, int fd)
{
	struct maddr addr;

	(void)fd;
	if (maddr_of_bytes(m->addr.addr, &addr) < 0)
		return REASON_BAD_REQUEST;
	swarm_announce(p->board->swarm, &addr, m->addr.gone != 0);
	return REASON_NONE;
}

static enum reason
on_over(struct program *p, const struct ctl *m, int fd)
{
	(void)fd;
	board_over(p, &m->over);
	return REASON_NONE;
}

/* clang-format off */
static const struct {
	size_t has;      /* of the field in struct ctl */
	size_t tag;      /* of the request's tag, for FAIL; 0: none */
	unsigned rights; /* all of these are needed */
	bool first;      /* may come before HELLO */
	bool takes_fd;
	enum reason (*fn)(struct program *, const struct ctl *, int fd);
} requests[] = {
#define HAS(name) offsetof(struct ctl, has_##name)
#define TAG(name) offsetof(struct ctl, name.tag)
	{ HAS(hello),  0,           0,           true,  false, on_hello },
	{ HAS(open),   TAG(open),   BOARD_OPEN,  false, true,  on_open },
	{ HAS(dial),   TAG(dial),   BOARD_DIAL,  false, false, on_dial },
	{ HAS(hangup), TAG(hangup), BOARD_DIAL,  false, false, on_hangup },
	{ HAS(admit),  0,           BOARD_ADMIT, false, false, on_admit },
	{ HAS(addr),   0,           BOARD_ADDR,  false, false, on_addr },
	{ HAS(over),   0,           0,           false, false, on_over },
#undef HAS
#undef TAG
};
/* clang-format on */

static void program_gone(void *arg, const char *why);

static void
program_heard(void *arg, const void *in, int fd)
{
	const struct ctl *m = in;
	struct program *p = arg;
	enum reason why = REASON_BAD_REQUEST;
	uint64_t tag = 0;

	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		if (!*((const bool *)m + requests[i].has))
			continue;
		if (requests[i].tag)
			tag = *(const uint64_t *)((const char *)m +
						  requests[i].tag);
		if (!p->name[0] && !requests[i].first)
			why = REASON_BAD_REQUEST;
		else if (requests[i].rights & ~p->rights)
			why = REASON_RIGHTS;
		else {
			why = requests[i].fn(p, m, fd);
			if (requests[i].takes_fd)
				fd = -1;
		}
		break;
	}
	if (fd >= 0)
		close(fd);
	if (why != REASON_NONE) {
		swarm_refused(p->board->swarm, why, "request", p->name);
		board_fail(p, tag, why, reason_sentence(why));
	}
}

static void
program_gone(void *arg, const char *why)
{
	struct program *p = arg;
	struct board *b = p->board;
	struct program **at = &b->programs;

	log_info("program.down", "name=%s why=%s", log_q(slice_text(p->name)),
	    log_q(slice_text(why)));
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	b->nprograms--;
	ctl_end_free(p->end);
	p->end = NULL;
	board_leave(p);
	unserve_all(p);
	map_free(&p->untold);
	free(p);
}

static void
program_room(void *arg)
{
	board_tell_more(arg);
}

static const struct ctl_face program_face = {
	.desc = &ctl_desc,
	.heard = program_heard,
	.gone = program_gone,
	.room = program_room,
};

static void
resume(void *arg)
{
	struct board *b = arg;

	watch_want(b->watch, WATCH_READ);
}

static void
on_connect(void *arg, unsigned what)
{
	struct board *b = arg;
	struct program *p;
	int fd;

	(void)what;
	fd = accept4(b->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0 && errno != EAGAIN && errno != EINTR &&
	    errno != ECONNABORTED) {
		/* it would call us again at once, for ever */
		log_warn("program.accept", "why=%s",
		    log_q(slice_text(strerror(errno))));
		watch_want(b->watch, 0);
		timer_at(b->resume, loop_now(b->loop) + PAUSE);
	}
	if (fd < 0)
		return;
	if (b->nprograms == BOARD_PROGRAMS) {
		close(fd);
		swarm_refused(b->swarm, REASON_TAKEN, "program", "-");
		return;
	}
	p = mem_new(sizeof *p);
	p->board = b;
	p->end = ctl_end_new(b->loop, fd, &program_face, p);
	ctl_peer(p->end, &p->uid, &p->pid);
	p->rights = (unsigned)rights_of(b->rights, p->uid);
	p->next = b->programs;
	b->programs = p;
	b->nprograms++;
}

struct board *
board_new(struct loop *loop, const struct board_conf *conf,
    const struct rights *rights)
{
	struct board *b = mem_new(sizeof *b);

	b->loop = b->pumps.loop = loop;
	b->conf = *conf;
	b->rights = rights;
	b->fd = -1;
	b->fds = sysconf(_SC_OPEN_MAX);
	return b;
}

void
board_join(struct board *b, struct swarm *swarm)
{
	b->swarm = swarm;
}

void
board_listen(struct board *b, int fd)
{
	b->fd = fd;
	b->resume = timer_new(b->loop, resume, b);
	b->watch = watch_new(b->loop, fd, on_connect, b);
	watch_want(b->watch, WATCH_READ);
}

void
board_rights(struct board *b, const struct rights *rights)
{
	b->rights = rights;
	for (struct program *p = b->programs; p; p = p->next)
		p->rights = (unsigned)rights_of(rights, p->uid);
}

size_t
board_programs(const struct board *b)
{
	return b->nprograms;
}

size_t
board_lingering(const struct board *b)
{
	return b->pumps.nlingering;
}

size_t
board_parked(const struct board *b)
{
	return b->nparked;
}

void
board_free(struct board *b)
{
	if (b == NULL)
		return;
	watch_free(b->watch);
	timer_free(b->resume);
	if (b->fd >= 0)
		close(b->fd);
	while (b->programs)
		program_gone(b->programs, "we stop");
	board_free_slots(b);
	pumps_free(&b->pumps);
	free(b);
}
