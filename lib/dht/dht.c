/* SPDX-License-Identifier: ISC
 *
 * The machine as a whole: birth and death, time, events, mode, figures. */
#include "base/mem.h"
#include "dht/dht_own.h"

#include <stdlib.h>
#include <string.h>

enum {
	MESSAGES = 80 << 10, /* bytes of a question */
	COMMIT = 1000,       /* ms that records gather */
	COMMIT_SOON = 20,    /* when somebody waits */
	WAITING = 128,       /* so many do not wait any longer */
	EXPIRE = 1000,       /* from one piece of expiring to the next */
	EXPIRED = 30000,     /* when it found nothing */
	LEAP = 1000,         /* of the wall clock */
};

#define WORD_OF(list_n, words, i) ((size_t)(i) < (list_n) ? (words)[i] : "?")

static const char *const end_words[] = {
#define R(name, word, sentence) word,
	DHT_ENDS(R)
#undef R
};
static const char *const end_sentences[] = {
#define R(name, word, sentence) sentence,
	DHT_ENDS(R)
#undef R
};
static const char *const refusal_words[] = {
#define R(name, word, sentence) word,
	DHT_REFUSALS(R)
#undef R
};

const char *
dht_end_word(unsigned i)
{
	return WORD_OF(DHT_END_N, end_words, i);
}

const char *
dht_end_sentence(unsigned i)
{
	return WORD_OF(DHT_END_N, end_sentences, i);
}

const char *
dht_refusal_word(enum dht_refusal i)
{
	return WORD_OF(DHT_REFUSE_N, refusal_words, i);
}

