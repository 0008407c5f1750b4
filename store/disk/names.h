/* names.h - which names a local repository has (store/core/names.h). */
#pragma once
#include "store/core/names.h"
#include "store/disk/index.h"

/* 1: the repository has that name: its folder is there, with anything in it or without; and when it
 * is one of `kind` NAME_PERHAPS, a folder in it holds a file, or nothing does.  0: it has not. */
int names_has(struct db *reader, const char *repo, enum name_kind kind, const char *name,
              struct err *err);
