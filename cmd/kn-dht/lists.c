/* SPDX-License-Identifier: ISC
 *
 * What of [dht] takes more than its kind and range to be right. */
#include "base/slice.h"
#include "cmd/kn-dht/parts.h"
#include "wire/maddr.h"

#include <string.h>

static void
fault(struct buf *faults, const char *key, const char *text, const char *what)
{
	put_text(faults, "dht.");
	put_text(faults, key);
	put_text(faults, ": \"");
	put_text(faults, text);
	put_text(faults, "\" ");
	put_text(faults, what);
	put_text(faults, "\n");
}

static bool
is_addr(const char *text)
{
	struct maddr addr;

	return maddr_of_text(slice_text(text), &addr) == 0;
}

static bool
is_protocol(const char *text)
{
	return text[0] == '/' && text[1] != '\0';
}

static bool
is_namespace(const char *text)
{
	return strchr(text, '/') == NULL && strcmp(text, "pk") != 0 &&
	       strcmp(text, "ipns") != 0;
}

static size_t
check(const struct conf_list *list, bool (*good)(const char *text),
    const char *key, const char *what, struct buf *faults)
{
	size_t bad = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (good(list->at[i]))
			continue;
		fault(faults, key, list->at[i], what);
		bad++;
	}
	return bad;
}

int
lists_check(const struct node_conf *conf, struct buf *faults)
{
	const char *network = conf->dht.network;
	size_t bad = check(&conf->dht.bootstrap, is_addr, "bootstrap",
	    "is no multiaddr", faults);

	bad += check(&conf->dht.protocols, is_protocol, "protocols",
	    "is no protocol: it begins with a slash", faults);
	bad += check(&conf->dht.namespaces, is_namespace, "namespaces",
	    "cannot be a namespace of this network", faults);
	if (conf->dht.protocols.n == 0 ||
	    conf->dht.protocols.n > LISTS_PROTOCOLS) {
		put_text(faults, "dht.protocols: one to 8 are wanted\n");
		bad++;
	}
	if (conf->dht.namespaces.n > LISTS_NAMES) {
		put_text(faults, "dht.namespaces: at most 16\n");
		bad++;
	}
	if (anchors_of(network) == NULL) {
		fault(faults, "network", network,
		    "is no network; \"private\" has no anchors");
		bad++;
	}
	return bad > 0 ? -1 : 0;
}
