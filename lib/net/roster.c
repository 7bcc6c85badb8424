/* SPDX-License-Identifier: ISC */
#include "net/roster.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/opt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	MAPPED = 96,   /* bits before the IPv4 address in a mapped one */
	NET_TEXT = 64, /* more than any CIDR has */
	FAULT_TEXT = 1024,
};

/* Where the reading of a list stands. */
struct reading {
	struct roster *roster;
	const char *name, *path;
	struct buf *faults;
	unsigned line, bad;
};

static void __attribute__((format(printf, 2, 3)))
blame(struct reading *r, const char *fmt, ...)
{
	char text[FAULT_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	put_text(r->faults, r->name);
	put_u8(r->faults, ' ');
	put_text(r->faults, r->path);
	put_text(r->faults, text);
	put_u8(r->faults, '\n');
	r->bad++;
}

static struct ip
ip_of_six(const struct in6_addr *six)
{
	struct ip ip = { .n = 16 };

	if (IN6_IS_ADDR_V4MAPPED(six)) {
		ip.n = 4;
		memcpy(ip.b, six->s6_addr + MAPPED / 8, 4);
	} else {
		memcpy(ip.b, six->s6_addr, 16);
	}
	return ip;
}

struct ip
roster_ip(const struct sockaddr *sa)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)sa;
	struct ip ip = { 0 };

	if (sa->sa_family == AF_INET6)
		return ip_of_six(&((const struct sockaddr_in6 *)sa)->sin6_addr);
	if (sa->sa_family != AF_INET)
		return ip;
	ip.n = 4;
	memcpy(ip.b, &four->sin_addr, 4);
	return ip;
}

bool
roster_same(const struct ip *a, const struct ip *b, unsigned bits)
{
	unsigned whole = bits / 8, part = 0xff00U >> bits % 8 & 0xff;

	return a->n > 0 && a->n == b->n && bits <= 8U * a->n &&
	       memcmp(a->b, b->b, whole) == 0 &&
	       (part == 0 || ((a->b[whole] ^ b->b[whole]) & part) == 0);
}

/* The key of a network: its length, and the address with the rest zeroed. */
static struct slice
net_key(const struct ip *ip, unsigned bits, uint8_t key[17])
{
	unsigned whole = bits / 8;

	memset(key, 0, 17);
	key[0] = (uint8_t)bits;
	memcpy(key + 1, ip->b, whole);
	if (bits % 8)
		key[1 + whole] = (uint8_t)(ip->b[whole] & 0xff00U >> bits % 8);
	return slice_of(key, 1U + ip->n);
}

bool
roster_has_peer(const struct roster *r, const struct peerid *id)
{
	return id->n > 0 && map_get(&r->peers, peerid_bytes(id)) != NULL;
}

bool
roster_has_ip(const struct roster *r, const struct ip *ip)
{
	uint8_t key[17];

	for (unsigned bits = 0; bits <= 8U * ip->n; bits++)
		if (ip->n > 0 && r->used[ip->n == 16][bits] &&
		    map_get(&r->nets, net_key(ip, bits, key)) != NULL)
			return true;
	return false;
}

void
roster_free(struct roster *r)
{
	map_free(&r->peers);
	map_free(&r->nets);
	*r = (struct roster){ 0 };
}

/* ADDRESS or ADDRESS/BITS; bits beyond the prefix are ignored, as firewalls
 * do. */
static bool
parse_net(struct slice text, struct ip *ip, unsigned *bits)
{
	char copy[NET_TEXT], *slash;
	struct in6_addr six;
	uint64_t given;
	unsigned most;

	if (text.n >= sizeof copy || memchr(text.p, 0, text.n))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = 0;
	slash = strchr(copy, '/');
	if (slash)
		*slash = 0;
	if (inet_pton(AF_INET, copy, ip->b) == 1) {
		ip->n = 4;
		most = 32;
	} else if (inet_pton(AF_INET6, copy, &six) == 1) {
		*ip = ip_of_six(&six);
		most = 128;
	} else {
		return false;
	}
	given = most;
	if (slash && opt_uint(slash + 1, most, &given) < 0)
		return false;
	/* a mapped network has to lie within the mapped ones */
	if (ip->n == 4 && most == 128) {
		if (given < MAPPED)
			return false;
		given -= MAPPED;
	}
	*bits = (unsigned)given;
	return true;
}

struct ip
roster_ip_of_text(struct slice text)
{
	struct ip ip = { 0 };
	unsigned bits;

	if (!parse_net(text, &ip, &bits) || bits != 8U * ip.n)
		ip.n = 0;
	return ip;
}

bool
roster_add_net(struct roster *to, struct slice text)
{
	struct ip ip = { 0 };
	unsigned bits;
	uint8_t key[17];

	if (!parse_net(text, &ip, &bits))
		return false;
	to->used[ip.n == 16][bits] = true;
	map_put(&to->nets, net_key(&ip, bits, key), to);
	return true;
}

static void
take_row(struct reading *r, struct slice row)
{
	struct roster *to = r->roster;
	struct peerid id;

	if (to->peers.n + to->nets.n >= ROSTER_ROWS) {
		blame(
		    r, ":%u: more than %d entries", r->line, (int)ROSTER_ROWS);
		r->bad = ROSTER_FAULTS;
	} else if (roster_add_net(to, row)) {
		return;
	} else if (peerid_of_text(row, &id) == 0) {
		map_put(&to->peers, peerid_bytes(&id), to);
	} else {
		blame(r, ":%u: %s is no peer id, address or CIDR", r->line,
		    log_q(row));
	}
}

/* What is in front of the character; it and what is behind it go or stay. */
static struct slice
before(struct slice text, char end)
{
	const uint8_t *at = text.n > 0 ? memchr(text.p, end, text.n) : NULL;

	return slice_of(text.p, at ? (size_t)(at - text.p) : text.n);
}

int
roster_read(struct roster *roster, const char *name, const char *path,
    struct buf *faults)
{
	struct reading r = { roster, name, path, faults, 0, 0 };
	struct buf file = { .max = ROSTER_BYTES };
	struct slice rest;

	if (fd_read_file(path, &file) < 0)
		blame(&r, ": %s", strerror(errno));
	rest = buf_slice(&file);
	while (rest.n > 0 && r.bad < ROSTER_FAULTS) {
		struct slice line = before(rest, '\n');
		struct slice row = slice_trim(before(line, '#'), " \t\r");

		r.line++;
		get_bytes(&rest, line.n);
		if (rest.n > 0)
			get_u8(&rest);
		if (row.n > 0)
			take_row(&r, row);
	}
	buf_free(&file);
	return r.bad > 0 ? -1 : 0;
}
