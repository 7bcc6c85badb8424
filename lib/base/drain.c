/* SPDX-License-Identifier: ISC */
#include "base/drain.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STAMP = sizeof "2026-11-26T03:10:00Z", NUMBER = 24 };

/* The keys of the file, each at most once. */
enum key { REASON, SINCE, BOOT, AT, DEADLINE, HOLD, KEYS };

static const struct {
	const char *name;
	bool needed;
} keys[KEYS] = {
	[REASON] = { "reason", true },
	[SINCE] = { "since", true },
	[BOOT] = { "boot", true },
	[AT] = { "at", true },
	[DEADLINE] = { "deadline", false },
	[HOLD] = { "hold", false },
};

bool
drain_reason_ok(struct slice s)
{
	if (s.n == 0 || s.n > DRAIN_REASON || !utf8_ok(s) || s.p[0] == ' ' ||
	    s.p[s.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] == 0x7f ||
		    /* the second control characters, U+0080 to U+009F */
		    (s.p[i] == 0xc2 && s.p[i + 1] < 0xa0))
			return false;
	return true;
}

/* As the pattern: 0 stands for a digit, the rest for itself. */
static bool
looks_like(struct slice s, const char *pattern)
{
	if (s.n != strlen(pattern))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (pattern[i] == '0' ? s.p[i] < '0' || s.p[i] > '9'
				      : s.p[i] != (uint8_t)pattern[i])
			return false;
	return true;
}

static bool
boot_ok(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0 && s.n <= DRAIN_BOOT;
}

static bool
number(struct slice s, uint64_t most, msec *out)
{
	char text[NUMBER] = "";
	uint64_t v;

	if (s.n == 0 || s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	if (strlen(text) != s.n || opt_uint(text, most, &v) < 0)
		return false;
	*out = (msec)v;
	return true;
}

static void
copy(char *to, struct slice from)
{
	memcpy(to, from.p, from.n);
	to[from.n] = '\0';
}

static bool
take(struct drain *d, enum key key, struct slice value)
{
	switch (key) {
	case REASON:
		if (!drain_reason_ok(value))
			return false;
		copy(d->reason, value);
		return true;
	case SINCE:
		if (!looks_like(value, "0000-00-00T00:00:00Z"))
			return false;
		copy(d->since, value);
		return true;
	case BOOT:
		if (!boot_ok(value))
			return false;
		copy(d->boot, value);
		return true;
	case AT:
		return number(value, INT64_MAX / 2, &d->at);
	case DEADLINE:
		return number(value, DRAIN_DAY, &d->deadline);
	case HOLD:
		d->hold = slice_is(value, "yes");
		return d->hold || slice_is(value, "no");
	case KEYS:
		break;
	}
	return false;
}

/* NULL, or what is wrong with the line; had: a bit for each key seen. */
static const char *
take_line(struct drain *d, struct slice line, unsigned *had)
{
	static const char *const values[KEYS] = {
		[REASON] = "reason is not 1 to 256 printable bytes",
		[SINCE] = "since is not a time as 2026-11-26T03:10:00Z",
		[BOOT] = "boot is not 1 to 36 printable characters",
		[AT] = "at is not a number of milliseconds",
		[DEADLINE] = "deadline is not a number of milliseconds, at "
			     "most a day",
		[HOLD] = "hold is neither yes nor no",
	};
	const uint8_t *equals;
	struct slice name;

	line = slice_trim(line, " ");
	if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';')
		return NULL;
	equals = memchr(line.p, '=', line.n);
	if (equals == NULL)
		return "a line is not KEY = VALUE";
	name = slice_trim(get_bytes(&line, (size_t)(equals - line.p)), " ");
	get_bytes(&line, 1);
	for (enum key k = 0; k < KEYS; k++) {
		if (!slice_is(name, keys[k].name))
			continue;
		if (*had >> k & 1)
			return "a key stands there twice";
		*had |= 1U << k;
		return take(d, k, slice_trim(line, " ")) ? NULL : values[k];
	}
	return "a key is not known";
}

