/* SPDX-License-Identifier: ISC
 *
 * Request, issue, show and verify node certificates: kn-cert(1). */
#include "base/fd.h"
#include "base/json.h"
#include "base/msec.h"
#include "cmd/secret.h"
#include "crypt/cert.h"
#include "wire/mbase.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	SERIAL = 16,
	OUT_MOST = 65536,
	DAY = 24 * 60 * 60,
	MODE = 0644,
};

#define ROOTS "/etc/kontinuum-node/roots"

static struct {
	const char *key, *master_file, *output, *chain;
	const char *role, *tenancy, *operator, * geo_zone;
	const char *roots;
	uint64_t master_fd, tier, max_total_gb, days, now;
	bool json;
} given = {
	.master_fd = SECRET_NO_FD,
	.role = "server",
	.roots = ROOTS,
	.tier = UINT64_MAX,
	.max_total_gb = UINT64_MAX,
	.days = 365,
	.now = UINT64_MAX,
};

static uint64_t
now(void)
{
	return given.now != UINT64_MAX ? given.now
				       : (uint64_t)msec_wall() / 1000;
}

static void
read_file(const char *path, struct buf *text)
{
	int r;

	buf_init(text, CERT_FILE_MAX, NULL);
	r = strcmp(path, "-") == 0 ? fd_read_all(STDIN_FILENO, text)
				   : fd_read_file(path, text);
	if (r < 0)
		die(secret_exit(errno), "%s:", path);
}

static void
give(struct buf *text)
{
	if (given.output) {
		if (fd_create_file(given.output, buf_slice(text), MODE) < 0)
			die(secret_exit(errno), "%s:", given.output);
	} else {
		cmd_print(text);
	}
	buf_free(text);
}

static void
open_key(struct key *k)
{
	struct buf master;

	if (!given.key)
		die(EXIT_WRONG, "--key is missing: see -h");
	secret_master(given.master_file, given.master_fd, "master", &master);
	secret_key(given.key, buf_slice(&master), k);
	buf_wipe(&master);
}

static struct slice
text_of(const char *text)
{
	return text ? slice_text(text) : slice_of(NULL, 0);
}

static void
request(const char *unused)
{
	struct cert_request r = {
		.has_subject = true,
		.has_role = true,
		.has_tier = true,
		.tier = given.tier,
		.has_tenancy = given.tenancy,
		.tenancy = text_of(given.tenancy),
		.has_operator = given.operator,
		.operator= text_of(given.operator),
		.has_geo_zone = given.geo_zone,
		.geo_zone = text_of(given.geo_zone),
		.has_max_total_gb = given.max_total_gb != UINT64_MAX,
		.max_total_gb = given.max_total_gb,
		.has_made = true,
		.made = now(),
	};
	const char *why = "";
	struct peerid id;
	struct buf text;
	struct key k;

	(void)unused;
	if (given.tier == UINT64_MAX)
		die(EXIT_WRONG, "--tier is missing: see -h");
	if (cert_role_of(given.role, &r.role) < 0)
		die(EXIT_WRONG, "--role is anchor, server, admin or operator");
	if (!r.has_max_total_gb)
		r.max_total_gb = 0;
	open_key(&k);
	id = key_peerid(&k);
	r.subject = peerid_bytes(&id);
	buf_init(&text, CERT_FILE_MAX, NULL);
	if (cert_seal_request(&r, &k, &text, &why) < 0)
		die(EXIT_WRONG, "%s", why);
	key_wipe(&k);
	give(&text);
}

/* An issuer does not sign what nobody would believe: the chain has to hold if
 * its last issuer is a root. */
static void
check_issued(const struct buf *text, uint64_t at)
{
	static struct cert_chain chain;
	struct cert_roots roots = { .n = 1 };
	const char *why = "";

	if (cert_read_chain(buf_slice(text), &chain, &why) == 0) {
		roots.at = &chain.cert[chain.n - 1].signer;
		if (cert_verify(&chain, &roots, at, &why) == 0)
			return;
	}
	die(EXIT_NO, "not issued, it would not verify: %s", why);
}

static void
add_chain(struct buf *text)
{
	struct buf chain;

	if (!given.chain)
		return;
	read_file(given.chain, &chain);
	put_slice(text, buf_slice(&chain));
	if (text->bad)
		die(EXIT_WRONG, "%s: the chain is too long", given.chain);
	buf_free(&chain);
}

