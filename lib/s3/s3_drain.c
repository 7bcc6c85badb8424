/* SPDX-License-Identifier: ISC
 *
 * While the node drains no change begins: clients that retry find another node
 * or this one later.  What has begun goes on, and reads do not care. */
#include "s3/s3_own.h"

#include <stdio.h>
#include <string.h>

enum { RETRY_AFTER = 30 /* seconds */ };

/* Whatever may leave something behind.  What is asked on the local socket
 * beside S3 is the operator's own doing. */
static bool
is_change(const struct s3_req *r)
{
	const struct slice method = r->head->method;

	return r->op.kind != S3OP_ADMIN && !slice_is(method, "GET") &&
	       !slice_is(method, "HEAD") && !slice_is(method, "OPTIONS");
}

static void
refuse(struct s3_req *r)
{
	char sentence[sizeof r->s3->draining + 64], seconds[16];

	snprintf(seconds, sizeof seconds, "%d", RETRY_AFTER);
	http_put_text(&r->reply, "Retry-After", seconds);
	snprintf(sentence, sizeof sentence,
	    "This node takes no changes for now: %s", r->s3->draining);
	s3_fail_why(r, S3ERR_DRAINING, sentence);
}

bool
s3_drain_admits(struct s3_req *r)
{
	struct s3 *s3 = r->s3;

	if (!is_change(r))
		return true;
	if (s3->draining[0]) {
		refuse(r);
		return false;
	}
	r->changes = true;
	s3->stats[S3_STAT_CHANGING]++;
	return true;
}

void
s3_drain_forget(struct s3_req *r)
{
	r->s3->stats[S3_STAT_CHANGING] -= r->changes;
	r->changes = false;
}

void
s3_drain(struct s3 *s3, const char *reason)
{
	snprintf(s3->draining, sizeof s3->draining, "%s", reason ? reason : "");
}

uint64_t
s3_changing(const struct s3 *s3)
{
	return s3->stats[S3_STAT_CHANGING];
}

/* Answered ones are read to the end of their body, or closed: that is for who
 * owns the connection. */
void
s3_drain_cut(struct s3 *s3)
{
	for (struct s3_req *r = s3->all; r; r = r->next) {
		if (!r->changes || r->answered || !r->taking)
			continue;
		refuse(r);
		s3_drain_forget(r);
		s3_refused(r);
	}
}
