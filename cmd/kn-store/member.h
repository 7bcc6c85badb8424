/* SPDX-License-Identifier: ISC
 *
 * Reading the daemon's NDJSON (by jansson, whose header does not go together
 * with base/json.h). */
#ifndef KN_STORE_MEMBER_H
#define KN_STORE_MEMBER_H

#include "base/slice.h"

/* A member of a line's object as text: "" when it is not there or null, "yes" and
 * "no" for booleans.  The last eight results stay valid. */
const char *member(struct slice line, const char *name);

#endif
