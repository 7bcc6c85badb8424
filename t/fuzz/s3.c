/* SPDX-License-Identifier: ISC
 *
 * A request, head and body, to the S3 machine over a small store: by anybody
 * in a bucket where anybody may everything, and by a local user.  Whatever it
 * was, it ends with an answer, and nothing stays reserved.
 *
 *	WHO BITE METHOD TARGET, header lines, an empty line, the body */
#include "t/s3/rig.h"
#include "web/text.h"

enum { LINES = 40, CAP = 4 << 20, LATER = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct rig rig;

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
end(void)
{
	must(rig_close(&rig) == 0);
}

static void
begin(void)
{
	rig_new(&rig);
	atexit(end);
	nodedb_tenant_put(rig.db, "ann", "own", CAP, UINT64_MAX, &rig.ann);
	rig.rights.at[0].words = 7;
}

/* What the requests of the corpus count on, put back when it is gone. */
static void
furnish(void)
{
	struct upload u = { .key = slice_text("up") };
	struct object o;

	rig.box = nodedb_bucket(rig.db, slice_text("box"));
	if (rig.box == NULL)
		nodedb_bucket_new(
		    rig.db, slice_text("box"), rig.ann, rig.now, &rig.box);
	nodedb_bucket_set(rig.db, rig.box, rig.box->versioning, S3_ALL);
	u.bucket = rig.box;
	if (nodedb_upload(rig.db, rig.box, u.token, &u) == NODEDB_NONE) {
		u = (struct upload){ .bucket = rig.box,
			.key = slice_text("up") };
		nodedb_upload_new(rig.db, &u);
	}
	rig.who = RIG_LOCAL;
	if (nodedb_get(rig.db, rig.box, slice_text("a"), &o) == NODEDB_NONE)
		rig_ask(&rig, "PUT", "/box/a", "", slice_text("0123456789"));
}

static struct slice
line(struct slice *in)
{
	struct slice s;

	if (!text_next(in, '\n', &s))
		return (struct slice){ 0 };
	return text_trim(s);
}

static void
read_head(struct slice *in, struct http_head *head)
{
	struct slice first = line(in), s, name;

	*head = (struct http_head){ .uid = -1, .from = slice_text("fuzz") };
	text_next(&first, ' ', &head->method);
	head->target = first;
	while (head->n < LINES && (s = line(in)).n > 0) {
		if (!text_next(&s, ':', &name) || name.n == 0)
			continue;
		head->fields[head->n++] =
		    (struct http_field){ name, text_trim(s) };
	}
	head->has_body = in->n > 0;
	head->length = in->n;
	head->has_length = http_find(head, "transfer-encoding") == NULL;
}

static void
serve(const struct http_head *head, struct slice body)
{
	struct s3_req *r = s3_begin(rig.s3, head, rig.now);
	struct http_reply *reply;

	rig_feed(&rig, r, body);
	rig_wait(&rig, r);
	reply = s3_reply(r);
	must(reply->status >= 200 && reply->status < 600);
	must(reply->status != 500);
	must(reply->fd < 0 || reply->source.read == NULL);
	rig_take(&rig, r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct http_head head;
	struct slice in = slice_of(p, n);
	uint8_t who, bite;

	if (n < 2 || n > 1 << 17)
		return 0;
	if (rig.s3 == NULL)
		begin();
	furnish();
	who = get_u8(&in);
	bite = get_u8(&in);
	rig.bite = bite == ' ' ? 0 : bite;
	read_head(&in, &head);
	head.uid = who == 'L' ? RIG_UID : -1;
	serve(&head, in);
	s3_flush(rig.s3, rig.now);
	rig.now += LATER;
	must(rig.s3->nreqs == 0 && rig.s3->stats[S3_STAT_UPLOADING] == 0);
	must(rig.ann->disk_reserved == 0 && rig.ann->egress_leased == 0);
	must(rig.ann->disk_used <= rig.ann->disk_cap);
	return 0;
}
