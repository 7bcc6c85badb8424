/* SPDX-License-Identifier: ISC */
#include "cmd/show.h"
#include "cmd/cmd.h"
#include "wire/maddr.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 1200 };

struct buf show_line = { .max = SHOW_LINE };

const char *
show_plain(struct slice s)
{
	static char text[513];
	size_t n = s.n < sizeof text ? s.n : sizeof text - 1;

	for (size_t i = 0; i < n; i++)
		text[i] = s.p[i] >= ' ' && s.p[i] != 0x7f ? (char)s.p[i] : '?';
	text[n] = 0;
	return text;
}

void
show_put(const char *fmt, ...)
{
	char text[PIECE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	put_text(&show_line, text);
}

void
show_print(void)
{
	if (show_line.bad)
		die(EXIT_SYSTEM, "a line of output is too long");
	cmd_print(&show_line);
	buf_cut(&show_line, 0);
}

char *
show_peer(struct slice peer, char text[PEERID_TEXT])
{
	struct peerid id;

	if (peerid_of_bytes(peer, &id) < 0)
		return strcpy(text, "?");
	return peerid_text(&id, text);
}

void
show_json_peer(struct json *j, const char *key, struct slice peer)
{
	char text[PEERID_TEXT];

	json_text(j, key, show_peer(peer, text));
}

void
show_json_addr(struct json *j, const char *key, struct slice addr)
{
	char text[MADDR_TEXT];

	if (addr.n == 0)
		json_none(j, key);
	else
		json_text(j, key, maddr_text(addr, text));
}

void
show_json_addrs(
    struct json *j, const char *key, const struct slice *addrs, size_t n)
{
	json_open_array(j, key);
	for (size_t i = 0; i < n; i++)
		show_json_addr(j, NULL, addrs[i]);
	json_close_array(j);
}

void
show_json_texts(
    struct json *j, const char *key, const struct slice *texts, size_t n)
{
	json_open_array(j, key);
	for (size_t i = 0; i < n; i++)
		json_str(j, NULL, texts[i]);
	json_close_array(j);
}
