/* SPDX-License-Identifier: ISC */
#include "web/ready.h"
#include "t/tap.h"

enum { SIGND, P2PD, DHT, STORE, OTHER, PROGRAMS };
enum { WALL = 1800000000 };

static const struct ready_limits limits = { .stale_after = 10000,
	.start_time = 600000,
	.min_peers = 1,
	.disk_reserve = 64000000,
	.earliest = 1793491200 };

static struct ready_program p[PROGRAMS];
static struct ready r;

static void
tell(unsigned program, enum ready_gauge gauge, uint64_t value)
{
	p[program].told[gauge] = true;
	p[program].gauge[gauge] = value;
}

/* A node that lacks nothing. */
static void
well(void)
{
	static const char *const names[] = { "kn-signd", "kn-p2pd", "kn-dht",
		"kn-store", "kn-other" };

	for (unsigned i = 0; i < PROGRAMS; i++)
		p[i] = (struct ready_program){ .name = names[i],
			.expected = i != OTHER,
			.present = i != OTHER,
			.phase = STAT_SERVING,
			.age = 1000,
			.up = 3600000 };
	tell(P2PD, READY_OF_CERTIFICATE, 1);
	tell(P2PD, READY_OF_EXPIRES, WALL + 86400);
	tell(P2PD, READY_OF_TWIN, 0);
	tell(P2PD, READY_OF_PEERS, 3);
	tell(STORE, READY_OF_WRITABLE, 1);
	tell(STORE, READY_OF_DISK_FREE, 1000000000);
	tell(DHT, READY_OF_DHT_BAD, 0);
}

/* One reason is found, of this program, with these words. */
static void
only_at(uint64_t wall, enum ready_reason reason, const char *program,
    const char *words)
{
	ready_judge(p, PROGRAMS, &limits, wall, &r);
	if (!ok(r.n == 1 && r.found[0].reason == reason, "only %s",
		ready_word(reason)))
		for (size_t i = 0; i < r.n; i++)
			printf("# %s: %s\n", ready_word(r.found[i].reason),
			    r.found[i].says);
	if (r.n == 0)
		return;
	ok(ready_has(&r, reason), "it has it");
	is_text(r.found[0].program, program, "whose it is");
	if (!ok(strstr(r.found[0].says, words) != NULL, "%s", words))
		printf("# %s\n", r.found[0].says);
	well();
}

static void
only(enum ready_reason reason, const char *program, const char *words)
{
	only_at(WALL, reason, program, words);
}

static void
none(const char *name)
{
	ready_judge(p, PROGRAMS, &limits, WALL, &r);
	is_int(r.n, 0, name);
	ok(ready_healthy(p, PROGRAMS, &limits), "and healthy");
	well();
}

static void
test_phases(void)
{
	well();
	none("a node that lacks nothing");
	p[STORE].phase = STAT_STARTING;
	p[STORE].age = p[STORE].up = 599000;
	ok(ready_healthy(p, PROGRAMS, &limits), "who starts is healthy");
	only(READY_STARTING, "kn-store", "for 599 s");
	p[STORE].phase = STAT_MIGRATING;
	p[STORE].age = p[STORE].up = 60000;
	tell(STORE, READY_OF_WRITABLE, 0);
	ok(ready_healthy(p, PROGRAMS, &limits), "so is who migrates");
	only(READY_MIGRATING, "kn-store", "migrating its database for 60 s");
	p[STORE].phase = STAT_MIGRATING;
	p[STORE].up = 601000;
	ok(!ready_healthy(p, PROGRAMS, &limits), "but not for ever");
	only(READY_STALE, "kn-store", "longer than metrics.start_time");
	p[P2PD].age = 10001;
	tell(P2PD, READY_OF_PEERS, 0);
	ok(!ready_healthy(p, PROGRAMS, &limits), "who hangs is not healthy");
	only(READY_STALE, "kn-p2pd", "has not turned for 10 s");
	p[P2PD].age = 10000;
	none("just not too long");
}

