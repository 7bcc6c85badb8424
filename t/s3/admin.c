/* SPDX-License-Identifier: ISC */
#include "t/s3/rows.h"

static struct rig g;

static void
begin(void)
{
	rig_new(&g);
	g.who = RIG_LOCAL;
	if (nodedb_tenant_put(g.db, S3_OWN_TENANT, "own", UINT64_MAX,
		UINT64_MAX, NULL) != NODEDB_OK)
		abort();
	nodedb_commit(g.db);
}

static unsigned
post(const char *target, const char *body)
{
	return rig_ask(&g, "POST", target, "", slice_text(body));
}

static bool
says(const char *text, const char *name)
{
	bool good = ok(g.got.status == 200 && rows_has(&g, text), "%s", name);

	if (!good)
		printf("# %u %.*s\n", g.got.status, (int)g.got.body.n,
		    g.got.body.p ? (char *)g.got.body.p : "");
	return good;
}

/* The value of "name":"…" in the reply. */
static const char *
member(const char *name)
{
	static char text[200];
	char front[40];
	const char *at, *end;
	size_t n = g.got.body.n;
	int m = snprintf(front, sizeof front, "\"%s\":\"", name);

	text[0] = '\0';
	at = n ? memmem(g.got.body.p, n, front, (size_t)m) : NULL;
	if (at == NULL)
		return text;
	at += m;
	end = memchr(at, '"', n - (size_t)(at - (char *)g.got.body.p));
	snprintf(text, sizeof text, "%.*s", (int)(end - at), at);
	return text;
}

static void
rights(void)
{
	static const struct {
		const char *method, *target;
		unsigned words;
	} pages[] = {
		{ "GET", "/-/ls", S3_LOCAL_READ },
		{ "GET", "/-/stat?bucket=box&key=k", S3_LOCAL_READ },
		{ "GET", "/-/du?bucket=box", S3_LOCAL_READ },
		{ "GET", "/-/usage", S3_LOCAL_READ },
		{ "GET", "/-/health", S3_LOCAL_READ },
		{ "GET", "/-/stats", S3_LOCAL_READ },
		{ "GET", "/-/keys", S3_LOCAL_ADMIN },
		{ "POST", "/-/keys?do=add", S3_LOCAL_ADMIN },
		{ "POST", "/-/tenants?do=add&name=x", S3_LOCAL_ADMIN },
		{ "POST", "/-/buckets?do=make&name=new", S3_LOCAL_WRITE },
		{ "POST", "/-/buckets?do=set&name=box&anonymous=read",
		    S3_LOCAL_WRITE | S3_LOCAL_ADMIN },
		{ "POST", "/-/care?do=orphans", S3_LOCAL_ADMIN },
	};

	begin();
	rig_put(&g, "/box/k", slice_text("x"));
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		for (unsigned words = 0; words < 7; words++) {
			if ((words & pages[i].words) == pages[i].words)
				continue;
			g.rights.at[0].words = words;
			rig_do(&g, pages[i].method, pages[i].target);
			if (g.got.status != 403)
				rig_is(
				    &g, 403, "AccessDenied", pages[i].target);
		}
		g.rights.at[0].words = pages[i].words;
		rig_do(&g, pages[i].method, pages[i].target);
		rig_is(&g, 200, "", pages[i].target);
		is_text(rig_header(&g, "content-type"), "application/x-ndjson",
		    "in NDJSON");
	}
	g.who = RIG_ANN;
	rig_do(&g, "GET", "/-/keys");
	ok(g.got.status >= 400, "no access key is enough");
	rig_free(&g);
}

