/* SPDX-License-Identifier: ISC
 *
 * Who may do what on a Unix socket, from lines of the configuration:
 *
 *	USER: WORD WORD…
 *
 * USER is a user's name or number, `self` (the user we run as), `root`, or `*`
 * (everybody); a WORD is one of the caller's list, or `all`.  What several
 * lines give to one user adds up; who is on no line may nothing. */
#ifndef BASE_RIGHTS_H
#define BASE_RIGHTS_H

#include "base/conf.h"

enum { RIGHTS_LINES = 64, RIGHTS_WORDS = 64 };

struct rights {
	struct {
		bool everybody;
		uint32_t uid;
		uint64_t words; /* bit i: words[i] */
	} at[RIGHTS_LINES];
	size_t n;
};

/* words ends with NULL and has at most RIGHTS_WORDS.  self is the uid that
 * `self` stands for.  0, or -1 with one sentence a line in faults, each
 * beginning with what (the key: "network.sign"); out is then as it was. */
int rights_parse(const struct conf_list *lines, const char *what,
    const char *const *words, uint32_t self, struct rights *out,
    struct buf *faults);
/* All that this user may. */
uint64_t rights_of(const struct rights *, uint32_t uid);

#endif
