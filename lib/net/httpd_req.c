/* SPDX-License-Identifier: ISC
 *
 * A request from its first line to its end, as libmicrohttpd's callbacks tell
 * it.  That library takes a reply at two moments only: when the head is whole
 * (then the connection closes after it) and when the body is whole. */
#include "base/mem.h"
#include "net/httpd_own.h"

#include <stdlib.h>
#include <string.h>

static struct httpd_req *
req_new(struct httpd *h, struct httpd_conn *c, struct MHD_Connection *m)
{
	struct httpd_req *r = h->spare;
	struct buf target = { 0 };

	if (r) {
		h->spare = r->next;
		h->nspare--;
		target = r->target;
		buf_cut(&target, 0);
	} else {
		r = mem_new(sizeof *r);
		buf_init(&target, HTTP_TARGET, NULL);
	}
	memset(r, 0, offsetof(struct httpd_req, head));
	r->target = target;
	r->conn = c;
	r->mhd = m;
	http_reply_init(&r->reply, NULL);
	return r;
}

static void
req_free(struct httpd *h, struct httpd_req *r)
{
	http_reply_free(&r->reply);
	if (h->nspare >= HTTPD_SPARE) {
		buf_free(&r->target);
		free(r);
		return;
	}
	r->next = h->spare;
	h->spare = r;
	h->nspare++;
}

/* The request line has come; libmicrohttpd is about to take it apart.  Version
 * 0.9.75 makes a record of each argument, and when there are too many for the
 * connection's memory it spins on that connection.  We want none: what it will
 * look at (the bytes behind the ?, which it is about to overwrite itself) is
 * made empty. */
void *
httpd_on_target(void *arg, const char *uri, struct MHD_Connection *m)
{
	struct httpd_conn *c = httpd_conn_of(m);
	struct httpd_req *r = req_new(arg, c, m);
	size_t n = uri ? strlen(uri) : 0;
	char *query;

	c->req = r;
	r->uri = uri;
	r->long_target = n > HTTP_TARGET;
	if (!r->long_target)
		put_bytes(&r->target, uri, n);
	query = n > 0 ? strchr((char *)(uintptr_t)uri, '?') : NULL;
	if (query)
		query[1] = '\0';
	return r;
}

static void
suspend(struct httpd_req *r)
{
	r->suspended = true;
	MHD_suspend_connection(r->mhd);
}

static void
resume(struct httpd_req *r)
{
	struct httpd *h = r->conn->httpd;

	if (!r->suspended)
		return;
	r->suspended = false;
	h->resumed = true;
	MHD_resume_connection(r->mhd);
	httpd_wake(h);
}

static enum MHD_Result
by_hand(struct httpd_req *r)
{
	r->stage = HTTPD_REFUSED;
	httpd_by_hand(r);
	return MHD_NO;
}

static enum MHD_Result
queue(struct httpd_req *r)
{
	r->stage = HTTPD_QUEUED;
	return httpd_queue(r) ? MHD_YES : MHD_NO;
}

static bool
begin(struct httpd_req *r, const char *method, const char *version)
{
	struct httpd *h = r->conn->httpd;
	unsigned refuse = httpd_head(r, method, version);

	r->conn->head_since = 0;
	r->conn->seen_stale = true;
	if (refuse != 0) {
		if (refuse == 431 || refuse == 414)
			h->refused[HTTPD_HEAD]++;
		r->reply.status = refuse;
		r->answered = true;
		return false;
	}
	r->left = r->head.has_length ? r->head.length : UINT64_MAX;
	r->begun = true;
	r->data = h->face->begin(h->arg, r, &r->head);
	return true;
}

static enum MHD_Result
at_head(struct httpd_req *r, const char *method, const char *version)
{
	r->conn->httpd->fresh = true;
	if (!r->begun && !begin(r, method, version))
		return by_hand(r);
	if (!r->head.has_body) {
		/* at once comes the call that may be answered and go on */
		r->whole = true;
		r->stage = HTTPD_AT_BODY;
	} else if (r->answered) {
		return queue(r);
	} else if (r->paused) {
		suspend(r);
	} else {
		r->stage = HTTPD_AT_BODY;
	}
	return MHD_YES;
}

