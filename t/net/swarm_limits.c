/* SPDX-License-Identifier: ISC
 *
 * Ceilings of a swarm: peers, handshakes, reserved places, the byte budget;
 * draining. */
#include "t/net/hosts.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum { MANY = 8 };

static struct host a, b, c, d;
static struct client served[MANY + 1];
static size_t nserved;

static void
served_start(struct stream *s)
{
	struct client *one = &served[nserved++ % MANY];

	memset(one, 0, sizeof *one);
	one->s = s;
	one->deaf = true;
	s->data = one;
}

static const struct service sink = { "sink", served_start, client_data,
	client_fin, client_send, client_over };

static void
start(struct host *h, uint8_t mark)
{
	host_start(h, mark, &host_face, h);
	swarm_serve(h->swarm, "/t/sink", &sink, NULL);
}

static void
test_peers(void)
{
	struct client one = { 0 };

	host_defaults(&a);
	a.conf.peers = 1;
	start(&a, 1);
	host_defaults(&b);
	start(&b, 11);
	host_defaults(&c);
	start(&c, 21);
	hosts_join(&b, &a);
	client_open(&one, &c, &a, NULL);
	comes(one.asked, "one more than there is room for");
	ok(one.why != REASON_NONE, "does not get in");
	is_int(host_refused(&a, REASON_PEERS), 1, "and is counted");
	is_int(swarm_counts(a.swarm)->accepted, 1, "before the handshake");
	memset(&one, 0, sizeof one);
	client_open(&one, &a, &c, NULL);
	comes(one.asked, "nor do we dial more");
	is_int(one.why, REASON_PEERS, "for the same reason");
	is_int(swarm_counts(a.swarm)->dialed, 0, "no packet is sent");
	client_open(&one, &a, &b, NULL);
	comes(one.asked == 2 && one.why == REASON_NONE, "who is here is here");
	swarm_hangup(a.swarm, host_peer(&a, &b), REASON_HANGUP);
	hosts_join(&c, &a);
	host_stop(&a);
	host_stop(&b);
	host_stop(&c);
}

static void
write_list(char *path, const struct host *h)
{
	char text[PEERID_TEXT];
	FILE *f;
	int fd = mkstemp(path);

	if (fd < 0 || (f = fdopen(fd, "w")) == NULL)
		abort();
	fprintf(f, "%s # a friend\n", peerid_text(&h->self.id, text));
	fclose(f);
}

static void
test_reserved(void)
{
	char path[] = "/tmp/kn-swarm.XXXXXX";
	struct client one = { 0 };
	struct buf why = { .max = 1000 };

	host_defaults(&b);
	start(&b, 11);
	host_defaults(&c);
	start(&c, 21);
	host_defaults(&d);
	start(&d, 31);
	write_list(path, &c);
	host_defaults(&a);
	a.conf.peers = 2;
	a.conf.reserved = 1;
	a.gate_conf.protect_path = path;
	start(&a, 1);
	hosts_join(&b, &a);
	client_open(&one, &d, &a, PING_ID);
	comes(host_refused(&a, REASON_PEERS) == 1,
	    "ordinary peers have no reserved place");
	comes(swarm_peers(d.swarm) == 0 && one.overs && !one.started,
	    "and hear of it");
	hosts_join(&c, &a);
	ok(host_peer(&a, &c)->protected && !host_peer(&a, &b)->protected,
	    "a protected peer has");
	is_int(swarm_peers(a.swarm), 2, "all places are taken");
	is_int(truncate(path, 0), 0, "nobody is on the list");
	is_int(gate_reload(a.gate, &why), 0, "it is read again");
	swarm_recheck(a.swarm);
	ok(!host_peer(&a, &c)->protected, "it is protected no more");
	host_stop(&a);
	host_stop(&b);
	host_stop(&c);
	host_stop(&d);
	unlink(path);
	buf_free(&why);
}

static int
knock(const struct host *h)
{
	struct sockaddr_storage ss;
	socklen_t n;
	uint32_t code;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (maddr_to_sockaddr(maddr_bytes(&h->addr), &ss, &n, &code, NULL) <
		0 ||
	    connect(fd, (struct sockaddr *)&ss, n) < 0)
		abort();
	return fd;
}

static void
test_handshakes(void)
{
	struct client one = { 0 };
	int fd[3];

	host_defaults(&a);
	a.conf.handshakes = 2;
	a.conf.conn.handshake_timeout = 3000;
	start(&a, 1);
	host_defaults(&b);
	start(&b, 11);
	fd[0] = knock(&a);
	fd[1] = knock(&a);
	comes(swarm_handshakes(a.swarm) == 2, "two who say nothing");
	fd[2] = knock(&a);
	comes(host_refused(&a, REASON_HANDSHAKES) == 1, "a third is refused");
	client_open(&one, &b, &a, NULL);
	comes(one.asked, "so is an honest one");
	ok(one.why != REASON_NONE, "for now");
	comes(host_refused(&a, REASON_HANDSHAKE) == 2,
	    "half a handshake ends at its deadline");
	is_int(swarm_handshakes(a.swarm), 0, "and gives its place back");
	hosts_join(&b, &a);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	host_stop(&a);
	host_stop(&b);
}

