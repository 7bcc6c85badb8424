/* SPDX-License-Identifier: ISC
 *
 * Signatures: the published examples, our own, and what is forged. */
#include "t/web/asked.h"
#include "t/tap.h"

#include "base/mem.h"
#include "wire/mbase.h"

#include <stdlib.h>

static void
published(void)
{
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		struct buf canonical = { .max = SIGV4_CANONICAL };
		struct asked a;

		ask(&a, slice_text(vectors[i].text), THEN);
		is_int(a.end, SIGV4_OK, vectors[i].name);
		is_int(check(&a, SECRET, NULL, &canonical, NULL), SIGV4_OK,
		    "its signature");
		is_int(canonical.n, 0, "and nothing to show");
		is_int(check(&a, "another", NULL, NULL, NULL), SIGV4_MISMATCH,
		    "not with another secret");
		buf_free(&canonical);
		uri_free(&a.uri);
	}
}

/* What the error's XML shows. */
static void
shown(void)
{
	static const char want[] =
	    "GET\n/a%20b/c%2B%25\n"
	    "%26=2&a=&a=%20&a=1&a%C3%A9=3&a-=4&aa=5\n"
	    "host:examplebucket.s3.amazonaws.com\n"
	    "x-amz-content-sha256:UNSIGNED-PAYLOAD\n"
	    "x-amz-date:20130524T000000Z\n"
	    "x-amz-meta-a:one two,four\n\n"
	    "host;x-amz-content-sha256;x-amz-date;x-amz-meta-a\n"
	    "UNSIGNED-PAYLOAD";
	static const char sign[] =
	    "AWS4-HMAC-SHA256\n20130524T000000Z\n" SCOPE "\n";
	struct buf canonical = { .max = SIGV4_CANONICAL };
	struct buf to_sign = { .max = 1024 };
	struct asked a;

	ask(&a,
	    slice_text("GET /a%20b/c+%25?aa=5&a=1&a\xc3\xa9=3&a-=4&a=+&a&%26=2"
		       "\n" HOST UNSIGNED DATE
		       "X-Amz-Meta-A:  one \t two\nX-AMZ-META-a: four\n" AUTH(
			   USUAL ";x-amz-meta-a", ZEROS)),
	    THEN);
	is_int(a.end, SIGV4_OK, "claimed well");
	is_int(check(&a, SECRET, NULL, &canonical, &to_sign), SIGV4_MISMATCH,
	    "but not signed so");
	put_u8(&canonical, 0);
	is_text((const char *)canonical.p, want, "the canonical request");
	ok(to_sign.n == strlen(sign) + 64 &&
		memcmp(to_sign.p, sign, strlen(sign)) == 0,
	    "and what is signed");
	buf_free(&canonical);
	buf_free(&to_sign);
	uri_free(&a.uri);
}

/* Sign, as a client does. */
static struct buf
signed_by(const char *text, const char *secret)
{
	struct buf all = { .max = 1 << 20 };
	struct http_head head = request_of(slice_text(text));
	const char *why;
	struct uri uri;

	put_text(&all, text);
	put_text(&all, "Authorization: ");
	uri_parse(head.target, &uri, &why);
	sigv4_sign(&head, &uri, slice_text(ID), slice_text(secret),
	    slice_text("us-east-1"), &all);
	put_text(&all, "\n");
	uri_free(&uri);
	return all;
}

static void
round_trips(void)
{
	static const char *const rows[] = {
		"GET /\n" HOST NOTHING DATE,
		"PUT /b/a%20b%2F//../c+%C3%A9!*'()?x=1&a&b=%2B\n" HOST UNSIGNED
		    DATE "X-Amz-Meta-B: b  b\nx-amz-meta-a:\n"
		"X-Amz-Meta-b: again\nContent-Type: text/plain\n",
		"POST /?delete\nhost: h:9000\n" NOTHING DATE,
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf text = signed_by(rows[i], SECRET);
		struct buf other = signed_by(rows[i], "x");

		ok(judge(buf_slice(&text), THEN) == SIGV4_OK, "signed %zu", i);
		is_int(judge(buf_slice(&other), THEN), SIGV4_MISMATCH,
		    "with another secret");
		memcpy(text.p, "HEAD", 3);
		is_int(judge(buf_slice(&text), THEN), SIGV4_MISMATCH,
		    "another method");
		buf_free(&text);
		buf_free(&other);
	}
	/* what sigv4_sign says of the first example */
	{
		struct buf text =
		    signed_by("GET /?lifecycle\n" HOST NOTHING DATE, SECRET);

		ok(memmem(text.p, text.n,
		       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a"
		       "0136783543",
		       64) != NULL,
		    "the client's side agrees with the example");
		buf_free(&text);
	}
}

