/* SPDX-License-Identifier: ISC
 *
 * Why something was refused, failed or ended: one fixed list, the same word in
 * the log, in FAIL and DOWN replies and as a metric's label.  Numbers are
 * stable: new reasons go to the end. */
#ifndef NET_REASON_H
#define NET_REASON_H

#define REASONS(R)                                                            \
	/* name       word              sentence */                           \
	R(NONE,       "none",           "no reason")                          \
	R(CLOSED,     "closed",         "the peer closed the connection")     \
	R(HANGUP,     "hangup",         "asked to hang up")                   \
	R(IO,         "io",             "the connection broke")               \
	R(SECURITY,   "security",       "the secure handshake failed")        \
	R(WRONG_PEER, "wrong-peer",     "another peer answered there")        \
	R(PROTOCOL,   "protocol-error", "the peer broke the protocol")        \
	R(HANDSHAKE,  "handshake-timeout", "the handshake took too long")     \
	R(SILENT,     "silent",         "the peer stopped answering")         \
	R(STUCK,      "stuck",          "the peer does not read")             \
	R(IDLE,       "idle",           "nothing happened for too long")      \
	R(EVICTED,    "evicted",        "room was needed for better peers")   \
	R(DUPLICATE,  "duplicate",      "a better connection exists")         \
	R(SELF,       "self",           "that peer is this node itself")      \
	R(DENIED,     "denied",         "the peer or address is on the deny " \
	                                "list, or not on the allow list")     \
	R(NOT_ADMITTED, "not-admitted", "the membership check refused it")    \
	R(PEERS,      "peers-full",     "no room for more peers")             \
	R(HANDSHAKES, "handshakes-full", "too many handshakes at once")       \
	R(PER_IP,     "ip-full",        "too many peers at that address")     \
	R(PER_SUBNET, "subnet-full",    "too many peers in that subnet")      \
	R(BUDGET,     "budget",         "the byte budget is used up")         \
	R(STREAMS,    "streams-full",   "too many streams with that peer")    \
	R(NO_PROTOCOL, "no-protocol",   "the peer does not speak that "       \
	                                "protocol")                           \
	R(NO_PROGRAM, "no-program",     "no program serves that protocol")    \
	R(RESET,      "reset",          "the peer reset the stream")          \
	R(TIMEOUT,    "timeout",        "no answer in time")                  \
	R(NO_ADDRESS, "no-address",     "no address is known for that peer")  \
	R(BAD_ADDRESS, "bad-address",   "no address given can be dialled")    \
	R(DNS,        "dns",            "the name does not resolve")          \
	R(REFUSED,    "refused",        "nothing listens there")              \
	R(UNREACHABLE, "unreachable",   "the network does not reach there")   \
	R(DIAL_PRIVATE, "dial-private", "the address is in a private range "  \
	                                "that this host has no interface in") \
	R(DIAL_RATE,  "dial-rate",      "too many new dials a minute")        \
	R(DRAINING,   "draining",       "the node is draining")               \
	R(RIGHTS,     "rights",         "your user may not ask for that")     \
	R(BAD_REQUEST, "bad-request",   "the request makes no sense")         \
	R(TAKEN,      "taken",          "that is taken already")              \
	R(SLOW,       "slow-program",   "the program does not read its "      \
	                                "messages")                           \
	R(FDS,        "fds",            "out of file descriptors")            \
	R(TWIN,       "twin",           "another node has this node's "       \
	                                "identity key")

enum reason {
#define R(name, word, sentence) REASON_##name,
	REASONS(R)
#undef R
	REASON_N
};

const char *reason_word(unsigned);     /* "?" for an unknown number */
const char *reason_sentence(unsigned);

#endif
