/* SPDX-License-Identifier: ISC
 *
 * Make, inspect, re-wrap, import and export identity keys: kn-keygen(1). */
#include "base/fd.h"
#include "cmd/secret.h"
#include "crypt/armor.h"
#include "wire/mbase.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	IMPORT_MOST = 4096,
	TEXT_MOST = 8192,
	MIB_LEAST = 8,
	MIB_MOST = 1024,
	MASTER_BYTES = 32,
};

static struct {
	const char *output;
	const char *master_file, *new_master_file;
	uint64_t master_fd, new_master_fd;
	uint64_t mib;
} given = {
	.master_fd = SECRET_NO_FD,
	.new_master_fd = SECRET_NO_FD,
	.mib = 64,
};

static void
print_peer(const struct key *k)
{
	struct peerid id = key_peerid(k);
	char text[PEERID_TEXT];
	struct buf line;

	buf_init(&line, TEXT_MOST, NULL);
	put_text(&line, peerid_text(&id, text));
	put_text(&line, "\n");
	cmd_print(&line);
	buf_free(&line);
}

static void
get_master(struct buf *master)
{
	secret_master(given.master_file, given.master_fd, "master", master);
}

static void
seal(const struct key *k, const struct buf *master, struct buf *text)
{
	const struct keyfile_cost cost = {
		.passes = keyfile_cost.passes,
		.kib = (uint32_t)given.mib * 1024,
	};

	buf_init(text, KEYFILE_MAX, NULL);
	keyfile_seal(k, buf_slice(master), &cost, text);
	if (text->bad)
		die(EXIT_SYSTEM, "no memory for Argon2id with --memory %u",
		    (unsigned)given.mib);
}

static void
write_key(struct key *k)
{
	struct buf master, text;

	get_master(&master);
	seal(k, &master, &text);
	secret_create(given.output, buf_slice(&text));
	print_peer(k);
	key_wipe(k);
	buf_wipe(&master);
	buf_free(&text);
}

static void
make(const char *unused)
{
	struct key k;

	(void)unused;
	key_make(&k);
	write_key(&k);
}

static void
open_key(const char *path, struct key *k)
{
	struct buf master;

	get_master(&master);
	secret_key(path, buf_slice(&master), k);
	buf_wipe(&master);
}

static void
check(const char *path)
{
	struct key k;

	open_key(path, &k);
	print_peer(&k);
	key_wipe(&k);
}

static void
rewrap(const char *path)
{
	struct buf master, text;
	struct key k;

	open_key(path, &k);
	secret_master(
	    given.new_master_file, given.new_master_fd, "new-master", &master);
	seal(&k, &master, &text);
	secret_replace(path, buf_slice(&text));
	print_peer(&k);
	key_wipe(&k);
	buf_wipe(&master);
	buf_free(&text);
}

static void
read_import(const char *path, struct buf *pb)
{
	struct stat st;

	buf_init(pb, IMPORT_MOST, NULL);
	if (strcmp(path, "-") != 0) {
		secret_read(path, pb);
		return;
	}
	if (fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) &&
	    fd_private(STDIN_FILENO) < 0)
		die(EXIT_WRONG, "standard input: the file is open to others "
				"(chmod 600)");
	if (fd_read_all(STDIN_FILENO, pb) < 0)
		die(secret_exit(errno), "standard input:");
}

static void
import(const char *path)
{
	const char *why = "";
	struct buf pb;
	struct key k;

	read_import(path, &pb);
	if (key_import(buf_slice(&pb), &k, &why) < 0) {
		buf_wipe(&pb);
		die(EXIT_NO, "%s: %s", path, why);
	}
	buf_wipe(&pb);
	write_key(&k);
}

