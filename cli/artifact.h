/* artifact.h - fetch an artifact's files and prove them. */
#pragma once
#include "cli/cli.h"

/* Download every file of the artifact to `output` (a file when it has one and `output` is no
 * folder, else a folder), verified by SHA-256 before it gets its name.  Prints each path on
 * standard output.  A mismatch is -ERR_CONFLICT with the reason INTEGRITY. */
int artifact_download(struct cli *cli, const struct sos_artifact *artifact, const char *output,
                      struct err *err);
/* "name@version" or "name" (its newest): the artifact; the caller owns it. */
int artifact_find(struct cli *cli, const char *text, struct sos_artifact *ret, struct err *err);
/* POST …:cancel */
int cancel_build(struct cli *cli, const char *id, const char *reason, struct err *err);
