/* SPDX-License-Identifier: ISC
 *
 * What programs may ask for, and how it is answered; what they serve is in
 * board_serve.c. */
#include "t/net/programs.h"

#include <sys/resource.h>

#include <sys/resource.h>

static void
test_hello(void)
{
	struct program p;
	char zero[] = "a\0b";
	struct ctl_hello *h;

	begin();
	prog_connect(&p);
	message()->has_addr = true;
	ctl_say(p.end, &msg, -1);
	refused(&p, REASON_BAD_REQUEST, "HELLO comes first");
	close(prog_open(&p, 9, &b, PING_ID, true));
	refused(&p, REASON_BAD_REQUEST, "before OPEN as well");
	is_int(p.tag, 9, "with its tag");
	hello(&p, "", NULL, 0);
	refused(&p, REASON_BAD_REQUEST, "a name is wanted");
	h = &message()->hello;
	msg.has_hello = h->has_name = true;
	h->name = slice_of(zero, 3);
	ctl_say(p.end, &msg, -1);
	refused(&p, REASON_BAD_REQUEST, "without a zero in it");
	hello(&p, "me", "", 0);
	refused(&p, REASON_BAD_REQUEST, "a protocol has a name");
	hello(&p, "me", PING_ID, 0);
	refused(&p, REASON_TAKEN, "what the node serves itself is taken");
	hello(&p, "me", NULL, CTL_WANT_PEERS);
	comes(strcmp(p.heard, "SN") == 0, "at last a good one");
	forget(&p);
	hello(&p, "another", NULL, 0);
	refused(&p, REASON_BAD_REQUEST, "whose name is for good");
	prog_leave(&p);

	prog_connect(&p);
	hello(&p, "a name that is longer than thirty-two", NULL, 0);
	comes(p.why != NULL, "a message out of its limits cuts off");
	end();
}

static bool
offers(const struct host *h, const char *protocol)
{
	for (size_t i = 0; i < h->self.nprotocols; i++)
		if (slice_is(h->self.protocols[i], protocol))
			return true;
	return false;
}

static void
test_rights(void)
{
	static struct rights few;
	struct program p;

	begin();
	few.n = 1;
	few.at[0].everybody = true;
	few.at[0].words = BOARD_OPEN;
	board_rights(board, &few);
	prog_connect(&p);
	hello(&p, "me", "/t/p", 0);
	refused(&p, REASON_RIGHTS, "to serve");
	hello(&p, "me", NULL, CTL_WANT_PEERS);
	refused(&p, REASON_RIGHTS, "to hear events");
	hello(&p, "me", NULL, 0);
	comes(strcmp(p.heard, "SN") == 0, "to be there");
	forget(&p);
	message();
	msg.has_dial = msg.dial.has_tag = true;
	msg.dial.tag = 4;
	ctl_say(p.end, &msg, -1);
	refused(&p, REASON_RIGHTS, "to dial");
	is_int(p.tag, 4, "with its tag");
	message()->has_admit = true;
	ctl_say(p.end, &msg, -1);
	refused(&p, REASON_RIGHTS, "to admit");
	board_rights(board, &rights);
	hello(&p, "me", "/t/p", 0);
	comes(offers(&a, "/t/p"), "rights that change hold at once");
	ok(host_refused(&a, REASON_RIGHTS) == 4, "refusals are counted");
	end();
}

