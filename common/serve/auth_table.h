/* auth_table.h - auth_check() on the header's text alone. */
#pragma once
#include "sos/serve/auth.h"

const struct auth_token *auth_check_header(struct auth *auth, const char *header,
                                           int64_t now_wall_ms);
