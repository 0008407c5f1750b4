/* walk.h - a project's folder becomes a manifest: every file that is sent, hashed. */
#pragma once
#include <stdint.h>

#include "cli/project/ignore.h"
#include "sos/base/err.h"
#include "sos/base/tree.h"

struct walk {
    struct tree tree;
    int64_t excluded; /* files and folders left out */
    struct walk_oddity *oddities;
    size_t oddities_count;
};

/* A thing that cannot be sent as it is; the checks say it to the user. */
enum walk_oddity_kind { WALK_BAD_NAME, WALK_BAD_LINK, WALK_SPECIAL, WALK_UNREADABLE };
struct walk_oddity {
    enum walk_oddity_kind kind;
    char *path;
    char *detail;
};

/* `root` is a real path (realpath(3)); when it is a part of a git work tree, the ignore rules above
 * it hold too.  `excludes` (count) are the image's.  Fails only when the folder itself cannot be
 * read or a cap is reached.  The caller owns *ret (walk_done()). */
int walk_project(const char *root, char *const *excludes, size_t excludes_count, struct walk *ret,
                 struct err *err);
void walk_done(struct walk *walk);