/* Steele, Lea and Flood's SplitMix64: nothing secret hangs on it. */
uint64_t
dht_chance(struct dht *d)
{
	uint64_t x = d->chance += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

struct dht *
dht_new(const struct dht_conf *conf, const struct peerid *self,
    struct dhtdb *db, msec now, msec wall)
{
	const struct kadtab_conf tab = {
		.k = conf->k,
		.group_bucket = conf->private_too ? 0 : 2,
		.group_table = conf->private_too ? 0 : 3,
		.check = conf->refresh,
		.refresh = conf->refresh,
		.failures = 2,
	};
	struct dht *d = mem_new(sizeof *d);
	uint64_t was = 0;

	d->conf = *conf;
	if (d->conf.k > DHT_K)
		d->conf.k = DHT_K;
	d->self = *self;
	d->place = kadkey_of(peerid_bytes(self));
	d->db = db;
	d->tab = kadtab_new(&tab, self, now);
	d->now = now;
	d->wall_ahead = wall - now;
	d->chance = conf->seed;
	d->news_end = &d->news;
	buf_init(&d->message, MESSAGES, NULL);
	d->since = now;
	d->commit_at = MSEC_NEVER;
	d->next_boot = d->next_self = MSEC_NEVER;
	d->next_sweep = d->next_expire = now;
	/* who was reachable is so until it is known not to be */
	if (conf->mode == DHT_AUTO)
		dhtdb_fact_get(db, "server", &was);
	d->server = conf->mode == DHT_SERVER || was;
	return d;
}

static void
news_free(struct news *n)
{
	if (n == NULL)
		return;
	kadaddrs_free(&n->addrs);
	buf_free(&n->value);
	free(n);
}

void
dht_free(struct dht *d)
{
	struct news *n;

	if (d == NULL)
		return;
	while (d->ops)
		op_free(d, d->ops);
	rpc_free_all(d);
	while ((n = d->news) != NULL) {
		d->news = n->next;
		news_free(n);
	}
	news_free(d->told);
	peers_free(d);
	kadtab_free(d->tab);
	kadaddrs_free(&d->addrs);
	map_free(&d->by_id);
	map_free(&d->rpcs);
	buf_free(&d->message);
	free(d);
}

struct news *
dht_news(struct dht *d, enum dht_what what)
{
	struct news *n = mem_new(sizeof *n);

	n->what = what;
	n->value.max = KAD_VALUE;
	*d->news_end = n;
	d->news_end = &n->next;
	return n;
}

/* Mode. */

static void
set_server(struct dht *d, bool server)
{
	if (d->server == server)
		return;
	d->server = server;
	dht_news(d, DHT_EV_MODE);
	dhtdb_fact_set(d->db, "server", server);
	dht_wrote(d, false);
}

/* When the mode is to change, if things stay as they are. */
static msec
mode_due(const struct dht *d)
{
	if (d->conf.mode != DHT_AUTO || d->server == d->reachable)
		return MSEC_NEVER;
	return d->since +
	       (d->reachable ? d->conf.server_after : d->conf.client_after);
}

void
dht_self(struct dht *d, const struct slice *addrs, size_t n, bool reachable,
    msec now)
{
	d->now = now;
	kadaddrs_set(&d->addrs, addrs, n, &d->self, d->conf.private_too);
	if (reachable != d->reachable)
		d->since = now;
	d->reachable = reachable;
}

bool
dht_is_server(const struct dht *d)
{
	return d->server;
}

void
dht_clock(struct dht *d, msec now, msec wall)
{
	msec moved = wall - now - d->wall_ahead;

	d->now = now;
	d->wall_ahead += moved;
	/* it was set, and does not only drift */
	if (moved > LEAP || moved < -LEAP)
		d->next_sweep = d->next_expire = now;
}

/* The database. */

void
dht_wrote(struct dht *d, bool somebody_waits)
{
	msec at = d->now + COMMIT;

	if (somebody_waits)
		at = ++d->waiting >= WAITING ? d->now : d->now + COMMIT_SOON;
	d->commit_at = msec_min(d->commit_at, at);
}

static void
commit_tick(struct dht *d)
{
	enum dhtdb_said said;

	if (d->now < d->commit_at)
		return;
	d->commit_at = MSEC_NEVER;
	d->waiting = 0;
	said = dhtdb_commit(d->db);
	op_committed(d, said);
}

static void
expire_tick(struct dht *d)
{
	if (d->now < d->next_expire)
		return;
	d->next_expire = d->now + EXPIRED;
	if (dhtdb_expire(d->db, dht_wall(d)) == 0)
		return;
	d->next_expire = d->now + EXPIRE;
	dht_wrote(d, false);
}

/* Time. */

void
dht_tick(struct dht *d, msec now)
{
	d->now = now;
	if (now >= mode_due(d))
		set_server(d, d->reachable);
	op_tick(d);
	peers_tick(d);
	dht_sweep_tick(d);
	expire_tick(d);
	commit_tick(d);
}

msec
dht_due(const struct dht *d)
{
	msec due = msec_min(d->commit_at, d->next_expire);

	due = msec_min(due, mode_due(d));
	due = msec_min(due, op_due(d));
	due = msec_min(due, peers_due(d));
	return msec_min(due, dht_sweep_due(d));
}

/* Events. */

static void
lend(struct dht *d, struct dht_ev *ev)
{
	struct news *n = d->news;

	d->news = n->next;
	if (d->news == NULL)
		d->news_end = &d->news;
	d->told = n;
	ev->what = n->what;
	ev->op = n->op;
	ev->peer = n->peer.n > 0 ? &n->peer : NULL;
	ev->addrs = &n->addrs;
	ev->value = buf_slice(&n->value);
	ev->end = n->end;
	ev->count = n->count;
	ev->asked = n->asked;
	ev->hops = n->hops;
	ev->took = n->took;
}

/* A question of some operation; they take turns. */
static int
next_of_ops(struct dht *d, struct dht_ev *ev)
{
	struct op *o = d->turn ? d->turn : d->ops, *first = o;
	bool gone;

	while (o) {
		struct op *after = o->next;

		d->turn = after;
		if (op_next(d, o, ev, &gone))
			return 1;
		/* the end of one may be the news of another */
		if (gone)
			return d->news ? 0 : next_of_ops(d, ev);
		o = after ? after : d->ops;
		if (o == first)
			break;
	}
	return 0;
}

int
dht_next(struct dht *d, msec now, struct dht_ev *ev)
{
	const struct op *newest;

	d->now = now;
	news_free(d->told);
	d->told = NULL;
	*ev = (struct dht_ev){ 0 };
	if (d->news == NULL && d->rpcs.n < d->conf.rpcs) {
		if (next_of_ops(d, ev))
			return 1;
		newest = d->ops;
		if (d->news == NULL && peers_next(d, ev))
			return 1;
		/* the upkeep may have begun lookups */
		if (d->ops != newest && next_of_ops(d, ev))
			return 1;
	}
	if (d->news == NULL)
		return 0;
	lend(d, ev);
	return 1;
}

const struct kadtab *
dht_table(const struct dht *d)
{
	return d->tab;
}

static uint64_t
lag(const struct dht *d)
{
	struct dhtdb_own own;
	time_t wall = dht_wall(d);

	if (dhtdb_own_first(d->db, &own) != DHTDB_OK || own.due >= wall)
		return 0;
	return (uint64_t)(wall - own.due);
}

void
dht_stats(struct dht *d, msec now, uint64_t stats[DHT_STAT_N],
    uint64_t refused[DHT_REFUSE_N], uint64_t said[KADTAB_SAID_N])
{
	struct dhtdb_counts db = dhtdb_counts(d->db);

	d->now = now;
	memcpy(stats, d->counts, sizeof d->counts);
	memcpy(refused, d->refused, sizeof d->refused);
	memcpy(said, d->said, sizeof d->said);
	stats[DHT_STAT_SERVER] = d->server;
	stats[DHT_STAT_TABLE] = kadtab_size(d->tab);
	stats[DHT_STAT_WAITING] = kadtab_waiting(d->tab);
	stats[DHT_STAT_OPS] = d->nops;
	stats[DHT_STAT_RPCS] = d->rpcs.n;
	stats[DHT_STAT_OWN] = db.own;
	stats[DHT_STAT_LAG] = lag(d);
	stats[DHT_STAT_PROVIDERS] = db.providers;
	stats[DHT_STAT_VALUES] = db.values;
	stats[DHT_STAT_VALUE_BYTES] = db.value_bytes;
	stats[DHT_STAT_DISK] = db.disk_bytes;
	stats[DHT_STAT_DISK_BAD] = db.disk_bad;
}
