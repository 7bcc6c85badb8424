/* SPDX-License-Identifier: ISC */
#include "base/opt.h"
#include "base/mem.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SENTENCE_BYTES = 1024,
	OWN = 2, /* options that every table gains */
};

static const struct opt own[OWN] = {
	{ 'h', "help", OPT_FLAG, NULL, NULL, "show this page and exit", 0 },
	{ 'V', "version", OPT_FLAG, NULL, NULL, "show the version and exit",
	    0 },
};

struct unit {
	const char *name;
	uint64_t times;
};

static const struct unit one[] = { { "", 1 }, { NULL, 0 } };
static const struct unit times[] = {
	{ "", 1000 },
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60 * 1000 },
	{ "h", 60 * 60 * 1000 },
	{ NULL, 0 },
};
static const struct unit sizes[] = {
	{ "", 1 },
	{ "K", 1 << 10 },
	{ "M", 1 << 20 },
	{ "G", 1 << 30 },
	{ "KB", 1000 },
	{ "MB", 1000 * 1000 },
	{ "GB", 1000 * 1000 * 1000 },
	{ NULL, 0 },
};

static int
refuse(int why)
{
	errno = why;
	return -1;
}

/* Digits, then one of the units' names.  The whole text is looked at before
 * its size, so that a word that is no number is never called too large. */
static int
measure(const char *text, const struct unit *u, uint64_t most, uint64_t *out)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t v = 0;

	if (digits == 0)
		return refuse(EINVAL);
	while (u->name && strcmp(u->name, text + digits) != 0)
		u++;
	if (u->name == NULL)
		return refuse(EINVAL);
	for (size_t i = 0; i < digits; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return refuse(ERANGE);
		v = v * 10 + digit;
	}
	if (v > UINT64_MAX / u->times || (most && v * u->times > most))
		return refuse(ERANGE);
	*out = v * u->times;
	return 0;
}

int
opt_uint(const char *text, uint64_t most, uint64_t *out)
{
	return measure(text, one, most, out);
}

int
opt_time(const char *text, uint64_t most, uint64_t *out)
{
	return measure(text, times, most, out);
}

int
opt_bytes(const char *text, uint64_t most, uint64_t *out)
{
	return measure(text, sizes, most, out);
}

static void __attribute__((format(printf, 2, 3)))
say(struct buf *text, const char *fmt, ...)
{
	char line[SENTENCE_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	put_text(text, line);
}

static void
list(struct opt_list *l, const char *word)
{
	l->at = mem_resize(l->at, (l->n + 1) * sizeof *l->at);
	l->at[l->n++] = word;
}

/* What is wrong with the word, or 0 when it was taken. */
static int
take(const struct opt *o, const char *word)
{
	int r = 0;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)o->value = true;
		break;
	case OPT_STR:
		*(const char **)o->value = word;
		break;
	case OPT_UINT:
		r = opt_uint(word, o->most, o->value);
		break;
	case OPT_TIME:
		r = opt_time(word, o->most, o->value);
		break;
	case OPT_LIST:
		list(o->value, word);
		break;
	}
	return r < 0 ? errno : 0;
}

static void
say_refused(const struct opt *o, const char *word, int why, struct buf *text)
{
	bool time = o->kind == OPT_TIME;

	say(text, "-%c/--%s: \"%.64s\" is ", o->letter, o->name, word);
	if (why == EINVAL)
		say(text, "not a %s; give ", time ? "time" : "number");
	else
		say(text, "too large; give ");
	if (time)
		say(text, "a count with ms, s, m or h");
	else
		say(text, "a whole number");
	if (o->most)
		say(text, ", at most %llu%s", (unsigned long long)o->most,
		    time ? "ms" : "");
}

static const struct opt *
by_letter(const struct opt_page *page, int letter)
{
	for (size_t i = 0; i < page->n; i++)
		if (page->opts[i].letter == letter)
			return &page->opts[i];
	return NULL;
}

