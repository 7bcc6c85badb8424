/* SPDX-License-Identifier: ISC */
#include "crypt/cert.h"
#include "crypt/armor.h"

#include <string.h>

enum {
	TIER_MOST = 2,
	SERIAL_LEAST = 8,
};
#define GB_MOST   UINT64_C(1000000000)
#define TIME_MOST UINT64_C(253402300799) /* the end of the year 9999 */

#define BYTES(literal)                                                         \
	{                                                                      \
		.p = (const uint8_t *)(literal), .n = sizeof(literal) - 1      \
	}

const struct envelope_kind cert_kind = { "kontinuum-node-cert",
	BYTES("/kontinuum/node-cert/1") };
const struct envelope_kind cert_request_kind = { "kontinuum-node-cert-request",
	BYTES("/kontinuum/node-cert-request/1") };

static const char *const roles[] = {
	[CERT_ANCHOR] = "anchor",
	[CERT_SERVER] = "server",
	[CERT_ADMIN] = "admin",
	[CERT_OPERATOR] = "operator",
};
enum { ROLES = sizeof roles / sizeof *roles };

const char *
cert_role_name(uint64_t role)
{
	return role >= CERT_ANCHOR && role < ROLES ? roles[role] : "?";
}

int
cert_role_of(const char *name, uint64_t *role)
{
	for (uint64_t i = CERT_ANCHOR; i < ROLES; i++) {
		if (strcmp(name, roles[i]) == 0) {
			*role = i;
			return 0;
		}
	}
	return -1;
}

static int
refuse(const char **why, const char *text)
{
	*why = text;
	return -1;
}

/* How many bytes a UTF-8 sequence has and the least it may encode (RFC 3629
 * section 3). */
static const struct {
	uint8_t mask, head;
	uint8_t n;
	uint32_t least;
} sequences[] = {
	{ 0x80, 0x00, 1, 0x20 }, /* no controls */
	{ 0xe0, 0xc0, 2, 0xa0 }, /* nor C1 ones */
	{ 0xf0, 0xe0, 3, 0x800 },
	{ 0xf8, 0xf0, 4, 0x10000 },
};

static bool
take_character(struct slice *s)
{
	uint8_t head = get_u8(s);
	size_t i = 0;
	uint32_t c;

	while (i < 4 && (head & sequences[i].mask) != sequences[i].head)
		i++;
	if (i == 4 || s->n < sequences[i].n - 1U)
		return false;
	c = head & (uint8_t)~sequences[i].mask;
	for (size_t k = 1; k < sequences[i].n; k++) {
		uint8_t next = get_u8(s);

		if ((next & 0xc0) != 0x80)
			return false;
		c = c << 6 | (next & 0x3f);
	}
	return c >= sequences[i].least && c != 0x7f && c <= 0x10ffff &&
	       (c < 0xd800 || c > 0xdfff);
}

static bool
is_text(struct slice s)
{
	while (s.n > 0)
		if (!take_character(&s))
			return false;
	return true;
}

/* What a certificate and a request have in common. */
struct claims {
	struct slice subject;
	uint64_t role, tier, max_total_gb;
	struct slice texts[3];
};

static int
check_claims(const struct claims *c, const char **why)
{
	struct peerid id;

	if (peerid_of_bytes(c->subject, &id) < 0)
		return refuse(why, "subject is not a peer id");
	if (c->role < CERT_ANCHOR || c->role >= ROLES)
		return refuse(why, "unknown role");
	if (c->tier > TIER_MOST)
		return refuse(why, "tier out of range");
	for (size_t i = 0; i < 3; i++)
		if (c->texts[i].n > 64 || !is_text(c->texts[i]))
			return refuse(why, "tenancy, operator or geo_zone is "
					   "not plain text of 64 bytes");
	if (c->max_total_gb > GB_MOST)
		return refuse(why, "max_total_gb out of range");
	return 0;
}

