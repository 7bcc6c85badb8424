/* SPDX-License-Identifier: ISC */
#include "proto/kadtab.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* With somebody waiting, checks come so much sooner, one at a time. */
enum { RUSH = 10 };

/* What the map knows: a peer of the table, or one that waits. */
struct row {
	struct kadtab_peer peer;
	unsigned bucket;
	bool waits;
};

struct bucket {
	struct row **rows;
	size_t n;
	struct row *wait[KADTAB_REPLACEMENTS]; /* who was heard last is last */
	size_t nwait;
	msec rushed; /* the last check that somebody waited for */
};

struct kadtab {
	struct kadtab_conf conf;
	struct peerid self;
	struct kadkey place;
	struct bucket *buckets[KADKEY_BITS];
	unsigned nbuckets;        /* no peers beyond */
	msec looked[KADKEY_BITS]; /* the last lookup there, peers or not */
	struct map rows;
	size_t n, nwait;
	msec due; /* nothing is due before; 0: it is not known */
};

struct kadtab *
kadtab_new(const struct kadtab_conf *conf, const struct peerid *self, msec now)
{
	struct kadtab *t = mem_new(sizeof *t);

	t->conf = *conf;
	if (t->conf.k == 0)
		t->conf.k = 1;
	/* what is due again at once would keep a caller busy for ever */
	if (t->conf.refresh < 1)
		t->conf.refresh = 1;
	if (t->conf.check < RUSH)
		t->conf.check = RUSH;
	for (unsigned i = 0; i < KADKEY_BITS; i++)
		t->looked[i] = now;
	t->self = *self;
	t->place = kadkey_of(peerid_bytes(self));
	return t;
}

static void
row_free(struct row *r)
{
	kadaddrs_free(&r->peer.addrs);
	free(r);
}

void
kadtab_free(struct kadtab *t)
{
	struct row *r;
	struct slice key;

	if (t == NULL)
		return;
	for (size_t at = 0; (r = map_next(&t->rows, &at, &key)) != NULL;)
		row_free(r);
	map_free(&t->rows);
	for (unsigned i = 0; i < KADKEY_BITS; i++) {
		if (t->buckets[i])
			free(t->buckets[i]->rows);
		free(t->buckets[i]);
	}
	free(t);
}

static struct bucket *
bucket_of(struct kadtab *t, unsigned i)
{
	struct bucket *b = t->buckets[i];

	if (b == NULL) {
		b = t->buckets[i] = mem_new(sizeof *b);
		b->rows = mem_new(t->conf.k * sizeof(struct row *));
	}
	if (i >= t->nbuckets)
		t->nbuckets = i + 1;
	return b;
}

/* Groups. */

static bool
in_group(const struct row *r, uint64_t group)
{
	for (size_t i = 0; i < r->peer.ngroups; i++)
		if (r->peer.group[i] == group)
			return true;
	return false;
}

static bool
has_limits(const struct kadtab *t)
{
	return t->conf.group_bucket > 0 || t->conf.group_table > 0;
}

/* Others of this group in one bucket. */
static size_t
group_in(const struct bucket *b, uint64_t group, const struct row *but)
{
	size_t n = 0;

	for (size_t i = 0; b && i < b->n; i++)
		n += b->rows[i] != but && in_group(b->rows[i], group);
	return n;
}

/* Could a peer with these groups be in the bucket? */
static enum kadtab_said
groups_allow(const struct kadtab *t, unsigned bucket, const struct row *but,
    const uint64_t *group, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t all = 0;

		if (t->conf.group_bucket > 0 &&
		    group_in(t->buckets[bucket], group[i], but) >=
			t->conf.group_bucket)
			return KADTAB_GROUP_BUCKET;
		for (unsigned j = 0; j < t->nbuckets; j++)
			all += group_in(t->buckets[j], group[i], but);
		if (t->conf.group_table > 0 && all >= t->conf.group_table)
			return KADTAB_GROUP_TABLE;
	}
	return KADTAB_KNOWN;
}

/* In and out. */

static struct row *
find(const struct kadtab *t, const struct peerid *id)
{
	return map_get(&t->rows, peerid_bytes(id));
}

