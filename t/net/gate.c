/* SPDX-License-Identifier: ISC */
#include "net/gate.h"
#include "net/roster.h"
#include "t/tap.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#define ANN "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
#define BOB "QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"

enum { AUTO, YES, NO };

static char allow[64], deny[64], protect[64]; /* paths */

static void
make_paths(void)
{
	char dir[] = "/tmp/kn-gate-XXXXXX";

	if (mkdtemp(dir) == NULL)
		exit(1);
	snprintf(allow, sizeof allow, "%s/allow", dir);
	snprintf(deny, sizeof deny, "%s/deny", dir);
	snprintf(protect, sizeof protect, "%s/protect", dir);
}

static void
drop_paths(void)
{
	unlink(allow);
	unlink(deny);
	unlink(protect);
	*strrchr(allow, '/') = 0;
	rmdir(allow);
}

static void
put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		exit(1);
}

static struct gate_conf
plain(void)
{
	return (struct gate_conf){ .allow_path = "",
		.deny_path = "",
		.protect_path = "",
		.peers = 10,
		.reserved = 2,
		.handshakes = 4,
		.per_ip = 2,
		.per_subnet = 3 };
}

/* A sockaddr of an address in text; good until eight calls later. */
static const struct sockaddr *
sa(const char *text)
{
	static struct sockaddr_storage all[8];
	static unsigned at;
	struct sockaddr_storage *ss = &all[at++ % 8];
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *four = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof *ss);
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		ss->ss_family = AF_INET;
	} else {
		inet_pton(AF_INET6, text, &six->sin6_addr);
		ss->ss_family = AF_INET6;
	}
	return (struct sockaddr *)ss;
}

static struct peerid
peer(const char *text)
{
	struct peerid id = { 0 };

	peerid_of_text(slice_text(text), &id);
	return id;
}

static struct gate *
made(const struct gate_conf *c)
{
	struct buf faults = { .max = 4096 };
	struct gate *g = gate_new(c, &faults);

	if (g == NULL)
		printf("# %.*s", (int)faults.n, (char *)faults.p);
	buf_free(&faults);
	return g;
}

static enum reason
arrive(struct gate *g, const char *from)
{
	return gate_arrive(g, sa(from), 0, 0);
}

static void
test_cidr(void)
{
	static const struct {
		const char *from;
		enum reason want;
	} rows[] = {
		{ "10.1.255.255", REASON_DENIED },
		{ "10.2.0.0", REASON_NONE },
		{ "192.0.2.129", REASON_DENIED },
		{ "192.0.2.127", REASON_NONE },
		{ "198.51.100.7", REASON_DENIED },
		{ "198.51.100.8", REASON_NONE },
		{ "::ffff:198.51.100.7", REASON_DENIED },
		{ "203.0.113.200", REASON_DENIED },
		{ "203.0.112.200", REASON_NONE },
		{ "2001:db8:1:7fff::1", REASON_DENIED },
		{ "2001:db8:1:8000::1", REASON_NONE },
		{ "2001:db8::5", REASON_DENIED },
		{ "2001:db8::6", REASON_NONE },
	};
	struct gate_conf c = plain();
	struct gate *g;

	put_file(deny, "# networks\n"
		       "10.1.0.0/16\n"
		       "  192.0.2.130/25\t# bits beyond are ignored\r\n"
		       "\n"
		       "198.51.100.7\n"
		       "::ffff:203.0.113.0/120\n"
		       "2001:db8:1::/49\n"
		       "2001:db8::5/128");
	c.deny_path = deny;
	c.per_subnet = 100;
	if (!ok((g = made(&c)) != NULL, "a deny list is read"))
		return;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enum reason got = arrive(g, rows[i].from);
		struct gate *open;

		ok(got == rows[i].want, "%s: %s", rows[i].from,
		    reason_word(got));
		c.dial_private = YES;
		open = made(&c);
		got = gate_dial(open, sa(rows[i].from), 0);
		ok(got == rows[i].want, "and dialled: %s", reason_word(got));
		gate_free(open);
	}
	gate_free(g);
	put_file(deny, "0.0.0.0/0\n");
	g = made(&c);
	is_int(arrive(g, "8.8.8.8"), REASON_DENIED, "/0 is all of IPv4");
	is_int(arrive(g, "2001:db8::1"), REASON_NONE, "and none of IPv6");
	gate_free(g);
}

