/* reach.h - where a request may lead when a stranger chose the server: a page that names files on
 * other hosts, a redirect.  Public addresses, and what the operator lists: never by itself this
 * machine, its link, or the private network around it. */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>

#include "sos/base/err.h"

struct reach;

/* `list`: HOST, HOST:PORT, ADDRESS or ADDRESS/BITS, with commas or line ends between.  The caller
 * owns *ret.  -ERR_INVALID: one is none of these. */
int reach_parse(const char *list, struct reach **ret, struct err *err);
void reach_free(struct reach *reach);

/* "10.0.0.1", "::1" or "[::1]": no name.  The port of *ret is 0. */
bool reach_address(const char *text, struct sockaddr_storage *ret);
/* May `host` (as the URL has it), found to be at `address`, be reached?  `reach` may be NULL. */
bool reach_allows(const struct reach *reach, const char *host, int port,
                  const struct sockaddr *address);
/* Not of this machine, its link, a private network (RFC 1918, 4193, 6598), a group or nobody; what
 * stands for an IPv4 address (mapped, NAT64, 6to4) is as that one. */
bool reach_is_public(const struct sockaddr *address);
