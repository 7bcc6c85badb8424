/* SPDX-License-Identifier: ISC
 *
 * Streams of peers for programs: given, taken back, parked. */
#include "t/net/programs.h"

#include <sys/resource.h>

static void
test_serve(void)
{
	struct program p, news;
	struct client one = { .to_send = 5, .fin = true };
	char in[8] = "";

	begin();
	hosts_join(&b, &a);
	prog_start(&p, "me", "/t/p", 0);
	prog_start(&news, "news", NULL, CTL_WANT_STREAMS);
	client_open(&one, &b, &a, "/t/p");
	comes(strcmp(p.heard, "T") == 0 && p.fd >= 0, "STREAM with the stream");
	comes(strcmp(news.heard, "T") == 0 && news.fd < 0,
	    "news of it without");
	comes(recv(p.fd, in, sizeof in, MSG_DONTWAIT) == 5, "bytes come");
	comes(at_end(p.fd), "and their end");
	is_int(p.n, 1, "which is not OVER yet");
	ok(write(p.fd, "answer", 6) == 6, "an answer");
	close(p.fd);
	comes(one.overs && one.over == REASON_NONE && one.heard == 6,
	    "and a close that is an end");
	comes(strcmp(p.heard, "TO") == 0 && p.reason == REASON_NONE, "OVER");
	forget(&p);

	memset(&one, 0, sizeof one);
	one.to_send = 5;
	client_open(&one, &b, &a, "/t/p");
	comes(p.n == 1, "another");
	comes(recv(p.fd, in, 1, MSG_PEEK | MSG_DONTWAIT) == 1, "with bytes");
	close(p.fd);
	comes(one.overs && one.over == REASON_RESET,
	    "closed with bytes unread: reset");
	comes(strcmp(p.heard, "TO") == 0 && p.reason != REASON_NONE, "OVER");
	forget(&p);

	memset(&one, 0, sizeof one);
	client_open(&one, &b, &a, "/t/p");
	comes(p.n == 1, "a third");
	stream_reset(one.s, REASON_RESET);
	comes(strcmp(p.heard, "TO") == 0 && p.reason == REASON_RESET,
	    "reset by the peer: OVER");
	ok(!at_end(p.fd) && board_lingering(board) == 1,
	    "and no end of file, which would look like an end in order");
	ok(write(p.fd, "into the void", 13) == 13, "who writes is not stuck");
	close(p.fd);
	comes(board_lingering(board) == 0,
	    "until the program has let go");

	memset(&one, 0, sizeof one);
	forget(&p);
	client_open(&one, &b, &a, "/t/p");
	comes(p.n == 1, "a fourth");
	message();
	msg.has_over = msg.over.has_tag = msg.over.has_inbound = true;
	msg.over.tag = p.tag;
	msg.over.inbound = 1;
	ctl_say(p.end, &msg, -1);
	comes(one.overs && one.over == REASON_RESET, "OVER resets it");
	close(p.fd);

	memset(&one, 0, sizeof one);
	forget(&p);
	client_open(&one, &b, &a, "/t/p");
	comes(p.n == 1, "another");
	stream_reset(one.s, REASON_RESET);
	comes(board_lingering(board) == 1, "reset again");
	shutdown(p.fd, SHUT_WR);
	comes(at_end(p.fd), "who never lets go meets the end in the end");
	is_int(board_lingering(board), 0, "and holds nothing of ours");
	close(p.fd);

	memset(&one, 0, sizeof one);
	forget(&p);
	client_open(&one, &b, &a, "/t/p");
	comes(p.n == 1, "a fifth");
	prog_leave(&p);
	comes(one.overs && one.over == REASON_RESET,
	    "a program that leaves in the middle is a reset");
	comes(at_end(p.fd), "its end is closed");
	close(p.fd);
	end();
}

/* Streams are not parked for long. */
static void
begin_brief(void)
{
	park_time = PARK;
	begin();
	park_time = 60000;
}

static bool
tells(const struct host *h, const char *protocol)
{
	for (size_t i = 0; i < h->self.nprotocols; i++)
		if (slice_is(h->self.protocols[i], protocol))
			return true;
	return false;
}

static void
test_hello_again(void)
{
	struct program p;
	struct client one = { 0 };

	begin_brief();
	hosts_join(&b, &a);
	prog_start(&p, "me", "/t/old", 0);
	hello(&p, "me", "/t/new", 0);
	comes(tells(&a, "/t/new"), "HELLO again: another protocol");
	forget(&p);
	client_open(&one, &b, &a, "/t/new");
	comes(strcmp(p.heard, "T") == 0, "which is served now");
	close(p.fd);
	forget(&p);
	comes(!tells(&a, "/t/old") && tells(&a, "/t/new"),
	    "the old one is withdrawn in time");
	hello(&p, "other", "/t/new", 0);
	refused(&p, REASON_BAD_REQUEST, "a name is for good");
	hello(&p, "me", NULL, 0);
	comes(!tells(&a, "/t/new"), "nothing is served any more");
	end();
}

