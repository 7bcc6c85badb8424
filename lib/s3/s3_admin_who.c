/* SPDX-License-Identifier: ISC
 *
 * /-/usage, /-/tenants, /-/keys and /-/buckets: who stores here, with which
 * keys, and what everybody may. */
#include "s3/s3_admin.h"
#include "base/json.h"
#include "base/opt.h"
#include "crypt/secretbox.h"
#include "web/text.h"
#include "wire/mbase.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
	SECRET_LEAST = 8,
	SECRET_MOST = NODEDB_SECRET - SECRETBOX_MORE,
	ID_BYTES = 10,   /* random: 16 characters of base32 */
	NEW_SECRET = 30, /* random: 40 characters of base64url */
};

/* A tenant's or a key's name: 1 to 64 of A-Z a-z 0-9 . _ - */
static bool
name_ok(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n > 0 && n <= NODEDB_NAME &&
	       strspn(name,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		   "0123456789._-") == n;
}

static bool
bad_name(struct s3_req *r, const char *name)
{
	if (name_ok(name))
		return false;
	s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
	    "A name is 1 to 64 of letters, digits, dot, dash and underscore.");
	return true;
}

/* Tenants. */

static void
write_cap(struct json *j, const char *name, uint64_t cap)
{
	if (cap == UINT64_MAX)
		json_none(j, name);
	else
		json_uint(j, name, cap);
}

static void
write_tenant(struct s3_req *r, struct tenant *t)
{
	struct json j;

	caps_month(t, r->now);
	json_begin(&j, &r->reply.body);
	json_text(&j, "tenant", t->name);
	json_text(&j, "tier", t->tier);
	json_uint(&j, "disk_used", t->disk_used);
	json_uint(&j, "disk_reserved", t->disk_reserved);
	write_cap(&j, "disk_cap", t->disk_cap);
	json_uint(&j, "month", t->period);
	json_uint(&j, "egress_used", t->egress_used);
	json_uint(&j, "egress_leased", t->egress_leased);
	write_cap(&j, "egress_cap", t->egress_cap);
	json_end(&j);
}

void
s3_admin_usage(struct s3_req *r)
{
	char name[S3_ADMIN_VALUE];
	struct tenant *t;
	size_t at = 0;

	if (s3_admin_value(r, "tenant", name)) {
		t = nodedb_tenant(r->s3->db, slice_text(name));
		if (t == NULL) {
			s3_fail_why(
			    r, S3ERR_NO_SUCH_KEY, "There is no such tenant.");
			return;
		}
		write_tenant(r, t);
	} else {
		while ((t = nodedb_tenant_next(r->s3->db, &at)) != NULL)
			write_tenant(r, t);
	}
	s3_admin_answer(r);
}

/* disk= or egress=: bytes, or "none". */
static bool
read_cap(struct s3_req *r, const char *name, uint64_t *cap)
{
	char text[S3_ADMIN_VALUE];

	if (s3_admin_value(r, name, text) == NULL)
		return true;
	if (strcmp(text, "none") == 0) {
		*cap = UINT64_MAX;
		return true;
	}
	if (opt_bytes(text, INT64_MAX, cap) == 0)
		return true;
	s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
	    "A cap is a number of bytes, as 20GB, or none.");
	return false;
}

static void
put_tenant(struct s3_req *r, const char *name, struct tenant *old)
{
	char word[S3_ADMIN_VALUE];
	const char *tier = s3_admin_value(r, "tier", word);
	const struct caps_tier *known;
	uint64_t disk, egress;
	enum nodedb_said said;
	struct tenant *t;

	if (tier == NULL)
		tier = old ? old->tier : "own";
	known = caps_tier(tier);
	if (known == NULL) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "There are the tiers small, medium, large, free and own.");
		return;
	}
	disk = known->disk;
	egress = known->egress;
	if (old && s3_admin_value(r, "tier", word) == NULL) {
		disk = old->disk_cap;
		egress = old->egress_cap;
	}
	if (!read_cap(r, "disk", &disk) || !read_cap(r, "egress", &egress))
		return;
	said =
	    nodedb_tenant_put(r->s3->db, name, known->name, disk, egress, &t);
	if (said == NODEDB_OK)
		write_tenant(r, t);
	s3_admin_done(r, said, "");
}

