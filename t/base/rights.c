/* SPDX-License-Identifier: ISC */
#include "base/rights.h"

#include "t/tap.h"

enum { SELF = 4242 };

static const char *const words[] = { "read", "write", "sign", NULL };

static int
parse(char **lines, size_t n, struct rights *out, char faults[1024])
{
	struct conf_list list = { lines, n };
	struct buf text;
	int r;

	buf_init(&text, 1023, NULL);
	r = rights_parse(&list, "x.y", words, SELF, out, &text);
	if (text.n > 0)
		memcpy(faults, text.p, text.n);
	faults[text.n] = 0;
	buf_free(&text);
	return r;
}

static void
test_users(void)
{
	char *lines[] = { "self: read", "root: write", "*: sign",
		"77:read  write", "  78 \t: all ", "77: sign" };
	struct rights r;
	char faults[1024];

	is_int(parse(lines, 6, &r, faults), 0, "good lines");
	is_text(faults, "", "have no faults");
	is_int(rights_of(&r, SELF), 1 | 4, "self, and what all may");
	is_int(rights_of(&r, 0), 2 | 4, "root");
	is_int(rights_of(&r, 99), 4, "everybody");
	is_int(rights_of(&r, 77), 7, "lines add up");
	is_int(rights_of(&r, 78), 7, "all words");
}

static void
test_names(void)
{
	char *lines[] = { "daemon: read" };
	struct rights r;
	char faults[1024];

	is_int(parse(lines, 1, &r, faults), 0, "a user by name");
	is_int(rights_of(&r, 1), 1, "has his number");
	is_int(rights_of(&r, 2), 0, "and others have nothing");
	is_int(parse(lines, 0, &r, faults), 0, "no lines");
	is_int(rights_of(&r, 0), 0, "nobody may anything, root neither");
}

static void
test_faults(void)
{
	static const struct {
		char *line;
		const char *says;
	} rows[] = {
		{ "", "x.y: `': has no colon after the user\n" },
		{ "self read", "x.y: `self read': has no colon after the "
			       "user\n" },
		{ "self:", "x.y: `self:': names nothing that the user may\n" },
		{ "self: fly", "x.y: `self: fly': unknown word `fly'\n" },
		{ ": read", "x.y: `: read': no such user: `'\n" },
		{ "no-such-user-here: read",
		    "x.y: `no-such-user-here: read': "
		    "no such user: `no-such-user-here'\n" },
		{ "4294967295: read", "x.y: `4294967295: read': no such user: "
				      "`4294967295'\n" },
		{ "-1: read", "x.y: `-1: read': no such user: `-1'\n" },
		{ "no-such-user-here: a b",
		    "x.y: `no-such-user-here: a b': no "
		    "such user: `no-such-user-here'\n"
		    "x.y: `no-such-user-here: a b': unknown word `a'\n"
		    "x.y: `no-such-user-here: a b': unknown word `b'\n" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *lines[] = { "self: read", rows[i].line };
		struct rights r = { .n = 7 };
		char faults[1024];

		is_int(parse(lines, 2, &r, faults), -1, rows[i].line);
		is_text(faults, rows[i].says, "says what is wrong");
		is_int(r.n, 7, "and nothing has changed");
	}
}

static void
test_long(void)
{
	char user[200], word[200];
	char *many[RIGHTS_LINES + 1];
	struct rights r;
	char faults[1024];

	memset(user, 'u', sizeof user);
	memcpy(user + 100, ": read", 7);
	is_int(parse((char *[]){ user }, 1, &r, faults), -1, "a long user");
	memset(word, 'w', sizeof word);
	memcpy(word, "self: ", 6);
	word[199] = 0;
	is_int(parse((char *[]){ word }, 1, &r, faults), -1, "a long word");
	for (size_t i = 0; i <= RIGHTS_LINES; i++)
		many[i] = "self: read";
	is_int(parse(many, RIGHTS_LINES, &r, faults), 0, "as many as may be");
	is_int(parse(many, RIGHTS_LINES + 1, &r, faults), -1, "one more");
}

int
main(void)
{
	test_users();
	test_names();
	test_faults();
	test_long();
	return tap_done();
}
