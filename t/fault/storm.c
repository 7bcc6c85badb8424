/* SPDX-License-Identifier: ISC
 *
 * Writers for a store that is going to be killed, and the check afterwards.
 *
 *	storm run SOCKET LOGS WORKERS SEED MILLISECONDS	says when it is going
 *	storm check SOCKET LOGS WORKERS
 *	storm audit SOCKET LOGS WORKERS
 *
 * Each worker is a process with keys of its own.  Before it asks for anything
 * it writes into its log in LOGS (which is not on the disk that is going to
 * fail) what it is about to do, and afterwards that it was acknowledged.  What
 * a key holds follows from its number and generation, so that nothing need be
 * kept.  After the fall each key must hold what was last acknowledged, or what
 * was being done when it fell, whole: nothing else, and nothing in between.  In
 * the bucket that keeps versions every acknowledged version must be there:
 * check looks at those since the last check, audit at all.
 *
 * When the file "cut" is in LOGS, the disk is being shut down, and what comes
 * now is not believed: an fsync that meets the shutdown can return success for
 * what is gone (seen on ext4 and XFS, Linux 6.18, without any of our code).
 *
 * A log's lines: b KEY GENERATION (begun), d KEY (done), s KEY GENERATION
 * (settled by check), v KEY GENERATION VERSION, c (checked). */
#include "base/msec.h"
#include "net/httpc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	KEYS = 24,     /* of a worker */
	VERSIONED = 4, /* of them are in the bucket that keeps versions */
	SMALL = 16384,
	LARGE = 600 << 10,
	PART = 5 << 20,
	LINE = 128,
	ABSENT = 0,   /* as a generation: there is no such key */
	COMMON = 40,  /* contents that all workers have, again and again */
	WORKERS = 64, /* at most */
	PATIENCE = 120000,
};

struct state {
	uint32_t sure[KEYS];  /* generation that was acknowledged */
	uint32_t maybe[KEYS]; /* generation that may be, when pending */
	bool pending[KEYS];
	uint32_t next;
};

static uint8_t block[PART + LARGE];
static char cut_path[512];

static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* A quarter of what is put is not the worker's own, so that contents are there
 * already, go with their last name, and come again. */
static uint64_t
seed_of(uint32_t worker, uint32_t generation)
{
	if (generation % 4 == 0)
		return UINT64_C(0xffffffff) << 32 | generation % COMMON;
	return (uint64_t)worker << 32 | generation;
}

/* What a generation holds: a quarter large, one in forty of two parts. */
static size_t
size_of(uint32_t worker, uint32_t generation)
{
	uint64_t r = mix(seed_of(worker, generation));

	if (r % 40 == 0)
		return PART + 1 + (size_t)(r >> 8) % (LARGE - 1);
	if (r % 4 == 0)
		return SMALL + 1 + (size_t)(r >> 8) % (LARGE - SMALL - 1);
	return (size_t)(r >> 8) % (SMALL + 1);
}

static size_t
content(uint32_t worker, uint32_t generation)
{
	size_t n = size_of(worker, generation);
	uint64_t seed = mix(seed_of(worker, generation));

	for (size_t i = 0; i < n; i += 8) {
		uint64_t v = mix(seed + i);

		memcpy(block + i, &v, n - i < 8 ? n - i : 8);
	}
	return n;
}

/* 0: acknowledged; 1: refused (nothing changed); -1: no answer, or the server
 * failed: nobody knows. */
static char version[64]; /* of the last answer, or empty */

static void
note_version(const struct httpc_reply *r)
{
	version[0] = 0;
	for (size_t i = 0; i < r->n; i++)
		if (http_name_is(r->fields[i].name, "x-amz-version-id"))
			snprintf(version, sizeof version, "%.*s",
			    (int)r->fields[i].value.n,
			    (const char *)r->fields[i].value.p);
}

static int
ask(struct httpc *h, const char *method, const char *target, const char *fields,
    struct slice body, char *answer, size_t room)
{
	static struct httpc_reply r;
	uint8_t text[4096];
	size_t got = 0;
	ssize_t n;