int
drain_parse(struct slice text, struct drain *d, const char **why)
{
	unsigned had = 0;

	*d = (struct drain){ .deadline = MSEC_NEVER };
	*why = NULL;
	if (text.n > DRAIN_FILE)
		*why = "it is longer than 4096 bytes";
	else if (text.n == 0 || text.p[text.n - 1] != '\n')
		*why = "it does not end with a whole line";
	while (*why == NULL && text.n > 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);

		*why = take_line(
		    d, get_bytes(&text, (size_t)(end - text.p)), &had);
		get_bytes(&text, 1);
	}
	for (enum key k = 0; *why == NULL && k < KEYS; k++)
		if (keys[k].needed && !(had >> k & 1))
			*why = "a key is missing: it needs reason, since, "
			       "boot and at";
	return *why ? -1 : 0;
}

static void
put_pair(struct buf *out, enum key key, const char *value)
{
	put_text(out, keys[key].name);
	put_text(out, " = ");
	put_text(out, value);
	put_text(out, "\n");
}

static void
put_number(struct buf *out, enum key key, msec value)
{
	char text[NUMBER];

	snprintf(text, sizeof text, "%" PRId64, value);
	put_pair(out, key, text);
}

void
drain_print(const struct drain *d, struct buf *out)
{
	put_pair(out, REASON, d->reason);
	put_pair(out, SINCE, d->since);
	put_pair(out, BOOT, d->boot);
	put_number(out, AT, d->at);
	if (d->deadline != MSEC_NEVER)
		put_number(out, DEADLINE, d->deadline);
	put_pair(out, HOLD, d->hold ? "yes" : "no");
}

void
drain_boot(char boot[DRAIN_BOOT + 1])
{
	struct buf text = { .max = 64 };
	struct slice s;

	boot[0] = '\0';
	if (fd_read_file("/proc/sys/kernel/random/boot_id", &text) == 0) {
		s = buf_slice(&text);
		if (s.n > 0 && s.p[s.n - 1] == '\n')
			s.n--;
		if (boot_ok(s))
			copy(boot, s);
	}
	buf_free(&text);
}

