/* SPDX-License-Identifier: ISC
 *
 * Lifecycle rules and uploads that nobody finishes, in slices.  (AWS S3 user
 * guide, "Managing the lifecycle of objects".)  A pass over all buckets begins
 * every hour; a day in a rule ends at midnight UTC, as there.  A slice looks at
 * rows first and changes them afterwards, because a list cannot change what it
 * is reading. */
#include "s3/s3_own.h"
#include "base/mem.h"
#include "web/text.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLICE = 256, /* rows looked at in one, or fewer for many rules */
	MANY = 64,
	ACTIONS = 64, /* changes in one */
	UPLOADS = 16, /* uploads given up in one: each may have many parts */
};
#define DAY   INT64_C(86400000)
#define EVERY INT64_C(3600000)

struct action {
	bool version; /* this version for good; else a plain delete */
	bool null;
	uint64_t number;
	size_t at, n; /* the key, in keys */
};

struct s3_life {
	struct s3 *s3;
	int64_t next_pass;
	bool running;
	char bucket[NODEDB_NAME + 1]; /* the one being walked */
	int64_t bucket_no;
	struct s3_lifecycle rules; /* of the slice: read again for each */
	bool uploads;              /* it is they that are looked at */
	/* the last row that was looked at */
	struct buf key;
	uint64_t version;
	bool any;
	int64_t successor; /* when the row before it, of its key, was made */
	uint64_t older;    /* noncurrent versions of its key, so far */
	/* of a slice */
	int64_t now;
	struct action actions[ACTIONS];
	size_t nactions;
	struct buf keys;
};

struct s3_life *
s3_life_new(struct s3 *s3)
{
	struct s3_life *l = mem_new(sizeof *l);

	l->s3 = s3;
	l->key.max = S3_KEY;
	l->keys.max = ACTIONS * S3_KEY;
	return l;
}

void
s3_life_free(struct s3_life *l)
{
	if (l == NULL)
		return;
	s3_lifecycle_free(&l->rules);
	buf_free(&l->key);
	buf_free(&l->keys);
	free(l);
}

/* The midnight that ends this many days after a moment. */
static int64_t
days_after(int64_t at, uint64_t days)
{
	int64_t end = at + (int64_t)days * DAY;

	return (end + DAY - 1) / DAY * DAY;
}

static bool
tags_match(const struct s3_rule *rule, const struct s3_tags *tags)
{
	size_t found = 0;

	for (size_t i = 0; i < rule->ntags; i++)
		for (size_t j = 0; j < tags->n; j++)
			found +=
			    slice_eq(rule->tags[i].key, tags->at[j].key) &&
			    slice_eq(rule->tags[i].value, tags->at[j].value);
	return found == rule->ntags;
}

static bool
applies(const struct s3_rule *rule, const struct object *o,
    const struct s3_tags *tags)
{
	return rule->enabled && text_begins(o->key, rule->prefix) &&
	       (rule->larger == 0 || o->size > rule->larger) &&
	       (rule->smaller == 0 || o->size < rule->smaller) &&
	       tags_match(rule, tags);
}

static bool
says(
    const struct s3_life *l, const struct s3_rule *rule, const struct object *o)
{
	if (o->latest)
		return !o->marker &&
		       ((rule->days &&
			    l->now >= days_after(o->at, rule->days)) ||
			   (rule->date && l->now >= rule->date * 1000));
	return rule->noncurrent_days && l->older > rule->newer_noncurrent &&
	       l->now >= days_after(l->successor, rule->noncurrent_days);
}

/* Is it time for this row to go? */
static bool
over(const struct s3_life *l, const struct object *o)
{
	static struct s3_tags tags; /* big */
	bool gone = false;

	tags.n = 0;
	if (o->tags.n > 0 && s3_tags_unpack(o->tags, &tags) < 0)
		tags.n = 0;
	for (size_t i = 0; !gone && i < l->rules.n; i++)
		gone = applies(&l->rules.at[i], o, &tags) &&
		       says(l, &l->rules.at[i], o);
	s3_tags_free(&tags);
	return gone;
}

