/* SPDX-License-Identifier: ISC
 *
 * The first byte chooses the list; what decodes has to be stable once it has
 * been encoded. */
#include "wire/msg/cert.h"
#include "wire/msg/ctl.h"
#include "wire/msg/envelope.h"
#include "wire/msg/ident.h"
#include "wire/msg/key.h"
#include "wire/msg/noise.h"
#include "wire/msg/sign.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct pb_desc *const descs[] = {
	&ctl_desc, &ident_msg_desc, &peer_record_desc, &envelope_msg_desc,
	&key_msg_desc, &noise_payload_desc, &cert_body_desc,
	&cert_request_desc, &sign_question_desc, &sign_answer_desc,
};

static void
check(const struct pb_desc *desc, struct slice in, void *msg, void *again)
{
	struct buf first = { .max = 1 << 20 }, second = { .max = 1 << 20 };
	size_t dropped;

	if (pb_decode(desc, in, msg, NULL) < 0)
		return;
	pb_encode(desc, msg, &first);
	if (first.bad || first.n != pb_size(desc, msg))
		abort();
	if (pb_decode(desc, buf_slice(&first), again, &dropped) < 0 || dropped)
		abort();
	pb_encode(desc, again, &second);
	if (!slice_eq(buf_slice(&first), buf_slice(&second)))
		abort();
	buf_free(&first);
	buf_free(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice in = slice_of(p, n);
	const struct pb_desc *desc = descs[get_u8(&in) %
	    (sizeof descs / sizeof *descs)];
	void *msg = malloc(desc->size), *again = malloc(desc->size);

	check(desc, in, msg, again);
	free(msg);
	free(again);
	return 0;
}
