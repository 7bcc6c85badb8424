/* SPDX-License-Identifier: ISC
 *
 * What a request claims about its signature. */
#include "web/sigv4_own.h"
#include "web/text.h"
#include "web/when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { STAMP = 16, DATE = 8, PARTS = 5 };

static const struct {
	const char *text;
	enum sigv4_payload payload;
} payloads[] = {
	{ "UNSIGNED-PAYLOAD", SIGV4_UNSIGNED },
	{ "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", SIGV4_CHUNKS },
	{ "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", SIGV4_CHUNKS_TRAILER },
	{ "STREAMING-UNSIGNED-PAYLOAD-TRAILER", SIGV4_UNSIGNED_TRAILER },
};

/* The claims as they stand in the header or the query. */
struct claims {
	struct slice credential, signed_headers, signature;
};

static bool
is_name_byte(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != ':' && !(c >= 'A' && c <= 'Z');
}

int
sigv4_names(struct slice list, struct slice names[SIGV4_SIGNED])
{
	int n = 0;

	for (struct slice name; text_next(&list, ';', &name); n++) {
		if (n == SIGV4_SIGNED || name.n == 0)
			return -1;
		for (size_t i = 0; i < name.n; i++)
			if (!is_name_byte(name.p[i]))
				return -1;
		for (int i = 0; i < n; i++)
			if (slice_eq(names[i], name))
				return -1;
		names[n] = name;
	}
	return n > 0 ? n : -1;
}

static bool
all_digits(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static int64_t
number(const uint8_t *p, size_t n)
{
	int64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v * 10 + (p[i] - '0');
	return v;
}

/* Days since 1970 of a date of the Gregorian calendar; the year is taken to
 * begin in March, so that the leap day is its last. */
static int64_t
days(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t m = month > 2 ? month - 3 : month + 9;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day -
	       1 - 719468;
}

/* YYYYMMDDTHHMMSSZ */
static bool
read_stamp(struct slice text, struct sigv4 *s)
{
	const uint8_t *p = text.p;
	int64_t month, day, hour, minute, second;

	if (text.n != STAMP || p[DATE] != 'T' || p[STAMP - 1] != 'Z' ||
	    !all_digits(slice_of(p, DATE)) || !all_digits(slice_of(p + 9, 6)))
		return false;
	month = number(p + 4, 2);
	day = number(p + 6, 2);
	hour = number(p + 9, 2);
	minute = number(p + 11, 2);
	second = number(p + 13, 2);
	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
	    minute > 59 || second > 60)
		return false;
	memcpy(s->stamp, p, STAMP);
	s->when = days(number(p, 4), month, day) * 86400 + hour * 3600 +
		  minute * 60 + second;
	return true;
}

/* A Date in one of HTTP's own forms, as the stamp that it signs as. */
static bool
stamp_of_date(struct slice text, struct sigv4 *s)
{
	time_t seconds = (time_t)when_parse_http(text);
	char stamp[32];
	struct tm tm;

	return seconds >= 0 && gmtime_r(&seconds, &tm) &&
	       strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm) == STAMP &&
	       read_stamp(slice_text(stamp), s);
}

static bool
read_when(const struct http_head *head, const struct uri *uri, struct sigv4 *s)
{
	struct slice text;

	if (s->presigned)
		return read_stamp(uri_value(uri, "X-Amz-Date"), s);
	if (http_find(head, "x-amz-date"))
		return read_stamp(http_value(head, "x-amz-date"), s);
	text = http_value(head, "date");
	return read_stamp(text, s) || stamp_of_date(text, s);
}

