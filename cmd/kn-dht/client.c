/* SPDX-License-Identifier: ISC
 *
 * The client of dht.sock: keys come from the command line or one a line from
 * standard input, are asked for many at once, and what comes back is shown in
 * the order it comes. */
#include "base/fd.h"
#include "cmd/cmd.h"
#include "cmd/kn-dht/lines.h"
#include "cmd/kn-dht/parts.h"
#include "cmd/kn-dht/verbs.h"
#include "cmd/show.h"
#include "dht/dht.h"
#include "net/ctl.h"

#include <errno.h>
#include <signal.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	AT_ONCE = 128,    /* not answered yet */
	GRACE = 5000,     /* ms that the daemon may be late */
	LONGEST = 600000, /* ms: what dht.timeout may be */
	LOCAL = 30000,    /* ms for what the daemon knows itself */
	RETRY = 250,      /* ms, when it is busy with what others want */
	PROGRESS = 1000,
	PAGE = 8192,
	KEYS = 256, /* a page of DHT_KEYS */
	OPTIONS = 4,
};

/* One key that is asked for. */
struct errand {
	bool busy, again; /* again: the daemon had no room */
	char text[KADREC_TEXT];
	uint8_t key[KAD_KEY];
	size_t nkey;
	msec deadline;
};

static struct {
	const struct client_conf *conf;
	const struct verb *v;
	struct loop *loop;
	struct ctl_end *end;
	struct timer *late, *retry, *progress;
	struct errand errands[AT_ONCE];
	size_t nbusy, nagain;
	char **words;
	size_t nwords, next_word;
	bool from_input, over;
	struct lines lines;
	struct buf value; /* of put */
	uint64_t count, done, failed;
	bool once, queued, raw;
	enum exit_code code;
	uint8_t place[32];  /* the last of a page of keys */
	struct dht_say say; /* too big for a stack */
} me;

/* Asking. */

static void
ask(struct errand *e)
{
	struct dht_want *w = &me.say.want;
	msec patience = me.v->verb < DHT_TABLE ? LONGEST : LOCAL;

	memset(&me.say, 0, sizeof me.say);
	me.say.has_want = w->has_tag = w->has_verb = true;
	w->tag = (uint64_t)(e - me.errands);
	w->verb = me.v->verb;
	w->has_key = e->nkey > 0;
	w->key = slice_of(e->key, e->nkey);
	w->has_value = me.value.n > 0;
	w->value = buf_slice(&me.value);
	w->has_timeout = me.conf->timeout > 0;
	w->timeout = (uint64_t)me.conf->timeout;
	w->has_count = me.count > 0;
	w->count = me.count;
	w->has_once = w->has_queued = true;
	w->once = me.once;
	w->queued = me.queued;
	if (me.conf->timeout > 0)
		patience = me.conf->timeout;
	e->deadline = loop_now(me.loop) + patience + GRACE;
	timer_at(me.late, msec_min(timer_when(me.late), e->deadline));
	ctl_say(me.end, &me.say, -1);
}

static void
on_late(void *arg)
{
	msec due = MSEC_NEVER;

	(void)arg;
	for (size_t i = 0; i < AT_ONCE; i++)
		if (me.errands[i].busy && !me.errands[i].again)
			due = msec_min(due, me.errands[i].deadline);
	if (due <= loop_now(me.loop))
		die(EXIT_SYSTEM, "kn-dht does not answer on %s", me.conf->path);
	timer_at(me.late, due);
}

/* The daemon has no room: once more when one of ours is over, or when others
 * may have left. */
static void
ask_later(struct errand *e)
{
	e->again = true;
	me.nagain++;
	timer_at(me.retry, loop_now(me.loop) + RETRY);
}

static void
ask_again(void *arg)
{
	struct errand *e = me.errands;

	(void)arg;
	if (me.nagain == 0)
		return;
	while (!e->again)
		e++;
	e->again = false;
	me.nagain--;
	timer_at(me.retry, me.nagain ? loop_now(me.loop) + RETRY : MSEC_NEVER);
	ask(e);
}

static void
on_progress(void *arg)
{
	(void)arg;
	fprintf(stderr, "%llu provided, %llu not\n",
	    (unsigned long long)me.done, (unsigned long long)me.failed);
	timer_at(me.progress, loop_now(me.loop) + PROGRESS);
}

/* What went wrong with one key; the others go on. */
static void
complain(enum exit_code code, const char *key, const char *sentence)
{
	fprintf(stderr, "kn-dht %s: %s%s%s\n", me.v->name, key,
	    *key ? ": " : "", sentence);
	me.failed++;
	if (code > me.code)
		me.code = code;
}

static bool
read_key(struct slice text, struct errand *e)
{
	struct buf key = { .max = KAD_KEY };
	bool good = text.n < sizeof e->text &&
		    (me.v->read == NULL || me.v->read(text, &key) == 0);

	if (good) {
		memset(e, 0, sizeof *e);
		memcpy(e->text, text.p, text.n);
		if (key.n > 0)
			memcpy(e->key, key.p, key.n);
		e->nkey = key.n;
	}
	buf_free(&key);
	return good;
}

