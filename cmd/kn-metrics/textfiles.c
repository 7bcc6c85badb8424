/* SPDX-License-Identifier: ISC */
#include "base/fd.h"
#include "base/log.h"
#include "cmd/kn-metrics/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 1024 };

static int
is_wanted(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 5 &&
	       strcmp(e->d_name + n - 5, ".prom") == 0;
}

/* NULL, or why not.  A FIFO laid there must not hold us up. */
static const char *
read_file(const char *path, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why = NULL;
	struct stat st;

	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		why = "it is no plain file";
	else if (fd_read_all(fd, text) < 0)
		why = errno == EFBIG ? "it is larger than 256 KiB"
				     : strerror(errno);
	close(fd);
	return why;
}

static void
add_file(struct prom *p, const char *dir, const char *name)
{
	struct buf text = { .max = PROM_FILE_BYTES };
	const char *why;
	char path[PATH];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	why = read_file(path, &text);
	if (why)
		prom_bad_file(p, name, why);
	else
		(void)prom_add_file(p, name, buf_slice(&text));
	buf_free(&text);
}

void
textfiles_add(struct gather *g)
{
	const char *dir = g->conf->metrics.textfiles_path;
	struct dirent **all;
	int n;

	if (*dir == 0)
		return;
	n = scandir(dir, &all, is_wanted, alphasort);
	/* there need not be any; but what is there must be seen */
	if (n < 0) {
		if (errno != ENOENT)
			prom_bad_file(&g->prom, dir, strerror(errno));
		g->textfiles = g->prom.nfiles;
		return;
	}
	for (int i = 0; i < n; i++) {
		add_file(&g->prom, dir, all[i]->d_name);
		free(all[i]);
	}
	free(all);
	g->textfiles = (size_t)n;
}

void
textfiles_judge(struct gather *g)
{
	const struct prom_file *f = g->prom.files;
	const struct prom_file *end = f + g->prom.nfiles;

	/* those above the ceiling are not even among the files */
	g->bad_textfiles =
	    prom_settle(&g->prom) + g->textfiles - g->prom.nfiles;
	prom_set(&g->prom, "kn_textfiles", g->textfiles);
	prom_set(&g->prom, "kn_textfile_error", g->bad_textfiles);
	if (g->bad_textfiles == 0)
		return;
	if (!gather_may_warn(g, GATHER_TEXT))
		return;
	while (f < end && f->why == NULL)
		f++;
	if (f < end)
		log_warn("textfile.bad", "bad=%zu file=%s line=%u why=%s",
		    g->bad_textfiles, log_q(slice_text(f->name)), f->line,
		    log_q(slice_text(f->why)));
	else
		log_warn("textfile.bad", "bad=%zu why=\"more than %d files\"",
		    g->bad_textfiles, (int)PROM_FILES);
}
