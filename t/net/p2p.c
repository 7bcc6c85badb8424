/* SPDX-License-Identifier: ISC
 *
 * A program against a false kn-p2pd: a listening socket and what it was told. */
#include "net/p2p.h"
#include "base/mem.h"
#include "t/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TOO_LONG = 60000 };
#include "t/net/turning.h"

static struct ctl msg;
static char dir[] = "/tmp/kn-p2p.XXXXXX", path[64];
static const char id_bytes[38] = "\x00\x24\x08\x01\x12\x20" "abcdefghijklmnop";

/* The false kn-p2pd. */
static struct {
	int fd;
	struct watch *watch;
	struct ctl_end *end;
	unsigned hellos, opens;
	char name[33], protocols[64];
	uint64_t wants, tag, timeout, naddrs;
	char protocol[64];
	int stream;
	bool leave; /* close as soon as HELLO has come */
} d = { .fd = -1, .stream = -1 };

/* The program. */
static struct {
	unsigned streams, heard, lost;
	uint64_t tag;
	int fd;
	char why[64];
	bool free_in_lost;
	struct p2p *p2p;
} me = { .fd = -1 };

static void
fill(char *to, size_t room, struct slice s)
{
	if (s.n >= room)
		s.n = room - 1;
	memcpy(to, s.p, s.n);
	to[s.n] = 0;
}

static struct ctl *
message(void)
{
	memset(&msg, 0, sizeof msg);
	return &msg;
}

static void
d_heard(void *arg, const void *in, int fd)
{
	const struct ctl *m = in;
	(void)arg;
	if (m->has_hello) {
		d.hellos++;
		fill(d.name, sizeof d.name, m->hello.name);
		d.wants = m->hello.wants;
		d.protocols[0] = 0;
		if (m->hello.n_protocols == 2)
			fill(d.protocols, sizeof d.protocols,
			    m->hello.protocols[1]);
		if (d.leave) {
			ctl_end_free(d.end);
			d.end = NULL;
		}
	}
	if (m->has_open) {
		d.opens++;
		d.tag = m->open.tag;
		d.timeout = m->open.timeout;
		d.naddrs = m->open.n_addrs;
		if (m->open.n_protocols == 2)
			fill(d.protocol, sizeof d.protocol,
			    m->open.protocols[1]);
		d.stream = fd;
		fd = -1;
	}
	if (fd >= 0)
		close(fd);
	loop_stop(loop, 0);
}

static void
d_gone(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	ctl_end_free(d.end);
	d.end = NULL;
	loop_stop(loop, 2);
}

static const struct ctl_face d_face = { &ctl_desc, d_heard, d_gone };

static void
on_connect(void *arg, unsigned what)
{
	int fd = accept4(d.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)arg;
	(void)what;
	if (fd < 0)
		return;
	ctl_end_free(d.end);
	d.end = ctl_end_new(loop, fd, &d_face, NULL);
}

static void
d_start(void)
{
	d.fd = ctl_listen(path);
	d.watch = watch_new(loop, d.fd, on_connect, NULL);
	watch_want(d.watch, WATCH_READ);
}

static void
d_stop(void)
{
	watch_free(d.watch);
	d.watch = NULL;
	close(d.fd);
	ctl_end_free(d.end);
	d.end = NULL;
}

static void
me_stream(void *arg, const struct ctl_stream *s, int fd)
{
	(void)arg;
	me.streams++;
	me.tag = s->tag;
	me.fd = fd;
	loop_stop(loop, 0);
}

static void
me_heard(void *arg, const struct ctl *m)
{
	(void)arg;
	me.heard++;
	if (m->has_over)
		me.tag = m->over.tag;
	if (m->has_stream)
		me.tag = m->stream.tag;
	loop_stop(loop, 0);
}

static void
me_lost(void *arg, const char *why)
{
	(void)arg;
	me.lost++;
	snprintf(me.why, sizeof me.why, "%s", why);
	if (me.free_in_lost) {
		p2p_free(me.p2p);
		me.p2p = NULL;
	}
	loop_stop(loop, 1);
}

static const struct p2p_face face = { me_stream, me_heard, me_lost };

static const char *const protocols[] = { "/a/1", "/b/1", NULL };
static struct p2p_conf conf = { path, "tester", protocols, CTL_WANT_PEERS,
	false };

static void
test_hello(void)
{
	static const char *many[34];
	struct p2p_conf bad = conf;

	ok(p2p_new(loop, &conf, &face, NULL) == NULL && errno == ENOENT,
	    "a command fails when nobody is there");
	for (size_t i = 0; i < 33; i++)
		many[i] = "/x";
	bad.protocols = many;
	ok(p2p_new(loop, &bad, &face, NULL) == NULL && errno == EINVAL,
	    "more protocols than HELLO holds");
	bad = conf;
	bad.name = "a name that is longer than thirty-two";
	ok(p2p_new(loop, &bad, &face, NULL) == NULL && errno == EINVAL,
	    "or a longer name");

	d_start();
	me.p2p = p2p_new(loop, &conf, &face, NULL);
	is_int(run(), 0, "HELLO comes first");
	is_text(d.name, "tester", "with the name");
	is_text(d.protocols, "/b/1", "the protocols");
	is_int(d.wants, CTL_WANT_PEERS, "and what is wanted");
}

