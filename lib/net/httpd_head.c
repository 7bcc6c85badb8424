/* SPDX-License-Identifier: ISC
 *
 * The head of a request, from what libmicrohttpd made of it.  That library is
 * lenient, so what two readers could understand differently is refused here
 * (RFC 9112, 3 to 6): NUL bytes, folded lines, blanks before the colon, two
 * lengths, a length beside chunks. */
#include "net/httpd_own.h"

#include <string.h>

/* The walk over the fields. */
struct walk {
	struct http_head *head;
	const char *at,
	    *end; /* of the head's text; at is where one may begin */
	unsigned refuse;
};

static bool
is_token(struct slice s)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];
		uint8_t low = c | 0x20;

		if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') &&
		    (c == 0 || strchr(marks, c) == NULL))
			return false;
	}
	return s.n > 0;
}

static bool
is_text(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

static bool
is_target(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0;
}

/* Line ends (which have become NULs, two each) and blanks may stand between two
 * fields.  More, or anything else, was a value that had a NUL in it; and a
 * field out of order was put together from two lines. */
static bool
follows(struct walk *w, const char *next, unsigned lines)
{
	unsigned nuls = 0;

	if (next < w->at || next > w->end)
		return false;
	for (; w->at < next; w->at++) {
		if (*w->at == '\0')
			nuls++;
		else if (strchr(" \t\r\n", *w->at) == NULL)
			return false;
	}
	return nuls <= 2 * lines;
}

static enum MHD_Result
on_field(void *arg, enum MHD_ValueKind kind, const char *name, size_t nname,
    const char *value, size_t nvalue)
{
	struct walk *w = arg;
	struct http_head *head = w->head;
	struct http_field f = { slice_of(name, nname),
		slice_of(value, nvalue) };

	(void)kind;
	if (head->n == HTTP_FIELDS) {
		w->refuse = 431;
		return MHD_NO;
	}
	if (!follows(w, name, 1) || !is_token(f.name) || !is_text(f.value)) {
		w->refuse = 400;
		return MHD_NO;
	}
	w->at = value + nvalue;
	while (f.value.n > 0 && strchr(" \t", f.value.p[f.value.n - 1]))
		f.value.n--;
	head->fields[head->n++] = f;
	return MHD_YES;
}

/* Digits only, below 2^63. */
static bool
length_of(struct slice s, uint64_t *length)
{
	*length = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' ||
		    *length > (INT64_MAX - 9) / 10)
			return false;
		*length = *length * 10 + (s.p[i] - '0');
	}
	return s.n > 0;
}

/* How the body is framed, and for whom it is. */
static unsigned
framing(struct http_head *head, bool http10)
{
	unsigned lengths = 0, codings = 0, hosts = 0;
	unsigned refuse = 0;

	for (size_t i = 0; i < head->n; i++) {
		const struct http_field *f = &head->fields[i];

		if (http_name_is(f->name, "Content-Length")) {
			lengths++;
			if (!length_of(f->value, &head->length))
				refuse = 400;
		} else if (http_name_is(f->name, "Transfer-Encoding")) {
			codings++;
			if (!http_name_is(f->value, "chunked"))
				refuse = 501;
		} else if (http_name_is(f->name, "Host")) {
			hosts++;
		}
	}
	if (lengths + codings > 1 || hosts > 1 || (hosts == 0 && !http10) ||
	    (codings > 0 && http10))
		return 400;
	head->has_length = lengths > 0;
	head->has_body = codings > 0 || head->length > 0;
	return refuse;
}

unsigned
httpd_head(struct httpd_req *r, const char *method, const char *version)
{
	struct http_head *head = &r->head;
	const struct httpd_conf *conf = &r->conn->httpd->conf;
	size_t bytes = MHD_get_connection_info(
	    r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)
			   ->header_size;
	struct walk w = { head, version + strlen(version), method + bytes, 0 };

	head->n = 0;
	head->length = 0;
	head->has_length = head->has_body = false;
	head->method = slice_text(method);
	head->target = buf_slice(&r->target);
	head->uid = r->conn->uid;
	head->from = slice_text(r->conn->from);
	if (r->long_target)
		return 414;
	if (bytes > conf->head_bytes)
		return 431;
	/* a blank stands between the target and the version, or a NUL hid
	 * something */
	if (r->uri + head->target.n + 1 != version ||
	    !is_target(head->target) || !is_token(head->method))
		return 400;
	MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, on_field, &w);
	if (w.refuse == 0 && !follows(&w, w.end, 2))
		w.refuse = 400;
	if (w.refuse != 0)
		return w.refuse;
	return framing(head, strcmp(version, "HTTP/1.0") == 0);
}
