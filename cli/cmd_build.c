/* cmd_build.c - sos build: look, check, send, wait, tell. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/api.h"
#include "cli/artifact.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/interrupt.h"
#include "cli/project/checks.h"
#include "cli/upload.h"
#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/id.h"

enum { SKIP_MAX = 32, UPLOAD_TOLD_BYTES = 10 << 20, UPLOAD_TOLD_FILES = 1000 };

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

struct build_job {
    struct cli *cli;
    struct screen screen;
    struct sos_list_images_response images;
    struct project project;
    struct sos_build build;
    char *skips; /* text that `wish` points into */
    const char *skip_list[SKIP_MAX];
    struct project_wish wish;
    bool submitted; /* the farm may have it … */
    bool accepted;  /* … and said so */
};

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

/* A check that is misspelt would silently be run. */
static int skips_make(struct build_job *job, struct err *err)
{
    job->skips = xasprintf("%s\n%s", config_string(job->cli->config, "skip-check"),
                           config_string(job->cli->project, "checks-skip"));
    for (char *at = strtok(job->skips, "\n"); at; at = strtok(NULL, "\n")) {
        if (job->wish.skip_checks_count == SKIP_MAX)
            return err_set(err, ERR_INVALID, "more than %d checks to skip", SKIP_MAX);
        if (!check_is_known(at)) {
            err_set(err, ERR_INVALID, "there is no check \"%s\"", at);
            err_hint(err, "sos help checks");
            return -ERR_INVALID;
        }
        job->skip_list[job->wish.skip_checks_count++] = at;
    }
    job->wish.skip_checks = job->skip_list;
    return 0;
}

static int wish_make(struct build_job *job, struct err *err)
{
    const struct cli *cli = job->cli;
    job->wish.name = cli_project_text(cli, "name", "name");
    job->wish.version = cli_project_text(cli, "artifact-version", "version");
    job->wish.language = cli_project_text(cli, "lang", "lang");
    job->wish.image = cli_project_text(cli, "image", "image");
    job->wish.entry = cli_project_text(cli, "entry", "entry");
    job->wish.strict = config_bool(cli->config, "strict");
    return skips_make(job, err);
}

/* All that can be wrong with the command line is told before anything else is done. */
static int flags_check(struct build_job *job, struct err *err)
{
    const struct config *config = job->cli->config;
    const char *interrupt = config_string(config, "on-interrupt");
    struct sos_create_build_request unused = { 0 };
    enum sos_priority priority;
    int rc = priority_parse(config_string(config, "priority"), &priority, err);
    if (rc == 0)
        rc = labels_make(config_string(config, "label"), &unused, err);
    if (rc == 0 && interrupt[0] && strcmp(interrupt, "detach") != 0 &&
        strcmp(interrupt, "cancel") != 0)
        rc = err_set(err, ERR_INVALID, "--on-interrupt is detach or cancel, not \"%s\"", interrupt);
    if (rc == 0 && config_int(config, "timeout") < 0)
        rc = err_set(err, ERR_INVALID, "--timeout cannot be negative");
    sos_create_build_request_done(&unused);
    return rc;
}

/* Gives an exit code.  What is wrong with the project is a failed check (6), what is wrong on the
 * way to the farm is not. */
static int look(struct build_job *job, const char *root)
{
    struct err err = { 0 };
    struct stat st;
    if (flags_check(job, &err) < 0)
        return cli_fail(job->cli, &err);
    if (stat(root, &st) < 0 || !S_ISDIR(st.st_mode))
        return cli_usage(job->cli, "%s is no directory", root);
    if (cli_project_load(job->cli, root, &err) < 0) {
        cli_fail(job->cli, &err);
        return EXIT_CHECKS;
    }
    if (wish_make(job, &err) < 0 ||
        api_call(job->cli, "GET", "/v1/images", NULL, NULL, NULL, &sos_list_images_response_type,
                 &job->images, NULL, &err) < 0)
        return cli_fail(job->cli, &err);
    if (project_read(root, &job->images, &job->wish, &job->project, &err) < 0) {
        cli_fail(job->cli, &err);
        return EXIT_CHECKS;
    }
    return EXIT_OK;
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
    struct api_patience patience = { 0 };
    int rc = request_make(job, &request, err);
    job->submitted = rc == 0;
    if (rc == 0)
        do /* the key makes a repeat harmless */
            rc = api_call(job->cli, "POST", "/v1/builds", headers, &sos_create_build_request_type,
                          &request, &sos_build_type, &job->build, NULL, err);
        while (api_again(&patience, rc));
    job->accepted = rc == 0;
    sos_create_build_request_done(&request);
    return rc;
}

/* What takes more than a moment is told before. */
static void on_send(const struct upload_sum *sum, void *ctx)
{
    struct build_job *job = ctx;
    char size[TEXT_MAX];
    if (sum->bytes_sent > UPLOAD_TOLD_BYTES || sum->files_new > UPLOAD_TOLD_FILES)
        screen_line(&job->screen, '.', "upload", "sending %zu files, %s", sum->files_new,
                    text_bytes(sum->bytes_sent, size));
}

