/* SPDX-License-Identifier: ISC */
#include "wire/dnstxt.h"

#include <string.h>

enum {
	TYPE_TXT = 16,
	TYPE_OPT = 41,
	CLASS_IN = 1,
	RECURSE = 0x0100, /* flags of the header, RFC 1035 section 4.1.1 */
	ANSWER = 0x8000,
	OPCODE = 0x7800,
	CUT = 0x0200,
	CODE = 0x000f,
	NO_NAME = 3, /* codes */
	LABEL_MAX = 63,
	NAME_MAX_WIRE = 255,
};

static int
put_name(struct buf *out, const char *name)
{
	size_t start = out->n;

	while (*name) {
		size_t n = strcspn(name, ".");

		if (n == 0 || n > LABEL_MAX)
			return -1;
		put_u8(out, (uint8_t)n);
		put_bytes(out, name, n);
		name += n;
		if (*name == '.')
			name++;
	}
	put_u8(out, 0);
	return out->n - start > 1 && out->n - start <= NAME_MAX_WIRE ? 0 : -1;
}

int
dnstxt_ask(const char *name, uint16_t id, struct buf *out)
{
	put_u16(out, id);
	put_u16(out, RECURSE);
	put_u16(out, 1); /* question */
	put_u16(out, 0);
	put_u16(out, 0);
	put_u16(out, 1); /* additional: what we take, RFC 6891 section 6.1.2 */
	if (put_name(out, name) < 0)
		return -1;
	put_u16(out, TYPE_TXT);
	put_u16(out, CLASS_IN);
	put_u8(out, 0);
	put_u16(out, TYPE_OPT);
	put_u16(out, DNSTXT_UDP);
	put_u32(out, 0);
	put_u16(out, 0);
	return out->bad ? -1 : 0;
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* The question's name is not compressed: nothing is in front of it. */
static bool
take_question(struct slice *in, const char *name)
{
	uint8_t n;

	while ((n = get_u8(in)) > 0) {
		struct slice label = get_bytes(in, n);

		if (n > LABEL_MAX || label.bad)
			return false;
		for (size_t i = 0; i < n; i++)
			if (*name == 0 ||
			    lower(label.p[i]) != lower((uint8_t)*name++))
				return false;
		if (*name == '.')
			name++;
		else if (*name)
			return false;
	}
	return *name == 0 && get_u16(in) == TYPE_TXT &&
	       get_u16(in) == CLASS_IN && !in->bad;
}

/* A pointer ends a name (RFC 1035 section 4.1.4); where it leads is of no
 * interest here. */
static void
skip_name(struct slice *in)
{
	uint8_t n;

	while ((n = get_u8(in)) > 0) {
		if (n > LABEL_MAX) {
			in->bad |= (n & 0xc0) != 0xc0;
			get_u8(in);
			return;
		}
		get_bytes(in, n);
	}
}

/* The record's strings moved together, to where the first length was. */
static struct slice
join_strings(uint8_t *message, struct slice data)
{
	uint8_t *to = message;
	struct slice text = slice_of(to, 0);

	while (data.n > 0) {
		struct slice part = get_bytes(&data, get_u8(&data));

		if (data.bad)
			break;
		memmove(to + text.n, part.p, part.n);
		text.n += part.n;
	}
	text.bad = data.bad;
	return text;
}

static enum dnstxt_end
take_answers(uint8_t *message, struct slice in, unsigned answers,
    struct slice *records, size_t max, size_t *count)
{
	while (answers-- > 0 && *count < max) {
		uint16_t type, class;
		struct slice data, text;

		skip_name(&in);
		type = get_u16(&in);
		class = get_u16(&in);
		get_u32(&in);
		data = get_bytes(&in, get_u16(&in));
		if (in.bad)
			return DNSTXT_FAILED;
		if (type != TYPE_TXT || class != CLASS_IN)
			continue;
		text = join_strings(message + (data.p - message), data);
		if (text.bad)
			return DNSTXT_FAILED;
		records[(*count)++] = text;
	}
	return *count > 0 ? DNSTXT_SOME : DNSTXT_NONE;
}

enum dnstxt_end
dnstxt_read(uint8_t *message, size_t n, const char *name, uint16_t id,
    struct slice *records, size_t max, size_t *count)
{
	struct slice in = slice_of(message, n);
	uint16_t got = get_u16(&in), flags = get_u16(&in);
	uint16_t questions = get_u16(&in), answers = get_u16(&in);

	get_u32(&in);
	*count = 0;
	if (in.bad || got != id || !(flags & ANSWER) || flags & OPCODE ||
	    questions != 1 || !take_question(&in, name))
		return DNSTXT_OTHER;
	if (flags & CUT)
		return DNSTXT_CUT;
	if ((flags & CODE) == NO_NAME)
		return DNSTXT_NONE;
	if (flags & CODE)
		return DNSTXT_FAILED;
	return take_answers(message, in, answers, records, max, count);
}
