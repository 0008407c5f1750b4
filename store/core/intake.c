#include "store/core/intake.h"

#include <string.h>

#include "store/core/build_info.h"
#include "store/core/errors.h"
#include "store/core/maven_path.h"
#include "store/core/names.h"

static int maven_check(const struct repository *repository, const struct item_path *at,
                       struct err *err)
{
    if (!maven_policy_allows(at, repository->no_snapshots, repository->no_releases))
        return err_set(err, ERR_CONFLICT,
                       "The repository '%.20s' rejected the artifact '%s:%.80s' due to conflict in"
                       " the snapshot release handling policy.",
                       at->repo, at->repo, at->path);
    return maven_document_of(at, NULL) != MAVEN_NO_DOCUMENT;
}

int intake_check(const struct repository *repository, const struct item_path *at, struct err *err)
{
    if (strcmp(at->repo, BUILD_REPO) == 0)
        return err_set(err, ERR_CONFLICT, "%s", TEXT_BUILD_REPO);
    if (!repo_admits(repository, at))
        return err_set(err, ERR_CONFLICT,
                       "The repository '%.20s' rejected the artifact '%s:%.80s' due to conflict"
                       " with its include/exclude patterns.",
                       repository->key, repository->key, at->path);
    if (repository->type == REPO_NPM && item_is_npm_own(at))
        return err_set(err, ERR_CONFLICT, "What lies in .npm is written by publishing alone");
    return repository->type == REPO_MAVEN ? maven_check(repository, at, err) : 0;
}
