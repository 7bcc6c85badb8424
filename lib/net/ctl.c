/* SPDX-License-Identifier: ISC */
#include "net/ctl.h"
#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BATCH = 64,  /* datagrams heard in one turn */
	HEAR = 4096, /* and by one ctl_hear */
	FDS = 4,     /* looked for in a datagram, so that two are noticed */
};

/* A datagram that waits to be sent. */
struct letter {
	struct letter *next;
	int fd;
	size_t n;
	uint8_t b[];
};

struct ctl_end {
	struct loop *loop;
	int fd;
	struct watch *watch;
	const struct ctl_face *face;
	void *arg;
	struct letter *first, **last;
	size_t letters, bytes;
	const char *why; /* not NULL: dead, gone is called soon */
	bool deaf;       /* nothing more is to be heard before that */
	bool calling, freed;
};

/* One datagram at a time is heard in a process: heard cannot nest, because the
 * message borrows from here. */
static struct {
	bool busy;
	void *msg; /* of the greatest table so far */
	size_t size;
	uint8_t in[CTL_MAX];
} ear;

static void on_gone(void *arg);

static void
end_it(struct ctl_end *e, const char *why, bool deaf)
{
	if (e->why)
		return;
	e->why = why;
	e->deaf = deaf;
	watch_want(e->watch, 0);
	loop_soon(e->loop, on_gone, e);
}

/* Take the descriptors out of a message: the first is passed on, the others
 * are closed.  Returns how many there were. */
static size_t
take_fds(struct msghdr *h, int *fd)
{
	size_t n = 0;

	*fd = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < here; i++) {
			int one;

			memcpy(&one, CMSG_DATA(c) + i * sizeof one, sizeof one);
			if (n++ == 0)
				*fd = one;
			else
				close(one);
		}
	}
	return n;
}

/* What is wrong with the datagram in ear.in, or NULL and it is in ear.msg.
 * None of the fields set is a message of a later version: the program decides
 * what to make of it. */
static const char *
decode(const struct pb_desc *desc, size_t n)
{
	size_t set = 0;

	if (ear.size < desc->size) {
		ear.msg = mem_resize(ear.msg, desc->size);
		ear.size = desc->size;
	}
	if (pb_decode(desc, slice_of(ear.in, n), ear.msg, NULL) < 0)
		return "sent a malformed message";
	for (size_t i = 0; i < desc->n; i++)
		set += *((const bool *)ear.msg + desc->rows[i].has);
	return set > 1 ? "sent two messages in one" : NULL;
}

static ssize_t
receive(struct ctl_end *e, struct msghdr *h)
{
	ssize_t n;

	/* ECONNRESET is reported once, before what is still to be read */
	do {
		n = recvmsg(e->fd, h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	return n;
}

/* 1: a message was heard; 0: there is none; -1: the end is dead. */
static int
hear_one(struct ctl_end *e)
{
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(FDS * sizeof(int))];
	} control;
	struct iovec v = { ear.in, sizeof ear.in };
	struct msghdr h = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	ssize_t n = receive(e, &h);
	const char *why = NULL;
	int fd;

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0)
		why = "the socket broke";
	else if (take_fds(&h, &fd) > 1)
		why = "sent two descriptors with one message";
	else if (n == 0)
		why = "left";
	else if (h.msg_flags & MSG_TRUNC)
		why = "sent a message that is too long";
	else
		why = decode(e->face->desc, (size_t)n);
	if (why == NULL) {
		e->face->heard(e->arg, ear.msg, fd);
		return 1;
	}
	if (n >= 0 && fd >= 0)
		close(fd);
	e->deaf = true;
	end_it(e, why, true);
	return -1;
}

/* Returns false when the end has been freed meanwhile. */
static bool
hear(struct ctl_end *e, unsigned most)
{
	if (ear.busy || e->deaf)
		return true;
	ear.busy = e->calling = true;
	while (most-- > 0 && !e->freed && !e->deaf && hear_one(e) == 1)
		;
	ear.busy = e->calling = false;
	if (!e->freed)
		return true;
	free(e);
	return false;
}

static void
on_gone(void *arg)
{
	struct ctl_end *e = arg;

	/* what it said before it left comes first */
	if (hear(e, HEAR))
		e->face->gone(e->arg, e->why);
}

void
ctl_hear(struct ctl_end *e)
{
	hear(e, HEAR);
}