static void
take_out(struct row **rows, size_t *n, const struct row *r)
{
	size_t i = 0;

	while (rows[i] != r)
		i++;
	memmove(rows + i, rows + i + 1, (*n - i - 1) * sizeof *rows);
	--*n;
}

static void
forget(struct kadtab *t, struct row *r)
{
	struct bucket *b = t->buckets[r->bucket];

	if (r->waits) {
		take_out(b->wait, &b->nwait, r);
		t->nwait--;
	} else {
		take_out(b->rows, &b->n, r);
		t->n--;
	}
	map_cut(&t->rows, peerid_bytes(&r->peer.id));
	row_free(r);
	while (t->nbuckets > 0 && (t->buckets[t->nbuckets - 1] == NULL ||
				      t->buckets[t->nbuckets - 1]->n == 0))
		t->nbuckets--;
}

static void
enter(struct kadtab *t, struct bucket *b, struct row *r, msec now)
{
	r->waits = false;
	r->peer.added = now;
	b->rows[b->n++] = r;
	t->n++;
	t->due = 0;
	if (r->bucket >= t->nbuckets)
		t->nbuckets = r->bucket + 1;
}

/* Somebody left: who waits and was heard last comes in, if its groups allow. */
static void
promote(struct kadtab *t, unsigned bucket, msec now)
{
	struct bucket *b = t->buckets[bucket];

	for (size_t i = b->nwait; i-- > 0 && b->n < t->conf.k;) {
		struct row *r = b->wait[i];

		if (groups_allow(t, bucket, NULL, r->peer.group,
			r->peer.ngroups) != KADTAB_KNOWN)
			continue;
		take_out(b->wait, &b->nwait, r);
		t->nwait--;
		enter(t, b, r, now);
	}
}

static void
wait_behind(struct kadtab *t, struct bucket *b, struct row *r)
{
	if (b->nwait == KADTAB_REPLACEMENTS)
		forget(t, b->wait[0]);
	r->waits = true;
	b->wait[b->nwait++] = r;
	t->nwait++;
	t->due = 0;
}

/* New addresses of a known peer, unless their groups break a limit; it keeps
 * what is not told now. */
static enum kadtab_said
move(struct kadtab *t, struct row *r, const struct kadaddrs *addrs)
{
	struct kadaddrs to = addrs->n > 0 ? *addrs : r->peer.addrs;
	uint64_t group[KADADDRS_GROUPS];
	enum kadtab_said said = KADTAB_KNOWN;
	size_t n;

	to.from = addrs->from != 0 ? addrs->from : r->peer.addrs.from;
	if (to.from == r->peer.addrs.from &&
	    slice_eq(kadaddrs_packed(&to), kadaddrs_packed(&r->peer.addrs)))
		return said;
	n = kadaddrs_groups(&to, group);
	if (!r->waits)
		said = groups_allow(t, r->bucket, r, group, n);
	if (said != KADTAB_KNOWN)
		return said;
	kadaddrs_copy(&r->peer.addrs, &to);
	memcpy(r->peer.group, group, sizeof group);
	r->peer.ngroups = n;
	return said;
}

/* Where its packets come from counts even if what it claims beside does not. */
static enum kadtab_said
move_from(struct kadtab *t, struct row *r, const struct kadaddrs *addrs)
{
	struct kadaddrs from = { .from = addrs->from };

	if (move(t, r, addrs) == KADTAB_KNOWN || from.from == 0)
		return KADTAB_KNOWN;
	return move(t, r, &from);
}

static enum kadtab_said
known(struct kadtab *t, struct row *r, const struct kadaddrs *addrs, msec now)
{
	struct bucket *b = t->buckets[r->bucket];
	enum kadtab_said said = move_from(t, r, addrs);

	if (said != KADTAB_KNOWN) {
		kadtab_drop(t, &r->peer.id, now);
		return said;
	}
	r->peer.heard = now;
	r->peer.fails = 0;
	if (!r->waits)
		return KADTAB_KNOWN;
	take_out(b->wait, &b->nwait, r);
	b->wait[b->nwait++] = r;
	/* there is room when its groups stood in the way before */
	promote(t, r->bucket, now);
	return r->waits ? KADTAB_WAITS : KADTAB_ADDED;
}

