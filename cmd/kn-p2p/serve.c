/* SPDX-License-Identifier: ISC
 *
 * One process a stream.  We keep a descriptor of each stream, so that how it
 * ends is ours to say: in order when the child exits 0 and has read all that
 * came, reset otherwise. */
#include "base/log.h"
#include "base/mem.h"
#include "cmd/cmd.h"
#include "cmd/kn-p2p/client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 64, SIGNALLED = 128, NOT_RUN = 127 };

/* A stream, until its child has ended and OVER has come. */
struct served {
	struct served *next;
	uint64_t tag;
	int fd;    /* -1: closed */
	pid_t pid; /* 0: ended, or never was */
	bool over;
	char peer[PEERID_TEXT];
};

static struct {
	struct client *c;
	const char *protocol;
	char **command;
	struct served *list;
	uint64_t children, most, ready;
	bool stopping;
} me;

static void
kill_child(const struct served *s)
{
	/* it leads a group: what it started goes as well */
	if (s->pid > 0 && kill(-s->pid, SIGTERM) < 0)
		kill(s->pid, SIGTERM);
}

static void
stop_when_idle(void)
{
	if (me.stopping && me.list == NULL)
		loop_stop(me.c->loop, EXIT_YES);
}

static void
drop_when_over(struct served *s)
{
	struct served **at = &me.list;

	if (s->pid != 0 || !s->over)
		return;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	if (s->fd >= 0)
		close(s->fd);
	free(s);
	stop_when_idle();
}

/* Our descriptor stays open until OVER has come in answer: what is closed
 * before could look like an orderly end. */
static void
reset(struct served *s)
{
	if (!s->over)
		client_reset(me.c, s->tag, true);
}

static void
show(const struct served *s, int code)
{
	struct json j;
	char line[PEERID_TEXT + 300];

	if (me.c->json) {
		json_begin(&j, &show_line);
		json_text(&j, "peer", s->peer);
		json_text(&j, "protocol", me.protocol);
		json_int(&j, "exit", code);
		json_end(&j);
	} else {
		snprintf(line, sizeof line, "%s %.255s exit %d\n", s->peer,
		    me.protocol, code);
		put_text(&show_line, line);
	}
	show_print();
}

static void
child_ended(struct served *s, int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status)
				     : SIGNALLED + WTERMSIG(status);
	int unread = 0;

	s->pid = 0;
	me.children--;
	show(s, code);
	ioctl(s->fd, FIONREAD, &unread);
	if (code == 0 && unread == 0) {
		/* shut down as well: a grandchild may still hold it */
		shutdown(s->fd, SHUT_WR);
		close(s->fd);
		s->fd = -1;
	} else {
		reset(s);
	}
	drop_when_over(s);
}

static void
on_child(void *arg, unsigned what)
{
	int status;
	pid_t pid;

	(void)arg;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct served *s = me.list;

		while (s && s->pid != pid)
			s = s->next;
		if (s)
			child_ended(s, status);
	}
}

/* In the child; does not return. */
static void
become(const struct served *s, const char *addr)
{
	setenv("KN_PEER", s->peer, 1);
	setenv("KN_ADDR", addr, 1);
	setenv("KN_PROTOCOL", me.protocol, 1);
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(s->fd, STDIN_FILENO) < 0 || dup2(s->fd, STDOUT_FILENO) < 0)
		_exit(NOT_RUN);
	execvp(me.command[0], me.command);
	dprintf(STDERR_FILENO, "kn-p2p serve: cannot run %s: %s\n",
	    me.command[0], strerror(errno));
	_exit(NOT_RUN);
}

static void
start(struct served *s, struct slice addr)
{
	char text[MADDR_TEXT];
	int flags = fcntl(s->fd, F_GETFL);

	maddr_text(addr, text);
	/* programs expect to wait on standard input and output */
	if (flags >= 0)
		fcntl(s->fd, F_SETFL, flags & ~O_NONBLOCK);
	s->pid = fork();
	if (s->pid == 0)
		become(s, text);
	if (s->pid > 0) {
		setpgid(s->pid, s->pid); /* whoever comes first */
		me.children++;
		return;
	}
	log_error("serve.fork", "peer=%s why=%s", s->peer,
	    log_q(slice_text(strerror(errno))));
	s->pid = 0;
	reset(s);
}

static void
on_stream(void *arg, const struct ctl_stream *m, int fd)
{
	struct served *s = mem_new(sizeof *s);

	(void)arg;
	s->tag = m->tag;
	s->fd = fd;
	show_peer(m->peer, s->peer);
	s->next = me.list;
	me.list = s;
	if (me.stopping || me.children >= me.most)
		reset(s);
	else
		start(s, m->addr);
}

static void
heard(void *arg, const struct ctl *m)
{
	struct served *s = me.list;

	(void)arg;
	if (m->has_fail)
		client_failed(me.protocol, &m->fail);
	if (m->has_now && me.ready != UINT64_MAX) {
		cmd_ready((int)me.ready);
		me.ready = UINT64_MAX;
	}
	if (!m->has_over || !m->over.inbound)
		return;
	while (s && s->tag != m->over.tag)
		s = s->next;
	if (s == NULL)
		return;
	s->over = true;
	if (m->over.reason != REASON_NONE)
		kill_child(s);
	drop_when_over(s);
}

static void
kill_all(void)
{
	for (struct served *s = me.list; s; s = s->next)
		kill_child(s);
}

static void
lost(void *arg, const char *why)
{
	kill_all();
	client_lost(arg, why);
}

static void
on_term(void *arg, unsigned what)
{
	(void)arg;
	(void)what;
	if (me.stopping) {
		kill_all();
		loop_stop(me.c->loop, EXIT_YES);
	}
	me.stopping = true;
	stop_when_idle();
}

int
serve_run(struct client *c, const struct verb *v, int argc, char **argv)
{
	static const struct p2p_face face = { on_stream, heard, lost };
	const struct opt opts[] = {
		{ 'm', "max", OPT_UINT, &me.most, "N",
		    "the most children at once (64)", 4096 },
		{ 'r', "ready-fd", OPT_UINT, &me.ready, "N",
		    "write a newline there when streams can come", 1024 },
	};
	const struct opt_page page = client_page(v, opts, N(opts));
	const char *protocols[2] = { NULL, NULL };
	int first;

	me.c = c;
	me.most = CHILDREN;
	me.ready = UINT64_MAX;
	first = cmd_options(&page, argc, argv);
	if (argc - first < 1 || argv[first][0] == 0)
		die(EXIT_WRONG, "wants PROTO -- CMD…; see %s -h", page.prog);
	me.protocol = protocols[0] = argv[first++];
	if (first < argc && strcmp(argv[first], "--") == 0)
		first++;
	if (first == argc)
		die(EXIT_WRONG, "wants a command after %s; see %s -h",
		    me.protocol, page.prog);
	me.command = argv + first;
	loop_signal(c->loop, SIGCHLD, on_child, NULL);
	loop_signal(c->loop, SIGTERM, on_term, NULL);
	loop_signal(c->loop, SIGINT, on_term, NULL);
	client_connect(c, protocols, 0, &face, NULL);
	return loop_run(c->loop);
}