/* Whatever is made on the local socket is of the node's own. */
static void
remove_tenant(struct s3_req *r, struct tenant *t)
{
	enum nodedb_said said = NODEDB_BUSY;

	if (strcmp(t->name, S3_OWN_TENANT) != 0)
		said = nodedb_tenant_cut(r->s3->db, t);
	s3_admin_done(r, said, "");
}

void
s3_admin_tenant(struct s3_req *r)
{
	struct slice what = uri_value(&r->uri, "do");
	char name[S3_ADMIN_VALUE];
	struct tenant *t;

	if (bad_name(r, s3_admin_value(r, "name", name)))
		return;
	t = nodedb_tenant(r->s3->db, slice_text(name));
	if (slice_is(what, "add") && t)
		s3_admin_done(r, NODEDB_EXISTS, "");
	else if (slice_is(what, "add"))
		put_tenant(r, name, NULL);
	else if (t == NULL)
		s3_fail_why(r, S3ERR_NO_SUCH_KEY, "There is no such tenant.");
	else if (slice_is(what, "set"))
		put_tenant(r, name, t);
	else if (slice_is(what, "remove"))
		remove_tenant(r, t);
	else
		s3_fail_why(
		    r, S3ERR_INVALID_ARGUMENT, "do is add, set or remove.");
}

/* Access keys. */

static void
write_grants(struct json *j, const struct access_key *k)
{
	struct buf text = { .max = NODEDB_GRANTS * (NODEDB_KEY + 160) };
	struct buf verbs = { .max = 64 };

	json_open_array(j, "grants");
	for (size_t i = 0; i < k->ngrants; i++) {
		const struct grant *g = &k->grants[i];

		buf_cut(&verbs, 0);
		s3_verbs_print(g->verbs, &verbs);
		json_open_object(j, NULL);
		json_text(j, "bucket", g->bucket);
		json_str(j, "verbs", buf_slice(&verbs));
		json_text(j, "prefix", g->prefix ? g->prefix : "");
		json_close_object(j);
		if (i > 0)
			put_u8(&text, ' ');
		put_text(&text, g->bucket);
		put_u8(&text, ':');
		put_slice(&text, buf_slice(&verbs));
		if (g->prefix && g->prefix[0]) {
			put_u8(&text, ':');
			put_text(&text, g->prefix);
		}
	}
	json_close_array(j);
	json_str(j, "grants_text", buf_slice(&text));
	buf_free(&text);
	buf_free(&verbs);
}

static void
write_key(struct s3_req *r, const struct access_key *k, struct slice secret)
{
	char when[WHEN_TEXT];
	struct json j;

	when_iso(k->created, when);
	json_begin(&j, &r->reply.body);
	json_text(&j, "id", k->id);
	if (secret.n > 0)
		json_str(&j, "secret", secret);
	json_text(&j, "tenant", k->tenant->name);
	json_bool(&j, "disabled", k->disabled);
	json_text(&j, "created", when);
	write_grants(&j, k);
	json_end(&j);
}

void
s3_admin_keys(struct s3_req *r)
{
	struct slice tenant = uri_value(&r->uri, "tenant");
	struct slice id = uri_value(&r->uri, "id");
	const struct access_key *k;
	size_t at = 0;

	while ((k = nodedb_key_next(r->s3->db, &at)) != NULL)
		if ((tenant.n == 0 || slice_is(tenant, k->tenant->name)) &&
		    (id.n == 0 || slice_is(id, k->id)))
			write_key(r, k, slice_of("", 0));
	s3_admin_answer(r);
}

/* BUCKET:VERBS[:PREFIX] */
static bool
read_grant(struct slice text, struct grant *g)
{
	struct slice bucket, verbs;

	if (!text_next(&text, ':', &bucket) || !text_next(&text, ':', &verbs))
		return false;
	if ((!slice_is(bucket, "*") && !s3_bucket_name_ok(bucket)) ||
	    s3_verbs_parse(verbs, &g->verbs) < 0 || g->verbs == 0 ||
	    text.n > NODEDB_KEY || memchr(text.p ? text.p : verbs.p, 0, text.n))
		return false;
	memcpy(g->bucket, bucket.p, bucket.n);
	g->bucket[bucket.n] = 0;
	g->prefix = calloc(1, text.n + 1);
	if (g->prefix && text.n > 0)
		memcpy(g->prefix, text.p, text.n);
	return g->prefix != NULL;
}

