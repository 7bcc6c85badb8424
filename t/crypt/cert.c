/* SPDX-License-Identifier: ISC */
#include "t/tap.h"

#include "base/fd.h"
#include "crypt/armor.h"
#include "crypt/cert.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define NOW UINT64_C(1800000000)
#define DAY UINT64_C(86400)

enum { ROOT, OPERATOR, NODE, REGION, PEOPLE };

static struct key keys[PEOPLE];
static struct peerid ids[PEOPLE];
static struct cert_chain chain;

static void
people(void)
{
	for (size_t i = 0; i < PEOPLE; i++) {
		uint8_t seed[32] = { (uint8_t)(i + 1) };

		key_of_seed(&keys[i], seed);
		ids[i] = key_peerid(&keys[i]);
	}
}

static struct cert_body
body_of(int subject, enum cert_role role, int issuer)
{
	return (struct cert_body){
		.has_serial = true, .serial = slice_text("0123456789abcdef"),
		.has_subject = true, .subject = peerid_bytes(&ids[subject]),
		.has_role = true, .role = role,
		.has_tier = true, .tier = 1,
		.has_not_before = true, .not_before = NOW - DAY,
		.has_not_after = true, .not_after = NOW + DAY,
		.has_issuer = true, .issuer = peerid_bytes(&ids[issuer]),
	};
}

static struct cert_request
request_of(int subject)
{
	return (struct cert_request){
		.has_subject = true, .subject = peerid_bytes(&ids[subject]),
		.has_role = true, .role = CERT_SERVER,
		.has_tier = true, .tier = 2,
		.has_geo_zone = true, .geo_zone = slice_text("eu-west"),
		.has_max_total_gb = true, .max_total_gb = 100,
		.has_made = true, .made = NOW,
	};
}

static struct buf
new_text(void)
{
	struct buf text;

	buf_init(&text, CERT_FILE_MAX, NULL);
	return text;
}

static void
add(struct buf *text, const struct cert_body *body, int issuer)
{
	const char *why = "";

	if (cert_seal(body, &keys[issuer], text, &why) < 0)
		ok(false, "cert_seal: %s", why);
}

/* Read the text and verify it against one root. */
static int
verdict(const struct buf *text, int root, uint64_t now, const char **why)
{
	const struct cert_roots roots = { &ids[root], 1 };

	if (cert_read_chain(buf_slice(text), &chain, why) < 0)
		return -1;
	return cert_verify(&chain, &roots, now, why);
}

static void
direct(void)
{
	struct cert_body b = body_of(NODE, CERT_SERVER, ROOT);
	const struct cert_roots none = { 0 };
	struct buf text = new_text();
	const char *why = "";

	b.has_tenancy = true;
	b.tenancy = slice_text("single");
	add(&text, &b, ROOT);
	is_int(verdict(&text, ROOT, NOW, &why), 0, "root certifies a node");
	is_int(chain.n, 1, "one certificate");
	ok(slice_is(chain.cert[0].body.tenancy, "single"), "tenancy");
	ok(peerid_eq(&chain.cert[0].signer, &ids[ROOT]), "signer");
	is_int(verdict(&text, OPERATOR, NOW, &why), -1, "another root");
	is_text(why, "does not lead to a trusted root", "why");
	is_int(cert_verify(&chain, &none, NOW, &why), -1, "no roots");
	buf_free(&text);
}

static void
times(void)
{
	static const struct {
		uint64_t now;
		const char *why; /* NULL: good */
	} rows[] = {
		{ NOW - DAY, NULL },
		{ NOW - DAY - CERT_SKEW, NULL },
		{ NOW - DAY - CERT_SKEW - 1, "not yet valid" },
		{ 0, "not yet valid" },
		{ NOW + DAY, NULL },
		{ NOW + DAY + 1, "expired" },
		{ UINT64_MAX, "expired" },
	};
	struct cert_body b = body_of(NODE, CERT_SERVER, ROOT);
	struct buf text = new_text();
	const char *why;

	add(&text, &b, ROOT);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int r = verdict(&text, ROOT, rows[i].now, &why);

		is_int(r, rows[i].why ? -1 : 0, "at a time");
		if (rows[i].why)
			is_text(why, rows[i].why, "why");
	}
	buf_free(&text);
}

