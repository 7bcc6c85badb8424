/* SPDX-License-Identifier: ISC */
#include "proto/kadaddrs.h"
#include "t/tap.h"

#include <stdlib.h>

#define SELF "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
#define OTHER "QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"

enum { MANY = 16 };

static struct peerid self;
static size_t left_out;

/* Of texts, NULL at the end; what does not parse is put in as its text. */
static void
set(struct kadaddrs *a, const char *const *text, bool private_too)
{
	static struct maddr m[MANY];
	struct slice list[MANY];
	size_t n = 0;

	for (; text[n]; n++)
		list[n] = maddr_of_text(slice_text(text[n]), &m[n]) == 0
			      ? maddr_bytes(&m[n])
			      : slice_text(text[n]);
	left_out = kadaddrs_set(a, list, n, &self, private_too);
}

#define SET(a, private_too, ...)                                              \
	set(a, (const char *const[]){ __VA_ARGS__, NULL }, private_too)

/* As text, with spaces between. */
static const char *
all(const struct kadaddrs *a)
{
	static char text[KADADDRS_N * MADDR_TEXT];
	struct slice list[KADADDRS_N];
	size_t n = kadaddrs_list(a, list), at = 0;
	char one[MADDR_TEXT];

	*text = 0;
	if (n != a->n)
		return "the list is not as long as n";
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s",
		    i ? " " : "", maddr_text(list[i], one));
	return text;
}

static void
test_kept(void)
{
	struct kadaddrs a = { 0 };

	is_text(all(&a), "", "zero is empty");
	SET(&a, false, "/ip4/1.2.3.4/tcp/1", "/ip6/2a00::1/udp/2/quic-v1",
	    "/dns4/example.com/tcp/3", "/dnsaddr/example.com");
	is_text(all(&a), "/ip4/1.2.3.4/tcp/1 /ip6/2a00::1/udp/2/quic-v1 "
	    "/dns4/example.com/tcp/3 /dnsaddr/example.com",
	    "public ones and names, in their order");
	is_int(left_out, 0, "none left out");
	SET(&a, false, "/ip4/1.2.3.4/tcp/2");
	is_text(all(&a), "/ip4/1.2.3.4/tcp/2", "others replace them");
	SET(&a, false, "/ip4/1.2.3.4/tcp/1", "x", "", "/ip4/1.2.3.4/tcp/1",
	    "/ip4/1.2.3.4/tcp/2");
	is_text(all(&a), "/ip4/1.2.3.4/tcp/1 /ip4/1.2.3.4/tcp/2",
	    "neither malformed ones nor duplicates");
	is_int(left_out, 0, "which are not counted");
	kadaddrs_set(&a, NULL, 0, &self, false);
	is_int(a.n + a.bytes, 0, "by none");
	kadaddrs_free(&a);
}

static void
test_peer(void)
{
	struct kadaddrs a = { 0 };

	SET(&a, false, "/ip4/1.2.3.4/tcp/1/p2p/" SELF, "/ip4/1.2.3.4/tcp/1",
	    "/ip4/1.2.3.4/tcp/2/p2p/" OTHER);
	is_text(all(&a), "/ip4/1.2.3.4/tcp/1",
	    "the peer's own id is taken off, another's is refused");
	SET(&a, false, "/ip4/1.2.3.4/tcp/1/p2p/" SELF "/p2p/" SELF,
	    "/ip4/1.2.3.4/tcp/2/p2p/" OTHER "/p2p/" SELF);
	is_text(all(&a), "/ip4/1.2.3.4/tcp/1", "however many there are");
	SET(&a, false,
	    "/ip4/1.2.3.4/tcp/1/p2p/" OTHER "/p2p-circuit/p2p/" SELF);
	is_text(all(&a), "/ip4/1.2.3.4/tcp/1/p2p/" OTHER "/p2p-circuit",
	    "a relay's id is within");
	SET(&a, true, "/p2p/" SELF);
	is_text(all(&a), "", "an id alone is no address");
	SET(&a, false, "/p2p/" SELF, "/ip4/10.0.0.1/tcp/1/p2p/" OTHER);
	is_int(left_out, 0, "nor is it of a range, nor another's");
	kadaddrs_free(&a);
}