static bool
read_grants(struct s3_req *r, struct access_key *k)
{
	struct slice list = uri_value(&r->uri, "grants"), one;

	if (list.n == 0)
		list = slice_text("*:all");
	while (text_next(&list, ' ', &one)) {
		if (k->ngrants == NODEDB_GRANTS ||
		    !read_grant(one, &k->grants[k->ngrants])) {
			s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
			    "A grant is BUCKET:VERBS or BUCKET:VERBS:PREFIX, "
			    "with the verbs read, write, delete, list, admin "
			    "or all.");
			return false;
		}
		k->ngrants++;
	}
	return true;
}

/* The secret of the body, or a new one; sealed into the key. */
static bool
seal(struct s3_req *r, struct access_key *k, struct buf *secret)
{
	struct buf sealed = { .max = NODEDB_SECRET };
	uint8_t bytes[NEW_SECRET];
	bool good;

	put_slice(secret, buf_slice(&r->body));
	buf_wipe(&r->body);
	if (secret->n == 0 && !secret->bad) {
		randombytes_buf(bytes, sizeof bytes);
		mbase_encode(
		    MBASE_64URL, slice_of(bytes, sizeof bytes), secret);
		sodium_memzero(bytes, sizeof bytes);
	}
	good = !secret->bad && secret->n >= SECRET_LEAST;
	for (size_t i = 0; good && i < secret->n; i++)
		good = secret->p[i] > ' ' && secret->p[i] < 0x7f;
	if (!good) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "A secret is 8 to 88 visible ASCII characters.");
		return false;
	}
	secretbox_seal(
	    r->s3->conf.secret, slice_text(k->id), buf_slice(secret), &sealed);
	memcpy(k->sealed, sealed.p, sealed.n);
	k->nsealed = sealed.n;
	buf_free(&sealed);
	return true;
}

static void
save(struct s3_req *r, const struct access_key *k, struct slice secret)
{
	enum nodedb_said said = nodedb_key_put(r->s3->db, k);

	sigv4_cache_free(&r->s3->keys);
	/* what k borrows of the one before is gone: tell what was kept */
	if (said == NODEDB_OK)
		write_key(r, nodedb_key(r->s3->db, slice_text(k->id)), secret);
	s3_admin_done(r, said, "");
}

static void
add_key(struct s3_req *r, const char *id)
{
	static struct access_key k; /* big */
	struct buf secret = { .max = SECRET_MOST };
	struct buf name = { .max = NODEDB_NAME };
	struct slice tenant = uri_value(&r->uri, "tenant");
	uint8_t bytes[ID_BYTES];

	memset(&k, 0, sizeof k);
	if (id == NULL) {
		randombytes_buf(bytes, sizeof bytes);
		put_text(&name, "KN");
		mbase_encode(MBASE_32, slice_of(bytes, sizeof bytes), &name);
		for (size_t i = 0; i < name.n; i++)
			if (name.p[i] >= 'a' && name.p[i] <= 'z')
				name.p[i] = (uint8_t)(name.p[i] - 'a' + 'A');
	} else {
		put_text(&name, id);
	}
	memcpy(k.id, name.p, name.n);
	buf_free(&name);
	k.tenant = nodedb_tenant(
	    r->s3->db, tenant.n ? tenant : slice_text(S3_OWN_TENANT));
	k.created = r->now;
	if (nodedb_key(r->s3->db, slice_text(k.id)))
		s3_admin_done(r, NODEDB_EXISTS, "");
	else if (k.tenant == NULL)
		s3_fail_why(r, S3ERR_NO_SUCH_KEY, "There is no such tenant.");
	else if (read_grants(r, &k) && seal(r, &k, &secret))
		save(r, &k, buf_slice(&secret));
	for (size_t i = 0; i < k.ngrants; i++)
		free(k.grants[i].prefix);
	buf_wipe(&secret);
}

static void
rotate(struct s3_req *r, struct access_key *k)
{
	struct buf secret = { .max = SECRET_MOST };

	if (seal(r, k, &secret))
		save(r, k, buf_slice(&secret));
	buf_wipe(&secret);
}