/* Does a rule remove this marker once it hides nothing?  One that counts days
 * does so as well, when the marker is as old. */
static bool
removes_marker(const struct s3_life *l, const struct object *o)
{
	for (size_t i = 0; i < l->rules.n; i++) {
		const struct s3_rule *rule = &l->rules.at[i];

		if (!rule->enabled || !text_begins(o->key, rule->prefix) ||
		    rule->ntags > 0 || rule->larger || rule->smaller)
			continue;
		if (rule->marker ||
		    (rule->days && l->now >= days_after(o->at, rule->days)))
			return true;
	}
	return false;
}

static void
plan(struct s3_life *l, struct slice key, const struct object *o, bool version)
{
	struct action *a = &l->actions[l->nactions++];

	*a = (struct action){ version, o->null, o->version, l->keys.n, key.n };
	put_slice(&l->keys, key);
}

struct rest {
	struct slice key;
	bool found;
};

static int
next_row(void *arg, const struct object *o, struct slice common)
{
	struct rest *rest = arg;

	(void)common;
	rest->found = slice_eq(o->key, rest->key);
	return 1;
}

/* Is there no version of this key behind this one? */
static bool
alone(struct s3_life *l, const struct bucket *b, struct slice key,
    uint64_t version)
{
	const struct nodedb_list q = { .bucket = b,
		.prefix = key,
		.after = key,
		.versions = true,
		.after_version = version,
		.most = 1 };
	struct rest rest = { key, false };
	bool more;

	(void)nodedb_list(l->s3->db, &q, next_row, &rest, &more);
	return !rest.found;
}

static int
look(void *arg, const struct object *o, struct slice common)
{
	struct s3_life *l = arg;
	bool same = l->any && slice_eq(o->key, buf_slice(&l->key));

	(void)common;
	if (l->nactions == ACTIONS)
		return 1;
	if (!same) {
		l->older = 0;
		buf_cut(&l->key, 0);
		put_slice(&l->key, o->key);
	} else {
		l->older++;
	}
	l->any = true;
	l->version = o->version;
	if (over(l, o))
		plan(l, o->key, o, !o->latest);
	else if (o->latest && o->marker && removes_marker(l, o))
		plan(l, o->key, o, true);
	l->successor = o->at;
	return 0;
}

/* False: the disk failed. */
static bool
act(struct s3_life *l, struct bucket *b, const struct action *a)
{
	struct slice key = slice_of(l->keys.p + a->at, a->n);
	enum nodedb_said said;
	struct object o;
	uint64_t version;
	bool marker;

	if (!a->version) {
		said =
		    nodedb_delete(l->s3->db, b, key, l->now, &marker, &version);
	} else {
		said = nodedb_get_version(
		    l->s3->db, b, key, a->null ? 0 : a->number, &o);
		/* a marker stays as long as it hides something */
		if (said != NODEDB_OK ||
		    (o.marker && o.latest && !alone(l, b, key, o.version)))
			return said != NODEDB_DISK;
		said = nodedb_delete_version(
		    l->s3->db, b, key, a->null ? 0 : a->number, &marker);
	}
	l->s3->stats[S3_STAT_EXPIRED] += said == NODEDB_OK;
	return said != NODEDB_DISK;
}

/* Uploads of this bucket that a rule gives up. */
static int
look_upload(void *arg, const struct upload *u)
{
	struct s3_life *l = arg;

	for (size_t i = 0; i < l->rules.n; i++) {
		const struct s3_rule *rule = &l->rules.at[i];

		if (!rule->enabled || !rule->abort_days ||
		    !text_begins(u->key, rule->prefix) ||
		    l->now < days_after(u->created, rule->abort_days))
			continue;
		if (l->nactions == UPLOADS)
			return 1;
		l->actions[l->nactions++] =
		    (struct action){ .at = l->keys.n, .n = sizeof u->token };
		put_bytes(&l->keys, u->token, sizeof u->token);
		break;
	}
	return 0;
}

