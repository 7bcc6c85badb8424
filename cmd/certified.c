/* SPDX-License-Identifier: ISC */
#include "cmd/certified.h"
#include "base/fd.h"
#include "base/mem.h"
#include "crypt/cert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAULTS_BYTES = 512 };

static struct certified
not_valid(struct certified c, const char *path, const char *why)
{
	c.valid = false;
	snprintf(c.why, sizeof c.why, "%s: %s", path, why);
	return c;
}

/* A chain is good until the first of it expires. */
static uint64_t
first_end(const struct cert_chain *chain)
{
	uint64_t end = UINT64_MAX;

	for (size_t i = 0; i < chain->n; i++)
		if (chain->cert[i].body.not_after < end)
			end = chain->cert[i].body.not_after;
	return end;
}

/* Of a chain that was read. */
static struct certified
judge(const struct cert_chain *chain, const char *path, const char *roots_path,
    const struct peerid *self, uint64_t now)
{
	struct certified c = { .valid = true };
	struct buf faults = { .max = FAULTS_BYTES };
	struct cert_roots roots;
	const char *why = "";

	if (!slice_eq(chain->cert[0].body.subject, peerid_bytes(self)))
		return not_valid(c, path, "it is another node's");
	c.not_after = first_end(chain);
	if (cert_load_roots(roots_path, &roots, &faults) < 0) {
		c.valid = false;
		snprintf(c.why, sizeof c.why, "%.*s", (int)faults.n,
		    (const char *)faults.p); /* names the file itself */
		buf_free(&faults);
		return c;
	}
	if (cert_verify(chain, &roots, now, &why) < 0)
		c = not_valid(c, path, why);
	cert_free_roots(&roots);
	return c;
}

struct certified
certified_look(
    const struct node_conf *conf, const struct peerid *self, uint64_t now)
{
	const char *path = conf->identity.cert_path;
	struct certified c = { 0 };
	struct buf text = { .max = CERT_FILE_MAX };
	struct cert_chain *chain = mem_new(sizeof *chain);
	const char *why = "";

	if (fd_read_file(path, &text) < 0)
		c = not_valid(c, path, strerror(errno));
	else if (cert_read_chain(buf_slice(&text), chain, &why) < 0)
		c = not_valid(c, path, why);
	else
		c = judge(chain, path, conf->identity.roots_path, self, now);
	free(chain);
	buf_free(&text);
	return c;
}