enum kadtab_said
kadtab_heard(struct kadtab *t, const struct peerid *id,
    const struct kadaddrs *addrs, msec now)
{
	struct row *r = find(t, id);
	struct bucket *b;
	struct kadkey key;
	uint64_t group[KADADDRS_GROUPS];
	size_t n = kadaddrs_groups(addrs, group);
	enum kadtab_said said;
	unsigned at;

	if (peerid_eq(id, &t->self))
		return KADTAB_SELF;
	if (r)
		return known(t, r, addrs, now);
	key = kadkey_of(peerid_bytes(id));
	at = kadkey_common(&t->place, &key);
	if (at >= KADKEY_BITS)
		return KADTAB_SELF;
	if (n == 0 && addrs->n == 0 && has_limits(t))
		return KADTAB_NO_ADDRS;
	said = groups_allow(t, at, NULL, group, n);
	if (said != KADTAB_KNOWN)
		return said;
	b = bucket_of(t, at);
	r = mem_new(sizeof *r);
	r->bucket = at;
	r->peer.id = *id;
	r->peer.key = key;
	r->peer.heard = now;
	kadaddrs_copy(&r->peer.addrs, addrs);
	memcpy(r->peer.group, group, sizeof group);
	r->peer.ngroups = n;
	map_put(&t->rows, peerid_bytes(id), r);
	if (b->n < t->conf.k)
		enter(t, b, r, now);
	else
		wait_behind(t, b, r);
	return r->waits ? KADTAB_WAITS : KADTAB_ADDED;
}

void
kadtab_drop(struct kadtab *t, const struct peerid *id, msec now)
{
	struct row *r = find(t, id);
	unsigned bucket;

	if (r == NULL)
		return;
	bucket = r->bucket;
	forget(t, r);
	promote(t, bucket, now);
}

bool
kadtab_failed(struct kadtab *t, const struct peerid *id, msec now)
{
	struct row *r = find(t, id);

	t->due = 0;
	if (r == NULL || ++r->peer.fails < t->conf.failures)
		return false;
	kadtab_drop(t, id, now);
	return true;
}

void
kadtab_looked(struct kadtab *t, const struct kadkey *key, msec now)
{
	unsigned i = kadkey_common(&t->place, key);

	if (i < KADKEY_BITS)
		t->looked[i] = now;
}

/* Looking. */

const struct kadtab_peer *
kadtab_get(const struct kadtab *t, const struct peerid *id)
{
	const struct row *r = find(t, id);

	return r && !r->waits ? &r->peer : NULL;
}

bool
kadtab_wants(const struct kadtab *t, const struct peerid *id)
{
	struct kadkey key = kadkey_of(peerid_bytes(id));
	unsigned i = kadkey_common(&t->place, &key);
	const struct bucket *b;

	if (i >= KADKEY_BITS || find(t, id))
		return false;
	b = t->buckets[i];
	return b == NULL || b->n < t->conf.k || b->nwait < KADTAB_REPLACEMENTS;
}

size_t
kadtab_size(const struct kadtab *t)
{
	return t->n;
}

size_t
kadtab_waiting(const struct kadtab *t)
{
	return t->nwait;
}

const struct kadtab_peer *
kadtab_next(const struct kadtab *t, size_t *at, unsigned *bucket)
{
	size_t i = *at / t->conf.k, j = *at % t->conf.k;

	for (; i < t->nbuckets; i++, j = 0) {
		const struct bucket *b = t->buckets[i];

		if (b == NULL || j >= b->n)
			continue;
		*at = i * t->conf.k + j + 1;
		*bucket = (unsigned)i;
		return &b->rows[j]->peer;
	}
	return NULL;
}

/* The nearest so far, sorted. */
struct nearest {
	const struct kadkey *target;
	const struct kadtab_peer **out;
	size_t n, most;
};

static void
gather(struct nearest *s, const struct bucket *b)
{
	for (size_t i = 0; b && i < b->n; i++) {
		const struct kadtab_peer *p = &b->rows[i]->peer;
		size_t j = s->n;

		if (s->n == s->most && kadkey_nearer(s->target, &p->key,
					   &s->out[s->n - 1]->key) >= 0)
			continue;
		if (s->n < s->most)
			s->n++;
		else
			j--;
		while (j > 0 && kadkey_nearer(s->target, &p->key,
				    &s->out[j - 1]->key) < 0) {
			s->out[j] = s->out[j - 1];
			j--;
		}
		s->out[j] = p;
	}
}

