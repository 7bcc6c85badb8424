/* SPDX-License-Identifier: ISC
 *
 * A name server on the loopback, by UDP and TCP, for the tests of net/resolve
 * and net/dial. */
#ifndef T_NET_NAMESERVER_H
#define T_NET_NAMESERVER_H

#include "base/buf.h"
#include "net/resolve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { NS_A = 1, NS_TXT = 16, NS_AAAA = 28, NS_ROWS = 256, NS_PLAIN = 512 };

struct nameserver {
	struct loop *loop;
	struct sockaddr_in at;
	int udp, tcp, conn;
	struct watch *on_udp, *on_tcp, *on_conn;
	struct ns_row {
		const char *name;
		int type;
		const char *value; /* borrowed; an address in text */
	} rows[NS_ROWS];
	size_t n;
	unsigned by_udp, by_tcp; /* questions heard */
	uint8_t code;            /* answered to all, when not 0 */
	bool mute;
};

static inline void
ns_add(struct nameserver *ns, const char *name, int type, const char *value)
{
	if (ns->n < NS_ROWS)
		ns->rows[ns->n++] = (struct ns_row){ name, type, value };
}

static inline void
ns_put_value(struct buf *out, const struct ns_row *row)
{
	size_t left = strlen(row->value), at = out->n;
	const char *text = row->value;
	uint8_t ip[16];

	put_u16(out, 0);
	if (row->type == NS_TXT) {
		do {
			size_t n = left < 255 ? left : 255;

			put_u8(out, (uint8_t)n);
			put_bytes(out, text, n);
			text += n;
			left -= n;
		} while (left > 0);
	} else {
		inet_pton(row->type == NS_A ? AF_INET : AF_INET6, text, ip);
		put_bytes(out, ip, row->type == NS_A ? 4 : 16);
	}
	out->p[at] = (uint8_t)((out->n - at - 2) >> 8);
	out->p[at + 1] = (uint8_t)(out->n - at - 2);
}

static inline void
ns_name(struct slice *in, char name[256])
{
	size_t n = 0;
	uint8_t label;

	while ((label = get_u8(in)) > 0 && n + label + 1 < 256) {
		struct slice text = get_bytes(in, label);

		if (text.bad)
			break;
		if (n > 0)
			name[n++] = '.';
		memcpy(name + n, text.p, label);
		n += label;
	}
	name[n] = 0;
}

/* room: bytes that the asker takes. */
static inline void
ns_answer(struct nameserver *ns, struct slice in, struct buf *out, size_t room)
{
	struct slice all = in, question;
	char name[256];
	uint16_t type, count = 0, additional;

	get_bytes(&in, 10);
	additional = get_u16(&in);
	question = in;
	ns_name(&in, name);
	type = get_u16(&in);
	get_u16(&in);
	question.n -= in.n;
	if (additional > 0 && room == NS_PLAIN) {
		get_bytes(&in, 3);
		room = get_u16(&in);
	}
	put_slice(out, get_bytes(&all, 2));
	put_u16(out, 0x8180 | ns->code);
	put_u16(out, 1);
	put_u16(out, 0);
	put_u32(out, 0);
	put_slice(out, question);
	for (size_t i = 0; i < ns->n && ns->code == 0; i++) {
		if (ns->rows[i].type != type ||
		    strcasecmp(ns->rows[i].name, name) != 0)
			continue;
		put_u16(out, 0xc00c);
		put_u16(out, type);
		put_u16(out, 1);
		put_u32(out, 60);
		ns_put_value(out, &ns->rows[i]);
		count++;
	}
	out->p[7] = (uint8_t)count;
	if (count == 0 && ns->code == 0)
		out->p[3] |= 3;
	if (out->n > room) {
		out->p[2] |= 2;
		out->p[7] = 0;
		buf_cut(out, 12 + question.n);
	}
}

static inline void
ns_on_udp(void *arg, unsigned what)
{
	struct nameserver *ns = arg;
	struct buf out = { .max = 65000 };
	struct sockaddr_in from;
	socklen_t n = sizeof from;
	uint8_t in[1500];
	ssize_t got = recvfrom(ns->udp, in, sizeof in, MSG_DONTWAIT,
	    (struct sockaddr *)&from, &n);

	(void)what;
	if (got < 12)
		return;
	ns->by_udp++;
	if (ns->mute)
		return;
	ns_answer(ns, slice_of(in, (size_t)got), &out, NS_PLAIN);
	sendto(ns->udp, out.p, out.n, 0, (struct sockaddr *)&from, n);
	buf_free(&out);
}

static inline void
ns_hang_up(struct nameserver *ns)
{
	watch_free(ns->on_conn);
	ns->on_conn = NULL;
	if (ns->conn >= 0)
		close(ns->conn);
	ns->conn = -1;
}

/* A question comes in one piece on the loopback.  The answer goes in two. */
static inline void
ns_on_conn(void *arg, unsigned what)
{
	struct nameserver *ns = arg;
	struct buf out = { .max = 65537 };
	uint8_t in[1500], size[2];
	ssize_t got = recv(ns->conn, in, sizeof in, MSG_DONTWAIT);

	(void)what;
	if (got < 14) {
		ns_hang_up(ns);
		return;
	}
	ns->by_tcp++;
	ns_answer(ns, slice_of(in + 2, (size_t)got - 2), &out, 65535);
	size[0] = (uint8_t)(out.n >> 8);
	size[1] = (uint8_t)out.n;
	if (send(ns->conn, size, 2, 0) < 0 ||
	    send(ns->conn, out.p, out.n, 0) < 0)
		ns_hang_up(ns);
	buf_free(&out);
}

static inline void
ns_on_tcp(void *arg, unsigned what)
{
	struct nameserver *ns = arg;

	(void)what;
	ns_hang_up(ns);
	ns->conn = accept(ns->tcp, NULL, NULL);
	if (ns->conn < 0)
		return;
	ns->on_conn = watch_new(ns->loop, ns->conn, ns_on_conn, ns);
	watch_want(ns->on_conn, WATCH_READ);
}

/* Both sockets have one port; another process may have the second's. */
static inline bool
ns_bind(struct nameserver *ns)
{
	socklen_t n = sizeof ns->at;

	ns->at = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	ns->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ns->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(ns->udp, (struct sockaddr *)&ns->at, n) == 0 &&
	    getsockname(ns->udp, (struct sockaddr *)&ns->at, &n) == 0 &&
	    bind(ns->tcp, (struct sockaddr *)&ns->at, n) == 0 &&
	    listen(ns->tcp, 8) == 0)
		return true;
	close(ns->udp);
	close(ns->tcp);
	return false;
}

/* Everything that the loop resolves is asked here. */
static inline bool
ns_open(struct nameserver *ns, struct loop *loop)
{
	*ns = (struct nameserver){ .loop = loop, .conn = -1 };
	for (int i = 0; !ns_bind(ns); i++)
		if (i == 20)
			return false;
	ns->on_udp = watch_new(loop, ns->udp, ns_on_udp, ns);
	ns->on_tcp = watch_new(loop, ns->tcp, ns_on_tcp, ns);
	watch_want(ns->on_udp, WATCH_READ);
	watch_want(ns->on_tcp, WATCH_READ);
	return resolve_server(loop, (struct sockaddr *)&ns->at,
	    sizeof ns->at) == 0;
}

static inline void
ns_close(struct nameserver *ns)
{
	ns_hang_up(ns);
	watch_free(ns->on_udp);
	watch_free(ns->on_tcp);
	close(ns->udp);
	close(ns->tcp);
}

#endif