/* Each byte of what is signed matters. */
static void
tampered(void)
{
	const char *text = vectors[0].text;
	size_t n = (size_t)(strstr(text, "Authorization") - text), passed = 0;

	for (size_t i = 0; i < n; i++) {
		char *copy = mem_string(text);

		/* blanks may differ, and the case of names */
		if (copy[i] != ' ' && copy[i] != '\n' && copy[i] != ':') {
			copy[i] = copy[i] == '1' ? '2' : '1';
			passed += judge(slice_text(copy), THEN) == SIGV4_OK;
		}
		free(copy);
	}
	is_int(passed, 0, "no byte can be changed");
}

/* The path as the client escaped it, if it escaped otherwise. */
static void
other_readings(void)
{
	static const char *const hosts[] = { "other:1",
		"examplebucket.s3.amazonaws.com", NULL };
	static const char *const wrong[] = { "other:1", NULL };
	struct buf canonical = { .max = SIGV4_CANONICAL };
	struct asked a;

	ask(&a,
	    slice_text("GET /test.txt?" QUERY(
		"host", "86400", PRESIGNED) "\nHost: 127.0.0.1:9000\n"),
	    THEN);
	is_int(check(&a, SECRET, NULL, NULL, NULL), SIGV4_MISMATCH,
	    "called by another host");
	is_int(check(&a, SECRET, hosts, NULL, NULL), SIGV4_OK,
	    "that is one of ours");
	is_int(check(&a, SECRET, wrong, &canonical, NULL), SIGV4_MISMATCH,
	    "but not by any");
	ok(memmem(canonical.p, canonical.n, "host:127.0.0.1:9000\n", 20),
	    "what is shown is the request's own");
	uri_free(&a.uri);
	buf_free(&canonical);
	ask(&a,
	    slice_text(
		"GET /b/a(b)%2fc\n" HOST UNSIGNED DATE AUTH(USUAL, ZEROS)),
	    THEN);
	is_int(check(&a, SECRET, NULL, &canonical, NULL), SIGV4_MISMATCH,
	    "another path");
	ok(memmem(canonical.p, canonical.n, "/b/a%28b%29/c\n", 14),
	    "is shown canonically");
	uri_free(&a.uri);
	buf_free(&canonical);
}

/* A client that signs its own escapes: what it signs is made here by hand. */
static void
raw_path(void)
{
	static const char request[] =
	    "GET\n/b/a(b)%2fc\n\n"
	    "host:examplebucket.s3.amazonaws.com\n"
	    "x-amz-content-sha256:UNSIGNED-PAYLOAD\n"
	    "x-amz-date:20130524T000000Z\n\n" USUAL "\nUNSIGNED-PAYLOAD";
	uint8_t key[SHA256_BYTES], sum[SHA256_BYTES];
	struct buf text = { .max = 4096 };

	sigv4_key(slice_text(SECRET), slice_text("20130524"),
	    slice_text("us-east-1"), slice_text("s3"), key);
	digest_of(DIGEST_SHA256, slice_text(request), sum);
	put_text(&text, "AWS4-HMAC-SHA256\n20130524T000000Z\n" SCOPE "\n");
	mbase_encode(MBASE_16, slice_of(sum, sizeof sum), &text);
	hmac_sha256(slice_of(key, sizeof key), buf_slice(&text), sum);
	buf_drop(&text, text.n);
	put_text(&text, "GET /b/a(b)%2fc\n" HOST UNSIGNED DATE
			"Authorization: AWS4-HMAC-SHA256 Credential=" ID
			"/" SCOPE ", SignedHeaders=" USUAL ", Signature=");
	mbase_encode(MBASE_16, slice_of(sum, sizeof sum), &text);
	is_int(judge(buf_slice(&text), THEN), SIGV4_OK,
	    "the path as the client escaped it");
	buf_free(&text);
}