static void
odd(void)
{
	static char body[4200];

	begin();
	rig_do(&g, "GET", "/-/nothing");
	rig_is(&g, 501, "NotImplemented", "no such page");
	rig_do(&g, "GET", "/-/");
	rig_is(&g, 501, "NotImplemented", "no page");
	rig_do(&g, "DELETE", "/-/keys");
	rig_is(&g, 501, "NotImplemented", "no such method");
	rig_do(&g, "GET", "/-/care?do=scrub");
	rig_is(&g, 501, "NotImplemented", "what changes something is posted");
	post("/-/care?do=what", "");
	rig_is(&g, 400, "InvalidArgument", "no such care");
	memset(body, 's', 4097);
	post("/-/keys?do=add", body);
	rig_is(&g, 400, "MaxMessageLengthExceeded", "a body that is too long");
	ok(g.got.early, "is not read");
	g.lengthless = true;
	post("/-/keys?do=add", body);
	rig_is(&g, 400, "MaxMessageLengthExceeded", "nor without a length");
	g.lengthless = false;
	rig_do(&g, "GET", "/-/keys");
	is_int(g.got.body.n > 0 && rows_has(&g, "ssss"), 0, "no key was made");
	rig_do(&g, "GET", "/-/health");
	says("\"ok\":true", "the store is well");
	rig_do(&g, "GET", "/-/stats");
	says("\"buckets\":1", "it counts");
	rig_free(&g);
}

static void
keys(void)
{
	char id[100], secret[100];

	begin();
	post("/-/keys?do=add&tenant=ann&grants=box:read,list:my/%20*:all", "");
	says("\"grants_text\":\"box:read,list:my/ *:all\"",

	    "a key with grants");
	snprintf(id, sizeof id, "%.90s", member("id"));
	snprintf(secret, sizeof secret, "%.90s", member("secret"));
	ok(strlen(id) == 18 && strncmp(id, "KN", 2) == 0, "an id of its own");
	is_int(strlen(secret), 40, "and a secret");
	rig_do(&g, "GET", "/-/keys");
	ok(rows_has(&g, id) && !rows_has(&g, "secret") && !rows_has(&g, secret),
	    "which is told once");
	post("/-/keys?do=add&id=mine&tenant=bob", "chosen secret");
	rig_is(&g, 400, "InvalidArgument", "a secret has no blanks");
	post("/-/keys?do=add&id=mine&tenant=bob", "seven77");
	rig_is(&g, 400, "InvalidArgument", "nor seven characters");
	memset(secret, 's', 89);
	secret[89] = '\0';
	post("/-/keys?do=add&id=mine&tenant=bob", secret);
	rig_is(&g, 400, "InvalidArgument", "nor 89");
	secret[88] = '\0';
	post("/-/keys?do=add&id=mine&tenant=bob", secret);
	says(secret, "but 88");
	post("/-/keys?do=add&id=mine&tenant=bob", "");
	rig_is(&g, 409, "InvalidBucketState", "there is one of this id");
	ok(!rows_has(&g, "ssss"), "whose secret stays one");
	post("/-/keys?do=add&id=other&tenant=none", "");
	rig_is(&g, 404, "NoSuchKey", "for no tenant");
	post("/-/keys?do=add&id=other&tenant=bob&grants=box", "");
	rig_is(&g, 400, "InvalidArgument", "half a grant");
	post("/-/keys?do=add&id=other&tenant=bob&grants=box:fly", "");
	rig_is(&g, 400, "InvalidArgument", "no verb");
	post("/-/keys?do=add&id=other&tenant=bob&grants=BOX:all", "");
	rig_is(&g, 400, "InvalidArgument", "no bucket");
	post("/-/keys?do=add&id=a/b&tenant=bob", "");
	rig_is(&g, 400, "InvalidArgument", "no id");
	post("/-/keys?do=remove", "");
	rig_is(&g, 400, "InvalidArgument", "which one?");
	post("/-/keys?do=remove&id=none", "");
	rig_is(&g, 404, "NoSuchKey", "none");
	post("/-/keys?do=what&id=mine", "");
	rig_is(&g, 400, "InvalidArgument", "nothing to do");
	rig_do(&g, "GET", "/-/keys?tenant=bob");
	says("\"id\":\"mine\"", "the keys of one tenant");
	ok(!rows_has(&g, id), "and of no other");
	rig_free(&g);
}

/* Does the key open the door, with the secret that the rig signs with? */
static unsigned
with(const char *id)
{
	g.who = RIG_ANN;
	g.key_id = id;
	rig_do(&g, "GET", "/box?list-type=2&prefix=my/");
	g.who = RIG_LOCAL;
	g.key_id = NULL;
	return g.got.status;
}

