/* SPDX-License-Identifier: ISC */
#include "base/table.h"
#include "t/tap.h"

#define METALS(M) M(METAL_TIN, "tin") M(METAL_GOLD, "gold")
enum metal { METALS(TABLE_NAME) METAL_N };
static const char *const words[] = { METALS(TABLE_WORD) };

static enum metal
find(const char *text)
{
	return (enum metal)table_find(words, METAL_N, slice_text(text));
}

int
main(void)
{
	is_int(METAL_N, 2, "as many names as words");
	is_text(words[METAL_GOLD], "gold", "in the same order");
	is_int(find("tin"), METAL_TIN, "the first");
	is_int(find("gold"), METAL_GOLD, "the last");
	is_int(find("Gold"), METAL_N, "case counts");
	is_int(find("gol"), METAL_N, "a beginning is no word");
	is_int(find(""), METAL_N, "nor is nothing");
	return tap_done();
}
