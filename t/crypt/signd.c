/* SPDX-License-Identifier: ISC
 *
 * Questions to kn-signd itself, when it is built, in a directory of its own. */
#include "base/fd.h"
#include "base/stat.h"
#include "crypt/keyfile.h"
#include "t/crypt/statement.h"

#include "t/tap.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct house {
	char dir[64], file[96], socket[96], stat[96], program[256];
	pid_t pid;
};

static void
put_file(const char *dir, const char *name, struct slice bytes)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (fd_replace_file(path, bytes, 0600) < 0)
		abort();
}

static void
put_ini(const struct house *h, const char *rights)
{
	char text[1024];

	snprintf(text, sizeof text,
	    "[identity]\nkey_path = %s/node.key\n"
	    "master_key_path = %s/master\n[node]\nrun_path = %s/run\n"
	    "log_level = error\n[network]\nsign = %s\n",
	    h->dir, h->dir, h->dir, rights);
	put_file(h->dir, "node.ini", slice_text(text));
}

static void
furnish(struct house *h)
{
	static const struct keyfile_cost cheap = { 1, 8 };
	struct buf text;

	buf_init(&text, KEYFILE_MAX, NULL);
	keyfile_seal(&ours, slice_text("correct horse battery"), &cheap, &text);
	put_file(h->dir, "node.key", buf_slice(&text));
	put_file(h->dir, "master", slice_text("correct horse battery\n"));
	put_ini(h, "self: who noise tls record voucher");
	buf_free(&text);
	snprintf(h->file, sizeof h->file, "%s/node.ini", h->dir);
	snprintf(h->socket, sizeof h->socket, "%s/run/sign.sock", h->dir);
	snprintf(h->stat, sizeof h->stat, "%s/run/stat/kn-signd", h->dir);
}

/* Start it and wait until it says that it is ready. */
static bool
move_in(struct house *h)
{
	int ready[2];
	char number[16], c;

	if (pipe(ready) < 0)
		return false;
	h->pid = fork();
	if (h->pid == 0) {
		close(ready[0]);
		snprintf(number, sizeof number, "%d", ready[1]);
		execl(h->program, "kn-signd", "-c", h->file, "--ready-fd",
		    number, (char *)NULL);
		_exit(127);
	}
	close(ready[1]);
	c = 0;
	(void)!read(ready[0], &c, 1);
	close(ready[0]);
	return c == '\n';
}

static void
asks_all(int fd)
{
	static uint8_t b[3][BYTES], key[32] = { 9 };
	const struct {
		enum sign_kind kind;
		struct slice body;
	} rows[] = {
		{ SIGN_NOISE, slice_of(key, sizeof key) },
		{ SIGN_TLS, sequence(91, b[0]) },
		{ SIGN_RECORD,
		    record(&ours, slice_of(loopback, sizeof loopback), b[1]) },
		{ SIGN_VOUCHER, voucher(&ours, b[2]) },
	};
	uint8_t pub[KEY_PUBLIC_PB], ours_pub[KEY_PUBLIC_PB];
	uint8_t sig[KEY_SIGNATURE];

	key_public(&ours, ours_pub);
	is_int(sign_ask(fd, SIGN_WHO, slice_of(NULL, 0), pub, NULL, NULL), 0,
	    "who");
	is_bytes(pub, sizeof pub, ours_pub, sizeof ours_pub, "it is us");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf message;
		const char *why;

		is_int(sign_ask(fd, rows[i].kind, rows[i].body, pub, sig, NULL),
		    0, sign_kind_name(rows[i].kind));
		frame(rows[i].kind, rows[i].body, &message, &why);
		is_int(
		    key_verify(slice_of(pub, sizeof pub), buf_slice(&message),
			slice_of(sig, sizeof sig), &why),
		    0, "the signature is good");
		buf_free(&message);
	}
}

static void
is_refused(int fd, enum sign_kind kind, struct slice body, const char *want)
{
	struct buf why = { .max = 300 };
	int r = sign_ask(fd, kind, body, NULL, NULL, &why), err = errno;

	ok(r == -1 && err == EPERM, "refused");
	is_bytes(why.p, why.n, want, strlen(want), want);
	buf_free(&why);
}

/* The next answer is this refusal. */
static bool
hears(int fd, const char *want)
{
	uint8_t b[SIGN_MAX];
	struct sign_answer a;
	ssize_t n = read(fd, b, sizeof b);

	return n > 0 &&
	       pb_decode(&sign_answer_desc, slice_of(b, (size_t)n), &a, NULL) ==
		   0 &&
	       slice_is(a.why, want);
}

/* Bytes of our own as a question; no bytes: no question. */
static void
raw_refused(int fd, struct slice bytes, const char *want)
{
	if (bytes.n > 0)
		(void)!write(fd, bytes.p, bytes.n);
	ok(hears(fd, want), "raw: %s", want);
}

