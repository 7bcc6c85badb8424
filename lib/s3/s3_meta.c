/* SPDX-License-Identifier: ISC */
#include "s3/s3_own.h"
#include "web/text.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

PB_DEFINE(s3_meta, S3_META)

enum { VALUE = 1024, REDIRECT = 2048 };

/* Headers that are kept, and what of a query stands for them in the reply. */
static const struct {
	const char *name;
	const char *override;
	size_t at, has, most;
} kept[] = {
#define ROW(name, override, field, most)                                       \
	{                                                                      \
		name, override, offsetof(struct s3_meta, field),               \
		    offsetof(struct s3_meta, has_##field), most                \
	}
	ROW("Content-Type", "response-content-type", type, VALUE),
	ROW("Cache-Control", "response-cache-control", cache_control, VALUE),
	ROW("Content-Disposition", "response-content-disposition", disposition,
	    VALUE),
	ROW("Content-Encoding", "response-content-encoding", encoding, VALUE),
	ROW("Content-Language", "response-content-language", language, VALUE),
	ROW("Expires", "response-expires", expires, VALUE),
	ROW("x-amz-website-redirect-location", NULL, redirect, REDIRECT),
#undef ROW
};
enum { KEPT = sizeof kept / sizeof *kept };

static const char user_prefix[] = "x-amz-meta-";

static struct slice *
value_at(const struct s3_meta *m, size_t i)
{
	return (struct slice *)((char *)(uintptr_t)m + kept[i].at);
}

static bool *
has_at(const struct s3_meta *m, size_t i)
{
	return (bool *)((char *)(uintptr_t)m + kept[i].has);
}

/* Without aws-chunked, which is about the request and not the object. */
static struct slice
encoding(struct slice list, struct buf *bytes)
{
	struct slice all = list, item;
	size_t before = bytes->n;

	if (memmem(list.p, list.n, "aws-chunked", 11) == NULL)
		return list;
	while (text_next(&all, ',', &item)) {
		item = text_trim(item);
		if (item.n == 0 || slice_is(item, "aws-chunked"))
			continue;
		if (bytes->n > before)
			put_text(bytes, ",");
		put_slice(bytes, item);
	}
	if (bytes->bad || bytes->n == before)
		return slice_of(NULL, 0);
	return slice_of(bytes->p + before, bytes->n - before);
}

static enum s3err
keep(struct s3_meta *m, const struct http_field *f, const char **why)
{
	for (size_t i = 0; i < KEPT; i++) {
		if (!http_name_is(f->name, kept[i].name))
			continue;
		if (f->value.n > kept[i].most) {
			*why = "A header that is kept with the object is too "
			       "long.";
			return S3ERR_METADATA_TOO_LARGE;
		}
		*value_at(m, i) = f->value;
		*has_at(m, i) = f->value.n > 0;
		return S3ERR_OK;
	}
	return S3ERR_OK;
}

static enum s3err
keep_user(const struct http_field *f, size_t *all, struct buf *bytes)
{
	size_t skip = sizeof user_prefix - 1;

	*all += f->name.n - skip + f->value.n;
	if (*all > S3_USER_META)
		return S3ERR_METADATA_TOO_LARGE;
	for (size_t i = skip; i < f->name.n; i++) {
		uint8_t c = f->name.p[i];

		put_u8(bytes, c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	put_u8(bytes, 0);
	for (size_t i = 0; i < f->value.n; i++)
		put_u8(bytes, f->value.p[i] ? f->value.p[i] : ' ');
	put_u8(bytes, 0);
	return S3ERR_OK;
}

enum s3err
s3_meta_of(const struct http_head *head, struct s3_meta *m, struct buf *bytes,
    const char **why)
{
	size_t all = 0, before = bytes->n, user;
	struct slice prefix = slice_text(user_prefix);
	enum s3err e = S3ERR_OK;

	*m = (struct s3_meta){ 0 };
	*why = NULL;
	for (size_t i = 0; i < head->n && e == S3ERR_OK; i++) {
		if (text_begins_nocase(head->fields[i].name, prefix))
			e = keep_user(&head->fields[i], &all, bytes);
		else
			e = keep(m, &head->fields[i], why);
	}
	if (e != S3ERR_OK)
		return e;
	user = bytes->n - before;
	/* This may move what bytes holds: slices of it are taken after. */
	if (m->has_encoding)
		m->encoding = encoding(m->encoding, bytes);
	m->has_encoding = m->encoding.n > 0;
	m->has_user = user > 0;
	if (m->has_user)
		m->user = slice_of(bytes->p + before, user);
	return bytes->bad || user > 2 * S3_USER_META ? S3ERR_METADATA_TOO_LARGE
						     : S3ERR_OK;
}

enum s3err
s3_meta_tags(const struct http_head *head, struct buf *packed, const char **why)
{
	struct slice value = http_value(head, "x-amz-tagging");
	struct s3_tags *tags;
	enum s3err e;

	*why = NULL;
	if (value.n == 0)
		return S3ERR_OK;
	tags = mem_new(sizeof *tags);
	e = s3_tags_header(value, tags, why);
	if (e == S3ERR_OK && tags->n > 0)
		s3_tags_pack(tags, packed);
	s3_tags_free(tags);
	free(tags);
	return e;
}

size_t
s3_meta_tag_count(struct slice packed)
{
	struct s3_tags *tags;
	size_t n = 0;

	if (packed.n == 0)
		return 0;
	tags = mem_new(sizeof *tags);
	if (s3_tags_unpack(packed, tags) == 0)
		n = tags->n;
	s3_tags_free(tags);
	free(tags);
	return n;
}

int
s3_meta_unpack(struct slice packed, struct s3_meta *m)
{
	if (pb_decode(&s3_meta_desc, packed, m, NULL) < 0 ||
	    m->sum_kind > SUM_KINDS ||
	    (m->sum_kind > 0 && m->sum.n > 0 &&
		m->sum.n != sum_size((enum sum_kind)(m->sum_kind - 1)))) {
		*m = (struct s3_meta){ 0 };
		return -1;
	}
	return 0;
}

void
s3_meta_pack(const struct s3_meta *m, struct buf *out)
{
	pb_encode(&s3_meta_desc, m, out);
}

enum sum_kind
s3_part_sum(struct slice packed, const uint8_t **sum)
{
	enum sum_kind kind = packed.n > 0 ? packed.p[0] : SUM_NONE;

	if (kind >= SUM_NONE || packed.n != 1 + sum_size(kind))
		return SUM_NONE;
	*sum = packed.p + 1;
	return kind;
}

struct slice
s3_part_sum_pack(
    enum sum_kind kind, const uint8_t *sum, uint8_t to[S3_PART_SUM])
{
	if (kind == SUM_NONE)
		return (struct slice){ 0 };
	to[0] = (uint8_t)kind;
	memcpy(to + 1, sum, sum_size(kind));
	return slice_of(to, 1 + sum_size(kind));
}

static void
sum_xml(enum sum_kind kind, const char *text, struct buf *out)
{
	char name[32];

	snprintf(name, sizeof name, "Checksum%s", sum_word(kind));
	xml_str(out, name, text);
}

void
s3_part_sum_xml(struct slice packed, struct buf *out)
{
	const uint8_t *sum;
	enum sum_kind kind = s3_part_sum(packed, &sum);
	char text[SUM_BASE64];

	if (kind == SUM_NONE)
		return;
	sum_text(kind, sum, text);
	sum_xml(kind, text, out);
}

static void
put_user(struct slice user, struct http_reply *reply)
{
	char name[sizeof user_prefix + S3_USER_META];

	while (user.n > 0) {
		const uint8_t *end = memchr(user.p, 0, user.n);
		struct slice key =
		    get_bytes(&user, end ? (size_t)(end - user.p) : user.n);
		struct slice value;

		get_bytes(&user, user.n > 0);
		end = user.n ? memchr(user.p, 0, user.n) : NULL;
		value = get_bytes(&user, end ? (size_t)(end - user.p) : user.n);
		get_bytes(&user, user.n > 0);
		if (key.n > S3_USER_META)
			continue;
		snprintf(name, sizeof name, "%s%.*s", user_prefix, (int)key.n,
		    (const char *)key.p);
		http_put(reply, name, value);
	}
}

void
s3_meta_reply(const struct s3_meta *m, const struct uri *override,
    struct http_reply *reply)
{
	bool overrides = override && override->n > 0;

	for (size_t i = 0; i < KEPT; i++) {
		struct slice value = *value_at(m, i), other = { 0 };

		if (overrides && kept[i].override)
			other = uri_value(override, kept[i].override);
		if (other.n > 0)
			value = other;
		if (value.n > 0)
			http_put(reply, kept[i].name, value);
		else if (i == 0)
			http_put_text(
			    reply, kept[i].name, "binary/octet-stream");
	}
	put_user(m->user, reply);
}

/* The checksum as text, "-N" behind one of parts; false: there is none. */
static bool
sum_of(const struct s3_meta *m, unsigned parts, char text[SUM_BASE64 + 8])
{
	size_t n;

	if (m->sum_kind == 0 || m->sum_kind > SUM_KINDS || m->sum.n == 0)
		return false;
	sum_text((enum sum_kind)(m->sum_kind - 1), m->sum.p, text);
	n = strlen(text);
	if (m->composite)
		snprintf(text + n, SUM_BASE64 + 8 - n, "-%u", parts);
	return true;
}

void
s3_meta_reply_sum(
    const struct s3_meta *m, unsigned parts, struct http_reply *reply)
{
	char text[SUM_BASE64 + 8];

	if (!sum_of(m, parts, text))
		return;
	http_put_text(
	    reply, sum_header((enum sum_kind)(m->sum_kind - 1)), text);
	http_put_text(reply, "x-amz-checksum-type",
	    m->composite ? "COMPOSITE" : "FULL_OBJECT");
}

void
s3_meta_xml_sum(const struct s3_meta *m, unsigned parts, struct buf *out)
{
	char text[SUM_BASE64 + 8];

	if (!sum_of(m, parts, text))
		return;
	sum_xml((enum sum_kind)(m->sum_kind - 1), text, out);
	xml_str(
	    out, "ChecksumType", m->composite ? "COMPOSITE" : "FULL_OBJECT");
}
