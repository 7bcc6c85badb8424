/* SPDX-License-Identifier: ISC
 *
 * The half of a dial that makes of multiaddrs what can be connected to. */
#include "base/mem.h"
#include "net/dial_own.h"

#include <stdio.h>

static enum rank
rank(const struct dial *d, const struct sockaddr *sa)
{
	enum maddr_scope scope = maddr_scope(sa);

	if (scope == SCOPE_LOOPBACK)
		return RANK_LOOPBACK;
	if (gate_near(d->gate, sa))
		return RANK_NEAR;
	return scope == SCOPE_GLOBAL ? RANK_GLOBAL : RANK_ELSEWHERE;
}

/* ip/tcp and nothing else.  false: we cannot dial such an address. */
static bool
add_spot(struct dial *d, struct slice bare)
{
	struct sockaddr_storage ss;
	struct slice rest;
	struct spot *s;
	socklen_t n;
	uint32_t code;

	if (maddr_to_sockaddr(bare, &ss, &n, &code, &rest) < 0 ||
	    code != MADDR_TCP || rest.n > 0)
		return false;
	for (size_t i = 0; i < d->nspots; i++)
		if (slice_eq(maddr_bytes(&d->spots[i]->addr), bare))
			return true;
	if (d->nspots == DIAL_ADDRS) {
		d->left_out++;
		return true;
	}
	s = d->spots[d->nspots++] = mem_new(sizeof *s);
	s->dial = d;
	maddr_of_bytes(bare, &s->addr);
	s->ss = ss;
	s->n = n;
	s->rank = rank(d, (struct sockaddr *)&ss);
	s->fd = -1;
	return true;
}

bool
lookup_asks(const struct lookup *l)
{
	return l->queries[0].resolve || l->queries[1].resolve;
}

void
lookup_end(struct lookup *l)
{
	for (int i = 0; i < 2; i++) {
		resolve_end(l->queries[i].resolve);
		l->queries[i].resolve = NULL;
	}
}

/* One query is over. */
static void
answered(struct lookup *l, enum reason otherwise)
{
	struct dial *d = l->dial;

	if (!l->found && !lookup_asks(l))
		dial_blame(d, maddr_bytes(&l->addr), otherwise);
	dial_step(d);
}

static void
on_ips(void *arg, const struct slice *ips, size_t n)
{
	struct query *q = arg;
	struct lookup *l = q->lookup;
	struct maddr_part tcp = { 0 };
	struct slice rest = l->rest;

	q->resolve = NULL;
	maddr_next(&rest, &tcp);
	for (size_t i = 0; i < n; i++) {
		struct maddr at = { 0 };
		uint32_t code = ips[i].n == 4 ? MADDR_IP4 : MADDR_IP6;

		if (maddr_add(&at, code, ips[i]) == 0 &&
		    maddr_add(&at, tcp.code, tcp.value) == 0 &&
		    add_spot(l->dial, maddr_bytes(&at)))
			l->found = true;
	}
	answered(l, REASON_DNS);
}

static bool
ends_in(struct slice addr, struct slice end)
{
	struct maddr_part part;

	do {
		if (slice_eq(addr, end))
			return true;
	} while (maddr_next(&addr, &part) == 1);
	return false;
}

/* Texts that are not dnsaddr=MULTIADDR are for others; records that do not end
 * as the address does are of other peers (multiformats/multiaddr, dnsaddr). */
static void
on_texts(void *arg, const struct slice *texts, size_t n)
{
	static const char key[] = "dnsaddr=";
	struct query *q = arg;
	struct lookup *l = q->lookup;
	struct dial *d = l->dial;

	q->resolve = NULL;
	for (size_t i = 0; i < n && d->records < DIAL_DNSADDR; i++) {
		struct slice text = texts[i];
		struct maddr addr;

		d->records++;
		if (slice_is(get_bytes(&text, sizeof key - 1), key) &&
		    maddr_of_text(text, &addr) == 0 &&
		    ends_in(maddr_bytes(&addr), l->rest) &&
		    dial_take(d, maddr_bytes(&addr), l->depth + 1))
			l->found = true;
	}
	answered(l, n > 0 ? REASON_NO_ADDRESS : REASON_DNS);
}

static void
ask(struct lookup *l, struct query *q, enum resolve_kind kind,
    struct slice name)
{
	q->lookup = l;
	q->resolve = resolve_start(l->dial->loop, kind, name,
	    kind == RESOLVE_TXT ? on_texts : on_ips, q);
}

static void
ask_all(struct lookup *l, const struct maddr_part *part)
{
	char name[MADDR_MAX];
	int n;

	switch (part->code) {
	case MADDR_DNSADDR:
		n = snprintf(name, sizeof name, "_dnsaddr.%.*s",
		    (int)part->value.n, (const char *)part->value.p);
		ask(l, &l->queries[0], RESOLVE_TXT, slice_of(name, (size_t)n));
		break;
	case MADDR_DNS4:
		ask(l, &l->queries[0], RESOLVE_IP4, part->value);
		break;
	case MADDR_DNS6:
		ask(l, &l->queries[0], RESOLVE_IP6, part->value);
		break;
	default:
		ask(l, &l->queries[0], RESOLVE_IP6, part->value);
		ask(l, &l->queries[1], RESOLVE_IP4, part->value);
	}
}

/* false: it leads nowhere, because it is too deep or was asked for already on
 * the way here. */
static bool
add_lookup(struct dial *d, struct slice addr, unsigned depth)
{
	struct maddr_part name;
	struct lookup *l;

	for (size_t i = 0; i < d->nlookups; i++)
		if (slice_eq(maddr_bytes(&d->lookups[i]->addr), addr))
			return depth == 0;
	if (d->nlookups == DIAL_LOOKUPS) {
		d->left_out++;
		return true;
	}
	l = d->lookups[d->nlookups++] = mem_new(sizeof *l);
	l->dial = d;
	l->depth = depth;
	maddr_of_bytes(addr, &l->addr);
	l->rest = maddr_bytes(&l->addr);
	maddr_next(&l->rest, &name);
	ask_all(l, &name);
	return true;
}

static bool
is_tcp(struct slice rest)
{
	struct maddr_part part;

	return maddr_next(&rest, &part) == 1 && part.code == MADDR_TCP &&
	       rest.n == 0;
}

bool
dial_take(struct dial *d, struct slice addr, unsigned depth)
{
	struct slice bare, rest;
	struct maddr_part first;
	struct peerid id;
	bool good;

	if (!maddr_valid(addr))
		return false;
	if (maddr_peer(addr, &id, &bare) && d->want.n > 0 &&
	    !peerid_eq(&id, &d->want))
		return false;
	rest = bare;
	maddr_next(&rest, &first);
	switch (first.code) {
	case MADDR_DNSADDR:
		good = depth < DIAL_DEPTH && add_lookup(d, addr, depth);
		break;
	case MADDR_DNS:
	case MADDR_DNS4:
	case MADDR_DNS6:
		good = is_tcp(rest) && add_lookup(d, bare, depth);
		break;
	default:
		good = add_spot(d, bare);
	}
	if (good && d->want.n == 0)
		d->want = id;
	return good;
}
