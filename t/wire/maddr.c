/* SPDX-License-Identifier: ISC */
#include "t/tap.h"
#include "wire/maddr.h"
#include "wire/mbase.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define PEER "QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"
#define PEER_HEX "221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20d" \
	"b76a68911c0b"
#define ED "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"

/* Addresses that the other implementations' tests use, and their bytes. */
static const struct vector {
	const char *text;
	const char *bytes;
} vectors[] = {
	{ "/ip4/127.0.0.1/udp/1234", "047f000001910204d2" },
	{ "/ip4/127.0.0.1/tcp/4321", "047f0000010610e1" },
	{ "/ip4/127.0.0.1/udp/1234/ip4/127.0.0.1/tcp/4321",
	    "047f000001910204d2047f0000010610e1" },
	{ "/ip6/2001:8a0:7ac5:4201:3ac9:86ff:fe31:7095/tcp/5000",
	    "29200108a07ac542013ac986fffe317095061388" },
	{ "/p2p/" PEER, "a503" PEER_HEX },
	{ "/ip4/127.0.0.1/p2p/" PEER "/tcp/1234",
	    "047f000001a503" PEER_HEX "0604d2" },
	{ "/unix/a/b/c/d/e", "90030a2f612f622f632f642f65" },
	{ "/unix/stdio", "9003062f737464696f" },
	{ "/ip6zone/x/ip6/fe80::1", "2a017829fe8000000000000000000000000000"
	    "01" },
	{ "/dns4/example.com/tcp/443/tls/sni/example.com/ws",
	    "360b6578616d706c652e636f6d0601bbc003c1030b6578616d706c652e636f6d"
	    "dd03" },
	{ "/dnsaddr/_dnsaddr.example.com.", "38155f646e73616464722e6578616d70"
	    "6c652e636f6d2e" },
	{ "/dns/a/udp/1/quic-v1", "350161910200" "01cd03" },
	{ "/dns6/a/tcp/80/wss", "370161060050de03" },
	{ "/tcp/0/noise", "060000c603" },
	{ "/p2p/" PEER "/p2p-circuit/p2p/" PEER,
	    "a503" PEER_HEX "a202a503" PEER_HEX },
	{ "/ip4/1.2.3.4/udp/9/webrtc-direct", "04010203049102" "00099802" },
	{ "/p2p-circuit/webrtc", "a2029902" },
	{ "/ip4/127.0.0.1/udp/1234/quic-v1/webtransport/certhash/"
	    "u1QEQOFj2IjCsPJFfMAxmQxLGPw", "047f000001910204d2cd03d103d20313"
	    "d501103858f62230ac3c915f300c664312c63f" },
	{ "/ip6/::ffff:1.2.3.4/tcp/1", "2900000000000000000000ffff010203040600"
	    "01" },
};

/* What is read but written otherwise. */
static const struct {
	const char *text;
	const char *written;
} others[] = {
	{ "/ipfs/" PEER, "/p2p/" PEER },
	{ "/p2p/bafzaajaiaejcahwr5d5ofrfbis4l5d6uwr57hu5tjodrypfm6yaq6dsc2r2"
	    "pzyt6", "/p2p/" ED },
	{ "/ip6/0:0:0:0:0:0:0:1/tcp/1", "/ip6/::1/tcp/1" },
	{ "/ip6/2001:DB8::A/tcp/1", "/ip6/2001:db8::a/tcp/1" },
	{ "/certhash/b2uaraocy6yrdblb4sfptaddgimjmmpy",
	    "/certhash/u1QEQOFj2IjCsPJFfMAxmQxLGPw" },
};

