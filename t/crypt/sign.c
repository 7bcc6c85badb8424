/* SPDX-License-Identifier: ISC */
#include "crypt/noise.h"
#include "t/crypt/statement.h"

#include "t/tap.h"

#include <errno.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

static void
yes(uint64_t kind, struct slice body, struct slice want, const char *name)
{
	struct buf out;
	const char *why;

	is_int(frame(kind, body, &out, &why), 0, name);
	is_bytes(out.p, out.n, want.p, want.n, "and the bytes to sign");
	buf_free(&out);
}

static void
no(uint64_t kind, struct slice body, const char *want, const char *name)
{
	struct buf out;
	const char *why;

	is_int(frame(kind, body, &out, &why), -1, name);
	is_text(why, want, "and says why");
	is_int(out.n, 0, "and leaves nothing to sign");
	buf_free(&out);
}

static void
yes_enveloped(uint64_t kind, const struct envelope_kind *env, struct slice body,
    const char *name)
{
	struct buf want;

	buf_init(&want, SIGN_MAX, NULL);
	envelope_message(env, body, &want);
	yes(kind, body, buf_slice(&want), name);
	buf_free(&want);
}

static void
test_plain(void)
{
	static uint8_t b[BYTES], want[BYTES];
	struct slice der;

	yes(SIGN_WHO, slice_of(NULL, 0), slice_of(NULL, 0), "who");
	no(SIGN_WHO, slice_text("x"), "the question has no body",
	    "who, with a body");
	memset(b, 7, 33);
	noise_statement(b, want);
	yes(SIGN_NOISE, slice_of(b, 32), slice_of(want, 56), "noise");
	no(SIGN_NOISE, slice_of(b, 31), "a Noise static key has 32 bytes",
	    "noise, a byte less");
	no(SIGN_NOISE, slice_of(b, 33), "a Noise static key has 32 bytes",
	    "noise, a byte more");
	memcpy(want, "libp2p-tls-handshake:", 21);
	for (size_t n = 91; n < 300; n += 165) {
		der = sequence(n, b);
		memcpy(want + 21, b, n);
		yes(SIGN_TLS, der, slice_of(want, 21 + n), "tls");
	}
	no(SIGN_TLS, sequence(257, b), "the TLS key is too long", "tls, long");
	der = sequence(91, b);
	der.n--;
	no(SIGN_TLS, der, "the TLS key is no DER sequence", "tls, cut short");
	b[0] = 0x31;
	no(SIGN_TLS, slice_of(b, 91), "the TLS key is no DER sequence",
	    "tls, no sequence");
	no(SIGN_TLS, slice_of(NULL, 0), "the TLS key is no DER sequence",
	    "tls, nothing");
	no(SIGN_TLS, slice_text("0\x81\x01x"), "the TLS key is no DER sequence",
	    "tls, a length longer than needed");
}

static void
test_about_us(void)
{
	static uint8_t b[BYTES];
	struct slice addr = slice_of(loopback, sizeof loopback), s;

	yes_enveloped(SIGN_RECORD, &envelope_record, record(&ours, addr, b),
	    "a record of ours");
	no(SIGN_RECORD, record(&other, addr, b),
	    "the peer record is about somebody else", "another's record");
	no(SIGN_RECORD, record(&ours, slice_text("\xff\x7f"), b),
	    "the peer record has a bad address", "a bad address");
	s = record(&ours, addr, b);
	memcpy(b + s.n, "\x22\x01x", 3);
	s.n += 3;
	no(SIGN_RECORD, s, "the peer record is malformed",
	    "a field nobody knows");
	no(SIGN_RECORD, slice_text(""),
	    "the peer record is about somebody else", "an empty record");

	yes_enveloped(SIGN_VOUCHER, &envelope_voucher, voucher(&ours, b),
	    "a voucher of ours");
	no(SIGN_VOUCHER, voucher(&other, b), "the voucher is another relay's",
	    "another relay's voucher");
	s = voucher(&ours, b);
	s.n -= 6;
	no(SIGN_VOUCHER, s, "the voucher does not expire", "no expiration");
	s.n -= 3;
	no(SIGN_VOUCHER, s, "the voucher is malformed", "cut short");

	yes_enveloped(SIGN_REQUEST, &cert_request_kind, request(&ours, b),
	    "a request of ours");
	no(SIGN_REQUEST, request(&other, b), "the request is for somebody else",
	    "another's request");
}

static void
test_kinds(void)
{
	static uint8_t b[BYTES];
	struct peerid kept = self;

	is_text(sign_kind_name(SIGN_WHO), "who", "a name");
	is_text(sign_kind_name(SIGN_KINDS), "?", "no name");
	for (uint64_t i = 0; i < SIGN_KINDS; i++)
		ok(strcmp(sign_kind_name(i), "?") != 0, "kind %d has a name",
		    (int)i);
	no(SIGN_KINDS, slice_text(""), "no such kind of statement", "the next");
	no(UINT64_MAX, slice_text(""), "no such kind of statement", "the last");
	no(SIGN_RECORD, slice_of(b, 8193), "the body is too long",
	    "a long one");
	self.n = 0;
	no(SIGN_VOUCHER, slice_text(""), "the voucher is another relay's",
	    "an empty self is nobody");
	self = kept;
}

/* What a server answers to sign_ask, by a socket pair. */
static int
answered(const struct sign_answer *a, struct buf *why)
{
	uint8_t b[BYTES], key[32] = { 1 };
	struct slice bytes = encoded(&sign_answer_desc, a, b);
	int fd[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) < 0)
		return -2;
	(void)!write(fd[1], bytes.p, bytes.n);
	r = sign_ask(
	    fd[0], SIGN_NOISE, slice_of(key, sizeof key), NULL, NULL, why);
	close(fd[0]);
	close(fd[1]);
	return r;
}

static void
test_ask(void)
{
	uint8_t pub[KEY_PUBLIC_PB] = { 0 }, sig[KEY_SIGNATURE] = { 0 };
	struct buf why = { .max = 300 };
	struct sign_answer a = {
		.has_kind = true,
		.kind = SIGN_NOISE,
		.has_public_key = true,
		.public_key = slice_of(pub, sizeof pub),
		.has_signature = true,
		.signature = slice_of(sig, sizeof sig),
	};

	key_public(&ours, pub);
	is_int(answered(&a, &why), 0, "a whole answer");
	a.kind = SIGN_TLS;
	is_int(answered(&a, &why), -1, "an answer to something else");
	is_int(errno, EPROTO, "is a fault of the protocol");
	a.kind = SIGN_NOISE;
	a.signature.n = 63;
	is_int(answered(&a, &why), -1, "a short signature");
	a.has_signature = false;
	is_int(answered(&a, &why), -1, "no signature");
	a.has_why = true;
	a.why = slice_text("because");
	is_int(answered(&a, &why), -1, "no");
	is_int(errno, EPERM, "is EPERM");
	ok(slice_is(buf_slice(&why), "because"), "with the reason");
	is_int(answered(&a, NULL), -1, "which may be left out");
	buf_free(&why);
	is_int(sign_connect("/nonexistent/sign.sock"), -1, "nobody there");
	is_int(errno, ENOENT, "is ENOENT");
}

int
main(void)
{
	if (sodium_init() < 0)
		return 1;
	make_keys();
	test_plain();
	test_about_us();
	test_kinds();
	test_ask();
	return tap_done();
}
