/* SPDX-License-Identifier: ISC */
#include "web/s3err.h"
#include "web/xml.h"

static const struct row {
	unsigned status;
	const char *code, *sentence;
} rows[] = {
#define R(name, status, code, sentence) { status, code, sentence },
	S3ERR_LIST(R)
#undef R
};

/* What is no error of ours is our failure. */
static const struct row *
row_of(enum s3err e)
{
	return &rows[(unsigned)e < S3ERR_N ? e : S3ERR_INTERNAL];
}

unsigned
s3err_status(enum s3err e)
{
	return row_of(e)->status;
}

const char *
s3err_code(enum s3err e)
{
	return row_of(e)->code;
}

const char *
s3err_sentence(enum s3err e)
{
	return row_of(e)->sentence;
}

void
s3err_xml(struct buf *out, enum s3err e, const char *sentence,
    struct slice resource, const char *request_id, struct slice extra)
{
	const struct row *row = row_of(e);

	xml_head(out);
	xml_open(out, "Error");
	xml_str(out, "Code", row->code);
	xml_str(out, "Message", sentence ? sentence : row->sentence);
	xml_text(out, "Resource", resource);
	xml_str(out, "RequestId", request_id ? request_id : "");
	put_slice(out, extra);
	xml_close(out, "Error");
}