static void
rotation(void)
{
	char secret[64];

	begin();
	post(
	    "/-/keys?do=add&id=mine&tenant=ann&grants=box:all:my/", rig_secret);
	rig_is(&g, 200, "", "a key");
	is_int(with("mine"), 200, "opens");
	post("/-/keys?do=disable&id=mine", "");
	says("\"disabled\":true", "it is disabled");
	says("\"grants_text\":\"box:all:my/\"", "with its grants");
	is_text(member("secret"), "", "without its secret");
	is_int(with("mine"), 403, "and does not open");
	post("/-/keys?do=rotate&id=mine", "another-secret");
	says("\"disabled\":true", "a new secret changes nothing of that");
	says("another-secret", "it is told");
	post("/-/keys?do=enable&id=mine", "");
	says("\"disabled\":false", "it is enabled");
	is_int(with("mine"), 403, "the old secret does not open");
	post("/-/keys?do=rotate&id=mine", rig_secret);
	is_int(with("mine"), 200, "the new one does");
	for (int i = 0; i < 3; i++) {
		post("/-/keys?do=rotate&id=mine", "");
		says("\"prefix\":\"my/\"", "grants outlive every secret");
	}
	snprintf(secret, sizeof secret, "%.60s", member("secret"));
	is_int(strlen(secret), 40, "a secret that was not chosen");
	is_int(with("mine"), 403, "shuts");
	rig_do(&g, "GET", "/-/keys?id=mine");
	ok(!rows_has(&g, secret), "and is not told again");
	post("/-/keys?do=remove&id=mine", "");
	rig_is(&g, 200, "", "removed");
	is_int(with("mine"), 403, "it is none");
	rig_do(&g, "GET", "/-/keys?id=mine");
	ok(g.got.status == 200 && g.got.body.n == 0, "nor listed");
	rig_free(&g);
}

static void
tenants(void)
{
	begin();
	post("/-/tenants?do=add&name=carl&tier=small", "");
	says("\"disk_cap\":20000000000", "a tenant with a tier's caps");
	post("/-/tenants?do=add&name=carl", "");
	rig_is(&g, 409, "InvalidBucketState", "there is one");
	post("/-/tenants?do=add&name=a/b", "");
	rig_is(&g, 400, "InvalidArgument", "no name");
	post("/-/tenants?do=add&name=dora&tier=huge", "");
	rig_is(&g, 400, "InvalidArgument", "no tier");
	post("/-/tenants?do=set&name=dora", "");
	rig_is(&g, 404, "NoSuchKey", "no tenant");
	post("/-/tenants?do=set&name=carl&disk=lots", "");
	rig_is(&g, 400, "InvalidArgument", "no cap");
	post("/-/tenants?do=set&name=carl&egress=none", "");
	says("\"egress_cap\":null", "no cap for egress");
	says("\"disk_cap\":20000000000", "the other stays");
	post("/-/tenants?do=set&name=carl&tier=medium", "");
	says("\"egress_cap\":300000000000", "another tier");
	post("/-/tenants?do=remove&name=carl", "");
	rig_is(&g, 200, "", "removed");
	rig_do(&g, "GET", "/-/usage?tenant=carl");
	rig_is(&g, 404, "NoSuchKey", "gone");
	post("/-/tenants?do=remove&name=ann", "");
	rig_is(&g, 409, "InvalidBucketState", "one that has something stays");
	post("/-/tenants?do=remove&name=own", "");
	rig_is(&g, 409, "InvalidBucketState", "and the node's own");
	rig_do(&g, "GET", "/-/usage");
	ok(rows_has(&g, "\"ann\"") && rows_has(&g, "\"bob\""), "all of them");
	rig_free(&g);
}

static void
caps(void)
{
	begin();
	g.who = RIG_ANN;
	rig_put(&g, "/box/k", slice_text("0123456789"));
	g.who = RIG_LOCAL;
	post("/-/tenants?do=set&name=ann&disk=5&egress=5", "");
	says("\"disk_cap\":5", "a cap below what is used");
	says("\"disk_used\":10", "which stays");
	g.who = RIG_ANN;
	rig_ask(&g, "PUT", "/box/l", "", slice_text("x"));
	rig_is(&g, 403, "QuotaExceeded", "nothing more is taken");
	rig_ask(&g, "PUT", "/box/k", "", slice_text("0123"));
	rig_is(&g, 200, "", "what makes it less is");
	rig_do(&g, "GET", "/box/k");
	rig_is(&g, 200, "", "four bytes may leave");
	rig_do(&g, "GET", "/box/k");
	rig_is(&g, 403, "EgressQuotaExceeded", "not eight");
	g.who = RIG_LOCAL;
	post("/-/tenants?do=set&name=ann&egress=1", "");
	rig_do(&g, "GET", "/-/usage?tenant=ann");
	says("\"egress_used\":4", "what has left is known");
	g.who = RIG_ANN;
	rig_do(&g, "DELETE", "/box/k");
	rig_is(&g, 204, "", "deleting goes on");
	rig_free(&g);
}

