/* SPDX-License-Identifier: ISC
 *
 * The daemon: answers over HTTP what it finds at that moment. */
#include "base/fd.h"
#include "base/log.h"
#include "base/table.h"
#include "cmd/cmd.h"
#include "cmd/jailed.h"
#include "cmd/kn-metrics/parts.h"
#include "cmd/life.h"
#include "cmd/tcp.h"
#include "net/httpd.h"
#include "web/text.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TICK = 1000,
	IDLE = 20000, /* longer than many scrapers wait between two scrapes */
	HEAD = 5000,
	HEAD_BYTES = 8 << 10,
	SPARE_FDS = 64,
	STOP_TIME = 2000, /* for answers under way, after TERM */
};

/* clang-format off */
#define PATHS(P)                                                              \
	P(PATH_METRICS, "/metrics")                                           \
	P(PATH_HEALTHZ, "/healthz")                                           \
	P(PATH_READYZ, "/readyz")                                             \
	P(PATH_OTHER, "other")
#define CLASSES(C) C(2) C(4) C(5)
#define REFUSED(R)                                                            \
	R(CONNECTIONS, "connections")                                         \
	R(ADDRESS, "address")                                                 \
	R(HEAD, "head")                                                       \
	R(SLOW, "slow")                                                       \
	R(SOURCE, "source")                                                   \
	R(METHOD, "method")

enum path { PATHS(TABLE_NAME) PATH_N };
enum { CLASS_2, CLASS_4, CLASS_5, CLASS_N };
enum {
	AT_REQUESTS,
	AT_REFUSED = AT_REQUESTS + PATH_N * CLASS_N,
#define R(name, word) AT_REFUSED_##name,
	AT_BEFORE = AT_REFUSED - 1,
	REFUSED(R)
#undef R
	AT_TEXTFILE_ERRORS,
	AT_DROPPED,
	AT_GARBAGE,
	AT_CONNECTIONS,
};

#define ROW(path, class)                                                      \
	{ STAT_COUNTER, "kn_metrics_requests_total",                          \
	    "path=\"" path "\",class=\"" #class "xx\"",                       \
	    "requests, by path and class of the answer's status" },
static const struct stat_row rows[] = {
#define P(name, word) ROW(word, 2) ROW(word, 4) ROW(word, 5)
	PATHS(P)
#undef P
#define R(name, word)                                                         \
	{ STAT_COUNTER, "kn_metrics_refused_total", "reason=\"" word "\"",    \
	    "connections and requests that were refused or cut" },
	REFUSED(R)
#undef R
	{ STAT_COUNTER, "kn_metrics_textfile_errors_total", "",
	    "times that a *.prom file was passed over" },
	{ STAT_COUNTER, "kn_metrics_dropped_total", "",
	    "times that a row of a program could not be told" },
	{ STAT_GAUGE, "kn_metrics_garbage", "",
	    "files among those of counters that are none" },
	{ STAT_GAUGE, "kn_metrics_connections", "", "connections" },
	PROCSTAT_ROWS("kn-metrics"),
};
/* clang-format on */

static struct daemon {
	struct node_conf conf;
	const char *file;
	struct loop *loop;
	struct httpd *httpd;
	struct life life;
	struct roster allow;
	struct gather gather;
	struct timer *tick;
} me;

static enum path
path_of(struct slice target)
{
	static const char *const words[] = { PATHS(TABLE_WORD) };
	struct slice path = { 0 };

	(void)text_next(&target, '?', &path);
	return (enum path)table_find(words, PATH_OTHER, path);
}

static bool
is_verbose(struct slice target)
{
	struct slice part = { 0 };

	(void)text_next(&target, '?', &part);
	while (text_next(&target, '&', &part))
		if (slice_is(part, "verbose") || slice_is(part, "verbose=1"))
			return true;
	return false;
}

static bool
may_ask(const struct http_head *head)
{
	struct ip ip = roster_ip_of_text(head->from);

	/* a Unix socket has its own guard: the modes of its path */
	return slice_is(head->from, "unix") || roster_has_ip(&me.allow, &ip);
}