static void
test_range(void)
{
	static const char *const local[] = { "/ip4/127.0.0.1/tcp/1",
		"/ip4/10.1.2.3/tcp/1/p2p/" SELF, "/ip4/169.254.1.1/tcp/1",
		"/ip4/192.168.1.1/udp/1/quic-v1", "/ip6/::1/tcp/1",
		"/ip6/fd00::1/tcp/1", "/ip6/fe80::1/tcp/1",
		"/ip6/::ffff:192.168.1.1/tcp/1", NULL };
	struct kadaddrs a = { 0 };

	set(&a, local, false);
	is_text(all(&a), "", "nothing that others cannot reach");
	is_int(left_out, 8, "as many were left out");
	SET(&a, false, "/ip4/10.0.0.1/tcp/1", "/ip4/1.2.3.4/tcp/1",
	    "/ip4/10.0.0.1/tcp/1");
	is_text(all(&a), "/ip4/1.2.3.4/tcp/1", "but the others");
	is_int(left_out, 2, "each time it was told");
	set(&a, local, true);
	is_int(a.n, 8, "all of them where private ones are wanted");
	is_int(left_out, 0, "and none is left out");
	kadaddrs_free(&a);
}

/* 254 bytes: a code, a length of two bytes, a name of 251. */
static struct slice
long_one(uint8_t b[254], char letter)
{
	memset(b, letter, 254);
	b[0] = MADDR_DNS4;
	b[1] = 0xfb;
	b[2] = 1;
	b[66] = b[130] = b[194] = '.';
	return slice_of(b, 254);
}

static void
test_ceilings(void)
{
	struct kadaddrs a = { 0 };
	struct slice list[9], brief;
	uint8_t b[9][8], name[3][254];

	for (uint8_t i = 0; i < 9; i++) {
		memcpy(b[i], (uint8_t[]){ 4, 1, 2, 3, 4, 6, 0, i }, 8);
		list[i] = slice_of(b[i], 8);
	}
	kadaddrs_set(&a, list, 9, &self, false);
	is_int(a.n, KADADDRS_N, "so many addresses");
	is_int(kadaddrs_list(&a, list), KADADDRS_N, "are listed");
	is_bytes(list[7].p, list[7].n, b[7], 8, "the first ones");
	brief = slice_of(b[0], 8);
	list[0] = long_one(name[0], 'a');
	list[1] = long_one(name[1], 'b');
	list[2] = brief;
	ok(maddr_valid(list[0]), "an address of 254 bytes");
	kadaddrs_set(&a, list, 3, &self, false);
	is_int(a.n, 2, "two of them and no more");
	is_int(a.bytes, KADADDRS_BYTES, "fill all there is");
	list[1] = brief;
	list[2] = long_one(name[2], 'c');
	kadaddrs_set(&a, list, 3, &self, false);
	is_int(a.n, 2, "one that does not fit any more");
	is_int(a.bytes, 2 + 254 + 2 + 8, "is left out: the first ones win");
	kadaddrs_free(&a);
}

static void
test_copy(void)
{
	struct kadaddrs a = { 0 }, b = { 0 };
	struct slice list[KADADDRS_N];
	size_t n;

	SET(&a, false, "/ip4/1.2.3.4/tcp/1", "/ip4/1.2.3.4/tcp/2");
	SET(&b, false, "/ip4/5.6.7.8/tcp/1");
	kadaddrs_copy(&b, &a);
	ok(b.p != a.p, "a copy owns its bytes");
	kadaddrs_copy(&a, &a);
	is_text(all(&a), "/ip4/1.2.3.4/tcp/1 /ip4/1.2.3.4/tcp/2",
	    "may be of itself");
	n = kadaddrs_list(&a, list);
	kadaddrs_set(&a, list + 1, n - 1, &self, false);
	is_text(all(&a), "/ip4/1.2.3.4/tcp/2", "a list may be of its own");
	kadaddrs_free(&a);
	is_text(all(&b), "/ip4/1.2.3.4/tcp/1 /ip4/1.2.3.4/tcp/2",
	    "a copy stays");
	kadaddrs_copy(&b, &a);
	ok(b.n == 0 && b.bytes == 0 && b.p == NULL, "a copy of nothing");
	kadaddrs_free(&b);
	kadaddrs_free(&b);
}

