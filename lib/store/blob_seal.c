/* SPDX-License-Identifier: ISC */
#include "store/blob_own.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
push(struct blob_queue *q, struct blob_new *w)
{
	w->next = NULL;
	*q->last = w;
	q->last = &w->next;
}

static struct blob_new *
pop(struct blob_queue *q)
{
	struct blob_new *w = q->first;

	if (w == NULL)
		return NULL;
	q->first = w->next;
	if (q->first == NULL)
		q->last = &q->first;
	return w;
}

/* Is the name there already, whole, of this size, and to be believed?  1 or 0;
 * what is not whole is put aside first. */
static int
there(struct blobs *b, const struct blob_new *w, const char *path)
{
	int fd = blob_openat(b->dir, path);
	int64_t size;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	size = blob_content_size(fd);
	blob_close_fd(fd);
	if (size >= 0 && (uint64_t)size == w->n)
		return atomic_load(&b->failed[w->sha[0]]) ==
		       atomic_load(&b->settled[w->sha[0]]);
	if (size < 0 && errno != EBADMSG)
		return -1;
	return blob_aside(b, w->sha, "trailer");
}

/* By descriptor where we may, else by what /proc calls it. */
static int
link_fd(int fd, int dir, const char *name)
{
	char self[32];

	if (linkat(fd, "", dir, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT && errno != EPERM)
		return -1;
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW);
}

static int
rename_draft(struct blobs *b, struct blob_new *w, const char *path)
{
	if (renameat(b->dir, w->draft, b->dir, path) < 0)
		return -1;
	w->draft[0] = '\0';
	return 0;
}

/* A name that is there by now is the other worker's, or in doubt: the same
 * bytes take its place. */
static int
give_name(struct blobs *b, struct blob_new *w, const char *path)
{
	if (w->draft[0] != '\0')
		return rename_draft(b, w, path);
	if (link_fd(w->fd, b->dir, path) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	snprintf(w->draft, sizeof w->draft, BLOB_DRAFT "w%llu",
	    (unsigned long long)atomic_fetch_add(&b->fresh, 1));
	if (link_fd(w->fd, b->dir, w->draft) < 0) {
		w->draft[0] = '\0';
		return -1;
	}
	return rename_draft(b, w, path);
}

static int
sync_shard(struct blobs *b, const struct blob_new *w, const char *path)
{
	char shard[3] = { path[0], path[1], '\0' };
	int fd = openat(b->dir, shard, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -1 : blob_io.sync_dir(fd);

	blob_close_fd(fd);
	if (r < 0)
		atomic_fetch_add(&b->failed[w->sha[0]], 1);
	return r;
}

/* What is left of the content, and the trailer. */
static int
write_end(struct blob_new *w)
{
	if (blob_write_at(w->fd, slice_of(w->block, w->held), w->n - w->held) <
	    0)
		return -1;
	return blob_write_at(w->fd, buf_slice(&w->tail), w->n);
}

/* A sync of the directory that failed after we have begun may have been about
 * our name: the kernel says so only once. */
static int
seal(struct blobs *b, struct blob_new *w)
{
	unsigned failed = atomic_load(&b->failed[w->sha[0]]);
	char path[BLOB_PATH];
	int have;

	blob_path(w->sha, path);
	have = there(b, w, path);
	if (have < 0)
		return -1;
	if (have == 0 && (write_end(w) < 0 || blob_io.sync(w->fd) < 0 ||
			     give_name(b, w, path) < 0))
		return -1;
	if (sync_shard(b, w, path) < 0)
		return -1;
	if (atomic_load(&b->failed[w->sha[0]]) != failed) {
		errno = EIO;
		return -1;
	}
	if (have == 0)
		atomic_store(&b->settled[w->sha[0]], failed);
	return 0;
}

/* To close a file that has no name frees its blocks, which takes time: that
 * belongs here, too. */
static void
work(struct blobs *b, struct blob_new *w)
{
	if (w->error == 0 && seal(b, w) < 0)
		w->error = errno ? errno : EIO;
	if (w->draft[0] != '\0')
		unlinkat(b->dir, w->draft, 0);
	w->draft[0] = '\0';
	close(w->fd);
	w->fd = -1;
}

static void *
worker(void *arg)
{
	struct blobs *b = arg;
	static const uint64_t one = 1;

	pthread_mutex_lock(&b->lock);
	for (;;) {
		struct blob_new *w = pop(&b->todo);
		ssize_t ignored;

		if (w == NULL && b->stop)
			break;
		if (w == NULL) {
			pthread_cond_wait(&b->more, &b->lock);
			continue;
		}
		pthread_mutex_unlock(&b->lock);
		work(b, w);
		pthread_mutex_lock(&b->lock);
		push(&b->done, w);
		ignored = write(b->event, &one, sizeof one);
		(void)ignored;
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* Signals are the main thread's. */
int
blob_workers_start(struct blobs *b)
{
	sigset_t all, before;
	int rc = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (; b->nworkers < BLOB_WORKERS && rc == 0; b->nworkers += rc == 0)
		rc = pthread_create(&b->workers[b->nworkers], NULL, worker, b);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = rc;
	return rc == 0 ? 0 : -1;
}

void
blob_workers_stop(struct blobs *b)
{
	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_cond_broadcast(&b->more);
	pthread_mutex_unlock(&b->lock);
	while (b->nworkers > 0)
		pthread_join(b->workers[--b->nworkers], NULL);
}

void
blob_seal(struct blob_new *w, const struct blob_note *note, void *arg)
{
	struct blobs *b = w->blobs;

	w->arg = arg;
	buf_init(&w->tail, BLOB_TRAILER, NULL);
	blob_note_encode(note, &w->tail);
	if (note->sha.n != BLOB_ID || note->size != w->n)
		w->error = EINVAL;
	else
		memcpy(w->sha, note->sha.p, BLOB_ID);
	if (w->tail.bad)
		w->error = EFBIG;
	blob_hold(b, w->sha);
	b->sealing++;
	pthread_mutex_lock(&b->lock);
	push(&b->todo, w);
	pthread_cond_signal(&b->more);
	pthread_mutex_unlock(&b->lock);
}

void
blob_forget(struct blob_new *w)
{
	w->forgotten = true;
}

/* The descriptor is read until it is empty while the lock keeps the workers
 * from adding to it. */
static struct blob_new *
take(struct blobs *b)
{
	struct blob_new *w;
	uint64_t times;

	pthread_mutex_lock(&b->lock);
	w = pop(&b->done);
	if (w == NULL || b->done.first == NULL) {
		ssize_t ignored = read(b->event, &times, sizeof times);

		(void)ignored;
	}
	pthread_mutex_unlock(&b->lock);
	return w;
}

bool
blobs_sealed(struct blobs *b, void **arg, int *error)
{
	struct blob_new *w;
	bool forgotten = true;

	if (b->has_returned)
		blob_release(b, b->returned);
	b->has_returned = false;
	while (forgotten && (w = take(b)) != NULL) {
		b->sealing--;
		forgotten = w->forgotten;
		*arg = w->arg;
		*error = w->error;
		memcpy(b->returned, w->sha, BLOB_ID);
		b->has_returned = !forgotten;
		if (forgotten)
			blob_release(b, w->sha);
		if (forgotten || w->error != 0)
			blob_stray(b, w->sha);
		blob_free(w);
	}
	return b->has_returned;
}

int
blobs_fd(const struct blobs *b)
{
	return b->event;
}

unsigned
blobs_sealing(const struct blobs *b)
{
	return b->sealing;
}