static const char *const bad_texts[] = {
	"", "/", "//", "x", "ip4/127.0.0.1", "/x", "/ip4", "/ip4/", "/ip4/::1",
	"/ip4/1.2.3", "/ip4/1.2.3.4.5", "/ip4/1.2.3.256", "/ip4/01.2.3.4",
	"/ip4/1.2.3.4 ", "/ip4//tcp/1", "/ip4/fdpsofodsajfdoisa",
	"/ip4/1.2.3.4/", "/ip4/1.2.3.4//tcp/1", "/ip4/1.2.3.4tcp/1",
	"/ip6", "/ip6/", "/ip6/:::1", "/ip6/fe80::1%eth0", "/ip6/1.2.3.4",
	"/ip6/1:2:3:4:5:6:7:8:9", "/tcp", "/tcp/", "/tcp/65536", "/tcp/-1",
	"/tcp/+1", "/tcp/ 1", "/tcp/01", "/tcp/1x", "/tcp/99999",
	"/tcp/4294967296", "/udp/", "/udp/65536", "/udp/1234/quic-v1/1",
	"/ip4/127.0.0.1/p2p", "/p2p/", "/p2p/tcp", "/p2p/" PEER "x",
	"/p2p/Qmcgp", "/ipfs", "/dns/", "/dns4/a b", "/dns4/a..b",
	"/dns4/.a", "/dns4/a:b", "/dns6/a%2fb", "/dnsaddr/a\n", "/dns/\xc3\xa4",
	"/sni/", "/sni/.", "/unix", "/unix/", "/unix//a\n", "/unix/\x7f",
	"/ip6zone/", "/ip6zone/a b/ip6/fe80::1",
	"/ip6zone/0123456789abcdef/ip6/fe80::1", "/certhash/", "/certhash/u",
	"/certhash/xAAAA", "/certhash/uAAAA", "/certhash/uEiDDq4",
	"/tls/x", "/ws/", "/quic/1", "/IP4/1.2.3.4", "/p2p-circuit/",
};

static const struct {
	const char *bytes;
	const char *why;
} bad_bytes[] = {
	{ "", "nothing" },
	{ "04", "no value" },
	{ "047f0000", "an ip4 of three bytes" },
	{ "047f000001ff", "a code cut off" },
	{ "047f00000101", "an unknown code" },
	{ "047f000001cc03", "quic of the dead draft" },
	{ "84007f000001", "a code longer than it need be" },
	{ "ffffffffffffffffffff01", "a code over nine bytes" },
	{ "848080801000", "a code that is 4 in its low 32 bits" },
	{ "0600", "half a port" },
	{ "2900000000000000000000ffff010203", "a short ip6" },
	{ "3500", "an empty name" },
	{ "350261", "a name cut off" },
	{ "35036100" "62", "a name with a zero byte" },
	{ "3503612f62", "a name with a slash" },
	{ "358100" "61", "a length longer than it need be" },
	{ "35ffffffffffffffff7f61", "a length of 2^63-1" },
	{ "35818080801061", "a length that is 1 in its low 32 bits" },
	{ "a50300", "an empty peer id" },
	{ "a503020000", "an empty identity" },
	{ "a503211220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db7"
	    "6a68911c", "a peer id cut off" },
	{ "a50303000200", "a peer id of a wrong length" },
	{ "900300", "an empty path" },
	{ "9003012f", "the root as a path" },
	{ "90030161", "a path without a slash" },
	{ "9003032f610a", "a path with a line feed" },
	{ "9003022f610600" "01", "something behind a path" },
	{ "2a00", "an empty zone" },
	{ "2a022f61", "a zone with a slash" },
	{ "2a0100", "a zone that is a zero byte" },
	{ "d20300", "an empty hash" },
	{ "d203021200", "a hash without a digest" },
	{ "d20303120200", "a digest cut off" },
};

static struct slice
hex(const char *digits)
{
	static uint8_t mem[4][512];
	static size_t turn;
	struct buf out = { .max = 512 };
	uint8_t *to = mem[turn++ % 4];
	size_t n;

	if (mbase_decode(MBASE_16, slice_text(digits), &out) < 0)
		return (struct slice){ .bad = true };
	n = out.n;
	if (n > 0)
		memcpy(to, out.p, n);
	buf_free(&out);
	return slice_of(to, n);
}

static struct slice
parsed(const char *text)
{
	static struct maddr m[4];
	static size_t turn;
	struct maddr *to = &m[turn++ % 4];

	if (maddr_of_text(slice_text(text), to) < 0)
		ok(false, "%s is read", text);
	return maddr_bytes(to);
}

