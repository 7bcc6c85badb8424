/* SPDX-License-Identifier: ISC */
#include "proto/ident.h"
#include "wire/maddr.h"

static int
fail(struct ident *id, const char *why)
{
	id->why = why;
	return -1;
}

void
ident_init(struct ident *id, struct budget *budget)
{
	*id = (struct ident){ 0 };
	buf_init(&id->raw, IDENT_HEAR, budget);
	buf_init(&id->body, IDENT_HEAR, budget);
}

void
ident_free(struct ident *id)
{
	buf_free(&id->raw);
	buf_free(&id->body);
}

/* Move the messages that have come whole from raw to body.  In protobuf,
 * messages one behind the other are one message with the fields of all. */
static int
unframe(struct ident *id)
{
	uint64_t n;
	size_t used;
	int r;

	while ((r = peek_varint(buf_slice(&id->raw), &n, &used)) == 1) {
		if (id->chunks == IDENT_CHUNKS)
			return fail(id, "too many messages");
		if (n > IDENT_HEAR - id->body.n)
			return fail(id, "announces too much");
		if (id->raw.n - used < n)
			return 0;
		put_bytes(&id->body, id->raw.p + used, (size_t)n);
		if (id->body.bad)
			return fail(id, "no memory");
		buf_drop(&id->raw, used + (size_t)n);
		id->chunks++;
	}
	return r < 0 ? fail(id, "bad length of a message") : 0;
}

int
ident_hear(struct ident *id, struct slice in)
{
	if (id->why)
		return -1;
	if (in.n > IDENT_HEAR - id->raw.n - id->body.n)
		return fail(id, "too long");
	put_slice(&id->raw, in);
	if (id->raw.bad)
		return fail(id, "no memory");
	return unframe(id);
}

/* Text of the peer's goes to logs and listings, which want whole characters:
 * the cut is not made in the middle of one. */
static void
shorten(struct slice *text)
{
	size_t n = IDENT_AGENT;

	if (text->n <= n)
		return;
	while (n > 0 && (text->p[n] & 0xc0) == 0x80)
		n--;
	text->n = n;
}

static size_t
keep_addrs(struct slice *addrs, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (maddr_valid(addrs[i]))
			addrs[kept++] = addrs[i];
	return kept;
}

static size_t
keep_names(struct slice *names, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (names[i].n > 0 && names[i].n <= IDENT_NAME)
			names[kept++] = names[i];
	return kept;
}

static size_t
keep_infos(struct address_info *infos, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (infos[i].has_multiaddr && maddr_valid(infos[i].multiaddr))
			infos[kept++] = infos[i];
	return kept;
}

static void
clean(struct ident_msg *msg)
{
	msg->n_addrs = keep_addrs(msg->addrs, msg->n_addrs);
	msg->n_protocols = keep_names(msg->protocols, msg->n_protocols);
	if (!maddr_valid(msg->observed)) {
		msg->has_observed = false;
		msg->observed = (struct slice){ 0 };
	}
	shorten(&msg->agent);
	shorten(&msg->protocol_version);
}

static void
certify(struct ident *id, const struct peerid *peer)
{
	struct ident_msg *msg = &id->msg;
	struct peerid signer;
	const char *why;

	if (!msg->has_record)
		return;
	id->certified = envelope_open_record(
			    msg->record, &id->record, &signer, &why) == 0 &&
			peerid_eq(&signer, peer);
	if (!id->certified) {
		msg->has_record = false;
		msg->record = (struct slice){ 0 };
		id->record = (struct peer_record){ 0 };
		return;
	}
	id->seq = id->record.seq;
	id->record.n_addresses =
	    keep_infos(id->record.addresses, id->record.n_addresses);
}

int
ident_end(struct ident *id, const struct peerid *peer)
{
	struct ident_msg *msg = &id->msg;

	if (id->why)
		return -1;
	if (id->raw.n > 0 || id->chunks == 0)
		return fail(id, "ends too early");
	if (pb_decode(&ident_msg_desc, buf_slice(&id->body), msg, NULL) < 0)
		return fail(id, "malformed message");
	if (msg->has_public_key) {
		struct peerid owner = peerid_of_key(msg->public_key);

		if (!peerid_eq(&owner, peer))
			return fail(id, "somebody else's public key");
	}
	clean(msg);
	certify(id, peer);
	return 0;
}

static bool
fits(const struct ident_msg *msg)
{
	size_t n = pb_size(&ident_msg_desc, msg);

	return varint_size(n) + n < IDENT_SAY;
}

static void
trim(struct ident_msg *msg)
{
	while (!fits(msg) && msg->n_addrs > 0)
		msg->n_addrs--;
	while (!fits(msg) && msg->n_protocols > 0)
		msg->n_protocols--;
}

void
ident_say(const struct ident_msg *whole, struct buf *out)
{
	struct ident_msg msg = *whole;

	shorten(&msg.agent);
	shorten(&msg.protocol_version);
	trim(&msg);
	/* a record that leaves no place for anything else is worth less than
	 * a message that is read at all */
	if (!fits(&msg)) {
		msg.has_record = false;
		msg.n_addrs = whole->n_addrs;
		msg.n_protocols = whole->n_protocols;
		trim(&msg);
	}
	pb_encode_framed(&ident_msg_desc, &msg, out);
}
