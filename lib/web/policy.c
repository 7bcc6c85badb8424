/* SPDX-License-Identifier: ISC
 *
 * The policy of an upload by form (AWS S3 API reference, "Creating a POST
 * policy"): what the signer allowed the browser to send. */
#include "base/table.h"
#include "web/form.h"
#include "web/text.h"
#include "web/when.h"

#include <jansson.h>
#include <string.h>

enum { CONDITIONS = 200 };

struct judge {
	const struct form *form;
	struct slice bucket, key;
	struct form_limits *limits;
	struct buf *why;
	bool bucket_named;
	bool named[FORM_FIELDS]; /* fields that a condition is about */
};

/* what and the field, as a sentence */
static enum s3err
no(struct judge *j, enum s3err e, const char *what, struct slice field)
{
	put_text(j->why, e == S3ERR_POLICY_DENIED
			     ? "The policy does not allow this upload: "
			     : "The policy is not valid: ");
	put_text(j->why, what);
	put_slice(j->why, field);
	put_text(j->why, ".");
	return e;
}

static enum s3err
invalid(struct judge *j, const char *what)
{
	return no(j, S3ERR_INVALID_POLICY, what, slice_of(NULL, 0));
}

static struct slice
string_of(const json_t *v)
{
	return slice_of(json_string_value(v), json_string_length(v));
}

/* What the form has for this name; it counts as named by the policy.  The key
 * and the bucket are what the request will use, not what the form says. */
static struct slice
value_of(struct judge *j, struct slice name)
{
	struct slice value = { 0 };
	const struct http_field *fields;
	size_t n = form_fields(j->form, &fields);

	for (size_t i = 0; i < n; i++)
		if (http_name_eq(fields[i].name, name)) {
			j->named[i] = true;
			value = fields[i].value;
		}
	if (http_name_is(name, "bucket")) {
		j->bucket_named = true;
		return j->bucket;
	}
	return http_name_is(name, "key") ? j->key : value;
}

static bool
each_begins(struct slice list, struct slice front)
{
	struct slice item;

	while (text_next(&list, ',', &item))
		if (!text_begins(text_trim(item), front))
			return false;
	return true;
}

static bool
begins(struct slice name, struct slice value, struct slice front)
{
	if (text_begins(value, front))
		return !http_name_is(name, "content-type") ||
		       each_begins(value, front);
	return false;
}

static enum s3err
check(struct judge *j, bool exact, struct slice name, struct slice want)
{
	struct slice value = value_of(j, name);

	if (exact ? slice_eq(value, want) : begins(name, value, want))
		return S3ERR_OK;
	return no(j, S3ERR_POLICY_DENIED, "it wants another ", name);
}

/* { "name": "value" } */
static enum s3err
check_object(struct judge *j, json_t *condition)
{
	const char *name;
	json_t *value;

	if (json_object_size(condition) != 1)
		return invalid(j, "a condition has not one member");
	name = json_object_iter_key(json_object_iter(condition));
	value = json_object_iter_value(json_object_iter(condition));
	if (!json_is_string(value))
		return invalid(j, "a condition's value is no string");
	return check(j, true, slice_text(name), string_of(value));
}

/* Numbers, or strings of digits. */
static int
number(const json_t *v, uint64_t *out)
{
	if (json_is_string(v))
		return text_uint(string_of(v), INT64_MAX, out);
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return -1;
	*out = (uint64_t)json_integer_value(v);
	return 0;
}

static enum s3err
check_length(struct judge *j, const json_t *condition)
{
	uint64_t least, most;

	if (number(json_array_get(condition, 1), &least) < 0 ||
	    number(json_array_get(condition, 2), &most) < 0 || least > most)
		return invalid(j, "content-length-range has no range");
	if (least > j->limits->least)
		j->limits->least = least;
	if (most < j->limits->most)
		j->limits->most = most;
	return S3ERR_OK;
}