static int send(struct build_job *job, struct err *err)
{
    struct upload_sum sum = { .on_send = on_send, .ctx = job };
    char new[TEXT_MAX], took[TEXT_MAX], sent[TEXT_MAX];
    int64_t start = clock_mono_ms();
    int rc = upload_source(job->cli, &job->project, &sum, err);
    if (rc < 0)
        return rc;
    screen_line(&job->screen, '+', "upload", "%zu of %zu files new (%s, %s sent) in %s",
                sum.files_new, job->project.walk.tree.count, text_bytes(sum.bytes_new, new),
                text_bytes(sum.bytes_sent, sent), text_duration(clock_mono_ms() - start, took));
    rc = submit(job, err);
    if (rc == 0 && !build_is_final(&job->build))
        screen_line(&job->screen, '+', "queued", "%s  #%d", job->build.id, job->build.number);
    return rc;
}

static void ways_back_say(const struct build_job *job)
{
    int number = job->build.number;
    fprintf(stderr,
            "    watch   sos logs -f %d\n    result  sos status --wait %d\n"
            "    stop    sos cancel %d\n",
            number, number, number);
}

/* The farm goes on without us; in CI nobody would come back for the build. */
static int detached(struct build_job *job)
{
    const char *wish = config_string(job->cli->config, "on-interrupt");
    const char *ci = getenv("CI");
    bool cancel = wish[0] ? strcmp(wish, "cancel") == 0 : ci && ci[0];
    struct err err = { 0 };
    int code = 128 + interrupted();
    interrupts_forget();
    if (!cancel) {
        fprintf(stderr, "\n  Detached. Build #%d keeps running.\n", job->build.number);
        ways_back_say(job);
    } else if (cancel_build(job->cli, job->build.id, "interrupted", &err) < 0) {
        cli_fail(job->cli, &err);
        ways_back_say(job);
    } else {
        fprintf(stderr, "\n  Canceled build #%d.\n", job->build.number);
    }
    return code;
}

static int finished(struct build_job *job)
{
    struct err err = { 0 };
    const char *output = config_string(job->cli->config, "output");
    const struct sos_artifact *artifact = job->build.artifact;
    screen_verdict(&job->screen, &job->build);
    int code = cli_build_exit(&job->build);
    if (code != EXIT_OK || !artifact)
        return code;
    if (output[0])
        return artifact_download(job->cli, artifact, output, &err) < 0 ? cli_fail(job->cli, &err)
                                                                       : EXIT_OK;
    if (!job->cli->json)
        printf("%s@%s sha256:%s\n", job->build.project, job->build.version,
               artifact->files_count ? artifact->files[0].sha256 : "");
    return EXIT_OK;
}

static int wait_for_it(struct build_job *job, struct err *err)
{
    enum follow_end end;
    job->screen.log = config_bool(job->cli->config, "log");
    int rc = follow_build(job->cli, &job->screen, &job->build,
                          config_int(job->cli->config, "wait-timeout"), &end, err);
    if (rc < 0) {
        int code = cli_fail(job->cli, err);
        fprintf(stderr, "  Build #%d was accepted; how it went is not known here.\n",
                job->build.number);
        ways_back_say(job);
        return code;
    }
    if (end == FOLLOW_INTERRUPTED)
        return detached(job);
    if (end == FOLLOW_TIMED_OUT) {
        const char *state = wire_enum_name(&sos_build_state_enum, (int)job->build.state);
        screen_line(&job->screen, '!', "waited", "it is %s yet; the build goes on",
                    state ? state : "unfinished");
        ways_back_say(job);
        return EXIT_PENDING;
    }
    return finished(job);
}

static int checks_failed(struct build_job *job)
{
    struct err err = { 0 };
    size_t count = job->project.findings.errors;
    err_set(&err, ERR_INVALID, "%zu check%s failed; nothing was sent", count,
            count == 1 ? "" : "s");
    err_hint(&err, "mend what stands above, or leave a check out: --skip-check ID");
    err_reason(&err, "CHECKS_FAILED");
    return cli_fail(job->cli, &err);
}

static int accepted(struct build_job *job, struct err *err)
{
    if (!config_bool(job->cli->config, "detach"))
        return wait_for_it(job, err);
    if (!job->cli->json)
        printf("%s\n", job->build.id);
    return EXIT_OK;
}

static int build_go(struct build_job *job, const char *root)
{
    struct err err = { 0 };
    const struct config *config = job->cli->config;
    int code = look(job, root);
    if (code != EXIT_OK)
        return code;
    screen_project(&job->screen, &job->project);
    if (config_bool(config, "list-files") && !job->cli->json)
        files_print(&job->project);
    if (job->project.findings.errors > 0)
        return checks_failed(job);
    if (config_bool(config, "dry-run") || config_bool(config, "list-files"))
        return EXIT_OK;
    interrupts_catch();
    if (send(job, &err) < 0) {
        if (interrupted())
            fprintf(stderr, "\n  Stopped; %s.\n",
                    job->submitted ? "sos list tells whether it was queued" : "nothing was queued");
        return cli_fail(job->cli, &err);
    }
    return accepted(job, &err);
}

static int run(struct cli *cli)
{
    struct build_job job = { .cli = cli };
    screen_init(&job.screen, cli);
    int code = cli->args_count > 1 ? cli_usage(cli, "one directory, not %zu", cli->args_count)
                                   : build_go(&job, cli->args_count ? cli->args[0] : ".");
    screen_result(&job.screen, code, job.accepted ? &job.build : NULL);
    screen_done(&job.screen);
    sos_build_done(&job.build);
    project_done(&job.project);
    sos_list_images_response_done(&job.images);
    free(job.skips);
    return code;
}

const struct command command_build = {
    .name = "build",
    .args = "[DIR]",
    .summary = "Build a directory remotely, in the curated image of its language.",
    .items = items,
    .items_count = countof(items),
    .run = run,
    .no_project = true, /* that of DIR does */
};