static void export(const char *path)
{
	struct buf pb;
	struct key k;

	if (!given.output && isatty(STDOUT_FILENO))
		die(EXIT_WRONG, "a private key is not for a terminal: "
				"give -o FILE or a pipe");
	open_key(path, &k);
	buf_init(&pb, IMPORT_MOST, NULL);
	key_export(&k, &pb);
	key_wipe(&k);
	if (given.output)
		secret_create(given.output, buf_slice(&pb));
	else
		cmd_print(&pb);
	buf_wipe(&pb);
}

/* What the file claims; no secret is needed, so anybody who can read it may
 * ask. */
static struct peerid
claimed(const char *path, uint8_t pb[KEY_PUBLIC_PB])
{
	enum keyfile_fault fault;
	struct buf text;

	buf_init(&text, KEYFILE_MAX, NULL);
	if (fd_read_file(path, &text) < 0)
		die(secret_exit(errno), "%s:", path);
	fault = keyfile_public(buf_slice(&text), pb);
	if (fault != KEYFILE_OK)
		die(EXIT_NO, "%s: %s", path, keyfile_says(fault));
	buf_free(&text);
	return peerid_of_key(slice_of(pb, KEY_PUBLIC_PB));
}

static void
print_claimed(const char *path)
{
	uint8_t pb[KEY_PUBLIC_PB];
	struct peerid id = claimed(path, pb);
	char text[PEERID_TEXT];
	struct buf line;

	buf_init(&line, TEXT_MOST, NULL);
	put_text(&line, peerid_text(&id, text));
	put_text(&line, "\n");
	cmd_print(&line);
	buf_free(&line);
}

static void
print_public(const char *path)
{
	uint8_t pb[KEY_PUBLIC_PB];
	struct peerid id = claimed(path, pb);
	char comment[PEERID_TEXT + 16] = "public key ";
	struct buf text;

	buf_init(&text, TEXT_MOST, NULL);
	peerid_text(&id, comment + strlen(comment));
	armor_put(comment, slice_of(pb, sizeof pb), &text);
	if (given.output &&
	    fd_create_file(given.output, buf_slice(&text), 0644) < 0)
		die(secret_exit(errno), "%s:", given.output);
	if (!given.output)
		cmd_print(&text);
	buf_free(&text);
}

static void
make_master(const char *path)
{
	uint8_t random[MASTER_BYTES];
	struct buf text;

	randombytes_buf(random, sizeof random);
	buf_init(&text, TEXT_MOST, NULL);
	mbase_encode(MBASE_64, slice_of(random, sizeof random), &text);
	put_text(&text, "\n");
	sodium_memzero(random, sizeof random);
	secret_create(path, buf_slice(&text));
	buf_wipe(&text);
}

/* One job a run: the one whose option was given, or the first. */
enum need { NEVER, MAYBE, ALWAYS };
struct job {
	const char *file;
	void (*run)(const char *file);
	enum need output, master, new_master;
};
enum { MAKE, PEER_ID, PUBLIC, CHECK, REWRAP, IMPORT, EXPORT, MASTER_NEW };

/* clang-format off */
static struct job jobs[] = {
	/*                      run            output  master  new_master */
	[MAKE]       = { NULL, make,           ALWAYS, ALWAYS, NEVER },
	[PEER_ID]    = { NULL, print_claimed,  NEVER,  NEVER,  NEVER },
	[PUBLIC]     = { NULL, print_public,   MAYBE,  NEVER,  NEVER },
	[CHECK]      = { NULL, check,          NEVER,  ALWAYS, NEVER },
	[REWRAP]     = { NULL, rewrap,         NEVER,  ALWAYS, ALWAYS },
	[IMPORT]     = { NULL, import,         ALWAYS, ALWAYS, NEVER },
	[EXPORT]     = { NULL, export,         MAYBE,  ALWAYS, NEVER },
	[MASTER_NEW] = { NULL, make_master,    NEVER,  NEVER,  NEVER },
};
/* clang-format on */

static const struct job *
choose(void)
{
	const struct job *job = &jobs[MAKE];

	for (size_t i = MAKE + 1; i < N(jobs); i++) {
		if (!jobs[i].file)
			continue;
		if (job != &jobs[MAKE])
			die(EXIT_WRONG, "one thing at a time, please: see -h");
		job = &jobs[i];
	}
	return job;
}

