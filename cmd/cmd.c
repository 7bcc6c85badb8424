/* SPDX-License-Identifier: ISC */
#include "cmd/cmd.h"
#include "base/fd.h"
#include "base/log.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SENTENCE_BYTES = 4096, PAGE_BYTES = 64 << 10 };

/* Who speaks; before the options are read, the name we were started by. */
static const char *speaker;

void
die(enum exit_code code, const char *fmt, ...)
{
	const char *why = strerror(errno);
	struct buf line = { .max = SENTENCE_BYTES + 512 };
	char text[SENTENCE_BYTES];
	size_t n = strlen(fmt);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	put_text(&line, speaker ? speaker : program_invocation_short_name);
	put_text(&line, ": ");
	put_text(&line, text);
	if (n > 0 && fmt[n - 1] == ':') {
		put_text(&line, " ");
		put_text(&line, why);
	}
	put_text(&line, "\n");
	(void)fd_write_all(STDERR_FILENO, buf_slice(&line));
	exit((int)code);
}

int
cmd_options(const struct opt_page *page, int argc, char **argv)
{
	struct buf text = { .max = PAGE_BYTES };
	int first;

	speaker = page->prog;
	log_open(page->prog, LOG_INFO);
	/* chooses the fastest code for this processor: without it none is */
	if (sodium_init() < 0)
		die(EXIT_SYSTEM, "libsodium does not start");
	switch (opt_parse(page, argc, argv, &first, &text)) {
	case OPT_GO:
		break;
	case OPT_SHOWN:
		cmd_print(&text);
		exit(EXIT_YES);
	case OPT_WRONG:
		die(EXIT_WRONG, "%.*s", (int)text.n, (const char *)text.p);
	}
	buf_free(&text);
	return first;
}

void
cmd_print(const struct buf *b)
{
	if (fd_write_all(STDOUT_FILENO, buf_slice(b)) < 0)
		die(EXIT_SYSTEM, "standard output:");
}

int
cmd_inherited(const char *name, unsigned index)
{
	return fd_named(getenv("LISTEN_PID"), getenv("LISTEN_FDS"),
	    getenv("LISTEN_FDNAMES"), name, index);
}

void
cmd_ready(int notify_fd)
{
	/* we serve all the same; the supervisor decides what it makes of it */
	if (fd_ready(notify_fd, getenv("NOTIFY_SOCKET")) < 0)
		log_warn("ready.unheard", "why=%s",
		    log_q(slice_text(strerror(errno))));
}

void
cmd_hide(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die(EXIT_SYSTEM, "cannot give up core files and privileges:");
}

void
cmd_raise_fds(uint64_t need, const char *row)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	if (r.rlim_cur < need)
		log_warn("fds",
		    "limit=%llu wanted=%llu why=\"raise the descriptor "
		    "limit%s%s\"",
		    (unsigned long long)r.rlim_cur, (unsigned long long)need,
		    row ? " or lower " : "", row ? row : "");
}
