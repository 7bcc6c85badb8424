/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "web/s3body_own.h"
#include "web/text.h"
#include "web/xml.h"

#include <string.h>

enum s3err
s3_doc_no(struct s3_doc *doc, enum s3err e, const char *why)
{
	doc->why = why;
	return e;
}

struct slice
s3_doc_keep(struct s3_doc *doc, struct slice text)
{
	size_t before = doc->bytes->n;

	put_slice(doc->bytes, text);
	return slice_of(doc->bytes->p ? doc->bytes->p + before : NULL, text.n);
}

void *
s3_doc_more(void *at, size_t n, size_t size)
{
	if ((n & (n - 1)) == 0) /* none, or a power of two */
		at = mem_resize(at, (n ? 2 * n : 1) * size);
	memset((uint8_t *)at + n * size, 0, size);
	return at;
}

/* Does the path stand below that of the row; how many elements below? */
static size_t
below(const char *path, const struct s3_doc_row *row)
{
	size_t n = strlen(row->path), depth = 1;

	if (strncmp(path, row->path, n) != 0 || path[n] != '/')
		return 0;
	for (path += n + 1; *path; path++)
		depth += *path == '/';
	return depth;
}

static enum s3err
opened(struct s3_doc *doc, size_t i)
{
	const struct s3_doc_row *row = &doc->rows[i];

	if ((row->flags & S3_ONCE) && (doc->seen & UINT64_C(1) << i))
		return s3_doc_no(
		    doc, S3ERR_MALFORMED_XML, "An element is there twice.");
	doc->seen |= UINT64_C(1) << i;
	for (size_t j = 0; j < doc->n; j++)
		if (below(doc->rows[j].path, row))
			doc->seen &= ~(UINT64_C(1) << j);
	return row->open ? row->open(doc, slice_of(NULL, 0)) : S3ERR_OK;
}

static enum s3err
closed(struct s3_doc *doc, size_t i, struct slice text)
{
	const struct s3_doc_row *row = &doc->rows[i];

	for (size_t j = 0; j < doc->n; j++)
		if ((doc->rows[j].flags & S3_MUST) &&
		    below(doc->rows[j].path, row) == 1 &&
		    !(doc->seen & UINT64_C(1) << j))
			return s3_doc_no(
			    doc, S3ERR_MALFORMED_XML, "An element is missing.");
	return row->close ? row->close(doc, text) : S3ERR_OK;
}

static int
on_event(void *arg, bool open, const char *path, struct slice text)
{
	struct s3_doc *doc = arg;

	for (size_t i = 0; i < doc->n; i++)
		if (strcmp(path, doc->rows[i].path) == 0)
			return (
			    int)(open ? opened(doc, i) : closed(doc, i, text));
	doc->why = "An element does not belong there.";
	if (doc->other && below(path, &doc->rows[0]))
		return (int)doc->other(path);
	return S3ERR_MALFORMED_XML;
}

enum s3err
s3_doc_read(struct s3_doc *doc, struct slice xml, const char **why)
{
	int end;

	*why = "";
	buf_init(doc->bytes, xml.n + 1, NULL);
	if (xml.n > XML_BYTES) {
		*why = "The document is too long.";
		return S3ERR_MAX_MESSAGE;
	}
	buf_room(doc->bytes, xml.n + 1);
	end = xml_read(xml, on_event, doc, why);
	if (end > 0)
		*why = doc->why;
	return end < 0 ? S3ERR_MALFORMED_XML : (enum s3err)end;
}
