/* SPDX-License-Identifier: ISC */
#include "cmd/kn-dht/door.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "cmd/cmd.h"
#include "cmd/kn-dht/parts.h"
#include "net/ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROGRAMS = 64, PAGE = 256, RESUME = 200 };

const char *const door_words[] = { "look", "provide", "put", NULL };

struct program {
	struct door *door;
	struct program *next;
	struct ctl_end *end; /* NULL: gone, to be freed */
	uint64_t rights;
};

/* An operation under way, and who waits for it. */
struct errand {
	struct program *program;
	uint64_t op, tag;
};

struct door {
	struct loop *loop;
	int fd;
	struct watch *watch;
	struct timer *resume;
	struct dht *dht;
	struct dhtdb *db;
	const struct rights *rights;
	const struct door_face *face;
	void *arg;
	struct program *programs;
	size_t n;
	struct map errands; /* u32: op -> errand */
	bool draining;
	struct dht_say say; /* one at a time: too big for a stack */
};

static struct dht_say *
blank(struct door *d)
{
	memset(&d->say, 0, sizeof d->say);
	return &d->say;
}

static void
say(struct program *p)
{
	if (p->end)
		ctl_say(p->end, &p->door->say, -1);
}

static struct dht_item *
item_new(struct program *p, uint64_t tag)
{
	struct dht_say *m = blank(p->door);

	m->has_item = m->item.has_tag = true;
	m->item.tag = tag;
	return &m->item;
}

static struct dht_done *
done_new(struct program *p, uint64_t tag, unsigned end, const char *text,
    uint64_t count)
{
	struct dht_say *m = blank(p->door);
	struct dht_done *n = &m->done;

	m->has_done = n->has_tag = n->has_end = n->has_text = n->has_count =
	    true;
	n->tag = tag;
	n->end = end;
	n->text = slice_text(text ? text : dht_end_sentence(end));
	n->count = count;
	return n;
}

static void
done(struct program *p, uint64_t tag, unsigned end, const char *text,
    uint64_t count)
{
	done_new(p, tag, end, text, count);
	say(p);
}

/* What is asked of ourselves. */

static void
show_table(struct program *p, uint64_t tag, msec now)
{
	const struct kadtab *tab = dht_table(p->door->dht);
	const struct kadtab_peer *e;
	unsigned bucket;
	uint64_t n = 0;

	for (size_t at = 0; (e = kadtab_next(tab, &at, &bucket)) != NULL; n++) {
		struct dht_item *i = item_new(p, tag);

		i->has_peer = i->has_bucket = i->has_heard = i->has_fails =
		    true;
		i->peer = peerid_bytes(&e->id);
		i->n_addrs = kadaddrs_list(&e->addrs, i->addrs);
		i->bucket = bucket;
		i->heard = (uint64_t)(now - e->heard);
		i->fails = e->fails;
		say(p);
	}
	done(p, tag, DHT_END_OK, NULL, n);
}

struct telling {
	struct program *program;
	uint64_t tag, n;
};

static void
tell_stat(void *to, const char *name, uint64_t value)
{
	struct telling *t = to;
	struct dht_item *i = item_new(t->program, t->tag);

	i->has_name = i->has_number = true;
	i->name = slice_text(name);
	i->number = value;
	t->n++;
	say(t->program);
}

static void
show_stats(struct program *p, uint64_t tag, msec now)
{
	struct telling t = { p, tag, 0 };

	(void)now;
	p->door->face->stats(p->door->arg, tell_stat, &t);
	done(p, tag, DHT_END_OK, NULL, t.n);
}

