/* SPDX-License-Identifier: ISC
 *
 * Both ends of real sockets, or one end and raw datagrams from this test. */
#include "net/ctl.h"
#include "t/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { TOO_LONG = 60000 };
#include "t/net/turning.h"

static struct ctl msg; /* to be said */

/* One end and what it heard. */
static struct side {
	struct ctl_end *end;
	unsigned heard, gone, stop_at;
	uint64_t tag;      /* of the last FAIL */
	bool in_order;
	int fd;            /* the last that came */
	bool free_in_heard, hear_in_heard;
	bool answer;
	char why[64];
} a, b;

static void
fail_with(uint64_t tag, const char *text)
{
	memset(&msg, 0, sizeof msg);
	msg.has_fail = msg.fail.has_tag = msg.fail.has_text = true;
	msg.fail.tag = tag;
	msg.fail.text = slice_text(text);
}

static void
heard(void *arg, const void *in, int fd)
{
	const struct ctl *m = in;
	struct side *s = arg;

	s->in_order = m->has_fail && m->fail.tag == s->tag + 1;
	s->tag = m->has_fail ? m->fail.tag : 0;
	s->heard++;
	if (fd >= 0)
		s->fd = fd;
	if (s->hear_in_heard)
		ctl_hear(s->end);
	if (s->answer) {
		fail_with(s->tag, "answer");
		ctl_say(s->end, &msg, -1);
	}
	if (s->free_in_heard) {
		ctl_end_free(s->end);
		s->end = NULL;
		loop_stop(loop, 0);
	} else if (s->heard == s->stop_at) {
		loop_stop(loop, 0);
	}
}

static void
gone(void *arg, const char *why)
{
	struct side *s = arg;

	s->gone++;
	snprintf(s->why, sizeof s->why, "%s", why);
	ctl_end_free(s->end);
	s->end = NULL;
	loop_stop(loop, 1);
}

static const struct ctl_face face = { &ctl_desc, heard, gone };

static void
ends(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	        0, fds) < 0)
		abort();
}

static void
begin_one(int *raw)
{
	int fds[2];

	ends(fds);
	a = (struct side){ .fd = -1 };
	a.end = ctl_end_new(loop, fds[0], &face, &a);
	*raw = fds[1];
}

static void
begin_two(void)
{
	int fds[2];

	ends(fds);
	a = b = (struct side){ .fd = -1 };
	a.end = ctl_end_new(loop, fds[0], &face, &a);
	b.end = ctl_end_new(loop, fds[1], &face, &b);
}

static void
end_both(void)
{
	ctl_end_free(a.end);
	ctl_end_free(b.end);
	a.end = b.end = NULL;
}

static unsigned
open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A datagram with n descriptors, all of them fd. */
static void
send_raw(int to, const void *p, size_t bytes, int fd, unsigned n)
{
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec v = { (void *)p, bytes };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };
	int fds[8] = { fd, fd, fd, fd, fd, fd, fd, fd };

	if (n > 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof control);
		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	if (sendmsg(to, &h, MSG_NOSIGNAL) != (ssize_t)bytes)
		printf("# sendmsg: %s\n", strerror(errno));
}

static void
test_talk(void)
{
	unsigned before = open_fds(), uid;
	int pid, files[2];

	begin_two();
	b.stop_at = 3;
	ok(pipe(files) == 0, "pipe");
	for (uint64_t i = 1; i <= 3; i++) {
		fail_with(i, "so it is");
		is_int(ctl_say(a.end, &msg, i == 2 ? files[1] : -1), 0, "said");
	}
	is_int(fcntl(files[1], F_GETFD), -1, "the descriptor is given away");
	is_int(run(), 0, "heard");
	ok(b.in_order && b.tag == 3, "in order");
	ok(b.fd >= 0 && write(b.fd, "x", 1) == 1, "the descriptor works");
	ok(fcntl(b.fd, F_GETFD) & FD_CLOEXEC, "and is close-on-exec");
	is_int(ctl_peer(a.end, &uid, &pid), 0, "SO_PEERCRED");
	ok(uid == geteuid() && pid == getpid(), "says who it is");
	close(b.fd);
	close(files[0]);

	b.answer = true;
	b.heard = 0;
	b.stop_at = 0;
	a.stop_at = 1;
	fail_with(4, "question");
	ctl_say(a.end, &msg, -1);
	run();
	is_int(a.tag, 4, "answered from within heard");
	end_both();
	is_int(open_fds(), before, "no descriptor is left behind");
}