size_t
kadtab_nearest(const struct kadtab *t, const struct kadkey *target,
    const struct kadtab_peer **out, size_t n)
{
	struct nearest s = { target, out, 0, n };
	unsigned c = kadkey_common(&t->place, target);

	if (n == 0)
		return 0;
	/* the target's own bucket is nearest of all, deeper ones are all
	 * equally far from it, and shallower ones farther with each step */
	if (c < t->nbuckets)
		gather(&s, t->buckets[c]);
	if (s.n < n)
		for (unsigned i = c + 1; i < t->nbuckets; i++)
			gather(&s, t->buckets[i]);
	if (c > t->nbuckets)
		c = t->nbuckets;
	for (unsigned i = c; i-- > 0 && s.n < n;)
		gather(&s, t->buckets[i]);
	return s.n;
}

/* Upkeep. */

/* Whom to check soon: when others wait, the one heard longest ago. */
static const struct row *
eldest(const struct kadtab *t, const struct bucket *b)
{
	const struct row *r;

	if (b == NULL || b->n < t->conf.k || b->nwait == 0)
		return NULL;
	r = b->rows[0];
	for (size_t i = 1; i < b->n; i++)
		if (b->rows[i]->peer.heard < r->peer.heard)
			r = b->rows[i];
	return r;
}

static msec
check_at(const struct kadtab *t, const struct bucket *b, const struct row *r,
    bool soon)
{
	msec every = t->conf.check, rush = every / RUSH, at;
	msec last =
	    r->peer.heard > r->peer.asked ? r->peer.heard : r->peer.asked;

	if (r->peer.fails > 0)
		return last + rush;
	at = last > b->rushed ? last : b->rushed;
	return soon ? msec_min(at + rush, last + every) : last + every;
}

static msec
next_due(const struct kadtab *t)
{
	msec due = MSEC_NEVER;

	for (unsigned i = 0; i < t->nbuckets; i++) {
		const struct bucket *b = t->buckets[i];
		const struct row *old = eldest(t, b);

		due = msec_min(due, t->looked[i] + t->conf.refresh);
		for (size_t j = 0; b && j < b->n; j++)
			due = msec_min(
			    due, check_at(t, b, b->rows[j], b->rows[j] == old));
	}
	return due;
}

static bool
step(struct kadtab *t, unsigned i, msec now, struct kadtab_ev *ev)
{
	struct bucket *b = t->buckets[i];
	const struct row *old = eldest(t, b);

	for (size_t j = 0; b && j < b->n; j++) {
		struct row *r = b->rows[j];

		if (check_at(t, b, r, r == old) > now)
			continue;
		r->peer.asked = now;
		if (r == old)
			b->rushed = now;
		*ev = (struct kadtab_ev){ KADTAB_CHECK, &r->peer, i };
		return true;
	}
	if (t->looked[i] + t->conf.refresh > now)
		return false;
	t->looked[i] = now;
	*ev = (struct kadtab_ev){ KADTAB_REFRESH, NULL, i };
	return true;
}

int
kadtab_step(struct kadtab *t, msec now, struct kadtab_ev *ev)
{
	if (now < t->due)
		return 0;
	t->due = 0;
	for (unsigned i = 0; i < t->nbuckets; i++)
		if (step(t, i, now, ev))
			return 1;
	/* what is heard from here on only makes it later */
	t->due = next_due(t);
	return 0;
}

msec
kadtab_due(const struct kadtab *t)
{
	return t->due > 0 ? t->due : next_due(t);
}

void
kadtab_aim(const struct kadtab *t, unsigned cpl,
    void (*rnd)(void *arg, void *p, size_t n), void *arg, uint8_t bytes[34])
{
	struct kadkey key;

	bytes[0] = 0x12; /* sha2-256 */
	bytes[1] = 0x20;
	do {
		rnd(arg, bytes + 2, 32);
		key = kadkey_of(slice_of(bytes, 34));
	} while (kadkey_common(&t->place, &key) != cpl);
}
