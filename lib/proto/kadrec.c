/* SPDX-License-Identifier: ISC */
#include "crypt/envelope.h"
#include "proto/kadrec_own.h"
#include "wire/cid.h"
#include "wire/mbase.h"

#include <sodium.h>
#include <string.h>

/* Multihash codes. */
enum { IDENTITY = 0x00, SHA2_256 = 0x12 };

static const char hex_prefix[] = "hex:";

static struct buf
buf_on(void *mem, size_t n)
{
	return (struct buf){ .p = mem, .mem = mem, .cap = n, .max = n };
}

static bool
pk_is_key(struct slice rest)
{
	uint64_t code, length;

	if (!cid_hash_valid(rest))
		return false;
	code = get_varint(&rest);
	length = get_varint(&rest);
	return code == IDENTITY ||
	       (code == SHA2_256 && length == crypto_hash_sha256_BYTES);
}

static bool
pk_is_hash_of(struct slice rest, struct slice value)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	uint64_t code = get_varint(&rest);

	get_varint(&rest);
	if (code == IDENTITY)
		return slice_eq(rest, value);
	crypto_hash_sha256(hash, value.p, value.n);
	return slice_eq(rest, slice_of(hash, sizeof hash));
}

/* A PublicKey of a known type, in the one spelling that has its peer id. */
static bool
pk_is_public_key(struct slice value)
{
	struct key_msg msg;
	struct buf again;
	bool good;

	if (pb_decode(&key_msg_desc, value, &msg, NULL) < 0 || !msg.has_type ||
	    msg.type > KEY_ECDSA || msg.data.n == 0)
		return false;
	buf_init(&again, value.n, NULL);
	pb_encode(&key_msg_desc, &msg, &again);
	good = !again.bad && slice_eq(buf_slice(&again), value);
	buf_free(&again);
	return good;
}

static enum kadrec_fault
pk_check(struct slice name, struct slice rest, struct slice value, msec wall)
{
	(void)name;
	(void)wall;
	if (!pk_is_public_key(value))
		return KADREC_MALFORMED;
	return pk_is_hash_of(rest, value) ? KADREC_GOOD : KADREC_MISMATCH;
}

static bool
pk_of_text(struct slice text, struct buf *out)
{
	return mbase_decode(MBASE_58, text, out) == 0;
}

static bool
peer_is_key(struct slice rest)
{
	struct peerid id;

	return peerid_of_bytes(rest, &id) == 0;
}

static bool
peer_of_text(struct slice text, struct buf *out)
{
	struct peerid id;

	if (peerid_of_text(text, &id) < 0)
		return false;
	put_slice(out, peerid_bytes(&id));
	return true;
}

static enum kadrec_fault
ipns_check(struct slice name, struct slice rest, struct slice value, msec wall)
{
	struct peerid id;

	(void)name;
	peerid_of_bytes(rest, &id);
	return kadrec_ipns_check(&id, value, wall);
}

static bool
own_read(
    struct slice value, struct envelope_msg *env, struct signed_value *content)
{
	*content = (struct signed_value){ 0 };
	return pb_decode(&envelope_msg_desc, value, env, NULL) == 0 &&
	       env->has_public_key && env->has_signature &&
	       slice_eq(env->payload_type, envelope_value.type) &&
	       pb_decode(&signed_value_desc, env->payload, content, NULL) == 0;
}

static enum kadrec_fault
own_check(struct slice name, struct slice rest, struct slice value, msec wall)
{
	struct envelope_msg env;
	struct signed_value content;
	struct slice payload;
	struct peerid signer;
	const char *why;

	if (!own_read(value, &env, &content))
		return KADREC_MALFORMED;
	signer = peerid_of_key(env.public_key);
	if (!slice_eq(peerid_bytes(&signer), rest) ||
	    !slice_eq(content.name, name))
		return KADREC_MISMATCH;
	if (envelope_open(&envelope_value, value, &payload, &signer, &why) < 0)
		return KADREC_SIGNATURE;
	return content.expires > (uint64_t)(wall / 1000) ? KADREC_GOOD
							 : KADREC_EXPIRED;
}

static int
own_better(struct slice a, struct slice b)
{
	struct envelope_msg env;
	struct signed_value x, y;
	int order;

	own_read(a, &env, &x);
	own_read(b, &env, &y);
	order = kadrec_order(x.seq, y.seq);
	return order != 0 ? order : kadrec_order(x.expires, y.expires);
}

