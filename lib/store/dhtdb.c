/* SPDX-License-Identifier: ISC */
#include "store/dhtdb_in.h"

/* Rows that one call of dhtdb_expire looks at, and provider records that it
 * throws away: each may touch a page of its own. */
enum { PROVIDERS_SWEPT = 2000, PROVIDERS_GONE = 500, VALUES_SWEPT = 250 };

/* A row of peer; one without anything left is removed. */
struct peer {
	int64_t no; /* 0: there is none */
	int64_t providers, vals, seen;
};

static struct peer
peer_row(struct dhtdb *db, sqlite3_stmt *q)
{
	struct peer p = { 0 };

	if (!sql_row(&db->sql, q))
		return p;
	p.no = sqlite3_column_int64(q, 0);
	p.providers = sqlite3_column_int64(q, 1);
	p.vals = sqlite3_column_int64(q, 2);
	p.seen = sqlite3_column_int64(q, 3);
	sqlite3_reset(q);
	return p;
}

static struct peer
peer_by_id(struct dhtdb *db, const struct peerid *id)
{
	struct sql_given g = { .b = { peerid_bytes(id) } };

	return peer_row(db, sql_ask(&db->sql, SQL_PEER_BY_ID, g));
}

static struct peer
peer_by_no(struct dhtdb *db, int64_t no)
{
	struct sql_given g = { .i = { no } };

	return peer_row(db, sql_ask(&db->sql, SQL_PEER_BY_NO, g));
}

static void
peer_need(struct dhtdb *db, struct peer *p, const struct peerid *id)
{
	if (p->no != 0)
		return;
	dhtdb_run(
	    db, SQL_PEER_NEW, (struct sql_given){ .b = { peerid_bytes(id) } });
	p->no = sqlite3_last_insert_rowid(db->sql.db);
}

/* Returns 1, or 0 when the call has failed: all totals are changed by what a
 * statement returns, so that they stay true when one does nothing. */
static uint64_t
peer_save(
    struct dhtdb *db, const struct peer *p, struct slice addrs, time_t now)
{
	struct sql_given g = {
		.i = { p->no, p->providers, p->vals, p->seen, now },
		.b = { addrs },
	};
	bool idle = p->providers <= 0 && p->vals <= 0 && p->seen == 0;

	return dhtdb_run(db, idle ? SQL_PEER_CUT : SQL_PEER_SAVE, g);
}

/* A record of this peer is gone; without a row there is nothing to count. */
static void
peer_lost(struct dhtdb *db, int64_t no, int64_t providers, int64_t vals)
{
	struct peer p = peer_by_no(db, no);

	p.providers -= providers;
	p.vals -= vals;
	if (p.no != 0)
		peer_save(db, &p, (struct slice){ 0 }, 0);
}

/* A time further ahead than a life is that of a clock which was wrong. */
static bool
alive(const struct dhtdb *db, time_t at, time_t now)
{
	return at > now - db->conf.life && at <= now + db->conf.life;
}

static enum dhtdb_said
provider_room(struct dhtdb *db, const struct peer *p, struct slice key)
{
	const struct dhtdb_conf *conf = &db->conf;
	sqlite3_stmt *q;

	if (db->counts.providers >= conf->providers)
		return DHTDB_FULL;
	if ((uint64_t)p->providers >= conf->providers_per_peer)
		return DHTDB_PEER_FULL;
	q = sql_ask(
	    &db->sql, SQL_PROVIDER_HELD, (struct sql_given){ .b = { key } });
	if (sql_row(&db->sql, q) &&
	    (uint64_t)sqlite3_column_int64(q, 0) >= conf->providers_per_key)
		return DHTDB_KEY_FULL;
	return DHTDB_OK;
}

