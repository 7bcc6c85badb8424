/* SPDX-License-Identifier: ISC
 *
 * The answers of a list as one line of text: "a b/ c" for keys and common
 * prefixes, with " …" behind them when there are more; versions as "a*" for
 * the latest, "a" for others, and "a!" for delete markers. */
#ifndef T_S3_ROWS_H
#define T_S3_ROWS_H

#include "t/s3/rig.h"

enum { ROWS = 2 << 20 };
static struct {
	char text[ROWS];
	size_t n, count;
	bool more;
	struct buf next; /* of a query: where the next page begins */
} rows;

static inline void
rows_add(const char *front, struct slice s, const char *end)
{
	int n = snprintf(rows.text + rows.n, ROWS - rows.n, "%s%.*s%s", front,
	    (int)s.n, s.n ? (const char *)s.p : "", end);

	if (n < 0 || (size_t)n >= ROWS - rows.n)
		abort();
	rows.n += (size_t)n;
}

/* Elements that say where the next page begins, and how it is asked for. */
static const struct {
	const char *element, *parameter;
} rows_nexts[] = {
	{ "NextContinuationToken", "continuation-token" },
	{ "NextMarker", "marker" },
	{ "NextKeyMarker", "key-marker" },
	{ "NextVersionIdMarker", "version-id-marker" },
	{ "NextUploadIdMarker", "upload-id-marker" },
};

static inline void
rows_next(const char *element, struct slice text)
{
	for (size_t i = 0; i < sizeof rows_nexts / sizeof *rows_nexts; i++) {
		if (strcmp(element, rows_nexts[i].element) != 0)
			continue;
		put_u8(&rows.next, '&');
		put_text(&rows.next, rows_nexts[i].parameter);
		put_u8(&rows.next, '=');
		uri_escape(&rows.next, text, false);
	}
}

static inline int
rows_fn(void *arg, bool open, const char *path, struct slice text)
{
	const char *at = strchr(path, '/');

	(void)arg;
	if (open || at == NULL)
		return 0;
	at++;
	rows_next(at, text);
	if (strcmp(at, "IsTruncated") == 0) {
		rows.more = slice_is(text, "true");
	} else if (strcmp(at, "Contents/Key") == 0 ||
		   strcmp(at, "Upload/Key") == 0 ||
		   strcmp(at, "Version/Key") == 0 ||
		   strcmp(at, "DeleteMarker/Key") == 0 ||
		   strcmp(at, "Buckets/Bucket/Name") == 0 ||
		   strcmp(at, "CommonPrefixes/Prefix") == 0) {
		rows_add(rows.n ? " " : "", text, "");
		rows.count++;
	} else if (strcmp(at, "DeleteMarker/IsLatest") == 0 ||
		   strcmp(at, "Version/IsLatest") == 0) {
		rows_add(*at == 'D' ? "!" : "", slice_of(NULL, 0),
		    slice_is(text, "true") ? "*" : "");
	}
	return 0;
}

/* Does this text stand in the reply? */
static inline bool
rows_has(const struct rig *g, const char *text)
{
	return g->got.body.n > 0 &&
	       memmem(g->got.body.p, g->got.body.n, text, strlen(text));
}

static inline const char *
rows_of(const struct rig *g)
{
	const char *why;

	buf_free(&rows.next);
	memset(&rows, 0, sizeof rows);
	rows.next.max = 8 * S3_KEY;
	if (g->got.status != 200 ||
	    xml_read(buf_slice(&g->got.body), rows_fn, NULL, &why) != 0)
		rows_add("?", buf_slice(&g->got.body), "");
	if (rows.more)
		rows_add(rows.n ? " " : "", slice_text("…"), "");
	return rows.text;
}

static inline const char *
rows_ask(struct rig *g, const char *target)
{
	rig_do(g, "GET", target);
	return rows_of(g);
}

/* The page behind the last one. */
static inline const char *
rows_ask_next(struct rig *g, const char *target)
{
	static char whole[9 * S3_KEY];

	snprintf(whole, sizeof whole, "%s%.*s", target, (int)rows.next.n,
	    rows.next.n ? (const char *)rows.next.p : "");
	return rows_ask(g, whole);
}

/* All pages of so many answers together are the whole list. */
static inline void
rows_walk(struct rig *g, const char *target, const char *count, unsigned most)
{
	static char all[ROWS], whole[ROWS], page[4096];
	unsigned pages = 0;
	size_t n = 0;

	snprintf(whole, sizeof whole, "%s", rows_ask(g, target));
	snprintf(page, sizeof page, "%s&%s=%u", target, count, most);
	rows_ask(g, page);
	for (;;) {
		if (rows.count > most)
			break;
		if (rows.more)
			rows.text[rows.n - strlen(" …")] = '\0';
		n += (size_t)snprintf(all + n, sizeof all - n, "%s%s",
		    pages ? " " : "", rows.text);
		if (!rows.more || ++pages > 60)
			break;
		rows_ask_next(g, page);
	}
	is_text(all, whole, page);
}

#endif
