/* SPDX-License-Identifier: ISC */
#include "base/conf.h"
#include "base/fd.h"
#include "base/mem.h"
#include "t/tap.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

struct settings {
	char *name;
	uint64_t least, count, size, wait;
	bool flag;
	struct conf_list words, rules;
	unsigned level;
};

static const char *const levels[] = { "low", "high", NULL };

#define AT(f) offsetof(struct settings, f)
static const struct conf_row rows[] = {
	{ "main", "name", CONF_STR, AT(name), "none", .help = "" },
	{ "main", "flag", CONF_BOOL, AT(flag), "no", .help = "" },
	{ "main", "level", CONF_WORD, AT(level), "low", .words = levels,
	    .help = "" },
	{ "sizes", "least", CONF_UINT, AT(least), "2", .most = 100,
	    .within = "count", .help = "" },
	{ "sizes", "count", CONF_UINT, AT(count), "5", .least = 1, .most = 100,
	    .help = "" },
	{ "sizes", "size", CONF_BYTES, AT(size), "1M", .least = 1024,
	    .help = "" },
	{ "sizes", "wait", CONF_TIME, AT(wait), "90", .most = 3600000,
	    .help = "" },
	{ "lists", "words", CONF_LIST, AT(words), "a b\nc", .most = 4,
	    .help = "" },
	{ "lists", "rules", CONF_LINES, AT(rules), "x: 1 2", .help = "" },
};
enum { NROWS = sizeof rows / sizeof rows[0], TEXT = 128 << 10 };

static struct buf said = { .max = TEXT };
static struct settings s;

static const char *
text_of(struct buf *b)
{
	static char text[TEXT + 1];

	if (b->n > 0)
		memcpy(text, b->p, b->n);
	text[b->n] = '\0';
	buf_free(b);
	return text;
}

static int
parse(const char *text, char *const *env)
{
	conf_free(rows, NROWS, &s);
	memset(&s, 0xa5, sizeof s); /* what is there does not matter */
	return conf_parse(
	    "f.ini", slice_text(text), rows, NROWS, env, &s, &said);
}

static const char *
printed(void)
{
	conf_print(rows, NROWS, &s, &said);
	return text_of(&said);
}

static const char defaults[] =
    "[main]\nname = none\nflag = no\n"
    "level = low\n\n[sizes]\nleast = 2\ncount = 5\nsize = 1M\n"
    "wait = 90s\n\n[lists]\nwords =\n\ta\n\tb\n\tc\nrules = x: 1 2\n";

static void
test_defaults(void)
{
	is_int(parse("", NULL), 0, "an empty file");
	is_text(printed(), defaults, "yields the defaults");
	is_int(parse("\n# c\n ; d\n[main]\n\n", NULL), 0, "and so do comments");
	is_text(printed(), defaults, "and sections without keys");
	conf_free(rows, NROWS, &s);
	ok(s.name == NULL && s.words.n == 0 && s.words.at == NULL &&
		s.count == 0,
	    "conf_free zeroes");
	conf_free(rows, NROWS, &s);
	ok(true, "and may be called twice");
}

static void
test_values(void)
{
	static const char text[] = "\xef\xbb\xbf[main]\r\n"
				   "name = two words ; a comment\r\n"
				   "flag: on\n"
				   "level=high\n"
				   "[sizes] ; another\n"
				   "size = 10KB\nwait = 250ms\ncount = 100\n"
				   "[lists]\n"
				   "words = p q ; and more\n"
				   "\n"
				   "# between\n"
				   "\tr\ts ; and more\n"
				   "rules =\n"
				   "  self: a  b\n"
				   "    [::1]: x = y\n"
				   "  # a comment\n"
				   "\troot: all\n"
				   "[main]\n"
				   "[sizes]\nleast=0";

	is_int(parse(text, NULL), 0, "a file with all of it");
	is_text(printed(),
	    "[main]\nname = two words\nflag = yes\n"
	    "level = high\n\n[sizes]\nleast = 0\ncount = 100\n"
	    "size = 10000\nwait = 250ms\n\n[lists]\n"
	    "words =\n\tp\n\tq\n\tr\n\ts\n"
	    "rules =\n\tself: a  b\n\t[::1]: x = y\n\troot: all\n",
	    "is what it says");
	is_int(parse("[lists]\nwords =\nrules=\n[main]\nname =\n", NULL), 0,
	    "nothing");
	ok(s.words.n == 0 && s.rules.n == 0, "empties a list");
	is_text(s.name, "", "and a text");
}

