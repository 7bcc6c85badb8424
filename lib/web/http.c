/* SPDX-License-Identifier: ISC */
#include "web/http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	FIELDS_MOST = 64 << 10,
	BODY_MOST = 16 << 20, /* a list of 1,000 keys of 1,024 bytes, escaped */
};

bool
http_name_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp((const char *)a.p,
					      (const char *)b.p, a.n) == 0);
}

bool
http_name_is(struct slice name, const char *text)
{
	return http_name_eq(name, slice_text(text));
}

const struct http_field *
http_find(const struct http_head *head, const char *name)
{
	struct slice want = slice_text(name);

	for (size_t i = 0; i < head->n; i++)
		if (http_name_eq(head->fields[i].name, want))
			return &head->fields[i];
	return NULL;
}

struct slice
http_value(const struct http_head *head, const char *name)
{
	const struct http_field *f = http_find(head, name);

	return f ? f->value : slice_of(NULL, 0);
}

/* A token (RFC 9110, 5.6.2). */
static bool
is_name(const char *name)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789"
				    "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t n = strspn(name, token);

	return n > 0 && name[n] == '\0';
}

void
http_reply_init(struct http_reply *r, struct budget *budget)
{
	*r = (struct http_reply){ .fd = -1 };
	buf_init(&r->fields, FIELDS_MOST, budget);
	buf_init(&r->body, BODY_MOST, budget);
}

void
http_reply_free(struct http_reply *r)
{
	if (r->fd >= 0)
		close(r->fd);
	if (r->source.free)
		r->source.free(r->source.data);
	buf_free(&r->fields);
	buf_free(&r->body);
	http_reply_init(r, r->fields.budget);
}

void
http_put(struct http_reply *r, const char *name, struct slice value)
{
	size_t n = strlen(name) + 1;
	uint8_t *to;

	if (!is_name(name))
		return;
	/* all of it or nothing, so that the walk never meets half a field */
	to = buf_room(&r->fields, n + value.n + 1);
	if (to == NULL)
		return;
	memcpy(to, name, n);
	to += n;
	for (size_t i = 0; i < value.n; i++) {
		uint8_t c = value.p[i];

		*to++ = c < ' ' || c == 0x7f ? ' ' : c;
	}
	*to = '\0';
	buf_added(&r->fields, n + value.n + 1);
}

void
http_put_text(struct http_reply *r, const char *name, const char *value)
{
	http_put(r, name, slice_text(value));
}

void
http_put_uint(struct http_reply *r, const char *name, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)v);
	http_put_text(r, name, text);
}

bool
http_next(const struct http_reply *r, size_t *at, const char **name,
    const char **value)
{
	if (*at >= r->fields.n)
		return false;
	*name = (const char *)r->fields.p + *at;
	*at += strlen(*name) + 1;
	*value = (const char *)r->fields.p + *at;
	*at += strlen(*value) + 1;
	return true;
}
