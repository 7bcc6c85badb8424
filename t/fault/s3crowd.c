/* SPDX-License-Identifier: ISC
 *
 * Many at once, or one that never ends: s3crowd WHAT PORT [N].  The bucket is
 * "box", the key stands in KN_S3_ID and KN_S3_SECRET.  Exits 0 when the store
 * did as it should, 1 when not, 2 when it could not be asked. */
#include "t/fault/s3raw.h"

#include <sodium.h>
#include <sys/resource.h>

enum {
	TEXT = 512,
	PARTS = 10000,
	PART = 5 << 20,
	AHEAD = 64,    /* requests sent before their answers are read */
	CUT = 60000,   /* ms in which a slow one must be cut, at the latest */
	BIG = 3 << 20, /* of an upload that is given up */
};

static uint8_t bytes[PART];
static int faults;
static unsigned long count; /* N */

static void
want(bool good, const char *what)
{
	if (good)
		return;
	printf("# %s\n", what);
	faults++;
}

static void
want_status(const struct raw *r, unsigned status, const char *code)
{
	if (r->status == status && (!code || strcmp(r->code, code) == 0))
		return;
	printf("# %u %s, not %u %s\n", r->status, r->code, status,
	    code ? code : "");
	faults++;
}

static struct raw *
dial_all(void)
{
	struct raw *all = mem_new(count * sizeof *all);
	struct rlimit limit = { count + 64, count + 64 };

	setrlimit(RLIMIT_NOFILE, &limit);
	for (unsigned long i = 0; i < count; i++)
		if (raw_dial(&all[i]) < 0)
			exit(2);
	return all;
}

static void
hang_up_all(struct raw *all)
{
	for (unsigned long i = 0; i < count; i++)
		raw_hang_up(&all[i]);
	free(all);
}

/* Those that are closed by the other side; what they hear is thrown away. */
static unsigned long
closed(struct raw *all)
{
	unsigned long n = 0;

	for (unsigned long i = 0; i < count; i++) {
		char waste[4096];
		ssize_t got = 1;

		while (all[i].fd >= 0 && got > 0)
			got =
			    recv(all[i].fd, waste, sizeof waste, MSG_DONTWAIT);
		if (all[i].fd < 0 || got == 0 ||
		    (got < 0 && errno != EAGAIN && errno != EINTR)) {
			if (all[i].fd >= 0)
				close(all[i].fd);
			all[i].fd = -1;
			n++;
		}
	}
	return n;
}

static void
here(void)
{
	puts("all are here");
	fflush(stdout);
}

/* They say nothing, and stay until standard input ends. */
static void
idle(void)
{
	struct raw *all = dial_all();
	char c;

	here();
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	want(closed(all) == 0, "some were closed");
	hang_up_all(all);
}

/* Each is closed in time, whatever it does to stay: more of this every 100 ms.
 */
static void
slowly(const char *first, const char *more)
{
	struct raw *all = dial_all();
	msec until = msec_now() + CUT;

	for (unsigned long i = 0; i < count; i++)
		raw_say_text(&all[i], first);
	here();
	while (msec_now() < until && closed(all) < count) {
		for (unsigned long i = 0; more && i < count; i++)
			if (all[i].fd >= 0)
				send(all[i].fd, more, strlen(more),
				    MSG_DONTWAIT | MSG_NOSIGNAL);
		poll(NULL, 0, 100);
	}
	want(closed(all) == count, "some slow ones may stay");
	hang_up_all(all);
}

static void
loris(void)
{
	slowly("GET /box/none HTTP/1.1\r\n", "X");
}

static void
half(void)
{
	slowly("GET /box/none HTTP/1.1\r\nHost: x\r\n", NULL);
}

/* A body that is announced and does not come. */
static void
silent(void)
{
	struct raw *all = dial_all();
	msec until = msec_now() + CUT;

	for (unsigned long i = 0; i < count; i++) {
		raw_head(&all[i], "PUT", "/box/silent", "", BIG, RAW_UNSIGNED);
		raw_say(&all[i], buf_slice(&all[i].out));
		raw_say(&all[i], slice_of(bytes, 50000));
	}
	here();
	while (msec_now() < until && closed(all) < count)
		poll(NULL, 0, 100);
	want(closed(all) == count, "a silent one may stay");
	hang_up_all(all);
}

