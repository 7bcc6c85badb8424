/* SPDX-License-Identifier: ISC
 *
 * Any *.prom file beside rows of ours: what is told of it is a file that is
 * taken, and tells the same. */
#include "web/prom.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
again(const struct buf *text)
{
	struct buf second = { .max = 1 << 22 };
	struct prom q;

	prom_init(&q);
	if (text->n <= PROM_FILE_BYTES) {
		must(prom_add_file(&q, "a", buf_slice(text)));
		must(prom_settle(&q) == 0);
		prom_write(&q, PROM_TEXT, &second);
		must(slice_eq(buf_slice(&second), buf_slice(text)));
	}
	buf_free(&second);
	prom_free(&q);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf text = { .max = 1 << 22 }, open = { .max = 1 << 22 };
	struct prom p;

	prom_init(&p);
	prom_uint(&p, PROM_COUNTER, "kn_b_total", "r=\"x\"", "help", 7);
	prom_add_file(&p, "a", slice_of(data, n));
	prom_settle(&p);
	must(p.n >= 1 && p.dropped == 0);
	prom_write(&p, PROM_TEXT, &text);
	prom_write(&p, PROM_OPEN, &open);
	must(!text.bad && open.n >= 6);
	again(&text);
	(void)prom_accept(slice_of(data, n));
	buf_free(&text);
	buf_free(&open);
	prom_free(&p);
	return 0;
}
