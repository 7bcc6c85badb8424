/* SPDX-License-Identifier: ISC */
#include "base/procstat.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { EVERY = 900, COUNT_EVERY = 10000, TEXT = 128 };

struct procstat {
	int statm;
	DIR *fds;
	uint64_t open, max;
	msec published, counted; /* 0: never */
};

struct procstat *
procstat_open(void)
{
	struct procstat *p = mem_new(sizeof *p);
	struct rlimit r;

	p->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	p->fds = opendir("/proc/self/fd");
	if (getrlimit(RLIMIT_NOFILE, &r) == 0)
		p->max = r.rlim_cur;
	return p;
}

void
procstat_free(struct procstat *p)
{
	if (p == NULL)
		return;
	if (p->statm >= 0)
		close(p->statm);
	if (p->fds)
		closedir(p->fds);
	free(p);
}

/* The second number is the pages in memory (proc(5)). */
static uint64_t
resident(const struct procstat *p)
{
	char text[TEXT], *at;
	ssize_t n = p->statm < 0 ? -1 : pread(p->statm, text, TEXT - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = 0;
	at = strchr(text, ' ');
	return at ? strtoull(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE)
		  : 0;
}

static uint64_t
count_fds(struct procstat *p)
{
	const struct dirent *e;
	uint64_t n = 0;

	if (p->fds == NULL)
		return 0;
	rewinddir(p->fds);
	while ((e = readdir(p->fds)) != NULL)
		n += e->d_name[0] != '.';
	return n;
}

static uint64_t
cpu_milliseconds(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) < 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void
procstat_publish(struct procstat *p, struct stats *s, size_t first, msec now)
{
	if (p->published != 0 && now - p->published < EVERY)
		return;
	p->published = now;
	if (p->counted == 0 || now - p->counted >= COUNT_EVERY) {
		p->open = count_fds(p);
		p->counted = now;
	}
	stat_set(s, first, resident(p));
	stat_set(s, first + 1, p->open);
	stat_set(s, first + 2, p->max);
	stat_set(s, first + 3, cpu_milliseconds());
}