static void
test_open(void)
{
	struct program p;
	char in[8] = "";
	int fd;

	begin();
	prog_start(&p, "me", NULL, CTL_WANT_PEERS);
	fd = prog_open(&p, 1, &b, PING_ID, true);
	ok(write(fd, "early", 5) == 5, "what is written early");
	comes(strcmp(p.heard, "D") == 0 && p.tag == 1, "DONE");
	comes(recv(fd, in, sizeof in, MSG_DONTWAIT) == 5, "comes back");
	comes(p.ups == 1, "UP is told");
	shutdown(fd, SHUT_WR);
	comes(at_end(fd), "the end of both halves");
	comes(strcmp(p.heard, "DO") == 0 && p.reason == REASON_NONE,
	    "OVER, in order");
	close(fd);
	forget(&p);

	fd = prog_open(&p, 2, &b, "/t/nobody", true);
	comes(at_end(fd), "what nobody serves");
	ctl_hear(p.end);
	ok(strcmp(p.heard, "F") == 0 && p.reason == REASON_NO_PROTOCOL,
	    "FAIL was said before");
	close(fd);
	forget(&p);

	fd = prog_open(&p, 3, &b, PING_ID, true);
	comes(strcmp(p.heard, "D") == 0, "a stream is open");
	swarm_hangup(b.swarm, host_peer(&b, &a), REASON_HANGUP);
	comes(at_end(fd), "the connection goes");
	ctl_hear(p.end);
	ok(strcmp(p.heard, "DO") == 0 && p.reason != REASON_NONE,
	    "OVER was said before, and why");
	comes(p.downs == 1, "DOWN");
	close(fd);
	end();
}

static void
test_requests(void)
{
	struct program p;
	struct ctl_open *o = &msg.open;
	int fd;

	begin();
	prog_start(&p, "me", NULL, 0);
	prog_open(&p, 1, &b, PING_ID, false);
	refused(&p, REASON_BAD_REQUEST, "OPEN without a descriptor");
	fd = prog_open(&p, 2, &b, NULL, true);
	refused(&p, REASON_BAD_REQUEST, "OPEN without protocols");
	ok(at_end(fd), "the descriptor is closed");
	close(fd);
	message();
	msg.has_open = o->has_tag = o->has_peer = true;
	o->peer = slice_text("nonsense");
	o->protocols[o->n_protocols++] = slice_text("/x");
	ctl_say(p.end, &msg, dup(0));
	refused(&p, REASON_BAD_REQUEST, "a peer that is none");
	message()->has_open = true;
	o->addrs[o->n_addrs++] = slice_text("nonsense");
	o->protocols[o->n_protocols++] = slice_text("/x");
	ctl_say(p.end, &msg, dup(0));
	refused(&p, REASON_BAD_REQUEST, "an address that is none");
	message();
	msg.has_open = o->has_peer = true;
	o->peer = peerid_bytes(&b.self.id);
	o->protocols[o->n_protocols++] = slice_of("/x\0y", 4);
	ctl_say(p.end, &msg, dup(0));
	refused(&p, REASON_BAD_REQUEST, "a protocol with a zero");
	o->protocols[0] = slice_text("/x");
	ctl_say(p.end, &msg, dup(0));
	refused(&p, REASON_NO_ADDRESS, "a peer nobody knows");
	message()->has_dial = true;
	ctl_say(p.end, &msg, -1);
	refused(&p, REASON_BAD_REQUEST, "DIAL to nobody");
	message();
	msg.has_hangup = msg.hangup.has_peer = true;
	msg.hangup.peer = peerid_bytes(&b.self.id);
	ctl_say(p.end, &msg, -1);
	refused(&p, REASON_NO_ADDRESS, "HANGUP of who is not here");
	message()->has_over = true;
	ctl_say(p.end, &msg, -1);
	message();
	msg.has_dial = msg.dial.has_tag = true;
	msg.dial.tag = 12;
	msg.dial.addrs[msg.dial.n_addrs++] = maddr_bytes(&b.self.addrs[0]);
	ctl_say(p.end, &msg, -1);
	comes(strcmp(p.heard, "D") == 0 && p.tag == 12, "DIAL by address");
	forget(&p);
	comes(host_knows(&b, &a), "they meet");
	message();
	msg.has_hangup = msg.hangup.has_peer = msg.hangup.has_tag = true;
	msg.hangup.peer = peerid_bytes(&b.self.id);
	msg.hangup.tag = 13;
	ctl_say(p.end, &msg, -1);
	comes(strcmp(p.heard, "D") == 0 && p.tag == 13, "HANGUP");
	forget(&p);
	fd = prog_open(&p, 14, &b, PING_ID, true);
	message();
	msg.has_over = msg.over.has_tag = true;
	msg.over.tag = 14;
	ctl_say(p.end, &msg, -1);
	refused(&p, REASON_RESET, "OVER of what is under way ends it");
	ok(at_end(fd), "the descriptor is closed");
	close(fd);
	end();
}