static void
test_print(void)
{
	static const struct {
		const char *in, *out;
	} forms[] = {
		{ "size = 1G", "size = 1G\n" },
		{ "size = 2048M", "size = 2G\n" },
		{ "size = 1536", "size = 1536\n" },
		{ "size = 3072", "size = 3K\n" },
		{ "size = 18446744073709551615",
		    "size = 18446744073709551615\n" },
		{ "wait = 60", "wait = 1m\n" },
		{ "wait = 60m", "wait = 1h\n" },
		{ "wait = 0", "wait = 0\n" },
		{ "wait = 1001ms", "wait = 1001ms\n" },
	};

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		char text[128];

		snprintf(text, sizeof text, "[sizes]\n%s", forms[i].in);
		parse(text, NULL);
		ok(strstr(printed(), forms[i].out) != NULL, "%s", forms[i].in);
	}
}

/* Every fault alone: the file, and the whole of what is said. */
static const struct {
	const char *text, *says;
} faults[] = {
	{ "[sizes]\n\ncount = many\n", "f.ini:3: [sizes] count: \"many\" is "
				       "not a number; give 1 to 100\n" },
	{ "[sizes]\ncount = 101", "f.ini:2: [sizes] count: 101 is out of "
				  "range; give 1 to 100\n" },
	{ "[sizes]\ncount = 0", "f.ini:2: [sizes] count: 0 is out of range; "
				"give 1 to 100\n" },
	{ "[sizes]\ncount = -1", "f.ini:2: [sizes] count: \"-1\" is not a "
				 "number; give 1 to 100\n" },
	{ "[sizes]\ncount =", "f.ini:2: [sizes] count: \"\" is not a number; "
			      "give 1 to 100\n" },
	{ "[sizes]\ncount = 5 # five", "f.ini:2: [sizes] count: \"5 # five\" "
				       "is not a number; give 1 to 100\n" },
	{ "[sizes]\ncount = 99999999999999999999",
	    "f.ini:2: [sizes] count: "
	    "99999999999999999999 is out of range; give 1 to 100\n" },
	{ "[sizes]\nsize = 3", "f.ini:2: [sizes] size: 3 is out of range; "
			       "give 1K or more\n" },
	{ "[sizes]\nsize = big", "f.ini:2: [sizes] size: \"big\" is not a "
				 "size; give 1K or more\n" },
	{ "[sizes]\nwait = 2h", "f.ini:2: [sizes] wait: 2h is out of range; "
				"give 0 to 1h\n" },
	{ "[sizes]\nwait = 2d", "f.ini:2: [sizes] wait: \"2d\" is not a time; "
				"give 0 to 1h\n" },
	{ "[main]\nflag = maybe", "f.ini:2: [main] flag: \"maybe\" is neither "
				  "yes nor no\n" },
	{ "[main]\nlevel = mid", "f.ini:2: [main] level: \"mid\" is not one "
				 "of low high\n" },
	{ "[sizes]\nleast = 7",
	    "f.ini:2: [sizes] least: 7 is more than "
	    "count, which is 5; lower least or raise count\n" },
	{ "[sizes]\ncount = 1",
	    "f.ini:2: [sizes] least: 2 is more than "
	    "count, which is 1; lower least or raise count\n" },
	{ "[sizes]\ncount = 3\ncount = 4", "f.ini:3: [sizes] count: given "
					   "twice, first in line 2\n" },
	{ "[lists]\nwords = a\n[main]\n[lists]\nwords = b\n\tc\n",
	    "f.ini:5: "
	    "[lists] words: given twice, first in line 2\n" },
	{ "[sizes]\n  count = 3\n  wait = 4\n",
	    "f.ini:3: [sizes] count: takes "
	    "one line; a new key begins at the left margin\n" },
	{ "[sizes]\namount = 3\n\tmore\n",
	    "f.ini:2: [sizes] has no key "
	    "\"amount\"; it has least count size wait\n" },
	{ "[size]\ncount = 3\nx\n",
	    "f.ini:1: there is no section [size]; "
	    "there are [main] [sizes] [lists]\n"
	    "f.ini:3: \"x\" is neither [section] nor key = value\n" },
	{ "[]\n", "f.ini:1: there is no section []; there are [main] [sizes] "
		  "[lists]\n" },
	{ "count = 3\n[sizes]\n", "f.ini:1: \"count\" stands before the first "
				  "[section]\n" },
	{ "[sizes\ncount = 3\n[main]\n", "f.ini:1: \"[sizes\" lacks its ]\n" },
	{ "[sizes] count = 3\n", "f.ini:1: nothing may follow the ] of a "
				 "section\n" },
	{ "[sizes]\ncount\n", "f.ini:2: \"count\" is neither [section] nor "
			      "key = value\n" },
	{ "[sizes]\ncount\n\n\n# end", "f.ini:2: \"count\" is neither "
				       "[section] nor key = value\n" },
	{ "[main]\nname = a\x01\x1b[2J", "f.ini:2: holds a control "
					 "character\n" },
	{ "[main]\nname = a\rflag = yes\n", "f.ini:2: holds a control "
					    "character\n" },
	{ "[main]\nname =;x\n", "f.ini:2: [main] name: \";x\" holds a "
				"comment\n" },
	{ "[lists]\nwords = a #b\n",
	    "f.ini:2: [lists] words: \"#b\" would "
	    "begin a comment; comments stand on lines of their own\n" },
	{ "[lists]\nwords = a b\n\tc d e\n", "f.ini:3: [lists] words: more "
					     "than 4 items\n" },
};