static void
test_allow(void)
{
	const struct peerid ann = peer(ANN), bob = peer(BOB);
	struct gate_conf c = plain();
	struct gate *g;

	put_file(allow, ANN "\n192.0.2.0/24\n");
	put_file(deny, BOB "\n192.0.2.66\n");
	c.allow_path = allow;
	c.deny_path = deny;
	g = made(&c);
	is_int(arrive(g, "198.51.100.1"), REASON_NONE,
	    "ids on the allow list: the handshake decides");
	ok(gate_denied(g, &bob) && !gate_denied(g, &ann),
	    "who is denied by id need not be dialled");
	is_int(gate_peer(g, &ann, sa("198.51.100.1"), 0, 0), REASON_NONE,
	    "allowed by id");
	is_int(gate_peer(g, &bob, sa("198.51.100.1"), 0, 0), REASON_DENIED,
	    "not allowed");
	is_int(gate_peer(g, &bob, sa("192.0.2.1"), 0, 0), REASON_DENIED,
	    "deny by id wins over allow by address");
	is_int(gate_peer(g, &ann, sa("192.0.2.66"), 0, 0), REASON_DENIED,
	    "deny by address wins over allow by id");
	is_int(arrive(g, "192.0.2.66"), REASON_DENIED, "and before, too");
	gate_free(g);

	put_file(allow, "192.0.2.0/24\n");
	put_file(deny, "");
	g = made(&c);
	is_int(arrive(g, "198.51.100.1"), REASON_DENIED,
	    "only addresses on the allow list: others do not come in");
	is_int(arrive(g, "::ffff:192.0.2.9"), REASON_NONE,
	    "those on it do, mapped or not");
	is_int(gate_peer(g, &bob, sa("192.0.2.1"), 0, 0), REASON_NONE,
	    "allowed by address");
	gate_free(g);

	put_file(allow, "# nobody\n");
	g = made(&c);
	is_int(arrive(g, "192.0.2.1"), REASON_DENIED,
	    "an empty allow list lets nobody in");
	gate_free(g);
}

static void
test_slots(void)
{
	const struct peerid ann = peer(ANN), bob = peer(BOB);
	struct gate_conf c = plain();
	struct gate *g;

	put_file(protect, ANN " # ours\n");
	c.protect_path = protect;
	g = made(&c);
	ok(gate_protected(g, &ann) && !gate_protected(g, &bob),
	    "who is protected");
	is_int(gate_peer(g, &bob, sa("192.0.2.1"), 7, 8), REASON_NONE,
	    "the last ordinary slot");
	is_int(gate_peer(g, &bob, sa("192.0.2.1"), 8, 8), REASON_PEERS,
	    "reserved slots are not for ordinary peers");
	is_int(gate_peer(g, &ann, sa("192.0.2.1"), 8, 9), REASON_NONE,
	    "they are for protected ones");
	is_int(gate_peer(g, &ann, sa("192.0.2.1"), 8, 10), REASON_PEERS,
	    "until all are taken");
	is_int(gate_arrive(g, sa("192.0.2.1"), 10, 0), REASON_PEERS,
	    "then none arrives");
	is_int(gate_arrive(g, sa("192.0.2.1"), 9, 3), REASON_NONE,
	    "before that they do");
	is_int(gate_arrive(g, sa("192.0.2.1"), 0, 4), REASON_HANDSHAKES,
	    "but so many handshakes at once");
	gate_free(g);
	c.reserved = c.peers;
	g = made(&c);
	is_int(gate_peer(g, &bob, sa("192.0.2.1"), 0, 0), REASON_PEERS,
	    "all slots reserved: none is ordinary");
	gate_free(g);
}

