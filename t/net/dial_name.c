/* SPDX-License-Identifier: ISC */
#include "t/net/dialing.h"

/* 127.0.0.1 with the port, in the forms that name records take. */
static char *
record(char text[256], const char *at, const char *peer)
{
	snprintf(text, 256, "dnsaddr=%s%s%s", at, peer ? "/p2p/" : "",
	    peer ? peer : "");
	return text;
}

static void
test_names(void)
{
	char at[64], addr[128], text[MADDR_TEXT];
	int fd = listening(at);
	const char *port = strstr(at, "/tcp/");

	ns_add(&ns, "four.test", NS_A, "127.0.0.1");
	ns_add(&ns, "both.test", NS_A, "127.0.0.1");
	ns_add(&ns, "both.test", NS_AAAA, "fdff:dead:beef::1");
	snprintf(addr, sizeof addr, "/dns4/four.test%s", port);
	dial(addr, NULL, GUARD);
	ok(heard.fd >= 0, "dns4");
	is_text(maddr_text(maddr_bytes(&heard.addr), text), at,
	    "is connected by number");
	snprintf(addr, sizeof addr, "/dns/four.test%s/p2p/" ANN, port);
	dial(addr, NULL, GUARD);
	ok(heard.fd >= 0, "dns, with one family only");
	ok(heard.peer.n > 0, "and with whom is known");
	snprintf(addr, sizeof addr, "/dns/both.test%s", port);
	dial(addr, NULL, GUARD);
	ok(heard.fd >= 0, "dns, with both");
	snprintf(addr, sizeof addr, "/dns6/both.test%s", port);
	dial(addr, NULL, GUARD);
	is_int(heard.reason, REASON_DIAL_PRIVATE,
	    "what a name stands for goes through the gate");
	dial("/dns6/four.test/tcp/1 /dns4/gone.test/tcp/1", NULL, GUARD);
	is_int(heard.reason, REASON_DNS, "no such addresses");
	close(fd);
}

static void
test_chain(void)
{
	static char texts[5][256];
	char at[64];
	int fd = listening(at);
	unsigned before;

	ns_add(&ns, "_dnsaddr.c1.test", NS_TXT, "dnsaddr=/dnsaddr/c2.test");
	ns_add(&ns, "_dnsaddr.c2.test", NS_TXT, "dnsaddr=/dnsaddr/c3.test");
	ns_add(&ns, "_dnsaddr.c3.test", NS_TXT, "v=spf1 -all");
	ns_add(&ns, "_dnsaddr.c3.test", NS_TXT, "dnsaddr=/dnsaddr/c4.test");
	ns_add(&ns, "_dnsaddr.c4.test", NS_TXT, record(texts[0], at, NULL));
	ns_add(&ns, "_dnsaddr.c0.test", NS_TXT, "dnsaddr=/dnsaddr/c1.test");
	dial("/dnsaddr/c1.test", NULL, GUARD);
	ok(heard.fd >= 0, "dnsaddr in dnsaddr, as deep as allowed");
	dial("/dnsaddr/c0.test", NULL, GUARD);
	is_text(heard.text, "/dnsaddr/c3.test: no-address", "and no deeper");
	is_int(heard.reason, REASON_NO_ADDRESS, "which is told");

	ns_add(&ns, "_dnsaddr.l1.test", NS_TXT, "dnsaddr=/dnsaddr/l2.test");
	ns_add(&ns, "_dnsaddr.l2.test", NS_TXT, "dnsaddr=/dnsaddr/l1.test");
	ns_add(&ns, "_dnsaddr.me.test", NS_TXT, "dnsaddr=/dnsaddr/me.test");
	before = ns.by_udp;
	dial("/dnsaddr/l1.test", NULL, GUARD);
	is_text(heard.text, "/dnsaddr/l2.test: no-address", "a loop");
	is_int(ns.by_udp - before, 2, "is asked for once around");
	dial("/dnsaddr/me.test", NULL, GUARD);
	is_text(heard.text, "/dnsaddr/me.test: no-address",
	    "one that leads to itself");
	dial("/dnsaddr/gone.test", NULL, GUARD);
	is_text(heard.text, "/dnsaddr/gone.test: dns", "one that is not");
	close(fd);
}