/* A page at a time: fewer than a page is the end. */
static void
show_keys(struct program *p, uint64_t tag, struct slice from)
{
	uint8_t place[32] = { 0 };
	struct dhtdb_own own;
	uint64_t n = 0;

	bool more = true;

	if (from.n == sizeof place) {
		memcpy(place, from.p, sizeof place);
		more = kadkey_step(place);
	}
	while (more && n < PAGE &&
	       dhtdb_own_next(p->door->db, place, &own) == DHTDB_OK) {
		struct dht_item *i = item_new(p, tag);

		i->has_key = i->has_due = i->has_number = i->has_value = true;
		i->key = own.key;
		i->due = (uint64_t)own.due;
		i->number = own.value.n; /* 0: provided */
		i->value = slice_of(own.place, 32);
		say(p);
		n++;
		memcpy(place, own.place, sizeof place);
		more = kadkey_step(place);
	}
	done(p, tag, DHT_END_OK, NULL, n);
}

/* What is asked of others. */

static const struct {
	uint64_t right;
	void (*show)(struct program *, uint64_t tag, msec now);
} verbs[DHT_VERBS] = {
	[DHT_FIND] = { DOOR_LOOK, NULL },
	[DHT_CLOSEST] = { DOOR_LOOK, NULL },
	[DHT_PROVIDERS] = { DOOR_LOOK, NULL },
	[DHT_GET] = { DOOR_LOOK, NULL },
	[DHT_PROVIDE] = { DOOR_PROVIDE, NULL },
	[DHT_UNPROVIDE] = { DOOR_PROVIDE, NULL },
	[DHT_PUT] = { DOOR_PUT, NULL },
	[DHT_TABLE] = { DOOR_LOOK, show_table },
	[DHT_STATS] = { DOOR_LOOK, show_stats },
	[DHT_KEYS] = { DOOR_LOOK, NULL },
};

static void
begin(struct program *p, const struct dht_want *w, msec now)
{
	const struct dht_ask ask = { .verb = (unsigned)w->verb,
		.key = w->key,
		.value = w->value,
		.timeout = w->timeout < 600000 ? (msec)w->timeout : 600000,
		.count = w->count < 1000 ? (size_t)w->count : 1000,
		.once = w->once != 0,
		.queued = w->queued != 0 };
	enum dht_end why;
	uint64_t op = dht_start(p->door->dht, &ask, now, &why);
	struct errand *e;

	if (op == 0) {
		done(p, w->tag, why, NULL, 0);
		return;
	}
	e = mem_new(sizeof *e);
	e->program = p;
	e->op = op;
	e->tag = w->tag;
	map_put_u32(&p->door->errands, (uint32_t)op, e);
}

static void
want(struct program *p, const struct dht_want *w)
{
	msec now = loop_now(p->door->loop);

	if (w->verb >= DHT_VERBS)
		done(p, w->tag, DHT_END_N, "there is no such verb", 0);
	else if (!(p->rights & verbs[w->verb].right))
		done(p, w->tag, DHT_END_N,
		    "your user may not ask for that; dht.control in node.ini "
		    "says who may",
		    0);
	else if (w->verb == DHT_KEYS)
		show_keys(p, w->tag, w->key);
	else if (verbs[w->verb].show)
		verbs[w->verb].show(p, w->tag, now);
	else if (p->door->draining)
		done(p, w->tag, DHT_END_N, "the node is draining", 0);
	else
		begin(p, w, now);
}

/* The first errand of this program, with this tag (or any). */
static struct errand *
errand_of(const struct program *p, const uint64_t *tag)
{
	struct errand *e;
	struct slice key;

	for (size_t at = 0;
	     (e = map_next(&p->door->errands, &at, &key)) != NULL;)
		if (e->program == p && (tag == NULL || e->tag == *tag))
			return e;
	return NULL;
}

static void
take_back(struct door *d, struct errand *e)
{
	map_cut_u32(&d->errands, (uint32_t)e->op);
	dht_cancel(d->dht, e->op);
	free(e);
}

