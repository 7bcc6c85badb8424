/* SPDX-License-Identifier: ISC
 *
 * Any text is a drain file or is refused with a reason; one that is good is
 * printed, read and printed the same again; and whatever it says, a program is
 * bound by it, or free, as the file's words have it. */
#include "base/drain.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { STARTED = 1000, NOW = 9000 };

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
again(const struct drain *d)
{
	struct buf one = { .max = DRAIN_FILE }, two = { .max = DRAIN_FILE };
	struct drain e;
	const char *why;

	must(drain_reason_ok(slice_text(d->reason)));
	drain_print(d, &one);
	must(!one.bad && drain_parse(buf_slice(&one), &e, &why) == 0);
	drain_print(&e, &two);
	must(slice_eq(buf_slice(&one), buf_slice(&two)));
	buf_free(&one);
	buf_free(&two);
}

static void
heard(struct slice text, const struct drain *d, bool certified)
{
	struct drainer who = { .path = "drain", .started = STARTED };
	bool ours = strcmp(d->boot, "one") == 0 && d->at >= STARTED;

	strcpy(who.boot, "one");
	(void)drainer_heard(&who, &text, NULL, certified, NOW);
	must((who.bond == DRAIN_HELD) == d->hold);
	must((who.bond == DRAIN_ASKED) == (ours && !d->hold));
	must((who.bond == DRAIN_CERTIFICATE) ==
	     (!ours && !d->hold && !certified));
	must(who.bond == DRAIN_FREE || who.due >= 0);
	must(drainer_heard(&who, NULL, NULL, certified, NOW) ==
	     (ours || d->hold || !certified ? DRAIN_OVER : DRAIN_SAME));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice text = slice_of(data, n);
	const char *why = NULL;
	struct drain d;

	if (drain_parse(text, &d, &why) < 0) {
		must(why != NULL);
		return 0;
	}
	must(why == NULL);
	again(&d);
	heard(text, &d, true);
	heard(text, &d, false);
	return 0;
}
