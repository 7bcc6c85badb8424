/* SPDX-License-Identifier: ISC
 *
 * DeleteObjects, CompleteMultipartUpload, and two documents of one element. */
#include "base/table.h"
#include "web/s3body_own.h"
#include "web/text.h"

#include <stdlib.h>
#include <string.h>

static int
read_bool(struct slice text, bool *v)
{
	text = text_trim(text);
	*v = slice_is(text, "true");
	return *v || slice_is(text, "false") ? 0 : -1;
}

/* --- DeleteObjects --- */

static enum s3err
object_open(struct s3_doc *doc, struct slice text)
{
	struct s3_deletes *d = doc->arg;

	(void)text;
	if (d->n == S3_DELETES)
		return s3_doc_no(doc, S3ERR_MALFORMED_XML,
		    "More than 1000 objects in one request.");
	d->at = s3_doc_more(d->at, d->n, sizeof *d->at);
	d->n++;
	return S3ERR_OK;
}

static enum s3err
object_key(struct s3_doc *doc, struct slice text)
{
	struct s3_deletes *d = doc->arg;

	if (text.n == 0)
		return s3_doc_no(doc, S3ERR_MALFORMED_XML, "A key is empty.");
	d->at[d->n - 1].key = s3_doc_keep(doc, text);
	return S3ERR_OK;
}

static enum s3err
object_version(struct s3_doc *doc, struct slice text)
{
	struct s3_deletes *d = doc->arg;

	d->at[d->n - 1].version = s3_doc_keep(doc, text_trim(text));
	return S3ERR_OK;
}

static enum s3err
object_condition(struct s3_doc *doc, struct slice text)
{
	(void)text;
	return s3_doc_no(doc, S3ERR_NOT_IMPLEMENTED,
	    "Conditions of single deletions are not implemented.");
}

static enum s3err
deletes_quiet(struct s3_doc *doc, struct slice text)
{
	struct s3_deletes *d = doc->arg;

	if (read_bool(text, &d->quiet) < 0)
		return s3_doc_no(
		    doc, S3ERR_MALFORMED_XML, "Quiet is true or false.");
	return S3ERR_OK;
}

static const struct s3_doc_row delete_rows[] = {
	{ "Delete", S3_ONCE, NULL, NULL },
	{ "Delete/Object", S3_MUST, object_open, NULL },
	{ "Delete/Object/Key", S3_ONCE | S3_MUST, NULL, object_key },
	{ "Delete/Object/VersionId", S3_ONCE, NULL, object_version },
	{ "Delete/Object/ETag", 0, object_condition, NULL },
	{ "Delete/Object/LastModifiedTime", 0, object_condition, NULL },
	{ "Delete/Object/Size", 0, object_condition, NULL },
	{ "Delete/Quiet", S3_ONCE, NULL, deletes_quiet },
};

enum s3err
s3_deletes_parse(struct slice xml, struct s3_deletes *d, const char **why)
{
	struct s3_doc doc = { delete_rows, N(delete_rows), .arg = d,
		.bytes = &d->bytes };
	enum s3err e;

	*d = (struct s3_deletes){ 0 };
	e = s3_doc_read(&doc, xml, why);
	if (e != S3ERR_OK)
		s3_deletes_free(d);
	return e;
}

void
s3_deletes_free(struct s3_deletes *d)
{
	free(d->at);
	buf_free(&d->bytes);
	*d = (struct s3_deletes){ 0 };
}

/* --- CompleteMultipartUpload --- */

static const char part_sum[] = "CompleteMultipartUpload/Part/Checksum";

static struct s3_part *
last_part(struct s3_doc *doc)
{
	struct s3_complete *c = doc->arg;

	return &c->at[c->n - 1];
}

static enum s3err
part_open(struct s3_doc *doc, struct slice text)
{
	struct s3_complete *c = doc->arg;

	(void)text;
	if (c->n == S3_PARTS)
		return s3_doc_no(
		    doc, S3ERR_MALFORMED_XML, "More than 10000 parts.");
	c->at = s3_doc_more(c->at, c->n, sizeof *c->at);
	c->n++;
	return S3ERR_OK;
}

static enum s3err
part_close(struct s3_doc *doc, struct slice text)
{
	struct s3_part *part = last_part(doc);
	struct s3_complete *c = doc->arg;

	(void)text;
	if (c->n > 1 && part->number <= part[-1].number)
		return s3_doc_no(doc, S3ERR_INVALID_PART_ORDER,
		    "The parts are not in ascending order.");
	return S3ERR_OK;
}

static enum s3err
part_number(struct s3_doc *doc, struct slice text)
{
	uint64_t v;

	if (text_uint(text_trim(text), S3_PARTS, &v) < 0 || v == 0)
		return s3_doc_no(doc, S3ERR_INVALID_ARGUMENT,
		    "A part's number is not from 1 to 10000.");
	last_part(doc)->number = (unsigned)v;
	return S3ERR_OK;
}

