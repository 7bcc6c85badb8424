/* SPDX-License-Identifier: ISC
 *
 * Lifecycle rules of a bucket.  They remove data, so whatever is not wholly
 * understood is refused. */
#include "base/table.h"
#include "web/s3body_own.h"
#include "web/text.h"
#include "web/when.h"

#include <stdlib.h>

enum {
	ID = 255,
	DAYS = INT32_MAX,
	NEWER = 100,
	DAY = 24 * 3600,
};

struct reading {
	struct s3_lifecycle *out;
	bool old_prefix, filter;
	/* Conditions of a Filter, of its And, ways to expire, and all that
	 * the rule does. */
	unsigned conditions, ands, expirations, actions;
};

static struct s3_rule *
last(struct s3_doc *doc)
{
	struct reading *r = doc->arg;

	return &r->out->at[r->out->n - 1];
}

static enum s3err
malformed(struct s3_doc *doc, const char *why)
{
	return s3_doc_no(doc, S3ERR_MALFORMED_XML, why);
}

static enum s3err
invalid(struct s3_doc *doc, const char *why)
{
	return s3_doc_no(doc, S3ERR_INVALID_ARGUMENT, why);
}

static enum s3err
rule_open(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;
	struct s3_lifecycle *out = r->out;

	(void)text;
	if (out->n == S3_RULES)
		return malformed(doc, "More than 1000 rules.");
	out->at = s3_doc_more(out->at, out->n, sizeof *out->at);
	out->n++;
	*r = (struct reading){ .out = out };
	return S3ERR_OK;
}

static bool
id_is_known(const struct s3_lifecycle *out)
{
	const struct s3_rule *rule = &out->at[out->n - 1];

	for (size_t i = 0; rule->id.n > 0 && i + 1 < out->n; i++)
		if (slice_eq(out->at[i].id, rule->id))
			return true;
	return false;
}

static enum s3err
rule_close(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;
	const struct s3_rule *rule = last(doc);

	(void)text;
	if (r->old_prefix == r->filter)
		return malformed(doc, "A rule has one of Filter and Prefix.");
	if (r->actions == 0)
		return s3_doc_no(
		    doc, S3ERR_INVALID_REQUEST, "A rule does nothing.");
	if (id_is_known(r->out))
		return invalid(doc, "Two rules have the same ID.");
	if (rule->larger && rule->smaller && rule->larger >= rule->smaller - 1)
		return s3_doc_no(doc, S3ERR_INVALID_REQUEST,
		    "No object is larger and smaller so.");
	if ((rule->ntags || rule->larger || rule->smaller) &&
	    (rule->marker || rule->abort_days))
		return s3_doc_no(doc, S3ERR_INVALID_REQUEST,
		    "Delete markers and uploads have neither tags nor size.");
	return S3ERR_OK;
}

static enum s3err
rule_id(struct s3_doc *doc, struct slice text)
{
	if (text.n > ID)
		return invalid(doc, "A rule's ID is longer than 255 bytes.");
	last(doc)->id = s3_doc_keep(doc, text);
	return S3ERR_OK;
}

static enum s3err
rule_status(struct s3_doc *doc, struct slice text)
{
	text = text_trim(text);
	last(doc)->enabled = slice_is(text, "Enabled");
	if (last(doc)->enabled || slice_is(text, "Disabled"))
		return S3ERR_OK;
	return malformed(doc, "Status is Enabled or Disabled.");
}

/* --- what it is for --- */

static enum s3err
filter_open(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;

	(void)text;
	r->filter = true;
	return S3ERR_OK;
}

static enum s3err
filter_close(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;

	(void)text;
	return r->conditions > 1
		   ? malformed(doc, "Several conditions stand in And.")
		   : S3ERR_OK;
}

static enum s3err
one_condition(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;

	(void)text;
	r->conditions++;
	return S3ERR_OK;
}

static enum s3err
and_condition(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;

	(void)text;
	r->ands++;
	return S3ERR_OK;
}

static enum s3err
and_close(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;

	(void)text;
	return r->ands == 0 ? malformed(doc, "And is empty.") : S3ERR_OK;
}

static enum s3err
prefix(struct s3_doc *doc, struct slice text)
{
	last(doc)->prefix = s3_doc_keep(doc, text);
	return S3ERR_OK;
}

static enum s3err
old_prefix(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;

	r->old_prefix = true;
	return prefix(doc, text);
}

