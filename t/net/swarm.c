/* SPDX-License-Identifier: ISC
 *
 * Peers, streams and asks; ceilings are in swarm_limits.c. */
#include "t/net/hosts.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum { MUCH = 3 << 20 };

static struct host a, b, c;

/* What the served side of /t/take saw, and how it behaves. */
static struct client served;

static void
served_start(struct stream *s)
{
	served.started++;
	served.s = s;
	s->data = &served;
}

static const struct service take = { "take", served_start, client_data,
	client_fin, client_send, client_over };

static void
begin(void)
{
	struct host *all[] = { &a, &b, &c };

	for (uint8_t i = 0; i < 3; i++) {
		host_defaults(all[i]);
		host_start(all[i], (uint8_t)(16 * i + 1), &host_face, all[i]);
		swarm_serve(all[i]->swarm, "/t/take", &take, &served);
	}
	memset(&served, 0, sizeof served);
}

static void
end(void)
{
	host_stop(&a);
	host_stop(&b);
	host_stop(&c);
}

static bool
says(const struct host *h, const struct host *of, const char *protocol)
{
	const struct peer *p = host_peer(h, of);
	static struct ident_msg m;

	if (p == NULL || pb_decode(&ident_msg_desc, buf_slice(&p->ident), &m,
	                     NULL) < 0)
		return false;
	for (size_t i = 0; i < m.n_protocols; i++)
		if (slice_is(m.protocols[i], protocol))
			return true;
	return false;
}

static void
test_meet(void)
{
	struct client one = { 0 };

	begin();
	hosts_join(&a, &b);
	is_int(a.ups, 1, "the dialer hears of it once");
	comes(b.ups == 1, "the listener as well");
	ok(says(&a, &b, PING_ID), "identify told its protocols");
	ok(host_peer(&a, &b)->rtt < 0 || host_peer(&a, &b)->rtt < 1000,
	    "the round trip is sane");
	comes(host_peer(&a, &b)->rtt >= 0, "and becomes known");

	swarm_serve(b.swarm, "/t/new", &take, &served);
	comes(says(&a, &b, "/t/new"), "a protocol that appears is pushed");
	is_int(a.ups, 2, "and told to the owner");
	is_int(swarm_unserve(b.swarm, "/t/new"), 0, "it goes");
	comes(!says(&a, &b, "/t/new"), "and that is pushed too");
	is_int(swarm_unserve(b.swarm, "/t/new"), -1, "once");
	is_int(swarm_serve(b.swarm, PING_ID, &take, &served), -1,
	    "what is served is taken");

	for (int i = 0; i < 40; i++) {
		identify_push(b.swarm);
		host_step();
	}
	comes(host_refused(&a, REASON_STREAMS) > 0,
	    "who pushes without end is refused");
	ok(a.ups < 30, "and the owner is not flooded");

	client_open(&one, &a, &b, NULL);
	comes(one.asked && one.why == REASON_NONE,
	    "to ask for a peer who is here succeeds");
	is_int(swarm_counts(a.swarm)->dialed, 1, "without a dial");
	swarm_hangup(a.swarm, host_peer(&a, &b), REASON_HANGUP);
	ok(host_peer(&a, &b) == NULL && a.downs == 1, "hang up: gone at once");
	is_int(a.why, REASON_HANGUP, "for that reason");
	comes(b.downs == 1, "the other side sees it leave");
	is_int(b.why, REASON_CLOSED, "closed");
	end();
}

static void
test_echo(struct host *from, struct host *to)
{
	struct client one = { .to_send = MUCH, .fin = true };

	client_open(&one, from, to, PING_ID);
	comes(one.overs, "echo comes to its end");
	is_int(one.heard, MUCH, "all comes back after our half is closed");
	is_int(one.fins, 1, "then the other half is closed");
	is_int(one.over, REASON_NONE, "in order");
}