static void
begin(struct slice text)
{
	struct errand *e = me.errands;
	char why[64];

	while (e->busy)
		e++;
	if (!read_key(text, e)) {
		snprintf(why, sizeof why, "this is no %s", me.v->subject);
		complain(EXIT_WRONG, show_plain(text), why);
		return;
	}
	e->busy = true;
	me.nbusy++;
	ask(e);
}

static bool
next_key(void)
{
	struct slice text;
	int r;

	if (!me.from_input) {
		me.over = me.next_word == me.nwords;
		if (!me.over)
			begin(slice_text(me.words[me.next_word++]));
		return !me.over;
	}
	r = lines_next(&me.lines, &text);
	me.over = r < 0;
	if (r > 0 && text.n > 0)
		begin(text);
	return r > 0;
}

static void
feed(void *arg)
{
	(void)arg;
	while (me.nbusy < AT_ONCE && me.nagain == 0 && next_key())
		;
	if (me.nbusy == 0 && me.over)
		loop_stop(me.loop, (int)me.code);
}

/* What comes back. */

static void
heard_item(const struct errand *e, const struct dht_item *i)
{
	if (me.v->verb == DHT_KEYS && i->value.n == sizeof me.place)
		memcpy(me.place, i->value.p, sizeof me.place);
	if (me.raw && fd_write_all(STDOUT_FILENO, i->value) < 0)
		die(EXIT_SYSTEM, "standard output:");
	if (!me.raw && me.v->item)
		me.v->item(e->text, i, me.conf->json);
}

static void
missing(const struct errand *e, const struct dht_done *d)
{
	bool wrong = d->end == DHT_END_BAD_KEY || d->end == DHT_END_BAD_VALUE;

	/* beyond the list: what this door makes of the request as a whole */
	if (d->end >= DHT_END_N &&
	    slice_is(slice_of(d->text.p, d->text.n < 9 ? 0 : 9), "your user"))
		die(EXIT_WRONG, "%s", show_plain(d->text));
	complain(wrong ? EXIT_WRONG : EXIT_NO, e->text,
	    d->end < DHT_END_N ? dht_end_sentence((unsigned)d->end)
			       : show_plain(d->text));
	if (me.v->missing)
		me.v->missing(slice_of(e->key, e->nkey), me.conf->json);
}

static void
heard_done(struct errand *e, const struct dht_done *d)
{
	if (d->end == DHT_END_BUSY) {
		ask_later(e);
		return;
	}
	if (me.v->verb == DHT_KEYS && d->count == KEYS) {
		memcpy(e->key, me.place, sizeof me.place);
		e->nkey = sizeof me.place;
		ask(e);
		return;
	}
	if (d->end != DHT_END_OK) {
		missing(e, d);
	} else {
		me.done++;
		if (me.v->good)
			me.v->good(e->text, d, me.conf->json);
	}
	e->busy = false;
	me.nbusy--;
	ask_again(NULL);
	feed(NULL);
}

static void
heard(void *arg, const void *in, int fd)
{
	const struct dht_say *m = in;
	uint64_t tag = m->has_item ? m->item.tag : m->done.tag;

	(void)arg;
	if (fd >= 0)
		close(fd);
	if (tag >= AT_ONCE || !me.errands[tag].busy || me.errands[tag].again)
		return;
	if (m->has_item)
		heard_item(&me.errands[tag], &m->item);
	else if (m->has_done)
		heard_done(&me.errands[tag], &m->done);
}

static void
gone(void *arg, const char *why)
{
	(void)arg;
	die(EXIT_SYSTEM, "the connection to kn-dht is over: it %s", why);
}

static const struct ctl_face face = { &dht_say_desc, heard, gone };

/* Beginning. */

const char *
client_verbs(void)
{
	static char text[PAGE];
	size_t n = (size_t)snprintf(text, sizeof text, "verbs:\n");

	for (size_t i = 0; i < nverbs; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "  %-9s %s\n",
		    verbs[i].name, verbs[i].about);
	snprintf(text + n, sizeof text - n,
	    "\nWithout a verb it is the daemon.  Keys that are not given are "
	    "read from\nstandard input, one a line.  kn-dht VERB -h tells "
	    "more.  Exit codes: 1 no,\n100 wrong use or no right, 111 the "
	    "daemon is not there.\n");
	return text;
}

