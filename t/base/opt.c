/* SPDX-License-Identifier: ISC */
#include "base/opt.h"
#include "t/tap.h"

#include <errno.h>
#include <stdlib.h>

enum { WORDS = 12 };

static struct {
	bool quiet;
	const char *file;
	uint64_t count, wait;
	struct opt_list peers;
} got;

static const struct opt opts[] = {
	{ 'q', "quiet", OPT_FLAG, &got.quiet, NULL, "say nothing", 0 },
	{ 'f', "file", OPT_STR, &got.file, "FILE", "read this", 0 },
	{ 'n', "count", OPT_UINT, &got.count, "N", "so often", 10 },
	{ 'w', "wait", OPT_TIME, &got.wait, "TIME", "so long", 60000 },
	{ 'p', "peer", OPT_LIST, &got.peers, "PEER", "one of them", 0 },
};

static const struct opt_page page = { "kn-x", "PEER [ADDR]", "try things",
	"Exit: 0 yes.\n", opts, sizeof opts / sizeof opts[0] };

static struct buf text = { .max = 4096 };

static const char *
said(void)
{
	static char copy[4097];

	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	buf_drop(&text, text.n);
	return copy;
}

/* Parse a command line given as words with single blanks. */
static enum opt_end
parse(const char *line, int *first)
{
	static char copy[256];
	char *argv[WORDS + 1] = { "kn-x" }, *at = copy, *word;
	int argc = 1;

	free(got.peers.at);
	memset(&got, 0, sizeof got);
	snprintf(copy, sizeof copy, "%s", line);
	while (*line && argc < WORDS && (word = strsep(&at, " ")) != NULL)
		argv[argc++] = word;
	return opt_parse(&page, argc, argv, first, &text);
}

static void
test_values(void)
{
	int first;

	is_int(
	    parse("-q -f a -n 7 -w 3 -p x -p y z", &first), OPT_GO, "letters");
	ok(got.quiet && got.count == 7 && got.wait == 3000, "their values");
	is_text(got.file, "a", "a word");
	is_int(got.peers.n, 2, "a list has both");
	is_text(got.peers.at[0], "x", "the first");
	is_text(got.peers.at[1], "y", "the second");
	is_int(first, 12, "the operand");
	is_int(parse("--quiet --file=a --count 10 --wait=250ms", &first),
	    OPT_GO, "long names");
	ok(got.quiet && got.count == 10 && got.wait == 250, "their values");
	is_int(parse("-qn3", &first), OPT_GO, "letters together");
	ok(got.quiet && got.count == 3, "their values");
}

static void
test_operands(void)
{
	int first;

	is_int(parse("", &first), OPT_GO, "nothing at all");
	is_int(first, 1, "has no operand");
	is_int(parse("ping -q", &first), OPT_GO, "an operand before an option");
	ok(!got.quiet && first == 1, "ends the options");
	is_int(parse("-q -- -n", &first), OPT_GO, "-- ends them, too");
	ok(got.quiet && first == 3, "and is not an operand");
	is_int(parse("-", &first), OPT_GO, "- is an operand");
	is_int(first, 1, "and stays");
}

static void
test_mistakes(void)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{ "-x", "-x is not an option; kn-x -h shows what is" },
		{ "--xyz", "--xyz is not an option, or fits several; "
			   "kn-x -h shows what is" },
		{ "-n", "-n/--count wants N; kn-x -h shows what is" },
		{ "--count", "-n/--count wants N; kn-x -h shows what is" },
		{ "--quiet=3", "--quiet=3: takes no argument; "
			       "kn-x -h shows what is" },
		{ "--help=3", "--help=3: takes no argument; "
			      "kn-x -h shows what is" },
		{ "-n x", "-n/--count: \"x\" is not a number; "
			  "give a whole number, at most 10" },
		{ "-n 11", "-n/--count: \"11\" is too large; "
			   "give a whole number, at most 10" },
		{ "-n -1", "-n/--count: \"-1\" is not a number; "
			   "give a whole number, at most 10" },
		{ "-w 2m", "-w/--wait: \"2m\" is too large; give a count with "
			   "ms, s, m or h, at most 60000ms" },
		{ "-w soon", "-w/--wait: \"soon\" is not a time; give a count "
			     "with ms, s, m or h, at most 60000ms" },
	};
	int first;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		is_int(parse(rows[i].line, &first), OPT_WRONG, rows[i].line);
		is_text(said(), rows[i].says, "says what to do");
	}
	is_int(parse("-x", &first), OPT_WRONG, "a mistake");
	said();
	is_int(parse("-q a", &first), OPT_GO, "leaves nothing behind");
	is_int(first, 2, "in getopt");
}

