/* SPDX-License-Identifier: ISC
 *
 * A peer that means no good: hostile ATTACK MULTIADDR [N].  The handshake is
 * done by our own machine, what follows is written by hand.  Exits 0 when the
 * node did what it should, 1 when not, 2 when it could not be asked.
 * hostile stat FILE NAME LABELS prints a counter instead. */
#include "base/mem.h"
#include "base/stat.h"
#include "proto/conn.h"
#include "proto/ident.h"
#include "wire/maddr.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PING "/ipfs/ping/1.0.0"

enum { PATIENCE = 60000, READ = 65536, TEND = 32 };
enum { SYN = 1, ACK = 2, FIN = 4, RST = 8 };
enum { DATA, CREDIT, PINGS, GOAWAY };

static struct sockaddr_storage target;
static socklen_t target_n;
static struct peerid want;
static struct noise_self noise;
static struct conn_self self;
static unsigned long count; /* N */

/* An identity. */
static void
introduce(struct noise_self *who)
{
	struct key key;
	uint8_t seed[32];

	key_make(&key);
	randombytes_buf(seed, sizeof seed);
	noise_self_make(who, seed);
	noise_self_sign(who, &key);
}

/* One connection. */
struct line {
	int fd;
	struct conn conn;
	struct buf in;
	bool dead;       /* the node closed it */
	uint32_t id;     /* of the next stream by hand */
	size_t echoed;   /* bytes on the stream that conn opened */
	struct conn_stream *st;
	bool reset;      /* that stream was */
	bool asked;      /* the node opened a stream */
};

static int
knock(void)
{
	int fd = socket(target.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&target, target_n) < 0)
		exit(2);
	return fd;
}

/* Write all; false: the other side closed. */
static bool
shove(int fd, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	while (n > 0) {
		struct pollfd pfd = { fd, POLLOUT, 0 };
		ssize_t r;

		if (poll(&pfd, 1, PATIENCE) <= 0)
			return false;
		r = send(fd, p, n, MSG_DONTWAIT);
		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (r < 0)
			return false;
		p += r;
		n -= (size_t)r;
	}
	return true;
}

/* Is it closed by the other side within that time?  What comes is thrown
 * away. */
