/* golang.h - what a repository's own Go modules are, as told by what is stored.  Blocks. */
#pragma once
#include "store/core/golang.h"
#include "store/disk/index.h"

enum { GOLANG_VERSIONS_MAX = 20000 };

/* Versions of a module. */
struct golang_versions {
    char (*list)[GOLANG_VERSION_MAX + 1];
    size_t count;
};
void golang_versions_done(struct golang_versions *versions);
/* -ERR_LIMIT */
int golang_versions_add(struct golang_versions *versions, const char *version, struct err *err);
/* The oldest first, without doubles. */
void golang_versions_sort(struct golang_versions *versions);

/* Add those of which the zip and the go.mod are in the repository. */
int golang_local_versions(struct db *reader, const char *repo, const struct golang_path *path,
                          struct golang_versions *ret, struct err *err);
/* When the zip of that version was stored.  -ERR_NOT_FOUND. */
int golang_local_time(struct db *reader, const char *repo, const char *folder, const char *version,
                      int64_t *ret_ms, struct err *err);