static void
test_streams(void)
{
	struct client one = { .to_send = 1000 }, two = { 0 };

	begin();
	test_echo(&a, &b);
	test_echo(&b, &a);
	is_int(swarm_counts(b.swarm)->dialed, 0, "over the same connection");

	client_open(&one, &a, &b, "/t/take");
	comes(served.heard == 1000, "bytes come");
	stream_reset(served.s, REASON_RESET);
	comes(one.overs, "a reset is told");
	is_int(one.over, REASON_RESET, "as a reset");
	is_int(one.fins, 0, "not as an end");
	client_open(&two, &a, &b, "/t/take");
	comes(served.started == 2, "another one");
	stream_reset(two.s, REASON_RESET);
	comes(served.overs == 2, "reset by the opener");
	is_int(served.over, REASON_RESET, "seen as a reset");

	memset(&one, 0, sizeof one);
	client_open(&one, &a, &b, "/t/nobody");
	comes(one.overs, "nobody serves that");
	is_int(one.over, REASON_NO_PROTOCOL, "and it is said so");
	is_int(one.started, 0, "it never started");

	/* a service that ends its stream in the middle of being told data */
	memset(&one, 0, sizeof one);
	one.to_send = MUCH;
	served.bite = true;
	client_open(&one, &a, &b, "/t/take");
	comes(one.overs, "reset at the first bytes");
	is_int(one.over, REASON_RESET, "the opener hears of it");
	ok(host_peer(&a, &b) != NULL, "the connection stays");
	comes(swarm_streams(b.swarm) == 0, "no stream is left");
	end();
}

/* One window is out, but for the few bytes that settled the protocol. */
static bool
stalls(const struct client *one)
{
	size_t sent = MUCH - one->to_send;

	return sent <= YAMUX_WINDOW && sent > YAMUX_WINDOW - 100;
}

static void
test_stall(void)
{
	struct client stuck = { .to_send = MUCH, .fin = true };
	struct client other = { .to_send = MUCH, .fin = true };

	begin();
	served.deaf = true;
	client_open(&stuck, &a, &b, "/t/take");
	comes(served.started && stalls(&stuck),
	    "who does not read gets one window");
	client_open(&other, &a, &b, PING_ID);
	comes(other.overs && other.heard == MUCH,
	    "a stream beside it is not held up");
	ok(stalls(&stuck), "the stalled one waits");
	ok(b.budget.used >= YAMUX_WINDOW - 100, "what is held is on the budget");
	served.deaf = false;
	stream_more(served.s);
	comes(served.heard == MUCH, "reading again brings the rest");
	comes(served.fins == 1, "and the end of it");
	stream_fin(served.s);
	comes(stuck.overs, "both halves are closed");
	is_int(stuck.over, REASON_NONE, "in order");
	comes(served.overs == 1 && served.over == REASON_NONE,
	    "on both sides");

	/* a link that dies while bytes are held */
	served.deaf = true;
	memset(&stuck, 0, sizeof stuck);
	stuck.to_send = MUCH;
	client_open(&stuck, &a, &b, "/t/take");
	comes(stalls(&stuck), "one more that is stuck");
	swarm_hangup(b.swarm, host_peer(&b, &a), REASON_HANGUP);
	is_int(served.overs, 2, "hanging up ends it here");
	comes(stuck.overs == 1, "and there");
	end();
}

/* Two processes with copies of one identity key. */
static void
test_twins(void)
{
	static struct host twin;
	struct client one = { 0 };
	uint8_t seed[32] = { 99 };

	begin();
	host_defaults(&twin);
	host_start(&twin, 1, &host_face, &twin);
	noise_self_make(&twin.self.noise, seed);
	noise_self_sign(&twin.self.noise, &twin.key);
	ok(peerid_eq(&twin.self.id, &a.self.id), "a node has a twin");
	hosts_join(&b, &twin);

	is_int(swarm_counts(a.swarm)->twin_seen, 0, "nobody knows yet");
	client_ask(&one, &a, NULL, &twin.self.addrs[0], NULL);
	comes(one.asked, "it meets it at an address");
	is_int(one.why, REASON_TWIN, "and is told so");
	ok(swarm_counts(a.swarm)->twin_seen > 1700000000, "by the wall clock");
	comes(swarm_counts(twin.swarm)->twin_seen > 0, "the other one as well");
	is_int(swarm_counts(a.swarm)->twins, 1, "counted by who dialled");
	is_int(swarm_counts(twin.swarm)->twins, 1, "and by who was dialled");
	ok(host_refused(&twin, REASON_TWIN) > 0, "as a reason, too");
	is_int(host_refused(&a, REASON_SELF), 0, "it is not itself");
	comes(swarm_handshakes(a.swarm) + swarm_handshakes(twin.swarm) == 0,
	    "no link is left");
	ok(swarm_peers(a.swarm) == 0 && host_peer(&twin, &b) != NULL,
	    "and no peer is lost");
	host_stop(&twin);
	end();
}