static const struct space {
	const char *name; /* NULL: the network's own, at the end */
	bool (*is_key)(struct slice rest); /* of the key, behind "/NAME/" */
	enum kadrec_fault (*check)(struct slice name, struct slice rest,
	    struct slice value, msec wall);
	int (*better)(struct slice a, struct slice b); /* NULL: all are equal */
	bool (*of_text)(struct slice text, struct buf *rest);
} spaces[] = {
	/* clang-format off */
	{ "pk",   pk_is_key,   pk_check,   NULL,               pk_of_text },
	{ "ipns", peer_is_key, ipns_check, kadrec_ipns_better, peer_of_text },
	{ NULL,   peer_is_key, own_check,  own_better,         peer_of_text },
	/* clang-format on */
};

static const struct space *
space_of(struct slice name)
{
	const struct space *s = spaces;

	while (s->name && !slice_is(name, s->name))
		s++;
	return s;
}

/* "/NAME/REST" */
static bool
split(struct slice key, struct slice *name, struct slice *rest)
{
	const uint8_t *slash;

	if (get_u8(&key) != '/' || key.n == 0)
		return false;
	slash = memchr(key.p, '/', key.n);
	if (slash == NULL || slash == key.p)
		return false;
	*name = get_bytes(&key, (size_t)(slash - key.p));
	get_u8(&key);
	*rest = key;
	return true;
}

static bool
is_listed(const char *const *names, struct slice name)
{
	for (; names && *names; names++)
		if (slice_is(name, *names))
			return true;
	return false;
}

enum kadrec_fault
kadrec_check(
    const char *const *names, struct slice key, struct slice value, msec wall)
{
	const struct space *space;
	struct slice name, rest;

	if (key.n > KAD_KEY || !split(key, &name, &rest))
		return KADREC_KEY;
	space = space_of(name);
	if (space->name == NULL && !is_listed(names, name))
		return KADREC_NAMESPACE;
	if (!space->is_key(rest))
		return KADREC_KEY;
	if (value.n > KAD_VALUE)
		return KADREC_SIZE;
	return space->check(name, rest, value, wall);
}

static int
greater(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(b.p, a.p, n) : 0;

	return order != 0 ? order : kadrec_order(a.n, b.n);
}

int
kadrec_better(struct slice key, struct slice a, struct slice b)
{
	const struct space *space;
	struct slice name, rest;
	int order;

	if (!split(key, &name, &rest))
		return 0;
	space = space_of(name);
	if (space->better == NULL)
		return 0;
	order = space->better(a, b);
	return order != 0 ? order : greater(a, b);
}

/* Can it stand in a text as it is? */
static bool
is_word(struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return false;
	return true;
}

char *
kadrec_key_text(struct slice key, char text[KADREC_TEXT])
{
	struct buf out = buf_on(text, KADREC_TEXT);
	struct slice name, rest;

	if (key.n > 0 && key.n <= KAD_KEY) {
		if (split(key, &name, &rest) && is_word(name) &&
		    space_of(name)->is_key(rest)) {
			put_bytes(&out, key.p, key.n - rest.n);
			mbase_encode(MBASE_58, rest, &out);
		} else {
			put_text(&out, hex_prefix);
			mbase_encode(MBASE_16, key, &out);
		}
	}
	put_u8(&out, 0);
	return text;
}

static bool
path_of_text(struct slice text, struct buf *out)
{
	const struct space *space;
	struct slice name, rest;
	size_t head;

	if (!split(text, &name, &rest) || !is_word(name))
		return false;
	space = space_of(name);
	put_bytes(out, text.p, text.n - rest.n);
	head = out->n;
	return space->of_text(rest, out) &&
	       space->is_key(slice_of(out->p + head, out->n - head));
}

int
kadrec_key_of_text(struct slice text, struct buf *key)
{
	uint8_t mem[KAD_KEY];
	struct buf made = buf_on(mem, sizeof mem);
	struct slice rest = text;
	bool good;

	if (slice_is(get_bytes(&rest, sizeof hex_prefix - 1), hex_prefix))
		good = mbase_decode(MBASE_16, rest, &made) == 0;
	else
		good = path_of_text(text, &made);
	if (!good || made.bad || made.n == 0)
		return -1;
	put_slice(key, buf_slice(&made));
	return key->bad ? -1 : 0;
}