void
drain_stamp(char since[STAMP])
{
	time_t now = msec_wall() / 1000;
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(since, STAMP, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* Everything of an open file that is to be a small regular one. */
static const char *
read_small(int fd, struct buf *out)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return "it is not a regular file";
	if (fd_read_all(fd, out) < 0)
		return errno == EFBIG ? "it is longer than 4096 bytes"
				      : "it cannot be read";
	return NULL;
}

/* 1 with text; 0: there is none; -1 with *why. */
static int
read_text(const char *path, struct buf *text, const char **why)
{
	/* O_NONBLOCK: a FIFO laid there must not hold us up */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	*why = fd < 0 ? "it cannot be opened" : read_small(fd, text);
	if (fd >= 0)
		close(fd);
	return *why ? -1 : 1;
}

int
drain_read(const char *path, struct drain *d, const char **why)
{
	struct buf text = { .max = DRAIN_FILE };
	int r = read_text(path, &text, why);

	*d = (struct drain){ .deadline = MSEC_NEVER };
	if (r == 1 && drain_parse(buf_slice(&text), d, why) < 0)
		r = -1;
	buf_free(&text);
	return r;
}

const char *
drain_bond_word(enum drain_bond bond)
{
	static const char *const words[] = { DRAIN_BONDS(TABLE_WORD) };

	return words[bond];
}

void
drainer_init(struct drainer *d, const char *path, msec started)
{
	*d = (struct drainer){ .path = path,
		.started = started,
		.due = MSEC_NEVER,
		.drain.deadline = MSEC_NEVER };
	drain_boot(d->boot);
}

/* Was it asked for while this program ran?  Without the kernel's name for the
 * boot, one that lies in the future is of another. */
static bool
is_ours(const struct drainer *d, const struct drain *drain, msec now)
{
	if (d->boot[0] == '\0')
		return drain->at >= d->started && drain->at <= now;
	return strcmp(drain->boot, d->boot) == 0 && drain->at >= d->started;
}

static enum drain_news
let_go(struct drainer *d, const char *over)
{
	bool was = d->bond != DRAIN_FREE;

	d->bond = DRAIN_FREE;
	d->due = MSEC_NEVER;
	d->over = over;
	return was ? DRAIN_OVER : DRAIN_SAME;
}

static enum drain_news
bind(struct drainer *d, enum drain_bond bond, msec due)
{
	d->bond = bond;
	d->due = due;
	return DRAIN_BEGUN;
}

static enum drain_news
judge(struct drainer *d, bool certified, msec now)
{
	const struct drain *drain = &d->drain;

	if (is_ours(d, drain, now))
		return bind(d, drain->hold ? DRAIN_HELD : DRAIN_ASKED,
		    drain->deadline == MSEC_NEVER
			? MSEC_NEVER
			: drain->at + drain->deadline);
	if (drain->hold)
		return bind(d, DRAIN_HELD, now);
	if (!certified)
		return bind(d, DRAIN_CERTIFICATE, now);
	return let_go(d, "replaced");
}

enum drain_news
drainer_heard(struct drainer *d, const struct slice *text, const char *why,
    bool certified, msec now)
{
	if (text == NULL && why == NULL)
		return let_go(d, "removed");
	if (why == NULL && drain_parse(*text, &d->drain, &why) == 0)
		return judge(d, certified, now);
	d->drain = (struct drain){ .deadline = MSEC_NEVER };
	snprintf(d->drain.reason, sizeof d->drain.reason,
	    "the drain file cannot be understood: %s", why);
	log_error("drain.malformed", "file=%s why=%s",
	    log_q(slice_text(d->path)), log_q(slice_text(why)));
	return bind(d, DRAIN_MALFORMED, MSEC_NEVER);
}

/* Is it another file than last time?  While nobody can say, what was known
 * holds, and that is said once. */
static bool
has_changed(struct drainer *d, bool *there)
{
	uint64_t now[5] = { 0 };
	struct stat st;
	bool seen = stat(d->path, &st) == 0;

	if (!seen && errno != ENOENT && errno != ENOTDIR) {
		if (!d->unseen)
			log_warn("drain.unseen", "file=%s error=%s",
			    log_q(slice_text(d->path)),
			    log_q(slice_text(strerror(errno))));
		d->unseen = true;
		return false;
	}
	d->unseen = false;
	if (seen) {
		now[0] = st.st_dev;
		now[1] = st.st_ino;
		now[2] = (uint64_t)st.st_size;
		now[3] = (uint64_t)st.st_mtim.tv_sec;
		now[4] = (uint64_t)st.st_mtim.tv_nsec;
	}
	*there = seen;
	if (seen == d->there && memcmp(now, d->seen, sizeof now) == 0)
		return false;
	d->there = seen;
	memcpy(d->seen, now, sizeof now);
	return true;
}

enum drain_news
drainer_look(struct drainer *d, bool certified, msec now)
{
	struct buf text = { .max = DRAIN_FILE };
	const char *why = NULL;
	enum drain_news news = DRAIN_SAME;
	struct slice s;
	bool there;

	if (has_changed(d, &there)) {
		int r = there ? read_text(d->path, &text, &why) : 0;

		s = buf_slice(&text);
		news =
		    drainer_heard(d, r == 1 ? &s : NULL, why, certified, now);
	} else if (d->bond == DRAIN_CERTIFICATE && certified) {
		news = let_go(d, "certificate");
	}
	buf_free(&text);
	return news;
}
