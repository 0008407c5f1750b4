/* hot.h - what is asked for again and again, answered on the loop without a hop to a strand.
 *
 * An entry is good as long as nothing was committed since its item was read: any commit ends them
 * all, so that nobody is ever told of what was before a change he was told of.  Bytes of small
 * files are kept as they were when they were hashed.  Loop thread only; bounded in entries and
 * bytes. */
#pragma once
#include <stdbool.h>

#include "sos/serve/http.h"
#include "store/disk/index.h"

struct hot;

struct hot *hot_new(void);
void hot_free(struct hot *hot);
/* The item at that path, if it is known as of commit number `commits`; borrowed until the next
 * call.  *ret_bytes and *ret_reply: of a small file, borrowed too; NULL: it is large. */
const struct item *hot_find(struct hot *hot, const struct item_path *at, int64_t commits,
                            const char **ret_bytes, struct http_reply **ret_reply);
/* The answer with these bytes, which it takes. */
typedef struct http_reply *(*hot_reply_fn)(const struct item *item, char *bytes);
/* Keep an item that was read when `commits` were done; of a small file its bytes are read from
 * `fd`, and made an answer that is given again and again. */
void hot_keep(struct hot *hot, const struct item *item, int64_t commits, int fd,
              hot_reply_fn reply);