static void
say(struct http_reply *y, unsigned status, const char *sentence)
{
	y->status = status;
	http_put_text(y, "Content-Type", "text/plain; charset=utf-8");
	put_text(&y->body, sentence);
}

static void
say_json(struct http_reply *y, bool good)
{
	y->status = good ? 200 : 503;
	http_put_text(y, "Content-Type", "application/json");
}

static void
tell_metrics(struct http_reply *y, const struct http_head *head)
{
	enum prom_format format = prom_accept(http_value(head, "Accept"));

	pages_metrics(&me.gather, format, &y->body);
	stat_add(me.life.stats, AT_TEXTFILE_ERRORS, me.gather.bad_textfiles);
	stat_set(me.life.stats, AT_DROPPED, me.gather.prom.dropped);
	stat_set(me.life.stats, AT_GARBAGE, me.gather.garbage);
	y->status = 200;
	http_put_text(y, "Content-Type", prom_type(format));
	http_put_text(y, "Vary", "Accept");
}

static void
answer(struct http_reply *y, const struct http_head *head, enum path path)
{
	bool get = slice_is(head->method, "GET");

	if (!may_ask(head)) {
		stat_add(me.life.stats, AT_REFUSED_SOURCE, 1);
		y->close = true; /* the place is for others */
		say(y, 403, "metrics.allow in node.ini does not name you\n");
	} else if (path == PATH_OTHER) {
		say(y, 404, "there are /metrics, /healthz and /readyz\n");
	} else if (!get && !slice_is(head->method, "HEAD")) {
		stat_add(me.life.stats, AT_REFUSED_METHOD, 1);
		http_put_text(y, "Allow", "GET, HEAD");
		say(y, 405, "only GET and HEAD\n");
	} else if (path == PATH_METRICS) {
		tell_metrics(y, head);
	} else if (path == PATH_HEALTHZ) {
		say_json(y, pages_health(&me.gather, &y->body));
	} else {
		say_json(y, pages_ready(&me.gather, is_verbose(head->target),
				&y->body));
	}
}

static void
count(enum path path, unsigned status)
{
	size_t class = status < 300   ? CLASS_2
		       : status < 500 ? CLASS_4
				      : CLASS_5;

	stat_add(me.life.stats, AT_REQUESTS + path * CLASS_N + class, 1);
}

static void *
on_begin(void *arg, struct httpd_req *r, const struct http_head *head)
{
	enum path path = path_of(head->target);
	struct http_reply y;

	(void)arg;
	http_reply_init(&y, NULL);
	http_put_text(&y, "Cache-Control", "no-store");
	answer(&y, head, path);
	if (y.body.bad) {
		http_reply_free(&y);
		say(&y, 500, "there is more to tell than fits\n");
	}
	y.length = y.body.n;
	y.no_body = slice_is(head->method, "HEAD");
	count(path, y.status);
	httpd_answer(r, &y);
	return NULL;
}

/* Bodies are of no interest. */
static void
on_body(void *data, struct slice bytes)
{
	(void)data;
	(void)bytes;
}

static void
on_end(void *data)
{
	(void)data;
}

static void
on_done(void *data, uint64_t sent)
{
	(void)data;
	(void)sent;
}

static const struct httpd_face face = { on_begin, on_body, on_end, on_done,
	NULL };

static void
publish(void)
{
	static const unsigned at[HTTPD_REFUSALS] = {
		[HTTPD_FULL] = AT_REFUSED_CONNECTIONS,
		[HTTPD_IP] = AT_REFUSED_ADDRESS,
		[HTTPD_HEAD] = AT_REFUSED_HEAD,
		[HTTPD_SLOW] = AT_REFUSED_SLOW,
	};

	for (size_t i = 0; i < HTTPD_REFUSALS; i++)
		stat_set(me.life.stats, at[i],
		    httpd_refused(me.httpd, (enum httpd_refusal)i));
	stat_set(me.life.stats, AT_CONNECTIONS, httpd_connections(me.httpd));
	life_beat(&me.life, msec_now(), httpd_connections(me.httpd));
}

static void
on_tick(void *arg)
{
	(void)arg;
	publish();
	timer_at(me.tick, loop_now(me.loop) + TICK);
	if (httpd_connections(me.httpd) == 0)
		life_over(&me.life);
}