static enum s3err
larger(struct s3_doc *doc, struct slice text)
{
	struct s3_rule *rule = last(doc);

	if (text_uint(text_trim(text), INT64_MAX, &rule->larger) < 0)
		return malformed(doc, "ObjectSizeGreaterThan is no number.");
	if (rule->larger == 0)
		return s3_doc_no(doc, S3ERR_NOT_IMPLEMENTED,
		    "ObjectSizeGreaterThan of 0 is not implemented.");
	return S3ERR_OK;
}

static enum s3err
smaller(struct s3_doc *doc, struct slice text)
{
	struct s3_rule *rule = last(doc);

	if (text_uint(text_trim(text), INT64_MAX, &rule->smaller) < 0)
		return malformed(doc, "ObjectSizeLessThan is no number.");
	if (rule->smaller == 0)
		return invalid(doc, "No object is smaller than 0 bytes.");
	return S3ERR_OK;
}

static enum s3err
add_tag(struct s3_doc *doc)
{
	struct s3_rule *rule = last(doc);

	if (rule->ntags == S3_TAGS)
		return invalid(doc, "A rule has too many tags.");
	rule->tags[rule->ntags++] = (struct s3_tag){ 0 };
	return S3ERR_OK;
}

static enum s3err
one_tag(struct s3_doc *doc, struct slice text)
{
	one_condition(doc, text);
	return add_tag(doc);
}

static enum s3err
and_tag(struct s3_doc *doc, struct slice text)
{
	and_condition(doc, text);
	return add_tag(doc);
}

static enum s3err
tag_key(struct s3_doc *doc, struct slice text)
{
	struct s3_rule *rule = last(doc);

	rule->tags[rule->ntags - 1].key = s3_doc_keep(doc, text);
	return S3ERR_OK;
}

static enum s3err
tag_value(struct s3_doc *doc, struct slice text)
{
	struct s3_rule *rule = last(doc);

	rule->tags[rule->ntags - 1].value = s3_doc_keep(doc, text);
	return S3ERR_OK;
}

static enum s3err
tag_close(struct s3_doc *doc, struct slice text)
{
	const struct s3_rule *rule = last(doc);
	const struct s3_tag *tag = &rule->tags[rule->ntags - 1];
	const char *fault = s3_tag_fault(tag);

	(void)text;
	if (fault)
		return s3_doc_no(doc, S3ERR_INVALID_TAG, fault);
	for (size_t i = 0; i + 1 < rule->ntags; i++)
		if (slice_eq(rule->tags[i].key, tag->key))
			return s3_doc_no(doc, S3ERR_INVALID_REQUEST,
			    "Two tags have the same key.");
	return S3ERR_OK;
}

/* --- what it does --- */

static enum s3err
days_of(struct s3_doc *doc, struct slice text, uint64_t *v)
{
	struct reading *r = doc->arg;

	if (text_uint(text_trim(text), DAYS, v) < 0 || *v == 0)
		return invalid(doc, "A number of days is not positive.");
	r->actions++;
	return S3ERR_OK;
}

static enum s3err
expire_days(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;

	r->expirations++;
	return days_of(doc, text, &last(doc)->days);
}

static enum s3err
expire_date(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;
	int64_t at = when_parse_iso(text_trim(text));

	if (at < 0)
		return malformed(doc, "Date is no date.");
	if (at == 0 || at % DAY != 0)
		return invalid(doc, "Date is not midnight, UTC.");
	last(doc)->date = at;
	r->expirations++;
	r->actions++;
	return S3ERR_OK;
}

static enum s3err
expire_marker(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;
	struct s3_rule *rule = last(doc);

	text = text_trim(text);
	rule->marker = slice_is(text, "true");
	if (!rule->marker && !slice_is(text, "false"))
		return malformed(
		    doc, "ExpiredObjectDeleteMarker is true or false.");
	r->expirations++;
	r->actions += rule->marker;
	return S3ERR_OK;
}

static enum s3err
expire_close(struct s3_doc *doc, struct slice text)
{
	struct reading *r = doc->arg;

	(void)text;
	return r->expirations == 1
		   ? S3ERR_OK
		   : malformed(doc, "Expiration has one element.");
}

static enum s3err
noncurrent_days(struct s3_doc *doc, struct slice text)
{
	return days_of(doc, text, &last(doc)->noncurrent_days);
}

