/* SPDX-License-Identifier: ISC
 *
 * An identify message of anything, in pieces as long as the first byte says;
 * what was understood is said again and must be understood again. */
#include "proto/ident.h"
#include "wire/maddr.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
must(bool good)
{
	if (!good)
		abort();
}

static void
check(const struct ident *id)
{
	const struct ident_msg *m = &id->msg;

	must(m->agent.n <= IDENT_AGENT);
	must(m->protocol_version.n <= IDENT_AGENT);
	must(id->certified == m->has_record);
	must(!m->has_observed || maddr_valid(m->observed));
	for (size_t i = 0; i < m->n_addrs; i++)
		must(maddr_valid(m->addrs[i]));
	for (size_t i = 0; i < m->n_protocols; i++)
		must(m->protocols[i].n > 0 && m->protocols[i].n <= IDENT_NAME);
	for (size_t i = 0; i < id->record.n_addresses; i++)
		must(maddr_valid(id->record.addresses[i].multiaddr));
}

static void
again(const struct ident *id, const struct peerid *peer)
{
	struct buf out = { .max = IDENT_SAY };
	struct ident back;

	ident_init(&back, NULL);
	ident_say(&id->msg, &out);
	must(!out.bad && out.n < IDENT_SAY);
	must(ident_hear(&back, buf_slice(&out)) == 0);
	must(ident_end(&back, peer) == 0);
	must(back.msg.n_addrs <= id->msg.n_addrs);
	must(slice_eq(back.msg.agent, id->msg.agent));
	check(&back);
	ident_free(&back);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct budget all = { .max = 1 << 20 };
	struct slice in = slice_of(p, n);
	struct peerid peer;
	struct ident id;
	size_t piece;
	int r = 0;

	if (n == 0 || n > 1 << 16)
		return 0;
	piece = 1u + 16 * get_u8(&in);
	/* a key that stands last in the input is the peer's */
	peer = peerid_of_key(slice_of(p + n - (n < 36 ? n : 36),
	    n < 36 ? n : 36));
	ident_init(&id, &all);
	while (in.n > 0 && r == 0)
		r = ident_hear(&id, get_bytes(&in,
		    in.n < piece ? in.n : piece));
	must(id.raw.n + id.body.n <= IDENT_HEAR);
	must(all.used <= 2 * IDENT_HEAR);
	if (ident_end(&id, &peer) == 0) {
		check(&id);
		again(&id, &peer);
	} else {
		must(id.why != NULL);
	}
	ident_free(&id);
	must(all.used == 0);
	return 0;
}
