/* cmd_build.c - sos build: look, check, send, wait, tell. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/artifact.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/upload.h"
#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/id.h"

enum { SKIP_MAX = 32 };

static const struct config_item items[] = {
    { .name = "name",
      .type = CONFIG_STRING,
      .letter = 'n',
      .flag_only = true,
      .help = "project name" },
    { .name = "artifact-version",
      .type = CONFIG_STRING,
      .letter = 'V',
      .flag_only = true,
      .help = "version" },
    { .name = "lang", .type = CONFIG_STRING, .letter = 'l', .flag_only = true, .help = "language" },
    { .name = "image", .type = CONFIG_STRING, .flag_only = true, .help = "curated image" },
    { .name = "entry", .type = CONFIG_STRING, .flag_only = true, .help = "entry point" },
    { .name = "detach",
      .type = CONFIG_BOOL,
      .letter = 'd',
      .flag_only = true,
      .help = "return once it is queued" },
    { .name = "on-interrupt",
      .type = CONFIG_STRING,
      .flag_only = true,
      .help = "detach or cancel (in CI: cancel)" },
    { .name = "wait-timeout",
      .type = CONFIG_DURATION,
      .fallback = "0",
      .flag_only = true,
      .help = "stop waiting then (exit 8); the build goes on" },
    { .name = "timeout",
      .type = CONFIG_DURATION,
      .fallback = "0",
      .flag_only = true,
      .help = "of the whole build" },
    { .name = "dry-run",
      .type = CONFIG_BOOL,
      .flag_only = true,
      .help = "look and check; send nothing" },
    { .name = "list-files",
      .type = CONFIG_BOOL,
      .flag_only = true,
      .help = "print what would be sent, largest last" },
    { .name = "skip-check",
      .type = CONFIG_LIST,
      .flag_only = true,
      .help = "check to leave out (repeatable)" },
    { .name = "strict", .type = CONFIG_BOOL, .flag_only = true, .help = "warnings are errors" },
    { .name = "no-cache",
      .type = CONFIG_BOOL,
      .flag_only = true,
      .help = "build even if an identical build exists" },
    { .name = "priority",
      .type = CONFIG_STRING,
      .fallback = "normal",
      .flag_only = true,
      .help = "low, normal, high" },
    { .name = "label", .type = CONFIG_LIST, .flag_only = true, .help = "key=value (repeatable)" },
    { .name = "message",
      .type = CONFIG_STRING,
      .letter = 'm',
      .flag_only = true,
      .help = "note on the build" },
    { .name = "output",
      .type = CONFIG_STRING,
      .letter = 'o',
      .flag_only = true,
      .help = "download the artifact there" },
    { .name = "log",
      .type = CONFIG_BOOL,
      .flag_only = true,
      .help = "print the whole log as it comes" },
    { .name = "idempotency-key",
      .type = CONFIG_STRING,
      .flag_only = true,
      .help = "default: a fresh one" },
};

/* What sos.yaml in the project may say; SOS_BUILD_NAME and so on outrank it, flags outrank both. */
static const struct config_item project_items[] = {
    { .name = "name", .type = CONFIG_STRING, .help = "project name" },
    { .name = "version", .type = CONFIG_STRING, .help = "version" },
    { .name = "lang", .type = CONFIG_STRING, .help = "language" },
    { .name = "image", .type = CONFIG_STRING, .help = "curated image" },
    { .name = "entry", .type = CONFIG_STRING, .help = "entry point" },
    { .name = "checks-skip", .type = CONFIG_LIST, .help = "checks to leave out" },
};

struct build_job {
    struct cli *cli;
    struct screen screen;
    struct config *own; /* sos.yaml */
    struct sos_list_images_response images;
    struct project project;
    struct sos_build build;
    char *skips; /* text that `wish` points into */
    const char *skip_list[SKIP_MAX];
    struct project_wish wish;
};

static const char *wish_text(struct build_job *job, const char *flag, const char *own)
{
    const char *value = config_string(job->cli->config, flag);
    return value[0] ? value : config_string(job->own, own);
}

static void wish_make(struct build_job *job)
{
    job->skips = xasprintf("%s\n%s", config_string(job->cli->config, "skip-check"),
                           config_string(job->own, "checks-skip"));
    for (char *at = strtok(job->skips, "\n"); at && job->wish.skip_checks_count < SKIP_MAX;
         at = strtok(NULL, "\n"))
        job->skip_list[job->wish.skip_checks_count++] = at;
    job->wish.skip_checks = job->skip_list;
    job->wish.name = wish_text(job, "name", "name");
    job->wish.version = wish_text(job, "artifact-version", "version");
    job->wish.language = wish_text(job, "lang", "lang");
    job->wish.image = wish_text(job, "image", "image");
    job->wish.entry = wish_text(job, "entry", "entry");
    job->wish.strict = config_bool(job->cli->config, "strict");
}

/* Gives an exit code.  What is wrong with the project is a failed check (6), what is wrong on the
 * way to the farm is not. */