static void
test_asks(void)
{
	struct client many[3] = { 0 }, one = { 0 };
	struct maddr bare = b.addr;

	begin();
	for (int i = 0; i < 3; i++)
		client_open(&many[i], &a, &b, i ? PING_ID : NULL);
	comes(many[0].asked && many[1].asked && many[2].asked,
	    "three ask for the same peer");
	is_int(swarm_counts(a.swarm)->dialed, 1, "one dial serves all");
	comes(many[1].started && many[2].started, "streams and all");
	stream_reset(many[1].s, REASON_RESET);
	stream_reset(many[2].s, REASON_RESET);

	client_open(&one, &a, &a, NULL);
	comes(one.asked, "asking for ourselves");
	is_int(one.why, REASON_SELF, "is refused");
	memset(&one, 0, sizeof one);
	client_ask(&one, &a, NULL, &a.self.addrs[0], NULL);
	comes(one.asked, "meeting ourselves at an address");
	is_int(one.why, REASON_SELF, "is noticed");
	memset(&one, 0, sizeof one);
	client_ask(&one, &a, &c.self.id, &b.self.addrs[0], NULL);
	comes(one.asked, "somebody else is there");
	is_int(one.why, REASON_WRONG_PEER, "wrong peer");
	memset(&one, 0, sizeof one);
	client_ask(&one, &a, &c.self.id, NULL, NULL);
	comes(one.asked && one.why == REASON_NO_ADDRESS, "no address");
	comes(swarm_handshakes(a.swarm) + swarm_handshakes(b.swarm) == 0,
	    "no handshake is left over");

	/* by address alone, so that it dials although the peer is here */
	bare = b.self.addrs[0];
	memset(many, 0, sizeof many);
	client_ask(&many[0], &a, NULL, &bare, NULL);
	comes(many[0].asked && many[0].why == REASON_NONE, "a second link");
	client_ask(&many[1], &a, NULL, &bare, NULL);
	comes(many[1].asked, "a third");
	ok(many[1].why != REASON_NONE, "is one too many");
	is_int(host_refused(&a, REASON_DUPLICATE) +
	    host_refused(&b, REASON_DUPLICATE) > 0, 1, "as a duplicate");
	swarm_hangup(a.swarm, host_peer(&a, &b), REASON_HANGUP);
	comes(host_peer(&b, &a) == NULL, "hanging up closes all of them");
	is_int(a.downs, 1, "and is one event");

	memset(&one, 0, sizeof one);
	one.hang_up = true;
	client_open(&one, &a, &b, NULL);
	memset(many, 0, sizeof many);
	client_open(&many[0], &a, &b, PING_ID);
	comes(one.asked, "one who hangs up at once");
	comes(many[0].asked, "does not harm the one behind it");
	is_int(many[0].why, REASON_NONE, "which dials again");
	end();
}

/* A socket that accepts connections in the kernel, and never says a word. */
static int
mute(struct maddr *addr)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t n = sizeof sin;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&sin, sizeof sin) < 0 ||
	    listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &n) < 0)
		abort();
	maddr_of_sockaddr((struct sockaddr *)&sin, MADDR_TCP, addr);
	return fd;
}