static void
on_term(void *arg)
{
	httpd_drain(me.httpd);
	on_tick(arg);
}

bool
daemon_allowed(
    const struct node_conf *c, struct roster *allow, struct buf *faults)
{
	for (size_t i = 0; i < c->metrics.allow.n; i++) {
		const char *text = c->metrics.allow.at[i];

		if (roster_add_net(allow, slice_text(text)))
			continue;
		put_text(faults, "metrics.allow: \"");
		put_text(faults, text);
		put_text(faults, "\" is neither an address nor ADDRESS/BITS, "
				 "as 192.0.2.0/24");
		return false;
	}
	return true;
}

/* Who may ask. */
static int
take(void *arg, const struct node_conf *conf, struct buf *faults)
{
	struct roster allow = { 0 }, *own = arg;

	if (!daemon_allowed(conf, &allow, faults)) {
		roster_free(&allow);
		return -1;
	}
	roster_free(own);
	*own = allow;
	return 0;
}

static void
on_hup(void *arg, unsigned what)
{
	(void)arg;
	(void)what;
	if (node_reload("kn-metrics", me.file, take, &me.allow))
		log_info("reloaded", "allow=%zu", me.allow.nets.n);
}

static void
listen_all(void)
{
	const struct conf_list *list = &me.conf.metrics.listen;
	unsigned n = 0;
	int fd;

	while ((fd = cmd_inherited("metrics", n)) >= 0) {
		tcp_say(fd);
		if (httpd_listen(me.httpd, fd) < 0)
			die(EXIT_SYSTEM, "cannot serve a socket:");
		n++;
	}
	for (size_t i = 0; n == 0 && i < list->n; i++) {
		fd = tcp_listen(list->at[i]);
		tcp_say(fd);
		if (httpd_listen(me.httpd, fd) < 0)
			die(EXIT_SYSTEM, "cannot serve a socket:");
	}
}

static void
serve(void)
{
	unsigned most = (unsigned)me.conf.metrics.connections;
	/* nobody alone keeps others out */
	const struct httpd_conf hc = {
		.connections = most,
		.connections_per_ip = (most + 1) / 2,
		.idle = IDLE,
		.head = HEAD,
		.head_bytes = HEAD_BYTES,
	};

	me.loop = loop_new();
	me.httpd = httpd_new(me.loop, &hc, &face, NULL);
	if (me.httpd == NULL)
		die(EXIT_SYSTEM, "cannot make an HTTP server:");
	listen_all();
	me.tick = timer_new(me.loop, on_tick, NULL);
}

static void
lock_down(void)
{
	const struct jailed_path paths[] = {
		{ me.gather.stat_path, JAIL_READ, false },
		{ me.conf.metrics.textfiles_path, JAIL_READ, false },
	};
	const struct jailed j = { &me.conf, me.file, paths, N(paths),
		JAIL_CLOCK };

	jailed_enter(&j, me.life.stats);
}

int
daemon_run(const char *file, int ready_fd)
{
	struct buf faults = { 0 }; /* there are none: main looked */
	int code;

	me.file = file;
	node_load(file, &me.conf);
	log_open("kn-metrics", me.conf.node.log_level);
	signal(SIGPIPE, SIG_IGN);
	cmd_raise_fds(
	    me.conf.metrics.connections + SPARE_FDS, "metrics.connections");
	(void)daemon_allowed(&me.conf, &me.allow, &faults);
	/* a second one ends here, and leaves the file of the first alone */
	serve();
	life_begin(&me.life, "kn-metrics", &me.conf, rows, N(rows));
	life_signals(&me.life, me.loop, STOP_TIME, on_hup, on_term, NULL);
	gather_init(&me.gather, &me.conf);
	lock_down();
	stat_phase(me.life.stats, STAT_SERVING);
	on_tick(NULL);
	cmd_ready(ready_fd);
	log_info("ready", "pid=%d", (int)getpid());
	code = loop_run(me.loop);
	httpd_free(me.httpd);
	gather_free(&me.gather);
	roster_free(&me.allow);
	life_end(&me.life);
	node_free(&me.conf);
	return code;
}
