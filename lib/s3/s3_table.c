/* SPDX-License-Identifier: ISC */
#include "s3/s3_own.h"

#define NOTHING(fn)                                                            \
	{                                                                      \
		S3_TAKES_NOTHING, fn, NULL                                     \
	}
#define XML(fn)                                                                \
	{                                                                      \
		S3_TAKES_XML, NULL, fn                                         \
	}
#define CONTENT(fn)                                                            \
	{                                                                      \
		S3_TAKES_CONTENT, fn, NULL                                     \
	}

/* clang-format off */
const struct s3_handler s3_handlers[S3OP_N] = {
	[S3OP_LIST_BUCKETS] = NOTHING(s3_list_buckets),
	[S3OP_CREATE_BUCKET] = XML(s3_bucket_create),
	[S3OP_DELETE_BUCKET] = NOTHING(s3_bucket_delete),
	[S3OP_HEAD_BUCKET] = NOTHING(s3_bucket_head),
	[S3OP_GET_LOCATION] = NOTHING(s3_bucket_location),
	[S3OP_LIST_OBJECTS] = NOTHING(s3_list_objects),
	[S3OP_LIST_OBJECTS_V2] = NOTHING(s3_list_objects),
	[S3OP_LIST_VERSIONS] = NOTHING(s3_list_versions),
	[S3OP_LIST_UPLOADS] = NOTHING(s3_list_uploads),
	[S3OP_DELETE_OBJECTS] = XML(s3_deletes),
	[S3OP_POST_OBJECT] = CONTENT(s3_form_post),
	[S3OP_GET_CORS] = NOTHING(s3_config_get),
	[S3OP_PUT_CORS] = XML(s3_config_put),
	[S3OP_DELETE_CORS] = NOTHING(s3_config_delete),
	[S3OP_GET_VERSIONING] = NOTHING(s3_config_get),
	[S3OP_PUT_VERSIONING] = XML(s3_config_put),
	[S3OP_GET_LIFECYCLE] = NOTHING(s3_config_get),
	[S3OP_PUT_LIFECYCLE] = XML(s3_config_put),
	[S3OP_DELETE_LIFECYCLE] = NOTHING(s3_config_delete),
	[S3OP_GET_BUCKET_TAGGING] = NOTHING(s3_config_get),
	[S3OP_PUT_BUCKET_TAGGING] = XML(s3_config_put),
	[S3OP_DELETE_BUCKET_TAGGING] = NOTHING(s3_config_delete),
	[S3OP_GET_BUCKET_ACL] = NOTHING(s3_acl_get),
	[S3OP_PUT_BUCKET_ACL] = XML(s3_acl_put),
	[S3OP_GET_BUCKET_POLICY_STATUS] = NOTHING(s3_policy_status),
	[S3OP_GET_OBJECT] = NOTHING(s3_object_get),
	[S3OP_HEAD_OBJECT] = NOTHING(s3_object_get),
	[S3OP_GET_ATTRIBUTES] = NOTHING(s3_object_attributes),
	[S3OP_GET_OBJECT_ACL] = NOTHING(s3_acl_get),
	[S3OP_PUT_OBJECT_ACL] = XML(s3_acl_put),
	[S3OP_GET_TAGGING] = NOTHING(s3_tagging_get),
	[S3OP_PUT_TAGGING] = XML(s3_tagging_put),
	[S3OP_DELETE_TAGGING] = NOTHING(s3_tagging_delete),
	[S3OP_PUT_OBJECT] = CONTENT(s3_object_put),
	[S3OP_COPY_OBJECT] = NOTHING(s3_copy_object),
	[S3OP_DELETE_OBJECT] = NOTHING(s3_object_delete),
	[S3OP_CREATE_UPLOAD] = NOTHING(s3_upload_create),
	[S3OP_UPLOAD_PART] = CONTENT(s3_upload_part),
	[S3OP_COPY_PART] = NOTHING(s3_copy_part),
	[S3OP_COMPLETE_UPLOAD] =
	    { S3_TAKES_XML, s3_upload_complete_begin, s3_upload_complete },
	[S3OP_ABORT_UPLOAD] = NOTHING(s3_upload_abort),
	[S3OP_LIST_PARTS] = NOTHING(s3_list_parts),
	[S3OP_PREFLIGHT] = NOTHING(s3_preflight),
	[S3OP_ADMIN] = { S3_TAKES_XML, s3_admin_begin, s3_admin_end },
};
/* clang-format on */
