/* SPDX-License-Identifier: ISC */
#include "store/dhtdb_in.h"

#include <string.h>

enum { PLACE = 32 };

enum dhtdb_said
dhtdb_keep_own(struct dhtdb *db, struct call *c)
{
	struct sql_given g = { .i = { c->own.due },
		.b = {
		    slice_of(c->own.place, PLACE), c->own.key, c->own.value } };

	if (dhtdb_run(db, SQL_OWN_AGAIN, g) > 0)
		return DHTDB_OK;
	if (db->counts.own >= db->conf.own)
		return DHTDB_FULL;
	db->counts.own += dhtdb_run(db, SQL_OWN_NEW, g);
	return DHTDB_OK;
}

enum dhtdb_said
dhtdb_own_put(struct dhtdb *db, const struct dhtdb_own *own)
{
	return dhtdb_try(db, dhtdb_keep_own, &(struct call){ .own = *own });
}

static enum dhtdb_said
own_cut(struct dhtdb *db, struct call *c)
{
	uint64_t gone = dhtdb_run(db, SQL_OWN_CUT,
	    (struct sql_given){ .b = { slice_of(c->place, PLACE) } });

	db->counts.own -= gone;
	return gone ? DHTDB_OK : DHTDB_NONE;
}

enum dhtdb_said
dhtdb_own_cut(struct dhtdb *db, const uint8_t place[32])
{
	return dhtdb_try(db, own_cut, &(struct call){ .place = place });
}

static enum dhtdb_said
own_due(struct dhtdb *db, struct call *c)
{
	struct sql_given g = { .i = { c->now },
		.b = { slice_of(c->place, PLACE) } };

	return dhtdb_run(db, SQL_OWN_DUE, g) ? DHTDB_OK : DHTDB_NONE;
}

enum dhtdb_said
dhtdb_own_due(struct dhtdb *db, const uint8_t place[32], time_t due)
{
	return dhtdb_try(
	    db, own_due, &(struct call){ .place = place, .now = due });
}

static enum dhtdb_said
read_own(struct dhtdb *db, sqlite3_stmt *q, struct dhtdb_own *own)
{
	struct slice place, key, value;

	if (!sql_row(&db->sql, q))
		return DHTDB_NONE;
	place = sql_bytes(q, 0);
	key = sql_bytes(q, 1);
	value = sql_bytes(q, 2);
	buf_cut(&db->held, 0);
	put_slice(&db->held, key);
	put_slice(&db->held, value);
	if (place.n != PLACE || db->held.bad) {
		db->held.bad = false;
		db->sql.rc = SQLITE_CORRUPT;
		return DHTDB_NONE;
	}
	memcpy(own->place, place.p, PLACE);
	own->key = slice_of(db->held.p, key.n);
	own->value = slice_of(value.n ? db->held.p + key.n : NULL, value.n);
	own->due = sqlite3_column_int64(q, 3);
	return DHTDB_OK;
}

static enum dhtdb_said
own_first(struct dhtdb *db, struct call *c)
{
	return read_own(db,
	    sql_ask(&db->sql, SQL_OWN_FIRST, (struct sql_given){ 0 }), &c->own);
}

enum dhtdb_said
dhtdb_own_first(struct dhtdb *db, struct dhtdb_own *own)
{
	struct call c = { 0 };
	enum dhtdb_said said = dhtdb_try(db, own_first, &c);

	if (said == DHTDB_OK)
		*own = c.own;
	return said;
}

static enum dhtdb_said
own_next(struct dhtdb *db, struct call *c)
{
	struct sql_given g = { .b = { slice_of(c->place, PLACE) } };

	return read_own(db, sql_ask(&db->sql, SQL_OWN_NEXT, g), &c->own);
}

enum dhtdb_said
dhtdb_own_next(struct dhtdb *db, const uint8_t place[32], struct dhtdb_own *own)
{
	struct call c = { .place = place };
	enum dhtdb_said said = dhtdb_try(db, own_next, &c);

	if (said == DHTDB_OK)
		*own = c.own;
	return said;
}

uint64_t
dhtdb_own_count(struct dhtdb *db)
{
	return db->counts.own;
}

enum dhtdb_said
dhtdb_keep_fact(struct dhtdb *db, struct call *c)
{
	dhtdb_run(db, SQL_FACT_SET,
	    (struct sql_given){ .i = { (int64_t)c->number }, .b = { c->key } });
	return DHTDB_OK;
}

enum dhtdb_said
dhtdb_fact_set(struct dhtdb *db, const char *name, uint64_t value)
{
	return dhtdb_try(db, dhtdb_keep_fact,
	    &(struct call){ .key = slice_text(name), .number = value });
}

static enum dhtdb_said
fact_get(struct dhtdb *db, struct call *c)
{
	sqlite3_stmt *q = sql_ask(
	    &db->sql, SQL_FACT_GET, (struct sql_given){ .b = { c->key } });

	if (!sql_row(&db->sql, q))
		return DHTDB_NONE;
	c->number = (uint64_t)sqlite3_column_int64(q, 0);
	return DHTDB_OK;
}

enum dhtdb_said
dhtdb_fact_get(struct dhtdb *db, const char *name, uint64_t *value)
{
	struct call c = { .key = slice_text(name) };
	enum dhtdb_said said = dhtdb_try(db, fact_get, &c);

	if (said == DHTDB_OK)
		*value = c.number;
	return said;
}
