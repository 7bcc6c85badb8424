/* SPDX-License-Identifier: ISC */
#include "proto/kadaddrs.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* The next packed address; false at the end. */
static bool
unpack(struct slice *at, struct slice *addr)
{
	if (at->n == 0)
		return false;
	*addr = get_bytes(at, get_u16(at));
	return !at->bad;
}

static bool
has(const struct kadaddrs *a, struct slice addr)
{
	struct slice list[KADADDRS_N];
	size_t n = kadaddrs_list(a, list);

	for (size_t i = 0; i < n; i++)
		if (slice_eq(list[i], addr))
			return true;
	return false;
}

static void
add(struct kadaddrs *a, struct slice addr)
{
	uint8_t *p;

	if (a->n == KADADDRS_N || addr.n == 0 ||
	    a->bytes + 2 + addr.n > KADADDRS_BYTES || has(a, addr))
		return;
	a->p = mem_resize(a->p, a->bytes + 2 + addr.n);
	p = a->p + a->bytes;
	p[0] = (uint8_t)(addr.n >> 8);
	p[1] = (uint8_t)addr.n;
	memcpy(p + 2, addr.p, addr.n);
	a->bytes += (uint16_t)(2 + addr.n);
	a->n++;
}

/* Take off what says whose address it is, however often.  false: malformed,
 * another's, or nothing is left. */
static bool
strip(struct slice *addr, const struct peerid *peer)
{
	struct peerid end;

	if (!maddr_valid(*addr))
		return false;
	while (maddr_peer(*addr, &end, addr))
		if (!peerid_eq(&end, peer))
			return false;
	return addr->n > 0;
}

size_t
kadaddrs_set(struct kadaddrs *a, const struct slice *list, size_t n,
    const struct peerid *peer, bool private_too)
{
	struct kadaddrs fresh = { .from = a->from };
	size_t left_out = 0;

	for (size_t i = 0; i < n; i++) {
		struct slice bare = list[i];

		if (!strip(&bare, peer))
			continue;
		if (!private_too && !maddr_global(bare))
			left_out++;
		else
			add(&fresh, bare);
	}
	kadaddrs_free(a); /* after reading: list may borrow from it */
	*a = fresh;
	return left_out;
}

void
kadaddrs_copy(struct kadaddrs *to, const struct kadaddrs *from)
{
	struct kadaddrs copy = {
		.n = from->n, .bytes = from->bytes, .from = from->from
	};

	if (from->bytes > 0) {
		copy.p = mem_new(from->bytes);
		memcpy(copy.p, from->p, from->bytes);
	}
	kadaddrs_free(to);
	*to = copy;
}

void
kadaddrs_free(struct kadaddrs *a)
{
	free(a->p);
	*a = (struct kadaddrs){ 0 };
}

size_t
kadaddrs_list(const struct kadaddrs *a, struct slice list[KADADDRS_N])
{
	struct slice at = kadaddrs_packed(a);
	size_t n = 0;

	while (n < KADADDRS_N && unpack(&at, &list[n]))
		n++;
	return n;
}

/* Whoever has a name has all below it.  FNV-1a: two names that collide share
 * their limit. */
static uint64_t
group_of_name(struct slice name)
{
	uint32_t hash = 2166136261u;
	size_t at = name.n, dots = 0;

	while (at > 0 && (dots += name.p[at - 1] == '.') < 2)
		at--;
	for (; at < name.n; at++)
		hash = (hash ^ (name.p[at] | 0x20u)) * 16777619u;
	return UINT64_C(53) << 32 | hash;
}

uint64_t
kadaddrs_group(struct slice addr)
{
	struct maddr_part part;

	if (!maddr_global(addr))
		return 0;
	while (maddr_next(&addr, &part) == 1) {
		const uint8_t *p = part.value.p;

		if (part.code == MADDR_IP4)
			return UINT64_C(4) << 32 | (uint64_t)p[0] << 8 | p[1];
		if (part.code == MADDR_IP6)
			return UINT64_C(6) << 32 | (uint64_t)p[0] << 24 |
			       (uint64_t)p[1] << 16 | (uint64_t)p[2] << 8 |
			       p[3];
		if (part.code >= MADDR_DNS && part.code <= MADDR_DNSADDR)
			return group_of_name(part.value);
		if (part.code != MADDR_IP6ZONE)
			return 0;
	}
	return 0;
}

size_t
kadaddrs_groups(const struct kadaddrs *a, uint64_t group[KADADDRS_GROUPS])
{
	struct slice list[KADADDRS_N];
	size_t n = kadaddrs_list(a, list), found = 0;

	if (a->from != 0)
		group[found++] = a->from;
	for (size_t i = 0; i < n && found < KADADDRS_GROUPS; i++) {
		uint64_t g = kadaddrs_group(list[i]);
		bool twice = g == 0;

		for (size_t j = 0; j < found && !twice; j++)
			twice = group[j] == g;
		if (!twice)
			group[found++] = g;
	}
	return found;
}

struct slice
kadaddrs_packed(const struct kadaddrs *a)
{
	return slice_of(a->p, a->bytes);
}

int
kadaddrs_of_packed(struct kadaddrs *a, struct slice packed)
{
	struct kadaddrs fresh = { 0 };
	struct slice at = packed, addr;

	while (unpack(&at, &addr))
		if (maddr_valid(addr))
			add(&fresh, addr);
	if (at.bad || fresh.bytes != packed.n) {
		kadaddrs_free(&fresh);
		return -1;
	}
	kadaddrs_free(a);
	*a = fresh;
	return 0;
}
