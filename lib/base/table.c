/* SPDX-License-Identifier: ISC */
#include "base/table.h"

size_t
table_find(const char *const *words, size_t n, struct slice word)
{
	size_t i = 0;

	while (i < n && !slice_is(word, words[i]))
		i++;
	return i;
}