/* [ "eq" or "starts-with", "$name", "value" ] */
static enum s3err
check_array(struct judge *j, const json_t *condition)
{
	struct slice word = string_of(json_array_get(condition, 0));
	struct slice name = string_of(json_array_get(condition, 1));
	const json_t *value = json_array_get(condition, 2);
	bool exact = http_name_is(word, "eq");

	if (json_array_size(condition) != 3)
		return invalid(j, "a condition has not three elements");
	if (http_name_is(word, "content-length-range"))
		return check_length(j, condition);
	if (!exact && !http_name_is(word, "starts-with"))
		return invalid(j, "a condition is none of eq, starts-with, "
				  "content-length-range");
	if (get_u8(&name) != '$' || name.n == 0 || !json_is_string(value))
		return invalid(j, "a condition has no $name or no string");
	return check(j, exact, name, string_of(value));
}

static enum s3err
check_conditions(struct judge *j, const json_t *conditions)
{
	enum s3err e = S3ERR_OK;

	if (!json_is_array(conditions))
		return invalid(j, "it has no conditions");
	if (json_array_size(conditions) > CONDITIONS)
		return invalid(j, "it has too many conditions");
	for (size_t i = 0; e == S3ERR_OK && i < json_array_size(conditions);
	     i++) {
		json_t *one = json_array_get(conditions, i);

		if (json_is_object(one))
			e = check_object(j, one);
		else if (json_is_array(one))
			e = check_array(j, one);
		else
			e = invalid(j, "a condition is no object or array");
	}
	return e;
}

static bool
is_exempt(struct slice name)
{
	static const char *const names[] = { "x-amz-signature", "file",
		"policy" };

	for (size_t i = 0; i < N(names); i++)
		if (http_name_is(name, names[i]))
			return true;
	return text_begins_nocase(name, slice_text("x-ignore-"));
}

/* What the policy is silent about may not be sent, and without a word on the
 * bucket it would be good for each of them. */
static enum s3err
check_named(struct judge *j)
{
	const struct http_field *fields;
	size_t n = form_fields(j->form, &fields);

	for (size_t i = 0; i < n; i++)
		if (!j->named[i] && !is_exempt(fields[i].name))
			return no(j, S3ERR_POLICY_DENIED,
			    "it does not mention ", fields[i].name);
	if (!j->bucket_named)
		return no(j, S3ERR_POLICY_DENIED, "it does not mention ",
		    slice_text("bucket"));
	return S3ERR_OK;
}

static enum s3err
check_all(struct judge *j, const json_t *policy, int64_t now)
{
	const json_t *end = json_object_get(policy, "expiration");
	int64_t at = json_is_string(end) ? when_parse_iso(string_of(end)) : -1;
	enum s3err e;

	if (!json_is_object(policy))
		return invalid(j, "it is no JSON object");
	if (at < 0)
		return invalid(j, "it has no expiration in ISO 8601");
	e = check_conditions(j, json_object_get(policy, "conditions"));
	if (e == S3ERR_INVALID_POLICY)
		return e;
	if (at <= now) {
		buf_cut(j->why, 0);
		return no(j, S3ERR_POLICY_DENIED, "it has expired",
		    slice_of(NULL, 0));
	}
	return e == S3ERR_OK ? check_named(j) : e;
}

enum s3err
form_policy(const struct form *form, struct slice policy_json,
    struct slice bucket, struct slice key, int64_t now,
    struct form_limits *limits, struct buf *why)
{
	struct judge j = { .form = form,
		.bucket = bucket,
		.key = key,
		.limits = limits,
		.why = why };
	json_error_t error;
	json_t *policy;
	enum s3err e;

	*limits = (struct form_limits){ 0, UINT64_MAX };
	policy = json_loadb((const char *)policy_json.p, policy_json.n,
	    JSON_REJECT_DUPLICATES, &error);
	e = check_all(&j, policy, now);
	json_decref(policy);
	return e;
}
