/* SPDX-License-Identifier: ISC */
#include "store/put_own.h"

#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct line {
	struct put_md5 *of;
	size_t n;
	uint8_t bytes[PUT_MD5_LINE];
};

struct put_helper {
	pthread_t thread;
	unsigned users; /* the main thread's */
	pthread_mutex_t lock;
	pthread_cond_t more, less;
	unsigned first, n; /* lines from first, n of them */
	bool stop;
	struct line lines[PUT_MD5_LINES];
};

/* A line stays in the queue until it is in the sum, so that nobody writes over
 * it. */
static void *
help(void *arg)
{
	struct put_helper *h = arg;

	pthread_mutex_lock(&h->lock);
	for (;;) {
		struct line *l = &h->lines[h->first];

		if (h->n == 0 && h->stop)
			break;
		if (h->n == 0) {
			pthread_cond_wait(&h->more, &h->lock);
			continue;
		}
		pthread_mutex_unlock(&h->lock);
		digest_add(&l->of->digest, slice_of(l->bytes, l->n));
		pthread_mutex_lock(&h->lock);
		l->of->waiting--;
		h->first = (h->first + 1) % PUT_MD5_LINES;
		h->n--;
		pthread_cond_signal(&h->less);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

static bool
one_processor(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) < 0 ||
	       CPU_COUNT(&set) < 2;
}

static int
start_thread(struct put_helper *h)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&h->thread, NULL, help, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static struct put_helper *
start(void)
{
	struct put_helper *h;

	if (one_processor())
		return NULL;
	h = mem_new(sizeof *h);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->more, NULL);
	pthread_cond_init(&h->less, NULL);
	if (start_thread(h) == 0)
		return h;
	free(h);
	return NULL;
}

static void
end(struct put_helper *h)
{
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_cond_signal(&h->more);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	pthread_cond_destroy(&h->less);
	pthread_cond_destroy(&h->more);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

void
put_md5_begin(struct put_md5 *m)
{
	digest_begin(&m->digest, DIGEST_MD5);
}

void
put_md5_share(struct put_md5 *m, struct blobs *b)
{
	if (b->helper == NULL)
		b->helper = start();
	m->helper = b->helper;
	if (m->helper)
		m->helper->users++;
}

static void
queue(struct put_helper *h, struct put_md5 *m, struct slice s)
{
	struct line *l;

	pthread_mutex_lock(&h->lock);
	while (h->n == PUT_MD5_LINES)
		pthread_cond_wait(&h->less, &h->lock);
	l = &h->lines[(h->first + h->n) % PUT_MD5_LINES];
	pthread_mutex_unlock(&h->lock);
	l->of = m;
	l->n = s.n;
	memcpy(l->bytes, s.p, s.n);
	pthread_mutex_lock(&h->lock);
	m->waiting++;
	h->n++;
	pthread_cond_signal(&h->more);
	pthread_mutex_unlock(&h->lock);
}

struct digest *
put_md5_own(struct put_md5 *m)
{
	return m->helper ? NULL : &m->digest;
}

void
put_md5_help(struct put_md5 *m, struct slice s)
{
	while (m->helper && s.n > 0) {
		size_t n = s.n < PUT_MD5_LINE ? s.n : PUT_MD5_LINE;

		queue(m->helper, m, get_bytes(&s, n));
	}
}

/* The digest is ours again; the last user takes the helper along. */
static void
leave(struct put_md5 *m, struct blobs *b)
{
	struct put_helper *h = m->helper;

	if (h == NULL)
		return;
	pthread_mutex_lock(&h->lock);
	while (m->waiting > 0)
		pthread_cond_wait(&h->less, &h->lock);
	pthread_mutex_unlock(&h->lock);
	m->helper = NULL;
	if (--h->users > 0)
		return;
	end(h);
	b->helper = NULL;
}

void
put_md5_end(struct put_md5 *m, struct blobs *b, uint8_t out[MD5_BYTES])
{
	leave(m, b);
	digest_end(&m->digest, out);
}

void
put_md5_free(struct put_md5 *m, struct blobs *b)
{
	leave(m, b);
	digest_free(&m->digest);
}