static enum dhtdb_said
provider_add(struct dhtdb *db, struct call *c)
{
	struct peer p = peer_by_id(db, c->id);
	struct sql_given g = { .i = { p.no, c->now }, .b = { c->key } };

	if (p.no == 0 || dhtdb_run(db, SQL_PROVIDER_AGAIN, g) == 0) {
		enum dhtdb_said said = provider_room(db, &p, c->key);

		if (said != DHTDB_OK)
			return said;
		peer_need(db, &p, c->id);
		g.i[0] = p.no;
		db->counts.providers += dhtdb_run(db, SQL_PROVIDER_NEW, g);
		p.providers++;
	} else if (c->bytes.n == 0) {
		return DHTDB_OK;
	}
	peer_save(db, &p, c->bytes, c->now);
	return DHTDB_OK;
}

enum dhtdb_said
dhtdb_provider_add(struct dhtdb *db, struct slice key, const struct peerid *id,
    struct slice addrs, time_t now)
{
	return dhtdb_try(db, provider_add,
	    &(struct call){ .key = key, .id = id, .bytes = addrs, .now = now });
}

/* Rows of id, addresses and time.  The addresses are found again when all are
 * in, because into may move. */
static enum dhtdb_said
collect(struct dhtdb *db, sqlite3_stmt *q, struct call *c)
{
	size_t at = c->base;

	buf_cut(c->into, c->base);
	for (c->got = 0; c->got < c->n && sql_row(&db->sql, q); c->got++) {
		struct dhtdb_provider *p = &c->out[c->got];
		struct slice addrs = sql_bytes(q, 1);

		if (!dhtdb_id(sql_bytes(q, 0), &p->id)) {
			db->sql.rc = SQLITE_CORRUPT;
			break;
		}
		put_slice(c->into, addrs);
		p->addrs = slice_of(NULL, c->into->bad ? 0 : addrs.n);
		p->at = sqlite3_column_int64(q, 2);
	}
	for (size_t i = 0; i < c->got; i++) {
		struct slice *addrs = &c->out[i].addrs;

		if (addrs->n > 0)
			addrs->p = c->into->p + at;
		at += addrs->n;
	}
	return DHTDB_OK;
}

static enum dhtdb_said
providers(struct dhtdb *db, struct call *c)
{
	const struct dhtdb_conf *conf = &db->conf;
	struct sql_given g = {
		.i = { c->now - conf->life + 1, c->now + conf->life,
		    (int64_t)c->n, c->now - conf->addrs_life + 1,
		    c->now + conf->addrs_life },
		.b = { c->key },
	};

	return collect(db, sql_ask(&db->sql, SQL_PROVIDERS, g), c);
}

size_t
dhtdb_providers(struct dhtdb *db, struct slice key, time_t now,
    struct dhtdb_provider *out, size_t n, struct buf *bytes)
{
	struct call c = { .key = key,
		.now = now,
		.out = out,
		.n = n,
		.into = bytes,
		.base = bytes->n };

	return dhtdb_try(db, providers, &c) == DHTDB_OK ? c.got : 0;
}

/* A row of value, without the value. */
struct row {
	int64_t no; /* 0: there is none */
	int64_t peer, at, n;
};

static struct row
value_row(struct dhtdb *db, sqlite3_stmt *q)
{
	struct row r = { 0 };

	if (!sql_row(&db->sql, q))
		return r;
	r.no = sqlite3_column_int64(q, 0);
	r.peer = sqlite3_column_int64(q, 1);
	r.at = sqlite3_column_int64(q, 2);
	r.n = sqlite3_column_int64(q, 3);
	return r;
}

static void
value_cut(struct dhtdb *db, const struct row *r)
{
	if (dhtdb_run(
		db, SQL_VALUE_CUT, (struct sql_given){ .i = { r->no } }) == 0)
		return;
	db->counts.values--;
	db->counts.value_bytes -= (uint64_t)r->n;
	peer_lost(db, r->peer, 0, 1);
}

/* old is what it would replace. */
static enum dhtdb_said
value_room(const struct dhtdb *db, const struct row *old, const struct peer *p,
    size_t n)
{
	const struct dhtdb_conf *conf = &db->conf;
	uint64_t bytes = db->counts.value_bytes - (uint64_t)old->n;
	bool theirs = old->no != 0 && old->peer == p->no;

	if (old->no == 0 && db->counts.values >= conf->values)
		return DHTDB_FULL;
	if (n > (uint64_t)old->n &&
	    (bytes > conf->value_bytes || n > conf->value_bytes - bytes))
		return DHTDB_FULL;
	if (!theirs && (uint64_t)p->vals >= conf->values_per_peer)
		return DHTDB_PEER_FULL;
	return DHTDB_OK;
}

