/* SPDX-License-Identifier: ISC */
#include "t/s3/rows.h"
#include "store/nodedb_own.h"

#define HOUR INT64_C(3600000)
#define DAY  (24 * HOUR)

static void
ticks(struct rig *g, unsigned n)
{
	while (n-- > 0) {
		s3_tick(g->s3, g->now);
		s3_flush(g->s3, g->now);
	}
}

/* The next pass, whole. */
static void
pass_in(struct rig *g, unsigned n)
{
	g->now += HOUR;
	ticks(g, n);
}

static void
pass(struct rig *g)
{
	pass_in(g, 40);
}

#define RULE(x) "<Rule><Status>Enabled</Status>" x "</Rule>"
#define ALL     "<Filter/>"
#define DAYS(n) "<Expiration><Days>" n "</Days></Expiration>"
#define OLD(x)                                                                 \
	"<NoncurrentVersionExpiration>" x "</NoncurrentVersionExpiration>"

static void
rules(struct rig *g, const char *xml)
{
	char doc[4096];

	snprintf(doc, sizeof doc,
	    "<LifecycleConfiguration>%s</LifecycleConfiguration>", xml);
	rig_ask(g, "PUT", "/box?lifecycle", "", slice_text(doc));
	rig_is(g, 200, "", "rules are set");
}

static void
put(struct rig *g, const char *key, const char *lines)
{
	char target[200];

	snprintf(target, sizeof target, "/box/%s", key);
	rig_ask(g, "PUT", target, lines, slice_text(key));
	if (g->got.status != 200)
		rig_is(g, 200, "", target);
}

static void
versioned(struct rig *g)
{
	if (nodedb_bucket_set(g->db, g->box, S3_VERSIONED, 0) != NODEDB_OK)
		abort();
	nodedb_commit(g->db);
}

static void
days(void)
{
	struct rig g;

	rig_new(&g); /* at 22:13:20 */
	put(&g, "a", "");
	rules(&g, RULE(ALL DAYS("1")));
	g.now += DAY;
	pass(&g);
	is_text(rows_ask(&g, "/box"), "a", "a day counts until midnight");
	g.now = (g.now / DAY + 1) * DAY - 1 - HOUR;
	pass(&g);
	is_text(rows_ask(&g, "/box"), "a", "to the millisecond");
	g.now = (g.now / DAY + 1) * DAY - HOUR;
	pass(&g);
	is_text(rows_ask(&g, "/box"), "", "it is over");
	is_int(g.s3->stats[S3_STAT_EXPIRED], 1, "and counted");
	is_int(g.ann->disk_used, 0, "nothing is used");
	g.now = (g.now / DAY + 1) * DAY + 1;
	put(&g, "b", "");
	g.now += DAY - HOUR;
	pass(&g);
	is_text(rows_ask(&g, "/box"), "b",
	    "one that was made behind midnight stays until the next");
	rules(&g, "<Rule><Status>Disabled</Status>" ALL DAYS("1") "</Rule>");
	g.now += 9 * DAY;
	pass(&g);
	is_text(rows_ask(&g, "/box"), "b", "a rule that is off does nothing");
	rig_free(&g);
}

static void
date(void)
{
	struct rig g;

	rig_new(&g);
	put(&g, "a", "");
	rules(&g, RULE(ALL "<Expiration><Date>2023-11-16T00:00:00.000Z</Date>"
			   "</Expiration>"));
	g.now = INT64_C(1700092799999) - HOUR;
	pass(&g);
	is_text(rows_ask(&g, "/box"), "a", "before the date");
	pass(&g);
	is_text(rows_ask(&g, "/box"), "", "after it");
	put(&g, "late", "");
	pass(&g);
	is_text(rows_ask(&g, "/box"), "", "also what came later");
	rig_free(&g);
}

