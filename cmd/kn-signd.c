/* SPDX-License-Identifier: ISC
 *
 * Holds the node's identity key and signs a fixed list of kinds of statement
 * for those who may ask: kn-signd(8).  Small on purpose, and on poll(2) alone:
 * this is the one process of a running node that knows the key. */
#include "base/fd.h"
#include "base/log.h"
#include "base/rights.h"
#include "cmd/cmd.h"
#include "cmd/jailed.h"
#include "cmd/kn-signd/door.h"
#include "cmd/life.h"
#include "cmd/node.h"
#include "crypt/keyfile.h"
#include "crypt/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CLIENTS = 64,
	QUESTIONS = 200, /* of one client in one second */
	SECOND = 1000,
	BEAT = 1000,    /* ms between heartbeats, at most */
	LOG_BURST = 10, /* lines about refusals in one second */
};

/* Why a question or a client is refused: the metric's label, and what the
 * client hears when nothing better is known. */
#define REFUSALS(R)                                                            \
	R(CROWD, "clients", "too many clients")                                \
	R(RATE, "rate", "too many questions in this second")                   \
	R(MALFORMED, "malformed", "the question is malformed")                 \
	R(KIND, "kind", "no such kind of statement")                           \
	R(RIGHTS, "rights", "your user may not ask for this")                  \
	R(BODY, "body", "the statement makes no sense")

#define REFUSAL_NAME(name, label, says) REFUSED_##name,
enum refusal { REFUSALS(REFUSAL_NAME) REFUSED_N };

#define REFUSAL_ROW(name, label, says) { label, says },
static const struct {
	const char *label, *says;
} refusals[REFUSED_N] = { REFUSALS(REFUSAL_ROW) };

/* Rows of the statistics: the kinds, the refusals, then these. */
enum {
	STAT_REFUSED = SIGN_KINDS,
	STAT_CLIENTS = SIGN_KINDS + REFUSED_N,
	STAT_PROCESS,
	STAT_ROWS = STAT_PROCESS + PROCSTAT_N
};

struct client {
	int fd;
	uint32_t uid;
	int32_t pid;
	msec since; /* the second that asked counts */
	unsigned asked;
};

struct signd {
	const char *file; /* the configuration */
	struct node_conf conf;
	struct rights rights;
	struct key key;
	struct peerid self;
	uint8_t public_key[KEY_PUBLIC_PB];
	struct life life;
	struct log_flood flood;
	int signals, listener;
	char *path; /* of the socket, when it is we who bound it */
	bool deaf;  /* accept failed: leave it until the next beat */
	struct client clients[CLIENTS];
	size_t n;
};

/* Who may ask for what. */
static int
take(void *arg, const struct node_conf *conf, struct buf *faults)
{
	const char *words[SIGN_KINDS + 1] = { NULL };

	for (uint64_t i = 0; i < SIGN_KINDS; i++)
		words[i] = sign_kind_name(i);
	return rights_parse(&conf->network.sign, "network.sign", words,
	    (uint32_t)geteuid(), arg, faults);
}

static void
load(struct signd *d, bool check)
{
	struct buf faults;

	buf_init(&faults, 65536, NULL);
	node_load(d->file, &d->conf);
	if (take(&d->rights, &d->conf, &faults) < 0) {
		(void)fd_write_all(STDERR_FILENO, buf_slice(&faults));
		die(EXIT_WRONG, "%s: network.sign is wrong", d->file);
	}
	buf_free(&faults);
	if (check)
		node_show(&d->conf);
}

static int
open_secret(const char *path, const char *key)
{
	int fd;

	if (!*path)
		die(EXIT_WRONG, "identity.%s is not set", key);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		die(errno == EMFILE || errno == ENFILE || errno == EIO
			? EXIT_SYSTEM
			: EXIT_WRONG,
		    "identity.%s: %s:", key, path);
	return fd;
}

static void
read_master(const char *path, struct buf *master)
{
	int fd = open_secret(path, "master_key_path");

	if (keyfile_master(fd, master) == 0) {
		close(fd);
		return;
	}
	if (errno == EACCES)
		die(EXIT_WRONG,
		    "%s: the master key must belong to us or root "
		    "and be closed to group and others (chmod 600)",
		    path);
	if (errno == EINVAL || errno == EFBIG)
		die(EXIT_WRONG, "%s: a master key has %d to %d bytes", path,
		    MASTER_LEAST, MASTER_MOST);
	die(EXIT_SYSTEM, "%s:", path);
}

