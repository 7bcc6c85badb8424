/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static const struct slice no_bytes;

const struct access_key *
nodedb_key(const struct nodedb *db, struct slice id)
{
	return names_get(&db->keys, id);
}

const struct access_key *
nodedb_key_next(const struct nodedb *db, size_t *at)
{
	return *at < db->keys.n ? db->keys.p[(*at)++] : NULL;
}

static void
free_key(void *p)
{
	struct access_key *k = p;

	for (size_t i = 0; i < k->ngrants; i++)
		free(k->grants[i].prefix);
	memset(k->sealed, 0, sizeof k->sealed);
	free(k);
}

void
nodedb_free_keys(struct nodedb *db)
{
	names_free(&db->keys, free_key);
}

static void
load_grants(struct nodedb *db, struct access_key *k)
{
	sqlite3_stmt *q = sql_ask(&db->sql, SQL_GRANTS,
	    (struct sql_given){ .b = { slice_text(k->id) } });

	while (k->ngrants < NODEDB_GRANTS && sql_row(&db->sql, q)) {
		struct grant *g = &k->grants[k->ngrants++];
		struct slice prefix = sql_bytes(q, 2);

		sql_text(q, 0, g->bucket, sizeof g->bucket);
		g->verbs = (unsigned)sql_int(q, 1);
		g->prefix = mem_new(prefix.n + 1);
		if (prefix.n)
			memcpy(g->prefix, prefix.p, prefix.n);
	}
}

static void
load_key(struct nodedb *db, sqlite3_stmt *q, struct names *keys)
{
	struct slice sealed = sql_bytes(q, 2);
	struct access_key *k;

	if (sealed.n > NODEDB_SECRET) {
		db->sql.rc = SQLITE_CORRUPT;
		return;
	}
	k = mem_new(sizeof *k);
	sql_text(q, 0, k->id, sizeof k->id);
	k->tenant = names_get(&db->tenants, sql_bytes(q, 1));
	if (sealed.n)
		memcpy(k->sealed, sealed.p, sealed.n);
	k->nsealed = sealed.n;
	k->disabled = sql_int(q, 3) != 0;
	k->created = sql_int(q, 4);
	load_grants(db, k);
	names_put(keys, k);
}

/* If they cannot be read to the last, those that were known stay. */
void
nodedb_load_keys(struct nodedb *db)
{
	struct names keys = { .offset = db->keys.offset };
	sqlite3_stmt *q = sql_ask(&db->sql, SQL_KEYS, (struct sql_given){ 0 });

	while (sql_row(&db->sql, q))
		load_key(db, q, &keys);
	if (db->sql.rc != SQLITE_OK) {
		names_free(&keys, free_key);
		return;
	}
	nodedb_free_keys(db);
	db->keys = keys;
}

static void
write_key(struct nodedb *db, const struct access_key *k)
{
	struct slice id = slice_text(k->id);
	struct sql_given g = {
		.i = { k->tenant->no, k->disabled, k->created },
		.b = { id, slice_of(k->sealed, k->nsealed) },
	};

	nodedb_run(db, SQL_GRANTS_CUT, g);
	nodedb_run(db, SQL_KEY_NEW, g);
	for (size_t i = 0; i < k->ngrants; i++) {
		const struct grant *one = &k->grants[i];

		nodedb_run(db, SQL_GRANT_NEW,
		    (struct sql_given){ .i = { (int64_t)i, one->verbs },
			.b = { id, slice_text(one->bucket),
			    slice_text(one->prefix ? one->prefix : "") } });
	}
	nodedb_note(db, WHAT_KEY, no_bytes, id, 0, no_bytes, k->created);
}

/* What is replaced goes last: the caller may have given a copy of it. */
static void
keep_key(struct nodedb *db, const struct access_key *given)
{
	struct access_key *old = names_cut(&db->keys, slice_text(given->id));
	struct access_key *k = mem_new(sizeof *k);

	*k = *given;
	for (size_t i = 0; i < k->ngrants; i++)
		k->grants[i].prefix = mem_string(
		    given->grants[i].prefix ? given->grants[i].prefix : "");
	names_put(&db->keys, k);
	if (old)
		free_key(old);
}

static enum nodedb_said
put(struct nodedb *db, const struct access_key *k)
{
	struct slice id = slice_text(k->id);

	if (k->tenant == NULL || k->tenant->no == 0)
		return NODEDB_NONE;
	if (!nodedb_name_ok(id) || k->nsealed > NODEDB_SECRET ||
	    k->ngrants > NODEDB_GRANTS ||
	    (db->keys.n >= NODEDB_KEYS && nodedb_key(db, id) == NULL))
		return NODEDB_FULL;
	for (size_t i = 0; i < k->ngrants; i++)
		if (k->grants[i].prefix &&
		    strlen(k->grants[i].prefix) > NODEDB_KEY)
			return NODEDB_FULL;
	write_key(db, k);
	db->names_changed = true;
	if (db->sql.rc == SQLITE_OK)
		keep_key(db, k);
	return NODEDB_OK;
}

enum nodedb_said
nodedb_key_put(struct nodedb *db, const struct access_key *k)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, put(db, k));
}

static enum nodedb_said
cut(struct nodedb *db, struct slice id)
{
	struct sql_given g = { .b = { id } };

	if (names_get(&db->keys, id) == NULL)
		return NODEDB_NONE;
	nodedb_run(db, SQL_GRANTS_CUT, g);
	nodedb_run(db, SQL_KEY_CUT, g);
	nodedb_note(db, WHAT_KEY_CUT, no_bytes, id, 0, no_bytes, 0);
	db->names_changed = true;
	if (db->sql.rc == SQLITE_OK)
		free_key(names_cut(&db->keys, id));
	return NODEDB_OK;
}

enum nodedb_said
nodedb_key_cut(struct nodedb *db, struct slice id)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, cut(db, id));
}
