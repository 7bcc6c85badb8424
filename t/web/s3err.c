/* SPDX-License-Identifier: ISC */
#include "web/s3err.h"
#include "t/tap.h"

static const char head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

static bool
is_code(const char *code)
{
	for (; *code; code++)
		if (!(*code >= 'A' && *code <= 'Z') &&
		    !(*code >= 'a' && *code <= 'z') &&
		    !(*code >= '0' && *code <= '9'))
			return false;
	return true;
}

/* Clients retry 5xx, so only what may pass is one (and what we do not have). */
static void
test_table(void)
{
	for (unsigned e = S3ERR_OK + 1; e < S3ERR_N; e++) {
		unsigned status = s3err_status(e);
		const char *code = s3err_code(e), *say = s3err_sentence(e);

		ok(status >= 300 && status < 600 && *code && is_code(code) &&
			*say && say[strlen(say) - 1] == '.',
		    "%s: %u %s", code, status, say);
	}
	is_int(s3err_status(S3ERR_QUOTA), 403, "a quota is no reason to retry");
	is_int(s3err_status(S3ERR_N), 500, "what is no error is ours");
	is_text(s3err_code((enum s3err) - 1), "InternalError", "and says so");
}

static void
test_xml(void)
{
	struct buf out = { .max = 4096 }, want = { .max = 4096 };

	put_text(&want, head);
	put_text(&want, "<Error><Code>NoSuchKey</Code>"
			"<Message>There is no such key.</Message>"
			"<Resource>/b/&lt;a&gt;&amp;</Resource>"
			"<RequestId>17</RequestId><Key>k</Key></Error>");
	s3err_xml(&out, S3ERR_NO_SUCH_KEY, NULL, slice_text("/b/<a>&"), "17",
	    slice_text("<Key>k</Key>"));
	is_bytes(out.p, out.n, want.p, want.n, "the table's sentence");
	buf_cut(&out, 0);
	buf_cut(&want, 0);
	put_text(&want, head);
	put_text(&want,
	    "<Error><Code>InvalidArgument</Code>"
	    "<Message>max-keys &quot;x&quot;</Message><Resource></Resource>"
	    "<RequestId></RequestId></Error>");
	s3err_xml(&out, S3ERR_INVALID_ARGUMENT, "max-keys \"x\"",
	    slice_of(NULL, 0), NULL, slice_of(NULL, 0));
	is_bytes(out.p, out.n, want.p, want.n, "a sentence of the caller's");
	buf_free(&out);
	buf_free(&want);
}

int
main(void)
{
	test_table();
	test_xml();
	return tap_done();
}