	if (httpc_send(h, method, slice_text(target), slice_text(fields),
		body.n) < 0 ||
	    (body.n > 0 && httpc_write(h, body) < 0 && errno != EPIPE) ||
	    httpc_reply(h, false, &r) < 0)
		return -1;
	note_version(&r);
	while ((n = httpc_read(h, text, sizeof text)) > 0)
		if (answer && got + (size_t)n < room) {
			memcpy(answer + got, text, (size_t)n);
			got += (size_t)n;
		}
	if (answer)
		answer[got] = 0;
	if (n == 0 && r.status >= 300 && r.status < 500)
		fprintf(stderr, "# %s %s: %u\n", method, target, r.status);
	return n < 0 || r.status >= 500 ? -1 : r.status >= 300;
}

static int
odd(const char *target, const char *answer)
{
	fprintf(stderr, "# %s: not such an answer: %.200s\n", target, answer);
	return 1;
}

static int
put_parts(struct httpc *h, const char *target, size_t n)
{
	static char answer[4096];
	char path[LINE * 2], id[64], body[512], *at;
	int end;

	snprintf(path, sizeof path, "%s?uploads", target);
	end = ask(h, "POST", path, "", slice_of("", 0), answer, sizeof answer);
	if (end != 0)
		return end;
	at = strstr(answer, "<UploadId>");
	if (at == NULL || sscanf(at, "<UploadId>%63[^<]", id) != 1)
		return odd(target, answer);
	for (int part = 1; part <= 2; part++) {
		struct slice bytes = part == 1
					 ? slice_of(block, PART)
					 : slice_of(block + PART, n - PART);

		snprintf(path, sizeof path, "%s?partNumber=%d&uploadId=%s",
		    target, part, id);
		end = ask(h, "PUT", path, "", bytes, NULL, 0);
		if (end != 0)
			return end;
	}
	/* the parts' ETags are in their list */
	snprintf(path, sizeof path, "%s?uploadId=%s", target, id);
	end = ask(h, "GET", path, "", slice_of("", 0), answer, sizeof answer);
	if (end != 0)
		return end;
	strcpy(body, "<CompleteMultipartUpload>");
	at = answer;
	for (int part = 1; part <= 2; part++) {
		char etag[80];

		at = strstr(at, "<ETag>");
		if (at == NULL || sscanf(at, "<ETag>%79[^<]", etag) != 1)
			return odd(target, answer);
		at++;
		snprintf(body + strlen(body), sizeof body - strlen(body),
		    "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>",
		    part, etag);
	}
	strcat(body, "</CompleteMultipartUpload>");
	return ask(h, "POST", path, "", slice_text(body), NULL, 0);
}

static int
put(struct httpc *h, const char *target, uint32_t worker, uint32_t generation)
{
	size_t n = content(worker, generation);

	if (n > PART)
		return put_parts(h, target, n);
	return ask(h, "PUT", target, "", slice_of(block, n), NULL, 0);
}

static bool
keeps(unsigned key)
{
	return key < VERSIONED;
}

static void
target_of(char text[LINE], uint32_t worker, unsigned key)
{
	snprintf(text, LINE, "/storm%s/w%" PRIu32 "/k%u",
	    keeps(key) ? "-kept" : "", worker, key);
}

static struct {
	unsigned status;
	size_t n;
} heard; /* by holds, to be told */

/* Does the key, or this version of it, hold the generation?  -1: no answer. */
static int
holds(struct httpc *h, const char *target, uint32_t worker, uint32_t generation)
{
	static uint8_t got[sizeof block + 1];
	static struct httpc_reply r;
	size_t n = 0;
	ssize_t more = 0;

	heard.status = heard.n = 0;
	if (httpc_send(h, "GET", slice_text(target), slice_of("", 0), 0) < 0 ||
	    httpc_reply(h, false, &r) < 0)
		return -1;
	while (n < sizeof got &&
	       (more = httpc_read(h, got + n, sizeof got - n)) > 0)
		n += (size_t)more;
	heard.status = r.status;
	heard.n = n;
	if (more < 0 || r.status >= 500)
		return -1;
	if (generation == ABSENT)
		return r.status == 404;
	return r.status == 200 && n == content(worker, generation) &&
	       memcmp(got, block, n) == 0;
}

static int
read_back(struct httpc *h, uint32_t worker, const struct state *s, unsigned key)
{
	char target[LINE];
	int end;

	if (s->pending[key])
		return 1;
	target_of(target, worker, key);
	end = holds(h, target, worker, s->sure[key]);
	if (end == 0)
		fprintf(stderr, "# %s (status %u) is not generation %u\n",
		    target, heard.status, s->sure[key]);
	return end == 0 ? -2 : end;
}

