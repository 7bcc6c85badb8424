/* SPDX-License-Identifier: ISC
 *
 * Any target; what is parsed lies in the uri's memory, and encoded again
 * parses to the same. */
#include "web/uri.h"
#include "web/http.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { ROOM = 4 * HTTP_TARGET };

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
again(const struct uri *u)
{
	struct buf text;
	const char *why;
	struct uri v;

	buf_init(&text, ROOM, NULL);
	uri_escape(&text, u->path, true);
	for (size_t i = 0; i < u->n; i++) {
		put_u8(&text, i ? '&' : '?');
		uri_escape(&text, u->pairs[i].name, false);
		if (u->pairs[i].has_value)
			put_u8(&text, '=');
		uri_escape(&text, u->pairs[i].value, false);
	}
	if (text.n <= HTTP_TARGET) {
		must(uri_parse(buf_slice(&text), &v, &why) == 0);
		must(v.n == u->n && slice_eq(v.path, u->path));
		for (size_t i = 0; i < v.n; i++)
			must(slice_eq(v.pairs[i].name, u->pairs[i].name) &&
			     slice_eq(v.pairs[i].value, u->pairs[i].value) &&
			     v.pairs[i].has_value == u->pairs[i].has_value);
		uri_free(&v);
	}
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf out = { .max = 1 << 20 };
	const char *why = NULL;
	struct uri u;

	if (uri_parse(slice_of(p, n), &u, &why) == 0) {
		must(u.path.n > 0 && u.path.p[0] == '/' && why == NULL);
		again(&u);
		uri_free(&u);
	} else {
		must(why != NULL && u.bytes.mem == NULL);
	}
	if (uri_unescape(&out, slice_of(p, n), n & 1) < 0)
		must(out.n == 0);
	buf_free(&out);
	return 0;
}
