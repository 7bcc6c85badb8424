/* SPDX-License-Identifier: ISC
 *
 * The control messages of p2p.sock (kn-p2p(5)): one SOCK_SEQPACKET datagram,
 * one struct ctl with exactly one field set.  Messages marked (fd) carry one
 * descriptor, the stream.  Peers are peer id bytes, addresses multiaddr bytes,
 * times milliseconds, tags the program's own numbers.
 *
 * A stream's halves end with shutdown(SHUT_WR) or close.  A program stays on
 * p2p.sock until OVER has come for each of its streams: those of one that
 * leaves earlier are reset, so that what dies in the middle never looks as if it
 * had finished. */
#ifndef WIRE_MSG_CTL_H
#define WIRE_MSG_CTL_H

#include "wire/pb.h"

enum { CTL_MAX = 65536 }; /* bytes of a datagram */

/* Events that HELLO can ask for, bits. */
enum { CTL_WANT_PEERS = 1, CTL_WANT_STREAMS = 2 };

/* program -> p2pd: who I am, what I serve, what I want to hear. */
#define CTL_HELLO(F, T)                                                       \
	F(T, BYTES, 1, name, 0, 32)                                           \
	F(T, BYTES_N, 2, protocols, 0, 32)                                    \
	F(T, UINT, 3, wants, 0, 0)
PB_DECLARE(ctl_hello, CTL_HELLO)

/* p2pd -> program: who we are; again when it changes. */
#define CTL_SELF(F, T)                                                        \
	F(T, BYTES, 1, peer, 0, 64)                                           \
	F(T, BYTES_N, 2, addrs, 0, 64)                                        \
	F(T, BYTES_N, 3, protocols, 0, 256)                                   \
	F(T, BYTES, 4, agent, 0, 0)                                           \
	F(T, UINT, 5, draining, 0, 0)                                         \
	F(T, UINT, 6, reachable, 0, 0)
PB_DECLARE(ctl_self, CTL_SELF)

#define CTL_ADMISSION(F, T)                                                   \
	F(T, UINT, 1, role, 0, 0)                                             \
	F(T, UINT, 2, tier, 0, 0)                                             \
	F(T, BYTES, 3, serial, 0, 20)
PB_DECLARE(ctl_admission, CTL_ADMISSION)

/* p2pd -> program (fd): a peer opened a stream of a protocol you serve.  To a
 * program that only wants CTL_WANT_STREAMS: the same as news, without fd. */
#define CTL_STREAM(F, T)                                                      \
	F(T, BYTES, 1, peer, 0, 64)                                           \
	F(T, BYTES, 2, addr, 0, 0)                                            \
	F(T, BYTES, 3, protocol, 0, 0)                                        \
	F(T, MSG, 4, admission, ctl_admission, 0)                             \
	F(T, UINT, 5, tag, 0, 0) /* p2pd's own number, for OVER */
PB_DECLARE(ctl_stream, CTL_STREAM)

/* program -> p2pd (fd): connect this to the peer on the first protocol it has.
 * Without addrs: an existing connection or what is known of the peer. */
#define CTL_OPEN(F, T)                                                        \
	F(T, UINT, 1, tag, 0, 0)                                              \
	F(T, BYTES, 2, peer, 0, 64)                                           \
	F(T, BYTES_N, 3, protocols, 0, 8)                                     \
	F(T, BYTES_N, 4, addrs, 0, 32)                                        \
	F(T, UINT, 5, timeout, 0, 0)
PB_DECLARE(ctl_open, CTL_OPEN)

/* program -> p2pd: have a connection to the peer.  peer may be left out when
 * an address ends in /p2p. */
#define CTL_DIAL(F, T)                                                        \
	F(T, UINT, 1, tag, 0, 0)                                              \
	F(T, BYTES, 2, peer, 0, 64)                                           \
	F(T, BYTES_N, 4, addrs, 0, 32)                                        \
	F(T, UINT, 5, timeout, 0, 0)
PB_DECLARE(ctl_dial, CTL_DIAL)

/* p2pd -> program: what this tag asked for is done. */
#define CTL_DONE(F, T)                                                        \
	F(T, UINT, 1, tag, 0, 0)                                              \
	F(T, BYTES, 2, peer, 0, 64)                                           \
	F(T, BYTES, 3, addr, 0, 0)                                            \
	F(T, BYTES, 4, protocol, 0, 0)
PB_DECLARE(ctl_done, CTL_DONE)

/* p2pd -> program: it came to nothing.  reason is an enum reason (net/reason),
 * text its fixed name and what is known beyond it. */