static int
copy(struct httpc *h, const char *target, uint32_t worker, unsigned from)
{
	char source[LINE], fields[LINE * 2];

	target_of(source, worker, from);
	snprintf(fields, sizeof fields, "x-amz-copy-source: %s\r\n", source);
	return ask(h, "PUT", target, fields, slice_of("", 0), NULL, 0);
}

static void
begun(FILE *log, unsigned key, uint32_t generation)
{
	fprintf(log, "b %u %u\n", key, generation);
	fflush(log);
}

static int
done(FILE *log, struct state *s, unsigned key, uint32_t generation)
{
	if (access(cut_path, F_OK) == 0)
		return -1;
	s->sure[key] = generation;
	if (keeps(key) && generation != ABSENT)
		fprintf(log, "v %u %u %s\n", key, generation, version);
	fprintf(log, "d %u\n", key);
	fflush(log);
	return 0;
}

/* One step: what it is about to do goes into the log first.  Below 0: it has
 * fallen, or (-2) is wrong. */
static int
step(struct httpc *h, FILE *log, uint32_t worker, struct state *s, uint64_t r)
{
	unsigned key = (unsigned)(r % KEYS), from = (unsigned)(r >> 16) % KEYS;
	unsigned what = (unsigned)(r >> 8) % 10;
	uint32_t generation = ++s->next;
	char target[LINE];
	bool copies;
	int end;

	/* one that has fallen in between is left alone until it is checked */
	for (int i = 0; i < KEYS && s->pending[key]; i++)
		key = (key + 1) % KEYS;
	copies = what == 1 && !s->pending[from] && s->sure[from] != ABSENT &&
		 from != key;
	if (what >= 8)
		return read_back(h, worker, s, key);
	target_of(target, worker, key);
	if (what == 0)
		generation = ABSENT;
	else if (copies)
		generation = s->sure[from];
	begun(log, key, generation);
	if (what == 0)
		end = ask(h, "DELETE", target, "", slice_of("", 0), NULL, 0);
	else if (copies)
		end = copy(h, target, worker, from);
	else
		end = put(h, target, worker, generation);
	if (end == 0)
		end = done(log, s, key, generation);
	/* all that is asked for is right: nothing of it may be refused */
	return end > 0 ? -2 : end;
}

/* The log of all runs so far. */
static void
replay(const char *path, struct state *s)
{
	FILE *log = fopen(path, "r");
	char line[LINE];
	unsigned key, generation;

	memset(s, 0, sizeof *s);
	while (log && fgets(line, sizeof line, log)) {
		if (sscanf(line, "b %u %u", &key, &generation) == 2 &&
		    key < KEYS) {
			s->maybe[key] = generation;
			s->pending[key] = true;
			if (generation > s->next)
				s->next = generation;
		} else if (sscanf(line, "d %u", &key) == 1 && key < KEYS) {
			s->sure[key] = s->maybe[key];
			s->pending[key] = false;
		} else if (sscanf(line, "s %u %u", &key, &generation) == 2 &&
			   key < KEYS) {
			s->sure[key] = generation;
			s->pending[key] = false;
		}
	}
	if (log)
		fclose(log);
}

static void
log_path(char path[512], const char *logs, uint32_t worker)
{
	snprintf(path, 512, "%s/worker-%" PRIu32, logs, worker);
}

/* NULL: nobody answers there, which is told. */
static struct httpc *
dial(const char *socket)
{
	struct httpc *h = httpc_new(socket, PATIENCE);

	if (h == NULL)
		fprintf(stderr, "# %s: %s\n", socket, strerror(errno));
	return h;
}

static FILE *
open_log(const char *path, const char *how)
{
	FILE *log = fopen(path, how);

	if (log == NULL)
		fprintf(stderr, "# %s: %s\n", path, strerror(errno));
	return log;
}

static int
work(struct httpc *h, const char *logs, uint32_t worker, uint64_t seed,
    msec until)
{
	struct state s;
	char path[512];
	uint64_t steps = 0;
	FILE *log;
	int end = 0;

	snprintf(cut_path, sizeof cut_path, "%s/cut", logs);
	log_path(path, logs, worker);
	replay(path, &s);
	log = open_log(path, "a");
	if (log == NULL)
		return 1;
	while (end >= 0 && msec_now() < until)
		end = step(h, log, worker, &s, mix(seed + steps++));
	fclose(log);
	return end == -2 ? 1 : 0;
}