/* 0, or -1 with errno. */
static int
send_one(const struct ctl_end *e, const void *p, size_t n, int fd)
{
	union {
		struct cmsghdr align;
		char b[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec v = { (void *)p, n };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };
	ssize_t r;

	if (fd >= 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof control);
		h.msg_control = &control;
		h.msg_controllen = sizeof control;
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	do {
		r = sendmsg(e->fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -1 : 0;
}

/* Sending failed for another reason than a full socket. */
static void
unsent(struct ctl_end *e)
{
	if (errno == EPIPE || errno == ECONNRESET)
		end_it(e, "left", false);
	else
		end_it(e, "a message could not be sent", true);
}

static void
drop_letter(struct ctl_end *e)
{
	struct letter *l = e->first;

	e->first = l->next;
	if (e->first == NULL)
		e->last = &e->first;
	e->letters--;
	e->bytes -= l->n;
	if (l->fd >= 0)
		close(l->fd);
	free(l);
}

static void
send_letters(struct ctl_end *e)
{
	while (e->first) {
		struct letter *l = e->first;

		if (send_one(e, l->b, l->n, l->fd) < 0) {
			if (errno != EAGAIN)
				unsent(e);
			return;
		}
		drop_letter(e);
	}
	watch_want(e->watch, WATCH_READ);
	if (e->face->room)
		e->face->room(e->arg);
}

static void
on_watch(void *arg, unsigned what)
{
	struct ctl_end *e = arg;

	if ((what & WATCH_WRITE) && e->why == NULL)
		send_letters(e);
	if (what & WATCH_READ)
		hear(e, BATCH);
}

/* Takes fd, also on failure. */
static int
queue(struct ctl_end *e, struct slice s, int fd)
{
	struct letter *l;

	if (e->letters == CTL_QUEUE || e->bytes + s.n > CTL_QUEUE_BYTES) {
		if (fd >= 0)
			close(fd);
		end_it(e, "does not read its messages", true);
		errno = ENOBUFS;
		return -1;
	}
	l = mem_new(sizeof *l + s.n);
	l->fd = fd;
	l->n = s.n;
	memcpy(l->b, s.p, s.n);
	*e->last = l;
	e->last = &l->next;
	e->letters++;
	e->bytes += s.n;
	watch_want(e->watch, WATCH_READ | WATCH_WRITE);
	return 0;
}

/* Takes fd, also on failure. */
static int
say(struct ctl_end *e, struct slice s, int fd)
{
	int r = -1;

	if (e->first)
		return queue(e, s, fd);
	if (send_one(e, s.p, s.n, fd) == 0)
		r = 0;
	else if (errno == EAGAIN)
		return queue(e, s, fd);
	else
		unsent(e);
	if (fd >= 0)
		close(fd);
	return r;
}

int
ctl_say(struct ctl_end *e, const void *msg, int fd)
{
	static struct buf out = { .max = CTL_MAX };
	int why = EPIPE;

	if (e->why == NULL) {
		if (out.bad)
			buf_free(&out);
		buf_cut(&out, 0);
		pb_encode(e->face->desc, msg, &out);
		if (!out.bad)
			return say(e, buf_slice(&out), fd);
		why = EMSGSIZE;
	}
	if (fd >= 0)
		close(fd);
	errno = why;
	return -1;
}

struct ctl_end *
ctl_end_new(struct loop *loop, int fd, const struct ctl_face *face, void *arg)
{
	struct ctl_end *e = mem_new(sizeof *e);

	e->loop = loop;
	e->fd = fd;
	e->face = face;
	e->arg = arg;
	e->last = &e->first;
	e->watch = watch_new(loop, fd, on_watch, e);
	watch_want(e->watch, WATCH_READ);
	return e;
}

void
ctl_end_free(struct ctl_end *e)
{
	if (e == NULL || e->freed)
		return;
	while (e->first)
		drop_letter(e);
	loop_forget(e->loop, e);
	watch_free(e->watch);
	close(e->fd);
	if (e->calling)
		e->freed = true;
	else
		free(e);
}

bool
ctl_waits(const struct ctl_end *e)
{
	return e->first != NULL || e->why != NULL;
}

bool
ctl_alive(const struct ctl_end *e)
{
	struct pollfd p = { .fd = e->fd, .events = POLLRDHUP };

	return e->why == NULL && poll(&p, 1, 0) == 0;
}

int
ctl_peer(const struct ctl_end *e, unsigned *uid, int *pid)
{
	struct ucred cred;
	socklen_t n = sizeof cred;

	if (getsockopt(e->fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
		return -1;
	*uid = cred.uid;
	*pid = cred.pid;
	return 0;
}

/* A socket and where it goes, or -1. */
static int
open_socket(const char *path, struct sockaddr_un *sun)
{
	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof sun->sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(sun->sun_path, path);
	return socket(
	    AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int
give_up(int fd, int why)
{
	close(fd);
	errno = why;
	return -1;
}

int
ctl_connect(const char *path)
{
	struct sockaddr_un sun;
	int fd = open_socket(path, &sun);

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) < 0)
		return give_up(fd, errno);
	return fd;
}

/* Remove a socket that nobody answers on, and nothing else. */
static int
clear_stale(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -1;
	if (S_ISSOCK(st.st_mode)) {
		fd = ctl_connect(path);
		if (fd < 0 && errno == ECONNREFUSED)
			return unlink(path);
		if (fd >= 0)
			close(fd);
	}
	errno = EADDRINUSE;
	return -1;
}

int
ctl_listen(const char *path)
{
	struct sockaddr_un sun;
	mode_t mask;
	int fd = -1, r;

	if (strlen(path) < sizeof sun.sun_path && clear_stale(path) < 0)
		return -1;
	fd = open_socket(path, &sun);
	if (fd < 0)
		return -1;
	mask = umask(0117);
	r = bind(fd, (struct sockaddr *)&sun, sizeof sun);
	umask(mask);
	if (r < 0 || listen(fd, SOMAXCONN) < 0)
		return give_up(fd, errno);
	return fd;
}
