/* SPDX-License-Identifier: ISC
 *
 * Milliseconds from fork to ready: runs a daemon of ours so many times with
 * --ready-fd and ends it each time.  Prints {"median_ms":…,"least_ms":…}. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TIMES_MAX = 101, WORDS_MAX = 32, READY_FD = 3 };

static double
milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
run(char **argv, int ready)
{
	if (ready != READY_FD && dup2(ready, READY_FD) == READY_FD)
		close(ready);
	execv(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(111);
}

/* Until the newline; -1 when none came. */
static double
once(char **argv)
{
	double begin, took;
	int pipes[2];
	ssize_t n;
	char byte;
	pid_t pid;

	if (pipe(pipes) < 0)
		return -1;
	begin = milliseconds();
	pid = fork();
	if (pid == 0) {
		close(pipes[0]);
		run(argv, pipes[1]);
	}
	close(pipes[1]);
	n = read(pipes[0], &byte, 1);
	took = milliseconds() - begin;
	close(pipes[0]);
	if (pid > 0) {
		kill(pid, SIGTERM);
		waitpid(pid, NULL, 0);
	}
	return n == 1 ? took : -1;
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int
main(int argc, char **argv)
{
	char *words[WORDS_MAX + 3] = { 0 };
	double took[TIMES_MAX];
	int times = argc > 2 ? atoi(argv[1]) : 0;
	int n = argc - 2;

	if (times < 1 || times > TIMES_MAX || n > WORDS_MAX) {
		fputs("usage: start TIMES PROGRAM ARGUMENT...\n", stderr);
		return 100;
	}
	memcpy(words, argv + 2, (size_t)n * sizeof *words);
	words[n] = "--ready-fd";
	words[n + 1] = "3";
	for (int i = 0; i < times; i++) {
		took[i] = once(words);
		if (took[i] < 0)
			return 1;
	}
	qsort(took, (size_t)times, sizeof *took, by_value);
	printf("{\"median_ms\":%.1f,\"least_ms\":%.1f}\n", took[times / 2],
	    took[0]);
	return 0;
}
