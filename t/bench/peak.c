/* SPDX-License-Identifier: ISC
 *
 * What a command costs with all that it starts: wall and processor time, the
 * most memory that one of them had, and the most that they had at once (looked
 * at every few milliseconds; a page that several share counts for each).  Into
 * FILE: {"ms":…,"cpu_ms":…,"most_kb":…,"sum_kb":…,"code":…}. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EVERY_NS = 4000000, DEPTH = 16, NAME = 64 };

static double
milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long
resident(long pid)
{
	char name[NAME];
	long all = 0, pages = 0;
	FILE *f;

	snprintf(name, sizeof name, "/proc/%ld/statm", pid);
	f = fopen(name, "r");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%ld %ld", &all, &pages) != 2)
		pages = 0;
	fclose(f);
	return pages;
}

/* Pages of a process and its children.  None of them starts one from a thread
 * but its first. */
static long
family(long pid, int depth)
{
	long pages = resident(pid), child;
	char name[NAME];
	FILE *f;

	snprintf(name, sizeof name, "/proc/%ld/task/%ld/children", pid, pid);
	f = depth > 0 ? fopen(name, "r") : NULL;
	if (f == NULL)
		return pages;
	while (fscanf(f, "%ld", &child) == 1)
		pages += family(child, depth - 1);
	fclose(f);
	return pages;
}

static double
cpu(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e3 +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e3;
}

int
main(int argc, char **argv)
{
	struct timespec nap = { 0, EVERY_NS };
	long most = 0, now, page_kb = sysconf(_SC_PAGESIZE) / 1024;
	int status = 0, code;
	struct rusage used;
	double begin, took;
	pid_t pid;
	FILE *out;

	if (argc < 3 || (out = fopen(argv[1], "we")) == NULL) {
		fputs("usage: peak FILE COMMAND [ARGUMENT...]\n", stderr);
		return 100;
	}
	begin = milliseconds();
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
		_exit(111);
	}
	while (pid > 0 && waitpid(pid, &status, WNOHANG) == 0) {
		now = family(pid, DEPTH);
		most = now > most ? now : most;
		nanosleep(&nap, NULL);
	}
	took = milliseconds() - begin;
	code = WIFEXITED(status) ? WEXITSTATUS(status) : 111;
	getrusage(RUSAGE_CHILDREN, &used);
	fprintf(out,
	    "{\"ms\":%.0f,\"cpu_ms\":%.0f,\"most_kb\":%ld,"
	    "\"sum_kb\":%ld,\"code\":%d}\n",
	    took, cpu(&used), used.ru_maxrss, most * page_kb, code);
	fclose(out);
	return pid > 0 ? code : 111;
}
