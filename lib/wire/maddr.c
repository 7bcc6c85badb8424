/* SPDX-License-Identifier: ISC */
#include "wire/maddr.h"
#include "wire/mbase.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

enum {
	VARIABLE = 0xffff, /* a size: its varint comes first */
	DNS_MAX = 253,
	LABEL_MAX = 63,
	DIGEST_MAX = 64,
};

/* How the value of a part looks; of_text need not check what valid does. */
struct form {
	size_t size;
	bool (*valid)(struct slice);                 /* NULL: any bytes are */
	void (*to_text)(struct slice, struct buf *); /* of a valid value */
	bool (*of_text)(struct slice, struct buf *);
	bool last; /* the text of the value goes on to the end */
};

/* A buffer over memory of the caller's: it never grows, and is not freed. */
static struct buf
over(void *mem, size_t n)
{
	return (struct buf){ .p = mem, .mem = mem, .cap = n, .max = n };
}

/* For functions that want a terminated string.  false: too long, or it holds
 * a zero byte. */
static bool
terminate(struct slice text, char *to, size_t room)
{
	if (text.n >= room || memchr(text.p, 0, text.n))
		return false;
	memcpy(to, text.p, text.n);
	to[text.n] = 0;
	return true;
}

static void
ip_to_text(struct slice value, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(
	    value.n == 4 ? AF_INET : AF_INET6, value.p, text, sizeof text);
	put_text(out, text);
}

static bool
ip_of_text(int family, size_t size, struct slice text, struct buf *out)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t bytes[16];

	if (!terminate(text, copy, sizeof copy) ||
	    inet_pton(family, copy, bytes) != 1)
		return false;
	put_bytes(out, bytes, size);
	return true;
}

static bool
ip4_of_text(struct slice text, struct buf *out)
{
	return ip_of_text(AF_INET, 4, text, out);
}

static bool
ip6_of_text(struct slice text, struct buf *out)
{
	return ip_of_text(AF_INET6, 16, text, out);
}

static void
port_to_text(struct slice value, struct buf *out)
{
	char text[8];

	snprintf(text, sizeof text, "%u", get_u16(&value));
	put_text(out, text);
}

/* Decimal without zeros in front. */
static bool
port_of_text(struct slice text, struct buf *out)
{
	uint32_t port = 0;

	if (text.n == 0 || text.n > 5 || (text.n > 1 && text.p[0] == '0'))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		port = port * 10 + (uint32_t)(text.p[i] - '0');
	}
	put_u16(out, (uint16_t)port);
	return port <= UINT16_MAX;
}

static bool
plain_of_text(struct slice text, struct buf *out)
{
	put_slice(out, text);
	return true;
}

static bool
in_name(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Labels of letters, digits, hyphens and underscores (_dnsaddr); a dot at the
 * very end is the root. */
static bool
dns_valid(struct slice name)
{
	size_t label = 0;

	if (name.n > DNS_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '.' ? label == 0 : !in_name(name.p[i]))
			return false;
		label = name.p[i] == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return name.n > 0;
}

/* The name or number of an interface. */
static bool
zone_valid(struct slice zone)
{
	for (size_t i = 0; i < zone.n; i++)
		if (!in_name(zone.p[i]) && !memchr(".:@", zone.p[i], 3))
			return false;
	return zone.n > 0 && zone.n < IF_NAMESIZE;
}

static bool
peer_valid(struct slice bytes)
{
	struct peerid id;

	return peerid_of_bytes(bytes, &id) == 0;
}

static void
peer_to_text(struct slice bytes, struct buf *out)
{
	char text[PEERID_TEXT];
	struct peerid id;

	peerid_of_bytes(bytes, &id);
	put_text(out, peerid_text(&id, text));
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

/* A multihash. */
static bool
hash_valid(struct slice bytes)
{
	uint64_t length;

	get_varint(&bytes);
	length = get_varint(&bytes);
	return !bytes.bad && length == bytes.n && length > 0 &&
	       length <= DIGEST_MAX;
}

static void
hash_to_text(struct slice bytes, struct buf *out)
{
	put_u8(out, MBASE_64URL);
	mbase_encode(MBASE_64URL, bytes, out);
}

static bool
hash_of_text(struct slice text, struct buf *out)
{
	return mbase_decode_any(text, out) == 0;
}

static bool
path_valid(struct slice path)
{
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] < ' ' || path.p[i] == 0x7f)
			return false;
	return path.n > 1 && path.p[0] == '/';
}

