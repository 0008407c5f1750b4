/* collect.h - take the artifact out of a finished build's folder.
 *
 * Everything in that folder is an enemy's until proven: files are opened beneath it without
 * following a link and without waiting (a fifo blocks nobody), must be regular, owned by the
 * build's user, have one link, a plain name and an allowed apparent size.  They are copied while
 * hashed into a folder that the build never could reach, and only the copy is used from then on
 * (CVE-2024-27297, CVE-2026-39860).  No process of the build may be alive. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "sos/base/digest.h"
#include "sos/base/err.h"
#include "sos/v1.h"

enum { COLLECT_FILES_MAX = 64, COLLECT_NAME_MAX = 128 };

/* Plain bytes: it passes between the processes of one slot. */
struct collected {
    size_t count;
    struct collected_file {
        char name[COLLECT_NAME_MAX + 1];
        struct digests digests;
    } files[COLLECT_FILES_MAX];
};

/* Copy the files of <out_dir>/artifact, which `uid` must own, to `target_dir`, which must be empty.
 * On refusal -ERR_INVALID with the reason ARTIFACT_MISSING, ARTIFACT_REFUSED or ARTIFACT_TOO_BIG.
 */
int collect_copy(const char *out_dir, uid_t uid, const struct sos_limits *limits,
                 const char *target_dir, struct collected *ret, struct err *err);
/* [A-Za-z0-9][A-Za-z0-9._+-]*, at most COLLECT_NAME_MAX bytes. */
int collect_name_check(const char *name, struct err *err);
