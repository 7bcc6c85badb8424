/* SPDX-License-Identifier: ISC
 *
 * The verbs of tenants, access keys and buckets, and what they use. */
#include "cmd/kn-store/client.h"
#include "cmd/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_BYTES = 256, ROW = 4608 };

/* A column of what a line of NDJSON is shown as. */
struct column {
	const char *member, *head;
	int width; /* below 0: flush left */
};

struct table {
	const struct column *columns;
	bool json, headed;
};

static void
table_line(void *arg, struct slice line)
{
	struct table *t = arg;
	char cell[ROW];

	if (t->json) {
		put_slice(&show_line, line);
		put_u8(&show_line, '\n');
		show_print();
		return;
	}
	for (; !t->headed; t->headed = true) {
		for (const struct column *c = t->columns; c->member; c++) {
			snprintf(cell, sizeof cell, "%*s ", c->width, c->head);
			put_text(&show_line, cell);
		}
		put_u8(&show_line, '\n');
	}
	for (const struct column *c = t->columns; c->member; c++) {
		snprintf(cell, sizeof cell, "%*s ", c->width,
		    member(line, c->member));
		put_text(&show_line, cell);
	}
	put_u8(&show_line, '\n');
	show_print();
}

static int
ask_table(struct client_conf *c, const char *method, struct slice target,
    struct slice body, const char *subject, const struct column *columns)
{
	struct table t = { columns, c->json, false };
	struct httpc_reply r;

	client_ask(c, method, target, slice_of("", 0), body, subject, &r);
	client_lines(c, table_line, &t);
	return EXIT_YES;
}

static const struct column usage_columns[] = {
	{ "tenant", "TENANT", -20 },
	{ "tier", "TIER", -7 },
	{ "disk_used", "STORED", 15 },
	{ "disk_cap", "OF", 15 },
	{ "month", "MONTH", 6 },
	{ "egress_used", "SENT", 15 },
	{ "egress_cap", "OF", 15 },
	{ NULL, NULL, 0 },
};

int
usage_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS], *tenant = NULL;
	const struct opt opts[] = {
		{ 'e', "tenant", OPT_STR, &tenant, "NAME", "only this one", 0 },
	};

	client_words(v, opts, N(opts), argc, argv, words, 0, 0);
	return ask_table(c, "GET",
	    client_admin("usage", "tenant", tenant, CLIENT_END),
	    slice_of("", 0), tenant ? tenant : "usage", usage_columns);
}

int
tenant_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS], *tier = NULL, *disk = NULL,
					 *egress = NULL;
	const struct opt opts[] = {
		{ 'i', "tier", OPT_STR, &tier, "TIER",
		    "small, medium, large, free or own (no cap)", 0 },
		{ 'd', "disk", OPT_STR, &disk, "BYTES",
		    "the most stored; 20GB is 20 x 10^9", 0 },
		{ 'g', "egress", OPT_STR, &egress, "BYTES",
		    "the most sent in a calendar month (UTC)", 0 },
	};
	size_t n = client_words(v, opts, N(opts), argc, argv, words, 1, 2);
	const char *name = n == 2 ? words[1] : NULL;

	if (strcmp(words[0], "list") == 0)
		return ask_table(c, "GET",
		    client_admin("usage", "tenant", name, CLIENT_END),
		    slice_of("", 0), "tenants", usage_columns);
	if (name == NULL)
		die(EXIT_WRONG, "which tenant? see kn-store tenant -h");
	if (strcmp(words[0], "add") != 0 && strcmp(words[0], "set") != 0 &&
	    strcmp(words[0], "remove") != 0)
		die(EXIT_WRONG, "\"%.32s\" is none of add, set, list, remove",
		    words[0]);
	return ask_table(c, "POST",
	    client_admin("tenants", "do", words[0], "name", name, "tier", tier,
		"disk", disk, "egress", egress, CLIENT_END),
	    slice_of("", 0), name, usage_columns);
}

static const struct column key_columns[] = {
	{ "id", "ID", -24 },
	{ "tenant", "TENANT", -20 },
	{ "disabled", "OFF", -4 },
	{ "created", "MADE", -24 },
	{ "grants_text", "GRANTS", -1 },
	{ NULL, NULL, 0 },
};
static const struct column new_key_columns[] = {
	{ "id", "ID", -24 },
	{ "secret", "SECRET", -44 },
	{ "tenant", "TENANT", -20 },
	{ NULL, NULL, 0 },
};

/* The secret that was chosen, from a private file; empty: the daemon makes
 * one. */
static void
read_secret(const char *path, struct buf *secret)
{
	if (path == NULL)
		return;
	secret_read(path, secret);
	while (secret->n > 0 && secret->p[secret->n - 1] == '\n')
		buf_cut(secret, secret->n - 1);
	if (secret->n == 0)
		die(EXIT_WRONG, "%s is empty", path);
}

/* Every --grant as one list, by blanks. */
static const char *
join(const struct opt_list *list)
{
	static char text[CLIENT_TARGET];
	size_t at = 0;

	for (size_t i = 0; i < list->n; i++) {
		int n = snprintf(text + at, sizeof text - at, "%s%s",
		    i ? " " : "", list->at[i]);

		if (n < 0 || (size_t)n >= sizeof text - at)
			die(EXIT_WRONG, "the grants are too long");
		at += (size_t)n;
	}
	return list->n ? text : NULL;
}

