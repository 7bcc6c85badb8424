/* SPDX-License-Identifier: ISC */
#include "t/s3/rows.h"

static const char vary[] =
    "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
static const char rules[] =
    "<CORSConfiguration><CORSRule><AllowedOrigin>https://a.example"
    "</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET"
    "</AllowedMethod><AllowedHeader>x-amz-*</AllowedHeader><ExposeHeader>ETag"
    "</ExposeHeader><ExposeHeader>x-amz-meta-a</ExposeHeader><MaxAgeSeconds>"
    "600</MaxAgeSeconds></CORSRule><CORSRule><AllowedOrigin>*</AllowedOrigin>"
    "<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";

static void
begin(struct rig *g)
{
	rig_new(g);
	rig_ask(g, "PUT", "/box?cors", "", slice_text(rules));
	rig_is(g, 200, "", "rules are set");
	rig_put(g, "/box/k", slice_text("x"));
}

static void
preflight(void)
{
	static const struct {
		const char *lines;
		unsigned status;
		const char *origin, *methods, *headers, *age, *credentials;
	} asked[] = {
		{ "origin: https://a.example\n"
		  "access-control-request-method: PUT\n",
		    200, "https://a.example", "GET, PUT", "", "600", "true" },
		{ "origin: https://a.example\n"
		  "access-control-request-method: PUT\n"
		  "access-control-request-headers: x-amz-date, X-Amz-Meta-b\n",
		    200, "https://a.example", "GET, PUT",
		    "x-amz-date, X-Amz-Meta-b", "600", "true" },
		{ "origin: https://a.example\n"
		  "access-control-request-method: PUT\n"
		  "access-control-request-headers: content-type\n",
		    403, "", "", "", "", "" },
		{ "origin: https://a.example\n"
		  "access-control-request-method: DELETE\n",
		    403, "", "", "", "", "" },
		{ "origin: https://b.example\n"
		  "access-control-request-method: PUT\n",
		    403, "", "", "", "", "" },
		{ "origin: https://b.example\n"
		  "access-control-request-method: GET\n",
		    200, "*", "GET", "", "", "" },
		{ "origin: https://b.example\n", 400, "", "", "", "", "" },
		{ "access-control-request-method: GET\n", 400, "", "", "", "",
		    "" },
	};
	struct rig g;

	begin(&g);
	g.who = RIG_NOBODY;
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		rig_ask(&g, "OPTIONS", "/box/k", asked[i].lines,
		    (struct slice){ 0 });
		is_int(g.got.status, asked[i].status, "a preflight");
		is_text(rig_header(&g, "access-control-allow-origin"),
		    asked[i].origin, "from where");
		is_text(rig_header(&g, "access-control-allow-methods"),
		    asked[i].methods, "with what");
		is_text(rig_header(&g, "access-control-allow-headers"),
		    asked[i].headers, "which headers");
		is_text(rig_header(&g, "access-control-max-age"), asked[i].age,
		    "for how long");
		is_text(rig_header(&g, "access-control-allow-credentials"),
		    asked[i].credentials, "with credentials");
		is_text(rig_header(&g, "vary"), vary, "for caches");
	}
	rig_ask(&g, "OPTIONS", "/none/k", asked[5].lines, (struct slice){ 0 });
	rig_is(&g, 403, "AccessForbidden", "no bucket");
	rig_ask(&g, "OPTIONS", "/box", asked[5].lines, (struct slice){ 0 });
	rig_is(&g, 200, "", "of the bucket itself");
	g.who = RIG_ANN;
	rig_do(&g, "DELETE", "/box?cors");
	g.who = RIG_NOBODY;
	rig_ask(&g, "OPTIONS", "/box/k", asked[5].lines, (struct slice){ 0 });
	rig_is(&g, 403, "AccessForbidden", "no rules");
	is_text(rig_header(&g, "vary"), "", "nothing depends on anything");
	rig_free(&g);
}

static void
answers(void)
{
	static const struct {
		const char *method, *target, *lines;
		unsigned status;
		const char *origin, *exposed, *vary;
	} asked[] = {
		{ "GET", "/box/k", "origin: https://a.example\n", 200,
		    "https://a.example", "ETag, x-amz-meta-a", vary },
		{ "GET", "/box/k", "origin: https://b.example\n", 200, "*", "",
		    vary },
		{ "GET", "/box/k", "", 200, "", "", vary },
		{ "GET", "/box/none", "origin: https://a.example\n", 404,
		    "https://a.example", "ETag, x-amz-meta-a", vary },
		{ "PUT", "/box/new", "origin: https://a.example\n", 200,
		    "https://a.example", "ETag, x-amz-meta-a", vary },
		{ "PUT", "/box/new", "origin: https://b.example\n", 200, "", "",
		    vary },
		{ "DELETE", "/box/new", "origin: https://a.example\n", 204, "",
		    "", vary },
		{ "GET", "/box?list-type=2", "origin: https://c.example\n", 200,
		    "*", "", vary },
		{ "GET", "/none/k", "origin: https://a.example\n", 404, "", "",
		    "" },
		{ "GET", "/", "origin: https://a.example\n", 200, "", "", "" },
	};
	struct rig g;

	begin(&g);
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		rig_ask(&g, asked[i].method, asked[i].target, asked[i].lines,
		    (struct slice){ 0 });
		is_int(g.got.status, asked[i].status, asked[i].target);
		is_text(rig_header(&g, "access-control-allow-origin"),
		    asked[i].origin, "for whom");
		is_text(rig_header(&g, "access-control-expose-headers"),
		    asked[i].exposed, "what it sees");
		is_text(rig_header(&g, "vary"), asked[i].vary, "for caches");
	}
	g.who = RIG_NOBODY;
	rig_ask(&g, "GET", "/box/k", "origin: https://a.example\n",
	    (struct slice){ 0 });
	rig_is(&g, 403, "AccessDenied", "rules of pages are no rights");
	is_text(rig_header(&g, "access-control-allow-origin"),
	    "https://a.example", "but the page may read the refusal");
	rig_free(&g);
}

int
main(void)
{
	preflight();
	answers();
	return tap_done();
}
