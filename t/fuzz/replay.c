/* SPDX-License-Identifier: ISC
 *
 * A main for fuzz targets where there is no fuzzer: runs each file named, then
 * ROUNDS mutations of it, always the same ones. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20, ROUNDS = 300, SPARE = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint64_t seed = 1;

static uint32_t
next(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33);
}

/* Change, cut, double or insert a little; returns the new length. */
static size_t
mutate(uint8_t *p, size_t n)
{
	for (uint32_t times = 1 + next() % 4; times > 0; times--) {
		size_t at = n ? next() % n : 0;

		switch (next() % 5) {
		case 0:
			if (n > 0)
				p[at] = (uint8_t)next();
			break;
		case 1:
			if (n > 0)
				p[at] ^= (uint8_t)(1u << next() % 8);
			break;
		case 2:
			n = at;
			break;
		case 3:
			if (n > 0) {
				memmove(p + at + 1, p + at, n - at);
				n++;
			}
			break;
		default:
			p[n++] = (uint8_t)next();
		}
	}
	return n;
}

/* Each input in an allocation of its own size, so that ASan sees its end. */
static void
run(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, p, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

int
main(int argc, char **argv)
{
	static uint8_t data[MOST + SPARE], work[MOST + SPARE];

	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t n;

		if (f == NULL) {
			perror(argv[i]);
			return 1;
		}
		n = fread(data, 1, MOST, f);
		fclose(f);
		run(data, n);
		for (int round = 0; round < ROUNDS; round++) {
			memcpy(work, data, n);
			run(work, mutate(work, n));
		}
	}
	printf("%d files\n", argc - 1);
	return 0;
}
