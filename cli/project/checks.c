#include "cli/project/checks.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/project/facts.h"
#include "sos/base/auto.h"
#include "sos/base/fs.h"

enum { CHECK_FILE_MAX = 1 << 20 };
static const int64_t FILE_WARN_BYTES = 50LL << 20, FILE_ERROR_BYTES = 100LL << 20;
static const int64_t TREE_WARN_BYTES = 100LL << 20, TREE_ERROR_BYTES = 500LL << 20;
static const size_t FILES_MAX = 50000;

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* --- lock file: the images say which a project must have --- */

static bool file_is_sent(const struct project *project, const char *names, size_t len)
{
    for (size_t i = 0; i < project->walk.tree.count; i++) {
        const char *path = project->walk.tree.files[i].path;
        if (strlen(path) == len && strncmp(path, names, len) == 0)
            return true;
    }
    return false;
}

static bool any_is_sent(const struct project *project, const char *names)
{
    while (*names) {
        size_t len = strcspn(names, "|");
        if (file_is_sent(project, names, len))
            return true;
        names += len + (names[len] == '|');
    }
    return false;
}

static bool lock_is_required(const struct project *project, const struct sos_lock_rule *rule)
{
    const struct sos_lock_rule_condition *when = rule->required_if;
    if (!when || !when->file)
        return true;
    auto_free char *path = xasprintf("%s/%s", project->root, when->file);
    struct buf text;
    struct err ignored;
    buf_init(&text, CHECK_FILE_MAX);
    bool required =
        fs_read(path, &text, &ignored) == 0 &&
        (!when->contains || (text.data && line_matches(text.data, when->contains, &ignored) > 0));
    buf_done(&text);
    return required;
}

static bool exists_unsent(const struct project *project, const char *names)
{
    auto_free char *path = xasprintf("%s/%.*s", project->root, (int)strcspn(names, "|"), names);
    struct stat st;
    return stat(path, &st) == 0;
}

static void check_lock(struct project *project)
{
    const struct sos_image *image = project->detection.image;
    for (size_t i = 0; i < image->locks_count; i++) {
        const struct sos_lock_rule *rule = &image->locks[i];
        if (!rule->file || any_is_sent(project, rule->file) || !lock_is_required(project, rule))
            continue;
        if (exists_unsent(project, rule->file))
            findings_add(&project->findings, "lock-ignored", SEVERITY_ERROR,
                         "take it out of .gitignore or add \"!<file>\" to .sosignore",
                         "%s exists but is ignored, so it would not be sent", rule->file);
        else
            findings_add(&project->findings, "lock-missing", SEVERITY_ERROR, rule->fix,
                         "no lock file: %s is missing, so the build would not be repeatable",
                         rule->file);
    }
}

static void check_dirty(struct project *project)
{
    if (project->vcs.dirty)
        findings_add(&project->findings, "dirty-tree", SEVERITY_WARNING, "git commit",
                     "the work tree differs from commit %.12s (%s …)", project->vcs.commit,
                     project->vcs.dirty_paths);
}

static void check_sizes(struct project *project)
{
    const struct tree *tree = &project->walk.tree;
    int64_t total = tree_size(tree);
    for (size_t i = 0; i < tree->count; i++) {
        const struct tree_file *file = &tree->files[i];
        if (file->size_bytes > FILE_WARN_BYTES)
            findings_add(&project->findings, "file-size",
                         file->size_bytes > FILE_ERROR_BYTES ? SEVERITY_ERROR : SEVERITY_WARNING,
                         "add it to .sosignore, or keep data out of the project",
                         "%s has %" PRId64 " MB", file->path, file->size_bytes >> 20);
    }
    if (total > TREE_WARN_BYTES)
        findings_add(
            &project->findings, "total-size",
            total > TREE_ERROR_BYTES ? SEVERITY_ERROR : SEVERITY_WARNING,
            "sos build --list-files shows the largest last; add to .sosignore what is not needed",
            "%" PRId64 " MB would be sent", total >> 20);
    if (tree->count > FILES_MAX)
        findings_add(&project->findings, "file-count", SEVERITY_ERROR, "add folders to .sosignore",
                     "%zu files would be sent (at most %zu)", tree->count, FILES_MAX);
    if (tree->count == 0)
        findings_add(&project->findings, "empty", SEVERITY_ERROR, "see .gitignore and .sosignore",
                     "no file is left to send");
}

static void check_links(struct project *project)
{
    for (size_t i = 0; i < project->walk.oddities_count; i++) {
        const struct walk_oddity *odd = &project->walk.oddities[i];
        if (odd->kind == WALK_BAD_LINK)
            findings_add(&project->findings, "symlink", SEVERITY_ERROR,
                         "remove it or add it to .sosignore",
                         "the link %s -> %s leaves the project or leads nowhere", odd->path,
                         odd->detail);
    }
}

static void check_names(struct project *project)
{
    for (size_t i = 0; i < project->walk.oddities_count; i++) {
        const struct walk_oddity *odd = &project->walk.oddities[i];
        if (odd->kind != WALK_BAD_LINK)
            findings_add(&project->findings, "file-kind", SEVERITY_ERROR,
                         "rename, remove or ignore it", "%s cannot be sent: %s", odd->path,
                         odd->detail);
    }
    const struct tree *tree = &project->walk.tree;
    for (size_t i = 1; i < tree->count; i++)
        if (strcasecmp(tree->files[i - 1].path, tree->files[i].path) == 0)
            findings_add(&project->findings, "case-collision", SEVERITY_WARNING, "rename one",
                         "%s and %s differ only in case", tree->files[i - 1].path,
                         tree->files[i].path);
}

