/* SPDX-License-Identifier: ISC */
#include "net/gate.h"
#include "base/mem.h"
#include "net/roster.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

enum {
	MINUTE = 60000,
	NEAR = 256, /* interface ranges kept */
	SUBNET_FOUR = 3,
	SUBNET_SIX = 7, /* bytes: a /24, a /56 */
};

enum { AUTO, YES, NO }; /* gate_conf.dial_private */

struct lists {
	struct roster allow, deny, protect;
};

struct gate {
	struct gate_conf conf;
	struct lists lists;
	/* How many sockets came from an address or a subnet.  Their keys are
	 * 4, 16, 3 and 7 bytes long and so never the same. */
	struct map here;
	struct near {
		struct ip ip;
		unsigned bits;
	} near[NEAR];
	size_t nnear;
	int64_t tokens; /* of the dial rate, each counted MINUTE */
	msec filled;    /* when tokens was right; -1: not yet */
};

static void
free_lists(struct lists *l)
{
	roster_free(&l->allow);
	roster_free(&l->deny);
	roster_free(&l->protect);
}

static int
read_lists(const struct gate_conf *c, struct lists *l, struct buf *faults)
{
	int bad = 0;

	if (*c->allow_path)
		bad |=
		    roster_read(&l->allow, "allow list", c->allow_path, faults);
	if (*c->deny_path)
		bad |= roster_read(&l->deny, "deny list", c->deny_path, faults);
	if (*c->protect_path)
		bad |= roster_read(
		    &l->protect, "protect list", c->protect_path, faults);
	if (l->protect.nets.n > 0) {
		put_text(faults, "protect list ");
		put_text(faults, c->protect_path);
		put_text(faults, ": only peer ids can be protected, not "
				 "addresses\n");
		bad = -1;
	}
	return bad;
}

struct gate *
gate_new(const struct gate_conf *conf, struct buf *faults)
{
	struct gate *g = mem_new(sizeof *g);

	g->conf = *conf;
	g->filled = -1;
	if (read_lists(conf, &g->lists, faults) == 0)
		return g;
	gate_free(g);
	return NULL;
}

void
gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	free_lists(&g->lists);
	map_free(&g->here);
	free(g);
}

int
gate_reload(struct gate *g, struct buf *faults)
{
	struct lists fresh = { 0 };

	if (read_lists(&g->conf, &fresh, faults) < 0) {
		free_lists(&fresh);
		return -1;
	}
	free_lists(&g->lists);
	g->lists = fresh;
	return 0;
}

static unsigned
count_bits(const struct ip *mask)
{
	unsigned bits = 0;

	while (bits < 8U * mask->n && mask->b[bits / 8] & 0x80 >> bits % 8)
		bits++;
	return bits;
}

void
gate_interfaces(struct gate *g)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return;
	g->nnear = 0;
	for (struct ifaddrs *i = all; i && g->nnear < NEAR; i = i->ifa_next) {
		struct ip ip, mask;
		unsigned bits;

		if (!(i->ifa_flags & IFF_UP) || i->ifa_addr == NULL ||
		    i->ifa_netmask == NULL)
			continue;
		ip = roster_ip(i->ifa_addr);
		mask = roster_ip(i->ifa_netmask);
		bits = count_bits(&mask);
		/* some tunnels have no mask, and not the world for that */
		if (ip.n == mask.n && bits > 0)
			g->near[g->nnear++] = (struct near){ ip, bits };
	}
	freeifaddrs(all);
}

bool
gate_near(const struct gate *g, const struct sockaddr *sa)
{
	struct ip ip = roster_ip(sa);

	for (size_t i = 0; i < g->nnear; i++)
		if (roster_same(&ip, &g->near[i].ip, g->near[i].bits))
			return true;
	return false;
}

static unsigned
count(const struct gate *g, const struct ip *ip, size_t n)
{
	return (unsigned)(uintptr_t)map_get(&g->here, slice_of(ip->b, n));
}

static void
set_count(struct gate *g, const struct ip *ip, size_t n, unsigned to)
{
	if (to > 0)
		map_put(&g->here, slice_of(ip->b, n), (void *)(uintptr_t)to);
	else
		map_cut(&g->here, slice_of(ip->b, n));
}

static size_t
subnet(const struct ip *ip)
{
	return ip->n == 4 ? SUBNET_FOUR : SUBNET_SIX;
}

/* Is it counted by address and subnet? */
static bool
is_counted(const struct sockaddr *sa)
{
	return roster_ip(sa).n > 0 && maddr_scope(sa) != SCOPE_LOOPBACK;
}

