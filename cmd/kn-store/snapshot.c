/* SPDX-License-Identifier: ISC */
#include "cmd/kn-store/snapshot.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct snapshot {
	struct watch *ended;
	char *file;
	msec every, due;
	pid_t pid; /* 0: none runs */
};

static void
on_child(void *arg, unsigned what)
{
	struct snapshot *s = arg;
	int status;

	(void)what;
	if (s->pid == 0 || waitpid(s->pid, &status, WNOHANG) != s->pid)
		return;
	s->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		log_info(
		    "snapshot", "every_s=%lld", (long long)s->every / 1000);
	else
		log_warn("snapshot.failed", "status=%d", status);
}

struct snapshot *
snapshot_new(struct loop *loop, const char *file, msec every)
{
	struct snapshot *s = mem_new(sizeof *s);

	s->file = mem_string(file);
	s->every = every;
	s->due = every ? loop_now(loop) + every : MSEC_NEVER;
	s->ended = loop_signal(loop, SIGCHLD, on_child, s);
	return s;
}

void
snapshot_free(struct snapshot *s)
{
	if (s == NULL)
		return;
	if (s->pid > 0) {
		kill(s->pid, SIGTERM);
		(void)waitpid(s->pid, NULL, 0);
	}
	watch_free(s->ended);
	free(s->file);
	free(s);
}

void
snapshot_tick(struct snapshot *s, msec now)
{
	char *argv[] = { "kn-store", "-c", s->file, "snapshot", NULL };

	if (now < s->due || s->pid > 0)
		return;
	s->due = now + s->every;
	if (posix_spawn(&s->pid, "/proc/self/exe", NULL, NULL, argv, environ) !=
	    0) {
		s->pid = 0;
		log_warn("snapshot.failed", "why=spawn");
	}
}
