/* SPDX-License-Identifier: ISC
 *
 * Answers to a question for a.bb: every record read lies within the message. */
#include "wire/dnstxt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { MOST = 8, LONGEST = 4096 };

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char name[] = "a.bb";
	static const uint8_t head[] = { 0x12, 0x34, 0x81, 0x80, 0, 1 };
	static const uint8_t rest[] = { 0, 0, 0, 0, 1, 'a', 2, 'b', 'b', 0, 0,
		16, 0, 1 };
	struct slice records[MOST];
	uint8_t *message;
	size_t count, lead = 0;

	if (n < 2 || n > LONGEST)
		return 0;
	message = malloc(sizeof head + sizeof rest + n);
	/* most inputs go past the question */
	if (p[0] & 1) {
		memcpy(message, head, sizeof head);
		memcpy(message + sizeof head, p, 2);
		memcpy(message + sizeof head + 2, rest, sizeof rest);
		lead = sizeof head + 2 + sizeof rest;
		p += 2;
		n -= 2;
	}
	memcpy(message + lead, p, n);
	dnstxt_read(message, lead + n, name, 0x1234, records, MOST, &count);
	if (count > MOST)
		abort();
	for (size_t i = 0; i < count; i++)
		if (records[i].p < message ||
		    records[i].n > (size_t)(message + lead + n - records[i].p))
			abort();
	free(message);
	return 0;
}
