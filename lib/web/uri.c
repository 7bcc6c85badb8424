/* SPDX-License-Identifier: ISC */
#include "web/uri.h"
#include "web/http.h"

#include <string.h>

/* What is never escaped (RFC 3986, 2.3). */
static bool
is_unreserved(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

void
uri_escape(struct buf *out, struct slice in, bool keep_slash)
{
	static const char hex[] = "0123456789ABCDEF";

	while (in.n > 0) {
		size_t plain = 0;

		while (plain < in.n && (is_unreserved(in.p[plain]) ||
					   (keep_slash && in.p[plain] == '/')))
			plain++;
		put_slice(out, get_bytes(&in, plain));
		if (in.n > 0) {
			uint8_t c = get_u8(&in);
			char three[3] = { '%', hex[c >> 4], hex[c & 15] };

			put_bytes(out, three, sizeof three);
		}
	}
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* To out, which has room for in.n bytes; how many, or -1: a bad escape. */
static ssize_t
decode(struct slice in, bool plus, uint8_t *out)
{
	uint8_t *to = out;

	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];

		if (c == '%') {
			int high = i + 2 < in.n ? hex_digit(in.p[i + 1]) : -1;
			int low = i + 2 < in.n ? hex_digit(in.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -1;
			c = (uint8_t)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		*to++ = c;
	}
	return to - out;
}

int
uri_unescape(struct buf *out, struct slice in, bool plus)
{
	uint8_t *room = buf_room(out, in.n);
	ssize_t n;

	if (room == NULL)
		return -1;
	n = decode(in, plus, room);
	if (n < 0)
		return -1;
	buf_added(out, (size_t)n);
	return 0;
}

/* Up to the byte, which is taken as well; all of it when it is not there. */
static struct slice
get_until(struct slice *in, char byte)
{
	const uint8_t *at = in->n ? memchr(in->p, byte, in->n) : NULL;
	struct slice front;

	if (at == NULL)
		return get_bytes(in, in->n);
	front = get_bytes(in, (size_t)(at - in->p));
	get_u8(in);
	return front;
}

/* Decode into the uri's memory, which has room for all of the target. */
static const char *
take(struct uri *u, struct slice in, bool plus, struct slice *out)
{
	uint8_t *at = buf_room(&u->bytes, in.n);
	ssize_t n = at ? decode(in, plus, at) : -1;

	if (n < 0)
		return "a percent sign without two hex digits";
	if (n > 0 && memchr(at, '\0', (size_t)n))
		return "a NUL byte";
	*out = slice_of(at, (size_t)n);
	buf_added(&u->bytes, (size_t)n);
	return NULL;
}

static const char *
take_pairs(struct uri *u, struct slice query)
{
	while (query.n > 0) {
		struct slice value = get_until(&query, '&');
		struct uri_pair *pair = &u->pairs[u->n];
		size_t all = value.n;
		struct slice name = get_until(&value, '=');
		const char *why;

		if (all == 0)
			continue;
		if (u->n == URI_PAIRS)
			return "too many parameters";
		*pair = (struct uri_pair){ .has_value = name.n < all };
		why = take(u, name, true, &pair->name);
		if (why == NULL)
			why = take(u, value, true, &pair->value);
		if (why)
			return why;
		u->n++;
	}
	return NULL;
}

/* http://host/path: from the path on (RFC 9112, 3.2.2).  true: the target was
 * of that form. */
static bool
strip_host(struct slice *target)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);

		if (target->n < n ||
		    !http_name_is(slice_of(target->p, n), schemes[i]))
			continue;
		get_bytes(target, n);
		while (target->n > 0 && *target->p != '/' && *target->p != '?')
			get_u8(target);
		return true;
	}
	return false;
}

static const char *
parse(struct slice target, struct uri *u)
{
	const char *why;
	bool absolute;

	if (target.n > HTTP_TARGET)
		return "the target is too long";
	absolute = strip_host(&target);
	u->raw_path = get_until(&target, '?');
	u->raw_query = target;
	if (absolute && u->raw_path.n == 0)
		u->raw_path = slice_text("/");
	if (u->raw_path.n == 0 || *u->raw_path.p != '/')
		return "the target does not begin with a slash";
	/* all at once, so that nothing moves later */
	buf_room(&u->bytes, u->raw_path.n + u->raw_query.n);
	why = take(u, u->raw_path, false, &u->path);
	return why ? why : take_pairs(u, u->raw_query);
}

int
uri_parse(struct slice target, struct uri *u, const char **why)
{
	/* the pairs are written as they come, and are most of it */
	u->path = u->raw_path = u->raw_query = slice_of(NULL, 0);
	u->n = 0;
	buf_init(&u->bytes, HTTP_TARGET + 1, NULL);
	*why = parse(target, u);
	if (*why)
		uri_free(u);
	return *why ? -1 : 0;
}

void
uri_free(struct uri *u)
{
	buf_free(&u->bytes);
	u->n = 0;
}

const struct uri_pair *
uri_find(const struct uri *u, const char *name)
{
	struct slice want = slice_text(name);

	for (size_t i = 0; i < u->n; i++)
		if (slice_eq(u->pairs[i].name, want))
			return &u->pairs[i];
	return NULL;
}

struct slice
uri_value(const struct uri *u, const char *name)
{
	const struct uri_pair *pair = uri_find(u, name);

	return pair ? pair->value : slice_of(NULL, 0);
}
