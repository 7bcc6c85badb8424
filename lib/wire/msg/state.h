/* SPDX-License-Identifier: ISC
 *
 * The state of a live connection as plain data, for a successor that takes it
 * over by exec in place (ops: the bytes stay in memory, never on a disk: they
 * hold transport keys).  Protobuf gives what that needs: numbered fields, and
 * unknown ones are skipped.  Times are CLOCK_BOOTTIME milliseconds. */
#ifndef WIRE_MSG_STATE_H
#define WIRE_MSG_STATE_H

#include "wire/pb.h"

#define STATE_MSS(F, T)                                                       \
	F(T, UINT, 1, state, 0, 0)                                            \
	F(T, UINT, 2, dialer, 0, 0)                                           \
	F(T, UINT, 3, greeted, 0, 0)                                          \
	F(T, UINT, 4, offers, 0, 0)                                           \
	F(T, BYTES, 5, line, 0, 1024)                                         \
	F(T, BYTES, 6, part, 0, 1026)
PB_DECLARE(state_mss, STATE_MSS)

/* One stream: yamux's half (1..13) and conn's (20..). */
#define STATE_STREAM(F, T)                                                    \
	F(T, UINT, 1, id, 0, 0)                                               \
	F(T, UINT, 2, inbound, 0, 0)                                          \
	F(T, UINT, 3, acked, 0, 0)                                            \
	F(T, UINT, 4, said_fin, 0, 0)                                         \
	F(T, UINT, 5, heard_fin, 0, 0)                                        \
	F(T, UINT, 6, send, 0, 0)                                             \
	F(T, UINT, 7, recv, 0, 0)                                             \
	F(T, UINT, 8, window, 0, 0)                                           \
	F(T, UINT, 9, untaken, 0, 0)                                          \
	F(T, UINT, 10, owed, 0, 0)                                            \
	F(T, UINT, 11, epoch, 0, 0)                                           \
	F(T, UINT, 12, opened, 0, 0) /* SYN or ACK has been sent */           \
	F(T, UINT, 13, taken, 0, 0)                                           \
	F(T, UINT, 20, agreed, 0, 0)                                          \
	F(T, UINT, 21, lazy, 0, 0)                                            \
	F(T, UINT, 22, fin_held, 0, 0)                                        \
	F(T, MSG, 23, mss, state_mss, 0)                                      \
	F(T, BYTES, 24, protocol, 0, 255)                                     \
	F(T, BYTES, 25, proposals, 0, 4096)                                   \
	F(T, BYTES, 26, held, 0, 0)                                           \
	F(T, UINT, 27, due, 0, 0)
PB_DECLARE(state_stream, STATE_STREAM)

#define STATE_YAMUX(F, T)                                                     \
	F(T, UINT, 1, client, 0, 0)                                           \
	F(T, UINT, 2, next_id, 0, 0)                                          \
	F(T, UINT, 4, going, 0, 0)                                            \
	F(T, UINT, 5, gone, 0, 0)                                             \
	F(T, BYTES, 6, head, 0, 12)                                           \
	F(T, UINT, 7, body_id, 0, 0)                                          \
	F(T, UINT, 8, body_left, 0, 0)                                        \
	F(T, UINT, 9, body_drop, 0, 0)                                        \
	F(T, UINT, 10, body_fin, 0, 0)                                        \
	F(T, UINT, 11, body_rst, 0, 0)                                        \
	F(T, UINT, 12, body_code, 0, 0)                                       \
	F(T, UINT, 13, ping_id, 0, 0)                                         \
	F(T, UINT, 14, ping_sent, 0, 0) /* plus one; 0: none on the way */    \
	F(T, UINT, 15, ping_next, 0, 0)                                       \
	F(T, UINT, 16, rtt, 0, 0) /* plus one; 0: unknown */                  \
	F(T, UINT, 17, may_grow, 0, 0)                                        \
	F(T, UINT, 18, refused, 0, 0)                                         \
	F(T, UINT, 19, heard, 0, 0)
PB_DECLARE(state_yamux, STATE_YAMUX)

#define STATE_CONN(F, T)                                                      \
	F(T, UINT, 1, version, 0, 0)                                          \
	F(T, UINT, 2, dialer, 0, 0)                                           \
	F(T, BYTES, 3, peer_key, 0, 2048)                                     \
	F(T, BYTES, 4, send_key, 0, 32)                                       \
	F(T, FIXED64, 5, send_nonce, 0, 0)                                    \
	F(T, BYTES, 6, recv_key, 0, 32)                                       \
	F(T, FIXED64, 7, recv_nonce, 0, 0)                                    \
	F(T, MSG, 8, mux, state_yamux, 0)                                     \
	F(T, BYTES, 9, plain, 0, 0)                                           \
	F(T, BYTES, 10, out, 0, 0)                                            \
	F(T, BYTES, 11, in, 0, 0)                                             \
	F(T, UINT, 12, clear, 0, 0)                                           \
	F(T, UINT, 13, tag, 0, 0)                                             \
	F(T, UINT, 14, piece, 0, 0)                                           \
	F(T, UINT, 15, piece_id, 0, 0)                                        \
	F(T, UINT, 16, streams, 0, 0) /* that many state_stream follow, framed */
PB_DECLARE(state_conn, STATE_CONN)

#endif
