/* SPDX-License-Identifier: ISC
 *
 * The tables of all lists in wire/msg, inner messages before outer. */
#include "wire/msg/cert.h"
#include "wire/msg/ctl.h"
#include "wire/msg/dht.h"
#include "wire/msg/envelope.h"
#include "wire/msg/ident.h"
#include "wire/msg/kad.h"
#include "wire/msg/key.h"
#include "wire/msg/noise.h"
#include "wire/msg/sign.h"
#include "wire/msg/state.h"

PB_DEFINE(cert_body, CERT_BODY)
PB_DEFINE(cert_request, CERT_REQUEST)

PB_DEFINE(ctl_hello, CTL_HELLO)
PB_DEFINE(ctl_self, CTL_SELF)
PB_DEFINE(ctl_admission, CTL_ADMISSION)
PB_DEFINE(ctl_stream, CTL_STREAM)
PB_DEFINE(ctl_open, CTL_OPEN)
PB_DEFINE(ctl_dial, CTL_DIAL)
PB_DEFINE(ctl_done, CTL_DONE)
PB_DEFINE(ctl_fail, CTL_FAIL)
PB_DEFINE(ctl_hangup, CTL_HANGUP)
PB_DEFINE(ctl_up, CTL_UP)
PB_DEFINE(ctl_down, CTL_DOWN)
PB_DEFINE(ctl_admit, CTL_ADMIT)
PB_DEFINE(ctl_addr, CTL_ADDR)
PB_DEFINE(ctl_now, CTL_NOW)
PB_DEFINE(ctl_over, CTL_OVER)
PB_DEFINE(ctl, CTL)

PB_DEFINE(dht_want, DHT_WANT)
PB_DEFINE(dht_item, DHT_ITEM)
PB_DEFINE(dht_done, DHT_DONE)
PB_DEFINE(dht_cancel, DHT_CANCEL)
PB_DEFINE(dht_say, DHT_SAY)

PB_DEFINE(envelope_msg, ENVELOPE_MSG)
PB_DEFINE(address_info, ADDRESS_INFO)
PB_DEFINE(peer_record, PEER_RECORD)

PB_DEFINE(ident_msg, IDENT_MSG)

PB_DEFINE(kad_peer, KAD_PEER)
PB_DEFINE(kad_record, KAD_RECORD)
PB_DEFINE(kad_msg, KAD_MSG)
PB_DEFINE(ipns_entry, IPNS_ENTRY)
PB_DEFINE(signed_value, SIGNED_VALUE)

PB_DEFINE(key_msg, KEY_MSG)

PB_DEFINE(noise_extensions, NOISE_EXTENSIONS)
PB_DEFINE(noise_payload, NOISE_PAYLOAD)

PB_DEFINE(sign_question, SIGN_QUESTION)
PB_DEFINE(sign_answer, SIGN_ANSWER)

PB_DEFINE(state_mss, STATE_MSS)
PB_DEFINE(state_stream, STATE_STREAM)
PB_DEFINE(state_yamux, STATE_YAMUX)
PB_DEFINE(state_conn, STATE_CONN)
