/* SPDX-License-Identifier: ISC
 *
 * An address that is good, as bytes or as text, has a text that gives its
 * bytes back; its peer and socket address agree with it.  Zones are left out
 * of the latter, because reading their names asks the kernel. */
#include "wire/maddr.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_sockaddr(struct slice in)
{
	struct sockaddr_storage ss;
	struct maddr front;
	struct slice rest;
	uint32_t code;
	socklen_t n;

	if (in.p[0] == MADDR_IP6ZONE ||
	    maddr_to_sockaddr(in, &ss, &n, &code, &rest) < 0)
		return;
	maddr_scope((struct sockaddr *)&ss);
	if (maddr_of_sockaddr((struct sockaddr *)&ss, code, &front) < 0)
		abort();
	/* unless it was an IPv4 address in IPv6's clothes */
	if (front.b[0] == in.p[0] && (front.n + rest.n != in.n ||
	    memcmp(front.b, in.p, front.n) != 0))
		abort();
}

static void
check(struct slice in)
{
	char text[MADDR_TEXT];
	struct maddr back;
	struct peerid id;
	struct slice bare;

	if (maddr_of_text(slice_text(maddr_text(in, text)), &back) < 0 ||
	    !slice_eq(maddr_bytes(&back), in))
		abort();
	if (maddr_peer(in, &id, &bare)) {
		if (maddr_of_bytes(bare, &back) < 0 && bare.n > 0)
			abort();
		if (maddr_add(&back, MADDR_P2P, peerid_bytes(&id)) < 0 ||
		    !slice_eq(maddr_bytes(&back), in))
			abort();
	}
	check_sockaddr(in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct maddr m;

	if (maddr_valid(slice_of(p, n)))
		check(slice_of(p, n));
	if (maddr_of_text(slice_of(p, n), &m) == 0)
		check(maddr_bytes(&m));
	return 0;
}