/* What an operator may give: each row changes both certificates. */
struct grant {
	const char *name, *why; /* why NULL: good */
	enum cert_role issuer_role, role;
	uint64_t issuer_tier, tier;
	const char *issuer_zone, *zone;
	int issuer_gb, gb; /* -1: not said */
};

static const struct grant grants[] = {
	{ "plain", NULL, CERT_OPERATOR, CERT_SERVER, 1, 1, "", "", -1, -1 },
	{ "lower trust", NULL, CERT_OPERATOR, CERT_ANCHOR, 0, 2, "", "eu",
	    -1, 5 },
	{ "higher trust", "its tier is above its issuer's", CERT_OPERATOR,
	    CERT_SERVER, 1, 0, "", "", -1, -1 },
	{ "from a server", "its issuer is not an operator", CERT_SERVER,
	    CERT_SERVER, 1, 1, "", "", -1, -1 },
	{ "from an admin", "its issuer is not an operator", CERT_ADMIN,
	    CERT_SERVER, 1, 1, "", "", -1, -1 },
	{ "an admin", "only a root makes an admin", CERT_OPERATOR, CERT_ADMIN,
	    1, 1, "", "", -1, -1 },
	{ "its zone", NULL, CERT_OPERATOR, CERT_SERVER, 1, 1, "eu", "eu", -1,
	    -1 },
	{ "another zone",
	    "its tenancy, operator or geo_zone is not its issuer's",
	    CERT_OPERATOR, CERT_SERVER, 1, 1, "eu", "us", -1, -1 },
	{ "no zone", "its tenancy, operator or geo_zone is not its issuer's",
	    CERT_OPERATOR, CERT_SERVER, 1, 1, "eu", "", -1, -1 },
	{ "its space", NULL, CERT_OPERATOR, CERT_SERVER, 1, 1, "", "", 10,
	    10 },
	{ "more space", "its max_total_gb is above its issuer's",
	    CERT_OPERATOR, CERT_SERVER, 1, 1, "", "", 10, 11 },
	{ "unsaid space", "its max_total_gb is above its issuer's",
	    CERT_OPERATOR, CERT_SERVER, 1, 1, "", "", 10, -1 },
};

static void
shape(struct cert_body *b, uint64_t tier, const char *zone, int gb)
{
	b->tier = tier;
	b->has_geo_zone = *zone != '\0';
	b->geo_zone = slice_text(zone);
	b->has_max_total_gb = gb >= 0;
	b->max_total_gb = gb >= 0 ? (uint64_t)gb : 0;
}

static void
operators(void)
{
	for (size_t i = 0; i < sizeof grants / sizeof *grants; i++) {
		const struct grant *g = &grants[i];
		struct cert_body o = body_of(OPERATOR, g->issuer_role, ROOT);
		struct cert_body b = body_of(NODE, g->role, OPERATOR);
		struct buf text = new_text();
		const char *why = "";
		int r;

		shape(&o, g->issuer_tier, g->issuer_zone, g->issuer_gb);
		shape(&b, g->tier, g->zone, g->gb);
		add(&text, &b, OPERATOR);
		add(&text, &o, ROOT);
		r = verdict(&text, ROOT, NOW, &why);
		is_int(r, g->why ? -1 : 0, g->name);
		if (g->why)
			is_text(why, g->why, "why");
		buf_free(&text);
	}
}

static void
chains(void)
{
	struct cert_body node = body_of(NODE, CERT_SERVER, OPERATOR);
	struct cert_body operator = body_of(OPERATOR, CERT_OPERATOR, REGION);
	struct cert_body region = body_of(REGION, CERT_OPERATOR, ROOT);
	struct buf text = new_text();
	const char *why = "";

	add(&text, &node, OPERATOR);
	is_int(verdict(&text, ROOT, NOW, &why), -1, "operator missing");
	add(&text, &operator, REGION);
	is_int(verdict(&text, ROOT, NOW, &why), -1, "region missing");
	add(&text, &region, ROOT);
	is_int(verdict(&text, ROOT, NOW, &why), 0, "node, operator, region");
	is_int(chain.n, 3, "three certificates");
	is_int(verdict(&text, ROOT, NOW + DAY + 1, &why), -1, "all expire");
	add(&text, &region, ROOT);
	is_int(verdict(&text, ROOT, NOW, &why), -1, "four");
	is_text(why, "more than three certificates", "why");

	buf_cut(&text, 0);
	add(&text, &node, OPERATOR);
	add(&text, &region, ROOT);
	is_int(verdict(&text, ROOT, NOW, &why), -1, "one left out");
	is_text(why, "the chain has a gap", "why");

	buf_cut(&text, 0);
	operator.not_after = NOW - 1;
	add(&text, &node, OPERATOR);
	add(&text, &operator, REGION);
	add(&text, &region, ROOT);
	is_int(verdict(&text, ROOT, NOW, &why), -1, "operator expired");
	is_text(why, "expired", "why");
	buf_free(&text);
}

