/* SPDX-License-Identifier: ISC
 *
 * dht_serve: values, and records that cannot be kept. */
#include "t/dht/serve.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

static bool
put_seq(uint64_t seq, time_t expires)
{
	struct buf key, value;

	make_value(seq, expires, 10, &key, &value);
	put(buf_slice(&key), buf_slice(&value));
	buf_free(&key);
	buf_free(&value);
	return said == 1;
}

static uint64_t
get_seq(void)
{
	struct buf key, value;
	struct slice payload;
	struct peerid signer;
	struct signed_value v = { 0 };
	const char *fault;

	make_value(0, 0, 0, &key, &value);
	ask(KAD_GET_VALUE, buf_slice(&key));
	if (got.has_record && envelope_open(&envelope_value, got.record.value,
				  &payload, &signer, &fault) == 0)
		pb_decode(&signed_value_desc, payload, &v, NULL);
	buf_free(&key);
	buf_free(&value);
	return v.seq;
}

/* "/pk/" and the sha2-256 of a public key, that is a peer id. */
static void
make_pk(uint8_t fill, struct buf *key, struct buf *value)
{
	uint8_t data[1000] = { 0 };
	struct key_msg k = { .has_type = true,
		.type = KEY_RSA,
		.has_data = true,
		.data = slice_of(data, sizeof data) };
	struct peerid id;

	memset(data, fill, sizeof data);
	*key = (struct buf){ .max = KAD_KEY };
	*value = (struct buf){ .max = KAD_VALUE };
	pb_encode(&key_msg_desc, &k, value);
	id = peerid_of_key(buf_slice(value));
	put_text(key, "/pk/");
	put_slice(key, peerid_bytes(&id));
}

static bool
put_pk(uint8_t fill)
{
	struct buf key, value;

	make_pk(fill, &key, &value);
	put(buf_slice(&key), buf_slice(&value));
	buf_free(&key);
	buf_free(&value);
	return said == 1;
}

static bool
is_text_of(struct slice s, const char *text)
{
	return slice_eq(s, slice_text(text));
}

static void
test_pk(void)
{
	struct buf key, value;

	begin();
	know(1);
	make_pk(1, &key, &value);
	ask(KAD_GET_VALUE, buf_slice(&key));
	is_answered("a value that nobody has put");
	ok(!got.has_record && got.n_closer == 1, "only who is nearer");
	put(buf_slice(&key), buf_slice(&value));
	is_answered("a public key");
	ok(slice_eq(got.key, buf_slice(&key)) &&
		slice_eq(got.record.key, buf_slice(&key)) &&
		slice_eq(got.record.value, buf_slice(&value)),
	    "comes back as an echo");
	is_int(d->commit_at, BEGIN + 1000, "and is to be committed");
	now += HOUR;
	ask(KAD_GET_VALUE, buf_slice(&key));
	is_answered("somebody asks for it");
	ok(slice_eq(got.key, buf_slice(&key)) &&
		slice_eq(got.record.key, buf_slice(&key)) &&
		slice_eq(got.record.value, buf_slice(&value)),
	    "it is as it was");
	ok(is_text_of(
	       got.record.time_received, "2023-11-14T22:13:20.000000000Z"),
	    "and came when it came, not in 2999");
	is_int(got.n_closer, 1, "with who is nearer");
	put(buf_slice(&key), buf_slice(&value));
	is_answered("the same once more");
	ask(KAD_GET_VALUE, buf_slice(&key));
	ok(is_text_of(
	       got.record.time_received, "2023-11-14T23:13:20.000000000Z"),
	    "begins a new life");
	buf_free(&key);
	buf_free(&value);
	end();
}

static void
test_bad_records(void)
{
	struct buf key, value;
	static uint8_t much[1 << 20];

	begin();
	make_pk(1, &key, &value);
	prepare(KAD_PUT_VALUE, buf_slice(&key));
	give_msg(ASKER);
	is_refused(DHT_REFUSE_RECORD, "no record");
	prepare(KAD_PUT_VALUE, buf_slice(&key));
	msg.has_record = msg.record.has_value = true;
	msg.record.value = buf_slice(&value);
	give_msg(ASKER);
	is_refused(DHT_REFUSE_RECORD, "a record without its key");
	msg.record.has_key = true;
	msg.record.key = slice_text("/pk/other");
	give_msg(ASKER);
	is_refused(DHT_REFUSE_RECORD, "a record of another key");
	put(buf_slice(&key), slice_of(NULL, 0));
	is_refused(DHT_REFUSE_RECORD, "an empty value");
	put(buf_slice(&key), slice_of(value.p, value.n - 1));
	is_refused(DHT_REFUSE_RECORD, "a value that does not validate");
	put(slice_text("/xy/z"), buf_slice(&value));
	is_refused(DHT_REFUSE_RECORD, "a namespace that nobody knows");
	put(slice_text("pk"), buf_slice(&value));
	is_refused(DHT_REFUSE_RECORD, "no namespace");
	is_int(dhtdb_counts(db).values, 0, "nothing was kept");
	buf_free(&sent);
	buf_init(&sent, 2 << 20, NULL);
	put(buf_slice(&key), slice_of(much, 20 << 10));
	is_refused(DHT_REFUSE_RECORD, "20 KiB");
	put(buf_slice(&key), slice_of(much, sizeof much));
	is_refused(DHT_REFUSE_RECORD, "1 MiB, though it cannot come so far");
	buf_free(&key);
	buf_free(&value);
	end();
}