static enum dhtdb_said
value_put(struct dhtdb *db, struct call *c)
{
	struct sql_given g = { .b = { c->key, c->bytes } };
	struct row old = value_row(db, sql_ask(&db->sql, SQL_VALUE_BY_KEY, g));
	struct peer p = peer_by_id(db, c->id);
	enum dhtdb_said said = value_room(db, &old, &p, c->bytes.n);

	if (said != DHTDB_OK)
		return said;
	if (old.no != 0) {
		value_cut(db, &old);
		p = peer_by_id(db, c->id);
	}
	peer_need(db, &p, c->id);
	g.i[0] = p.no;
	g.i[1] = c->now;
	if (dhtdb_run(db, SQL_VALUE_NEW, g) > 0) {
		db->counts.values++;
		db->counts.value_bytes += c->bytes.n;
	}
	p.vals++;
	peer_save(db, &p, (struct slice){ 0 }, 0);
	return DHTDB_OK;
}

enum dhtdb_said
dhtdb_value_put(struct dhtdb *db, struct slice key, struct slice value,
    const struct peerid *from, time_t now)
{
	return dhtdb_try(db, value_put,
	    &(struct call){
		.key = key, .id = from, .bytes = value, .now = now });
}

static enum dhtdb_said
value_get(struct dhtdb *db, struct call *c)
{
	time_t life = db->conf.life;
	struct sql_given g = { .i = { c->now - life + 1, c->now + life },
		.b = { c->key } };
	sqlite3_stmt *q = sql_ask(&db->sql, SQL_VALUE_GET, g);

	if (!sql_row(&db->sql, q))
		return DHTDB_NONE;
	put_slice(c->into, sql_bytes(q, 0));
	c->number = (uint64_t)sqlite3_column_int64(q, 1);
	return DHTDB_OK;
}

enum dhtdb_said
dhtdb_value_get(
    struct dhtdb *db, struct slice key, time_t now, struct buf *out, time_t *at)
{
	struct call c = { .key = key, .now = now, .into = out };
	enum dhtdb_said said = dhtdb_try(db, value_get, &c);

	if (said == DHTDB_OK)
		*at = (time_t)c.number;
	return said;
}

static void
unsee(struct dhtdb *db, struct peer *p)
{
	p->seen = 0;
	db->counts.peers -= peer_save(db, p, (struct slice){ 0 }, 0);
}

static bool
peer_room(struct dhtdb *db)
{
	while (db->counts.peers >= db->conf.peers) {
		struct peer oldest =
		    peer_row(db, sql_ask(&db->sql, SQL_PEER_OLDEST,
				     (struct sql_given){ 0 }));

		if (oldest.no == 0)
			return false;
		unsee(db, &oldest);
	}
	return true;
}

enum dhtdb_said
dhtdb_keep_peer(struct dhtdb *db, struct call *c)
{
	struct peer p = peer_by_id(db, c->id);
	bool fresh = p.seen == 0;
	uint64_t saved;

	if (fresh && !peer_room(db))
		return DHTDB_FULL;
	peer_need(db, &p, c->id);
	p.seen = c->now > 0 ? c->now : 1;
	saved = peer_save(db, &p, c->bytes, c->now);
	db->counts.peers += fresh ? saved : 0;
	return DHTDB_OK;
}

enum dhtdb_said
dhtdb_peer_seen(
    struct dhtdb *db, const struct peerid *id, struct slice addrs, time_t now)
{
	return dhtdb_try(db, dhtdb_keep_peer,
	    &(struct call){ .id = id, .bytes = addrs, .now = now });
}