static void
issue(const char *path)
{
	const uint64_t at = now();
	uint8_t serial[SERIAL];
	struct cert_request r;
	struct cert_body b;
	const char *why = "";
	struct buf file, bytes, text;
	struct peerid id;
	struct key k;

	if (given.days == 0)
		die(EXIT_WRONG, "--days is at least 1");
	read_file(path, &file);
	buf_init(&bytes, CERT_BODY_MAX, NULL);
	if (cert_read_request(buf_slice(&file), &bytes, &r, &why) < 0)
		die(EXIT_NO, "%s: %s", path, why);
	open_key(&k);
	id = key_peerid(&k);
	randombytes_buf(serial, sizeof serial);
	b = (struct cert_body){
		.has_serial = true,
		.serial = slice_of(serial, sizeof serial),
		.has_subject = true,
		.subject = r.subject,
		.has_role = true,
		.role = r.role,
		.has_tier = true,
		.tier = r.tier,
		.has_tenancy = r.has_tenancy,
		.tenancy = r.tenancy,
		.has_operator = r.has_operator,
		.operator= r.operator,
		.has_geo_zone = r.has_geo_zone,
		.geo_zone = r.geo_zone,
		.has_max_total_gb = r.has_max_total_gb,
		.max_total_gb = r.max_total_gb,
		.has_not_before = true,
		.not_before = at,
		.has_not_after = true,
		.not_after = at + given.days * DAY,
		.has_issuer = true,
		.issuer = peerid_bytes(&id),
	};
	buf_init(&text, CERT_FILE_MAX, NULL);
	if (cert_seal(&b, &k, &text, &why) < 0)
		die(EXIT_NO, "%s: %s", path, why);
	key_wipe(&k);
	add_chain(&text);
	check_issued(&text, at);
	buf_free(&file);
	buf_free(&bytes);
	give(&text);
}

/* One certificate or request, as an object or as lines. */
struct sheet {
	struct buf out;
	struct json json;
};

static void
label(struct sheet *s, const char *key)
{
	char text[32];

	snprintf(text, sizeof text, "%-13s ", key);
	put_text(&s->out, text);
}

static void
show_text(struct sheet *s, const char *key, struct slice value)
{
	if (given.json) {
		json_str(&s->json, key, value);
		return;
	}
	label(s, key);
	put_slice(&s->out, value);
	put_text(&s->out, "\n");
}

static void
show_number(struct sheet *s, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	if (given.json)
		json_uint(&s->json, key, value);
	else
		show_text(s, key, slice_text(text));
}

static void
show_time(struct sheet *s, const char *key, uint64_t value)
{
	time_t when = (time_t)value;
	char text[32] = "?";
	struct tm tm;

	if (given.json) {
		json_uint(&s->json, key, value);
		return;
	}
	if (gmtime_r(&when, &tm))
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	show_text(s, key, slice_text(text));
}

static void
show_peer(struct sheet *s, const char *key, struct slice bytes)
{
	char text[PEERID_TEXT];
	struct peerid id;

	peerid_of_bytes(bytes, &id);
	show_text(s, key, slice_text(peerid_text(&id, text)));
}

static void
show_claims(struct sheet *s, uint64_t role, uint64_t tier, struct slice tenancy,
    struct slice operator, struct slice geo_zone)
{
	show_text(s, "role", slice_text(cert_role_name(role)));
	show_number(s, "tier", tier);
	show_text(s, "tenancy", tenancy);
	show_text(s, "operator", operator);
	show_text(s, "geo_zone", geo_zone);
}

static void
begin(struct sheet *s, const char *type)
{
	buf_init(&s->out, OUT_MOST, NULL);
	if (given.json)
		json_begin(&s->json, &s->out);
	show_text(s, "type", slice_text(type));
}

static void
end(struct sheet *s, bool last)
{
	if (given.json)
		json_end(&s->json);
	else if (!last)
		put_text(&s->out, "\n");
	cmd_print(&s->out);
	buf_free(&s->out);
}

static void
show_cert(const struct cert_body *b, bool last)
{
	struct sheet s;
	struct buf serial;

	begin(&s, "certificate");
	buf_init(&serial, 64, NULL);
	mbase_encode(MBASE_16, b->serial, &serial);
	show_text(&s, "serial", buf_slice(&serial));
	buf_free(&serial);
	show_peer(&s, "subject", b->subject);
	show_claims(&s, b->role, b->tier, b->tenancy, b->operator, b->geo_zone);
	if (b->has_max_total_gb)
		show_number(&s, "max_total_gb", b->max_total_gb);
	show_time(&s, "not_before", b->not_before);
	show_time(&s, "not_after", b->not_after);
	show_peer(&s, "issuer", b->issuer);
	end(&s, last);
}

static void
show_request(const struct cert_request *r)
{
	struct sheet s;

	begin(&s, "request");
	show_peer(&s, "subject", r->subject);
	show_claims(&s, r->role, r->tier, r->tenancy, r->operator, r->geo_zone);
	if (r->has_max_total_gb)
		show_number(&s, "max_total_gb", r->max_total_gb);
	show_time(&s, "made", r->made);
	end(&s, true);
}

static void
show(const char *path)
{
	static struct cert_chain chain;
	struct cert_request r;
	struct buf file, bytes;
	const char *why = "", *unused;

	given.json = given.json || !isatty(STDOUT_FILENO);
	read_file(path, &file);
	buf_init(&bytes, CERT_BODY_MAX, NULL);
	if (cert_read_request(buf_slice(&file), &bytes, &r, &unused) == 0)
		show_request(&r);
	else if (cert_read_chain(buf_slice(&file), &chain, &why) < 0)
		die(EXIT_NO, "%s: %s", path, why);
	else
		for (size_t i = 0; i < chain.n; i++)
			show_cert(&chain.cert[i].body, i + 1 == chain.n);
	buf_free(&bytes);
	buf_free(&file);
}