/* Below a folder of tests or examples: a certificate or .env there is most often made up. */
static bool is_for_tests(const char *path)
{
    static const char *const folders[] = { "test",      "tests",     "testdata",
                                           "test_data", "fixtures",  "example",
                                           "examples",  "__tests__", "spec" };
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1)
        for (size_t i = 0; i < countof(folders); i++)
            if (strlen(folders[i]) == (size_t)(slash - path) &&
                strncmp(path, folders[i], (size_t)(slash - path)) == 0)
                return true;
    return false;
}

/* Secrets by their names.  A file that is tracked or not: it would leave this machine. */
static void check_secrets(struct project *project)
{
    static const char *const secret[] = { ".env",
                                          ".env.*",
                                          "*.pem",
                                          "*.p12",
                                          "*.pfx",
                                          "*.jks",
                                          "*.keystore",
                                          "id_rsa*",
                                          "id_dsa*",
                                          "id_ecdsa*",
                                          "id_ed25519*",
                                          ".netrc",
                                          ".pypirc",
                                          ".npmrc.local",
                                          "*service-account*.json",
                                          "credentials.json",
                                          ".htpasswd",
                                          "*.kdbx" };
    static const char *const fine[] = { ".env.example", ".env.sample", ".env.template", ".env.dist",
                                        "*.pub" };
    for (size_t i = 0; i < project->walk.tree.count; i++) {
        const char *path = project->walk.tree.files[i].path, *name = base_name(path);
        bool hit = false;
        for (size_t j = 0; j < countof(secret); j++)
            hit = hit || fnmatch(secret[j], name, 0) == 0;
        for (size_t j = 0; j < countof(fine); j++)
            hit = hit && fnmatch(fine[j], name, 0) != 0;
        if (hit)
            findings_add(&project->findings, "secret-file",
                         is_for_tests(path) ? SEVERITY_WARNING : SEVERITY_ERROR,
                         "add it to .sosignore, or --skip-check secret-file if it holds no secret",
                         "%s looks like a secret and would be sent", path);
    }
}

/* Built outputs that were not ignored make a source large and a build unlike the next. */
static void check_outputs(struct project *project)
{
    static const char *const output[] = { "node_modules/", ".venv/",       "venv/",
                                          "target/",       "__pycache__/", ".gradle/" };
    for (size_t i = 0; i < countof(output); i++) {
        size_t len = strlen(output[i]), seen = 0;
        for (size_t j = 0; j < project->walk.tree.count; j++)
            seen += strncmp(project->walk.tree.files[j].path, output[i], len) == 0;
        if (seen > 0)
            findings_add(&project->findings, "built-output", SEVERITY_WARNING,
                         "add it to .gitignore or .sosignore",
                         "%s (%zu files) is sent although builds make it", output[i], seen);
    }
}

static void check_lfs(struct project *project)
{
    for (size_t i = 0; i < project->walk.tree.count; i++) {
        const struct tree_file *file = &project->walk.tree.files[i];
        if (file->mode == TREE_SYMLINK || file->size_bytes < 100 || file->size_bytes > 1024)
            continue;
        auto_free char *path = xasprintf("%s/%s", project->root, file->path);
        auto_fclose FILE *f = fopen(path, "re");
        char head[48] = "";
        if (f && fgets(head, sizeof head, f) && strncmp(head, "version https://git-lfs", 23) == 0)
            findings_add(&project->findings, "lfs-pointer", SEVERITY_ERROR, "git lfs pull",
                         "%s is a Git LFS pointer, not the file", file->path);
    }
}

/* One may report under several ids. */
static const struct {
    const char *ids;
    void (*run)(struct project *project);
} checks[] = {
    { "lock-missing lock-ignored", check_lock },
    { "dirty-tree", check_dirty },
    { "file-size total-size file-count empty", check_sizes },
    { "symlink", check_links },
    { "file-kind case-collision", check_names },
    { "secret-file", check_secrets },
    { "built-output", check_outputs },
    { "lfs-pointer", check_lfs },
};

bool check_is_known(const char *id)
{
    size_t len = strlen(id);
    for (size_t i = 0; i < countof(checks); i++)
        for (const char *at = checks[i].ids; *at; at += strspn(at, " ")) {
            size_t word = strcspn(at, " ");
            if (word == len && memcmp(at, id, len) == 0)
                return true;
            at += word;
        }
    return false;
}

static bool skipped(const char *id, const struct project_wish *wish)
{
    for (size_t i = 0; i < wish->skip_checks_count; i++)
        if (strcmp(id, wish->skip_checks[i]) == 0)
            return true;
    return false;
}

/* A check may report under more ids than its own: take out what was switched off. */
static void findings_drop_skipped(struct findings *findings, const struct project_wish *wish)
{
    struct findings kept = { .passed = findings->passed };
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *f = &findings->items[i];
        enum severity severity =
            wish->strict && f->severity == SEVERITY_WARNING ? SEVERITY_ERROR : f->severity;
        if (!skipped(f->id, wish))
            findings_add(&kept, f->id, severity, f->fix, "%s", f->what);
    }
    findings_done(findings);
    *findings = kept;
}

void checks_run(struct project *project, const struct project_wish *wish)
{
    for (size_t i = 0; i < countof(checks); i++) {
        size_t before = project->findings.count;
        checks[i].run(project);
        project->findings.passed += project->findings.count == before;
    }
    findings_drop_skipped(&project->findings, wish);
}