static enum dhtdb_said
peer_cut(struct dhtdb *db, struct call *c)
{
	struct peer p = peer_by_id(db, c->id);

	if (p.seen == 0)
		return DHTDB_NONE;
	unsee(db, &p);
	return DHTDB_OK;
}

void
dhtdb_peer_cut(struct dhtdb *db, const struct peerid *id)
{
	dhtdb_try(db, peer_cut, &(struct call){ .id = id });
}

static enum dhtdb_said
peer_doubt(struct dhtdb *db, struct call *c)
{
	struct peer p = peer_by_id(db, c->id);

	if (p.seen == 0)
		return DHTDB_NONE;
	p.seen = 1;
	peer_save(db, &p, (struct slice){ 0 }, 0);
	return DHTDB_OK;
}

void
dhtdb_peer_doubt(struct dhtdb *db, const struct peerid *id)
{
	dhtdb_try(db, peer_doubt, &(struct call){ .id = id });
}

static enum dhtdb_said
peers(struct dhtdb *db, struct call *c)
{
	struct sql_given g = { .i = { (int64_t)c->n } };

	return collect(db, sql_ask(&db->sql, SQL_PEERS, g), c);
}

size_t
dhtdb_peers(
    struct dhtdb *db, struct dhtdb_provider *out, size_t n, struct buf *bytes)
{
	struct call c = { .out = out, .n = n, .into = bytes, .base = bytes->n };

	return dhtdb_try(db, peers, &c) == DHTDB_OK ? c.got : 0;
}

/* The statement reads while rows behind it are deleted, which SQLite allows;
 * what it is given must stay until it has ended. */
static void
sweep_providers(struct dhtdb *db, struct call *c)
{
	struct sql_given g = { .i = { db->swept_peer, PROVIDERS_SWEPT },
		.b = { buf_slice(&db->swept_key) } };
	sqlite3_stmt *q = sql_ask(&db->sql, SQL_PROVIDER_WALK, g);
	unsigned rows = 0;
	struct buf last;
	int64_t peer = 0;

	buf_init(&last, db->swept_key.max, NULL);
	while (last.n == 0 && sql_row(&db->sql, q)) {
		struct slice key = sql_bytes(q, 0);

		peer = sqlite3_column_int64(q, 1);
		if (!alive(db, sqlite3_column_int64(q, 2), c->now)) {
			db->counts.providers -= dhtdb_run(db, SQL_PROVIDER_CUT,
			    (struct sql_given){ .i = { peer }, .b = { key } });
			peer_lost(db, peer, 1, 0);
			c->got++;
		}
		if (++rows == PROVIDERS_SWEPT || c->got == PROVIDERS_GONE)
			put_slice(&last, key);
	}
	buf_free(&db->swept_key);
	db->swept_key = last; /* empty: begin again */
	db->swept_peer = last.n ? peer : 0;
}

static void
sweep_values(struct dhtdb *db, struct call *c)
{
	struct sql_given g = { .i = { db->swept_value, VALUES_SWEPT } };
	sqlite3_stmt *q = sql_ask(&db->sql, SQL_VALUE_WALK, g);
	unsigned rows = 0;
	struct row r;

	db->swept_value = 0;
	while ((r = value_row(db, q)).no != 0) {
		if (++rows == VALUES_SWEPT)
			db->swept_value = r.no;
		if (alive(db, r.at, c->now))
			continue;
		value_cut(db, &r);
		c->got++;
	}
}

static enum dhtdb_said
sweep(struct dhtdb *db, struct call *c)
{
	c->got = 0;
	sweep_providers(db, c);
	sweep_values(db, c);
	return c->got ? DHTDB_OK : DHTDB_NONE;
}

size_t
dhtdb_expire(struct dhtdb *db, time_t now)
{
	struct call c = { .now = now };

	return dhtdb_try(db, sweep, &c) == DHTDB_OK ? c.got : 0;
}

struct dhtdb_counts
dhtdb_counts(struct dhtdb *db)
{
	struct dhtdb_counts counts = db->counts;

	counts.disk_bytes = sql_disk_bytes(&db->sql);
	counts.disk_bad = db->bad;
	return counts;
}
