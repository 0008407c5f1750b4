/* vcs.h - what git says of a folder; git is asked only for facts and is not
 * needed: without it, or outside of a work tree, every field stays empty. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct vcs {
    char commit[72];
    char branch[128];
    char url[300];      /* of the remote "origin", without user and password */
    char describe[128]; /* "v1.2.3", "v1.2.3-4-gabcdef1", or a short commit */
    int64_t commit_time_s;
    bool dirty;            /* something differs from the commit, or is untracked */
    char dirty_paths[200]; /* the first few */
};

void vcs_read(const char *root, struct vcs *ret);
