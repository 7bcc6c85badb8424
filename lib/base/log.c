/* SPDX-License-Identifier: ISC */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	/* Linux writes so much into a pipe whole or not at all (pipe(7)), so
	 * lines of several programs on one pipe do not mix. */
	LINE_BYTES = 4096,
	VALUE_BYTES = 128,
	VALUES = 8,
	/* every byte as \xHH, quotes, an ellipsis and the final zero */
	VALUE_ROOM = 4 * VALUE_BYTES + 6,
	SECOND = 1000,
	STAMP = sizeof "2026-01-31T12:00:00Z ",
};

static const char *const names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

/* The one piece of state a process has only one of, as it has one stderr. */
static const char *prog_name = "-";
static enum log_level least_level = LOG_INFO;
static bool is_file;

/* Now, in UTC, and a space; nothing when the clock is odd. */
static void
put_stamp(char out[STAMP])
{
	time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm) ||
	    strftime(out, STAMP, "%Y-%m-%dT%H:%M:%SZ ", &tm) == 0)
		out[0] = '\0';
}

void
log_open(const char *prog, enum log_level least)
{
	char stamp[STAMP];
	struct stat st;

	prog_name = prog;
	least_level = least;
	is_file = fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);
	/* what the C library reads for that it reads before a sandbox */
	put_stamp(stamp);
}

static bool
is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

static size_t
escape(char *out, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";

	memcpy(out, "\\x", 2);
	out[2] = hex[c >> 4];
	out[3] = hex[c & 15];
	return 4;
}

/* Whatever was formatted, it stays one line: a file name or an error text may
 * have been passed without log_q. */
static size_t
copy_clean(char *out, size_t room, const char *text)
{
	size_t n = 0;

	for (; *text && n + 4 <= room; text++) {
		if (is_control((uint8_t)*text))
			n += escape(out + n, (uint8_t)*text);
		else
			out[n++] = *text;
	}
	return n;
}

static void
emit(const char *line, size_t n)
{
	ssize_t done;

	/* a line that stderr refuses is lost: a log must not end a daemon */
	do
		done = write(STDERR_FILENO, line, n);
	while (done < 0 && errno == EINTR);
}

void
log_line(enum log_level level, const char *event, const char *fmt, ...)
{
	int saved = errno;
	char text[LINE_BYTES], line[LINE_BYTES], stamp[STAMP] = "";
	size_t n;
	int head;
	va_list ap;

	if (level < least_level)
		return;
	if (is_file)
		put_stamp(stamp);
	head = snprintf(text, sizeof text, "%slevel=%s prog=%s event=%s ",
	    stamp, names[level], prog_name, event);
	if (head > 0 && (size_t)head < sizeof text) {
		va_start(ap, fmt);
		vsnprintf(text + head, sizeof text - (size_t)head, fmt, ap);
		va_end(ap);
	}
	n = copy_clean(line, sizeof line - 1, text);
	while (n > 0 && line[n - 1] == ' ')
		n--;
	line[n++] = '\n';
	emit(line, n);
	errno = saved;
}

static bool
is_plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
		    strchr("\"\\=", s.p[i]) != NULL)
			return false;
	return s.n > 0 && s.n <= VALUE_BYTES;
}

/* Bytes beyond ASCII are escaped too: what a terminal makes of them (C1
 * controls, text that runs right to left) is not for a peer to choose. */
static size_t
quote(char *out, struct slice s)
{
	bool cut = s.n > VALUE_BYTES;
	size_t n = 0;

	out[n++] = '"';
	for (size_t i = 0; i < (cut ? (size_t)VALUE_BYTES : s.n); i++) {
		if (s.p[i] < 0x20 || s.p[i] >= 0x7f) {
			n += escape(out + n, s.p[i]);
			continue;
		}
		if (s.p[i] == '"' || s.p[i] == '\\')
			out[n++] = '\\';
		out[n++] = (char)s.p[i];
	}
	if (cut) {
		memcpy(out + n, "...", 3);
		n += 3;
	}
	out[n++] = '"';
	return n;
}

const char *
log_q(struct slice s)
{
	static char values[VALUES][VALUE_ROOM];
	static unsigned turn;
	char *out = values[turn++ % VALUES];
	size_t n = s.n;

	if (is_plain(s))
		memcpy(out, s.p, n);
	else
		n = quote(out, s);
	out[n] = '\0';
	return out;
}

bool
log_allow(struct log_flood *f, const char *event, unsigned burst, msec now)
{
	if (now - f->since >= SECOND) {
		if (f->dropped > 0)
			log_warn(event, "dropped=%u", f->dropped);
		*f = (struct log_flood){ .since = now };
	}
	if (f->said < burst) {
		f->said++;
		return true;
	}
	f->dropped++;
	return false;
}