/* clang-format off */
static const struct form
none = { 0 },
ip4 = { 4, NULL, ip_to_text, ip4_of_text },
ip6 = { 16, NULL, ip_to_text, ip6_of_text },
zone = { VARIABLE, zone_valid, NULL, plain_of_text },
port = { 2, NULL, port_to_text, port_of_text },
dns = { VARIABLE, dns_valid, NULL, plain_of_text },
peer = { VARIABLE, peer_valid, peer_to_text, peer_of_text },
hash = { VARIABLE, hash_valid, hash_to_text, hash_of_text },
path = { VARIABLE, path_valid, NULL, plain_of_text, .last = true };

/* Of several names with one code the first is written. */
static const struct proto {
	uint32_t code;
	const char *name;
	const struct form *form;
} protos[] = {
	{ MADDR_IP4,           "ip4",           &ip4 },
	{ MADDR_TCP,           "tcp",           &port },
	{ MADDR_IP6,           "ip6",           &ip6 },
	{ MADDR_IP6ZONE,       "ip6zone",       &zone },
	{ MADDR_DNS,           "dns",           &dns },
	{ MADDR_DNS4,          "dns4",          &dns },
	{ MADDR_DNS6,          "dns6",          &dns },
	{ MADDR_DNSADDR,       "dnsaddr",       &dns },
	{ MADDR_UDP,           "udp",           &port },
	{ MADDR_WEBRTC_DIRECT, "webrtc-direct", &none },
	{ MADDR_WEBRTC,        "webrtc",        &none },
	{ MADDR_CIRCUIT,       "p2p-circuit",   &none },
	{ MADDR_UNIX,          "unix",          &path },
	{ MADDR_P2P,           "p2p",           &peer },
	{ MADDR_P2P,           "ipfs",          &peer },
	{ MADDR_TLS,           "tls",           &none },
	{ MADDR_SNI,           "sni",           &dns },
	{ MADDR_NOISE,         "noise",         &none },
	{ MADDR_QUIC_V1,       "quic-v1",       &none },
	{ MADDR_WEBTRANSPORT,  "webtransport",  &none },
	{ MADDR_CERTHASH,      "certhash",      &hash },
	{ MADDR_WS,            "ws",            &none },
	{ MADDR_WSS,           "wss",           &none },
};
/* clang-format on */

enum { PROTOS = sizeof protos / sizeof *protos };

static const struct proto *
proto_of_code(uint64_t code)
{
	for (size_t i = 0; i < PROTOS; i++)
		if (protos[i].code == code)
			return &protos[i];
	return NULL;
}

static const struct proto *
proto_of_name(struct slice name)
{
	for (size_t i = 0; i < PROTOS; i++)
		if (slice_is(name, protos[i].name))
			return &protos[i];
	return NULL;
}

/* As maddr_next, with the row. */
static int
next(struct slice *at, struct slice *value, const struct proto **proto)
{
	const struct form *form;
	uint64_t size;

	if (at->n == 0)
		return at->bad ? -1 : 0;
	*proto = proto_of_code(get_varint(at));
	if (at->bad || *proto == NULL)
		return -1;
	form = (*proto)->form;
	size = form->size == VARIABLE ? get_varint(at) : form->size;
	if (size > at->n)
		return -1;
	*value = get_bytes(at, (size_t)size);
	if (at->bad || (form->valid && !form->valid(*value)))
		return -1;
	/* what follows a path would be read as part of it from the text */
	return form->last && at->n > 0 ? -1 : 1;
}

int
maddr_next(struct slice *at, struct maddr_part *part)
{
	const struct proto *proto;
	struct slice value;
	int got = next(at, &value, &proto);

	*part = (struct maddr_part){ 0 };
	if (got == 1)
		*part = (struct maddr_part){ proto->code, proto->name, value };
	return got;
}