static void
test_size_of_value(void)
{
	struct buf key, value;
	size_t n = KAD_VALUE;

	begin();
	make_value(1, WALL + 1000, n, &key, &value);
	n -= value.n - KAD_VALUE;
	buf_free(&key);
	buf_free(&value);
	make_value(1, WALL + 1000, n, &key, &value);
	is_int(value.n, KAD_VALUE, "a value as long as may be");
	put(buf_slice(&key), buf_slice(&value));
	is_answered("is taken");
	buf_free(&key);
	buf_free(&value);
	make_value(2, WALL + 1000, n + 1, &key, &value);
	put(buf_slice(&key), buf_slice(&value));
	is_refused(DHT_REFUSE_RECORD, "one byte more is not");
	buf_free(&key);
	buf_free(&value);
	end();
}

static void
test_better(void)
{
	begin();
	ok(put_seq(2, WALL + 7200), "a value with a sequence number");
	is_int(get_seq(), 2, "is there");
	put_seq(1, WALL + 9000);
	is_refused(DHT_REFUSE_OLD, "an older one does not replace it");
	put_seq(2, WALL + 7000);
	is_refused(DHT_REFUSE_OLD, "nor one that expires earlier");
	ok(put_seq(2, WALL + 7200), "the same may come again");
	ok(put_seq(3, WALL + 3600), "and a newer one");
	is_int(get_seq(), 3, "which is there now");
	now += HOUR + 2000;
	is_int(get_seq(), 0, "until it has expired");
	put_seq(3, WALL + 3600);
	is_refused(DHT_REFUSE_RECORD, "when nobody can put it either");
	ok(put_seq(2, WALL + 7200), "then an older one is better than none");
	is_int(get_seq(), 2, "that is good still");
	end();
}

static void
test_life(void)
{
	begin();
	ok(put_seq(1, WALL + 100 * 3600), "a value that is good for long");
	now += 47 * HOUR;
	is_int(get_seq(), 1, "is held for two days");
	now += HOUR + 1000;
	is_int(get_seq(), 0, "whatever time its sender wrote");
	end();
}

/* Another connection has the file for itself. */
static sqlite3 *
lock(const char *path)
{
	sqlite3 *other;

	dhtdb_commit(db);
	sqlite3_open(path, &other);
	sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	return other;
}

static void
unlock(sqlite3 *other)
{
	sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(other);
}

static void
test_full(void)
{
	struct dhtdb_conf conf = usual_db;

	conf.values = 1;
	conf.providers = 2;
	conf.providers_per_key = 1;
	open_with(&usual, &conf, ":memory:");
	ok(put_pk(1), "one value");
	put_pk(2);
	is_refused(DHT_REFUSE_FULL, "another one");
	ok(put_pk(1), "the first again");
	provide_usual(1);
	is_silent(DHT_REFUSE_N, 0, "one provider");
	provide_usual(2);
	is_silent(DHT_REFUSE_FULL, 1, "another one");
	end();
	conf = usual_db;
	conf.values_per_peer = conf.providers_per_peer = 1;
	open_with(&usual, &conf, ":memory:");
	ok(put_pk(1), "one value of a peer");
	put_pk(2);
	is_refused(DHT_REFUSE_FULL, "another one of it");
	provide_usual(ASKER);
	provide(ASKER, ASKER, slice_text("\x12\1x"),
	    slice_of((uint8_t[]){ 4, 20, 1, 1, 1, 6, 1, 1 }, 8));
	is_silent(DHT_REFUSE_FULL, 1, "another key of one provider");
	end();
}

static void
test_disk(void)
{
	char dir[] = "/tmp/kn-serve-XXXXXX", path[64], name[80];
	sqlite3 *other;

	if (!ok(mkdtemp(dir) != NULL, "a directory"))
		return;
	snprintf(path, sizeof path, "%s/dht.db", dir);
	open_with(&usual, &usual_db, path);
	other = lock(path);
	put_pk(1);
	is_refused(DHT_REFUSE_DISK, "a value that cannot be written");
	provide_usual(1);
	is_silent(DHT_REFUSE_DISK, 1, "a provider that cannot be written");
	unlock(other);
	ok(put_pk(1), "when the disk is good again so is the next");
	end();
	unlink(path);
	snprintf(name, sizeof name, "%s-wal", path);
	unlink(name);
	snprintf(name, sizeof name, "%s-shm", path);
	unlink(name);
	is_int(rmdir(dir), 0, "nothing else is left");
}

int
main(void)
{
	buf_init(&sent, KAD_MESSAGE, NULL);
	buf_init(&reply, 2 * KAD_SAID, NULL);
	test_pk();
	test_bad_records();
	test_size_of_value();
	test_better();
	test_life();
	test_full();
	test_disk();
	buf_free(&sent);
	buf_free(&reply);
	return tap_done();
}