static void
open_key(struct signd *d)
{
	const char *path = d->conf.identity.key_path;
	enum keyfile_fault fault;
	struct buf text, master;
	int fd = open_secret(path, "key_path");

	buf_init(&text, KEYFILE_MAX, NULL);
	if (fd_read_all(fd, &text) < 0)
		die(errno == EFBIG ? EXIT_WRONG : EXIT_SYSTEM, "%s:", path);
	close(fd);
	buf_init(&master, MASTER_MOST, NULL);
	read_master(d->conf.identity.master_key_path, &master);
	fault = keyfile_open(buf_slice(&text), buf_slice(&master), &d->key);
	buf_wipe(&master);
	buf_free(&text);
	if (fault != KEYFILE_OK)
		die(EXIT_WRONG, "%s: %s", path, keyfile_says(fault));
	/* best effort: RLIMIT_MEMLOCK may forbid it */
	(void)sodium_mlock(&d->key, sizeof d->key);
	key_public(&d->key, d->public_key);
	d->self = key_peerid(&d->key);
}

static void
open_stats(struct signd *d)
{
	char labels[STAT_CLIENTS][64];
	static const struct stat_row process[PROCSTAT_N] = { PROCSTAT_ROWS(
	    "kn-signd") };
	struct stat_row rows[STAT_ROWS] = {
		[STAT_CLIENTS] = { STAT_GAUGE, "kn_signd_clients", "",
		    "Programs connected to sign.sock" },
	};

	for (size_t i = 0; i < SIGN_KINDS; i++) {
		snprintf(labels[i], sizeof labels[i], "kind=\"%s\"",
		    sign_kind_name(i));
		rows[i] = (struct stat_row){ STAT_COUNTER,
			"kn_signd_statements_total", labels[i],
			"Questions answered with yes" };
	}
	for (size_t i = STAT_REFUSED; i < STAT_CLIENTS; i++) {
		snprintf(labels[i], sizeof labels[i], "reason=\"%s\"",
		    refusals[i - STAT_REFUSED].label);
		rows[i] =
		    (struct stat_row){ STAT_COUNTER, "kn_signd_refused_total",
			    labels[i], "Questions and clients refused" };
	}
	memcpy(rows + STAT_PROCESS, process, sizeof process);
	life_begin(&d->life, "kn-signd", &d->conf, rows, STAT_ROWS);
}

/* The directories that a supervisor's set-up has made already, for those who
 * run the program by hand. */
static void
make_run_path(const struct node_conf *conf)
{
	char *stat = node_run_path(conf, "stat");

	if (mkdir(conf->node.run_path, 0755) < 0 && errno != EEXIST)
		die(EXIT_SYSTEM, "%s:", conf->node.run_path);
	if (mkdir(stat, 0755) < 0 && errno != EEXIST)
		die(EXIT_SYSTEM, "%s:", stat);
	free(stat);
}

static void
open_signals(struct signd *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		die(EXIT_SYSTEM, "sigprocmask:");
	d->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->signals < 0)
		die(EXIT_SYSTEM, "signalfd:");
}

static void
drop(struct signd *d, size_t i)
{
	close(d->clients[i].fd);
	d->clients[i] = d->clients[--d->n];
	stat_set(d->life.stats, STAT_CLIENTS, d->n);
}

