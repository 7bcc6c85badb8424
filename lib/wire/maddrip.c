/* SPDX-License-Identifier: ISC
 *
 * The half of wire/maddr.h that knows IP addresses. */
#include "wire/maddr.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A zone that is all digits is a number, whatever interfaces are called. */
static bool
zone_number(struct slice text, uint32_t *number)
{
	char name[IF_NAMESIZE], *end;
	unsigned long v;

	if (text.n >= sizeof name)
		return false;
	memcpy(name, text.p, text.n);
	name[text.n] = 0;
	v = strtoul(name, &end, 10);
	if (*end)
		v = if_nametoindex(name);
	*number = (uint32_t)v;
	return v > 0 && v <= UINT32_MAX;
}

/* The address without its port; the part that should be the port follows. */
static bool
take_ip(struct slice *in, struct sockaddr_storage *ss, socklen_t *n)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *four = (struct sockaddr_in *)ss;
	struct maddr_part part;
	bool zoned;

	if (maddr_next(in, &part) != 1)
		return false;
	zoned = part.code == MADDR_IP6ZONE;
	if (zoned && (!zone_number(part.value, &six->sin6_scope_id) ||
			 maddr_next(in, &part) != 1))
		return false;
	if (part.code == MADDR_IP6) {
		six->sin6_family = AF_INET6;
		memcpy(&six->sin6_addr, part.value.p, part.value.n);
		*n = sizeof *six;
		return true;
	}
	if (part.code != MADDR_IP4 || zoned)
		return false;
	four->sin_family = AF_INET;
	memcpy(&four->sin_addr, part.value.p, part.value.n);
	*n = sizeof *four;
	return true;
}

int
maddr_to_sockaddr(struct slice in, struct sockaddr_storage *ss, socklen_t *n,
    uint32_t *code, struct slice *rest)
{
	struct maddr_part part;
	in_port_t number;

	memset(ss, 0, sizeof *ss);
	if (!take_ip(&in, ss, n) || maddr_next(&in, &part) != 1 ||
	    (part.code != MADDR_TCP && part.code != MADDR_UDP))
		return -1;
	memcpy(&number, part.value.p, sizeof number);
	if (ss->ss_family == AF_INET)
		((struct sockaddr_in *)ss)->sin_port = number;
	else
		((struct sockaddr_in6 *)ss)->sin6_port = number;
	*code = part.code;
	if (rest)
		*rest = in;
	return 0;
}

/* The IPv4 address in a sockaddr of either family, or NULL. */
static const uint8_t *
four_of(const struct sockaddr *sa)
{
	const struct in6_addr *six;

	if (sa->sa_family == AF_INET)
		return (const uint8_t *)&((const struct sockaddr_in *)sa)
		    ->sin_addr;
	if (sa->sa_family != AF_INET6)
		return NULL;
	six = &((const struct sockaddr_in6 *)sa)->sin6_addr;
	return IN6_IS_ADDR_V4MAPPED(six) ? six->s6_addr + 12 : NULL;
}

static int
add_six(struct maddr *m, const struct sockaddr_in6 *six)
{
	char text[16];

	if (six->sin6_scope_id && IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr)) {
		snprintf(text, sizeof text, "%u", six->sin6_scope_id);
		if (maddr_add(m, MADDR_IP6ZONE, slice_text(text)) < 0)
			return -1;
	}
	return maddr_add(m, MADDR_IP6, slice_of(&six->sin6_addr, 16));
}

int
maddr_of_sockaddr(const struct sockaddr *sa, uint32_t code, struct maddr *m)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)sa;
	const uint8_t *four = four_of(sa);
	in_port_t number;

	m->n = 0;
	if ((sa->sa_family != AF_INET && sa->sa_family != AF_INET6) ||
	    (code != MADDR_TCP && code != MADDR_UDP))
		return -1;
	if ((four ? maddr_add(m, MADDR_IP4, slice_of(four, 4))
		  : add_six(m, six)) < 0)
		return -1;
	number = sa->sa_family == AF_INET6
		     ? six->sin6_port
		     : ((const struct sockaddr_in *)sa)->sin_port;
	return maddr_add(m, code, slice_of(&number, sizeof number));
}

struct range {
	uint8_t prefix[12];
	uint8_t bits;
	enum maddr_scope scope;
	uint8_t four; /* where an IPv4 address is inside, whose scope counts */
};