static int
check_body(const struct cert_body *b, const char **why)
{
	const struct claims claims = { b->subject, b->role, b->tier,
		b->max_total_gb, { b->tenancy, b->operator, b->geo_zone } };
	struct peerid issuer;

	if (!b->has_tier || !b->has_not_before || !b->has_not_after)
		return refuse(why, "tier or time is missing");
	if (b->serial.n < SERIAL_LEAST || b->serial.n > 20)
		return refuse(why, "serial has not 8 to 20 bytes");
	if (check_claims(&claims, why) < 0)
		return -1;
	if (peerid_of_bytes(b->issuer, &issuer) < 0)
		return refuse(why, "issuer is not a peer id");
	if (slice_eq(b->issuer, b->subject))
		return refuse(why, "issued by its own subject");
	if (b->not_before >= b->not_after || b->not_after > TIME_MOST)
		return refuse(why, "times out of order or out of range");
	return 0;
}

static int
check_request(const struct cert_request *r, const char **why)
{
	const struct claims claims = { r->subject, r->role, r->tier,
		r->max_total_gb, { r->tenancy, r->operator, r->geo_zone } };

	if (!r->has_tier || !r->has_made || r->made > TIME_MOST)
		return refuse(why, "tier or time is missing");
	return check_claims(&claims, why);
}

static int
seal(const struct envelope_kind *kind, const struct pb_desc *desc,
    const void *msg, const struct key *k, const char *comment, struct buf *text,
    const char **why)
{
	struct buf body, envelope;
	int r = 0;

	buf_init(&body, CERT_BODY_MAX, NULL);
	buf_init(&envelope, CERT_BODY_MAX, NULL);
	pb_encode(desc, msg, &body);
	envelope_seal(kind, k, buf_slice(&body), &envelope);
	if (!body.bad && !envelope.bad)
		armor_put(comment, buf_slice(&envelope), text);
	if (body.bad || envelope.bad || text->bad)
		r = refuse(why, "does not fit");
	buf_free(&body);
	buf_free(&envelope);
	return r;
}

/* "what PEER", for a comment line. */
static void
comment_on(
    const char *what, struct slice subject, char comment[PEERID_TEXT + 32])
{
	struct peerid id;

	peerid_of_bytes(subject, &id);
	strcpy(comment, what);
	peerid_text(&id, comment + strlen(comment));
}

int
cert_seal(const struct cert_body *body, const struct key *issuer,
    struct buf *text, const char **why)
{
	const struct peerid id = key_peerid(issuer);
	char comment[PEERID_TEXT + 32];

	if (check_body(body, why) < 0)
		return -1;
	if (!slice_eq(body->issuer, peerid_bytes(&id)))
		return refuse(why, "the issuer has another key");
	comment_on("node certificate ", body->subject, comment);
	return seal(
	    &cert_kind, &cert_body_desc, body, issuer, comment, text, why);
}

int
cert_seal_request(const struct cert_request *request, const struct key *k,
    struct buf *text, const char **why)
{
	const struct peerid id = key_peerid(k);
	char comment[PEERID_TEXT + 32];

	if (check_request(request, why) < 0)
		return -1;
	if (!slice_eq(request->subject, peerid_bytes(&id)))
		return refuse(why, "the subject has another key");
	comment_on("certificate request ", request->subject, comment);
	return seal(&cert_request_kind, &cert_request_desc, request, k, comment,
	    text, why);
}

static int
open_cert(struct cert *c, const char **why)
{
	struct slice payload;

	if (envelope_open(&cert_kind, slice_of(c->bytes, c->n), &payload,
		&c->signer, why) < 0)
		return -1;
	if (pb_decode(&cert_body_desc, payload, &c->body, NULL) < 0)
		return refuse(why, "malformed certificate");
	if (check_body(&c->body, why) < 0)
		return -1;
	if (!slice_eq(c->body.issuer, peerid_bytes(&c->signer)))
		return refuse(why, "not signed by its issuer");
	return 0;
}