#define CTL_FAIL(F, T)                                                        \
	F(T, UINT, 1, tag, 0, 0)                                              \
	F(T, UINT, 2, reason, 0, 0)                                           \
	F(T, BYTES, 3, text, 0, 512)
PB_DECLARE(ctl_fail, CTL_FAIL)

/* program -> p2pd: drop all connections to the peer. */
#define CTL_HANGUP(F, T)                                                      \
	F(T, UINT, 1, tag, 0, 0)                                              \
	F(T, BYTES, 2, peer, 0, 64)
PB_DECLARE(ctl_hangup, CTL_HANGUP)

/* p2pd -> program: a peer is connected and identified, or more is known. */
#define CTL_UP(F, T)                                                          \
	F(T, BYTES, 1, peer, 0, 64)                                           \
	F(T, BYTES, 2, addr, 0, 0)                                            \
	F(T, UINT, 3, inbound, 0, 0)                                          \
	F(T, BYTES_N, 4, protocols, 0, 256)                                   \
	F(T, BYTES_N, 5, addrs, 0, 64)                                        \
	F(T, BYTES, 6, agent, 0, 0)                                           \
	F(T, BYTES, 7, protocol_version, 0, 0)                                \
	F(T, BYTES, 8, observed, 0, 0)                                        \
	F(T, UINT, 9, certified, 0, 0) /* addrs come from a signed record */  \
	F(T, UINT, 10, rtt, 0, 0)      /* microseconds */                     \
	F(T, UINT, 11, streams, 0, 0)                                         \
	F(T, UINT, 12, age, 0, 0)                                             \
	F(T, MSG, 13, admission, ctl_admission, 0)
PB_DECLARE(ctl_up, CTL_UP)

/* p2pd -> program: the last connection to the peer is gone. */
#define CTL_DOWN(F, T)                                                        \
	F(T, BYTES, 1, peer, 0, 64)                                           \
	F(T, UINT, 2, reason, 0, 0)
PB_DECLARE(ctl_down, CTL_DOWN)

/* memberd -> p2pd: what this peer is, or that it is refused. */
#define CTL_ADMIT(F, T)                                                       \
	F(T, BYTES, 1, peer, 0, 64)                                           \
	F(T, MSG, 2, admission, ctl_admission, 0)                             \
	F(T, UINT, 3, refuse, 0, 0)
PB_DECLARE(ctl_admit, CTL_ADMIT)

/* natd -> p2pd: an external address of ours is confirmed, or gone. */
#define CTL_ADDR(F, T)                                                        \
	F(T, BYTES, 1, addr, 0, 0)                                            \
	F(T, UINT, 2, gone, 0, 0)
PB_DECLARE(ctl_addr, CTL_ADDR)

/* p2pd -> program, after HELLO: the present has been told, news follow. */
#define CTL_NOW(F, T) F(T, UINT, 1, peers, 0, 0)
PB_DECLARE(ctl_now, CTL_NOW)

/* Both ways: this stream is over.  p2pd -> program, for every stream, before
 * its end of the fd is closed: with reason 0 in order, otherwise reset (a bare
 * close would look like an orderly end).  program -> p2pd: reset it.  tag is
 * STREAM's when inbound is 1, else OPEN's. */
#define CTL_OVER(F, T)                                                        \
	F(T, UINT, 1, tag, 0, 0)                                              \
	F(T, UINT, 2, inbound, 0, 0)                                          \
	F(T, UINT, 3, reason, 0, 0)
PB_DECLARE(ctl_over, CTL_OVER)

/* 12 was a message to drain, and is not used again: the file of kn-drain(8)
 * says that. */
#define CTL(F, T)                                                             \
	F(T, MSG, 1, hello, ctl_hello, 0)                                     \
	F(T, MSG, 2, self, ctl_self, 0)                                       \
	F(T, MSG, 3, stream, ctl_stream, 0)                                   \
	F(T, MSG, 4, open, ctl_open, 0)                                       \
	F(T, MSG, 5, fail, ctl_fail, 0)                                       \
	F(T, MSG, 6, dial, ctl_dial, 0)                                       \
	F(T, MSG, 7, hangup, ctl_hangup, 0)                                   \
	F(T, MSG, 8, up, ctl_up, 0)                                           \
	F(T, MSG, 9, down, ctl_down, 0)                                       \
	F(T, MSG, 10, admit, ctl_admit, 0)                                    \
	F(T, MSG, 11, addr, ctl_addr, 0)                                      \
	F(T, MSG, 13, done, ctl_done, 0)                                      \
	F(T, MSG, 14, now, ctl_now, 0)                                        \
	F(T, MSG, 15, over, ctl_over, 0)
PB_DECLARE(ctl, CTL)

#endif
