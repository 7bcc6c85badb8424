/* SPDX-License-Identifier: ISC */
#include "store/nodedb_own.h"

#include <string.h>

/* Old versions that are stepped over before it is cheaper to seek. */
enum { STEPS = 4, PLACE_MOST = NODEDB_KEY + 1 };

/* A place between rows: behind (key, age). */
struct place {
	uint8_t key[PLACE_MOST];
	size_t n;
	int64_t age;
	bool end; /* behind everything */
};

struct walk {
	struct nodedb *db;
	const struct nodedb_list *l;
	nodedb_list_fn *fn;
	void *arg;
	sqlite3_stmt *q;
	struct place place;       /* where the statement began */
	uint8_t last[PLACE_MOST]; /* the key of the row before */
	size_t last_n;
	bool any;     /* last is a key */
	unsigned old; /* versions of it that were stepped over */
	size_t got, looked;
	bool more;
};

enum next { STEP, SEEK, STOP };

static void
behind(struct place *p, struct slice key, int64_t age)
{
	p->n = key.n < PLACE_MOST ? key.n : PLACE_MOST;
	if (p->n)
		memcpy(p->key, key.p, p->n);
	p->age = age;
	p->end = false;
}

/* Behind every key that begins so: before the next that does not. */
static void
behind_prefix(struct place *p, struct slice prefix)
{
	behind(p, prefix, -1);
	while (p->n > 0 && p->key[p->n - 1] == 0xff)
		p->n--;
	p->end = p->n == 0;
	if (p->n)
		p->key[p->n - 1]++;
}

static int
compare(const struct place *a, const struct place *b)
{
	int order = slice_order(slice_of(a->key, a->n), slice_of(b->key, b->n));

	if (a->end != b->end)
		return a->end ? 1 : -1;
	return order ? order : (a->age > b->age) - (a->age < b->age);
}

static void
first_place(struct walk *w)
{
	const struct nodedb_list *l = w->l;
	struct place after;

	behind(&w->place, l->prefix, -1);
	if (l->after.n == 0)
		return;
	if (l->after_prefix)
		behind_prefix(&after, l->after);
	else if (l->versions && l->after_version &&
		 l->after_version < INT64_MAX)
		behind(&after, l->after, INT64_MAX - (int64_t)l->after_version);
	else
		behind(&after, l->after, INT64_MAX);
	if (compare(&after, &w->place) > 0)
		w->place = after;
}

/* A list that goes on within a key: its newest version was listed before,
 * unless that is gone meanwhile. */
static void
within(struct walk *w)
{
	struct sql_given g = { .i = { w->l->bucket->no },
		.b = { w->l->after } };
	int64_t newest;

	if (!w->l->versions || w->l->after_version == 0 || w->l->after.n == 0 ||
	    w->l->after.n > NODEDB_KEY)
		return;
	newest = sql_number(&w->db->sql, SQL_ROW_NEWEST, g, INT64_MAX);
	if (newest > INT64_MAX - (int64_t)w->l->after_version)
		return;
	memcpy(w->last, w->l->after.p, w->l->after.n);
	w->last_n = w->l->after.n;
	w->any = true;
}

static void
seek(struct walk *w)
{
	w->q = sql_ask(&w->db->sql, SQL_OBJECT_LIST,
	    (struct sql_given){ .i = { w->l->bucket->no, w->place.age },
		.b = { slice_of(w->place.key, w->place.n) } });
}

/* What the key has in common with others, up to the delimiter behind the
 * prefix; empty: nothing. */
static struct slice
common(const struct nodedb_list *l, struct slice key)
{
	const uint8_t *at;

	if (l->delimiter.n == 0)
		return slice_of(NULL, 0);
	at = memmem(key.p + l->prefix.n, key.n - l->prefix.n, l->delimiter.p,
	    l->delimiter.n);
	if (at == NULL)
		return slice_of(NULL, 0);
	return slice_of(key.p, (size_t)(at - key.p) + l->delimiter.n);
}

static enum next
answer(struct walk *w, const struct object *o, struct slice prefix)
{
	if (w->got == w->l->most) {
		w->more = true;
		return STOP;
	}
	w->got++;
	if (prefix.n)
		behind_prefix(&w->place, prefix);
	if (w->fn(w->arg, prefix.n ? NULL : o, prefix) != 0)
		return STOP;
	if (prefix.n == 0)
		return STEP;
	return w->place.end ? STOP : SEEK;
}

/* Another version of the key before: of interest only when all are listed. */
static enum next
older(struct walk *w, struct slice key)
{
	if (++w->old < STEPS)
		return STEP;
	behind(&w->place, key, INT64_MAX);
	w->old = 0;
	return SEEK;
}

/* Markers are looked at and not answered, so answers alone bound nothing. */
static bool
spent(struct walk *w)
{
	if (w->l->looks == 0 || ++w->looked <= w->l->looks)
		return false;
	w->more = true;
	if (w->l->stopped) {
		buf_cut(w->l->stopped, 0);
		put_slice(w->l->stopped, slice_of(w->last, w->last_n));
	}
	return true;
}

static enum next
row(struct walk *w)
{
	const struct nodedb_list *l = w->l;
	struct slice key = sql_bytes(w->q, 0), prefix;
	bool again =
	    w->any && key.n == w->last_n && memcmp(key.p, w->last, key.n) == 0;
	struct object o;

	if (key.n == 0 || key.n > NODEDB_KEY || key.n < l->prefix.n ||
	    (l->prefix.n && memcmp(key.p, l->prefix.p, l->prefix.n) != 0))
		return STOP;
	if (again && !l->versions)
		return older(w, key);
	if (spent(w))
		return STOP;
	memcpy(w->last, key.p, key.n);
	w->last_n = key.n;
	w->any = true;
	w->old = 0;
	nodedb_object(w->q, &o);
	o.latest = !again;
	if (o.marker && !l->versions)
		return STEP;
	prefix = common(l, key);
	return answer(w, &o, prefix);
}

/* While one statement stands at a row, all seeks are one transaction: to begin
 * and to end one costs as much as a seek. */
static void
stand(struct walk *w)
{
	sql_row(&w->db->sql,
	    sql_ask(&w->db->sql, SQL_CLEAN, (struct sql_given){ 0 }));
}

static enum nodedb_said
list(struct walk *w)
{
	enum next next = SEEK;

	first_place(w);
	within(w);
	if (w->place.end || w->l->most == 0 || w->l->prefix.n > NODEDB_KEY)
		return NODEDB_OK;
	stand(w);
	while (next != STOP) {
		if (next == SEEK)
			seek(w);
		if (!sql_row(&w->db->sql, w->q))
			break;
		next = row(w);
	}
	return NODEDB_OK;
}

enum nodedb_said
nodedb_list(struct nodedb *db, const struct nodedb_list *l, nodedb_list_fn *fn,
    void *arg, bool *more)
{
	struct walk w = { .db = db, .l = l, .fn = fn, .arg = arg };
	enum nodedb_said said;

	*more = false;
	if (!nodedb_enter(db))
		return NODEDB_DISK;
	said = nodedb_leave(db, list(&w));
	*more = w.more;
	return said;
}
