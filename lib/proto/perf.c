/* SPDX-License-Identifier: ISC */
#include "proto/perf.h"

void
perf_init(struct perf *p)
{
	*p = (struct perf){ 0 };
}

void
perf_hear(struct perf *p, struct slice in)
{
	while (p->head_n < sizeof p->head && in.n > 0)
		p->head[p->head_n++] = get_u8(&in);
	p->got += in.n;
}

int
perf_end(struct perf *p)
{
	struct slice head = slice_of(p->head, p->head_n);

	p->left = get_u64(&head);
	if (head.bad) {
		p->why = "fewer than eight bytes came";
		return -1;
	}
	p->heard_end = true;
	return 0;
}

size_t
perf_next(struct perf *p, size_t n)
{
	/* nothing is left until the end has been heard */
	if (n > p->left)
		n = (size_t)p->left;
	p->left -= n;
	return n;
}

bool
perf_done(const struct perf *p)
{
	return p->heard_end && p->left == 0;
}
