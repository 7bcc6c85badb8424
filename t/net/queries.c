/* SPDX-License-Identifier: ISC
 *
 * Questions to real peers through a real board; how they answer is in
 * asking.h. */
#include "t/net/asking.h"

#include <netinet/in.h>

#define P (&peers[0])
#define ANYHOW ((struct queries_conf){ 0 })

static void
test_reuse(void)
{
	me_start(ANYHOW);
	serve(P, ANSWERS);
	ask_peer(1, P, "one");
	says("1=re:one ", "a question is answered");
	ask_peer(2, P, "");
	says("2=re: ", "another, of no bytes");
	is_int(P->starts, 1, "on the same stream");
	ask_peer(3, P, "x");
	ask_peer(4, P, "y");
	comes(sayings() == 2, "two at once");
	ok(strstr(said, "3=re:x ") && strstr(said, "4=re:y "), "are answered");
	is_int(P->starts, 2, "on two streams");
	memset(said, 0, sizeof said);
	ask_peer(5, P, "z");
	says("5=re:z ", "one more");
	is_int(P->starts, 2, "on one of them");
	is_int(P->fins + P->overs, 0, "which stay open");
	me_stop();
}

static void
test_idle(void)
{
	me_start((struct queries_conf){ .idle = BRIEF });
	serve(P, ANSWERS);
	ask_peer(1, P, "one");
	says("1=re:one ", "a question");
	comes(P->overs == 1, "a stream that is not used is closed in time");
	is_int(P->over, REASON_NONE, "in order");
	P->stays = true;
	ask_peer(2, P, "two");
	says("2=re:two ", "another question");
	is_int(P->starts, 2, "has another stream");
	comes(P->fins == 2, "which is closed");
	is_int(P->overs, 1, "but by us alone");
	comes(P->overs == 2, "a peer that does not close its half");
	is_int(P->over, REASON_RESET, "is reset in time");
	me_stop();
	me_start((struct queries_conf){ .idle = 3600000 });
	serve(P, ANSWERS);
	ask_peer(1, P, "one");
	says("1=re:one ", "a stream that is kept for long");
	queries_keep(queries, BRIEF);
	comes(P->overs == 1, "is closed when it is to be kept no longer");
	me_stop();
}

/* The peer ends the stream when we have just written. */
static void
race(unsigned id, bool in_order)
{
	struct stream *s = P->sessions->stream;

	if (in_order)
		stream_fin(s);
	else
		stream_reset(s, REASON_RESET);
	ask_peer(id, P, "again");
}

static void
test_retry(void)
{
	me_start(ANYHOW);
	serve(P, ANSWERS);
	ask_peer(1, P, "one");
	says("1=re:one ", "a question");
	race(2, false);
	says("2=re:again ", "the peer has just reset the stream: asked anew");
	is_int(P->starts, 2, "on a new stream");
	race(3, true);
	says("3=re:again ", "just closed it");
	ok(P->starts == 3 || P->questions == 4, "asked anew, or in time");

	serve(P, ANSWERS);
	ask_peer(1, P, "x");
	ask_peer(2, P, "y");
	comes(sayings() == 2, "two streams");
	memset(said, 0, sizeof said);
	P->starts = 0;
	race(3, false);
	says("3=re:again ", "one of them just reset");
	is_int(P->starts, 1, "the other is not tried, it may be as old");
	me_stop();

	me_start(ANYHOW);
	serve(P, ANSWERS);
	ask_peer(4, P, "four");
	says("4=re:four ", "a stream that was used");
	P->starts = P->questions = 0;
	P->manner = CLOSES;
	ask_peer(5, P, "five");
	says("5:closed ", "closed without an answer");
	is_int(P->questions, 2, "asked twice");
	is_int(P->starts, 1, "the second time on a new stream");
	P->questions = 0;
	ask_peer(6, P, "six");
	says("6:closed ", "closed without an answer on a new stream");
	is_int(P->questions, 1, "asked once");
	P->manner = RESETS;
	P->questions = 0;
	ask_peer(7, P, "seven");
	says("7:reset ", "reset");
	is_int(P->questions, 1, "asked once");
	me_stop();
}

