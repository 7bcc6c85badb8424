/* SPDX-License-Identifier: ISC
 *
 * As many as there are run for the same thing at once: s3rush WHAT PORT BUCKET
 * N [TIMES [SIZE]].  N processes, each with a connection of its own, begin
 * together.  Prints what all of them got, as JSON; exits 0, or 1 when there was
 * an answer that there should not be, 2 when the store could not be asked. */
#include "t/fault/s3raw.h"

#include <signal.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { TEXT = 256, MOST = 256, PART = 5 << 20 };

/* What a process has to say, in memory that all share. */
struct said {
	uint64_t bytes;   /* of what was acknowledged, or came whole */
	uint64_t fine;    /* how many were */
	uint64_t refused; /* by a cap or a condition */
	uint64_t broken;  /* no whole answer */
	uint64_t odd;     /* anything else */
	unsigned won;     /* the last round in which it did */
};

static struct said *all;
static const char *bucket;
static unsigned long processes, times = 10, size = 100000;
static uint8_t bytes[PART];

static void
count(struct said *mine, const struct raw *r, uint64_t n, const char *what)
{
	if (r->status == 200 || r->status == 206) {
		mine->fine++;
		mine->bytes += n;
	} else if (strcmp(r->code, "QuotaExceeded") == 0 ||
		   strcmp(r->code, "EgressQuotaExceeded") == 0 ||
		   r->status == 412) {
		mine->refused++;
	} else if (r->status == 0) {
		mine->broken++;
	} else {
		fprintf(stderr, "# %s: %u %s\n", what, r->status, r->code);
		mine->odd++;
	}
}

/* The answer may have closed the connection. */
static bool
again(struct raw *r)
{
	if (r->status != 0 && r->keeps)
		return true;
	raw_hang_up(r);
	return raw_dial(r) == 0;
}

static size_t
some_size(void)
{
	size_t n = size / 2 + randombytes_uniform((uint32_t)size);

	return n < PART ? n : PART;
}

/* Puts of any kind until it is their time: signed, presigned, in the index or
 * as a file. */
static void
put(unsigned long me, struct said *mine)
{
	char target[TEXT];
	struct raw r;

	if (raw_dial(&r) < 0)
		exit(2);
	for (unsigned long i = 0; i < times; i++) {
		size_t n = i % 3 == 2 ? some_size() / 16 : some_size();

		snprintf(target, sizeof target, "/%s/rush-%lu-%lu", bucket, me,
		    i % 7 == 6 ? i - 6 : i); /* some replace another */
		randombytes_buf(bytes, 16);
		if ((me + i) % 2)
			raw_go(&r, "PUT", target, slice_of(bytes, n));
		else
			raw_ask(&r, "PUT", target, "", slice_of(bytes, n));
		count(mine, &r, n, target);
		if (!again(&r))
			break;
	}
	raw_hang_up(&r);
}

/* Copies of "seed", which has size bytes. */
static void
copy(unsigned long me, struct said *mine)
{
	char target[TEXT], source[TEXT];
	struct raw r;

	if (raw_dial(&r) < 0)
		exit(2);
	snprintf(
	    source, sizeof source, "x-amz-copy-source: /%s/seed\r\n", bucket);
	for (unsigned long i = 0; i < times; i++) {
		snprintf(
		    target, sizeof target, "/%s/copy-%lu-%lu", bucket, me, i);
		raw_ask(&r, "PUT", target, source, slice_of("", 0));
		count(mine, &r, size, target);
		if (!again(&r))
			break;
	}
	raw_hang_up(&r);
}

/* Parts of uploads that nobody completes. */
static void
part(unsigned long me, struct said *mine)
{
	char target[TEXT], id[64];
	struct raw r;

	snprintf(target, sizeof target, "/%s/parts-%lu?uploads", bucket, me);
	raw_once(&r, "POST", target, "", slice_of("", 0));
	raw_pick(&r.body, "<UploadId>", '<', id, sizeof id);
	raw_hang_up(&r);
	if (raw_dial(&r) < 0)
		exit(2);
	for (unsigned long i = 1; i <= times; i++) {
		size_t n = some_size();

		snprintf(target, sizeof target,
		    "/%s/parts-%lu?partNumber=%lu&uploadId=%s", bucket, me, i,
		    id);
		randombytes_buf(bytes, 16);
		raw_ask(&r, "PUT", target, "", slice_of(bytes, n));
		count(mine, &r, n, target);
		if (!again(&r))
			break;
	}
	raw_hang_up(&r);
}

/* "seed" of size bytes, whole or a range of it.  Who is let in gets it all. */
static void
get(unsigned long me, struct said *mine)
{
	char target[TEXT], range[64];
	struct raw r;

	if (raw_dial(&r) < 0)
		exit(2);
	snprintf(target, sizeof target, "/%s/seed", bucket);
	for (unsigned long i = 0; i < times; i++) {
		uint64_t want = size;

		if ((me + i) % 3 == 0) {
			raw_go(&r, "GET", target, slice_of("", 0));
		} else if ((me + i) % 3 == 1) {
			want = 1 + randombytes_uniform((uint32_t)size);
			snprintf(range, sizeof range, "Range: bytes=0-%llu\r\n",
			    (unsigned long long)want - 1);
			raw_ask(&r, "GET", target, range, slice_of("", 0));
		} else {
			raw_ask(&r, "GET", target, "", slice_of("", 0));
		}
		if (r.status != 403 && r.status != 0 && r.body.n != want)
			mine->odd++;
		count(mine, &r, r.body.n, target);
		if (!again(&r))
			break;
	}
	raw_hang_up(&r);
}

/* Where all wait for each other: they read until the writing end is closed.
 * Before that each closes its end of the other one: it has dialled, or died. */
