/* SPDX-License-Identifier: ISC
 *
 * What the files of httpd share.  Nobody else includes it.
 *
 * One daemon of libmicrohttpd serves all listening sockets: connections are
 * accepted here (so that refusals are exact) and handed to it.  Its epoll
 * descriptor is watched; a round runs it, lets the face commit, and runs it
 * again until it has nothing to do. */
#ifndef NET_HTTPD_OWN_H
#define NET_HTTPD_OWN_H

#include "base/map.h"
#include "net/httpd.h"

#include <microhttpd.h>
#include <sys/socket.h>

enum {
	HTTPD_LINGER = 64,         /* closing connections that are still read */
	HTTPD_SPARE = 64,          /* requests kept for the next */
	HTTPD_SWALLOW = 64 << 10,  /* of a body whose request is answered */
	HTTPD_BLOCK = 64 << 10,    /* of a source */
	HTTPD_MEASURED = 64 << 10, /* replies as long are measured when cut */
};

struct httpd_listener {
	struct httpd *httpd;
	int fd;
	struct watch *watch;
	struct httpd_listener *next;
};

struct httpd_conn {
	struct httpd *httpd;
	int fd; /* libmicrohttpd's; borrowed */
	bool tcp;
	int64_t uid;
	char from[48];
	uint8_t ip[16];
	size_t nip;
	struct httpd_req *req; /* NULL: between two */
	/* Of the head that is to come: when it was seen to have begun (0: not);
	 * the bytes that came before it, unless a request changed them since.
	 */
	msec head_since;
	bool seen_stale;
	uint64_t seen;
	msec idle_since;
	bool cut;
	bool unread; /* the last request was answered before its end */
	struct httpd_conn *prev, *next;
};

/* Where libmicrohttpd's next call for a request will be. */
enum httpd_stage {
	HTTPD_AT_HEAD, /* the face does not know it, or paused it at once */
	HTTPD_AT_BODY,
	HTTPD_AT_END,  /* its body is whole */
	HTTPD_QUEUED,  /* the reply is libmicrohttpd's */
	HTTPD_REFUSED, /* answered by hand; the connection closes */
};

struct httpd_req {
	struct httpd_conn *conn;
	struct MHD_Connection *mhd;
	enum httpd_stage stage;
	const char *uri; /* in libmicrohttpd's memory; only until begin */
	bool long_target;
	struct buf target;
	void *data; /* the face's */
	bool begun, answered, paused, suspended, whole;
	uint64_t taken; /* bytes of the body, after the answer */
	uint64_t left; /* bytes of the body to come, when its length is known */
	uint64_t turn; /* turns that were over when its body was whole */
	struct http_reply reply;
	uint64_t length; /* bytes of body that go out, unless it breaks off */
	size_t head_bytes;
	uint64_t given;  /* bytes of a source that libmicrohttpd took */
	bool measured;   /* before is known */
	uint64_t before; /* bytes written to the connection before the reply */
	uint64_t hand_out;      /* bytes of body that went out by hand */
	struct httpd_req *next; /* spare */
	struct http_head head;  /* last: not zeroed */
};

struct httpd_linger {
	struct httpd *httpd;
	int fd;
	size_t left;
	msec end;
	struct watch *watch;
	struct timer *late;
	struct httpd_linger *prev, *next;
};

struct httpd {
	struct loop *loop;
	struct httpd_conf conf;
	const struct httpd_face *face;
	void *arg;
	struct MHD_Daemon *mhd;
	struct watch *watch;
	struct timer *due;   /* of libmicrohttpd */
	struct timer *scan;  /* for slow heads */
	struct timer *again; /* to accept, when descriptors were out */
	struct httpd_listener *listeners;
	struct httpd_conn *conns;
	struct httpd_conn *adding; /* while libmicrohttpd takes it */
	unsigned nconns;
	unsigned peak;    /* of them, since memory was given back */
	struct map hosts; /* address to its count */
	struct httpd_linger *lingers;
	unsigned nlingers;
	struct httpd_req *spare;
	unsigned nspare;
	uint64_t turns;
	bool running; /* within a round */
	bool asked;   /* a round will be run soon */
	bool fresh;   /* something happened since the last turn */
	bool waiting; /* a request waits for this turn's commit */
	bool resumed;
	bool draining;
	uint64_t refused[HTTPD_REFUSALS];
};

/* httpd.c: run a round before the loop waits. */
void httpd_wake(struct httpd *);

/* httpd_conn.c */
void httpd_accept(struct httpd_listener *);
void httpd_on_conn(void *httpd, struct MHD_Connection *, void **conn,
    enum MHD_ConnectionNotificationCode);
struct httpd_conn *httpd_conn_of(struct MHD_Connection *);
void httpd_scan(void *httpd); /* for slow heads */
void httpd_linger_free(struct httpd_linger *);

/* httpd_req.c: libmicrohttpd's callbacks. */
void *httpd_on_target(void *httpd, const char *uri, struct MHD_Connection *);
enum MHD_Result httpd_on_request(void *httpd, struct MHD_Connection *,
    const char *url, const char *method, const char *version, const char *data,
    size_t *n, void **req);
void httpd_on_over(void *httpd, struct MHD_Connection *, void **req,
    enum MHD_RequestTerminationCode);

/* httpd_head.c: fills r->head.  0, or the status to refuse it with. */
unsigned httpd_head(
    struct httpd_req *, const char *method, const char *version);

/* httpd_reply.c */
/* Gives the reply to libmicrohttpd; false: the connection must close. */
bool httpd_queue(struct httpd_req *);
/* Writes a reply that is in memory past libmicrohttpd, for the states in which
 * it takes none; the connection must close then. */
void httpd_by_hand(struct httpd_req *);
/* Bytes of the body that the peer has, when the reply broke off. */
uint64_t httpd_sent(const struct httpd_req *);

#endif
