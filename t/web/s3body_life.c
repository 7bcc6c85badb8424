/* SPDX-License-Identifier: ISC */
#include "web/s3body.h"
#include "t/tap.h"

#define LIFE(x) "<LifecycleConfiguration>" x "</LifecycleConfiguration>"
#define RULE(x) "<Rule><Status>Enabled</Status>" x "</Rule>"
#define ALL     "<Filter/>"
#define F(x)    "<Filter>" x "</Filter>"
#define AND(x)  F("<And>" x "</And>")
#define P(x)    "<Prefix>" x "</Prefix>"
#define T(k, v) "<Tag><Key>" k "</Key><Value>" v "</Value></Tag>"
#define MORE(x) "<ObjectSizeGreaterThan>" x "</ObjectSizeGreaterThan>"
#define LESS(x) "<ObjectSizeLessThan>" x "</ObjectSizeLessThan>"
#define E(x)    "<Expiration>" x "</Expiration>"
#define D(x)    "<Days>" x "</Days>"
#define EXPIRE  E(D("1"))
#define MARKER  E("<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>")
#define OLD(x)                                                                 \
	"<NoncurrentVersionExpiration>" x "</NoncurrentVersionExpiration>"
#define ND(x) "<NoncurrentDays>" x "</NoncurrentDays>"
#define NN(x) "<NewerNoncurrentVersions>" x "</NewerNoncurrentVersions>"
#define ABORT(x)                                                               \
	"<AbortIncompleteMultipartUpload><DaysAfterInitiation>" x              \
	"</DaysAfterInitiation></AbortIncompleteMultipartUpload>"
#define ID(x) "<ID>" x "</ID>"
#define TO    "<Days>1</Days><StorageClass>GLACIER</StorageClass>"