/* Refused already before we know the peer's id: an allow list with ids on it
 * has to wait for that. */
static bool
is_denied(const struct lists *l, const struct gate_conf *c, const struct ip *ip)
{
	return roster_has_ip(&l->deny, ip) ||
	       (*c->allow_path && l->allow.peers.n == 0 &&
		   !roster_has_ip(&l->allow, ip));
}

enum reason
gate_arrive(struct gate *g, const struct sockaddr *sa, unsigned established,
    unsigned shaking)
{
	const struct gate_conf *c = &g->conf;
	struct ip ip = roster_ip(sa);

	if (is_denied(&g->lists, c, &ip))
		return REASON_DENIED;
	if (established >= c->peers)
		return REASON_PEERS;
	if (shaking >= c->handshakes)
		return REASON_HANDSHAKES;
	if (!is_counted(sa))
		return REASON_NONE;
	if (count(g, &ip, ip.n) >= c->per_ip)
		return REASON_PER_IP;
	if (count(g, &ip, subnet(&ip)) >= c->per_subnet)
		return REASON_PER_SUBNET;
	set_count(g, &ip, ip.n, count(g, &ip, ip.n) + 1);
	set_count(g, &ip, subnet(&ip), count(g, &ip, subnet(&ip)) + 1);
	return REASON_NONE;
}

void
gate_left(struct gate *g, const struct sockaddr *sa)
{
	struct ip ip = roster_ip(sa);
	unsigned n;

	if (!is_counted(sa) || (n = count(g, &ip, ip.n)) == 0)
		return;
	set_count(g, &ip, ip.n, n - 1);
	set_count(g, &ip, subnet(&ip), count(g, &ip, subnet(&ip)) - 1);
}

bool
gate_protected(const struct gate *g, const struct peerid *id)
{
	return roster_has_peer(&g->lists.protect, id);
}

enum reason
gate_peer(const struct gate *g, const struct peerid *id,
    const struct sockaddr *sa, unsigned ordinary, unsigned established)
{
	const struct gate_conf *c = &g->conf;
	const struct lists *l = &g->lists;
	struct ip ip = roster_ip(sa);

	if (roster_has_peer(&l->deny, id) || roster_has_ip(&l->deny, &ip))
		return REASON_DENIED;
	if (*c->allow_path && !roster_has_peer(&l->allow, id) &&
	    !roster_has_ip(&l->allow, &ip))
		return REASON_DENIED;
	if (established >= c->peers)
		return REASON_PEERS;
	/* ordinary + reserved might pass what an unsigned holds */
	if (!gate_protected(g, id) &&
	    (c->reserved >= c->peers || ordinary >= c->peers - c->reserved))
		return REASON_PEERS;
	return REASON_NONE;
}

bool
gate_denied(const struct gate *g, const struct peerid *id)
{
	return roster_has_peer(&g->lists.deny, id);
}

/* No one host has this address: unspecified, "this network", multicast,
 * reserved (RFC 6890, RFC 4291 section 2.7). */
static bool
is_nowhere(const struct ip *ip)
{
	static const struct ip none = { .n = 16 };

	if (ip->n == 4)
		return ip->b[0] == 0 || ip->b[0] >= 224;
	return ip->n == 0 || ip->b[0] == 0xff || roster_same(ip, &none, 128);
}

static bool
take_token(struct gate *g, msec now)
{
	int64_t each = g->conf.dials_per_minute, most = each * MINUTE;

	if (each == 0)
		return true;
	/* never later than a full bucket, so that the product stays small */
	if (g->filled < 0 || now - g->filled >= MINUTE)
		g->tokens = most;
	else if (now > g->filled)
		g->tokens += (now - g->filled) * each;
	if (g->tokens > most)
		g->tokens = most;
	g->filled = now;
	if (g->tokens < MINUTE)
		return false;
	g->tokens -= MINUTE;
	return true;
}

enum reason
gate_dial(struct gate *g, const struct sockaddr *sa, msec now)
{
	struct ip ip = roster_ip(sa);
	unsigned private = g->conf.dial_private;

	if (is_nowhere(&ip))
		return REASON_BAD_ADDRESS;
	if (roster_has_ip(&g->lists.deny, &ip))
		return REASON_DENIED;
	if (maddr_scope(sa) != SCOPE_GLOBAL && private != YES &&
	    (private == NO || !gate_near(g, sa)))
		return REASON_DIAL_PRIVATE;
	return take_token(g, now) ? REASON_NONE : REASON_DIAL_RATE;
}
