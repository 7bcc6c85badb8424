/* SPDX-License-Identifier: ISC */
#include "cmd/kn-store/member.h"

#include <jansson.h>
#include <stdio.h>

/* The result stands in one of eight buffers used in turn; control bytes are
 * made harmless. */
const char *
member(struct slice line, const char *name)
{
	static char texts[8][4096];
	static unsigned turn;
	char *text = texts[turn++ % 8];
	json_t *root, *v;

	text[0] = 0;
	root = json_loadb((const char *)line.p, line.n, 0, NULL);
	v = json_object_get(root, name);
	if (json_is_string(v)) {
		snprintf(text, sizeof texts[0], "%s", json_string_value(v));
		for (char *p = text; *p; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				*p = '?';
	} else if (json_is_integer(v))
		snprintf(text, sizeof texts[0], "%" JSON_INTEGER_FORMAT,
		    json_integer_value(v));
	else if (json_is_boolean(v))
		snprintf(text, sizeof texts[0], "%s",
		    json_is_true(v) ? "yes" : "no");
	json_decref(root);
	return text;
}
