/* transfer.h - what may be copied or moved where. */
#pragma once
#include "store/web/store.h"

struct transfer_ends {
    const struct store *store;
    const char *from; /* the source's repository */
};

/* A transfer_rule_fn; `ctx` is a struct transfer_ends. */
int transfer_rule(void *ctx, const struct item_path *at, struct err *err);
