/* SPDX-License-Identifier: ISC */
#include "crypt/envelope.h"

#include <string.h>

enum {
	PAYLOAD_MOST = 65536,
	AROUND = 512, /* domain, type and lengths of a signed message */
};

#define BYTES(literal)                                                         \
	{                                                                      \
		.p = (const uint8_t *)(literal), .n = sizeof(literal) - 1      \
	}

const struct envelope_kind envelope_record = { "libp2p-peer-record",
	BYTES("\x03\x01") };
const struct envelope_kind envelope_routing_state = { "libp2p-routing-state",
	BYTES("/libp2p/routing-state-record") };
const struct envelope_kind envelope_voucher = { "libp2p-relay-rsvp",
	BYTES("\x03\x02") };
const struct envelope_kind envelope_value = { "kontinuum-value",
	BYTES("/kontinuum/value") };

static void
put_counted(struct buf *out, struct slice s)
{
	put_varint(out, s.n);
	put_slice(out, s);
}

void
envelope_message(
    const struct envelope_kind *kind, struct slice payload, struct buf *out)
{
	put_counted(out, slice_text(kind->domain));
	put_counted(out, kind->type);
	put_counted(out, payload);
}

void
envelope_wrap(const struct envelope_kind *kind, struct slice public_key,
    struct slice payload, struct slice signature, struct buf *out)
{
	const struct envelope_msg msg = {
		.has_public_key = true,
		.public_key = public_key,
		.has_payload_type = true,
		.payload_type = kind->type,
		.has_payload = true,
		.payload = payload,
		.has_signature = true,
		.signature = signature,
	};

	pb_encode(&envelope_msg_desc, &msg, out);
}

void
envelope_seal(const struct envelope_kind *kind, const struct key *k,
    struct slice payload, struct buf *out)
{
	uint8_t public[KEY_PUBLIC_PB], signature[KEY_SIGNATURE];
	struct buf message;

	buf_init(&message, payload.n + AROUND, NULL);
	envelope_message(kind, payload, &message);
	if (message.bad)
		out->bad = true;
	else {
		key_public(k, public);
		key_sign(k, buf_slice(&message), signature);
		envelope_wrap(kind, slice_of(public, sizeof public), payload,
		    slice_of(signature, sizeof signature), out);
	}
	buf_free(&message);
}

static int
refuse(const char **why, const char *text)
{
	*why = text;
	return -1;
}

static int
verify(const struct envelope_kind *kind, const struct envelope_msg *msg,
    const char **why)
{
	struct buf message;
	int r;

	buf_init(&message, msg->payload.n + AROUND, NULL);
	envelope_message(kind, msg->payload, &message);
	r = message.bad ? refuse(why, "envelope too long")
			: key_verify(msg->public_key, buf_slice(&message),
			      msg->signature, why);
	buf_free(&message);
	return r;
}

int
envelope_open(const struct envelope_kind *kind, struct slice in,
    struct slice *payload, struct peerid *signer, const char **why)
{
	struct envelope_msg msg;

	if (pb_decode(&envelope_msg_desc, in, &msg, NULL) < 0)
		return refuse(why, "malformed envelope");
	if (!msg.has_public_key || !msg.has_signature)
		return refuse(why, "envelope without key or signature");
	if (!msg.has_payload_type || !slice_eq(msg.payload_type, kind->type))
		return refuse(why, "envelope of another type");
	if (msg.payload.n > PAYLOAD_MOST)
		return refuse(why, "envelope too long");
	if (verify(kind, &msg, why) < 0)
		return -1;
	*payload = msg.payload;
	*signer = peerid_of_key(msg.public_key);
	return 0;
}

/* Which of the two kinds of peer record is it?  A type that is neither is for
 * envelope_open to refuse. */
static const struct envelope_kind *
record_kind(struct slice in)
{
	struct envelope_msg msg;

	if (pb_decode(&envelope_msg_desc, in, &msg, NULL) == 0 &&
	    slice_eq(msg.payload_type, envelope_routing_state.type))
		return &envelope_routing_state;
	return &envelope_record;
}

int
envelope_open_record(struct slice in, struct peer_record *record,
    struct peerid *signer, const char **why)
{
	struct slice payload;

	if (envelope_open(record_kind(in), in, &payload, signer, why) < 0)
		return -1;
	if (pb_decode(&peer_record_desc, payload, record, NULL) < 0)
		return refuse(why, "malformed peer record");
	if (!record->has_peer_id ||
	    !slice_eq(record->peer_id, peerid_bytes(signer)))
		return refuse(why, "peer record about somebody else");
	return 0;
}
