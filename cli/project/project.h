/* project.h - all that is known of a project before a byte is sent. */
#pragma once
#include "cli/project/detect.h"
#include "cli/project/findings.h"
#include "cli/project/vcs.h"
#include "cli/project/walk.h"

/* What the user said; NULL or "" where nothing was said.  Flags outrank sos.yaml, which
 * outranks what the project's files say. */
struct project_wish {
    const char *name;
    const char *version;
    const char *language;
    const char *image;
    const char *entry;
    const char *const *skip_checks; /* ids */
    size_t skip_checks_count;
    bool strict; /* warnings are errors */
};

struct project {
    char *root;
    struct detection detection;
    char *name, *name_from;
    char *version, *version_from;
    char *entry, *entry_from; /* "" when the recipe is to find it */
    struct vcs vcs;
    struct walk walk;
    char id[TREE_ID_MAX]; /* of the source */
    int64_t epoch_s;      /* newest change of the source; 1980 when nothing tells */
    struct findings findings;
};

/* Looks at the folder `root`.  `images` is borrowed for as long as the project is used.  Fails only
 * where nothing can be said; what is wrong with the project itself is in its findings. */
int project_read(const char *root, const struct sos_list_images_response *images,
                 const struct project_wish *wish, struct project *ret, struct err *err);
void project_done(struct project *project);