/* ID/YYYYMMDD/REGION/s3/aws4_request, from its end: an id may hold slashes. */
static bool
read_credential(struct slice text, struct sigv4 *s)
{
	struct slice part[PARTS];
	const uint8_t *end;

	if (text.n == 0)
		return false;
	end = text.p + text.n;
	for (size_t i = PARTS - 1; i > 0; i--) {
		const uint8_t *slash =
		    text.n ? memrchr(text.p, '/', text.n) : NULL;

		if (slash == NULL)
			return false;
		text.n = (size_t)(slash - text.p);
		part[i] = slice_of(slash + 1, (size_t)(end - slash - 1));
		end = slash;
	}
	s->key_id = text;
	s->date = part[1];
	s->region = part[2];
	s->service = part[3];
	s->scope =
	    slice_of(part[1].p, (size_t)(part[4].p + part[4].n - part[1].p));
	return s->key_id.n > 0 && s->date.n == DATE && s->region.n > 0 &&
	       all_digits(s->date) && slice_is(s->service, "s3") &&
	       slice_is(part[4], "aws4_request") && s->scope.n <= SIGV4_SCOPE;
}

static enum sigv4_end
read_header(struct slice text, struct claims *c)
{
	static const struct {
		const char *word;
		size_t at;
	} rows[] = {
		{ "Credential=", offsetof(struct claims, credential) },
		{ "SignedHeaders=", offsetof(struct claims, signed_headers) },
		{ "Signature=", offsetof(struct claims, signature) },
	};
	struct slice item;

	if (!text_begins(text, slice_text(SIGV4_ALGORITHM)))
		return SIGV4_OLD;
	get_bytes(&text, strlen(SIGV4_ALGORITHM));
	if (text.n == 0 || (*text.p != ' ' && *text.p != '\t'))
		return text.n == 0 ? SIGV4_MALFORMED : SIGV4_OLD;
	while (text_next(&text, ',', &item)) {
		size_t i = 0, n = sizeof rows / sizeof *rows;
		struct slice *to;

		item = text_trim(item);
		while (i < n && !text_begins(item, slice_text(rows[i].word)))
			i++;
		if (i == n)
			return SIGV4_MALFORMED;
		to = (struct slice *)(void *)((char *)c + rows[i].at);
		if (to->p)
			return SIGV4_MALFORMED;
		get_bytes(&item, strlen(rows[i].word));
		*to = item;
	}
	return SIGV4_OK;
}

static enum sigv4_end
read_query(const struct uri *uri, struct claims *c, uint64_t *expires)
{
	if (!slice_is(uri_value(uri, "X-Amz-Algorithm"), SIGV4_ALGORITHM))
		return uri_find(uri, "X-Amz-Algorithm") ||
			       !uri_find(uri, "X-Amz-Signature")
			   ? SIGV4_OLD
			   : SIGV4_MALFORMED;
	c->credential = uri_value(uri, "X-Amz-Credential");
	c->signed_headers = uri_value(uri, "X-Amz-SignedHeaders");
	c->signature = uri_value(uri, "X-Amz-Signature");
	if (text_uint(uri_value(uri, "X-Amz-Expires"), SIGV4_LIFE, expires) < 0)
		return SIGV4_MALFORMED;
	return SIGV4_OK;
}