static void
test_faults(void)
{
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		is_int(parse(faults[i].text, NULL), -1, "a fault");
		is_text(text_of(&said), faults[i].says, "told");
	}
	is_int(parse("[sizes]\ncount = x\nleast = 50\nwait = y\n[man]\n", NULL),
	    -1, "several at once");
	is_text(text_of(&said),
	    "f.ini:2: [sizes] count: \"x\" is not a number; "
	    "give 1 to 100\nf.ini:4: [sizes] wait: \"y\" is not a time; give 0 "
	    "to 1h\nf.ini:5: there is no section [man]; there are [main] "
	    "[sizes] [lists]\n",
	    "are told in order, and no conflict with a value not understood");
	conf_free(rows, NROWS, &s);
	is_int(conf_parse("f.ini", slice_of("[main]\nname = a\0b\n", 18), rows,
		   NROWS, NULL, &s, &said),
	    -1, "a zero byte");
	is_text(
	    text_of(&said), "f.ini:2: holds a control character\n", "is told");
}

static void
put_repeated(struct buf *b, char c, size_t n)
{
	while (n-- > 0)
		put_u8(b, (uint8_t)c);
}

static int
parse_long(const char *head, char c, size_t n, const char *tail)
{
	struct buf text = { .max = TEXT };
	int r;

	put_text(&text, head);
	put_repeated(&text, c, n);
	put_text(&text, tail);
	put_u8(&text, '\0');
	r = parse((const char *)text.p, NULL);
	buf_free(&text);
	return r;
}

static void
test_ceilings(void)
{
	char many[2 * 100 + 1] = "";
	const char *text;
	size_t lines = 0;

	is_int(parse_long("[main]\nname=", 'x', CONF_VALUE, "\nflag=on"), 0,
	    "a value of the greatest length");
	ok(strlen(s.name) == CONF_VALUE && s.flag, "is whole");
	is_int(parse_long("[main]\nname=", 'x', CONF_VALUE + 1, "\n"), -1,
	    "one byte more");
	is_text(text_of(&said),
	    "f.ini:2: [main] name: 177 bytes are too many; "
	    "give at most 176\n",
	    "is told");
	is_int(parse_long("[main]\nname=", 'x', 5000, "\nflag=on\n"), -1,
	    "a line beyond what inih reads");
	text = text_of(&said);
	ok(strstr(text, "f.ini:2: 5005 bytes are too many for a line") == text,
	    "is told");
	is_text(strchr(text, '\n'), "\n", "and its rest is not a line");
	is_int(parse_long("[main]\n#", 'x', 5000, "\nflag=on\n"), 0,
	    "a comment may be longer");
	ok(s.flag, "and hides nothing");
	is_int(parse_long("[main]\n", 'k', 60, " = 1\n x\n"), -1, "a long key");
	ok(strstr(text_of(&said), "has no key \"kkkkk") != NULL, "is unknown");

	for (size_t i = 0; i < 100; i++)
		strcat(many, "x\n");
	is_int(parse(many, NULL), -1, "a hundred faults");
	text = text_of(&said);
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	is_int(lines, 65, "sixty-four are told");
	ok(strstr(text, "\nand 36 faults more\n") != NULL,
	    "of the others, how many");
}