void
s3_admin_key(struct s3_req *r)
{
	static struct access_key k; /* big */
	struct slice what = uri_value(&r->uri, "do");
	char id[S3_ADMIN_VALUE];
	const struct access_key *old;
	bool add = slice_is(what, "add");

	if (s3_admin_value(r, "id", id) == NULL) {
		if (add)
			add_key(r, NULL);
		else
			s3_fail_why(r, S3ERR_INVALID_ARGUMENT, "Which key?");
		return;
	}
	if (bad_name(r, id))
		return;
	old = nodedb_key(r->s3->db, slice_text(id));
	if (add) {
		add_key(r, id);
		return;
	}
	if (old == NULL) {
		s3_fail_why(r, S3ERR_NO_SUCH_KEY, "There is no such key.");
		return;
	}
	k = *old;
	k.disabled = slice_is(what, "disable");
	if (slice_is(what, "disable") || slice_is(what, "enable")) {
		save(r, &k, slice_of("", 0));
	} else if (slice_is(what, "rotate")) {
		k.disabled = old->disabled;
		rotate(r, &k);
	} else if (slice_is(what, "remove")) {
		sigv4_cache_free(&r->s3->keys);
		s3_admin_done(r, nodedb_key_cut(r->s3->db, slice_text(id)),
		    "There is no such key.");
	} else {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "do is add, disable, enable, rotate or remove.");
	}
}

/* Buckets. */

static void
write_bucket(struct s3_req *r, const struct bucket *b)
{
	struct json j;

	json_begin(&j, &r->reply.body);
	json_text(&j, "bucket", b->name);
	json_text(&j, "tenant", b->tenant->name);
	s3_admin_rights(&j, b);
	json_end(&j);
}

static void
make_bucket(struct s3_req *r, struct slice name)
{
	struct slice tenant = uri_value(&r->uri, "tenant");
	struct tenant *t = nodedb_tenant(
	    r->s3->db, tenant.n ? tenant : slice_text(S3_OWN_TENANT));
	enum nodedb_said said;
	struct bucket *b;

	if (!s3_bucket_name_ok(name)) {
		s3_fail(r, S3ERR_INVALID_BUCKET_NAME);
		return;
	}
	if (t == NULL) {
		s3_fail_why(r, S3ERR_NO_SUCH_KEY, "There is no such tenant.");
		return;
	}
	if (nodedb_bucket(r->s3->db, name) == NULL &&
	    s3_buckets_full(r->s3, t)) {
		s3_fail(r, S3ERR_TOO_MANY_BUCKETS);
		return;
	}
	said = nodedb_bucket_new(r->s3->db, name, t, r->now, &b);
	if (said == NODEDB_OK)
		write_bucket(r, b);
	s3_admin_done(r, said, "");
}

static void
set_bucket(struct s3_req *r, struct bucket *b)
{
	struct slice anonymous = uri_value(&r->uri, "anonymous");
	struct slice versioning = uri_value(&r->uri, "versioning");
	unsigned verbs = b->anonymous, v = b->versioning;
	enum nodedb_said said;

	if (!(r->local & S3_LOCAL_ADMIN)) {
		s3_fail_why(r, S3ERR_ACCESS_DENIED,
		    "What a bucket shows and keeps is set with the right "
		    "admin.");
		return;
	}
	if (anonymous.n > 0 && !slice_is(anonymous, "none") &&
	    (s3_verbs_parse(anonymous, &verbs) < 0 ||
		(verbs & ~(unsigned)(S3_READ | S3_LIST)))) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "Everybody may read, list, both or none.");
		return;
	}
	if (slice_is(anonymous, "none"))
		verbs = 0;
	if (slice_is(versioning, "on"))
		v = S3_VERSIONED;
	else if (slice_is(versioning, "suspended"))
		v = S3_SUSPENDED;
	else if (versioning.n > 0) {
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT,
		    "Versioning is on or suspended.");
		return;
	}
	said = nodedb_bucket_set(r->s3->db, b, v, verbs);
	if (said == NODEDB_OK)
		write_bucket(r, b);
	s3_admin_done(r, said, "");
}

void
s3_admin_bucket(struct s3_req *r)
{
	struct slice what = uri_value(&r->uri, "do");
	struct slice name = uri_value(&r->uri, "name");
	struct bucket *b = nodedb_bucket(r->s3->db, name);

	if (slice_is(what, "make"))
		make_bucket(r, name);
	else if (b == NULL)
		s3_fail(r, S3ERR_NO_SUCH_BUCKET);
	else if (slice_is(what, "set"))
		set_bucket(r, b);
	else
		s3_fail_why(r, S3ERR_INVALID_ARGUMENT, "do is make or set.");
}