static void
test_gone(void)
{
	p[DHT].present = false;
	ok(ready_healthy(p, PROGRAMS, &limits),
	    "who is not there does not hang");
	only(READY_MISSING, "kn-dht", "has not run");
	p[DHT].phase = STAT_STOPPING;
	only(READY_MISSING, "kn-dht", "is stopping");
	p[DHT].phase = STAT_STOPPING;
	p[DHT].age = 10001;
	ok(ready_healthy(p, PROGRAMS, &limits), "nor who was stopped");
	only(READY_MISSING, "kn-dht", "was stopped");
	p[DHT].age = -1;
	only(READY_MISSING, "kn-dht", "since the machine started");
	p[DHT].up = -1;
	only(READY_MISSING, "kn-dht", "since the machine started");
	p[OTHER].present = true;
	p[OTHER].age = 99999;
	none("of who is not expected nothing is said");
}

static void
test_gauges(void)
{
	tell(P2PD, READY_OF_CERTIFICATE, 0);
	only(READY_CERTIFICATE, "kn-p2pd", "no valid node certificate");
	tell(P2PD, READY_OF_CERTIFICATE, 0);
	tell(P2PD, READY_OF_EXPIRES, WALL - 1);
	only(READY_CERTIFICATE, "kn-p2pd", "ended at 2027-01-15T07:59:59");
	tell(STORE, READY_OF_WRITABLE, 0);
	only(READY_DATABASE, "kn-store", "takes no writes");
	tell(STORE, READY_OF_WRITABLE, 0);
	tell(STORE, READY_OF_DISK_FREE, 63000000);
	only(READY_DISK, "kn-store", "63 MB are free");
	tell(DHT, READY_OF_DHT_BAD, 1);
	only(READY_DATABASE, "kn-dht", "cannot write");
	tell(P2PD, READY_OF_PEERS, 0);
	only(READY_PEERS, "kn-p2pd", "0 peers");
	tell(P2PD, READY_OF_TWIN, WALL - 600);
	only(READY_TWIN, "kn-p2pd", "600 s ago");
	tell(P2PD, READY_OF_TWIN, WALL - 601);
	none("a twin of long ago");
	tell(P2PD, READY_OF_TWIN, WALL + 5);
	only(READY_TWIN, "kn-p2pd", "0 s ago");
	memset(p[P2PD].told, 0, sizeof p[P2PD].told);
	none("what a program does not tell is no fault");
	only_at(1793491199, READY_CLOCK, "", "2026-10-31T23:59:59");
}

static void
test_draining(void)
{
	p[P2PD].phase = STAT_DRAINING;
	tell(P2PD, READY_OF_PEERS, 0);
	ok(ready_healthy(p, PROGRAMS, &limits), "who drains is healthy");
	only(READY_DRAINING, "kn-p2pd", "is draining");
	p[STORE].phase = STAT_DRAINED;
	only(READY_DRAINING, "kn-store", "is drained");
	p[P2PD].phase = STAT_DRAINED;
	tell(P2PD, READY_OF_CERTIFICATE, 0);
	ready_judge(p, PROGRAMS, &limits, WALL, &r);
	ok(r.n == 2 && ready_has(&r, READY_CERTIFICATE) &&
		ready_has(&r, READY_DRAINING),
	    "drained for want of a certificate");
	well();
}

static void
test_names(void)
{
	is_int(ready_gauge_of("kn_p2pd_peers"), READY_OF_PEERS, "a row");
	is_int(ready_gauge_of("kn_p2pd_peer"), READY_GAUGE_N, "another");
	is_text(ready_word(READY_TWIN), "twin", "a word");
	is_text(ready_word(READY_REASON_N), "?", "no reason");
}

static void
test_many(void)
{
	static struct ready_program many[READY_PROGRAMS];

	for (unsigned i = 0; i < READY_PROGRAMS; i++) {
		many[i] = p[P2PD];
		for (unsigned g = 0; g < READY_GAUGE_N; g++) {
			many[i].told[g] = true;
			many[i].gauge[g] = g == READY_OF_TWIN ? WALL : 0;
		}
	}
	ready_judge(many, READY_PROGRAMS, &limits, 0, &r);
	is_int(r.n, READY_FOUND, "no more than there is room for");
}

int
main(void)
{
	test_phases();
	test_gone();
	test_gauges();
	test_draining();
	test_names();
	test_many();
	return tap_done();
}