static int look(struct build_job *job, const char *root)
{
    struct err err = { 0 };
    auto_free char *file = xasprintf("%s/sos.yaml", root);
    char *argv[] = { (char *)"sos", NULL };
    if (config_load(project_items, countof(project_items), 1, argv, file, &job->own, &err) < 0) {
        cli_fail(job->cli, &err);
        return EXIT_CHECKS;
    }
    if (api_call(job->cli, "GET", "/v1/images", NULL, NULL, NULL, &sos_list_images_response_type,
                 &job->images, NULL, &err) < 0)
        return cli_fail(job->cli, &err);
    wish_make(job);
    if (project_read(root, &job->images, &job->wish, &job->project, &err) < 0) {
        cli_fail(job->cli, &err);
        return EXIT_CHECKS;
    }
    return EXIT_OK;
}

static void look_say(struct build_job *job)
{
    const struct project *p = &job->project;
    char size[TEXT_MAX];
    if (!job->cli->json && !job->cli->quiet)
        fprintf(stderr, "  %s %s   %s   image %s %.19s\n", p->name, p->version,
                p->detection.image->language, p->detection.image->name,
                p->detection.image->build ? p->detection.image->build->digest : "");
    screen_line(&job->screen, '+', "detect", "%s; name from %s; version from %s; entry %s (%s)",
                p->detection.evidence, p->name_from, p->version_from, p->entry[0] ? p->entry : "-",
                p->entry_from);
    if (p->detection.note[0])
        screen_line(&job->screen, '!', "", "%s", p->detection.note);
    screen_findings(&job->screen, p);
    screen_line(&job->screen, '.', "source", "%zu files, %s, %.19s (%" PRId64 " left out)",
                p->walk.tree.count, text_bytes(tree_size(&p->walk.tree), size), p->id,
                p->walk.excluded);
}

static int size_compare(const void *a, const void *b)
{
    const struct tree_file *x = a, *y = b;
    return x->size_bytes < y->size_bytes   ? -1
           : x->size_bytes > y->size_bytes ? 1
                                           : strcmp(x->path, y->path);
}

static void files_print(struct project *project)
{
    qsort(project->walk.tree.files, project->walk.tree.count, sizeof *project->walk.tree.files,
          size_compare);
    for (size_t i = 0; i < project->walk.tree.count; i++)
        printf("%12" PRId64 "  %s\n", project->walk.tree.files[i].size_bytes,
               project->walk.tree.files[i].path);
}

static int labels_make(const char *text, struct sos_create_build_request *request, struct err *err)
{
    auto_free char *copy = xstrdup(text);
    for (char *at = strtok(copy, "\n"); at; at = strtok(NULL, "\n")) {
        char *equals = strchr(at, '=');
        if (!equals || equals == at)
            return err_set(err, ERR_INVALID, "a label is key=value, not \"%s\"", at);
        *equals = '\0';
        request->labels =
            xrealloc(request->labels, (request->labels_count + 1) * sizeof *request->labels);
        request->labels[request->labels_count++] =
            (struct sos_pair){ .key = xstrdup(at), .value = xstrdup(equals + 1) };
    }
    return 0;
}

