/* SPDX-License-Identifier: ISC */
#include "crypt/secretbox.h"
#include "base/fd.h"
#include "crypt/armor.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

enum {
	NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	FILE_MOST = 4096,
};

_Static_assert(SECRETBOX_MORE == NONCE + TAG, "what a seal adds");

static const char comment[] = "key that seals secrets at rest";

/* The text of a key file, from an open file that only its owner may read. */
static int
read_text(const char *path, struct buf *text, const char **why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	*why = "cannot be read";
	if (fd < 0)
		return -1;
	r = fd_private(fd);
	if (r < 0)
		*why = "is open to others, or theirs";
	else
		r = fd_read_all(fd, text);
	close(fd);
	return r;
}

static int
load(const char *path, uint8_t key[SECRETBOX_KEY], const char **why)
{
	struct buf text, bytes;
	int r;

	buf_init(&text, FILE_MOST, NULL);
	buf_init(&bytes, SECRETBOX_KEY, NULL);
	r = read_text(path, &text, why);
	if (r == 0 && (armor_one(buf_slice(&text), &bytes) < 0 ||
			  bytes.n != SECRETBOX_KEY)) {
		*why = "holds no key of 32 bytes";
		r = -1;
	}
	if (r == 0)
		memcpy(key, bytes.p, SECRETBOX_KEY);
	buf_wipe(&text);
	buf_wipe(&bytes);
	return r;
}

static int
make(const char *path, const char **why)
{
	uint8_t key[SECRETBOX_KEY];
	struct buf text;
	int r;

	randombytes_buf(key, sizeof key);
	buf_init(&text, FILE_MOST, NULL);
	armor_put(comment, slice_of(key, sizeof key), &text);
	sodium_memzero(key, sizeof key);
	r = fd_create_file(path, buf_slice(&text), 0600);
	buf_wipe(&text);
	*why = "cannot be made";
	/* another process may have been first: its key is as good */
	return r < 0 && errno != EEXIST ? -1 : 0;
}

int
secretbox_key(const char *path, uint8_t key[SECRETBOX_KEY], const char **why)
{
	if (access(path, F_OK) < 0 && errno == ENOENT && make(path, why) < 0)
		return -1;
	return load(path, key, why);
}

/* The nonce, then the secret and its tag; the name is associated data. */
void
secretbox_seal(const uint8_t key[SECRETBOX_KEY], struct slice name,
    struct slice secret, struct buf *out)
{
	uint8_t *to = buf_room(out, secret.n + SECRETBOX_MORE);

	if (to == NULL)
		return;
	randombytes_buf(to, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(to + NONCE, NULL, secret.p,
	    secret.n, name.p, name.n, NULL, to, key);
	buf_added(out, secret.n + SECRETBOX_MORE);
}

int
secretbox_open(const uint8_t key[SECRETBOX_KEY], struct slice name,
    struct slice sealed, struct buf *secret)
{
	struct slice nonce = get_bytes(&sealed, NONCE);
	uint8_t *to;

	if (sealed.bad || sealed.n < TAG)
		return -1;
	to = buf_room(secret, sealed.n - TAG);
	if (to == NULL ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(to, NULL, NULL, sealed.p,
		sealed.n, name.p, name.n, nonce.p, key) < 0)
		return -1;
	buf_added(secret, sealed.n - TAG);
	return 0;
}