static void
test_no_retry(void)
{
	struct slice addr = maddr_bytes(&P->host.addr);

	me_start((struct queries_conf){ .streams = 1 });
	serve(P, ONCE);
	ask_peer(1, P, "one");
	ask_peer(2, P, "two");
	ask_peer(3, P, "three");
	says("1=re:one 2=re:two 3=re:three ",
	    "peers that answer one question a stream are no trouble");
	is_int(P->starts, 3, "but need as many streams");

	serve(P, ANSWERS);
	ask_peer(4, P, "four");
	says("4=re:four ", "a stream that was used");
	P->manner = PARTLY;
	P->questions = 0;
	ask_peer(5, P, "five");
	says("5:reset ", "reset within the answer");
	is_int(P->questions, 1, "is not asked again");

	serve(P, ANSWERS);
	ask_peer(6, P, "six");
	says("6=re:six ", "a stream that was used");
	P->manner = SILENT;
	ask_at(7, P, &addr, 1, "seven", SOON);
	says("7:timeout ", "a silent one");
	is_int(P->questions, 2, "is not asked again");
	comes(P->overs == 1 && P->over == REASON_RESET, "its stream is reset");

	serve(P, TWICE);
	ask_peer(8, P, "eight");
	says("8=re:eight ", "answered twice: the first counts");
	comes(P->overs == 1 && P->over == REASON_RESET,
	    "and the stream is reset");
	P->manner = LENGTHY;
	ask_peer(9, P, "nine");
	says("9:protocol-error ", "an answer that is too long");
	comes(P->overs == 2 && P->over == REASON_RESET, "is a reset, too");
	me_stop();
}

static void
test_per_peer(void)
{
	me_start((struct queries_conf){ .per_peer = 2 });
	serve(P, SILENT);
	serve(&peers[1], ANSWERS);
	for (unsigned i = 0; i < 4; i++) {
		static const char *const names[] = { "a", "b", "c", "d" };

		ask_peer(i, P, names[i]);
	}
	ask_peer(9, &peers[1], "other");
	comes(P->questions == 2, "two at once with one peer");
	says("9=re:other ", "others are asked meanwhile");
	is_int(P->starts, 2, "on two streams");
	answer(P, "b", ANSWERS);
	says("1=re:b ", "one is answered");
	comes(P->questions == 3, "the third follows");
	answer(P, "c", PARTLY);
	says("2:reset ", "and is reset");
	comes(P->questions == 4, "the fourth");
	is_int(P->starts, 3, "on a new one");
	answer(P, "d", ANSWERS);
	answer(P, "a", ANSWERS);
	comes(sayings() == 2, "all are answered");
	memset(said, 0, sizeof said);
	me_stop();
}

static void
test_streams(void)
{
	struct server *v = peers;

	me_start((struct queries_conf){ .streams = 2 });
	for (int i = 0; i < 3; i++)
		serve(&v[i], ANSWERS);
	ask_peer(1, &v[0], "a");
	says("1=re:a ", "one");
	turns(2);
	ask_peer(2, &v[1], "b");
	says("2=re:b ", "two");
	turns(2);
	ask_peer(3, &v[0], "c");
	says("3=re:c ", "the first again");
	turns(2);
	ask_peer(4, &v[2], "d");
	says("4=re:d ", "no room: one is closed");
	comes(v[1].overs == 1 && v[1].over == REASON_NONE,
	    "the one that was not used for longest, in order");
	is_int(v[0].overs, 0, "not the other");
	ask_peer(5, &v[0], "e");
	says("5=re:e ", "which is still of use");
	is_int(v[0].starts, 1, "for its peer");

	v[0].manner = v[2].manner = SILENT;
	ask_peer(6, &v[0], "f");
	ask_peer(7, &v[2], "g");
	ask_peer(8, &v[1], "h");
	ask_peer(9, &v[1], "i");
	comes(v[0].questions == 4 && v[2].questions == 2, "both are busy");
	turns(20);
	is_text(said, "", "the others wait");
	answer(&v[2], "g", ANSWERS);
	says("7=re:g 8=re:h 9=re:i ", "for an answer, and take its stream");
	is_int(v[2].overs, 1, "of another peer");
	answer(&v[0], "f", ANSWERS);
	says("6=re:f ", "the last");
	me_stop();
}

static unsigned asked_inside;

static void
ask_more(uint64_t id)
{
	(void)id;
	if (asked_inside++ == 0)
		ask_peer(4, P, "d");
}