/* What is held for services that do not read fills the budget. */
static void
test_budget(void)
{
	struct client one[MANY] = { 0 }, other = { 0 };

	host_defaults(&a);
	a.budget = (struct budget){ .high = 1 << 20, .max = 8 << 20 };
	start(&a, 1);
	host_defaults(&b);
	start(&b, 11);
	host_defaults(&c);
	start(&c, 21);
	host_defaults(&d);
	start(&d, 31);
	hosts_join(&c, &a);
	hosts_join(&b, &a);
	for (int i = 0; i < MANY; i++) {
		one[i].to_send = 1 << 20;
		client_open(&one[i], &b, &a, "/t/sink");
	}
	comes(a.budget.used > a.budget.high, "the budget is used up");
	ok(a.budget.used <= a.budget.max, "and not passed");
	client_open(&other, &c, &a, PING_ID);
	comes(
	    other.overs && other.over == REASON_NO_PROTOCOL, "no new streams");
	memset(&other, 0, sizeof other);
	client_open(&other, &d, &a, NULL);
	comes(other.asked && other.why != REASON_NONE, "no new connections");
	ok(host_refused(&a, REASON_BUDGET) >= 2, "both are counted");
	memset(&other, 0, sizeof other);
	client_open(&other, &a, &d, NULL);
	comes(other.asked && other.why == REASON_BUDGET, "no dials");
	comes(host_peer(&a, &b) == NULL, "who holds it is closed");
	is_int(a.why, REASON_EVICTED, "to make room");
	is_int(host_refused(&a, REASON_EVICTED), 1, "and nobody else");
	ok(host_peer(&a, &c) != NULL, "who held nothing stays");
	comes(a.budget.used < a.budget.high, "there is room again");
	comes(one[0].overs && one[MANY - 1].overs, "the streams are over");
	memset(&other, 0, sizeof other);
	other.to_send = 1000;
	other.fin = true;
	client_open(&other, &c, &a, PING_ID);
	comes(other.overs && other.heard == 1000, "work goes on");
	host_stop(&a);
	host_stop(&b);
	host_stop(&c);
	host_stop(&d);
}

/* More streams than a peer may have are refused one by one, and what is held
 * in front of the ceiling of the budget ends the link, not the process. */
static void
test_hard(void)
{
	struct client one[MANY] = { 0 }, more = { 0 };

	host_defaults(&a);
	a.budget = (struct budget){ .high = 1 << 20, .max = 1 << 20 };
	a.conf.conn.limits.streams_in = MANY;
	start(&a, 1);
	host_defaults(&b);
	start(&b, 11);
	hosts_join(&b, &a);
	for (int i = 0; i < MANY; i++)
		client_open(&one[i], &b, &a, "/t/sink");
	comes(one[MANY - 1].started, "all the streams there may be");
	client_open(&more, &b, &a, PING_ID);
	comes(more.overs, "one more");
	is_int(more.over, REASON_RESET, "is reset");
	is_int(nserved % MANY, 0, "and never served");
	for (int i = 0; i < MANY; i++) {
		one[i].to_send = 1 << 20;
		client_send(one[i].s);
	}
	comes(host_refused(&a, REASON_BUDGET) > 0, "the last byte is used");
	ok(a.budget.used <= a.budget.max, "not one more");
	comes(one[0].overs, "the link is over");
	host_stop(&a);
	host_stop(&b);
}

static void
test_drain(void)
{
	struct client one = { .to_send = 3 << 20 }, other = { 0 };
	struct client late = { 0 };

	host_defaults(&a);
	start(&a, 1);
	host_defaults(&b);
	start(&b, 11);
	host_defaults(&c);
	start(&c, 21);
	hosts_join(&a, &b);
	client_open(&one, &b, &a, PING_ID);
	comes(one.heard > 0, "a stream runs");
	hosts_join(&c, &a);
	swarm_drain(a.swarm, msec_now() + 60000);
	client_open(&late, &a, &b, NULL);
	comes(late.asked && late.why == REASON_DRAINING, "nothing is asked");
	memset(&late, 0, sizeof late);
	client_ask(&late, &b, NULL, &a.self.addrs[0], NULL);
	comes(late.asked && late.why != REASON_NONE &&
		  host_refused(&a, REASON_DRAINING) > 0,
	    "who comes is sent away");
	ok(late.why != REASON_REFUSED, "by the socket that is still there");
	comes(host_peer(&c, &a) == NULL && host_peer(&a, &c) == NULL,
	    "an idle peer is left");
	is_int(a.why, REASON_DRAINING, "in good order");
	is_int(c.why, REASON_CLOSED, "on both sides");
	client_open(&other, &b, &a, PING_ID);
	comes(other.asked && (other.why == REASON_STREAMS || other.overs),
	    "no new streams");
	comes(one.heard == 3 << 20, "the one that runs goes on");
	ok(host_peer(&a, &b) != NULL, "as long as it likes");
	stream_fin(one.s);
	comes(one.overs, "until its end");
	is_int(one.over, REASON_NONE, "which is in order");
	comes(swarm_peers(a.swarm) == 0 && swarm_peers(b.swarm) == 0,
	    "then the peer is left");

	hosts_join(&c, &b);
	memset(&one, 0, sizeof one);
	client_open(&one, &c, &b, "/t/sink");
	comes(one.started, "a stream without an end");
	swarm_drain(b.swarm, msec_now() + 100);
	comes(swarm_peers(b.swarm) == 0, "is closed at the deadline");
	comes(one.overs, "which the other side sees");
	ok(one.over != REASON_NONE, "as no orderly end");
	host_stop(&a);
	host_stop(&b);
	host_stop(&c);
}

