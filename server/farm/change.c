/* change.c - one change of one build: prepared on a copy, committed, then true. */
#include <assert.h>

#include "server/farm/state.h"

static void change_start(struct live *live);

void change_post(struct live *live, struct change *change)
{
    struct err err = { 0 };

    change->live = live;
    change->next = NULL;
    if (live->changes_count >= FARM_CHANGES_MAX) {
        int rc = err_set(&err, ERR_LIMIT, "too many changes of this build wait");
        change->told(change, rc, &err);
        return;
    }
    list_append(&live->changes, &change->link);
    live->changes_count++;
    change_start(live);
}

int change_apply(struct change *change, const struct build_move *move, const char *subject,
                 struct err *err)
{
    int rc = build_apply(change->next, move, err);

    if (rc == 0)
        change->event = (struct history_event){
            .name = build_event_name(move->event),
            .wall_ms = move->now_wall_ms,
            .subject = subject,
            .detail = move->reason,
        };
    return rc;
}

/* --- blocking work --- */

static void change_work(struct task *task)
{
    struct change *change = container_of(task, struct change, task);
    struct db *db = change->live->farm->db;
    struct build_row row = live_row(change->next);

    task->rc = builds_save(db, &row, change->event.name ? &change->event : NULL, &task->err);
    if (task->rc == 0 && change->also)
        task->rc = change->also(change, db, &task->err);
}

/* --- events --- */

static void change_over(struct change *change, int rc, const struct err *err)
{
    struct live *live = change->live;

    build_free(change->next);
    change->next = NULL;
    change->told(change, rc,
                 err); /* what it posts for this build waits, and it may free the change */
    live->running = NULL;
    change_start(live);
}

static void on_saved(struct task *task)
{
    struct change *change = container_of(task, struct change, task);
    struct live *live = change->live;

    struct farm *farm = live->farm;
    struct err err = task->err;
    int rc = task->rc;

    if (rc < 0) {
        log_warn("build", "change not saved", "build=%s why=\"%s\"", live->build->msg.id, err.text);
        if (rc == -ERR_FULL)
            farm->full_until_mono_ms = clock_mono_ms() + FARM_FULL_PAUSE_MS;
    } else {
        change->next->lease_until_mono_ms =
            live->build->lease_until_mono_ms; /* renewed meanwhile */
        live_leave(live);
        build_replace(live->build, take_ptr(change->next));
        live_enter(live);
    }
    change_over(change, rc, &err);
    farm_dispatch(farm);
}

/* --- the machine --- */

/* Begins the next change that is not refused; drops the build when it is final and none is left. */
static void change_start(struct live *live)
{
    struct farm *farm = live->farm;
    struct list *link;

    if (live->running)
        return;
    if (!(link = list_pop(&live->changes))) {
        live_drop_final(live);
        return;
    }
    live->changes_count--;
    struct change *change = list_item(link, struct change, link);
    struct err err = { 0 };
    live->running = change;
    change->next = build_copy(live->build);
    int rc = change->prepare(change, &err);
    if (rc != 0)
        change_over(change, rc < 0 ? rc : 0, &err);
    else
        strand_post(farm->writer, &change->task, change_work, on_saved);
}