static void
asks_wrongly(int fd)
{
	static uint8_t b[20000];

	is_refused(fd, SIGN_VOUCHER, voucher(&other, b),
	    "the voucher is another relay's");
	is_refused(fd, SIGN_NOISE, slice_text("short"),
	    "a Noise static key has 32 bytes");
	is_refused(fd, SIGN_REQUEST, request(&ours, b),
	    "your user may not ask for this");
	raw_refused(fd, slice_of(b, sizeof b), "the question is malformed");
	raw_refused(fd, slice_text("\x0a"), "the question is malformed");
	raw_refused(fd, slice_text("\x12\x01x"), "the question is malformed");
	raw_refused(fd, slice_text("\x08\x7f"), "no such kind of statement");
}

static void
asks_after_hup(const struct house *h, int fd)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	static uint8_t b[BYTES];
	struct slice body = request(&ours, b);
	int r = -1;

	put_ini(h, "self: fly");
	kill(h->pid, SIGHUP);
	put_ini(h, "self: all");
	for (unsigned i = 0; i < 1500 && r < 0; i++) {
		kill(h->pid, SIGHUP);
		nanosleep(&pause, NULL);
		r = sign_ask(fd, SIGN_REQUEST, body, NULL, NULL, NULL);
	}
	is_int(r, 0, "after HUP the new rights hold");
}

static void
asks_too_often(const struct house *h)
{
	static const char who[] = { 1 << 3, SIGN_WHO };
	int fd = sign_connect(h->socket);
	unsigned asked = 0, refused = 0;

	/* many at a time, so that a machine that is busy can keep up with us;
	 * and many times, for a second may end in between */
	while (asked < 64 * 64 && refused == 0) {
		for (unsigned i = 0; i < 64; i++)
			asked += write(fd, who, sizeof who) == sizeof who;
		for (unsigned i = 0; i < 64; i++)
			refused += hears(fd, "too many questions in this second");
	}
	ok(refused > 0, "a flood is refused (%u questions)", asked);
	close(fd);
}

static void
comes_in_crowds(const struct house *h)
{
	enum { MOST = 64 };
	int fd[MOST + 1], bad = 0;

	/* one by one: the one before has been let in when it is answered */
	for (size_t i = 0; i < MOST; i++) {
		fd[i] = sign_connect(h->socket);
		bad += sign_ask(fd[i], SIGN_WHO, slice_of(NULL, 0), NULL, NULL,
			   NULL) < 0;
	}
	is_int(bad, 0, "sixty-four at once");
	fd[MOST] = sign_connect(h->socket);
	raw_refused(fd[MOST], slice_of(NULL, 0), "too many clients");
	for (size_t i = 0; i <= MOST; i++)
		close(fd[i]);
}

static uint64_t
counted(const struct house *h, const char *name, const char *labels)
{
	struct stat_view view;
	struct stat_value v;
	uint64_t value = UINT64_MAX;

	if (stat_view(h->stat, &view) < 0)
		return value;
	for (size_t i = 0; i < view.n; i++)
		if (stat_read(&view, i, &v) == 0 && !strcmp(v.name, name) &&
		    !strcmp(v.labels, labels))
			value = v.value;
	stat_unview(&view);
	return value;
}

static void
move_out(struct house *h)
{
	int status = -1;

	kill(h->pid, SIGTERM);
	waitpid(h->pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "TERM: exit 0");
	ok(access(h->socket, F_OK) < 0, "the socket is gone");
}

static void
tear_down(const struct house *h)
{
	static const char *const names[] = { "run/stat/kn-signd", "run/stat",
		"run/sign.sock", "run", "node.ini", "node.key", "master", "" };
	char path[128];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", h->dir, names[i]);
		(void)remove(path);
	}
}

static void
test_daemon(struct house *h)
{
	struct stat st;
	int fd;

	furnish(h);
	if (!ok(move_in(h), "kn-signd is ready"))
		return;
	ok(stat(h->socket, &st) == 0 && (st.st_mode & 07777) == 0660,
	    "its socket is closed to others");
	fd = sign_connect(h->socket);
	asks_all(fd);
	asks_wrongly(fd);
	is_int(counted(h, "kn_signd_statements_total", "kind=\"noise\""), 1,
	    "statements are counted");
	is_int(counted(h, "kn_signd_refused_total", "reason=\"body\""), 2,
	    "refusals are counted");
	is_int(counted(h, "kn_signd_refused_total", "reason=\"malformed\""), 3,
	    "by their reason");
	is_int(counted(h, "kn_signd_clients", ""), 1, "clients, too");
	asks_after_hup(h, fd);
	close(fd);
	asks_too_often(h);
	comes_in_crowds(h);
	move_out(h);
}

int
main(void)
{
	const char *build = getenv("KN_BUILD");
	struct house h = { .dir = "/tmp/kn-sign.XXXXXX" };

	if (sodium_init() < 0)
		return 1;
	alarm(300);
	make_keys();
	snprintf(h.program, sizeof h.program, "%s/kn-signd",
	    build ? build : "build");
	if (access(h.program, X_OK) < 0) {
		printf("1..0 # SKIP %s is not built\n", h.program);
		return 0;
	}
	if (mkdtemp(h.dir)) {
		test_daemon(&h);
		tear_down(&h);
	}
	return tap_done();
}