static void
test_cut_off(void)
{
	struct program p, other;
	int raw = -1, pair[2];
	unsigned said = 0;
	const char garbage[] = "\xff\xff\xff\xff\xff";

	begin();
	prog_start(&other, "other", NULL, 0);
	prog_connect(&p);
	message();
	msg.has_now = msg.has_over = true;
	ctl_say(p.end, &msg, -1);
	comes(p.why != NULL, "two messages in one cut off");
	raw = ctl_connect(path);
	comes(board_programs(board) == 2, "one that sends garbage");
	ok(send(raw, garbage, 5, 0) == 5, "all of it");
	comes(board_programs(board) == 1, "is cut off");
	close(raw);

	raw = ctl_connect(path);
	comes(board_programs(board) == 2, "one that does not read");
	hello(&(struct program){ .end = other.end }, "x", NULL, 0);
	refused(&other, REASON_BAD_REQUEST, "the other is answered");
	message();
	msg.has_hello = msg.hello.has_name = true;
	msg.hello.name = slice_text("slow");
	{
		struct buf b2 = { .max = 1000 };

		pb_encode(&ctl_desc, &msg, &b2);
		ok(send(raw, b2.p, b2.n, 0) == (ssize_t)b2.n, "HELLO");
		buf_free(&b2);
	}
	while (board_programs(board) == 2 && said < 100000) {
		board_tell_self(board, false);
		if (++said % 64 == 0)
			host_step();
	}
	ok(board_programs(board) == 1 && said < 5000,
	    "is cut off when too much waits for it");
	ok(other.why == NULL && other.selves > 1000, "others are not");
	close(raw);

	/* one that dies with a descriptor on its way to us */
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		abort();
	prog_start(&p, "brief", NULL, 0);
	message()->has_open = true;
	ctl_say(p.end, &msg, pair[1]);
	prog_leave(&p);
	comes(at_end(pair[0]), "what it sent is closed");
	close(pair[0]);
	end();
}

static void
test_ceiling(void)
{
	static int fds[BOARD_PROGRAMS + 1];
	char c;

	begin();
	host_patience = msec_now() + HOST_PATIENCE;
	for (int i = 0; i < BOARD_PROGRAMS; i++) {
		fds[i] = ctl_connect(path);
		while (board_programs(board) <= (size_t)i && host_step())
			;
	}
	comes(
	    board_programs(board) == BOARD_PROGRAMS, "as many as there may be");
	fds[BOARD_PROGRAMS] = ctl_connect(path);
	comes(recv(fds[BOARD_PROGRAMS], &c, 1, MSG_DONTWAIT) == 0,
	    "one more is closed");
	is_int(host_refused(&a, REASON_TAKEN), 1, "and counted");
	for (int i = 0; i <= BOARD_PROGRAMS; i++)
		close(fds[i]);
	comes(board_programs(board) == 0, "all leave");
	end();
}

int
main(void)
{
	struct rlimit r;
	bool enough;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	enough = setrlimit(RLIMIT_NOFILE, &r) == 0 &&
		 r.rlim_cur > 2 * BOARD_PROGRAMS + 100;
	programs_begin();
	test_hello();
	test_rights();
	test_open();
	test_requests();
	test_cut_off();
	if (enough)
		test_ceiling();
	else
		ok(true, "ceiling # SKIP too few descriptors");
	return programs_end();
}