static void
buckets(void)
{
	begin();
	post("/-/buckets?do=make&name=made&tenant=bob", "");
	says("\"tenant\":\"bob\"", "a bucket for a tenant");
	post("/-/buckets?do=make&name=mine", "");
	says("\"tenant\":\"own\"", "or the node's own");
	post("/-/buckets?do=make&name=mine", "");
	rig_is(&g, 409, "InvalidBucketState", "there is one");
	post("/-/buckets?do=make&name=No", "");
	rig_is(&g, 400, "InvalidBucketName", "no name");
	post("/-/buckets?do=make&name=more&tenant=none", "");
	rig_is(&g, 404, "NoSuchKey", "no tenant");
	g.s3->conf.buckets_per_tenant = 1;
	post("/-/buckets?do=make&name=more&tenant=bob", "");
	rig_is(&g, 400, "TooManyBuckets", "no more than one may have");
	post("/-/buckets?do=set&name=mine&anonymous=read,list&versioning=on",
	    "");
	says("\"anonymous\":\"read,list\"", "everybody may read");
	says("\"versioning\":\"on\"", "with versions");
	post("/-/buckets?do=set&name=mine&versioning=suspended", "");
	says("\"anonymous\":\"read,list\"", "which stays");
	post("/-/buckets?do=set&name=mine&anonymous=none", "");
	says("\"anonymous\":\"none\"", "or not");
	post("/-/buckets?do=set&name=mine&anonymous=read,write", "");
	rig_is(&g, 400, "InvalidArgument", "never write");
	post("/-/buckets?do=set&name=mine&versioning=off", "");
	rig_is(&g, 400, "InvalidArgument", "versions stay");
	post("/-/buckets?do=set&name=none", "");
	rig_is(&g, 404, "NoSuchBucket", "no bucket");
	rig_do(&g, "GET", "/-/ls");
	ok(rows_has(&g, "\"mine\"") && rows_has(&g, "\"box\""), "all of them");
	rig_free(&g);
}

/* Follow "next" until there is none: pages, and lines in all. */
static unsigned
walk(const char *target, size_t *lines)
{
	char next[4096] = "", whole[5000];
	const char *front = "{\"next\":\"";
	unsigned pages = 0;

	*lines = 0;
	do {
		const char *p, *at;

		snprintf(whole, sizeof whole, "%s%s", target, next);
		rig_do(&g, "GET", whole);
		if (g.got.status != 200)
			return 0;
		p = (const char *)g.got.body.p;
		for (size_t i = 0; i < g.got.body.n; i++)
			*lines += p[i] == '\n';
		at = memmem(p, g.got.body.n, front, strlen(front));
		next[0] = '\0';
		if (at) {
			at += strlen(front);
			snprintf(next, sizeof next, "&after=%.*s",
			    (int)strcspn(at, "\""), at);
			*lines -= 1;
		}
	} while (++pages < 100 && next[0]);
	return pages;
}

