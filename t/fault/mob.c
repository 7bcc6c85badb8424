/* SPDX-License-Identifier: ISC
 *
 * Strangers without number, one after the other: mob MULTIADDR N, peers that
 * each have a key, a source address, a name and protocols of their own, or send
 * garbage, or nothing; mob http PORT N, requests for whatever comes to mind.
 * Whether the node takes them is of no interest here.  Prints how many were
 * served; exits 2 when nobody listens. */
#include "proto/conn.h"
#include "proto/ident.h"
#include "wire/maddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE = 1000, READ = 16384, TURNS = 8, WORD = 24 };

static struct sockaddr_storage target;
static socklen_t target_n;
static struct peerid want;
static unsigned long served;

/* Closed with a reset, so that ports do not run out. */
static void
drop(int fd)
{
	const struct linger now = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

/* From another address each time, where the target is in 127.0.0.0/8. */
static int
knock(void)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	const struct timeval patience = { PATIENCE / 1000, 0 };
	int fd = socket(target.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	from.sin_addr.s_addr = htonl(0x7f000001 + randombytes_uniform(1 << 24));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	setsockopt(
	    fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
	if (target.ss_family == AF_INET)
		(void)bind(fd, (struct sockaddr *)&from, sizeof from);
	if (connect(fd, (struct sockaddr *)&target, target_n) == 0)
		return fd;
	if (errno == ECONNREFUSED)
		exit(2);
	close(fd);
	return -1;
}

static char *
word(char text[WORD])
{
	size_t n = 1 + randombytes_uniform(WORD - 2);

	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + randombytes_uniform(26));
	text[n] = 0;
	return text;
}

static void
garbage(int fd, const char *head)
{
	uint8_t bytes[512];
	size_t n = 1 + randombytes_uniform(sizeof bytes);

	randombytes_buf(bytes, n);
	(void)send(fd, head, strlen(head), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

struct peer {
	int fd;
	struct noise_self noise;
	struct conn_self self;
	struct conn conn;
	struct buf in, hello;
	bool dead, asked;
};

/* Words about ourselves that nobody else says. */
static void
compose(struct peer *p)
{
	char agent[WORD], protocol[WORD];
	struct ident_msg m = { .has_agent = true };

	m.agent = slice_text(word(agent));
	m.protocols[m.n_protocols++] = slice_text(word(protocol));
	buf_init(&p->hello, IDENT_SAY, NULL);
	ident_say(&m, &p->hello);
}

static void
react(struct peer *p, struct conn_ev *ev)
{
	if (ev->kind == CONN_OFFER) {
		bool id = strcmp(ev->stream->protocol, IDENT_ID) == 0;

		conn_answer(&p->conn, ev->stream, id);
		if (!id)
			return;
		conn_write(&p->conn, ev->stream, buf_slice(&p->hello));
		conn_fin(&p->conn, ev->stream);
		p->asked = true;
	}
}

static void
turn(struct peer *p)
{
	struct buf *out = &p->conn.out;
	struct conn_ev ev;
	ssize_t n;
	int r;

	if (conn_flush(&p->conn) < 0 ||
	    send(p->fd, out->p, out->n, MSG_NOSIGNAL) != (ssize_t)out->n)
		p->dead = true;
	buf_drop(out, out->n);
	n = p->dead ? 0 : recv(p->fd, buf_room(&p->in, READ), READ, 0);
	if (n <= 0) {
		p->dead = true;
		return;
	}
	buf_added(&p->in, (size_t)n);
	while ((r = conn_step(&p->conn, &p->in, msec_now(), &ev)) == 1)
		react(p, &ev);
	p->dead |= r < 0;
}

static void
handshake(int fd)
{
	struct peer p = { .fd = fd };
	struct slice protocol;
	char text[WORD];
	struct key key;
	uint8_t seed[32];

	key_make(&key);
	randombytes_buf(seed, sizeof seed);
	noise_self_make(&p.noise, seed);
	noise_self_sign(&p.noise, &key);
	p.self = (struct conn_self){ .noise = &p.noise,
		.limits = { 16, 16, YAMUX_WINDOW },
		.handshake_timeout = PATIENCE,
		.offer_timeout = PATIENCE };
	compose(&p);
	buf_init(&p.in, 1 << 20, NULL);
	randombytes_buf(seed, sizeof seed);
	conn_init(&p.conn, &p.self, true, &want, msec_now(), seed);
	for (int i = 0; i < TURNS && !p.dead && !p.asked; i++)
		turn(&p);
	if (!p.dead) {
		served++;
		protocol = slice_text(word(text));
		(void)conn_open(&p.conn, &protocol, 1, msec_now());
		(void)conn_flush(&p.conn);
		(void)send(fd, p.conn.out.p, p.conn.out.n, MSG_NOSIGNAL);
	}
	conn_free(&p.conn);
	buf_free(&p.in);
	buf_free(&p.hello);
}

static void
ask(int fd)
{
	static const char *const methods[] = { "GET", "PUT", "POST", "HEAD",
		"DELETE", "BREW" };
	char text[512], a[WORD], b[WORD], c[WORD];
	int n = snprintf(text, sizeof text,
	    "%s /%s/%s?%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
	    methods[randombytes_uniform(6)], word(a), word(b), word(c), a);

	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) == n &&
	    recv(fd, text, sizeof text, 0) > 0)
		served++;
}

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
}

static void
aim_http(const char *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)) };

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memcpy(&target, &in, target_n = sizeof in);
}

int
main(int argc, char **argv)
{
	bool http = argc == 4 && strcmp(argv[1], "http") == 0;
	unsigned long n;
	int fd;

	if (sodium_init() < 0 || (argc != 3 && !http))
		return 2;
	if (http)
		aim_http(argv[2]);
	else
		aim(argv[1]);
	n = strtoul(argv[argc - 1], NULL, 10);
	for (unsigned long i = 0; i < n; i++) {
		fd = knock();
		if (fd < 0)
			continue;
		if (http)
			i % 8 ? ask(fd) : garbage(fd, "GET /");
		else if (i % 4 < 2)
			handshake(fd);
		else if (i % 4 == 2)
			garbage(
			    fd, i % 8 < 4 ? "" : "\x13/multistream/1.0.0\n");
		drop(fd);
	}
	printf("%lu\n", served);
	return 0;
}
