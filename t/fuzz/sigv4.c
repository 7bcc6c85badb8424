/* SPDX-License-Identifier: ISC
 *
 * A request as text.  What it claims lies within it; what a client signs,
 * the server takes; what it shows of a mismatch it would have signed. */
#include "web/sigv4.h"
#include "t/web/request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const uint8_t key[SHA256_BYTES] = { 1 };

static void
must(bool good)
{
	if (!good)
		abort();
}

static enum sigv4_end
read_in_time(
    const struct http_head *head, const struct uri *uri, struct sigv4 *s)
{
	enum sigv4_end end = sigv4_read(head, uri, 1369353600, s);

	if (end == SIGV4_SKEWED || end == SIGV4_EARLY || end == SIGV4_EXPIRED)
		end = sigv4_read(head, uri, s->when, s);
	return end;
}

static void
judge(const struct http_head *head, const struct uri *uri)
{
	static const char *const hosts[] = { "other", NULL };
	struct buf canonical = { .max = SIGV4_CANONICAL };
	struct buf to_sign = { .max = SIGV4_CANONICAL };
	enum sigv4_end end;
	struct sigv4 s;

	if (read_in_time(head, uri, &s) == SIGV4_OK) {
		must(s.signature.n == SIGV4_HASH && s.key_id.n > 0 &&
		     s.scope.n <= SIGV4_SCOPE && s.date.n == 8);
		end = sigv4_check(
		    &s, head, uri, key, hosts, &canonical, &to_sign);
		must(end == SIGV4_MISMATCH || end == SIGV4_MALFORMED);
		must((end == SIGV4_MISMATCH) == (canonical.n > 0));
		must((end == SIGV4_MISMATCH) == (to_sign.n > 0));
	}
	buf_free(&canonical);
	buf_free(&to_sign);
}

/* The same with a signature of its own. */
static void
round_trip(struct http_head *head, const struct uri *uri)
{
	struct slice secret = slice_text("secret"), region = slice_text("r");
	struct buf authorization = { .max = 1 << 20 };
	uint8_t right[SHA256_BYTES];
	struct sigv4 s;
	size_t n = 0;

	for (size_t i = 0; i < head->n; i++)
		if (!http_name_is(head->fields[i].name, "authorization"))
			head->fields[n++] = head->fields[i];
	head->n = n;
	sigv4_sign(head, uri, slice_text("id"), secret, region, &authorization);
	if (!authorization.bad && n < HTTP_FIELDS) {
		head->fields[n].name = slice_text("Authorization");
		head->fields[n].value = buf_slice(&authorization);
		head->n++;
		if (read_in_time(head, uri, &s) == SIGV4_OK) {
			sigv4_key(secret, s.date, region, s.service, right);
			must(sigv4_check(&s, head, uri, right, NULL, NULL,
				 NULL) == SIGV4_OK);
		}
	}
	buf_free(&authorization);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct http_head head = request_of(slice_of(p, n));
	const char *why;
	struct uri uri;

	if (uri_parse(head.target, &uri, &why) < 0)
		return 0;
	judge(&head, &uri);
	round_trip(&head, &uri);
	uri_free(&uri);
	return 0;
}