static bool
closes(int fd, msec within)
{
	msec until = msec_now() + within;
	char b[READ];

	while (msec_now() < until) {
		struct pollfd pfd = { fd, POLLIN, 0 };
		ssize_t n;

		if (poll(&pfd, 1, (int)(until - msec_now())) <= 0)
			continue;
		n = recv(fd, b, sizeof b, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return true;
	}
	return false;
}

static void
react(struct line *l, const struct conn_ev *ev)
{
	if (ev->kind == CONN_OFFER) {
		conn_answer(&l->conn, ev->stream, false);
		l->asked = true;
	}
	if (ev->kind == CONN_DATA && ev->stream == l->st)
		l->echoed += ev->data.n;
	if ((ev->kind == CONN_RESET || ev->kind == CONN_REFUSED) &&
	    ev->stream == l->st) {
		l->reset = true;
		l->st = NULL;
	}
}

static void
digest(struct line *l)
{
	struct conn_ev ev;
	int r;

	while ((r = conn_step(&l->conn, &l->in, msec_now(), &ev)) == 1)
		react(l, &ev);
	if (r < 0)
		l->dead = true;
}

static void
tell(struct line *l)
{
	struct buf *out = &l->conn.out;

	if (conn_flush(&l->conn) < 0 || !shove(l->fd, out->p, out->n))
		l->dead = true;
	buf_drop(out, out->n);
}

/* Say what is there, hear what comes within ms. */
static void
turn(struct line *l, int ms)
{
	struct pollfd pfd = { l->fd, POLLIN, 0 };
	ssize_t n;

	tell(l);
	if (l->dead || poll(&pfd, 1, ms) <= 0)
		return;
	n = recv(l->fd, buf_room(&l->in, READ), READ, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		l->dead = true;
		return;
	}
	buf_added(&l->in, n > 0 ? (size_t)n : 0);
	digest(l);
	if (!l->dead)
		tell(l);
}

static void
line_open(struct line *l)
{
	uint8_t seed[32];
	msec until = msec_now() + PATIENCE;

	*l = (struct line){ .fd = knock(), .id = 1001 };
	buf_init(&l->in, 1 << 22, NULL);
	randombytes_buf(seed, sizeof seed);
	conn_init(&l->conn, &self, true, &want, msec_now(), seed);
	while (!l->dead && l->conn.state != CONN_OPEN && msec_now() < until)
		turn(l, 100);
}

static void
line_close(struct line *l)
{
	conn_free(&l->conn);
	buf_free(&l->in);
	close(l->fd);
}

static void
frame(struct line *l, unsigned type, unsigned flags, uint32_t id, uint32_t len)
{
	struct buf *out = &l->conn.plain;

	put_u16(out, (uint16_t)type);
	put_u16(out, (uint16_t)flags);
	put_u32(out, id);
	put_u32(out, len);
	if (out->n > 1 << 16)
		tell(l);
}

/* Does the node end the connection, as it should? */
static int
ends(struct line *l)
{
	msec until = msec_now() + PATIENCE;

	while (!l->dead && msec_now() < until)
		turn(l, 100);
	line_close(l);
	return l->dead ? 0 : 1;
}

static struct conn_stream *
stream(struct line *l, const char *protocol)
{
	struct slice name = slice_text(protocol);

	l->st = conn_open(&l->conn, &name, 1, msec_now());
	return l->st;
}

/* A well-behaved peer: in and answered. */
static int
ping(void)
{
	struct line l;
	msec until = msec_now() + PATIENCE;

	line_open(&l);
	if (l.dead || stream(&l, PING) == NULL)
		return 1;
	conn_write(&l.conn, l.st, slice_of("0123456789abcdef0123456789abcdef",
	    32));
	while (!l.dead && l.echoed < 32 && msec_now() < until)
		turn(&l, 50);
	line_close(&l);
	return l.echoed == 32 ? 0 : 1;
}

/* N connections that never say a word: each is closed in time. */
static int
half(void)
{
	int *fd = mem_new(count * sizeof *fd);
	msec until = msec_now() + PATIENCE;
	int late = 0;

	for (unsigned long i = 0; i < count; i++)
		fd[i] = knock();
	for (unsigned long i = 0; i < count; i++) {
		late += !closes(fd[i], until - msec_now());
		close(fd[i]);
	}
	free(fd);
	return late > 0;
}

/* One byte of a good handshake each 100 ms, but never the last. */
static int
drip(void)
{
	static const char hello[] = "\x13/multistream/1.0.0\n\x07/noise\n";
	int fd = knock();
	msec until = msec_now() + PATIENCE;

	for (size_t i = 0, n; msec_now() < until; i += n) {
		n = i < sizeof hello - 2;
		if (closes(fd, 100) || send(fd, hello + i, n, 0) < 0) {
			close(fd);
			return 0;
		}
	}
	return 1;
}

static int
garbage(void)
{
	static uint8_t much[1 << 20];
	int fd = knock();

	randombytes_buf(much, sizeof much);
	return !shove(fd, much, sizeof much) || closes(fd, PATIENCE) ? 0 : 1;
}

/* Yamux where Noise should begin. */
static int
plain(void)
{
	static const char hello[] = "\x13/multistream/1.0.0\n\x07/noise\n"
	    "\0\1\0\1\0\0\0\1\0\0\0\0\0\2\0\1\0\0\0\0\0\0\0\1";
	int fd = knock();

	shove(fd, hello, sizeof hello - 1);
	return closes(fd, PATIENCE) ? 0 : 1;
}

/* A line that is not a line: a length that never ends, then one of 1 MB. */
static int
lines(void)
{
	int fd = knock(), other = knock();

	shove(fd, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11);
	shove(other, "\x80\x80\x40", 3);
	return closes(fd, PATIENCE) && closes(other, PATIENCE) ? 0 : 1;
}

static int
flip(void)
{
	struct line l;

	line_open(&l);
	frame(&l, PINGS, SYN, 0, 1);
	conn_flush(&l.conn);
	l.conn.out.p[5] ^= 0x10;
	return ends(&l);
}

static int
syns(void)
{
	struct line l;

	line_open(&l);
	for (unsigned long i = 0; i < count && !l.dead; i++)
		frame(&l, CREDIT, SYN, l.id += 2, 0);
	return ends(&l);
}

static int
twice(void)
{
	struct line l;

	line_open(&l);
	frame(&l, CREDIT, SYN, l.id, 0);
	frame(&l, CREDIT, SYN, l.id, 0);
	return ends(&l);
}

static int
pings(void)
{
	struct line l;

	line_open(&l);
	for (unsigned long i = 0; i < count && !l.dead; i++)
		frame(&l, PINGS, SYN, 0, (uint32_t)i);
	return ends(&l);
}

/* One byte more than the window that the node gave. */
static int
window(void)
{
	static uint8_t zeros[YAMUX_WINDOW + 1];
	struct line l;

	line_open(&l);
	frame(&l, CREDIT, SYN, l.id, 0);
	frame(&l, DATA, 0, l.id, sizeof zeros);
	put_bytes(&l.conn.plain, zeros, sizeof zeros);
	return ends(&l);
}

/* Data for streams that never were is thrown away, and answered with nothing;
 * the connection goes on. */
static int
nobody(void)
{
	struct line l;

	line_open(&l);
	for (unsigned long i = 0; i < 1000 && !l.dead; i++) {
		frame(&l, DATA, 0, l.id += 2, 4);
		put_u32(&l.conn.plain, 0);
		frame(&l, CREDIT, RST, l.id, 0);
	}
	if (l.dead || stream(&l, PING) == NULL)
		return 1;
	conn_write(&l.conn, l.st, slice_text("x"));
	for (msec until = msec_now() + PATIENCE; !l.dead && l.echoed == 0 &&
	    msec_now() < until;)
		turn(&l, 50);
	line_close(&l);
	return l.echoed == 1 ? 0 : 1;
}

/* Ask for ever, and hear nothing: the bytes stay here, not there. */
static int
deaf(void)
{
	static uint8_t some[READ];
	struct line l;
	msec until = msec_now() + 2000;
	int room = 4096;

	line_open(&l);
	setsockopt(l.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	for (uint32_t i = 0; i < 64 && stream(&l, PING); i++)
		conn_write(&l.conn, l.st, slice_of(some, sizeof some));
	conn_flush(&l.conn);
	while (l.conn.out.n > 0 && msec_now() < until) {
		struct pollfd pfd = { l.fd, POLLOUT, 0 };
		ssize_t n;

		if (poll(&pfd, 1, 100) <= 0)
			continue;
		n = send(l.fd, l.conn.out.p, l.conn.out.n, MSG_DONTWAIT);
		if (n < 0)
			break;
		buf_drop(&l.conn.out, (size_t)n);
	}
	poll(NULL, 0, 500);
	line_close(&l);
	return 0;
}

/* Identify push of N bytes: its stream is reset, the connection stays. */
static int
push(void)
{
	static uint8_t some[READ];
	struct line l;
	struct buf head = { .max = 16 };
	msec until = msec_now() + PATIENCE;
	size_t left = count;

	line_open(&l);
	if (l.dead || stream(&l, IDENT_PUSH) == NULL)
		return 1;
	put_varint(&head, count);
	conn_write(&l.conn, l.st, buf_slice(&head));
	buf_free(&head);
	while (!l.dead && !l.reset && msec_now() < until) {
		size_t n = left < sizeof some ? left : sizeof some;

		left -= l.st ? conn_write(&l.conn, l.st, slice_of(some, n)) : 0;
		turn(&l, 20);
	}
	line_close(&l);
	return l.reset && !l.dead ? ping() : 1;
}

/* 1000 streams opened and reset, again and again for N seconds, on a new
 * connection when one is closed. */
static int
rapid(void)
{
	msec until = msec_now() + (msec)count * 1000;
	unsigned long closed = 0, streams = 0;
	struct line l;

	line_open(&l);
	while (msec_now() < until + (closed ? 0 : PATIENCE)) {
		for (int i = 0; i < 1000 && !l.dead; i++, streams++) {
			frame(&l, CREDIT, SYN, l.id += 2, 0);
			frame(&l, CREDIT, RST, l.id, 0);
		}
		turn(&l, 0);
		if (l.dead) {
			line_close(&l);
			line_open(&l);
			closed++;
		}
	}
	line_close(&l);
	printf("# %lu streams, closed %lu times\n", streams, closed);
	return closed > 0 ? 0 : 1;
}

/* Each hears what the node says, and answers its pings. */
static void
tend(struct line *all, unsigned long n)
{
	while (n-- > 0)
		if (!all[n].dead)
			turn(&all[n], 0);
}

/* N peers, each with a key of its own, who stay until standard input ends. */
static int
crowd(void)
{
	struct noise_self *selves = mem_new(count * sizeof *selves);
	struct line *all = mem_new(count * sizeof *all);
	struct rlimit r = { count + 64, count + 64 };
	struct pollfd end = { STDIN_FILENO, POLLIN, 0 };
	int lost = 0;
	char c;

	setrlimit(RLIMIT_NOFILE, &r);
	for (unsigned long i = 0; i < count; i++) {
		introduce(&selves[i]);
		self.noise = &selves[i];
		line_open(&all[i]);
		/* its question who we are, which we do not answer */
		for (msec until = msec_now() + PATIENCE;
		    !all[i].dead && !all[i].asked && msec_now() < until;)
			turn(&all[i], 100);
		if (!all[i].asked)
			return fprintf(stderr, "# peer %lu is not in\n", i);
		if (i % TEND == 0)
			tend(all, i);
	}
	puts("all are here");
	fflush(stdout);
	while (poll(&end, 1, 1000) == 0 || read(STDIN_FILENO, &c, 1) > 0)
		tend(all, count);
	for (unsigned long i = 0; i < count; i++) {
		lost += all[i].dead || !all[i].asked;
		line_close(&all[i]);
	}
	free(all);
	free(selves);
	return lost > 0;
}

static int
stat_of(char **argv)
{
	struct stat_view v;
	struct stat_value value;
	unsigned long long sum = 0;

	if (stat_view(argv[0], &v) < 0)
		return 2;
	for (size_t i = 0; i < v.n; i++)
		if (stat_read(&v, i, &value) == 0 &&
		    strcmp(value.name, argv[1]) == 0 &&
		    strcmp(value.labels, argv[2]) == 0)
			sum += value.value;
	stat_unview(&v);
	printf("%llu\n", sum);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
	unsigned long count;
} attacks[] = {
	{ "ping", ping, 0 }, { "half", half, 300 }, { "drip", drip, 0 },
	{ "garbage", garbage, 0 }, { "plain", plain, 0 },
	{ "lines", lines, 0 }, { "flip", flip, 0 }, { "syns", syns, 10000 },
	{ "twice", twice, 0 }, { "pings", pings, 10000 },
	{ "window", window, 0 }, { "nobody", nobody, 0 }, { "deaf", deaf, 0 },
	{ "push", push, 100000 }, { "rapid", rapid, 5 }, { "crowd", crowd, 2000 },
};

static void
aim(const char *text)
{
	struct maddr addr;
	struct slice bare;
	uint32_t code;

	if (maddr_of_text(slice_text(text), &addr) < 0 ||
	    !maddr_peer(maddr_bytes(&addr), &want, &bare) ||
	    maddr_to_sockaddr(bare, &target, &target_n, &code, NULL) < 0)
		exit(2);
	introduce(&noise);
	self = (struct conn_self){ .noise = &noise,
		.limits = { 1000, 1000, 1 << 20 },
		.handshake_timeout = PATIENCE, .offer_timeout = PATIENCE };
}

int
main(int argc, char **argv)
{
	if (sodium_init() < 0 || argc < 3)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(argv[1], "stat") == 0)
		return argc == 5 ? stat_of(argv + 2) : 2;
	aim(argv[2]);
	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
		if (strcmp(argv[1], attacks[i].name) != 0)
			continue;
		count = argc > 3 ? strtoul(argv[3], NULL, 10)
		                 : attacks[i].count;
		return attacks[i].run();
	}
	return 2;
}