/* Answered, and the body still comes: its end is waited for when it is near, so
 * that the connection stays; or when the reply cannot go out any other way. */
static bool
swallows(const struct httpd_req *r)
{
	if (r->reply.fd >= 0 || r->reply.source.read)
		return true;
	if (r->head.has_length)
		return r->left <= HTTPD_SWALLOW;
	return r->taken <= HTTPD_SWALLOW;
}

static enum MHD_Result
at_body(struct httpd_req *r, const char *data, size_t *n)
{
	struct httpd *h = r->conn->httpd;

	h->fresh = true;
	if (!r->answered && r->paused) {
		suspend(r);
		return MHD_YES;
	}
	if (r->head.has_length)
		r->left -= *n;
	if (r->answered)
		r->taken += *n;
	else
		h->face->body(r->data, slice_of(data, *n));
	*n = 0;
	if (r->answered && !swallows(r))
		return by_hand(r);
	return MHD_YES;
}

static enum MHD_Result
at_end(struct httpd_req *r)
{
	struct httpd *h = r->conn->httpd;

	if (r->stage != HTTPD_AT_END) {
		r->stage = HTTPD_AT_END;
		r->whole = true;
		r->turn = h->turns;
		h->fresh = true;
		if (!r->answered)
			h->face->end(r->data);
	}
	if (r->answered)
		return queue(r);
	/* until this turn's commit it is only left alone, which is cheaper */
	if (h->turns > r->turn)
		suspend(r);
	else
		h->waiting = true;
	return MHD_YES;
}

enum MHD_Result
httpd_on_request(void *arg, struct MHD_Connection *m, const char *url,
    const char *method, const char *version, const char *data, size_t *n,
    void **req)
{
	struct httpd_req *r = *req;

	(void)arg;
	(void)m;
	(void)url;
	if (r == NULL)
		return MHD_NO;
	switch (r->stage) {
	case HTTPD_AT_HEAD:
		return at_head(r, method, version);
	case HTTPD_AT_BODY:
		return *n > 0 ? at_body(r, data, n) : at_end(r);
	case HTTPD_AT_END:
		return at_end(r);
	case HTTPD_QUEUED:
		return MHD_YES;
	case HTTPD_REFUSED:
		break;
	}
	return MHD_NO;
}

/* What libmicrohttpd refused itself, before begin. */
static void
count_refusal(struct httpd *h, struct MHD_Connection *m)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(m, MHD_CONNECTION_INFO_HTTP_STATUS);

	if (info && info->http_status == 431)
		h->refused[HTTPD_HEAD]++;
}

void
httpd_on_over(void *arg, struct MHD_Connection *m, void **req,
    enum MHD_RequestTerminationCode how)
{
	struct httpd *h = arg;
	struct httpd_req *r = *req;

	if (r == NULL)
		return;
	*req = NULL;
	r->conn->req = NULL;
	r->conn->idle_since = msec_now();
	if (how == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED && !r->conn->cut)
		h->refused[HTTPD_SLOW]++;
	if (!r->begun && r->stage == HTTPD_AT_HEAD)
		count_refusal(h, m);
	r->conn->unread =
	    !r->whole && (how == MHD_REQUEST_TERMINATED_COMPLETED_OK ||
			     how == MHD_REQUEST_TERMINATED_WITH_ERROR);
	if (r->begun) {
		h->fresh = true;
		h->face->done(r->data,
		    how == MHD_REQUEST_TERMINATED_COMPLETED_OK ? r->length
							       : httpd_sent(r));
	}
	req_free(h, r);
}

void
httpd_answer(struct httpd_req *r, struct http_reply *reply)
{
	if (r->answered) { /* the first one stays */
		http_reply_free(reply);
		return;
	}
	r->answered = true;
	r->reply = *reply;
	http_reply_init(reply, r->reply.fields.budget);
	resume(r);
}

void
httpd_pause(struct httpd_req *r, bool pause)
{
	r->paused = pause;
	if (!pause && r->stage != HTTPD_AT_END)
		resume(r);
}