static void
test_env(void)
{
	char *good[] = { "HOME=/x", "KN_MAIN_NAME=two words", "KN_BUILD=b",
		"KN_SIZES_COUNT=9", "KN_LISTS_WORDS=p q\nr",
		"KN_LISTS_RULES=a: b\nc: d", "kn_main_flag=x",
		"KN_=", "KN_MAIN", "KN_OTHER_KEY=1", NULL };
	char *wrong[] = { "KN_SIZES_COUNT=many", "KN_SIZES_AMOUNT=1",
		"KN_MAIN_NAME= x", "KN_MAIN_FLAG=a\nb", "KN_SIZES_=1",
		"KN_LISTS_RULES=a: b ; c", NULL };
	char *high[] = { "KN_SIZES_LEAST=50", NULL };

	is_int(
	    parse("[sizes]\ncount = 3\nleast = 1\n[lists]\nwords = x\n", good),
	    0, "variables");
	ok(s.count == 9 && s.least == 1, "override the file");
	is_text(s.name, "two words", "and the defaults");
	ok(s.words.n == 3 && s.rules.n == 2, "with lists, too");
	is_text(s.words.at[2], "r", "of words");
	is_text(s.rules.at[1], "c: d", "of lines");
	is_int(parse("", wrong), -1, "wrong ones");
	is_text(text_of(&said),
	    "KN_SIZES_COUNT: [sizes] count: \"many\" is not a number; give 1 "
	    "to 100\n"
	    "KN_SIZES_AMOUNT: [sizes] has no key \"AMOUNT\"; it has least "
	    "count "
	    "size wait\n"
	    "KN_MAIN_NAME: [main] name: begins or ends with a blank\n"
	    "KN_MAIN_FLAG: [main] flag: holds a control character\n"
	    "KN_SIZES_: [sizes] has no key \"\"; it has least count size wait\n"
	    "KN_LISTS_RULES: [lists] rules: \"a: b ; c\" holds a comment\n",
	    "are told by name");
	is_int(parse("[sizes]\ncount = 3\n", high), -1, "a conflict");
	is_text(text_of(&said),
	    "KN_SIZES_LEAST: [sizes] least: 50 is more than "
	    "count, which is 3; lower least or raise count\n",
	    "is, too");
}

static void
test_file(void)
{
	char dir[] = "/tmp/kn-conf-XXXXXX", path[64], want[128];
	struct buf big = { .max = CONF_FILE + 1 };

	ok(mkdtemp(dir) != NULL, "a directory");
	snprintf(path, sizeof path, "%.20s/a=b.ini", dir);
	conf_free(rows, NROWS, &s);
	is_int(conf_load(NULL, rows, NROWS, NULL, &s, &said), 0, "no file");
	is_text(printed(), defaults, "yields the defaults");
	conf_free(rows, NROWS, &s);
	is_int(conf_load(path, rows, NROWS, NULL, &s, &said), -1,
	    "a file that is not there");
	snprintf(want, sizeof want, "%s: No such file or directory\n", path);
	is_text(text_of(&said), want, "is told");
	fd_create_file(path, slice_text("[sizes]\ncount = 77\n"), 0600);
	conf_free(rows, NROWS, &s);
	is_int(conf_load(path, rows, NROWS, NULL, &s, &said), 0, "a file");
	is_int(s.count, 77, "is read");
	put_repeated(&big, '\n', CONF_FILE);
	fd_replace_file(path, buf_slice(&big), 0600);
	conf_free(rows, NROWS, &s);
	is_int(conf_load(path, rows, NROWS, NULL, &s, &said), 0,
	    "the largest file");
	put_repeated(&big, '\n', 1);
	fd_replace_file(path, buf_slice(&big), 0600);
	conf_free(rows, NROWS, &s);
	is_int(
	    conf_load(path, rows, NROWS, NULL, &s, &said), -1, "one byte more");
	snprintf(want, sizeof want, "%s: is larger than 1 MiB\n", path);
	is_text(text_of(&said), want, "is told");
	buf_free(&big);
	unlink(path);
	rmdir(dir);
}

static void
test_again(void)
{
	struct buf once = { .max = TEXT };
	char *copy;

	parse("[main]\nname = [x] = ;\n[lists]\nwords = [y]\nrules =\n a;b\n"
	      " c = d\n",
	    NULL);
	text_of(&said);
	conf_print(rows, NROWS, &s, &once);
	put_u8(&once, '\0');
	copy = mem_string((const char *)once.p);
	is_int(parse(copy, NULL), 0, "what is printed can be loaded");
	is_text(printed(), copy, "and is the same again");
	free(copy);
	buf_free(&once);
}

int
main(void)
{
	test_defaults();
	test_values();
	test_print();
	test_faults();
	test_ceilings();
	test_env();
	test_file();
	test_again();
	conf_free(rows, NROWS, &s);
	return tap_done();
}
