/* SPDX-License-Identifier: ISC
 *
 * What kn-p2pd says of a stream and what is seen of it come by two ways, in any
 * order: questions to a false kn-p2pd that decides which. */
#include "t/net/asking.h"

static struct {
	int fd;
	struct watch *watch;
	struct ctl_end *end;
	unsigned opens, resets;
	int streams[16]; /* by the order of OPEN, from 1 */
	uint64_t tags[16];
} d;
static char false_path[80];

static void
d_heard(void *arg, const void *m, int fd)
{
	const struct ctl *c = m;

	(void)arg;
	d.resets += c->has_over;
	if (c->has_open) {
		d.streams[++d.opens] = fd;
		d.tags[d.opens] = c->open.tag;
	}
}

static void
d_gone(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	ctl_end_free(d.end);
	d.end = NULL;
}

static const struct ctl_face d_face = { &ctl_desc, d_heard, d_gone };

static void
on_connect(void *arg, unsigned what)
{
	(void)arg;
	(void)what;
	d.end = ctl_end_new(loop,
	    accept4(d.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), &d_face,
	    NULL);
}

static void
done(unsigned n)
{
	message();
	msg.has_done = msg.done.has_tag = true;
	msg.done.tag = d.tags[n];
	ctl_say(d.end, &msg, -1);
}

static void
fail(unsigned n, uint64_t why)
{
	message();
	msg.has_fail = msg.fail.has_tag = msg.fail.has_reason = true;
	msg.fail.tag = d.tags[n];
	msg.fail.reason = why;
	ctl_say(d.end, &msg, -1);
}

static void
over(unsigned n, uint64_t why)
{
	message();
	msg.has_over = msg.over.has_tag = msg.over.has_reason = true;
	msg.over.tag = d.tags[n];
	msg.over.reason = why;
	ctl_say(d.end, &msg, -1);
}

/* Question n is on stream n. */
static void
start(unsigned n)
{
	ask_peer(n, peers, "x");
	comes(d.opens == n, "a stream is opened");
}

static void
nothing(const char *name)
{
	turns(20);
	is_text(said, "", name);
}

static void
test_fail(void)
{
	start(1);
	close(d.streams[1]);
	nothing("its end alone is no reason");
	fail(1, REASON_DNS);
	says("1:dns ", "FAIL is");
	start(2);
	close(d.streams[2]);
	nothing("nor is this one's");
	fail(2, REASON_NONE);
	says("2:io ", "FAIL without a reason is none in order");
	start(3);
	fail(3, 9999);
	says("3:io ", "or with an unknown one");
	is_int(write(d.streams[3], "x", 1) < 0, 1, "its descriptor is closed");
	close(d.streams[3]);
	start(4);
	fail(4, REASON_REFUSED);
	says("4:refused ", "FAIL before the end");
	close(d.streams[4]);
	is_int(d.resets, 0, "what has failed is not reset");
}

static void
test_end(void)
{
	start(5);
	shutdown(d.streams[5], SHUT_WR);
	nothing("an end before DONE");
	done(5);
	says("5:closed ", "is the peer's if DONE comes");
	over(5, REASON_NONE);
	close(d.streams[5]);
	start(6);
	done(6);
	nothing("DONE is no news");
	shutdown(d.streams[6], SHUT_WR);
	says("6:closed ", "an end after DONE is the peer's");
	over(6, REASON_NONE);
	close(d.streams[6]);

	start(7);
	done(7);
	over(7, REASON_NONE);
	says("7:closed ", "OVER in order, and no answer");
	close(d.streams[7]);
	start(8);
	done(8);
	over(8, REASON_SILENT);
	close(d.streams[8]);
	says("8:silent ", "OVER says more than the end");
	start(9);
	close(d.streams[9]);
	over(9, REASON_STUCK);
	says("9:stuck ", "also without DONE");
	is_int(d.resets, 0, "none is reset");
}

static void
test_answer(void)
{
	start(10);
	done(10);
	over(10, REASON_RESET);
	if (write(d.streams[10], "\x02hi", 3) != 3)
		abort();
	says("10=hi ", "an answer, and the reset heard before");
	turns(20);
	ok(write(d.streams[10], "x", 1) < 0, "the stream is not kept");
	close(d.streams[10]);
	start(11);
	done(11);
	if (write(d.streams[11], "\x02hi", 3) != 3)
		abort();
	says("11=hi ", "an answer");
	cancel(11);
	over(11, REASON_IO);
	turns(20);
	ok(write(d.streams[11], "x", 1) < 0, "an idle stream that is over");
	close(d.streams[11]);
	start(12);
	cancel(12);
	comes(d.resets == 1, "cancelled: OVER is said");
	turns(20);
	is_int(write(d.streams[12], "\x02hi", 3), 3,
	    "and the descriptor kept until it comes back");
	turns(20);
	is_int(d.resets, 1, "an answer that is late is not read");
	fail(12, REASON_RESET);
	turns(20);
	ok(write(d.streams[12], "x", 1) < 0, "then it is closed");
	close(d.streams[12]);
	start(13);
	over(13, REASON_EVICTED);
	says("13:evicted ", "another reason");
	close(d.streams[13]);
}

int
main(void)
{
	programs_begin();
	snprintf(false_path, sizeof false_path, "%s/false.sock", dir);
	asked_at = false_path;
	peers_start(1);
	d.fd = ctl_listen(false_path);
	d.watch = watch_new(loop, d.fd, on_connect, NULL);
	watch_want(d.watch, WATCH_READ);
	me_start((struct queries_conf){ 0 });
	test_fail();
	test_end();
	test_answer();
	me_stop();
	comes(d.end == NULL, "it leaves");
	watch_free(d.watch);
	close(d.fd);
	unlink(false_path);
	peers_stop(1);
	end();
	return programs_end();
}
