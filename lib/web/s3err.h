/* SPDX-License-Identifier: ISC
 *
 * S3's errors: one table of code, HTTP status and sentence.  (AWS S3 API
 * reference, "Error responses".)  SDKs act on the code and retry 5xx, so a
 * refusal that will not change is 4xx. */
#ifndef WEB_S3ERR_H
#define WEB_S3ERR_H

#include "base/buf.h"

/* clang-format off */
#define S3ERR_LIST(R) \
	R(OK,                     200, "", "") \
	R(ACCESS_DENIED,          403, "AccessDenied", "Access denied.") \
	R(ANONYMOUS,              403, "AccessDenied", "Anonymous access is not allowed here; sign the request.") \
	R(EXPIRED,                403, "AccessDenied", "Request has expired.") \
	R(EARLY,                  403, "AccessDenied", "Request is not valid yet.") \
	R(NO_DATE,                403, "AccessDenied", "The request has no valid x-amz-date or Date.") \
	R(UNSIGNED_HEADER,        403, "AccessDenied", "There were headers present in the request which were not signed.") \
	R(AUTH_MALFORMED,         400, "AuthorizationHeaderMalformed", "The authorization header is malformed.") \
	R(AUTH_QUERY,             400, "AuthorizationQueryParametersError", "The query's authorization parameters are malformed.") \
	R(BAD_DIGEST,             400, "BadDigest", "The Content-MD5 or checksum value that you specified did not match what the server received.") \
	R(BUCKET_EXISTS,          409, "BucketAlreadyExists", "A bucket of this name belongs to somebody else.") \
	R(BUCKET_OWNED,           409, "BucketAlreadyOwnedByYou", "You have this bucket already.") \
	R(BUCKET_NOT_EMPTY,       409, "BucketNotEmpty", "The bucket is not empty.") \
	R(COND_CONFLICT,          409, "ConditionalRequestConflict", "Another request changed the object meanwhile.") \
	R(EGRESS_QUOTA,           403, "EgressQuotaExceeded", "This month's egress allowance does not hold this download.") \
	R(ENTITY_TOO_LARGE,       400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.") \
	R(ENTITY_TOO_SMALL,       400, "EntityTooSmall", "A part is smaller than 5 MiB and not the last.") \
	R(INCOMPLETE_BODY,        400, "IncompleteBody", "The body has not the number of bytes that was announced.") \
	R(INTERNAL,               500, "InternalError", "The server failed; try again.") \
	R(INVALID_KEY_ID,         403, "InvalidAccessKeyId", "There is no such access key.") \
	R(INVALID_ARGUMENT,       400, "InvalidArgument", "Invalid argument.") \
	R(INVALID_BUCKET_NAME,    400, "InvalidBucketName", "The bucket's name is not valid.") \
	R(INVALID_CHUNK,          403, "InvalidChunkSizeError", "Only the last chunk may be smaller than 8192 bytes.") \
	R(INVALID_DIGEST,         400, "InvalidDigest", "The Content-MD5 is not valid.") \
	R(INVALID_OBJECT_NAME,    400, "InvalidObjectName", "The key is not valid UTF-8, empty, or holds a NUL.") \
	R(INVALID_PART,           400, "InvalidPart", "A part is not there, or its ETag or checksum is another.") \
	R(INVALID_PART_ORDER,     400, "InvalidPartOrder", "The parts are not in ascending order.") \
	R(INVALID_POLICY,         400, "InvalidPolicyDocument", "The form's policy is not valid.") \
	R(INVALID_RANGE,          416, "InvalidRange", "The requested range is not satisfiable.") \
	R(INVALID_REQUEST,        400, "InvalidRequest", "The request is not valid.") \
	R(INVALID_STORAGE_CLASS,  400, "InvalidStorageClass", "The storage class is not valid.") \
	R(INVALID_TAG,            400, "InvalidTag", "A tag is not valid.") \
	R(KEY_TOO_LONG,           400, "KeyTooLongError", "Your key is longer than 1024 bytes.") \
	R(MALFORMED_POST,         400, "MalformedPOSTRequest", "The body is no well-formed multipart/form-data.") \
	R(MALFORMED_TRAILER,      400, "MalformedTrailerError", "The trailer is not what was announced.") \
	R(MALFORMED_XML,          400, "MalformedXML", "The XML is not well-formed, or not what this operation takes.") \
	R(MALFORMED_URI,          400, "InvalidURI", "The request's target cannot be parsed.") \
	R(MAX_MESSAGE,            400, "MaxMessageLengthExceeded", "Your request was too big.") \
	R(METADATA_TOO_LARGE,     400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed size.") \
	R(METHOD_NOT_ALLOWED,     405, "MethodNotAllowed", "The method is not allowed against this resource.") \
	R(MISSING_LENGTH,         411, "MissingContentLength", "You must provide the Content-Length.") \
	R(NO_SUCH_BUCKET,         404, "NoSuchBucket", "There is no such bucket.") \
	R(NO_SUCH_CORS,           404, "NoSuchCORSConfiguration", "The bucket has no CORS configuration.") \
	R(NO_SUCH_KEY,            404, "NoSuchKey", "There is no such key.") \
	R(NO_SUCH_LIFECYCLE,      404, "NoSuchLifecycleConfiguration", "The bucket has no lifecycle configuration.") \
	R(NO_SUCH_TAG_SET,        404, "NoSuchTagSet", "There are no tags.") \
	R(NO_SUCH_UPLOAD,         404, "NoSuchUpload", "There is no such multipart upload.") \
	R(NO_SUCH_VERSION,        404, "NoSuchVersion", "There is no such version.") \
	R(NOT_IMPLEMENTED,        501, "NotImplemented", "This server does not have that operation.") \
	R(NOT_MODIFIED,           304, "NotModified", "Not modified.") \
	R(POLICY_DENIED,          403, "AccessDenied", "The form's policy does not allow this upload.") \
	R(PRECONDITION,           412, "PreconditionFailed", "A precondition does not hold.") \
	R(QUOTA,                  403, "QuotaExceeded", "The upload does not fit into what this tenant may store.") \
	R(SHA_MISMATCH,           400, "XAmzContentSHA256Mismatch", "The body is not what x-amz-content-sha256 says.") \
	R(SIGNATURE,              403, "SignatureDoesNotMatch", "The signature does not match; CanonicalRequest shows what this server saw.") \
	R(SKEWED,                 403, "RequestTimeTooSkewed", "The request's time and the server's differ too much.") \
	R(SLOW_DOWN,              503, "SlowDown", "Too much at once; try again more slowly.") \
	R(STORAGE_FULL,           507, "InsufficientStorage", "The disk of this node is full; reads and deletes go on.") \
	R(UNAVAILABLE,            503, "ServiceUnavailable", "The store cannot be written to at the moment.") \
	R(DRAINING,               503, "ServiceUnavailable", "This node takes no changes for now.") \
	R(CORS_FORBIDDEN,         403, "AccessForbidden", "CORSResponse: no rule of this bucket allows it.") \
	R(TOO_MANY_BUCKETS,       400, "TooManyBuckets", "No more buckets may be made.") \
	R(BAD_STATE,              409, "InvalidBucketState", "The request is not valid with the state of the bucket.")
/* clang-format on */

enum s3err {
#define R(name, status, code, sentence) S3ERR_##name,
	S3ERR_LIST(R)
#undef R
	    S3ERR_N
};

unsigned s3err_status(enum s3err);
const char *s3err_code(enum s3err);
const char *s3err_sentence(enum s3err);

/* The error's XML.  extra: bytes of further elements, may be empty; sentence
 * NULL: the table's. */
void s3err_xml(struct buf *, enum s3err, const char *sentence,
    struct slice resource, const char *request_id, struct slice extra);

#endif
