/* SPDX-License-Identifier: ISC */
#include "web/when.h"
#include "base/table.h"
#include "web/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The last second of the year 9999: more has no four digits. */
#define LAST INT64_C(253402300799)

static const char *const days[] = { "Sunday", "Monday", "Tuesday", "Wednesday",
	"Thursday", "Friday", "Saturday" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* At most n digits, at least one of them; blanks before are allowed when the
 * field is padded with them. */
static int
number(struct slice *in, size_t n, bool blank)
{
	uint64_t v;
	struct slice field = get_bytes(in, n);

	if (blank && field.n > 0 && field.p[0] == ' ')
		get_bytes(&field, 1);
	return text_uint(field, 9999, &v) == 0 ? (int)v : -1;
}

/* Which of the names stands at the front (its first `most` bytes), or -1. */
static int
name(struct slice *in, const char *const *names, size_t n, size_t most)
{
	for (size_t i = 0; i < n; i++) {
		struct slice want = slice_text(names[i]);

		if (want.n > most)
			want.n = most;
		if (text_begins_nocase(*in, want)) {
			get_bytes(in, want.n);
			return (int)i;
		}
	}
	return -1;
}

/* One letter of a form: *v is what stood there, -1 when it did not. */
static int *
field(char letter, struct slice *in, struct tm *t, int *v)
{
	switch (letter) {
	case 'w':
		*v = name(in, days, N(days), 3);
		return &t->tm_wday;
	case 'W':
		*v = name(in, days, N(days), SIZE_MAX);
		return &t->tm_wday;
	case 'd':
		*v = number(in, 2, false);
		return &t->tm_mday;
	case 'e':
		*v = number(in, 2, true);
		return &t->tm_mday;
	case 'b':
		*v = name(in, months, N(months), SIZE_MAX);
		return &t->tm_mon;
	case 'm':
		*v = number(in, 2, false) - 1;
		return &t->tm_mon;
	case 'Y':
		*v = number(in, 4, false);
		return &t->tm_year;
	case 'y': /* of 1970 to 2069, for want of a clock */
		*v = number(in, 2, false);
		*v += *v < 0 ? 0 : *v < 70 ? 2000 : 1900;
		return &t->tm_year;
	case 'H':
		*v = number(in, 2, false);
		return &t->tm_hour;
	case 'M':
		*v = number(in, 2, false);
		return &t->tm_min;
	case 'S':
		*v = number(in, 2, false);
		return &t->tm_sec;
	}
	return NULL;
}

/* .5 and the like: S3 writes thousandths, which are dropped. */
static bool
fraction(struct slice *in)
{
	uint64_t ignored;

	if (in->n == 0 || in->p[0] != '.')
		return true;
	get_bytes(in, 1);
	return text_digits(in, &ignored) > 0;
}

static bool
scan(const char *form, struct slice in, struct tm *t)
{
	*t = (struct tm){ .tm_mday = 1 };
	for (; *form; form++) {
		int v = 0, *to = NULL;

		if (*form == '%') {
			to = field(*++form, &in, t, &v);
			if (v < 0)
				return false;
			*to = v;
		} else if (*form == '.') {
			if (!fraction(&in))
				return false;
		} else if (get_u8(&in) != (uint8_t)*form) {
			return false;
		}
	}
	return !in.bad && in.n == 0;
}

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t
seconds(struct tm *t)
{
	static const int in_month[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	int64_t at;

	if (t->tm_mon > 11 || t->tm_mday < 1 || t->tm_hour > 23 ||
	    t->tm_min > 59 || t->tm_sec > 60)
		return -1;
	if (t->tm_mday >
	    in_month[t->tm_mon] + (t->tm_mon == 1 && is_leap(t->tm_year)))
		return -1;
	t->tm_year -= 1900;
	at = timegm(t);
	return at < 0 ? 0 : at; /* nothing is older than 1970 */
}

static int64_t
parse(const char *const *forms, size_t n, struct slice text)
{
	struct tm t;

	for (size_t i = 0; i < n; i++)
		if (scan(forms[i], text, &t))
			return seconds(&t);
	return -1;
}

int64_t
when_parse_http(struct slice text)
{
	static const char *const forms[] = {
		"%w, %d %b %Y %H:%M:%S GMT", /* IMF-fixdate */
		"%W, %d-%b-%y %H:%M:%S GMT", /* RFC 850 */
		"%w %b %e %H:%M:%S %Y",      /* asctime */
	};

	return parse(forms, N(forms), text);
}

int64_t
when_parse_iso(struct slice text)
{
	static const char *const forms[] = {
		"%Y-%m-%dT%H:%M:%S.Z",
		"%Y-%m-%d",
	};

	return parse(forms, N(forms), text);
}

static struct tm
broken(int64_t at)
{
	time_t t = (time_t)(at < 0 ? 0 : at > LAST ? LAST : at);
	struct tm tm;

	gmtime_r(&t, &tm);
	return tm;
}

void
when_http(int64_t at, char text[WHEN_TEXT])
{
	struct tm t = broken(at);

	snprintf(text, WHEN_TEXT, "%.3s, %02d %s %04d %02d:%02d:%02d GMT",
	    days[t.tm_wday % 7], t.tm_mday % 100, months[t.tm_mon % 12],
	    (t.tm_year + 1900) % 10000, t.tm_hour % 100, t.tm_min % 100,
	    t.tm_sec % 100);
}

void
when_iso(int64_t milliseconds, char text[WHEN_TEXT])
{
	int64_t ms = milliseconds < 0 ? 0 : milliseconds;
	struct tm t = broken(ms / 1000);

	snprintf(text, WHEN_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
	    (t.tm_year + 1900) % 10000, (t.tm_mon + 1) % 100, t.tm_mday % 100,
	    t.tm_hour % 100, t.tm_min % 100, t.tm_sec % 100, (int)(ms % 1000));
}
