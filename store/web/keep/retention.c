#include "store/web/keep/retention.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/log.h"
#include "store/disk/retention.h"
#include "store/web/call.h"
#include "store/web/json.h"

enum { DAY_MS = 24 * 60 * 60 * 1000, FIRST_MS = 60 * 60 * 1000, TOLD_MAX = 10000 };

struct run {
    struct retention *retention;
    struct call *call; /* who asked; NULL: the timer */
    bool dry;
    struct task task;
    struct retention_place place;
    struct retention_finds finds;
    struct freed freed;
    size_t rule;  /* the one being looked after */
    size_t find;  /* the next to be removed */
    bool more;    /* of this rule's repository */
    bool changed; /* the last one stays */
    int64_t now_ms;
    int64_t items;
    int64_t files;
    int64_t bytes;
    json_t *list; /* of what goes, at most TOLD_MAX */
};

struct retention {
    struct store *store;
    struct retention_rule rules[RETENTION_RULES_MAX];
    size_t rules_count;
    uv_timer_t timer;
    struct run *run; /* one at a time; NULL */
    bool closing;
    bool timer_closed;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void run_look(struct run *run);

static const struct retention_rule *rule_of(const struct run *run)
{
    return &run->retention->rules[run->rule];
}

/* --- blocking work --- */

static void look_work(struct task *task)
{
    struct run *run = container_of(task, struct run, task);

    task->rc = retention_next(run->retention->store->reader_db, rule_of(run), run->now_ms,
                              &run->place, &run->finds, &task->err);
}

static void remove_work(struct task *task)
{
    struct run *run = container_of(task, struct run, task);

    task->rc = retention_remove(run->retention->store->writer_db, rule_of(run),
                                &run->finds.list[run->find], &run->freed, &task->err);
}

static void free_work(struct task *task)
{
    struct run *run = container_of(task, struct run, task);
    struct store *store = run->retention->store;

    for (size_t i = 0; i < run->freed.count; i++)
        if (pins_remove_blob(store->pins, store->blobs, store->reader_db, run->freed.list[i],
                             &task->err) < 0)
            task->rc = -ERR_IO; /* the sweep tries again */
}

/* --- events --- */

static void retention_end(struct retention *retention)
{
    if (!retention->closing || !retention->timer_closed || retention->run)
        return;
    void (*closed)(void *ctx) = retention->closed;
    void *ctx = retention->closed_ctx;
    retention->store->retention = NULL;
    free(retention);
    closed(ctx);
}

/* Nothing may be posted to a strand that is about to close. */
static bool run_must_stop(const struct run *run)
{
    return run->retention->closing || run->retention->store->stopping;
}

static void run_tell(struct run *run, int rc, const struct err *err)
{
    struct call *call = run->call;

    if (!call)
        return;
    call->task.rc = rc;
    if (rc < 0)
        call->task.err = *err;
    call->text =
        rc < 0
            ? NULL
            : json_take_text(json_pack("{s:b, s:I, s:I, s:b, s:O}", "dry", run->dry, "files",
                                       (json_int_t)run->files, "bytes", (json_int_t)run->bytes,
                                       "truncated", (size_t)run->items > json_array_size(run->list),
                                       "items", run->list));
    if (rc < 0)
        call_fail(call, "");
    else
        call_answer_text(call, 200, "application/json");
    call_let_go(call);
}

static void run_end(struct run *run, int rc, const struct err *err)
{
    struct retention *retention = run->retention;

    if (rc < 0)
        log_warn("retention", "stopped, going on tomorrow", "error=\"%s\"", err->text);
    if (!run->dry)
        log_info("retention", "removed", "files=%" PRId64 " bytes=%" PRId64, run->files,
                 run->bytes);
    run_tell(run, rc, err);
    retention_finds_done(&run->finds);
    freed_done(&run->freed);
    json_decref(run->list);
    retention->run = NULL;
    free(run);
    retention_end(retention);
}

static void find_count(struct run *run, const struct retention_find *find)
{
    const struct retention_rule *rule = rule_of(run);

    run->items++;
    run->files += find->files;
    run->bytes += find->bytes;
    if (!run->call || json_array_size(run->list) >= TOLD_MAX)
        return;
    auto_free char *path = xasprintf("%s/%s", find->at.repo, find->at.path);
    auto_free char *why =
        xasprintf("%" PRId64 " newer beside it, %" PRId64 " hours old", find->rank,
                  (run->now_ms - find->modified_ms) / (60 * 60 * 1000));
    json_array_append_new(run->list,
                          json_pack("{s:s, s:b, s:I, s:I, s:s, s:s}", "path", path, "folder",
                                    find->at.folder, "files", (json_int_t)find->files, "bytes",
                                    (json_int_t)find->bytes, "rule", rule->text, "why", why));
}

static void run_remove(struct run *run);

static void on_freed(struct task *task)
{
    struct run *run = container_of(task, struct run, task);

    freed_done(&run->freed);
    run_remove(run);
}

static void on_removed(struct task *task)
{
    struct run *run = container_of(task, struct run, task);
    struct store *store = run->retention->store;

    if (task->rc < 0 && task->rc != -ERR_CONFLICT) {
        run_end(run, task->rc, &task->err);
        return;
    }
    if (task->rc == 0)
        find_count(run, &run->finds.list[run->find]);
    if (task->rc <= 0)
        run->find++;
    if (run_must_stop(run))
        run_end(run, 0, NULL); /* the sweep frees the bytes */
    else
        strand_post(store->reader, &run->task, free_work, on_freed);
}

/* The next of what was found, or on with the walk. */
static void run_remove(struct run *run)
{
    struct store *store = run->retention->store;

    if (run->find < run->finds.count && !run->dry && !run_must_stop(run)) {
        strand_post(store->writer, &run->task, remove_work, on_removed);
        return;
    }
    for (; run->dry && run->find < run->finds.count; run->find++)
        find_count(run, &run->finds.list[run->find]);
    retention_finds_done(&run->finds);
    run->find = 0;
    if (!run->more) {
        run->rule++;
        run->place = (struct retention_place){ 0 };
    }
    run_look(run);
}

static void on_looked(struct task *task)
{
    struct run *run = container_of(task, struct run, task);

    if (task->rc < 0) {
        run_end(run, task->rc, &task->err);
        return;
    }
    run->more = task->rc > 0;
    run_remove(run);
}

static void run_look(struct run *run)
{
    if (run_must_stop(run) || run->rule == run->retention->rules_count)
        run_end(run, 0, NULL);
    else
        strand_post(run->retention->store->reader, &run->task, look_work, on_looked);
}

/* --- its beginning and end --- */

static void run_start(struct retention *retention, struct call *call, bool dry)
{
    struct run *run = retention->run = xcalloc(1, sizeof *run);

    run->retention = retention;
    run->call = call;
    run->dry = dry;
    run->now_ms = clock_wall_ms();
    run->list = json_array();
    freed_init(&run->freed);
    run_look(run);
}

static void on_timer(uv_timer_t *timer)
{
    struct retention *retention = container_of(timer, struct retention, timer);

    if (!retention->run && !retention->closing)
        run_start(retention, NULL, false);
}

static int rules_parse(struct retention *retention, const char *rules, struct err *err)
{
    auto_free char *list = xstrdup(rules);
    char *rest = list;
    int rc = 0;

    for (char *word; rc == 0 && (word = strsep(&rest, ",\n"));) {
        if (word[strspn(word, " \t")] == '\0')
            continue;
        if (retention->rules_count == RETENTION_RULES_MAX)
            return err_set(err, ERR_INVALID, "retention: more than %d rules", RETENTION_RULES_MAX);
        struct retention_rule *rule = &retention->rules[retention->rules_count++];
        rc = retention_parse(word, rule, err);
        if (rc == 0 && !store_repository(retention->store, rule->repo))
            rc = err_set(err, ERR_INVALID, "retention: there is no repository %s", rule->repo);
    }
    return rc;
}

int retention_new(struct store *store, const char *rules, struct retention **ret, struct err *err)
{
    struct retention *retention = xcalloc(1, sizeof *retention);

    retention->store = store;
    int rc = rules_parse(retention, rules, err);
    if (rc < 0)
        free(retention);
    else
        *ret = retention;
    return rc;
}

void retention_free(struct retention *retention)
{
    free(retention);
}

void retention_start(struct retention *retention)
{
    uv_timer_init(retention->store->loop, &retention->timer);
    uv_unref((uv_handle_t *)&retention->timer);
    uv_timer_start(&retention->timer, on_timer, FIRST_MS, DAY_MS);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct retention *retention = container_of((uv_timer_t *)handle, struct retention, timer);

    retention->timer_closed = true;
    retention_end(retention);
}

void retention_close(struct retention *retention, void (*closed)(void *ctx), void *ctx)
{
    retention->closing = true;
    retention->closed = closed;
    retention->closed_ctx = ctx;
    uv_close((uv_handle_t *)&retention->timer, on_timer_closed);
}

/* --- POST api/retention/run --- */

void retention_call(struct call *call)
{
    struct retention *retention = call->store->retention;

    if (retention->run) {
        call_error(call, 409, "Retention is at work already");
        return;
    }
    call_hold(call);
    run_start(retention, call, call_flag(call, "dry", false));
}