static void
check_vector(const struct vector *v)
{
	struct slice want = hex(v->bytes), at, last = { 0 };
	struct maddr m, built = { 0 };
	struct maddr_part part;
	char text[MADDR_TEXT];

	is_int(maddr_of_text(slice_text(v->text), &m), 0, v->text);
	is_bytes(m.b, m.n, want.p, want.n, "bytes");
	ok(maddr_valid(want), "are valid");
	is_int(maddr_of_bytes(want, &m), 0, "are taken");
	is_text(maddr_text(maddr_bytes(&m), text), v->text, "and back");
	at = want;
	while (maddr_next(&at, &part) == 1) {
		maddr_add(&built, part.code, part.value);
		last = slice_text(part.name);
	}
	is_bytes(built.b, built.n, want.p, want.n, "built part by part");
	ok(last.n > 0 && at.n == 0, "to the end");
	for (size_t n = 0; n < want.n; n++) {
		at = slice_of(want.p, n);
		while (maddr_next(&at, &part) == 1)
			;
		if (at.n > 0 || at.bad)
			continue;
		/* what is good when cut has text that is read again */
		if (maddr_valid(slice_of(want.p, n)) &&
		    maddr_of_text(slice_text(maddr_text(
		    slice_of(want.p, n), text)), &m) < 0)
			ok(false, "cut at %zu: %s", n, text);
	}
}

static void
check_bad(void)
{
	char text[MADDR_TEXT];
	struct maddr m;

	for (size_t i = 0; i < sizeof bad_texts / sizeof *bad_texts; i++) {
		is_int(maddr_of_text(slice_text(bad_texts[i]), &m), -1,
		    bad_texts[i]);
		if (m.n != 0)
			ok(false, "and there is none");
	}
	is_int(maddr_of_text(slice_of("/ip4/1.2.3.4\0", 13), &m), -1,
	    "a zero byte in an ip4");
	is_int(maddr_of_text(slice_of("/dns4/a\0b", 9), &m), -1,
	    "a zero byte in a name");
	is_int(maddr_of_text((struct slice){ .bad = true }, &m), -1, "bad");
	for (size_t i = 0; i < sizeof bad_bytes / sizeof *bad_bytes; i++) {
		struct slice in = hex(bad_bytes[i].bytes);

		ok(!in.bad && !maddr_valid(in), "%s", bad_bytes[i].why);
		is_int(maddr_of_bytes(in, &m), -1, "is not taken");
		is_text(maddr_text(in, text), "/?", "and has no text");
	}
	ok(!maddr_valid((struct slice){ .bad = true }), "a bad slice");
}

static void
check_limits(void)
{
	char text[MADDR_TEXT + 100], name[300];
	struct maddr m = { 0 };
	uint8_t port[2] = { 0xff, 0xff };
	int parts = 0;

	while (maddr_add(&m, MADDR_TCP, slice_of(port, 2)) == 0)
		parts++;
	is_int(parts, MADDR_PARTS, "as many parts as may be");
	is_int(m.n, MADDR_PARTS * 3, "and no half part");
	m.n = 0;
	memset(name, 'a', sizeof name);
	is_int(maddr_add(&m, MADDR_DNS, slice_of(name, 64)), -1,
	    "a label of 64");
	for (size_t i = 50; i < sizeof name; i += 50)
		name[i] = '.';
	is_int(maddr_add(&m, MADDR_DNS, slice_of(name, 254)), -1,
	    "a name of 254");
	is_int(maddr_add(&m, MADDR_DNS, slice_of(name, 0)), -1, "no name");
	is_int(maddr_add(&m, MADDR_DNS, slice_of(name, 253)), 0,
	    "a name of 253");
	is_int(maddr_add(&m, MADDR_DNS, slice_of(name, 253)), -1,
	    "a second does not fit");
	is_int(m.n, 1 + 2 + 253, "and leaves no trace");
	is_int(maddr_add(&m, MADDR_TCP, slice_of(port, 1)), -1, "half a port");
	is_int(maddr_add(&m, 460, slice_of(NULL, 0)), -1, "unknown code");
	is_int(maddr_add(&m, MADDR_WS, slice_of(port, 2)), -1, "ws of a value");
	is_int(maddr_add(&m, MADDR_UNIX, slice_text("/a")), 0, "a path");
	is_int(maddr_add(&m, MADDR_WS, slice_of(NULL, 0)), -1,
	    "nothing behind a path");
	memset(text, '/', sizeof text);
	is_int(maddr_of_text(slice_of(text, sizeof text), &m), -1,
	    "a text too long");
}