static void
test_waiting(void)
{
	me_start((struct queries_conf){ .streams = 1, .waiting = 2 });
	serve(P, SILENT);
	asked_inside = 0;
	on_replied = ask_more;
	ask_peer(1, P, "a");
	ask_peer(2, P, "b");
	ask_peer(3, P, "c");
	ask_peer(9, P, "x");
	is_text(said, "", "one too many waits");
	says("9:streams-full ", "and is refused, by the loop");
	comes(P->questions == 1, "one is asked");
	P->manner = ANSWERS;
	answer(P, "a", ANSWERS);
	says("1=re:a 2=re:b 3=re:c 4=re:d ",
	    "in order, also what is asked from within an answer");
	is_int(P->starts, 1, "all on one stream");
	me_stop();
}

/* Where a TCP connection comes about and nothing is said. */
static int
black_hole(struct maddr *at)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t n = sizeof sin;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[64];

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&sin, n) < 0 || listen(fd, 5) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &n) < 0)
		abort();
	snprintf(text, sizeof text, "/ip4/127.0.0.1/tcp/%u",
	    ntohs(sin.sin_port));
	if (maddr_of_text(slice_text(text), at) < 0)
		abort();
	return fd;
}

/* A peer that nobody knows. */
static struct server stranger;

static void
test_deadline(void)
{
	msec began = msec_now();
	struct maddr at;
	struct slice addr;
	int fd = black_hole(&at);

	me_start((struct queries_conf){ .streams = 1 });
	serve(P, SILENT);
	ask_brief(1, P, "a");
	ask_brief(2, P, "b");
	comes(sayings() == 2, "no answer in time, or no stream");
	ok(strstr(said, "1:timeout ") && strstr(said, "2:timeout "), "both");
	memset(said, 0, sizeof said);
	ok(msec_now() - began >= SOON, "not before");
	comes(P->overs == 1 && P->over == REASON_RESET, "the stream is reset");
	is_int(P->questions, 1, "and the second was not asked");
	P->manner = ANSWERS;
	ask_peer(3, P, "c");
	says("3=re:c ", "the place is free again");

	addr = maddr_bytes(&at);
	began = msec_now();
	ask_at(4, &stranger, &addr, 1, "x", BRIEF);
	says("4:timeout ", "dialling takes too long");
	ok(msec_now() - began < ASK_TIME, "which counts, too");
	close(fd);
	ask_at(5, &stranger, &addr, 1, "x", ASK_TIME);
	comes(strlen(said) > 0, "nobody is there");
	is_text(said, "5:refused ", "as kn-p2pd says");
	memset(said, 0, sizeof said);
	ask_at(6, &stranger, &addr, 1, "x", 0);
	says("6:timeout ", "no time at all");
	me_stop();
}

static void
test_cancel(void)
{
	me_start((struct queries_conf){ .streams = 1, .waiting = 1 });
	serve(P, SILENT);
	ask_peer(1, P, "a");
	ask_peer(2, P, "b");
	ask_peer(3, P, "c");
	cancel(3);
	turns(20);
	is_text(said, "", "cancelled before it is told that it failed");
	comes(P->questions == 1, "one is asked");
	cancel(2);
	cancel(2);
	cancel(77);
	ask_peer(4, P, "d");
	P->manner = ANSWERS;
	cancel(1);
	says("4=re:d ", "the one that is asked makes room for one that waits");
	ok(P->overs == 1 && P->over == REASON_RESET, "its stream is reset");
	is_int(P->questions, 2, "and those are all");
	ask_peer(1, P, "anew");
	cancel(1);
	ask_peer(1, P, "anew");
	says("1=re:anew ", "an id is free again");
	me_stop();
}

/* Messages of which the last alone is answered. */
static void
test_several(void)
{
	static char big[4 << 20]; /* more than any window */
	const struct slice three = slice_text("\x02+a\x02+b\x01" "c");
	struct slice addr = maddr_bytes(&P->host.addr);

	me_start(ANYHOW);
	serve(P, ANSWERS);
	ask_raw(1, P, &addr, 1, three, ASK_TIME);
	says("1=re:c ", "the last one is answered");
	ok(P->questions == 3 && P->starts == 1, "all were heard");
	ask_raw(2, P, &addr, 1, three, ASK_TIME);
	says("2=re:c ", "again");
	ok(P->questions == 6 && P->starts == 1, "on the same stream");
	stream_reset(P->sessions->stream, REASON_RESET);
	ask_raw(3, P, &addr, 1, three, ASK_TIME);
	says("3=re:c ", "the peer has just reset the stream");
	ok(P->questions == 9 && P->starts == 2, "all are sent anew");
	P->questions = 0;
	for (size_t i = 0; i < sizeof big - 128; i += 128) {
		big[i] = 127;
		big[i + 1] = '+';
	}
	big[sizeof big - 128] = 127;
	memset(big + sizeof big - 127, 'x', 127);
	ask_raw(4, P, &addr, 1, slice_of(big, sizeof big), ASK_TIME);
	comes(sayings() == 1, "many");
	ok(strncmp(said, "4=re:xxx", 8) == 0, "the last one is answered");
	is_int(P->questions, sizeof big / 128, "all were heard");
	memset(said, 0, sizeof said);
	me_stop();
}

