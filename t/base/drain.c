/* SPDX-License-Identifier: ISC
 *
 * base/drain: what the file may look like, whom it binds and until when. */
#include "base/drain.h"
#include "base/fd.h"
#include "t/tap.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD                                                                   \
	"reason = new kernel\n"                                                \
	"since = 2026-11-26T03:10:00Z\n"                                       \
	"boot = one\n"                                                         \
	"at = 5000\n"
#define REST                                                                   \
	"since = 2026-11-26T03:10:00Z\n"                                       \
	"boot = one\n"                                                         \
	"at = 5000\n"

static char dir[32], path[64];

static void
is_bad(const char *text, const char *word)
{
	struct drain d;
	const char *why = NULL;
	int r = drain_parse(slice_text(text), &d, &why);

	ok(r == -1 && why && strstr(why, word), "refused: %s (%s)", word,
	    why ? why : "-");
}

static void
forms(void)
{
	struct drain d;
	const char *why;

	is_int(drain_parse(slice_text(HEAD), &d, &why), 0, "the least");
	is_text(d.reason, "new kernel", "reason");
	is_text(d.since, "2026-11-26T03:10:00Z", "since");
	is_text(d.boot, "one", "boot");
	is_int(d.at, 5000, "at");
	ok(d.deadline == MSEC_NEVER && !d.hold, "no deadline, not held");
	is_int(drain_parse(slice_text("# by hand\n\nhold=yes\n"
				      "  deadline  =  86400000  \n; so\n" HEAD),
		   &d, &why),
	    0, "comments, blanks, any order");
	ok(d.hold && d.deadline == 86400000, "are all read");
	is_int(drain_parse(slice_text("reason = a = b\n" REST), &d, &why), 0,
	    "a second equals sign");
	is_text(d.reason, "a = b", "belongs to the value");

	is_bad("", "whole line");
	is_bad(HEAD "hold = yes", "whole line");
	is_bad(HEAD "hold\n", "KEY = VALUE");
	is_bad(HEAD "hold = maybe\n", "hold");
	is_bad(HEAD "hold = yes\nhold = yes\n", "twice");
	is_bad(HEAD "colour = red\n", "not known");
	is_bad(HEAD "deadline = 86400001\n", "deadline");
	is_bad(HEAD "deadline = -1\n", "deadline");
	is_bad(HEAD "deadline = 1s\n", "deadline");
	is_bad(HEAD "deadline =\n", "deadline");
	is_bad("reason = x\n", "missing");
	is_bad(REST, "missing");
	is_bad("reason =\n" REST, "reason");
	is_bad("reason = a\x1b[1m\n" REST, "reason");
	is_bad("reason = \xff\n" REST, "reason");
	is_bad("reason = x\nsince = today\nboot = a\nat = 1\n", "since");
	is_bad("reason = x\nsince = 2026-11-26T03:10:00Z\nboot = a b\nat = 1\n",
	    "boot");
	is_bad("reason = x\nsince = 2026-11-26T03:10:00Z\nboot = a\n"
	       "at = 99999999999999999999\n",
	    "at is not");
}

static void
lengths(void)
{
	struct buf text = { .max = 3 * DRAIN_FILE };
	char reason[DRAIN_REASON + 2];
	struct drain d;
	const char *why = "";

	memset(reason, 'r', sizeof reason);
	ok(drain_reason_ok(slice_of(reason, DRAIN_REASON)), "256 bytes");
	ok(!drain_reason_ok(slice_of(reason, DRAIN_REASON + 1)), "and no more");
	ok(!drain_reason_ok(slice_of(reason, 0)), "nor none");
	ok(!drain_reason_ok(slice_text(" x")) &&
		!drain_reason_ok(slice_text("x ")),
	    "nor one that would be trimmed");
	ok(drain_reason_ok(slice_text("Kernel für Köln")), "UTF-8");
	ok(!drain_reason_ok(slice_text("a\nb")) &&
		!drain_reason_ok(slice_text("a\xc2\x85"
					    "b")) &&
		!drain_reason_ok(slice_text("a\x7f")),
	    "no control characters");

	put_text(&text, HEAD "#");
	while (text.n < DRAIN_FILE - 1)
		put_u8(&text, '#');
	put_u8(&text, '\n');
	is_int(drain_parse(buf_slice(&text), &d, &why), 0, "4096 bytes");
	put_u8(&text, '\n');
	is_int(drain_parse(buf_slice(&text), &d, &why), -1, "and no more");
	buf_free(&text);
}

