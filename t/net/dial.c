/* SPDX-License-Identifier: ISC */
#include "t/net/dialing.h"

#include <dirent.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>

enum { FILL = 16 };

/* One that answers nothing: its queue is full, so that the kernel drops what
 * else asks to connect. */
struct hole {
	int fd, full[FILL];
	char address[64];
};

static bool
dig(struct hole *h)
{
	struct sockaddr_in at;
	socklen_t n = sizeof at;
	int i = 0;

	memset(h->full, -1, sizeof h->full);
	h->fd = bound(AF_INET, h->address);
	listen(h->fd, 0);
	getsockname(h->fd, (struct sockaddr *)&at, &n);
	for (; i < FILL; i++) {
		struct pollfd p = { .events = POLLOUT };

		p.fd = h->full[i] = socket(AF_INET,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(p.fd, (struct sockaddr *)&at, n);
		if (poll(&p, 1, 100) == 0)
			return true;
	}
	return false;
}

static void
fill_in(struct hole *h)
{
	for (int i = 0; i < FILL; i++)
		if (h->full[i] >= 0)
			close(h->full[i]);
	close(h->fd);
}

/* A gate of its own for a while: one that denies every address, in the order
 * they are tried. */
static struct gate *
deny_all(void)
{
	char path[] = "/tmp/kn-dial-XXXXXX";
	static const char all[] = "0.0.0.0/0\n::/0\n";
	int fd = mkstemp(path);
	struct gate *g;

	if (fd < 0 || write(fd, all, sizeof all - 1) < 0)
		return NULL;
	close(fd);
	g = gate_of(path, YES, 0);
	unlink(path);
	return g;
}

static void
test_connect(void)
{
	char at[64], named[256], text[MADDR_TEXT], id[PEERID_TEXT];
	int fd = listening(at), on = 0;
	socklen_t n = sizeof on;

	snprintf(named, sizeof named, "%s/p2p/%s", at, ANN);
	start(named, ANN, GUARD);
	is_int(turn(GUARD), 0, "a dial ends");
	ok(heard.fd >= 0, "with a socket");
	is_int(heard.reason, REASON_NONE, "and no reason");
	is_text(maddr_text(maddr_bytes(&heard.addr), text), at,
	    "connected to the address, without /p2p");
	is_text(peerid_text(&heard.peer, id), ANN, "for this peer");
	ok(fcntl(heard.fd, F_GETFL) & O_NONBLOCK &&
	    fcntl(heard.fd, F_GETFD) & FD_CLOEXEC, "non-blocking");
	getsockopt(heard.fd, IPPROTO_TCP, TCP_NODELAY, &on, &n);
	ok(on, "without delay");
	dial_end(heard.dial);
	is_int(write(heard.fd, "x", 1), 1, "the socket outlives the dial");
	close(heard.fd);
	dial(at, NULL, GUARD);
	ok(heard.fd >= 0 && heard.peer.n == 0, "and for anybody");
	close(fd);
}

static void
test_reasons(void)
{
	char at[64], addrs[512], want[512];
	int fd = bound(AF_INET, at);

	dial(at, NULL, GUARD);
	snprintf(want, sizeof want, "%s: refused", at);
	is_text(heard.text, want, "nothing listens there");
	is_int(heard.reason, REASON_REFUSED, "and the reason says so");
	snprintf(addrs, sizeof addrs, "%s /dns4/x.test/tcp/1", at);
	dial(addrs, NULL, GUARD);
	snprintf(want, sizeof want,
	    "%s: refused; /dns4/x.test/tcp/1: dns", at);
	is_text(heard.text, want, "each address with its reason");
	is_int(heard.reason, REASON_REFUSED, "the most telling one");
	dial("", NULL, GUARD);
	is_int(heard.reason, REASON_NO_ADDRESS, "no address at all");
	is_text(heard.text, reason_sentence(REASON_NO_ADDRESS), "has a text");
	dial("/ip4/127.0.0.1/udp/1/quic-v1 /ip4/127.0.0.1/tcp/1/ws "
	    "/dns/x.test/udp/1 /tcp/1 /unix/a\"b /ip4/127.0.0.1/tcp/1/p2p/"
	    BOB "/p2p-circuit", NULL, GUARD);
	is_int(heard.reason, REASON_BAD_ADDRESS, "nothing to dial");
	is_text(heard.text, "/ip4/127.0.0.1/udp/1/quic-v1: bad-address; "
	    "/ip4/127.0.0.1/tcp/1/ws: bad-address; "
	    "/dns/x.test/udp/1: bad-address; /tcp/1: bad-address; "
	    "\"/unix/a\\\"b\": bad-address; /ip4/127.0.0.1/tcp/1/p2p/" BOB
	    "/p2p-circuit: bad-address",
	    "each with its reason, made safe");
	close(fd);
}

/* A gate that knows of no interface. */
static void
test_refused(void)
{
	struct gate *usual = gate;

	gate = gate_of("", AUTO, 0);
	dial("/ip4/10.1.2.3/tcp/1 /ip4/0.0.0.0/tcp/1 /ip6/fe80::1/tcp/1",
	    NULL, GUARD);
	is_int(heard.reason, REASON_DIAL_PRIVATE, "refused by the gate");
	ok(strstr(heard.text, "/ip4/10.1.2.3/tcp/1: dial-private") &&
	    strstr(heard.text, "/ip4/0.0.0.0/tcp/1: bad-address") &&
	    strstr(heard.text, "/ip6/fe80::1/tcp/1: dial-private"),
	    "each is reported");
	gate_free(gate);
	gate = usual;
}

static void
test_malformed(void)
{
	static const uint8_t bytes[] = { 4, 127, 0, 0, 1, 6, 0 };
	const struct slice addr = slice_of(bytes, sizeof bytes);

	heard = (struct heard){ .fd = -1 };
	heard.dial = dial_start(loop, gate, &addr, 1, NULL, GUARD, got,
	    &heard);
	turn(GUARD);
	is_text(heard.text, "/?: bad-address", "bytes that are no address");
	dial_end(heard.dial);
}

static void
test_peers(void)
{
	char at[64], addrs[512], want[600];
	int fd = listening(at);

	snprintf(addrs, sizeof addrs, "%s/p2p/%s", at, BOB);
	dial(addrs, ANN, GUARD);
	snprintf(want, sizeof want, "%s: bad-address", addrs);
	is_text(heard.text, want, "an address of another peer is left out");
	snprintf(addrs, sizeof addrs,
	    "/ip4/127.0.0.1/tcp/1/p2p/%s %s/p2p/%s %s", BOB, at, ANN, at);
	dial(addrs, ANN, GUARD);
	ok(heard.fd >= 0, "one of ours is taken");
	snprintf(addrs, sizeof addrs, "%s/p2p/%s "
	    "/ip4/127.0.0.1/tcp/1/p2p/%s", at, ANN, BOB);
	start(addrs, NULL, GUARD);
	is_int(heard.dial->nspots, 1, "of two peers the first is wanted");
	dial_end(heard.dial);
	close(fd);
}

/* One address is silent, the next one is tried after a while. */
static void
test_stagger(void)
{
	char at[64], closed[64], addrs[512], text[MADDR_TEXT];
	int fd = listening(at), no = bound(AF_INET, closed);
	struct hole hole;
	msec began, took;

	if (!ok(dig(&hole), "an address that is silent"))
		return;
	snprintf(addrs, sizeof addrs, "%s %s", hole.address, at);
	began = msec_now();
	dial(addrs, NULL, GUARD);
	took = msec_now() - began;
	is_text(maddr_text(maddr_bytes(&heard.addr), text), at,
	    "the second is taken");
	ok(took >= DIAL_STAGGER - 20, "after the stagger (%d ms)", (int)took);
	snprintf(addrs, sizeof addrs, "%s %s", closed, at);
	/* what waits for the stagger is never so fast, however often */
	for (int i = 0; i < 50 && took >= DIAL_STAGGER - 50; i++) {
		began = msec_now();
		dial(addrs, NULL, GUARD);
		took = msec_now() - began;
	}
	ok(heard.fd >= 0 && took < DIAL_STAGGER - 50,
	    "at once, when the first one failed (%d ms)", (int)took);
	fill_in(&hole);
	close(fd);
	close(no);
}

static void
test_timeout(void)
{
	char addrs[512], want[512];
	struct hole hole;
	msec began, took;

	if (!ok(dig(&hole), "an address that is silent"))
		return;
	ns.mute = true;
	snprintf(addrs, sizeof addrs, "%s /dnsaddr/x.test /dns/x.test/tcp/1",
	    hole.address);
	began = msec_now();
	dial(addrs, NULL, 300);
	took = msec_now() - began;
	ns.mute = false;
	snprintf(want, sizeof want, "%s: timeout; /dnsaddr/x.test: timeout; "
	    "/dns/x.test/tcp/1: timeout", hole.address);
	is_text(heard.text, want, "time is over for all");
	is_int(heard.reason, REASON_TIMEOUT, "and the reason says so");
	ok(took >= 280 && took < GUARD / 2, "in time (%d ms)", (int)took);
	fill_in(&hole);
}

/* So many addresses, so many connects at once. */
static void
test_parallel(void)
{
	char addrs[1024] = "", *at = addrs;
	struct hole hole;
	unsigned port = 0;

	if (!ok(dig(&hole), "a port that is silent"))
		return;
	sscanf(hole.address, "/ip4/127.0.0.1/tcp/%u", &port);
	/* v4-mapped and zoned forms of one address are many addresses */
	for (unsigned i = 0; i < DIAL_PARALLEL + 2; i++)
		at += sprintf(at, "%s/ip6zone/%u/ip6/::ffff:127.0.0.1/tcp/%u",
		    i ? " " : "", i + 1, port);
	start(addrs, NULL, GUARD);
	is_int(heard.dial->nspots, DIAL_PARALLEL + 2, "many addresses");
	while (heard.dial->connecting == 0 && turn(1) == 1)
		;
	is_int(heard.dial->connecting, 1, "one connect at first");
	while (heard.dial->connecting < DIAL_PARALLEL && turn(10) == 1)
		;
	is_int(heard.times, 0, "all are silent");
	is_int(turn(3 * DIAL_STAGGER), 1, "no more are tried");
	is_int(heard.dial->connecting, DIAL_PARALLEL, "than a few at once");
	heard.dial->deadline = loop_now(loop);
	dial_step(heard.dial);
	is_int(heard.times, 1, "and they time out");
	is_int(heard.reason, REASON_TIMEOUT, "all");
	dial_end(heard.dial);
	fill_in(&hole);
}

static void
test_again(void)
{
	char a[64], b[64], addrs[256], want[256], text[MADDR_TEXT];
	int fa = listening(a), fb = listening(b), turned = 0;

	snprintf(addrs, sizeof addrs, "%s %s", a, b);
	start(addrs, NULL, GUARD);
	turn(GUARD);
	is_text(maddr_text(maddr_bytes(&heard.addr), text), a,
	    "one is offered");
	is_int(turn(DIAL_STAGGER + 100), 1, "and nothing else, meanwhile");
	close(heard.fd);
	dial_again(heard.dial, &heard.addr, REASON_SECURITY);
	is_int(heard.times, 1, "never from within dial_again");
	is_int(turn(GUARD), 0, "the next is");
	is_text(maddr_text(maddr_bytes(&heard.addr), text), b, "the other");
	close(heard.fd);
	dial_again(heard.dial, &heard.addr, REASON_WRONG_PEER);
	is_int(turn(GUARD), 0, "then there is none");
	is_int(heard.fd, -1, "left");
	is_int(heard.reason, REASON_SECURITY, "the first of the telling ones");
	snprintf(want, sizeof want, "%s: security; %s: wrong-peer", a, b);
	is_text(heard.text, want, "and what was wrong with both");
	is_int(heard.times, 3, "three calls in all");
	dial_end(heard.dial);

	/* so much time that a busy machine connects in it */
	for (msec time = 100; time < GUARD; time *= 2) {
		start(addrs, NULL, time);
		turn(GUARD);
		turned = turn(time * 3 / 2);
		if (heard.fd >= 0)
			break;
		dial_end(heard.dial);
	}
	is_int(turned, 1, "time passes while the caller has a socket");
	close(heard.fd);
	dial_again(heard.dial, &heard.addr, REASON_SECURITY);
	turn(GUARD);
	is_int(heard.fd, -1, "then the rest is not tried");
	snprintf(want, sizeof want, "%s: security; %s: timeout", a, b);
	is_text(heard.text, want, "it is too late");
	dial_end(heard.dial);
	close(fa);
	close(fb);
}

static unsigned
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* Two connected, one offered: the other waits inside. */
static void
end_with_two(const char *hole, const char *at)
{
	char addrs[512];

	snprintf(addrs, sizeof addrs, "%s %s", hole, at);
	start(addrs, NULL, GUARD);
	turn(GUARD);
	close(heard.fd);
	is_int(heard.dial->connecting, 1, "one offered, one under way");
	dial_end(heard.dial);
}

static void
test_end(void)
{
	char at[64], closed[64];
	int fd = listening(at), no = bound(AF_INET, closed);
	unsigned before, states = 0;
	struct hole hole;

	if (!ok(dig(&hole), "an address that is silent"))
		return;
	before = count_fds();
	dial_end(NULL);
	dial_end(start(at, NULL, GUARD)); /* nothing has begun */
	dial_end(start("/dnsaddr/x.test /dns/x.test/tcp/1", NULL, GUARD));
	ns.mute = true;
	start("/dnsaddr/x.test /dns/x.test/tcp/1", NULL, GUARD);
	states += turn(50) == 1; /* looking up */
	dial_end(heard.dial);
	ns.mute = false;
	start(hole.address, NULL, GUARD);
	states += turn(50) == 1; /* connecting */
	dial_end(heard.dial);
	start(at, NULL, GUARD);
	heard.end_inside = true;
	states += turn(GUARD) == 0; /* inside got, with a socket */
	close(heard.fd);
	start(closed, NULL, GUARD);
	heard.end_inside = true;
	states += turn(GUARD) == 0; /* inside got, without */
	start(at, NULL, GUARD);
	turn(GUARD);
	close(heard.fd);
	dial_again(heard.dial, &heard.addr, REASON_SECURITY);
	dial_end(heard.dial); /* asked to go on */
	end_with_two(hole.address, at);
	/* lookups that were ended wind up */
	for (int i = 0; i < 1000 && count_fds() != before; i++)
		turn(10);
	is_int(states, 4, "a dial can be ended in every state");
	is_int(count_fds(), before, "and leaves no descriptor");
	fill_in(&hole);
	close(fd);
	close(no);
}

static void
test_order(void)
{
	char near[64] = "", addrs[512], want[512], word[] = ": denied; ";
	struct gate *usual = gate;
	struct ifaddrs *all = NULL;

	gate = deny_all();
	if (!ok(gate != NULL, "a gate that denies all"))
		return;
	gate_interfaces(gate);
	getifaddrs(&all);
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		char ip[INET_ADDRSTRLEN];

		if (!(i->ifa_flags & IFF_UP) || i->ifa_addr == NULL ||
		    i->ifa_addr->sa_family != AF_INET ||
		    maddr_scope(i->ifa_addr) == SCOPE_LOOPBACK)
			continue;
		inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_addr)
		    ->sin_addr, ip, sizeof ip);
		snprintf(near, sizeof near, "/ip4/%s/tcp/1", ip);
	}
	freeifaddrs(all);
	snprintf(addrs, sizeof addrs, "/ip6/fdff:dead:beef::1/tcp/1 "
	    "/ip4/9.9.9.9/tcp/1%s%s /ip6/2606:4700::1/tcp/1 "
	    "/ip4/127.0.0.1/tcp/1", *near ? " " : "", near);
	dial(addrs, NULL, GUARD);
	snprintf(want, sizeof want, "/ip4/127.0.0.1/tcp/1: denied; %s%s"
	    "/ip6/2606:4700::1/tcp/1: denied; /ip4/9.9.9.9/tcp/1: denied; "
	    "/ip6/fdff:dead:beef::1/tcp/1: denied", near,
	    *near ? word : "");
	is_text(heard.text, want, "loopback, near, global, elsewhere");
	gate_free(gate);
	gate = usual;
}

