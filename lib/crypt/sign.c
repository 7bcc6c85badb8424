/* SPDX-License-Identifier: ISC */
#include "crypt/sign.h"
#include "crypt/cert.h"
#include "crypt/envelope.h"
#include "crypt/noise.h"
#include "wire/maddr.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { SPKI_MAX = 256, BODY_MAX = 8192 };

/* message Voucher { bytes relay = 1; bytes peer = 2; uint64 expiration = 3; }
 * (circuit relay v2, "Reservation Vouchers") */
#define SIGN_VOUCHER_BODY(F, T)                                                \
	F(T, BYTES, 1, relay, 0, 64)                                           \
	F(T, BYTES, 2, peer, 0, 64)                                            \
	F(T, UINT, 3, expiration, 0, 0)
PB_DECLARE(sign_voucher, SIGN_VOUCHER_BODY)
PB_DEFINE(sign_voucher, SIGN_VOUCHER_BODY)

static int
refuse(const char **why, const char *says)
{
	*why = says;
	return -1;
}

static bool
is_self(struct slice id, const struct peerid *self)
{
	return self->n > 0 && slice_eq(id, peerid_bytes(self));
}

/* Is body exactly what our own encoder makes of msg?  So that nothing gets a
 * signature that was not understood: unknown fields, elements beyond the most,
 * the same field twice. */
static bool
understood(const struct pb_desc *desc, const void *msg, struct slice body)
{
	struct buf again;
	bool same;

	buf_init(&again, BODY_MAX, NULL);
	pb_encode(desc, msg, &again);
	same = !again.bad && slice_eq(buf_slice(&again), body);
	buf_free(&again);
	return same;
}

static int
say_who(struct slice body, const struct peerid *self, struct buf *out,
    const char **why)
{
	(void)self;
	(void)out;
	return body.n == 0 ? 0 : refuse(why, "the question has no body");
}

static int
say_noise(struct slice body, const struct peerid *self, struct buf *out,
    const char **why)
{
	uint8_t statement[56];

	(void)self;
	if (body.n != 32)
		return refuse(why, "a Noise static key has 32 bytes");
	noise_statement(body.p, statement);
	put_bytes(out, statement, sizeof statement);
	return 0;
}

/* A SubjectPublicKeyInfo of the kinds in use is one DER SEQUENCE with a length
 * in one byte, or in two of the long form (X.690, section 8.1.3). */
static bool
is_sequence(struct slice der)
{
	size_t n;

	if (get_u8(&der) != 0x30)
		return false;
	n = get_u8(&der);
	if (n == 0x81) {
		n = get_u8(&der);
		if (n < 0x80)
			return false;
	} else if (n >= 0x80) {
		return false;
	}
	return !der.bad && n > 0 && der.n == n;
}

static int
say_tls(struct slice body, const struct peerid *self, struct buf *out,
    const char **why)
{
	(void)self;
	if (body.n > SPKI_MAX)
		return refuse(why, "the TLS key is too long");
	if (!is_sequence(body))
		return refuse(why, "the TLS key is no DER sequence");
	put_text(out, "libp2p-tls-handshake:");
	put_slice(out, body);
	return 0;
}

static int
say_record(struct slice body, const struct peerid *self, struct buf *out,
    const char **why)
{
	struct peer_record msg;

	if (pb_decode(&peer_record_desc, body, &msg, NULL) < 0 ||
	    !understood(&peer_record_desc, &msg, body))
		return refuse(why, "the peer record is malformed");
	if (!is_self(msg.peer_id, self))
		return refuse(why, "the peer record is about somebody else");
	if (!msg.has_seq)
		return refuse(why, "the peer record has no sequence number");
	for (size_t i = 0; i < msg.n_addresses; i++)
		if (!maddr_valid(msg.addresses[i].multiaddr))
			return refuse(why, "the peer record has a bad address");
	envelope_message(&envelope_record, body, out);
	return 0;
}

static int
say_voucher(struct slice body, const struct peerid *self, struct buf *out,
    const char **why)
{
	struct sign_voucher msg;
	struct peerid peer;

	if (pb_decode(&sign_voucher_desc, body, &msg, NULL) < 0 ||
	    !understood(&sign_voucher_desc, &msg, body))
		return refuse(why, "the voucher is malformed");
	if (!is_self(msg.relay, self))
		return refuse(why, "the voucher is another relay's");
	if (peerid_of_bytes(msg.peer, &peer) < 0)
		return refuse(why, "the voucher is for no peer");
	if (msg.expiration == 0)
		return refuse(why, "the voucher does not expire");
	envelope_message(&envelope_voucher, body, out);
	return 0;
}