/* What is printed is what is read. */
static void
there_and_back(void)
{
	struct drain a = { .reason = "x",
		.at = 7,
		.deadline = 0,
		.hold = true },
		     b;
	struct buf text = { .max = DRAIN_FILE };
	const char *why = "";

	drain_stamp(a.since);
	drain_boot(a.boot);
	if (!a.boot[0])
		strcpy(a.boot, "none");
	drain_print(&a, &text);
	is_int(drain_parse(buf_slice(&text), &b, &why), 0, "what is printed");
	ok(strcmp(a.reason, b.reason) == 0 && strcmp(a.since, b.since) == 0 &&
		strcmp(a.boot, b.boot) == 0 && a.at == b.at &&
		b.deadline == 0 && b.hold,
	    "is read as it was");
	buf_free(&text);
}

static enum drain_news
hear(struct drainer *d, const char *text, bool certified, msec now)
{
	struct slice s = slice_text(text ? text : "");

	return drainer_heard(d, text ? &s : NULL, NULL, certified, now);
}

static struct drainer
started_at(msec started, const char *boot)
{
	struct drainer d;

	drainer_init(&d, "/nowhere", started);
	strcpy(d.boot, boot);
	return d;
}

static void
bonds(void)
{
	struct drainer d = started_at(4000, "one");

	is_int(hear(&d, NULL, false, 4000), DRAIN_SAME,
	    "without a file nobody is bound, certificate or not");
	is_int(hear(&d, HEAD "deadline = 100\n", true, 5001), DRAIN_BEGUN,
	    "asked for while it runs");
	is_int(d.bond, DRAIN_ASKED, "it is bound");
	is_int(d.due, 5100, "until so long after it was asked for");
	is_int(hear(&d, HEAD "deadline = 900\n", true, 5200), DRAIN_BEGUN,
	    "asked again in another way");
	is_int(d.due, 5900, "is the other deadline");
	is_int(hear(&d, HEAD, true, 5300), DRAIN_BEGUN, "or none");
	ok(d.due == MSEC_NEVER, "which is never");
	is_int(hear(&d, NULL, true, 5400), DRAIN_OVER, "the file is gone");
	ok(d.bond == DRAIN_FREE && d.due == MSEC_NEVER, "nobody is bound");
	is_text(d.over, "removed", "for that reason");
	is_int(hear(&d, NULL, true, 5500), DRAIN_SAME, "and that is all");

	d = started_at(5000, "one");
	is_int(hear(&d, HEAD, true, 5000), DRAIN_BEGUN,
	    "in the millisecond of the start it binds");
	d = started_at(5001, "one");
	is_int(hear(&d, HEAD, true, 5001), DRAIN_SAME, "a moment later not");
	is_int(d.bond, DRAIN_FREE, "who started afterwards is free");
	d = started_at(4000, "two");
	is_int(hear(&d, HEAD, true, 9000), DRAIN_SAME, "nor in another boot");
}

static void
unknown_boot(void)
{
	struct drainer d = started_at(4000, "");

	is_int(hear(&d, HEAD, true, 5001), DRAIN_BEGUN,
	    "who does not know its boot goes by the time");
	d = started_at(5001, "");
	is_int(hear(&d, HEAD, true, 5001), DRAIN_SAME, "before the start");
	d = started_at(4000, "");
	is_int(hear(&d, HEAD, true, 4100), DRAIN_SAME,
	    "and what lies in the future is of another boot");
}

static void
held(void)
{
	struct drainer d = started_at(9000, "two");

	is_int(hear(&d, HEAD "hold = yes\n", true, 9001), DRAIN_BEGUN,
	    "one that is held binds in another boot as well");
	is_int(d.bond, DRAIN_HELD, "as such");
	is_int(d.due, 9001, "with nothing to wait for");
	is_int(hear(&d, HEAD, true, 9100), DRAIN_OVER, "no longer held");
	is_text(d.over, "replaced", "it is over");
	d = started_at(4000, "one");
	hear(&d, HEAD "hold = yes\ndeadline = 50\n", true, 5000);
	is_int(d.due, 5050, "asked while it runs it has its deadline");
}

static void
malformed(void)
{
	struct drainer d = started_at(9000, "two");

	is_int(hear(&d, "gibberish\n", true, 9001), DRAIN_BEGUN,
	    "what cannot be understood binds");
	is_int(d.bond, DRAIN_MALFORMED, "as such");
	ok(d.due == MSEC_NEVER, "without a deadline");
	ok(strstr(d.drain.reason, "KEY = VALUE") != NULL, "and says why");
	is_int(hear(&d, NULL, true, 9002), DRAIN_OVER, "until it is removed");
	is_int(drainer_heard(&d, NULL, "it cannot be opened", true, 9003),
	    DRAIN_BEGUN, "nor what cannot be read");
}