static int
seal_changed(void (*change)(struct cert_body *))
{
	struct cert_body b = body_of(NODE, CERT_SERVER, ROOT);
	struct buf text = new_text();
	const char *why = NULL;
	int r;

	change(&b);
	r = cert_seal(&b, &keys[ROOT], &text, &why);
	ok(r == 0 || (why && text.n == 0), "says why: %s", r ? why : "-");
	buf_free(&text);
	return r;
}

static void
change_nothing(struct cert_body *b)
{
	(void)b;
}

static void
change_role(struct cert_body *b)
{
	b->role = CERT_OPERATOR + 1;
}

static void
change_no_role(struct cert_body *b)
{
	b->role = 0;
}

static void
change_tier(struct cert_body *b)
{
	b->tier = 3;
}

static void
change_serial(struct cert_body *b)
{
	b->serial.n = 7;
}

static void
change_times(struct cert_body *b)
{
	b->not_after = b->not_before;
}

static void
change_year(struct cert_body *b)
{
	b->not_after = UINT64_MAX;
}

static void
change_subject(struct cert_body *b)
{
	b->subject = slice_text("nobody");
}

static void
change_self(struct cert_body *b)
{
	b->subject = b->issuer;
}

static void
change_issuer(struct cert_body *b)
{
	b->issuer = peerid_bytes(&ids[OPERATOR]);
}

static void
change_gb(struct cert_body *b)
{
	b->has_max_total_gb = true;
	b->max_total_gb = UINT64_MAX;
}

static void
bodies(void)
{
	static void (*const changes[])(struct cert_body *) = {
		change_role, change_no_role, change_tier, change_serial,
		change_times, change_year, change_subject, change_self,
		change_issuer, change_gb,
	};

	is_int(seal_changed(change_nothing), 0, "the body itself is good");
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		is_int(seal_changed(changes[i]), -1, "a changed body");
}

static void
texts(void)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ "eu-west 1", 0 },
		{ "\xd0\xbc\xd0\xb8\xd1\x80", 0 },
		{ "\xf0\x9f\x8c\x8d", 0 },
		{ "\xef\xbf\xbf", 0 },
		{ "line\nfeed", -1 },
		{ "\x1b[31m", -1 },
		{ "\x7f", -1 },
		{ "\xc2\x85", -1 },
		{ "\xc0\xaf", -1 },
		{ "\xe0\x80\x80", -1 },
		{ "\xed\xa0\x80", -1 },
		{ "\xf4\x90\x80\x80", -1 },
		{ "\xf8\x88\x80\x80\x80", -1 },
		{ "cut\xd0", -1 },
		{ "\x80", -1 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct cert_request r = request_of(NODE);
		struct buf text = new_text();
		const char *why = "";

		r.geo_zone = slice_text(rows[i].text);
		is_int(cert_seal_request(&r, &keys[NODE], &text, &why),
		    rows[i].want, "text");
		buf_free(&text);
	}
}

static void
requests(void)
{
	struct cert_request r = request_of(NODE), got;
	struct buf text = new_text(), bytes = new_text();
	const char *why = "";
	unsigned passed = 0;

	is_int(cert_seal_request(&r, &keys[NODE], &text, &why), 0, "request");
	is_int(cert_read_request(buf_slice(&text), &bytes, &got, &why), 0,
	    "read");
	ok(slice_eq(got.subject, r.subject) && got.role == CERT_SERVER &&
	    got.tier == 2 && got.max_total_gb == 100 &&
	    slice_is(got.geo_zone, "eu-west"), "as it was");
	is_int(cert_read_chain(buf_slice(&text), &chain, &why), -1,
	    "a request is no certificate");
	for (size_t i = 0; i < text.n; i++) {
		/* the comment is not part of what is signed */
		if (i < 2 + strcspn((char *)text.p, "\n"))
			continue;
		buf_cut(&bytes, 0);
		text.p[i] ^= 1;
		passed += cert_read_request(buf_slice(&text), &bytes, &got,
		    &why) == 0;
		text.p[i] ^= 1;
	}
	is_int(passed, 0, "no byte can be changed");
	is_int(cert_seal_request(&r, &keys[ROOT], &text, &why), -1,
	    "for somebody else");
	buf_free(&text);
	buf_free(&bytes);
}