static void
test_families(void)
{
	char four[2][64], six[2][64], addrs[512], want[512];
	int fds[4];

	fds[0] = bound(AF_INET, four[0]);
	fds[1] = bound(AF_INET, four[1]);
	fds[2] = bound(AF_INET6, six[0]);
	fds[3] = bound(AF_INET6, six[1]);
	if (fds[2] >= 0 && fds[3] >= 0) {
		snprintf(addrs, sizeof addrs, "%s %s %s %s", four[0], four[1],
		    six[0], six[1]);
		dial(addrs, NULL, GUARD);
		snprintf(want, sizeof want,
		    "%s: refused; %s: refused; %s: refused; %s: refused",
		    six[0], four[0], six[1], four[1]);
		is_text(heard.text, want, "the families take turns");
	} else {
		ok(true, "no IPv6 here # SKIP");
	}
	for (int i = 0; i < 4; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void
test_limits(void)
{
	static char addrs[8192];
	struct gate *usual = gate;
	char *at = addrs;
	size_t n;

	gate = deny_all();
	for (int i = 0; i < 70; i++)
		at += sprintf(at, "%s/ip4/127.0.0.1/tcp/%d", i ? " " : "",
		    1000 + i);
	start(addrs, NULL, GUARD);
	is_int(heard.dial->nspots, DIAL_ADDRS, "addresses have a ceiling");
	turn(GUARD);
	dial_end(heard.dial);
	n = strlen(heard.text);
	ok(n < DIAL_TEXT && n > DIAL_TEXT - 50, "the text, too (%zu)", n);
	is_text(heard.text + n - 13, ": denied; ...", "and it says so");
	gate_free(gate);
	gate = usual;

	at = addrs;
	for (int i = 0; i < DIAL_LOOKUPS + 3; i++)
		at += sprintf(at, "%s/dns4/%d.test/tcp/1", i ? " " : "", i);
	start(addrs, NULL, GUARD);
	is_int(heard.dial->nlookups, DIAL_LOOKUPS, "lookups have one");
	is_int(heard.dial->left_out, 3, "and the rest is counted");
	dial_end(heard.dial);
	dial("/ip4/127.0.0.1/udp/1 /ip4/127.0.0.1/udp/1", NULL, GUARD);
	start("/dns4/a.test/tcp/1 /dns4/a.test/tcp/1 /ip4/127.0.0.1/tcp/1 "
	    "/ip4/127.0.0.1/tcp/1", NULL, GUARD);
	is_int(heard.dial->nlookups + heard.dial->nspots, 2,
	    "the same twice is once");
	dial_end(heard.dial);
}

static void
test_rate(void)
{
	struct gate *usual = gate;
	char a[64], b[64], addrs[256], want[256];
	int fa = bound(AF_INET, a), fb = bound(AF_INET, b);

	gate = gate_of("", YES, 1);
	snprintf(addrs, sizeof addrs, "%s %s", a, b);
	dial(addrs, NULL, GUARD);
	snprintf(want, sizeof want, "%s: refused; %s: dial-rate", a, b);
	is_text(heard.text, want, "dials have a rate");
	gate_free(gate);
	gate = usual;
	close(fa);
	close(fb);
}

static void
test_exhausted(void)
{
	struct rlimit was, none;
	char at[64], want[128];
	int fd = listening(at);

	getrlimit(RLIMIT_NOFILE, &was);
	none = was;
	none.rlim_cur = (rlim_t)fd;
	setrlimit(RLIMIT_NOFILE, &none);
	dial(at, NULL, GUARD);
	setrlimit(RLIMIT_NOFILE, &was);
	snprintf(want, sizeof want, "%s: fds", at);
	is_text(heard.text, want, "out of descriptors");
	is_int(heard.reason, REASON_FDS, "and the reason says so");
	close(fd);
}

int
main(void)
{
	if (!open_rig())
		return tap_done();
	test_connect();
	test_reasons();
	test_refused();
	test_malformed();
	test_peers();
	test_stagger();
	test_timeout();
	test_parallel();
	test_again();
	test_end();
	test_order();
	test_families();
	test_limits();
	test_rate();
	test_exhausted();
	close_rig();
	return tap_done();
}
