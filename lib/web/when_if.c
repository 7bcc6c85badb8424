/* SPDX-License-Identifier: ISC
 *
 * Conditions (RFC 9110, section 13). */
#include "web/text.h"
#include "web/when.h"

#include <string.h>

/* The next member of a list of entity tags, without quotes.  S3's clients also
 * send them bare. */
static bool
next_tag(struct slice *list, struct slice *tag, bool *weak)
{
	const uint8_t *end;

	while (list->n > 0 &&
	       (list->p[0] == ',' || list->p[0] == ' ' || list->p[0] == '\t'))
		get_bytes(list, 1);
	*weak = text_begins(*list, slice_text("W/\""));
	if (*weak)
		get_bytes(list, 2);
	if (list->n == 0)
		return false;
	if (list->p[0] != '"') {
		text_next(list, ',', tag);
		*tag = text_trim(*tag);
		return true;
	}
	get_bytes(list, 1);
	end = list->n ? memchr(list->p, '"', list->n) : NULL;
	*tag = get_bytes(list, end ? (size_t)(end - list->p) : list->n);
	if (end)
		get_bytes(list, 1);
	return true;
}

/* Is the tag named in a value?  `*` names whatever there is. */
static bool
names(struct slice list, const char *etag, bool weak_too)
{
	struct slice tag;
	bool weak;

	if (etag == NULL)
		return false;
	if (slice_is(text_trim(list), "*"))
		return true;
	while (next_tag(&list, &tag, &weak))
		if (slice_is(tag, etag) && (weak_too || !weak))
			return true;
	return false;
}

/* -1: there is no such header; else whether it names the tag.  A list may be
 * spread over several fields. */
static int
named(const struct http_head *head, const char *header, const char *etag,
    bool weak_too)
{
	int found = -1;

	for (size_t i = 0; i < head->n; i++) {
		if (!http_name_is(head->fields[i].name, header))
			continue;
		if (names(head->fields[i].value, etag, weak_too))
			return 1;
		found = 0;
	}
	return found;
}

/* -1: no such header, or it holds no date and is to be ignored; else whether
 * the object was modified after it. */
static int
modified_after(
    const struct http_head *head, const char *header, int64_t modified)
{
	int64_t at = when_parse_http(text_trim(http_value(head, header)));

	return at < 0 ? -1 : modified > at;
}

static const struct conditions {
	const char *match, *none_match, *modified, *unmodified;
} of_read = { "if-match", "if-none-match", "if-modified-since",
	"if-unmodified-since" },
  of_copy = { "x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match",
	  "x-amz-copy-source-if-modified-since",
	  "x-amz-copy-source-if-unmodified-since" };

/* In the order of section 13.2.2: a tag says more than a date beside it. */
static enum when_end
judge(const struct http_head *head, const struct conditions *c,
    const char *etag, int64_t modified)
{
	int said = named(head, c->match, etag, false);

	if (said == 0)
		return WHEN_FAILED;
	if (said < 0 && etag &&
	    modified_after(head, c->unmodified, modified) == 1)
		return WHEN_FAILED;
	said = named(head, c->none_match, etag, true);
	if (said == 1)
		return WHEN_NOT_MODIFIED;
	if (said < 0 && etag &&
	    modified_after(head, c->modified, modified) == 0)
		return WHEN_NOT_MODIFIED;
	return WHEN_GO;
}

enum when_end
when_read(const struct http_head *head, const char *etag, int64_t modified)
{
	return judge(head, &of_read, etag, modified);
}

enum when_end
when_copy(const struct http_head *head, const char *etag, int64_t modified)
{
	return judge(head, &of_copy, etag, modified) == WHEN_GO ? WHEN_GO
								: WHEN_FAILED;
}

enum when_write
when_write(const struct http_head *head, bool exists, const char *etag)
{
	const struct http_field *none = http_find(head, of_read.none_match);
	int said = named(head, of_read.match, exists ? etag : NULL, false);

	if (http_find(head, of_read.unmodified) ||
	    (none && !slice_is(text_trim(none->value), "*")))
		return WHEN_BAD;
	if (said == 0)
		return exists ? WHEN_WRITE_FAILED : WHEN_WRITE_ABSENT;
	return none && exists ? WHEN_WRITE_FAILED : WHEN_WRITE;
}

/* Section 13.1.5: a tag must be strong, a date must be the very one. */
bool
when_if_range(const struct http_head *head, const char *etag, int64_t modified)
{
	struct slice value = text_trim(http_value(head, "if-range")), tag;
	int64_t at = when_parse_http(value);
	bool weak;

	if (http_find(head, "if-range") == NULL)
		return true;
	if (at >= 0)
		return at == modified;
	return next_tag(&value, &tag, &weak) && !weak && etag &&
	       slice_is(tag, etag);
}
