/* SPDX-License-Identifier: ISC
 *
 * Allocation that does not fail: when memory is out the process ends with
 * exit code 111 and the supervisor starts it again.  What an outsider can make
 * grow is bounded before it comes here. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* n zeroed bytes; the caller frees them with free(3). */
void *mem_new(size_t n);
/* As realloc(3), for n > 0; the bytes gained are not zeroed. */
void *mem_resize(void *p, size_t n);
/* A copy of the string, to be freed with free(3). */
char *mem_string(const char *text);

#endif
