/* SPDX-License-Identifier: ISC */
#include "net/reason.h"

static const struct {
	const char *word, *sentence;
} reasons[] = {
#define R(name, word, sentence) { word, sentence },
	REASONS(R)
#undef R
};

const char *
reason_word(unsigned r)
{
	return r < REASON_N ? reasons[r].word : "?";
}

const char *
reason_sentence(unsigned r)
{
	return r < REASON_N ? reasons[r].sentence : "an unknown reason";
}