static const struct {
	const char *xml;
	enum s3err e;
	const char *name;
} docs[] = {
	{ LIFE(RULE(P("") EXPIRE)), S3ERR_OK, "the old form, for everything" },
	{ LIFE(RULE(P("logs/") EXPIRE)), S3ERR_OK, "the old form" },
	{ LIFE(RULE(ALL EXPIRE)), S3ERR_OK, "an empty filter" },
	{ LIFE(RULE(F(P("logs/")) EXPIRE)), S3ERR_OK, "a prefix" },
	{ LIFE(RULE(F(T("a", "b")) EXPIRE)), S3ERR_OK, "a tag" },
	{ LIFE(RULE(F(MORE("5")) EXPIRE)), S3ERR_OK, "a size" },
	{ LIFE(RULE(AND(P("a") T("a", "b") T("c", "d")) EXPIRE)), S3ERR_OK,
	    "all of them" },
	{ LIFE(RULE(AND(MORE("5") LESS("7")) EXPIRE)), S3ERR_OK, "six bytes" },
	{ LIFE(RULE(ALL MARKER)), S3ERR_OK, "delete markers" },
	{ LIFE(RULE(ALL OLD(ND("3") NN("2")))), S3ERR_OK, "old versions" },
	{ LIFE(RULE(ALL ABORT("7"))), S3ERR_OK, "uploads" },
	{ LIFE(RULE(ALL E("<Date>2030-01-01T00:00:00.000Z</Date>"))), S3ERR_OK,
	    "a date" },
	{ LIFE(RULE(ID("a") ALL EXPIRE) RULE(ID("b") ALL EXPIRE)
		  RULE(ALL EXPIRE) RULE(ALL EXPIRE)),
	    S3ERR_OK, "several rules" },
	{ LIFE(RULE(EXPIRE)), S3ERR_MALFORMED_XML, "for what?" },
	{ LIFE(RULE(P("") ALL EXPIRE)), S3ERR_MALFORMED_XML, "both forms" },
	{ LIFE(RULE(F(P("a") T("a", "b")) EXPIRE)), S3ERR_MALFORMED_XML,
	    "two conditions without And" },
	{ LIFE(RULE(AND("") EXPIRE)), S3ERR_MALFORMED_XML, "an empty And" },
	{ LIFE(RULE(F(T("a", "b") T("c", "d")) EXPIRE)), S3ERR_MALFORMED_XML,
	    "two tags without And" },
	{ LIFE(RULE(AND(T("a", "b") T("a", "d")) EXPIRE)),
	    S3ERR_INVALID_REQUEST, "a tag twice" },
	{ LIFE(RULE(F(T("", "b")) EXPIRE)), S3ERR_INVALID_TAG, "no key" },
	{ LIFE(RULE(F("<Tag><Key>a</Key></Tag>") EXPIRE)), S3ERR_MALFORMED_XML,
	    "half a tag" },
	{ LIFE(RULE(F(MORE("0")) EXPIRE)), S3ERR_NOT_IMPLEMENTED,
	    "all but the empty" },
	{ LIFE(RULE(F(LESS("0")) EXPIRE)), S3ERR_INVALID_ARGUMENT,
	    "less than nothing" },
	{ LIFE(RULE(AND(MORE("5") LESS("6")) EXPIRE)), S3ERR_INVALID_REQUEST,
	    "no size at all" },
	{ LIFE(RULE(F(MORE("x")) EXPIRE)), S3ERR_MALFORMED_XML, "no number" },
	{ LIFE(RULE(ALL)), S3ERR_INVALID_REQUEST, "a rule without deeds" },
	{ LIFE(RULE(ALL E("<ExpiredObjectDeleteMarker>false"
			  "</ExpiredObjectDeleteMarker>"))),
	    S3ERR_INVALID_REQUEST, "a rule that says no" },
	{ LIFE(RULE(ALL E(""))), S3ERR_MALFORMED_XML, "an empty expiration" },
	{ LIFE(RULE(ALL E(D("0")))), S3ERR_INVALID_ARGUMENT, "no days" },
	{ LIFE(RULE(ALL E(D("-1")))), S3ERR_INVALID_ARGUMENT, "minus a day" },
	{ LIFE(RULE(ALL E(D("2147483648")))), S3ERR_INVALID_ARGUMENT,
	    "too many days" },
	{ LIFE(RULE(ALL E(D("1") D("2")))), S3ERR_MALFORMED_XML, "days twice" },
	{ LIFE(RULE(ALL E(D("1") "<Date>2030-01-01</Date>"))),
	    S3ERR_MALFORMED_XML, "days and a date" },
	{ LIFE(RULE(ALL E("<Date>2030-01-01T00:00:01Z</Date>"))),
	    S3ERR_INVALID_ARGUMENT, "a second past midnight" },
	{ LIFE(RULE(ALL E("<Date>tomorrow</Date>"))), S3ERR_MALFORMED_XML,
	    "no date" },
	{ LIFE(RULE(ALL OLD(NN("2")))), S3ERR_MALFORMED_XML,
	    "old versions without days" },
	{ LIFE(RULE(ALL OLD(ND("2") NN("101")))), S3ERR_INVALID_ARGUMENT,
	    "too many newer versions" },
	{ LIFE(RULE(F(T("a", "b")) ABORT("7"))), S3ERR_INVALID_REQUEST,
	    "uploads by tag" },
	{ LIFE(RULE(F(MORE("5")) MARKER)), S3ERR_INVALID_REQUEST,
	    "markers by size" },
	{ LIFE(RULE(ALL EXPIRE "<Transition>" TO "</Transition>")),
	    S3ERR_NOT_IMPLEMENTED, "a transition" },
	{ LIFE(RULE(ALL "<NoncurrentVersionTransition>" TO
			"</NoncurrentVersionTransition>")),
	    S3ERR_NOT_IMPLEMENTED, "a transition of old versions" },
	{ LIFE(RULE(ALL EXPIRE "<More/>")), S3ERR_MALFORMED_XML,
	    "something unknown" },
	{ LIFE(RULE(F("<Suffix>x</Suffix>") EXPIRE)), S3ERR_MALFORMED_XML,
	    "an unknown condition" },
	{ LIFE("<Rule>" ALL EXPIRE "</Rule>"), S3ERR_MALFORMED_XML,
	    "no status" },
	{ LIFE("<Rule><Status>enabled</Status>" ALL EXPIRE "</Rule>"),
	    S3ERR_MALFORMED_XML, "another status" },
	{ LIFE(RULE(ID("a") ALL EXPIRE) RULE(ID("a") ALL EXPIRE)),
	    S3ERR_INVALID_ARGUMENT, "an ID twice" },
	{ LIFE(""), S3ERR_MALFORMED_XML, "no rule" },
	{ "<Lifecycle/>", S3ERR_MALFORMED_XML, "another document" },
};

