/* SPDX-License-Identifier: ISC */
#include "cmd/kn-store/endpoint.h"
#include "base/fd.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/kn-store/parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { TEXT = 128, BACKLOG = 1024 };

/* ADDRESS:PORT or [ADDRESS]:PORT, numeric. */
static struct addrinfo *
parse(const char *text)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST |
						    AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *ai = NULL;
	char host[TEXT];
	char *colon;

	snprintf(host, sizeof host, "%s", text);
	colon = strrchr(host, ':');
	if (colon == NULL)
		return NULL;
	*colon = 0;
	if (host[0] == '[' && colon[-1] == ']') {
		colon[-1] = 0;
		memmove(host, host + 1, strlen(host));
	}
	if (getaddrinfo(host, colon + 1, &hints, &ai) != 0)
		return NULL;
	return ai;
}

void
endpoint_check(const struct node_conf *conf)
{
	const struct conf_list *list = &conf->store.listen;

	for (size_t i = 0; i < list->n; i++) {
		struct addrinfo *ai = parse(list->at[i]);

		if (ai == NULL)
			die(EXIT_WRONG,
			    "store.listen: \"%s\" is not ADDRESS:PORT, as "
			    "127.0.0.1:9000 or [::1]:9000",
			    list->at[i]);
		freeaddrinfo(ai);
	}
}

/* Say where it is, as port 0 can only be known now. */
static void
say(int fd)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof ss;
	char host[TEXT], port[16];

	if (getsockname(fd, (struct sockaddr *)&ss, &n) < 0 ||
	    getnameinfo((struct sockaddr *)&ss, n, host, sizeof host, port,
		sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	log_info("listening", "addr=%s port=%s", host, port);
}

static int
bind_tcp(const char *text)
{
	struct addrinfo *ai = parse(text);
	int on = 1, fd;

	fd = socket(
	    ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		die(EXIT_SYSTEM, "cannot make a socket for %s:", text);
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 ||
	    listen(fd, BACKLOG) < 0)
		die(errno == EADDRINUSE ? EXIT_SYSTEM : EXIT_WRONG,
		    "cannot listen on %s:", text);
	freeaddrinfo(ai);
	return fd;
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
		say(fd);
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
		fd = bind_tcp(list->at[i]);
		say(fd);
		take(h, fd);
	}
}