/* 0, or -1: who does not read its answers has no more of them. */
static int
answer(int fd, const struct sign_answer *a)
{
	struct buf out;
	ssize_t n;

	buf_init(&out, SIGN_MAX, NULL);
	pb_encode(&sign_answer_desc, a, &out);
	n = send(fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_free(&out);
	return n < 0 ? -1 : 0;
}

static int
refuse(struct signd *d, const struct client *c, enum refusal reason,
    uint64_t kind, const char *why)
{
	const struct sign_answer a = {
		.has_kind = true,
		.kind = kind,
		.has_why = true,
		.why = slice_text(why ? why : refusals[reason].says),
	};

	stat_add(d->life.stats, STAT_REFUSED + reason, 1);
	if (log_allow(&d->flood, "sign.refused", LOG_BURST, msec_now()))
		log_warn("sign.refused",
		    "kind=%s uid=%u pid=%d reason=%s "
		    "why=%s",
		    sign_kind_name(kind), c->uid, c->pid,
		    refusals[reason].label, log_q(a.why));
	return answer(c->fd, &a);
}

static int
say(struct signd *d, const struct client *c, uint64_t kind,
    struct slice message)
{
	uint8_t signature[KEY_SIGNATURE];
	struct sign_answer a = {
		.has_kind = true,
		.kind = kind,
		.has_public_key = true,
		.public_key = slice_of(d->public_key, KEY_PUBLIC_PB),
	};

	if (kind != SIGN_WHO) {
		key_sign(&d->key, message, signature);
		a.has_signature = true;
		a.signature = slice_of(signature, sizeof signature);
	}
	stat_add(d->life.stats, (size_t)kind, 1);
	log_line(kind == SIGN_WHO ? LOG_DEBUG : LOG_INFO, "sign.statement",
	    "kind=%s uid=%u pid=%d bytes=%zu", sign_kind_name(kind), c->uid,
	    c->pid, message.n);
	return answer(c->fd, &a);
}

static bool
too_often(struct client *c, msec now)
{
	if (now - c->since >= SECOND) {
		c->since = now;
		c->asked = 0;
	}
	return c->asked++ >= QUESTIONS;
}

static int
on_question(struct signd *d, struct client *c, struct slice datagram)
{
	struct sign_question q;
	struct buf message;
	const char *why = NULL;
	int r;

	if (too_often(c, msec_now()))
		return refuse(d, c, REFUSED_RATE, SIGN_WHO, NULL);
	if (pb_decode(&sign_question_desc, datagram, &q, NULL) < 0 ||
	    !q.has_kind)
		return refuse(d, c, REFUSED_MALFORMED, SIGN_WHO, NULL);
	if (q.kind >= SIGN_KINDS)
		return refuse(d, c, REFUSED_KIND, q.kind, NULL);
	if (!(rights_of(&d->rights, c->uid) >> q.kind & 1))
		return refuse(d, c, REFUSED_RIGHTS, q.kind, NULL);
	buf_init(&message, SIGN_MAX, NULL);
	if (sign_message(q.kind, q.body, &d->self, &message, &why) < 0)
		r = refuse(d, c, REFUSED_BODY, q.kind, why);
	else
		r = say(d, c, q.kind, buf_slice(&message));
	buf_free(&message);
	return r;
}

/* One question a turn, so that nobody waits long for a busy neighbour. */
static void
on_client(struct signd *d, size_t i)
{
	struct client *c = &d->clients[i];
	uint8_t datagram[SIGN_MAX];
	ssize_t n =
	    recv(c->fd, datagram, sizeof datagram, MSG_DONTWAIT | MSG_TRUNC);
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(d, i);
		return;
	}
	if ((size_t)n > sizeof datagram)
		r = refuse(d, c, REFUSED_MALFORMED, SIGN_WHO, NULL);
	else
		r = on_question(d, c, slice_of(datagram, (size_t)n));
	if (r < 0)
		drop(d, i);
}

static int
who_is(int fd, struct client *c)
{
	struct ucred cred;
	socklen_t n = sizeof cred;

	*c = (struct client){ .fd = fd, .since = msec_now() };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		return -1;
	c->uid = cred.uid;
	c->pid = cred.pid;
	return 0;
}

/* A place for one more: whoever may ask for nothing gives up his. */
static bool
make_place(struct signd *d)
{
	for (size_t i = 0; i < d->n && d->n == CLIENTS; i++)
		if (rights_of(&d->rights, d->clients[i].uid) == 0)
			drop(d, i);
	return d->n < CLIENTS;
}

static void
on_accept(struct signd *d)
{
	int fd = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client c;

	if (fd < 0) {
		d->deaf =
		    errno != EAGAIN && errno != EINTR && errno != ECONNABORTED;
		if (d->deaf)
			log_error("sign.accept", "error=%s",
			    log_q(slice_text(strerror(errno))));
		return;
	}
	if (who_is(fd, &c) < 0) {
		close(fd);
	} else if (!make_place(d)) {
		refuse(d, &c, REFUSED_CROWD, SIGN_WHO, NULL);
		close(fd);
	} else {
		d->clients[d->n++] = c;
		stat_set(d->life.stats, STAT_CLIENTS, d->n);
	}
}

