/* SPDX-License-Identifier: ISC
 *
 * Any file of counters, as a program that was taken over may leave it: it is
 * refused, or can be read whole, and what is told of it is a page that a
 * scraper understands. */
#include "base/stat.h"
#include "web/prom.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool good)
{
	if (!good)
		abort();
}

/* One file for all inputs. */
static char path[256];

static void
leave(void)
{
	unlink(path);
}

static void
place(const uint8_t *data, size_t n)
{
	static int fd = -1;

	if (fd < 0) {
		const char *tmp = getenv("TMPDIR");

		snprintf(path, sizeof path, "%.200s/kn-stat.XXXXXX",
		    tmp ? tmp : "/tmp");
		fd = mkstemp(path);
		atexit(leave);
	}
	must(fd >= 0 && ftruncate(fd, 0) == 0 &&
	     pwrite(fd, data, n, 0) == (ssize_t)n);
}

static void
tell(const struct stat_view *v, struct prom *p)
{
	struct stat_value value;

	for (size_t i = 0; i < v->n; i++) {
		must(stat_read(v, i, &value) == 0);
		prom_uint(p,
		    value.kind == STAT_COUNTER ? PROM_COUNTER : PROM_GAUGE,
		    value.name, value.labels, value.help, value.value);
	}
	must(stat_read(v, v->n, &value) < 0 && errno == ERANGE);
}

static void
judge(const struct prom *p)
{
	struct buf page = { .max = 1 << 22 };
	struct prom q;

	prom_init(&q);
	prom_write(p, PROM_TEXT, &page);
	must(!page.bad);
	if (page.n <= PROM_FILE_BYTES && p->n <= PROM_FILE_ROWS) {
		must(prom_add_file(&q, "page", buf_slice(&page)));
		must(prom_settle(&q) == 0 && q.n == p->n);
	}
	buf_free(&page);
	prom_free(&q);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct stat_view v;
	struct prom p;

	place(data, n);
	if (stat_view(path, &v) < 0) {
		must(errno == EBADMSG && v.image == NULL);
		return 0;
	}
	must(v.bytes == n && v.started >= 0 && v.beat >= 0);
	must(*stat_phase_word(v.phase) != '?' && strlen(v.prog) < 32);
	prom_init(&p);
	tell(&v, &p);
	prom_settle(&p);
	judge(&p);
	prom_free(&p);
	stat_unview(&v);
	return 0;
}
