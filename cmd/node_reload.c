/* SPDX-License-Identifier: ISC */
#include "base/log.h"
#include "cmd/node.h"

#include <string.h>
#include <unistd.h>

enum { FAULTS_BYTES = 128 << 10 };

void
node_log_faults(const char *event, const struct buf *faults)
{
	struct slice text = buf_slice(faults);

	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;

		log_error(event, "kept=old why=%s", log_q(get_bytes(&text, n)));
		get_bytes(&text, end ? 1 : 0);
	}
}

bool
node_reload(const char *prog, const char *file, node_take *take, void *arg)
{
	struct node_conf conf = { 0 };
	struct buf faults = { .max = FAULTS_BYTES };
	bool good = conf_load(file, node_rows, node_nrows, environ, &conf,
			&faults) == 0 &&
		    take(arg, &conf, &faults) == 0;

	if (good)
		log_open(prog, conf.node.log_level);
	else
		node_log_faults("reload.config", &faults);
	node_free(&conf);
	buf_free(&faults);
	return good;
}