static void
test_cancel(void)
{
	struct client one = { 0 }, two = { 0 };
	struct maddr silent;
	uint64_t dialed;
	int fd = mute(&silent);

	begin();
	client_ask(&one, &a, &b.self.id, &silent, NULL);
	ask_cancel(one.ask);
	host_step();
	is_int(one.asked, 0, "cancelled before it began");
	client_ask(&one, &a, &b.self.id, &silent, NULL);
	host_step();
	ask_cancel(one.ask);
	is_int(one.asked, 0, "cancelled while it dials");
	client_ask(&one, &a, &b.self.id, &silent, NULL);
	comes(swarm_handshakes(a.swarm) == 1, "a handshake runs");
	ask_cancel(one.ask);
	is_int(swarm_handshakes(a.swarm), 0, "cancelled in the handshake");
	is_int(one.asked, 0, "and nothing is told");

	dialed = swarm_counts(a.swarm)->dialed;
	client_ask(&one, &a, &b.self.id, &silent, NULL);
	client_open(&two, &a, &b, NULL);
	comes(swarm_handshakes(a.swarm) == 1, "one dials, one follows");
	is_int(swarm_counts(a.swarm)->dialed, dialed + 1,
	    "which does not dial");
	ask_cancel(one.ask);
	comes(two.asked && two.why == REASON_NONE && host_knows(&b, &a),
	    "the follower dials when the first is cancelled");
	swarm_hangup(a.swarm, host_peer(&a, &b), REASON_HANGUP);
	comes(host_peer(&b, &a) == NULL, "gone");

	memset(&one, 0, sizeof one);
	memset(&two, 0, sizeof two);
	client_ask(&one, &a, &b.self.id, &silent, NULL);
	client_ask(&two, &a, &b.self.id, &silent, NULL);
	comes(swarm_handshakes(a.swarm) == 1, "one dials, one follows again");
	ask_cancel(two.ask);
	hosts_join(&b, &a);
	comes(one.asked && one.why == REASON_NONE,
	    "served when the peer comes by itself");
	is_int(swarm_handshakes(a.swarm), 0, "its own handshake is dropped");

	memset(&one, 0, sizeof one);
	memset(&two, 0, sizeof two);
	client_ask(&one, &a, &c.self.id, &silent, NULL);
	comes(swarm_handshakes(a.swarm) == 1, "one is in its handshake");
	client_open(&two, &a, &c, NULL);
	swarm_free(a.swarm);
	ok(one.asked && two.asked, "freeing the swarm fails what is asked");
	a.swarm = NULL;
	close(fd);
	end();
}

static void
test_late(void)
{
	struct client one = { 0 };
	struct slice name = slice_text(PING_ID), at;
	struct ask_want want = { .addrs = &at, .naddrs = 1, .timeout = 200,
		.protocols = &name, .nprotocols = 1,
		.service = &client_service, .data = &one };
	struct maddr silent;
	int fd = mute(&silent);

	begin();
	at = maddr_bytes(&silent);
	want.peer = b.self.id;
	swarm_ask(a.swarm, &want, client_asked, &one);
	comes(one.asked, "nobody answers");
	is_int(one.why, REASON_TIMEOUT, "in time");
	is_int(swarm_handshakes(a.swarm), 0, "no handshake is left");
	close(fd);
	end();
}

/* The link that identify went by is lost, and another is there. */
static void
test_ask_again(void)
{
	struct client one = { 0 }, two = { 0 };
	struct peer *p;

	begin();
	swarm_unserve(b.swarm, IDENT_ID);
	swarm_serve(b.swarm, IDENT_ID, &take, &served);
	client_ask(&one, &a, NULL, &b.self.addrs[0], NULL);
	client_ask(&two, &a, NULL, &b.self.addrs[0], NULL);
	comes(one.asked && two.asked && served.started, "two links");
	p = host_peer(&a, &b);
	ok(p && p->links->next && !p->identified, "no answer yet");
	swarm_unserve(b.swarm, IDENT_ID);
	identify_serve(b.swarm);
	link_close(p->links, REASON_HANGUP);
	comes(host_knows(&a, &b), "identify is asked again on the other");
	ok(says(&a, &b, PING_ID), "and answered");
	end();
}

int
main(void)
{
	hosts_begin();
	test_meet();
	test_streams();
	test_stall();
	test_asks();
	test_twins();
	test_cancel();
	test_late();
	test_ask_again();
	hosts_end();
	return tap_done();
}
