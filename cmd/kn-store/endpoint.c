/* SPDX-License-Identifier: ISC */
#include "cmd/kn-store/endpoint.h"
#include "cmd/cmd.h"
#include "cmd/kn-store/parts.h"
#include "cmd/tcp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

void
endpoint_check(const struct node_conf *conf)
{
	tcp_check(&conf->store.listen, "store.listen");
}

/* A stale socket of a daemon that was killed is removed; the lock of the files
 * says that there is no other. */
static int
bind_unix(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof sun.sun_path)
		die(EXIT_WRONG, "node.run_path is too long for a socket: %s",
		    path);
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof sun) < 0 ||
	    chmod(path, 0666) < 0 || listen(fd, BACKLOG) < 0)
		die(EXIT_SYSTEM, "cannot listen on %s:", path);
	return fd;
}

static void
take(struct httpd *h, int fd)
{
	if (httpd_listen(h, fd) < 0)
		die(EXIT_SYSTEM, "cannot serve a socket:");
}

/* Those that the supervisor passed; true: there were some. */
static bool
take_inherited(struct httpd *h)
{
	int fd;

	for (unsigned i = 0;; i++) {
		fd = cmd_inherited("s3", i);
		if (fd < 0)
			return i > 0;
		tcp_say(fd);
		take(h, fd);
	}
}

void
endpoint_listen(struct httpd *h, const struct node_conf *conf)
{
	const struct conf_list *list = &conf->store.listen;
	char *path = node_run_path(conf, STORE_SOCKET);
	int fd = cmd_inherited("store", 0);

	take(h, fd >= 0 ? fd : bind_unix(path));
	free(path);
	if (take_inherited(h))
		return;
	for (size_t i = 0; i < list->n; i++) {
		fd = tcp_listen(list->at[i]);
		tcp_say(fd);
		take(h, fd);
	}
}
