/* SPDX-License-Identifier: ISC
 *
 * The drain file (drain(5)): kn-drain(8) writes it, every program of the node
 * looks at it and decides by itself whether it is bound to take nothing on.
 *
 * A drain binds whoever ran when it was asked for; one that is held also those
 * that start later, and one that cannot be understood everybody: who asked for
 * it meant something.  A program that is told of no certificate stays bound by
 * what was asked for before it started. */
#ifndef BASE_DRAIN_H
#define BASE_DRAIN_H

#include "base/buf.h"
#include "base/msec.h"
#include "base/table.h"

enum {
	DRAIN_FILE = 4096,    /* bytes of the file */
	DRAIN_REASON = 256,   /* of the reason */
	DRAIN_DAY = 86400000, /* the most that a deadline is away, ms */
	DRAIN_BOOT = 36,      /* of the kernel's name for a boot */
};

struct drain {
	char reason[DRAIN_REASON + 1];
	char since[sizeof "2026-11-26T03:10:00Z"];
	char boot[DRAIN_BOOT + 1]; /* in which at counts */
	msec at;                   /* it was asked for, CLOCK_BOOTTIME */
	msec deadline;             /* so long after at; MSEC_NEVER: none */
	bool hold;
};

/* 0, or -1 with *why (static): it is not exactly what drain_print writes, save
 * for the order of lines, comments and blank lines. */
int drain_parse(struct slice text, struct drain *, const char **why);
void drain_print(const struct drain *, struct buf *out);
/* Printable, and not too long? */
bool drain_reason_ok(struct slice);
/* Of this boot; "" when the kernel does not say. */
void drain_boot(char boot[DRAIN_BOOT + 1]);
/* Now, by this kernel's clock, for `since`. */
void drain_stamp(char since[sizeof "2026-11-26T03:10:00Z"]);
/* The file, as it is: 1; 0 there is none; -1 with *why (static) it cannot be
 * read or understood. */
int drain_read(const char *path, struct drain *, const char **why);

enum drain_news {
	DRAIN_SAME,
	DRAIN_BEGUN, /* it binds us now, or in another way than before */
	DRAIN_OVER,  /* it no longer does */
};

/* Why a program is bound. */
#define DRAIN_BONDS(B)                                                        \
	B(DRAIN_FREE, "free")           /* it is not */                       \
	B(DRAIN_ASKED, "asked")         /* it ran when it was asked for */    \
	B(DRAIN_HELD, "held")           /* hold = yes */                      \
	B(DRAIN_CERTIFICATE, "certificate") /* asked before, none is valid */ \
	B(DRAIN_MALFORMED, "malformed") /* the file cannot be understood */
enum drain_bond { DRAIN_BONDS(TABLE_NAME) };
const char *drain_bond_word(enum drain_bond);

/* One program's view. */
struct drainer {
	const char *path; /* borrowed */
	char boot[DRAIN_BOOT + 1];
	msec started;
	enum drain_bond bond;
	struct drain drain; /* what binds; of a malformed one the reason only */
	msec due;           /* when what runs is cut; MSEC_NEVER: not at all */
	const char *over;   /* after DRAIN_OVER: why, one word */
	bool there, unseen;
	uint64_t seen[5]; /* of the file that was read last */
};

/* started: CLOCK_BOOTTIME, not later than the first look.  Reads the kernel's
 * name of the boot: before the program is locked down. */
void drainer_init(struct drainer *, const char *path, msec started);
/* Once a second, and before the program says that it is ready.  certified: a
 * certificate is valid, or none is needed. */
enum drain_news drainer_look(struct drainer *, bool certified, msec now);
/* The machine beneath: text NULL: there is no file; why: it cannot be read. */
enum drain_news drainer_heard(struct drainer *, const struct slice *text,
    const char *why, bool certified, msec now);

#endif