/* Where the claims are, if there are any. */
static enum sigv4_end
read_claims(const struct http_head *head, const struct uri *uri,
    struct sigv4 *s, struct claims *c)
{
	static const char *const words[] = { "X-Amz-Algorithm",
		"X-Amz-Credential", "X-Amz-Signature", "AWSAccessKeyId" };
	const struct http_field *header = http_find(head, "authorization");

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		s->presigned = s->presigned || uri_find(uri, words[i]);
	if (header == NULL)
		return s->presigned ? read_query(uri, c, &s->expires)
				    : SIGV4_NONE;
	for (size_t i = 0; i < head->n; i++)
		if (&head->fields[i] != header &&
		    http_name_is(head->fields[i].name, "authorization"))
			return SIGV4_MALFORMED;
	return s->presigned ? SIGV4_MALFORMED : read_header(header->value, c);
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 64 digits in lower case; sha may be NULL. */
static bool
read_hex(struct slice text, uint8_t *sha)
{
	if (text.n != SIGV4_HASH)
		return false;
	for (size_t i = 0; i < SHA256_BYTES; i++) {
		int high = hex_digit(text.p[2 * i]);
		int low = hex_digit(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		if (sha)
			sha[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool
read_payload(
    const struct http_head *head, const struct uri *uri, struct sigv4 *s)
{
	struct slice text = { 0 };

	if (s->presigned)
		text = uri_value(uri, "X-Amz-Content-Sha256");
	if (text.n == 0)
		text = http_value(head, "x-amz-content-sha256");
	if (text.n == 0 && s->presigned)
		text = slice_text(payloads[0].text);
	s->payload_text = text = text_trim(text);
	s->payload = SIGV4_HEX;
	if (read_hex(text, s->sha))
		return true;
	for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
		if (!slice_is(text, payloads[i].text))
			continue;
		s->payload = payloads[i].payload;
		return true;
	}
	return false;
}

static bool
among(struct slice name, const struct slice *names, int n)
{
	for (int i = 0; i < n; i++)
		if (http_name_eq(names[i], name))
			return true;
	return false;
}

static enum sigv4_end
check_signed(const struct http_head *head, const struct sigv4 *s)
{
	struct slice names[SIGV4_SIGNED];
	int n = sigv4_names(s->signed_headers, names);

	if (n < 0)
		return SIGV4_MALFORMED;
	if (!among(slice_text("host"), names, n))
		return SIGV4_UNSIGNED_HEADER;
	for (size_t i = 0; i < head->n; i++) {
		struct slice name = head->fields[i].name;

		if (!text_begins_nocase(name, slice_text("x-amz-")) ||
		    among(name, names, n))
			continue;
		if (!s->presigned ||
		    !http_name_is(name, "x-amz-content-sha256"))
			return SIGV4_UNSIGNED_HEADER;
	}
	return SIGV4_OK;
}

static enum sigv4_end
check_time(const struct sigv4 *s, int64_t now)
{
	if (!s->presigned)
		return now - s->when > SIGV4_SKEW || s->when - now > SIGV4_SKEW
			   ? SIGV4_SKEWED
			   : SIGV4_OK;
	if (s->when - now > SIGV4_SKEW)
		return SIGV4_EARLY;
	return now - s->when > (int64_t)s->expires ? SIGV4_EXPIRED : SIGV4_OK;
}

/* Of a request that is not signed; chunks that are would need a signature. */
static enum sigv4_end
read_unsigned(
    const struct http_head *head, const struct uri *uri, struct sigv4 *s)
{
	s->payload = SIGV4_UNSIGNED;
	if (!http_find(head, "x-amz-content-sha256"))
		return SIGV4_NONE;
	if (!read_payload(head, uri, s) || s->payload == SIGV4_CHUNKS ||
	    s->payload == SIGV4_CHUNKS_TRAILER)
		return SIGV4_BAD_PAYLOAD;
	return SIGV4_NONE;
}

enum sigv4_end
sigv4_read(const struct http_head *head, const struct uri *uri, int64_t now,
    struct sigv4 *s)
{
	struct claims c = { 0 };
	enum sigv4_end end;

	*s = (struct sigv4){ 0 };
	end = read_claims(head, uri, s, &c);
	if (end == SIGV4_NONE)
		return read_unsigned(head, uri, s);
	if (end != SIGV4_OK)
		return end;
	if (!read_credential(c.credential, s) || !read_hex(c.signature, NULL))
		return SIGV4_MALFORMED;
	s->signed_headers = c.signed_headers;
	s->signature = c.signature;
	if (!read_when(head, uri, s))
		return SIGV4_NO_DATE;
	if (memcmp(s->date.p, s->stamp, DATE) != 0)
		return SIGV4_MALFORMED;
	if (!read_payload(head, uri, s))
		return SIGV4_BAD_PAYLOAD;
	end = check_signed(head, s);
	return end == SIGV4_OK ? check_time(s, now) : end;
}