/* Is an option there that the job has no use for, or missing that it needs? */
static void
want(enum need need, bool is_there, const char *option)
{
	if (need == NEVER && is_there)
		die(EXIT_WRONG, "%s has no meaning here", option);
	if (need == ALWAYS && !is_there)
		die(EXIT_WRONG, "%s is missing: see -h", option);
}

static void
check_options(const struct job *job)
{
	want(job->output, given.output, "-o");
	want(job->master, given.master_file || given.master_fd != SECRET_NO_FD,
	    "--master-file or --master-fd");
	want(job->new_master,
	    given.new_master_file || given.new_master_fd != SECRET_NO_FD,
	    "--new-master-file or --new-master-fd");
	if (given.mib < MIB_LEAST)
		die(EXIT_WRONG, "--memory is at least %d", MIB_LEAST);
	if (given.master_fd != SECRET_NO_FD &&
	    given.master_fd == given.new_master_fd)
		die(EXIT_WRONG, "the two master keys need two descriptors");
}

static const struct opt opts[] = {
	{ 'o', "output", OPT_STR, &given.output, "FILE",
	    "write this file; it must not be there yet" },
	{ 'm', "master-file", OPT_STR, &given.master_file, "FILE",
	    "the master key stands in this file" },
	{ 'd', "master-fd", OPT_UINT, &given.master_fd, "N",
	    "the master key comes from this descriptor", 65535 },
	{ 'p', "peer-id", OPT_STR, &jobs[PEER_ID].file, "KEY",
	    "print the peer id that a key file claims" },
	{ 'P', "public", OPT_STR, &jobs[PUBLIC].file, "KEY",
	    "print its public key as a .pub file" },
	{ 'C', "check", OPT_STR, &jobs[CHECK].file, "KEY",
	    "open a key file, verify it, print its peer id" },
	{ 'r', "rewrap", OPT_STR, &jobs[REWRAP].file, "KEY",
	    "seal a key file anew under another master key" },
	{ 'F', "new-master-file", OPT_STR, &given.new_master_file, "FILE",
	    "the new master key stands in this file" },
	{ 'D', "new-master-fd", OPT_UINT, &given.new_master_fd, "N",
	    "the new master key comes from this descriptor", 65535 },
	{ 'i', "import", OPT_STR, &jobs[IMPORT].file, "FILE",
	    "seal a libp2p private key; - is standard input" },
	{ 'e', "export", OPT_STR, &jobs[EXPORT].file, "KEY",
	    "give a libp2p private key, in the clear" },
	{ 'w', "master-new", OPT_STR, &jobs[MASTER_NEW].file, "FILE",
	    "write a random master key" },
	{ 'k', "memory", OPT_UINT, &given.mib, "MIB",
	    "Argon2id memory of what is sealed, 8 to 1024 (64)", MIB_MOST },
};

static const struct opt_page page = {
	.prog = "kn-keygen",
	.synopsis = "",
	.about = "make, inspect, re-wrap, import and export identity keys",
	.detail =
	    "Without -p, -P, -C, -r, -i, -e or -w a new key is made.\n"
	    "\n"
	    "  kn-keygen -w master.key\n"
	    "  kn-keygen -o node.key -m master.key\n"
	    "  kn-keygen -P node.key > node.pub\n"
	    "\n"
	    "Exit: 0 yes; 1 the key does not open or is damaged; 100 you; "
	    "111 the system.\n",
	.opts = opts,
	.n = N(opts),
};

int
main(int argc, char **argv)
{
	const struct job *job;

	if (cmd_options(&page, argc, argv) != argc)
		die(EXIT_WRONG, "no operands are wanted: see -h");
	job = choose();
	check_options(job);
	cmd_hide();
	job->run(job->file);
	return EXIT_YES;
}