/* Uploads that end in the middle: by a close, a reset, or both halves of it. */
static void
give_up(unsigned long i, const char *target)
{
	static const struct {
		uint64_t length;
		size_t sent;
		const char *fields, *payload;
	} ways[] = { { BIG, BIG / 2, "", RAW_UNSIGNED },
		{ 16000, 8000, "", RAW_UNSIGNED }, { BIG, 0, "", RAW_UNSIGNED },
		{ UINT64_C(5) << 30, BIG, "", RAW_UNSIGNED },
		{ BIG, 20, "x-amz-decoded-content-length: 3000000\r\n",
		    "STREAMING-UNSIGNED-PAYLOAD-TRAILER" } };
	size_t way = i % (sizeof ways / sizeof *ways);
	struct linger hard = { 1, 0 };
	struct raw r;

	if (raw_dial(&r) < 0)
		exit(2);
	raw_head(&r, "PUT", target, ways[way].fields, ways[way].length,
	    ways[way].payload);
	raw_say(&r, buf_slice(&r.out));
	bytes[0] = (uint8_t)i; /* no two are the same */
	raw_say(&r, slice_of(bytes, ways[way].sent));
	if (i % 3 == 0)
		setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	if (i % 3 == 1)
		shutdown(r.fd, SHUT_WR);
	raw_hang_up(&r);
}

static void
upload_id(struct raw *r, const char *target, char id[64])
{
	char path[TEXT];

	snprintf(path, sizeof path, "%s?uploads", target);
	raw_once(r, "POST", path, "", slice_of("", 0));
	want_status(r, 200, NULL);
	raw_pick(&r->body, "<UploadId>", '<', id, 64);
	raw_hang_up(r);
}

static void
aborts(void)
{
	struct raw r;
	char id[64], path[TEXT];

	upload_id(&r, "/box/given-up", id);
	snprintf(
	    path, sizeof path, "/box/given-up?partNumber=1&uploadId=%s", id);
	for (unsigned long i = 0; i < count; i++)
		give_up(i, i % 2 ? "/box/given-up" : path);
	snprintf(path, sizeof path, "/box/given-up?uploadId=%s", id);
	raw_once(&r, "DELETE", path, "", slice_of("", 0));
	want_status(&r, 204, NULL);
	raw_hang_up(&r);
	raw_once(&r, "HEAD", "/box/given-up", "", slice_of("", 0));
	want_status(&r, 404, NULL);
	raw_hang_up(&r);
}

/* Numbers from 1 to PARTS in an order by chance. */
static void
shuffle(unsigned *numbers)
{
	for (unsigned i = 0; i < PARTS; i++)
		numbers[i] = i + 1;
	for (unsigned i = PARTS - 1; i > 0; i--) {
		unsigned j = randombytes_uniform(i + 1), n = numbers[i];

		numbers[i] = numbers[j];
		numbers[j] = n;
	}
}

/* One of them, not waiting for an answer.  A small part holds its number. */
static void
send_part(struct raw *r, const char *id, unsigned number, const char *source)
{
	char path[TEXT], text[16];
	size_t n = (size_t)snprintf(text, sizeof text, "%u", number);

	snprintf(path, sizeof path, "/box/parts?partNumber=%u&uploadId=%s",
	    number, id);
	raw_head(r, "PUT", path, source, source[0] ? 0 : n, RAW_UNSIGNED);
	if (!source[0])
		put_bytes(&r->out, text, n);
	raw_say(r, buf_slice(&r->out));
}

/* All of them, out of order, so many ahead of the answers. */
static void
send_parts(const char *id, const char *source)
{
	static unsigned numbers[PARTS];
	unsigned sent = 0, refused = 0;
	struct raw r;

	shuffle(numbers);
	if (raw_dial(&r) < 0)
		exit(2);
	for (unsigned heard = 0; heard < PARTS; heard++) {
		while (sent < PARTS && sent < heard + AHEAD)
			send_part(&r, id, numbers[sent++], source);
		if (raw_hear(&r) != 200 && refused++ == 0)
			want_status(&r, 200, NULL);
	}
	want(refused == 0, "parts were refused");
	raw_hang_up(&r);
}

static void
etag_of(struct slice s, char hex[2 * MD5_BYTES + 1])
{
	uint8_t md5[MD5_BYTES];

	digest_of(DIGEST_MD5, s, md5);
	sodium_bin2hex(hex, 2 * MD5_BYTES + 1, md5, sizeof md5);
}

/* The list of them, of small ones or of copies. */
static void
put_list(struct buf *out, bool copies, bool backwards)
{
	char text[128], etag[2 * MD5_BYTES + 1];

	put_text(out, "<CompleteMultipartUpload>");
	etag_of(slice_of(bytes, PART), etag);
	for (unsigned i = 1; i <= PARTS; i++) {
		unsigned number = backwards ? PARTS + 1 - i : i;

		snprintf(text, sizeof text, "%u", number);
		if (!copies)
			etag_of(slice_text(text), etag);
		snprintf(text, sizeof text,
		    "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag></Part>",
		    number, etag);
		put_text(out, text);
	}
	put_text(out, "</CompleteMultipartUpload>");
}

