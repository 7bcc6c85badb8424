/* SPDX-License-Identifier: ISC
 *
 * The client's side of a signature. */
#include "web/sigv4.h"
#include "web/sigv4_own.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { DATE = 8, STAMP = 16 };

static int
compare_names(const void *pa, const void *pb)
{
	const struct slice *a = pa, *b = pb;

	return slice_order(*a, *b);
}

static struct slice
put_lower(struct buf *out, struct slice name)
{
	uint8_t *to = buf_room(out, name.n);

	if (to == NULL)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];

		to[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
	}
	buf_added(out, name.n);
	return slice_of(to, name.n);
}

/* a;b;c of every field but Authorization, each once. */
static void
put_names(const struct http_head *head, struct buf *out)
{
	struct slice names[HTTP_FIELDS];
	struct buf lower;
	size_t n = 0, all = 0;

	for (size_t i = 0; i < head->n; i++)
		all += head->fields[i].name.n;
	buf_init(&lower, SIGV4_CANONICAL, NULL);
	buf_room(&lower, all); /* so that nothing moves */
	for (size_t i = 0; i < head->n; i++)
		if (!http_name_is(head->fields[i].name, "authorization"))
			names[n++] = put_lower(&lower, head->fields[i].name);
	if (n > 1)
		qsort(names, n, sizeof *names, compare_names);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && slice_eq(names[i], names[i - 1]))
			continue;
		if (i > 0)
			put_u8(out, ';');
		put_slice(out, names[i]);
	}
	buf_free(&lower);
}

void
sigv4_sign(const struct http_head *head, const struct uri *uri, struct slice id,
    struct slice secret, struct slice region, struct buf *authorization)
{
	struct slice stamp = http_value(head, "x-amz-date");
	uint8_t key[SHA256_BYTES];
	char hex[SIGV4_HASH];
	struct slice listed[SIGV4_SIGNED];
	struct buf names, scope;
	struct sigv4 s = { .key_id = id, .region = region };

	if (stamp.n != STAMP) {
		authorization->bad = true;
		return;
	}
	memcpy(s.stamp, stamp.p, STAMP);
	s.date = slice_of(s.stamp, DATE);
	s.service = slice_text("s3");
	s.payload_text = http_value(head, "x-amz-content-sha256");
	buf_init(&names, SIGV4_CANONICAL, NULL);
	buf_init(&scope, SIGV4_CANONICAL, NULL);
	put_names(head, &names);
	put_slice(&scope, s.date);
	put_u8(&scope, '/');
	put_slice(&scope, region);
	put_text(&scope, "/s3/aws4_request");
	s.scope = buf_slice(&scope);
	s.signed_headers = buf_slice(&names);
	sigv4_key(secret, s.date, region, s.service, key);
	if (sigv4_names(s.signed_headers, listed) < 0 ||
	    sigv4_hash(&s, head, uri, key, hex) < 0)
		authorization->bad = true;
	sodium_memzero(key, sizeof key);
	put_text(authorization, SIGV4_ALGORITHM " Credential=");
	put_slice(authorization, id);
	put_u8(authorization, '/');
	put_slice(authorization, s.scope);
	put_text(authorization, ",SignedHeaders=");
	put_slice(authorization, s.signed_headers);
	put_text(authorization, ",Signature=");
	put_bytes(authorization, hex, sizeof hex);
	buf_free(&names);
	buf_free(&scope);
}