static int gate[2], dialled[2];

static void
wait_gate(void)
{
	char c;

	close(gate[1]);
	while (read(gate[0], &c, 1) > 0)
		;
}

/* One round: all put the same key under a condition. */
static void
round_of(unsigned long me, unsigned round, const char *condition)
{
	struct said *mine = &all[me];
	char target[TEXT];
	struct raw r;

	if (raw_dial(&r) < 0)
		_exit(2);
	snprintf(target, sizeof target, "/%s/once-%u", bucket,
	    condition ? 0 : round);
	memcpy(bytes, &me, sizeof me);
	close(dialled[1]);
	wait_gate();
	raw_ask(&r, "PUT", target,
	    condition ? condition : "If-None-Match: *\r\n",
	    slice_of(bytes, round % 2 ? size : 1000));
	count(mine, &r, 1, target);
	if (r.status == 200)
		mine->won = round;
	raw_hang_up(&r);
	_exit(0);
}

static void
let_go(unsigned round, const char *condition)
{
	char c;

	if (pipe(gate) < 0 || pipe(dialled) < 0)
		exit(2);
	for (unsigned long i = 0; i < processes; i++)
		if (fork() == 0)
			round_of(i, round, condition);
	close(gate[0]);
	close(dialled[1]);
	(void)!read(dialled[0], &c, 1);
	close(dialled[0]);
	close(gate[1]);
	while (wait(NULL) > 0)
		;
}

/* Exactly one has won, and what is there is his. */
static unsigned
judge(unsigned round, const char *target)
{
	unsigned winners = 0, faults = 0;
	unsigned long who = 0, there = 0;
	struct raw r;

	for (unsigned long i = 0; i < processes; i++)
		if (all[i].won == round) {
			winners++;
			who = i;
		}
	raw_once(&r, "GET", target, "", slice_of("", 0));
	if (r.body.n >= sizeof there)
		memcpy(&there, r.body.p, sizeof there);
	if (winners != 1 || r.status != 200 || there != who) {
		printf("# round %u: %u winners, %lu is there\n", round, winners,
		    there);
		faults++;
	}
	raw_hang_up(&r);
	return faults;
}

static int
once(void)
{
	char target[TEXT];
	unsigned faults = 0;

	for (unsigned round = 1; round <= times; round++) {
		let_go(round, NULL);
		snprintf(target, sizeof target, "/%s/once-%u", bucket, round);
		faults += judge(round, target);
	}
	return faults > 0;
}

/* All saw the same ETag, and put only over that one. */
static int
swap(void)
{
	char target[TEXT], etag[64], condition[TEXT];
	unsigned faults = 0;
	struct raw r;

	snprintf(target, sizeof target, "/%s/once-0", bucket);
	raw_once(&r, "PUT", target, "", slice_of("first", 5));
	for (unsigned round = 1; round <= times; round++) {
		raw_hang_up(&r);
		raw_dial(&r);
		raw_head(&r, "HEAD", target, "", RAW_NO_LENGTH, RAW_UNSIGNED);
		raw_say(&r, buf_slice(&r.out));
		while (raw_find(&r.in, "\r\n\r\n") == NULL &&
		       raw_more(&r, msec_now() + RAW_PATIENCE))
			;
		raw_pick(&r.in, "ETag: ", '\r', etag, sizeof etag);
		snprintf(condition, sizeof condition, "If-Match: %s\r\n", etag);
		let_go(round, condition);
		faults += judge(round, target);
	}
	raw_hang_up(&r);
	return faults > 0;
}

static int
report(void)
{
	struct said sum = { 0 };

	for (unsigned long i = 0; i < processes; i++) {
		sum.bytes += all[i].bytes;
		sum.fine += all[i].fine;
		sum.refused += all[i].refused;
		sum.broken += all[i].broken;
		sum.odd += all[i].odd;
	}
	printf("{\"bytes\":%llu,\"fine\":%llu,\"refused\":%llu,"
	       "\"broken\":%llu,\"odd\":%llu}\n",
	    (unsigned long long)sum.bytes, (unsigned long long)sum.fine,
	    (unsigned long long)sum.refused, (unsigned long long)sum.broken,
	    (unsigned long long)sum.odd);
	return sum.odd > 0;
}

static int
rush(void (*run)(unsigned long, struct said *))
{
	if (pipe(gate) < 0)
		return 2;
	for (unsigned long i = 0; i < processes; i++)
		if (fork() == 0) {
			wait_gate();
			run(i, &all[i]);
			_exit(0);
		}
	close(gate[0]);
	close(gate[1]);
	while (wait(NULL) > 0)
		;
	return report();
}

static const struct {
	const char *name;
	void (*run)(unsigned long, struct said *);
	int (*alone)(void);
} what[] = {
	{ "put", put, NULL },
	{ "copy", copy, NULL },
	{ "part", part, NULL },
	{ "get", get, NULL },
	{ "once", NULL, once },
	{ "swap", NULL, swap },
};

int
main(int argc, char **argv)
{
	if (sodium_init() < 0 || argc < 5)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	raw_aim(argv[2]);
	bucket = argv[3];
	processes = strtoul(argv[4], NULL, 10);
	if (argc > 5)
		times = strtoul(argv[5], NULL, 10);
	if (argc > 6)
		size = strtoul(argv[6], NULL, 10);
	if (processes > MOST || size > PART || size == 0)
		return 2;
	all = mmap(NULL, MOST * sizeof *all, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		return 2;
	randombytes_buf(bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof what / sizeof *what; i++)
		if (strcmp(argv[1], what[i].name) == 0)
			return what[i].run ? rush(what[i].run)
					   : what[i].alone();
	return 2;
}