/* Each key of the worker; what was pending is settled in the log. */
static unsigned
check_keys(struct httpc *h, FILE *log, uint32_t worker, struct state *s)
{
	char target[LINE];
	unsigned faults = 0;

	for (unsigned key = 0; key < KEYS; key++) {
		target_of(target, worker, key);
		if (holds(h, target, worker, s->sure[key]) == 1) {
			fprintf(log, "s %u %u\n", key, s->sure[key]);
		} else if (s->pending[key] &&
			   holds(h, target, worker, s->maybe[key]) == 1) {
			fprintf(log, "s %u %u\n", key, s->maybe[key]);
		} else {
			printf("# %s (status %u, %zu bytes) is not generation "
			       "%u (%zu bytes)",
			    target, heard.status, heard.n, s->sure[key],
			    size_of(worker, s->sure[key]));
			if (s->pending[key])
				printf(" nor %u (%zu bytes)", s->maybe[key],
				    size_of(worker, s->maybe[key]));
			putchar('\n');
			faults++;
		}
	}
	return faults;
}

/* The versions that were acknowledged, since the last check or ever. */
static unsigned
check_versions(struct httpc *h, FILE *log, uint32_t worker, bool all)
{
	char line[LINE], target[LINE * 2], id[64];
	unsigned key, generation, faults = 0;
	long from = 0;

	rewind(log);
	while (!all && fgets(line, sizeof line, log))
		if (line[0] == 'c')
			from = ftell(log);
	fseek(log, from, SEEK_SET);
	while (fgets(line, sizeof line, log)) {
		if (sscanf(line, "v %u %u %63s", &key, &generation, id) != 3)
			continue;
		target_of(target, worker, key);
		snprintf(target + strlen(target), LINE, "?versionId=%s", id);
		if (holds(h, target, worker, generation) == 1)
			continue;
		printf("# %s (status %u, %zu bytes) is not generation %u\n",
		    target, heard.status, heard.n, generation);
		faults++;
	}
	fseek(log, 0, SEEK_END);
	return faults;
}

static unsigned
check(const char *socket, const char *logs, uint32_t worker, bool all)
{
	struct httpc *h = dial(socket);
	struct state s;
	char path[512];
	unsigned faults;
	FILE *log;

	log_path(path, logs, worker);
	replay(path, &s);
	log = open_log(path, "a+");
	if (h == NULL || log == NULL)
		return 1;
	faults = check_versions(h, log, worker, all);
	faults += check_keys(h, log, worker, &s);
	fprintf(log, "c\n");
	fclose(log);
	httpc_free(h);
	return faults;
}

/* All are connected before the first begins, which is told: who then finds that
 * nobody answers has seen it fall. */
static int
run(char **argv, uint32_t workers)
{
	uint64_t seed = strtoull(argv[5], NULL, 10) * 7919;
	msec until = msec_now() + atoi(argv[6]);
	struct httpc *h[WORKERS];
	unsigned faults = 0;
	int status;

	for (uint32_t w = 0; w < workers; w++)
		if ((h[w] = dial(argv[2])) == NULL)
			return 1;
	for (uint32_t w = 0; w < workers; w++)
		if (fork() == 0)
			_exit(work(h[w], argv[3], w, seed + w, until));
	for (uint32_t w = 0; w < workers; w++)
		httpc_free(h[w]);
	puts("going");
	fflush(stdout);
	while (wait(&status) > 0)
		faults += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	return faults > 0;
}

int
main(int argc, char **argv)
{
	uint32_t workers = argc > 4 ? (uint32_t)atoi(argv[4]) : 0;
	unsigned faults = 0;

	if (workers <= WORKERS && argc == 7 && strcmp(argv[1], "run") == 0)
		return run(argv, workers);
	if (argc == 5 &&
	    (strcmp(argv[1], "check") == 0 || strcmp(argv[1], "audit") == 0)) {
		for (uint32_t w = 0; w < workers; w++)
			faults += check(argv[2], argv[3], w, argv[1][0] == 'a');
		return faults > 0;
	}
	fprintf(stderr, "usage: storm run SOCKET LOGS WORKERS SEED MS\n"
			"       storm check|audit SOCKET LOGS WORKERS\n");
	return 100;
}