/* The longest texts that so many bytes and parts can have. */
static void
check_longest(void)
{
	static const uint8_t ip[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t digest[64] = { 0x12, 62 };
	char text[MADDR_TEXT];
	struct maddr m = { 0 };

	for (int i = 0; i < MADDR_PARTS - 1; i++)
		maddr_add(&m, MADDR_IP6, slice_of(ip, 16));
	for (size_t n = sizeof digest; n > 2; n--) {
		uint8_t hash[64];

		memcpy(hash, digest, n);
		hash[1] = (uint8_t)(n - 2);
		if (maddr_add(&m, MADDR_CERTHASH, slice_of(hash, n)) == 0)
			break;
	}
	maddr_text(maddr_bytes(&m), text);
	ok(m.n >= MADDR_MAX - 2 && strlen(text) > 900, "%d bytes, %zu of text",
	    m.n, strlen(text));
}

static void
check_sockaddr(const char *text, uint32_t want, const char *after,
    const char *again)
{
	struct sockaddr_storage ss;
	char back[MADDR_TEXT];
	struct slice rest;
	struct maddr m;
	socklen_t n;
	uint32_t code;

	is_int(maddr_to_sockaddr(parsed(text), &ss, &n, &code, &rest), 0,
	    text);
	is_int(code, want, "its transport");
	is_int(n, ss.ss_family == AF_INET ? sizeof(struct sockaddr_in) :
	    sizeof(struct sockaddr_in6), "its length");
	if (*after)
		is_text(maddr_text(rest, back), after, "the rest");
	else
		is_int(rest.n, 0, "no rest");
	is_int(maddr_of_sockaddr((struct sockaddr *)&ss, code, &m), 0,
	    "and back");
	is_text(maddr_text(maddr_bytes(&m), back), again, "is this");
}

static void
check_sockaddrs(void)
{
	static const char *const none[] = { "/tcp/1", "/ip4/1.2.3.4",
		"/ip4/1.2.3.4/ws", "/dns4/a/tcp/1", "/unix/a",
		"/ip6zone/1/ip4/1.2.3.4/tcp/1", "/ip6zone/1/tcp/1",
		"/ip6zone/1/ip6/fe80::1", "/ip6zone/0/ip6/fe80::1/tcp/1",
		"/ip6zone/4294967296/ip6/fe80::1/tcp/1",
		"/ip6zone/no-such-one/ip6/fe80::1/tcp/1",
		"/ip6/::1/ip6/::1/tcp/1" };
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	struct maddr m;
	socklen_t n;
	uint32_t code;

	check_sockaddr("/ip4/127.0.0.1/tcp/4001", MADDR_TCP, "",
	    "/ip4/127.0.0.1/tcp/4001");
	check_sockaddr("/ip4/1.2.3.4/udp/65535/quic-v1/p2p/" ED, MADDR_UDP,
	    "/quic-v1/p2p/" ED, "/ip4/1.2.3.4/udp/65535");
	check_sockaddr("/ip6/2001:db8::1/tcp/1/ws", MADDR_TCP, "/ws",
	    "/ip6/2001:db8::1/tcp/1");
	check_sockaddr("/ip6/::ffff:1.2.3.4/udp/7", MADDR_UDP, "",
	    "/ip4/1.2.3.4/udp/7");
	check_sockaddr("/ip6zone/7/ip6/fe80::1/tcp/1", MADDR_TCP, "",
	    "/ip6zone/7/ip6/fe80::1/tcp/1");
	check_sockaddr("/ip6zone/lo/ip6/::1/tcp/1", MADDR_TCP, "",
	    "/ip6/::1/tcp/1");
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		is_int(maddr_to_sockaddr(parsed(none[i]), &ss, &n, &code,
		    NULL), -1, none[i]);
	is_int(maddr_to_sockaddr(hex("047f0000010600"), &ss, &n, &code, NULL),
	    -1, "a port cut off");
	ss.ss_family = AF_UNIX;
	is_int(maddr_of_sockaddr((struct sockaddr *)&ss, MADDR_TCP, &m), -1,
	    "a Unix socket");
	ss.ss_family = AF_INET;
	is_int(maddr_of_sockaddr((struct sockaddr *)&ss, MADDR_WS, &m), -1,
	    "no transport");
}

static void
check_peer(const char *text, bool has, const char *bare)
{
	struct slice front, in = parsed(text);
	char back[MADDR_TEXT];
	struct peerid id;

	is_int(maddr_peer(in, &id, &front), has, text);
	if (has)
		is_text(peerid_text(&id, back), ED, "the peer");
	else
		is_int(id.n, 0, "no peer");
	if (*bare)
		is_text(maddr_text(front, back), bare, "without it");
	else
		is_int(front.n, 0, "nothing without it");
}

static void
check_peers(void)
{
	struct slice bare, in = hex("a503" PEER_HEX "06");
	struct peerid id;

	check_peer("/ip4/1.2.3.4/tcp/1/p2p/" ED, true, "/ip4/1.2.3.4/tcp/1");
	check_peer("/p2p/" ED, true, "");
	check_peer("/p2p/" PEER "/p2p-circuit/p2p/" ED, true,
	    "/p2p/" PEER "/p2p-circuit");
	check_peer("/p2p/" ED "/p2p-circuit", false,
	    "/p2p/" ED "/p2p-circuit");
	check_peer("/ip4/1.2.3.4/tcp/1", false, "/ip4/1.2.3.4/tcp/1");
	ok(!maddr_peer(in, &id, &bare) && bare.n == in.n, "malformed behind");
	ok(!maddr_peer(slice_of(NULL, 0), &id, &bare) && bare.n == 0, "empty");
}

static const struct {
	const char *ip;
	enum maddr_scope scope;
} scopes[] = {
	{ "0.0.0.0", SCOPE_NONE }, { "0.1.2.3", SCOPE_NONE },
	{ "1.1.1.1", SCOPE_GLOBAL }, { "8.8.8.8", SCOPE_GLOBAL },
	{ "9.255.255.255", SCOPE_GLOBAL }, { "10.0.0.0", SCOPE_PRIVATE },
	{ "10.255.255.255", SCOPE_PRIVATE }, { "11.0.0.0", SCOPE_GLOBAL },
	{ "100.63.255.255", SCOPE_GLOBAL }, { "100.64.0.0", SCOPE_PRIVATE },
	{ "100.127.255.255", SCOPE_PRIVATE }, { "100.128.0.0", SCOPE_GLOBAL },
	{ "127.0.0.1", SCOPE_LOOPBACK }, { "127.255.0.1", SCOPE_LOOPBACK },
	{ "128.0.0.1", SCOPE_GLOBAL },
	{ "169.254.1.1", SCOPE_LINK }, { "169.253.1.1", SCOPE_GLOBAL },
	{ "172.15.0.1", SCOPE_GLOBAL }, { "172.16.0.1", SCOPE_PRIVATE },
	{ "172.31.255.255", SCOPE_PRIVATE }, { "172.32.0.1", SCOPE_GLOBAL },
	{ "192.0.0.1", SCOPE_NONE }, { "192.0.2.1", SCOPE_NONE },
	{ "192.0.1.1", SCOPE_GLOBAL }, { "192.88.99.1", SCOPE_NONE },
	{ "192.168.0.1", SCOPE_PRIVATE }, { "192.169.0.1", SCOPE_GLOBAL },
	{ "198.17.0.1", SCOPE_GLOBAL }, { "198.18.0.1", SCOPE_NONE },
	{ "198.19.255.1", SCOPE_NONE }, { "198.51.100.1", SCOPE_NONE },
	{ "203.0.113.1", SCOPE_NONE }, { "223.255.255.1", SCOPE_GLOBAL },
	{ "224.0.0.1", SCOPE_NONE }, { "240.0.0.1", SCOPE_NONE },
	{ "255.255.255.255", SCOPE_NONE },
	{ "::", SCOPE_NONE }, { "::1", SCOPE_LOOPBACK }, { "::2", SCOPE_NONE },
	{ "::1.2.3.4", SCOPE_NONE },
	{ "::ffff:127.0.0.1", SCOPE_LOOPBACK },
	{ "::ffff:10.0.0.1", SCOPE_PRIVATE },
	{ "::ffff:8.8.8.8", SCOPE_GLOBAL }, { "::ffff:0.0.0.0", SCOPE_NONE },
	{ "::ffff:169.254.0.1", SCOPE_LINK },
	{ "64:ff9b::8.8.8.8", SCOPE_GLOBAL },
	{ "64:ff9b::10.0.0.1", SCOPE_NONE },
	{ "64:ff9b::127.0.0.1", SCOPE_NONE },
	{ "64:ff9b:1::8.8.8.8", SCOPE_PRIVATE },
	{ "64:ff9b:2::1", SCOPE_NONE }, { "100::1", SCOPE_NONE },
	{ "2001::1", SCOPE_NONE }, { "2001:1ff::1", SCOPE_NONE },
	{ "2001:200::1", SCOPE_GLOBAL }, { "2001:db8::1", SCOPE_NONE },
	{ "2001:db9::1", SCOPE_GLOBAL },
	{ "2002:808:808::1", SCOPE_GLOBAL }, { "2002:a00:1::1", SCOPE_NONE },
	{ "2a00:1450:4001::1", SCOPE_GLOBAL },
	{ "3ffe::1", SCOPE_GLOBAL }, { "3fff::1", SCOPE_NONE },
	{ "3fff:1000::1", SCOPE_GLOBAL }, { "4000::1", SCOPE_NONE },
	{ "5f00::1", SCOPE_NONE }, { "fbff::1", SCOPE_NONE },
	{ "fc00::1", SCOPE_PRIVATE }, { "fdff::1", SCOPE_PRIVATE },
	{ "fe00::1", SCOPE_NONE }, { "fe80::1", SCOPE_LINK },
	{ "febf::1", SCOPE_LINK }, { "fec0::1", SCOPE_PRIVATE },
	{ "ff02::1", SCOPE_NONE },
};

static void
check_global(void)
{
	static const struct {
		const char *addr;
		bool is;
	} rows[] = {
		{ "/ip4/8.8.8.8/tcp/1", true },
		{ "/ip4/10.0.0.1/tcp/1", false },
		{ "/ip6/2a00::1/udp/1/quic-v1", true },
		{ "/ip6/::1/tcp/1", false },
		{ "/ip6zone/1/ip6/fe80::1/tcp/1", false },
		{ "/dns4/node.example/tcp/1", true },
		{ "/unix/%2Ftmp", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct maddr a;

		ok(maddr_of_text(slice_text(rows[i].addr), &a) == 0 &&
		        maddr_global(maddr_bytes(&a)) == rows[i].is,
		    "%s is %sglobal", rows[i].addr, rows[i].is ? "" : "not ");
	}
}

static void
check_scopes(void)
{
	struct sockaddr other = { .sa_family = AF_UNIX };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };

	for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
		bool is_six = strchr(scopes[i].ip, ':') != NULL;

		if (inet_pton(is_six ? AF_INET6 : AF_INET, scopes[i].ip,
		    is_six ? (void *)&six.sin6_addr : &four.sin_addr) != 1)
			ok(false, "%s is an address", scopes[i].ip);
		is_int(maddr_scope(is_six ? (struct sockaddr *)&six :
		    (struct sockaddr *)&four), scopes[i].scope, scopes[i].ip);
	}
	is_int(maddr_scope(&other), SCOPE_NONE, "not an IP address");
}

int
main(void)
{
	char text[MADDR_TEXT];

	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
		check_vector(&vectors[i]);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		is_text(maddr_text(parsed(others[i].text), text),
		    others[i].written, others[i].text);
	check_bad();
	check_limits();
	check_longest();
	check_sockaddrs();
	check_peers();
	check_scopes();
	check_global();
	return tap_done();
}