/* getopt_long says `?` for three mistakes and leaves its traces in optopt: the
 * letter, or 0 for a long name that it does not know or that fits several. */
static void
say_mistake(const struct opt_page *page, int c, char **argv, struct buf *text)
{
	const struct opt *o = by_letter(page, optopt);

	if (c == ':' && o)
		say(text, "-%c/--%s wants %s", o->letter, o->name, o->arg);
	else if (optopt == 0)
		say(text, "%.64s is not an option, or fits several",
		    argv[optind - 1]);
	else if (o || strchr("hV", optopt))
		say(text, "%.64s: takes no argument", argv[optind - 1]);
	else
		say(text, "-%c is not an option", optopt);
	say(text, "; %s -h shows what is", page->prog);
}

/* The table as getopt wants it: long options, and letters after `+` (stop at
 * the first operand) and `:` (tell a missing argument from the unknown). */
static struct option *
translate(const struct opt_page *page, char **letters)
{
	struct option *to = mem_new((page->n + OWN + 1) * sizeof *to);
	char *c = *letters = mem_new(2 + 2 * (page->n + OWN) + 1);

	*c++ = '+';
	*c++ = ':';
	for (size_t i = 0; i < page->n + OWN; i++) {
		const struct opt *o =
		    i < page->n ? &page->opts[i] : &own[i - page->n];
		bool wants = o->kind != OPT_FLAG;

		to[i] = (struct option){ o->name,
			wants ? required_argument : no_argument, NULL,
			o->letter };
		*c++ = o->letter;
		if (wants)
			*c++ = ':';
	}
	return to;
}

/* One option that getopt found. */
static enum opt_end
on_option(const struct opt_page *page, int c, char **argv, struct buf *text)
{
	const struct opt *o = by_letter(page, c);
	int why;

	if (o) {
		why = take(o, optarg);
		if (why == 0)
			return OPT_GO;
		say_refused(o, optarg, why, text);
		return OPT_WRONG;
	}
	switch (c) {
	case 'h':
		opt_usage(page, text);
		return OPT_SHOWN;
	case 'V':
		say(text, "%s %s\n", page->prog, KN_VERSION);
		return OPT_SHOWN;
	}
	say_mistake(page, c, argv, text);
	return OPT_WRONG;
}

enum opt_end
opt_parse(const struct opt_page *page, int argc, char **argv, int *first,
    struct buf *text)
{
	char *letters;
	struct option *table = translate(page, &letters);
	enum opt_end end = OPT_GO;
	int c;

	opterr = 0;
	optind = 0; /* glibc and musl: forget an earlier argv, so that a verb
		     * can parse its own */
	while (end == OPT_GO &&
	       (c = getopt_long(argc, argv, letters, table, NULL)) != -1)
		end = on_option(page, c, argv, text);
	*first = optind;
	free(table);
	free(letters);
	return end;
}

/* How wide `--name ARG` is. */
static int
width(const struct opt *o)
{
	return (int)strlen(o->name) + (o->arg ? 1 + (int)strlen(o->arg) : 0);
}

static void
put_option(const struct opt *o, int widest, struct buf *text)
{
	say(text, "  -%c, --%s%s%s%*s  %s\n", o->letter, o->name,
	    o->arg ? " " : "", o->arg ? o->arg : "", widest - width(o), "",
	    o->help);
}

void
opt_usage(const struct opt_page *page, struct buf *text)
{
	int widest = width(&own[1]);

	for (size_t i = 0; i < page->n; i++)
		if (width(&page->opts[i]) > widest)
			widest = width(&page->opts[i]);
	say(text, "usage: %s [options]%s%s\n\n%s\n\noptions:\n", page->prog,
	    *page->synopsis ? " " : "", page->synopsis, page->about);
	for (size_t i = 0; i < page->n; i++)
		put_option(&page->opts[i], widest, text);
	for (size_t i = 0; i < OWN; i++)
		put_option(&own[i], widest, text);
	if (page->detail) {
		put_text(text, "\n");
		put_text(text, page->detail);
	}
}