static int
say_request(struct slice body, const struct peerid *self, struct buf *out,
    const char **why)
{
	struct cert_request msg;

	if (pb_decode(&cert_request_desc, body, &msg, NULL) < 0 ||
	    !understood(&cert_request_desc, &msg, body))
		return refuse(why, "the certificate request is malformed");
	if (!is_self(msg.subject, self))
		return refuse(why, "the request is for somebody else");
	envelope_message(&cert_request_kind, body, out);
	return 0;
}

static const struct {
	const char *name;
	int (*say)(struct slice body, const struct peerid *self,
	    struct buf *out, const char **why);
} kinds[SIGN_KINDS] = {
	[SIGN_WHO] = { "who", say_who },
	[SIGN_NOISE] = { "noise", say_noise },
	[SIGN_TLS] = { "tls", say_tls },
	[SIGN_RECORD] = { "record", say_record },
	[SIGN_VOUCHER] = { "voucher", say_voucher },
	[SIGN_REQUEST] = { "request", say_request },
};

int
sign_message(uint64_t kind, struct slice body, const struct peerid *self,
    struct buf *out, const char **why)
{
	if (kind >= SIGN_KINDS)
		return refuse(why, "no such kind of statement");
	if (body.n > BODY_MAX)
		return refuse(why, "the body is too long");
	if (kinds[kind].say(body, self, out, why) < 0)
		return -1;
	return out->bad ? refuse(why, "the statement is too long") : 0;
}

const char *
sign_kind_name(uint64_t kind)
{
	return kind < SIGN_KINDS ? kinds[kind].name : "?";
}

static int
set_timeouts(int fd)
{
	const struct timeval tv = { .tv_sec = SIGN_TIMEOUT / 1000,
		.tv_usec = SIGN_TIMEOUT % 1000 * 1000 };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) < 0)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

int
sign_connect(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	int fd, err;

	if (n >= sizeof sun.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, path, n);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (set_timeouts(fd) == 0 &&
	    connect(fd, (const struct sockaddr *)&sun, sizeof sun) == 0)
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

static int
ask(int fd, const struct sign_question *question)
{
	struct buf out;
	ssize_t n;
	int err;

	buf_init(&out, SIGN_MAX, NULL);
	pb_encode(&sign_question_desc, question, &out);
	if (out.bad) {
		buf_free(&out);
		errno = EMSGSIZE;
		return -1;
	}
	do
		n = send(fd, out.p, out.n, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	err = errno == EAGAIN ? ETIMEDOUT : errno;
	buf_free(&out);
	errno = err;
	return n < 0 ? -1 : 0;
}

/* answer borrows from datagram. */
static int
hear(int fd, uint8_t datagram[SIGN_MAX], struct sign_answer *answer)
{
	ssize_t n;

	do
		n = recv(fd, datagram, SIGN_MAX, MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		errno = ETIMEDOUT;
	if (n == 0)
		errno = ECONNRESET;
	if (n <= 0)
		return -1;
	if (n > SIGN_MAX ||
	    pb_decode(&sign_answer_desc, slice_of(datagram, (size_t)n), answer,
		NULL) < 0) {
		errno = EPROTO;
		return -1;
	}
	return 0;
}

int
sign_ask(int fd, enum sign_kind kind, struct slice body,
    uint8_t public_key[KEY_PUBLIC_PB], uint8_t signature[KEY_SIGNATURE],
    struct buf *why)
{
	const struct sign_question question = {
		.has_kind = true,
		.kind = (uint64_t)kind,
		.has_body = body.n > 0,
		.body = body,
	};
	struct sign_answer answer;
	uint8_t datagram[SIGN_MAX];
	size_t want = kind == SIGN_WHO ? 0 : KEY_SIGNATURE;

	if (ask(fd, &question) < 0 || hear(fd, datagram, &answer) < 0)
		return -1;
	if (answer.has_why) {
		if (why)
			put_slice(why, answer.why);
		errno = EPERM;
		return -1;
	}
	if (answer.kind != (uint64_t)kind || answer.signature.n != want ||
	    answer.public_key.n != KEY_PUBLIC_PB) {
		errno = EPROTO;
		return -1;
	}
	if (public_key)
		memcpy(public_key, answer.public_key.p, KEY_PUBLIC_PB);
	if (signature && want > 0)
		memcpy(signature, answer.signature.p, want);
	return 0;
}
