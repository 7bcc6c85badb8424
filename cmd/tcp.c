/* SPDX-License-Identifier: ISC */
#include "cmd/tcp.h"
#include "base/log.h"
#include "base/opt.h"
#include "cmd/cmd.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

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
	uint64_t port;

	if (strlen(text) >= sizeof host)
		return NULL;
	snprintf(host, sizeof host, "%s", text);
	colon = strrchr(host, ':');
	/* C libraries take any number for a port, and cut it */
	if (colon == NULL || opt_uint(colon + 1, UINT16_MAX, &port) < 0)
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
tcp_check(const struct conf_list *list, const char *key)
{
	for (size_t i = 0; i < list->n; i++) {
		struct addrinfo *ai = parse(list->at[i]);

		if (ai == NULL)
			die(EXIT_WRONG,
			    "%s: \"%s\" is not ADDRESS:PORT, as "
			    "127.0.0.1:9000 or [::1]:9000",
			    key, list->at[i]);
		freeaddrinfo(ai);
	}
}

void
tcp_say(int fd)
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

int
tcp_listen(const char *text)
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
