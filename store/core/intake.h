/* intake.h - what a local repository takes at a path, whichever call puts it there. */
#pragma once
#include "store/core/path.h"
#include "store/core/repo.h"

/* 0: as any other file or folder; 1: it is taken and not kept, since the store makes it itself
 * (maven-metadata.xml and its checksums); -ERR_CONFLICT: it is not taken. */
int intake_check(const struct repository *repository, const struct item_path *at, struct err *err);