bool
maddr_valid(struct slice in)
{
	struct maddr_part part;
	size_t parts = 0;
	int got;

	if (in.n > MADDR_MAX)
		return false;
	while ((got = maddr_next(&in, &part)) == 1)
		parts++;
	return got == 0 && parts > 0 && parts <= MADDR_PARTS;
}

static void
put_part(struct buf *out, const struct proto *proto, struct slice value)
{
	put_varint(out, proto->code);
	if (proto->form->size == VARIABLE)
		put_varint(out, value.n);
	put_slice(out, value);
}

/* What is in front of the next slash, which stays. */
static struct slice
take_word(struct slice *text)
{
	const uint8_t *slash = memchr(text->p, '/', text->n);

	return get_bytes(text, slash ? (size_t)(slash - text->p) : text->n);
}

static bool
take_part(struct slice *text, struct buf *out)
{
	uint8_t mem[MADDR_MAX];
	struct buf value = over(mem, sizeof mem);
	const struct proto *proto;
	struct slice word;

	if (get_u8(text) != '/' || text->n == 0)
		return false;
	proto = proto_of_name(take_word(text));
	if (proto == NULL)
		return false;
	if (proto->form->last) {
		word = get_bytes(text, text->n);
	} else if (proto->form->of_text) {
		if (get_u8(text) != '/' || text->n == 0)
			return false;
		word = take_word(text);
	}
	if (proto->form->of_text &&
	    (!proto->form->of_text(word, &value) || value.bad))
		return false;
	put_part(out, proto, buf_slice(&value));
	return true;
}

int
maddr_of_text(struct slice text, struct maddr *m)
{
	struct buf out = over(m->b, sizeof m->b);

	m->n = 0;
	if (text.bad || text.n > MADDR_TEXT)
		return -1;
	while (text.n > 0)
		if (!take_part(&text, &out))
			return -1;
	if (out.bad || !maddr_valid(buf_slice(&out)))
		return -1;
	m->n = (uint16_t)out.n;
	return 0;
}

int
maddr_of_bytes(struct slice in, struct maddr *m)
{
	m->n = 0;
	if (!maddr_valid(in))
		return -1;
	memcpy(m->b, in.p, in.n);
	m->n = (uint16_t)in.n;
	return 0;
}

char *
maddr_text(struct slice in, char text[MADDR_TEXT])
{
	struct buf out = over(text, MADDR_TEXT);
	const struct proto *proto;
	struct slice value;

	if (!maddr_valid(in))
		return strcpy(text, "/?");
	while (next(&in, &value, &proto) == 1) {
		put_u8(&out, '/');
		put_text(&out, proto->name);
		if (proto->form->size > 0 && !proto->form->last)
			put_u8(&out, '/');
		if (proto->form->to_text)
			proto->form->to_text(value, &out);
		else
			put_slice(&out, value);
	}
	put_u8(&out, 0);
	return out.bad ? strcpy(text, "/?") : text;
}

struct slice
maddr_bytes(const struct maddr *m)
{
	return slice_of(m->b, m->n);
}

int
maddr_add(struct maddr *m, uint32_t code, struct slice value)
{
	const struct proto *proto = proto_of_code(code);
	struct buf out = over(m->b, sizeof m->b);

	out.n = m->n;
	if (proto == NULL || value.bad ||
	    (proto->form->size != VARIABLE && proto->form->size != value.n))
		return -1;
	put_part(&out, proto, value);
	if (out.bad || !maddr_valid(buf_slice(&out)))
		return -1;
	m->n = (uint16_t)out.n;
	return 0;
}

bool
maddr_peer(struct slice in, struct peerid *id, struct slice *bare)
{
	struct maddr_part part = { 0 }, ahead;
	struct slice at = in;
	size_t before = 0, here = 0;
	int got;

	*bare = in;
	*id = (struct peerid){ 0 };
	while ((got = maddr_next(&at, &ahead)) == 1) {
		part = ahead;
		before = here;
		here = in.n - at.n;
	}
	if (got < 0 || part.code != MADDR_P2P)
		return false;
	*bare = slice_of(in.p, before);
	return peerid_of_bytes(part.value, id) == 0;
}
