/* read.c - builds and artifacts as they are: from memory while live, else by the reader strand. */
#include <string.h>

#include "server/farm/state.h"

/* --- one build --- */

struct get {
    struct task task;
    struct wait wait;
    struct farm *farm;
    char *id;
    int64_t seen_revision;
    int64_t until_mono_ms;
    struct build_row row;
    farm_build_fn done;
    void *ctx;
};

static void get_free(struct get *get)
{
    build_row_done(&get->row);
    free(get->id);
    free(get);
}

static void get_answer_live(struct get *get, struct live *live)
{
    struct build_view view;

    view_init(&view, live);
    get->done(get->ctx, 0, &view.msg, live->build->revision, NULL);
    view_done(&view);
    get_free(get);
}

/* Woken by a change or by time: memory may have moved on, or forgotten the build. */
static void on_get_woken(struct wait *wait);

static void get_live(struct get *get, struct live *live)
{
    int64_t left_ms = get->until_mono_ms - clock_mono_ms();

    if (live->build->revision != get->seen_revision || build_is_final(live->build->msg.state) ||
        !wait_begin(get->farm, &get->wait, &live->waits, left_ms, on_get_woken))
        get_answer_live(get, live);
}

static void get_work(struct task *task)
{
    struct get *get = container_of(task, struct get, task);

    task->rc = builds_get(get->farm->read_db, get->id, &get->row, &task->err);
}

static void on_got(struct task *task)
{
    struct get *get = container_of(task, struct get, task);
    struct live *live = task->rc == 0 ? live_find(get->farm, get->row.msg.id) : NULL;

    if (live) {
        get_live(get, live); /* asked for by its number */
        return;
    }
    get->done(get->ctx, task->rc, &get->row.msg, get->row.revision, &task->err);
    get_free(get);
}

static void get_begin(struct get *get)
{
    struct live *live = live_find(get->farm, get->id);

    if (live)
        get_live(get, live);
    else
        strand_post(get->farm->reader, &get->task, get_work, on_got);
}

static void on_get_woken(struct wait *wait)
{
    get_begin(container_of(wait, struct get, wait));
}

void farm_build_get(struct farm *farm, const char *build, int64_t seen_revision, int64_t wait_ms,
                    farm_build_fn done, void *ctx)
{
    struct get *get = xcalloc(1, sizeof *get);

    *get = (struct get){ .farm = farm, .seen_revision = seen_revision, .done = done, .ctx = ctx };
    get->id = xstrdup(build);
    get->until_mono_ms = clock_mono_ms() + wait_ms;
    get_begin(get);
}

/* --- lists --- */

struct list_read {
    struct task task;
    struct farm *farm;
    struct build_filter filter;
    char *project, *created_by, *page_token;
    struct sos_list_builds_response builds;
    struct sos_list_artifacts_response artifacts;
    farm_builds_fn builds_done;
    farm_artifacts_fn artifacts_done;
    void *ctx;
};

static struct list_read *list_read_new(struct farm *farm, const struct farm_filter *filter,
                                       void *ctx)
{
    struct list_read *read = xcalloc(1, sizeof *read);

    read->farm = farm;
    read->ctx = ctx;
    read->project = xstrdup(filter->project);
    read->created_by = xstrdup(filter->created_by);
    read->page_token = xstrdup(filter->page_token);
    read->filter = (struct build_filter){
        .project = read->project,
        .created_by = read->created_by,
        .state = (enum sos_build_state)filter->state,
        .page_size = filter->page_size,
        .page_token = read->page_token,
    };
    return read;
}

static void list_read_free(struct list_read *read)
{
    sos_list_builds_response_done(&read->builds);
    sos_list_artifacts_response_done(&read->artifacts);
    free(read->project);
    free(read->created_by);
    free(read->page_token);
    free(read);
}

static void builds_work(struct task *task)
{
    struct list_read *read = container_of(task, struct list_read, task);

    task->rc = builds_list(read->farm->read_db, &read->filter, &read->builds, &task->err);
}

static void on_builds(struct task *task)
{
    struct list_read *read = container_of(task, struct list_read, task);

    read->builds_done(read->ctx, task->rc, &read->builds, &task->err);
    list_read_free(read);
}