/* Some of the bucket's uploads that are over; false: there are no more. */
static bool
cut_uploads(struct s3_life *l, struct bucket *b)
{
	struct upload u;
	bool more;

	if (nodedb_uploads(l->s3->db, b, slice_of("", 0), slice_of("", 0), NULL,
		NODEDB_UPLOADS, look_upload, l, &more) != NODEDB_OK)
		return false;
	for (size_t i = 0; i < l->nactions; i++) {
		if (nodedb_upload(l->s3->db, b, l->keys.p + l->actions[i].at,
			&u) != NODEDB_OK ||
		    nodedb_upload_cut(l->s3->db, &u) != NODEDB_OK)
			return false;
		l->s3->stats[S3_STAT_ABORTED]++;
	}
	return l->nactions == UPLOADS;
}

/* Some of the bucket's rows; false: there are no more. */
static bool
cut_rows(struct s3_life *l, struct bucket *b)
{
	struct buf after = { .max = S3_KEY };
	struct nodedb_list q = { .bucket = b,
		.versions = true,
		.after_version = l->any ? l->version : 0,
		.most = l->rules.n > MANY ? SLICE / 8 : SLICE };
	bool more = false;

	put_slice(&after, buf_slice(&l->key));
	q.after = buf_slice(&after);
	(void)nodedb_list(l->s3->db, &q, look, l, &more);
	more |= l->nactions == ACTIONS;
	for (size_t i = 0; i < l->nactions; i++)
		if (!act(l, b, &l->actions[i])) {
			more = false; /* in an hour again */
			break;
		}
	buf_free(&after);
	return more;
}

/* The next bucket with rules; false: the pass is over. */
static bool
next_bucket(struct s3_life *l)
{
	struct bucket *b;

	l->any = false;
	buf_cut(&l->key, 0);
	while ((b = nodedb_bucket_after(l->s3->db, slice_text(l->bucket))) !=
	       NULL) {
		memcpy(l->bucket, b->name, sizeof l->bucket);
		l->bucket_no = b->no;
		l->uploads = true;
		if (b->has_doc[DOC_LIFECYCLE])
			return true;
	}
	return false;
}

/* The rules as they are now: what was taken back removes nothing more. */
static bool
read_rules(struct s3_life *l, const struct bucket *b)
{
	struct buf doc = { .max = NODEDB_DOC };
	const char *why;
	bool good;

	good = nodedb_doc_get(l->s3->db, b, DOC_LIFECYCLE, &doc) == NODEDB_OK &&
	       s3_lifecycle_parse(buf_slice(&doc), &l->rules, &why) == S3ERR_OK;
	buf_free(&doc);
	return good;
}

static void
slice(struct s3_life *l)
{
	struct bucket *b = nodedb_bucket(l->s3->db, slice_text(l->bucket));
	bool more = false;

	l->nactions = 0;
	buf_cut(&l->keys, 0);
	if (b && b->no == l->bucket_no && read_rules(l, b)) {
		if (l->uploads) {
			l->uploads = cut_uploads(l, b);
			more = true;
		} else {
			more = cut_rows(l, b);
		}
	}
	s3_lifecycle_free(&l->rules);
	if (!more)
		l->running = next_bucket(l);
}

static void
give_up_uploads(struct s3_life *l)
{
	struct upload u;

	for (int i = 0; i < UPLOADS; i++) {
		if (nodedb_upload_idle(l->s3->db,
			l->now - l->s3->conf.upload_life, &u) != NODEDB_OK ||
		    nodedb_upload_cut(l->s3->db, &u) != NODEDB_OK)
			return;
		l->s3->stats[S3_STAT_ABORTED]++;
	}
}

void
s3_life_tick(struct s3_life *l, int64_t now)
{
	l->now = now;
	give_up_uploads(l);
	if (!l->running && now >= l->next_pass) {
		l->next_pass = now + EVERY;
		l->bucket[0] = 0;
		l->running = next_bucket(l);
	}
	if (l->running)
		slice(l);
}
