/* SPDX-License-Identifier: ISC
 *
 * Node certificates and requests for them: payloads of signed envelopes
 * (node.cert(5)).  Times are seconds since 1970. */
#ifndef WIRE_MSG_CERT_H
#define WIRE_MSG_CERT_H

#include "wire/pb.h"

enum cert_role { CERT_ANCHOR = 1, CERT_SERVER, CERT_ADMIN, CERT_OPERATOR };

#define CERT_BODY(F, T)                                                       \
	F(T, BYTES, 1, serial, 0, 20)                                         \
	F(T, BYTES, 2, subject, 0, 64)                                        \
	F(T, UINT, 3, role, 0, 0)                                             \
	F(T, UINT, 4, tier, 0, 0)                                             \
	F(T, BYTES, 5, tenancy, 0, 64)                                        \
	F(T, BYTES, 6, operator, 0, 64)                                       \
	F(T, BYTES, 7, geo_zone, 0, 64)                                       \
	F(T, UINT, 8, max_total_gb, 0, 0)                                     \
	F(T, UINT, 9, not_before, 0, 0)                                       \
	F(T, UINT, 10, not_after, 0, 0)                                       \
	F(T, BYTES, 11, issuer, 0, 64)
PB_DECLARE(cert_body, CERT_BODY)

/* What a node asks for: the issuer decides the rest. */
#define CERT_REQUEST(F, T)                                                    \
	F(T, BYTES, 2, subject, 0, 64)                                        \
	F(T, UINT, 3, role, 0, 0)                                             \
	F(T, UINT, 4, tier, 0, 0)                                             \
	F(T, BYTES, 5, tenancy, 0, 64)                                        \
	F(T, BYTES, 6, operator, 0, 64)                                       \
	F(T, BYTES, 7, geo_zone, 0, 64)                                       \
	F(T, UINT, 8, max_total_gb, 0, 0)                                     \
	F(T, UINT, 9, made, 0, 0)
PB_DECLARE(cert_request, CERT_REQUEST)

#endif
