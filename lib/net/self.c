/* SPDX-License-Identifier: ISC */
#include "net/self.h"
#include "base/msec.h"
#include "crypt/sign.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

enum { RECORD_MAX = 8192 };

/* The network's protocol version, as identify tells it. */
static const char protocol_version[] = "kontinuum/1.0.0";

int
self_init(struct self *self, const char *sign_path, const char *agent,
    struct buf *why)
{
	uint8_t seed[32];
	int fd, r;

	*self = (struct self){ .agent = agent, .sign_path = sign_path };
	buf_init(&self->record, RECORD_MAX, NULL);
	self->seq = (uint64_t)msec_wall();
	fd = sign_connect(sign_path);
	if (fd < 0) {
		put_text(why, "nothing answers on ");
		put_text(why, sign_path);
		put_text(why, "; start kn-signd first");
		return -1;
	}
	randombytes_buf(seed, sizeof seed);
	noise_self_make(&self->noise, seed);
	sodium_memzero(seed, sizeof seed);
	r = sign_ask(fd, SIGN_NOISE, slice_of(self->noise.public, 32),
	    self->noise.identity, self->noise.signature, why);
	close(fd);
	if (r < 0) {
		if (why->n == 0)
			put_text(why, strerror(errno));
		put_text(why, "; kn-signd did not sign the noise key");
		return -1;
	}
	memcpy(self->key, self->noise.identity, KEY_PUBLIC_PB);
	self->id = peerid_of_key(slice_of(self->key, KEY_PUBLIC_PB));
	return 0;
}

void
self_free(struct self *self)
{
	noise_self_wipe(&self->noise);
	buf_free(&self->record);
}

/* Have kn-signd sign the record over the present addresses. */
static int
sign_record(struct self *self)
{
	struct peer_record r = { .has_peer_id = true, .has_seq = true };
	uint8_t signature[KEY_SIGNATURE];
	struct buf body = { .max = RECORD_MAX }, why = { .max = 512 };
	int fd, done = -1;

	r.peer_id = peerid_bytes(&self->id);
	r.seq = ++self->seq;
	for (size_t i = 0; i < self->naddrs; i++) {
		r.addresses[i].has_multiaddr = true;
		r.addresses[i].multiaddr = maddr_bytes(&self->addrs[i]);
	}
	r.n_addresses = self->naddrs;
	pb_encode(&peer_record_desc, &r, &body);
	buf_free(&self->record);
	fd = sign_connect(self->sign_path);
	if (fd >= 0) {
		done = sign_ask(
		    fd, SIGN_RECORD, buf_slice(&body), NULL, signature, &why);
		close(fd);
	}
	if (done == 0)
		envelope_wrap(&envelope_record,
		    slice_of(self->key, KEY_PUBLIC_PB), buf_slice(&body),
		    slice_of(signature, KEY_SIGNATURE), &self->record);
	buf_free(&body);
	buf_free(&why);
	return done;
}

int
self_addrs(struct self *self, const struct maddr *addrs, size_t n)
{
	bool same = n == self->naddrs && self->record.n > 0;

	for (size_t i = 0; i < n && same; i++)
		same = slice_eq(
		    maddr_bytes(&addrs[i]), maddr_bytes(&self->addrs[i]));
	if (same)
		return 0;
	memcpy(self->addrs, addrs, n * sizeof *addrs);
	self->naddrs = n;
	return sign_record(self);
}

void
self_identify(const struct self *self, struct slice observed, struct buf *out)
{
	struct ident_msg m = { 0 };

	m.has_public_key = m.has_protocol_version = m.has_agent = true;
	m.public_key = slice_of(self->key, KEY_PUBLIC_PB);
	m.protocol_version = slice_text(protocol_version);
	m.agent = slice_text(self->agent);
	for (size_t i = 0; i < self->naddrs; i++)
		m.addrs[m.n_addrs++] = maddr_bytes(&self->addrs[i]);
	for (size_t i = 0; i < self->nprotocols; i++)
		m.protocols[m.n_protocols++] = self->protocols[i];
	m.has_observed = observed.n > 0;
	m.observed = observed;
	m.has_record = self->record.n > 0;
	m.record = buf_slice(&self->record);
	ident_say(&m, out);
}