void farm_build_list(struct farm *farm, const struct farm_filter *filter, farm_builds_fn done,
                     void *ctx)
{
    struct list_read *read = list_read_new(farm, filter, ctx);

    read->builds_done = done;
    strand_post(farm->reader, &read->task, builds_work, on_builds);
}

static void artifacts_work(struct task *task)
{
    struct list_read *read = container_of(task, struct list_read, task);

    task->rc = artifacts_list(read->farm->read_db, read->project, read->filter.page_size,
                              read->page_token, &read->artifacts, &task->err);
}

static void on_artifacts(struct task *task)
{
    struct list_read *read = container_of(task, struct list_read, task);

    read->artifacts_done(read->ctx, task->rc, &read->artifacts, &task->err);
    list_read_free(read);
}

void farm_artifact_list(struct farm *farm, const struct farm_filter *filter, farm_artifacts_fn done,
                        void *ctx)
{
    struct list_read *read = list_read_new(farm, filter, ctx);

    read->artifacts_done = done;
    strand_post(farm->reader, &read->task, artifacts_work, on_artifacts);
}

/* --- one artifact, and its bytes --- */

struct artifact_read {
    struct task task;
    struct farm *farm;
    char *name, *version, *file;
    struct sos_artifact artifact;
    farm_artifact_get_fn got;
    farm_file_fn done;
    void *ctx;
};

static void artifact_read_free(void *ctx)
{
    struct artifact_read *read = ctx;

    sos_artifact_done(&read->artifact);
    free(read->name);
    free(read->version);
    free(read->file);
    free(read);
}

static void artifact_work(struct task *task)
{
    struct artifact_read *read = container_of(task, struct artifact_read, task);

    task->rc =
        artifacts_get(read->farm->read_db, read->name, read->version, &read->artifact, &task->err);
}

static void on_artifact(struct task *task)
{
    struct artifact_read *read = container_of(task, struct artifact_read, task);

    read->got(read->ctx, task->rc, &read->artifact, &task->err);
    artifact_read_free(read);
}

static struct artifact_read *artifact_read_new(struct farm *farm, const char *name,
                                               const char *version, void *ctx)
{
    struct artifact_read *read = xcalloc(1, sizeof *read);

    *read = (struct artifact_read){ .farm = farm, .ctx = ctx };
    read->name = xstrdup(name);
    read->version = xstrdup(version);
    return read;
}

void farm_artifact_get(struct farm *farm, const char *name, const char *version,
                       farm_artifact_get_fn done, void *ctx)
{
    struct artifact_read *read = artifact_read_new(farm, name, version, ctx);

    read->got = done;
    strand_post(farm->reader, &read->task, artifact_work, on_artifact);
}

static const struct sos_artifact_file *file_of(const struct artifact_read *read)
{
    for (size_t i = 0; i < read->artifact.files_count; i++)
        if (strcmp(read->artifact.files[i].path, read->file) == 0)
            return &read->artifact.files[i];
    return NULL;
}

static int fetch_make(void *ctx, int fd, struct err *err)
{
    struct artifact_read *read = ctx;

    return store_fetch(read->farm->store, &read->artifact, file_of(read), fd, err);
}

static void on_artifact_of_file(struct task *task)
{
    struct artifact_read *read = container_of(task, struct artifact_read, task);
    const struct sos_artifact_file *file = task->rc == 0 ? file_of(read) : NULL;

    if (file) {
        auto_free char *key = xasprintf("file-%s", file->sha256);
        cache_get(read->farm, read->farm->fetcher, key, fetch_make, artifact_read_free, read,
                  read->done, read->ctx);
        return;
    }
    if (task->rc == 0)
        task->rc = err_set(&task->err, ERR_NOT_FOUND, "%s@%s has no file %s", read->name,
                           read->version, read->file);
    read->done(read->ctx, task->rc, -1, 0, &task->err);
    artifact_read_free(read);
}

void farm_artifact_file(struct farm *farm, const char *name, const char *version, const char *file,
                        farm_file_fn done, void *ctx)
{
    struct artifact_read *read = artifact_read_new(farm, name, version, ctx);

    read->file = xstrdup(file);
    read->done = done;
    strand_post(farm->reader, &read->task, artifact_work, on_artifact_of_file);
}