static void
test_shown(void)
{
	static const char usage[] =
	    "usage: kn-x [options] PEER [ADDR]\n\n"
	    "try things\n\n"
	    "options:\n"
	    "  -q, --quiet      say nothing\n"
	    "  -f, --file FILE  read this\n"
	    "  -n, --count N    so often\n"
	    "  -w, --wait TIME  so long\n"
	    "  -p, --peer PEER  one of them\n"
	    "  -h, --help       show this page and exit\n"
	    "  -V, --version    show the version and exit\n"
	    "\n"
	    "Exit: 0 yes.\n";
	static const struct opt_page bare = { "kn-y", "", "be", NULL, NULL, 0 };
	int first;

	is_int(parse("-h -x", &first), OPT_SHOWN, "-h");
	is_text(said(), usage, "shows usage");
	is_int(parse("-q --help", &first), OPT_SHOWN, "--help");
	is_text(said(), usage, "shows the same");
	is_int(parse("-V", &first), OPT_SHOWN, "-V");
	is_text(said(), "kn-x " KN_VERSION "\n", "shows the version");
	is_int(parse("--version", &first), OPT_SHOWN, "--version");
	is_text(said(), "kn-x " KN_VERSION "\n", "shows it, too");
	opt_usage(&bare, &text);
	is_text(said(),
	    "usage: kn-y [options]\n\nbe\n\noptions:\n"
	    "  -h, --help     show this page and exit\n"
	    "  -V, --version  show the version and exit\n",
	    "usage without options of its own");
}

static void
test_forms(void)
{
	static const struct {
		int (*fn)(const char *, uint64_t, uint64_t *);
		const char *in;
		uint64_t most;
		int why; /* 0: out is the value */
		uint64_t out;
	} rows[] = {
		{ opt_uint, "0", 0, 0, 0 },
		{ opt_uint, "007", 0, 0, 7 },
		{ opt_uint, "18446744073709551615", 0, 0, UINT64_MAX },
		{ opt_uint, "18446744073709551616", 0, ERANGE, 0 },
		{ opt_uint, "99999999999999999999x", 0, EINVAL, 0 },
		{ opt_uint, "5", 5, 0, 5 },
		{ opt_uint, "6", 5, ERANGE, 0 },
		{ opt_uint, "", 0, EINVAL, 0 },
		{ opt_uint, " 1", 0, EINVAL, 0 },
		{ opt_uint, "+1", 0, EINVAL, 0 },
		{ opt_uint, "0x1", 0, EINVAL, 0 },
		{ opt_time, "0", 0, 0, 0 },
		{ opt_time, "250ms", 0, 0, 250 },
		{ opt_time, "30", 0, 0, 30000 },
		{ opt_time, "30s", 0, 0, 30000 },
		{ opt_time, "5m", 0, 0, 300000 },
		{ opt_time, "2h", 0, 0, 7200000 },
		{ opt_time, "2h", 7199999, ERANGE, 0 },
		{ opt_time, "2d", 0, EINVAL, 0 },
		{ opt_time, "h", 0, EINVAL, 0 },
		{ opt_time, "1h30m", 0, EINVAL, 0 },
		{ opt_time, "18446744073709552", 0, ERANGE, 0 },
		{ opt_bytes, "10", 0, 0, 10 },
		{ opt_bytes, "2K", 0, 0, 2048 },
		{ opt_bytes, "2KB", 0, 0, 2000 },
		{ opt_bytes, "3M", 0, 0, 3 << 20 },
		{ opt_bytes, "3MB", 0, 0, 3000000 },
		{ opt_bytes, "1G", 0, 0, 1 << 30 },
		{ opt_bytes, "1GB", 0, 0, 1000000000 },
		{ opt_bytes, "1k", 0, EINVAL, 0 },
		{ opt_bytes, "18014398509481984K", 0, ERANGE, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t v = 0;
		int r = rows[i].fn(rows[i].in, rows[i].most, &v);

		ok(r == (rows[i].why ? -1 : 0) &&
			(r == 0 || errno == rows[i].why) && v == rows[i].out,
		    "\"%s\"", rows[i].in);
	}
}

int
main(void)
{
	test_values();
	test_operands();
	test_mistakes();
	test_shown();
	test_forms();
	free(got.peers.at);
	buf_free(&text);
	return tap_done();
}
