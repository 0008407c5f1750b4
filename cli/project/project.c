#include "cli/project/project.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "cli/project/checks.h"
#include "cli/project/facts.h"
#include "sos/base/auto.h"

enum { NAME_MAX_LEN = 64, VERSION_MAX_LEN = 128 };
static const int64_t EPOCH_1980_S = 315532800; /* the earliest that a zip file can hold */

/* "Org.Name Service" -> "org.name-service": the farm's names are [a-z0-9][a-z0-9._-]*. */
static char *name_clean(const char *raw)
{
    char *name = xstrdup(raw[0] == '@' && strchr(raw, '/') ? strchr(raw, '/') + 1 : raw);
    for (char *p = name; *p; p++) {
        *p = (char)tolower((unsigned char)*p);
        if (!isalnum((unsigned char)*p) && *p != '.' && *p != '_' && *p != '-')
            *p = '-';
    }
    char *start = name + strspn(name, "._-");
    memmove(name, start, strlen(start) + 1);
    if (strlen(name) > NAME_MAX_LEN)
        name[NAME_MAX_LEN] = '\0';
    return name;
}

static char *version_clean(const char *raw)
{
    char *version = xstrdup(raw);
    for (char *p = version; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._+-", *p))
            *p = '-';
    char *start = version + strspn(version, "._+-");
    memmove(version, start, strlen(start) + 1);
    if (strlen(version) > VERSION_MAX_LEN)
        version[VERSION_MAX_LEN] = '\0';
    return version;
}

/* What was wished, else what the files say: 0 found, 1 nothing, < 0 unreadable. */
static int settle(const struct project *project, const char *wished, enum sos_fact_rule_fact fact,
                  char **ret_value, char **ret_from, struct err *err)
{
    if (wished && wished[0]) {
        *ret_value = xstrdup(wished);
        *ret_from = xstrdup("chosen by you");
        return 0;
    }
    return fact_find(project->root, project->detection.image, fact, ret_value, ret_from, err);
}

static int name_settle(struct project *project, const struct project_wish *wish, struct err *err)
{
    auto_free char *raw = NULL;
    int rc = settle(project, wish->name, SOS_FACT_RULE_FACT_NAME, &raw, &project->name_from, err);
    if (rc < 0)
        return rc;
    if (rc == 1) {
        const char *slash = strrchr(project->root, '/');
        raw = xstrdup(slash ? slash + 1 : project->root);
        project->name_from = xstrdup("the folder's name");
    }
    project->name = name_clean(raw);
    if (!project->name[0]) {
        err_set(err, ERR_INVALID, "no usable project name in \"%s\"", raw);
        err_hint(err, "sos build --name NAME");
        return -ERR_INVALID;
    }
    return 0;
}

/* A version that names one source only: a dirty tree or one without any version gets the source's
 * own id into it, since name@version never changes its bytes. */
static int version_settle(struct project *project, const struct project_wish *wish, struct err *err)
{
    auto_free char *raw = NULL;
    int rc = settle(project, wish->version, SOS_FACT_RULE_FACT_VERSION, &raw,
                    &project->version_from, err);
    if (rc < 0)
        return rc;
    const char *hex = project->id + strlen("sha256:");
    if (rc == 1 && project->vcs.describe[0]) {
        raw = project->vcs.dirty ? xasprintf("%s+dirty.%.8s", project->vcs.describe, hex)
                                 : xstrdup(project->vcs.describe);
        project->version_from = xstrdup("git describe");
    } else if (rc == 1) {
        raw = xasprintf("0.0.0-%.12s", hex);
        project->version_from =
            xstrdup("the source's digest: neither files nor git tell a version");
    }
    project->version = version_clean(raw);
    return 0;
}

static int entry_settle(struct project *project, const struct project_wish *wish, struct err *err)
{
    int rc = settle(project, wish->entry, SOS_FACT_RULE_FACT_ENTRY, &project->entry,
                    &project->entry_from, err);
    if (rc == 1) {
        project->entry = xstrdup("");
        project->entry_from = xstrdup("found by the build");
    }
    return rc < 0 ? rc : 0;
}

static int facts_settle(struct project *project, const struct project_wish *wish, struct err *err)
{
    int rc = name_settle(project, wish, err);
    if (rc == 0)
        rc = version_settle(project, wish, err);
    return rc == 0 ? entry_settle(project, wish, err) : rc;
}

int project_read(const char *root, const struct sos_list_images_response *images,
                 const struct project_wish *wish, struct project *ret, struct err *err)
{
    memset(ret, 0, sizeof *ret);
    ret->root = realpath(root, NULL);
    if (!ret->root)
        return err_errno(err, "%s", root);
    int rc =
        detect_project(ret->root, images,
                       wish->language && wish->language[0] ? wish->language : NULL,
                       wish->image && wish->image[0] ? wish->image : NULL, &ret->detection, err);
    if (rc == 0)
        rc = walk_project(ret->root, ret->detection.image->exclude,
                          ret->detection.image->exclude_count, &ret->walk, err);
    if (rc == 0) {
        tree_id(&ret->walk.tree, ret->id);
        vcs_read(ret->root, &ret->vcs);
        ret->epoch_s =
            ret->vcs.commit_time_s > EPOCH_1980_S ? ret->vcs.commit_time_s : EPOCH_1980_S;
        rc = facts_settle(ret, wish, err);
    }
    if (rc == 0)
        checks_run(ret, wish);
    else
        project_done(ret);
    return rc;
}

void project_done(struct project *project)
{
    walk_done(&project->walk);
    findings_done(&project->findings);
    free(project->root);
    free(project->name);
    free(project->name_from);
    free(project->version);
    free(project->version_from);
    free(project->entry);
    free(project->entry_from);
    memset(project, 0, sizeof *project);
}
