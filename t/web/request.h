/* SPDX-License-Identifier: ISC
 *
 * A head from text, for tests: "METHOD TARGET", then "Name: value" lines, each
 * ended by a newline (or the end).  Everything is borrowed from the text. */
#ifndef WEB_REQUEST_H
#define WEB_REQUEST_H

#include "web/http.h"
#include "web/text.h"

static inline struct http_head
request_of(struct slice text)
{
	struct http_head head = { .uid = -1 };
	struct slice line, name;

	if (!text_next(&text, '\n', &line) ||
	    !text_next(&line, ' ', &head.method))
		return head;
	head.target = line;
	while (head.n < HTTP_FIELDS && text_next(&text, '\n', &line)) {
		if (!text_next(&line, ':', &name))
			continue;
		head.fields[head.n].name = name;
		head.fields[head.n++].value = text_trim(line);
	}
	return head;
}

#endif
