/* SPDX-License-Identifier: ISC
 *
 * A file of counters as a program would leave it: statfile PATH PROGRAM PHASE
 * AGE [NAME VALUE]…, whose loop turned AGE milliseconds ago. */
#include "base/stat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 16 };

int
main(int argc, char **argv)
{
	struct stat_row rows[ROWS] = { 0 };
	struct stats *s;
	unsigned phase = 0;
	size_t n = 0;

	if (argc < 5 || argc > 5 + 2 * ROWS)
		return 2;
	while (phase < STAT_PHASE_N &&
	       strcmp(argv[3], stat_phase_word((enum stat_phase)phase)) != 0)
		phase++;
	if (phase == STAT_PHASE_N)
		return 2;
	for (int i = 5; i + 1 < argc; i += 2)
		rows[n++] =
		    (struct stat_row){ STAT_GAUGE, argv[i], "", "a number" };
	s = stat_open(argv[1], argv[2], rows, n);
	if (s == NULL) {
		perror(argv[1]);
		return 2;
	}
	for (size_t i = 0; i < n; i++)
		stat_set(s, i, strtoull(argv[6 + 2 * i], NULL, 10));
	stat_phase(s, (enum stat_phase)phase);
	stat_beat(s, msec_now() - atoll(argv[4]), 3);
	stat_close(s);
	return 0;
}
