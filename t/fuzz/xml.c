/* SPDX-License-Identifier: ISC
 *
 * A document, read and written again from its events: what was written reads
 * to the same events, and to the same again. */
#include "web/xml.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const char *
last_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Text goes in front of the end: that it stood between children is lost. */
static int
copy(void *arg, bool open, const char *path, struct slice text)
{
	struct buf *out = arg, one = { .max = MOST };

	if (strlen(path) > (size_t)XML_DEPTH * 65 || text.n > XML_TEXT)
		abort();
	if (open) {
		xml_open(out, last_of(path));
		return 0;
	}
	xml_text(&one, "", text);
	if (one.n < 5)
		abort();
	put_bytes(out, one.p + 2, one.n - 5);
	xml_close(out, last_of(path));
	buf_free(&one);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf first = { .max = MOST }, second = { .max = MOST };
	const char *why;

	if (n > MOST / 8)
		return 0;
	if (xml_read(slice_of(p, n), copy, &first, &why) == 0) {
		if (xml_read(buf_slice(&first), copy, &second, &why) != 0 ||
		    !slice_eq(buf_slice(&first), buf_slice(&second)))
			abort();
	} else if (*why == '\0') {
		abort();
	}
	buf_free(&first);
	buf_cut(&second, 0);
	/* any bytes can be written and read */
	xml_text(&second, "t", slice_of(p, n < XML_TEXT / 3 ? n : 0));
	if (xml_read(buf_slice(&second), copy, &first, &why) != 0)
		abort();
	buf_free(&first);
	buf_free(&second);
	return 0;
}