static void
test_groups(void)
{
	struct kadaddrs a = { 0 }, b = { 0 };
	uint64_t g[KADADDRS_GROUPS], one[KADADDRS_GROUPS];

	is_int(kadaddrs_groups(&a, g), 0, "no address, no group");
	SET(&a, true, "/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1",
	    "/ip6/::1/tcp/1", "/ip6/fd00::1/tcp/1", "/tcp/1/ip4/1.2.3.4");
	is_int(kadaddrs_groups(&a, g), 0, "private ones have none");
	SET(&a, false, "/dns4/a.example.com/tcp/1", "/dnsaddr/b.c.Example.COM",
	    "/dns/example.com/tcp/1/ip4/1.2.3.4", "/dns6/com/tcp/1",
	    "/dns4/a.example.org/tcp/1");
	is_int(kadaddrs_groups(&a, g), 3, "the two last labels of a name");
	a.from = 77;
	is_int(kadaddrs_groups(&a, g), 4, "where it is from is one more");
	ok(g[0] == 77, "and the first");
	SET(&a, false, "/ip4/1.2.3.4/tcp/1");
	kadaddrs_copy(&b, &a);
	is_int(kadaddrs_groups(&b, g), 2, "it stays with new addresses");
	ok(kadaddrs_group(slice_of("\4\1\2\3\4", 5)) == g[1],
	    "the group of one address");
	kadaddrs_free(&b);
	is_int(kadaddrs_groups(&b, g), 0, "until they are freed");
	a.from = 0;
	SET(&a, false, "/ip4/1.2.3.4/tcp/1", "/ip4/1.2.250.1/tcp/1",
	    "/ip6/2a00:1:2::1/tcp/1", "/ip6/2a00:1:ffff::1/udp/1");
	is_int(kadaddrs_groups(&a, g), 2, "a /16 and a /32, each once");
	SET(&a, false, "/ip4/1.2.0.1/tcp/1");
	is_int(kadaddrs_groups(&a, one), 1, "one /16");
	ok(one[0] == g[0], "is the same number");
	SET(&a, false, "/ip4/1.3.3.4/tcp/1");
	kadaddrs_groups(&a, one);
	ok(one[0] != g[0], "the next one is not");
	SET(&a, false, "/ip6/2a00:1:8000::/tcp/1");
	is_int(kadaddrs_groups(&a, one), 1, "one /32");
	ok(one[0] == g[1], "is the same number");
	SET(&a, false, "/ip6/2a00:2:2::1/tcp/1");
	kadaddrs_groups(&a, one);
	ok(one[0] != g[1], "the next one is not");
	/* 42.0 and 2a00:0 begin with the same bytes */
	SET(&a, false, "/ip4/42.0.0.1/tcp/1", "/ip6/2a00::1/tcp/1");
	is_int(kadaddrs_groups(&a, g), 2, "the two kinds do not collide");
	SET(&a, false, "/ip4/1.1.0.1/tcp/1", "/ip4/1.2.0.1/tcp/1",
	    "/ip4/1.3.0.1/tcp/1", "/ip4/1.4.0.1/tcp/1", "/ip4/1.5.0.1/tcp/1");
	is_int(kadaddrs_groups(&a, g), 5, "as many as there are");
	kadaddrs_free(&a);
}

/* A database may hold anything. */
static void
test_packed(void)
{
	struct kadaddrs a = { 0 }, b = { 0 };
	uint8_t bytes[KADADDRS_BYTES + 32];
	struct slice packed;
	bool refused = true;

	SET(&a, false, "/ip4/1.2.3.4/tcp/1", "/ip6/2a00::1/tcp/2");
	packed = kadaddrs_packed(&a);
	is_bytes(packed.p, packed.n,
	    "\0\10\4\1\2\3\4\6\0\1"
	    "\0\24\51\52\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\6\0\2", 32,
	    "two bytes of length and the address, for each");
	is_int(kadaddrs_of_packed(&b, packed), 0, "and back");
	is_text(all(&b), "/ip4/1.2.3.4/tcp/1 /ip6/2a00::1/tcp/2", "the same");
	memcpy(bytes, packed.p, packed.n);
	for (size_t n = 1; n < 32; n++)
		if (n != 10 && kadaddrs_of_packed(&b, slice_of(bytes, n)) == 0)
			refused = false;
	ok(refused, "nothing that ends within an address");
	for (size_t i = 0; i < 9; i++) {
		memcpy(bytes + 10 * i, "\0\10\4\1\2\3\4\6\0", 9);
		bytes[10 * i + 9] = (uint8_t)i;
	}
	is_int(kadaddrs_of_packed(&b, slice_of(bytes, 80)), 0, "eight");
	is_int(kadaddrs_of_packed(&b, slice_of(bytes, 90)), -1, "not nine");
	bytes[19] = 0;
	is_int(kadaddrs_of_packed(&b, slice_of(bytes, 20)), -1,
	    "none twice");
	bytes[19] = 1;
	bytes[12] = 99;
	is_int(kadaddrs_of_packed(&b, slice_of(bytes, 20)), -1,
	    "no malformed one");
	is_int(kadaddrs_of_packed(&b, slice_of("\0\0", 2)), -1, "no empty one");
	is_int(kadaddrs_of_packed(&b, (struct slice){ .bad = true }), -1,
	    "nothing bad");
	is_int(kadaddrs_of_packed(&b, slice_of(NULL, 0)), 0, "none is fine");
	is_int(b.n, 0, "and none");
	kadaddrs_free(&a);
	kadaddrs_free(&b);
}

int
main(void)
{
	peerid_of_text(slice_text(SELF), &self);
	test_kept();
	test_peer();
	test_range();
	test_ceilings();
	test_copy();
	test_groups();
	test_packed();
	return tap_done();
}