static void
test_counts(void)
{
	struct gate_conf c = plain();
	struct gate *g = made(&c);

	is_int(arrive(g, "192.0.2.1"), REASON_NONE, "one");
	is_int(arrive(g, "::ffff:192.0.2.1"), REASON_NONE, "two of an address");
	is_int(arrive(g, "192.0.2.1"), REASON_PER_IP, "a third is too many");
	is_int(arrive(g, "192.0.2.2"), REASON_NONE, "three of a /24");
	is_int(
	    arrive(g, "192.0.2.3"), REASON_PER_SUBNET, "a fourth is too many");
	is_int(arrive(g, "192.0.3.3"), REASON_NONE, "the next /24 is another");
	gate_left(g, sa("192.0.2.1"));
	is_int(arrive(g, "192.0.2.3"), REASON_NONE, "one left, one comes");
	gate_left(g, sa("192.0.2.99"));
	is_int(arrive(g, "192.0.2.4"), REASON_PER_SUBNET,
	    "one who never came does not leave");

	is_int(arrive(g, "2001:db8:0:1ff::1"), REASON_NONE, "one of a /56");
	is_int(arrive(g, "2001:db8:0:100::1"), REASON_NONE, "two");
	is_int(arrive(g, "2001:db8:0:123::1"), REASON_NONE, "three");
	is_int(arrive(g, "2001:db8:0:145::1"), REASON_PER_SUBNET,
	    "a fourth is too many");
	is_int(arrive(g, "2001:db8:0:200::1"), REASON_NONE,
	    "the next /56 is another");
	is_int(arrive(g, "2001:db8:0:200::1"), REASON_NONE,
	    "the same address again");
	is_int(arrive(g, "2001:db8:0:200::1"), REASON_PER_IP, "but not thrice");
	for (int i = 0; i < 8; i++)
		if (arrive(g, i % 2 ? "127.0.0.1" : "::1") != REASON_NONE)
			ok(false, "loopback was counted");
	is_int(gate_arrive(g, sa("127.0.0.1"), 10, 0), REASON_PEERS,
	    "loopback counts against peers");
	is_int(gate_arrive(g, sa("::1"), 0, 4), REASON_HANDSHAKES,
	    "and handshakes only");
	gate_free(g);
}

static bool
holds(const struct buf *b, const char *text)
{
	return b->n > 0 && memmem(b->p, b->n, text, strlen(text)) != NULL;
}

static void
test_reload(void)
{
	struct buf faults = { .max = 8192 };
	struct gate_conf c = plain();
	struct gate *g;
	const struct peerid ann = peer(ANN);

	put_file(deny, "192.0.2.1\n");
	put_file(protect, ANN "\n");
	c.deny_path = deny;
	c.protect_path = protect;
	g = made(&c);
	put_file(deny, "192.0.2.2\nwhat is\x1b this\n1.2.3.4/33\n::1/129\n"
		       "::ffff:1.2.3.4/90\n1.2.3.4/\n1.2.3\n12D3KooW\n");
	put_file(protect, "");
	is_int(gate_reload(g, &faults), -1, "a bad list is refused");
	ok(holds(&faults, deny), "the file is named");
	ok(holds(&faults, ":2: \"what is\\x1b this\" is no peer id"),
	    "and the line, made safe");
	for (int line = 3; line <= 8; line++) {
		char text[32];

		snprintf(text, sizeof text, ":%d: ", line);
		ok(holds(&faults, text), "line %d too", line);
	}
	is_int(arrive(g, "192.0.2.1"), REASON_DENIED, "the old list stays");
	is_int(arrive(g, "192.0.2.2"), REASON_NONE, "and nothing of the new");
	ok(gate_protected(g, &ann), "nor of the other new lists");
	buf_free(&faults);
	put_file(deny, "192.0.2.2\n");
	is_int(gate_reload(g, &faults), 0, "a good one is taken");
	is_int(faults.n, 0, "without faults");
	is_int(arrive(g, "192.0.2.1"), REASON_NONE, "the old one is gone");
	is_int(arrive(g, "192.0.2.2"), REASON_DENIED, "the new one holds");
	ok(!gate_protected(g, &ann), "for all lists");
	unlink(deny);
	is_int(gate_reload(g, &faults), -1, "a list that is gone is a fault");
	is_int(arrive(g, "192.0.2.2"), REASON_DENIED, "and opens nothing");
	buf_free(&faults);
	gate_free(g);
	ok(gate_new(&c, &faults) == NULL && holds(&faults, "No such file"),
	    "none at the start ends it");
	buf_free(&faults);
	put_file(deny, "");
	put_file(protect, "192.0.2.1\n");
	ok(gate_new(&c, &faults) == NULL && holds(&faults, "only peer ids"),
	    "addresses cannot be protected");
	buf_free(&faults);
}