static void
filters(void)
{
	static const struct {
		const char *filter, *left;
	} rows_left[] = {
		{ "<Filter/>", "" },
		{ "<Filter><Prefix>aa</Prefix></Filter>", "ab b" },
		{ "<Prefix>a</Prefix>", "b" },
		{ "<Filter><Tag><Key>t</Key><Value>1</Value></Tag></Filter>",
		    "aaa ab" },
		{ "<Filter><And><Prefix>a</Prefix><Tag><Key>t</Key><Value>1"
		  "</Value></Tag></And></Filter>",
		    "aaa ab b" },
		{ "<Filter><And><Tag><Key>t</Key><Value>1</Value></Tag><Tag>"
		  "<Key>u</Key><Value>2</Value></Tag></And></Filter>",
		    "aaa ab" },
		{ "<Filter><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan>"
		  "</Filter>",
		    "b" },
		{ "<Filter><ObjectSizeLessThan>2</ObjectSizeLessThan></Filter>",
		    "aaa ab" },
		{ "<Filter><And><ObjectSizeGreaterThan>1"
		  "</ObjectSizeGreaterThan><ObjectSizeLessThan>3"
		  "</ObjectSizeLessThan></And></Filter>",
		    "aaa b" },
	};
	char xml[1000];
	struct rig g;

	rig_new(&g);
	for (size_t i = 0; i < sizeof rows_left / sizeof *rows_left; i++) {
		put(&g, "aaa", "");
		put(&g, "ab", "x-amz-tagging: t=2\n");
		put(&g, "b", "x-amz-tagging: t=1&u=2\n");
		snprintf(
		    xml, sizeof xml, RULE("%s" DAYS("1")), rows_left[i].filter);
		rules(&g, xml);
		g.now += 2 * DAY;
		pass(&g);
		is_text(rows_ask(&g, "/box"), rows_left[i].left,
		    rows_left[i].filter);
	}
	rig_free(&g);
}

static void
markers(void)
{
	struct rig g;

	rig_new(&g);
	versioned(&g);
	put(&g, "a", "");
	rules(&g, RULE(ALL DAYS("1")));
	g.now += 2 * DAY;
	pass(&g);
	is_text(rows_ask(&g, "/box?versions"), "a!* a",
	    "with versions a marker is put");
	pass(&g);
	is_text(rows_ask(&g, "/box?versions"), "a!* a", "once");
	g.now += 9 * DAY;
	pass(&g);
	is_text(rows_ask(&g, "/box?versions"), "a!* a",
	    "and stays while it hides something");
	rules(&g,
	    RULE(ALL OLD(
		"<NoncurrentDays>1</NoncurrentDays>") "<Expiration><"
						      "ExpiredObjectDeleteMarke"
						      "r>true"
						      "</"
						      "ExpiredObjectDeleteMarke"
						      "r></Expiration>"));
	pass(&g);
	is_text(rows_ask(&g, "/box?versions"), "a!*", "that goes first");
	pass(&g);
	is_text(rows_ask(&g, "/box?versions"), "", "then the marker");
	rig_do(&g, "DELETE", "/box/b");
	rig_do(&g, "DELETE", "/box/ba");
	rules(&g, RULE("<Filter><Prefix>b</Prefix></Filter>" DAYS("3")));
	pass(&g);
	is_text(rows_ask(&g, "/box?versions"), "b!* ba!*",
	    "a marker that hides nothing is not old enough");
	g.now += 4 * DAY;
	pass(&g);
	is_text(rows_ask(&g, "/box?versions"), "",
	    "when it is, the rule of days removes it");
	rig_free(&g);
}

static void
older(void)
{
	struct rig g;

	rig_new(&g);
	versioned(&g);
	for (int i = 0; i < 5; i++) {
		put(&g, "a", "");
		put(&g, "b", "");
		g.now += DAY;
	}
	rules(&g, RULE("<Filter><Prefix>a</Prefix></Filter>" OLD(
		      "<NoncurrentDays>2</NoncurrentDays>")));
	pass(&g);
	is_text(rows_ask(&g, "/box?versions&prefix=a"), "a* a a",
	    "days count from when the next version came");
	g.now += 30 * DAY;
	rules(&g, RULE("<Filter><Prefix>b</Prefix></Filter>" OLD(
		      "<NoncurrentDays>1</NoncurrentDays>"
		      "<NewerNoncurrentVersions>2</NewerNoncurrentVersions>")));
	pass(&g);
	is_text(rows_ask(&g, "/box?versions"), "a* a a b* b b",
	    "two old ones are kept whatever their age");
	pass(&g);
	is_text(rows_ask(&g, "/box?versions"), "a* a a b* b b", "for good");
	rig_free(&g);
}

