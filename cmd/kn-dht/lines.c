/* SPDX-License-Identifier: ISC */
#include "cmd/kn-dht/lines.h"
#include "cmd/cmd.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 64 << 10 };

/* Can the loop wait for it?  epoll refuses files and some devices. */
static bool
waits(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(fd));
}

static void
fill(struct lines *l)
{
	uint8_t *room = buf_room(&l->in, CHUNK);
	ssize_t n = read(STDIN_FILENO, room, CHUNK);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		die(EXIT_SYSTEM, "standard input:");
	l->over = n == 0;
	buf_added(&l->in, (size_t)n);
}

static void
on_input(void *arg, unsigned what)
{
	struct lines *l = arg;

	(void)what;
	watch_want(l->watch, 0);
	fill(l);
	l->more(l->arg);
}

void
lines_init(struct lines *l, struct loop *loop, size_t longest,
    void (*more)(void *arg), void *arg)
{
	*l = (struct lines){ .longest = longest, .more = more, .arg = arg };
	l->in.max = longest + CHUNK;
	if (waits(STDIN_FILENO))
		l->watch = watch_new(loop, STDIN_FILENO, on_input, l);
}

static bool
take(struct lines *l, struct slice *line)
{
	struct slice in = buf_slice(&l->in);
	const uint8_t *end = in.n > 0 ? memchr(in.p, '\n', in.n) : NULL;
	size_t n = end ? (size_t)(end - in.p) : in.n;

	if (n > l->longest)
		die(EXIT_WRONG, "a line of standard input is too long");
	if (end == NULL && (n == 0 || !l->over))
		return false;
	*line = slice_of(in.p, n);
	buf_drop(&l->in, end ? n + 1 : n);
	return true;
}

int
lines_next(struct lines *l, struct slice *line)
{
	while (!take(l, line)) {
		if (l->over)
			return -1;
		if (l->watch) {
			watch_want(l->watch, WATCH_READ);
			return 0;
		}
		fill(l);
	}
	return 1;
}