static void
test_filter(void)
{
	static char texts[6][256];
	char a[64], b[64], text[MADDR_TEXT], id[PEERID_TEXT];
	int fa = listening(a), fb = listening(b);

	ns_add(&ns, "_dnsaddr.p.test", NS_TXT, "dnsaddr=nonsense");
	ns_add(&ns, "_dnsaddr.p.test", NS_TXT,
	    "dnsaddr=/ip4/127.0.0.1/udp/1/quic-v1/p2p/" ANN);
	ns_add(&ns, "_dnsaddr.p.test", NS_TXT, record(texts[0], b, BOB));
	ns_add(&ns, "_dnsaddr.p.test", NS_TXT, record(texts[1], a, ANN));
	ns_add(&ns, "_dnsaddr.p.test", NS_TXT,
	    record(texts[2], "/ip4/127.0.0.1/tcp/1", NULL));
	dial("/dnsaddr/p.test/p2p/" ANN, ANN, GUARD);
	is_text(maddr_text(maddr_bytes(&heard.addr), text), a,
	    "records of other peers are left out");
	start("/dnsaddr/p.test/p2p/" ANN, NULL, GUARD);
	turn(GUARD);
	is_int(heard.dial->nspots, 1, "those of nobody, too");
	is_text(peerid_text(&heard.peer, id), ANN, "the name says who");
	close(heard.fd);
	dial_end(heard.dial);
	start("/dnsaddr/p.test", ANN, GUARD);
	turn(GUARD);
	is_int(heard.dial->nspots, 2, "no peer in the name: ours or nobody's");
	close(heard.fd);
	dial_end(heard.dial);
	dial("/dnsaddr/p.test", NULL, GUARD);
	is_text(maddr_text(maddr_bytes(&heard.addr), text), b,
	    "nobody wanted: the first that can be dialled");
	is_text(peerid_text(&heard.peer, id), BOB, "says who is");
	ns_add(&ns, "_dnsaddr.q.test", NS_TXT, texts[0]);
	dial("/dnsaddr/q.test", ANN, GUARD);
	is_text(heard.text, "/dnsaddr/q.test: no-address",
	    "only of others: nothing to dial");
	close(fa);
	close(fb);
}

/* Of many records the first hundred are read, whatever they are. */
static void
test_many(void)
{
	static char text[256];
	char at[64];
	int fd = listening(at);
	size_t first = ns.n;

	record(text, at, NULL);
	for (int i = 0; i < 200; i++)
		ns_add(&ns, "_dnsaddr.m.test", NS_TXT, i == DIAL_DNSADDR ?
		    text : "dnsaddr=/ip4/127.0.0.1/udp/4001/quic-v1");
	is_int(ns.n - first, 200, "a name with two hundred records");
	dial("/dnsaddr/m.test", NULL, GUARD);
	is_text(heard.text, "/dnsaddr/m.test: no-address",
	    "what is behind the hundredth is not read");
	ns.rows[first + DIAL_DNSADDR - 1].value = text;
	dial("/dnsaddr/m.test", NULL, GUARD);
	ok(heard.fd >= 0, "the hundredth is");
	ns_add(&ns, "_dnsaddr.n.test", NS_TXT, "dnsaddr=/dnsaddr/m.test");
	dial("/dnsaddr/n.test", NULL, GUARD);
	ok(heard.fd < 0, "they are counted for the whole dial");
	ns.n = first;
	close(fd);
}

int
main(void)
{
	if (!open_rig())
		return tap_done();
	test_names();
	test_chain();
	test_filter();
	test_many();
	close_rig();
	return tap_done();
}