static void
test_resume(void)
{
	struct client runs = { 0 }, next = { 0 };

	host_defaults(&a);
	start(&a, 1);
	host_defaults(&b);
	start(&b, 11);
	hosts_join(&a, &b);
	client_open(&runs, &a, &b, PING_ID);
	comes(runs.started, "a stream runs");
	swarm_drain(a.swarm, MSEC_NEVER);
	swarm_drain(a.swarm, MSEC_NEVER);
	is_int(a.self.nprotocols, 0, "nothing is offered");
	client_open(&next, &a, &b, "/t/sink");
	comes(next.asked && next.why == REASON_DRAINING, "nothing is asked");
	swarm_resume(a.swarm);
	ok(a.self.nprotocols > 0, "all is offered again");
	memset(&next, 0, sizeof next);
	client_ask(&next, &a, &b.self.id, &b.self.addrs[0], "/t/sink");
	comes(next.started, "and asked, by a connection of its own");
	is_int(swarm_counts(a.swarm)->dialed, 2, "which was dialled");
	ok(!runs.overs, "the stream from before still runs");
	stream_fin(runs.s);
	comes(runs.overs && swarm_streams(a.swarm) == 1, "to its own end");
	ok(host_peer(&a, &b) != NULL, "the peer stays");
	host_defaults(&c);
	start(&c, 21);
	memset(&next, 0, sizeof next);
	client_ask(&next, &c, &a.self.id, &a.self.addrs[0], PING_ID);
	comes(next.started, "and others come to us again");
	swarm_deafen(a.swarm);
	memset(&next, 0, sizeof next);
	client_ask(&next, &b, NULL, &a.self.addrs[0], NULL);
	comes(next.asked && next.why == REASON_REFUSED,
	    "until nobody listens any more");
	host_stop(&a);
	host_stop(&b);
	host_stop(&c);
}

static void
test_idle(void)
{
	struct client one = { 0 };

	host_defaults(&a);
	a.conf.idle_timeout = 400;
	start(&a, 1);
	host_defaults(&b);
	start(&b, 11);
	hosts_join(&b, &a);
	client_open(&one, &b, &a, "/t/sink");
	comes(one.started, "a stream");
	for (msec until = msec_now() + 1500; msec_now() < until;)
		host_step();
	ok(host_peer(&a, &b) != NULL, "who has a stream is not idle");
	stream_reset(one.s, REASON_RESET);
	comes(host_peer(&a, &b) == NULL, "who has none is");
	is_int(a.why, REASON_IDLE, "and closed for that");
	host_stop(&a);
	host_stop(&b);
}

static void
test_barred(void)
{
	struct client one = { 0 };
	struct slice none = { 0 };

	host_defaults(&a);
	start(&a, 1);
	host_defaults(&b);
	start(&b, 11);
	hosts_join(&b, &a);
	swarm_admit(a.swarm, &b.self.id, 0, 0, none, true);
	comes(host_peer(&b, &a) == NULL, "who is refused has to go");
	is_int(a.why, REASON_NOT_ADMITTED, "for that reason");
	client_open(&one, &a, &b, NULL);
	comes(one.asked && one.why == REASON_NOT_ADMITTED, "nor is dialled");
	is_int(swarm_counts(a.swarm)->dialed, 0, "no packet is sent");
	memset(&one, 0, sizeof one);
	client_open(&one, &b, &a, NULL);
	comes(host_refused(&a, REASON_NOT_ADMITTED) >= 3 && one.asked &&
		  host_peer(&b, &a) == NULL,
	    "and does not come back");
	swarm_admit(a.swarm, &b.self.id, 2, 1, none, false);
	hosts_join(&b, &a);
	ok(host_peer(&a, &b) != NULL, "until it is admitted");
	host_stop(&a);
	host_stop(&b);
}

int
main(void)
{
	hosts_begin();
	test_barred();
	test_peers();
	test_reserved();
	test_handshakes();
	test_budget();
	test_hard();
	test_drain();
	test_resume();
	test_idle();
	hosts_end();
	return tap_done();
}
