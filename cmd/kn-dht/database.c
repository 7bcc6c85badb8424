/* SPDX-License-Identifier: ISC */
#include "cmd/kn-dht/database.h"
#include "base/log.h"
#include "cmd/cmd.h"

static void
told(void *arg, const char *sentence)
{
	(void)arg;
	log_warn("database", "why=%s", log_q(slice_text(sentence)));
}

struct dhtdb *
database_open(const struct node_conf *conf)
{
	const struct dhtdb_conf dc = {
		.providers = conf->dht.provider_records,
		.providers_per_key = 256,
		.providers_per_peer = conf->dht.provider_records / 8 + 1,
		.values = conf->dht.value_records,
		.value_bytes = conf->dht.value_bytes,
		.values_per_peer = conf->dht.value_records / 64 + 1,
		.peers = 1024,
		.own = conf->dht.own_keys,
		.cache = conf->dht.cache,
		.life = 48 * 3600,
		.addrs_life = 24 * 3600,
	};
	const char *why = "?";
	struct dhtdb *db = dhtdb_open(conf->dht.db_path, &dc, told, NULL, &why);

	if (db == NULL)
		die(EXIT_SYSTEM, "cannot open the database %s: %s",
		    conf->dht.db_path, why);
	return db;
}