static const struct verb *
verb_named(const char *name)
{
	for (size_t i = 0; i < nverbs; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	die(EXIT_WRONG, "there is no verb \"%.64s\"; see kn-dht -h", name);
}

static size_t
verb_options(const struct verb *v, struct opt opts[OPTIONS])
{
	size_t n = 0;

	if (v->counts)
		opts[n++] = (struct opt){ 'n', "count", OPT_UINT, &me.count,
			"N", v->counts, 1000 };
	if (v->once)
		opts[n++] = (struct opt){ 'o', "once", OPT_FLAG, &me.once, NULL,
			"tell others now and keep nothing", 0 };
	if (v->queued)
		opts[n++] = (struct opt){ 'q', "queued", OPT_FLAG, &me.queued,
			NULL, "done when it is on disk; told soon after", 0 };
	if (v->raw)
		opts[n++] = (struct opt){ 'r', "raw", OPT_FLAG, &me.raw, NULL,
			"the bytes of the one record and nothing else", 0 };
	return n;
}

/* Options and operands in any order; the operands move to the front of argv. */
static void
take_words(const struct opt_page *page, int argc, char **argv)
{
	int first;

	me.words = argv;
	while ((first = cmd_options(page, argc, argv)) < argc) {
		me.words[me.nwords++] = argv[first];
		argc -= first;
		argv += first;
	}
}

/* put: the key is the only operand, a second one is the file. */
static void
read_value(void)
{
	const char *file = me.nwords == 2 ? me.words[1] : NULL;
	int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;

	me.value.max = KAD_VALUE;
	if (fd >= 0 && fd_read_all(fd, &me.value) == 0)
		return;
	if (errno == EFBIG)
		die(EXIT_WRONG, "a record has at most %d bytes", KAD_VALUE);
	die(file ? EXIT_WRONG : EXIT_SYSTEM,
	    "cannot read %s:", file ? file : "standard input");
}

/* Operands that make no sense are refused before anything is done. */
static void
check_words(void)
{
	static struct errand e;
	const struct verb *v = me.v;

	if (v->subject == NULL && me.nwords > 0)
		die(EXIT_WRONG, "\"%.64s\" is too many; see kn-dht %s -h",
		    me.words[0], v->name);
	if (v->verb == DHT_PUT && (me.nwords < 1 || me.nwords > 2))
		die(EXIT_WRONG, "wants KEY [FILE]; see kn-dht put -h");
	if (me.raw && me.nwords != 1)
		die(EXIT_WRONG, "--raw is for one key; see kn-dht get -h");
	if (me.once && me.queued)
		die(EXIT_WRONG, "--once keeps nothing that could be queued");
	for (size_t i = 0; i < (v->verb == DHT_PUT ? 1 : me.nwords); i++)
		if (!read_key(slice_text(me.words[i]), &e))
			die(EXIT_WRONG, "\"%s\" is no %s; see kn-dht %s -h",
			    show_plain(slice_text(me.words[i])), v->subject,
			    v->name);
}

static void
connect_daemon(void)
{
	int fd = ctl_connect(me.conf->path);

	if (fd >= 0)
		me.end = ctl_end_new(me.loop, fd, &face, NULL);
	else if (errno == ENOENT || errno == ECONNREFUSED)
		die(EXIT_SYSTEM, "nothing answers on %s; is kn-dht running?",
		    me.conf->path);
	else if (errno == EACCES || errno == EPERM)
		die(EXIT_WRONG,
		    "your user may not connect to %s; join the group that may",
		    me.conf->path);
	else
		die(errno == ENAMETOOLONG ? EXIT_WRONG : EXIT_SYSTEM,
		    "cannot connect to %s:", me.conf->path);
}

static void
begin_all(void)
{
	static char nothing[] = "", *none[] = { nothing };

	me.late = timer_new(me.loop, on_late, NULL);
	me.retry = timer_new(me.loop, ask_again, NULL);
	me.from_input = me.v->subject && me.nwords == 0;
	if (me.v->subject == NULL)
		me.words = none;
	if (me.v->subject == NULL || me.v->verb == DHT_PUT)
		me.nwords = 1;
	if (me.from_input)
		lines_init(&me.lines, me.loop, KADREC_TEXT - 1, feed, NULL);
	if (me.from_input && me.v->verb == DHT_PROVIDE &&
	    isatty(STDERR_FILENO)) {
		me.progress = timer_new(me.loop, on_progress, NULL);
		timer_at(me.progress, loop_now(me.loop) + PROGRESS);
	}
	loop_soon(me.loop, feed, NULL);
}

int
client_run(const struct client_conf *conf, int argc, char **argv)
{
	const struct verb *v = verb_named(argv[0]);
	static char prog[32];
	struct opt opts[OPTIONS];
	const struct opt_page page = { prog, v->operands, v->about, v->detail,
		opts, verb_options(v, opts) };

	snprintf(prog, sizeof prog, "kn-dht %s", v->name);
	me.conf = conf;
	me.v = v;
	take_words(&page, argc, argv);
	check_words();
	if (v->verb == DHT_PUT)
		read_value();
	me.loop = loop_new();
	if (me.loop == NULL)
		die(EXIT_SYSTEM, "cannot make an event loop:");
	signal(SIGPIPE, SIG_DFL); /* kn-dht keys | head ends quietly */
	connect_daemon();
	begin_all();
	return loop_run(me.loop);
}