/* More rows than a slice has, and keys whose versions lie in several. */
static void
slices(void)
{
	char key[32];
	struct rig g;

	rig_new(&g);
	for (int i = 0; i < 700; i++) {
		snprintf(key, sizeof key, "%s%03d", i % 2 ? "keep" : "k", i);
		put(&g, key, "");
	}
	rules(&g, RULE("<Filter><And><Prefix>k</Prefix><ObjectSizeLessThan>5"
		       "</ObjectSizeLessThan></And></Filter>" DAYS("1")));
	g.now += 3 * DAY;
	pass(&g);
	is_int(g.s3->stats[S3_STAT_EXPIRED], 350, "half of them are over");
	rows_ask(&g, "/box");
	is_int(rows.count, 350, "the others are there");
	ok(strstr(rows.text, "k000") == NULL, "as they should be");
	rig_free(&g);
	rig_new(&g);
	versioned(&g);
	for (int i = 0; i < 600; i++) {
		put(&g, "many", "");
		if (i % 2)
			put(&g, "more", "");
	}
	put(&g, "one", "");
	rules(
	    &g, RULE(ALL OLD(
		    "<NoncurrentDays>1</NoncurrentDays>"
		    "<NewerNoncurrentVersions>100</NewerNoncurrentVersions>")));
	g.now += 3 * DAY;
	pass(&g);
	is_int(g.s3->stats[S3_STAT_EXPIRED], 499 + 199,
	    "of many versions all but the newest go");
	rows_ask(&g, "/box?versions&prefix=many");
	is_int(rows.count, 101, "those are there");
	is_text(rows_ask(&g, "/box"), "many more one", "and the current ones");
	rig_free(&g);
}

/* Rules that are taken back in the middle of a pass remove nothing more. */
static void
changed(void)
{
	uint64_t gone;
	char key[32];
	struct rig g;

	rig_new(&g);
	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof key, "k%03d", i);
		put(&g, key, "");
	}
	rules(&g, RULE(ALL DAYS("1")));
	g.now += 3 * DAY;
	pass_in(&g, 3);
	gone = g.s3->stats[S3_STAT_EXPIRED];
	ok(gone > 0 && gone < 300, "a pass has begun");
	rules(&g, RULE("<Filter><Prefix>k299</Prefix></Filter>" DAYS("1")));
	ticks(&g, 40);
	is_int(g.s3->stats[S3_STAT_EXPIRED], gone + 1,
	    "other rules count at once");
	rules(&g, RULE(ALL DAYS("1")));
	pass_in(&g, 3);
	gone = g.s3->stats[S3_STAT_EXPIRED];
	rig_do(&g, "DELETE", "/box?lifecycle");
	is_int(g.got.status, 204, "the rules go");
	ticks(&g, 40);
	is_int(g.s3->stats[S3_STAT_EXPIRED], gone, "nothing more happens");
	rig_free(&g);
}

static void
create(struct rig *g, const char *key)
{
	char target[80];

	snprintf(target, sizeof target, "/box/%s?uploads", key);
	rig_do(g, "POST", target);
	if (g->got.status != 200)
		rig_is(g, 200, "", target);
}