static void
complete(const char *id, bool copies, bool backwards, unsigned status,
    const char *code)
{
	struct buf list = { .max = 4 << 20 };
	char path[TEXT];
	struct raw r;

	snprintf(path, sizeof path, "/box/parts?uploadId=%s", id);
	put_list(&list, copies, backwards);
	raw_once(&r, "POST", path, "", buf_slice(&list));
	want_status(&r, status, code);
	raw_hang_up(&r);
	buf_free(&list);
}

static void
small_parts(void)
{
	char id[64], path[TEXT];
	struct raw r;

	upload_id(&r, "/box/parts", id);
	send_parts(id, "");
	complete(id, false, true, 400, "InvalidPartOrder");
	complete(id, false, false, 400, "EntityTooSmall");
	snprintf(
	    path, sizeof path, "/box/parts?partNumber=10001&uploadId=%s", id);
	raw_once(&r, "PUT", path, "", slice_of("x", 1));
	want_status(&r, 400, "InvalidArgument");
	raw_hang_up(&r);
	snprintf(path, sizeof path, "/box/parts?uploadId=%s", id);
	raw_once(&r, "DELETE", path, "", slice_of("", 0));
	want_status(&r, 204, NULL);
	raw_hang_up(&r);
	complete(id, false, false, 404, "NoSuchUpload");
}

static void
want_range(uint64_t from, size_t n)
{
	char range[64];
	struct raw r;

	snprintf(range, sizeof range, "Range: bytes=%llu-%llu\r\n",
	    (unsigned long long)from, (unsigned long long)(from + n - 1));
	raw_once(&r, "GET", "/box/parts", range, slice_of("", 0));
	want(r.status == 206 && r.body.n == n, "a range over two parts");
	for (size_t i = 0; i < r.body.n && !faults; i++)
		want(r.body.p[i] == bytes[(from + i) % PART], "its bytes");
	raw_hang_up(&r);
}

/* 50 GB of 10,000 copies of one content. */
static void
copied_parts(void)
{
	char id[64];
	struct raw r;

	raw_once(&r, "PUT", "/box/part", "", slice_of(bytes, PART));
	want_status(&r, 200, NULL);
	raw_hang_up(&r);
	upload_id(&r, "/box/parts", id);
	send_parts(id, "x-amz-copy-source: /box/part\r\n");
	complete(id, true, false, 200, NULL);
	want_range(UINT64_C(7776) * PART - 1000, 2000);
	raw_once(&r, "DELETE", "/box/part", "", slice_of("", 0));
	raw_hang_up(&r);
	want_range(UINT64_C(9999) * PART - 1, 2);
	raw_once(&r, "DELETE", "/box/parts", "", slice_of("", 0));
	want_status(&r, 204, NULL);
	raw_hang_up(&r);
}

/* Questions without end, whose answers nobody reads. */
static void
deaf(void)
{
	struct raw *all, r;
	msec until;

	raw_once(&r, "PUT", "/box/deaf", "", slice_of(bytes, PART));
	want_status(&r, 200, NULL);
	raw_hang_up(&r);
	all = dial_all();
	here();
	until = msec_now() + 2000;
	for (unsigned long i = 0; i < count; i++)
		raw_head(&all[i], "GET", "/box/deaf", "", RAW_NO_LENGTH,
		    RAW_UNSIGNED);
	while (msec_now() < until) {
		for (unsigned long i = 0; i < count; i++)
			send(all[i].fd, all[i].out.p, all[i].out.n,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		poll(NULL, 0, 1);
	}
	hang_up_all(all);
	raw_once(&r, "DELETE", "/box/deaf", "", slice_of("", 0));
	want_status(&r, 204, NULL);
	raw_hang_up(&r);
}

static const struct {
	const char *name;
	void (*run)(void);
	unsigned long count;
} attacks[] = {
	{ "idle", idle, 1000 },
	{ "loris", loris, 200 },
	{ "half", half, 200 },
	{ "silent", silent, 100 },
	{ "aborts", aborts, 400 },
	{ "parts", small_parts, 0 },
	{ "copies", copied_parts, 0 },
	{ "deaf", deaf, 100 },
};

int
main(int argc, char **argv)
{
	if (sodium_init() < 0 || argc < 3)
		return 2;
	raw_aim(argv[2]);
	randombytes_buf(bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
		if (strcmp(argv[1], attacks[i].name) != 0)
			continue;
		count =
		    argc > 3 ? strtoul(argv[3], NULL, 10) : attacks[i].count;
		attacks[i].run();
		return faults > 0;
	}
	return 2;
}
