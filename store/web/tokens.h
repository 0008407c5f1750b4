/* tokens.h - what calls about tokens share. */
#pragma once
#include <jansson.h>

#include "store/web/call.h"

enum { TOKEN_BODY_MAX = 16 << 10 };

/* The object that the body is, JSON or a form; gives.  With err->code set it may be NULL. */
json_t *token_body_json(struct http_request *request, const char *body, size_t len,
                        struct err *err);
/* Nobody has no tokens, whatever he may read; false: he was told so. */
bool token_is_somebody(struct call *call);