static void
ceilings(void)
{
	struct buf text = { .max = 1 << 20 };
	struct asked a;

	put_text(&text,
	    "GET /\n" HOST NOTHING DATE
	    "Authorization: AWS4-HMAC-SHA256 Credential=" ID "/" SCOPE
	    ", Signature=" ZEROS ", SignedHeaders=" USUAL);
	for (int i = 3; i < SIGV4_SIGNED; i++) {
		put_u8(&text, ';');
		put_u8(&text, (uint8_t)('a' + i % 26));
		put_u8(&text, (uint8_t)('a' + i / 26));
	}
	ask(&a, buf_slice(&text), THEN);
	is_int(a.end, SIGV4_OK, "as many signed headers as may be");
	uri_free(&a.uri);
	put_text(&text, ";more");
	ask(&a, buf_slice(&text), THEN);
	is_int(a.end, SIGV4_MALFORMED, "one more");
	uri_free(&a.uri);
	buf_drop(&text, text.n);

	put_text(&text, "GET /\n" HOST NOTHING DATE AUTH(
			    USUAL ";x-amz-meta-a", ZEROS) "x-amz-meta-a: ");
	for (int i = 0; i < SIGV4_CANONICAL; i++)
		put_u8(&text, 'a');
	is_int(
	    judge(buf_slice(&text), THEN), SIGV4_MALFORMED, "too much to sign");
	buf_free(&text);
}

static void
cache(void)
{
	static struct sigv4_cache c;
	uint8_t key[SHA256_BYTES], want[SHA256_BYTES];
	struct asked a;
	unsigned wrong = 0, used = 0;

	ask(&a, slice_text(vectors[0].text), THEN);
	sigv4_key(
	    slice_text(SECRET), a.sig.date, a.sig.region, a.sig.service, want);
	for (int i = 0; i < 3; i++) {
		sigv4_cached(&c, &a.sig, slice_text(SECRET), key);
		is_bytes(key, sizeof key, want, sizeof want, "the same key");
	}
	for (int i = 0; i < SIGV4_CACHE; i++)
		used += c.at[i].used;
	is_int(used, 1, "kept once");
	sigv4_cached(&c, &a.sig, slice_text("other"), key);
	ok(memcmp(key, want, sizeof key) != 0, "another secret, another key");
	for (int i = 0; i < 1000; i++) {
		char region[16];

		snprintf(region, sizeof region, "r%d", i % 300);
		a.sig.region = slice_text(region);
		sigv4_cached(&c, &a.sig, slice_text(SECRET), key);
		sigv4_key(slice_text(SECRET), a.sig.date, a.sig.region,
		    a.sig.service, want);
		wrong += memcmp(key, want, sizeof key) != 0;
	}
	is_int(wrong, 0, "right when it is full");
	{
		char *region = mem_new(1000);

		memset(region, 'r', 999);
		a.sig.region = slice_text(region);
		sigv4_cached(&c, &a.sig, slice_text(SECRET), key);
		sigv4_key(slice_text(SECRET), a.sig.date, a.sig.region,
		    a.sig.service, want);
		is_bytes(key, sizeof key, want, sizeof want, "too long a name");
		free(region);
	}
	sigv4_cache_free(&c);
	ok(!c.at[0].used && c.at[0].key[0] == 0, "wiped");
	uri_free(&a.uri);
}

/* The published example of a form's policy. */
static void
policy(void)
{
	static const char base64[] =
	    "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY"
	    "29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZX"
	    "QifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSw"
	    "NCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rp"
	    "b25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b"
	    "25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy"
	    "13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1"
	    "tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZl"
	    "ci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0a"
	    "CIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbn"
	    "RpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3M"
	    "zL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQt"
	    "SE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwM"
	    "DAwWiIgfQ0KICBdDQp9";
	static const char signature[] =
	    "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e";
	uint8_t key[SHA256_BYTES];

	sigv4_key(slice_text(SECRET), slice_text("20151229"),
	    slice_text("us-east-1"), slice_text("s3"), key);
	ok(sigv4_policy(key, slice_text(base64), slice_text(signature)),
	    "a form's policy");
	ok(!sigv4_policy(key, slice_of(base64, 100), slice_text(signature)),
	    "another policy");
	ok(!sigv4_policy(key, slice_text(base64), slice_of(signature, 63)),
	    "a short signature");
	ok(!sigv4_policy(key, slice_text(base64), (struct slice){ 0 }), "none");
}

int
main(void)
{
	published();
	shown();
	round_trips();
	tampered();
	other_readings();
	raw_path();
	ceilings();
	cache();
	policy();
	return tap_done();
}