static enum s3err
part_etag(struct s3_doc *doc, struct slice text)
{
	text = text_trim(text);
	if (text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"')
		text = slice_of(text.p + 1, text.n - 2);
	last_part(doc)->etag = s3_doc_keep(doc, text);
	return S3ERR_OK;
}

static enum s3err
take_sum(struct s3_doc *doc, enum sum_kind kind, struct slice text)
{
	struct s3_part *part = last_part(doc);

	if (part->has_sum)
		return s3_doc_no(doc, S3ERR_INVALID_REQUEST,
		    "A part has more than one checksum.");
	if (sum_parse(kind, text_trim(text), part->sum) < 0)
		return s3_doc_no(doc, S3ERR_INVALID_REQUEST,
		    "A part's checksum is not valid.");
	part->has_sum = true;
	part->kind = kind;
	return S3ERR_OK;
}

#define R(name, header, word, bytes, crc)                                      \
	static enum s3err part_##name(struct s3_doc *doc, struct slice text)   \
	{                                                                      \
		return take_sum(doc, SUM_##name, text);                        \
	}
SUM_LIST(R)
#undef R

static const struct s3_doc_row complete_rows[] = {
	{ "CompleteMultipartUpload", S3_ONCE, NULL, NULL },
	{ "CompleteMultipartUpload/Part", S3_MUST, part_open, part_close },
	{ "CompleteMultipartUpload/Part/PartNumber", S3_ONCE | S3_MUST, NULL,
	    part_number },
	{ "CompleteMultipartUpload/Part/ETag", S3_ONCE | S3_MUST, NULL,
	    part_etag },
#define R(name, header, word, bytes, crc)                                      \
	{ "CompleteMultipartUpload/Part/Checksum" word, S3_ONCE, NULL,         \
		part_##name },
	SUM_LIST(R)
#undef R
};

/* Clients give back what they got of a part: its size, its time.  But a
 * checksum that is not looked at would be a promise not kept. */
static enum s3err
complete_other(const char *path)
{
	return strncmp(path, part_sum, sizeof part_sum - 1) == 0
		   ? S3ERR_NOT_IMPLEMENTED
		   : S3ERR_OK;
}

enum s3err
s3_complete_parse(struct slice xml, struct s3_complete *c, const char **why)
{
	struct s3_doc doc = { complete_rows, N(complete_rows), complete_other,
		c, &c->bytes };
	enum s3err e;

	*c = (struct s3_complete){ 0 };
	e = s3_doc_read(&doc, xml, why);
	if (e != S3ERR_OK)
		s3_complete_free(c);
	return e;
}

void
s3_complete_free(struct s3_complete *c)
{
	free(c->at);
	buf_free(&c->bytes);
	*c = (struct s3_complete){ 0 };
}

/* --- VersioningConfiguration --- */

static enum s3err
versioning_status(struct s3_doc *doc, struct slice text)
{
	enum s3_versioning *v = doc->arg;

	text = text_trim(text);
	if (slice_is(text, "Enabled"))
		*v = S3_VERSIONED;
	else if (slice_is(text, "Suspended"))
		*v = S3_SUSPENDED;
	else
		return s3_doc_no(doc, S3ERR_MALFORMED_XML,
		    "Status is Enabled or Suspended.");
	return S3ERR_OK;
}

static enum s3err
versioning_mfa(struct s3_doc *doc, struct slice text)
{
	text = text_trim(text);
	if (text.n == 0 || slice_is(text, "Disabled"))
		return S3ERR_OK;
	return s3_doc_no(
	    doc, S3ERR_NOT_IMPLEMENTED, "MfaDelete is not implemented.");
}

static const struct s3_doc_row versioning_rows[] = {
	{ "VersioningConfiguration", S3_ONCE, NULL, NULL },
	{ "VersioningConfiguration/Status", S3_ONCE | S3_MUST, NULL,
	    versioning_status },
	{ "VersioningConfiguration/MfaDelete", S3_ONCE, NULL, versioning_mfa },
};

enum s3err
s3_versioning_parse(struct slice xml, enum s3_versioning *v, const char **why)
{
	struct buf bytes = { 0 };
	struct s3_doc doc = { versioning_rows, N(versioning_rows), .arg = v,
		.bytes = &bytes };
	enum s3err e;

	*v = S3_UNVERSIONED;
	e = s3_doc_read(&doc, xml, why);
	buf_free(&bytes);
	return e;
}

/* --- CreateBucketConfiguration --- */

static enum s3err
create_location(struct s3_doc *doc, struct slice text)
{
	put_slice(doc->arg, text_trim(text));
	return S3ERR_OK;
}

static enum s3err
create_other(const char *path)
{
	(void)path;
	return S3ERR_NOT_IMPLEMENTED; /* directory buckets, tags */
}

static const struct s3_doc_row create_rows[] = {
	{ "CreateBucketConfiguration", S3_ONCE, NULL, NULL },
	{ "CreateBucketConfiguration/LocationConstraint", S3_ONCE, NULL,
	    create_location },
};

enum s3err
s3_create_parse(struct slice xml, struct buf *location, const char **why)
{
	struct buf bytes = { 0 };
	struct s3_doc doc = { create_rows, N(create_rows), create_other,
		location, &bytes };
	enum s3err e;

	*why = "";
	if (text_trim(xml).n == 0)
		return S3ERR_OK;
	e = s3_doc_read(&doc, xml, why);
	buf_free(&bytes);
	return e;
}