static void
test_refused(void)
{
	static const char *const other[] = { "/t/none/1" };
	struct slice many[40];

	me_start((struct queries_conf){ .protocols = other });
	ask_peer(1, P, "a");
	says("1:no-protocol ", "a peer that does not speak it");
	ask_at(3, &stranger, NULL, 0, "x", ASK_TIME);
	says("3:no-address ", "nor one that nobody knows");
	me_stop();

	me_start(ANYHOW);
	serve(P, ANSWERS);
	for (size_t i = 0; i < 40; i++)
		many[i] = maddr_bytes(&P->host.addr);
	ask_at(1, P, many, 40, "many", ASK_TIME);
	says("1=re:many ", "addresses beyond what OPEN holds are left out");
	qbudget.max = qbudget.used + 20;
	ask_peer(2, P, "more");
	is_text(said, "", "the budget is used up");
	says("2:budget ", "which the loop says");
	qbudget.max = qbudget.used + 40;
	ask_at(3, P, NULL, 0, "more", ASK_TIME);
	says("3:budget ", "also when it is to be sent");
	qbudget.max = SIZE_MAX;
	ask_peer(4, P, "four");
	says("4=re:four ", "it goes on");
	me_stop();
}

static void
test_free(void)
{
	struct ctl *m = message();

	me_start((struct queries_conf){ .streams = 2, .waiting = 1 });
	m->has_done = m->done.has_tag = true;
	m->done.tag = 999;
	ok(!queries_heard(queries, m), "a tag that is not ours");
	m = message();
	m->has_self = true;
	ok(!queries_heard(queries, m), "a message without");
	serve(P, ANSWERS);
	ask_peer(1, P, "a");
	says("1=re:a ", "one stream is idle");
	m = message();
	m->has_over = m->over.has_tag = m->over.has_inbound = true;
	m->over.tag = m->over.inbound = 1;
	ok(!queries_heard(queries, m), "a stream of a peer is not ours");
	P->manner = SILENT;
	ask_peer(2, P, "b");
	ask_peer(3, P, "c");
	ask_peer(4, P, "d");
	comes(P->questions == 3, "two are busy, one question waits");
	P->stays = true;
	ask_peer(5, P, "e"); /* fails, but is not told any more */
	P->overs = 0;
	me_stop();
	ok(P->overs == 2 && P->over == REASON_RESET,
	    "freed with questions open: they are reset");
	queries_free(NULL);
}

static void
test_lost(void)
{
	struct server *v = &peers[1];

	me_start((struct queries_conf){ .streams = 3, .waiting = 1 });
	serve(v, SILENT);
	serve(P, ANSWERS);
	ask_peer(1, P, "idle");
	says("1=re:idle ", "one is idle");
	ask_peer(2, v, "open");
	ask_peer(3, v, "open");
	comes(v->questions == 2, "two are open");
	P->manner = SILENT;
	ask_peer(4, P, "open");
	ask_peer(5, v, "waits");
	end(); /* of the board and its host */
	comes(losses == 1, "kn-p2pd is gone");
	comes(sayings() == 4, "all fail");
	ok(strstr(said, "2:io ") && strstr(said, "3:io ") &&
	        strstr(said, "4:io ") && strstr(said, "5:io "),
	    "each once");
	memset(said, 0, sizeof said);
	ask_peer(6, P, "nobody");
	is_text(said, "", "nobody is there");
	says("6:io ", "to ask");
	serve(P, ANSWERS);
	begin(); /* another board */
	comes(board_programs(board) == 1, "until kn-p2pd is back");
	ask_peer(7, P, "back");
	says("7=re:back ", "and all is well");
	me_stop();
}

int
main(void)
{
	programs_begin();
	peers_start(3);
	stranger.host.self.id = b.self.id;
	test_reuse();
	test_idle();
	test_retry();
	test_no_retry();
	test_per_peer();
	test_streams();
	test_waiting();
	test_deadline();
	test_cancel();
	test_several();
	test_refused();
	test_free();
	test_lost();
	peers_stop(3);
	end();
	return programs_end();
}