static void
put_file(const char *text, mode_t mode)
{
	if (fd_replace_file(path, slice_text(text), mode) < 0) {
		printf("Bail out! %s\n", path);
		exit(1);
	}
}

static void
looks(void)
{
	struct drainer d;
	struct drain read;
	const char *why = NULL;

	drainer_init(&d, path, 4000);
	strcpy(d.boot, "one");
	is_int(drainer_look(&d, true, 4000), DRAIN_SAME, "no file");
	is_int(drain_read(path, &read, &why), 0, "there is none to read");
	put_file(HEAD, 0644);
	is_int(drainer_look(&d, true, 5100), DRAIN_BEGUN, "a file");
	is_int(drainer_look(&d, true, 5200), DRAIN_SAME, "is read once");
	is_int(drain_read(path, &read, &why), 1, "and can be read");
	put_file(HEAD "hold = yes\n", 0644);
	is_int(drainer_look(&d, true, 5300), DRAIN_BEGUN, "another");
	is_int(d.bond, DRAIN_HELD, "is read, too");
	unlink(path);
	is_int(drainer_look(&d, true, 5400), DRAIN_OVER, "gone");

	put_file(HEAD, 0644);
	drainer_init(&d, path, 6000);
	strcpy(d.boot, "one");
	is_int(drainer_look(&d, false, 6000), DRAIN_BEGUN,
	    "asked for before the start, and no certificate");
	is_int(d.bond, DRAIN_CERTIFICATE, "binds for that reason");
	is_int(drainer_look(&d, false, 6100), DRAIN_SAME, "as long as");
	is_int(drainer_look(&d, true, 6200), DRAIN_OVER, "there is none");
	is_text(d.over, "certificate", "which is why it is over");
	is_int(drainer_look(&d, false, 6300), DRAIN_SAME,
	    "and one that expires later does not bind again");
	unlink(path);
}

/* The directory cannot be searched for a while. */
static void
unseen(void)
{
	struct drainer d;
	char aside[48];

	snprintf(aside, sizeof aside, "%s.aside", dir);
	drainer_init(&d, path, 4000);
	strcpy(d.boot, "one");
	ok(rename(dir, aside) == 0 && symlink(dir, dir) == 0,
	    "a directory that leads nowhere");
	is_int(drainer_look(&d, true, 4000), DRAIN_SAME, "is no drain");
	unlink(dir);
	rename(aside, dir);
	put_file(HEAD, 0644);
	is_int(drainer_look(&d, true, 5100), DRAIN_BEGUN, "it is back");
	ok(rename(dir, aside) == 0 && symlink(dir, dir) == 0, "and gone");
	is_int(drainer_look(&d, true, 5200), DRAIN_SAME, "no end of a drain");
	is_int(d.bond, DRAIN_ASKED, "which binds still");
	unlink(dir);
	rename(aside, dir);
	is_int(drainer_look(&d, true, 5300), DRAIN_SAME, "nor a new one");
	unlink(path);
	is_int(drainer_look(&d, true, 5400), DRAIN_OVER, "until it is over");
}

static void
oddities(void)
{
	struct buf big = { .max = 2 * DRAIN_FILE };
	struct drainer d;
	struct drain read;
	const char *why = NULL;

	drainer_init(&d, path, 4000);
	mkdir(path, 0755);
	is_int(drainer_look(&d, true, 5000), DRAIN_BEGUN, "a directory");
	is_int(d.bond, DRAIN_MALFORMED, "binds as what is not understood");
	rmdir(path);
	is_int(mkfifo(path, 0644), 0, "a fifo");
	is_int(drainer_look(&d, true, 5100), DRAIN_BEGUN, "does as well");
	is_int(drain_read(path, &read, &why), -1, "without waiting for it");
	unlink(path);
	put_text(&big, HEAD);
	while (big.n <= DRAIN_FILE)
		put_u8(&big, '\n');
	if (fd_replace_file(path, buf_slice(&big), 0644) < 0)
		exit(1);
	is_int(drainer_look(&d, true, 5200), DRAIN_BEGUN, "4097 bytes");
	is_int(d.bond, DRAIN_MALFORMED, "too");
	unlink(path);
	buf_free(&big);
	is_int(drainer_look(&d, true, 5300), DRAIN_OVER, "all gone");
	is_text(drain_bond_word(DRAIN_CERTIFICATE), "certificate", "words");
}

int
main(void)
{
	snprintf(dir, sizeof dir, "/tmp/kn-drain-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 111;
	snprintf(path, sizeof path, "%s/drain", dir);
	forms();
	lengths();
	there_and_back();
	bonds();
	unknown_boot();
	held();
	malformed();
	looks();
	unseen();
	oddities();
	rmdir(dir);
	return tap_done();
}