static void
heard(void *arg, const void *in, int fd)
{
	const struct dht_say *m = in;
	struct program *p = arg;
	struct errand *e;

	if (fd >= 0)
		close(fd);
	if (m->has_want) {
		want(p, &m->want);
	} else if (m->has_cancel &&
		   (e = errand_of(p, &m->cancel.tag)) != NULL) {
		take_back(p->door, e);
		done(p, m->cancel.tag, DHT_END_CANCELLED, NULL, 0);
	}
	p->door->face->after(p->door->arg);
}

static void
program_free(struct program *p)
{
	struct program **at = &p->door->programs;
	struct errand *e;

	while ((e = errand_of(p, NULL)) != NULL)
		take_back(p->door, e);
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->door->n--;
	ctl_end_free(p->end);
	free(p);
}

static void
gone(void *arg, const char *why)
{
	struct program *p = arg;
	struct door *d = p->door;

	log_debug("program.gone", "why=%s", log_q(slice_text(why)));
	program_free(p);
	d->face->after(d->arg);
}

static const struct ctl_face face = { &dht_say_desc, heard, gone };

static void
on_resume(void *arg)
{
	struct door *d = arg;

	watch_want(d->watch, WATCH_READ);
}

static void
on_watch(void *arg, unsigned what)
{
	struct door *d = arg;
	struct program *p;
	unsigned uid = 0;
	int fd = accept4(d->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), pid;

	(void)what;
	if (fd < 0) {
		/* out of descriptors, most likely: not at once again */
		watch_want(d->watch, 0);
		timer_at(d->resume, loop_now(d->loop) + RESUME);
		return;
	}
	if (d->n == PROGRAMS) {
		log_warn("program.refused", "why=\"%d are here\"", PROGRAMS);
		close(fd);
		return;
	}
	p = mem_new(sizeof *p);
	p->door = d;
	p->end = ctl_end_new(d->loop, fd, &face, p);
	if (ctl_peer(p->end, &uid, &pid) == 0)
		p->rights = rights_of(d->rights, uid);
	p->next = d->programs;
	d->programs = p;
	d->n++;
}

struct door *
door_new(struct loop *loop, int fd, struct dht *dht, struct dhtdb *db,
    const struct rights *rights, const struct door_face *face_, void *arg)
{
	struct door *d = mem_new(sizeof *d);

	d->loop = loop;
	d->fd = fd;
	d->dht = dht;
	d->db = db;
	d->rights = rights;
	d->face = face_;
	d->arg = arg;
	d->resume = timer_new(loop, on_resume, d);
	d->watch = watch_new(loop, fd, on_watch, d);
	watch_want(d->watch, WATCH_READ);
	return d;
}

void
door_free(struct door *d)
{
	if (d == NULL)
		return;
	while (d->programs)
		program_free(d->programs);
	map_free(&d->errands);
	watch_free(d->watch);
	timer_free(d->resume);
	close(d->fd);
	free(d);
}

void
door_event(struct door *d, const struct dht_ev *ev)
{
	struct errand *e = map_get_u32(&d->errands, (uint32_t)ev->op);
	struct dht_done *n;

	if (e == NULL)
		return;
	if (ev->what == DHT_EV_ITEM) {
		struct dht_item *i = item_new(e->program, e->tag);

		i->has_peer = ev->peer != NULL;
		if (ev->peer)
			i->peer = peerid_bytes(ev->peer);
		i->n_addrs = kadaddrs_list(ev->addrs, i->addrs);
		i->has_value = ev->value.n > 0;
		i->value = ev->value;
		say(e->program);
		return;
	}
	n = done_new(e->program, e->tag, ev->end, NULL, ev->count);
	n->has_asked = n->has_took = true;
	n->asked = ev->asked;
	n->took = (uint64_t)ev->took;
	say(e->program);
	map_cut_u32(&d->errands, (uint32_t)ev->op);
	free(e);
}

size_t
door_programs(const struct door *d)
{
	return d->n;
}

size_t
door_errands(const struct door *d)
{
	return d->errands.n;
}

void
door_drain(struct door *d, bool draining)
{
	d->draining = draining;
}
