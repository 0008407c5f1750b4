/* page.h - a folder as a plain HTML page, for people. */
#pragma once
#include "store/disk/index.h"

/* Pool thread; gives. */
int page_write(struct db *reader, const struct item_path *folder, char **ret, struct err *err);
