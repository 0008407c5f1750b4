#include "store/web/keep/counter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/log.h"
#include "store/disk/downloads.h"

enum {
    WAIT_MS = 1000,
    SLOTS = 4096,          /* a power of two */
    SLOTS_USED_MAX = 3072, /* then they are written at once */
    WRITES_MAX = 4,        /* at a time; then what has no slot is not counted */
};

struct slot {
    int64_t item; /* 0: free */
    char sha256[SHA256_HEX];
    struct downloads downloads;
};

struct counter {
    struct store *store;
    struct slot *slots; /* owned */
    size_t used;
    int writes; /* on the writer's strand */
    uv_timer_t timer;
    void (*closed)(void *ctx); /* NULL: open */
    void *closed_ctx;
};

/* What was counted up to now, on its way. */
struct write {
    struct counter *counter;
    struct slot *slots; /* owned */
    struct task task;
};

/* --- blocking work (the writer's strand) --- */

static void write_work(struct task *task)
{
    struct write *write = container_of(task, struct write, task);
    struct db *db = write->counter->store->writer_db;

    for (size_t i = 0; i < SLOTS && task->rc == 0; i++) {
        const struct slot *slot = &write->slots[i];
        if (slot->item)
            task->rc = downloads_add(db, slot->item, slot->sha256, &slot->downloads, &task->err);
    }
}

/* --- events --- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct counter *counter = container_of((uv_timer_t *)handle, struct counter, timer);
    void (*closed)(void *ctx) = counter->closed;
    void *ctx = counter->closed_ctx;

    free(counter->slots);
    free(counter);
    closed(ctx);
}

static void counter_end(struct counter *counter)
{
    if (counter->closed && counter->writes == 0)
        uv_close((uv_handle_t *)&counter->timer, on_timer_closed);
}

static void on_written(struct task *task)
{
    struct write *write = container_of(task, struct write, task);
    struct counter *counter = write->counter;

    if (task->rc < 0)
        log_warn("store", "downloads not counted, going on", "error=\"%s\"", task->err.text);
    free(write->slots);
    free(write);
    counter->writes--;
    counter_end(counter);
}

static void on_timer(uv_timer_t *timer)
{
    counter_write(container_of(timer, struct counter, timer));
}

/* --- counting --- */

struct counter *counter_new(struct store *store)
{
    struct counter *counter = xcalloc(1, sizeof *counter);

    counter->store = store;
    counter->slots = xcalloc(SLOTS, sizeof *counter->slots);
    uv_timer_init(store->loop, &counter->timer);
    uv_unref((uv_handle_t *)&counter->timer);
    return counter;
}

static struct slot *slot_of(struct counter *counter, const struct item *item)
{
    size_t at = (size_t)item->id * 2654435761u;

    for (;; at++) {
        struct slot *slot = &counter->slots[at % SLOTS];
        if (slot->item == item->id)
            return slot;
        if (slot->item != 0)
            continue;
        if (counter->used >= SLOTS_USED_MAX)
            return NULL;
        counter->used++;
        slot->item = item->id;
        return slot;
    }
}

void counter_add(struct counter *counter, const struct item *item, const char *user, int64_t now_ms)
{
    struct slot *slot = slot_of(counter, item);

    if (!slot)
        return;
    memcpy(slot->sha256, item->digests.sha256, sizeof slot->sha256);
    slot->downloads.count++;
    slot->downloads.last_ms = now_ms;
    if (strcmp(slot->downloads.last_by, user) != 0)
        snprintf(slot->downloads.last_by, sizeof slot->downloads.last_by, "%s", user);
    if (counter->used >= SLOTS_USED_MAX)
        counter_write(counter);
    else if (!uv_is_active((uv_handle_t *)&counter->timer))
        uv_timer_start(&counter->timer, on_timer, WAIT_MS, 0);
}

void counter_write(struct counter *counter)
{
    if (counter->used == 0 || counter->writes == WRITES_MAX)
        return;
    struct write *write = xcalloc(1, sizeof *write);

    write->counter = counter;
    write->slots = counter->slots;
    counter->slots = xcalloc(SLOTS, sizeof *counter->slots);
    counter->used = 0;
    counter->writes++;
    uv_timer_stop(&counter->timer);
    strand_post(counter->store->writer, &write->task, write_work, on_written);
}

void counter_close(struct counter *counter, void (*closed)(void *ctx), void *ctx)
{
    counter_write(counter);
    counter->closed = closed;
    counter->closed_ctx = ctx;
    counter_end(counter);
}
