/* SPDX-License-Identifier: ISC */
#include "wire/dnstxt.h"
#include "t/tap.h"
#include "wire/mbase.h"

enum { ID = 0x1234, MOST = 4 };

#define QUESTION "0161" "02" "6262" "00" "0010" "0001" /* a.bb TXT IN */
#define HEAD(flags, answers) "1234" flags "0001" answers "0000" "0000" QUESTION
#define OWNER "c00c"
#define TXT OWNER "0010" "0001" "0000003c"
#define CNAME OWNER "0005" "0001" "0000003c" "0002" "c00c"

/* Answers to the question for a.bb with ID 0x1234. */
static const struct vector {
	const char *what, *hex;
	enum dnstxt_end end;
	size_t n;
	const char *first;
} vectors[] = {
	{ "one record", HEAD("8180", "0001") TXT "0003" "02" "6869",
	    DNSTXT_SOME, 1, "hi" },
	{ "strings of a record are one text", HEAD("8180", "0001") TXT "0007"
	    "02" "6869" "00" "02" "796f", DNSTXT_SOME, 1, "hiyo" },
	{ "what is beyond the answers is nothing to us",
	    HEAD("8180", "0001") TXT "0002" "01" "68" "ffffffff",
	    DNSTXT_SOME, 1, "h" },
	{ "an alias is passed over", HEAD("8180", "0002") CNAME
	    TXT "0003" "02" "6869", DNSTXT_SOME, 1, "hi" },
	{ "an alias only", HEAD("8180", "0001") CNAME, DNSTXT_NONE, 0, NULL },
	{ "an owner spelled out", HEAD("8180", "0001") "0161" "026262" "00"
	    "0010" "0001" "0000003c" "0002" "0168", DNSTXT_SOME, 1, "h" },
	{ "another class", HEAD("8180", "0001") OWNER "0010" "0003"
	    "0000003c" "0002" "0168", DNSTXT_NONE, 0, NULL },
	{ "no more than asked", HEAD("8180", "0005") TXT "0002" "0161"
	    TXT "0002" "0162" TXT "0002" "0163" TXT "0002" "0164"
	    TXT "0002" "0165", DNSTXT_SOME, MOST, "a" },
	{ "a name of other case", "1234" "8180" "0001" "0001" "00000000"
	    "0141" "026242" "00" "00100001" TXT "0002" "0168",
	    DNSTXT_SOME, 1, "h" },
	{ "no answers", HEAD("8180", "0000"), DNSTXT_NONE, 0, NULL },
	{ "no such name", HEAD("8183", "0000"), DNSTXT_NONE, 0, NULL },
	{ "a server that failed", HEAD("8182", "0000"), DNSTXT_FAILED, 0,
	    NULL },
	{ "a server that refuses", HEAD("8185", "0000"), DNSTXT_FAILED, 0,
	    NULL },
	{ "cut off", HEAD("8380", "0001"), DNSTXT_CUT, 0, NULL },
	{ "more answers promised than there are", HEAD("8180", "0002")
	    TXT "0002" "0168", DNSTXT_FAILED, 1, "h" },
	{ "a record beyond the end", HEAD("8180", "0001") TXT "0004" "0168",
	    DNSTXT_FAILED, 0, NULL },
	{ "a string beyond its record", HEAD("8180", "0001") TXT "0002"
	    "0268" "00", DNSTXT_FAILED, 0, NULL },
	{ "a label of a kind that is not", HEAD("8180", "0001") "8001"
	    "0010" "0001" "0000003c" "0002" "0168", DNSTXT_FAILED, 0, NULL },
	{ "another id", "1235" "8180" "0001" "0000" "00000000" QUESTION,
	    DNSTXT_OTHER, 0, NULL },
	{ "a question", HEAD("0180", "0000"), DNSTXT_OTHER, 0, NULL },
	{ "another operation", HEAD("a980", "0000"), DNSTXT_OTHER, 0, NULL },
	{ "another name", "1234" "8180" "0001" "0000" "00000000"
	    "0161" "026263" "00" "00100001", DNSTXT_OTHER, 0, NULL },
	{ "a shorter name", "1234" "8180" "0001" "0000" "00000000"
	    "0161" "00" "00100001", DNSTXT_OTHER, 0, NULL },
	{ "a longer name", "1234" "8180" "0001" "0000" "00000000"
	    "0161" "026262" "0163" "00" "00100001", DNSTXT_OTHER, 0, NULL },
	{ "a longer label, of zeros", "1234" "8180" "0001" "0000" "00000000"
	    "0161" "0462620000" "00" "00100001", DNSTXT_OTHER, 0, NULL },
	{ "another type", "1234" "8180" "0001" "0000" "00000000"
	    "0161" "026262" "00" "00010001", DNSTXT_OTHER, 0, NULL },
	{ "two questions", "1234" "8180" "0002" "0000" "00000000" QUESTION,
	    DNSTXT_OTHER, 0, NULL },
	{ "nothing", "", DNSTXT_OTHER, 0, NULL },
	{ "half a header", "12348180", DNSTXT_OTHER, 0, NULL },
};