static enum s3err
noncurrent_newer(struct s3_doc *doc, struct slice text)
{
	uint64_t *v = &last(doc)->newer_noncurrent;

	if (text_uint(text_trim(text), NEWER, v) < 0 || *v == 0)
		return invalid(
		    doc, "NewerNoncurrentVersions is not from 1 to 100.");
	return S3ERR_OK;
}

static enum s3err
abort_days(struct s3_doc *doc, struct slice text)
{
	return days_of(doc, text, &last(doc)->abort_days);
}

static enum s3err
transition(struct s3_doc *doc, struct slice text)
{
	(void)text;
	return s3_doc_no(doc, S3ERR_NOT_IMPLEMENTED,
	    "Transitions are not implemented: there is one storage class.");
}

#define RULE   "LifecycleConfiguration/Rule"
#define FILTER RULE "/Filter"
#define AND    FILTER "/And"
#define OLDER  RULE "/NoncurrentVersionExpiration"
#define ABORT  RULE "/AbortIncompleteMultipartUpload"

static const struct s3_doc_row rows[] = {
	{ "LifecycleConfiguration", S3_ONCE, NULL, NULL },
	{ RULE, S3_MUST, rule_open, rule_close },
	{ RULE "/ID", S3_ONCE, NULL, rule_id },
	{ RULE "/Status", S3_ONCE | S3_MUST, NULL, rule_status },
	{ RULE "/Prefix", S3_ONCE, NULL, old_prefix },
	{ FILTER, S3_ONCE, filter_open, filter_close },
	{ FILTER "/Prefix", S3_ONCE, one_condition, prefix },
	{ FILTER "/ObjectSizeGreaterThan", S3_ONCE, one_condition, larger },
	{ FILTER "/ObjectSizeLessThan", S3_ONCE, one_condition, smaller },
	{ FILTER "/Tag", S3_ONCE, one_tag, tag_close },
	{ FILTER "/Tag/Key", S3_ONCE | S3_MUST, NULL, tag_key },
	{ FILTER "/Tag/Value", S3_ONCE | S3_MUST, NULL, tag_value },
	{ AND, S3_ONCE, one_condition, and_close },
	{ AND "/Prefix", S3_ONCE, and_condition, prefix },
	{ AND "/ObjectSizeGreaterThan", S3_ONCE, and_condition, larger },
	{ AND "/ObjectSizeLessThan", S3_ONCE, and_condition, smaller },
	{ AND "/Tag", 0, and_tag, tag_close },
	{ AND "/Tag/Key", S3_ONCE | S3_MUST, NULL, tag_key },
	{ AND "/Tag/Value", S3_ONCE | S3_MUST, NULL, tag_value },
	{ RULE "/Expiration", S3_ONCE, NULL, expire_close },
	{ RULE "/Expiration/Days", S3_ONCE, NULL, expire_days },
	{ RULE "/Expiration/Date", S3_ONCE, NULL, expire_date },
	{ RULE "/Expiration/ExpiredObjectDeleteMarker", S3_ONCE, NULL,
	    expire_marker },
	{ OLDER, S3_ONCE, NULL, NULL },
	{ OLDER "/NoncurrentDays", S3_ONCE | S3_MUST, NULL, noncurrent_days },
	{ OLDER "/NewerNoncurrentVersions", S3_ONCE, NULL, noncurrent_newer },
	{ ABORT, S3_ONCE, NULL, NULL },
	{ ABORT "/DaysAfterInitiation", S3_ONCE | S3_MUST, NULL, abort_days },
	{ RULE "/Transition", 0, transition, NULL },
	{ RULE "/NoncurrentVersionTransition", 0, transition, NULL },
};

enum s3err
s3_lifecycle_parse(struct slice xml, struct s3_lifecycle *l, const char **why)
{
	struct reading r = { .out = l };
	struct s3_doc doc = { rows, N(rows), .arg = &r, .bytes = &l->bytes };
	enum s3err e;

	*l = (struct s3_lifecycle){ 0 };
	e = s3_doc_read(&doc, xml, why);
	if (e != S3ERR_OK)
		s3_lifecycle_free(l);
	return e;
}

void
s3_lifecycle_free(struct s3_lifecycle *l)
{
	free(l->at);
	buf_free(&l->bytes);
	*l = (struct s3_lifecycle){ 0 };
}
