/* logs.c - an attempt's log: appended by its worker, followed by whoever asks. */
#include <string.h>

#include "server/farm/state.h"

/* --- appending --- */

struct append {
    struct task task;
    struct farm *farm;
    char build[ID_MAX];
    int attempt;
    int64_t offset;
    char *data;
    size_t len;
    int64_t size;
    farm_done_fn done;
    void *ctx;
};

static void append_work(struct task *task)
{
    struct append *append = container_of(task, struct append, task);

    append->size = -1;
    task->rc = log_append(append->farm->logs, append->build, append->attempt, append->offset,
                          append->data, append->len, &append->size, &task->err);
}

static void on_appended(struct task *task)
{
    struct append *append = container_of(task, struct append, task);
    struct farm *farm = append->farm;
    struct live *live = live_find(farm, append->build);

    if (live && live->build->msg.attempt == append->attempt && append->size > live->log_size) {
        metric_add(farm->count.log_bytes, (double)(append->size - live->log_size));
        live->log_size = append->size;
        waits_wake(farm, &live->log_waits);
    }
    append->done(append->ctx, task->rc, &task->err);
    free(append->data);
    free(append);
}

void farm_log_append(struct farm *farm, const char *attempt, int64_t fence, int64_t offset,
                     const void *data, size_t len, farm_done_fn done, void *ctx)
{
    struct err err = { 0 };
    struct live *live = attempt_live(farm, attempt, fence, &err);

    if (live && offset < 0)
        err_set(&err, ERR_INVALID, "a negative offset");
    if (err.code) {
        done(ctx, -(int)err.code, &err);
        return;
    }
    struct append *append = xcalloc(1, sizeof *append);
    *append = (struct append){ .farm = farm,
                               .attempt = live->build->msg.attempt,
                               .offset = offset,
                               .len = len,
                               .done = done,
                               .ctx = ctx };
    append->data = xmalloc(len + 1);
    memcpy(append->data, data, len);
    snprintf(append->build, sizeof append->build, "%s", live->build->msg.id);
    worker_seen(farm, live->build->msg.worker);
    strand_post(farm->appender, &append->task, append_work, on_appended);
}

/* --- reading --- */

struct log_read {
    struct task task;
    struct wait wait;
    struct farm *farm;
    char *build;
    int attempt;
    int64_t offset;
    int64_t until_mono_ms;
    int64_t revision; /* of the build, when we began to look; -1: it was not live */
    struct farm_log log;
    farm_log_fn done;
    void *ctx;
};

static void log_read_begin(struct log_read *read);

static void log_read_answer(struct log_read *read, int rc, const struct err *err)
{
    read->done(read->ctx, rc, &read->log, err);
    if (read->log.fd >= 0)
        close(read->log.fd);
    free(read->build);
    free(read);
}

/* Which attempt, and is it over?  A build that never was tried has a log without a byte. */
static int log_read_attempt(struct log_read *read, struct err *err)
{
    struct db *db = read->farm->read_db;
    struct build_row build;
    struct attempt_row row;
    int rc = builds_get(db, read->build, &build, err);

    if (rc < 0)
        return rc;
    free(read->build);
    read->build = xstrdup(build.msg.id);
    read->log.complete = build_is_final(build.msg.state);
    bool untried = build.msg.attempt == 0 && read->attempt == 0;
    build_row_done(&build);
    if (untried)
        return 0;
    rc = attempts_get(db, read->build, read->attempt, &row, err);
    if (rc < 0)
        return rc;
    read->log.attempt = row.attempt;
    read->log.complete = row.end_wall_ms > 0;
    attempt_row_done(&row);
    return 0;
}

static void log_read_work(struct task *task)
{
    struct log_read *read = container_of(task, struct log_read, task);

    read->log = (struct farm_log){ .fd = -1 };
    task->rc = log_read_attempt(read, &task->err);
    if (task->rc < 0 || read->log.attempt == 0)
        return;
    task->rc = log_open(read->farm->logs, read->build, read->log.attempt, &read->log.fd,
                        &read->log.size, &task->err);
    if (task->rc == -ERR_NOT_FOUND)
        task->rc = 0; /* not a byte yet */
}

static void on_log_woken(struct wait *wait)
{
    log_read_begin(container_of(wait, struct log_read, wait));
}

/* At the end of a log that still grows: wait, when there is time left. */
static bool log_read_waits(struct log_read *read)
{
    struct live *live = live_find(read->farm, read->build);

    if (!live || read->log.complete || read->offset < read->log.size)
        return false;
    if (read->log.attempt == live->build->msg.attempt && live->log_size > read->log.size)
        return false; /* it grew while we looked */
    if (read->log.fd >= 0)
        close(read->log.fd);
    read->log.fd = -1;
    if (live->build->revision != read->revision) {
        log_read_begin(read); /* it may have ended while we looked: nobody would wake us */
        return true;
    }
    return wait_begin(read->farm, &read->wait, &live->log_waits,
                      read->until_mono_ms - clock_mono_ms(), on_log_woken);
}

static void on_log_read(struct task *task)
{
    struct log_read *read = container_of(task, struct log_read, task);

    if (task->rc < 0 || !log_read_waits(read))
        log_read_answer(read, task->rc, &task->err);
}

static void log_read_begin(struct log_read *read)
{
    const struct live *live = live_find(read->farm, read->build);

    read->revision = live ? live->build->revision : -1;
    strand_post(read->farm->reader, &read->task, log_read_work, on_log_read);
}

void farm_log_get(struct farm *farm, const char *build, int attempt, int64_t offset,
                  int64_t wait_ms, farm_log_fn done, void *ctx)
{
    struct log_read *read = xcalloc(1, sizeof *read);

    *read = (struct log_read){ .farm = farm,
                               .attempt = attempt,
                               .offset = offset,
                               .done = done,
                               .ctx = ctx,
                               .log = { .fd = -1 } };
    read->build = xstrdup(build);
    read->until_mono_ms = clock_mono_ms() + wait_ms;
    log_read_begin(read);
}