/* Entries, faults and bytes have ceilings. */
static void
test_nets(void)
{
	static const char *const wrong[] = { "", "10.0.0.0/33", "10.0.0",
		"::1/129", "name", "10.0.0.1 ", "/8" };
	struct roster r = { 0 };
	struct ip ip;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ok(!roster_add_net(&r, slice_text(wrong[i])), "not \"%s\"",
		    wrong[i]);
	ok(roster_add_net(&r, slice_text("10.1.0.0/16")), "a network");
	ok(roster_add_net(&r, slice_text("::1")), "an address");
	ip = roster_ip_of_text(slice_text("::ffff:10.1.2.3"));
	ok(roster_has_ip(&r, &ip), "a mapped address is in it");
	ip = roster_ip_of_text(slice_text("10.2.0.0"));
	ok(ip.n == 4 && !roster_has_ip(&r, &ip), "another is not");
	ip = roster_ip_of_text(slice_text("10.1.0.0/16"));
	is_int(ip.n, 0, "a network is no address");
	ok(!roster_has_ip(&r, &ip), "and in nothing");
	roster_free(&r);
}

static void
test_ceilings(void)
{
	struct buf faults = { .max = 1 << 20 }, text = { .max = 8 << 20 };
	struct roster r = { 0 };
	char line[32];
	unsigned lines = 0;

	for (int i = 0; i <= ROSTER_ROWS; i++) {
		snprintf(line, sizeof line, "10.%d.%d.%d\n", i >> 16,
		    i >> 8 & 255, i & 255);
		put_text(&text, line);
	}
	put_u8(&text, 0);
	put_file(deny, (char *)text.p);
	is_int(roster_read(&r, "deny list", deny, &faults), -1,
	    "too many entries");
	ok(holds(&faults, ":65537: more than 65536 entries"), "and where");
	roster_free(&r);
	text.p[text.n - strlen(line) - 1] = 0;
	put_file(deny, (char *)text.p);
	is_int(roster_read(&r, "deny list", deny, &faults), 0, "not too many");
	roster_free(&r);
	buf_free(&faults);
	buf_free(&text);

	for (int i = 0; i < 1000; i++)
		put_text(&text, "x\n");
	put_u8(&text, 0);
	put_file(deny, (char *)text.p);
	is_int(roster_read(&r, "deny list", deny, &faults), -1, "all is bad");
	for (size_t i = 0; i < faults.n; i++)
		lines += faults.p[i] == '\n';
	is_int(lines, ROSTER_FAULTS, "faults are told up to a ceiling");
	roster_free(&r);
	buf_free(&faults);
	buf_free(&text);

	memset(buf_room(&text, ROSTER_BYTES + 1), '\n', ROSTER_BYTES + 1);
	buf_added(&text, ROSTER_BYTES + 1);
	put_u8(&text, 0);
	put_file(deny, (char *)text.p);
	is_int(roster_read(&r, "deny list", deny, &faults), -1,
	    "a file that is too long");
	roster_free(&r);
	buf_free(&faults);
	buf_free(&text);
}

static void
test_rate(void)
{
	struct gate_conf c = plain();
	const struct sockaddr *far = sa("8.8.8.8");
	struct gate *g;
	msec now = 5000;

	c.dials_per_minute = 6;
	g = made(&c);
	for (int i = 0; i < 6; i++)
		if (gate_dial(g, far, now) != REASON_NONE)
			ok(false, "dial %d was refused", i);
	is_int(gate_dial(g, far, now), REASON_DIAL_RATE, "six, then no more");
	is_int(gate_dial(g, far, now + 9999), REASON_DIAL_RATE,
	    "nor a moment before a sixth of a minute");
	is_int(gate_dial(g, far, now + 10000), REASON_NONE, "then one");
	is_int(gate_dial(g, far, now + 10000), REASON_DIAL_RATE, "not two");
	is_int(gate_dial(g, sa("10.0.0.1"), now + 20000), REASON_DIAL_PRIVATE,
	    "what is refused");
	is_int(gate_dial(g, far, now + 20000), REASON_NONE, "takes no token");
	now += INT64_C(3600) * 1000000;
	for (int i = 0; i < 6; i++)
		if (gate_dial(g, far, now) != REASON_NONE)
			ok(false, "later, dial %d was refused", i);
	is_int(gate_dial(g, far, now), REASON_DIAL_RATE,
	    "tokens are not saved up for long");
	is_int(gate_dial(g, far, now - 50000), REASON_DIAL_RATE,
	    "a clock that goes back gives none");
	gate_free(g);
	c.dials_per_minute = 0;
	g = made(&c);
	for (int i = 0; i < 1000; i++)
		if (gate_dial(g, far, 0) != REASON_NONE)
			ok(false, "there is a limit without one");
	gate_free(g);
}