static void
lists(void)
{
	struct object o = { .size = 3 };
	uint64_t version;
	char key[32];
	size_t lines;
	bool marker;

	begin();
	nodedb_bucket_set(g.db, g.box, S3_VERSIONED, 0);
	for (int i = 0; i < 2500; i++) {
		snprintf(key, sizeof key, "%s/%05d", i < 2000 ? "a" : "b", i);
		o.key = slice_text(key);
		if (nodedb_put(g.db, g.box, &o, 0, NULL) != NODEDB_OK)
			abort();
	}
	nodedb_delete(g.db, g.box, slice_text("b/02499"), 1, &marker, &version);
	nodedb_commit(g.db);
	is_int(walk("/-/ls?bucket=box", &lines), 3, "three pages");
	is_int(lines, 2499, "of all keys");
	walk("/-/ls?bucket=box&versions", &lines);
	is_int(lines, 2501, "or versions");
	says("\"marker\":true", "a delete marker is said to be one");
	is_int(walk("/-/ls?bucket=box&delimiter=/", &lines), 1, "one page");
	is_int(lines, 2, "of prefixes");
	says("{\"prefix\":\"a/\"}", "as such");
	walk("/-/ls?bucket=box&prefix=b/", &lines);
	is_int(lines, 499, "or what begins so");
	is_int(walk("/-/du?bucket=box&prefix=b/", &lines), 1, "added up");
	says("{\"objects\":500,\"bytes\":1500}", "what is there");
	rig_do(&g, "GET", "/-/ls?bucket=none");
	rig_is(&g, 404, "NoSuchBucket", "of no bucket");
	rig_do(&g, "GET", "/-/du?bucket=none");
	rig_is(&g, 404, "NoSuchBucket", "nor added up");
	rig_do(&g, "GET", "/-/ls?bucket=box&after=x");
	rig_is(&g, 400, "InvalidArgument", "a forged page");
	rig_do(&g, "GET", "/-/ls?bucket=box&after=k00");
	rig_is(&g, 400, "InvalidArgument", "or a short one");
	rig_do(&g, "GET", "/-/ls?bucket=box&after=pffffffffffffffffff");
	rig_is(&g, 200, "", "leads at most behind all");
	rig_free(&g);
}

/* More rows than are added up in one answer, and more markers than are looked
 * at. */
static void
long_lists(void)
{
	struct object o = { .size = 1 };
	uint64_t version;
	char key[32];
	size_t lines;
	bool marker;

	begin();
	nodedb_bucket_set(g.db, g.box, S3_VERSIONED, 0);
	for (int i = 0; i < 50010; i++) {
		snprintf(key, sizeof key, "%06d", i);
		nodedb_delete(
		    g.db, g.box, slice_text(key), 1, &marker, &version);
	}
	o.key = slice_text("last");
	if (nodedb_put(g.db, g.box, &o, 0, NULL) != NODEDB_OK)
		abort();
	nodedb_commit(g.db);
	is_int(walk("/-/du?bucket=box", &lines), 2, "two answers");
	says("{\"objects\":1,\"bytes\":1}", "that are added up");
	is_int(walk("/-/ls?bucket=box", &lines), 2, "two pages");
	is_int(lines, 1, "of one key");
	says("\"key\":\"last\"", "which is on the second");
	rig_free(&g);
}

static void
stat_one(void)
{
	char version[40], target[100];
	static const uint8_t body[20000];

	begin();
	nodedb_bucket_set(g.db, g.box, S3_VERSIONED, 0);
	rig_ask(&g, "PUT", "/box/k", "content-type: a/b\n", slice_text("x"));
	rig_do(&g, "GET", "/-/stat?bucket=box&key=k");
	says("\"type\":\"a/b\"", "its type");
	says("\"kind\":\"inline\"", "where it stands");
	says("\"cid\":\"", "its content id");
	snprintf(version, sizeof version, "%.16s", member("version"));
	rig_put(&g, "/box/k", slice_of(body, sizeof body));
	rig_do(&g, "GET", "/-/stat?bucket=box&key=k");
	says("\"kind\":\"blob\"", "a larger one");
	snprintf(target, sizeof target, "/-/stat?bucket=box&key=k&version=%s",
	    version);
	rig_do(&g, "GET", target);
	says("\"size\":1,", "the one before");
	rig_do(&g, "DELETE", "/box/k");
	rig_do(&g, "GET", "/-/stat?bucket=box&key=k");
	rig_is(&g, 404, "NoSuchKey", "deleted");
	rig_do(&g, "GET", "/-/stat?bucket=box&key=k&version=x");
	rig_is(&g, 404, "NoSuchVersion", "no version");
	rig_do(&g, "GET", "/-/stat?bucket=none&key=k");
	rig_is(&g, 404, "NoSuchBucket", "no bucket");
	rig_do(&g, "GET", "/-/stat?bucket=box");
	rig_is(&g, 404, "NoSuchKey", "no key");
	rig_free(&g);
}

int
main(void)
{
	rights();
	odd();
	keys();
	rotation();
	tenants();
	caps();
	buckets();
	lists();
	long_lists();
	stat_one();
	return tap_done();
}
