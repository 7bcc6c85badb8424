/* SPDX-License-Identifier: ISC */
#include "t/net/nameserver.h"
#include "t/tap.h"

#include <stdio.h>

enum { GUARD = 60000 };

/* What an answer was, kept as text. */
struct heard {
	struct loop *loop;
	unsigned times;
	size_t n;
	char first[400], last[400];
};

static void
keep(char text[400], struct slice value)
{
	if (value.n == 4)
		inet_ntop(AF_INET, value.p, text, 400);
	else if (value.n == 16)
		inet_ntop(AF_INET6, value.p, text, 400);
	else
		snprintf(text, 400, "%.*s", (int)value.n,
		    (const char *)value.p);
}

static void
got(void *arg, const struct slice *values, size_t n)
{
	struct heard *h = arg;

	h->times++;
	h->n = n;
	if (n > 0) {
		keep(h->first, values[0]);
		keep(h->last, values[n - 1]);
	}
	loop_stop(h->loop, 0);
}

static void
too_late(void *arg)
{
	loop_stop(arg, 1);
}

static void
turn(struct loop *loop, msec at_most)
{
	struct timer *t = timer_new(loop, too_late, loop);

	timer_at(t, msec_now() + at_most);
	loop_run(loop);
	timer_free(t);
}

static struct heard
look_up(struct loop *loop, enum resolve_kind kind, const char *name)
{
	struct heard h = { .loop = loop };

	resolve_start(loop, kind, slice_text(name), got, &h);
	if (h.times > 0)
		h.times += 100; /* too early */
	turn(loop, GUARD);
	return h;
}

static void
test_addresses(struct nameserver *ns)
{
	struct heard h;

	ns_add(ns, "both.test", NS_A, "192.0.2.7");
	ns_add(ns, "both.test", NS_A, "192.0.2.8");
	ns_add(ns, "both.test", NS_AAAA, "2001:db8::9");
	h = look_up(ns->loop, RESOLVE_IP4, "both.test");
	is_int(h.times, 1, "A: one answer, later");
	is_int(h.n, 2, "two values");
	is_text(h.last, "192.0.2.8", "the second is right");
	h = look_up(ns->loop, RESOLVE_IP6, "both.test");
	is_int(h.n, 1, "AAAA: one");
	is_text(h.first, "2001:db8::9", "and right");
	h = look_up(ns->loop, RESOLVE_IP4, "none.test");
	is_int(h.times, 1, "no such name: an answer");
	is_int(h.n, 0, "without values");
	h = look_up(ns->loop, RESOLVE_IP4, "127.0.0.9");
	is_int(h.times, 1, "a number that evdns knows at once comes later too");
	is_text(h.first, "127.0.0.9", "and is itself");
}

static void
test_texts(struct nameserver *ns)
{
	static char longish[301];
	struct heard h;

	memset(longish, 'x', sizeof longish - 1);
	longish[255] = 'y';
	ns_add(ns, "text.test", NS_TXT, "one");
	ns_add(ns, "text.test", NS_TXT, longish);
	ns_add(ns, "empty.test", NS_TXT, "");
	h = look_up(ns->loop, RESOLVE_TXT, "text.test");
	is_int(h.times, 1, "TXT: one answer, later");
	is_int(h.n, 2, "two records");
	is_text(h.first, "one", "the first");
	is_text(h.last, longish, "strings of one record are joined");
	h = look_up(ns->loop, RESOLVE_TXT, "TEXT.test.");
	is_int(h.n, 2, "capitals and the root's dot change nothing");
	h = look_up(ns->loop, RESOLVE_TXT, "empty.test");
	is_int(h.n, 1, "an empty text is one");
	h = look_up(ns->loop, RESOLVE_TXT, "none.test");
	is_int(h.times, 1, "no such name: an answer");
	is_int(h.n, 0, "without values");
}

static void
test_many(struct nameserver *ns)
{
	static char texts[200][80];
	unsigned before = ns->by_tcp;
	struct heard h;

	for (int i = 0; i < 200; i++) {
		snprintf(texts[i], sizeof texts[i], "%d of many texts, long "
		    "enough together not to fit into a datagram", i);
		ns_add(ns, "many.test", NS_TXT, texts[i]);
	}
	h = look_up(ns->loop, RESOLVE_TXT, "many.test");
	is_int(h.times, 1, "200 records: one answer");
	is_int(ns->by_tcp - before, 1, "by TCP");
	is_int(h.n, RESOLVE_MOST, "of so many values");
	is_text(h.last, texts[RESOLVE_MOST - 1], "in order");
}

static void
test_failures(struct nameserver *ns)
{
	unsigned before = ns->by_udp;
	struct heard h;
	char name[300];

	ns->code = 2;
	h = look_up(ns->loop, RESOLVE_TXT, "text.test");
	is_int(h.times, 1, "a server that fails: an answer");
	is_int(h.n, 0, "without values");
	is_int(ns->by_udp - before, RESOLVE_TRIES, "after so many tries");
	ns->code = 0;
	before = ns->by_udp;
	memset(name, 'x', sizeof name);
	name[260] = 0;
	h = look_up(ns->loop, RESOLVE_TXT, name);
	is_int(h.times + h.n, 1, "a name that is too long does not resolve");
	name[70] = 0;
	h = look_up(ns->loop, RESOLVE_TXT, name);
	is_int(h.times + h.n, 1, "nor does a label that is");
	h = look_up(ns->loop, RESOLVE_TXT, "a..test");
	is_int(h.times + h.n, 1, "nor an empty label");
	h = look_up(ns->loop, RESOLVE_IP4, "");
	is_int(h.times + h.n, 1, "nor an empty name");
	is_int(ns->by_udp - before, 0, "and nobody was asked");
}

static void
on_question(void *arg, msec now)
{
	struct nameserver *ns = arg;

	(void)now;
	if (ns->by_udp > 0)
		loop_stop(ns->loop, 0);
}

/* Ended at once, and when the question is on its way. */
static void
test_end(struct nameserver *ns)
{
	struct loop *loop = ns->loop;
	struct heard h = { .loop = loop };
	struct resolve *r;

	ns->mute = true;
	for (int kind = RESOLVE_IP4; kind <= RESOLVE_TXT; kind++) {
		r = resolve_start(loop, (enum resolve_kind)kind,
		    slice_text("both.test"), got, &h);
		resolve_end(r);
		r = resolve_start(loop, (enum resolve_kind)kind,
		    slice_text("both.test"), got, &h);
		ns->by_udp = 0;
		loop_each_turn(loop, on_question, ns);
		turn(loop, GUARD);
		loop_each_turn(loop, NULL, NULL);
		resolve_end(r);
	}
	resolve_end(resolve_start(loop, RESOLVE_IP4, slice_text("127.0.0.1"),
	    got, &h));
	resolve_end(NULL);
	ns->mute = false;
	/* an answer to another question: what was ended had its chance */
	look_up(loop, RESOLVE_TXT, "text.test");
	look_up(loop, RESOLVE_IP4, "both.test");
	is_int(h.times, 0, "nothing is heard of requests that were ended");
}

int
main(void)
{
	struct loop *loop = loop_new();
	struct nameserver ns;

	if (!ok(ns_open(&ns, loop), "a name server"))
		return tap_done();
	test_addresses(&ns);
	test_texts(&ns);
	test_many(&ns);
	test_failures(&ns);
	test_end(&ns);
	ns_close(&ns);
	loop_free(loop);
	return tap_done();
}
