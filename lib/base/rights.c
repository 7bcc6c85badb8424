/* SPDX-License-Identifier: ISC */
#include "base/rights.h"
#include "base/opt.h"

#include <pwd.h>
#include <string.h>

enum { NAME = 64 /* bytes of a user name, or of a word, and its zero */ };

static const char blanks[] = " \t";

struct reading {
	const char *what, *line;
	const char *const *words;
	uint32_t self;
	struct buf *faults;
};

static void
fault(const struct reading *r, const char *says, const char *about)
{
	const char *const parts[] = { r->what, ": `", r->line, "': ", says,
		about ? " `" : "", about ? about : "", about ? "'\n" : "\n" };

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		put_text(r->faults, parts[i]);
}

/* A copy of n bytes of text as a string; false when it is too long. */
static bool
copy(const char *text, size_t n, char out[NAME])
{
	if (n >= NAME)
		return false;
	memcpy(out, text, n);
	out[n] = 0;
	return true;
}

static int
uid_of(const struct reading *r, const char *user, uint32_t *uid)
{
	const struct passwd *pw;
	uint64_t number;

	if (strcmp(user, "self") == 0)
		*uid = r->self;
	else if (strcmp(user, "root") == 0)
		*uid = 0;
	/* the highest number is (uid_t)-1, which is nobody's */
	else if (opt_uint(user, UINT32_MAX - 1, &number) == 0)
		*uid = (uint32_t)number;
	else if ((pw = getpwnam(user)) != NULL)
		*uid = pw->pw_uid;
	else
		return -1;
	return 0;
}

static uint64_t
mask_of(const struct reading *r, const char *word)
{
	uint64_t all = 0;

	for (size_t i = 0; i < RIGHTS_WORDS && r->words[i]; i++) {
		if (strcmp(word, r->words[i]) == 0)
			return UINT64_C(1) << i;
		all |= UINT64_C(1) << i;
	}
	return strcmp(word, "all") == 0 ? all : 0;
}

static int
read_words(const struct reading *r, const char *text, uint64_t *words)
{
	char word[NAME];
	int wrong = 0;

	*words = 0;
	for (text += strspn(text, blanks); *text;
	     text += strspn(text, blanks)) {
		size_t n = strcspn(text, blanks);
		uint64_t mask = copy(text, n, word) ? mask_of(r, word) : 0;

		if (mask == 0) {
			fault(r, "unknown word", n < NAME ? word : NULL);
			wrong = -1;
		}
		*words |= mask;
		text += n;
	}
	if (*words == 0 && wrong == 0) {
		fault(r, "names nothing that the user may", NULL);
		wrong = -1;
	}
	return wrong;
}

static int
read_line(const struct reading *r, struct rights *out)
{
	size_t n = strcspn(r->line, ":");
	const char *end = r->line + n;
	char user[NAME];
	uint64_t words;
	uint32_t uid = 0;
	bool everybody;
	int wrong = 0;

	if (*end != ':') {
		fault(r, "has no colon after the user", NULL);
		return -1;
	}
	while (n > 0 && strchr(blanks, r->line[n - 1]))
		n--;
	if (!copy(r->line, n, user)) {
		fault(r, "has a user name that is too long", NULL);
		return -1;
	}
	everybody = strcmp(user, "*") == 0;
	if (!everybody && uid_of(r, user, &uid) < 0) {
		fault(r, "no such user:", user);
		wrong = -1;
	}
	if (read_words(r, end + 1, &words) < 0 || wrong < 0)
		return -1;
	if (out->n == RIGHTS_LINES) {
		fault(r, "is one line too many", NULL);
		return -1;
	}
	out->at[out->n].everybody = everybody;
	out->at[out->n].uid = uid;
	out->at[out->n].words = words;
	out->n++;
	return 0;
}

int
rights_parse(const struct conf_list *lines, const char *what,
    const char *const *words, uint32_t self, struct rights *out,
    struct buf *faults)
{
	struct reading r = { what, NULL, words, self, faults };
	struct rights read = { .n = 0 };
	int wrong = 0;

	for (size_t i = 0; i < lines->n; i++) {
		r.line = lines->at[i];
		r.line += strspn(r.line, blanks);
		if (read_line(&r, &read) < 0)
			wrong = -1;
	}
	if (wrong == 0)
		*out = read;
	return wrong;
}

uint64_t
rights_of(const struct rights *r, uint32_t uid)
{
	uint64_t words = 0;

	for (size_t i = 0; i < r->n; i++)
		if (r->at[i].everybody || r->at[i].uid == uid)
			words |= r->at[i].words;
	return words;
}