static void
verify(const char *path)
{
	static struct cert_chain chain;
	struct cert_roots roots;
	struct buf file, faults;
	const char *why = "";

	buf_init(&faults, OUT_MOST, NULL);
	if (cert_load_roots(given.roots, &roots, &faults) < 0)
		die(EXIT_WRONG, "%.*s", (int)faults.n, (char *)faults.p);
	read_file(path, &file);
	if (cert_read_chain(buf_slice(&file), &chain, &why) < 0 ||
	    cert_verify(&chain, &roots, now(), &why) < 0)
		die(EXIT_NO, "%s: %s", path, why);
	cert_free_roots(&roots);
	buf_free(&file);
	buf_free(&faults);
}

#define KEY_OPTIONS                                                            \
	{ 'K', "key", OPT_STR, &given.key, "KEY", "sign with this key file" }, \
	    { 'm', "master-file", OPT_STR, &given.master_file, "FILE",         \
		    "its master key stands in this file" },                    \
	    { 'd', "master-fd", OPT_UINT, &given.master_fd, "N",               \
		    "its master key comes from this descriptor", 65535 },      \
	{                                                                      \
		'o', "output", OPT_STR, &given.output, "FILE",                 \
		    "write this file; it must not be there yet"                \
	}

static const struct opt request_opts[] = {
	KEY_OPTIONS,
	{ 'r', "role", OPT_STR, &given.role, "ROLE",
	    "anchor, server, admin or operator (server)" },
	{ 't', "tier", OPT_UINT, &given.tier, "N", "0, 1 or 2", 2 },
	{ 'T', "tenancy", OPT_STR, &given.tenancy, "TEXT", "tenancy" },
	{ 'O', "operator", OPT_STR, &given.operator, "TEXT",
	    "who runs the node" },
	{ 'g', "geo-zone", OPT_STR, &given.geo_zone, "TEXT", "where it is" },
	{ 'G', "max-total-gb", OPT_UINT, &given.max_total_gb, "N",
	    "the most it stores, in 10^9 bytes", 1000000000 },
};
static const struct opt issue_opts[] = {
	KEY_OPTIONS,
	{ 'D', "days", OPT_UINT, &given.days, "N", "how long it is valid (365)",
	    36500 },
	{ 'a', "chain", OPT_STR, &given.chain, "CERT",
	    "append the issuer's own certificates" },
};
static const struct opt show_opts[] = {
	{ 'j', "json", OPT_FLAG, &given.json, NULL,
	    "NDJSON, also on a terminal" },
};
static const struct opt verify_opts[] = {
	{ 'R', "roots", OPT_STR, &given.roots, "DIR",
	    "trust the .pub files here (" ROOTS ")" },
	{ 'N', "now", OPT_UINT, &given.now, "SECONDS",
	    "as if it were this time, in seconds since 1970" },
};

static const struct verb {
	const char *name;
	void (*run)(const char *file);
	int operands;
	struct opt_page page;
} verbs[] = {
	{ "request", request, 0,
	    { "kn-cert request", "", "ask for a certificate", NULL,
		request_opts, N(request_opts) } },
	{ "issue", issue, 1,
	    { "kn-cert issue", "REQUEST", "certify what a request asks for",
		NULL, issue_opts, N(issue_opts) } },
	{ "show", show, 1,
	    { "kn-cert show", "FILE", "print certificates or a request", NULL,
		show_opts, N(show_opts) } },
	{ "verify", verify, 1,
	    { "kn-cert verify", "CERT", "is this certificate good now?", NULL,
		verify_opts, N(verify_opts) } },
};

static const struct opt_page page = {
	.prog = "kn-cert",
	.synopsis = "request|issue|show|verify …",
	.about = "request, issue, show and verify node certificates",
	.detail =
	    "Each verb has a page: kn-cert issue -h.  - is standard input.\n"
	    "\n"
	    "  kn-cert request -K node.key -m master.key -t 1 > node.req\n"
	    "  kn-cert issue -K root.key -m root.master node.req > node.cert\n"
	    "  kn-cert verify -R roots node.cert\n"
	    "\n"
	    "Exit: 0 yes; 1 damaged, or does not verify; 100 you; "
	    "111 the system.\n",
};

static const struct verb *
find_verb(const char *name)
{
	for (size_t i = 0; i < N(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	die(EXIT_WRONG, "%.64s is no verb: see -h", name);
}

int
main(int argc, char **argv)
{
	int first = cmd_options(&page, argc, argv);
	const struct verb *verb;

	if (first == argc)
		die(EXIT_WRONG, "a verb is missing: see -h");
	verb = find_verb(argv[first]);
	argc -= first;
	argv += first;
	first = cmd_options(&verb->page, argc, argv);
	if (argc - first != verb->operands)
		die(EXIT_WRONG, "%s: see -h",
		    verb->operands ? "just one file is wanted"
				   : "no operands are wanted");
	cmd_hide();
	verb->run(argv[first]);
	return EXIT_YES;
}