static void
test_read(void)
{
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		const struct vector *v = &vectors[i];
		struct buf message = { .max = 512 };
		struct slice records[MOST];
		enum dnstxt_end end;
		size_t n;

		mbase_decode(MBASE_16, slice_text(v->hex), &message);
		end = dnstxt_read(message.p, message.n, "a.bb", ID, records,
		    MOST, &n);
		ok(end == v->end && n == v->n &&
		    (n == 0 || slice_is(records[0], v->first)), "%s", v->what);
		buf_free(&message);
	}
}

/* No beginning of a good answer is one. */
static void
test_cut(void)
{
	struct buf message = { .max = 512 };
	struct slice records[MOST];
	unsigned good = 0;
	size_t n;

	mbase_decode(MBASE_16, slice_text(vectors[0].hex), &message);
	for (size_t i = 0; i < message.n; i++) {
		struct buf part = { .max = 512 };

		put_bytes(&part, message.p, i);
		good += dnstxt_read(part.p, part.n, "a.bb", ID, records, MOST,
		    &n) == DNSTXT_SOME;
		buf_free(&part);
	}
	is_int(good, 0, "cut anywhere it is no answer");
	buf_free(&message);
}

static void
test_ask(void)
{
	struct buf out = { .max = DNSTXT_QUERY }, want = { .max = 64 };
	char name[300];

	is_int(dnstxt_ask("a.bb", ID, &out), 0, "a question");
	mbase_decode(MBASE_16, slice_text("1234" "0100" "0001" "0000" "0000"
	    "0001" QUESTION "00" "0029" "04d0" "00000000" "0000"), &want);
	is_bytes(out.p, out.n, want.p, want.n, "with what we take");
	buf_free(&out);
	is_int(dnstxt_ask("a.bb.", ID, &out), 0, "with a dot at the end");
	is_bytes(out.p, out.n, want.p, want.n, "is the same");
	buf_free(&out);
	buf_free(&want);
	is_int(dnstxt_ask("", ID, &out), -1, "no name");
	buf_free(&out);
	is_int(dnstxt_ask(".", ID, &out), -1, "the root");
	buf_free(&out);
	is_int(dnstxt_ask("a..b", ID, &out), -1, "an empty label");
	buf_free(&out);
	memset(name, 'x', sizeof name);
	name[63] = 0;
	is_int(dnstxt_ask(name, ID, &out), 0, "a label of 63");
	buf_free(&out);
	name[63] = 'x';
	name[64] = 0;
	is_int(dnstxt_ask(name, ID, &out), -1, "of 64");
	buf_free(&out);
	for (size_t i = 0; i < sizeof name; i++)
		name[i] = i % 50 == 49 ? '.' : 'x';
	name[253] = 0;
	is_int(dnstxt_ask(name, ID, &out), 0, "a name of 253");
	ok(out.n <= DNSTXT_QUERY, "fits");
	buf_free(&out);
	name[253] = 'x';
	name[254] = 0;
	is_int(dnstxt_ask(name, ID, &out), -1, "of 254");
	buf_free(&out);
}

int
main(void)
{
	test_read();
	test_cut();
	test_ask();
	return tap_done();
}