int
key_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS], *tenant = NULL, *file = NULL;
	struct opt_list grants = { NULL, 0 };
	const struct opt opts[] = {
		{ 'e', "tenant", OPT_STR, &tenant, "NAME",
		    "whose key it is (own)", 0 },
		{ 'g', "grant", OPT_LIST, &grants, "BUCKET:VERBS[:PREFIX]",
		    "what it may: *:all unless given; verbs are read, write, "
		    "delete, list, admin, all",
		    0 },
		{ 'f', "secret-file", OPT_STR, &file, "FILE",
		    "take the secret from this private file", 0 },
	};
	size_t n = client_words(v, opts, N(opts), argc, argv, words, 1, 2);
	const char *id = n == 2 ? words[1] : NULL;
	struct buf secret = { .max = SECRET_BYTES };
	bool makes = strcmp(words[0], "add") == 0;
	int code;

	if (strcmp(words[0], "list") == 0)
		return ask_table(c, "GET",
		    client_admin(
			"keys", "tenant", tenant, "id", id, CLIENT_END),
		    slice_of("", 0), "keys", key_columns);
	if (id == NULL && !makes)
		die(EXIT_WRONG, "which key? see kn-store key -h");
	read_secret(file, &secret);
	code = ask_table(c, "POST",
	    client_admin("keys", "do", words[0], "id", id, "tenant", tenant,
		"grants", join(&grants), CLIENT_END),
	    buf_slice(&secret), id ? id : "key",
	    makes || strcmp(words[0], "rotate") == 0 ? new_key_columns
						     : key_columns);
	buf_wipe(&secret);
	free(grants.at);
	return code;
}

static const struct column bucket_columns[] = {
	{ "bucket", "BUCKET", -32 },
	{ "tenant", "TENANT", -20 },
	{ "versioning", "VERSIONS", -9 },
	{ "anonymous", "EVERYBODY", -1 },
	{ NULL, NULL, 0 },
};

int
mb_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS], *tenant = NULL;
	const struct opt opts[] = {
		{ 'e', "tenant", OPT_STR, &tenant, "NAME",
		    "who owns it and pays (own)", 0 },
	};

	client_words(v, opts, N(opts), argc, argv, words, 1, 1);
	return ask_table(c, "POST",
	    client_admin("buckets", "do", "make", "name", words[0], "tenant",
		tenant, CLIENT_END),
	    slice_of("", 0), words[0], bucket_columns);
}

int
bucket_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS], *anonymous = NULL, *versioning = NULL;
	const struct opt opts[] = {
		{ 'a', "anonymous", OPT_STR, &anonymous, "VERBS",
		    "what everybody may: read, list, both, or none", 0 },
		{ 'v', "versioning", OPT_STR, &versioning, "WORD",
		    "on or suspended", 0 },
	};

	client_words(v, opts, N(opts), argc, argv, words, 1, 1);
	return ask_table(c, "POST",
	    client_admin("buckets", "do", "set", "name", words[0], "anonymous",
		anonymous, "versioning", versioning, CLIENT_END),
	    slice_of("", 0), words[0], bucket_columns);
}

int
rb_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS];
	struct httpc_reply r;

	client_words(v, NULL, 0, argc, argv, words, 1, 1);
	if (strchr(words[0], '/'))
		die(EXIT_WRONG, "\"%.64s\" is not a bucket", words[0]);
	client_ask(c, "DELETE", client_target(words[0], false), slice_of("", 0),
	    slice_of("", 0), words[0], &r);
	return EXIT_YES;
}

/* Members of one object, a line each. */
static void
flat_line(void *arg, struct slice line)
{
	const bool *json = arg;
	const char *p = (const char *)line.p;

	if (*json) {
		put_slice(&show_line, line);
		put_u8(&show_line, '\n');
		show_print();
		return;
	}
	for (size_t i = 1; i + 1 < line.n; i++) {
		if (p[i] == ',' && p[i + 1] == '"')
			put_u8(&show_line, '\n');
		else if (p[i] != '"')
			put_u8(&show_line, (uint8_t)p[i]);
	}
	put_u8(&show_line, '\n');
	show_print();
}

int
stats_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS];
	struct httpc_reply r;

	client_words(v, NULL, 0, argc, argv, words, 0, 0);
	client_ask(c, "GET", client_admin("stats", CLIENT_END), slice_of("", 0),
	    slice_of("", 0), "stats", &r);
	client_lines(c, flat_line, &c->json);
	return EXIT_YES;
}

struct health {
	bool json, good;
};

static void
health_line(void *arg, struct slice line)
{
	struct health *h = arg;

	h->good = strcmp(member(line, "ok"), "yes") == 0;
	if (h->json) {
		put_slice(&show_line, line);
		put_u8(&show_line, '\n');
	} else {
		put_text(&show_line, h->good ? "good" : "not good: ");
		put_text(&show_line, member(line, "why"));
		put_u8(&show_line, '\n');
	}
	show_print();
}

int
health_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS];
	struct health h = { c->json, false };
	struct httpc_reply r;

	client_words(v, NULL, 0, argc, argv, words, 0, 0);
	client_ask(c, "GET", client_admin("health", CLIENT_END),
	    slice_of("", 0), slice_of("", 0), "health", &r);
	client_lines(c, health_line, &h);
	return h.good ? EXIT_YES : EXIT_NO;
}

int
scrub_run(struct client_conf *c, const struct verb *v, int argc, char **argv)
{
	const char *words[CLIENT_WORDS];
	struct httpc_reply r;

	client_words(v, NULL, 0, argc, argv, words, 0, 0);
	client_ask(c, "POST", client_admin("care", "do", "scrub", CLIENT_END),
	    slice_of("", 0), slice_of("", 0), "scrub", &r);
	return EXIT_YES;
}