static void
uploads(void)
{
	char key[32];
	struct rig g;

	rig_new(&g);
	g.s3->conf.upload_life = 100 * DAY;
	for (int i = 0; i < 1200; i++) {
		snprintf(key, sizeof key, "%s%04d", i < 1100 ? "a" : "b", i);
		create(&g, key);
	}
	rules(&g,
	    RULE("<Filter><Prefix>b</Prefix></Filter>"
		 "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1"
		 "</DaysAfterInitiation></AbortIncompleteMultipartUpload>"));
	pass(&g);
	is_int(g.s3->stats[S3_STAT_ABORTED], 0, "no upload is old enough");
	g.now += 3 * DAY;
	pass(&g);
	is_int(g.s3->stats[S3_STAT_ABORTED], 100,
	    "all that a rule names are given up, wherever they stand");
	is_int(g.box->uploads, 1100, "the others go on");
	g.s3->conf.upload_life = DAY;
	ticks(&g, 100);
	is_int(g.box->uploads, 0, "until nobody has touched them for long");
	create(&g, "c");
	ticks(&g, 2);
	is_int(g.box->uploads, 1, "a new one may go on");
	rig_free(&g);
}

/* Rules of a bucket that cannot be read do not stop the others'. */
static void
damaged(void)
{
	struct rig g;
	struct bucket *first;

	rig_new(&g);
	if (nodedb_bucket_new(g.db, slice_text("aaa"), g.ann, g.now, &first) !=
		NODEDB_OK ||
	    nodedb_doc_put(g.db, first, DOC_LIFECYCLE, slice_text("<x")) !=
		NODEDB_OK)
		abort();
	put(&g, "a", "");
	rules(&g, RULE(ALL DAYS("1")));
	g.now += 3 * DAY;
	pass(&g);
	is_text(rows_ask(&g, "/box"), "", "the next bucket's rules count");
	rig_free(&g);
}

static void
disk(void)
{
	struct rig g;

	rig_new(&g);
	put(&g, "a", "");
	put(&g, "b", "");
	rules(&g, RULE(ALL DAYS("1")));
	sqlite3_exec(g.db->sql.db,
	    "CREATE TEMP TRIGGER bad BEFORE DELETE ON object"
	    " WHEN CAST(OLD.key AS TEXT) = 'b'"
	    " BEGIN SELECT RAISE(ROLLBACK, 'bad'); END",
	    NULL, NULL, NULL);
	g.now += 3 * DAY;
	pass(&g);
	is_text(rows_ask(&g, "/box"), "a b", "the disk fails: nothing is gone");
	sqlite3_exec(g.db->sql.db, "DROP TRIGGER bad", NULL, NULL, NULL);
	pass(&g);
	is_text(rows_ask(&g, "/box"), "", "an hour later it is tried again");
	rig_free(&g);
}

/* As many rules as there may be, each with tags: a slice is smaller. */
static void
many_rules(void)
{
	struct buf xml = { .max = NODEDB_DOC };
	char text[300];
	struct rig g;

	rig_new(&g);
	put_text(&xml, "<LifecycleConfiguration>");
	for (int i = 0; i < S3_RULES; i++) {
		snprintf(text, sizeof text,
		    RULE("<Filter><Tag><Key>t</Key><Value>%d</Value></Tag>"
			 "</Filter>" DAYS("1")),
		    i);
		put_text(&xml, text);
	}
	put_text(&xml, "</LifecycleConfiguration>");
	rig_ask(&g, "PUT", "/box?lifecycle", "", buf_slice(&xml));
	rig_is(&g, 200, "", "a thousand rules");
	for (int i = 0; i < 100; i++) {
		snprintf(text, 8, "k%03d", i);
		put(&g, text,
		    i % 2 ? "x-amz-tagging: s=1&t=999\n"
			  : "x-amz-tagging: t=1000\n");
	}
	g.now += 3 * DAY;
	pass_in(&g, 3);
	ok(g.s3->stats[S3_STAT_EXPIRED] < 50, "are applied in small slices");
	ticks(&g, 20);
	is_int(g.s3->stats[S3_STAT_EXPIRED], 50, "to all rows");
	buf_free(&xml);
	rig_free(&g);
}

int
main(void)
{
	days();
	date();
	filters();
	markers();
	older();
	slices();
	changed();
	uploads();
	damaged();
	disk();
	many_rules();
	return tap_done();
}
