/* SPDX-License-Identifier: ISC
 *
 * A session written out and taken up again, as an exec in place does it. */
#ifndef T_YAMUX_RELOAD_H
#define T_YAMUX_RELOAD_H

#include "proto/yamux.h"
#include "wire/msg/state.h"

/* The session is *y afterwards; false: it could not be taken up.  The owners
 * of the streams are kept. */
static inline bool
reload(struct yamux *y)
{
	static struct state_stream stream;
	struct state_yamux session;
	struct yamux fresh;
	struct yamux_stream *s;
	struct slice key;
	struct buf b;
	bool good;

	buf_init(&b, 4096, NULL);
	yamux_save(y, &session);
	pb_encode(&state_yamux_desc, &session, &b);
	good = pb_decode(&state_yamux_desc, buf_slice(&b), &session,
	    NULL) == 0 && yamux_load(&fresh, &session, &y->limits) == 0;
	for (size_t at = 0; good &&
	    (s = map_next(&y->streams, &at, &key)) != NULL;) {
		struct yamux_stream *copy;

		buf_drop(&b, b.n);
		yamux_save_stream(s, &stream);
		pb_encode(&state_stream_desc, &stream, &b);
		good = pb_decode(&state_stream_desc, buf_slice(&b), &stream,
		    NULL) == 0;
		copy = good ? yamux_load_stream(&fresh, &stream) : NULL;
		good = copy != NULL;
		if (good)
			copy->owner = s->owner;
	}
	buf_free(&b);
	if (good) {
		yamux_free(y);
		*y = fresh;
	}
	return good;
}

#endif