static void
test_open(void)
{
	struct peerid id;
	const struct slice addrs[2] = { slice_text("one"), slice_text("two") };
	struct slice far[33] = { { 0 } };
	uint64_t tag = 0, second = 0;
	char b[8] = "";
	int fd;

	is_int(peerid_of_bytes(slice_of(id_bytes, sizeof id_bytes), &id), 0,
	    "a peer id");
	fd = p2p_open(me.p2p, &id, addrs, 2, protocols, 2, 1500, &tag);
	ok(fd >= 0 && write(fd, "early", 5) == 5,
	    "a stream can be written at once");
	ok((fcntl(fd, F_GETFL) & O_NONBLOCK) &&
	        (fcntl(fd, F_GETFD) & FD_CLOEXEC),
	    "non-blocking and close-on-exec");
	is_int(run(), 0, "OPEN comes");
	is_int(d.tag, tag, "with the tag");
	is_int(d.timeout, 1500, "the time");
	is_int(d.naddrs, 2, "the addresses");
	is_text(d.protocol, "/b/1", "the protocols");
	ok(read(d.stream, b, sizeof b) == 5 && strcmp(b, "early") == 0,
	    "and the stream, on which the bytes wait");
	close(d.stream);
	is_int(read(fd, b, sizeof b), 0, "its close is the end of ours");
	close(fd);
	fd = p2p_open(me.p2p, &id, NULL, 0, protocols, 2, 0, &second);
	ok(fd >= 0 && second != tag, "each has a tag of its own");
	close(fd);
	run();
	close(d.stream);
	ok(p2p_open(me.p2p, &id, far, 33, protocols, 1, 0, &tag) < 0 &&
	        errno == EINVAL, "more addresses than OPEN holds");
}

static void
test_heard(void)
{
	struct ctl *m = message();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		abort();
	m->has_stream = m->stream.has_tag = true;
	m->stream.tag = 5;
	ctl_say(d.end, m, pair[1]);
	is_int(run(), 0, "STREAM comes");
	ok(me.streams == 1 && me.tag == 5 && me.fd >= 0, "with its tag and fd");
	close(me.fd);
	close(pair[0]);
	m->stream.tag = 6;
	ctl_say(d.end, m, -1);
	run();
	ok(me.streams == 1 && me.heard == 1 && me.tag == 6,
	    "without an fd it is news");
	m = message();
	m->has_over = m->over.has_tag = true;
	m->over.tag = 7;
	ctl_say(d.end, m, dup(0));
	p2p_hear(me.p2p);
	ok(me.heard == 2 && me.tag == 7, "p2p_hear does not wait for the loop");
}

static void
test_lost(void)
{
	uint64_t tag;
	struct peerid id = { 0 };

	ctl_end_free(d.end);
	d.end = NULL;
	is_int(run(), 1, "a command is told that kn-p2pd is gone");
	is_text(me.why, "left", "and why");
	ok(p2p_say(me.p2p, message(), dup(0)) < 0 && errno == ENOTCONN,
	    "then nothing can be said");
	ok(p2p_open(me.p2p, &id, NULL, 0, protocols, 1, 0, &tag) < 0,
	    "nor opened");
	p2p_hear(me.p2p);
	p2p_free(me.p2p);

	me.p2p = p2p_new(loop, &conf, &face, NULL);
	run();
	me.free_in_lost = true;
	ctl_end_free(d.end);
	d.end = NULL;
	is_int(run(), 1, "it may end itself when told");
	me.free_in_lost = false;
	ok(me.p2p == NULL, "and has");
	d_stop();
	p2p_free(NULL);
}

/* kn-p2pd is not there, comes, restarts, and comes only to leave. */
static void
test_again(void)
{
	msec began;
	int code = 1;

	conf.again = true;
	unlink(path);
	me.lost = d.hellos = 0;
	me.p2p = p2p_new(loop, &conf, &face, NULL);
	ok(me.p2p != NULL, "a daemon waits for kn-p2pd");
	d_start();
	is_int(run(), 0, "and says HELLO when it is there");
	message()->has_now = true;
	ctl_say(d.end, &msg, -1);
	run();
	d_stop();
	is_int(run(), 1, "told when it goes");
	d_start();
	is_int(run(), 0, "it says HELLO to the next one");
	is_int(d.hellos, 2, "again");

	d.leave = true;
	d.hellos = me.lost = 0;
	ctl_end_free(d.end);
	d.end = NULL;
	began = msec_now();
	while (d.hellos < 4 && code != 99)
		code = run();
	ok(msec_now() - began >= 50 + 100 + 200,
	    "one that leaves at once is asked more and more seldom");
	p2p_free(me.p2p);
	d_stop();
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/p2p.sock", dir);
	loop = loop_new();
	test_hello();
	test_open();
	test_heard();
	test_lost();
	test_again();
	loop_free(loop);
	unlink(path);
	rmdir(dir);
	return tap_done();
}