static void
test_private(void)
{
	static const char *const privates[] = { "10.0.0.1", "172.16.9.9",
		"192.168.1.1", "100.64.0.1", "169.254.1.1", "fd12::1",
		"fe80::1", "127.0.0.1", "::1", "::ffff:10.0.0.1",
		"64:ff9b::10.0.0.1", "2002:0a00:0001::1" };
	static const char *const nowhere[] = { "0.0.0.0", "0.1.2.3",
		"224.0.0.1", "255.255.255.255", "::", "ff02::1",
		"::ffff:0.0.0.0" };
	struct gate_conf c = plain();
	struct gate *g[3];

	for (c.dial_private = AUTO; c.dial_private <= NO; c.dial_private++)
		g[c.dial_private] = made(&c);
	for (size_t i = 0; i < sizeof privates / sizeof *privates; i++) {
		const char *at = privates[i];

		ok(gate_dial(g[AUTO], sa(at), 0) == REASON_DIAL_PRIVATE &&
			gate_dial(g[YES], sa(at), 0) == REASON_NONE &&
			gate_dial(g[NO], sa(at), 0) == REASON_DIAL_PRIVATE,
		    "%s: not without an interface, yes, no", at);
	}
	for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
		ok(gate_dial(g[YES], sa(nowhere[i]), 0) == REASON_BAD_ADDRESS,
		    "%s: never", nowhere[i]);
	is_int(gate_dial(g[AUTO], sa("8.8.8.8"), 0), REASON_NONE,
	    "global: always");
	is_int(
	    gate_dial(g[NO], sa("2606:4700::1"), 0), REASON_NONE, "IPv6 too");
	gate_interfaces(g[NO]);
	is_int(gate_dial(g[NO], sa("127.0.0.1"), 0), REASON_DIAL_PRIVATE,
	    "no is no, interface or not");
	for (int i = 0; i < 3; i++)
		gate_free(g[i]);
}

/* Against what this host has. */
static void
test_interfaces(void)
{
	struct gate_conf c = plain();
	struct gate *g = made(&c);
	struct ifaddrs *all;
	unsigned n = 0, near = 0;

	ok(!gate_near(g, sa("127.0.0.1")), "nothing is near at first");
	gate_interfaces(g);
	gate_interfaces(g);
	is_int(gate_dial(g, sa("127.0.0.1"), 0), REASON_NONE,
	    "loopback is dialled: there is an interface");
	is_int(gate_dial(g, sa("127.8.9.10"), 0), REASON_NONE,
	    "all of 127/8 is its range");
	if (getifaddrs(&all) == 0) {
		for (struct ifaddrs *i = all; i; i = i->ifa_next) {
			if (!(i->ifa_flags & IFF_UP) || i->ifa_addr == NULL ||
			    i->ifa_netmask == NULL ||
			    roster_ip(i->ifa_addr).n == 0)
				continue;
			n++;
			near += gate_near(g, i->ifa_addr);
		}
		freeifaddrs(all);
	}
	ok(n > 0 && near == n, "every interface's own address is near");
	gate_free(g);
}

int
main(void)
{
	make_paths();
	test_cidr();
	test_allow();
	test_slots();
	test_counts();
	test_reload();
	test_ceilings();
	test_rate();
	test_private();
	test_interfaces();
	drop_paths();
	test_nets();
	return tap_done();
}