static void
test_instances(void)
{
	struct program old, new, other;
	struct client one = { 0 }, two = { 0 }, three = { 0 };
	char c;

	begin();
	hosts_join(&b, &a);
	prog_start(&old, "me", "/t/p", 0);
	client_open(&one, &b, &a, "/t/p");
	comes(old.n == 1, "the first instance serves");
	prog_connect(&other);
	hello(&other, "other", "/t/p", 0);
	refused(&other, REASON_TAKEN, "another name may not");
	hello(&other, "other", "/t/q", 0);
	comes(strcmp(other.heard, "SN") == 0, "but may try again");
	prog_start(&new, "me", "/t/p", 0);
	client_open(&two, &b, &a, "/t/p");
	comes(new.n == 1 && old.n == 1, "the second gets what is new");
	one.to_send = 1;
	client_send(one.s);
	comes(recv(old.fd, &c, 1, MSG_DONTWAIT) == 1, "the first goes on");
	close(new.fd);
	prog_leave(&new);
	client_open(&three, &b, &a, "/t/p");
	comes(old.n == 2, "and serves again when the second has left");
	is_int(board_parked(board), 0, "nothing is parked");
	close(old.fd);
	end();
}

static void
test_parked(void)
{
	struct program p;
	struct client one = { .to_send = 5, .fin = true }, two = { 0 };
	char in[8];

	begin();
	hosts_join(&b, &a);
	prog_start(&p, "me", "/t/p", 0);
	prog_leave(&p);
	client_open(&one, &b, &a, "/t/p");
	client_open(&two, &b, &a, "/t/p");
	comes(board_parked(board) == 2, "streams wait for a program");
	stream_reset(two.s, REASON_RESET);
	comes(board_parked(board) == 1, "one waits no more");
	prog_connect(&p);
	hello(&p, "me", "/t/p", 0);
	comes(p.fd >= 0, "the other is given to who comes back");
	is_text(p.heard, "SNT", "who is greeted first");
	is_int(board_parked(board), 0, "and parked no more");
	comes(recv(p.fd, in, sizeof in, MSG_DONTWAIT) == 5, "with its bytes");
	comes(at_end(p.fd), "and their end");
	close(p.fd);
	comes(one.overs && one.over == REASON_NONE, "in order");
	prog_leave(&p);
	client_open(&two, &b, &a, "/t/p");
	comes(board_parked(board) == 1, "one is parked at the end");
	end();
}

static void
test_park_time(void)
{
	struct program p;
	struct client one = { 0 };

	begin_brief();
	hosts_join(&b, &a);
	prog_start(&p, "me", "/t/p", 0);
	prog_leave(&p);
	client_open(&one, &b, &a, "/t/p");
	comes(board_parked(board) == 1, "one waits");
	comes(one.overs, "in vain");
	is_int(board_parked(board), 0, "until its time is over");
	memset(&one, 0, sizeof one);
	client_open(&one, &b, &a, "/t/p");
	comes(one.overs && one.over == REASON_NO_PROTOCOL,
	    "then the protocol is withdrawn");
	end();
}

static void
test_fds(void)
{
	struct client many[32] = { 0 };
	struct program p;
	struct rlimit had, few;
	int next = dup(0);

	close(next);
	getrlimit(RLIMIT_NOFILE, &had);
	few = had;
	few.rlim_cur = (rlim_t)next + 64;
	setrlimit(RLIMIT_NOFILE, &few);
	begin();
	hosts_join(&b, &a);
	prog_start(&p, "me", "/t/p", 0);
	for (int i = 0; i < 32; i++)
		client_open(&many[i], &b, &a, "/t/p");
	comes(host_refused(&a, REASON_FDS) > 0,
	    "the last descriptors are not for streams");
	next = ctl_connect(path);
	comes(board_programs(board) == 2, "programs can still come");
	close(next);
	comes(board_programs(board) == 1, "and go");
	prog_leave(&p);
	for (size_t i = 0; i < p.nfds; i++)
		close(p.fds[i]);
	end();
	setrlimit(RLIMIT_NOFILE, &had);
}

int
main(void)
{
	programs_begin();
	test_serve();
	test_hello_again();
	test_instances();
	test_parked();
	test_park_time();
	test_fds();
	return programs_end();
}