/* clang-format off */
/* The first that matches. */
static const struct range four_ranges[] = {
	{ { 10 },              8, SCOPE_PRIVATE },   /* RFC 1918 */
	{ { 172, 16 },        12, SCOPE_PRIVATE },
	{ { 192, 168 },       16, SCOPE_PRIVATE },
	{ { 100, 64 },        10, SCOPE_PRIVATE },   /* RFC 6598 */
	{ { 127 },             8, SCOPE_LOOPBACK },
	{ { 169, 254 },       16, SCOPE_LINK },      /* RFC 3927 */
	{ { 0 },               8, SCOPE_NONE },
	{ { 192, 0, 0 },      24, SCOPE_NONE },      /* RFC 6890 */
	{ { 192, 0, 2 },      24, SCOPE_NONE },      /* RFC 5737 */
	{ { 198, 51, 100 },   24, SCOPE_NONE },
	{ { 203, 0, 113 },    24, SCOPE_NONE },
	{ { 192, 88, 99 },    24, SCOPE_NONE },      /* RFC 7526 */
	{ { 198, 18 },        15, SCOPE_NONE },      /* RFC 2544 */
	{ { 224 },             3, SCOPE_NONE },      /* multicast, reserved */
	{ { 0 },               0, SCOPE_GLOBAL },
};

static const struct range six_ranges[] = {
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, SCOPE_NONE },    /* RFC 3849 */
	{ { 0x20, 0x01 },             23, SCOPE_NONE },    /* RFC 2928 */
	{ { 0x20, 0x02 },             16, SCOPE_GLOBAL, 2 }, /* RFC 3056 */
	{ { 0x3f, 0xff },             20, SCOPE_NONE },    /* RFC 9637 */
	{ { 0x20 },                    3, SCOPE_GLOBAL },
	{ { 0xfc },                    7, SCOPE_PRIVATE }, /* RFC 4193 */
	{ { 0xfe, 0x80 },             10, SCOPE_LINK },
	{ { 0xfe, 0xc0 },             10, SCOPE_PRIVATE }, /* RFC 3879 */
	{ { 0, 0x64, 0xff, 0x9b },    96, SCOPE_GLOBAL, 12 }, /* RFC 6052 */
	{ { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48, SCOPE_PRIVATE }, /* RFC 8215 */
	{ { 0 },                       0, SCOPE_NONE },
};
/* clang-format on */

static const struct range *
find_range(const struct range *r, const uint8_t *ip)
{
	for (;; r++) {
		size_t whole = r->bits / 8U;
		unsigned part = 0xff00U >> r->bits % 8 & 0xff;

		if (memcmp(r->prefix, ip, whole) == 0 &&
		    (part == 0 || ((r->prefix[whole] ^ ip[whole]) & part) == 0))
			return r;
	}
}

enum maddr_scope
maddr_scope(const struct sockaddr *sa)
{
	const uint8_t *four = four_of(sa);
	const struct in6_addr *six;
	const struct range *r;

	if (four)
		return find_range(four_ranges, four)->scope;
	if (sa->sa_family != AF_INET6)
		return SCOPE_NONE;
	six = &((const struct sockaddr_in6 *)sa)->sin6_addr;
	if (IN6_IS_ADDR_LOOPBACK(six))
		return SCOPE_LOOPBACK;
	r = find_range(six_ranges, six->s6_addr);
	/* translators reach global addresses only (RFC 6052, section 3.1) */
	if (r->four && find_range(four_ranges, six->s6_addr + r->four)->scope !=
			   SCOPE_GLOBAL)
		return SCOPE_NONE;
	return r->scope;
}

bool
maddr_global(struct slice addr)
{
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct maddr_part part;

	while (maddr_next(&addr, &part) == 1) {
		switch (part.code) {
		case MADDR_IP6ZONE:
			continue;
		case MADDR_IP4:
			memcpy(&four.sin_addr, part.value.p, 4);
			return maddr_scope((struct sockaddr *)&four) ==
			       SCOPE_GLOBAL;
		case MADDR_IP6:
			memcpy(&six.sin6_addr, part.value.p, 16);
			return maddr_scope((struct sockaddr *)&six) ==
			       SCOPE_GLOBAL;
		case MADDR_DNS:
		case MADDR_DNS4:
		case MADDR_DNS6:
		case MADDR_DNSADDR:
			return true;
		default:
			return false;
		}
	}
	return false;
}
