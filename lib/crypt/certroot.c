/* SPDX-License-Identifier: ISC */
#include "base/fd.h"
#include "base/mem.h"
#include "crypt/armor.h"
#include "crypt/cert.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOTS_MOST = 64, PUB_MOST = 1024 };

static int
is_pub(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && strcmp(dot, ".pub") == 0;
}

/* Issuers have keys that kn-keygen made: Ed25519.  The id of such a key
 * contains the key, so nothing else passes for one. */
static int
read_pub(const char *path, struct peerid *id)
{
	static const uint8_t head[] = { 0x08, KEY_ED25519, 0x12, 32 };
	uint8_t pb[KEY_PUBLIC_PB] = { 0 };
	struct buf key = {
		.p = pb, .mem = pb, .cap = sizeof pb, .max = sizeof pb
	};
	struct buf text;
	int r = -1;

	buf_init(&text, PUB_MOST, NULL);
	if (fd_read_file(path, &text) == 0) {
		errno = EBADMSG;
		if (armor_one(buf_slice(&text), &key) == 0 &&
		    key.n == KEY_PUBLIC_PB &&
		    memcmp(pb, head, sizeof head) == 0) {
			*id = peerid_of_key(slice_of(pb, sizeof pb));
			r = 0;
		}
	}
	buf_free(&text);
	return r;
}

static void
complain(struct buf *why, const char *path, const char *text)
{
	put_text(why, path);
	put_text(why, ": ");
	put_text(why, text);
}

static int
load_root(const char *dir, const char *name, struct cert_roots *roots,
    struct buf *why)
{
	char path[4096];

	if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >=
	    sizeof path) {
		complain(why, dir, strerror(ENAMETOOLONG));
		return -1;
	}
	if (read_pub(path, &roots->at[roots->n]) < 0) {
		complain(why, path,
		    errno == EBADMSG ? "not an Ed25519 public key"
				     : strerror(errno));
		return -1;
	}
	roots->n++;
	return 0;
}

int
cert_load_roots(const char *dir, struct cert_roots *roots, struct buf *why)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_pub, alphasort);
	int r = 0;

	*roots = (struct cert_roots){ 0 };
	if (n < 0) {
		complain(why, dir, strerror(errno));
		return -1;
	}
	if (n > ROOTS_MOST) {
		complain(why, dir, "more than 64 roots");
		r = -1;
	} else if (n > 0) {
		roots->at = mem_new((size_t)n * sizeof *roots->at);
	}
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = load_root(dir, names[i]->d_name, roots, why);
		free(names[i]);
	}
	free(names);
	if (r < 0)
		cert_free_roots(roots);
	return r;
}

void
cert_free_roots(struct cert_roots *roots)
{
	free(roots->at);
	*roots = (struct cert_roots){ 0 };
}
