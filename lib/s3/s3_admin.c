/* SPDX-License-Identifier: ISC
 *
 * What the command line asks beyond S3, on the local socket: /-/NAME?…, answers
 * in NDJSON (kn-store(8)).  Which of the local rights it needs stands in the
 * table. */
#include "s3/s3_own.h"
#include "s3/s3_admin.h"
#include "base/json.h"
#include "web/text.h"

#include <string.h>

enum { BODY = 4096 };

struct page {
	const char *name;
	unsigned right; /* of S3_LOCAL_ */
	bool post;
	void (*run)(struct s3_req *);
};

static const struct page pages[] = {
	{ "ls", S3_LOCAL_READ, false, s3_admin_ls },
	{ "stat", S3_LOCAL_READ, false, s3_admin_stat },
	{ "du", S3_LOCAL_READ, false, s3_admin_du },
	{ "usage", S3_LOCAL_READ, false, s3_admin_usage },
	{ "health", S3_LOCAL_READ, false, s3_admin_health },
	{ "stats", S3_LOCAL_READ, false, s3_admin_stats },
	{ "keys", S3_LOCAL_ADMIN, false, s3_admin_keys },
	{ "keys", S3_LOCAL_ADMIN, true, s3_admin_key },
	{ "tenants", S3_LOCAL_ADMIN, true, s3_admin_tenant },
	{ "buckets", S3_LOCAL_WRITE, true, s3_admin_bucket },
	{ "care", S3_LOCAL_ADMIN, true, s3_admin_care },
};

static const struct page *
page_of(const struct s3_req *r)
{
	struct slice name = r->uri.path;
	bool post = slice_is(r->head->method, "POST");

	if (!post && !slice_is(r->head->method, "GET"))
		return NULL;
	(void)get_bytes(&name, strlen("/-/"));
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
		if (slice_is(name, pages[i].name) && pages[i].post == post)
			return &pages[i];
	return NULL;
}

/* Refuse before the body what would be refused anyway. */
void
s3_admin_begin(struct s3_req *r)
{
	const struct page *p = page_of(r);

	if (r->who != S3_WHO_LOCAL)
		s3_fail(r, S3ERR_ACCESS_DENIED);
	else if (p == NULL)
		s3_fail(r, S3ERR_NOT_IMPLEMENTED);
	else if ((r->local & p->right) != p->right)
		s3_fail_why(r, S3ERR_ACCESS_DENIED,
		    "Your user may not do that; see store.control in "
		    "node.ini.");
	else if (r->head->has_length && r->head->length > BODY)
		s3_fail(r, S3ERR_MAX_MESSAGE);
}

void
s3_admin_end(struct s3_req *r)
{
	if (r->body.n > BODY)
		s3_fail(r, S3ERR_MAX_MESSAGE);
	else
		page_of(r)->run(r);
}

const char *
s3_admin_value(struct s3_req *r, const char *name, char text[S3_ADMIN_VALUE])
{
	struct slice v = uri_value(&r->uri, name);

	text[0] = 0;
	if (v.n == 0 || v.n >= S3_ADMIN_VALUE || memchr(v.p, 0, v.n))
		return NULL;
	memcpy(text, v.p, v.n);
	text[v.n] = 0;
	return text;
}

void
s3_admin_answer(struct s3_req *r)
{
	if (r->reply.body.bad) {
		s3_fail(r, S3ERR_SLOW_DOWN);
		return;
	}
	http_put_text(&r->reply, "Content-Type", "application/x-ndjson");
	s3_answer(r, 200);
}

void
s3_admin_done(struct s3_req *r, enum nodedb_said said, const char *none)
{
	if (said == NODEDB_NONE)
		s3_fail_why(r, S3ERR_NO_SUCH_KEY, none);
	else if (said == NODEDB_EXISTS)
		s3_fail_why(r, S3ERR_BAD_STATE, "There is one already.");
	else if (said == NODEDB_BUSY)
		s3_fail_why(r, S3ERR_BAD_STATE,
		    "It is still in use: remove what it has first.");
	else if (said == NODEDB_FULL)
		s3_fail_why(
		    r, S3ERR_BAD_STATE, "There are as many as there may be.");
	else if (said != NODEDB_OK)
		s3_fail_db(r, said, S3ERR_NO_SUCH_KEY);
	else
		s3_admin_answer(r);
}

void
s3_admin_rights(struct json *j, const struct bucket *b)
{
	static const char *const versioning[] = { "off", "on", "suspended" };
	struct buf verbs = { .max = 64 };

	s3_verbs_print(b->anonymous, &verbs);
	json_text(j, "versioning", versioning[b->versioning]);
	json_str(j, "anonymous", buf_slice(&verbs));
	buf_free(&verbs);
}

void
s3_admin_health(struct s3_req *r)
{
	struct blobs_space space = { 0 };
	struct nodedb_counts c;
	struct json j;
	const char *why = NULL;

	nodedb_counts(r->s3->db, &c);
	if (blobs_space(r->s3->blobs, &space) < 0)
		why = "the disk does not answer";
	else if (space.read_only)
		why = "the disk is read-only";
	else if (space.bytes_free < r->s3->conf.disk_reserve)
		why = "the disk is full";
	else if (space.inodes_all > 0 && space.inodes_free == 0)
		why = "the disk has no inodes left";
	else if (!nodedb_writable(r->s3->db))
		why = nodedb_why(r->s3->db);
	json_begin(&j, &r->reply.body);
	json_bool(&j, "ok", why == NULL);
	if (why)
		json_text(&j, "why", why);
	json_uint(&j, "damaged", c.damaged);
	json_uint(&j, "disk_free", space.bytes_free);
	json_uint(&j, "inodes_free", space.inodes_free);
	json_end(&j);
	s3_admin_answer(r);
}

void
s3_admin_stats(struct s3_req *r)
{
	const struct sweep_counts *s = sweep_counts(r->s3->sweep);
	struct nodedb_counts c;
	struct json j;

	nodedb_counts(r->s3->db, &c);
	json_begin(&j, &r->reply.body);
#define SAY(name) json_uint(&j, #name, c.name)
	SAY(tenants);
	SAY(keys);
	SAY(buckets);
	SAY(objects);
	SAY(markers);
	SAY(uploads);
	SAY(parts);
	SAY(blobs);
	SAY(blob_bytes);
	SAY(inlines);
	SAY(dead);
	SAY(damaged);
	SAY(journal_first);
	SAY(journal_last);
	SAY(commits);
	SAY(fsyncs);
	SAY(disk_bytes);
#undef SAY
	json_uint(&j, "swept", s->removed);
	json_uint(&j, "swept_bytes", s->removed_bytes);
	json_uint(&j, "orphans", s->orphans);
	json_uint(&j, "scrubbed", s->scrubbed);
	json_uint(&j, "scrubbed_bytes", s->scrubbed_bytes);
	json_uint(&j, "requests", r->s3->nreqs);
	json_end(&j);
	s3_admin_answer(r);
}

void
s3_admin_care(struct s3_req *r)
{
	struct slice what = uri_value(&r->uri, "do");

	if (slice_is(what, "scrub")) {
		sweep_scrub(r->s3->sweep);
	} else if (slice_is(what, "orphans")) {
		sweep_orphans(r->s3->sweep);
	} else {
		s3_fail_why(
		    r, S3ERR_INVALID_ARGUMENT, "do is scrub or orphans.");
		return;
	}
	s3_admin_answer(r);
}
