/* SPDX-License-Identifier: ISC
 *
 * Dates, conditions and ranges of HTTP (RFC 9110 sections 5.6.7, 13, 14; RFC
 * 3339 and ISO 8601 as S3's XML has them). */
#ifndef WEB_WHEN_H
#define WEB_WHEN_H

#include "web/http.h"

enum { WHEN_TEXT = 32 };

/* Seconds since 1970 from any of HTTP's three forms; -1: no date. */
int64_t when_parse_http(struct slice);
/* From 2006-01-02T15:04:05[.000]Z or a bare date; -1. */
int64_t when_parse_iso(struct slice);
void when_http(int64_t seconds, char text[WHEN_TEXT]);
void when_iso(int64_t milliseconds, char text[WHEN_TEXT]); /* with .000Z */

/* If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since by RFC 9110's
 * order (13.2.2).  etag: without quotes, or NULL: there is no object; modified:
 * seconds.  Lists, *, weak and unquoted tags are understood. */
enum when_end { WHEN_GO, WHEN_NOT_MODIFIED, WHEN_FAILED };
enum when_end when_read(
    const struct http_head *, const char *etag, int64_t modified);
/* The same of a copy's source: x-amz-copy-source-if-*; never NOT_MODIFIED. */
enum when_end when_copy(
    const struct http_head *, const char *etag, int64_t modified);
/* If-Match and If-None-Match of a write.  If-None-Match takes only *;
 * S3's other values are NotImplemented: WHEN_BAD; so is If-Unmodified-Since. */
enum when_write { WHEN_WRITE, WHEN_WRITE_FAILED, WHEN_WRITE_ABSENT, WHEN_BAD };
/* exists: is there a current object; etag of it.  WHEN_WRITE_ABSENT: If-Match
 * of what is not there (404). */
enum when_write when_write(
    const struct http_head *, bool exists, const char *etag);

/* If-Range: true when Range is to be heeded (also when there is none); when
 * false, give the whole. */
bool when_if_range(
    const struct http_head *, const char *etag, int64_t modified);
/* One range.  true and [*from, *from + *n) when the header asks for a part of
 * size bytes that is satisfiable; false and *bad when not satisfiable; false
 * and !*bad: give the whole (no Range, several ranges, not understood). */
bool when_range(
    struct slice header, uint64_t size, uint64_t *from, uint64_t *n, bool *bad);
/* x-amz-copy-source-range: bytes=A-B, both given, within size; false if not. */
bool when_copy_range(
    struct slice header, uint64_t size, uint64_t *from, uint64_t *n);

#endif