static int priority_parse(const char *text, enum sos_priority *ret, struct err *err)
{
    static const char *const names[] = { "low", "normal", "high" };
    for (size_t i = 0; i < countof(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *ret = SOS_PRIORITY_LOW + (enum sos_priority)i;
            return 0;
        }
    return err_set(err, ERR_INVALID, "--priority is low, normal or high, not \"%s\"", text);
}

static char *text_or_null(const char *text)
{
    return text && text[0] ? xstrdup(text) : NULL;
}

static int request_make(struct build_job *job, struct sos_create_build_request *ret,
                        struct err *err)
{
    const struct project *p = &job->project;
    const struct config *config = job->cli->config;
    *ret = (struct sos_create_build_request){
        .project = xstrdup(p->name),
        .version = xstrdup(p->version),
        .language = xstrdup(p->detection.image->language),
        .image = xstrdup(p->detection.image->name),
        .entry = text_or_null(p->entry),
        .source = xstrdup(p->id),
        .message = text_or_null(config_string(config, "message")),
        .timeout_ms = config_int(config, "timeout"),
        .source_date_epoch = p->epoch_s,
        .no_cache = config_bool(config, "no-cache"),
    };
    if (p->vcs.commit[0]) {
        ret->vcs = xcalloc(1, sizeof *ret->vcs);
        *ret->vcs = (struct sos_vcs){ .url = text_or_null(p->vcs.url),
                                      .commit = xstrdup(p->vcs.commit),
                                      .branch = text_or_null(p->vcs.branch),
                                      .dirty = p->vcs.dirty };
    }
    int rc = labels_make(config_string(config, "label"), ret, err);
    return rc < 0 ? rc : priority_parse(config_string(config, "priority"), &ret->priority, err);
}

static int submit(struct build_job *job, struct err *err)
{
    struct sos_create_build_request request = { 0 };
    char fresh[ID_MAX];
    const char *key = config_string(job->cli->config, "idempotency-key");
    id_new("key", clock_wall_ms(), fresh);
    auto_free char *header = xasprintf("Idempotency-Key: %s", key[0] ? key : fresh);
    const char *headers[] = { header, NULL };
    int rc = request_make(job, &request, err);
    for (int tries = 0; rc == 0; tries++) { /* the key makes a repeat harmless */
        rc = api_call(job->cli, "POST", "/v1/builds", headers, &sos_create_build_request_type,
                      &request, &sos_build_type, &job->build, NULL, err);
        if (rc != -ERR_IO || tries == 3)
            break;
        rc = 0;
    }
    sos_create_build_request_done(&request);
    return rc;
}

static int send(struct build_job *job, struct err *err)
{
    struct upload_sum sum;
    char new[TEXT_MAX], took[TEXT_MAX], sent[TEXT_MAX];
    int64_t start = clock_mono_ms();
    int rc = upload_source(job->cli, &job->project, &sum, err);
    if (rc < 0)
        return rc;
    screen_line(&job->screen, '+', "upload", "%zu of %zu files new (%s, %s sent)   %s",
                sum.files_new, job->project.walk.tree.count, text_bytes(sum.bytes_new, new),
                text_bytes(sum.bytes_sent, sent), text_duration(clock_mono_ms() - start, took));
    rc = submit(job, err);
    if (rc == 0)
        screen_line(&job->screen, '+', "queued", "%s  #%d", job->build.id, job->build.number);
    return rc;
}

static int detached(struct build_job *job)
{
    const char *wish = config_string(job->cli->config, "on-interrupt");
    const char *ci = getenv("CI");
    bool cancel = wish[0] ? strcmp(wish, "cancel") == 0 : ci && ci[0];
    struct err err = { 0 };
    if (cancel) {
        cancel_build(job->cli, job->build.id, "interrupted", &err);
        screen_line(&job->screen, 'x', "canceled", "#%d", job->build.number);
    } else {
        fprintf(stderr,
                "\n  Detached. Build #%d keeps running.\n    watch   sos logs -f %d        stop   "
                "sos cancel %d\n",
                job->build.number, job->build.number, job->build.number);
    }
    return EXIT_SIGINT;
}

static int finished(struct build_job *job)
{
    struct err err = { 0 };
    const char *output = config_string(job->cli->config, "output");
    screen_verdict(&job->screen, &job->build);
    int code = cli_build_exit(&job->build);
    if (code != EXIT_OK || !output[0] || !job->build.artifact)
        return code;
    int rc = artifact_download(job->cli, job->build.artifact, output, &err);
    return rc < 0 ? artifact_fail(job->cli, rc, &err) : EXIT_OK;
}

static int wait_for_it(struct build_job *job, struct err *err)
{
    enum follow_end end;
    job->screen.log = config_bool(job->cli->config, "log");
    int rc = follow_build(job->cli, &job->screen, &job->build,
                          config_int(job->cli->config, "wait-timeout"), &end, err);
    if (rc < 0)
        return cli_fail(job->cli, err);
    if (end == FOLLOW_INTERRUPTED)
        return detached(job);
    if (end == FOLLOW_TIMED_OUT) {
        fprintf(stderr, "  still %s after the wait; the build goes on: sos status %d\n",
                wire_enum_name(&sos_build_state_enum, (int)job->build.state), job->build.number);
        return EXIT_PENDING;
    }
    return finished(job);
}

static int build_go(struct build_job *job, const char *root)
{
    struct err err = { 0 };
    int code = look(job, root);
    if (code != EXIT_OK)
        return code;
    look_say(job);
    if (config_bool(job->cli->config, "list-files"))
        files_print(&job->project);
    if (job->project.findings.errors > 0) {
        fprintf(stderr, "error: %zu check%s failed; nothing was sent\n",
                job->project.findings.errors, job->project.findings.errors == 1 ? "" : "s");
        return EXIT_CHECKS;
    }
    if (config_bool(job->cli->config, "dry-run") || config_bool(job->cli->config, "list-files"))
        return EXIT_OK;
    if (send(job, &err) < 0)
        return cli_fail(job->cli, &err);
    if (config_bool(job->cli->config, "detach")) {
        if (job->cli->json)
            screen_event(&job->screen, "build", &sos_build_type, &job->build);
        else
            printf("%s\n", job->build.id);
        return EXIT_OK;
    }
    interrupts_catch();
    return wait_for_it(job, &err);
}

static int run(struct cli *cli)
{
    struct build_job job = { .cli = cli };
    if (cli->args_count > 1)
        return cli_usage(cli, "one directory, not %zu", cli->args_count);
    screen_init(&job.screen, cli);
    int code = build_go(&job, cli->args_count ? cli->args[0] : ".");
    screen_done(&job.screen);
    sos_build_done(&job.build);
    project_done(&job.project);
    sos_list_images_response_done(&job.images);
    config_free(job.own);
    free(job.skips);
    return code;
}

const struct command command_build = {
    "build", "[DIR]",        "Build a directory remotely, in the curated image of its language.",
    items,   countof(items), run,
};
