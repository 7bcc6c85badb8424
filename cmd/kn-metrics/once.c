/* SPDX-License-Identifier: ISC
 *
 * Without a daemon: the metrics once or into a file, and the probe. */
#include "base/fd.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/jailed.h"
#include "cmd/kn-metrics/parts.h"
#include "net/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE = 16 << 20, MODE = 0644 };

/* Who may not look would find that nothing runs. */
static void
must_see(const struct gather *g)
{
	if (access(g->stat_path, R_OK | X_OK) < 0 && errno == EACCES)
		die(EXIT_WRONG,
		    "cannot look into %s: be root, or in the group of the "
		    "node's programs",
		    g->stat_path);
}

int
once_print(const struct node_conf *conf)
{
	struct buf out = { .max = PAGE };
	struct gather g;

	gather_init(&g, conf);
	must_see(&g);
	pages_metrics(&g, PROM_TEXT, &out);
	if (out.bad)
		die(EXIT_SYSTEM, "the metrics are larger than 16 MiB");
	cmd_print(&out);
	buf_free(&out);
	gather_free(&g);
	return EXIT_YES;
}

struct writing {
	struct gather gather;
	struct loop *loop;
	struct timer *again;
	const char *path;
	msec every;
};

/* 0, or -1 with errno; what is there stays. */
static int
write_file(struct writing *w)
{
	struct buf out = { .max = PAGE };
	int r;

	pages_metrics(&w->gather, PROM_TEXT, &out);
	errno = EFBIG;
	r = out.bad ? -1 : fd_replace_file(w->path, buf_slice(&out), MODE);
	buf_free(&out);
	return r;
}

/* A disk that is full now may not be later. */
static void
on_again(void *arg)
{
	struct writing *w = arg;

	if (write_file(w) < 0)
		log_warn("textfile.failed", "file=%s why=%s",
		    log_q(slice_text(w->path)),
		    log_q(slice_text(strerror(errno))));
	timer_at(w->again, loop_now(w->loop) + w->every);
}

/* It may change what is beside the file, and nothing else. */
static void
lock_down(const struct writing *w, const char *file)
{
	const struct node_conf *conf = w->gather.conf;
	const struct jailed_path paths[] = {
		{ w->gather.stat_path, JAIL_READ, false },
		{ conf->metrics.textfiles_path, JAIL_READ, false },
		{ w->path, JAIL_WRITE | JAIL_READ, true },
	};
	const struct jailed j = { conf, file, paths, N(paths), JAIL_CLOCK };
	struct stats *none = stat_open(NULL, "kn-metrics", NULL, 0);

	jailed_enter(&j, none);
	stat_close(none);
}

static void
on_term(void *arg, unsigned what)
{
	(void)what;
	loop_stop(arg, EXIT_YES);
}

int
once_textfile(const struct node_conf *conf, const char *file, const char *path,
    msec every)
{
	struct writing w = { .path = path, .every = every };
	int code = EXIT_YES;

	gather_init(&w.gather, conf);
	must_see(&w.gather);
	if (write_file(&w) < 0)
		die(EXIT_SYSTEM, "cannot write %s:", path);
	if (every > 0) {
		w.loop = loop_new();
		w.again = timer_new(w.loop, on_again, &w);
		loop_signal(w.loop, SIGTERM, on_term, w.loop);
		loop_signal(w.loop, SIGINT, on_term, w.loop);
		lock_down(&w, file);
		timer_at(w.again, loop_now(w.loop) + every);
		code = loop_run(w.loop);
	}
	gather_free(&w.gather);
	return code;
}

static void
complain(const char *sentence)
{
	struct buf line = { .max = 1024 };

	put_text(&line, "kn-metrics: ");
	put_text(&line, sentence);
	put_text(&line, "\n");
	(void)fd_write_all(STDERR_FILENO, buf_slice(&line));
	buf_free(&line);
}

int
once_probe(const struct node_conf *conf, const char *what, bool json)
{
	bool health = strcmp(what, "healthz") == 0, good;
	struct buf out = { .max = PAGE };
	struct gather g;

	gather_init(&g, conf);
	must_see(&g);
	good = health ? pages_health(&g, &out) : pages_ready(&g, false, &out);
	if (json)
		cmd_print(&out);
	for (size_t i = 0; i < g.ready.n; i++)
		if (!health || g.ready.found[i].reason == READY_STALE)
			complain(g.ready.found[i].says);
	buf_free(&out);
	gather_free(&g);
	return good ? EXIT_YES : EXIT_NO;
}