static void
test_parse(void)
{
	struct s3_lifecycle l;
	const char *why;

	for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
		enum s3err e =
		    s3_lifecycle_parse(slice_text(docs[i].xml), &l, &why);

		if (!ok(e == docs[i].e && (e == S3ERR_OK) == (*why == '\0'),
			"%s: %s", docs[i].name, why))
			printf("# %s\n", s3err_code(e));
		s3_lifecycle_free(&l);
		s3_lifecycle_free(&l);
	}
}

static void
test_fields(void)
{
	static const char xml[] = LIFE(RULE(ID("one") AND(P("a/") T("k", "v")
		T("l", "") MORE("5") LESS("500")) E(D("30")) OLD(ND("3")
		NN("2"))) "<Rule><Status>Disabled</Status>" P("b") ABORT("7")
		MARKER "</Rule>" RULE(ALL E("<Date>2030-01-01</Date>")));
	struct s3_lifecycle l;
	const struct s3_rule *r;
	const char *why;

	is_int(s3_lifecycle_parse(slice_text(xml), &l, &why), S3ERR_OK,
	    "three rules");
	r = &l.at[0];
	ok(l.n == 3 && slice_is(r->id, "one") && slice_is(r->prefix, "a/") &&
		r->enabled && r->days == 30 && r->date == 0 && !r->marker,
	    "the first");
	ok(r->ntags == 2 && slice_is(r->tags[0].key, "k") &&
		slice_is(r->tags[0].value, "v") &&
		slice_is(r->tags[1].key, "l") && r->tags[1].value.n == 0 &&
		r->larger == 5 && r->smaller == 500,
	    "its filter");
	ok(r->noncurrent_days == 3 && r->newer_noncurrent == 2 &&
		r->abort_days == 0,
	    "and old versions");
	r = &l.at[1];
	ok(!r->enabled && slice_is(r->prefix, "b") && r->abort_days == 7 &&
		r->marker && r->days == 0 && r->ntags == 0 && r->id.n == 0,
	    "the second");
	ok(l.at[2].date == 1893456000 && l.at[2].prefix.n == 0, "the third");
	s3_lifecycle_free(&l);
}

static enum s3err
parse_many(size_t rules, size_t tags, size_t id)
{
	struct buf xml = { .max = 4 << 20 };
	struct s3_lifecycle l;
	const char *why;
	enum s3err e;

	put_text(&xml, "<LifecycleConfiguration>");
	for (size_t i = 0; i < rules; i++) {
		char text[80];

		put_text(&xml, "<Rule><ID>");
		for (size_t j = 4; j < id; j++)
			put_u8(&xml, 'i');
		snprintf(text, sizeof text, "%04zu</ID>", i);
		put_text(&xml, text);
		put_text(&xml, "<Status>Enabled</Status><Filter><And>");
		for (size_t j = 0; j < tags; j++) {
			snprintf(text, sizeof text, T("k%zu", ""), j);
			put_text(&xml, text);
		}
		put_text(&xml, "<Prefix/></And></Filter>" EXPIRE "</Rule>");
	}
	put_text(&xml, "</LifecycleConfiguration>");
	e = s3_lifecycle_parse(buf_slice(&xml), &l, &why);
	s3_lifecycle_free(&l);
	buf_free(&xml);
	return e;
}

static void
test_limits(void)
{
	is_int(parse_many(S3_RULES, 1, 8), S3ERR_OK, "a thousand rules");
	is_int(parse_many(S3_RULES + 1, 1, 8), S3ERR_MALFORMED_XML, "one more");
	is_int(parse_many(1, S3_TAGS, 8), S3ERR_OK, "ten tags");
	is_int(
	    parse_many(1, S3_TAGS + 1, 8), S3ERR_INVALID_ARGUMENT, "one more");
	is_int(parse_many(2, 1, 255), S3ERR_OK, "IDs of 255 bytes");
	is_int(parse_many(2, 1, 256), S3ERR_INVALID_ARGUMENT, "of 256");
}

int
main(void)
{
	test_parse();
	test_fields();
	test_limits();
	return tap_done();
}