static void
test_hear(void)
{
	begin_two();
	for (uint64_t i = 1; i <= 200; i++) {
		fail_with(i, "x");
		ctl_say(a.end, &msg, -1);
	}
	b.hear_in_heard = true;
	ctl_hear(b.end);
	is_int(b.heard, 200, "ctl_hear takes all that has come, by itself");
	ok(b.in_order, "in order, though it was asked again within");
	ctl_end_free(a.end);
	a.end = NULL;
	ctl_hear(b.end);
	is_int(b.gone, 0, "gone does not come from within ctl_hear");
	is_int(run(), 1, "but from the loop");
	is_text(b.why, "left", "and says why");
	end_both();
}

static void
test_malformed(void)
{
	static uint8_t big[CTL_MAX + 1];
	static const struct {
		const char *name, *bytes;
		size_t n;
		const char *why;
	} rows[] = {
		{ "a field of the wrong type", "\x08\x01", 2,
		    "sent a malformed message" },
		{ "a length beyond the end", "\x2a\x05\x08", 3,
		    "sent a malformed message" },
		{ "a name that is too long",
		    "\x0a\x23\x0a\x21"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 37,
		    "sent a malformed message" },
		{ "two messages", "\x72\x00\x72\x00\x7a\x00", 6,
		    "sent two messages in one" },
		{ "nothing", "", 0, "left" },
		{ "too many bytes", (const char *)big, sizeof big,
		    "sent a message that is too long" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		unsigned before = open_fds();
		int raw;

		begin_one(&raw);
		send_raw(raw, rows[i].bytes, rows[i].n, 0, i % 2);
		is_int(run(), 1, rows[i].name);
		is_text(a.why, rows[i].why, "is why it ends");
		is_int(a.heard, 0, "and nothing is heard");
		close(raw);
		is_int(open_fds(), before, "nor a descriptor kept");
	}
}

static void
test_fds(void)
{
	unsigned before = open_fds();
	int raw;

	for (unsigned n = 2; n <= 8; n += 3) {
		begin_one(&raw);
		send_raw(raw, "\x72\x00", 2, 0, n);
		is_int(run(), 1, "too many descriptors");
		is_text(a.why, "sent two descriptors with one message",
		    "are why it ends");
		close(raw);
		is_int(open_fds(), before, "and all are closed");
	}
	begin_one(&raw);
	a.stop_at = 1;
	send_raw(raw, "\x82\x02\x01x", 4, 0, 1);
	is_int(run(), 0, "a message of a later version is passed on");
	ok(a.fd >= 0, "with its descriptor");
	close(a.fd);
	close(raw);
	end_both();
	is_int(open_fds(), before, "all closed");
}

static void
test_queue(void)
{
	unsigned before = open_fds(), said = 0;
	static char text[400];
	int files[2];

	/* as much as the socket takes and the queue holds, then heard */
	begin_two();
	memset(text, 'q', sizeof text - 1);
	ok(pipe(files) == 0, "pipe");
	for (uint64_t i = 1; i <= 1000; i++) {
		fail_with(i, text);
		said += ctl_say(a.end, &msg, i == 1000 ? files[1] : -1) == 0;
	}
	is_int(said, 1000, "what the socket does not take is queued");
	b.stop_at = 1000;
	is_int(run(), 0, "and sent when there is room");
	ok(b.in_order && b.heard == 1000, "in order");
	ok(write(b.fd, "x", 1) == 1, "with its descriptor");
	close(b.fd);
	close(files[0]);
	end_both();

	/* an end that does not read is cut off */
	begin_two();
	for (said = 0; said < 100000; said++) {
		fail_with(said, text);
		if (ctl_say(a.end, &msg, dup(0)) < 0)
			break;
	}
	ok(said >= CTL_QUEUE && said < 100000, "the queue has a ceiling");
	is_int(a.gone, 0, "gone does not come from within ctl_say");
	errno = 0;
	ok(ctl_say(a.end, &msg, dup(0)) < 0 && errno == EPIPE,
	    "the end is dead");
	is_int(run(), 1, "gone comes from the loop");
	is_text(a.why, "does not read its messages", "and says why");
	end_both();
	is_int(open_fds(), before, "queued descriptors are closed");
}

static void
test_queue_bytes(void)
{
	static uint8_t name[255];
	unsigned said;

	begin_two();
	memset(name, 'n', sizeof name);
	memset(&msg, 0, sizeof msg);
	msg.has_self = true;
	for (size_t i = 0; i < 240; i++)
		msg.self.protocols[msg.self.n_protocols++] =
		    slice_of(name, sizeof name);
	for (said = 0; said < CTL_QUEUE; said++)
		if (ctl_say(a.end, &msg, -1) < 0)
			break;
	ok(said > 32 && said < CTL_QUEUE, "the queue's bytes have one, too");
	end_both();

	begin_two();
	for (size_t i = 0; i < 64; i++)
		msg.self.addrs[msg.self.n_addrs++] =
		    slice_of(name, sizeof name);
	errno = 0;
	ok(ctl_say(a.end, &msg, -1) < 0 && errno == EMSGSIZE,
	    "a message over the ceiling is not sent");
	fail_with(1, "x");
	is_int(ctl_say(a.end, &msg, -1), 0, "but the next one is");
	b.stop_at = 1;
	is_int(run(), 0, "and heard");
	end_both();
}

static void
test_vanish(void)
{
	int raw;

	/* what was said before it left is heard, even when a send finds out
	 * first, or when it left our words unread */
	begin_one(&raw);
	fail_with(9, "unread");
	ctl_say(a.end, &msg, -1);
	send_raw(raw, "\x2a\x02\x08\x01", 4, -1, 0);
	send_raw(raw, "\x2a\x02\x08\x02", 4, -1, 0);
	close(raw);
	ok(ctl_say(a.end, &msg, -1) < 0, "nobody is there any more");
	is_int(a.heard, 0, "nothing is heard within ctl_say");
	is_int(run(), 1, "gone");
	ok(a.heard == 2 && a.in_order, "after its last words");
	is_int(a.gone, 1, "once");

	begin_one(&raw);
	a.free_in_heard = true;
	send_raw(raw, "\x2a\x02\x08\x01", 4, -1, 0);
	send_raw(raw, "\x2a\x02\x08\x02", 4, -1, 0);
	is_int(run(), 0, "an end may be freed by what it hears");
	is_int(a.heard, 1, "and hears no more");
	close(raw);

	begin_one(&raw);
	close(raw);
	ctl_hear(a.end);
	ctl_end_free(a.end);
	a.end = NULL;
	loop_soon(loop, too_long, NULL);
	run();
	is_int(a.gone, 0, "freed before gone was told, it is not told");
}

static void
test_paths(void)
{
	char dir[] = "/tmp/kn-ctl.XXXXXX", path[64], file[64], long_path[200];
	struct stat st;
	int l, c, s;

	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(path, sizeof path, "%s/sock", dir);
	snprintf(file, sizeof file, "%s/file", dir);
	ok(ctl_connect(path) < 0 && errno == ENOENT, "nothing there");
	l = ctl_listen(path);
	ok(l >= 0 && stat(path, &st) == 0 && (st.st_mode & 0777) == 0660,
	    "bound 0660");
	ok(fcntl(l, F_GETFL) & O_NONBLOCK, "non-blocking");
	ok(ctl_listen(path) < 0 && errno == EADDRINUSE, "a live one stays");
	c = ctl_connect(path);
	s = accept(l, NULL, NULL);
	ok(c >= 0 && s >= 0, "connects");
	close(c);
	close(s);
	close(l);
	ok(ctl_connect(path) < 0 && errno == ECONNREFUSED, "a stale one");
	l = ctl_listen(path);
	ok(l >= 0, "is replaced");
	close(l);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	ok(ctl_listen(file) < 0 && errno == EADDRINUSE && stat(file, &st) == 0,
	    "a file in the way is left alone");
	memset(long_path, 'x', sizeof long_path - 1);
	long_path[sizeof long_path - 1] = 0;
	ok(ctl_listen(long_path) < 0 && errno == ENAMETOOLONG, "too long");
	unlink(path);
	unlink(file);
	rmdir(dir);
}

int
main(void)
{
	loop = loop_new();
	test_talk();
	test_hear();
	test_malformed();
	test_fds();
	test_queue();
	test_queue_bytes();
	test_vanish();
	test_paths();
	loop_free(loop);
	return tap_done();
}