static void
tampered(void)
{
	struct cert_body b = body_of(NODE, CERT_SERVER, ROOT);
	struct buf text = new_text();
	const char *why = "";
	unsigned passed = 0;

	add(&text, &b, ROOT);
	for (size_t i = strcspn((char *)text.p, "\n"); i < text.n; i++) {
		text.p[i] ^= 1;
		passed += verdict(&text, ROOT, NOW, &why) == 0;
		text.p[i] ^= 1;
		passed += cert_read_chain(slice_of(text.p, i), &chain, &why)
		    == 0;
	}
	is_int(passed, 0, "no byte can be changed or left out");
	is_int(cert_read_chain(slice_text(""), &chain, &why), -1, "empty");
	is_text(why, "no certificate in it", "why");
	buf_free(&text);
}

/* A certificate signed with a key that is not its issuer's. */
static void
impostor(void)
{
	struct cert_body b = body_of(NODE, CERT_SERVER, ROOT);
	struct buf body = new_text(), envelope = new_text();
	struct buf text = new_text();
	const char *why = "";

	pb_encode(&cert_body_desc, &b, &body);
	envelope_seal(&cert_kind, &keys[OPERATOR], buf_slice(&body),
	    &envelope);
	armor_put("forged", buf_slice(&envelope), &text);
	is_int(verdict(&text, ROOT, NOW, &why), -1, "impostor");
	is_text(why, "not signed by its issuer", "why");
	buf_free(&body);
	buf_free(&envelope);
	buf_free(&text);
}

static void
put_file(const char *dir, const char *name, struct slice text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || fd_write_all(fd, text) < 0)
		ok(false, "scratch file %s", path);
	close(fd);
}

static void
drop_file(const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	unlink(path);
}

static void
roots(void)
{
	char dir[] = "/tmp/cert.XXXXXX";
	uint8_t pb[KEY_PUBLIC_PB];
	struct buf text = new_text(), why = new_text();
	struct cert_roots got;

	if (mkdtemp(dir) == NULL)
		ok(false, "scratch directory");
	is_int(cert_load_roots(dir, &got, &why), 0, "empty directory");
	is_int(got.n, 0, "has no roots");
	cert_free_roots(&got);
	key_public(&keys[ROOT], pb);
	armor_put("a root", slice_of(pb, sizeof pb), &text);
	put_file(dir, "a.pub", buf_slice(&text));
	put_file(dir, "README", slice_text("not a key"));
	put_file(dir, ".b.pub", slice_text("not a key"));
	is_int(cert_load_roots(dir, &got, &why), 0, "one root");
	ok(got.n == 1 && peerid_eq(&got.at[0], &ids[ROOT]), "the one");
	cert_free_roots(&got);
	put_file(dir, "c.pub", slice_text("# c\nAAAA\n"));
	is_int(cert_load_roots(dir, &got, &why), -1, "a bad file");
	ok(memmem(why.p, why.n, "/c.pub: not an Ed25519", 22) != NULL,
	    "is named");
	cert_free_roots(&got);
	drop_file(dir, "a.pub");
	drop_file(dir, "README");
	drop_file(dir, ".b.pub");
	drop_file(dir, "c.pub");
	rmdir(dir);
	is_int(cert_load_roots(dir, &got, &why), -1, "no directory");
	buf_free(&text);
	buf_free(&why);
}

static void
role_names(void)
{
	uint64_t role;

	for (uint64_t i = CERT_ANCHOR; i <= CERT_OPERATOR; i++)
		ok(cert_role_of(cert_role_name(i), &role) == 0 && role == i,
		    "%s", cert_role_name(i));
	is_text(cert_role_name(0), "?", "no role");
	is_text(cert_role_name(UINT64_MAX), "?", "unknown role");
	is_int(cert_role_of("root", &role), -1, "a root has no certificate");
}

int
main(void)
{
	people();
	direct();
	times();
	operators();
	chains();
	bodies();
	texts();
	requests();
	tampered();
	impostor();
	roots();
	role_names();
	return tap_done();
}
