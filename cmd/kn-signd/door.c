/* SPDX-License-Identifier: ISC */
#include "cmd/kn-signd/door.h"
#include "base/fd.h"
#include "cmd/cmd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 64 };

/* Remove a socket that nobody answers on, and nothing else. */
static void
clear_stale(const char *path, const struct sockaddr_un *sun)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return;
		die(EXIT_WRONG, "%s:", path);
	}
	if (!S_ISSOCK(st.st_mode))
		die(EXIT_WRONG, "%s is in the way and no socket", path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die(EXIT_SYSTEM, "socket:");
	/* EAGAIN: so busy that its queue is full */
	if (connect(fd, (const struct sockaddr *)sun, sizeof *sun) == 0 ||
	    errno == EAGAIN)
		die(EXIT_WRONG, "%s: somebody else answers there already",
		    path);
	if (errno != ECONNREFUSED && errno != ENOENT)
		die(EXIT_WRONG, "%s:", path);
	close(fd);
	if (unlink(path) < 0 && errno != ENOENT)
		die(EXIT_SYSTEM, "%s:", path);
}

static int
bind_socket(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, r;

	if (strlen(path) >= sizeof sun.sun_path)
		die(EXIT_WRONG, "%s: too long for a socket", path);
	strcpy(sun.sun_path, path);
	clear_stale(path, &sun);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die(EXIT_SYSTEM, "socket:");
	mask = umask(0117);
	r = bind(fd, (const struct sockaddr *)&sun, sizeof sun);
	umask(mask);
	if (r < 0 || listen(fd, BACKLOG) < 0)
		die(errno == EADDRINUSE ? EXIT_WRONG : EXIT_SYSTEM,
		    "%s:", path);
	return fd;
}

static int
socket_option(int fd, int option)
{
	int value = -1;
	socklen_t n = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &n) == 0 ? value : -1;
}

int
door_open(const struct node_conf *conf, char **path)
{
	int fd = cmd_inherited("sign", 0);

	*path = NULL;
	if (fd < 0) {
		*path = node_run_path(conf, "sign.sock");
		return bind_socket(*path);
	}
	if (socket_option(fd, SO_TYPE) != SOCK_SEQPACKET ||
	    socket_option(fd, SO_ACCEPTCONN) != 1)
		die(EXIT_WRONG, "the inherited socket `sign' is no listening "
				"SOCK_SEQPACKET socket");
	if (fd_nonblock(fd) < 0)
		die(EXIT_SYSTEM, "the inherited socket `sign':");
	return fd;
}
