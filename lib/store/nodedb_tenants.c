/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

static struct slice
name_of(const struct tenant *t)
{
	return slice_text(t->name);
}

struct tenant *
nodedb_tenant(struct nodedb *db, struct slice name)
{
	return names_get(&db->tenants, name);
}

struct tenant *
nodedb_tenant_next(struct nodedb *db, size_t *at)
{
	return *at < db->tenants.n ? db->tenants.p[(*at)++] : NULL;
}

/* One that was removed comes back as the same struct: who holds it means the
 * tenant of this name. */
struct tenant *
nodedb_tenant_struct(struct nodedb *db, struct slice name)
{
	struct tenant *t = names_cut(&db->gone_tenants, name);

	if (t == NULL) {
		t = mem_new(sizeof *t);
		memcpy(t->name, name.p, name.n);
		t->db = db;
	}
	t->loaded = false;
	t->dirty = false;
	t->next = NULL;
	names_put(&db->tenants, t);
	return t;
}

void
nodedb_touch(struct nodedb *db, struct tenant *t)
{
	if (t->dirty)
		return;
	t->dirty = true;
	t->next = db->touched;
	db->touched = t;
}

void
nodedb_use(struct nodedb *db, struct tenant *t, int64_t bytes)
{
	t->disk_used += (uint64_t)bytes;
	db->used += (uint64_t)bytes;
	nodedb_touch(db, t);
}

void
nodedb_reserve(struct tenant *t, int64_t bytes)
{
	t->disk_reserved += (uint64_t)bytes;
	t->db->reserved += (uint64_t)bytes;
}

/* Bytes that were granted may be used whatever else is reserved by now; the
 * cap itself is never passed. */
static bool
below(uint64_t used, uint64_t others, uint64_t cap, uint64_t more,
    uint64_t granted)
{
	if (used > cap || more > cap - used)
		return false;
	if (more <= granted)
		return true;
	return others <= cap - used - more;
}

bool
nodedb_fits(const struct nodedb *db, const struct tenant *t, uint64_t size,
    uint64_t freed, uint64_t reserved)
{
	uint64_t more = size - freed;

	if (size <= freed)
		return true;
	return below(t->disk_used, t->disk_reserved - reserved, t->disk_cap,
		   more, reserved) &&
	       below(db->used, db->reserved - reserved,
		   db->conf.node_cap ? db->conf.node_cap : UINT64_MAX, more,
		   reserved);
}

static void
save(struct nodedb *db, const struct tenant *t)
{
	nodedb_run(db, SQL_TENANT_SAVE,
	    (struct sql_given){ .i = { t->no, (int64_t)t->disk_used, t->period,
				    (int64_t)t->egress_written } });
}

void
nodedb_save_tenants(struct nodedb *db)
{
	for (struct tenant *t = db->touched; t; t = t->next) {
		uint64_t sent = t->egress_used + t->egress_leased;

		if (t->egress_written < sent)
			t->egress_written = sent;
		if (t->no != 0)
			save(db, t);
	}
}

void
nodedb_tenants_durable(struct nodedb *db)
{
	struct tenant *t;

	while ((t = db->touched) != NULL) {
		t->egress_durable = t->egress_written;
		t->dirty = false;
		db->touched = t->next;
		t->next = NULL;
	}
}

void
nodedb_tenants_exact(struct nodedb *db)
{
	for (size_t i = 0; i < db->tenants.n; i++) {
		struct tenant *t = db->tenants.p[i];
		uint64_t sent = t->egress_used + t->egress_leased;

		if (t->egress_written == sent)
			continue;
		t->egress_written = sent;
		nodedb_touch(db, t);
	}
}

uint64_t
nodedb_total(const struct nodedb *db)
{
	return db->used + db->reserved;
}

static enum nodedb_said
make(struct nodedb *db, struct slice name, struct sql_given *g,
    struct tenant **made)
{
	struct tenant *t;

	if (db->tenants.n >= NODEDB_TENANTS ||
	    (db->gone_tenants.n >= NODEDB_TENANTS &&
		names_get(&db->gone_tenants, name) == NULL))
		return NODEDB_FULL;
	g->i[0] = (int64_t)db->next_tenant;
	if (nodedb_run(db, SQL_TENANT_NEW, *g) == 0)
		return NODEDB_EXISTS;
	t = nodedb_tenant_struct(db, name);
	t->no = (int64_t)db->next_tenant++;
	t->loaded = true;
	t->disk_used = t->egress_written = t->egress_durable = 0;
	t->egress_used = 0;
	t->period = 0;
	*made = t;
	return NODEDB_OK;
}

static enum nodedb_said
put(struct nodedb *db, struct slice name, const char *tier, uint64_t disk_cap,
    uint64_t egress_cap, struct tenant **out)
{
	struct tenant *t = names_get(&db->tenants, name);
	struct sql_given g = {
		.i = { t ? t->no : 0, (int64_t)disk_cap, (int64_t)egress_cap },
		.b = { name, slice_text(tier) },
	};

	if (!nodedb_name_ok(name) || strlen(tier) >= sizeof t->tier)
		return NODEDB_FULL;
	if (t)
		nodedb_run(db, SQL_TENANT_SET, g);
	else {
		enum nodedb_said said = make(db, name, &g, &t);

		if (said != NODEDB_OK)
			return said;
	}
	snprintf(t->tier, sizeof t->tier, "%s", tier);
	t->disk_cap = disk_cap;
	t->egress_cap = egress_cap;
	nodedb_note(
	    db, WHAT_TENANT, slice_text(""), name, 0, slice_text(""), 0);
	if (out)
		*out = t;
	return NODEDB_OK;
}

enum nodedb_said
nodedb_tenant_put(struct nodedb *db, const char *name, const char *tier,
    uint64_t disk_cap, uint64_t egress_cap, struct tenant **t)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(
	    db, put(db, slice_text(name), tier, disk_cap, egress_cap, t));
}

static enum nodedb_said
cut(struct nodedb *db, struct tenant *t)
{
	struct sql_given g = { .i = { t->no } };

	if (t->no == 0)
		return NODEDB_NONE;
	if (sql_number(&db->sql, SQL_TENANT_BUCKET, g, 0) ||
	    sql_number(&db->sql, SQL_TENANT_KEY, g, 0) || t->disk_used ||
	    t->disk_reserved)
		return NODEDB_BUSY;
	if (nodedb_run(db, SQL_TENANT_CUT, g) == 0)
		return NODEDB_NONE;
	names_cut(&db->tenants, name_of(t));
	names_put(&db->gone_tenants, t);
	t->no = 0;
	nodedb_note(db, WHAT_TENANT_CUT, slice_text(""), name_of(t), 0,
	    slice_text(""), 0);
	return NODEDB_OK;
}

enum nodedb_said
nodedb_tenant_cut(struct nodedb *db, struct tenant *t)
{
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	return nodedb_leave(db, cut(db, t));
}