/* Is it time to end? */
static bool
on_signal(struct signd *d)
{
	struct signalfd_siginfo s;

	if (read(d->signals, &s, sizeof s) != (ssize_t)sizeof s)
		return false;
	if (s.ssi_signo != SIGHUP)
		return true;
	if (node_reload("kn-signd", d->file, take, &d->rights))
		log_info("reloaded", "lines=%zu", d->rights.n);
	return false;
}

static void
serve(struct signd *d)
{
	enum { SIGNALS, LISTENER, FIRST };
	struct pollfd p[FIRST + CLIENTS];

	for (;;) {
		p[SIGNALS] = (struct pollfd){ d->signals, POLLIN, 0 };
		p[LISTENER] =
		    (struct pollfd){ d->deaf ? -1 : d->listener, POLLIN, 0 };
		for (size_t i = 0; i < d->n; i++)
			p[FIRST + i] =
			    (struct pollfd){ d->clients[i].fd, POLLIN, 0 };
		d->deaf = false;
		if (poll(p, FIRST + d->n, BEAT) < 0) {
			if (errno != EINTR)
				die(EXIT_SYSTEM, "poll:");
			continue;
		}
		life_beat(&d->life, msec_now(), 0);
		if (p[SIGNALS].revents && on_signal(d))
			return;
		/* from behind: drop puts the last client in the gap */
		for (size_t i = d->n; i-- > 0;)
			if (p[FIRST + i].revents)
				on_client(d, i);
		if (p[LISTENER].revents)
			on_accept(d);
	}
}

static void
finish(struct signd *d)
{
	while (d->n > 0)
		drop(d, d->n - 1);
	if (d->path)
		unlink(d->path);
	close(d->listener);
	close(d->signals);
	free(d->path);
	life_end(&d->life);
	sodium_munlock(&d->key, sizeof d->key); /* wipes it, too */
	node_free(&d->conf);
}

/* All is open: only the socket is left to be removed at the end. */
static void
lock_down(const struct signd *d)
{
	const struct jailed_path paths[] = {
		{ d->conf.node.run_path, JAIL_BIND, false },
	};
	const struct jailed j = { &d->conf, d->file, paths, N(paths), 0, true };

	jailed_enter(&j, d->life.stats);
}

int
main(int argc, char **argv)
{
	static struct signd d = { .file = NODE_FILE };
	uint64_t ready = UINT64_MAX;
	bool check = false;
	const struct opt opts[] = {
		{ 'c', "config", OPT_STR, &d.file, "FILE",
		    "read this configuration" },
		{ 'n', "check", OPT_FLAG, &check, NULL,
		    "check the configuration, print it and exit" },
		{ 'r', "ready-fd", OPT_UINT, &ready, "N",
		    "write a newline to this descriptor when ready", 65535 },
	};
	const struct opt_page page = {
		.prog = "kn-signd",
		.synopsis = "",
		.about = "hold the identity key and sign for those who may ask",
		.detail = "Exit: 0 after TERM; 100 you or the configuration; "
			  "111 the system.\n",
		.opts = opts,
		.n = N(opts),
	};
	char id[PEERID_TEXT];

	if (cmd_options(&page, argc, argv) != argc)
		die(EXIT_WRONG, "no operands are wanted");
	load(&d, check);
	cmd_hide();
	log_open("kn-signd", d.conf.node.log_level);
	open_signals(&d);
	open_key(&d);
	make_run_path(&d.conf);
	d.listener = door_open(&d.conf, &d.path);
	open_stats(&d);
	lock_down(&d);
	life_beat(&d.life, msec_now(), 0);
	stat_phase(d.life.stats, STAT_SERVING);
	cmd_ready(ready == UINT64_MAX ? -1 : (int)ready);
	log_info("sign.ready", "peer=%s", peerid_text(&d.self, id));
	serve(&d);
	stat_phase(d.life.stats, STAT_STOPPING);
	log_info("sign.end", "signal=term");
	finish(&d);
	return EXIT_YES;
}