/* 1: one more in the chain; 0: the end; -1. */
static int
read_cert(struct slice *text, struct cert_chain *chain, const char **why)
{
	struct cert *c = &chain->cert[chain->n];
	struct buf bytes;
	int r;

	if (text->n == 0)
		return 0;
	if (chain->n == CERT_CHAIN)
		return refuse(why, "more than three certificates");
	bytes = (struct buf){ .p = c->bytes,
		.mem = c->bytes,
		.cap = CERT_BODY_MAX,
		.max = CERT_BODY_MAX };
	r = armor_get(text, &bytes);
	if (r < 0)
		return refuse(why, "not a certificate file, or damaged");
	c->n = bytes.n;
	if (open_cert(c, why) < 0)
		return -1;
	chain->n++;
	return 1;
}

int
cert_read_chain(struct slice text, struct cert_chain *chain, const char **why)
{
	int r;

	chain->n = 0;
	if (text.n > CERT_FILE_MAX)
		return refuse(why, "file too long");
	do
		r = read_cert(&text, chain, why);
	while (r > 0);
	if (r == 0 && chain->n == 0)
		return refuse(why, "no certificate in it");
	return r;
}

int
cert_read_request(struct slice text, struct buf *bytes,
    struct cert_request *request, const char **why)
{
	struct slice payload;
	struct peerid signer;

	if (text.n > CERT_FILE_MAX || armor_one(text, bytes) < 0)
		return refuse(why, "not a certificate request, or damaged");
	if (envelope_open(&cert_request_kind, buf_slice(bytes), &payload,
		&signer, why) < 0)
		return -1;
	if (pb_decode(&cert_request_desc, payload, request, NULL) < 0)
		return refuse(why, "malformed certificate request");
	if (check_request(request, why) < 0)
		return -1;
	if (!slice_eq(request->subject, peerid_bytes(&signer)))
		return refuse(why, "not signed by its subject");
	return 0;
}

static int
check_time(const struct cert_body *b, uint64_t now, const char **why)
{
	if (b->not_before > now && b->not_before - now > CERT_SKEW)
		return refuse(why, "not yet valid");
	if (b->not_after < now)
		return refuse(why, "expired");
	return 0;
}

/* A text the issuer has binds those it certifies. */
static bool
binds(struct slice issuer, struct slice subject)
{
	return issuer.n == 0 || slice_eq(issuer, subject);
}

/* A lower tier is trusted more. */
static int
check_grant(
    const struct cert_body *issuer, const struct cert_body *b, const char **why)
{
	if (!slice_eq(issuer->subject, b->issuer))
		return refuse(why, "the chain has a gap");
	if (issuer->role != CERT_OPERATOR)
		return refuse(why, "its issuer is not an operator");
	if (b->role == CERT_ADMIN)
		return refuse(why, "only a root makes an admin");
	if (b->tier < issuer->tier)
		return refuse(why, "its tier is above its issuer's");
	if (!binds(issuer->tenancy, b->tenancy) ||
	    !binds(issuer->operator, b->operator) ||
	    !binds(issuer->geo_zone, b->geo_zone))
		return refuse(why, "its tenancy, operator or geo_zone is not "
				   "its issuer's");
	if (issuer->has_max_total_gb &&
	    (!b->has_max_total_gb || b->max_total_gb > issuer->max_total_gb))
		return refuse(why, "its max_total_gb is above its issuer's");
	return 0;
}

static bool
is_root(const struct cert_roots *roots, const struct peerid *id)
{
	for (size_t i = 0; i < roots->n; i++)
		if (peerid_eq(&roots->at[i], id))
			return true;
	return false;
}

int
cert_verify(const struct cert_chain *chain, const struct cert_roots *roots,
    uint64_t now, const char **why)
{
	if (chain->n == 0 || chain->n > CERT_CHAIN)
		return refuse(why, "no certificate in it");
	for (size_t i = 0; i < chain->n; i++)
		if (check_time(&chain->cert[i].body, now, why) < 0)
			return -1;
	for (size_t i = 0; i + 1 < chain->n; i++)
		if (check_grant(&chain->cert[i + 1].body, &chain->cert[i].body,
			why) < 0)
			return -1;
	if (!is_root(roots, &chain->cert[chain->n - 1].signer))
		return refuse(why, "does not lead to a trusted root");
	return 0;
}
